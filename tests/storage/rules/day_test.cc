#include "storage/rules/day.h"

#include <gtest/gtest.h>

namespace redpoints {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

bool IsLeap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

// Walks the calendar day by day, with nothing but the lengths of months.
TEST(Day, FollowsTheCalendarFrom1970To2110) {
  const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int64_t count = 0;
  Day yesterday = 0;
  for (int year = 1970; year <= 2110; ++year) {
    for (int month = 1; month <= 12; ++month) {
      const int length = lengths[month - 1] + (month == 2 && IsLeap(year));
      for (int date = 1; date <= length; ++date, ++count) {
        const Day day = year * 10000 + month * 100 + date;
        const std::int64_t start = count * kDayMs - 8 * 3'600'000;  // Shanghai is eight hours ahead
        ASSERT_TRUE(IsDay(day)) << day;
        ASSERT_EQ(StartOf(day), start) << day;
        ASSERT_EQ(DayOf(start), day);
        ASSERT_EQ(DayOf(start + kDayMs - 1), day);
        if (yesterday) {
          ASSERT_EQ(AddDays(yesterday, 1), day);
          ASSERT_EQ(AddDays(day, -1), yesterday);
          ASSERT_EQ(DayOf(start - 1), yesterday);
        }
        ASSERT_EQ(DaysBetween(19700101, day), count);
        ASSERT_EQ(AddDays(19700101, static_cast<int>(count)), day);
        yesterday = day;
      }
      EXPECT_FALSE(IsDay(year * 10000 + month * 100 + length + 1)) << year << " " << month;
      EXPECT_FALSE(IsDay(year * 10000 + month * 100)) << year << " " << month;
    }
  }
}

TEST(Day, KnowsWhatIsNoDay) {
  for (const Day day : {-1, 0, 1, 20240230, 20230229, 21000229, 20241301, 20240001, 19691231, 100000101, 2147483647}) {
    EXPECT_FALSE(IsDay(day)) << day;
  }
  for (const Day day : {19700101, 20240229, 20000229, kNever}) EXPECT_TRUE(IsDay(day)) << day;
}

TEST(Day, MidnightIsInShanghai) {
  EXPECT_EQ(DayOf(1'710'431'999'999), 20240314);  // 15:59:59.999 UTC
  EXPECT_EQ(DayOf(1'710'432'000'000), 20240315);
  EXPECT_EQ(DayOf(0), 19700101);
  EXPECT_EQ(DayOf(-8 * 3'600'000 - 1), 19691231);
}

TEST(Day, LotsEndBehindTheirPeriod) {
  struct Case {
    Day day;
    int months;
    v1::Period period;
    Day end;
  };
  const Case cases[] = {
      {20240315, 0, v1::MONTH, 20240401},
      {20240315, 1, v1::MONTH, 20240501},
      {20240131, 1, v1::MONTH, 20240301},
      {20241231, 1, v1::MONTH, 20250201},
      {20241101, 1, v1::MONTH, 20250101},
      {20240315, 12, v1::MONTH, 20250401},
      {20240315, 120, v1::MONTH, 20340401},
      {20240315, 0, v1::QUARTER, 20240401},
      {20240401, 0, v1::QUARTER, 20240701},
      {20240331, 1, v1::QUARTER, 20240701},
      {20241201, 1, v1::QUARTER, 20250401},
      {20240315, 0, v1::YEAR, 20250101},
      {20241231, 0, v1::YEAR, 20250101},
      {20241231, 1, v1::YEAR, 20260101},
      {20240315, 12, v1::YEAR, 20260101},
      {20240315, 9, v1::YEAR, 20250101},
      {20240315, 2, v1::PERIOD_UNSPECIFIED, 20240601},
  };
  for (const Case& c : cases) EXPECT_EQ(EndOfPeriod(c.day, c.months, c.period), c.end) << c.day << " " << c.months << " " << c.period;
}

}  // namespace
}  // namespace redpoints
