#include "storage/clock_guard.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace redpoints {
namespace {

// A jump of the wall clock against the monotonic one that a person has to confirm.
constexpr std::int64_t kJumpMs = 10 * 60'000;
// How long a ledger may have been closed before a person has to confirm that it was, unless the clock is synchronised.
constexpr std::int64_t kClosedMs = 7 * 86'400'000LL;

// Either way, as a person reads it: "4 d 23 h 59 min". What is less than a minute is left out.
std::string Span(std::int64_t ms) {
  const std::int64_t minutes = (ms < 0 ? -ms : ms) / 60'000, hours = minutes / 60, days = hours / 24;
  return absl::StrCat(days > 0 ? absl::StrCat(days, " d ") : "", hours > 0 ? absl::StrCat(hours % 24, " h ") : "", minutes % 60, " min");
}

}  // namespace

ClockGuard::ClockGuard(const Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)), accepted_wall_ms_(clock.NowMs()), accepted_monotonic_ms_(clock.MonotonicMs()) {}

void ClockGuard::CompareWithLastEntry(std::int64_t last_ms, bool was_waiting) {
  if (last_ms == 0) return;
  const std::int64_t ahead_ms = clock_.NowMs() - last_ms;
  if (ahead_ms < -kJumpMs) return Stop(absl::StrCat("the last entry is ", Span(ahead_ms), " ahead of the clock"));
  if ((ahead_ms <= kJumpMs && !was_waiting) || clock_.IsSynchronised()) return;
  is_waiting_ = true;
  const std::string why = absl::StrCat("the clock is ", Span(ahead_ms), ahead_ms < 0 ? " behind" : " ahead of",
                                       " the last entry, and the system does not say that it is synchronised");
  if (ahead_ms > kClosedMs) return Stop(why);
  if (options_.on_waiting) options_.on_waiting(why);
}

std::int64_t ClockGuard::NowMs() {
  const std::int64_t wall = clock_.NowMs(), monotonic = clock_.MonotonicMs();
  if (is_confirmed_.exchange(false)) Confirm();
  // Since it was last accepted, not since the last look: many small jumps are a large one.
  const std::int64_t jump = (wall - accepted_wall_ms_) - (monotonic - accepted_monotonic_ms_);
  if ((!is_stopped_ || is_waiting_) && (jump > kJumpMs || jump < -kJumpMs)) {
    is_waiting_ = false;  // this stop ends by a person alone
    Stop(absl::StrCat("the clock jumped ", jump < 0 ? "back" : "ahead", " by ", Span(jump)));
  }
  if (is_waiting_ && clock_.IsSynchronised()) Accept();
  return wall;
}

void ClockGuard::Stop(const std::string& why) {
  const bool is_new = !is_stopped_.exchange(true);
  if (options_.on_stopped) options_.on_stopped(why);
  if (is_new && options_.on_changed) options_.on_changed();
}

void ClockGuard::Confirm() {
  const bool is_end = is_waiting();
  Accept();
  if (is_end && options_.on_confirmed) options_.on_confirmed();
}

void ClockGuard::Accept() {
  accepted_wall_ms_ = clock_.NowMs();
  accepted_monotonic_ms_ = clock_.MonotonicMs();
  is_waiting_ = false;
  if (is_stopped_.exchange(false) && options_.on_changed) options_.on_changed();
}

}  // namespace redpoints
