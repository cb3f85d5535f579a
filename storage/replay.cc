#include "storage/replay.h"

#include "absl/strings/str_cat.h"
#include "storage/journal.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

constexpr std::size_t kPieceBytes = 4u << 20;

}  // namespace

absl::Status ReplayLine(State& state, std::string_view line, const ReplayHooks& hooks) {
  const std::int64_t sequence = state.next_sequence;
  auto entry = ParseLine(line);
  auto status = entry.ok() ? Verify(state, *entry) : entry.status();
  if (status.ok() && hooks.verified) status = hooks.verified(state, *entry);
  if (status.ok()) status = Apply(state, *entry);
  if (!status.ok()) return absl::DataLossError(absl::StrCat("entry ", sequence, ": ", std::string(status.message())));
  return hooks.applied ? hooks.applied(state, *entry) : absl::OkStatus();
}

absl::Status ReplayJournal(State& state, const Journal& journal, std::int64_t end, const ReplayHooks& hooks,
                           const std::function<absl::Status()>& piece) {
  while (state.next_sequence < end) {
    auto chunk = journal.Lines(state.next_sequence, end, kPieceBytes);
    if (!chunk.ok()) return chunk.status();
    if (chunk->lines.empty()) return absl::DataLossError(absl::StrCat("entry ", state.next_sequence, " is missing"));
    for (const auto line : chunk->Split()) {
      if (auto status = ReplayLine(state, line, hooks); !status.ok()) return status;
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
