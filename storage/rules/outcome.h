// The answer to a command.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "storage/rules/entry.h"
#include "storage/rules/refusal.h"
#include "storage/rules/state.h"

namespace redpoints {

struct Outcome {
  // Set when this answer has no entries. The request id stays free but where the reason says otherwise: REQUEST_ID_REUSED has another's,
  // behind OUTCOME_UNKNOWN it may be taken, and a fault (INVARIANT_VIOLATION) may leave the entries before it. A recorded refusal is an entry of
  // kind kRefused.
  std::optional<Refusal> refusal;
  // What recorded the first answer: one entry, the parts of one, or those of a request of many in order of their items. Of a request that was
  // reversed before it came: the reversal, and the state is kNeverSeen.
  std::vector<std::shared_ptr<const Entry>> entries;
  // Of the whole request: refused only if all of it was.
  RequestState first = RequestState::kNone;
  RequestState now = RequestState::kNone;
  std::int64_t now_sequence = -1;
  std::int64_t refunded_points = 0;
  // Of a hold: when it ends by itself. While it is open, by a clock that was set back since.
  std::int64_t hold_until_ms = 0;
  bool is_replayed = false;
  // Of a reversal or undo: what became of what it named, if that had happened.
  std::shared_ptr<const Outcome> target;

  const Entry& entry() const { return *entries.front(); }
  // Sets the states by `entries`, as they are when nothing came after them.
  void Read();
};

// The state of one entry's own: what it was when it was written.
RequestState FirstStateOf(const Entry& entry);

// The outcome of a request by what the ledger holds of it. `follow_up` is that of the first entry, `open` the hold that it made; nullptr if
// there is none.
Outcome OutcomeOf(const RequestRecord& record, std::vector<std::shared_ptr<const Entry>> entries, const FollowUp* follow_up,
                  const Hold* open = nullptr);

// The refusal of a kRefused entry.
Refusal RefusalOf(const Entry& entry);

}  // namespace redpoints
