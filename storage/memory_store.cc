#include "storage/memory_store.h"

#include "storage/journal.h"
#include "storage/keys.h"

namespace redpoints {

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(TableId table, std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto& rows = tables_[static_cast<std::size_t>(table)];
  const auto it = rows.find(key);
  return it == rows.end() ? std::nullopt : std::optional(it->second);
}

absl::StatusOr<std::vector<Row>> MemoryStore::Scan(const Range& range) const {
  const std::lock_guard lock(mutex_);
  const auto& rows = tables_[static_cast<std::size_t>(range.table)];
  if (!range.end.empty() && range.end <= range.begin) return std::vector<Row>();
  const auto begin = rows.lower_bound(range.begin);
  const auto end = range.end.empty() ? rows.end() : rows.lower_bound(range.end);
  std::vector<Row> found;
  if (range.is_descending) {
    for (auto it = end; it != begin && found.size() < range.rows_max;) {
      --it;
      found.push_back({it->first, it->second});
    }
  } else {
    for (auto it = begin; it != end && found.size() < range.rows_max; ++it) found.push_back({it->first, it->second});
  }
  return found;
}

absl::StatusOr<std::uint64_t> MemoryStore::TakeOver() {
  const std::lock_guard lock(mutex_);
  return ++fence_;
}

// Asks the journal itself each time: nothing to keep up to date, and as true as it can be.
bool MemoryStore::Continues(const CommitBatch& batch) const {
  std::map<std::string, std::int64_t> ends;
  for (const auto& append : batch.appends) {
    const auto [end, is_first] = ends.try_emplace(append.program);
    if (is_first) end->second = Journal(*this, append.program).End().value_or(-1);
    if (append.expected_next_sequence != end->second) return false;
    end->second += append.entries;
  }
  return true;
}

CommitResult MemoryStore::Commit(const CommitBatch& batch) {
  const bool continues = Continues(batch);  // before the lock, which reading takes: only a commit changes it
  const std::lock_guard lock(mutex_);
  if (batch.fence == 0 || batch.fence != fence_) return CommitResult::kFenced;
  const bool fails = commits_until_failure_ == 0;
  if (!fails && !continues) return CommitResult::kOutOfSequence;
  if (!fails || is_failure_kept_) {
    auto& journal = tables_[static_cast<std::size_t>(TableId::kJournal)];
    for (const auto& append : batch.appends) journal[JournalKey(append.program, append.expected_next_sequence)] = append.lines;
    for (const auto& put : batch.puts) tables_[static_cast<std::size_t>(put.table)][put.key] = put.value;
  }
  if (fails) {
    is_failure_kept_ = false;
    return CommitResult::kUnknown;
  }
  if (commits_until_failure_ > 0) --commits_until_failure_;
  return CommitResult::kCommitted;
}

absl::Status MemoryStore::Install(TableId table, const std::vector<std::pair<std::string, std::optional<std::string>>>& rows,
                                  std::uint64_t fence) {
  const std::lock_guard lock(mutex_);
  if (fence == 0 || fence != fence_) return absl::FailedPreconditionError("somebody else has taken over");
  auto& target = tables_[static_cast<std::size_t>(table)];
  for (const auto& [key, value] : rows) {
    if (value) {
      target[key] = *value;
    } else {
      target.erase(key);
    }
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::DeleteRange(TableId table, std::string_view begin, std::string_view end) {
  const std::lock_guard lock(mutex_);
  auto& rows = tables_[static_cast<std::size_t>(table)];
  rows.erase(rows.lower_bound(begin), rows.lower_bound(end));
  return absl::OkStatus();
}

absl::Status MemoryStore::Backup(const std::string&) { return absl::UnimplementedError("a store in memory has no backup"); }

void MemoryStore::FailCommitAfter(int commits, bool is_kept) {
  const std::lock_guard lock(mutex_);
  commits_until_failure_ = commits;
  is_failure_kept_ = is_kept;
}

void MemoryStore::Heal() {
  const std::lock_guard lock(mutex_);
  commits_until_failure_ = -1;
}

}  // namespace redpoints
