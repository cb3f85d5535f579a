#include "server/cursor.h"

#include <algorithm>
#include <string>

#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

// The opening of the first epoch up to there that is newer than the entry's: what the entry's history did not have. Without one, of the
// epoch that this journal has there.
EpochStart Divergence(const Name& entry, const StateMark& at) {
  EpochStart opening;
  for (const EpochStart& start : at.epochs) {
    if (start.sequence > entry.sequence) break;
    opening = start;
    if (start.epoch > entry.epoch) break;
  }
  return opening;
}

}  // namespace

absl::Status CheckPlace(std::string_view field, const Name& entry, const StateMark& at, std::int64_t end) {
  const auto own = std::find_if(at.epochs.begin(), at.epochs.end(), [&](const EpochStart& e) { return e.epoch == entry.epoch; });
  const bool is_before_its_epoch = own != at.epochs.end() && entry.sequence < own->sequence;
  if (is_before_its_epoch || (at.EpochOf(entry.sequence) == entry.epoch && entry.sequence >= end)) {
    return ToStatus(Refusal{Reason::ENTRY_NOT_FOUND, {{"field", std::string(field)}}});
  }
  if (at.EpochOf(entry.sequence) == entry.epoch) return absl::OkStatus();
  const EpochStart opening = Divergence(entry, at);
  return ToStatus(Refusal{
      Reason::ENTRY_LOST,
      {{"field", std::string(field)},
       {"name", FormatName(entry)},
       {"opening", FormatName({.kind = entry.kind, .program = entry.program, .sequence = opening.sequence, .epoch = opening.epoch})}}});
}

}  // namespace redpoints::server
