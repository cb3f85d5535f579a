#include "client/retry.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

namespace redpoints {
namespace {

using std::chrono::milliseconds;

bool IsUnavailable(const CallEnd& end) { return end.code == kUnavailable; }

bool IsUnavailableOrNotSeen(const CallEnd& end) {
  return IsUnavailable(end) || (end.refused && end.refused->refusal.reason == Reason::REQUEST_NOT_FOUND);
}

}  // namespace

Timing SystemTiming() {
  return {.now = [] { return std::chrono::steady_clock::now(); },
          .sleep = [](milliseconds pause) { std::this_thread::sleep_for(pause); },
          .random = [] { return std::random_device()(); }};
}

Retrier::Retrier(CallOptions options, Timing timing, Connect connect)
    : options_(options), timing_(std::move(timing)), connect_(std::move(connect)) {}

Attempts Retrier::Run(const Attempt& attempt, milliseconds budget) const { return Loop(attempt, budget, IsUnavailable); }

Attempts Retrier::Ask(const Attempt& attempt, milliseconds budget) const { return Loop(attempt, budget, IsUnavailableOrNotSeen); }

milliseconds Retrier::PauseAfter(int attempts_made, const CallEnd& last) const {
  const milliseconds whole = std::min(options_.max_backoff, options_.initial_backoff * (1 << std::min(attempts_made - 1, 16)));
  const milliseconds backoff = whole / 2 + milliseconds(timing_.random() % (whole.count() / 2 + 1));
  return std::max(backoff, last.retry_delay.value_or(milliseconds(0)));
}

Attempts Retrier::Loop(const Attempt& attempt, milliseconds budget, bool (*is_worth_repeating)(const CallEnd&)) const {
  const auto end = timing_.now() + budget;
  Attempts made;
  for (int count = 1;; ++count) {
    if (connect_(options_.connect_timeout)) {
      made.is_sent = true;
      made.last = attempt();
      made.is_in_doubt = made.is_in_doubt || IsInDoubt(made.last);
    } else if (!made.is_sent) {
      made.last = {.code = kUnavailable, .message = "no connection", .refused = {}, .retry_delay = {}};
      return made;
    }
    if (!is_worth_repeating(made.last)) return made;
    const milliseconds pause = PauseAfter(count, made.last);
    if (timing_.now() + pause >= end) return made;
    timing_.sleep(pause);
  }
}

}  // namespace redpoints
