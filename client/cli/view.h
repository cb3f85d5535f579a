// A message of the contract as a person reads it, and as a script does. Pure functions, any thread.
#pragma once

#include <string>

#include "client/cli/text.h"
#include "google/protobuf/message.h"

namespace redpoints::cli {

// The set fields as lines of "label  value", lists of messages as tables, times in Asia/Shanghai, amounts with thousands
// separators. Where a field comes in both languages, only the one asked for shows.
std::string RenderMessage(const google::protobuf::Message& message, const Text& t);

// One line of protobuf JSON with the field names of the contract, zeros included.
std::string RenderJson(const google::protobuf::Message& message);

}  // namespace redpoints::cli
