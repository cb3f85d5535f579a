// A few threads for reads that may touch the disk, so that they stall neither gRPC's threads nor the ledger. Thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "storage/mutex.h"

namespace redpoints::server {

class ReadPool {
 public:
  ReadPool(int threads, std::size_t queue_max);
  // Runs what is queued.
  ~ReadPool();

  // False, and `read` is dropped, when the queue is full.
  bool Post(std::function<void()> read);

 private:
  void Loop();

  const std::size_t queue_max_;
  Mutex mutex_;
  Condition changed_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace redpoints::server
