#include "storage/offline.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "storage/journal.h"
#include "storage/program.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

constexpr std::int64_t kTurnEntries = 200'000;
constexpr std::int64_t kBehindMaxMs = 10 * 60'000;

// The time of the last entry of them all; 0: there is none that can be read.
std::int64_t LatestOf(const Log& log, const std::set<std::string>& programs) {
  std::int64_t latest_ms = 0;
  for (const std::string& id : programs) {
    const Journal journal(log, id);
    const auto end = journal.End();
    const auto line = end.ok() && *end > 0 ? journal.Line(*end - 1) : absl::StatusOr<std::string>(absl::NotFoundError(""));
    const auto entry = line.ok() ? ParseLine(*line) : absl::StatusOr<Entry>(line.status());
    if (entry.ok()) latest_ms = std::max(latest_ms, entry->recorded_ms);
  }
  return latest_ms;
}

// The entry of each program.
absl::StatusOr<CommitBatch> Compose(const Log& log, Store* store, std::int64_t turn_entries, const Clock& clock,
                                    const std::set<std::string>& programs, const CommandFor& command, const ReadProgress& progress) {
  const std::int64_t latest_ms = LatestOf(log, programs);
  CommitBatch batch;
  for (const std::string& id : programs) {
    absl::Status damage;
    Program program(id, log, store, [&](Program&, const absl::Status& status) { damage = status; });
    const auto named = [&](const absl::Status& status) {
      return absl::Status(status.code(), absl::StrCat(id, ": ", std::string(status.message())));
    };
    if (auto status = program.LoadRows(); !status.ok()) return named(status);
    const auto replayed = program.Replay(turn_entries, [&](std::int64_t next, std::int64_t end) { progress(id, next, end); });
    if (!replayed.ok()) return named(replayed.status());
    const std::int64_t now_ms = clock.NowMs(), last_ms = program.state().at.last_ms;
    if (now_ms < last_ms - kBehindMaxMs) {
      return absl::FailedPreconditionError(absl::StrCat(id, ": the clock of this machine is ", (last_ms - now_ms) / 60'000,
                                                        " minutes behind the last entry; set the clock, and do it again"));
    }
    const auto said = command(program.state(), now_ms);
    if (!damage.ok()) return named(damage);
    if (!said) continue;
    Origin origin;
    origin.actor = kLedgerActor;
    // At the time of the last entry, of another program where there is none: a wrong clock must not become what the next start compares
    // with.
    const std::int64_t at_ms = last_ms > 0 ? last_ms : latest_ms > 0 ? latest_ms : now_ms;
    const Outcome outcome = program.Execute(at_ms, origin, *said);
    if (!damage.ok()) return named(damage);
    if (auto fault = program.TakeFault(); !fault.ok()) return named(fault);
    if (outcome.refusal) return absl::InternalError(absl::StrCat(id, ": refused: ", NameOf(outcome.refusal->reason)));
    if (outcome.first != RequestState::kDone || program.AppendTo(batch) != 1) {
      return absl::InternalError(absl::StrCat(id, ": not the one entry that was asked for"));
    }
  }
  return batch;
}

}  // namespace

absl::StatusOr<int> LookAtEach(const Log& log, Store* store, const Clock& clock, const std::set<std::string>& programs,
                               const CommandFor& command, const ReadProgress& progress) {
  const auto batch = Compose(log, store, std::numeric_limits<std::int64_t>::max(), clock, programs, command, progress);
  if (!batch.ok()) return batch.status();
  return static_cast<int>(batch->appends.size());
}

absl::StatusOr<int> AppendToEach(Log& log, Store& store, const Clock& clock, const std::set<std::string>& programs,
                                 const CommandFor& command, const ReadProgress& progress) {
  const auto fence = log.TryTakeOver();
  if (!fence.ok()) return fence.status();
  auto batch = Compose(log, &store, kTurnEntries, clock, programs, command, progress);
  if (!batch.ok()) return batch.status();
  if (batch->appends.empty()) return 0;
  batch->fence = *fence;
  if (log.Commit(*batch) != CommitResult::kCommitted) {
    return absl::UnavailableError(absl::StrCat("nothing was written: ", std::string(log.Failure().message())));
  }
  return static_cast<int>(batch->appends.size());
}

}  // namespace redpoints
