// Comma-separated values as spreadsheets write them (RFC 4180): UTF-8, with or without a byte order mark, LF or CRLF, quoted fields
// that may hold commas, quotes and line breaks. Pure function, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/text.h"

namespace redpoints::cli {

struct CsvRow {
  int line = 0;                     // of the file, from 1, where the row begins
  std::vector<std::string> fields;  // without spaces around unquoted ones
};

// All rows but empty ones. INVALID_ARGUMENT, naming the line, for a quote that never ends or text that is not UTF-8 (a
// spreadsheet's "CSV" is often GBK; "CSV UTF-8" is what is wanted).
absl::StatusOr<std::vector<CsvRow>> ParseCsv(std::string_view text, const Text& t);

// The message of an error in a line: "第 3 行: ..." or "line 3: ...".
std::string AtLine(int line, const std::string& message, const Text& t);

}  // namespace redpoints::cli
