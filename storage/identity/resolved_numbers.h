// What 会员号 led to when they were last read. A till's customers come again, and reading one anew takes two reads of the database and two
// seals. Any write may change what a number leads to, and forgets all. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "storage/identity/side_store.h"
#include "storage/mutex.h"

namespace redpoints {

class ResolvedNumbers {
 public:
  // The row of `name`, "program/number", or the ticket with which it can be kept once it is read.
  struct Found {
    std::optional<SideRow> row;
    std::uint64_t ticket = 0;
  };
  Found Find(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(mutex_);
    const auto it = rows_.find(name);
    return it == rows_.end() ? Found{.row = std::nullopt, .ticket = writes_} : Found{.row = it->second, .ticket = writes_};
  }
  // Not one that was read before a write of which it may know nothing.
  void Keep(const std::string& name, const SideRow& row, std::uint64_t ticket) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(mutex_);
    if (ticket != writes_) return;
    if (rows_.size() >= kRowsMax) rows_.clear();
    rows_.emplace(name, row);
  }
  // After a write: who read before it can keep nothing.
  void Forget() ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(mutex_);
    ++writes_;
    rows_.clear();
  }

 private:
  static constexpr std::size_t kRowsMax = 50'000;  // some 20 MB

  mutable Mutex mutex_;
  std::uint64_t writes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, SideRow> rows_ ABSL_GUARDED_BY(mutex_);  // by "program/number"
};

}  // namespace redpoints
