// Watches that the wall clock goes as the monotonic one does, and from where the last entry was. After a jump nothing must be written
// until a person has confirmed the clock; after a stop what only time does must wait: a clock that is years ahead would end everybody's
// points.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "storage/clock.h"

namespace redpoints {

// The file that is in a shard's directory while it is in doubt whether the clock is right, so that no restart ends the doubt. Only its
// being there counts.
inline std::string ClockDoubtFile(const std::string& directory) { return directory + "/clock-in-doubt"; }

// Thread-safe where it says so; else the ledger thread's (or, before that runs, its starter's).
class ClockGuard {
 public:
  struct Options {
    std::function<void(const std::string& why)> on_stopped = {};  // once for each reason to stop
    std::function<void(const std::string& why)> on_waiting = {};  // once for each wait that is no stop
    std::function<void()> on_changed = {};                        // is_stopped says something else now
    std::function<void()> on_confirmed = {};                      // somebody's word has ended a stop or a wait
  };
  // `clock` is not owned and must outlive the guard. It is taken as right until something contradicts it.
  ClockGuard(const Clock& clock, Options options);

  // Compares the clock with the journals that are opened. `last_ms`: of the last entry of all, 0: there is none. `was_waiting`: it was
  // in doubt then whether the clock is right. Stops a clock that is behind. While the system does not say that the clock
  // is synchronised, one that is ahead waits, and stops where it is more than a week ahead.
  void CompareWithLastEntry(std::int64_t last_ms, bool was_waiting = false);

  // The wall clock. Stops it when it has come apart from the monotonic one since it was last accepted; ends a wait once it is synchronised.
  std::int64_t NowMs();

  // Somebody says that the wall clock is right as it is now.
  void Confirm();
  // The same at the next NowMs. Thread-safe.
  void ConfirmNext() { is_confirmed_ = true; }
  // Nothing may be written. Thread-safe.
  bool is_stopped() const { return is_stopped_; }
  // What only time does may not be done: points don't end, days are not closed. Thread-safe.
  bool is_waiting() const { return is_waiting_ || is_stopped_; }

 private:
  void Stop(const std::string& why);
  void Accept();

  const Clock& clock_;
  const Options options_;
  std::atomic<bool> is_stopped_ = false;
  std::atomic<bool> is_waiting_ = false;  // until the clock is synchronised, or somebody confirms it
  std::atomic<bool> is_confirmed_ = false;
  std::int64_t accepted_wall_ms_, accepted_monotonic_ms_;
};

}  // namespace redpoints
