// What follows for an entry from what it states, the state before it and the rulebook. The ledger drafts entries with these functions and
// Verify recomputes entries with them: each rule about points stands here once, by theme (awards.cc, sales.cc, returns.cc, waivers.cc,
// registry.cc, passing.cc).
//
// An entry states what somebody asked for (verify.cc lists it for each kind); Derive fills in all other fields but balances and `prev`,
// which Complete adds, or says which rule it breaks. State reasons are checked in ascending order of their numbers where a function does
// not say otherwise; each lists its own. Nothing is changed but caches.
#pragma once

#include <memory>
#include <optional>

#include "storage/rules/lots.h"
#include "storage/rules/refusal.h"
#include "storage/rules/state.h"

namespace redpoints {

// Earlier entries that an entry is about: those at `ref`, `hold` and `proposal`. nullptr where there is none.
struct Related {
  std::shared_ptr<const Entry> ref, hold, proposal;
};

// What an entry is derived from beside itself.
struct Case {
  State& state;
  Related related = {};
  std::int64_t points = 0;  // asked for: of a capture, refund or donation
  std::string blob = {};    // derived as well: the content that the entry names
};

using Broken = std::optional<Refusal>;

// By the entry's kind.
Broken Derive(Case& c, Entry& entry);

// One 0 on the member's points where an entry about a member would leave no trace on their chain; then balances and `prev`.
void Complete(State& state, Entry& entry);

// --- shared by the themes ---------------------------------------------------------------------------------------------------------------

// Points that somebody asks to move are above 0 and in range.
bool IsAmount(std::int64_t points);
// FIELD_OUT_OF_RANGE: what no command may ask for and no entry may show.
Refusal OutOfRange(const char* field);

// The account as it stands; empty where nothing ever touched it.
Account AccountOf(State& state, const std::string& holder, std::string_view unit);
// Whether so many points more fit the member's account, those held included, since they may come back.
bool HasRoom(State& state, const std::string& member, std::int64_t points);
// What the fund may still issue; below 0 where its budget was cut.
std::int64_t BudgetLeft(State& state, std::string_view fund);
// What the funds owe for points of these lots, by the book's rates.
std::vector<Owed> OwedFor(const std::vector<Lot>& lots, const Rulebook& book);

// Whether the line will fit, whatever numbers Complete and Post put in.
bool FitsAsPosted(Entry entry);

// Whether a return of all these lots fits behind the postings of `e`, whatever becomes of them: with grace, and a debt to each of their
// funds.
bool FitsReturned(Entry e, const std::vector<Lot>& lots);
std::vector<Lot> AsGraced(std::vector<Lot> lots);

// Lots that a part of a split entry holds at most (10.6): together with everything else it may carry, its line fits.
inline constexpr std::size_t kPartLots = 24;

// Points come back to a member (10.4), after the posting that takes them off where they were: of each fund they first pay the member's
// debt to it, past lots first, then the soonest-ending; lots that are past then follow the policy of today's rulebook, grace once; the
// rest is available in the lots it came from. `graced`: which of the lots have had grace before, and until when.
void GiveBack(State& state, Entry& entry, const std::string& member, const std::vector<Lot>& lots, const std::vector<Lot>& graced = {});

// Points are taken back from a member: first those that ended unspent under one of the `origins`, at most `ended_max`, then what is left
// in lots of those, then the fund's other lots, soonest-ending first; what is then missing was spent. Changes nothing.
struct Taken {
  std::vector<Lot> available, ended;  // positive
  std::int64_t spent = 0;
};
Taken TakeBack(State& state, const std::string& member, const std::string& fund, std::int64_t points, const std::vector<Day>& origins,
               std::int64_t ended_max, Day today);

// The lot in which points of `lot` go on when they come to a member today: the lot itself, a grace lot where it is past and the policy
// gives one, nullopt where they end. Grace counts from the first time: a lot that is among the `graced` ends when it did then.
std::optional<Lot> Living(State& state, const Lot& lot, Day today, const std::vector<Lot>& graced = {});

}  // namespace redpoints
