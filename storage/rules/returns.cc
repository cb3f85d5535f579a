#include "storage/rules/returns.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/kinds.h"
#include "storage/rules/people.h"
#include "storage/rules/sales.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

bool IsSale(const Entry& entry) { return entry.kind == Kind::kRedemption || entry.kind == Kind::kCapture; }

FollowUp FollowUpOf(State& state, std::int64_t sequence) {
  const FollowUp* found = state.follow_ups.Find(SequenceKey(sequence));
  return found ? *found : FollowUp{};
}

std::int64_t CashOf(const Entry& sale) {
  std::int64_t cash = 0;
  for (const OfferLine& line : sale.lines) cash += line.cash_fen;
  return cash;
}

// The spans of a sale go back from the shop to the member.
void Return(State& state, Entry& e, const Entry& sale, const std::vector<Span>& spans, const std::vector<Lot>& graced) {
  e.groups = sale.groups;
  e.grid = sale.grid;
  e.owed = OwedBack(sale, spans);
  const std::vector<Lot> lots = LotsOf(sale, spans);
  if (lots.empty()) return;
  e.postings.push_back(MoveFunds(Holder(sale.merchant), Sub::kAvailable, Negative(FundsOf(lots))));
  GiveBack(state, e, sale.member, lots, graced);
}

}  // namespace

// LIMIT_EXCEEDED 612 (entry_size), BALANCE_OUT_OF_RANGE 616, REFUND_EXCEEDS_REMAINDER 624, REDEMPTION_REVERSED 625, REFUND_CASH_EXCEEDS 634.
// A sale that was reversed has no remainder that could be exceeded: of it 625 answers, not 624.
Broken DeriveRefund(Case& c, Entry& e) {
  if (!c.related.ref || !IsSale(*c.related.ref) || c.related.ref->merchant != e.merchant) return Refusal{Reason::REDEMPTION_NOT_FOUND, {}};
  const Entry& sale = *c.related.ref;
  const FollowUp follow_up = FollowUpOf(c.state, e.ref);
  if (!IsAmount(c.points) || e.cash_fen < 0 || !InRange(e.cash_fen)) return OutOfRange("points");
  e.member = sale.member;
  e.rulebook = sale.rulebook;
  const bool is_reversed = follow_up.state == RequestState::kReversed;
  const std::int64_t left = PointsOf(sale) - follow_up.refunded_points();
  if (!is_reversed && c.points <= left) {
    e.span = FreeSpans(follow_up.refunded, c.points);
    Return(c.state, e, sale, e.span, follow_up.graced);
    if (!FitsAsPosted(e)) return Refusal{Reason::LIMIT_EXCEEDED, {{"limit", "entry_size"}}};
  }
  if (!HasRoom(c.state, e.member, c.points)) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  if (!is_reversed && c.points > left) return Refusal{Reason::REFUND_EXCEEDS_REMAINDER, {{"max", absl::StrCat(left)}}};
  if (is_reversed) return Refusal{Reason::REDEMPTION_REVERSED, {}};
  const std::int64_t cash = CashOf(sale) - follow_up.cash_refunded_fen;
  if (e.cash_fen > cash) return Refusal{Reason::REFUND_CASH_EXCEEDS, {{"max", absl::StrCat(cash)}}};
  return std::nullopt;
}

// NOT_REVERSIBLE 627 first, since what can't be reversed has no window; then BALANCE_OUT_OF_RANGE 616, REVERSAL_WINDOW_CLOSED 626. A hold that
// has ended and what was refused are answered as such, however late. Of what `target_request` led to: `related.ref` is the sale (of a
// hold: its capture), the refused entry; `related.hold` the hold.
Broken DeriveReversal(Case& c, Entry& e) {
  const RequestRecord* found = c.state.requests.Find(RequestKey(e.actor, e.target_request));
  if (!found) {
    e.effect = Effect::kTombstone;
    return std::nullopt;
  }
  const RequestRecord record = *found;
  const auto& target = c.related.hold && c.related.hold->sequence == record.sequence ? c.related.hold : c.related.ref;
  if (record.is_tombstone || !target || target->sequence != record.sequence)
    return Refusal{Reason::INVARIANT_VIOLATION, {{"target", "another"}}};
  const FollowUp follow_up = FollowUpOf(c.state, record.sequence);
  if (follow_up.reversal >= 0) return Refusal{Reason::ALREADY_REVERSED, {}};
  e.member = target->member;
  if (target->kind == Kind::kRefused && record.count == 1) {  // of many: the others may stand
    e.effect = Effect::kRefused;
    e.ref = record.sequence;
    return std::nullopt;
  }
  if (!RowOf(target->kind).is_reversible) return Refusal{Reason::NOT_REVERSIBLE, {}};
  const bool is_hold = target->kind == Kind::kHold;
  const bool is_late = e.recorded_ms - target->recorded_ms > c.state.BookNamed(target->rulebook)->reversal_window_ms();
  if (is_hold && follow_up.state == RequestState::kReversed) {
    e.effect = Effect::kEnded;
    e.hold = record.sequence;
    return std::nullopt;
  }
  e.effect = Effect::kUndone;
  e.rulebook = target->rulebook;
  e.hold = is_hold ? record.sequence : target->hold;
  if (const Hold* open = is_hold ? c.state.holds.Find(SequenceKey(record.sequence)) : nullptr) {
    const Hold hold = *open;
    if (is_late) return Refusal{Reason::REVERSAL_WINDOW_CLOSED, {}};
    e.postings = {MoveLots(Holder(hold.member), Sub::kHeld, Negative(hold.lots))};
    GiveBack(c.state, e, hold.member, hold.lots);
    return std::nullopt;
  }
  // A redemption, or the capture of a hold: what is left of it goes back, and the limits with it.
  if (!c.related.ref || !IsSale(*c.related.ref)) return Refusal{Reason::INVARIANT_VIOLATION, {{"target", "no sale"}}};
  const Entry& sale = *c.related.ref;
  const FollowUp of_sale = FollowUpOf(c.state, sale.sequence);
  const std::int64_t left = PointsOf(sale) - of_sale.refunded_points();
  if (!HasRoom(c.state, e.member, left)) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  if (is_late) return Refusal{Reason::REVERSAL_WINDOW_CLOSED, {}};
  e.ref = sale.sequence;
  e.merchant = sale.merchant;
  e.presentation = is_hold ? target->presentation : sale.presentation;
  e.limit_day = sale.kind == Kind::kCapture ? sale.limit_day : sale.business_day;
  e.limit_points = PointsOf(sale);
  Return(c.state, e, sale, FreeSpans(of_sale.refunded, left), of_sale.graced);
  return std::nullopt;
}

namespace {

// Nobody undoes for a member whom they stand near, nor for a shop that they are of: an undo pays the one or the other.
bool IsOwnUndo(State& state, const Entry& e, const MemberData& member, const Entry& target) {
  if (IsSelfDealing(state, e.actor, member, target.business_day, e.business_day)) return true;
  return !target.merchant.empty() && IsOfShop(state, e.actor, target.merchant, target.business_day, e.business_day);
}

}  // namespace

// SELF_DEALING 600, ALREADY_UNDONE 631
Broken DeriveUndoProposal(Case& c, Entry& e) {
  if (!c.related.ref || (c.related.ref->kind != Kind::kDonation && c.related.ref->kind != Kind::kRefund))
    return Refusal{Reason::ENTRY_NOT_FOUND, {}};
  e.member = c.related.ref->member;
  const MemberData* member = FindMember(c.state, e.member);
  if (!member) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  if (IsOwnUndo(c.state, e, MemberData(*member), *c.related.ref)) return Refusal{Reason::SELF_DEALING, {}};
  if (FollowUpOf(c.state, e.ref).state == RequestState::kReversed) return Refusal{Reason::ALREADY_UNDONE, {}};
  return std::nullopt;
}

namespace {

// What a refund gave is taken again, and the shop has it: what paid a debt is owed again, what ended is taken from there, what was spent since
// becomes a debt, for which the fund issues anew.
//   LIMIT_EXCEEDED 612 (entry_size), FUND_BUDGET_EXCEEDED 614, REDEMPTION_REVERSED 625, CORRECTION_EXCEEDS_BALANCE 628
Broken UndoRefund(Case& c, Entry& e, const Entry& refund) {
  std::vector<FundAmount> of_shop;
  std::vector<FundAmount> paid;  // debts that the refund paid, by fund
  std::vector<Lot> given;
  for (const Posting& p : refund.postings) {
    if (p.holder.is(HolderClass::kMerchant)) of_shop = Negative(FundsOf(p));
    if (p.sub == Sub::kDebt) paid = FundsOf(p);
    if (p.amount > 0 && p.sub == Sub::kAvailable && !p.lots.empty()) given.insert(given.end(), p.lots.begin(), p.lots.end());
  }
  e.merchant = refund.merchant;
  e.terminal = refund.terminal;  // under these the shop knows the refund
  e.target_request = refund.request_id;
  e.sale = refund.ref;
  e.groups = refund.groups;
  e.grid = refund.grid;
  e.rulebook = refund.rulebook;
  e.span = refund.span;
  e.cash_fen = -refund.cash_fen;
  e.owed = refund.owed;
  for (Owed& owed : e.owed) owed.points = -owed.points, owed.fen = -owed.fen;
  e.postings = {MoveFunds(Holder(refund.merchant), Sub::kAvailable, of_shop)};
  std::vector<Lot> available, ended;
  std::vector<FundAmount> spent;
  for (const FundAmount& f : of_shop) {
    std::vector<Day> origins;
    for (const Lot& lot : given) {
      if (lot.fund == f.fund) origins.push_back(lot.origin_end());
    }
    std::sort(origins.begin(), origins.end());
    origins.erase(std::unique(origins.begin(), origins.end()), origins.end());
    const std::int64_t pays = AmountOf(paid, f.fund);
    Taken taken = TakeBack(c.state, e.member, f.fund, f.amount - pays, origins, f.amount - pays, e.business_day);
    for (Lot& lot : taken.available) available.push_back(std::move(lot));
    for (Lot& lot : taken.ended) ended.push_back(std::move(lot));
    AddFund(spent, f.fund, taken.spent + pays);
  }
  if (!available.empty()) e.postings.push_back(MoveLots(Holder(e.member), Sub::kAvailable, Negative(std::move(available))));
  if (!ended.empty()) e.postings.push_back(MoveLots(Holder::Expired(), Sub::kAvailable, Negative(std::move(ended))));
  if (!spent.empty()) e.postings.push_back(MoveFunds(Holder(e.member), Sub::kDebt, Negative(spent)));
  for (const FundAmount& f : spent) {
    e.postings.push_back(Move(Holder::Issuance(f.fund), Sub::kAvailable, kPoint, -f.amount));
    e.postings.push_back(Move(Holder::Debts(f.fund), Sub::kAvailable, kPoint, f.amount));
  }
  if (!FitsAsPosted(e)) return Refusal{Reason::LIMIT_EXCEEDED, {{"limit", "entry_size"}}};
  for (const FundAmount& f : spent) {
    const std::int64_t left = BudgetLeft(c.state, f.fund);
    if (f.amount > left)
      return Refusal{Reason::FUND_BUDGET_EXCEEDED,
                     {{"fund", f.fund}, {"short_by", absl::StrCat(f.amount - std::max<std::int64_t>(left, 0))}}};
  }
  // Of a sale that is undone the member pays nothing.
  if (FollowUpOf(c.state, e.sale).state == RequestState::kReversed) return Refusal{Reason::REDEMPTION_REVERSED, {}};
  const Rulebook* book = c.state.BookOf(e.business_day);
  std::int64_t missing = 0;
  for (const FundAmount& f : spent) missing += f.amount - AmountOf(paid, f.fund);
  if (missing > 0 && !(book && book->proto().policies().debts_allowed())) {
    return Refusal{Reason::CORRECTION_EXCEEDS_BALANCE, {{"short_by", absl::StrCat(missing)}}};
  }
  return std::nullopt;
}

}  // namespace

// SELF_DEALING 600; of a refund those of UndoRefund, unless it is undone; of a donation BALANCE_OUT_OF_RANGE 616; ALREADY_UNDONE 631,
// MAKER_IS_CHECKER 632, POOL_TOO_SMALL 633
Broken DeriveUndo(Case& c, Entry& e) {
  if (!c.related.proposal || c.related.proposal->kind != Kind::kUndoProposed || !c.related.ref ||
      c.related.ref->sequence != c.related.proposal->ref) {
    return Refusal{Reason::ENTRY_NOT_FOUND, {}};
  }
  const Entry &proposal = *c.related.proposal, &target = *c.related.ref;
  e.ref = target.sequence;
  e.reason = proposal.reason;
  e.member = target.member;
  const MemberData* found = FindMember(c.state, e.member);
  if (!found) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  if (IsOwnUndo(c.state, e, MemberData(*found), target)) return Refusal{Reason::SELF_DEALING, {}};
  const bool is_undone = FollowUpOf(c.state, e.ref).state == RequestState::kReversed;
  std::vector<FundAmount> missing;
  if (target.kind == Kind::kRefund) {
    if (!is_undone) {
      if (auto broken = UndoRefund(c, e, target)) return broken;
    }
  } else {
    const std::vector<Lot> lots = LotsTaken(target);
    const Account pool = AccountOf(c.state, Holder::Pool().text(), kPoint);
    for (const FundAmount& f : FundsOf(lots)) {
      if (pool.of(f.fund) < f.amount) AddFund(missing, f.fund, f.amount - pool.of(f.fund));
    }
    if (!HasRoom(c.state, e.member, SumOf(lots))) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
    e.postings = {MoveFunds(Holder::Pool(), Sub::kAvailable, Negative(FundsOf(lots)))};
    GiveBack(c.state, e, e.member, lots);
  }
  if (is_undone) return Refusal{Reason::ALREADY_UNDONE, {}};
  if (IsSamePerson(c.state, e.actor, proposal.actor)) return Refusal{Reason::MAKER_IS_CHECKER, {}};
  if (!missing.empty())
    return Refusal{Reason::POOL_TOO_SMALL, {{"fund", missing.front().fund}, {"short_by", absl::StrCat(missing.front().amount)}}};
  return std::nullopt;
}

Outcome Decide(Decision& d, const Void& command) {
  const OpenHold open = FindOpenHold(d, command.hold, Kind::kVoid);
  if (!open.hold) return open.refusal;
  Entry entry = d.Draft(Kind::kVoid);
  entry.hold = command.hold;
  entry.member = open.hold->member;
  return d.Carry({d.state()}, std::move(entry));
}

Outcome Decide(Decision& d, const Refund& command) {
  Case c{d.state()};
  c.related.ref = d.Find(command.redemption);
  c.points = command.points;
  if (!c.related.ref || !IsSale(*c.related.ref) || c.related.ref->merchant != d.origin().merchant) {
    return d.Unrecorded({Reason::REDEMPTION_NOT_FOUND, {}});
  }
  if (auto waits = d.Settle(c.related.ref->member)) return *std::move(waits);
  Entry entry = d.Draft(Kind::kRefund);
  entry.ref = command.redemption;
  entry.cash_fen = command.cash_fen;
  entry.member = c.related.ref->member;
  return d.Carry(c, std::move(entry));
}

namespace {

// What the ledger says of an entry now.
Outcome OutcomeNow(Decision& d, std::int64_t sequence) {
  auto entry = d.Find(sequence);
  if (!entry) return d.Unrecorded({Reason::INVARIANT_VIOLATION, {{"entry", absl::StrCat(sequence)}}});
  return OutcomeOf({.sequence = sequence}, {std::move(entry)}, d.state().follow_ups.Find(SequenceKey(sequence)));
}

}  // namespace

Outcome WithTarget(Decision& d, Outcome outcome) {
  if (outcome.refusal || (outcome.entry().kind != Kind::kReversal && outcome.entry().kind != Kind::kUndo)) return outcome;
  const Entry& e = outcome.entry();
  const std::int64_t target = e.ref >= 0 ? e.ref : e.hold;
  if (target >= 0) outcome.target = std::make_shared<const Outcome>(OutcomeNow(d, target));
  return outcome;
}

Outcome Decide(Decision& d, const Reverse& command) {
  if (command.target_request == d.origin().request_id) {
    return d.Unrecorded({Reason::FIELD_INVALID, {{"field", "target_request_id"}, {"expected", "the id of another request"}}});
  }
  Entry entry = d.Draft(Kind::kReversal);
  entry.target_request = command.target_request;
  const RequestRecord* found = d.state().requests.Find(RequestKey(d.origin().actor, command.target_request));
  if (!found) {
    // The duty goes on tomorrow: an id that nobody has seen may still arrive.
    if (!d.HasRefusalsLeft()) return d.Unrecorded({Reason::OVERLOADED, {}});
    return d.Carry({d.state()}, std::move(entry));
  }
  const RequestRecord record = *found;
  // Reversed before, or before it came: the same answer again.
  const std::int64_t reversal = record.is_tombstone ? record.sequence : FollowUpOf(d.state(), record.sequence).reversal;
  if (reversal >= 0) {
    Outcome again = WithTarget(d, OutcomeNow(d, reversal));
    again.is_replayed = true;
    return again;
  }
  auto target = d.Find(record.sequence);
  if (!target) return d.Unrecorded({Reason::INVARIANT_VIOLATION, {}});
  if (!target->member.empty()) {
    if (auto waits = d.Settle(target->member)) return *std::move(waits);
  }
  Case c{d.state()};
  if (target->kind == Kind::kHold) {
    c.related.hold = target;
    // A hold that time has just ended, or that was captured.
    const FollowUp follow_up = FollowUpOf(d.state(), record.sequence);
    if (follow_up.state == RequestState::kDone && follow_up.sequence >= 0) c.related.ref = d.Find(follow_up.sequence);
  } else {
    c.related.ref = target;
  }
  entry.member = target->member;
  return WithTarget(d, d.Carry(c, std::move(entry)));
}

Outcome Decide(Decision& d, const ProposeUndo& command) {
  Case c{d.state()};
  c.related.ref = d.Find(command.target);
  if (!c.related.ref || (c.related.ref->kind != Kind::kDonation && c.related.ref->kind != Kind::kRefund)) {
    return d.Unrecorded({Reason::ENTRY_NOT_FOUND, {}});
  }
  if (auto waits = d.Settle(c.related.ref->member)) return *std::move(waits);
  Entry entry = d.Draft(Kind::kUndoProposed);
  entry.ref = command.target;
  entry.reason = command.reason;
  entry.member = c.related.ref->member;
  return d.Carry(c, std::move(entry));
}

Outcome Decide(Decision& d, const Undo& command) {
  Case c{d.state()};
  c.related.proposal = d.Find(command.proposal);
  if (!c.related.proposal || c.related.proposal->kind != Kind::kUndoProposed) return d.Unrecorded({Reason::ENTRY_NOT_FOUND, {}});
  c.related.ref = d.Find(c.related.proposal->ref);
  if (auto waits = d.Settle(c.related.proposal->member)) return *std::move(waits);
  Entry entry = d.Draft(Kind::kUndo);
  entry.proposal = command.proposal;
  entry.member = c.related.proposal->member;
  return d.Carry(c, std::move(entry));
}

}  // namespace redpoints
