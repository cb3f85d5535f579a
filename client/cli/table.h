// Text in columns for a terminal, where a Chinese character is as wide as two Latin ones. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redpoints::cli {

// Columns that `text` (UTF-8) takes on a terminal: 2 for wide characters, 0 for combining ones, 1 for every other and for broken
// bytes.
int DisplayWidth(std::string_view text);

// 1234567 as "1,234,567", with two decimals as "12,345.67".
std::string WithThousands(std::int64_t value, int decimals = 0);

enum class Align { kLeft, kRight };

struct Column {
  std::string header;
  Align align = Align::kLeft;
};

// A header, a rule and the rows, each ended by a newline, two spaces between columns, none at a line's end. Every row has as many
// cells as there are columns; a newline within a cell becomes a space.
std::string RenderTable(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);

// Lines of "label  value", the values below each other.
std::string RenderPairs(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace redpoints::cli
