// The one place where entries meet state. The ledger thread, replay on open, `check` and an auditor's verification all use these two.
#pragma once

#include "absl/status/status.h"
#include "storage/rules/entry.h"
#include "storage/rules/state.h"

namespace redpoints {

// Whether `entry` may be the next one: sequence, time, length, conservation per unit, balances and chains, floors, lots, and which kinds of entry
// may touch which accounts. INTERNAL says what is wrong. Changes nothing but fills caches.
absl::Status Verify(State& state, const Entry& entry);

// Adds a verified entry to the state. Each row is changed by the entry and the row alone.
// Fails only where a rulebook's blob can't be had or read; the state is then unusable.
absl::Status Apply(State& state, const Entry& entry);

// Points moved by a redemption, capture, hold, refund or reversal, as a positive number; 0 for other kinds.
std::int64_t PointsOf(const Entry& entry);

// Lots that a redemption or capture took from the member, positive, in the order in which they were taken.
std::vector<Lot> LotsTaken(const Entry& entry);

// Adds `lot` (negative takes away) to lots ordered by end and fund; a lot that comes to 0 goes.
void AddLot(std::vector<Lot>& lots, const Lot& lot);

}  // namespace redpoints
