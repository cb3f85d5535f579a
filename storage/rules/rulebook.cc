#include "storage/rules/rulebook.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "storage/rules/refusal.h"
#include "storage/rules/rulebook_json.h"
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
    const auto points = std::count_if(name.begin(), name.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return Check(points <= 40, field, "up to 40 characters");  // none of them control characters: ParseStrict
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
  int carrying = 0;
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
    check.Check(!earning.carry() || ++carrying == 1, in + "carry", "one unit of an activity at most");
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
    check.Between(validity.months(), 0, 120, at + "lot_validity.months");
    check.Check(validity.round_up_to() == v1::PERIOD_UNSPECIFIED || validity.round_up_to() == v1::MONTH ||
                    validity.round_up_to() == v1::QUARTER || validity.round_up_to() == v1::YEAR,
                at + "lot_validity.round_up_to", "MONTH, QUARTER or YEAR");
  }
}

bool EarnsPoints(const v1::Activity& activity) {
  return std::any_of(activity.earnings().begin(), activity.earnings().end(), [](const auto& e) { return e.unit() == kPoint; });
}

// Amounts of points that one deed of a confidential activity can earn.
std::set<std::int64_t> AmountsOf(const v1::Activity& activity) {
  std::set<std::int64_t> amounts;
  for (std::int64_t q = activity.min_quantity(); q <= activity.max_quantity(); ++q) amounts.insert(AmountEarned(activity.earnings(0), q));
  return amounts;
}

// Confidential activities and their umbrellas: the ledger must not tell which of them it was.
void CheckUmbrellas(const v1::Rulebook& book, Checker& check) {
  std::map<std::string, std::map<std::int64_t, int>> amounts;  // umbrella to amount to how many activities can earn it
  std::map<std::string, std::set<int>> groups;                 // umbrella to the groups of all that is shown as it
  for (int i = 0; i < book.activities_size(); ++i) {
    const auto& activity = book.activities(i);
    if (activity.shown_as().empty()) continue;
    const std::string at = absl::StrCat("activities[", i, "].");
    const v1::Activity* umbrella = nullptr;
    for (const auto& other : book.activities()) {
      if (other.code() == activity.shown_as()) umbrella = &other;
    }
    if (!check.Check(umbrella != nullptr && umbrella->shown_as().empty(), at + "shown_as", "an activity that is not confidential itself"))
      return;
    const bool one_for_one = umbrella->earnings_size() == 1 && umbrella->earnings(0).unit() == kPoint &&
                             umbrella->earnings(0).numerator() == 1 && umbrella->earnings(0).denominator() == 1 &&
                             umbrella->earnings(0).step() <= 1 && !umbrella->earnings(0).carry();
    check.Check(one_for_one, at + "shown_as", "an activity that earns 1 POINT for each quantity");
    check.Check(umbrella->groups().empty() && !umbrella->session_required() && !umbrella->case_required() && !umbrella->evidence_required(),
                at + "shown_as", "an activity for all groups that requires no session, case or evidence");
    check.Check(umbrella->max_quantity() > 0 && umbrella->caps_size() > 0, at + "shown_as", "an activity with max_quantity and a cap");
    check.Check(activity.earnings_size() == 1 && activity.earnings(0).unit() == kPoint && !activity.earnings(0).carry(), at + "earnings",
                "POINT alone, without carry, of a confidential activity");
    check.Check(activity.caps_size() == 0, at + "caps", "none: they are the umbrella's");
    // A member's groups stand in their registration: a deed that is open to others would be told by who did it.
    const std::set<int> open_to(activity.groups().begin(), activity.groups().end());
    check.Check(groups.emplace(activity.shown_as(), open_to).first->second == open_to, at + "groups",
                absl::StrCat("those of the others shown as ", activity.shown_as()));
    check.Check(
        activity.fund() == umbrella->fund() && activity.lot_validity().SerializeAsString() == umbrella->lot_validity().SerializeAsString(),
        at + "fund", "fund and validity of the umbrella");
    if (!check.Between(activity.max_quantity(), activity.min_quantity(), 1000, at + "max_quantity")) return;
    for (const std::int64_t amount : AmountsOf(activity)) {
      check.Check(amount >= umbrella->min_quantity() && amount <= umbrella->max_quantity(), at + "earnings",
                  absl::StrCat("amounts from ", umbrella->min_quantity(), " to ", umbrella->max_quantity(), ", as the umbrella has"));
      ++amounts[activity.shown_as()][amount];
    }
  }
  for (int i = 0; i < book.activities_size(); ++i) {
    const auto& activity = book.activities(i);
    if (activity.shown_as().empty()) continue;
    for (const std::int64_t amount : AmountsOf(activity)) {
      check.Check(
          amounts[activity.shown_as()][amount] >= 2, absl::StrCat("activities[", i, "].earnings"),
          absl::StrCat("amounts that another activity shown as ", activity.shown_as(), " can earn, too; only this one can earn ", amount));
    }
  }
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
  check.Between(limits.classes_size(), 0, 8, "limits.classes");
  seen.clear();
  for (int i = 0; i < limits.classes_size(); ++i) {
    const std::string at = absl::StrCat("limits.classes[", i, "].");
    check.Code(limits.classes(i).presentation(), 16, false, at + "presentation");
    check.Check(seen.insert(limits.classes(i).presentation()).second, at + "presentation", "each class once");
    check.Between(limits.classes(i).max_points_per_redemption(), 0, kAmountMax, at + "max_points_per_redemption");
    check.Between(limits.classes(i).max_points_per_member_day(), 0, kAmountMax, at + "max_points_per_member_day");
  }
  const auto& policies = book.policies();
  check.Check(v1::PastLotPolicy_IsValid(policies.past_lot()), "policies.past_lot", "a policy");
  check.Between(policies.grace_days(), policies.past_lot() == v1::GRACE ? 1 : 0, 366, "policies.grace_days");
  check.Between(policies.late_days(), 0, 3660, "policies.late_days");
  check.Between(policies.hold_ttl_ms(), 0, 86'400'000, "policies.hold_ttl_ms");
  check.Between(policies.reversal_window_ms(), 0, std::int64_t{35} * 86'400'000, "policies.reversal_window_ms");
  check.Between(policies.refusals_per_terminal_day(), 0, 1'000'000, "policies.refusals_per_terminal_day");
  check.Between(policies.refusals_per_member_day(), 0, 1'000'000, "policies.refusals_per_member_day");
  if (check.status().ok()) CheckUmbrellas(book, check);
  return check.status();
}

template <class T>
const T* Found(const absl::flat_hash_map<std::string, int>& index, const google::protobuf::RepeatedPtrField<T>& list,
               std::string_view code) {
  const auto it = index.find(std::string(code));
  return it == index.end() ? nullptr : &list[it->second];
}

}  // namespace

absl::StatusOr<Rulebook> Rulebook::Parse(std::string_view json, int format) {
  if (format > kRulesFormat) {
    return absl::UnimplementedError(
        absl::StrCat("a rulebook of a newer program (rules format ", format, ", this one knows ", kRulesFormat, ")"));
  }
  Rulebook book;
  if (auto status = ParseStrict(json, book.proto_); !status.ok()) return status;
  book.json_ = Canonical(book.proto_);
  book.format_ = format;
  book.Index();
  return book;
}

absl::StatusOr<Rulebook> Rulebook::Judge(std::string_view json) {
  auto book = Parse(json);
  if (!book.ok()) return book;
  if (auto status = Validate(book->proto_); !status.ok()) return status;
  return book;
}

void Rulebook::Index() {
  for (int i = 0; i < proto_.units_size(); ++i) units_[proto_.units(i).code()] = i;
  for (int i = 0; i < proto_.activities_size(); ++i) activities_[proto_.activities(i).code()] = i;
  for (int i = 0; i < proto_.fund_rates_size(); ++i) rates_[proto_.fund_rates(i).fund()] = i;
}

const v1::Unit* Rulebook::FindUnit(std::string_view code) const { return Found(units_, proto_.units(), code); }
const v1::Activity* Rulebook::FindActivity(std::string_view code) const { return Found(activities_, proto_.activities(), code); }
const v1::FundRate* Rulebook::FindRate(std::string_view fund) const { return Found(rates_, proto_.fund_rates(), fund); }

bool Rulebook::IsUmbrella(std::string_view code) const {
  return std::any_of(proto_.activities().begin(), proto_.activities().end(), [&](const auto& a) { return a.shown_as() == code; });
}

const v1::ClassLimit* Rulebook::FindClass(std::string_view presentation) const {
  for (const auto& limit : proto_.limits().classes()) {
    if (limit.presentation() == presentation) return &limit;
  }
  return nullptr;
}

std::int64_t Rulebook::FenOwed(std::string_view fund, std::int64_t points) const {
  const auto* rate = FindRate(fund);
  return rate ? Scale(points, rate->fen_numerator(), rate->points_denominator(), rate->rounding()) : 0;
}

std::int64_t Scale(std::int64_t value, std::int64_t numerator, std::int64_t denominator, v1::Rounding rounding) {
  __extension__ using Wide = __int128;
  const Wide product = Wide{value} * numerator;
  const Wide bias = rounding == v1::UP ? denominator - 1 : rounding == v1::HALF_UP ? denominator / 2 : 0;
  const Wide result = (product + bias) / denominator;
  return result > kAmountMax ? kAmountMax : static_cast<std::int64_t>(result);
}

std::int64_t AmountEarned(const v1::Earning& earning, std::int64_t quantity, const Carried& carried) {
  const std::int64_t step = std::max<std::int64_t>(earning.step(), 1);
  const auto of = [&](std::int64_t q) { return Scale(q / step * step, earning.numerator(), earning.denominator(), earning.rounding()); };
  return earning.carry() ? std::max<std::int64_t>(of(carried.quantity + quantity) - carried.earned, 0) : of(quantity);
}

const v1::Earning* CarryingOf(const v1::Activity& activity) {
  const auto found = std::find_if(activity.earnings().begin(), activity.earnings().end(), [](const auto& e) { return e.carry(); });
  return found == activity.earnings().end() ? nullptr : &*found;
}

Day LotEnd(const v1::Activity& activity, Day effective_day) {
  if (!activity.has_lot_validity()) return kNever;
  return EndOfPeriod(effective_day, activity.lot_validity().months(), activity.lot_validity().round_up_to());
}

absl::Status CheckLotBound(const std::vector<const Rulebook*>& books) {
  // Months since year 0, in which all lots begin and end.
  const auto first_of = [](int month) { return month / 12 * 10000 + (month % 12 + 1) * 100 + 1; };
  const auto month_of = [](Day day) { return day / 10000 * 12 + day / 100 % 100 - 1; };
  struct Rule {  // one for each kind of lot, and the months of the deeds under it
    std::string fund;
    const v1::Activity* activity;
    int from, to;
  };
  std::vector<Rule> rules;
  int grace_months = 0, longest = 0;
  for (std::size_t i = 0; i < books.size(); ++i) {
    const auto& book = books[i]->proto();
    if (book.policies().past_lot() == v1::GRACE) grace_months = std::max(grace_months, book.policies().grace_days() / 28 + 2);
    std::set<std::tuple<std::string, int, v1::Period>> seen;
    for (const auto& activity : book.activities()) {
      if (!EarnsPoints(activity) || !activity.shown_as().empty()) continue;
      const auto& validity = activity.lot_validity();
      longest = std::max(longest, validity.months() + 12);
      if (!seen.insert({activity.fund(), activity.has_lot_validity() ? validity.months() : -1, validity.round_up_to()}).second) continue;
      rules.push_back({activity.fund(), &activity, month_of(books[i]->effective_day()),
                       i + 1 < books.size() ? month_of(AddDays(books[i + 1]->effective_day(), -1)) : std::numeric_limits<int>::max()});
    }
  }
  // Which ends coincide depends on the month of the year; after the longest life only the last book's lots are alive.
  const int first = month_of(books.back()->effective_day());
  std::size_t most = 0;
  for (int now = first; now <= first + longest + 12; ++now) {
    std::set<std::pair<std::string, Day>> alive;
    for (const Rule& rule : rules) {
      for (int month = 1; month <= grace_months; ++month) alive.emplace(rule.fund, first_of(now + month));
      if (!rule.activity->has_lot_validity()) alive.emplace(rule.fund, kNever);
      if (!rule.activity->has_lot_validity()) continue;
      for (int deed = std::max(rule.from, now - rule.activity->lot_validity().months() - 11); deed <= std::min(rule.to, now); ++deed) {
        const Day end = LotEnd(*rule.activity, first_of(deed));
        if (end > first_of(now)) alive.emplace(rule.fund, end);
      }
    }
    most = std::max(most, alive.size());
  }
  if (most <= kLotsMax) return absl::OkStatus();
  return ToStatus({.reason = Reason::RULEBOOK_INVALID,
                   .facts = {{"field", "activities"},
                             {"expected", absl::StrCat("at most ", kLotsMax,
                                                       " lots alive in one account; with those of earlier rulebooks these rules can make ",
                                                       most, ": shorten lot_validity or round it up to QUARTER or YEAR")}}});
}

}  // namespace redpoints
