#include "client/cli/export_file.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "simdjson.h"

namespace redpoints::cli {
namespace {

// More than two entries take, with their newlines: 4,096 bytes of JSON each, and CSV repeats an entry's columns for each posting.
constexpr std::int64_t kTailBytes = 1 << 20;

absl::Status NotAnExport(const Text& t) {
  return absl::InvalidArgumentError(t("文件不是本程序导出的", "the file is not an export of this kind"));
}

// Of the entry that the line belongs to.
struct Place {
  std::int64_t sequence = 0;
  std::int64_t epoch = 0;
};
absl::StatusOr<Place> PlaceOf(std::string_view line, ExportFile kind, const Text& t) {
  Place place;
  if (kind == ExportFile::kCsv) {
    const char* cell = line.data();
    for (std::int64_t* value : {&place.sequence, &place.epoch}) {
      const auto [end, error] = std::from_chars(cell, line.data() + line.size(), *value);
      if (error != std::errc() || end == line.data() + line.size() || *end != ',') return NotAnExport(t);
      cell = end + 1;
    }
    return place;
  }
  simdjson::dom::parser parser;
  const auto fields = parser.parse(line.data(), line.size());
  if (fields["seq"].get(place.sequence) != simdjson::SUCCESS || fields["epoch"].get(place.epoch) != simdjson::SUCCESS)
    return NotAnExport(t);
  return place;
}

// The last line of whole lines, without its newline.
std::string_view LastLine(std::string_view lines) {
  lines.remove_suffix(1);
  const auto before = lines.rfind('\n');
  return before == std::string_view::npos ? lines : lines.substr(before + 1);
}

// Whether what there is of a first line, which has no end, can be one of an export that begins with entry `sequence`.
bool IsBeginning(std::string_view text, ExportFile kind, std::int64_t sequence) {
  const std::string begin = kind == ExportFile::kJsonLines ? "{\"v\":" : sequence == 0 ? "\xEF\xBB\xBF" : absl::StrCat(sequence, ",");
  const auto common = std::min(text.size(), begin.size());
  return text.substr(0, common) == begin.substr(0, common);
}

absl::StatusOr<std::string> ReadFrom(std::ifstream& file, std::int64_t begin, std::int64_t end, const Text& t) {
  std::string bytes(static_cast<std::size_t>(std::max<std::int64_t>(0, end - begin)), '\0');
  file.clear();
  file.seekg(begin);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) return absl::InvalidArgumentError(t("无法读取文件", "cannot read the file"));
  return bytes;
}

}  // namespace

absl::StatusOr<PartialExport> ReadPartialExport(const std::string& path, ExportFile kind, std::int64_t start_sequence, const Text& t) {
  PartialExport partial{.start_sequence = start_sequence, .after = {}, .tail_begin = 0, .tail = {}};
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return partial;
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return absl::InvalidArgumentError(t("无法读取文件", "cannot read the file"));

  // The first line with an entry: CSV that begins with entry 0 has a header before it.
  std::string line;
  std::int64_t header_bytes = 0;
  std::getline(file, line);
  if (file.eof() && !IsBeginning(line, kind, start_sequence)) return NotAnExport(t);
  if (kind == ExportFile::kCsv && start_sequence == 0 && !file.eof()) {
    if (!line.starts_with("\xEF\xBB\xBF")) return NotAnExport(t);
    header_bytes = static_cast<std::int64_t>(line.size()) + 1;
    std::getline(file, line);
  }
  const bool is_whole = !file.eof();
  if (is_whole) {
    const auto first = PlaceOf(line, kind, t);
    if (!first.ok()) return first.status();
    if (first->sequence != start_sequence) {
      return absl::InvalidArgumentError(
          absl::StrCat(t("文件的第一条是 ", "the file begins with entry "), first->sequence, t(",不是 ", ", not "), start_sequence));
    }
    const std::int64_t window_begin = std::max(header_bytes, size - kTailBytes);
    const auto window = ReadFrom(file, window_begin, size, t);
    if (!window.ok()) return window.status();
    // A cut may have left a part of a line at the end.
    std::string_view lines = *window;
    lines = lines.substr(0, lines.rfind('\n') + 1);
    if (lines.empty()) return NotAnExport(t);
    const auto last = PlaceOf(LastLine(lines), kind, t);
    if (!last.ok()) return last.status();
    partial.start_sequence = last->sequence;
    for (auto place = last; place->sequence == last->sequence;) {
      lines.remove_suffix(LastLine(lines).size() + 1);
      if (lines.empty()) break;
      place = PlaceOf(LastLine(lines), kind, t);
      if (!place.ok()) return place.status();
      if (place->sequence != last->sequence) partial.after = FormatNumber(place->epoch, place->sequence);
    }
    if (lines.empty() && window_begin > header_bytes) return NotAnExport(t);
    if (!lines.empty()) partial.tail_begin = window_begin + static_cast<std::int64_t>(lines.size());
  }
  auto tail = ReadFrom(file, partial.tail_begin, size, t);
  if (!tail.ok()) return tail.status();
  partial.tail = *std::move(tail);
  return partial;
}

std::size_t FirstEntryBytes(std::string_view data, ExportFile kind, std::int64_t sequence) {
  // Cells may hold line ends, so only the next entry's row ends the last one.
  const std::string next = kind == ExportFile::kCsv ? absl::StrCat("\n", sequence + 1, ",") : "\n";
  const auto end = data.find(next);
  return end == std::string_view::npos ? data.size() : end + 1;
}

}  // namespace redpoints::cli
