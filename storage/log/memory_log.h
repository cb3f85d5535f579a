// A Log in memory, for tests of what stands on it. Can be told to fail, and lets its rows be altered. Thread-safe, as Log.
#pragma once

#include <map>
#include <string>

#include "storage/log/ends.h"
#include "storage/log/log.h"
#include "storage/mutex.h"

namespace redpoints {

class MemoryLog : public Log {
 public:
  absl::StatusOr<std::uint64_t> TryTakeOver() override;
  CommitResult Commit(const CommitBatch& batch) override;
  absl::Status Failure() const override;
  absl::StatusOr<bool> Resolve(const CommitBatch& batch) const override;
  absl::StatusOr<std::vector<std::string>> Programs() const override { return ends_.Programs(); }
  absl::StatusOr<std::int64_t> End(const std::string& program) const override;
  absl::StatusOr<std::vector<JournalRow>> Read(const std::string& program, std::int64_t start, std::int64_t end,
                                               std::size_t bytes_max) const override;
  absl::StatusOr<std::optional<std::string>> Blob(const std::string& program, const std::string& sha256) const override;
  absl::StatusOr<std::vector<std::string>> Blobs(const std::string& program) const override;
  bool WaitForMore(const std::string& program, std::int64_t sequence, Deadline deadline) const override {
    return ends_.Wait(program, sequence, deadline);
  }
  absl::Status Backup(const std::string& directory) const override;

  // The commit after `commits` more answers kUnknown; its batch is kept or not as `is_kept` says. All later ones answer kUnknown, unkept.
  void FailCommitAfter(int commits, bool is_kept);
  // As after a restart: commits work again.
  void Heal();

  // Puts another row in place of the one that begins at `first`, as damage would; nullopt takes it away. The end stays where it is.
  void SetRow(const std::string& program, std::int64_t first, std::optional<JournalRow> row);
  void SetBlob(const std::string& program, const std::string& sha256, std::optional<std::string> content);
  void SetEnd(const std::string& program, std::int64_t end) { ends_.Set({{program, end}}); }

 private:
  void Keep(const CommitBatch& batch, const std::map<std::string, std::int64_t>& ends) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, std::map<std::int64_t, JournalRow>> journals_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::map<std::string, std::string>> blobs_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t fence_ ABSL_GUARDED_BY(mutex_) = 0;
  int commits_until_failure_ ABSL_GUARDED_BY(mutex_) = -1;  // -1: never
  bool is_failure_kept_ ABSL_GUARDED_BY(mutex_) = false;
  Ends ends_;
};

}  // namespace redpoints
