// One program of a shard: its state, its engine, its journal. The ledger's thread owns it; what others may call says so.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/log/log.h"
#include "storage/rules/command.h"
#include "storage/rules/engine.h"
#include "storage/rules/outcome.h"
#include "storage/rules/state.h"
#include "storage/store/store.h"

namespace redpoints {

class Program {
 public:
  // Told, once, that data of the program can't be read, on whatever thread met it; the program is set aside already.
  using OnDamage = std::function<void(Program& program, const absl::Status& why)>;

  // `log` and `store` are not owned and must outlive the program. Without a store all rows stay in memory.
  Program(std::string id, const Log& log, Store* store, OnDamage on_damage);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Loads the derived rows. RESOURCE_EXHAUSTED: no file opens. Any other error: they can't be used, and neither can this program: delete
  // them, and make another one.
  absl::Status LoadRows();
  // Adds the journal's entries behind the rows. Every `turn_entries` the rows are installed, and `turned` is told how far that went.
  // Returns how many entries were added since the last turn; `on_blob`: State::on_blob. DATA_LOSS: the journal is damaged, or shorter than
  // the rows.
  absl::StatusOr<std::int64_t> Replay(std::int64_t turn_entries, const std::function<void(std::int64_t next, std::int64_t end)>& turned,
                                      std::function<void(const std::string& sha256_hex, std::string content)> on_blob = {});

  // Decides one command at that time; see Desk::SetTime.
  Outcome Execute(std::int64_t now_ms, const Origin& origin, const Command& command, bool may_pass = true);
  // Does what is due by time, in at most `entries_max` entries. False when there is more.
  bool CatchUpWithTime(std::int64_t now_ms, std::size_t entries_max);
  // Whether a hold is open whose time is over.
  bool AreHoldsDue(std::int64_t now_ms) const {
    return !is_set_aside_ && !state_.holds_by_end.empty() && state_.holds_by_end.begin()->first <= now_ms;
  }
  // Why the last Execute or CatchUpWithTime broke off: Engine::TakeFault.
  absl::Status TakeFault() { return engine_.TakeFault(); }

  // Adds the entries posted since the last call to a batch, as one journal row or, of a bulk request, several: whoever wants one of its
  // entries later reads the row that it is in. Returns their number; -1, and adds nothing, once the
  // program is set aside.
  std::int64_t AppendTo(CommitBatch& batch);
  // The batch is durable: shows it to readers.
  void Publish();

  // Starts a new generation of the tables. Returns the rows to install, and adds what is to be let go to `oldest`: the rows of the last
  // call must be in the store by now.
  GenerationRows Turn(std::vector<std::shared_ptr<const void>>& oldest);

  // As of the last durable entry; REQUEST_NOT_FOUND as refusal, OVERLOADED when no file opens. May read the disk. Thread-safe.
  Outcome FindOutcome(const std::string& actor, const std::string& request_id) const;

  // Read with State::Read; constant after construction, thread-safe as State says.
  const State& state() const { return state_; }
  // One past the last durable entry. Thread-safe.
  std::int64_t end_sequence() const { return end_sequence_; }
  // Its data is damaged: nothing is done with it any more. Thread-safe.
  bool is_set_aside() const { return is_set_aside_; }
  // False when it was already. Thread-safe.
  bool SetAside() { return !is_set_aside_.exchange(true); }
  // Its journal; what it can't read sets the program aside. Thread-safe, lives as long as the program.
  const Journal& journal() const { return journal_; }

 private:
  void Damaged(const absl::Status& why);

  Store* const store_;
  const OnDamage on_damage_;
  State state_;  // its tables: readers too, under its mutex
  Engine engine_;
  Journal journal_;
  std::map<std::string, std::string> new_blobs_;     // of this batch
  std::deque<std::shared_ptr<const Entry>> recent_;  // the last entries, contiguous: for repetitions, refunds, reversals shortly after
  std::atomic<std::int64_t> end_sequence_ = 0;
  std::atomic<bool> is_set_aside_ = false;
};

}  // namespace redpoints
