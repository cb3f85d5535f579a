// The file that an export goes into, and where a partial one is taken up again. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/cli/text.h"

namespace redpoints::cli {

enum class ExportFile { kJsonLines, kCsv };

// How a partial export goes on: its last entry is asked for again, to see that file and journal are the same, and written again.
struct PartialFile {
  std::int64_t start_sequence = 0;  // to ask from
  std::int64_t next_sequence = 0;   // the first entry that the file does not surely have whole
  std::int64_t kept_bytes = 0;      // what stands before `tail`
  std::string tail;                 // what the file has of the export from start_sequence on; empty: nothing

  // Whether `data`, with which the export goes on from start_sequence, is what the file has there already, as far as both go.
  bool IsBeginningOf(std::string_view data) const { return data.substr(0, tail.size()) == tail.substr(0, data.size()); }
};

// Looks at the file, which it leaves alone; an absent or empty one begins with `start_sequence`. An entry is a line of JSON, but several rows
// of CSV, of which the last may be missing unseen. INVALID_ARGUMENT if the file does not begin with entry `start_sequence` or is no such
// export.
absl::StatusOr<PartialFile> LookAtPartialFile(const std::string& path, ExportFile kind, std::int64_t start_sequence, const Text& t);

}  // namespace redpoints::cli
