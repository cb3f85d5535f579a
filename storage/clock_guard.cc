#include "storage/clock_guard.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace redpoints {
namespace {

// A jump of the wall clock against the monotonic one that a person has to confirm.
constexpr std::int64_t kJumpMs = 10 * 60'000;
// How long a ledger may have been closed before a person has to confirm that it was.
constexpr std::int64_t kClosedMs = 7 * 86'400'000LL;

}  // namespace

ClockGuard::ClockGuard(const Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)), accepted_wall_ms_(clock.NowMs()), accepted_monotonic_ms_(clock.MonotonicMs()) {}

void ClockGuard::CompareWithLastEntry(std::int64_t last_ms) {
  const std::int64_t ahead_ms = last_ms - clock_.NowMs();
  if (ahead_ms > kJumpMs) Stop(absl::StrCat("the last entry is ", ahead_ms, " ms ahead of the clock"));
  if (last_ms > 0 && -ahead_ms > kClosedMs) Stop(absl::StrCat("the clock is ", -ahead_ms, " ms ahead of the last entry"));
}

std::int64_t ClockGuard::NowMs() {
  const std::int64_t wall = clock_.NowMs(), monotonic = clock_.MonotonicMs();
  if (is_confirmed_.exchange(false)) Accept();
  // Since it was last accepted, not since the last look: many small jumps are a large one.
  const std::int64_t jump = (wall - accepted_wall_ms_) - (monotonic - accepted_monotonic_ms_);
  if (!is_stopped_ && (jump > kJumpMs || jump < -kJumpMs)) Stop(absl::StrCat("the clock jumped by ", jump, " ms"));
  return wall;
}

void ClockGuard::Stop(const std::string& why) {
  is_stopped_ = true;
  if (options_.on_stopped) options_.on_stopped(why);
  if (options_.on_changed) options_.on_changed();
}

void ClockGuard::Accept() {
  accepted_wall_ms_ = clock_.NowMs();
  accepted_monotonic_ms_ = clock_.MonotonicMs();
  if (is_stopped_.exchange(false) && options_.on_changed) options_.on_changed();
}

}  // namespace redpoints
