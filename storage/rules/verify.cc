#include "storage/rules/verify.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "storage/rules/passing.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

absl::Status Wrong(const std::string& what) { return absl::InternalError(what); }

// Units of spendable points, and what others may stand on.
absl::Status CheckUnit(const State& state, const Posting& p, Touch touch, v1::UnitKind& kind) {
  if (p.unit == kPoint) {
    kind = v1::SPENDABLE;
    return touch == kMoney ? Wrong(absl::StrCat("POINT on ", p.holder.text())) : absl::OkStatus();
  }
  const auto unit = state.definitions->units.find(p.unit);
  if (unit == state.definitions->units.end()) return Wrong(absl::StrCat("unknown unit ", p.unit));
  kind = unit->second.kind;
  const bool is_money = kind == v1::MONEY;
  if (is_money != (touch == kMoney) || (!is_money && touch != kIssue && touch != kAvail))
    return Wrong(absl::StrCat(p.unit, " on ", p.holder.text()));
  return absl::OkStatus();
}

absl::Status CheckFloor(State& state, const Entry& entry, const Posting& p, Touch touch, v1::UnitKind unit, const Account& before) {
  const auto below = [&](std::int64_t floor) { return Wrong(absl::StrCat(p.holder.text(), " ", p.unit, " would be below ", floor)); };
  // A balance may stay below its floor, as long as this entry does not take it further down.
  switch (touch) {
    case kIssue: {
      if (unit != v1::SPENDABLE || p.amount >= 0) return absl::OkStatus();
      const FundData* fund = state.Find<FundData>("fund", std::string(p.holder.fund()));
      const std::int64_t floor = fund ? -fund->budget_points : 0;
      return p.balance < floor ? below(floor) : absl::OkStatus();
    }
    case kShop: {
      const bool may_fall = entry.kind == Kind::kRefund || entry.kind == Kind::kReversal;
      return before.at(Sub::kAvailable) + p.amount < 0 && p.amount < 0 && !may_fall ? below(0) : absl::OkStatus();
    }
    case kDebtPart: return p.balance > 0 ? Wrong("a debt above 0") : absl::OkStatus();
    case kAvail: {
      const auto rule = state.definitions->units.find(p.unit);
      const std::int64_t floor = unit == v1::SCORE && rule != state.definitions->units.end() ? rule->second.floor : 0;
      return p.balance < floor ? below(floor) : absl::OkStatus();
    }
    case kMoney: return absl::OkStatus();
    default: return p.balance < 0 ? below(0) : absl::OkStatus();
  }
}

// Lots stand on members' available and held points and on those that ended, funds on what else does not name one; they add up.
absl::Status CheckFunds(const Entry& entry, const Posting& p, Touch touch, v1::UnitKind unit) {
  const bool has_lots = unit == v1::SPENDABLE && p.amount != 0 && (touch == kAvail || touch == kHeldPart || touch == kExpire);
  const bool has_funds = unit == v1::SPENDABLE && p.amount != 0 && (touch == kDebtPart || touch == kShop || touch == kDonated);
  if (has_lots == p.lots.empty()) return Wrong(absl::StrCat(has_lots ? "no lots on " : "lots on ", p.holder.text()));
  if (has_funds == p.funds.empty()) return Wrong(absl::StrCat(has_funds ? "no funds on " : "funds on ", p.holder.text()));
  std::int64_t sum = 0;
  const auto add = [&](const std::string& fund, std::int64_t amount) {
    const bool is_fine = amount != 0 && (amount < 0) == (p.amount < 0) && InRange(amount) && !fund.empty() && fund.size() <= 16;
    return is_fine && InRange(sum += amount);
  };
  for (const Lot& lot : p.lots) {
    const bool has_days = IsDay(lot.end) && (lot.first_end == 0 || (IsDay(lot.first_end) && lot.first_end < lot.end));
    if (!has_days || !add(lot.fund, lot.amount)) return Wrong("a lot without fund, end or amount");
    const bool is_past = lot.end <= entry.business_day;
    if (touch == kExpire && p.amount > 0 && !is_past) return Wrong(absl::StrCat("lot ", lot.fund, " ", lot.end, " is not past"));
    if (touch == kAvail && is_past && (p.amount > 0 || entry.kind != Kind::kExpiry)) {
      return Wrong(absl::StrCat("lot ", lot.fund, " ", lot.end, " is past"));
    }
  }
  for (std::size_t i = 0; i < p.funds.size(); ++i) {
    if (i > 0 && !(p.funds[i - 1].fund < p.funds[i].fund)) return Wrong("funds out of order");
    if (!add(p.funds[i].fund, p.funds[i].amount)) return Wrong("a fund without amount");
  }
  if ((has_lots || has_funds) && sum != p.amount) return Wrong(absl::StrCat(p.holder.text(), " moves ", p.amount, ", of its funds ", sum));
  return absl::OkStatus();
}

// What an account has of each lot and fund after a posting may not be below 0, nor a debt above.
absl::Status CheckLeft(const Posting& p, Touch touch, const Account& after) {
  if (p.unit != kPoint) return absl::OkStatus();
  for (const Lot& lot : after.lots) {
    if (lot.amount < 0) return Wrong(absl::StrCat("lot ", lot.fund, " ", lot.end, " would be ", lot.amount));
  }
  for (const FundAmount& f : FundsOf(p)) {
    const std::int64_t left = after.of(f.fund, p.sub);
    const bool is_members = touch == kAvail || touch == kHeldPart || touch == kExpire || touch == kDonated || touch == kDebt;
    if (is_members && left < 0) return Wrong(absl::StrCat(p.holder.text(), " would hold ", left, " of ", f.fund));
    if (touch == kDebtPart && left > 0) return Wrong(absl::StrCat("a debt to ", f.fund, " above 0"));
  }
  return absl::OkStatus();
}

// What was asked for: of a refusal what it refused.
Kind AskedFor(const Entry& e) { return e.kind == Kind::kRefused ? KindNamed(e.request_kind).value_or(Kind::kRefused) : e.kind; }

}  // namespace

absl::Status CheckEntry(State& state, const Entry& e) {
  if (e.program != state.program) return Wrong(absl::StrCat("entry of program ", e.program));
  if (e.kind == Kind::kEpoch ? e.epoch <= state.at.epoch : e.epoch != state.at.epoch) {
    return Wrong(absl::StrCat("epoch ", e.epoch, " after ", state.at.epoch));
  }
  if (e.sequence != state.at.next_sequence)
    return Wrong(absl::StrCat("sequence ", e.sequence, " where ", state.at.next_sequence, " comes next"));
  if (e.recorded_ms < state.at.last_ms && !IsSetBack(e)) return Wrong("recorded before the last entry");
  if (e.business_day != DayOf(e.recorded_ms)) return Wrong("business day of another time");
  if (e.sequence == 0 && e.kind != Kind::kProgram && e.kind != Kind::kEpoch) return Wrong("a journal begins with its program");
  // A refusal has what was asked but what was to be registered.
  const Kind asked = AskedFor(e);
  const std::size_t data = e.kind == Kind::kRefused && IsRegistration(asked) ? 0 : RowOf(asked).data;
  if (data != e.data.index()) return Wrong("a record of another kind");
  if (!FitsLine(e)) return Wrong("longer than a line may be");

  absl::InlinedVector<std::pair<std::string_view, std::int64_t>, 4> sums;  // per unit
  absl::InlinedVector<std::pair<std::string, Account>, 4> accounts;        // as this entry leaves them so far
  std::vector<FundAmount> funds;                                           // of spendable points
  bool is_about_touched = e.member.empty() || IsRegistration(e.kind);
  for (const Posting& p : e.postings) {
    const Touch touch = TouchOf(p);
    is_about_touched = is_about_touched || p.holder.text() == e.member;
    const bool is_mark = p.amount == 0;  // only so that an entry about a member is on their chain
    if (is_mark &&
        (touch != kAvail || p.unit != kPoint || p.holder.text() != e.member ||
         e.postings.size() > 1 + static_cast<std::size_t>(std::count_if(e.postings.begin(), e.postings.end(),
                                                                        [&](const Posting& q) { return q.holder.text() != e.member; })))) {
      return Wrong("a posting of 0");
    }
    if (touch == kTouchesNothing || (!is_mark && !(RowOf(e.kind).may_touch & touch))) {
      return Wrong(absl::StrCat("a ", std::string(KindName(e.kind)), " may not touch ", p.holder.text()));
    }
    v1::UnitKind unit = v1::UNIT_KIND_UNSPECIFIED;
    if (auto status = CheckUnit(state, p, touch, unit); !status.ok()) return status;
    if (!InRange(p.amount) || !InRange(p.balance)) return Wrong("amount out of range");

    std::string key = AccountKey(p.holder, p.unit);
    auto found = std::find_if(accounts.begin(), accounts.end(), [&](const auto& a) { return a.first == key; });
    if (found == accounts.end()) {
      const Account* account = state.accounts.Find(key);
      accounts.emplace_back(std::move(key), account ? *account : Account{});
      found = accounts.end() - 1;
    }
    Account& account = found->second;
    if (p.prev != account.head) return Wrong(absl::StrCat("prev ", p.prev, " where ", account.head, " is the head"));
    const std::int64_t balance = account.at(p.sub) + p.amount;
    if (!InRange(balance)) return Wrong("balance out of range");
    if (p.balance != (HasRunningBalance(p.holder) ? balance : 0))
      return Wrong(absl::StrCat("balance of ", p.holder.text(), " does not follow"));
    if (auto status = CheckFloor(state, e, p, touch, unit, account); !status.ok()) return status;
    if (auto status = CheckFunds(e, p, touch, unit); !status.ok()) return status;
    account.Add(p);
    if (auto status = CheckLeft(p, touch, account); !status.ok()) return status;
    auto sum = std::find_if(sums.begin(), sums.end(), [&](const auto& s) { return s.first == p.unit; });
    if (sum == sums.end()) sum = sums.insert(sums.end(), {p.unit, 0});
    sum->second += p.amount;
    if (!InRange(sum->second)) return Wrong("sum out of range");
    if (unit == v1::SPENDABLE) {
      for (const FundAmount& f : FundsOf(p)) AddFund(funds, f.fund, f.amount);
    }
  }
  for (const auto& [unit, sum] : sums) {
    if (sum != 0) return Wrong(absl::StrCat("postings in ", std::string(unit), " sum to ", sum));
  }
  if (!funds.empty()) return Wrong(absl::StrCat("postings of ", funds.front().fund, " sum to ", funds.front().amount));
  if (!is_about_touched) return Wrong(absl::StrCat("no posting of ", e.member));
  return absl::OkStatus();
}

Entry Stated(const Entry& entry) {
  Entry e;
  const auto keep = [&](auto... fields) { ((e.*fields = entry.*fields), ...); };
  keep(&Entry::program, &Entry::epoch, &Entry::sequence, &Entry::recorded_ms, &Entry::business_day, &Entry::kind);
  if (IsByTime(entry.kind)) {
    e.actor = kLedgerActor;
  } else {
    keep(&Entry::request_id, &Entry::item, &Entry::fingerprint, &Entry::actor);
    if (entry.kind != Kind::kUndo) keep(&Entry::terminal);  // there it is the refund's
  }
  if (!e.terminal.empty()) keep(&Entry::clerk, &Entry::till);
  switch (entry.kind) {
    case Kind::kAward:
      keep(&Entry::member, &Entry::effective_day, &Entry::group, &Entry::activity, &Entry::quantity, &Entry::session, &Entry::case_id,
           &Entry::about, &Entry::tags, &Entry::evidence_sha256, &Entry::note_commitment, &Entry::unique, &Entry::external_id);
      break;
    case Kind::kCorrection: keep(&Entry::ref, &Entry::quantity, &Entry::reason); break;
    case Kind::kDonation:
    case Kind::kExpiry: keep(&Entry::member); break;
    case Kind::kRedemption:
    case Kind::kHold:
      keep(&Entry::member, &Entry::presentation, &Entry::payer_use, &Entry::lines);
      for (OfferLine& line : e.lines) line.kind = OfferKind::kItem, line.price_points = 0;
      break;
    case Kind::kCapture:
    case Kind::kVoid:
    case Kind::kHoldExpired: keep(&Entry::hold); break;
    case Kind::kExpiryUndone: keep(&Entry::ref); break;
    case Kind::kRefund: keep(&Entry::ref, &Entry::cash_fen); break;
    case Kind::kReversal: keep(&Entry::target_request); break;
    case Kind::kUndoProposed: keep(&Entry::ref, &Entry::reason); break;
    case Kind::kWaiverProposed: keep(&Entry::member, &Entry::reason, &Entry::data); break;
    case Kind::kUndo:
    case Kind::kDebtWaived: keep(&Entry::proposal); break;
    case Kind::kRefused: {
      Entry asked = entry;
      const auto kind = KindNamed(entry.request_kind);
      asked.kind = kind.value_or(Kind::kRefused);
      if (!kind || *kind == Kind::kRefused) {  // Derive says so
        keep(&Entry::refusal, &Entry::request_kind);
        break;
      }
      e = AsRefused(asked);
      keep(&Entry::refusal, &Entry::facts);
      if (*kind == Kind::kCapture || *kind == Kind::kRefund || *kind == Kind::kDonation) keep(&Entry::points);
      break;
    }
    case Kind::kDayClosed: break;
    default: keep(&Entry::data); break;  // registrations, and what an operator says
  }
  return e;
}

Entry AsRefused(const Entry& asked) {
  Entry e = Stated(asked);
  e.kind = Kind::kRefused;
  e.request_kind = KindName(asked.kind);
  e.member = IsRegistration(asked.kind) ? "" : asked.member;
  if (IsRegistration(asked.kind)) e.data = {};
  e.payer_use = {};  // nothing was used up
  e.note_commitment.clear(), e.unique.clear();
  return e;
}

absl::StatusOr<Related> FindRelated(State& state, const Entry& e) {
  Related related;
  const auto find = [&](std::int64_t sequence) -> absl::StatusOr<std::shared_ptr<const Entry>> {
    if (sequence < 0) return nullptr;
    if (sequence >= e.sequence) return Wrong(absl::StrCat("names entry ", sequence, ", which comes later"));
    if (!state.find_entries) return absl::FailedPreconditionError("no source of entries");
    auto entries = state.find_entries(sequence, 1);
    if (!entries.ok()) return entries.status();
    return entries->front();
  };
  auto ref = find(e.ref), hold = find(e.hold), proposal = find(e.proposal);
  for (const auto* found : {&ref, &hold, &proposal}) {
    if (!found->ok()) return found->status();
  }
  return Related{*ref, *hold, *proposal};
}

namespace {

// Whether it belongs to the founding: the program itself, and the first of its staff, whom that names.
bool IsFounding(State& state, const Entry& e) {
  const ProgramData* program = state.Find<ProgramData>("program", state.program);
  const auto* staff = std::get_if<StaffData>(&e.data);
  return !program || (staff && staff->id == program->administrator && !state.Find<StaffData>("staff", staff->id));
}

// Not whether they stand as they should and have the role: that was asked at the front door, before the entry's turn came.
bool MayAsk(State& state, const Entry& e) {
  const Kind asked = AskedFor(e);
  const bool is_staff = state.Find<StaffData>("staff", e.actor) != nullptr;
  const bool is_founding = IsFounding(state, e);
  const Asker asker = is_founding && asked != Kind::kEpoch ? Asker::kOperator : RowOf(asked).asker;
  if (!e.terminal.empty() && e.kind != Kind::kUndo) {  // there it is the refund's
    return asker == Asker::kTill && e.actor == e.terminal && state.Find<TerminalData>("terminal", e.terminal);
  }
  switch (asker) {
    case Asker::kLedger: return e.actor == kLedgerActor;
    case Asker::kStaff: return is_staff || (asked == Kind::kDonation && e.actor == e.member);
    // Staff's, neither moves anything: they have no sale to reverse.
    case Asker::kTill: return is_staff && (e.kind == Kind::kRefused || e.kind == Kind::kReversal);
    case Asker::kOperator: break;
  }
  // Another key of the side state, written while no server could.
  if (e.actor == kLedgerActor) return e.kind == Kind::kProgram && !is_founding;
  if (state.program == kSystemProgram) return is_staff || is_founding;
  return !is_staff && !state.Find<MemberData>("member", e.actor) && !state.Find<TerminalData>("terminal", e.actor) &&
         !state.Find<MerchantData>("merchant", e.actor);
}

// Who asked may have, a till in the shop for which it was registered; and each request is answered once. The entries of one request follow
// each other.
absl::Status CheckOrigin(State& state, const Entry& e, Entry& again) {
  if (!IsId(e.actor) || !MayAsk(state, e)) return Wrong(absl::StrCat(e.actor, " is nobody who may ask for it"));
  if (!e.terminal.empty() && e.kind != Kind::kUndo) again.merchant = state.Find<TerminalData>("terminal", e.terminal)->merchant;
  if (e.request_id.empty() && e.actor != kLedgerActor) return Wrong("of no request");
  if (e.kind == Kind::kReversal && e.target_request.empty()) return Wrong("a reversal of no request");
  if (e.request_id.empty()) return e.item > 0 || e.part.k > 1 ? Wrong("a later part of no request") : absl::OkStatus();
  const RequestRecord* record = state.requests.Find(RequestKey(e.actor, e.request_id));
  const std::int32_t place = e.item > 0 ? e.item : e.part.k > 1 ? e.part.k - 1 : 0;
  const bool follows = place == 0 ? record == nullptr
                                  : record && !record->is_tombstone && record->count == place && record->fingerprint == e.fingerprint &&
                                        record->sequence + place == e.sequence;
  return follows ? absl::OkStatus() : Wrong(absl::StrCat("request ", e.request_id, " was answered before, or not so far"));
}

// What time has ended for a member is written before anything else about them.
absl::Status CheckNothingIsDue(State& state, const Entry& e) {
  if (e.member.empty() || IsByTime(e.kind) || IsRegistration(e.kind)) return absl::OkStatus();
  const Due due = DueOf(state, e.member, e.recorded_ms, e.business_day);
  if (!due.holds.empty()) return Wrong(absl::StrCat("hold ", due.holds.front(), " of ", e.member, " should have ended before"));
  return due.has_past_points ? Wrong(absl::StrCat("points of ", e.member, " should have ended before")) : absl::OkStatus();
}

// The rulebook that an entry adopts is the one that its hash names.
absl::Status CheckRulebook(const State& state, const RulebookData& data) {
  if (data.is_withdrawn) return absl::OkStatus();
  if (!state.find_blob) return absl::FailedPreconditionError("no source of blobs");
  if (data.format < 1) return Wrong(absl::StrCat("rules format ", data.format));
  const auto json = state.find_blob(data.sha256);
  if (!json.ok()) return json.status();
  const auto book = Rulebook::Parse(*json, data.format);
  if (!book.ok()) return book.status();
  const bool is_same = book->version() == data.version && book->effective_day() == data.effective_day && Sha256Hex(*json) == data.sha256;
  if (!is_same) return Wrong("a rulebook of another version, day or content");
  return book->json() == *json ? absl::OkStatus() : Wrong("a rulebook that is not in its one form");
}

}  // namespace

absl::Status Verify(State& state, const Entry& entry, const Related& related) {
  if (auto status = CheckEntry(state, entry); !status.ok()) return status;
  Case c{state, related};
  // What was asked for is what was done: it stands in the postings alone.
  if (entry.kind == Kind::kCapture || entry.kind == Kind::kRefund) c.points = PointsOf(entry);
  if (entry.kind == Kind::kDonation) c.points = SumOf(LotsTaken(entry));
  Entry again = Stated(entry);
  if (auto status = CheckOrigin(state, entry, again); !status.ok()) return status;
  if (auto status = CheckNothingIsDue(state, entry); !status.ok()) return status;
  if (const auto* book = std::get_if<RulebookData>(&entry.data)) {
    if (auto status = CheckRulebook(state, *book); !status.ok()) return status;
  }
  if (const Broken broken = Derive(c, again)) {
    std::string why = NameOf(broken->reason);
    for (const auto& [key, value] : broken->facts) absl::StrAppend(&why, " ", key, "=", value);
    return Wrong(absl::StrCat("breaks a rule: ", why));
  }
  Complete(state, again);
  if (again == entry) {
    if (state.on_blob && !c.blob.empty()) state.on_blob(entry.blobs.front(), std::move(c.blob));
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat(FirstDifference(again, entry), " does not follow"));
}

}  // namespace redpoints
