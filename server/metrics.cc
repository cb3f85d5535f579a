#include "server/metrics.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

// Reasons have numbers up to 999 with gaps; this is where each one's counter is.
std::size_t IndexOf(v1::Reason reason) {
  static const auto* const kIndex = [] {
    auto* index = new std::array<std::uint8_t, 1000>{};
    for (int i = 0; i < v1::Reason_descriptor()->value_count(); ++i) {
      (*index)[static_cast<std::size_t>(v1::Reason_descriptor()->value(i)->number())] = static_cast<std::uint8_t>(i);
    }
    return index;
  }();
  static_assert(v1::Reason_MAX < 1000);
  return (*kIndex)[static_cast<std::size_t>(reason)];
}

std::string Seconds(std::int64_t us) { return absl::StrFormat("%.6g", static_cast<double>(us) / 1e6); }

}  // namespace

MethodMetrics::MethodMetrics(std::string_view method)
    : method_(method), by_reason_(static_cast<std::size_t>(v1::Reason_descriptor()->value_count())) {}

void MethodMetrics::Count(v1::Reason reason, std::chrono::nanoseconds latency) {
  by_reason_[IndexOf(reason)].fetch_add(1, std::memory_order_relaxed);
  const auto bound = std::lower_bound(kLatencyBoundsUs.begin(), kLatencyBoundsUs.end(), (latency.count() + 999) / 1000);
  by_latency_[static_cast<std::size_t>(bound - kLatencyBoundsUs.begin())].fetch_add(1, std::memory_order_relaxed);
  latency_sum_ns_.fetch_add(static_cast<std::uint64_t>(latency.count()), std::memory_order_relaxed);
}

std::uint64_t MethodMetrics::CountOf(v1::Reason reason) const { return by_reason_[IndexOf(reason)].load(std::memory_order_relaxed); }

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
      const auto reason = static_cast<v1::Reason>(v1::Reason_descriptor()->value(static_cast<int>(i))->number());
      const auto code = static_cast<absl::StatusCode>(InfoOf(reason).code());
      absl::StrAppend(&text, "redpoints_calls_total{method=\"", name, "\",code=\"", absl::StatusCodeToString(code), "\",reason=\"",
                      reason == v1::REASON_UNSPECIFIED ? "" : NameOf(reason), "\"} ", count, "\n");
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
