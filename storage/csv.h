// The ledger as a table for people: one row for each posting, UTF-8 with BOM, zh-CN headers, CRLF, so that Excel and WPS open it. For reading
// only; evidence is the JSON Lines export. Pure functions: the same entries give the same bytes.
#pragma once

#include <string>
#include <string_view>

#include "storage/rules/entry.h"

namespace redpoints {

// The BOM and the header row.
std::string CsvHeader();

// The rows of one entry: one for each posting, one with empty posting cells when there is none.
void AppendCsv(const Entry& entry, std::string& out);

// A text cell: quoted where needed, and made harmless where a spreadsheet would take it for a formula (= + - @ TAB CR in front).
void AppendCsvText(std::string_view text, std::string& out);

}  // namespace redpoints
