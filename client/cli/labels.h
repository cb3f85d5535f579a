// The words for fields and enum values of the contract, in both languages. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/cli/text.h"
#include "google/protobuf/descriptor.h"
#include "proto/contract/reason.h"

namespace redpoints::cli {

// "available_change" is "可用变动" or "available change".
std::string FieldLabel(const std::string& name, const Text& t);

// A fact of a refusal: "还差 30" or "short_by=30". Points with their decimals, cash in 元.
std::string FactText(Reason reason, const std::string& key, const std::string& value, int points_decimals, const Text& t);

// PARTY_VANGUARD is "先锋党员" or "party-vanguard", the form that a command line takes. Empty for the unspecified value.
std::string EnumLabel(const google::protobuf::EnumValueDescriptor& value, const Text& t);

// The number of the value that `text` names: its name or stored word in any case, with "-" or "_", or its Chinese word.
std::optional<int> EnumNumber(const google::protobuf::EnumDescriptor& type, std::string_view text);

// "party-vanguard, residents, ...": what may be given.
std::string EnumChoices(const google::protobuf::EnumDescriptor& type);

}  // namespace redpoints::cli
