#include "storage/journal.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "storage/keys.h"
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
      return absl::DataLossError(
          absl::StrCat("entry ", first + static_cast<std::int64_t>(entries.size()), ": ", std::string(entry.status().message())));
    }
    entries.push_back(std::make_shared<const Entry>(*std::move(entry)));
  }
  return entries;
}

absl::StatusOr<Journal::Chunk> Journal::Lines(std::int64_t start, std::int64_t end, std::size_t bytes_max) const {
  Chunk chunk{.first = start, .next = start, .lines = ""};
  if (start < 0 || start >= end) return chunk;
  // The row that holds `start` begins at or before it.
  const std::string prefix = JournalKey(program_, 0);
  auto rows = store_.Scan(
      {.table = TableId::kJournal, .begin = prefix, .end = JournalKey(program_, start + 1), .rows_max = 1, .is_descending = true});
  while (rows.ok() && !rows->empty()) {
    for (const Row& row : *rows) {
      const auto first = JournalSequence(program_, row.key);
      if (!first || *first > chunk.next) return absl::DataLossError(absl::StrCat("no entry ", chunk.next, " in the journal of ", program_));
      std::string_view lines = Skip(row.value, chunk.next - *first);
      if (lines.empty()) {
        // Behind the end, unless a later row shows that something is missing; the next scan sees that.
        if (chunk.next != start) return absl::DataLossError(absl::StrCat("rows of ", program_, " overlap at entry ", chunk.next));
        break;
      }
      while (!lines.empty() && chunk.next < end && (chunk.lines.empty() || chunk.lines.size() < bytes_max)) {
        const auto length = lines.find('\n');
        if (length == std::string_view::npos) return absl::DataLossError(absl::StrCat("entry ", chunk.next, " of ", program_, " is cut"));
        chunk.lines.append(lines.substr(0, length + 1));
        lines.remove_prefix(length + 1);
        ++chunk.next;
      }
      if (chunk.next >= end || (!chunk.lines.empty() && chunk.lines.size() >= bytes_max)) return chunk;
    }
    // Every following row has to begin where the last one ended.
    const std::string next = JournalKey(program_, chunk.next);
    rows = store_.Scan({.table = TableId::kJournal, .begin = next, .end = PrefixEnd(std::string(program_) + '\0'), .rows_max = 8});
  }
  if (!rows.ok()) return rows.status();
  return chunk;
}

absl::StatusOr<std::int64_t> Journal::End() const {
  auto rows = store_.Scan({.table = TableId::kJournal,
                           .begin = JournalKey(program_, 0),
                           .end = PrefixEnd(std::string(program_) + '\0'),
                           .rows_max = 1,
                           .is_descending = true});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return 0;
  const auto first = JournalSequence(program_, rows->front().key);
  if (!first) return absl::DataLossError(absl::StrCat("a key of another form in the journal of ", program_));
  return *first + std::count(rows->front().value.begin(), rows->front().value.end(), '\n');
}

absl::StatusOr<std::vector<std::string>> Journal::Programs(const Store& store) {
  std::vector<std::string> programs;
  std::string begin;
  for (;;) {
    auto rows = store.Scan({.table = TableId::kJournal, .begin = begin, .end = "", .rows_max = 1});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return programs;
    programs.push_back(rows->front().key.substr(0, rows->front().key.find('\0')));
    begin = PrefixEnd(programs.back() + '\0');
  }
}

}  // namespace redpoints
