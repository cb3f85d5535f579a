#include "client/cli/export_file.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "simdjson.h"

namespace redpoints::cli {
namespace {

// More than two entries take, with their newlines: 4,096 bytes of JSON each, and CSV repeats an entry's columns for each posting.
constexpr std::int64_t kTailBytes = 1 << 20;

absl::Status NotAnExport(const Text& t) {
  return absl::InvalidArgumentError(t("文件不是本程序导出的", "the file is not an export of this kind"));
}

// The number of the entry that the line belongs to.
absl::StatusOr<std::int64_t> SequenceOf(std::string_view line, ExportFile kind, const Text& t) {
  std::int64_t sequence = 0;
  if (kind == ExportFile::kCsv) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), sequence);
    if (error != std::errc() || end == line.data() + line.size() || *end != ',') return NotAnExport(t);
    return sequence;
  }
  simdjson::dom::parser parser;
  if (parser.parse(line.data(), line.size())["seq"].get(sequence) != simdjson::SUCCESS) return NotAnExport(t);
  return sequence;
}

// The last line of whole lines, without its newline.
std::string_view LastLine(std::string_view lines) {
  lines.remove_suffix(1);
  const auto before = lines.rfind('\n');
  return before == std::string_view::npos ? lines : lines.substr(before + 1);
}

}  // namespace

absl::StatusOr<std::int64_t> TakeUpPartialFile(const std::string& path, ExportFile kind, std::int64_t start_sequence,
                                               const Text& t) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return start_sequence;
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return absl::InvalidArgumentError(t("无法读取文件", "cannot read the file"));

  // The first line with an entry: CSV that begins with entry 0 has a header before it.
  std::string line;
  std::int64_t header_bytes = 0;
  std::getline(file, line);
  if (kind == ExportFile::kCsv && start_sequence == 0 && !file.eof()) {
    if (!line.starts_with("\xEF\xBB\xBF")) return NotAnExport(t);
    header_bytes = static_cast<std::int64_t>(line.size()) + 1;
    std::getline(file, line);
  }
  const bool is_whole = !file.eof();
  if (is_whole) {
    const auto first = SequenceOf(line, kind, t);
    if (!first.ok()) return first.status();
    if (*first != start_sequence) {
      return absl::InvalidArgumentError(
          absl::StrCat(t("文件的第一条是 ", "the file begins with entry "), *first, t(",不是 ", ", not "), start_sequence));
    }
  }

  const std::int64_t tail_begin = std::max(header_bytes, size - kTailBytes);
  std::string tail(static_cast<std::size_t>(std::max<std::int64_t>(0, size - tail_begin)), '\0');
  file.clear();
  file.seekg(tail_begin);
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  file.close();
  // A cut may have left a part of a line at the end.
  std::string_view lines = tail;
  lines = lines.substr(0, is_whole ? lines.rfind('\n') + 1 : 0);
  std::int64_t next_sequence = start_sequence;
  if (!lines.empty()) {
    const auto last = SequenceOf(LastLine(lines), kind, t);
    if (!last.ok()) return last.status();
    next_sequence = *last + 1;
    if (kind == ExportFile::kCsv) {
      next_sequence = *last;
      for (;;) {
        lines.remove_suffix(LastLine(lines).size() + 1);
        if (lines.empty()) break;
        const auto before = SequenceOf(LastLine(lines), kind, t);
        if (!before.ok()) return before.status();
        if (*before != *last) break;
      }
    }
  }
  if (lines.empty() && tail_begin > header_bytes) return NotAnExport(t);
  const std::int64_t kept = lines.empty() ? 0 : tail_begin + static_cast<std::int64_t>(lines.size());
  std::filesystem::resize_file(path, static_cast<std::uintmax_t>(kept), error);
  if (error) return absl::InvalidArgumentError(t("无法写入文件", "cannot write the file"));
  return next_sequence;
}

}  // namespace redpoints::cli
