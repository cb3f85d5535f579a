// Points that go back: voids, refunds, reversals, and what two persons undo.
#pragma once

#include "storage/rules/decision.h"

namespace redpoints {

Broken DeriveRefund(Case& c, Entry& refund);
Broken DeriveReversal(Case& c, Entry& reversal);
Broken DeriveUndoProposal(Case& c, Entry& proposal);
Broken DeriveUndo(Case& c, Entry& undo);

Outcome Decide(Decision& d, const Void& command);
Outcome Decide(Decision& d, const Refund& command);
Outcome Decide(Decision& d, const Reverse& command);
Outcome Decide(Decision& d, const ProposeUndo& command);
Outcome Decide(Decision& d, const Undo& command);

// What a reversal or undo named goes along with its answer, the first and each later one.
Outcome WithTarget(Decision& d, Outcome outcome);

}  // namespace redpoints
