// What volunteers earn, and what they give away: awards, corrections, donations.
#pragma once

#include "storage/rules/decision.h"

namespace redpoints {

Broken DeriveAward(Case& c, Entry& award);
Broken DeriveCorrection(Case& c, Entry& correction);
Broken DeriveDonation(Case& c, Entry& donation);

Outcome Decide(Decision& d, const Award& command);
Outcome Decide(Decision& d, const AwardBatch& command);
Outcome Decide(Decision& d, const Correct& command);
Outcome Decide(Decision& d, const Donate& command);

// What the ledger would say of a confidential deed itself, of which its entry shows nothing: DETAIL_REQUIRED 607, GROUP_NOT_ELIGIBLE 608,
// QUANTITY_OUT_OF_BOUNDS 609. A door asks before it puts the umbrella in its place. Pure.
Broken CheckConfidential(const v1::Activity& confidential, const AwardItem& deed, const MemberData& member);

// A confidential deed as the ledger shows it: an award of the umbrella, its points as the quantity. nullptr activity or quantity 0: what the
// rulebook of the day does not have. Pure.
struct ShownDeed {
  const v1::Activity* umbrella = nullptr;
  std::int64_t quantity = 0;
};
ShownDeed Show(const Rulebook& book, const v1::Activity& confidential, std::int64_t quantity);

}  // namespace redpoints
