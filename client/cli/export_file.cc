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

absl::StatusOr<PartialFile> LookAtPartialFile(const std::string& path, ExportFile kind, std::int64_t start_sequence, const Text& t) {
  PartialFile partial{.start_sequence = start_sequence, .next_sequence = start_sequence, .kept_bytes = 0, .tail = ""};
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return partial;
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return absl::InvalidArgumentError(t("无法读取文件", "cannot read the file"));

  // The first line with an entry: CSV that begins with entry 0 has a header before it.
  std::string line;
  std::int64_t body_begin = 0;
  std::getline(file, line);
  if (kind == ExportFile::kCsv && start_sequence == 0 && !file.eof()) {
    if (!line.starts_with("\xEF\xBB\xBF")) return NotAnExport(t);
    body_begin = static_cast<std::int64_t>(line.size()) + 1;
    std::getline(file, line);
  }
  if (!file.eof()) {
    const auto first = SequenceOf(line, kind, t);
    if (!first.ok()) return first.status();
    if (*first != start_sequence) {
      return absl::InvalidArgumentError(
          absl::StrCat(t("文件的第一条是 ", "the file begins with entry "), *first, t(",不是 ", ", not "), start_sequence));
    }
  }

  const std::int64_t end_begin = std::max(body_begin, size - kTailBytes);
  std::string end(static_cast<std::size_t>(size - end_begin), '\0');
  file.clear();
  file.seekg(end_begin);
  file.read(end.data(), static_cast<std::streamsize>(end.size()));
  // Behind the last whole line a cut may have left a part of one.
  std::string_view rest = std::string_view(end).substr(0, end.rfind('\n') + 1);
  if (!rest.empty()) {
    const auto last = SequenceOf(LastLine(rest), kind, t);
    if (!last.ok()) return last.status();
    partial.start_sequence = *last;
    partial.next_sequence = kind == ExportFile::kCsv ? *last : *last + 1;
    for (auto each = last; !rest.empty() && *each == *last;) {
      rest.remove_suffix(LastLine(rest).size() + 1);
      if (rest.empty() || kind == ExportFile::kJsonLines) break;
      each = SequenceOf(LastLine(rest), kind, t);
      if (!each.ok()) return each.status();
    }
  }
  if (rest.empty() && end_begin > body_begin) return NotAnExport(t);  // an entry is shorter
  partial.kept_bytes = rest.empty() ? 0 : end_begin + static_cast<std::int64_t>(rest.size());
  partial.tail.resize(static_cast<std::size_t>(size - partial.kept_bytes));
  file.seekg(partial.kept_bytes);
  file.read(partial.tail.data(), static_cast<std::streamsize>(partial.tail.size()));
  if (!file) return absl::InvalidArgumentError(t("无法读取文件", "cannot read the file"));
  return partial;
}

}  // namespace redpoints::cli
