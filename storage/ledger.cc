#include "storage/ledger.h"

#include <atomic>
#include <deque>
#include <map>
#include <shared_mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/mutex.h"
#include "storage/rules/apply.h"
#include "storage/rules/engine.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

// A jump of the wall clock against the monotonic one that a person has to confirm.
constexpr std::int64_t kClockJumpMs = 10 * 60'000;
// How long a ledger may have been closed before a person has to confirm that it was: a clock that is years ahead would end everybody's points.
constexpr std::int64_t kClosedMs = 7 * 86'400'000LL;
// Entries kept parsed, for repetitions, refunds and reversals shortly after.
constexpr std::size_t kRecentEntries = 8192;
// What a program may have decided in each round of a batch, while others wait.
constexpr std::size_t kRoundItems = 64;
// Entries that time may cause in one batch, so that requests go on beside a month's end.
constexpr std::size_t kTimeEntriesMax = 256;
// Entries in a journal row.
constexpr std::size_t kRowEntries = 256;
// What may wait of one program, a request of many counting as many: some eight of the largest.
constexpr std::size_t kQueueItemsMax = 65'536;
constexpr auto kIdleWait = std::chrono::milliseconds(200);

Outcome Refused(Reason reason) {
  Outcome outcome;
  outcome.refusal = Refusal{reason, {}};
  return outcome;
}

struct Pending {
  Origin origin;
  Command command;
  Ledger::Done done;
  Ledger::Deadline deadline;
};

std::size_t ItemsOf(const Command& command) {
  if (const auto* batch = std::get_if<AwardBatch>(&command)) return batch->items.size();
  if (const auto* batch = std::get_if<Register>(&command)) return batch->items.size();
  return 1;
}

// One program of the shard. The ledger thread's own, but for what says otherwise.
struct Program {
  Program(std::string id, const Store& store) : state(std::move(id)), engine(state), journal(store, state.program) {
    BindToStore(state, store);
    state.find_entries = [this](std::int64_t first, std::int64_t count) -> absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> {
      if (recent.empty() || first < recent.front()->sequence) return journal.ReadAll(first, count);
      const auto begin = recent.begin() + (first - recent.front()->sequence);
      return std::vector<std::shared_ptr<const Entry>>(begin, begin + count);
    };
    state.find_blob = [this, &store](const std::string& sha256) -> absl::StatusOr<std::string> {
      if (const auto it = new_blobs.find(sha256); it != new_blobs.end()) return it->second;
      auto blob = store.Get(TableId::kBlob, BlobKey(state.program, sha256));
      if (!blob.ok()) return blob.status();
      if (!*blob) return absl::DataLossError(absl::StrCat("blob ", sha256, " of ", state.program, " is missing"));
      return **std::move(blob);
    };
  }

  State state;  // its tables: readers too, under its mutex
  Engine engine;
  Journal journal;
  std::map<std::string, std::string> new_blobs;     // of this batch
  std::deque<std::shared_ptr<const Entry>> recent;  // the last entries, contiguous
  std::deque<Pending> queue;                        // guarded by Impl::queue_mutex_
  std::size_t queued_items = 0;                     // in `queue`
  std::size_t credit = 0;                           // items that it may have decided now, see TakeWork
  std::atomic<std::int64_t> end_sequence = 0;       // durable
  std::atomic<bool> is_set_aside = false;
};

}  // namespace

class Ledger::Impl {
 public:
  Impl(Store& store, const Clock& clock, Options options)
      : store_(store),
        clock_(clock),
        options_(std::move(options)),
        accepted_wall_ms_(clock.NowMs()),
        accepted_monotonic_ms_(clock.MonotonicMs()) {}

  ~Impl() {
    StopWaiting();
    {
      const MutexLock lock(queue_mutex_);
      is_stopping_ = true;
    }
    queue_changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (installer_.joinable()) installer_.join();
    if (!is_failed_ && !options_.is_read_only) {
      for (bool is_settled = false; !is_settled;) {
        is_settled = uninstalled_.empty();  // else this turn only repeats the last one
        TurnAll();
        installer_.join();
        is_settled = is_settled || !uninstalled_.empty();  // it fails again: the journal has it all
      }
    }
    {
      const MutexLock lock(answer_mutex_);
      is_answering_done_ = true;
    }
    answers_changed_.notify_all();
    if (answerer_.joinable()) answerer_.join();
  }

  absl::Status Load() {
    if (!options_.is_read_only) {
      auto fence = store_.TakeOver();
      if (!fence.ok()) return fence.status();
      fence_ = *fence;
    }
    auto programs = Journal::Programs(store_);
    if (!programs.ok()) return programs.status();
    std::int64_t last_ms = 0;
    for (const std::string& id : *programs) {
      Program& program = Add(id);
      if (auto status = Replay(program); !status.ok()) SetAside(program, status);
      last_ms = std::max(last_ms, program.state.last_ms);
    }
    const std::int64_t ahead_ms = last_ms - clock_.NowMs();
    if (ahead_ms > kClockJumpMs) StopClock(absl::StrCat("the last entry is ", ahead_ms, " ms ahead of the clock"));
    if (last_ms > 0 && -ahead_ms > kClosedMs) StopClock(absl::StrCat("the clock is ", -ahead_ms, " ms ahead of the last entry"));
    return absl::OkStatus();
  }

  void Start() {
    answerer_ = std::thread([this] { AnswerLoop(); });
    if (!options_.is_read_only) thread_ = std::thread([this] { DecideLoop(); });
  }

  void Submit(const std::string& id, Origin origin, Command command, Done done, Deadline deadline) {
    if (options_.is_read_only || is_failed_) return done(Refused(Reason::STORAGE_READ_ONLY));
    Program* program = Find(id);
    if (!program && std::holds_alternative<FoundProgram>(command)) program = &Add(id);
    if (!program) return done(Refused(Reason::PROGRAM_NOT_FOUND));
    if (program->is_set_aside) return done(Refused(Reason::PROGRAM_SET_ASIDE));
    if (origin.fingerprint.empty()) origin.fingerprint = Fingerprint(origin, command);
    const std::size_t items = ItemsOf(command);
    bool is_first = false;
    Reason refused = Reason::REASON_UNSPECIFIED;
    {
      const MutexLock lock(queue_mutex_);
      if (is_stopping_) {
        refused = Reason::SHUTTING_DOWN;
      } else if (program->queue.size() >= options_.queue_requests_max || program->queued_items + items > kQueueItemsMax) {
        refused = Reason::OVERLOADED;
      } else {
        is_first = queued_++ == 0;
        program->queued_items += items;
        program->queue.push_back({std::move(origin), std::move(command), std::move(done), deadline});
      }
    }
    if (refused != Reason::REASON_UNSPECIFIED) return done(Refused(refused));
    if (is_first) queue_changed_.notify_one();
  }

  Program* Find(const std::string& id) const {
    const std::shared_lock lock(programs_mutex_);
    const auto it = programs_.find(id);
    return it == programs_.end() ? nullptr : it->second.get();
  }

  std::vector<std::string> Programs() const {
    const std::shared_lock lock(programs_mutex_);
    std::vector<std::string> ids;
    for (const auto& [id, program] : programs_) {
      if (program->end_sequence > 0) ids.push_back(id);
    }
    return ids;
  }

  bool WaitForEntry(const std::string& id, std::int64_t sequence, Deadline deadline) {
    MutexLock lock(published_mutex_);
    const auto has_come = [&] {
      const Program* program = Find(id);
      return program && program->end_sequence > sequence;
    };
    while (!is_waiting_over_ && !has_come()) {
      if (published_.wait_until(published_mutex_, deadline) == std::cv_status::timeout) break;
    }
    return has_come();
  }

  void StopWaiting() {
    {
      const MutexLock lock(published_mutex_);
      is_waiting_over_ = true;
    }
    published_.notify_all();
  }

  Outcome FindOutcome(const std::string& id, const std::string& actor, const std::string& request_id) const {
    const Program* program = Find(id);
    if (!program) return Refused(Reason::PROGRAM_NOT_FOUND);
    const State& state = program->state;
    const auto record = state.Read(state.requests, RequestKey(actor, request_id));
    if (!record) return Refused(Reason::REQUEST_NOT_FOUND);
    const auto follow_up = state.Read(state.follow_ups, SequenceKey(record->sequence));
    Outcome outcome;
    outcome.is_replayed = true;
    auto entries = program->journal.ReadAll(record->sequence, record->count);
    if (!entries.ok()) return Refused(Reason::INVARIANT_VIOLATION);
    outcome.entries = *std::move(entries);
    const Kind kind = outcome.entry().kind;
    outcome.first = record->is_tombstone     ? v1::REVERSED
                    : kind == Kind::kRefused ? v1::REFUSED
                    : kind == Kind::kHold    ? v1::PENDING
                                             : v1::DONE;
    outcome.now = outcome.first;
    outcome.now_sequence = record->sequence;
    if (follow_up && !record->is_tombstone) {
      outcome.now = follow_up->state;
      outcome.now_sequence = follow_up->sequence;
      outcome.refunded_points = follow_up->refunded_points;
    }
    return outcome;
  }

  void ConfirmClock() { is_clock_confirmed_ = true; }
  bool is_clock_stopped() const { return is_clock_stopped_; }
  bool CanWrite() const { return !options_.is_read_only && !is_failed_ && !is_clock_stopped_; }

  Counts counts() const { return {entries_, commits_, bytes_, commit_us_, static_cast<std::int64_t>(queued_.load())}; }

  Store& store_;
  const Clock& clock_;

 private:
  struct Answer {
    Done done;
    Outcome outcome;
  };

  Program& Add(const std::string& id) {
    const std::unique_lock lock(programs_mutex_);
    auto& program = programs_[id];
    if (!program) program = std::make_unique<Program>(id, store_);
    return *program;
  }

  // Loads the derived rows and adds the journal's entries behind their mark.
  absl::Status Replay(Program& program) {
    State& state = program.state;
    if (auto status = LoadState(state, store_); !status.ok()) return status;
    auto end = program.journal.End();
    if (!end.ok()) return end.status();
    if (state.next_sequence > *end) {
      return absl::DataLossError(absl::StrCat("the journal ends at ", *end, ", but derived rows go to ", state.next_sequence));
    }
    const std::int64_t mark = state.next_sequence;
    while (state.next_sequence < *end) {
      auto chunk = program.journal.Lines(state.next_sequence, *end, 4u << 20);
      if (!chunk.ok()) return chunk.status();
      if (chunk->lines.empty()) return absl::DataLossError(absl::StrCat("no entry ", state.next_sequence));
      for (const auto line : chunk->Split()) {
        auto entry = ParseLine(line);
        auto status = entry.ok() ? Verify(state, *entry) : entry.status();
        if (status.ok()) status = Apply(state, *entry);
        if (!status.ok()) return absl::DataLossError(absl::StrCat("entry ", state.next_sequence, ": ", std::string(status.message())));
      }
      const std::unique_lock lock(state.mutex);
      state.Publish();
    }
    program.end_sequence = state.next_sequence;
    entries_since_turn_ += state.next_sequence - mark;
    return absl::OkStatus();
  }

  void DecideLoop() {
    for (;;) {
      std::vector<std::pair<Program*, Pending>> work;
      {
        MutexLock lock(queue_mutex_);
        if (queued_ == 0 && !is_stopping_ && !is_behind_time_) queue_changed_.wait_for(queue_mutex_, kIdleWait);
        if (is_stopping_ && queued_ == 0) break;
        TakeWork(work);
      }
      const std::int64_t now_ms = GuardedNow();
      if (!Decide(work, now_ms)) return;
      if (entries_since_turn_ >= options_.turn_entries) TurnAll();
    }
  }

  // Fair by items, so that a till of one program does not wait for another's batches: in each round a program gets credit for some, and a
  // request of many waits until there is enough (deficit round robin).
  void TakeWork(std::vector<std::pair<Program*, Pending>>& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(queue_mutex_) {
    const std::shared_lock lock(programs_mutex_);
    std::size_t items = 0;
    for (bool is_any = true; is_any && items < options_.batch_items_max;) {
      is_any = false;
      for (auto& [id, program] : programs_) {
        program->credit += kRoundItems;
        while (!program->queue.empty() && items < options_.batch_items_max) {
          const std::size_t cost = ItemsOf(program->queue.front().command);
          if (cost > program->credit) break;
          program->credit -= cost;
          program->queued_items -= cost;
          items += cost;
          work.emplace_back(program.get(), std::move(program->queue.front()));
          program->queue.pop_front();
          --queued_;
        }
        if (program->queue.empty()) {
          program->credit = 0;  // nobody saves up
        } else {
          is_any = true;
        }
      }
    }
  }

  // Decides, commits, publishes, answers. False after a failure: the ledger is done for.
  bool Decide(std::vector<std::pair<Program*, Pending>>& work, std::int64_t now_ms) {
    std::vector<Answer> answers;
    answers.reserve(work.size());
    is_behind_time_ = false;
    if (!is_clock_stopped_) {
      const std::shared_lock lock(programs_mutex_);
      for (auto& [id, program] : programs_) {
        if (program->is_set_aside) continue;
        program->engine.SetTime(now_ms);
        if (program->engine.NextDeadline() > now_ms && program->state.last_closed_day >= AddDays(DayOf(now_ms), -1)) continue;
        if (!program->engine.CatchUpWithTime(kTimeEntriesMax)) is_behind_time_ = true;
        if (auto fault = program->engine.TakeFault(); !fault.ok()) SetAside(*program, fault);
      }
    }
    const auto mono = std::chrono::steady_clock::now();
    for (auto& [program, pending] : work) {
      Outcome outcome;
      if (program->is_set_aside) {
        outcome = Refused(Reason::PROGRAM_SET_ASIDE);
      } else if (is_clock_stopped_ && !std::holds_alternative<redpoints::ConfirmClock>(pending.command)) {
        outcome = Refused(Reason::CLOCK_STOPPED);
      } else if (pending.deadline < mono) {
        outcome = Refused(Reason::DEADLINE_PASSED);
      } else {
        program->engine.SetTime(now_ms);
        if (const auto* registration = std::get_if<Register>(&pending.command)) KeepBlob(*program, *registration);
        outcome = program->engine.Execute(pending.origin, pending.command);
        if (auto fault = program->engine.TakeFault(); !fault.ok()) Tell("invariant_violation", std::string(fault.message()));
        // Not a repeated one: it was about the jump of then.
        if (!outcome.refusal && !outcome.is_replayed && std::holds_alternative<redpoints::ConfirmClock>(pending.command)) AcceptClock();
      }
      answers.push_back({std::move(pending.done), std::move(outcome)});
    }

    CommitBatch batch;
    std::vector<Program*> changed;
    std::int64_t entries = 0;
    {
      const std::shared_lock lock(programs_mutex_);
      for (auto& [id, program] : programs_) {
        if (const std::int64_t count = AppendTo(batch, *program)) {
          changed.push_back(program.get());
          entries += count;
        }
      }
    }
    if (!changed.empty()) {
      const auto start = std::chrono::steady_clock::now();
      batch.fence = fence_;
      const CommitResult result = store_.Commit(batch);
      if (result != CommitResult::kCommitted) {
        Fail(answers, result == CommitResult::kFenced          ? "another process owns the ledger"
                      : result == CommitResult::kOutOfSequence ? "a journal does not end where this ledger has brought it"
                                                               : "the ledger can't be written");
        return false;
      }
      commit_us_ += std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
      ++commits_;
      entries_ += entries;
      entries_since_turn_ += entries;
      for (const auto& append : batch.appends) bytes_ += static_cast<std::int64_t>(append.lines.size());
      for (const auto& put : batch.puts) bytes_ += static_cast<std::int64_t>(put.key.size() + put.value.size());
      Publish(changed);
    }
    SendAnswers(std::move(answers));
    return true;
  }

  // A rulebook's content must be at hand when its entry is applied.
  static void KeepBlob(Program& program, const Register& registration) {
    for (const Registration& data : registration.items) {
      if (const auto* rulebook = std::get_if<RulebookData>(&data)) program.new_blobs[rulebook->sha256] = registration.rulebook_json;
    }
  }

  // Adds the entries that the program's engine posted, as one journal row or, of a bulk request, several: whoever wants one of its entries
  // later reads the row that it is in.
  static std::int64_t AppendTo(CommitBatch& batch, Program& program) {
    auto posted = program.engine.TakePosted();
    auto blobs = program.engine.TakeBlobs();
    program.new_blobs.clear();
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
      batch.appends.push_back({.program = program.state.program,
                               .expected_next_sequence = posted[first]->sequence,
                               .entries = static_cast<std::int64_t>(end - first),
                               .lines = std::move(lines)});
    }
    for (auto& [sha256, content] : blobs) {
      batch.puts.push_back({TableId::kBlob, BlobKey(program.state.program, sha256), std::move(content)});
    }
    for (auto& entry : posted) program.recent.push_back(std::move(entry));
    while (program.recent.size() > kRecentEntries) program.recent.pop_front();
    return count;
  }

  void Publish(const std::vector<Program*>& changed) {
    for (Program* program : changed) {
      // With the rows: who has read of an entry finds it.
      const std::unique_lock lock(program->state.mutex);
      program->state.Publish();
      program->end_sequence = program->state.next_sequence;
    }
    { const MutexLock lock(published_mutex_); }  // nobody is between the look and the wait
    published_.notify_all();
  }

  void SendAnswers(std::vector<Answer> answers) {
    if (answers.empty()) return;
    bool was_empty;
    {
      const MutexLock lock(answer_mutex_);
      was_empty = answers_.empty();
      for (auto& answer : answers) answers_.push_back(std::move(answer));
    }
    if (was_empty) answers_changed_.notify_one();
  }

  void AnswerLoop() {
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

  // Fail-stop: what was in flight may or may not be on disk; only a reopening tells.
  void Fail(std::vector<Answer>& answers, const std::string& why) {
    is_failed_ = true;
    TellCanWrite();
    for (auto& answer : answers) answer.outcome = Refused(Reason::OUTCOME_UNKNOWN);
    SendAnswers(std::move(answers));
    std::vector<Answer> waiting;
    {
      const MutexLock lock(queue_mutex_);
      is_stopping_ = true;
      const std::shared_lock programs(programs_mutex_);
      for (auto& [id, program] : programs_) {
        for (auto& pending : program->queue) waiting.push_back({std::move(pending.done), Refused(Reason::STORAGE_READ_ONLY)});
        program->queue.clear();
      }
      queued_ = 0;
    }
    SendAnswers(std::move(waiting));
    Tell("store_failed", why);
    if (options_.on_fatal) options_.on_fatal(absl::DataLossError(why));
  }

  void SetAside(Program& program, const absl::Status& why) {
    program.is_set_aside = true;
    Tell("program_set_aside", absl::StrCat(program.state.program, ": ", std::string(why.message())));
  }

  void Tell(const std::string& event, const std::string& detail) const {
    if (options_.on_event) options_.on_event(event, detail);
  }
  void TellCanWrite() const {
    if (options_.on_can_write) options_.on_can_write();
  }

  // --- the clock guard: the wall clock must go as the monotonic one does -----------------------------------------------------------

  std::int64_t GuardedNow() {
    const std::int64_t wall = clock_.NowMs(), monotonic = clock_.MonotonicMs();
    if (is_clock_confirmed_.exchange(false)) AcceptClock();
    // Since it was last accepted, not since the last look: many small jumps are a large one.
    const std::int64_t jump = (wall - accepted_wall_ms_) - (monotonic - accepted_monotonic_ms_);
    if (!is_clock_stopped_ && (jump > kClockJumpMs || jump < -kClockJumpMs)) StopClock(absl::StrCat("the clock jumped by ", jump, " ms"));
    return wall;
  }
  void StopClock(const std::string& why) {
    is_clock_stopped_ = true;
    Tell("clock_stopped", why);
    TellCanWrite();
  }
  void AcceptClock() {
    accepted_wall_ms_ = clock_.NowMs();
    accepted_monotonic_ms_ = clock_.MonotonicMs();
    if (is_clock_stopped_.exchange(false)) TellCanWrite();
  }

  // --- derived rows ----------------------------------------------------------------------------------------------------------------

  // Starts a new generation of the tables and writes the last one beside the ledger thread. Called when nothing is pending.
  void TurnAll() {
    if (is_installing_) return;  // the next batch asks again
    if (installer_.joinable()) installer_.join();
    // Without its rows in the store a generation can't leave memory: what could not be written comes first.
    std::vector<GenerationRows> generations = std::exchange(uninstalled_, {});
    entries_since_turn_ = generations.empty() ? 0 : options_.turn_entries * 7 / 8;
    std::vector<std::shared_ptr<const void>> oldest;
    if (generations.empty()) {
      const std::shared_lock lock(programs_mutex_);
      for (auto& [id, program] : programs_) {
        if (program->is_set_aside || program->state.next_sequence == 0) continue;
        const std::unique_lock state_lock(program->state.mutex);
        program->state.Publish();  // rows read since the last commit
        program->state.ForEachTable([&](auto& table) { oldest.push_back(table.Turn()); });
        generations.push_back(GenerationRows::Collect(program->state));
      }
    }
    is_installing_ = true;
    installer_ = std::thread([this, generations = std::move(generations), oldest = std::move(oldest)]() mutable {
      oldest.clear();  // takes a while, too
      for (const auto& generation : generations) {
        if (auto status = store_.Install(TableId::kDerived, generation.Rows(), fence_); !status.ok()) {
          Tell("install_failed", std::string(status.message()));
          uninstalled_ = std::move(generations);
          break;
        }
      }
      is_installing_ = false;
    });
  }

  const Options options_;
  std::uint64_t fence_ = 0;

  mutable std::shared_mutex programs_mutex_;
  std::map<std::string, std::unique_ptr<Program>> programs_;

  Mutex queue_mutex_;
  Condition queue_changed_;
  std::atomic<std::size_t> queued_ = 0;  // changed under queue_mutex_
  bool is_stopping_ ABSL_GUARDED_BY(queue_mutex_) = false;

  Mutex answer_mutex_;
  Condition answers_changed_;
  std::vector<Answer> answers_ ABSL_GUARDED_BY(answer_mutex_);
  bool is_answering_done_ ABSL_GUARDED_BY(answer_mutex_) = false;

  Mutex published_mutex_;
  Condition published_;
  bool is_waiting_over_ ABSL_GUARDED_BY(published_mutex_) = false;

  std::atomic<bool> is_failed_ = false;
  std::atomic<bool> is_clock_stopped_ = false;
  std::atomic<bool> is_clock_confirmed_ = false;
  std::int64_t accepted_wall_ms_, accepted_monotonic_ms_;  // the ledger thread's
  bool is_behind_time_ = false;                            // the ledger thread's: time has caused more than was written yet
  std::int64_t entries_since_turn_ = 0;                    // the ledger thread's
  std::atomic<bool> is_installing_ = false;
  std::vector<GenerationRows> uninstalled_;  // the installer's while is_installing_, else the ledger thread's
  std::atomic<std::int64_t> entries_ = 0, commits_ = 0, bytes_ = 0, commit_us_ = 0;

  std::thread installer_, answerer_, thread_;
};

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ledger::~Ledger() = default;

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(Store& store, const Clock& clock, Options options) {
  auto impl = std::make_unique<Impl>(store, clock, std::move(options));
  if (auto status = impl->Load(); !status.ok()) return status;
  impl->Start();
  return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
}

void Ledger::Submit(const std::string& program, Origin origin, Command command, Done done, Deadline deadline) {
  impl_->Submit(program, std::move(origin), std::move(command), std::move(done), deadline);
}
void Ledger::ConfirmClock() { impl_->ConfirmClock(); }
bool Ledger::is_clock_stopped() const { return impl_->is_clock_stopped(); }
bool Ledger::CanWrite() const { return impl_->CanWrite(); }
std::vector<std::string> Ledger::Programs() const { return impl_->Programs(); }
const State* Ledger::FindState(const std::string& id) const {
  const Program* program = impl_->Find(id);
  return program && program->end_sequence > 0 ? &program->state : nullptr;
}
bool Ledger::IsSetAside(const std::string& id) const {
  const Program* program = impl_->Find(id);
  return program && program->is_set_aside;
}
std::int64_t Ledger::EndSequence(const std::string& id) const {
  const Program* program = impl_->Find(id);
  return program ? program->end_sequence.load() : 0;
}
bool Ledger::WaitForEntry(const std::string& program, std::int64_t sequence, Deadline deadline) const {
  return impl_->WaitForEntry(program, sequence, deadline);
}
void Ledger::StopWaiting() { impl_->StopWaiting(); }
Outcome Ledger::FindOutcome(const std::string& program, const std::string& actor, const std::string& request_id) const {
  return impl_->FindOutcome(program, actor, request_id);
}
Store& Ledger::store() const { return impl_->store_; }
const Clock& Ledger::clock() const { return impl_->clock_; }
Ledger::Counts Ledger::counts() const { return impl_->counts(); }

}  // namespace redpoints
