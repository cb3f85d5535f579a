#include "storage/rules/apply.h"

#include <algorithm>
#include <tuple>

#include "absl/container/inlined_vector.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

enum class Holder { kMemberAvailable, kMemberHeld, kMemberDebt, kMerchant, kIssuance, kExpired, kPool, kMoney, kUnknown };

Holder HolderOf(const Posting& p) {
  if (IsMember(p.holder)) {
    return p.sub == Sub::kAvailable ? Holder::kMemberAvailable : p.sub == Sub::kHeld ? Holder::kMemberHeld : Holder::kMemberDebt;
  }
  if (p.sub != Sub::kAvailable) return Holder::kUnknown;
  if (IsMerchant(p.holder)) return Holder::kMerchant;
  if (p.holder.starts_with("issuance:")) return Holder::kIssuance;
  if (p.holder == kExpiredHolder) return Holder::kExpired;
  if (p.holder == kPoolHolder) return Holder::kPool;
  if (p.holder.starts_with("fund:") || p.holder == "payable" || p.holder == "paid") return Holder::kMoney;
  return Holder::kUnknown;
}

// Which accounts an entry of a kind may touch. No award, donation or correction ever touches a merchant.
bool MayTouch(Kind kind, Holder holder) {
  using enum Holder;
  switch (kind) {
    case Kind::kAward: return holder == kIssuance || holder == kMemberAvailable || holder == kMemberDebt;
    case Kind::kCorrection: return holder == kIssuance || holder == kMemberAvailable || holder == kMemberDebt || holder == kExpired;
    case Kind::kDonation: return holder == kMemberAvailable || holder == kPool;
    case Kind::kRedemption: return holder == kMemberAvailable || holder == kMerchant;
    case Kind::kHold:
    case Kind::kVoid:
    case Kind::kHoldExpired: return holder == kMemberAvailable || holder == kMemberHeld;
    case Kind::kCapture: return holder == kMemberAvailable || holder == kMemberHeld || holder == kMerchant;
    case Kind::kRefund: return holder == kMemberAvailable || holder == kMerchant || holder == kExpired;
    case Kind::kReversal: return holder == kMemberAvailable || holder == kMemberHeld || holder == kMerchant || holder == kExpired;
    case Kind::kExpiry: return holder == kMemberAvailable || holder == kExpired;
    default: return false;
  }
}

v1::UnitKind KindOfUnit(const State& state, const std::string& unit) {
  if (unit == kPoint) return v1::SPENDABLE;
  for (const auto& [day, book] : state.definitions->books) {
    if (const auto* found = book->FindUnit(unit)) return found->kind();
  }
  return v1::UNIT_KIND_UNSPECIFIED;
}

std::int64_t FloorOfScore(const State& state, const std::string& unit) {
  std::int64_t floor = 0;
  for (const auto& [day, book] : state.definitions->books) {
    if (const auto* found = book->FindUnit(unit)) floor = std::min(floor, found->floor());
  }
  return floor;
}

absl::Status VerifyFloor(State& state, const Entry& entry, const Posting& p, Holder holder, v1::UnitKind unit) {
  const auto below = [&](std::int64_t floor) {
    return absl::InternalError(absl::StrCat(p.holder, " ", p.unit, " would be ", p.balance, ", below ", floor));
  };
  // A balance may stay below its floor, as long as this entry does not take it further down.
  switch (holder) {
    case Holder::kIssuance: {
      if (unit != v1::SPENDABLE || p.amount >= 0) return absl::OkStatus();
      const auto* fund = state.Find<FundData>("fund", p.holder.substr(sizeof("issuance:") - 1));
      const std::int64_t floor = fund ? -fund->budget_points : 0;
      return p.balance < floor ? below(floor) : absl::OkStatus();
    }
    case Holder::kMerchant:
      if (p.balance < 0 && p.amount < 0 && entry.kind != Kind::kRefund && entry.kind != Kind::kReversal) return below(0);
      return absl::OkStatus();
    case Holder::kMemberDebt: return p.balance > 0 ? absl::InternalError("a debt above 0") : absl::OkStatus();
    case Holder::kMemberAvailable: {
      const std::int64_t floor = unit == v1::SCORE ? FloorOfScore(state, p.unit) : 0;
      return p.balance < floor ? below(floor) : absl::OkStatus();
    }
    default: return p.balance < 0 ? below(0) : absl::OkStatus();
  }
}

// Whether the points came back into lots that are past.
bool EndsUnspent(const Entry& entry, Holder holder) {
  return holder == Holder::kExpired && (entry.kind == Kind::kRefund || entry.kind == Kind::kReversal);
}

// Lots stand where members' spendable points come and go, and add up to them. A held posting carries the lots that leave to a shop, one of
// expired points those that they came back into.
absl::Status VerifyLots(const Entry& entry, const Posting& p, Holder holder, v1::UnitKind unit, const Account& account) {
  const bool wanted =
      unit == v1::SPENDABLE &&
      (holder == Holder::kMemberAvailable || (holder == Holder::kMemberHeld && entry.kind == Kind::kCapture) || EndsUnspent(entry, holder));
  if (!wanted || (holder == Holder::kMemberHeld && p.lots.empty())) {
    return p.lots.empty() ? absl::OkStatus() : absl::InternalError(absl::StrCat("lots on ", p.holder));
  }
  std::int64_t sum = 0;
  for (const Lot& lot : p.lots) {
    if (lot.amount == 0 || (lot.amount < 0) != (p.amount < 0) || !InRange(lot.amount) || lot.fund.empty() || lot.fund.size() > 16 ||
        !IsDay(lot.end)) {
      return absl::InternalError("a lot without fund, end or amount");
    }
    // A capture or correction may take lots that ended while they were held or since the award.
    const bool is_past = lot.end <= entry.business_day;
    const bool is_dead = entry.kind == Kind::kExpiry || EndsUnspent(entry, holder);
    if (is_dead && !is_past) return absl::InternalError(absl::StrCat("lot ", lot.fund, " ", lot.end, " is not past"));
    const bool is_live =
        entry.kind == Kind::kAward || entry.kind == Kind::kRedemption || entry.kind == Kind::kHold || entry.kind == Kind::kDonation;
    if (is_live && is_past) return absl::InternalError(absl::StrCat("lot ", lot.fund, " ", lot.end, " is past"));
    sum += lot.amount;
    if (!InRange(sum)) return absl::InternalError("lots out of range");
  }
  if (sum != p.amount) return absl::InternalError(absl::StrCat("lots of ", p.holder, " add up to ", sum, ", not ", p.amount));
  if (holder != Holder::kMemberAvailable) return absl::OkStatus();
  auto lots = account.lots;
  for (const Lot& lot : p.lots) AddLot(lots, lot);
  if (lots.size() > kLotsMax) return absl::InternalError("more than 64 lots");
  for (const Lot& lot : lots) {
    if (lot.amount < 0) return absl::InternalError(absl::StrCat("lot ", lot.fund, " ", lot.end, " would be ", lot.amount));
  }
  return absl::OkStatus();
}

// A hold ends once, and all of its points leave the held part.
absl::Status VerifyHoldEnd(State& state, const Entry& entry) {
  const bool ends = entry.kind == Kind::kCapture || entry.kind == Kind::kVoid || entry.kind == Kind::kHoldExpired ||
                    (entry.kind == Kind::kReversal && entry.reason == "undone" && entry.ref < 0);
  if (!ends) return absl::OkStatus();
  const Hold* hold = state.holds.Find(SequenceKey(entry.hold));
  if (!hold) return absl::InternalError(absl::StrCat("no points are held by ", entry.hold));
  std::int64_t left = hold->points;
  for (const Posting& p : entry.postings) {
    if (p.sub != Sub::kHeld) continue;
    if (p.holder != hold->member) return absl::InternalError(absl::StrCat(p.holder, " is not who is held by ", entry.hold));
    left += p.amount;
  }
  return left == 0 ? absl::OkStatus() : absl::InternalError(absl::StrCat(left, " points stay held by ", entry.hold));
}

// A correction's facts are amounts, which Apply takes as numbers.
absl::Status VerifyFacts(const Entry& entry) {
  if (entry.kind != Kind::kCorrection) return absl::OkStatus();
  for (const auto& [unit, text] : entry.facts) {
    std::int64_t amount = 0;
    if (!absl::SimpleAtoi(text, &amount) || !InRange(amount) || absl::StrCat(amount) != text) {
      return absl::InternalError(absl::StrCat(text, " is no amount of ", unit));
    }
  }
  return absl::OkStatus();
}

void AddTo(State& state, const std::string& key, std::int64_t amount) {
  if (amount != 0) state.counters.Edit(key) += amount;
}

// Counts (or gives back) points and a redemption against the limits of the rulebook that held for it.
void CountAgainstLimits(State& state, const std::string& rulebook, const std::string& member, const std::string& merchant, Day day,
                        std::int64_t points, std::int64_t count) {
  const Rulebook* book = state.BookNamed(rulebook);
  if (!book) return;
  const auto& limits = book->limits();
  if (limits.max_points_per_member_day()) AddTo(state, MemberCounter(v1::DAY, member, day), points);
  if (limits.max_points_per_member_month()) AddTo(state, MemberCounter(v1::MONTH, member, day), points);
  if (limits.max_points_per_merchant_day()) AddTo(state, MerchantCounter(merchant, day), points);
  for (const auto& limit : limits.counts()) AddTo(state, CountCounter(limit.period(), member, day), count);
}

// Counts what an award or a correction of it gave against the caps of its activity.
void CountAgainstCaps(State& state, const Entry& entry, const std::string& unit, std::int64_t amount) {
  const v1::Activity* activity = state.definitions->ActivityOf(entry);
  if (!activity) return;
  for (const auto& cap : activity->caps()) {
    if (cap.unit() != unit) continue;
    AddTo(state, CapCounter(cap.period(), entry.member, entry.activity, unit, entry.effective_day, entry.session), amount);
  }
}

// When the lot of an award, or of a correction of it, ends. 0: its rulebook is not known.
Day LotEndOf(const State& state, const Entry& e) {
  const v1::Activity* activity = state.definitions->ActivityOf(e);
  return activity ? LotEnd(*activity, e.effective_day) : 0;
}

void RemoveHold(State& state, std::int64_t sequence, const Hold& hold) {
  auto it = state.holds_by_end.find(hold.until_ms);
  if (it != state.holds_by_end.end()) {
    it->second.erase(sequence);
    if (it->second.empty()) state.holds_by_end.erase(it);
  }
  state.holds.Erase(SequenceKey(sequence));
}

void Move(State& state, std::int64_t of, v1::OutcomeState to, std::int64_t by) {
  FollowUp& follow_up = state.follow_ups.Edit(SequenceKey(of));
  follow_up.state = to;
  follow_up.sequence = by;
}

// Ends an open hold: to the shop by `captured` points, the rest back.
void ApplyHoldEnd(State& state, const Entry& e, v1::OutcomeState to, std::int64_t captured) {
  const Hold* found = state.holds.Find(SequenceKey(e.hold));
  if (!found) return;
  const Hold hold = *found;
  RemoveHold(state, e.hold, hold);
  Move(state, e.hold, to, e.sequence);
  CountAgainstLimits(state, hold.rulebook, hold.member, hold.merchant, hold.business_day, captured - hold.points, captured > 0 ? 0 : -1);
}

void ApplyCorrection(State& state, const Entry& e) {
  FollowUp& follow_up = state.follow_ups.Edit(SequenceKey(e.ref));
  follow_up.sequence = e.sequence;
  follow_up.quantity = e.quantity;
  follow_up.amounts.clear();
  for (const auto& [unit, amount] : e.facts) follow_up.amounts.emplace_back(unit, std::stoll(amount));
  std::int64_t expired = 0;
  std::string fund;
  for (const Posting& p : e.postings) {
    if (p.holder == kExpiredHolder) expired = p.amount;
    if (!p.holder.starts_with("issuance:")) continue;
    CountAgainstCaps(state, e, p.unit, -p.amount);
    fund = p.holder.substr(sizeof("issuance:") - 1);
  }
  if (expired != 0) AddTo(state, ExpiredCounter(e.member, {fund, LotEndOf(state, e), 0}), expired);
  if (e.session.empty()) return;
  const std::string session = SessionCounter(e.member, e.activity, e.session);
  const std::int64_t* holder = state.counters.Find(session);
  if (e.quantity > 0) {
    state.counters.Edit(session) = e.ref + 1;
  } else if (holder && *holder == e.ref + 1) {  // another award may have taken the session since this one was withdrawn
    state.counters.Edit(session) = 0;
  }
}

// Points that came back into lots that are past count as ended unspent.
void CountExpired(State& state, const Entry& e) {
  for (const Posting& p : e.postings) {
    if (p.holder != kExpiredHolder) continue;
    for (const Lot& lot : p.lots) AddTo(state, ExpiredCounter(e.member, lot), lot.amount);
  }
}

void ApplyReversal(State& state, const Entry& e) {
  if (e.reason == "tombstone") {
    state.requests.Edit(RequestKey(e.actor, e.target_request)) = {.sequence = e.sequence, .is_tombstone = true, .fingerprint = ""};
    return;
  }
  if (e.reason == "refused") Move(state, e.ref, v1::REFUSED, e.sequence);
  if (e.reason == "ended") Move(state, e.hold, v1::REVERSED, e.sequence);
  if (e.reason == "undone" && e.ref < 0) ApplyHoldEnd(state, e, v1::REVERSED, 0);
  if (e.reason == "undone" && e.ref >= 0) {
    CountExpired(state, e);
    Move(state, e.ref, v1::REVERSED, e.sequence);
    if (e.hold >= 0) Move(state, e.hold, v1::REVERSED, e.sequence);
    CountAgainstLimits(state, e.rulebook, e.member, e.merchant, e.effective_day, -e.quantity, -1);
  }
  if (e.ref >= 0) state.follow_ups.Edit(SequenceKey(e.ref)).reversal = e.sequence;
  if (e.hold >= 0) state.follow_ups.Edit(SequenceKey(e.hold)).reversal = e.sequence;
}

absl::Status ApplyRegistration(State& state, const Entry& e) {
  state.registrations.Edit(RegistrationKey(e.data)) = {e.data, e.sequence};
  if (const auto* member = std::get_if<MemberData>(&e.data)) state.numbers.Edit(member->number) = member->id;
  if (const auto* node = std::get_if<NodeData>(&e.data); node && node->kind == NodeKind::kBranch) state.AddBranch(*node);
  if (const auto* rulebook = std::get_if<RulebookData>(&e.data)) {
    if (!state.find_blob) return absl::FailedPreconditionError("no source of blobs");
    auto json = state.find_blob(rulebook->sha256);
    if (!json.ok()) return json.status();
    auto book = Rulebook::Parse(*json);
    if (!book.ok()) return book.status();
    state.AddBook(rulebook->effective_day, *std::move(book));
  }
  return absl::OkStatus();
}

void ApplyPosting(State& state, const Entry& e, const Posting& p) {
  const std::string key = AccountKey(p.holder, p.unit);
  Account& account = state.accounts.Edit(key);
  account.at(p.sub) = p.balance;
  account.head = e.sequence;
  if (HolderOf(p) != Holder::kMemberAvailable) return;
  for (const Lot& lot : p.lots) {
    const auto ends_then = [&](const Lot& l) { return l.end == lot.end; };
    const bool was_alive = std::any_of(account.lots.begin(), account.lots.end(), ends_then);
    AddLot(account.lots, lot);
    const bool is_alive = std::any_of(account.lots.begin(), account.lots.end(), ends_then);
    if (lot.end == kNever || was_alive == is_alive) continue;
    auto& keys = state.accounts_by_end[lot.end];
    if (is_alive) {
      keys.insert(key);
    } else {
      keys.erase(key);
      if (keys.empty()) state.accounts_by_end.erase(lot.end);
    }
  }
}

}  // namespace

void AddLot(std::vector<Lot>& lots, const Lot& lot) {
  const auto it = std::lower_bound(lots.begin(), lots.end(), lot,
                                   [](const Lot& a, const Lot& b) { return std::tie(a.end, a.fund) < std::tie(b.end, b.fund); });
  if (it == lots.end() || it->end != lot.end || it->fund != lot.fund) {
    lots.insert(it, lot);
  } else if ((it->amount += lot.amount) == 0) {
    lots.erase(it);
  }
}

std::int64_t PointsOf(const Entry& entry) {
  std::int64_t held = 0;
  for (const Posting& p : entry.postings) {
    if (IsMerchant(p.holder)) return std::abs(p.amount);
    if (p.sub == Sub::kHeld) held += std::abs(p.amount);
  }
  return held;
}

std::vector<Lot> LotsTaken(const Entry& entry) {
  std::vector<Lot> lots;
  for (const Posting& p : entry.postings) {
    if (p.amount > 0) continue;
    for (Lot lot : p.lots) {
      lot.amount = -lot.amount;
      lots.push_back(lot);
    }
  }
  return lots;
}

absl::Status Verify(State& state, const Entry& entry) {
  if (entry.program != state.program) return absl::InternalError(absl::StrCat("entry of program ", entry.program));
  if (entry.epoch != state.epoch) return absl::InternalError(absl::StrCat("epoch ", entry.epoch, " after ", state.epoch));
  if (entry.sequence != state.next_sequence) {
    return absl::InternalError(absl::StrCat("sequence ", entry.sequence, " where ", state.next_sequence, " comes next"));
  }
  if (entry.recorded_ms < state.last_ms) return absl::InternalError("recorded before the last entry");
  if (entry.business_day != DayOf(entry.recorded_ms)) return absl::InternalError("business day of another time");
  if (!FitsLine(entry)) return absl::InternalError("longer than a line may be");

  absl::InlinedVector<std::pair<std::string_view, std::int64_t>, 4> sums;  // per unit
  absl::InlinedVector<std::pair<std::string, Account>, 4> accounts;        // as this entry leaves them so far
  for (const Posting& p : entry.postings) {
    const Holder holder = HolderOf(p);
    const v1::UnitKind unit = KindOfUnit(state, p.unit);
    if (!MayTouch(entry.kind, holder)) {
      return absl::InternalError(absl::StrCat("a ", std::string(KindName(entry.kind)), " may not touch ", p.holder));
    }
    if (unit == v1::UNIT_KIND_UNSPECIFIED) return absl::InternalError(absl::StrCat("unknown unit ", p.unit));
    if ((unit == v1::MONEY) != (holder == Holder::kMoney)) return absl::InternalError(absl::StrCat(p.unit, " on ", p.holder));
    if (unit != v1::SPENDABLE && holder != Holder::kIssuance && holder != Holder::kMemberAvailable && holder != Holder::kMoney) {
      return absl::InternalError(absl::StrCat(p.unit, " on ", p.holder));
    }
    if (p.amount == 0 || !InRange(p.amount) || !InRange(p.balance)) return absl::InternalError("amount out of range");

    std::string key = AccountKey(p.holder, p.unit);
    auto found = std::find_if(accounts.begin(), accounts.end(), [&](const auto& a) { return a.first == key; });
    if (found == accounts.end()) {
      const Account* account = state.accounts.Find(key);
      accounts.emplace_back(std::move(key), account ? *account : Account{});
      found = accounts.end() - 1;
    }
    Account& account = found->second;
    if (p.prev != account.head) return absl::InternalError(absl::StrCat("prev ", p.prev, " where ", account.head, " is the head"));
    if (p.balance != account.at(p.sub) + p.amount) return absl::InternalError(absl::StrCat("balance of ", p.holder, " does not follow"));
    if (auto status = VerifyFloor(state, entry, p, holder, unit); !status.ok()) return status;
    if (auto status = VerifyLots(entry, p, holder, unit, account); !status.ok()) return status;
    account.at(p.sub) = p.balance;
    if (holder == Holder::kMemberAvailable) {
      for (const Lot& lot : p.lots) AddLot(account.lots, lot);
    }
    auto sum = std::find_if(sums.begin(), sums.end(), [&](const auto& s) { return s.first == p.unit; });
    if (sum == sums.end()) sum = sums.insert(sums.end(), {p.unit, 0});
    sum->second += p.amount;
    if (!InRange(sum->second)) return absl::InternalError("sum out of range");
  }
  for (const auto& [unit, sum] : sums) {
    if (sum != 0) return absl::InternalError(absl::StrCat("postings in ", std::string(unit), " sum to ", sum));
  }
  if (auto status = VerifyHoldEnd(state, entry); !status.ok()) return status;
  return VerifyFacts(entry);
}

absl::Status Apply(State& state, const Entry& e) {
  state.next_sequence = e.sequence + 1;
  state.last_ms = e.recorded_ms;
  state.epoch = e.epoch;
  if (!e.request_id.empty()) {
    RequestRecord& record = state.requests.Edit(RequestKey(e.actor, e.request_id));
    if (e.item > 0) {
      record.count = e.item + 1;
    } else {
      record = {.sequence = e.sequence, .fingerprint = e.fingerprint};
    }
  }
  if (e.sequence == 0) state.last_closed_day = AddDays(e.business_day, -1);  // days are closed from the first one on
  switch (e.kind) {
    case Kind::kProgram:
    case Kind::kNode:
    case Kind::kFund:
    case Kind::kMember:
    case Kind::kMerchant:
    case Kind::kTerminal:
    case Kind::kStaff:
    case Kind::kRulebook:
      if (auto status = ApplyRegistration(state, e); !status.ok()) return status;
      break;
    case Kind::kAward:
      if (!e.session.empty()) state.counters.Edit(SessionCounter(e.member, e.activity, e.session)) = e.sequence + 1;
      for (const Posting& p : e.postings) {
        if (p.holder.starts_with("issuance:")) CountAgainstCaps(state, e, p.unit, -p.amount);
      }
      break;
    case Kind::kCorrection: ApplyCorrection(state, e); break;
    case Kind::kRedemption: CountAgainstLimits(state, e.rulebook, e.member, e.merchant, e.business_day, PointsOf(e), 1); break;
    case Kind::kHold: {
      Hold hold{.member = e.member,
                .merchant = e.merchant,
                .terminal = e.terminal,
                .rulebook = e.rulebook,
                .points = PointsOf(e),
                .until_ms = e.hold_until_ms,
                .business_day = e.business_day,
                .lots = LotsTaken(e),
                .lines = e.lines};
      CountAgainstLimits(state, e.rulebook, e.member, e.merchant, e.business_day, hold.points, 1);
      state.holds_by_end[hold.until_ms].insert(e.sequence);
      state.holds.Edit(SequenceKey(e.sequence)) = std::move(hold);
      break;
    }
    case Kind::kCapture: ApplyHoldEnd(state, e, v1::DONE, PointsOf(e)); break;
    case Kind::kVoid:
    case Kind::kHoldExpired: ApplyHoldEnd(state, e, v1::REVERSED, 0); break;
    case Kind::kRefund: {
      FollowUp& follow_up = state.follow_ups.Edit(SequenceKey(e.ref));
      follow_up.refunded_points += PointsOf(e);
      follow_up.sequence = e.sequence;
      CountExpired(state, e);
      break;
    }
    case Kind::kReversal: ApplyReversal(state, e); break;
    case Kind::kDayClosed: state.last_closed_day = e.effective_day; break;
    case Kind::kRefused:
      if (!e.terminal.empty()) AddTo(state, RefusalCounter(e.terminal, e.business_day), 1);
      break;
    case Kind::kExpiry:
      for (const Posting& p : e.postings) {
        for (const Lot& lot : p.lots) AddTo(state, ExpiredCounter(p.holder, lot), -lot.amount);
      }
      break;
    case Kind::kDonation:
    case Kind::kClockConfirmed: break;
  }
  for (const Posting& p : e.postings) ApplyPosting(state, e, p);
  return absl::OkStatus();
}

}  // namespace redpoints
