#include "storage/clock.h"

#include <chrono>

namespace redpoints {
namespace {

class SystemClock : public Clock {
 public:
  std::int64_t NowMs() const override { return Ms(std::chrono::system_clock::now()); }
  std::int64_t MonotonicMs() const override { return Ms(std::chrono::steady_clock::now()); }

 private:
  static std::int64_t Ms(auto time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock clock;
  return clock;
}

}  // namespace redpoints
