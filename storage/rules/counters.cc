#include "storage/rules/counters.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/rules/lots.h"
#include "storage/rules/rulebook.h"

namespace redpoints {
namespace {

// Joins with '/', which no id or code holds.
template <class... T> std::string Key(const char* what, const T&... rest) {
  std::string key(what);
  ((key += '/', key += std::string_view(rest)), ...);
  return key;
}

// Names the span of `period` around `day`; `session` for SESSION.
std::string SpanOf(v1::Period period, Day day, std::string_view session = "") {
  switch (period) {
    case v1::SESSION: return std::string(session);
    case v1::DAY: return absl::StrCat(day);
    case v1::MONTH: return absl::StrCat(day / 100);
    case v1::QUARTER: return absl::StrCat(day / 10000, "q", (day / 100 % 100 + 2) / 3);
    case v1::YEAR: return absl::StrCat(day / 10000);
    default: return "life";
  }
}

void AddTo(State& state, const std::string& key, std::int64_t amount) {
  if (amount != 0) state.counters.Edit(key) += amount;
}

// What an award, or a correction of it, is worth before caps in the unit that carries on, if one does.
std::int64_t EarnedCarryingOn(const State& state, const Entry& e) {
  const v1::Activity* activity = state.definitions->ActivityOf(e);
  const v1::Earning* carrying = activity ? CarryingOf(*activity) : nullptr;
  return carrying ? AmountEarned(*carrying, e.quantity, e.carried) : 0;
}

// What an award or a correction of it earned, against the caps of its activity; and, where remainders are carried on, by how much the
// month's quantity and earnings change.
void CountAgainstCaps(State& state, const Entry& e, std::int64_t quantity, std::int64_t earned) {
  const v1::Activity* activity = state.definitions->ActivityOf(e);
  if (!activity) return;
  for (const auto& cap : activity->caps()) {
    AddTo(state, CapCounter(cap.period(), e.member, e.activity, cap.unit(), e.effective_day, e.session), EarnedBy(e, cap.unit()));
  }
  if (CarryingOf(*activity)) {
    AddTo(state, CarryCounter(e.member, e.activity, e.rulebook, e.effective_day), quantity);
    AddTo(state, CarryEarnedCounter(e.member, e.activity, e.rulebook, e.effective_day), earned);
  }
}

// A deed is awarded once to a member: in its session, for its case, and, where it is confidential, by what nobody else can read.
void MarkDeed(State& state, const Entry& e, std::int64_t award, bool counts) {
  std::vector<std::string> keys;
  if (!e.session.empty()) keys.push_back(SessionCounter(e.member, e.activity, e.session));
  if (!e.case_id.empty()) keys.push_back(CaseCounter(e.member, e.activity, e.case_id));
  for (const std::string& unique : e.unique) keys.push_back(UniqueCounter(unique));
  for (const std::string& key : keys) {
    if (counts) {
      state.counters.Edit(key) = award + 1;
    } else if (CountOf(state, key) == award + 1) {  // another award may have taken it since this one was withdrawn
      state.counters.Edit(key) = 0;
    }
  }
}

}  // namespace

std::string MemberCounter(v1::Period period, std::string_view member, Day day) { return Key("points", member, SpanOf(period, day)); }
std::string MerchantCounter(std::string_view merchant, Day day) { return Key("points", merchant, SpanOf(v1::DAY, day)); }
std::string CountCounter(v1::Period period, std::string_view member, Day day) { return Key("count", member, SpanOf(period, day)); }
std::string RefusalCounter(std::string_view who, Day day) { return Key("refused", who, SpanOf(v1::DAY, day)); }
std::string ClassCounter(std::string_view presentation, std::string_view member, Day day) {
  return Key("class", presentation, member, SpanOf(v1::DAY, day));
}
std::string CapCounter(v1::Period period, std::string_view member, std::string_view activity, std::string_view unit, Day day,
                       std::string_view session) {
  // The period's kind is in the key: a session may be called "2024".
  return Key(period == v1::SESSION ? "cap-session" : "cap", member, activity, unit, SpanOf(period, day, session));
}
std::string CarryEarnedCounter(std::string_view member, std::string_view activity, std::string_view rulebook, Day day) {
  return Key("carry_earned", member, activity, rulebook, SpanOf(v1::MONTH, day));
}
std::string CarryCounter(std::string_view member, std::string_view activity, std::string_view rulebook, Day day) {
  return Key("carry", member, activity, rulebook, SpanOf(v1::MONTH, day));
}
std::string EndedCounter(std::string_view member, const Lot& lot) { return Key("ended", member, lot.fund, absl::StrCat(lot.origin_end())); }
std::string SessionCounter(std::string_view member, std::string_view activity, std::string_view session) {
  return Key("session", member, activity, session);
}
std::string CaseCounter(std::string_view member, std::string_view activity, std::string_view case_id) {
  return Key("case", member, activity, case_id);
}
std::string UniqueCounter(std::string_view unique) { return Key("unique", unique); }

std::int64_t CountOf(State& state, const std::string& counter) {
  const std::int64_t* count = state.counters.Find(counter);
  return count ? *count : 0;
}

void CountAgainstLimits(State& state, const Counted& sale, std::int64_t points, std::int64_t redemptions) {
  const Rulebook* book = state.BookNamed(sale.rulebook);
  if (!book) return;
  const auto& limits = book->limits();
  if (limits.max_points_per_member_day()) AddTo(state, MemberCounter(v1::DAY, sale.member, sale.day), points);
  if (limits.max_points_per_member_month()) AddTo(state, MemberCounter(v1::MONTH, sale.member, sale.day), points);
  if (limits.max_points_per_merchant_day()) AddTo(state, MerchantCounter(sale.merchant, sale.day), points);
  for (const auto& limit : limits.counts()) AddTo(state, CountCounter(limit.period(), sale.member, sale.day), redemptions);
  const v1::ClassLimit* of_class = book->FindClass(sale.presentation);
  if (of_class && of_class->max_points_per_member_day()) AddTo(state, ClassCounter(sale.presentation, sale.member, sale.day), points);
}

void CountAward(State& state, const Entry& award) {
  CountAgainstCaps(state, award, award.quantity, EarnedCarryingOn(state, award));
  MarkDeed(state, award, award.sequence, true);
}

std::int64_t CountCorrection(State& state, const Entry& e) {
  const std::int64_t earned = EarnedCarryingOn(state, e);
  const std::int64_t all = CountOf(state, CarryEarnedCounter(e.member, e.activity, e.rulebook, e.effective_day));
  CountAgainstCaps(state, e, e.quantity - e.quantity_before, e.carried.earned + earned - all);
  MarkDeed(state, e, e.ref, e.quantity > 0);
  return earned;
}

void CountEnded(State& state, std::string_view member, const Lot& lot) { AddTo(state, EndedCounter(member, lot), lot.amount); }

void CountRefusal(State& state, std::string_view who, Day day) { AddTo(state, RefusalCounter(who, day), 1); }

}  // namespace redpoints
