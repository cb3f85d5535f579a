#include "storage/rules/apply.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/rules/counters.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "storage/rules/shop_day.h"

namespace redpoints {
namespace {

// Lots that this entry gives back with grace, under the entry that they are of: grace counts from the first time.
void MarkGrace(FollowUp& follow_up, const Entry& e) {
  for (const Posting& p : e.postings) {
    if (p.amount <= 0 || p.sub != Sub::kAvailable || !p.holder.is(HolderClass::kMember)) continue;
    for (Lot lot : p.lots) {
      lot.amount = 0;
      const bool is_known = std::find(follow_up.graced.begin(), follow_up.graced.end(), lot) != follow_up.graced.end();
      if (lot.first_end != 0 && !is_known) follow_up.graced.push_back(std::move(lot));
    }
  }
}

FollowUp& FollowUpOf(State& state, std::int64_t sequence) { return state.follow_ups.Edit(SequenceKey(sequence)); }

FollowUp& Moved(State& state, std::int64_t of, RequestState to, std::int64_t by) {
  FollowUp& follow_up = FollowUpOf(state, of);
  follow_up.state = to;
  follow_up.sequence = by;
  return follow_up;
}

// Ends an open hold: to the shop by `captured` points, the rest back. The hold as it was.
Hold EndHold(State& state, const Entry& e, RequestState to, std::int64_t captured) {
  const Hold* found = state.holds.Find(SequenceKey(e.hold));
  if (!found) return {};
  const Hold hold = *found;
  const auto forget = [&](auto& index, const auto& key) {
    const auto it = index.find(key);
    if (it == index.end()) return;
    it->second.erase(e.hold);
    if (it->second.empty()) index.erase(it);
  };
  forget(state.holds_by_end, hold.until_ms);
  forget(state.holds_by_member, hold.member);
  state.holds.Erase(SequenceKey(e.hold));
  Moved(state, e.hold, to, e.sequence);
  CountAgainstLimits(state, {hold.rulebook, hold.presentation, hold.member, hold.merchant, hold.business_day}, captured - hold.points,
                     captured > 0 ? 0 : -1);
  return hold;
}

// Time falls to `now_ms` by `ms`: open holds that were made by the wrong clock keep what is left to them of it, others end when they would.
void MoveHoldsUp(State& state, std::int64_t now_ms, std::int64_t ms) {
  std::map<std::int64_t, std::set<std::int64_t>> moved;
  for (const auto& [until_ms, sequences] : state.holds_by_end) {
    for (const std::int64_t sequence : sequences) {
      Hold& hold = state.holds.Edit(SequenceKey(sequence));
      // By the right clock a time may be so far ahead. What is moved is as if made by it: the next set-back is about another wrong one.
      if (hold.recorded_ms - now_ms > kClockDiffersMs) hold.until_ms -= ms, hold.recorded_ms -= ms;
      moved[hold.until_ms].insert(sequence);
    }
  }
  state.holds_by_end = std::move(moved);
}

void ApplyReversal(State& state, const Entry& e) {
  switch (e.effect) {
    case Effect::kTombstone:
      state.requests.Edit(RequestKey(e.actor, e.target_request)) = {.sequence = e.sequence, .is_tombstone = true, .fingerprint = ""};
      CountRefusal(state, e.actor, e.business_day);
      return;
    case Effect::kRefused: Moved(state, e.ref, RequestState::kRefused, e.sequence); break;
    case Effect::kEnded: Moved(state, e.hold, RequestState::kReversed, e.sequence); break;
    case Effect::kUndone:
      if (e.ref < 0) {
        EndHold(state, e, RequestState::kReversed, 0);
        break;
      }
      Moved(state, e.ref, RequestState::kReversed, e.sequence);
      if (e.hold >= 0) Moved(state, e.hold, RequestState::kReversed, e.sequence);
      CountAgainstLimits(state, {e.rulebook, e.presentation, e.member, e.merchant, e.limit_day}, -e.limit_points, -1);
      break;
    case Effect::kNone: break;
  }
  if (e.ref >= 0) FollowUpOf(state, e.ref).reversal = e.sequence;
  if (e.hold >= 0) FollowUpOf(state, e.hold).reversal = e.sequence;
}

void ApplyCorrection(State& state, const Entry& e) {
  FollowUp& follow_up = FollowUpOf(state, e.ref);
  follow_up.sequence = e.sequence;
  follow_up.quantity = e.quantity;
  follow_up.amounts = e.amounts;
  follow_up.issued += IssuedBy(e);
  follow_up.earned = CountCorrection(state, e);
  MarkGrace(follow_up, e);
}

absl::StatusOr<Rulebook> BookOf(State& state, const RulebookData& data) {
  if (!state.find_blob) return absl::FailedPreconditionError("no source of blobs");
  auto json = state.find_blob(data.sha256);
  if (!json.ok()) return json.status();
  return Rulebook::Parse(*json, data.format);
}

void ApplyPosting(State& state, const Entry& e, const Posting& p) {
  Account& account = state.accounts.Edit(AccountKey(p.holder, p.unit));
  account.Add(p);
  account.head = e.sequence;
  if (p.holder.is(HolderClass::kExpired)) {
    for (const Lot& lot : p.lots) CountEnded(state, e.member, lot);
  }
  if (!p.holder.is(HolderClass::kMember) || p.sub != Sub::kAvailable) return;
  for (const Lot& lot : p.lots) {
    if (lot.end == kNever) continue;
    auto& members = state.members_by_end[lot.end];
    if (std::any_of(account.lots.begin(), account.lots.end(), [&](const Lot& left) { return left.end == lot.end; })) {
      members.insert(p.holder.text());
    } else {
      members.erase(p.holder.text());
    }
    if (members.empty()) state.members_by_end.erase(lot.end);
  }
}

}  // namespace

absl::Status Apply(State& state, const Entry& e) {
  std::optional<Rulebook> book;
  if (const auto* data = std::get_if<RulebookData>(&e.data); data && !data->is_withdrawn) {
    auto parsed = BookOf(state, *data);
    if (!parsed.ok()) return parsed.status();
    book = *std::move(parsed);
  }
  // From here on it must succeed.
  const std::int64_t fell_by_ms = state.at.last_ms - e.recorded_ms;  // where it is a set-back
  state.at.next_sequence = e.sequence + 1;
  state.at.last_ms = e.recorded_ms;
  state.at.line_version = std::max(state.at.line_version, LineVersion(e));
  state.at.latest_day = std::max(state.at.latest_day, e.business_day);
  if (!e.request_id.empty()) {
    RequestRecord& record = state.requests.Edit(RequestKey(e.actor, e.request_id));
    if (e.item > 0) {
      record.count = e.item + 1;
    } else if (e.part.k > 1) {
      record.count = e.part.k;
    } else {
      record = {.sequence = e.sequence, .fingerprint = e.fingerprint};
    }
  }
  if (e.sequence == 0) state.at.last_closed_day = AddDays(e.business_day, -1);  // days are closed from the first one on
  std::string terminal = e.terminal, request_id = e.request_id;                 // of what a shop can prove
  switch (e.kind) {
    case Kind::kProgram:
    case Kind::kNode:
    case Kind::kFund:
    case Kind::kMember:
    case Kind::kMerchant:
    case Kind::kTerminal:
    case Kind::kStaff:
    case Kind::kRulebook:
    case Kind::kOffer: {
      const std::string key = RegistrationKey(e.data);
      const bool is_new = state.registrations.Find(key) == nullptr;
      if (const auto* fund = std::get_if<FundData>(&e.data)) state.budgets[fund->code] = fund->budget_points;
      if (is_new && e.kind == Kind::kOffer) ++state.offers;
      state.registrations.Edit(key) = {e.data, e.sequence};
      if (const auto* node = std::get_if<NodeData>(&e.data); node && node->kind == NodeKind::kBranch) state.AddBranch(*node);
      if (const auto* data = std::get_if<RulebookData>(&e.data)) {
        state.at.rules_format = std::max<std::int64_t>(state.at.rules_format, data->format);
        book ? state.AddBook(data->effective_day, *std::move(book)) : state.RemoveBook(data->effective_day);
      }
      break;
    }
    case Kind::kAward: CountAward(state, e); break;
    case Kind::kCorrection: ApplyCorrection(state, e); break;
    case Kind::kRedemption:
      CountAgainstLimits(state, {e.rulebook, e.presentation, e.member, e.merchant, e.business_day}, PointsOf(e), 1);
      break;
    case Kind::kHold: {
      Hold hold{.member = e.member,
                .merchant = e.merchant,
                .terminal = e.terminal,
                .request_id = e.request_id,
                .rulebook = e.rulebook,
                .presentation = e.presentation,
                .points = PointsOf(e),
                .recorded_ms = e.recorded_ms,
                .until_ms = e.hold_until_ms,
                .business_day = e.business_day,
                .lots = LotsTaken(e),
                .lines = e.lines,
                .groups = e.groups,
                .grid = e.grid};
      CountAgainstLimits(state, {e.rulebook, e.presentation, e.member, e.merchant, e.business_day}, hold.points, 1);
      IndexHold(state, e.sequence, hold);
      state.holds.Edit(SequenceKey(e.sequence)) = std::move(hold);
      break;
    }
    case Kind::kCapture: {
      const Hold hold = EndHold(state, e, RequestState::kDone, PointsOf(e));
      terminal = hold.terminal, request_id = hold.request_id;
      break;
    }
    case Kind::kVoid:
    case Kind::kHoldExpired: EndHold(state, e, RequestState::kReversed, 0); break;
    case Kind::kRefund: {
      FollowUp& follow_up = FollowUpOf(state, e.ref);
      AddSpans(follow_up.refunded, e.span);
      follow_up.cash_refunded_fen += e.cash_fen;
      follow_up.sequence = e.sequence;
      MarkGrace(follow_up, e);
      break;
    }
    case Kind::kReversal: ApplyReversal(state, e); break;
    case Kind::kUndo:
      Moved(state, e.ref, RequestState::kReversed, e.sequence);
      if (e.sale >= 0) {
        FollowUp& follow_up = FollowUpOf(state, e.sale);
        RemoveSpans(follow_up.refunded, e.span);
        follow_up.cash_refunded_fen += e.cash_fen;
        request_id = e.target_request;
      }
      break;
    case Kind::kDebtWaived: Moved(state, e.proposal, RequestState::kDone, e.sequence); break;  // a proposal is used once
    case Kind::kDayClosed:
      state.at.last_closed_day = std::get<DayData>(e.data).day;
      ForgetDay(state, state.at.last_closed_day);
      break;
    case Kind::kRefused:
      if (e.item >= 0) break;  // a table of many mistakes stops nobody
      CountRefusal(state, e.actor, e.business_day);
      if (!e.member.empty()) CountRefusal(state, e.member, e.business_day);
      break;
    case Kind::kClockConfirmed:
      state.at.clock_by = e.actor;
      if (!IsSetBack(e)) break;
      state.at.last_closed_day = std::get<ClockData>(e.data).last_closed_day;
      state.at.set_backs.push_back(e.sequence);
      state.at.undoing_end = e.sequence + 1;
      MoveHoldsUp(state, e.recorded_ms, fell_by_ms);
      break;
    case Kind::kExpiryUndone:
      state.at.undoing_end = e.sequence + 1;
      for (const Posting& p : e.postings) {
        if (!p.holder.is(HolderClass::kMember)) continue;
        for (const Lot& lot : p.lots) AddLot(FollowUpOf(state, e.ref).undone, lot);
      }
      break;
    case Kind::kEpoch:
      state.at.epoch = e.epoch;
      state.at.epochs.push_back({e.epoch, e.sequence});
      break;
    case Kind::kUndoProposed:
    case Kind::kDonation:
    case Kind::kExpiry:
    case Kind::kWaiverProposed:
    case Kind::kHeads:
    case Kind::kLogKey:
    case Kind::kErasure: break;
  }
  for (const Posting& p : e.postings) ApplyPosting(state, e, p);
  CountDay(state, e, terminal, request_id);
  return absl::OkStatus();
}

void IndexAccount(State& state, const std::string& account_key, const Account& account) {
  const std::string holder = account_key.substr(0, account_key.find('/'));
  for (const Lot& lot : account.lots) {
    if (lot.end != kNever) state.members_by_end[lot.end].insert(holder);
  }
}

void IndexHold(State& state, std::int64_t sequence, const Hold& hold) {
  state.holds_by_end[hold.until_ms].insert(sequence);
  state.holds_by_member[hold.member].insert(sequence);
}

void IndexShopDay(State& state, const std::string& key) {
  Day day = 0;
  const auto slash = key.find('/');
  if (absl::SimpleAtoi(key.substr(0, slash), &day)) state.shops_by_day[day].insert(key.substr(slash + 1));
}

absl::Status IndexRegistration(State& state, const Registered& registered) {
  if (const auto* fund = std::get_if<FundData>(&registered.data)) state.budgets[fund->code] = fund->budget_points;
  if (std::holds_alternative<OfferData>(registered.data)) ++state.offers;
  if (const auto* node = std::get_if<NodeData>(&registered.data); node && node->kind == NodeKind::kBranch) state.AddBranch(*node);
  const auto* data = std::get_if<RulebookData>(&registered.data);
  if (!data || data->is_withdrawn) return absl::OkStatus();
  auto book = BookOf(state, *data);
  if (!book.ok()) return book.status();
  state.AddBook(data->effective_day, *std::move(book));
  return absl::OkStatus();
}

}  // namespace redpoints
