// The file that an export goes into, and where a partial one is taken up again. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/text.h"

namespace redpoints::cli {

enum class ExportFile { kJsonLines, kCsv };

// Cuts a partial export back to its whole entries and says which comes next: `start_sequence` for an absent or empty file. An entry
// is a line of JSON, but several rows of CSV, of which the last may be missing unseen: the last entry of a CSV file is always cut
// off, to be written again. INVALID_ARGUMENT, with the file as it was, if it does not begin with entry `start_sequence` or is no
// such export.
absl::StatusOr<std::int64_t> TakeUpPartialFile(const std::string& path, ExportFile kind, std::int64_t start_sequence,
                                               const Text& t);

}  // namespace redpoints::cli
