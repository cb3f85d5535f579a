// A clock that only moves when somebody sleeps, and keeps what was slept. The client's pauses take no time in tests.
#pragma once

#include <chrono>
#include <vector>

#include "client/call_options.h"

namespace redpoints {

class FakeTiming {
 public:
  // Borrows this.
  Timing Get() {
    return {.now = [this] { return now_; },
            .sleep =
                [this](std::chrono::milliseconds pause) {
                  pauses_.push_back(pause);
                  now_ += pause;
                },
            .random = [] { return 0U; }};
  }

  const std::vector<std::chrono::milliseconds>& pauses() const { return pauses_; }

 private:
  std::chrono::steady_clock::time_point now_{};
  std::vector<std::chrono::milliseconds> pauses_;
};

}  // namespace redpoints
