#include "storage/rules/rulebook.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "storage/rules/refusal.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

// Collects the first mistake of a rulebook, with the path of its field.
class Checker {
 public:
  bool Check(bool good, const std::string& field, const std::string& expected) {
    if (!good && status_.ok()) {
      status_ = ToStatus({.reason = Reason::RULEBOOK_INVALID, .facts = {{"field", field}, {"expected", expected}}});
    }
    return good;
  }
  bool Between(std::int64_t value, std::int64_t min, std::int64_t max, const std::string& field) {
    return Check(value >= min && value <= max, field, absl::StrCat(min, " to ", max));
  }
  // 1 to `max` characters of A-Z 0-9 _ (upper) or a-z 0-9 - with a letter first.
  bool Code(const std::string& code, std::size_t max, bool upper, const std::string& field) {
    bool good = !code.empty() && code.size() <= max;
    for (const char c : code) {
      const bool digit = c >= '0' && c <= '9';
      good = good && (digit || (upper ? (c >= 'A' && c <= 'Z') || c == '_' : (c >= 'a' && c <= 'z') || c == '-'));
    }
    good = good && (upper || (code[0] >= 'a' && code[0] <= 'z'));
    return Check(good, field, absl::StrCat("1 to ", max, upper ? " of A-Z 0-9 _" : " of a-z 0-9 -, a letter first"));
  }
  bool Name(const std::string& name, const std::string& field) {
    std::size_t points = 0;
    bool good = true;
    for (const char c : name) {
      points += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      good = good && (static_cast<unsigned char>(c) >= 0x20) && c != 0x7F;
    }
    return Check(good && points <= 40, field, "up to 40 characters without control characters");
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

void CheckUnits(const v1::Rulebook& book, Checker& check) {
  check.Between(book.units_size(), 1, 16, "units");
  std::set<std::string> seen;
  bool point = false;
  for (int i = 0; i < book.units_size(); ++i) {
    const auto& unit = book.units(i);
    const std::string at = absl::StrCat("units[", i, "].");
    check.Code(unit.code(), 8, true, at + "code");
    check.Check(seen.insert(unit.code()).second, at + "code", "a code not used before");
    check.Check(v1::UnitKind_IsValid(unit.kind()) && unit.kind() != v1::UNIT_KIND_UNSPECIFIED, at + "kind", "a unit kind");
    check.Between(unit.decimals(), 0, 6, at + "decimals");
    check.Check(unit.floor() == 0 || (unit.kind() == v1::SCORE && unit.floor() < 0 && InRange(unit.floor())), at + "floor",
                "0, or negative for a SCORE");
    check.Check((unit.kind() == v1::SPENDABLE) == (unit.code() == kPoint), at + "kind", "SPENDABLE for POINT and only for it");
    check.Check((unit.kind() == v1::MONEY) == (unit.code() == kFen), at + "kind", "MONEY for FEN and only for it");
    point = point || unit.code() == kPoint;
  }
  check.Check(point, "units", "POINT among them");
}

void CheckPeriod(v1::Period period, bool session_and_lifetime, const std::string& field, Checker& check) {
  const bool counted = period == v1::DAY || period == v1::MONTH || period == v1::QUARTER || period == v1::YEAR;
  check.Check(counted || (session_and_lifetime && (period == v1::SESSION || period == v1::LIFETIME)), field, "a period");
}

void CheckActivity(const v1::Rulebook& book, const v1::Activity& activity, const std::string& at, Checker& check) {
  check.Code(activity.code(), 32, true, at + "code");
  check.Name(activity.name_zh_cn(), at + "name_zh_cn");
  check.Between(activity.earnings_size(), 1, 4, at + "earnings");
  std::set<std::string> units;
  bool points = false;
  for (int i = 0; i < activity.earnings_size(); ++i) {
    const auto& earning = activity.earnings(i);
    const std::string in = absl::StrCat(at, "earnings[", i, "].");
    bool known = false;
    for (const auto& unit : book.units()) known = known || (unit.code() == earning.unit() && unit.kind() != v1::MONEY);
    check.Check(known, in + "unit", "a unit of this rulebook that is not money");
    check.Check(units.insert(earning.unit()).second, in + "unit", "each unit once");
    check.Between(earning.numerator(), 0, 1'000'000, in + "numerator");
    check.Between(earning.denominator(), 1, 1'000'000, in + "denominator");
    check.Between(earning.step(), 0, 1'000'000, in + "step");
    check.Check(v1::Rounding_IsValid(earning.rounding()) && earning.rounding() != v1::ROUNDING_UNSPECIFIED, in + "rounding", "a rounding");
    points = points || earning.unit() == kPoint;
  }
  for (const int group : activity.groups()) check.Check(v1::Group_IsValid(group) && group != 0, at + "groups", "groups");
  check.Between(activity.min_quantity(), 1, 1'000'000, at + "min_quantity");
  check.Check(activity.max_quantity() == 0 || (activity.max_quantity() >= activity.min_quantity() && activity.max_quantity() <= 1'000'000),
              at + "max_quantity", "0, or min_quantity to 1000000");
  check.Between(activity.caps_size(), 0, 8, at + "caps");
  std::set<std::pair<std::string, int>> caps;
  for (int i = 0; i < activity.caps_size(); ++i) {
    const std::string in = absl::StrCat(at, "caps[", i, "].");
    CheckPeriod(activity.caps(i).period(), /*session_and_lifetime=*/true, in + "period", check);
    check.Check(units.count(activity.caps(i).unit()) == 1, in + "unit", "a unit that the activity earns");
    check.Between(activity.caps(i).max_amount(), 0, kAmountMax, in + "max_amount");
    check.Check(caps.emplace(activity.caps(i).unit(), activity.caps(i).period()).second, in + "period", "each period once for a unit");
    check.Check(activity.caps(i).period() != v1::SESSION || activity.session_required(), in + "period", "session_required with SESSION");
  }
  bool rated = false;
  for (const auto& rate : book.fund_rates()) rated = rated || rate.fund() == activity.fund();
  check.Check(rated || !points, at + "fund", "a fund of fund_rates");
  check.Code(activity.fund(), 16, false, at + "fund");
  if (activity.has_lot_validity()) {
    const auto& validity = activity.lot_validity();
    check.Between(validity.months(), 1, 120, at + "lot_validity.months");
    check.Check(validity.round_up_to() == v1::PERIOD_UNSPECIFIED || validity.round_up_to() == v1::MONTH ||
                    validity.round_up_to() == v1::QUARTER || validity.round_up_to() == v1::YEAR,
                at + "lot_validity.round_up_to", "MONTH, QUARTER or YEAR");
  }
}

// No account may come to more than kLotsMax live lots: of each fund, the ends that can be alive at once, grace lots included. Which ends
// coincide depends on the month, so each month of a year is looked at.
void CheckLotBound(const v1::Rulebook& book, Checker& check) {
  const auto first_of = [](int month) { return month / 12 * 10000 + (month % 12 + 1) * 100 + 1; };  // months since year 0
  const int grace_months = book.policies().past_lot() == v1::GRACE ? book.policies().grace_days() / 28 + 2 : 0;
  std::map<std::tuple<std::string, int, v1::Period>, const v1::Activity*> rules;  // one activity for each kind of lot
  for (const auto& activity : book.activities()) {
    bool points = false;
    for (const auto& earning : activity.earnings()) points = points || earning.unit() == kPoint;
    const auto& validity = activity.lot_validity();
    if (points) rules[{activity.fund(), validity.months(), validity.round_up_to()}] = &activity;
  }
  std::size_t most = 0;
  for (int now = 2000 * 12; now < 2001 * 12; ++now) {
    std::set<std::pair<std::string, Day>> alive;
    for (const auto& [rule, activity] : rules) {
      const std::string& fund = activity->fund();
      for (int month = 1; month <= grace_months; ++month) alive.emplace(fund, first_of(now + month));
      for (int deed = now - activity->lot_validity().months() - 11; deed <= now; ++deed) {
        const Day end = LotEnd(*activity, first_of(deed));
        if (end > first_of(now)) alive.emplace(fund, end);
      }
    }
    most = std::max(most, alive.size());
  }
  check.Check(most <= kLotsMax, "activities",
              absl::StrCat("at most ", kLotsMax, " lots alive in one account; these rules can make ", most,
                           ": shorten lot_validity or round it up to QUARTER or YEAR"));
}

absl::Status Validate(const v1::Rulebook& book) {
  Checker check;
  bool version = !book.version().empty() && book.version().size() <= 32;
  for (const char c : book.version()) version = version && (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-');
  check.Check(version, "version", "1 to 32 of A-Z a-z 0-9 . -");
  check.Check(IsDay(book.effective_day()) && book.effective_day() < kNever, "effective_day", "a day as yyyymmdd");
  CheckUnits(book, check);
  check.Between(book.fund_rates_size(), 0, 16, "fund_rates");
  std::set<std::string> seen;
  for (int i = 0; i < book.fund_rates_size(); ++i) {
    const auto& rate = book.fund_rates(i);
    const std::string at = absl::StrCat("fund_rates[", i, "].");
    check.Code(rate.fund(), 16, false, at + "fund");
    check.Check(seen.insert(rate.fund()).second, at + "fund", "each fund once");
    check.Between(rate.fen_numerator(), 0, 1'000'000, at + "fen_numerator");
    check.Between(rate.points_denominator(), 1, 1'000'000, at + "points_denominator");
    check.Check(v1::Rounding_IsValid(rate.rounding()) && rate.rounding() != v1::ROUNDING_UNSPECIFIED, at + "rounding", "a rounding");
  }
  check.Between(book.activities_size(), 0, 500, "activities");
  seen.clear();
  for (int i = 0; i < book.activities_size(); ++i) {
    const std::string at = absl::StrCat("activities[", i, "].");
    CheckActivity(book, book.activities(i), at, check);
    check.Check(seen.insert(book.activities(i).code()).second, at + "code", "a code not used before");
  }
  check.Between(book.offers_size(), 0, 5000, "offers");
  seen.clear();
  for (int i = 0; i < book.offers_size(); ++i) {
    const auto& offer = book.offers(i);
    const std::string at = absl::StrCat("offers[", i, "].");
    check.Code(offer.code(), 32, true, at + "code");
    check.Check(seen.insert(offer.code()).second, at + "code", "a code not used before");
    check.Name(offer.name_zh_cn(), at + "name_zh_cn");
    check.Check(v1::OfferKind_IsValid(offer.kind()) && offer.kind() != 0, at + "kind", "an offer kind");
    check.Between(offer.price_points(), 0, 1'000'000'000, at + "price_points");
    check.Between(offer.max_points(), 0, kAmountMax, at + "max_points");
  }
  const auto& limits = book.limits();
  check.Between(limits.max_points_per_redemption(), 0, kAmountMax, "limits.max_points_per_redemption");
  check.Between(limits.max_points_per_member_day(), 0, kAmountMax, "limits.max_points_per_member_day");
  check.Between(limits.max_points_per_member_month(), 0, kAmountMax, "limits.max_points_per_member_month");
  check.Between(limits.max_points_per_merchant_day(), 0, kAmountMax, "limits.max_points_per_merchant_day");
  check.Between(limits.min_balance_to_redeem(), 0, kAmountMax, "limits.min_balance_to_redeem");
  check.Between(limits.counts_size(), 0, 4, "limits.counts");
  std::set<int> periods;
  for (int i = 0; i < limits.counts_size(); ++i) {
    const std::string at = absl::StrCat("limits.counts[", i, "].");
    CheckPeriod(limits.counts(i).period(), /*session_and_lifetime=*/false, at + "period", check);
    check.Check(periods.insert(limits.counts(i).period()).second, at + "period", "each period once");
    check.Between(limits.counts(i).max_count(), 1, 1'000'000, at + "max_count");
  }
  const auto& policies = book.policies();
  check.Check(v1::PastLotPolicy_IsValid(policies.past_lot()), "policies.past_lot", "a policy");
  check.Between(policies.grace_days(), policies.past_lot() == v1::GRACE ? 1 : 0, 366, "policies.grace_days");
  check.Between(policies.late_days(), 0, 3660, "policies.late_days");
  check.Between(policies.hold_ttl_ms(), 0, 86'400'000, "policies.hold_ttl_ms");
  check.Between(policies.reversal_window_ms(), 0, std::int64_t{35} * 86'400'000, "policies.reversal_window_ms");
  check.Between(policies.refusals_per_terminal_day(), 0, 1'000'000, "policies.refusals_per_terminal_day");
  if (check.status().ok()) CheckLotBound(book, check);
  return check.status();
}

template <class T>
const T* Found(const absl::flat_hash_map<std::string, int>& index, const google::protobuf::RepeatedPtrField<T>& list,
               std::string_view code) {
  const auto it = index.find(std::string(code));
  return it == index.end() ? nullptr : &list[it->second];
}

}  // namespace

absl::StatusOr<Rulebook> Rulebook::Parse(std::string_view json) {
  Rulebook book;
  const auto parsed = google::protobuf::util::JsonStringToMessage(google::protobuf::StringPiece(json.data(), json.size()), &book.proto_);
  if (!parsed.ok()) {
    // The parser quotes what stands around the trouble, cut anywhere: only ASCII is sure to be text, and facts have to be.
    std::string words(parsed.message());
    std::replace_if(
        words.begin(), words.end(), [](char c) { return (c & 0x80) != 0; }, '?');
    return ToStatus({.reason = Reason::RULEBOOK_INVALID, .facts = {{"field", "rulebook_json"}, {"expected", std::move(words)}}});
  }
  if (auto status = Validate(book.proto_); !status.ok()) return status;
  for (int i = 0; i < book.proto_.units_size(); ++i) book.units_[book.proto_.units(i).code()] = i;
  for (int i = 0; i < book.proto_.activities_size(); ++i) book.activities_[book.proto_.activities(i).code()] = i;
  for (int i = 0; i < book.proto_.offers_size(); ++i) book.offers_[book.proto_.offers(i).code()] = i;
  for (int i = 0; i < book.proto_.fund_rates_size(); ++i) book.rates_[book.proto_.fund_rates(i).fund()] = i;
  return book;
}

const v1::Unit* Rulebook::FindUnit(std::string_view code) const { return Found(units_, proto_.units(), code); }
const v1::Activity* Rulebook::FindActivity(std::string_view code) const { return Found(activities_, proto_.activities(), code); }
const v1::Offer* Rulebook::FindOffer(std::string_view code) const { return Found(offers_, proto_.offers(), code); }

std::int64_t Rulebook::FenOwed(std::string_view fund, std::int64_t points) const {
  const auto* rate = Found(rates_, proto_.fund_rates(), fund);
  return rate ? Scale(points, rate->fen_numerator(), rate->points_denominator(), rate->rounding()) : 0;
}

std::int64_t Scale(std::int64_t value, std::int64_t numerator, std::int64_t denominator, v1::Rounding rounding) {
  __extension__ using Wide = __int128;
  const Wide product = Wide{value} * numerator;
  const Wide bias = rounding == v1::UP ? denominator - 1 : rounding == v1::HALF_UP ? denominator / 2 : 0;
  const Wide result = (product + bias) / denominator;
  return result > kAmountMax ? kAmountMax : static_cast<std::int64_t>(result);
}

std::int64_t AmountEarned(const v1::Earning& earning, std::int64_t quantity) {
  const std::int64_t step = std::max<std::int64_t>(earning.step(), 1);
  return Scale(quantity / step * step, earning.numerator(), earning.denominator(), earning.rounding());
}

Day LotEnd(const v1::Activity& activity, Day effective_day) {
  if (!activity.has_lot_validity()) return kNever;
  return EndOfPeriod(effective_day, activity.lot_validity().months(), activity.lot_validity().round_up_to());
}

}  // namespace redpoints
