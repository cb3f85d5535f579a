// What happens because time passes, or somebody says what time it is: holds end, lots expire, days close, clocks are confirmed or set
// back, epochs open.
#pragma once

#include "storage/rules/decision.h"

namespace redpoints {

// Of a hold's end, by a void or by time.
Broken DeriveHoldEnd(Case& c, Entry& end);
// So many of the member's past lots as fit one entry, soonest-ending first.
Broken DeriveExpiry(Case& c, Entry& expiry);
// The day after the last closed one, once it is over, its holds have ended and its lots are expired.
Broken DeriveDayClosed(Case& c, Entry& closed);
// How far the stated time may lie from the entry's; of a set-back, what the clock, the journal and the maker must be like, too.
Broken DeriveClock(Case& c, Entry& confirmed);
// So many lots as fit one entry of those that ended by the entry at `ref`, whose own day is still to come now that a clock was set back.
Broken DeriveExpiryUndone(Case& c, Entry& undone);
Broken DeriveEpoch(Case& c, Entry& epoch);

// One that names a day sets back a program that is ahead of the clock, and only confirms in any other; one that names none is refused by a
// program that is ahead. A set-back is followed at once by an entry, or several, for each that ended points by the clock of before.
Outcome Decide(Decision& d, const ConfirmClock& command);
// That a word about the clock has to name the day before the stated time, which shows a time that was mistyped.
Refusal DayToBeNamed(std::int64_t stated_ms);
Outcome Decide(Decision& d, const OpenEpoch& command);

// What is over for a member: open holds, and whether points are past. It is written before anything else about them.
struct Due {
  std::vector<std::int64_t> holds;
  bool has_past_points = false;
};
Due DueOf(State& state, const std::string& member, std::int64_t now_ms, Day today);

// Whether the last entry is further ahead of the clock than what is bridged.
bool IsAhead(const StateMark& at, std::int64_t clock_ms);

// Ends holds whose time has come and closes business days that are over, in about `entries_max` entries. True when all is done.
bool CatchUpWithTime(Desk& desk, std::size_t entries_max);
// When CatchUpWithTime will next have something to do, Unix milliseconds.
std::int64_t NextDeadline(const Desk& desk, const State& state);

}  // namespace redpoints
