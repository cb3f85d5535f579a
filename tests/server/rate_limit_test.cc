#include "server/rate_limit.h"

#include <gtest/gtest.h>

namespace redpoints::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const RateLimiter::Time kStart{std::chrono::hours(1)};

TEST(RateLimiter, BurstPassesAndThenTheRate) {
  RateLimiter limiter({.calls_per_second_max = 10, .burst_max = 5, .callers_max = 100});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter.Take(1, kStart), 0) << i;
  EXPECT_EQ(limiter.Take(1, kStart), 100);
  EXPECT_EQ(limiter.Take(1, kStart + milliseconds(40)), 60);
  EXPECT_EQ(limiter.Take(1, kStart + milliseconds(100)), 0);
  EXPECT_EQ(limiter.Take(1, kStart + milliseconds(100)), 100);
}

TEST(RateLimiter, RefusedCallsCostNothing) {
  RateLimiter limiter({.calls_per_second_max = 10, .burst_max = 1, .callers_max = 100});
  EXPECT_EQ(limiter.Take(1, kStart), 0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.Take(1, kStart), 100);
  EXPECT_EQ(limiter.Take(1, kStart + milliseconds(100)), 0);
}

TEST(RateLimiter, RestRefillsTheBurstButNeverAboveIt) {
  RateLimiter limiter({.calls_per_second_max = 10, .burst_max = 5, .callers_max = 100});
  EXPECT_EQ(limiter.Take(1, kStart), 0);
  int passed = 0;
  while (limiter.Take(1, kStart + seconds(3600)) == 0) ++passed;
  EXPECT_EQ(passed, 5);
}

TEST(RateLimiter, OverALongTimeTheRateIsTheRate) {
  RateLimiter limiter({.calls_per_second_max = 50, .burst_max = 10, .callers_max = 100});
  int passed = 0;
  for (int ms = 0; ms < 20'000; ++ms) passed += limiter.Take(7, kStart + milliseconds(ms)) == 0;
  EXPECT_NEAR(passed, 50 * 20 + 10, 1);
}

TEST(RateLimiter, CallersDoNotTouchEachOther) {
  RateLimiter limiter({.calls_per_second_max = 1, .burst_max = 1, .callers_max = 100});
  EXPECT_EQ(limiter.Take(1, kStart), 0);
  EXPECT_NE(limiter.Take(1, kStart), 0);
  EXPECT_EQ(limiter.Take(2, kStart), 0);
}

TEST(RateLimiter, MemoryIsBoundedAndAnActiveCallerIsNeverForgotten) {
  constexpr std::uint64_t kActive = 1'000'000;
  RateLimiter limiter({.calls_per_second_max = 1, .burst_max = 1, .callers_max = 10});
  EXPECT_EQ(limiter.Take(kActive, kStart), 0);
  bool was_active_let_in = false;
  for (std::uint64_t caller = 0; caller < 1000; ++caller) {
    ASSERT_EQ(limiter.Take(caller, kStart), 0);
    ASSERT_LE(limiter.callers(), 10U);
    if (caller % 4 == 0) was_active_let_in = was_active_let_in || limiter.Take(kActive, kStart) == 0;
  }
  EXPECT_FALSE(was_active_let_in);
}

TEST(RateLimiter, ClockThatGoesBackDoesNotLetMorePass) {
  RateLimiter limiter({.calls_per_second_max = 1, .burst_max = 1, .callers_max = 10});
  EXPECT_EQ(limiter.Take(1, kStart), 0);
  EXPECT_EQ(limiter.Take(1, kStart - seconds(10)), 11'000);
}

TEST(RateLimiter, ExtremeRatesDoNotOverflow) {
  RateLimiter slow({.calls_per_second_max = 1e-300, .burst_max = 1'000'000'000, .callers_max = 10});
  EXPECT_EQ(slow.Take(1, kStart), 0);
  RateLimiter never({.calls_per_second_max = 1e-300, .burst_max = 1, .callers_max = 10});
  EXPECT_EQ(never.Take(1, kStart), 0);
  EXPECT_GT(never.Take(1, kStart), 0);
  RateLimiter fast({.calls_per_second_max = 1e300, .burst_max = 1, .callers_max = 10});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(fast.Take(1, kStart), 0);
}

}  // namespace
}  // namespace redpoints::server
