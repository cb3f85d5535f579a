#include "server/rate_limit.h"

#include <algorithm>

namespace redpoints::server {
namespace {

constexpr double kNanosPerSecond = 1e9;
constexpr std::int64_t kNanosPerMilli = 1'000'000;
// Ten years: a rate so low is "never again", and sums stay far from overflow.
constexpr double kIntervalMax = 3e17;

std::int64_t Interval(double calls_per_second) {
  return static_cast<std::int64_t>(std::min(kNanosPerSecond / calls_per_second, kIntervalMax));
}

}  // namespace

RateLimiter::RateLimiter(const Options& options)
    : interval_(Interval(options.calls_per_second_max)),
      tolerance_(static_cast<Nanos>(std::min(static_cast<double>(interval_) * (options.burst_max - 1), 4 * kIntervalMax))),
      generation_max_(std::max<std::size_t>(options.callers_max / 2, 1)) {}

std::int64_t RateLimiter::Take(std::uint64_t caller, Time now_time) {
  const Nanos now = std::chrono::duration_cast<std::chrono::nanoseconds>(now_time.time_since_epoch()).count();
  const std::lock_guard lock(mutex_);
  auto found = young_.find(caller);
  if (found == young_.end()) {
    Nanos busy_until = now;
    if (const auto before = old_.find(caller); before != old_.end()) {
      busy_until = before->second;
      old_.erase(before);
    }
    if (young_.size() >= generation_max_) {
      old_.swap(young_);
      young_.clear();
    }
    found = young_.emplace(caller, busy_until).first;
  }
  const Nanos busy_until = std::max(found->second, now);
  const Nanos ahead = busy_until - now;
  if (ahead > tolerance_) return (ahead - tolerance_ + kNanosPerMilli - 1) / kNanosPerMilli;
  found->second = busy_until + interval_;
  return 0;
}

std::size_t RateLimiter::callers() const {
  const std::lock_guard lock(mutex_);
  return young_.size() + old_.size();
}

}  // namespace redpoints::server
