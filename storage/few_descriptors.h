// A process that has no file descriptor left can't read what it may well read a moment later. What is on the disk is no worse for that, so
// a read that a decision needs waits about a second for one. Where none comes nothing is decided: a program that serves is set aside until
// the next start, one that is being opened is refused (program.cc, derived.cc).
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/status/status.h"

namespace redpoints {

// Whether the last such read of the process, of whatever program, was given up: until one is given, the next ones are tried once.
inline std::atomic<bool> is_out_of_patience = false;

// What `read` gives, tried again for about a second while it gives RESOURCE_EXHAUSTED; that, where it gives nothing else. Blocks the thread
// meanwhile; any thread.
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
