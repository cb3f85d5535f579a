// The arithmetic of the reference: calendar, rounding, look-ups; loops where the engine calculates.
#pragma once

#include <cstdint>
#include <string>

#include "redpoints/v1/rulebook.pb.h"
#include "storage/rules/day.h"

namespace redpoints::naive {

inline constexpr std::size_t kLots = 64;
inline constexpr std::int64_t kMost = (std::int64_t{1} << 53) - 1;

inline int YearOf(Day day) { return day / 10000; }
inline int MonthOf(Day day) { return day / 100 % 100; }

inline bool SamePeriod(v1::Period period, Day a, Day b) {
  if (period == v1::LIFETIME) return true;
  if (YearOf(a) != YearOf(b)) return false;
  if (period == v1::YEAR) return true;
  if (period == v1::QUARTER) return (MonthOf(a) - 1) / 3 == (MonthOf(b) - 1) / 3;
  if (period == v1::MONTH) return MonthOf(a) == MonthOf(b);
  return a == b;
}

// Whether `day` lies in [from, to); 0: without bound.
inline bool Holds(Day from, Day to, Day day) { return day >= from && (to == 0 || day < to); }

// The first day after the month, quarter or year in which the month `months` after `day` falls.
inline Day EndAfter(Day day, int months, v1::Period period) {
  int year = YearOf(day), month = MonthOf(day);
  const auto next = [&] {
    if (++month == 13) ++year, month = 1;
  };
  for (int i = 0; i < months; ++i) next();
  do next();
  while ((period == v1::QUARTER && month % 3 != 1) || (period == v1::YEAR && month != 1));
  return year * 10000 + month * 100 + 1;
}

inline std::int64_t Round(std::int64_t value, std::int64_t numerator, std::int64_t denominator, v1::Rounding rounding) {
  __extension__ using Wide = __int128;
  const Wide product = Wide{value} * numerator;
  Wide result = product / denominator;
  const Wide rest = product % denominator;
  if (rounding == v1::UP && rest > 0) ++result;
  if (rounding == v1::HALF_UP && 2 * rest >= denominator) ++result;
  return result > kMost ? kMost : static_cast<std::int64_t>(result);
}

inline std::int64_t Earned(const v1::Earning& earning, std::int64_t quantity) {
  std::int64_t whole = quantity;
  if (earning.step() > 1) whole -= quantity % earning.step();
  return Round(whole, earning.numerator(), earning.denominator(), earning.rounding());
}

inline const v1::Activity* FindRule(const v1::Rulebook& book, const std::string& code) {
  for (const auto& activity : book.activities()) {
    if (activity.code() == code) return &activity;
  }
  return nullptr;
}

inline Day EndOf(const v1::Activity& rule, Day deed) {
  return rule.has_lot_validity() ? EndAfter(deed, rule.lot_validity().months(), rule.lot_validity().round_up_to()) : kNever;
}

template <class T> T Or(T value, T standard) { return value ? value : standard; }

}  // namespace redpoints::naive
