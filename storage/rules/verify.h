// Whether an entry may be the next one. The ledger thread asks CheckEntry of each entry that it drafted; opening, `check` and an auditor's
// `verify` ask Verify of each entry that they read, which recomputes whatever follows from state and rulebook.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/rules/derive.h"

namespace redpoints {

// What holds for every entry: place, time and length; conservation per unit and, of spendable points, per fund; balances and chains;
// floors; lots; which kinds touch which accounts; a posting for the member it is about. INTERNAL says what is wrong. Changes nothing but
// caches.
absl::Status CheckEntry(State& state, const Entry& entry);

// CheckEntry, and that all fields which the entry does not merely state are what Derive makes of those. INTERNAL names the field;
// UNIMPLEMENTED: rules of a newer program, which is no damage. It can't judge what entries don't show: commands that were refused, amounts
// of confidential deeds, commitments, and whether who paid had shown it. Nor does it judge standing and roles of who asked: the front door
// let them in.
absl::Status Verify(State& state, const Entry& entry, const Related& related);

// The entries that `entry` is about, from state.find_entries.
absl::StatusOr<Related> FindRelated(State& state, const Entry& entry);

// What an entry of its kind states, since nobody could recompute it from the rest; nothing else.
Entry Stated(const Entry& entry);

// The refusal of what was asked, but for its reason, facts and points: it says all that was stated, except what is kept aside or was to be
// registered.
Entry AsRefused(const Entry& asked);

}  // namespace redpoints
