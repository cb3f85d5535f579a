#include "client/cli/csv.h"

#include <utility>

#include "absl/strings/ascii.h"

namespace redpoints::cli {
namespace {

// The length of the valid UTF-8 character at the beginning of `text`; 0 if there is none.
std::size_t CharacterLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80                   ? 1U
                             : lead >= 0xC2 && lead < 0xE0 ? 2U
                             : lead >= 0xE0 && lead < 0xF0 ? 3U
                             : lead >= 0xF0 && lead < 0xF5 ? 4U
                                                           : 0U;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

int FirstLineNotUtf8(std::string_view text) {
  int line = 1;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    if (length == 0) return line;
    line += text[0] == '\n';
    text.remove_prefix(length);
  }
  return 0;
}

}  // namespace

std::string AtLine(int line, const std::string& message, const Text& t) {
  return t("第 ", "line ") + std::to_string(line) + t(" 行: ", ": ") + message;
}

absl::StatusOr<std::vector<CsvRow>> ParseCsv(std::string_view text, const Text& t) {
  if (const int line = FirstLineNotUtf8(text); line != 0) {
    return absl::InvalidArgumentError(AtLine(line, t("不是 UTF-8 编码,请另存为“CSV UTF-8”", "not UTF-8; save as \"CSV UTF-8\""), t));
  }
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  std::vector<CsvRow> rows;
  int line = 1;
  CsvRow row{.line = line, .fields = {}};
  std::string field;
  bool is_quoted = false;  // the field began with a quote
  bool is_in_quotes = false;
  const auto end_field = [&] {
    if (!is_quoted) field = std::string(absl::StripAsciiWhitespace(field));
    row.fields.push_back(std::move(field));
    field.clear();
    is_quoted = false;
  };
  const auto end_row = [&] {
    end_field();
    const bool is_empty = row.fields.size() == 1 && row.fields[0].empty();
    if (!is_empty) rows.push_back(std::move(row));
    row = {.line = line, .fields = {}};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (is_in_quotes) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[++i];
      } else {
        is_in_quotes = false;
      }
    } else if (c == '"' && field.empty() && !is_quoted) {
      is_quoted = is_in_quotes = true;
    } else if (c == ',') {
      end_field();
    } else if (c == '\n') {
      end_row();
    } else if (c != '\r') {
      field += c;
    }
  }
  if (is_in_quotes) return absl::InvalidArgumentError(AtLine(row.line, t("引号没有结束", "a quote does not end"), t));
  end_row();
  return rows;
}

}  // namespace redpoints::cli
