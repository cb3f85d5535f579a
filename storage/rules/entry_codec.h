// The stored form of an entry: one line of JSON, fixed key order, no spaces, integers only, at most kLineBytesMax bytes, without newline.
// These bytes are hashed, stored and exported; they are never made a second time from a parsed entry. Golden bytes: tests/golden.jsonl.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/rules/entry.h"

namespace redpoints {

// A line's "v" is the smallest version that holds its entry; this program reads and writes those up to kLineVersion.
inline constexpr std::int64_t kLineVersion = 1;
std::int64_t LineVersion(const Entry& entry);

// Appends the line. About a microsecond, no allocation beyond `line`'s growth.
void AppendLine(const Entry& entry, std::string& line);

// Whether the line has at most kLineBytesMax bytes. Cheap for entries that are far from it.
bool FitsLine(const Entry& entry);

// Reads a line strictly: only lines that AppendLine writes are taken. INVALID_ARGUMENT names the field; UNIMPLEMENTED: a newer program wrote
// it (a higher "v"), which is no damage. Any bytes are safe input.
absl::StatusOr<Entry> ParseLine(std::string_view line);

// The first field, by its key in the line, in which two entries differ; empty when they are equal.
std::string FirstDifference(const Entry& a, const Entry& b);

// The registration alone, as in the line's "data"; used for derived rows. The kind says which.
void AppendRegistration(const Registration& registration, std::string& json);
absl::StatusOr<Registration> ParseRegistration(std::string_view json);

}  // namespace redpoints
