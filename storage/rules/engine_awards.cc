// Awards, corrections, donations.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/apply.h"
#include "storage/rules/engine.h"

namespace redpoints {
namespace {

std::string GroupWord(int group) {
  switch (group) {
    case v1::PARTY_VANGUARD: return "party_vanguard";
    case v1::RESIDENTS: return "residents";
    case v1::PROPERTY_COMPANIES: return "property_companies";
    case v1::NEARBY_MERCHANTS: return "nearby_merchants";
    case v1::NEW_ORGANISATIONS: return "new_organisations";
    default: return "";
  }
}

std::int64_t DebtOf(const Account& account) { return -account.at(Sub::kDebt); }

// What the caps of `activity` leave of `amount` in `unit`, when `current` of what was counted is this award's own.
std::int64_t WithinCaps(State& state, const v1::Activity& activity, const std::string& member, const std::string& unit, Day day,
                        const std::string& session, std::int64_t amount, std::int64_t current) {
  for (const auto& cap : activity.caps()) {
    if (cap.unit() != unit) continue;
    const std::int64_t* counted = state.counters.Find(CapCounter(cap.period(), member, activity.code(), unit, day, session));
    const std::int64_t others = (counted ? *counted : 0) - current;
    amount = std::min(amount, std::max<std::int64_t>(cap.max_amount() - others, 0));
  }
  return amount;
}

}  // namespace

Outcome Engine::Decide(const Origin& origin, const Award& command) { return AwardOne(origin, command.item, -1); }

Outcome Engine::Decide(const Origin& origin, const AwardBatch& command) {
  // References are checked for all before anything is written, so that an unrecorded refusal leaves nothing of the batch behind.
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const AwardItem& item = command.items[i];
    const auto at = [&](Reason reason, const char* field) {
      return Unrecorded({reason, {{"field", absl::StrCat("items[", i, "].", field)}}});
    };
    if (!FindMember(item.member)) return at(Reason::MEMBER_NOT_FOUND, "member");
    const Rulebook* book = state_.BookOf(item.effective_day);
    if (!book) return at(Reason::RULEBOOK_NOT_FOUND, "effective_day");
    if (!book->FindActivity(item.activity)) return at(Reason::ACTIVITY_NOT_FOUND, "activity");
  }
  // Expiries go first: the items' entries must be contiguous, so that the request record can find them again.
  for (const AwardItem& item : command.items) ExpirePast(FindMember(item.member)->id);
  Outcome all;
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    Outcome one = AwardOne(origin, command.items[i], static_cast<std::int32_t>(i));
    if (one.entries.empty()) return one;  // an invariant: the caller hears of it, the items before it stand
    if (i == 0) {
      all = std::move(one);
    } else {
      all.entries.push_back(std::move(one.entries.front()));
    }
  }
  return all;
}

Outcome Engine::AwardOne(const Origin& origin, const AwardItem& item, std::int32_t index) {
  const MemberData* found = FindMember(item.member);
  if (!found) return Unrecorded({Reason::MEMBER_NOT_FOUND, {}});
  const MemberData member = *found;
  const Rulebook* book = state_.BookOf(item.effective_day);
  if (!book) return Unrecorded({Reason::RULEBOOK_NOT_FOUND, {}});
  const v1::Activity* activity = book->FindActivity(item.activity);
  if (!activity) return Unrecorded({Reason::ACTIVITY_NOT_FOUND, {}});

  const auto refuse = [&](Reason reason, std::vector<std::pair<std::string, std::string>> facts = {}) {
    return Answer(origin, Kind::kAward, member.id, {reason, std::move(facts)}, index);
  };
  ExpirePast(member.id);
  if (IsSelfDealing(origin.actor, member)) return refuse(Reason::SELF_DEALING);
  if (member.state != RegistrationState::kActive) return refuse(Reason::MEMBER_SUSPENDED);
  if (item.effective_day > today_) return refuse(Reason::DAY_IN_FUTURE);
  if (DaysBetween(item.effective_day, today_) > book->late_days()) {
    return refuse(Reason::DAY_TOO_OLD, {{"max_days", absl::StrCat(book->late_days())}});
  }
  bool earns_points = false;
  for (const auto& earning : activity->earnings()) earns_points = earns_points || earning.unit() == kPoint;
  const Day lot_end = LotEnd(*activity, item.effective_day);
  if (earns_points && lot_end <= today_) return refuse(Reason::LOT_ALREADY_PAST);
  if (!item.session.empty()) {
    const std::int64_t* awarded = state_.counters.Find(SessionCounter(member.id, item.activity, item.session));
    if (awarded && *awarded) return refuse(Reason::SESSION_ALREADY_AWARDED);
  }
  if (activity->session_required() && item.session.empty()) return refuse(Reason::DETAIL_REQUIRED, {{"field", "session"}});
  if (activity->case_required() && item.case_id.empty()) return refuse(Reason::DETAIL_REQUIRED, {{"field", "case"}});
  if (activity->evidence_required() && item.evidence_sha256.empty()) return refuse(Reason::DETAIL_REQUIRED, {{"field", "evidence_sha256"}});
  const auto& groups = activity->groups();
  if (std::find(member.groups.begin(), member.groups.end(), item.group) == member.groups.end() ||
      (!groups.empty() && std::find(groups.begin(), groups.end(), item.group) == groups.end())) {
    return refuse(Reason::GROUP_NOT_ELIGIBLE);
  }
  const std::int64_t max_quantity = activity->max_quantity() ? activity->max_quantity() : 1'000'000;
  if (item.quantity < activity->min_quantity() || item.quantity > max_quantity) {
    return refuse(Reason::QUANTITY_OUT_OF_BOUNDS, {{"min", absl::StrCat(activity->min_quantity())}, {"max", absl::StrCat(max_quantity)}});
  }

  Entry entry = Draft(Kind::kAward, origin);
  entry.item = index;
  entry.member = member.id;
  entry.grid = member.grid;
  entry.effective_day = item.effective_day;
  entry.group = GroupWord(item.group);
  entry.activity = item.activity;
  entry.rulebook = book->version();
  entry.quantity = item.quantity;
  entry.session = item.session;
  entry.case_id = item.case_id;
  entry.about = item.about;
  entry.tags = item.tags;
  entry.evidence_sha256 = item.evidence_sha256;
  entry.note_commitment = item.note_commitment;
  for (const auto& earning : activity->earnings()) {
    const std::int64_t earned = AmountEarned(earning, item.quantity);
    const std::int64_t amount =
        WithinCaps(state_, *activity, member.id, earning.unit(), item.effective_day, item.session, earned, /*current=*/0);
    entry.cap_hit = entry.cap_hit || amount < earned;
    if (amount == 0) continue;
    if (earning.unit() == kPoint) {
      if (auto refusal = IssuePoints(entry, activity->fund(), amount, lot_end)) return refuse(refusal->reason, refusal->facts);
    } else {
      if (!InRange(AccountOf(member.id, earning.unit()).at(Sub::kAvailable) + amount) ||
          !InRange(AccountOf(IssuanceHolder(activity->fund()), earning.unit()).at(Sub::kAvailable) - amount)) {
        return refuse(Reason::BALANCE_OUT_OF_RANGE);
      }
      entry.postings.push_back(Move(IssuanceHolder(activity->fund()), Sub::kAvailable, earning.unit(), -amount));
      entry.postings.push_back(Move(member.id, Sub::kAvailable, earning.unit(), amount));
    }
  }
  return Posted(Post(std::move(entry)));
}

std::optional<Refusal> Engine::IssuePoints(Entry& entry, const std::string& fund, std::int64_t points, Day lot_end) {
  const auto* budget = state_.Find<FundData>("fund", fund);
  const std::int64_t issued = -AccountOf(IssuanceHolder(fund), kPoint).at(Sub::kAvailable);
  const std::int64_t left = (budget ? budget->budget_points : 0) - issued;
  if (points > left) {
    return Refusal{Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund}, {"short_by", absl::StrCat(points - std::max<std::int64_t>(left, 0))}}};
  }
  const Account account = AccountOf(entry.member, kPoint);
  const std::int64_t paid = std::min(points, DebtOf(account));
  const std::int64_t rest = points - paid;
  if (rest > 0) {
    auto lots = account.lots;
    AddLot(lots, {fund, lot_end, rest});
    if (lots.size() > kLotsMax) return Refusal{Reason::LOT_LIMIT_EXCEEDED, {}};
  }
  if (!HasRoom(entry.member, rest)) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  entry.postings.push_back(Move(IssuanceHolder(fund), Sub::kAvailable, kPoint, -points));
  if (paid > 0) entry.postings.push_back(Move(entry.member, Sub::kDebt, kPoint, paid));
  if (rest > 0) entry.postings.push_back(Move(entry.member, Sub::kAvailable, kPoint, rest, {{fund, lot_end, rest}}));
  return std::nullopt;
}

Outcome Engine::Decide(const Origin& origin, const Correct& command) {
  auto found = FindEntry(command.award);
  if (!found.ok() || (*found)->kind != Kind::kAward) return Unrecorded({Reason::AWARD_NOT_FOUND, {}});
  const Entry& award = **found;
  const MemberData* member = FindMember(award.member);
  const Rulebook* book = state_.BookNamed(award.rulebook);
  const v1::Activity* activity = book ? book->FindActivity(award.activity) : nullptr;
  if (!member || !activity) return Unrecorded({Reason::AWARD_NOT_FOUND, {}});
  const auto refuse = [&](Reason reason, std::vector<std::pair<std::string, std::string>> facts = {}) {
    return Answer(origin, Kind::kCorrection, award.member, {reason, std::move(facts)});
  };

  // The award as it stands: its own amounts, or what the last correction made of them.
  std::int64_t quantity = award.quantity;
  std::vector<std::pair<std::string, std::int64_t>> amounts;
  if (const FollowUp* follow_up = state_.follow_ups.Find(SequenceKey(command.award))) {
    quantity = follow_up->quantity;
    amounts = follow_up->amounts;
  } else {
    for (const auto& earning : activity->earnings()) {
      std::int64_t issued = 0;
      for (const Posting& p : award.postings) {
        if (p.unit == earning.unit() && p.holder.starts_with("issuance:")) issued -= p.amount;
      }
      amounts.emplace_back(earning.unit(), issued);
    }
  }

  const std::string member_id = award.member;
  const bool self = IsSelfDealing(origin.actor, *member);
  ExpirePast(member_id);
  if (self) return refuse(Reason::SELF_DEALING);
  const Day lot_end = LotEnd(*activity, award.effective_day);
  if (quantity == 0 && command.new_quantity > 0 && !award.session.empty()) {
    const std::int64_t* awarded = state_.counters.Find(SessionCounter(member_id, award.activity, award.session));
    if (awarded && *awarded) return refuse(Reason::SESSION_ALREADY_AWARDED);
  }
  const std::int64_t max_quantity = activity->max_quantity() ? activity->max_quantity() : 1'000'000;
  if (command.new_quantity != 0 && (command.new_quantity < activity->min_quantity() || command.new_quantity > max_quantity)) {
    return refuse(Reason::QUANTITY_OUT_OF_BOUNDS, {{"min", absl::StrCat(activity->min_quantity())}, {"max", absl::StrCat(max_quantity)}});
  }

  Entry entry = Draft(Kind::kCorrection, origin);
  entry.member = member_id;
  entry.grid = award.grid;
  entry.effective_day = award.effective_day;
  entry.group = award.group;
  entry.activity = award.activity;
  entry.rulebook = award.rulebook;
  entry.quantity = command.new_quantity;
  entry.session = award.session;
  entry.case_id = award.case_id;
  entry.reason = command.reason;
  entry.ref = command.award;
  for (auto& [unit, current] : amounts) {
    std::int64_t earned = 0;
    for (const auto& earning : activity->earnings()) {
      if (earning.unit() == unit) earned = AmountEarned(earning, command.new_quantity);
    }
    const std::int64_t amount = WithinCaps(state_, *activity, member_id, unit, award.effective_day, award.session, earned, current);
    entry.cap_hit = entry.cap_hit || amount < earned;
    const std::int64_t change = amount - current;
    current = amount;
    entry.facts.emplace_back(unit, absl::StrCat(amount));
    if (change == 0) continue;
    const Account account = AccountOf(member_id, unit);
    if (unit != kPoint) {
      const v1::Unit* rule = book->FindUnit(unit);
      const std::int64_t balance = account.at(Sub::kAvailable) + change;
      if (!InRange(balance) || !InRange(AccountOf(IssuanceHolder(activity->fund()), unit).at(Sub::kAvailable) - change)) {
        return refuse(Reason::BALANCE_OUT_OF_RANGE);
      }
      if (balance < (rule ? rule->floor() : 0)) return refuse(Reason::SCORE_BELOW_FLOOR);
      entry.postings.push_back(Move(IssuanceHolder(activity->fund()), Sub::kAvailable, unit, -change));
      entry.postings.push_back(Move(member_id, Sub::kAvailable, unit, change));
      continue;
    }
    if (change > 0) {
      if (lot_end <= today_) return refuse(Reason::LOT_ALREADY_PAST);
      if (auto refusal = IssuePoints(entry, activity->fund(), change, lot_end)) return refuse(refusal->reason, refusal->facts);
      continue;
    }
    // Takes points of the same fund back. Of a lot that is past, first those that ended unspent: nobody had them. Then those of the award's own
    // lot, then the soonest-ending; what was spent becomes a debt.
    const std::int64_t* ended =
        lot_end <= today_ ? state_.counters.Find(ExpiredCounter(member_id, {activity->fund(), lot_end, 0})) : nullptr;
    const std::int64_t expired = ended ? std::min(*ended, -change) : 0;
    std::vector<Lot> lots;
    for (const Lot& lot : account.lots) {
      if (lot.fund == activity->fund()) lots.insert(lot.end == lot_end ? lots.begin() : lots.end(), lot);
    }
    std::int64_t left = 0;
    for (const Lot& lot : lots) left += lot.amount;
    const std::int64_t taken = std::min(left, -change - expired);
    const std::int64_t debt = -change - expired - taken;
    if (debt > 0 && !book->proto().policies().debts_allowed()) {
      return refuse(Reason::CORRECTION_EXCEEDS_BALANCE, {{"short_by", absl::StrCat(debt)}});
    }
    if (!InRange(account.at(Sub::kDebt) - debt)) return refuse(Reason::BALANCE_OUT_OF_RANGE);
    if (taken > 0) {
      std::vector<Lot> from = Take(lots, taken);
      for (Lot& lot : from) lot.amount = -lot.amount;
      entry.postings.push_back(Move(member_id, Sub::kAvailable, kPoint, -taken, std::move(from)));
    }
    if (debt > 0) entry.postings.push_back(Move(member_id, Sub::kDebt, kPoint, -debt));
    if (expired > 0) entry.postings.push_back(Move(kExpiredHolder, Sub::kAvailable, kPoint, -expired));
    entry.postings.push_back(Move(IssuanceHolder(activity->fund()), Sub::kAvailable, kPoint, -change));
  }
  return Posted(Post(std::move(entry)));
}

Outcome Engine::Decide(const Origin& origin, const Donate& command) {
  const MemberData* found = FindMember(command.member);
  if (!found) return Unrecorded({Reason::MEMBER_NOT_FOUND, {}});
  const MemberData member = *found;
  const auto refuse = [&](Reason reason, std::vector<std::pair<std::string, std::string>> facts = {}) {
    return Answer(origin, Kind::kDonation, member.id, {reason, std::move(facts)});
  };
  ExpirePast(member.id);
  if (IsSelfDealing(origin.actor, member)) return refuse(Reason::SELF_DEALING);
  if (member.state != RegistrationState::kActive) return refuse(Reason::MEMBER_SUSPENDED);
  const Account account = AccountOf(member.id, kPoint);
  const std::int64_t available = account.at(Sub::kAvailable);
  if (available < command.points) return refuse(Reason::INSUFFICIENT_POINTS, {{"short_by", absl::StrCat(command.points - available)}});
  if (!InRange(AccountOf(kPoolHolder, kPoint).at(Sub::kAvailable) + command.points)) return refuse(Reason::BALANCE_OUT_OF_RANGE);

  Entry entry = Draft(Kind::kDonation, origin);
  entry.member = member.id;
  entry.on_behalf = member.id;
  entry.grid = member.grid;
  std::vector<Lot> lots = Take(account.lots, command.points);
  for (Lot& lot : lots) lot.amount = -lot.amount;
  entry.postings = {Move(member.id, Sub::kAvailable, kPoint, -command.points, std::move(lots)),
                    Move(kPoolHolder, Sub::kAvailable, kPoint, command.points)};
  return Posted(Post(std::move(entry)));
}

}  // namespace redpoints
