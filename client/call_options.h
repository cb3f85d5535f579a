// How long calls may take, and the clock they are measured by. Values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace redpoints {

struct CallOptions {
  std::chrono::milliseconds timeout{5'000};          // of one unary attempt
  std::chrono::milliseconds stream_timeout{30'000};  // of one stream; a longer export or follow goes on with the next stream
  std::chrono::milliseconds connect_timeout{3'000};  // for a connection before the first attempt
  std::chrono::milliseconds retry_budget{5'000};     // after this nothing is sent again
  std::chrono::milliseconds outcome_budget{3'000};   // for asking what became of a request
  std::chrono::milliseconds initial_backoff{100};
  std::chrono::milliseconds max_backoff{1'600};
};

// What waiting needs, so that a test waits for nothing.
struct Timing {
  std::function<std::chrono::steady_clock::time_point()> now;
  std::function<void(std::chrono::milliseconds)> sleep;
  std::function<std::uint32_t()> random;
};

Timing SystemTiming();

}  // namespace redpoints
