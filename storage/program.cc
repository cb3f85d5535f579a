#include "storage/program.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/few_descriptors.h"
#include "storage/replay.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

// Entries kept parsed.
constexpr std::size_t kRecentEntries = 8192;
// Entries in a journal row.
constexpr std::size_t kRowEntries = 256;

Outcome Refused(Reason reason) {
  Outcome outcome;
  outcome.refusal = Refusal{reason, {}};
  return outcome;
}

}  // namespace

Program::Program(std::string id, const Log& log, Store* store, OnDamage on_damage)
    : store_(store),
      on_damage_(std::move(on_damage)),
      state_(std::move(id)),
      engine_(state_),
      journal_(log, state_.program, [this](const absl::Status& why) { Damaged(why); }) {
  if (store) BindToStore(state_, *store, [this](const absl::Status& why) { Damaged(why); });
  state_.find_entries = [this](std::int64_t first, std::int64_t count) -> absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> {
    if (recent_.empty() || first < recent_.front()->sequence) {
      auto entries = ReadPatiently([&] { return journal_.ReadAll(first, count); });
      // Nothing may be decided as if they were not there.
      if (absl::IsResourceExhausted(entries.status())) Damaged(entries.status());
      return entries;
    }
    const auto begin = recent_.begin() + (first - recent_.front()->sequence);
    return std::vector<std::shared_ptr<const Entry>>(begin, begin + count);
  };
  state_.find_blob = [this, &log](const std::string& sha256) -> absl::StatusOr<std::string> {
    if (const auto it = new_blobs_.find(sha256); it != new_blobs_.end()) return it->second;
    auto blob = ReadPatiently([&] { return log.Blob(state_.program, sha256); });
    if (!blob.ok()) return blob.status();
    if (!*blob) return absl::DataLossError(absl::StrCat("blob ", sha256, " of ", state_.program, " is missing"));
    return **std::move(blob);
  };
}

void Program::Damaged(const absl::Status& why) {
  if (SetAside()) on_damage_(*this, why);
}

absl::Status Program::LoadRows() {
  if (!store_) return absl::OkStatus();
  if (auto status = LoadState(state_, *store_); !status.ok() || state_.at.next_sequence == 0) return status;
  // A log, or rows, may have been put back by hand. What can't be read shows when it is replayed.
  const auto last = journal_.Read(state_.at.next_sequence - 1);
  if (!last.ok() || (last->recorded_ms == state_.at.last_ms && last->epoch == state_.at.epoch)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("they are of another history: entry ", last->sequence, " has another time"));
}

absl::StatusOr<std::int64_t> Program::Replay(std::int64_t turn_entries,
                                             const std::function<void(std::int64_t next, std::int64_t end)>& turned,
                                             std::function<void(const std::string& sha256_hex, std::string content)> on_blob) {
  auto end = journal_.End();
  if (!end.ok()) return end.status();
  std::int64_t mark = state_.at.next_sequence;
  if (mark > *end) return absl::FailedPreconditionError(absl::StrCat("the journal ends at ", *end, ", but derived rows go to ", mark));
  const auto turn = [&]() -> absl::Status {
    if (!store_ || state_.at.next_sequence - mark < turn_entries) return absl::OkStatus();
    std::vector<std::shared_ptr<const void>> oldest;
    auto status = store_->Install(Turn(oldest).Rows());
    if (!status.ok()) return absl::UnavailableError(status.message());
    mark = state_.at.next_sequence;
    turned(mark, *end);
    return absl::OkStatus();
  };
  state_.on_blob = std::move(on_blob);
  const auto replayed = ReplayJournal(state_, journal_, *end, {}, turn);
  state_.on_blob = {};
  if (!replayed.ok()) return replayed;
  end_sequence_ = state_.at.next_sequence;
  return state_.at.next_sequence - mark;
}

Outcome Program::Execute(std::int64_t now_ms, const Origin& origin, const Command& command, bool may_pass) {
  engine_.SetTime(now_ms, may_pass);
  if (const auto* registration = std::get_if<Register>(&command)) {
    // A rulebook's content must be at hand when its entry is applied.
    for (const Registration& data : registration->items) {
      if (const auto* rulebook = std::get_if<RulebookData>(&data)) new_blobs_[rulebook->sha256] = registration->rulebook_json;
    }
  }
  return engine_.Execute(origin, command);
}

bool Program::CatchUpWithTime(std::int64_t now_ms, std::size_t entries_max) {
  engine_.SetTime(now_ms);
  if (engine_.NextDeadline() > now_ms && state_.at.last_closed_day >= AddDays(DayOf(now_ms), -1)) return true;
  return engine_.CatchUpWithTime(entries_max);
}

std::int64_t Program::AppendTo(CommitBatch& batch) {
  auto posted = engine_.TakePosted();
  auto blobs = engine_.TakeBlobs();
  new_blobs_.clear();
  if (is_set_aside_) return -1;
  if (posted.empty()) return 0;
  const auto count = static_cast<std::int64_t>(posted.size());
  for (std::size_t first = 0; first < posted.size(); first += kRowEntries) {
    const std::size_t end = std::min(first + kRowEntries, posted.size());
    std::string lines;
    lines.reserve((end - first) * 700);
    for (std::size_t i = first; i < end; ++i) {
      const std::size_t start = lines.size();
      AppendLine(*posted[i], lines);
      RP_CHECK(lines.size() - start <= kLineBytesMax);
      lines += '\n';
    }
    batch.appends.push_back({.program = state_.program,
                             .expected_end = posted[first]->sequence,
                             .entries = static_cast<std::int64_t>(end - first),
                             .lines = std::move(lines)});
  }
  for (auto& [sha256, content] : blobs) {
    batch.blobs.push_back({.program = state_.program, .sha256 = sha256, .content = std::move(content)});
  }
  for (auto& entry : posted) recent_.push_back(std::move(entry));
  while (recent_.size() > kRecentEntries) recent_.pop_front();
  return count;
}

void Program::Publish() {
  // With the rows: who has read of an entry finds it.
  const std::unique_lock lock(state_.mutex);
  state_.Publish();
  end_sequence_ = state_.at.next_sequence;
}

GenerationRows Program::Turn(std::vector<std::shared_ptr<const void>>& oldest) {
  const std::unique_lock lock(state_.mutex);
  state_.Publish();  // rows read since the last commit
  state_.ForEachTable([&](auto& table) { oldest.push_back(table.Turn()); });
  return GenerationRows::Collect(state_);
}

Outcome Program::FindOutcome(const std::string& actor, const std::string& request_id) const {
  const auto record = state_.Read(state_.requests, RequestKey(actor, request_id));
  const auto follow_up = record ? state_.Read(state_.follow_ups, SequenceKey(record->sequence)) : std::nullopt;
  const auto open = record ? state_.Read(state_.holds, SequenceKey(record->sequence)) : std::nullopt;
  if (is_set_aside_) return Refused(Reason::PROGRAM_SET_ASIDE);  // a row that can't be read is not one that is absent
  if (!record) return Refused(Reason::REQUEST_NOT_FOUND);
  auto entries = journal_.ReadAll(record->sequence, record->count);
  if (!entries.ok()) return Refused(absl::IsResourceExhausted(entries.status()) ? Reason::OVERLOADED : Reason::PROGRAM_SET_ASIDE);
  Outcome outcome = OutcomeOf(*record, *std::move(entries), follow_up ? &*follow_up : nullptr, open ? &*open : nullptr);
  outcome.is_replayed = true;
  const Entry& entry = outcome.entry();
  if (entry.kind == Kind::kReversal && entry.effect != Effect::kTombstone && !record->is_tombstone) {
    // As the reversal's own answer has it: of a hold that was captured, the capture.
    const std::int64_t of = entry.ref >= 0 ? entry.ref : entry.hold;
    const auto about = of >= 0 ? journal_.Read(of) : absl::StatusOr<Entry>(absl::NotFoundError(""));
    Outcome target = FindOutcome(about.ok() ? about->actor : actor, about.ok() ? about->request_id : entry.target_request);
    if (target.refusal) return target;
    outcome.target = std::make_shared<const Outcome>(std::move(target));
  }
  return outcome;
}

}  // namespace redpoints
