// Watches that the wall clock goes as the monotonic one does. After a jump nothing must be written until a person has confirmed the clock:
// one that is years ahead would end everybody's points.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "storage/clock.h"

namespace redpoints {

// Thread-safe where it says so; else the ledger thread's (or, before that runs, its starter's).
class ClockGuard {
 public:
  struct Options {
    std::function<void(const std::string& why)> on_stopped = {};  // once for each stop
    std::function<void()> on_changed = {};                        // is_stopped says something else now
  };
  // `clock` is not owned and must outlive the guard. It is taken as right until something contradicts it.
  ClockGuard(const Clock& clock, Options options);

  // Compares the clock with the last entry of a journal that is opened; `last_ms` 0: there is none.
  void CompareWithLastEntry(std::int64_t last_ms);

  // The wall clock. Stops it when it has come apart from the monotonic one since it was last accepted.
  std::int64_t NowMs();

  // Accepts the wall clock as it is now.
  void Accept();
  // The same at the next NowMs. Thread-safe.
  void AcceptNext() { is_confirmed_ = true; }
  // Thread-safe.
  bool is_stopped() const { return is_stopped_; }

 private:
  void Stop(const std::string& why);

  const Clock& clock_;
  const Options options_;
  std::atomic<bool> is_stopped_ = false;
  std::atomic<bool> is_confirmed_ = false;
  std::int64_t accepted_wall_ms_, accepted_monotonic_ms_;
};

}  // namespace redpoints
