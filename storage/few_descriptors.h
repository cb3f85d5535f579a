// A process that has no file descriptor left can't read what it can read again a moment later: no damage, and nothing to decide by.
#pragma once

#include <chrono>
#include <thread>

#include "absl/status/status.h"

namespace redpoints {

// What `read` gives, tried again for about a second while it gives RESOURCE_EXHAUSTED. For reads that must not fail, on any thread.
template <class Read> auto ReadPatiently(const Read& read) -> decltype(read()) {
  auto result = read();
  for (int i = 0; i < 100 && absl::IsResourceExhausted(result.status()); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    result = read();
  }
  return result;
}

}  // namespace redpoints
