#include "storage/epoch.h"

#include "absl/strings/str_cat.h"
#include "storage/program.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

constexpr std::int64_t kTurnEntries = 200'000;
constexpr std::int64_t kBehindMaxMs = 10 * 60'000;
// Openings are numbered by the millisecond since 2020-01-01 UTC in which they are made, by the machine's clock: two restores of one backup, a
// minute or an hour apart, must not share a number, since names carry it.
constexpr std::int64_t kEpochBaseMs = 1'577'836'800'000;

}  // namespace

absl::Status OpenEpochs(Log& log, Store& store, const Clock& clock, const std::function<EpochData(const std::string& program)>& data,
                        const std::function<void(const std::string& program, std::int64_t next, std::int64_t end)>& progress,
                        const std::set<std::string>& gone) {
  auto fence = log.TryTakeOver();
  if (!fence.ok()) return fence.status();
  const auto present = log.Programs();
  if (!present.ok()) return present.status();
  std::set<std::string> programs(present->begin(), present->end());
  programs.insert(gone.begin(), gone.end());
  CommitBatch batch{.fence = *fence};
  for (const std::string& id : programs) {
    absl::Status damage;
    Program program(id, log, &store, [&](Program&, const absl::Status& status) { damage = status; });
    const auto named = [&](const absl::Status& status) {
      return absl::Status(status.code(), absl::StrCat(id, ": ", std::string(status.message())));
    };
    if (auto status = program.LoadRows(); !status.ok()) return named(status);
    const auto replayed = program.Replay(kTurnEntries, [&](std::int64_t next, std::int64_t end) { progress(id, next, end); });
    if (!replayed.ok()) return named(replayed.status());
    const std::int64_t now_ms = clock.NowMs(), last_ms = program.state().at.last_ms;
    if (now_ms < last_ms - kBehindMaxMs) {
      return absl::FailedPreconditionError(absl::StrCat(id, ": the clock of this machine is ", (last_ms - now_ms) / 60'000,
                                                        " minutes behind the last entry; set the clock, and do it again"));
    }
    Origin origin;
    origin.actor = kLedgerActor;
    const Outcome outcome = program.Execute(now_ms, origin, OpenEpoch{data(id), now_ms - kEpochBaseMs});
    if (!damage.ok()) return named(damage);
    if (auto fault = program.TakeFault(); !fault.ok()) return named(fault);
    if (outcome.refusal) return absl::InternalError(absl::StrCat(id, ": no new epoch: ", NameOf(outcome.refusal->reason)));
    if (program.AppendTo(batch) != 1) return absl::InternalError(absl::StrCat(id, ": no new epoch was posted"));
  }
  if (log.Commit(batch) != CommitResult::kCommitted) {
    return absl::UnavailableError(
        absl::StrCat("the opening of the new epoch could not be written: ", std::string(log.Failure().message())));
  }
  return absl::OkStatus();
}

}  // namespace redpoints
