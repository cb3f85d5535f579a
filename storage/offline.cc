#include "storage/offline.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "storage/derived.h"
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

// Adds the entry of each program to one batch.
class Composer {
 public:
  Composer(const Log& log, std::int64_t turn_entries, const Clock& clock, const std::set<std::string>& programs, const CommandFor& command,
           const ReadProgress& progress)
      : log_(log),
        turn_entries_(turn_entries),
        clock_(clock),
        programs_(programs),
        command_(command),
        progress_(progress),
        latest_ms_(LatestOf(log, programs)) {}

  // `may_be_rows`: what could not be read was rows of `store`, or the journal.
  absl::StatusOr<CommitBatch> Compose(Store* store, bool& may_be_rows) const {
    CommitBatch batch;
    for (const std::string& id : programs_) {
      if (auto status = Add(id, store, batch, may_be_rows); !status.ok()) {
        return absl::Status(status.code(), absl::StrCat(id, ": ", std::string(status.message())));
      }
    }
    return batch;
  }

 private:
  absl::Status Add(const std::string& id, Store* store, CommitBatch& batch, bool& may_be_rows) const {
    absl::Status damage;
    Program program(id, log_, store, [&](Program&, const absl::Status& status) {
      damage = status;
      may_be_rows = !absl::IsResourceExhausted(status);
    });
    if (auto status = program.LoadRows(); !status.ok()) {
      may_be_rows = !absl::IsResourceExhausted(status) && !absl::IsUnimplemented(status);
      return status;
    }
    const auto replayed = program.Replay(turn_entries_, [&](std::int64_t next, std::int64_t end) { progress_(id, next, end); });
    if (!replayed.ok()) return replayed.status();
    const std::int64_t now_ms = clock_.NowMs(), last_ms = program.state().at.last_ms;
    if (now_ms < last_ms - kBehindMaxMs) {
      return absl::FailedPreconditionError(absl::StrCat("the clock of this machine is ", (last_ms - now_ms) / 60'000,
                                                        " minutes behind the last entry; set the clock, and do it again"));
    }
    const auto said = command_(program.state(), now_ms);
    if (!damage.ok() || !said) return damage;
    Origin origin;
    origin.actor = kLedgerActor;
    // At the time of the last entry, of another program where there is none: a wrong clock must not become what the next start compares
    // with.
    const std::int64_t at_ms = last_ms > 0 ? last_ms : latest_ms_ > 0 ? latest_ms_ : now_ms;
    const Outcome outcome = program.Execute(at_ms, origin, *said);
    if (!damage.ok()) return damage;
    if (auto fault = program.TakeFault(); !fault.ok()) return fault;
    if (outcome.refusal) return absl::InternalError(absl::StrCat("refused: ", NameOf(outcome.refusal->reason)));
    if (outcome.first != RequestState::kDone || program.AppendTo(batch) != 1) {
      return absl::InternalError("not the one entry that was asked for");
    }
    return absl::OkStatus();
  }

  const Log& log_;
  const std::int64_t turn_entries_;
  const Clock& clock_;
  const std::set<std::string>& programs_;
  const CommandFor& command_;
  const ReadProgress& progress_;
  const std::int64_t latest_ms_;
};

}  // namespace

absl::StatusOr<int> LookAtEach(const Log& log, Store* store, const Clock& clock, const std::set<std::string>& programs,
                               const CommandFor& command, const ReadProgress& progress) {
  const Composer composer(log, std::numeric_limits<std::int64_t>::max(), clock, programs, command, progress);
  bool may_be_rows = false;
  auto batch = composer.Compose(store, may_be_rows);
  if (store && may_be_rows) batch = composer.Compose(nullptr, may_be_rows);  // rows are but a cache
  if (!batch.ok()) return batch.status();
  return static_cast<int>(batch->appends.size());
}

absl::StatusOr<int> AppendToEach(Log& log, Store& store, const Clock& clock, const std::set<std::string>& programs,
                                 const CommandFor& command, const ReadProgress& progress) {
  const auto fence = log.TryTakeOver();
  if (!fence.ok()) return fence.status();
  const Composer composer(log, kTurnEntries, clock, programs, command, progress);
  bool may_be_rows = false;
  auto batch = composer.Compose(&store, may_be_rows);
  if (may_be_rows) {
    if (auto cleared = store.Clear(); !cleared.ok()) return cleared;
    batch = composer.Compose(&store, may_be_rows);
  }
  if (!batch.ok()) return batch.status();
  if (batch->appends.empty()) return 0;
  batch->fence = *fence;
  if (log.Commit(*batch) != CommitResult::kCommitted) {
    return absl::UnavailableError(absl::StrCat("nothing was written: ", std::string(log.Failure().message())));
  }
  return static_cast<int>(batch->appends.size());
}

}  // namespace redpoints
