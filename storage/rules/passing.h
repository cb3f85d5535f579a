// What happens because time passes, or somebody says what time it is: holds end, lots expire, days close, clocks are confirmed, epochs open.
#pragma once

#include "storage/rules/decision.h"

namespace redpoints {

// Of a hold's end, by a void or by time.
Broken DeriveHoldEnd(Case& c, Entry& end);
// So many of the member's past lots as fit one entry, soonest-ending first.
Broken DeriveExpiry(Case& c, Entry& expiry);
// The day after the last closed one, once it is over, its holds have ended and its lots are expired.
Broken DeriveDayClosed(Case& c, Entry& closed);
Broken DeriveClock(Case& c, Entry& confirmed);
Broken DeriveEpoch(Case& c, Entry& epoch);

Outcome Decide(Decision& d, const ConfirmClock& command);
Outcome Decide(Decision& d, const OpenEpoch& command);

// Ends holds whose time has come and closes business days that are over, in about `entries_max` entries. True when all is done.
bool CatchUpWithTime(Desk& desk, std::size_t entries_max);
// When CatchUpWithTime will next have something to do, Unix milliseconds.
std::int64_t NextDeadline(const Desk& desk, const State& state);

}  // namespace redpoints
