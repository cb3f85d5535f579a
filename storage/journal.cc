#include "storage/journal.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

// The lines of a row from the n-th on; empty when it has no more.
std::string_view Skip(std::string_view lines, std::int64_t n) {
  for (; n > 0; --n) {
    const auto end = lines.find('\n');
    if (end == std::string_view::npos) return {};
    lines.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

std::vector<std::string_view> Journal::Chunk::Split() const {
  std::vector<std::string_view> split;
  for (std::string_view rest = lines; !rest.empty();) {
    const auto end = rest.find('\n');
    split.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end, rest.size() - 1) + 1);
  }
  return split;
}

absl::StatusOr<std::string> Journal::Line(std::int64_t sequence) const {
  auto chunk = Lines(sequence, sequence + 1, 1);
  if (!chunk.ok()) return chunk.status();
  if (chunk->lines.empty()) return absl::NotFoundError(absl::StrCat("no entry ", sequence));
  chunk->lines.pop_back();
  return std::move(chunk->lines);
}

absl::StatusOr<Entry> Journal::Read(std::int64_t sequence) const {
  auto entries = ReadAll(sequence, 1);
  if (!entries.ok()) return entries.status();
  return *entries->front();
}

absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> Journal::ReadAll(std::int64_t first, std::int64_t count) const {
  auto chunk = Lines(first, first + count, std::numeric_limits<std::size_t>::max());
  if (!chunk.ok()) return chunk.status();
  if (chunk->next != first + count) return absl::NotFoundError(absl::StrCat("no entry ", chunk->next));
  std::vector<std::shared_ptr<const Entry>> entries;
  for (const auto line : chunk->Split()) {
    auto entry = ParseLine(line);
    if (!entry.ok()) {
      const std::string why = absl::StrCat("entry ", first + static_cast<std::int64_t>(entries.size()), " of ", program_, ": ",
                                           std::string(entry.status().message()));
      return Noted(absl::IsUnimplemented(entry.status()) ? absl::UnimplementedError(why) : absl::DataLossError(why));
    }
    entries.push_back(std::make_shared<const Entry>(*std::move(entry)));
  }
  return entries;
}

absl::Status Journal::Noted(absl::Status status) const {
  if (!status.ok() && !absl::IsNotFound(status) && !absl::IsResourceExhausted(status) && on_damage_) on_damage_(status);
  return status;
}

absl::StatusOr<Journal::Chunk> Journal::Lines(std::int64_t start, std::int64_t end, std::size_t bytes_max) const {
  auto chunk = ReadLines(start, end, bytes_max);
  if (!chunk.ok()) return Noted(chunk.status());
  return chunk;
}

absl::StatusOr<Journal::Chunk> Journal::ReadLines(std::int64_t start, std::int64_t end, std::size_t bytes_max) const {
  Chunk chunk{.first = start, .next = start, .lines = ""};
  if (start < 0 || start >= end) return chunk;
  auto rows = log_.Read(program_, start, end, bytes_max);
  if (!rows.ok()) return rows.status();
  for (const JournalRow& row : *rows) {
    if (std::count(row.lines.begin(), row.lines.end(), '\n') != row.entries || !row.lines.ends_with('\n')) {
      return absl::DataLossError(
          absl::StrCat("the journal row of ", program_, " at entry ", row.first, " does not hold its ", row.entries, " lines"));
    }
    std::string_view lines = Skip(row.lines, chunk.next - row.first);
    while (!lines.empty() && chunk.next < end && (chunk.lines.empty() || chunk.lines.size() < bytes_max)) {
      const auto length = lines.find('\n');
      chunk.lines.append(lines.substr(0, length + 1));
      lines.remove_prefix(length + 1);
      ++chunk.next;
    }
  }
  return chunk;
}

absl::StatusOr<std::int64_t> Journal::End() const {
  auto end = log_.End(program_);
  if (!end.ok()) return Noted(end.status());
  return end;
}

}  // namespace redpoints
