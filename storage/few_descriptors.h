// A process that has no file descriptor left can't read what it can read again a moment later: no damage, and nothing to decide by.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/status/status.h"

namespace redpoints {

// Whether the last read was given up: the next ones then don't wait, until one is given.
inline std::atomic<bool> is_out_of_patience = false;

// What `read` gives, tried again for about a second while it gives RESOURCE_EXHAUSTED. For reads that must not fail, on any thread.
template <class Read> auto ReadPatiently(const Read& read) -> decltype(read()) {
  auto result = read();
  for (int i = 0; i < 100 && absl::IsResourceExhausted(result.status()) && !is_out_of_patience; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    result = read();
  }
  const bool is_given_up = absl::IsResourceExhausted(result.status());
  if (is_out_of_patience != is_given_up) is_out_of_patience = is_given_up;
  return result;
}

}  // namespace redpoints
