#include "storage/rules/day.h"

#include <chrono>

namespace redpoints {
namespace {

using std::chrono::days;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kShanghaiMs = 8 * 3'600'000;

year_month_day ToCalendar(Day day) {
  return {year{day / 10000}, month{static_cast<unsigned>(day / 100 % 100)}, std::chrono::day{static_cast<unsigned>(day % 100)}};
}

Day FromCalendar(year_month_day date) {
  return static_cast<int>(date.year()) * 10000 + static_cast<int>(static_cast<unsigned>(date.month())) * 100 +
         static_cast<int>(static_cast<unsigned>(date.day()));
}

}  // namespace

Day DayOf(std::int64_t unix_ms) {
  const std::int64_t local = unix_ms + kShanghaiMs;
  const std::int64_t count = local >= 0 ? local / kDayMs : (local - kDayMs + 1) / kDayMs;
  return FromCalendar(sys_days{days{count}});
}

std::int64_t StartOf(Day day) { return std::int64_t{sys_days{ToCalendar(day)}.time_since_epoch().count()} * kDayMs - kShanghaiMs; }

bool IsDay(Day day) { return day >= 19700101 && day <= kNever && ToCalendar(day).ok(); }

Day AddDays(Day day, int count) { return FromCalendar(sys_days{ToCalendar(day)} + days{count}); }

int DaysBetween(Day from, Day to) { return static_cast<int>((sys_days{ToCalendar(to)} - sys_days{ToCalendar(from)}).count()); }

Day EndOfPeriod(Day day, int months, v1::Period period) {
  const int months_per_period = period == v1::YEAR ? 12 : period == v1::QUARTER ? 3 : 1;
  int index = day / 10000 * 12 + (day / 100 % 100 - 1) + months;  // months since year 0
  index = index / months_per_period * months_per_period + months_per_period;
  return index / 12 * 10000 + (index % 12 + 1) * 100 + 1;
}

}  // namespace redpoints
