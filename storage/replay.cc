#include "storage/replay.h"

#include "absl/strings/str_cat.h"
#include "storage/journal.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/verify.h"

namespace redpoints {
namespace {

constexpr std::size_t kPieceBytes = 4u << 20;

}  // namespace

absl::Status ReplayLine(State& state, std::string_view line, const OnApplied& applied) {
  const std::int64_t sequence = state.at.next_sequence;
  auto entry = ParseLine(line);
  auto related = entry.ok() ? FindRelated(state, *entry) : absl::StatusOr<Related>(entry.status());
  auto status = related.ok() ? Verify(state, *entry, *related) : related.status();
  if (status.ok()) status = Apply(state, *entry);
  if (absl::IsResourceExhausted(status)) return status;  // no damage either
  if (!status.ok()) {
    const std::string why = absl::StrCat("entry ", sequence, ": ", std::string(status.message()));
    return absl::IsUnimplemented(status) ? absl::UnimplementedError(why) : absl::DataLossError(why);  // a newer program's: no damage
  }
  return applied ? applied(state, *entry) : absl::OkStatus();
}

absl::Status ReplayJournal(State& state, const Journal& journal, std::int64_t end, const OnApplied& applied,
                           const std::function<absl::Status()>& piece) {
  while (state.at.next_sequence < end) {
    auto chunk = journal.Lines(state.at.next_sequence, end, kPieceBytes);
    if (!chunk.ok()) return chunk.status();
    if (chunk->lines.empty()) return absl::DataLossError(absl::StrCat("entry ", state.at.next_sequence, " is missing"));
    for (const auto line : chunk->Split()) {
      if (auto status = ReplayLine(state, line, applied); !status.ok()) return status;
    }
    {
      const std::unique_lock lock(state.mutex);
      state.Publish();
    }
    if (!piece) continue;
    if (auto status = piece(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace redpoints
