// The keys under which is counted: derived rows, which every later program of this version must find.
#include "storage/rules/counters.h"

#include <gtest/gtest.h>

namespace redpoints {
namespace {

TEST(Counters, SpansHaveTheirNames) {
  const auto span = [](v1::Period period, Day day) { return MemberCounter(period, "m1", day); };
  EXPECT_EQ(span(v1::DAY, 20240229), "points/m1/20240229");
  EXPECT_EQ(span(v1::MONTH, 20240229), "points/m1/202402");
  EXPECT_EQ(span(v1::YEAR, 20240229), "points/m1/2024");
  EXPECT_EQ(span(v1::LIFETIME, 20240229), "points/m1/life");
  const char* quarters[] = {"q1", "q1", "q1", "q2", "q2", "q2", "q3", "q3", "q3", "q4", "q4", "q4"};
  for (int month = 1; month <= 12; ++month) {
    EXPECT_EQ(span(v1::QUARTER, 20240000 + month * 100 + 1), std::string("points/m1/2024") + quarters[month - 1]);
  }
}

TEST(Counters, EachCountsForItself) {
  EXPECT_EQ(ClassCounter("card", "m1", 20240229), "class/card/m1/20240229");
  EXPECT_EQ(MerchantCounter("s1", 20240229), "points/s1/20240229");
  EXPECT_EQ(CountCounter(v1::MONTH, "m1", 20240229), "count/m1/202402");
  EXPECT_EQ(RefusalCounter("t1", 20240229), "refused/t1/20240229");
  EXPECT_EQ(CapCounter(v1::MONTH, "m1", "VISIT", "POINT", 20240229, "s"), "cap/m1/VISIT/POINT/202402");
  EXPECT_EQ(CapCounter(v1::SESSION, "m1", "VISIT", "POINT", 20240229, "2024"), "cap-session/m1/VISIT/POINT/2024");
  EXPECT_EQ(CarryCounter("m1", "VISIT", "2024-1", 20240229), "carry/m1/VISIT/2024-1/202402");
  EXPECT_EQ(CarryEarnedCounter("m1", "VISIT", "2024-1", 20240229), "carry_earned/m1/VISIT/2024-1/202402");
  EXPECT_EQ(EndedCounter("m1", {.fund = "street", .end = 20240501}), "ended/m1/street/20240501");
  EXPECT_EQ(EndedCounter("m1", {.fund = "street", .end = 20240601, .first_end = 20240501}), "ended/m1/street/20240501");
  EXPECT_EQ(SessionCounter("m1", "VISIT", "s"), "session/m1/VISIT/s");
  EXPECT_EQ(CaseCounter("m1", "VISIT", "c"), "case/m1/VISIT/c");
  EXPECT_EQ(UniqueCounter("u"), "unique/u");
}

}  // namespace
}  // namespace redpoints
