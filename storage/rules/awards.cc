#include "storage/rules/awards.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/counters.h"
#include "storage/rules/people.h"
#include "storage/rules/shape.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

constexpr std::int64_t kQuantityMax = 1'000'000;

std::int64_t MaxQuantity(const v1::Activity& activity) { return activity.max_quantity() ? activity.max_quantity() : kQuantityMax; }

v1::Group ToProto(Group group) { return static_cast<v1::Group>(group); }

// What the caps of `activity` leave of `amount` in `unit`, when `current` of what was counted is this award's own.
std::int64_t WithinCaps(State& state, const v1::Activity& activity, const Entry& e, const std::string& unit, std::int64_t amount,
                        std::int64_t current) {
  for (const auto& cap : activity.caps()) {
    if (cap.unit() != unit) continue;
    const std::int64_t others =
        CountOf(state, CapCounter(cap.period(), e.member, activity.code(), unit, e.effective_day, e.session)) - current;
    amount = std::min(amount, std::max<std::int64_t>(cap.max_amount() - others, 0));
  }
  return amount;
}

// What the member's deeds of the month came to so far.
Carried CarriedOf(State& state, const Entry& e) {
  return {CountOf(state, CarryCounter(e.member, e.activity, e.rulebook, e.effective_day)),
          CountOf(state, CarryEarnedCounter(e.member, e.activity, e.rulebook, e.effective_day))};
}

// Points first, so that reasons come in order; then as the rulebook has them.
std::vector<const v1::Earning*> InOrder(const v1::Activity& activity) {
  std::vector<const v1::Earning*> earnings;
  for (const auto& earning : activity.earnings()) earnings.push_back(&earning);
  std::stable_partition(earnings.begin(), earnings.end(), [](const v1::Earning* e) { return e->unit() == kPoint; });
  return earnings;
}

// Points that a member earns: what they owe the fund first, for which nothing is issued; the rest as a lot.
//   FUND_BUDGET_EXCEEDED 614, LOT_LIMIT_EXCEEDED 615, BALANCE_OUT_OF_RANGE 616
Broken IssuePoints(State& state, Entry& e, const std::string& fund, std::int64_t points, Day lot_end, const std::vector<Lot>& graced = {}) {
  const Account account = AccountOf(state, e.member, kPoint);
  const std::int64_t pays = std::min(points, -account.of(fund, Sub::kDebt));
  const std::int64_t issued = points - pays;
  const std::int64_t left = BudgetLeft(state, fund);
  if (issued > left) {
    return Refusal{Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund}, {"short_by", absl::StrCat(issued - std::max<std::int64_t>(left, 0))}}};
  }
  const Lot lot{.fund = fund, .end = lot_end, .amount = issued};
  const auto living = issued > 0 ? Living(state, lot, e.business_day, graced) : std::nullopt;
  if (living && living->first_end == 0) {
    // What came back keeps its end and may be beside these: only births are bounded.
    auto lots = account.lots;
    AddLot(lots, *living);
    if (std::count_if(lots.begin(), lots.end(), [](const Lot& l) { return l.first_end == 0; }) > static_cast<std::ptrdiff_t>(kLotsMax)) {
      return Refusal{Reason::LOT_LIMIT_EXCEEDED, {}};
    }
  }
  if (!HasRoom(state, e.member, issued)) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  if (pays > 0) {
    e.postings.push_back(MoveFunds(Holder(e.member), Sub::kDebt, {{fund, pays}}));
    e.postings.push_back(Move(Holder::Debts(fund), Sub::kAvailable, kPoint, -pays));
  }
  if (issued == 0) return std::nullopt;
  e.postings.push_back(Move(Holder::Issuance(fund), Sub::kAvailable, kPoint, -issued));
  e.postings.push_back(living ? MoveLots(Holder(e.member), Sub::kAvailable, {*living})
                              : MoveLots(Holder::Expired(), Sub::kAvailable, {lot}));
  return std::nullopt;
}

// Minutes and scores.
//   BALANCE_OUT_OF_RANGE 616, SCORE_BELOW_FLOOR 617
Broken MoveUnit(State& state, Entry& e, const std::string& fund, const std::string& unit, std::int64_t change) {
  const Holder issuance = Holder::Issuance(fund);
  const std::int64_t balance = AccountOf(state, e.member, unit).at(Sub::kAvailable) + change;
  if (!InRange(balance) || !InRange(AccountOf(state, issuance.text(), unit).at(Sub::kAvailable) - change)) {
    return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  }
  const auto rule = state.definitions->units.find(unit);
  if (change < 0 && balance < (rule == state.definitions->units.end() ? 0 : rule->second.floor))
    return Refusal{Reason::SCORE_BELOW_FLOOR, {}};
  e.postings.push_back(Move(issuance, Sub::kAvailable, unit, -change));
  e.postings.push_back(Move(Holder(e.member), Sub::kAvailable, unit, change));
  return std::nullopt;
}

// Of a deed as it is asked for, and as its entry shows it. What a confidential deed would be asked for beside its amount is asked of what it
// really was, at the door: nothing of it may be shown, and what is shown is an umbrella.
template <class Deed> Broken CheckShape(const Rulebook& book, const Deed& deed) {
  if (!IsDay(deed.effective_day)) return OutOfRange("effective_day");
  const auto is_hash = [](const std::string& text) { return text.empty() || IsHex64(text); };
  if (!is_hash(deed.evidence_sha256)) return OutOfRange("evidence_sha256");
  if (!is_hash(deed.note_commitment)) return OutOfRange("note_commitment");
  if (deed.unique.empty()) return std::nullopt;
  const bool is_bare = deed.group == Group::kNone && deed.session.empty() && deed.case_id.empty() && deed.about.empty() &&
                       deed.tags.empty() && deed.evidence_sha256.empty() && deed.external_id.empty();
  const bool is_named = deed.unique.size() == 2 && IsHex64(deed.unique[0]) && IsHex64(deed.unique[1]) && deed.unique[0] != deed.unique[1];
  return is_named && is_bare && book.IsUmbrella(deed.activity) ? Broken() : OutOfRange("unique");
}

// Whether another award has one of the names of a confidential deed.
bool IsKnown(State& state, const std::vector<std::string>& unique) {
  return std::any_of(unique.begin(), unique.end(), [&](const std::string& name) { return CountOf(state, UniqueCounter(name)) != 0; });
}

// What an activity asks of a deed: its details, who it is for, how much.
template <class Deed> Broken CheckDeed(const v1::Activity& activity, const Deed& deed, const MemberData* of_group) {
  const auto required = [](const char* field) { return Refusal{Reason::DETAIL_REQUIRED, {{"field", field}}}; };
  if (activity.session_required() && deed.session.empty()) return required("session");
  if (activity.case_required() && deed.case_id.empty()) return required("case");
  if (activity.evidence_required() && deed.evidence_sha256.empty()) return required("evidence_sha256");
  const auto& groups = activity.groups();
  const bool is_for_all = groups.empty() || std::find(groups.begin(), groups.end(), ToProto(deed.group)) != groups.end();
  if (of_group && !(is_for_all && of_group->IsIn(deed.group, deed.effective_day))) return Refusal{Reason::GROUP_NOT_ELIGIBLE, {}};
  if (deed.quantity < activity.min_quantity() || deed.quantity > MaxQuantity(activity)) {
    return Refusal{Reason::QUANTITY_OUT_OF_BOUNDS,
                   {{"min", absl::StrCat(activity.min_quantity())}, {"max", absl::StrCat(MaxQuantity(activity))}}};
  }
  return std::nullopt;
}

}  // namespace

Broken CheckConfidential(const v1::Activity& confidential, const AwardItem& deed, const MemberData& member) {
  return CheckDeed(confidential, deed, &member);
}

ShownDeed Show(const Rulebook& book, const v1::Activity& confidential, std::int64_t quantity) {
  ShownDeed shown{.umbrella = book.FindActivity(confidential.shown_as())};
  if (quantity >= confidential.min_quantity() && quantity <= MaxQuantity(confidential)) {
    shown.quantity = AmountEarned(confidential.earnings(0), quantity);
  }
  return shown;
}

// SELF_DEALING 600, MEMBER_SUSPENDED 601, DAY_IN_FUTURE 603, DAY_TOO_OLD 604, LOT_ALREADY_PAST 605, SESSION_ALREADY_AWARDED 606,
// DETAIL_REQUIRED 607, GROUP_NOT_ELIGIBLE 608, QUANTITY_OUT_OF_BOUNDS 609, 614 to 617 of IssuePoints and MoveUnit, CASE_ALREADY_AWARDED 619,
// FUND_ENDED 629
Broken DeriveAward(Case& c, Entry& e) {
  const MemberData* found = FindMember(c.state, e.member);
  if (!found) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  const MemberData member = *found;
  const Rulebook* book = c.state.BookOf(e.effective_day);
  if (!book) return Refusal{Reason::RULEBOOK_NOT_FOUND, {}};
  const v1::Activity* activity = book->FindActivity(e.activity);
  if (!activity || !activity->shown_as().empty()) return Refusal{Reason::ACTIVITY_NOT_FOUND, {}};
  if (auto broken = CheckShape(*book, e)) return broken;
  const Day today = e.business_day;
  const bool is_confidential = !e.unique.empty();
  e.rulebook = book->version();
  e.grid = is_confidential ? "" : member.grid;

  if (IsSelfDealing(c.state, e.actor, member, e.effective_day, today)) return Refusal{Reason::SELF_DEALING, {}};
  if (member.state != RegistrationState::kActive) return Refusal{Reason::MEMBER_SUSPENDED, {}};
  if (e.effective_day > today) return Refusal{Reason::DAY_IN_FUTURE, {}};
  const int late_days = c.state.BookOf(today)->late_days();
  if (DaysBetween(e.effective_day, today) > late_days) return Refusal{Reason::DAY_TOO_OLD, {{"max_days", absl::StrCat(late_days)}}};
  const auto earnings = InOrder(*activity);
  const Day lot_end = LotEnd(*activity, e.effective_day);
  if (earnings.front()->unit() == kPoint && lot_end <= today) return Refusal{Reason::LOT_ALREADY_PAST, {}};
  if (!e.session.empty() && CountOf(c.state, SessionCounter(e.member, e.activity, e.session)) != 0)
    return Refusal{Reason::SESSION_ALREADY_AWARDED, {}};
  if (auto broken = CheckDeed(*activity, e, is_confidential ? nullptr : &member)) return broken;
  e.carried = CarriedOf(c.state, e);
  e.cap_hit = false;
  for (const v1::Earning* earning : earnings) {
    const std::int64_t earned = AmountEarned(*earning, e.quantity, e.carried);
    const std::int64_t amount = WithinCaps(c.state, *activity, e, earning->unit(), earned, /*current=*/0);
    e.cap_hit = e.cap_hit || amount < earned;
    if (amount == 0) continue;
    auto broken = earning->unit() == kPoint ? IssuePoints(c.state, e, activity->fund(), amount, lot_end)
                                            : MoveUnit(c.state, e, activity->fund(), earning->unit(), amount);
    if (broken) return broken;
  }
  if (!e.case_id.empty() && CountOf(c.state, CaseCounter(e.member, e.activity, e.case_id)) != 0)
    return Refusal{Reason::CASE_ALREADY_AWARDED, {}};
  if (IsKnown(c.state, e.unique)) return Refusal{Reason::CASE_ALREADY_AWARDED, {}};
  if (HasFundEnded(c.state, activity->fund(), today)) return Refusal{Reason::FUND_ENDED, {{"fund", activity->fund()}}};
  return std::nullopt;
}

// SELF_DEALING 600, SESSION_ALREADY_AWARDED 606, QUANTITY_OUT_OF_BOUNDS 609, 614 to 617 as for awards, CASE_ALREADY_AWARDED 619,
// CORRECTION_EXCEEDS_BALANCE 628, FUND_ENDED 629, MAKER_IS_CHECKER 632
Broken DeriveCorrection(Case& c, Entry& e) {
  if (!c.related.ref || c.related.ref->kind != Kind::kAward) return Refusal{Reason::AWARD_NOT_FOUND, {}};
  const Entry& award = *c.related.ref;
  const MemberData* found = FindMember(c.state, award.member);
  const Rulebook* book = c.state.BookNamed(award.rulebook);
  const v1::Activity* activity = book ? book->FindActivity(award.activity) : nullptr;
  if (!found || !activity) return Refusal{Reason::AWARD_NOT_FOUND, {}};
  const MemberData member = *found;
  const Day today = e.business_day;
  e.member = award.member;
  e.grid = award.grid;
  e.effective_day = award.effective_day;
  e.group = award.group;
  e.activity = award.activity;
  e.rulebook = award.rulebook;
  e.session = award.session;
  e.case_id = award.case_id;
  e.unique = award.unique;

  // The award as it stands: its own amounts, or what the last correction made of them.
  std::int64_t quantity = award.quantity, earned_before = 0;
  if (const v1::Earning* carrying = CarryingOf(*activity)) earned_before = AmountEarned(*carrying, award.quantity, award.carried);
  std::vector<UnitAmount> amounts;
  std::vector<Lot> graced;
  const FollowUp* follow_up = c.state.follow_ups.Find(SequenceKey(e.ref));
  if (follow_up && !follow_up->amounts.empty()) {
    quantity = follow_up->quantity;
    earned_before = follow_up->earned;
    amounts = follow_up->amounts;
    graced = follow_up->graced;
  } else {
    for (const v1::Earning* earning : InOrder(*activity)) amounts.push_back({earning->unit(), EarnedBy(award, earning->unit())});
  }

  // What of it can have ended: what paid a debt was never in a lot.
  const std::int64_t issued = IssuedBy(award) + (follow_up ? follow_up->issued : 0);

  e.quantity_before = quantity;
  if (IsSelfDealing(c.state, e.actor, member, award.effective_day, today)) return Refusal{Reason::SELF_DEALING, {}};
  const bool comes_back = quantity == 0 && e.quantity > 0;
  if (comes_back && !award.session.empty() && CountOf(c.state, SessionCounter(e.member, e.activity, e.session)) != 0) {
    return Refusal{Reason::SESSION_ALREADY_AWARDED, {}};
  }
  if (e.quantity != 0 && (e.quantity < activity->min_quantity() || e.quantity > MaxQuantity(*activity))) {
    return Refusal{Reason::QUANTITY_OUT_OF_BOUNDS,
                   {{"min", absl::StrCat(activity->min_quantity())}, {"max", absl::StrCat(MaxQuantity(*activity))}}};
  }
  const Day lot_end = LotEnd(*activity, award.effective_day);
  if (CarryingOf(*activity)) {
    e.carried = CarriedOf(c.state, e);
    e.carried.quantity -= quantity, e.carried.earned -= earned_before;
  }
  std::int64_t spent = 0;
  bool grows = false;
  e.cap_hit = false;
  e.amounts = amounts;
  const RequestRecord* record = c.state.requests.Find(RequestKey(e.actor, e.request_id));  // of the parts before
  e.part = {.k = record ? record->count + 1 : 1, .n = 1};
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const std::string& unit = amounts[i].unit;
    const std::int64_t current = amounts[i].amount;
    std::int64_t earned = 0;
    for (const auto& earning : activity->earnings()) {
      if (earning.unit() == unit) earned = AmountEarned(earning, e.quantity, e.carried);
    }
    const std::int64_t amount = WithinCaps(c.state, *activity, e, unit, earned, current);
    e.cap_hit = e.cap_hit || amount < earned;
    e.amounts[i].amount = amount;
    const std::int64_t change = amount - current;
    if (change == 0) continue;
    if (unit != kPoint) {
      if (auto broken = MoveUnit(c.state, e, activity->fund(), unit, change)) return broken;
      continue;
    }
    grows = change > 0;
    if (change > 0) {
      if (auto broken = IssuePoints(c.state, e, activity->fund(), change, lot_end, graced)) return broken;
      continue;
    }
    Taken taken = TakeBack(c.state, e.member, activity->fund(), -change, {lot_end}, issued, today);
    spent = taken.spent;
    const auto more_parts = static_cast<std::int32_t>((std::max<std::size_t>(taken.available.size(), 1) - 1) / kPartLots);
    e.part.n = e.part.k + more_parts;
    if (more_parts > 0) {  // this part takes so many lots; all else is left to the next, which can't be refused
      taken.available.resize(kPartLots);
      taken.ended.clear();
      taken.spent = 0;
      e.amounts[i].amount = current - SumOf(taken.available);
    }
    const std::int64_t back = SumOf(taken.available) + SumOf(taken.ended);
    if (!taken.available.empty()) e.postings.push_back(MoveLots(Holder(e.member), Sub::kAvailable, Negative(std::move(taken.available))));
    if (!taken.ended.empty()) e.postings.push_back(MoveLots(Holder::Expired(), Sub::kAvailable, Negative(std::move(taken.ended))));
    if (back > 0) e.postings.push_back(Move(Holder::Issuance(activity->fund()), Sub::kAvailable, kPoint, back));
    if (taken.spent > 0) {
      e.postings.push_back(MoveFunds(Holder(e.member), Sub::kDebt, {{activity->fund(), -taken.spent}}));
      e.postings.push_back(Move(Holder::Debts(activity->fund()), Sub::kAvailable, kPoint, taken.spent));
    }
    if (more_parts > 0) {
      for (std::size_t j = i + 1; j < amounts.size(); ++j) e.amounts[j] = amounts[j];
      break;
    }
  }
  if (e.part.n == 1) e.part = {};
  if (comes_back && !award.case_id.empty() && CountOf(c.state, CaseCounter(e.member, e.activity, e.case_id)) != 0) {
    return Refusal{Reason::CASE_ALREADY_AWARDED, {}};
  }
  if (comes_back && IsKnown(c.state, award.unique)) return Refusal{Reason::CASE_ALREADY_AWARDED, {}};
  if (spent > 0 && !book->proto().policies().debts_allowed()) {
    return Refusal{Reason::CORRECTION_EXCEEDS_BALANCE, {{"short_by", absl::StrCat(spent)}}};
  }
  if (grows && HasFundEnded(c.state, activity->fund(), today)) return Refusal{Reason::FUND_ENDED, {{"fund", activity->fund()}}};
  if (IsSamePerson(c.state, e.actor, award.actor)) return Refusal{Reason::MAKER_IS_CHECKER, {}};
  return std::nullopt;
}

namespace {

// Whether the undo of a donation will fit its line.
bool FitsUndone(const Entry& donation, const std::vector<Lot>& lots) {
  Entry undo = donation;
  undo.kind = Kind::kUndo;
  undo.proposal = undo.ref = kAmountMax;
  undo.reason = std::string(24, 'r');
  undo.postings = {MoveFunds(Holder::Pool(), Sub::kAvailable, Negative(FundsOf(lots)))};
  return FitsReturned(std::move(undo), lots);
}

}  // namespace

// SELF_DEALING 600, MEMBER_SUSPENDED 601, LIMIT_EXCEEDED 612 (entry_size), INSUFFICIENT_POINTS 613, BALANCE_OUT_OF_RANGE 616
Broken DeriveDonation(Case& c, Entry& e) {
  const MemberData* found = FindMember(c.state, e.member);
  if (!found) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  const MemberData member = *found;
  if (!IsAmount(c.points)) return OutOfRange("points");
  if (IsSelfDealing(c.state, e.actor, member, e.business_day, e.business_day)) return Refusal{Reason::SELF_DEALING, {}};
  if (member.state != RegistrationState::kActive) return Refusal{Reason::MEMBER_SUSPENDED, {}};
  const Account account = AccountOf(c.state, e.member, kPoint);
  const std::int64_t available = account.at(Sub::kAvailable);
  if (available < c.points) return Refusal{Reason::INSUFFICIENT_POINTS, {{"short_by", absl::StrCat(c.points - available)}}};
  e.on_behalf = e.actor == e.member ? "" : e.member;
  e.grid = member.grid;
  const std::vector<Lot> lots = TakeLots(account.lots, c.points);
  e.postings = {MoveLots(Holder(e.member), Sub::kAvailable, Negative(lots)), MoveFunds(Holder::Pool(), Sub::kAvailable, FundsOf(lots))};
  if (!FitsAsPosted(e) || !FitsUndone(e, lots)) return Refusal{Reason::LIMIT_EXCEEDED, {{"limit", "entry_size"}}};
  if (!InRange(AccountOf(c.state, Holder::Pool().text(), kPoint).at(Sub::kAvailable) + c.points))
    return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  return std::nullopt;
}

namespace {

Entry DraftAward(Decision& d, const AwardItem& item, std::int32_t index) {
  Entry entry = d.Draft(Kind::kAward);
  entry.item = index;
  entry.member = item.member.id;
  entry.effective_day = item.effective_day;
  entry.group = item.group;
  entry.activity = item.activity;
  entry.quantity = item.quantity;
  entry.session = item.session;
  entry.case_id = item.case_id;
  entry.about = item.about;
  entry.tags = item.tags;
  entry.evidence_sha256 = item.evidence_sha256;
  entry.note_commitment = item.note_commitment;
  entry.unique = item.unique;
  entry.external_id = item.external_id;
  return entry;
}

// What an award names has to be there. Of an item of a batch the field is said.
Broken CheckReferences(State& state, const AwardItem& item) {
  if (item.member.id.empty() || !FindMember(state, item.member.id)) return Refusal{Reason::MEMBER_NOT_FOUND, {{"field", "member"}}};
  const Rulebook* book = state.BookOf(item.effective_day);
  if (!book) return Refusal{Reason::RULEBOOK_NOT_FOUND, {{"field", "effective_day"}}};
  const v1::Activity* activity = book->FindActivity(item.activity);
  if (!activity || !activity->shown_as().empty()) return Refusal{Reason::ACTIVITY_NOT_FOUND, {{"field", "activity"}}};
  return CheckShape(*book, item);
}

}  // namespace

Outcome Decide(Decision& d, const Award& command) {
  if (auto broken = CheckReferences(d.state(), command.item)) return d.Unrecorded(std::move(*broken));
  if (auto waits = d.Settle(command.item.member.id)) return *std::move(waits);
  return d.Carry({d.state()}, DraftAward(d, command.item, -1));
}

Outcome Decide(Decision& d, const AwardBatch& command) {
  // References are checked for all before anything is written, so that an unrecorded refusal leaves nothing of the batch behind; and what time
  // has ended goes first: the items' entries must be contiguous, so that the request record can find them again.
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    auto broken = CheckReferences(d.state(), command.items[i]);
    if (!broken) continue;
    broken->facts.front().second = absl::StrCat("items[", i, "].", broken->facts.front().second);
    return d.Unrecorded(std::move(*broken));
  }
  for (const AwardItem& item : command.items) {
    if (auto waits = d.Settle(item.member.id)) return *std::move(waits);
  }
  Outcome all;
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const Entry asked = DraftAward(d, command.items[i], static_cast<std::int32_t>(i));
    Outcome one = d.Carry({d.state()}, asked);
    // A bug stops its own item alone: what stands before it in the batch is decided, and a repetition must say the same for each. Of what was
    // asked nothing is told but whom it was about: it may be what did not fit.
    if (one.entries.empty()) {
      Entry bare = d.Draft(Kind::kAward);
      bare.item = asked.item;
      bare.member = asked.member;
      one = d.Record(bare, *one.refusal);
    }
    for (auto& entry : one.entries) all.entries.push_back(std::move(entry));
  }
  all.Read();
  return all;
}

Outcome Decide(Decision& d, const Correct& command) {
  Case c{d.state()};
  c.related.ref = d.Find(command.award);
  if (!c.related.ref || c.related.ref->kind != Kind::kAward) return d.Unrecorded({Reason::AWARD_NOT_FOUND, {}});
  if (auto waits = d.Settle(c.related.ref->member)) return *std::move(waits);
  Outcome all;
  for (std::int32_t k = 1, n = 1; k <= n; ++k) {
    Entry entry = d.Draft(Kind::kCorrection);
    entry.ref = command.award;
    entry.quantity = command.new_quantity;
    entry.reason = command.reason;
    entry.member = c.related.ref->member;
    Outcome part = d.Carry(c, std::move(entry));
    if (part.entries.empty()) return part;
    n = part.entry().kind == Kind::kCorrection ? std::max(part.entry().part.n, 1) : 1;
    for (auto& posted : part.entries) all.entries.push_back(std::move(posted));
  }
  all.Read();
  return all;
}

Outcome Decide(Decision& d, const Donate& command) {
  if (command.member.id.empty() || !FindMember(d.state(), command.member.id)) return d.Unrecorded({Reason::MEMBER_NOT_FOUND, {}});
  if (auto waits = d.Settle(command.member.id)) return *std::move(waits);
  Case c{d.state()};
  c.points = command.points;
  Entry entry = d.Draft(Kind::kDonation);
  entry.member = command.member.id;
  return d.Carry(c, std::move(entry));
}

}  // namespace redpoints
