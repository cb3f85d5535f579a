// The file that an export goes into, and where a partial one is taken up again. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/text.h"

namespace redpoints::cli {

// Cuts a partial JSON Lines export back to its whole lines and says which entry comes next: `start_sequence` for an absent or empty
// file. INVALID_ARGUMENT if its first line is not entry `start_sequence`, or a line is no entry.
absl::StatusOr<std::int64_t> TakeUpPartialFile(const std::string& path, std::int64_t start_sequence, const Text& t);

}  // namespace redpoints::cli
