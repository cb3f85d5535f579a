// The one clock of the ledger, injected.
#pragma once

#include <atomic>
#include <cstdint>

namespace redpoints {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t NowMs() const = 0;        // wall clock, Unix milliseconds
  virtual std::int64_t MonotonicMs() const = 0;  // of an unknown origin
  virtual bool IsSynchronised() const = 0;       // with a source outside, as the system says
  // The clock of the machine. Thread-safe.
  static const Clock& System();
};

// A clock that tests move by hand. Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(std::int64_t now_ms) : now_ms_(now_ms) {}
  std::int64_t NowMs() const override { return now_ms_; }
  std::int64_t MonotonicMs() const override { return monotonic_ms_; }
  bool IsSynchronised() const override { return is_synchronised_; }
  void set_synchronised(bool is_synchronised) { is_synchronised_ = is_synchronised; }
  // Time passes.
  void Advance(std::int64_t ms) {
    monotonic_ms_ += ms;
    now_ms_ += ms;
  }
  // The wall clock jumps while no time passes.
  void Jump(std::int64_t ms) { now_ms_ += ms; }

 private:
  std::atomic<std::int64_t> now_ms_;
  std::atomic<std::int64_t> monotonic_ms_ = 0;
  std::atomic<bool> is_synchronised_ = true;
};

}  // namespace redpoints
