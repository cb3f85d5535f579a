// Awards, corrections, donations.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/model/naive.h"
#include "tests/model/reference.h"

namespace redpoints {

using namespace naive;

// --- amounts ---------------------------------------------------------------------------------------------------------------------

// What is earned before caps. Where remainders are carried on, the member's deeds of this activity in the same month under the same rulebook
// earn together what all their quantity does; what the others have is not earned again, and nothing is taken from them.
std::int64_t Reference::EarnedBy(const v1::Earning& earning, const AwardKept& award, std::int64_t quantity, std::int64_t except) const {
  if (!earning.carry()) return Earned(earning, quantity);
  std::int64_t all = quantity, others = 0;
  if (const auto of = awards_of_.find({award.member, award.activity}); of != awards_of_.end()) {
    for (const std::int64_t sequence : of->second) {
      const AwardKept& other = awards_.at(sequence);
      if (sequence == except || other.book->version() != award.book->version() || !SamePeriod(v1::MONTH, other.day, award.day)) continue;
      all += other.quantity;
      others += other.earned.at(earning.unit());
    }
  }
  return std::max<std::int64_t>(Earned(earning, all) - others, 0);
}

// Reading: an award counts against a cap where the rulebook of its own day has a cap of that period: as with limits, a cap does not know what
// was before it.
std::int64_t Reference::CapLeft(const v1::Activity& rule, const AwardKept& award, const std::string& unit, std::int64_t except) const {
  std::int64_t left = kMost;
  const auto others = awards_of_.find({award.member, award.activity});
  for (const auto& cap : rule.caps()) {
    if (cap.unit() != unit) continue;
    std::int64_t sum = 0;
    if (others != awards_of_.end()) {
      for (const std::int64_t sequence : others->second) {
        const AwardKept& other = awards_.at(sequence);
        if (sequence == except) continue;
        if (cap.period() == v1::SESSION ? other.session != award.session : !SamePeriod(cap.period(), other.day, award.day)) continue;
        const auto amount = other.amounts.find(unit);
        if (amount == other.amounts.end()) continue;
        for (const auto& its : FindRule(*other.book, other.activity)->caps()) {
          if (its.unit() == unit && its.period() == cap.period()) sum += amount->second;
        }
      }
    }
    left = std::min(left, std::max<std::int64_t>(cap.max_amount() - sum, 0));
  }
  return left;
}

std::map<std::string, std::int64_t> Reference::AmountsOf(const v1::Activity& rule, const AwardKept& award, std::int64_t quantity,
                                                         std::int64_t except, bool& cap_hit,
                                                         std::map<std::string, std::int64_t>& all_earned) const {
  std::map<std::string, std::int64_t> amounts;
  for (const auto& earning : rule.earnings()) {
    const std::int64_t earned = EarnedBy(earning, award, quantity, except);
    all_earned[earning.unit()] = earned;
    const std::int64_t amount = std::min(earned, CapLeft(rule, award, earning.unit(), except));
    cap_hit = cap_hit || amount < earned;
    amounts[earning.unit()] = amount;
  }
  return amounts;
}

// --- rules that awards and corrections share ----------------------------------------------------------------------------------------

// Reading: an award that was corrected to 0 does not count; its session and case are free again.
void Reference::CheckDoubles(const AwardKept& award, std::int64_t except, Broken& broken) const {
  const auto others = awards_of_.find({award.member, award.activity});
  if (others == awards_of_.end()) return;
  for (const std::int64_t sequence : others->second) {
    const AwardKept& other = awards_.at(sequence);
    if (sequence == except || other.quantity == 0) continue;
    if (!award.session.empty() && other.session == award.session) broken.Add(Reason::SESSION_ALREADY_AWARDED);
    if (!award.case_id.empty() && other.case_id == award.case_id) broken.Add(Reason::CASE_ALREADY_AWARDED);
    for (const std::string& name : award.unique) {  // the member is in it
      if (std::count(other.unique.begin(), other.unique.end(), name)) broken.Add(Reason::CASE_ALREADY_AWARDED);
    }
  }
}

// `points` is what would be issued, the member's debt netted. Where they would end at once (`is_past`) no lot is born.
void Reference::CheckIssue(const Member& member, const std::string& fund, const LotKey& lot, std::int64_t points, bool is_past,
                           Broken& broken) const {
  if (points <= 0) return;
  const std::int64_t left = std::max<std::int64_t>(BudgetLeft(fund), 0);
  if (points > left) broken.Add(Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund}, {"short_by", absl::StrCat(points - left)}});
  // Reading: lots with grace don't count: those are of returns, which nothing refuses.
  const auto is_by_birth = [](const auto& each) { return each.first.first_end == 0; };
  const auto births = static_cast<std::size_t>(std::count_if(member.lots.begin(), member.lots.end(), is_by_birth));
  if (!is_past && member.lots.count(lot) == 0 && births >= kLots) broken.Add(Reason::LOT_LIMIT_EXCEEDED);
  if (!is_past && member.available() + member.all_held() + points > kMost) broken.Add(Reason::BALANCE_OUT_OF_RANGE);
}

// Reading: nothing new begins under an ended fund, also where a debt would take it all; for that there is the waiver.
void Reference::CheckFund(const std::string& fund, Broken& broken) const {
  const Day end = funds.at(fund).data.end_day;
  if (end != 0 && end <= today) broken.Add(Reason::FUND_ENDED, {{"fund", fund}});
}

// --- verbs -----------------------------------------------------------------------------------------------------------------------

Expected Reference::DoAward(const Origin& origin, const AwardItem& item, std::int64_t sequence, bool is_item) {
  Member* member = FindMember(item.member.id);
  const Book book = BookOn(item.effective_day);
  const v1::Activity* rule = book ? FindRule(*book, item.activity) : nullptr;
  if (!member) return RefuseUnrecorded(Reason::MEMBER_NOT_FOUND);
  if (!book) return RefuseUnrecorded(Reason::RULEBOOK_NOT_FOUND);
  if (!rule) return RefuseUnrecorded(Reason::ACTIVITY_NOT_FOUND);
  const std::string id = member->data.id;
  Settle(*member);

  AwardKept award{.member = id,
                  .activity = item.activity,
                  .session = item.session,
                  .case_id = item.case_id,
                  .unique = item.unique,
                  .recorder = origin.actor,
                  .quantity = item.quantity,
                  .amounts = {},
                  .earned = {},
                  .graced = {},
                  .issued = 0,
                  .day = item.effective_day,
                  .book = book};
  Expected expected;
  expected.members.insert(id);
  award.amounts = AmountsOf(*rule, award, item.quantity, -1, expected.cap_hit, award.earned);
  const std::string fund = rule->fund();
  const std::int64_t points = award.amounts.count("POINT") ? award.amounts["POINT"] : 0;
  const std::int64_t paid = std::min(points, member->debt[fund]);
  const Day end = EndOf(*rule, item.effective_day);

  Broken broken;
  if (IsSelf(origin.actor, *member, item.effective_day)) broken.Add(Reason::SELF_DEALING);
  if (member->data.state != RegistrationState::kActive) broken.Add(Reason::MEMBER_SUSPENDED);
  if (item.effective_day > today) broken.Add(Reason::DAY_IN_FUTURE);
  // Reading: the program's days are those of today's rulebook.
  const Book todays = BookOn(today);
  const int late_days = todays ? Or(todays->policies().late_days(), 30) : 30;
  if (item.effective_day < today && DaysBetween(item.effective_day, today) > late_days) {
    broken.Add(Reason::DAY_TOO_OLD, {{"max_days", absl::StrCat(late_days)}});
  }
  // Reading: refused is what earns points, also where none would come of it (too little, a cap, a debt).
  if (award.amounts.count("POINT") && end <= today) broken.Add(Reason::LOT_ALREADY_PAST);
  CheckDoubles(award, -1, broken);
  if (rule->session_required() && item.session.empty()) broken.Add(Reason::DETAIL_REQUIRED, {{"field", "session"}});
  if (rule->case_required() && item.case_id.empty()) broken.Add(Reason::DETAIL_REQUIRED, {{"field", "case"}});
  if (rule->evidence_required() && item.evidence_sha256.empty()) broken.Add(Reason::DETAIL_REQUIRED, {{"field", "evidence_sha256"}});
  bool is_in_group = false, is_for_group = rule->groups().empty();
  for (const auto& span : member->data.groups) {
    is_in_group = is_in_group || (span.group == item.group && Holds(span.from, span.to, item.effective_day));
  }
  for (const int group : rule->groups()) is_for_group = is_for_group || group == static_cast<int>(item.group);
  const bool is_confidential = !item.unique.empty();  // then no group is shown
  if (!is_confidential && (!is_in_group || !is_for_group)) broken.Add(Reason::GROUP_NOT_ELIGIBLE);
  const std::int64_t most = Or<std::int64_t>(rule->max_quantity(), 1'000'000);
  if (item.quantity < rule->min_quantity() || item.quantity > most) {
    broken.Add(Reason::QUANTITY_OUT_OF_BOUNDS, {{"min", absl::StrCat(rule->min_quantity())}, {"max", absl::StrCat(most)}});
  }
  CheckFund(fund, broken);
  CheckIssue(*member, fund, {end, fund, 0}, points - paid, /*is_past=*/false, broken);
  if (broken) return Refuse(origin, id, broken, is_item);

  member->debt[fund] -= paid;
  if (points > 0) {
    funds.at(fund).debts -= paid;
    funds.at(fund).issued += points - paid;
    award.issued = points - paid;
  }
  if (points > paid) member->lots[{end, fund, 0}] += points - paid;
  for (const auto& [unit, amount] : award.amounts) {
    if (unit == "POINT") continue;
    member->units[unit] += amount;
    funds.at(fund).units[unit] += amount;
  }
  awards_of_[{id, item.activity}].push_back(sequence);
  awards_[sequence] = std::move(award);
  return expected;
}

// Refused only if all items are.
// Reading: what a batch names has to be there, of all items: such a reason is not recorded, so no item can be answered with it.
Expected Reference::DoBatch(const Origin& origin, const AwardBatch& batch, const std::vector<std::int64_t>& sequences) {
  for (const AwardItem& item : batch.items) {
    if (!FindMember(item.member.id)) return RefuseUnrecorded(Reason::MEMBER_NOT_FOUND);
    const Book book = BookOn(item.effective_day);
    if (!book) return RefuseUnrecorded(Reason::RULEBOOK_NOT_FOUND);
    if (!FindRule(*book, item.activity)) return RefuseUnrecorded(Reason::ACTIVITY_NOT_FOUND);
  }
  for (const AwardItem& item : batch.items) Settle(members.at(item.member.id));
  Expected all;
  bool is_refused = true;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    all.items.push_back(DoAward(origin, batch.items[i], i < sequences.size() ? sequences[i] : -1, /*is_item=*/true));
    is_refused = is_refused && all.items.back().first == RequestState::kRefused;
    for (const auto& member : all.items.back().members) all.members.insert(member);
  }
  if (is_refused) all.first = all.now = RequestState::kRefused, all.reason = all.items.front().reason;
  return all;
}

Expected Reference::DoCorrect(const Origin& origin, const Correct& command) {
  const auto found = awards_.find(command.award);
  if (found == awards_.end()) return RefuseUnrecorded(Reason::AWARD_NOT_FOUND);
  AwardKept& award = found->second;
  Member& member = members.at(award.member);
  Settle(member);
  const v1::Activity& rule = *FindRule(*award.book, award.activity);
  const std::string fund = rule.fund();
  Expected expected;
  expected.members.insert(award.member);
  std::map<std::string, std::int64_t> earned;
  auto amounts = AmountsOf(rule, award, command.new_quantity, command.award, expected.cap_hit, earned);
  const std::int64_t change = (amounts.count("POINT") ? amounts["POINT"] : 0) - (award.amounts.count("POINT") ? award.amounts["POINT"] : 0);
  const Day end = EndOf(rule, award.day);
  const Book book = BookOn(today);
  const bool has_grace = book && book->policies().past_lot() == v1::GRACE;

  Broken broken;
  if (IsSelf(origin.actor, member, award.day)) broken.Add(Reason::SELF_DEALING);
  if (award.quantity == 0 && command.new_quantity > 0) CheckDoubles(award, command.award, broken);
  const std::int64_t most = Or<std::int64_t>(rule.max_quantity(), 1'000'000);
  if (command.new_quantity != 0 && (command.new_quantity < rule.min_quantity() || command.new_quantity > most)) {
    broken.Add(Reason::QUANTITY_OUT_OF_BOUNDS, {{"min", absl::StrCat(rule.min_quantity())}, {"max", absl::StrCat(most)}});
  }
  if (IsSamePerson(origin.actor, award.recorder)) broken.Add(Reason::MAKER_IS_CHECKER);
  const std::int64_t paid = std::min(std::max<std::int64_t>(change, 0), member.debt[fund]);
  LotKey lot{end, fund, 0};
  // Grace is given once: a second time the points end when they did the first.
  const auto graced = award.graced.find({fund, end});
  const bool is_graced = graced != award.graced.end();
  if (end <= today && (is_graced || has_grace)) {
    lot = {is_graced ? graced->second : EndAfter(AddDays(today, book->policies().grace_days()), 0, v1::MONTH), fund, end};
  }
  const bool ends_at_once = lot.end <= today;
  if (change > 0) CheckFund(fund, broken);
  CheckIssue(member, fund, lot, std::max<std::int64_t>(change, 0) - paid, ends_at_once, broken);
  TakenBack taken;
  if (change < 0) {
    // What of it ended is at most what this award with its corrections issued.
    taken = LookForBack(member, fund, -change, {{end, award.issued}});
    if (taken.spent > 0 && !award.book->policies().debts_allowed()) {
      broken.Add(Reason::CORRECTION_EXCEEDS_BALANCE, {{"short_by", absl::StrCat(taken.spent)}});
    }
  }
  if (broken) return Refuse(origin, award.member, broken);

  Fund& payer = funds.at(fund);
  if (change > 0) {
    const std::int64_t rest = change - paid;
    member.debt[fund] -= paid;
    payer.debts -= paid;
    payer.issued += rest;
    award.issued += rest;
    if (rest > 0 && ends_at_once) {
      End(member, {end, fund, 0}, rest);
    } else if (rest > 0) {
      member.lots[lot] += rest;
      if (lot.first_end != 0) award.graced.emplace(std::pair(fund, end), lot.end);
    }
  }
  if (change < 0) {
    TakeBack(member, fund, taken);
    member.debt[fund] += taken.spent;
    payer.debts += taken.spent;
    payer.issued -= taken.all_ended() + taken.all_available();
    award.issued -= taken.all_ended() + taken.all_available();
  }
  for (const auto& [unit, amount] : amounts) {
    if (unit == "POINT") continue;
    member.units[unit] += amount - award.amounts[unit];
    payer.units[unit] += amount - award.amounts[unit];
  }
  award.amounts = amounts;
  award.earned = earned;
  award.quantity = command.new_quantity;
  return expected;
}

Expected Reference::DoDonate(const Origin& origin, const Donate& command, std::int64_t sequence) {
  Member* member = FindMember(command.member.id);
  if (!member) return RefuseUnrecorded(Reason::MEMBER_NOT_FOUND);
  Settle(*member);
  Broken broken;
  if (IsSelf(origin.actor, *member, today)) broken.Add(Reason::SELF_DEALING);
  if (member->data.state != RegistrationState::kActive) broken.Add(Reason::MEMBER_SUSPENDED);
  const std::int64_t short_by = command.points - member->available();
  if (short_by > 0) broken.Add(Reason::INSUFFICIENT_POINTS, {{"short_by", absl::StrCat(short_by)}});
  if (!broken) CheckSize(LotsWorth(*member, command.points), broken);
  if (broken) return Refuse(origin, member->data.id, broken);
  Undoable donation{.member = member->data.id, .day = today, .parts = TakeSoonest(*member, command.points), .paid = {}, .points = {}};
  for (const Part& part : donation.parts) funds.at(part.lot.fund).pool += part.points;
  undoables_[sequence] = std::move(donation);
  Expected expected;
  expected.members.insert(member->data.id);
  return expected;
}

// --- debts waived by two persons ---------------------------------------------------------------------------------------------------------

// Reading: as the debt is when somebody acts, of all deeds together; so the day is that of the proposal.
void Reference::CheckWaiver(Member& member, const Waiver& waiver, Broken& broken) {
  const Day end = funds.at(waiver.fund).data.end_day;
  if (end == 0 || end > today) broken.Add(Reason::FUND_STILL_ISSUES, {{"fund", waiver.fund}});
  const std::int64_t owes = member.debt[waiver.fund];
  if (waiver.points == 0 || waiver.points > owes) broken.Add(Reason::WAIVER_EXCEEDS_DEBT, {{"max", absl::StrCat(owes)}});
}

Expected Reference::DoProposeWaiver(const Origin& origin, const ProposeWaiver& command, std::int64_t sequence) {
  Member* member = FindMember(command.member.id);
  if (!member) return RefuseUnrecorded(Reason::MEMBER_NOT_FOUND);
  if (funds.count(command.fund) == 0) return RefuseUnrecorded(Reason::FUND_NOT_FOUND);
  Settle(*member);
  Waiver waiver{.member = command.member.id, .fund = command.fund, .by = origin.actor, .points = command.points, .day = today};
  if (waiver.points == 0) waiver.points = member->debt[command.fund];
  Broken broken;
  if (IsSelf(origin.actor, *member, today)) broken.Add(Reason::SELF_DEALING);
  CheckWaiver(*member, waiver, broken);
  if (broken) return Refuse(origin, waiver.member, broken);
  Expected expected;
  expected.members.insert(waiver.member);
  waivers_[sequence] = std::move(waiver);
  return expected;
}

Expected Reference::DoWaive(const Origin& origin, const WaiveDebt& command) {
  const auto found = waivers_.find(command.proposal);
  if (found == waivers_.end()) return RefuseUnrecorded(Reason::ENTRY_NOT_FOUND);
  Waiver& waiver = found->second;
  Member& member = members.at(waiver.member);
  Settle(member);
  Broken broken;
  if (IsSelf(origin.actor, member, waiver.day)) broken.Add(Reason::SELF_DEALING);
  if (IsSamePerson(origin.actor, waiver.by)) broken.Add(Reason::MAKER_IS_CHECKER);
  if (waiver.is_done) broken.Add(Reason::ALREADY_WAIVED);
  CheckWaiver(member, waiver, broken);
  if (broken) return Refuse(origin, waiver.member, broken);
  member.debt[waiver.fund] -= waiver.points;
  funds.at(waiver.fund).debts -= waiver.points;
  waiver.is_done = true;
  Expected expected;
  expected.members.insert(waiver.member);
  return expected;
}

}  // namespace redpoints
