// A Store in memory, for tests of what stands on it. Can be told to fail. Thread-safe.
#pragma once

#include <array>
#include <map>
#include <mutex>

#include "storage/store.h"

namespace redpoints {

class MemoryStore : public Store {
 public:
  absl::StatusOr<std::optional<std::string>> Get(TableId table, std::string_view key) const override;
  absl::StatusOr<std::vector<Row>> Scan(const Range& range) const override;
  absl::StatusOr<std::uint64_t> TakeOver() override;
  CommitResult Commit(const CommitBatch& batch) override;
  absl::Status Install(TableId table, const std::vector<std::pair<std::string, std::optional<std::string>>>& rows,
                       std::uint64_t fence) override;
  absl::Status DeleteRange(TableId table, std::string_view begin, std::string_view end) override;
  absl::Status Backup(const std::string& directory) override;

  // The commit after `commits` more answers kUnknown; its batch is kept or not as `is_kept` says. All later ones answer kUnknown, unkept.
  void FailCommitAfter(int commits, bool is_kept);
  // As after a restart: commits work again.
  void Heal();

 private:
  bool Continues(const CommitBatch& batch) const;

  mutable std::mutex mutex_;
  std::array<std::map<std::string, std::string, std::less<>>, kTableCount> tables_;
  std::uint64_t fence_ = 0;
  int commits_until_failure_ = -1;  // -1: never
  bool is_failure_kept_ = false;
};

}  // namespace redpoints
