#include "storage/ledger.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "storage/derived.h"
#include "storage/durable_file.h"
#include "storage/journal.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/passing.h"
#include "storage/start_failure.h"

namespace redpoints {
namespace {

// What a program may have decided in each round of a batch, while others wait.
constexpr std::size_t kRoundItems = 64;
// Entries that time may cause in one batch, so that requests go on beside a month's end.
constexpr std::size_t kTimeEntriesMax = 256;
// What may wait of one program, a request of many counting as many: some eight of the largest.
constexpr std::size_t kQueueItemsMax = 65'536;
constexpr auto kIdleWait = std::chrono::milliseconds(200);

Outcome Refused(Reason reason) {
  Outcome outcome;
  outcome.refusal = Refusal{reason, {}};
  return outcome;
}

std::size_t ItemsOf(const Command& command) {
  if (const auto* batch = std::get_if<AwardBatch>(&command)) return batch->items.size();
  if (const auto* batch = std::get_if<Register>(&command)) return batch->items.size();
  return 1;
}

// Without a second one nobody could set back a clock that the only one confirmed wrongly.
bool IsAnotherOperator(const Program& program, const Command& command) {
  const auto* registration = std::get_if<Register>(&command);
  return registration && registration->is_new && program.state().program == kSystemProgram &&
         std::holds_alternative<StaffData>(registration->items.front());
}

std::string WhyNot(const Log& log, CommitResult result) {
  switch (result) {
    case CommitResult::kFenced: return "another process owns the ledger";
    case CommitResult::kOutOfSequence: return "a journal does not end where this ledger has brought it";
    default: return absl::StrCat("the ledger can't be written: ", std::string(log.Failure().message()));
  }
}

}  // namespace

// --- opening and closing -----------------------------------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(Log& log, Store& store, const Clock& clock, Options options) {
  auto ledger = std::unique_ptr<Ledger>(new Ledger(log, store, clock, std::move(options)));
  if (auto status = ledger->Load(); !status.ok()) return status;
  ledger->answerer_ = std::thread([on = ledger.get()] { on->AnswerLoop(); });
  if (ledger->options_.is_read_only) return ledger;
  ledger->thread_ = std::thread([on = ledger.get()] { on->DecideLoop(); });
  if (!ledger->options_.head_mark_file.empty()) {
    ledger->head_marks_ = std::make_unique<HeadMarkWriter>(
        HeadMarkWriter::Options{.file = ledger->options_.head_mark_file,
                                .collect = [on = ledger.get()] { return on->CollectHeadMarks(); },
                                .on_failed = [on = ledger.get()](const std::string& why) { on->Tell("head_mark", why); }});
  }
  return ledger;
}

Ledger::Ledger(Log& log, Store& store, const Clock& clock, Options options)
    : log_(log),
      store_(store),
      clock_(clock),
      options_(std::move(options)),
      clock_guard_(clock, {.on_stopped = [this](const std::string& why) { Tell("clock_stopped", why); },
                           .on_waiting = [this](const std::string& why) { Tell("clock_unsure", why); },
                           .on_changed = [this] { TellCanWrite(); },
                           .on_confirmed = [this] { AwaitWords(); }}),
      installer_(store, [this](const std::string& why) { Tell("install_failed", why); }) {}

absl::Status Ledger::Load() {
  if (!options_.is_read_only) {
    auto fence = log_.TryTakeOver();
    if (!fence.ok()) return fence.status();
    fence_ = *fence;
  }
  auto loaded = LoadPrograms();
  may_load_again_ = false;
  if (const auto damage = store_.Damage(); !damage.ok() && !options_.is_read_only) {
    Tell("derived_rebuild", absl::StrCat("those of all programs are made again from the journals: ", std::string(damage.message())));
    if (auto status = store_.Clear(); !status.ok()) return status;
    loaded = LoadPrograms();
  }
  if (auto damage = store_.Damage(); !damage.ok()) return WithStartFailure(damage, "DERIVED_DAMAGED");
  if (!loaded.ok()) return loaded;
  std::int64_t last_ms = 0;
  bool was_waiting = false;
  for (const auto& [id, slot] : programs_) {
    const StateMark& at = slot->program.state().at;
    last_ms = std::max(last_ms, at.last_ms);
    // Days that were over are not closed: a clock that was in doubt is not believed for having been started twice.
    was_waiting = was_waiting || (at.next_sequence > 0 && at.last_closed_day < AddDays(DayOf(at.last_ms), -1));
  }
  std::error_code unreadable;
  is_doubt_kept_ = !options_.clock_doubt_file.empty() && std::filesystem::exists(options_.clock_doubt_file, unreadable);
  clock_guard_.CompareWithLastEntry(last_ms, was_waiting || is_doubt_kept_);
  RememberDoubt();
  return absl::OkStatus();
}

// All of them; where the store is found damaged, none is of any use.
absl::Status Ledger::LoadPrograms() {
  const auto programs = log_.Programs();
  if (!programs.ok()) return programs.status();
  {
    const std::unique_lock lock(programs_mutex_);
    programs_.clear();
  }
  for (const std::string& id : *programs) {
    if (auto status = LoadProgram(id); !status.ok()) return status;
    if (auto damage = store_.Damage(); !damage.ok()) return damage;
  }
  return absl::OkStatus();
}

absl::Status Ledger::LoadProgram(const std::string& id) {
  Program* program = &Add(id).program;
  const auto begin_again = [&](const absl::Status& why) -> absl::Status {
    Tell("derived_rebuild", absl::StrCat(id, ": its derived rows are made again from the journal: ", std::string(why.message())));
    if (auto status = DeleteRows(store_, id); !status.ok()) return absl::UnavailableError(status.message());
    const std::unique_lock lock(programs_mutex_);
    programs_[id] = MakeSlot(id);
    program = &programs_[id]->program;
    return absl::OkStatus();
  };
  const auto replay = [&] {
    const std::int64_t turn_entries = options_.is_read_only ? std::numeric_limits<std::int64_t>::max() : options_.turn_entries;
    return program->Replay(turn_entries, [&](std::int64_t next, std::int64_t end) {
      Tell("derived_rebuild", absl::StrCat(id, ": ", next, " of ", end, " entries"));
    });
  };
  const auto rows = program->LoadRows();
  if (absl::IsUnimplemented(rows)) {
    SetAside(*program, rows);
    return absl::OkStatus();
  }
  if (!rows.ok() && (options_.is_read_only || absl::IsResourceExhausted(rows) || !store_.Damage().ok())) return rows;
  if (!rows.ok()) {
    if (auto status = begin_again(rows); !status.ok()) return status;
  }
  const bool has_rows = program->state().at.next_sequence > 0;
  auto replayed = replay();
  // An entry that does not follow from the rows may be right, and the rows wrong.
  if (has_rows && absl::IsDataLoss(replayed.status()) && !options_.is_read_only) {
    if (auto status = begin_again(replayed.status()); !status.ok()) return status;
    replayed = replay();
  }
  if (replayed.ok()) {
    entries_since_turn_ += *replayed;
  } else if (absl::IsUnavailable(replayed.status()) || absl::IsResourceExhausted(replayed.status())) {
    return replayed.status();
  } else {
    SetAside(*program, replayed.status());
  }
  return absl::OkStatus();
}

Ledger::~Ledger() {
  StopWaiting();
  {
    const MutexLock lock(queue_mutex_);
    is_stopping_ = true;
  }
  queue_changed_.notify_all();
  const bool is_owner = thread_.joinable();
  if (is_owner) thread_.join();
  head_marks_.reset();  // writes a last time: nothing will be committed any more
  installer_.Wait();
  if (is_owner && !is_failed_) {
    DiscreditDamaged();
    for (bool is_settled = false; !is_settled;) {
      is_settled = !installer_.has_failed();  // else this turn only repeats the last one
      TurnAll();
      installer_.Wait();
      is_settled = is_settled || installer_.has_failed();  // it fails again: the journal has it all
    }
  }
  {
    const MutexLock lock(answer_mutex_);
    is_answering_done_ = true;
  }
  answers_changed_.notify_all();
  if (answerer_.joinable()) answerer_.join();
}

// --- any thread --------------------------------------------------------------------------------------------------------------------

void Ledger::Submit(const std::string& id, Origin origin, Command command, Done done, Deadline deadline) {
  if (options_.is_read_only || is_failed_) return done(Refused(Reason::STORAGE_READ_ONLY));
  Slot* slot = Find(id);
  if (!slot && std::holds_alternative<FoundProgram>(command)) slot = &Add(id);
  if (!slot) return done(Refused(Reason::PROGRAM_NOT_FOUND));
  if (slot->program.is_set_aside()) return done(Refused(Reason::PROGRAM_SET_ASIDE));
  if (origin.fingerprint.empty()) origin.fingerprint = Fingerprint(origin, command);
  const std::size_t items = ItemsOf(command);
  bool is_first = false;
  Reason refused = Reason::REASON_UNSPECIFIED;
  {
    const MutexLock lock(queue_mutex_);
    if (is_stopping_) {
      refused = Reason::SHUTTING_DOWN;
    } else if (slot->queue.size() >= options_.queue_requests_max || slot->queued_items + items > kQueueItemsMax) {
      refused = Reason::OVERLOADED;
    } else {
      is_first = queued_++ == 0;
      slot->queued_items += items;
      slot->queue.push_back({std::move(origin), std::move(command), std::move(done), deadline});
    }
  }
  if (refused != Reason::REASON_UNSPECIFIED) return done(Refused(refused));
  if (is_first) queue_changed_.notify_one();
}

Ledger::Slot* Ledger::Find(const std::string& id) const {
  const std::shared_lock lock(programs_mutex_);
  const auto it = programs_.find(id);
  return it == programs_.end() ? nullptr : it->second.get();
}

Ledger::Slot& Ledger::Add(const std::string& id) {
  const std::unique_lock lock(programs_mutex_);
  auto& slot = programs_[id];
  if (!slot) slot = MakeSlot(id);
  return *slot;
}

std::unique_ptr<Ledger::Slot> Ledger::MakeSlot(const std::string& id) {
  return std::make_unique<Slot>(id, log_, &store_, [this](Program& program, const absl::Status& why) { OnDamage(program, why); });
}

std::vector<std::string> Ledger::Programs() const {
  const std::shared_lock lock(programs_mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, slot] : programs_) {
    if (slot->program.end_sequence() > 0) ids.push_back(id);
  }
  return ids;
}

const State* Ledger::FindState(const std::string& id) const {
  const Slot* slot = Find(id);
  return slot && slot->program.end_sequence() > 0 ? &slot->program.state() : nullptr;
}

bool Ledger::IsSetAside(const std::string& id) const {
  const Slot* slot = Find(id);
  return slot && slot->program.is_set_aside();
}

std::int64_t Ledger::EndSequence(const std::string& id) const {
  const Slot* slot = Find(id);
  return slot ? slot->program.end_sequence() : 0;
}

Outcome Ledger::FindOutcome(const std::string& id, const std::string& actor, const std::string& request_id) const {
  const Slot* slot = Find(id);
  if (!slot) return Refused(Reason::PROGRAM_NOT_FOUND);
  Outcome outcome = slot->program.FindOutcome(actor, request_id);
  return is_failed_ ? Refused(Reason::OUTCOME_UNKNOWN) : outcome;  // asked last: it may have failed meanwhile
}

HeadMarks Ledger::CollectHeadMarks() const {
  HeadMarks marks;
  for (const auto& id : Programs()) {
    const Program& program = Find(id)->program;
    const std::int64_t end = program.end_sequence();  // published: behind the fsync
    if (program.is_set_aside()) continue;
    const auto line = program.journal().Line(end - 1);
    if (line.ok()) marks[id] = {.epoch = program.state().ReadPublished().at.epoch, .end = end, .hash = Sha256Hex(*line)};
  }
  return marks;
}

const Journal& Ledger::JournalOf(const std::string& id) const {
  const Slot* slot = Find(id);
  RP_CHECK(slot != nullptr);
  return slot->program.journal();
}

bool Ledger::WaitForEntry(const std::string& id, std::int64_t sequence, Deadline deadline) const {
  MutexLock lock(published_mutex_);
  while (!is_waiting_over_ && EndSequence(id) <= sequence) {
    if (published_.wait_until(published_mutex_, deadline) == std::cv_status::timeout) break;
  }
  return EndSequence(id) > sequence;
}

void Ledger::StopWaiting() {
  {
    const MutexLock lock(published_mutex_);
    is_waiting_over_ = true;
  }
  published_.notify_all();
}

void Ledger::SetAside(Program& program, const absl::Status& why) {
  if (program.SetAside()) OnDamage(program, why);
}

void Ledger::OnDamage(Program& program, const absl::Status& why) {
  if (may_load_again_ && !store_.Damage().ok()) return;
  ++damages_;
  const std::string& id = program.state().program;
  Tell("program_set_aside", absl::StrCat(id, ": ", std::string(why.message())));
  // Its rows are good, and another program's; or they go beyond a journal that was cut, which each start and `check` shall say.
  if (absl::IsUnimplemented(why) || absl::IsFailedPrecondition(why)) return;
  const MutexLock lock(damaged_mutex_);
  damaged_.push_back(id);
  is_any_damaged_ = true;
}

// What was set aside may have been so for a derived row: without their mark all of them are made again at the next opening.
void Ledger::DiscreditDamaged() {
  std::vector<std::string> damaged;
  {
    const MutexLock lock(damaged_mutex_);
    damaged.swap(damaged_);
    is_any_damaged_ = false;
  }
  for (const auto& id : damaged) {
    installer_.Forget(id);
    if (auto status = Discredit(store_, id); !status.ok()) Tell("install_failed", std::string(status.message()));
  }
}

void Ledger::Tell(const std::string& event, const std::string& detail) const {
  if (options_.on_event) options_.on_event(event, detail);
}

void Ledger::TellCanWrite() const {
  if (options_.on_can_write) options_.on_can_write();
}

// --- the ledger thread -------------------------------------------------------------------------------------------------------------

void Ledger::DecideLoop() {
  for (;;) {
    {
      MutexLock lock(queue_mutex_);
      if (queued_ == 0 && !is_stopping_ && !is_behind_time_) queue_changed_.wait_for(queue_mutex_, kIdleWait);
      if (is_stopping_ && queued_ == 0) break;
    }
    const std::int64_t now_ms = clock_guard_.NowMs();
    RememberDoubt();
    CatchUpWithTime(now_ms);
    Work work;
    {
      MutexLock lock(queue_mutex_);
      TakeWork(work);
    }
    if (!Decide(work, now_ms)) return;
    RememberDoubt();
    if (is_any_damaged_) DiscreditDamaged();
    if (entries_since_turn_ >= options_.turn_entries && !TurnAll()) return;
  }
}

// Nothing of a program in which holds are due: what they hold would still count against a shop's limit. Fair by items, so that a till of
// one program does not wait for another's batches: in each round a program gets credit for some, and a request of many waits until there
// is enough (deficit round robin).
void Ledger::TakeWork(Work& work) {
  const std::shared_lock lock(programs_mutex_);
  std::size_t items = 0;
  for (bool is_any = true; is_any && items < options_.batch_items_max;) {
    is_any = false;
    for (auto& [id, slot] : programs_) {
      if (slot->are_holds_due) continue;
      slot->credit += kRoundItems;
      while (!slot->queue.empty() && items < options_.batch_items_max) {
        const std::size_t cost = ItemsOf(slot->queue.front().command);
        if (cost > slot->credit) break;
        slot->credit -= cost;
        slot->queued_items -= cost;
        items += cost;
        work.emplace_back(slot.get(), std::move(slot->queue.front()));
        slot->queue.pop_front();
        --queued_;
      }
      if (slot->queue.empty()) {
        slot->credit = 0;  // nobody saves up
      } else {
        is_any = true;
      }
    }
  }
}

// Decides, commits, publishes, answers. False after a failure: the ledger is done for.
bool Ledger::Decide(Work& work, std::int64_t now_ms) {
  std::vector<Answer> answers;
  answers.reserve(work.size());
  const auto started = std::chrono::steady_clock::now();
  for (auto& [slot, pending] : work) {
    Outcome outcome = Execute(*slot, pending, now_ms, started);
    answers.push_back({std::move(pending.done), std::move(outcome)});
  }
  if (!Commit(work, answers)) return false;
  SendAnswers(std::move(answers));
  return true;
}

void Ledger::AwaitWords() {
  const std::shared_lock lock(programs_mutex_);
  awaiting_ = 0;
  for (auto& [id, slot] : programs_) {
    slot->awaits_word = !slot->program.is_set_aside() && slot->program.state().at.next_sequence > 0;
    awaiting_ += slot->awaits_word;
  }
}

// A file that can't be written or removed is not worth a stop: the next start then doubts the clock once too seldom, or once too often.
void Ledger::RememberDoubt() {
  const bool is_in_doubt = clock_guard_.is_waiting() || awaiting_ > 0;
  if (is_in_doubt == is_doubt_kept_ || options_.clock_doubt_file.empty() || options_.is_read_only) return;
  is_doubt_kept_ = is_in_doubt;
  std::error_code ignored;
  if (is_in_doubt) {
    WriteDurably(options_.clock_doubt_file, "until the clock is synchronised or confirmed\n").IgnoreError();
  } else {
    std::filesystem::remove(options_.clock_doubt_file, ignored);
  }
}

void Ledger::CatchUpWithTime(std::int64_t now_ms) {
  is_behind_time_ = false;
  const std::shared_lock lock(programs_mutex_);
  const auto ahead =
      std::find_if(programs_.begin(), programs_.end(), [&](const auto& each) { return IsAhead(each.second->program.state().at, now_ms); });
  const bool was_ahead = is_any_ahead_.exchange(ahead != programs_.end());
  if (!was_ahead && is_any_ahead_ && !clock_guard_.is_stopped()) {
    Tell("clock_stopped", absl::StrCat(ahead->first, ": its last entry is ahead of the clock, until it is set back"));
  }
  for (auto& [id, slot] : programs_) {
    Program& program = slot->program;
    slot->are_holds_due = false;
    if (program.is_set_aside() || clock_guard_.is_waiting() || slot->awaits_word || IsAhead(program.state().at, now_ms)) continue;
    if (!program.CatchUpWithTime(now_ms, kTimeEntriesMax)) is_behind_time_ = true;
    if (auto fault = program.TakeFault(); !fault.ok()) SetAside(program, fault);
    slot->are_holds_due = program.AreHoldsDue(now_ms);
  }
}

Outcome Ledger::Execute(Slot& slot, const Pending& pending, std::int64_t now_ms, Deadline started) {
  Program& program = slot.program;
  const bool is_about_clock = std::holds_alternative<redpoints::ConfirmClock>(pending.command);
  if (program.is_set_aside()) return Refused(Reason::PROGRAM_SET_ASIDE);
  // Each program, too: one that refused to be set back, or has not been asked yet, would go on with the wrong time.
  const bool is_stopped = clock_guard_.is_stopped() || IsAhead(program.state().at, now_ms);
  // By a clock that is ahead itself an operator's entry would make the wrong time look right.
  const bool may_join = is_any_ahead_ && IsAnotherOperator(program, pending.command);
  if (is_stopped && !is_about_clock && !may_join) return Refused(Reason::CLOCK_STOPPED);
  if (pending.deadline < started) return Refused(Reason::DEADLINE_PASSED);
  Outcome outcome = program.Execute(now_ms, pending.origin, pending.command, !clock_guard_.is_waiting() && !slot.awaits_word);
  if (program.is_set_aside()) return Refused(Reason::PROGRAM_SET_ASIDE);  // decided with a row that could not be read
  if (auto fault = program.TakeFault(); !fault.ok()) Tell("invariant_violation", std::string(fault.message()));
  // Not a repeated one: it was about the jump of then.
  if (is_about_clock && outcome.first == RequestState::kDone && !outcome.is_replayed) {
    clock_guard_.Confirm();
    awaiting_ -= slot.awaits_word;
    slot.awaits_word = false;
  }
  return outcome;
}

bool Ledger::Commit(const Work& work, std::vector<Answer>& answers) {
  CommitBatch batch;
  std::vector<Program*> changed;
  std::int64_t entries = 0;
  {
    const std::shared_lock lock(programs_mutex_);
    for (auto& [id, slot] : programs_) {
      const std::int64_t count = slot->program.AppendTo(batch);
      if (count < 0) {  // set aside: nothing of this batch is written, what was decided before included
        for (std::size_t i = 0; i < work.size(); ++i) {
          if (work[i].first == slot.get()) answers[i].outcome = Refused(Reason::PROGRAM_SET_ASIDE);
        }
        continue;
      }
      if (count > 0) changed.push_back(&slot->program);
      entries += count;
    }
  }
  if (changed.empty()) return true;
  const auto start = std::chrono::steady_clock::now();
  batch.fence = fence_;
  if (const CommitResult result = log_.Commit(batch); result != CommitResult::kCommitted) {
    Fail(answers, WhyNot(log_, result));
    return false;
  }
  commit_us_ += std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
  ++commits_;
  entries_ += entries;
  entries_since_turn_ += entries;
  for (const auto& append : batch.appends) bytes_ += static_cast<std::int64_t>(append.lines.size());
  for (const auto& blob : batch.blobs) bytes_ += static_cast<std::int64_t>(blob.content.size());
  for (Program* program : changed) program->Publish();
  { const MutexLock lock(published_mutex_); }  // nobody is between the look and the wait
  published_.notify_all();
  return true;
}

// Fail-stop: what was in flight may or may not be on disk; only a reopening tells.
void Ledger::Fail(std::vector<Answer>& answers, const std::string& why) {
  is_failed_ = true;
  TellCanWrite();
  for (auto& answer : answers) answer.outcome = Refused(Reason::OUTCOME_UNKNOWN);
  SendAnswers(std::move(answers));
  std::vector<Answer> waiting;
  {
    const MutexLock lock(queue_mutex_);
    is_stopping_ = true;
    const std::shared_lock programs(programs_mutex_);
    for (auto& [id, slot] : programs_) {
      for (auto& pending : slot->queue) waiting.push_back({std::move(pending.done), Refused(Reason::STORAGE_READ_ONLY)});
      slot->queue.clear();
    }
    queued_ = 0;
  }
  SendAnswers(std::move(waiting));
  Tell("store_failed", why);
  if (options_.on_fatal) options_.on_fatal(absl::DataLossError(why));
}

// Starts a new generation of the tables and writes the last one beside this thread. Called when nothing is pending.
// False after a failure, as Decide.
bool Ledger::TurnAll() {
  if (installer_.is_busy()) return true;  // the next batch asks again
  installer_.Wait();
  if (installer_.has_failed()) {
    entries_not_installed_ += options_.turn_entries / 8;
    if (entries_not_installed_ > options_.turn_entries * options_.turns_behind_max) {
      std::vector<Answer> none;
      Fail(none, absl::StrCat("derived rows can't be written, and memory must not fill up with them: ", installer_.failure()));
      return false;
    }
    entries_since_turn_ = options_.turn_entries * 7 / 8;
    installer_.Retry();
    return true;
  }
  entries_since_turn_ = entries_not_installed_ = 0;
  std::vector<GenerationRows> generations;
  std::vector<std::shared_ptr<const void>> oldest;
  {
    const std::shared_lock lock(programs_mutex_);
    for (auto& [id, slot] : programs_) {
      if (slot->program.is_set_aside() || slot->program.state().at.next_sequence == 0) continue;
      generations.push_back(slot->program.Turn(oldest));
    }
  }
  installer_.Start(std::move(generations), std::move(oldest));
  return true;
}

// --- the answering thread ----------------------------------------------------------------------------------------------------------

void Ledger::SendAnswers(std::vector<Answer> answers) {
  if (answers.empty()) return;
  bool was_empty;
  {
    const MutexLock lock(answer_mutex_);
    was_empty = answers_.empty();
    for (auto& answer : answers) answers_.push_back(std::move(answer));
  }
  if (was_empty) answers_changed_.notify_one();
}

void Ledger::AnswerLoop() {
  for (;;) {
    std::vector<Answer> answers;
    {
      MutexLock lock(answer_mutex_);
      while (answers_.empty() && !is_answering_done_) answers_changed_.wait(answer_mutex_);
      if (answers_.empty()) return;
      answers.swap(answers_);
    }
    for (auto& answer : answers) answer.done(std::move(answer.outcome));
  }
}

}  // namespace redpoints
