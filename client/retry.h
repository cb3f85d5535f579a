// Sends a call again where that is safe: after UNAVAILABLE (AIP-194), within a budget, always the same request. No gRPC here.
//
// Immutable; as thread-safe as the functions it is given.
#pragma once

#include <functional>

#include "client/call_options.h"
#include "client/refused.h"

namespace redpoints {

// What is known after the last attempt.
struct Attempts {
  CallEnd last;
  bool is_sent = false;      // false: there was no connection before the first attempt, so nothing has left this machine
  bool is_in_doubt = false;  // an attempt, not always the last, may have been carried out
};

class Retrier {
 public:
  using Attempt = std::function<CallEnd()>;
  // Waits for a connection for at most so long.
  using Connect = std::function<bool(std::chrono::milliseconds)>;

  Retrier(CallOptions options, Timing timing, Connect connect);

  // Attempts until an end that is not UNAVAILABLE, or until the next attempt would begin after `budget`. The pause doubles from
  // `initial_backoff`, half of it random, and is never shorter than what the server asked for with RetryInfo.
  Attempts Run(const Attempt& attempt, std::chrono::milliseconds budget) const;

  // The same for a question about a request that may still be under way: REQUEST_NOT_FOUND is asked again too.
  Attempts Ask(const Attempt& attempt, std::chrono::milliseconds budget) const;

  // How long to pause after so many attempts (at least 1), of which `last` was the last: for loops that count by themselves.
  std::chrono::milliseconds PauseAfter(int attempts_made, const CallEnd& last) const;

 private:
  Attempts Loop(const Attempt& attempt, std::chrono::milliseconds budget, bool (*is_worth_repeating)(const CallEnd&)) const;

  const CallOptions options_;
  const Timing timing_;
  const Connect connect_;
};

}  // namespace redpoints
