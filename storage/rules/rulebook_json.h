// The JSON of a rulebook: strict when it is read, and of one form when it is written, so that nobody reads other rules in it than we do.
//
// What is hashed, stored and exported is Canonical of what ParseStrict took. It is also plain proto3 JSON: any reader of that has the same
// message. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace redpoints {

// Reads `json` into `message`, whatever it held before. White space, the order of keys, escapes in strings and whether a default is written
// out are free, but nothing can be read in two ways:
//
//   - a key is the name of a field as the proto has it (price_points; no pricePoints), at most once in its object;
//   - an integer is written as such and in range (30; no "30", 3e1, 30.0); an enum is the name of a value, a bool true or false;
//   - a string has no control characters (Unicode's Cc);
//   - null is nowhere, and objects are at most 8 deep, the outermost included.
//
// Any bytes are safe. RULEBOOK_INVALID names the field by its path ("activities[3].earnings[0].unit"; "rulebook_json" where there is no JSON
// at all) and what was expected there; `message` is then unspecified. Its fields have to be such as rulebooks have: 32-bit and 64-bit
// integers, bools, strings, enums, messages and lists of these, none in a oneof.
absl::Status ParseStrict(std::string_view json, google::protobuf::Message& message);

// The one form of `message`: keys in the order in which the proto declares the fields, no white space, nothing that has its default, numbers
// for 64-bit integers too, and in strings only " and \ escaped. ParseStrict reads an equal message from it. Requires a message that
// ParseStrict could have read.
std::string Canonical(const google::protobuf::Message& message);

}  // namespace redpoints
