#include "server/door.h"

#include <grpcpp/server_context.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

using std::chrono::system_clock;

// grpc-timeout has few digits and is rounded up on the way.
constexpr std::chrono::milliseconds kDeadlineSlack{1'000};

}  // namespace

Door::Door(Options options, RateLimiter& limiter) : options_(std::move(options)), limiter_(limiter) {}

absl::Status Door::CheckDeadline(const grpc::ServerContextBase& context, std::int64_t max_ms) const {
  const system_clock::time_point deadline = context.deadline();
  const system_clock::time_point now = system_clock::now();
  if (deadline > now + std::chrono::milliseconds(max_ms) + kDeadlineSlack) {
    return ToStatus({.reason = Reason::DEADLINE_REQUIRED, .facts = {{"max", absl::StrCat(max_ms)}}});
  }
  if (deadline <= now) return ToStatus({.reason = Reason::DEADLINE_PASSED, .facts = {}});
  return absl::OkStatus();
}

absl::StatusOr<Principal> Door::Identify(const grpc::ServerContextBase& context) const {
  if (options_.plaintext_caller) return *options_.plaintext_caller;
  return PrincipalFrom(*context.auth_context());
}

absl::Status Door::Admit(const Principal& caller) {
  if (is_closed_.load(std::memory_order_relaxed)) return ToStatus({.reason = Reason::SHUTTING_DOWN, .facts = {}});
  const std::int64_t retry_ms = limiter_.Take(absl::Hash<Principal>()(caller), std::chrono::steady_clock::now());
  if (retry_ms > 0) return ToStatus({.reason = Reason::RATE_LIMITED, .facts = {{"retry_ms", absl::StrCat(retry_ms)}}});
  return absl::OkStatus();
}

void Door::Leave() {
  left_at_.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  // Not relaxed, either of them: the last one out and who closes the door must not both miss the other.
  if (inside_.fetch_sub(1) > 1 || !is_closed_.load()) return;
  const MutexLock lock(mutex_);
  changed_.notify_all();
}

bool Door::WaitUntilQuiet(std::chrono::milliseconds quiet, std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  for (;;) {
    const bool is_empty = inside_.load() == 0;
    const auto now = std::chrono::steady_clock::now();
    const auto quiet_at = left_at_.load(std::memory_order_relaxed) + quiet;
    if (is_empty && quiet_at <= now) return true;
    if (deadline <= now) return false;
    changed_.wait_until(mutex_, is_empty ? std::min(quiet_at, deadline) : deadline);
  }
}

}  // namespace redpoints::server
