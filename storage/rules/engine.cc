#include "storage/rules/engine.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/apply.h"

namespace redpoints {

Engine::Engine(State& state) : state_(state) {}

void Engine::SetTime(std::int64_t now_ms) {
  now_ms_ = std::max(now_ms, state_.last_ms);
  today_ = DayOf(now_ms_);
}

Outcome Engine::Execute(const Origin& origin, const Command& command) {
  if (!origin.request_id.empty()) {
    if (const RequestRecord* record = state_.requests.Find(RequestKey(origin.actor, origin.request_id))) {
      const RequestRecord found = *record;
      if (!found.is_tombstone && found.fingerprint != origin.fingerprint) return Unrecorded({Reason::REQUEST_ID_REUSED, {}});
      return Replay(found);
    }
  }
  return std::visit([&](const auto& c) { return Decide(origin, c); }, command);
}

Outcome Engine::Unrecorded(Refusal refusal) {
  Outcome outcome;
  outcome.refusal = std::move(refusal);
  return outcome;
}

Outcome Engine::Answer(const Origin& origin, Kind kind, const std::string& member, Refusal refusal, std::int32_t item) {
  if (!IsRecorded(refusal.reason)) return Unrecorded(std::move(refusal));
  return Refuse(origin, kind, member, std::move(refusal), item);
}

Outcome Engine::Refuse(const Origin& origin, Kind kind, const std::string& member, Refusal refusal, std::int32_t item) {
  if (!origin.terminal.empty()) {
    const std::int64_t* count = state_.counters.Find(RefusalCounter(origin.terminal, today_));
    if (count && *count >= RefusalsMax()) return Unrecorded({Reason::REFUSALS_EXHAUSTED, {}});
  }
  Entry entry = Draft(Kind::kRefused, origin);
  entry.item = item;
  entry.member = member;
  entry.request_kind = KindName(kind);
  entry.reason = NameOf(refusal.reason);
  entry.facts = std::move(refusal.facts);
  return Posted(Post(std::move(entry)), v1::REFUSED);
}

int Engine::RefusalsMax() const {
  const Rulebook* book = state_.BookOf(today_);
  return book ? book->refusals_per_terminal_day() : 1000;
}

Refusal Engine::CountTry(const Origin& origin, Refusal refusal) {
  if (tries_day_ != today_) tries_.clear();
  tries_day_ = today_;
  int& tries = tries_[origin.terminal];
  if (tries >= RefusalsMax()) return {Reason::REFUSALS_EXHAUSTED, {}};
  ++tries;
  return refusal;
}

Entry Engine::Draft(Kind kind, const Origin& origin) const {
  Entry entry;
  entry.kind = kind;
  entry.request_id = origin.request_id;
  entry.actor = origin.actor;
  entry.terminal = origin.terminal;
  entry.merchant = origin.merchant;
  entry.clerk = origin.clerk;
  entry.till = origin.till;
  entry.fingerprint = origin.fingerprint;
  return entry;
}

Outcome Engine::Posted(std::shared_ptr<const Entry> entry, v1::OutcomeState state) {
  if (!entry) return Unrecorded({Reason::INVARIANT_VIOLATION, {}});
  Outcome outcome;
  outcome.first = outcome.now = state;
  outcome.now_sequence = entry->sequence;
  outcome.entries.push_back(std::move(entry));
  return outcome;
}

std::shared_ptr<const Entry> Engine::Post(Entry entry) {
  entry.program = state_.program;
  entry.epoch = state_.epoch;
  entry.sequence = state_.next_sequence;
  entry.recorded_ms = now_ms_;
  entry.business_day = today_;
  for (std::size_t i = 0; i < entry.postings.size(); ++i) {
    Posting& p = entry.postings[i];
    const Account* account = state_.accounts.Find(AccountKey(p.holder, p.unit));
    p.prev = account ? account->head : -1;
    p.balance = (account ? account->at(p.sub) : 0) + p.amount;
    for (std::size_t j = 0; j < i; ++j) {  // an earlier posting of this entry on the same part
      const Posting& q = entry.postings[j];
      if (q.holder == p.holder && q.sub == p.sub && q.unit == p.unit) p.balance = q.balance + p.amount;
    }
  }
  auto status = Verify(state_, entry);
  if (status.ok()) status = Apply(state_, entry);
  if (!status.ok()) {
    fault_ =
        absl::InternalError(absl::StrCat(std::string(KindName(entry.kind)), " at ", entry.sequence, ": ", std::string(status.message())));
    return nullptr;
  }
  return posted_.emplace_back(std::make_shared<const Entry>(std::move(entry)));
}

absl::StatusOr<std::shared_ptr<const Entry>> Engine::FindEntry(std::int64_t sequence) const {
  auto entries = FindEntries(sequence, 1);
  if (!entries.ok()) return entries.status();
  return entries->front();
}

absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> Engine::FindEntries(std::int64_t first, std::int64_t count) const {
  if (first < 0 || first + count > state_.next_sequence) return absl::NotFoundError(absl::StrCat("no entry ", first));
  if (posted_.empty() || first < posted_.front()->sequence) return state_.find_entries(first, count);
  const auto begin = posted_.begin() + (first - posted_.front()->sequence);
  return std::vector<std::shared_ptr<const Entry>>(begin, begin + count);
}

Outcome Engine::OutcomeOf(std::int64_t sequence) {
  auto entry = FindEntry(sequence);
  if (!entry.ok()) return Unrecorded({Reason::INVARIANT_VIOLATION, {{"entry", absl::StrCat(sequence)}}});
  Outcome outcome = Posted(*std::move(entry));
  const Kind kind = outcome.entry().kind;
  outcome.first = kind == Kind::kRefused ? v1::REFUSED : kind == Kind::kHold ? v1::PENDING : v1::DONE;
  outcome.now = outcome.first;
  if (const FollowUp* follow_up = state_.follow_ups.Find(SequenceKey(sequence))) {
    outcome.now = follow_up->state;
    outcome.now_sequence = follow_up->sequence;
    outcome.refunded_points = follow_up->refunded_points;
  }
  return outcome;
}

Outcome Engine::Replay(const RequestRecord& record) {
  Outcome outcome = OutcomeOf(record.sequence);
  if (outcome.refusal) return outcome;
  outcome.is_replayed = true;
  if (record.is_tombstone) {
    outcome.refusal = Refusal{Reason::ALREADY_REVERSED, {}};
    outcome.first = outcome.now = v1::REVERSED;
    return outcome;
  }
  auto entries = FindEntries(record.sequence, record.count);
  if (!entries.ok()) return Unrecorded({Reason::INVARIANT_VIOLATION, {{"entry", absl::StrCat(record.sequence)}}});
  outcome.entries = *std::move(entries);
  if (const Entry& e = outcome.entry(); e.kind == Kind::kReversal) {
    const std::int64_t target = e.ref >= 0 ? e.ref : e.hold;
    if (target >= 0) outcome.target = std::make_shared<const Outcome>(OutcomeOf(target));
  }
  return outcome;
}

std::vector<std::shared_ptr<const Entry>> Engine::TakePosted() { return std::exchange(posted_, {}); }
std::map<std::string, std::string> Engine::TakeBlobs() { return std::exchange(blobs_, {}); }

Account Engine::AccountOf(const std::string& holder, std::string_view unit) {
  const Account* account = state_.accounts.Find(AccountKey(holder, unit));
  return account ? *account : Account{};
}

bool Engine::HasRoom(const std::string& member, std::int64_t points) {
  const Account account = AccountOf(member, kPoint);
  return InRange(account.at(Sub::kAvailable) + account.at(Sub::kHeld) + points);
}

const MemberData* Engine::FindMember(const MemberRef& ref) {
  if (ref.starts_with('m')) return state_.Find<MemberData>("member", ref);
  const std::string* id = state_.numbers.Find(ref);
  return id ? state_.Find<MemberData>("member", *id) : nullptr;
}

bool Engine::IsSelfDealing(const std::string& staff_id, const MemberData& member) {
  const auto* staff = state_.Find<StaffData>("staff", staff_id);
  if (!staff || staff->member.empty()) return false;
  if (staff->member == member.id) return true;
  const auto* self = state_.Find<MemberData>("member", staff->member);
  if (!self) return false;
  for (const Membership& mine : self->memberships) {
    if (!mine.Covers(today_)) continue;
    if (mine.member == member.id) return true;  // own household, or an organisation they stand for
    const auto* shared = state_.Find<MemberData>("member", mine.member);
    if (!shared || shared->kind != MemberKind::kHousehold) continue;
    for (const Membership& theirs : member.memberships) {
      if (theirs.member == mine.member && theirs.Covers(today_)) return true;
    }
  }
  return false;
}

bool Engine::WorksAt(const MerchantData& merchant, const MemberData& member) {
  const auto has = [&](const std::string& id) {
    return std::find(merchant.people.begin(), merchant.people.end(), id) != merchant.people.end();
  };
  for (const Membership& membership : member.memberships) {
    if (membership.Covers(today_) && has(membership.member)) return true;  // stands for an organisation that owns the shop
  }
  for (const std::string& id : merchant.people) {
    if (id == member.id) return true;
    const auto* person = state_.Find<MemberData>("member", id);
    if (!person) continue;
    for (const Membership& membership : person->memberships) {
      if (membership.member == member.id && membership.Covers(today_)) return true;
    }
  }
  return false;
}

std::vector<Lot> Engine::Take(const std::vector<Lot>& lots, std::int64_t points) {
  std::vector<Lot> taken;
  for (const Lot& lot : lots) {
    if (points == 0) break;
    taken.push_back({lot.fund, lot.end, std::min(points, lot.amount)});
    points -= taken.back().amount;
  }
  RP_CHECK(points == 0);
  return taken;
}

std::vector<Lot> Engine::Fit(std::vector<Lot> lots, const std::vector<Lot>& back) {
  std::vector<Lot> fitting;
  for (Lot lot : back) {
    const auto has = [&](const Lot& l) { return l.fund == lot.fund && l.end == lot.end; };
    if (lots.size() >= kLotsMax && std::none_of(lots.begin(), lots.end(), has)) {
      const auto later = std::find_if(lots.begin(), lots.end(), [&](const Lot& l) { return l.fund == lot.fund && l.end > lot.end; });
      const Lot& host = later != lots.end() ? *later : lots.back();
      lot.fund = host.fund;
      lot.end = host.end;
    }
    AddLot(lots, lot);
    AddLot(fitting, lot);
  }
  return fitting;
}

std::vector<Posting> Engine::Unhold(const std::string& member, std::int64_t points, const std::vector<Lot>& lots) {
  return {Move(member, Sub::kHeld, kPoint, -points),
          Move(member, Sub::kAvailable, kPoint, points, Fit(AccountOf(member, kPoint).lots, lots))};
}

std::vector<Owed> Engine::OwedFor(const std::vector<Lot>& lots, const Rulebook& book) {
  std::vector<Owed> owed;
  for (const Lot& lot : lots) {
    auto it = std::find_if(owed.begin(), owed.end(), [&](const Owed& o) { return o.fund == lot.fund; });
    if (it == owed.end()) it = owed.insert(owed.end(), Owed{.fund = lot.fund});
    it->points += lot.amount;
  }
  for (Owed& o : owed) o.fen = book.FenOwed(o.fund, o.points);
  return owed;
}

void Engine::ExpirePast(const std::string& member) {
  const Account* account = state_.accounts.Find(AccountKey(member, kPoint));
  if (!account || account->lots.empty() || account->lots.front().end > today_) return;
  std::vector<Lot> past;
  std::int64_t points = 0;
  for (const Lot& lot : account->lots) {
    if (lot.end > today_) break;
    past.push_back({lot.fund, lot.end, -lot.amount});
    points += lot.amount;
  }
  Entry entry;
  entry.kind = Kind::kExpiry;
  entry.actor = kLedgerActor;
  entry.member = member;
  entry.postings = {Move(member, Sub::kAvailable, kPoint, -points, std::move(past)), Move(kExpiredHolder, Sub::kAvailable, kPoint, points)};
  Post(std::move(entry));
}

Posting Move(std::string holder, Sub sub, std::string_view unit, std::int64_t amount, std::vector<Lot> lots) {
  Posting posting;
  posting.holder = std::move(holder);
  posting.sub = sub;
  posting.unit = unit;
  posting.amount = amount;
  posting.lots = std::move(lots);
  return posting;
}

Refusal RefusalOf(const Entry& entry) { return {ReasonFromName(entry.reason), entry.facts}; }

}  // namespace redpoints
