// Where the journals of a log end: what a commit is compared with, and what followers wait for. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/log/log.h"
#include "storage/mutex.h"

namespace redpoints {

class Ends {
 public:
  // 0 for an unknown program.
  std::int64_t Of(const std::string& program) const;
  // The programs with entries, in byte order.
  std::vector<std::string> Programs() const;

  // The ends after the batch, by program; nullopt when it does not go on where the journals end.
  std::optional<std::map<std::string, std::int64_t>> After(const CommitBatch& batch) const;
  // Wakes who waits.
  void Set(const std::map<std::string, std::int64_t>& ends);
  // Until the program's end is above `sequence`; false at the deadline.
  bool Wait(const std::string& program, std::int64_t sequence, Log::Deadline deadline) const;

 private:
  mutable Mutex mutex_;
  mutable Condition changed_;
  std::map<std::string, std::int64_t> ends_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace redpoints
