// One shard: its log, its derived rows, its programs, and the one thread that decides. Rules about points are in storage/rules; this class
// only feeds the engines and makes what they post durable, in groups, before anybody is told.
//
//   Submit ─▶ a queue for each program ─▶ ledger thread: decide in order ─▶ one commit, one fsync ─▶ publish ─▶ answer thread: done
//
// Thread-safe. Reads see only what is durable.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/clock.h"
#include "storage/clock_guard.h"
#include "storage/head_mark.h"
#include "storage/installer.h"
#include "storage/log/log.h"
#include "storage/mutex.h"
#include "storage/program.h"
#include "storage/rules/command.h"
#include "storage/rules/outcome.h"
#include "storage/rules/state.h"
#include "storage/store/store.h"

namespace redpoints {

class Ledger {
 public:
  using Done = std::function<void(Outcome)>;
  using Deadline = std::chrono::steady_clock::time_point;

  struct Options {
    std::size_t queue_requests_max = 4096;  // waiting, for each program
    std::size_t batch_items_max = 8192;     // decided in one commit (a request of many counts as many)
    std::int64_t turn_entries = 200'000;    // between two installs of derived rows: what an opening replays at most, about
    int turns_behind_max = 8;               // derived rows that can't be installed for so long stop the ledger, before memory is full
    bool is_read_only = false;              // outcomes can be asked, nothing can be submitted
    // There while it is in doubt whether the clock is right, so that a restart does not end the doubt; empty: none.
    std::string clock_doubt_file = {};
    std::string head_mark_file = {};  // kept up to date while the ledger is open to be written (head_mark.h); empty: none
    // The log failed: outcomes in flight are unknown, and nothing is taken any more. Called once, on the ledger's thread.
    std::function<void(const absl::Status&)> on_fatal;
    // Something that a person should know of: an invariant, a jump of the clock, a program set aside. Called on any thread.
    std::function<void(const std::string& event, const std::string& detail)> on_event;
    // What CanWrite says has changed. Called on the ledger's thread.
    std::function<void()> on_can_write;
  };

  // Takes the log over, unless it is read-only; loads the programs and replays what their derived rows lack. Derived rows that can't be
  // used are made again from the journal; where files of `store` are damaged, those of all programs. A program whose journal is damaged is
  // set aside, the others go on. UNAVAILABLE: the disk is full. RESOURCE_EXHAUSTED: too many open files, which sets nothing aside. The
  // start failure DERIVED_DAMAGED: the damage is there again, or can't be deleted. When read-only, rows that can't be used end it, too, with
  // that or another error: it has to be opened with an empty store in memory then. `log`, `store` and `clock` are not owned and must outlive
  // the ledger.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(Log& log, Store& store, const Clock& clock, Options options);

  // Decides what is queued, answers it, installs the derived rows.
  ~Ledger();

  // Queues and returns at once; never blocks. `done` runs exactly once, on another thread than the ledger's, after the outcome is on disk.
  // Refused before queueing, and answered on the calling thread: PROGRAM_NOT_FOUND, PROGRAM_SET_ASIDE, OVERLOADED, STORAGE_READ_ONLY,
  // SHUTTING_DOWN. CLOCK_STOPPED and DEADLINE_PASSED are found when its turn comes; nothing is written for them. While only what time does
  // waits for the clock, CLOCK_STOPPED answers what is about a member of whom something is due.
  void Submit(const std::string& program, Origin origin, Command command, Done done, Deadline deadline = Deadline::max());

  // Somebody says that the wall clock is right as it is now. After a doubt time still waits in each program for its own entry of that.
  void ConfirmClock() { clock_guard_.ConfirmNext(); }
  // Whether anything waits for a word about the clock: all programs, or those whose last entry is more than ten minutes ahead of it. Of the
  // program "system" another operator is registered all the same, while a program is ahead.
  bool is_clock_stopped() const { return clock_guard_.is_stopped() || is_any_ahead_; }
  // Whether what only time does waits for a clock that is known to be right.
  bool is_time_waiting() const { return clock_guard_.is_waiting(); }
  // Whether requests are decided now: not with a read-only or failed store, nor while the clock is stopped.
  bool CanWrite() const { return !options_.is_read_only && !is_failed_ && !clock_guard_.is_stopped(); }

  // Whether the program's data is damaged, so that nothing is done with it.
  bool IsSetAside(const std::string& program) const;
  // How many programs were set aside since opening: what was read while this changed may lack a row.
  std::int64_t damages() const { return damages_; }

  // The programs of this shard.
  std::vector<std::string> Programs() const;
  // The state of a program, nullptr when there is none: read it with State::Read. Lives as long as the ledger.
  const State* FindState(const std::string& program) const;
  // One past the last durable entry; 0 for an unknown program.
  std::int64_t EndSequence(const std::string& program) const;
  // Waits until the program has more than `sequence` durable entries; false at the deadline or when the ledger stops.
  bool WaitForEntry(const std::string& program, std::int64_t sequence, Deadline deadline) const;
  // Wakes all waiters for good, as on the way to a stop.
  void StopWaiting();

  // The outcome of an actor's request as of the last durable entry; REQUEST_NOT_FOUND as refusal. OUTCOME_UNKNOWN once the log has failed:
  // what it was asked to write last may be there. May read the disk.
  Outcome FindOutcome(const std::string& program, const std::string& actor, const std::string& request_id) const;

  const Log& log() const { return log_; }
  const Store& store() const { return store_; }
  // The journal of a program that FindState knows: what it can't read sets the program aside. Lives as long as the ledger.
  const Journal& JournalOf(const std::string& program) const;
  const Clock& clock() const { return clock_; }

  // Figures since opening, for metrics.
  struct Counts {
    std::int64_t entries = 0, commits = 0, bytes = 0, commit_us = 0, queue = 0;
  };
  Counts counts() const { return {entries_, commits_, bytes_, commit_us_, static_cast<std::int64_t>(queued_.load())}; }

 private:
  struct Pending {
    Origin origin;
    Command command;
    Done done;
    Deadline deadline;
  };
  // A program and what waits for it.
  struct Slot {
    template <class... T> explicit Slot(T&&... of_program) : program(std::forward<T>(of_program)...) {}
    Program program;
    std::deque<Pending> queue;     // guarded by queue_mutex_
    std::size_t queued_items = 0;  // in `queue`; guarded by queue_mutex_
    std::size_t credit = 0;        // items that it may have decided now, see TakeWork; the ledger thread's
    bool are_holds_due = false;    // nothing of it is decided before they have ended; the ledger thread's
    // The clock was confirmed after a doubt, and its own entry of that has not come yet: time waits for it. The ledger thread's.
    bool awaits_word = false;
  };
  struct Answer {
    Done done;
    Outcome outcome;
  };
  using Work = std::vector<std::pair<Slot*, Pending>>;

  Ledger(Log& log, Store& store, const Clock& clock, Options options);
  absl::Status Load();
  absl::Status LoadPrograms();
  absl::Status LoadProgram(const std::string& id);

  Slot* Find(const std::string& program) const;
  Slot& Add(const std::string& program);
  std::unique_ptr<Slot> MakeSlot(const std::string& program);
  void SetAside(Program& program, const absl::Status& why);
  void OnDamage(Program& program, const absl::Status& why);
  void Tell(const std::string& event, const std::string& detail) const;
  void TellCanWrite() const;

  // The ledger thread.
  void DecideLoop();
  void TakeWork(Work& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(queue_mutex_);
  bool Decide(Work& work, std::int64_t now_ms);
  void AwaitWords();
  void RememberDoubt();
  void CatchUpWithTime(std::int64_t now_ms);
  Outcome Execute(Slot& slot, const Pending& pending, std::int64_t now_ms, Deadline started);
  bool Commit(const Work& work, std::vector<Answer>& answers);
  void Fail(std::vector<Answer>& answers, const std::string& why);
  bool TurnAll();
  void DiscreditDamaged();
  HeadMarks CollectHeadMarks() const;

  void SendAnswers(std::vector<Answer> answers);
  void AnswerLoop();

  Log& log_;
  Store& store_;
  const Clock& clock_;
  const Options options_;
  std::uint64_t fence_ = 0;     // constant after Load
  bool may_load_again_ = true;  // a row that can't be read sets nothing aside, while Load can make all rows anew

  // The ledger thread's own.
  ClockGuard clock_guard_;
  Installer installer_;
  bool is_behind_time_ = false;  // time has caused more than was written yet
  std::size_t awaiting_ = 0;     // slots that await a word
  bool is_doubt_kept_ = false;   // clock_doubt_file is there
  std::atomic<bool> is_any_ahead_ = false;
  std::int64_t entries_since_turn_ = 0;
  std::int64_t entries_not_installed_ = 0;  // in generations that could not be written

  // Locks are taken in this order: queue_mutex_, programs_mutex_, a state's.
  mutable std::shared_mutex programs_mutex_;
  std::map<std::string, std::unique_ptr<Slot>> programs_;  // guarded by programs_mutex_; slots never go once it is open

  Mutex queue_mutex_;
  Condition queue_changed_;
  std::atomic<std::size_t> queued_ = 0;  // requests in all queues; changed under queue_mutex_
  bool is_stopping_ ABSL_GUARDED_BY(queue_mutex_) = false;

  Mutex damaged_mutex_;
  std::vector<std::string> damaged_ ABSL_GUARDED_BY(damaged_mutex_);  // set aside, whose derived rows still have their mark
  std::atomic<std::int64_t> damages_ = 0;
  std::atomic<bool> is_any_damaged_ = false;  // whether there is something in it

  Mutex answer_mutex_;
  Condition answers_changed_;
  std::vector<Answer> answers_ ABSL_GUARDED_BY(answer_mutex_);
  bool is_answering_done_ ABSL_GUARDED_BY(answer_mutex_) = false;

  mutable Mutex published_mutex_;
  mutable Condition published_;
  bool is_waiting_over_ ABSL_GUARDED_BY(published_mutex_) = false;

  std::atomic<bool> is_failed_ = false;
  std::atomic<std::int64_t> entries_ = 0, commits_ = 0, bytes_ = 0, commit_us_ = 0;

  std::thread answerer_, thread_;
  std::unique_ptr<HeadMarkWriter> head_marks_;
};

}  // namespace redpoints
