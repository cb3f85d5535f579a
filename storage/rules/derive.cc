#include "storage/rules/derive.h"

#include <algorithm>

#include "storage/rules/awards.h"
#include "storage/rules/counters.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "storage/rules/passing.h"
#include "storage/rules/people.h"
#include "storage/rules/registry.h"
#include "storage/rules/returns.h"
#include "storage/rules/sales.h"
#include "storage/rules/types.h"
#include "storage/rules/waivers.h"

namespace redpoints {

namespace {

// What was refused can't be judged again; but it was a kind of entry, about somebody who is known, and the reason is one that is recorded. (In a
// batch an item that the ledger itself could not write is, too: what stands before it is decided.)
Broken DeriveRefused(Case& c, Entry& e) {
  const Reason reason = ReasonFromName(e.refusal);
  if (!IsRecorded(reason) && !(reason == Reason::INVARIANT_VIOLATION && e.item >= 0)) return OutOfRange("refusal");
  const auto asked = KindNamed(e.request_kind);
  const bool is_asked_for = asked && *asked != Kind::kRefused && RowOf(*asked).asker != Asker::kLedger;
  const bool is_elsewhere = asked == Kind::kProgram && c.state.program != kSystemProgram;  // a program refuses nothing about another
  if (!is_asked_for || is_elsewhere) return OutOfRange("request_kind");
  if (!e.member.empty() && !FindMember(c.state, e.member)) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  return std::nullopt;
}

}  // namespace

Broken Derive(Case& c, Entry& e) {
  switch (e.kind) {
    case Kind::kAward: return DeriveAward(c, e);
    case Kind::kCorrection: return DeriveCorrection(c, e);
    case Kind::kDonation: return DeriveDonation(c, e);
    case Kind::kRedemption:
    case Kind::kHold: return DeriveSale(c, e);
    case Kind::kCapture: return DeriveCapture(c, e);
    case Kind::kVoid:
    case Kind::kHoldExpired: return DeriveHoldEnd(c, e);
    case Kind::kRefund: return DeriveRefund(c, e);
    case Kind::kReversal: return DeriveReversal(c, e);
    case Kind::kUndoProposed: return DeriveUndoProposal(c, e);
    case Kind::kUndo: return DeriveUndo(c, e);
    case Kind::kWaiverProposed: return DeriveWaiverProposal(c, e);
    case Kind::kDebtWaived: return DeriveWaiver(c, e);
    case Kind::kExpiry: return DeriveExpiry(c, e);
    case Kind::kExpiryUndone: return DeriveExpiryUndone(c, e);
    case Kind::kDayClosed: return DeriveDayClosed(c, e);
    case Kind::kClockConfirmed: return DeriveClock(c, e);
    case Kind::kEpoch: return DeriveEpoch(c, e);
    case Kind::kRefused: return DeriveRefused(c, e);
    case Kind::kProgram:
    case Kind::kNode:
    case Kind::kFund:
    case Kind::kMember:
    case Kind::kMerchant:
    case Kind::kTerminal:
    case Kind::kStaff:
    case Kind::kRulebook:
    case Kind::kOffer: return DeriveRegistration(c, e);
    case Kind::kHeads:
    case Kind::kLogKey:
    case Kind::kErasure: return Refusal{Reason::INVARIANT_VIOLATION, {{"kind", "nothing writes these yet"}}};
  }
  RP_CHECK(false);
}

void Complete(State& state, Entry& e) {
  const auto is_theirs = [&](const Posting& p) { return p.holder.text() == e.member; };
  if (!e.member.empty() && std::none_of(e.postings.begin(), e.postings.end(), is_theirs)) {
    e.postings.push_back(Move(Holder(e.member), Sub::kAvailable, kPoint, 0));
  }
  for (std::size_t i = 0; i < e.postings.size(); ++i) {
    Posting& p = e.postings[i];
    const Account* account = state.accounts.Find(AccountKey(p.holder, p.unit));
    p.prev = account ? account->head : -1;
    if (!HasRunningBalance(p.holder)) continue;
    p.balance = (account ? account->at(p.sub) : 0) + p.amount;
    for (std::size_t j = 0; j < i; ++j) {  // an earlier posting of this entry on the same part
      const Posting& q = e.postings[j];
      if (q.holder == p.holder && q.sub == p.sub && q.unit == p.unit) p.balance = q.balance + p.amount;
    }
  }
}

bool IsAmount(std::int64_t points) { return points > 0 && InRange(points); }

Refusal OutOfRange(const char* field) { return {Reason::FIELD_OUT_OF_RANGE, {{"field", field}}}; }

Account AccountOf(State& state, const std::string& holder, std::string_view unit) {
  const Account* account = state.accounts.Find(AccountKey(holder, unit));
  return account ? *account : Account{};
}

bool HasRoom(State& state, const std::string& member, std::int64_t points) {
  const Account account = AccountOf(state, member, kPoint);
  return InRange(account.at(Sub::kAvailable) + account.at(Sub::kHeld) + points);
}

std::int64_t BudgetLeft(State& state, std::string_view code) {
  const FundData* fund = state.Find<FundData>("fund", std::string(code));
  const std::int64_t issued = -AccountOf(state, Holder::Issuance(code).text(), kPoint).at(Sub::kAvailable);
  return (fund ? fund->budget_points : 0) - issued;
}

std::vector<Owed> OwedFor(const std::vector<Lot>& lots, const Rulebook& book) {
  std::vector<Owed> owed;
  for (const FundAmount& f : FundsOf(lots)) {
    const v1::FundRate* rate = book.FindRate(f.fund);
    const v1::Rounding rounding = rate ? rate->rounding() : v1::DOWN;
    owed.push_back({.fund = f.fund,
                    .points = f.amount,
                    .fen = book.FenOwed(f.fund, f.amount),
                    .rounding = rounding == v1::UP        ? RoundingRule::kUp
                                : rounding == v1::HALF_UP ? RoundingRule::kHalfUp
                                                          : RoundingRule::kDown});
  }
  return owed;
}

bool FitsAsPosted(Entry e) {
  e.epoch = e.sequence = e.recorded_ms = kAmountMax;
  e.business_day = kNever;
  for (Posting& p : e.postings) p.balance = -kAmountMax, p.prev = kAmountMax;
  return FitsLine(e);
}

std::vector<Lot> AsGraced(std::vector<Lot> lots) {
  for (Lot& lot : lots) lot.first_end = lot.end;
  return lots;
}

bool FitsReturned(Entry e, const std::vector<Lot>& lots) {
  if (lots.empty()) return FitsAsPosted(std::move(e));
  const auto funds = FundsOf(lots);
  const std::vector<Lot> graced = AsGraced(lots);
  e.postings.push_back(MoveLots(Holder(e.member), Sub::kAvailable, graced));
  e.postings.push_back(MoveLots(Holder::Expired(), Sub::kAvailable, {graced.back()}));
  e.postings.push_back(MoveFunds(Holder(e.member), Sub::kDebt, funds));
  for (const FundAmount& f : funds) {
    e.postings.push_back(Move(Holder::Issuance(f.fund), Sub::kAvailable, kPoint, f.amount));
    e.postings.push_back(Move(Holder::Debts(f.fund), Sub::kAvailable, kPoint, -f.amount));
  }
  return FitsAsPosted(std::move(e));
}

std::optional<Lot> Living(State& state, const Lot& lot, Day today, const std::vector<Lot>& graced) {
  if (lot.end > today) return lot;
  if (lot.first_end != 0) return std::nullopt;
  Lot grace = lot;
  grace.first_end = lot.end;
  const auto known = std::find_if(graced.begin(), graced.end(), [&](const Lot& g) { return g.fund == lot.fund && g.first_end == lot.end; });
  if (known != graced.end()) {
    grace.end = known->end;
    return grace.end > today ? std::optional(grace) : std::nullopt;
  }
  const Rulebook* book = state.BookOf(today);
  if (!book || book->past_lot() != v1::GRACE) return std::nullopt;
  grace.end = EndOfPeriod(AddDays(today, book->proto().policies().grace_days()), 0, v1::MONTH);
  return grace;
}

void GiveBack(State& state, Entry& e, const std::string& member, const std::vector<Lot>& lots, const std::vector<Lot>& graced) {
  const Account account = AccountOf(state, member, kPoint);
  std::vector<Lot> sorted = lots;  // past lots are the soonest-ending, too
  std::stable_sort(sorted.begin(), sorted.end(), [](const Lot& a, const Lot& b) { return a.end < b.end; });
  std::vector<FundAmount> debts;
  std::vector<Lot> ended, available;
  for (Lot lot : sorted) {
    const std::int64_t owes = -account.of(lot.fund, Sub::kDebt) - AmountOf(debts, lot.fund);
    const std::int64_t pays = std::min(lot.amount, owes);
    AddFund(debts, lot.fund, pays);
    lot.amount -= pays;
    if (lot.amount == 0) continue;
    if (const auto living = Living(state, lot, e.business_day, graced)) {
      AddLot(available, *living);
    } else {
      AddLot(ended, lot);
    }
  }
  for (const FundAmount& debt : debts) {
    e.postings.push_back(Move(Holder::Issuance(debt.fund), Sub::kAvailable, kPoint, debt.amount));
    e.postings.push_back(Move(Holder::Debts(debt.fund), Sub::kAvailable, kPoint, -debt.amount));
  }
  if (!debts.empty()) e.postings.push_back(MoveFunds(Holder(member), Sub::kDebt, debts));
  if (!ended.empty()) e.postings.push_back(MoveLots(Holder::Expired(), Sub::kAvailable, std::move(ended)));
  if (!available.empty()) e.postings.push_back(MoveLots(Holder(member), Sub::kAvailable, std::move(available)));
}

Taken TakeBack(State& state, const std::string& member, const std::string& fund, std::int64_t points, const std::vector<Day>& origins,
               std::int64_t ended_max, Day today) {
  Taken taken;
  taken.spent = points;
  for (const Day origin : origins) {
    if (origin > today || taken.spent == 0) continue;
    const std::int64_t ended = CountOf(state, EndedCounter(member, {.fund = fund, .end = origin}));
    const std::int64_t part = std::min({ended, taken.spent, ended_max});
    if (part > 0) AddLot(taken.ended, {.fund = fund, .end = origin, .amount = part}), taken.spent -= part, ended_max -= part;
  }
  const Account account = AccountOf(state, member, kPoint);
  for (const bool own : {true, false}) {
    for (const Lot& lot : account.lots) {
      const bool is_own = std::find(origins.begin(), origins.end(), lot.origin_end()) != origins.end();
      if (lot.fund != fund || is_own != own || taken.spent == 0) continue;
      taken.available.push_back(lot);
      taken.available.back().amount = std::min(lot.amount, taken.spent);
      taken.spent -= taken.available.back().amount;
    }
  }
  return taken;
}

}  // namespace redpoints
