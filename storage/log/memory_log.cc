#include "storage/log/memory_log.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace redpoints {

absl::StatusOr<std::uint64_t> MemoryLog::TryTakeOver() {
  const MutexLock lock(mutex_);
  return ++fence_;
}

void MemoryLog::Keep(const CommitBatch& batch, const std::map<std::string, std::int64_t>& ends) {
  for (const auto& append : batch.appends) {
    journals_[append.program][append.expected_end] = {.first = append.expected_end, .entries = append.entries, .lines = append.lines};
  }
  for (const auto& blob : batch.blobs) blobs_[blob.program][blob.sha256] = blob.content;
  ends_.Set(ends);
}

CommitResult MemoryLog::Commit(const CommitBatch& batch) {
  const MutexLock lock(mutex_);
  if (batch.fence == 0 || batch.fence != fence_) return CommitResult::kFenced;
  const auto ends = ends_.After(batch);
  if (commits_until_failure_ == 0) {
    if (std::exchange(is_failure_kept_, false) && ends) Keep(batch, *ends);
    return CommitResult::kUnknown;
  }
  if (!ends) return CommitResult::kOutOfSequence;
  if (commits_until_failure_ > 0) --commits_until_failure_;
  Keep(batch, *ends);
  return CommitResult::kCommitted;
}

absl::Status MemoryLog::Failure() const {
  const MutexLock lock(mutex_);
  return commits_until_failure_ == 0 ? absl::UnavailableError("told to fail") : absl::OkStatus();
}

absl::StatusOr<bool> MemoryLog::Resolve(const CommitBatch& batch) const {
  if (auto status = Failure(); !status.ok()) return status;
  return Holds(*this, batch);
}

absl::StatusOr<std::int64_t> MemoryLog::End(const std::string& program) const {
  const std::int64_t end = ends_.Of(program);
  const MutexLock lock(mutex_);
  const auto rows = journals_.find(program);
  const std::int64_t last = rows == journals_.end() || rows->second.empty() ? 0 : rows->second.rbegin()->second.end();
  if (last == end) return end;
  return absl::DataLossError(absl::StrCat("the journal of ", program, " ends at ", last, ", but ", end, " entries were committed"));
}

absl::StatusOr<std::vector<JournalRow>> MemoryLog::Read(const std::string& program, std::int64_t start, std::int64_t end,
                                                        std::size_t bytes_max) const {
  const MutexLock lock(mutex_);
  std::vector<JournalRow> found;
  const auto rows = journals_.find(program);
  if (rows == journals_.end() || start < 0 || start >= end || start >= ends_.Of(program)) return found;
  auto row = rows->second.upper_bound(start);
  if (row != rows->second.begin()) --row;
  std::int64_t next = start;
  for (std::size_t bytes = 0; row != rows->second.end() && row->first < end && (found.empty() || bytes < bytes_max); ++row) {
    if (found.empty() ? row->first > start || row->second.end() <= start : row->first != next) break;
    bytes += row->second.lines.size();
    next = row->second.end();
    found.push_back(row->second);
    if (bytes >= bytes_max) return found;
  }
  if (next < end && next < ends_.Of(program)) return absl::DataLossError(absl::StrCat("no entry ", next, " in the journal of ", program));
  return found;
}

absl::StatusOr<std::optional<std::string>> MemoryLog::Blob(const std::string& program, const std::string& sha256) const {
  const MutexLock lock(mutex_);
  const auto blobs = blobs_.find(program);
  if (blobs == blobs_.end()) return std::nullopt;
  const auto blob = blobs->second.find(sha256);
  return blob == blobs->second.end() ? std::nullopt : std::optional(blob->second);
}

absl::StatusOr<std::vector<std::string>> MemoryLog::Blobs(const std::string& program) const {
  const MutexLock lock(mutex_);
  std::vector<std::string> hashes;
  const auto blobs = blobs_.find(program);
  if (blobs == blobs_.end()) return hashes;
  for (const auto& [sha256, content] : blobs->second) hashes.push_back(sha256);
  return hashes;
}

absl::Status MemoryLog::Backup(const std::string&) const { return absl::UnimplementedError("a log in memory has no backup"); }

void MemoryLog::FailCommitAfter(int commits, bool is_kept) {
  const MutexLock lock(mutex_);
  commits_until_failure_ = commits;
  is_failure_kept_ = is_kept;
}

void MemoryLog::Heal() {
  const MutexLock lock(mutex_);
  commits_until_failure_ = -1;
}

void MemoryLog::SetRow(const std::string& program, std::int64_t first, std::optional<JournalRow> row) {
  const MutexLock lock(mutex_);
  if (row) {
    journals_[program][first] = *std::move(row);
  } else {
    journals_[program].erase(first);
  }
}

void MemoryLog::SetBlob(const std::string& program, const std::string& sha256, std::optional<std::string> content) {
  const MutexLock lock(mutex_);
  if (content) {
    blobs_[program][sha256] = *std::move(content);
  } else {
    blobs_[program].erase(sha256);
  }
}

}  // namespace redpoints
