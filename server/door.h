// What every call passes before its handler, unary or streaming: a deadline, a known caller, not too many calls, a server that is
// not stopping. Thread-safe; never blocks beyond the rate limiter's short lock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/principal.h"
#include "server/rate_limit.h"
#include "storage/mutex.h"

namespace grpc {
class ServerContextBase;
}

namespace redpoints::server {

class Door {
 public:
  struct Options {
    // The longest time a unary call may have left.
    std::int64_t max_deadline_ms = 30'000;
    // The same of a stream.
    std::int64_t max_stream_deadline_ms = 45 * 60'000;
    // For trials on loopback without TLS: who every caller is. Empty: the certificate says.
    std::optional<Principal> plaintext_caller;
  };

  // `limiter` is not owned and must outlive the door.
  Door(Options options, RateLimiter& limiter);

  // DEADLINE_REQUIRED without a deadline or with one too far away; DEADLINE_PASSED. To be asked first.
  absl::Status CheckDeadline(const grpc::ServerContextBase& context) const { return CheckDeadline(context, options_.max_deadline_ms); }
  absl::Status CheckStreamDeadline(const grpc::ServerContextBase& context) const {
    return CheckDeadline(context, options_.max_stream_deadline_ms);
  }

  // Who calls, or CALLER_UNKNOWN.
  absl::StatusOr<Principal> Identify(const grpc::ServerContextBase& context) const;

  // Whether the caller may come in now, counted as one call: SHUTTING_DOWN once the door is closed; RATE_LIMITED, with the fact
  // retry_ms.
  absl::Status Admit(const Principal& caller);

  // Every call is inside from its beginning until its answer has left, those that are refused, too.
  void Enter() { inside_.fetch_add(1); }
  void Leave();

  // From now on Admit answers SHUTTING_DOWN. Calls already admitted go on.
  void Close() { is_closed_.store(true); }
  bool IsClosed() const { return is_closed_.load(std::memory_order_relaxed); }

  // Waits, behind a closed door, until nobody is inside and the last one left `quiet` ago: whoever was answered and comes again at once
  // still finds somebody who says why not. Returns at once where that is so already; false at the deadline.
  bool WaitUntilQuiet(std::chrono::milliseconds quiet, std::chrono::steady_clock::time_point deadline);

 private:
  absl::Status CheckDeadline(const grpc::ServerContextBase& context, std::int64_t max_ms) const;

  const Options options_;
  RateLimiter& limiter_;
  std::atomic<bool> is_closed_{false};
  std::atomic<std::int64_t> inside_{0};
  std::atomic<std::chrono::steady_clock::time_point> left_at_{std::chrono::steady_clock::time_point()};
  Mutex mutex_;
  Condition changed_;  // nobody is inside any more
};

}  // namespace redpoints::server
