// Business days: yyyymmdd integers of Asia/Shanghai, which has had no daylight saving since 1991 and is UTC+8. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "redpoints/v1/rulebook.pb.h"

namespace redpoints {

using Day = std::int32_t;

// The end of a lot that never ends: sorts after every real day.
inline constexpr Day kNever = 99991231;

// As far as the clock may be from the time that somebody states, and the last entry ahead of the clock.
inline constexpr std::int64_t kClockDiffersMs = 10 * 60'000;

// The business day of a time in Unix milliseconds.
Day DayOf(std::int64_t unix_ms);
// 00:00 of `day` in Unix milliseconds.
std::int64_t StartOf(Day day);
// A real day of the calendar between 1970-01-01 and 9999-12-31.
bool IsDay(Day day);
Day AddDays(Day day, int days);
int DaysBetween(Day from, Day to);

// The first day after the span of `period` (MONTH, QUARTER or YEAR) that holds the month `months` after that of `day`: where a lot ends.
Day EndOfPeriod(Day day, int months, v1::Period period);

}  // namespace redpoints
