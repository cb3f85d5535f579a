#include "server/door.h"

#include <grpcpp/server_context.h>

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

absl::Status Door::CheckDeadline(const grpc::ServerContextBase& context) const {
  const system_clock::time_point deadline = context.deadline();
  const system_clock::time_point now = system_clock::now();
  if (deadline > now + std::chrono::milliseconds(options_.max_deadline_ms) + kDeadlineSlack) {
    return ToStatus({.reason = v1::DEADLINE_REQUIRED, .facts = {{"max", absl::StrCat(options_.max_deadline_ms)}}});
  }
  if (deadline <= now) return ToStatus({.reason = v1::DEADLINE_PASSED, .facts = {}});
  return absl::OkStatus();
}

absl::StatusOr<Principal> Door::Identify(const grpc::ServerContextBase& context) const {
  if (options_.plaintext_caller) return *options_.plaintext_caller;
  return PrincipalFrom(*context.auth_context());
}

absl::Status Door::Admit(const Principal& caller) {
  if (is_closed_.load(std::memory_order_relaxed)) return ToStatus({.reason = v1::SHUTTING_DOWN, .facts = {}});
  const std::int64_t retry_ms = limiter_.Take(absl::Hash<Principal>()(caller), std::chrono::steady_clock::now());
  if (retry_ms > 0) return ToStatus({.reason = v1::RATE_LIMITED, .facts = {{"retry_ms", absl::StrCat(retry_ms)}}});
  return absl::OkStatus();
}

}  // namespace redpoints::server
