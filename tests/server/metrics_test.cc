#include "server/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace redpoints::server {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

bool Has(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

TEST(Metrics, CallsAreCountedByMethodCodeAndReason) {
  Metrics metrics;
  MethodMetrics& redeem = metrics.ForMethod("RedemptionService/Redeem");
  redeem.Count(Reason::REASON_UNSPECIFIED, microseconds(10));
  redeem.Count(Reason::REASON_UNSPECIFIED, microseconds(20));
  redeem.Count(Reason::INSUFFICIENT_POINTS, microseconds(30));
  metrics.ForMethod("AccountService/GetBalance").Count(Reason::DEADLINE_PASSED, microseconds(5));
  const std::string text = metrics.Exposition();
  EXPECT_TRUE(Has(text, R"(redpoints_calls_total{method="RedemptionService/Redeem",code="OK",reason=""} 2)")) << text;
  EXPECT_TRUE(Has(text,
                  "redpoints_calls_total{method=\"RedemptionService/Redeem\",code=\"FAILED_PRECONDITION\","
                  "reason=\"INSUFFICIENT_POINTS\"} 1"))
      << text;
  EXPECT_TRUE(Has(text,
                  "redpoints_calls_total{method=\"AccountService/GetBalance\",code=\"DEADLINE_EXCEEDED\","
                  "reason=\"DEADLINE_PASSED\"} 1"))
      << text;
  EXPECT_EQ(text.find("BELOW_MINIMUM"), std::string::npos);
}

TEST(Metrics, EveryReasonHasItsOwnCounter) {
  Metrics metrics;
  MethodMetrics& method = metrics.ForMethod("S/M");
  std::uint64_t count = 1;
  method.Count(Reason::REASON_UNSPECIFIED, microseconds(1));
  for (const auto& [reason, info] : AllReasons()) {
    ++count;
    for (std::uint64_t n = 0; n < count; ++n) method.Count(reason, microseconds(1));
  }
  count = 1;
  EXPECT_EQ(method.CountOf(Reason::REASON_UNSPECIFIED), count);
  for (const auto& [reason, info] : AllReasons()) {
    ++count;
    EXPECT_EQ(method.CountOf(reason), count) << reason;
  }
}

TEST(Metrics, BucketsHoldWhatIsAtMostTheirBoundAndAddUp) {
  Metrics metrics;
  MethodMetrics& method = metrics.ForMethod("S/M");
  method.Count(Reason::REASON_UNSPECIFIED, microseconds(50));
  method.Count(Reason::REASON_UNSPECIFIED, nanoseconds(50'001));
  method.Count(Reason::REASON_UNSPECIFIED, microseconds(1'000));
  method.Count(Reason::OVERLOADED, std::chrono::seconds(11));
  const std::string text = metrics.Exposition();
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_bucket{method="S/M",le="5e-05"} 1)")) << text;
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_bucket{method="S/M",le="0.0001"} 2)")) << text;
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_bucket{method="S/M",le="0.0005"} 2)")) << text;
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_bucket{method="S/M",le="0.001"} 3)")) << text;
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_bucket{method="S/M",le="10"} 3)")) << text;
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_bucket{method="S/M",le="+Inf"} 4)")) << text;
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_count{method="S/M"} 4)")) << text;
  EXPECT_TRUE(Has(text, R"(redpoints_call_duration_seconds_sum{method="S/M"} 11.001100001)")) << text;
}

TEST(Metrics, SameNameIsTheSameMethod) {
  Metrics metrics;
  EXPECT_EQ(&metrics.ForMethod("S/M"), &metrics.ForMethod("S/M"));
  EXPECT_NE(&metrics.ForMethod("S/M"), &metrics.ForMethod("S/N"));
}

TEST(Metrics, EachMetricIsDeclaredOnceBeforeItsLines) {
  Metrics metrics;
  metrics.ForMethod("S/M").Count(Reason::REASON_UNSPECIFIED, microseconds(1));
  metrics.ForMethod("S/N").Count(Reason::REASON_UNSPECIFIED, microseconds(1));
  const std::string text = metrics.Exposition();
  for (const std::string name : {"redpoints_calls_total counter", "redpoints_call_duration_seconds histogram"}) {
    const std::size_t first = text.find("# TYPE " + name + "\n");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(text.find("# TYPE " + name, first + 1), std::string::npos);
    EXPECT_LT(first, text.find(name.substr(0, name.find(' ')) + (name.ends_with("counter") ? "{" : "_bucket{")));
  }
}

TEST(Metrics, ThreadsLoseNoCall) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) metrics.ForMethod("S/M").Count(Reason::OVERLOADED, microseconds(1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(metrics.ForMethod("S/M").CountOf(Reason::OVERLOADED), 40'000U);
}

}  // namespace
}  // namespace redpoints::server
