#include "storage/rules/outcome.h"

#include <algorithm>

namespace redpoints {

RequestState FirstStateOf(const Entry& entry) {
  return entry.kind == Kind::kRefused ? RequestState::kRefused : entry.kind == Kind::kHold ? RequestState::kPending : RequestState::kDone;
}

void Outcome::Read() {
  const bool all_refused = std::all_of(entries.begin(), entries.end(), [](const auto& e) { return e->kind == Kind::kRefused; });
  first = now = all_refused ? RequestState::kRefused : entries.size() > 1 ? RequestState::kDone : FirstStateOf(entry());
  now_sequence = entry().sequence;
  hold_until_ms = entry().hold_until_ms;
}

Outcome OutcomeOf(const RequestRecord& record, std::vector<std::shared_ptr<const Entry>> entries, const FollowUp* follow_up,
                  const Hold* open) {
  Outcome outcome;
  outcome.entries = std::move(entries);
  outcome.Read();
  if (record.is_tombstone) {
    outcome.first = outcome.now = RequestState::kNeverSeen;
    return outcome;
  }
  if (open) outcome.hold_until_ms = open->until_ms;
  // What came after items of a batch is theirs, not the batch's.
  if (!follow_up || follow_up->sequence < 0 || outcome.entry().item >= 0) return outcome;
  outcome.now = follow_up->state;
  outcome.now_sequence = follow_up->sequence;
  outcome.refunded_points = follow_up->refunded_points();
  return outcome;
}

Refusal RefusalOf(const Entry& entry) { return {ReasonFromName(entry.refusal), entry.facts}; }

}  // namespace redpoints
