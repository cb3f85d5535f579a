// Decides commands of one program and posts entries: the rules of the ledger at work. Every rule about points is in this folder; the four
// .cc files of the engine share this class by theme (awards, redemptions, registrations, time).
//
// Each decision first makes all its checks, in the precedence of reason.proto; from its Post call on it must succeed. Not thread-safe: one
// writer. Posted entries are applied to the state at once; whoever owns the engine makes them durable before anybody is told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "storage/rules/command.h"
#include "storage/rules/outcome.h"
#include "storage/rules/state.h"

namespace redpoints {

class Engine {
 public:
  explicit Engine(State& state);

  // The time of all entries from here on, Unix milliseconds; never before the last entry's.
  void SetTime(std::int64_t now_ms);

  // Decides and posts. A request id seen before is answered from the ledger.
  Outcome Execute(const Origin& origin, const Command& command);

  // Ends holds whose time has come and closes business days that are over, in at most `entries_max` entries (and the
  // expiries in front of holds' ends). True when all is done.
  bool CatchUpWithTime(std::size_t entries_max);
  // When CatchUpWithTime will next have something to do, Unix milliseconds.
  std::int64_t NextDeadline() const;

  // Entries posted since the last call, in order.
  std::vector<std::shared_ptr<const Entry>> TakePosted();
  // Blobs that entries posted since the last call name: SHA-256 in hex to content.
  std::map<std::string, std::string> TakeBlobs();

  // Why an entry could not be posted since the last call: an invariant would have been broken. A request's is answered with
  // INVARIANT_VIOLATION; after one in CatchUpWithTime the program must be set aside.
  absl::Status TakeFault() { return std::exchange(fault_, absl::OkStatus()); }

  State& state() { return state_; }

 private:
  friend class EngineTest;

  // The outcome of an unrecorded refusal, and of one that is recorded as an entry (unless the terminal has had too many today).
  static Outcome Unrecorded(Refusal refusal);
  Outcome Refuse(const Origin& origin, Kind kind, const std::string& member, Refusal refusal, std::int32_t item = -1);
  // Recorded or not as the reason says.
  Outcome Answer(const Origin& origin, Kind kind, const std::string& member, Refusal refusal, std::int32_t item = -1);
  // Completes, verifies, applies. nullptr when the entry breaks an invariant: then nothing has changed.
  std::shared_ptr<const Entry> Post(Entry entry);
  // The outcome of an entry just posted, INVARIANT_VIOLATION for nullptr.
  static Outcome Posted(std::shared_ptr<const Entry> entry, v1::OutcomeState state = v1::DONE);
  // An entry, those of the running batch included.
  absl::StatusOr<std::shared_ptr<const Entry>> FindEntry(std::int64_t sequence) const;
  absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> FindEntries(std::int64_t first, std::int64_t count) const;
  Outcome Replay(const RequestRecord& record);
  Outcome OutcomeOf(std::int64_t sequence);
  Entry Draft(Kind kind, const Origin& origin) const;

  Outcome Decide(const Origin&, const Award&);
  Outcome Decide(const Origin&, const AwardBatch&);
  Outcome Decide(const Origin&, const Correct&);
  Outcome Decide(const Origin&, const Donate&);
  Outcome Decide(const Origin&, const Quote&);
  Outcome Decide(const Origin&, const Redeem&);
  Outcome Decide(const Origin&, const Authorize&);
  Outcome Decide(const Origin&, const Capture&);
  Outcome Decide(const Origin&, const Void&);
  Outcome Decide(const Origin&, const Refund&);
  Outcome Decide(const Origin&, const Reverse&);
  Outcome Decide(const Origin&, const Register&);
  Outcome Decide(const Origin&, const ConfirmClock&);
  Outcome Decide(const Origin&, const FoundProgram&);

  // awards
  Outcome AwardOne(const Origin& origin, const AwardItem& item, std::int32_t index);
  // Issues `points` of `fund` to the member: debts first, the rest as a lot. Empty when the lot or balance would not fit.
  std::optional<Refusal> IssuePoints(Entry& entry, const std::string& fund, std::int64_t points, Day lot_end);

  // redemptions
  struct Sale;  // what Redeem, Authorize and Quote have in common
  std::optional<Refusal> CheckSale(const Origin& origin, const std::string& member_ref, const std::vector<OfferLine>& lines, Sale& sale);
  // Whether all entries that may come of the sale have lines short enough.
  bool FitsEntries(const Origin& origin, const Sale& sale) const;
  Outcome GiveBack(Entry entry, const Entry& sale, std::int64_t points, std::int64_t already);
  const Hold* FindHold(const Origin& origin, std::int64_t sequence, Outcome& refusal, Kind kind);
  Outcome ReverseTarget(const Origin& origin, const std::string& target_request, const RequestRecord& record);

  // registrations
  std::optional<Refusal> CheckRegistration(const Registration& data, bool is_new, const std::string& rulebook_json);

  // members and lots
  const MemberData* FindMember(const MemberRef& ref);
  bool IsSelfDealing(const std::string& staff, const MemberData& member);
  bool WorksAt(const MerchantData& merchant, const MemberData& member);
  // Writes the expiry of lots that are past, before anything else touches the account.
  void ExpirePast(const std::string& member);
  Account AccountOf(const std::string& holder, std::string_view unit);
  // Whether so many points more fit the member's account, those held included, since they may come back.
  bool HasRoom(const std::string& member, std::int64_t points);
  void EndHoldByTime(std::int64_t sequence);
  // Lots worth `points` from `lots`, soonest-ending first, positive. `lots` must hold that many.
  static std::vector<Lot> Take(const std::vector<Lot>& lots, std::int64_t points);
  // `back` as it fits beside `lots`: what would be a lot too many joins the next of its fund that ends later, else the last of all. Never
  // a refusal: the points are the member's.
  static std::vector<Lot> Fit(std::vector<Lot> lots, const std::vector<Lot>& back);
  // The two postings that give `lots` of a hold back, worth `points`.
  std::vector<Posting> Unhold(const std::string& member, std::int64_t points, const std::vector<Lot>& lots);
  static std::vector<Owed> OwedFor(const std::vector<Lot>& lots, const Rulebook& book);

  // A try of a terminal that shows whether a member exists, or how much is missing, and leaves no entry: `refusal` until there were as many
  // today as it may have recorded ones, then REFUSALS_EXHAUSTED. Counted in memory only.
  Refusal CountTry(const Origin& origin, Refusal refusal);
  int RefusalsMax() const;

  State& state_;
  absl::flat_hash_map<std::string, int> tries_;  // by terminal
  Day tries_day_ = 0;
  std::int64_t now_ms_ = 0;
  Day today_ = 0;
  std::vector<std::shared_ptr<const Entry>> posted_;
  std::map<std::string, std::string> blobs_;
  absl::Status fault_;
};

// A posting without balance and prev, which Post fills in.
Posting Move(std::string holder, Sub sub, std::string_view unit, std::int64_t amount, std::vector<Lot> lots = {});

}  // namespace redpoints
