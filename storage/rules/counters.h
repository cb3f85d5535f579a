// What is counted against limits and caps, and which deeds are taken: the rows of State::counters, their keys, and what entries add to
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/rules/entry.h"
#include "storage/rules/state.h"

namespace redpoints {

// --- keys --------------------------------------------------------------------------------------------------------------------------
std::string MemberCounter(v1::Period period, std::string_view member, Day day);             // points redeemed by a member
std::string ClassCounter(std::string_view presentation, std::string_view member, Day day);  // of them in a presentation class in a day
std::string MerchantCounter(std::string_view merchant, Day day);                            // points redeemed at a merchant in a day
std::string CountCounter(v1::Period period, std::string_view member, Day day);              // redemptions of a member
std::string RefusalCounter(std::string_view who, Day day);  // recorded refusals and tombstones of an actor; refusals about a member
std::string CapCounter(v1::Period period, std::string_view member, std::string_view activity, std::string_view unit, Day day,
                       std::string_view session);  // amount earned by a member in an activity
std::string CarryCounter(std::string_view member, std::string_view activity, std::string_view rulebook,
                         Day day);  // quantity of a month
std::string CarryEarnedCounter(std::string_view member, std::string_view activity, std::string_view rulebook,
                               Day day);                            // and what it earned, before caps
std::string EndedCounter(std::string_view member, const Lot& lot);  // points that ended unspent, under their first end
std::string SessionCounter(std::string_view member, std::string_view activity,
                           std::string_view session);  // the award's sequence + 1; 0: withdrawn
std::string CaseCounter(std::string_view member, std::string_view activity, std::string_view case_id);  // the same for cases
std::string UniqueCounter(std::string_view unique);                                                     // and for confidential deeds

// 0 where nothing was counted.
std::int64_t CountOf(State& state, const std::string& counter);

// --- what entries add --------------------------------------------------------------------------------------------------------------
// A sale, as the limits of the rulebook that held for it count it.
struct Counted {
  std::string_view rulebook, presentation, member, merchant;
  Day day;
};
// Counts points and redemptions, or gives them back.
void CountAgainstLimits(State& state, const Counted& sale, std::int64_t points, std::int64_t redemptions);
// Against the caps of its activity, and its deed as awarded.
void CountAward(State& state, const Entry& award);
// What the correction of an award changes of that. Returns what the award earns from now on, before caps, in the unit that carries on.
std::int64_t CountCorrection(State& state, const Entry& correction);
void CountEnded(State& state, std::string_view member, const Lot& lot);
void CountRefusal(State& state, std::string_view who, Day day);

}  // namespace redpoints
