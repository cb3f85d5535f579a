// The answer to a command.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "redpoints/v1/outcome.pb.h"
#include "storage/rules/entry.h"
#include "storage/rules/refusal.h"

namespace redpoints {

struct Outcome {
  // Unrecorded refusal: then there are no entries. A recorded one is an entry of kind kRefused.
  std::optional<Refusal> refusal;
  // What recorded the first answer: one entry, or those of a request of many in order of their items.
  std::vector<std::shared_ptr<const Entry>> entries;
  v1::OutcomeState first = v1::OUTCOME_STATE_UNSPECIFIED;
  v1::OutcomeState now = v1::OUTCOME_STATE_UNSPECIFIED;
  std::int64_t now_sequence = -1;
  std::int64_t refunded_points = 0;
  bool is_replayed = false;
  // Of a reversal: what it undid, if that had happened.
  std::shared_ptr<const Outcome> target;

  const Entry& entry() const { return *entries.front(); }
};

// The refusal of a kRefused entry.
Refusal RefusalOf(const Entry& entry);

}  // namespace redpoints
