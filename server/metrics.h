// Counters of calls by method, code and reason, and how long they took, in the text format that Prometheus reads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proto/contract/reason.h"

namespace redpoints::server {

// Upper bounds of the latency buckets, in microseconds; the last bucket has none. Never change what a bound means: dashboards add
// them up.
inline constexpr std::array<std::int64_t, 17> kLatencyBoundsUs = {
    50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

// Counters of one method. Thread-safe, without locks.
class MethodMetrics {
 public:
  explicit MethodMetrics(std::string_view method);

  // REASON_UNSPECIFIED counts as OK.
  void Count(Reason reason, std::chrono::nanoseconds latency);
  // Calls that ended so.
  std::uint64_t CountOf(Reason reason) const;

 private:
  friend class Metrics;

  const std::string method_;
  std::vector<std::atomic<std::uint64_t>> by_reason_;  // of OK, then in the order of AllReasons
  std::array<std::atomic<std::uint64_t>, kLatencyBoundsUs.size() + 1> by_latency_{};
  std::atomic<std::uint64_t> latency_sum_ns_{0};
};

// Thread-safe. A method's counters live as long as this.
class Metrics {
 public:
  // "RedemptionService/Redeem". The same name gives the same counters.
  MethodMetrics& ForMethod(std::string_view method);

  // Everything so far. The figures of one method may be some calls apart, since nothing stops the counting.
  std::string Exposition() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<MethodMetrics>, std::less<>> methods_;  // guarded by mutex_
};

}  // namespace redpoints::server
