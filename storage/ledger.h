// One shard: its store, its programs, and the one thread that decides. Rules about points are in storage/rules; this class only feeds the
// engines and makes what they post durable, in groups, before anybody is told.
//
//   Submit ─▶ a queue for each program ─▶ ledger thread: decide in order ─▶ one commit, one fsync ─▶ publish ─▶ answer thread: done
//
// Thread-safe. Reads see only what is durable.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/clock.h"
#include "storage/rules/command.h"
#include "storage/rules/outcome.h"
#include "storage/rules/state.h"
#include "storage/store.h"

namespace redpoints {

class Ledger {
 public:
  using Done = std::function<void(Outcome)>;
  using Deadline = std::chrono::steady_clock::time_point;

  struct Options {
    std::size_t queue_requests_max = 4096;  // waiting, for each program
    std::size_t batch_items_max = 8192;     // decided in one commit (a request of many counts as many)
    std::int64_t turn_entries = 200'000;    // between two installs of derived rows: what an opening replays at most, about
    bool is_read_only = false;              // outcomes can be asked, nothing can be submitted
    // The store failed: outcomes in flight are unknown, and nothing is taken any more. Called once, on the ledger's thread.
    std::function<void(const absl::Status&)> on_fatal;
    // Something that a person should know of: an invariant, a jump of the clock, a program set aside. Called on the ledger's thread.
    std::function<void(const std::string& event, const std::string& detail)> on_event;
    // What CanWrite says has changed. Called on the ledger's thread.
    std::function<void()> on_can_write;
  };

  // Loads the programs and replays what their derived rows lack. A program whose data is damaged is set aside, the others go on.
  // `store` and `clock` are not owned and must outlive the ledger.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(Store& store, const Clock& clock, Options options);

  // Decides what is queued, answers it, installs the derived rows.
  ~Ledger();

  // Queues and returns at once; never blocks. `done` runs exactly once, on another thread than the ledger's, after the outcome is on disk.
  // Refused before queueing, and answered on the calling thread: PROGRAM_NOT_FOUND, PROGRAM_SET_ASIDE, OVERLOADED, STORAGE_READ_ONLY,
  // SHUTTING_DOWN. CLOCK_STOPPED and DEADLINE_PASSED are found when its turn comes; nothing is written for them.
  void Submit(const std::string& program, Origin origin, Command command, Done done, Deadline deadline = Deadline::max());

  // Accepts the wall clock as it is now.
  void ConfirmClock();
  bool is_clock_stopped() const;
  // Whether requests are decided now: not with a read-only or failed store, nor while the clock is stopped.
  bool CanWrite() const;

  // Whether the program's data is damaged, so that nothing is done with it.
  bool IsSetAside(const std::string& program) const;

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

  // The outcome of an actor's request as of the last durable entry; REQUEST_NOT_FOUND as refusal. May read the disk.
  Outcome FindOutcome(const std::string& program, const std::string& actor, const std::string& request_id) const;

  Store& store() const;
  const Clock& clock() const;

  // Figures since opening, for metrics.
  struct Counts {
    std::int64_t entries = 0, commits = 0, bytes = 0, commit_us = 0, queue = 0;
  };
  Counts counts() const;

 private:
  class Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace redpoints
