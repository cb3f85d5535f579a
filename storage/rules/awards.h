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

// A confidential deed as the ledger shows it: an award of the umbrella, its points as the quantity. nullptr activity or quantity 0: what the
// rulebook of the day does not have. Pure.
struct ShownDeed {
  const v1::Activity* umbrella = nullptr;
  std::int64_t quantity = 0;
};
ShownDeed Show(const Rulebook& book, const v1::Activity& confidential, std::int64_t quantity);

}  // namespace redpoints
