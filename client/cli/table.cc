#include "client/cli/table.h"

#include <algorithm>
#include <utility>

#include "proto/contract/amount.h"

namespace redpoints::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// East Asian wide and fullwidth blocks (Unicode TR 11), as far as names, sentences and emoji need them.
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x4DBF},   {0x4E00, 0xA4CF},  {0xA960, 0xA97F},
                           {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6},
                           {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
constexpr Range kZeroWidth[] = {{0x0300, 0x036F}, {0x200B, 0x200F}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}};

template <std::size_t N> bool IsIn(const Range (&ranges)[N], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges), [c](const Range& range) { return c >= range.first && c <= range.last; });
}

// The character at `*position`, which moves behind it. A broken byte stands for itself.
char32_t NextCharacter(std::string_view text, std::size_t* position) {
  const auto lead = static_cast<unsigned char>(text[*position]);
  const std::size_t length = lead < 0xC0 ? 1U : lead < 0xE0 ? 2U : lead < 0xF0 ? 3U : 4U;
  if (length == 1 || *position + length > text.size()) {
    ++*position;
    return lead;
  }
  char32_t c = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) c = c << 6 | (static_cast<unsigned char>(text[*position + i]) & 0x3FU);
  *position += length;
  return c;
}

std::string Padded(const std::string& text, int width, Align align) {
  const std::string pad(static_cast<std::size_t>(std::max(0, width - DisplayWidth(text))), ' ');
  return align == Align::kLeft ? text + pad : pad + text;
}

void AppendLine(std::string line, std::string* out) {
  line.erase(line.find_last_not_of(' ') + 1);
  *out += line + '\n';
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

int DisplayWidth(std::string_view text) {
  int width = 0;
  for (std::size_t position = 0; position < text.size();) {
    const char32_t c = NextCharacter(text, &position);
    width += IsIn(kWide, c) ? 2 : IsIn(kZeroWidth, c) ? 0 : 1;
  }
  return width;
}

std::string WithThousands(std::int64_t value, int decimals) {
  std::string digits = FormatAmount(value, decimals);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t i = std::min(digits.find('.'), digits.size()); i > first + 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

std::string RenderTable(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    int width = DisplayWidth(columns[i].header);
    for (const auto& row : rows) width = std::max(width, DisplayWidth(row[i]));
    widths.push_back(width);
  }
  std::string out;
  std::string header;
  std::string rule;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    header += Padded(columns[i].header, widths[i], columns[i].align) + "  ";
    rule += std::string(static_cast<std::size_t>(widths[i]), '-') + "  ";
  }
  AppendLine(header, &out);
  AppendLine(rule, &out);
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) line += Padded(OneLine(row[i]), widths[i], columns[i].align) + "  ";
    AppendLine(line, &out);
  }
  return out;
}

std::string RenderPairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  int width = 0;
  for (const auto& [label, value] : pairs) width = std::max(width, DisplayWidth(label));
  std::string out;
  for (const auto& [label, value] : pairs) AppendLine(Padded(label, width, Align::kLeft) + "  " + OneLine(value), &out);
  return out;
}

}  // namespace redpoints::cli
