// JSON of a rulebook, strictly: one reading for everybody, and one form of its bytes. For any protobuf message of numbers, words, enums and
// messages; no maps, oneofs or bytes. Pure; any bytes are safe input.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace redpoints {

// Reads `json` into `message`: keys are the field names of the proto and stand once, whole numbers are JSON integers, enum values their names,
// texts UTF-8 without control characters; null is nothing. RULEBOOK_INVALID names the field ("activities[3].earnings[0].unit") and what was
// expected there; `message` is then of no use.
absl::Status ParseStrict(std::string_view json, google::protobuf::Message& message);

// The one form: no white space, keys in the order of the proto, defaults left out, integers as JSON integers, enum values by name.
// ParseStrict reads it back; so does every reader of protobuf's own JSON.
std::string Canonical(const google::protobuf::Message& message);

}  // namespace redpoints
