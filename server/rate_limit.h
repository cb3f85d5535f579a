// How many calls a caller may make: so many at once, and so many per second from then on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "absl/container/flat_hash_map.h"

namespace redpoints::server {

// Thread-safe; one short lock a call. The clock is the caller's. Memory is bounded: a caller unseen while half of `callers_max`
// others came is forgotten and starts afresh.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Options {
    double calls_per_second_max = 200;  // above 0
    int burst_max = 400;                // at least 1
    std::size_t callers_max = 100'000;  // at least 2
  };

  explicit RateLimiter(const Options& options);

  // Counts one call of `caller`, a hash of its name. 0 if it may go on; else the milliseconds, at least 1, after which it may try
  // again. A refused call costs nothing.
  std::int64_t Take(std::uint64_t caller, Time now);

  // Callers remembered now; never above callers_max.
  std::size_t callers() const;

 private:
  using Nanos = std::int64_t;

  const Nanos interval_;   // between two calls at the full rate
  const Nanos tolerance_;  // by how much a caller may be ahead of that
  const std::size_t generation_max_;

  mutable std::mutex mutex_;
  // Guarded by mutex_: when each caller's calls so far would be over at the full rate. Two generations, so that forgetting takes no
  // search.
  absl::flat_hash_map<std::uint64_t, Nanos> young_;
  absl::flat_hash_map<std::uint64_t, Nanos> old_;
};

}  // namespace redpoints::server
