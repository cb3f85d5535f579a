// Debts to a fund that has ended, which no later award can pay: two persons may end them.
#pragma once

#include "storage/rules/decision.h"

namespace redpoints {

Broken DeriveWaiverProposal(Case& c, Entry& proposal);
Broken DeriveWaiver(Case& c, Entry& waiver);

Outcome Decide(Decision& d, const ProposeWaiver& command);
Outcome Decide(Decision& d, const WaiveDebt& command);

}  // namespace redpoints
