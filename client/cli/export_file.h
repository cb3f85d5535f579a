// The file that an export goes into, and where a partial one is taken up again. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/cli/text.h"

namespace redpoints::cli {

enum class ExportFile { kJsonLines, kCsv };

// An export that was cut short. Its last whole entry is asked for again, so that the file can be compared with the journal before
// anything is added to it.
struct PartialExport {
  std::int64_t start_sequence = 0;  // to be asked for
  std::string after;                // number of the entry before the one that is asked for; empty: that is the first
  std::int64_t tail_begin = 0;      // where the entry that is asked for begins in the file, in bytes
  std::string tail;                 // the file from there on
};

// Reads a partial export and changes nothing. An absent or empty file begins at `start_sequence`. An entry is a line of JSON, but
// several rows of CSV, of which the last may be missing unseen. INVALID_ARGUMENT if the file does not begin with entry
// `start_sequence` or is no such export.
absl::StatusOr<PartialExport> ReadPartialExport(const std::string& path, ExportFile kind, std::int64_t start_sequence, const Text& t);

// How many bytes the first entry takes, number `sequence`, of an export that begins with it: with a header before it, and to the end where
// no other entry follows.
std::size_t FirstEntryBytes(std::string_view data, ExportFile kind, std::int64_t sequence);

}  // namespace redpoints::cli
