#include "storage/clock.h"

#include <sys/timex.h>

#include <chrono>

namespace redpoints {
namespace {

class SystemClock : public Clock {
 public:
  std::int64_t NowMs() const override { return Ms(std::chrono::system_clock::now()); }
  std::int64_t MonotonicMs() const override { return Ms(std::chrono::steady_clock::now()); }
  bool IsSynchronised() const override {
    timex read = {};  // changes nothing
    const int state = adjtimex(&read);
    return state >= 0 && state != TIME_ERROR && !(read.status & STA_UNSYNC);
  }

 private:
  static std::int64_t Ms(auto time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock clock;
  return clock;
}

}  // namespace redpoints
