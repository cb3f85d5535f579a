#include "client/cli/export_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "simdjson.h"

namespace redpoints::cli {
namespace {

// More than any entry takes with its newline.
constexpr std::int64_t kTailBytes = 64 << 10;

absl::StatusOr<std::int64_t> SequenceOf(std::string_view line, const Text& t) {
  simdjson::dom::parser parser;
  std::int64_t sequence = 0;
  if (parser.parse(line.data(), line.size())["seq"].get(sequence) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(t("文件不是本程序导出的 JSON Lines", "the file is not an export in JSON Lines"));
  }
  return sequence;
}

}  // namespace

absl::StatusOr<std::int64_t> TakeUpPartialFile(const std::string& path, std::int64_t start_sequence, const Text& t) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return start_sequence;
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return absl::InvalidArgumentError(t("无法读取文件", "cannot read the file"));

  std::string first_line;
  std::getline(file, first_line);
  const bool is_whole = !file.eof();
  file.clear();
  const std::int64_t tail_begin = std::max<std::int64_t>(0, size - kTailBytes);
  file.seekg(tail_begin);
  std::string tail(static_cast<std::size_t>(size - tail_begin), '\0');
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  file.close();

  // A cut may have left a part of a line at the end.
  const auto last_newline = is_whole ? tail.rfind('\n') : std::string::npos;
  const std::int64_t kept = last_newline == std::string::npos ? 0 : tail_begin + static_cast<std::int64_t>(last_newline) + 1;
  if (kept == 0 && size > kTailBytes) {
    return absl::InvalidArgumentError(t("文件不是本程序导出的 JSON Lines", "the file is not an export in JSON Lines"));
  }
  std::int64_t next_sequence = start_sequence;
  if (kept > 0) {
    const auto first = SequenceOf(first_line, t);
    if (!first.ok()) return first.status();
    if (*first != start_sequence) {
      return absl::InvalidArgumentError(
          absl::StrCat(t("文件的第一条是 ", "the file begins with entry "), *first, t(",不是 ", ", not "), start_sequence));
    }
    const std::string_view whole_lines = std::string_view(tail).substr(0, last_newline);
    const auto before = whole_lines.rfind('\n');
    const auto last = SequenceOf(before == std::string_view::npos ? whole_lines : whole_lines.substr(before + 1), t);
    if (!last.ok()) return last.status();
    next_sequence = *last + 1;
  }
  std::filesystem::resize_file(path, static_cast<std::uintmax_t>(kept), error);
  if (error) return absl::InvalidArgumentError(t("无法写入文件", "cannot write the file"));
  return next_sequence;
}

}  // namespace redpoints::cli
