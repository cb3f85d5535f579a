#include "server/metrics.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace redpoints::server {
namespace {

// Where the counter of `reason` is: 0 for REASON_UNSPECIFIED, and then in the order of the reasons.
std::size_t IndexOf(Reason reason) {
  const auto reasons = AllReasons();
  const auto above =
      std::upper_bound(reasons.begin(), reasons.end(), reason, [](Reason wanted, const auto& row) { return wanted < row.first; });
  return static_cast<std::size_t>(above - reasons.begin());
}

std::string Seconds(std::int64_t us) { return absl::StrFormat("%.6g", static_cast<double>(us) / 1e6); }

}  // namespace

MethodMetrics::MethodMetrics(std::string_view method) : method_(method), by_reason_(AllReasons().size() + 1) {}

void MethodMetrics::Count(Reason reason, std::chrono::nanoseconds latency) {
  by_reason_[IndexOf(reason)].fetch_add(1, std::memory_order_relaxed);
  const auto bound = std::lower_bound(kLatencyBoundsUs.begin(), kLatencyBoundsUs.end(), (latency.count() + 999) / 1000);
  by_latency_[static_cast<std::size_t>(bound - kLatencyBoundsUs.begin())].fetch_add(1, std::memory_order_relaxed);
  latency_sum_ns_.fetch_add(static_cast<std::uint64_t>(latency.count()), std::memory_order_relaxed);
}

std::uint64_t MethodMetrics::CountOf(Reason reason) const { return by_reason_[IndexOf(reason)].load(std::memory_order_relaxed); }

MethodMetrics& Metrics::ForMethod(std::string_view method) {
  const std::lock_guard lock(mutex_);
  auto found = methods_.find(method);
  if (found == methods_.end()) found = methods_.emplace(std::string(method), std::make_unique<MethodMetrics>(method)).first;
  return *found->second;
}

std::string Metrics::Exposition() const {
  const std::lock_guard lock(mutex_);
  std::string text =
      "# HELP redpoints_calls_total Calls answered, by method, code and reason.\n"
      "# TYPE redpoints_calls_total counter\n";
  for (const auto& [name, method] : methods_) {
    for (std::size_t i = 0; i < method->by_reason_.size(); ++i) {
      const std::uint64_t count = method->by_reason_[i].load(std::memory_order_relaxed);
      if (count == 0) continue;
      const Reason reason = i == 0 ? Reason::REASON_UNSPECIFIED : AllReasons()[i - 1].first;
      const auto code = static_cast<absl::StatusCode>(InfoOf(reason).code);
      absl::StrAppend(&text, "redpoints_calls_total{method=\"", name, "\",code=\"", absl::StatusCodeToString(code), "\",reason=\"",
                      reason == Reason::REASON_UNSPECIFIED ? "" : NameOf(reason), "\"} ", count, "\n");
    }
  }
  text +=
      "# HELP redpoints_call_duration_seconds From the whole request to the answer.\n"
      "# TYPE redpoints_call_duration_seconds histogram\n";
  for (const auto& [name, method] : methods_) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < method->by_latency_.size(); ++i) {
      below += method->by_latency_[i].load(std::memory_order_relaxed);
      absl::StrAppend(&text, "redpoints_call_duration_seconds_bucket{method=\"", name, "\",le=\"",
                      i < kLatencyBoundsUs.size() ? Seconds(kLatencyBoundsUs[i]) : "+Inf", "\"} ", below, "\n");
    }
    const double sum = static_cast<double>(method->latency_sum_ns_.load(std::memory_order_relaxed)) / 1e9;
    absl::StrAppend(&text, "redpoints_call_duration_seconds_sum{method=\"", name, "\"} ", absl::StrFormat("%.9f", sum), "\n");
    // The sum of the buckets, not a counter of its own: a reader must find the two equal.
    absl::StrAppend(&text, "redpoints_call_duration_seconds_count{method=\"", name, "\"} ", below, "\n");
  }
  return text;
}

}  // namespace redpoints::server
