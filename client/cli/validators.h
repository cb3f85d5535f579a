// What an option's value may be, checked while the command line is read and told in the reader's language; and the choices there
// are, for completion. Pure functions, any thread.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/text.h"

namespace redpoints::cli {

// Whole numbers. (CLI11's own PositiveNumber compares as floating point.)
CLI::Validator AtLeast(std::int64_t min, const Text& t);
CLI::Validator Between(std::int64_t min, std::int64_t max, const Text& t);

CLI::Validator OneOf(const std::vector<std::string>& choices, const Text& t);

// A value that `check` accepts; `choices` ("a, b", or empty) are what is offered.
CLI::Validator Checked(std::function<absl::Status(const std::string&)> check, const std::string& choices);

template <class Enum> CLI::Validator OneOfEnum(const Text& t) {
  return Checked([t](const std::string& text) { return ParseEnum<Enum>(text, t).status(); },
                 EnumChoices(*google::protobuf::GetEnumDescriptor<Enum>()));
}

// What may be given to `option`; empty when that can't be listed.
std::vector<std::string> ChoicesOf(const CLI::Option& option);

}  // namespace redpoints::cli
