// Awards, corrections, donations.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/model/naive.h"
#include "tests/model/reference.h"

namespace redpoints {

using namespace naive;

// --- awards ----------------------------------------------------------------------------------------------------------------------

std::int64_t Reference::CapLeft(const v1::Activity& rule, const std::string& member, const std::string& unit, Day day,
                                const std::string& session, std::int64_t except_award) const {
  std::int64_t left = kMost;
  const auto of_member = awards_of_.find(member);
  for (const auto& cap : rule.caps()) {
    if (cap.unit() != unit) continue;
    std::int64_t sum = 0;
    if (of_member != awards_of_.end()) {
      for (const std::int64_t sequence : of_member->second) {
        const Award& award = awards_.at(sequence);
        if (sequence == except_award || award.activity != rule.code()) continue;
        if (cap.period() == v1::SESSION ? award.session != session : !SamePeriod(cap.period(), award.day, day)) continue;
        const auto amount = award.amounts.find(unit);
        if (amount == award.amounts.end()) continue;
        // An award counts where the rulebook of its day has the cap.
        for (const auto& its : FindRule(*award.book, award.activity)->caps()) {
          if (its.unit() == unit && its.period() == cap.period()) sum += amount->second;
        }
      }
    }
    left = std::min(left, std::max<std::int64_t>(cap.max_amount() - sum, 0));
  }
  return left;
}

Expected Reference::CanIssue(const Origin& origin, Member& member, const std::string& fund, Day end, std::int64_t points) {
  const std::int64_t left = std::max<std::int64_t>(budgets[fund] - issued[{fund, "POINT"}], 0);
  if (points > left) return Refuse(origin, Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund}, {"short_by", absl::StrCat(points - left)}});
  const std::int64_t rest = points - std::min(points, member.debt);
  if (rest > 0 && member.lots.count({end, fund}) == 0 && member.lots.size() >= kLots) return Refuse(origin, Reason::LOT_LIMIT_EXCEEDED);
  if (member.available() + member.held + rest > kMost) return Refuse(origin, Reason::BALANCE_OUT_OF_RANGE);
  return {};
}

void Reference::Issue(Member& member, const std::string& fund, Day end, std::int64_t points) {
  issued[{fund, "POINT"}] += points;
  const std::int64_t paid = std::min(points, member.debt);
  member.debt -= paid;
  if (points > paid) member.lots[{end, fund}] += points - paid;
}

Expected Reference::DoAward(const Origin& origin, const AwardItem& item, std::int64_t sequence) {
  Member* member = FindMember(item.member);
  if (!member) return RefuseUnrecorded(Reason::MEMBER_NOT_FOUND);
  const v1::Rulebook* book = BookOn(item.effective_day);
  if (!book) return RefuseUnrecorded(Reason::RULEBOOK_NOT_FOUND);
  const v1::Activity* rule = FindRule(*book, item.activity);
  if (!rule) return RefuseUnrecorded(Reason::ACTIVITY_NOT_FOUND);
  const std::string id = member->data.id;

  if (IsSelf(origin.actor, *member)) return Refuse(origin, Reason::SELF_DEALING);
  if (member->data.state != RegistrationState::kActive) return Refuse(origin, Reason::MEMBER_SUSPENDED);
  if (item.effective_day > today) return Refuse(origin, Reason::DAY_IN_FUTURE);
  const int late_days = Or(book->policies().late_days(), 30);
  if (DaysBetween(item.effective_day, today) > late_days) return Refuse(origin, Reason::DAY_TOO_OLD, {{"max_days", absl::StrCat(late_days)}});
  const Day end =
      rule->has_lot_validity() ? EndAfter(item.effective_day, rule->lot_validity().months(), rule->lot_validity().round_up_to()) : kNever;
  bool is_spendable = false;
  for (const auto& earning : rule->earnings()) is_spendable = is_spendable || earning.unit() == "POINT";
  if (is_spendable && end <= today) return Refuse(origin, Reason::LOT_ALREADY_PAST);
  if (!item.session.empty()) {
    for (const std::int64_t other : awards_of_[id]) {
      const Award& award = awards_[other];
      if (award.activity == item.activity && award.session == item.session && award.quantity > 0) {
        return Refuse(origin, Reason::SESSION_ALREADY_AWARDED);
      }
    }
  }
  if (rule->session_required() && item.session.empty()) return Refuse(origin, Reason::DETAIL_REQUIRED, {{"field", "session"}});
  if (rule->case_required() && item.case_id.empty()) return Refuse(origin, Reason::DETAIL_REQUIRED, {{"field", "case"}});
  if (rule->evidence_required() && item.evidence_sha256.empty()) {
    return Refuse(origin, Reason::DETAIL_REQUIRED, {{"field", "evidence_sha256"}});
  }
  bool is_in_group = false, is_for_group = rule->groups().empty();
  for (const int group : member->data.groups) is_in_group = is_in_group || group == item.group;
  for (const int group : rule->groups()) is_for_group = is_for_group || group == item.group;
  if (!is_in_group || !is_for_group) return Refuse(origin, Reason::GROUP_NOT_ELIGIBLE);
  const std::int64_t most = Or<std::int64_t>(rule->max_quantity(), 1'000'000);
  if (item.quantity < rule->min_quantity() || item.quantity > most) {
    return Refuse(origin, Reason::QUANTITY_OUT_OF_BOUNDS, {{"min", absl::StrCat(rule->min_quantity())}, {"max", absl::StrCat(most)}});
  }

  Award award{.member = id,
              .activity = item.activity,
              .session = item.session,
              .quantity = item.quantity,
              .amounts = {},
              .day = item.effective_day,
              .book = book};
  Expected expected;
  for (const auto& earning : rule->earnings()) {
    const std::int64_t earned = Earned(earning, item.quantity);
    const std::int64_t amount = std::min(earned, CapLeft(*rule, id, earning.unit(), item.effective_day, item.session, -1));
    expected.cap_hit = expected.cap_hit || amount < earned;
    award.amounts[earning.unit()] = amount;
  }
  if (const std::int64_t points = award.amounts["POINT"]; points > 0) {
    if (Expected refusal = CanIssue(origin, *member, rule->fund(), end, points); refusal.reason != Reason::REASON_UNSPECIFIED)
      return refusal;
    Issue(*member, rule->fund(), end, points);
  }
  for (const auto& [unit, amount] : award.amounts) {
    if (unit == "POINT") continue;
    member->units[unit] += amount;
    issued[{rule->fund(), unit}] += amount;
  }
  awards_[sequence] = std::move(award);
  awards_of_[id].push_back(sequence);
  return expected;
}

Expected Reference::DoCorrect(const Origin& origin, const Correct& command) {
  const auto found = awards_.find(command.award);
  if (found == awards_.end()) return RefuseUnrecorded(Reason::AWARD_NOT_FOUND);
  Award& award = found->second;
  Member& member = members.at(award.member);
  const v1::Activity& rule = *FindRule(*award.book, award.activity);
  if (IsSelf(origin.actor, member)) return Refuse(origin, Reason::SELF_DEALING);
  if (award.quantity == 0 && command.new_quantity > 0 && !award.session.empty()) {
    for (const std::int64_t sequence : awards_of_[award.member]) {
      const Award& other = awards_[sequence];
      if (other.activity == award.activity && other.session == award.session && other.quantity > 0) {
        return Refuse(origin, Reason::SESSION_ALREADY_AWARDED);
      }
    }
  }
  const std::int64_t most = Or<std::int64_t>(rule.max_quantity(), 1'000'000);
  if (command.new_quantity != 0 && (command.new_quantity < rule.min_quantity() || command.new_quantity > most)) {
    return Refuse(origin, Reason::QUANTITY_OUT_OF_BOUNDS, {{"min", absl::StrCat(rule.min_quantity())}, {"max", absl::StrCat(most)}});
  }
  Expected expected;
  std::map<std::string, std::int64_t> amounts;
  for (const auto& earning : rule.earnings()) {
    const std::int64_t earned = Earned(earning, command.new_quantity);
    amounts[earning.unit()] = std::min(earned, CapLeft(rule, award.member, earning.unit(), award.day, award.session, command.award));
    expected.cap_hit = expected.cap_hit || amounts[earning.unit()] < earned;
  }
  const std::int64_t change = amounts["POINT"] - award.amounts["POINT"];
  const Day end = rule.has_lot_validity() ? EndAfter(award.day, rule.lot_validity().months(), rule.lot_validity().round_up_to()) : kNever;
  if (change > 0) {
    if (end <= today) return Refuse(origin, Reason::LOT_ALREADY_PAST);
    if (Expected refusal = CanIssue(origin, member, rule.fund(), end, change); refusal.reason != Reason::REASON_UNSPECIFIED) return refusal;
    Issue(member, rule.fund(), end, change);
  }
  if (change < 0) {
    // What ended unspent in the award's own lot; the rest of that lot; then the fund's others, soonest first.
    std::int64_t left = -change;
    std::int64_t ended = 0;
    if (const auto lot = member.ended.find({end, rule.fund()}); lot != member.ended.end()) ended = std::min(left, lot->second);
    left -= ended;
    Lots lots = member.lots;
    const auto take = [&](const LotKey& key) {
      const auto lot = lots.find(key);
      if (lot == lots.end()) return;
      const std::int64_t part = std::min(left, lot->second);
      left -= part;
      lot->second -= part;
      if (lot->second == 0) lots.erase(lot);
    };
    take({end, rule.fund()});
    for (const auto& [key, points] : member.lots) {
      if (key.second == rule.fund()) take(key);
    }
    if (left > 0 && !award.book->policies().debts_allowed()) {
      return Refuse(origin, Reason::CORRECTION_EXCEEDS_BALANCE, {{"short_by", absl::StrCat(left)}});
    }
    if (ended > 0) member.ended[{end, rule.fund()}] -= ended;
    expired -= ended;
    member.lots = lots;
    member.debt += left;
    issued[{rule.fund(), "POINT"}] += change;
  }
  for (const auto& [unit, amount] : amounts) {
    if (unit == "POINT") continue;
    member.units[unit] += amount - award.amounts[unit];
    issued[{rule.fund(), unit}] += amount - award.amounts[unit];
  }
  award.amounts = amounts;
  award.quantity = command.new_quantity;
  return expected;
}

Expected Reference::DoDonate(const Origin& origin, const Donate& command) {
  Member* member = FindMember(command.member);
  if (!member) return RefuseUnrecorded(Reason::MEMBER_NOT_FOUND);
  if (IsSelf(origin.actor, *member)) return Refuse(origin, Reason::SELF_DEALING);
  if (member->data.state != RegistrationState::kActive) return Refuse(origin, Reason::MEMBER_SUSPENDED);
  const std::int64_t short_by = command.points - member->available();
  if (short_by > 0) return Refuse(origin, Reason::INSUFFICIENT_POINTS, {{"short_by", absl::StrCat(short_by)}});
  if (pool + command.points > kMost) return Refuse(origin, Reason::BALANCE_OUT_OF_RANGE);
  TakeSoonest(*member, command.points);
  pool += command.points;
  return {};
}

}  // namespace redpoints
