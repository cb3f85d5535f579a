// Where entries are posted, and one command's way there.
//
// Not thread-safe: one writer a program. Posted entries are applied to the state at once; whoever owns the desk makes them durable before
// anybody is told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/rules/command.h"
#include "storage/rules/derive.h"
#include "storage/rules/outcome.h"

namespace redpoints {

// Posts entries of one program, one moment after the other.
class Desk {
 public:
  explicit Desk(State& state) : state_(state) {}

  // The time of all entries from here on, Unix milliseconds; never before the last entry's, but for a set-back. Where the clock is not to be
  // trusted for what only time does, `may_pass` is false: then nothing expires or ends, and nothing is decided about accounts for which it should
  // have.
  void SetTime(std::int64_t now_ms, bool may_pass);

  State& state() { return state_; }
  std::int64_t now_ms() const { return now_ms_; }
  // As SetTime was told: before now_ms while the last entry is ahead of it.
  std::int64_t clock_ms() const { return clock_ms_; }
  Day today() const { return today_; }
  bool may_pass() const { return may_pass_; }

  // An entry at this place and time.
  Entry Draft(Kind kind) const;
  // Completes, checks, applies. nullptr when the entry breaks an invariant: then nothing has changed but the fault.
  std::shared_ptr<const Entry> Post(Entry entry);
  // Content that posted entries name.
  void KeepBlob(const std::string& sha256, std::string content) { blobs_[sha256] = std::move(content); }

  // An entry, those of the running batch included; nullptr where there is none.
  std::shared_ptr<const Entry> Find(std::int64_t sequence) const;
  absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> FindEntries(std::int64_t first, std::int64_t count) const;

  // Writes what is due by time for a member: the ends of holds, then of lots. False where it is due but may not pass now.
  bool Settle(const std::string& member);
  void EndHold(std::int64_t sequence);
  // One entry for some of the lots that are past; false when there are none.
  bool Expire(const std::string& member);

  std::vector<std::shared_ptr<const Entry>> TakePosted() { return std::exchange(posted_, {}); }
  std::map<std::string, std::string> TakeBlobs() { return std::exchange(blobs_, {}); }
  absl::Status TakeFault() { return std::exchange(fault_, absl::OkStatus()); }
  bool has_fault() const { return !fault_.ok(); }

 private:
  State& state_;
  std::int64_t clock_ms_ = 0, now_ms_ = 0;
  Day today_ = 0;
  bool may_pass_ = true;
  std::vector<std::shared_ptr<const Entry>> posted_;
  std::map<std::string, std::string> blobs_;
  absl::Status fault_;
};

// One command of one actor. A Decide function finds what the command names, settles the members concerned, and carries out one entry or several.
class Decision {
 public:
  Decision(Desk& desk, const Origin& origin) : desk_(desk), origin_(origin) {}

  State& state() { return desk_.state(); }
  Desk& desk() { return desk_; }
  const Origin& origin() const { return origin_; }
  std::shared_ptr<const Entry> Find(std::int64_t sequence) const { return desk_.Find(sequence); }

  // The refusal when what is due by time for the member can't be written now.
  std::optional<Outcome> Settle(const std::string& member);

  // An entry with what its origin says.
  Entry Draft(Kind kind) const;
  // Derives and posts the entry, or answers with the rule that it breaks: recorded where the reason is.
  Outcome Carry(Case c, Entry entry);

  static Outcome Unrecorded(Refusal refusal);
  // What was `asked` (a draft: its kind, and what it states), for so many `points` where no field says so, is refused. Recorded or not as the
  // reason says; not recorded either where the actor or the member has had too many today, unless it is an item of many.
  Outcome Refuse(const Entry& asked, Refusal refusal, std::int64_t points = 0);
  // Recorded, whatever the reason.
  Outcome Record(const Entry& asked, Refusal refusal, std::int64_t points = 0);
  // The outcome of an entry just posted, INVARIANT_VIOLATION for nullptr.
  static Outcome Posted(std::shared_ptr<const Entry> entry);

  // Whether the actor may still leave refusals and tombstones in the ledger today.
  bool HasRefusalsLeft();

 private:
  Desk& desk_;
  const Origin& origin_;
};

}  // namespace redpoints
