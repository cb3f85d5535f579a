// What a rulebook may say, and what its numbers come to.
#include "storage/rules/rulebook.h"

#include <functional>

#include "storage/rules/refusal.h"
#include "storage/rules/rulebook_json.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

v1::Rulebook Base() { return Rulebook::Judge(RulebookJson())->proto(); }

absl::StatusOr<Rulebook> JudgeProto(const v1::Rulebook& book) {
  auto judged = Rulebook::Judge(Canonical(book));
  if (!judged.ok()) return judged;
  if (auto status = CheckLotBound({&*judged}); !status.ok()) return status;
  return judged;
}

// The path of the first mistake; "" when there is none.
std::string Mistake(const std::function<void(v1::Rulebook&)>& change) {
  v1::Rulebook book = Base();
  change(book);
  const auto parsed = JudgeProto(book);
  if (parsed.ok()) return "";
  const auto refusal = RefusalFrom(parsed.status());
  if (!refusal || refusal->reason != Reason::RULEBOOK_INVALID) return "another refusal";
  for (const auto& [key, value] : refusal->facts) {
    if (key == "field") return value;
  }
  return "no field";
}

using Book = v1::Rulebook;
v1::Activity& Patrol(Book& b) { return *b.mutable_activities(0); }
v1::Activity& Visit(Book& b) { return *b.mutable_activities(1); }
v1::Cap& VisitCap(Book& b) { return *Visit(b).mutable_caps(0); }

TEST(Rulebook, EveryMistakeIsNamedByItsField) {
  struct Case {
    const char* field;
    std::function<void(Book&)> change;
  };
  const std::vector<Case> cases = {
      {"version", [](Book& b) { b.clear_version(); }},
      {"version", [](Book& b) { b.set_version(std::string(33, 'a')); }},
      {"version", [](Book& b) { b.set_version("2024_1"); }},
      {"version", [](Book& b) { b.set_version("二"); }},
      {"effective_day", [](Book& b) { b.set_effective_day(0); }},
      {"effective_day", [](Book& b) { b.set_effective_day(20240230); }},
      {"effective_day", [](Book& b) { b.set_effective_day(kNever); }},
      {"units", [](Book& b) { b.clear_units(); }},
      {"units",
       [](Book& b) {
         for (int i = 0; i < 14; ++i) b.add_units()->set_code("X");
       }},
      {"units[1].code", [](Book& b) { b.mutable_units(1)->set_code("minute"); }},
      {"units[1].code", [](Book& b) { b.mutable_units(1)->set_code(""); }},
      {"units[1].code", [](Book& b) { b.mutable_units(1)->set_code("MINUTES_9"); }},
      {"units[1].code", [](Book& b) { b.mutable_units(1)->set_code("POINT"); }},
      {"units[1].kind", [](Book& b) { b.mutable_units(1)->clear_kind(); }},
      {"units[1].kind", [](Book& b) { b.mutable_units(1)->set_kind(v1::SPENDABLE); }},
      {"units[1].kind", [](Book& b) { b.mutable_units(1)->set_kind(v1::MONEY); }},
      {"units[0].kind", [](Book& b) { b.mutable_units(0)->set_kind(v1::TIME); }},
      {"units[3].kind", [](Book& b) { b.add_units()->set_code("FEN"), b.mutable_units(3)->set_kind(v1::TIME); }},
      {"units[1].decimals", [](Book& b) { b.mutable_units(1)->set_decimals(7); }},
      {"units[1].decimals", [](Book& b) { b.mutable_units(1)->set_decimals(-1); }},
      {"units[1].floor", [](Book& b) { b.mutable_units(1)->set_floor(-1); }},
      {"units[2].floor", [](Book& b) { b.mutable_units(2)->set_floor(1); }},
      {"units[2].floor", [](Book& b) { b.mutable_units(2)->set_floor(-kAmountMax - 1); }},
      {"fund_rates",
       [](Book& b) {
         for (int i = 0; i < 15; ++i) b.add_fund_rates();
       }},
      {"fund_rates[0].fund", [](Book& b) { b.mutable_fund_rates(0)->set_fund("Street"); }},
      {"fund_rates[0].fund", [](Book& b) { b.mutable_fund_rates(0)->set_fund("1street"); }},
      {"fund_rates[0].fund", [](Book& b) { b.mutable_fund_rates(0)->set_fund("a-fund-of-17-char"); }},
      {"fund_rates[1].fund", [](Book& b) { b.mutable_fund_rates(1)->set_fund("street"); }},
      {"fund_rates[0].fen_numerator", [](Book& b) { b.mutable_fund_rates(0)->set_fen_numerator(-1); }},
      {"fund_rates[0].fen_numerator", [](Book& b) { b.mutable_fund_rates(0)->set_fen_numerator(1'000'001); }},
      {"fund_rates[0].points_denominator", [](Book& b) { b.mutable_fund_rates(0)->set_points_denominator(0); }},
      {"fund_rates[0].points_denominator", [](Book& b) { b.mutable_fund_rates(0)->set_points_denominator(1'000'001); }},
      {"fund_rates[0].rounding", [](Book& b) { b.mutable_fund_rates(0)->clear_rounding(); }},
      {"activities",
       [](Book& b) {
         for (int i = 0; i < 497; ++i) b.add_activities()->set_code(absl::StrCat("A", i));
       }},
      {"activities[0].code", [](Book& b) { Patrol(b).set_code("patrol"); }},
      {"activities[0].code", [](Book& b) { Patrol(b).set_code(std::string(33, 'A')); }},
      {"activities[1].code", [](Book& b) { Visit(b).set_code("PATROL"); }},
      {"activities[0].name_zh_cn", [](Book& b) { Patrol(b).set_name_zh_cn("a\x7F"); }},
      {"activities[0].name_zh_cn",
       [](Book& b) {
         for (int i = 0; i < 41; ++i) Patrol(b).mutable_name_zh_cn()->append("巡");
       }},
      {"activities[0].earnings", [](Book& b) { Patrol(b).clear_earnings(); }},
      {"activities[0].earnings",
       [](Book& b) {
         for (int i = 0; i < 3; ++i) *Patrol(b).add_earnings() = Patrol(b).earnings(0);
       }},
      {"activities[0].earnings[0].unit", [](Book& b) { Patrol(b).mutable_earnings(0)->set_unit("STAR"); }},
      {"activities[0].earnings[0].unit",
       [](Book& b) {
         b.add_units()->set_code("FEN"), b.mutable_units(3)->set_kind(v1::MONEY);
         Patrol(b).mutable_earnings(0)->set_unit("FEN");
       }},
      {"activities[0].earnings[1].unit", [](Book& b) { Patrol(b).mutable_earnings(1)->set_unit("POINT"); }},
      {"activities[0].earnings[0].numerator", [](Book& b) { Patrol(b).mutable_earnings(0)->set_numerator(-1); }},
      {"activities[0].earnings[0].numerator", [](Book& b) { Patrol(b).mutable_earnings(0)->set_numerator(1'000'001); }},
      {"activities[0].earnings[0].denominator", [](Book& b) { Patrol(b).mutable_earnings(0)->set_denominator(0); }},
      {"activities[0].earnings[0].step", [](Book& b) { Patrol(b).mutable_earnings(0)->set_step(-1); }},
      {"activities[0].earnings[0].rounding", [](Book& b) { Patrol(b).mutable_earnings(0)->clear_rounding(); }},
      {"activities[0].groups", [](Book& b) { Patrol(b).add_groups(v1::GROUP_UNSPECIFIED); }},
      {"activities[0].min_quantity", [](Book& b) { Patrol(b).set_min_quantity(0); }},
      {"activities[0].max_quantity", [](Book& b) { Patrol(b).set_min_quantity(5), Patrol(b).set_max_quantity(4); }},
      {"activities[0].max_quantity", [](Book& b) { Patrol(b).set_max_quantity(1'000'001); }},
      {"activities[1].caps",
       [](Book& b) {
         for (int i = 0; i < 8; ++i) *Visit(b).add_caps() = VisitCap(b);
       }},
      {"activities[1].caps[0].period", [](Book& b) { VisitCap(b).clear_period(); }},
      {"activities[1].caps[0].period", [](Book& b) { VisitCap(b).set_period(v1::SESSION); }},
      {"activities[1].caps[0].unit", [](Book& b) { VisitCap(b).set_unit("MINUTE"); }},
      {"activities[1].caps[0].max_amount", [](Book& b) { VisitCap(b).set_max_amount(-1); }},
      {"activities[1].caps[1].period", [](Book& b) { *Visit(b).add_caps() = VisitCap(b); }},
      {"activities[0].fund", [](Book& b) { Patrol(b).set_fund("nobody"); }},
      {"activities[0].fund", [](Book& b) { Patrol(b).clear_fund(); }},
      {"activities[0].lot_validity.months", [](Book& b) { Patrol(b).mutable_lot_validity()->set_months(-1); }},
      {"activities[0].lot_validity.months", [](Book& b) { Patrol(b).mutable_lot_validity()->set_months(121); }},
      {"activities[0].lot_validity.round_up_to", [](Book& b) { Patrol(b).mutable_lot_validity()->set_round_up_to(v1::DAY); }},
      {"limits.max_points_per_redemption", [](Book& b) { b.mutable_limits()->set_max_points_per_redemption(-1); }},
      {"limits.max_points_per_member_day", [](Book& b) { b.mutable_limits()->set_max_points_per_member_day(-1); }},
      {"limits.max_points_per_member_month", [](Book& b) { b.mutable_limits()->set_max_points_per_member_month(kAmountMax + 1); }},
      {"limits.max_points_per_merchant_day", [](Book& b) { b.mutable_limits()->set_max_points_per_merchant_day(-1); }},
      {"limits.min_balance_to_redeem", [](Book& b) { b.mutable_limits()->set_min_balance_to_redeem(-1); }},
      {"limits.counts",
       [](Book& b) {
         for (int i = 0; i < 5; ++i) b.mutable_limits()->add_counts();
       }},
      {"limits.counts[0].period", [](Book& b) { b.mutable_limits()->add_counts()->set_period(v1::LIFETIME); }},
      {"limits.counts[0].max_count", [](Book& b) { b.mutable_limits()->add_counts()->set_period(v1::DAY); }},
      {"limits.counts[1].period",
       [](Book& b) {
         for (int i = 0; i < 2; ++i) b.mutable_limits()->add_counts()->set_period(v1::DAY);
         b.mutable_limits()->mutable_counts(0)->set_max_count(1);
       }},
      {"limits.classes[0].presentation", [](Book& b) { b.mutable_limits()->mutable_classes(0)->set_presentation("Number"); }},
      {"limits.classes[1].presentation", [](Book& b) { *b.mutable_limits()->add_classes() = b.limits().classes(0); }},
      {"limits.classes[0].max_points_per_redemption",
       [](Book& b) { b.mutable_limits()->mutable_classes(0)->set_max_points_per_redemption(-1); }},
      {"limits.classes[0].max_points_per_member_day",
       [](Book& b) { b.mutable_limits()->mutable_classes(0)->set_max_points_per_member_day(kAmountMax + 1); }},
      {"policies.refusals_per_member_day", [](Book& b) { b.mutable_policies()->set_refusals_per_member_day(-1); }},
      {"policies.grace_days", [](Book& b) { b.mutable_policies()->set_past_lot(v1::GRACE); }},
      {"policies.grace_days", [](Book& b) { b.mutable_policies()->set_grace_days(367); }},
      {"policies.late_days", [](Book& b) { b.mutable_policies()->set_late_days(3661); }},
      {"policies.hold_ttl_ms", [](Book& b) { b.mutable_policies()->set_hold_ttl_ms(86'400'001); }},
      {"policies.reversal_window_ms", [](Book& b) { b.mutable_policies()->set_reversal_window_ms(35 * kDayMs + 1); }},
      {"policies.refusals_per_terminal_day", [](Book& b) { b.mutable_policies()->set_refusals_per_terminal_day(-1); }},
  };
  EXPECT_EQ(Mistake([](Book&) {}), "");
  for (const Case& c : cases) EXPECT_EQ(Mistake(c.change), c.field);
}

TEST(Rulebook, BoundsThemselvesAreTaken) {
  const std::vector<std::function<void(Book&)>> changes = {
      [](Book& b) { b.set_version(std::string(32, '9')); },
      [](Book& b) { Patrol(b).set_max_quantity(0); },
      [](Book& b) { Patrol(b).clear_lot_validity(); },
      [](Book& b) { Patrol(b).mutable_lot_validity()->set_months(120), Patrol(b).mutable_lot_validity()->set_round_up_to(v1::YEAR); },
      [](Book& b) {
        for (int i = 0; i < 40; ++i) Patrol(b).mutable_name_zh_cn()->append("巡");
      },
      [](Book& b) { VisitCap(b).set_max_amount(0); },
      [](Book& b) { *Visit(b).add_caps() = VisitCap(b), Visit(b).mutable_caps(1)->set_period(v1::LIFETIME); },
      [](Book& b) { b.clear_activities(); },
      [](Book& b) { b.mutable_policies()->set_late_days(3660); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_EQ(Mistake(changes[i]), "") << i;
}

TEST(Rulebook, WhatIsNoRulebookSaysSo) {
  for (const char* json : {"", "[]", "{", R"({"version":1.5})", R"({"version":"1","version":"2"})", R"({"effectiveDay":20240101})",
                           R"({"versions":"1"})", R"({"version":"1","version2":"1"})"}) {
    const auto refusal = RefusalFrom(Rulebook::Parse(json).status());
    ASSERT_TRUE(refusal) << json;
    EXPECT_EQ(refusal->reason, Reason::RULEBOOK_INVALID) << json;
  }
}

// --- the bound of lots -----------------------------------------------------------------------------------------------------------

struct Rule {
  const char* fund;
  int months;  // 0: never ends
  v1::Period round_up_to = v1::MONTH;
};

bool IsTaken(const std::vector<Rule>& rules, int grace_days = 0) {
  return Mistake([&](Book& b) {
           const v1::Activity patrol = Patrol(b);
           b.clear_activities();
           for (const Rule& rule : rules) {
             v1::Activity& activity = *b.add_activities();
             activity = patrol;
             activity.set_code(absl::StrCat("A", b.activities_size()));
             activity.set_fund(rule.fund);
             activity.clear_lot_validity();
             if (rule.months == 0) continue;
             activity.mutable_lot_validity()->set_months(rule.months);
             activity.mutable_lot_validity()->set_round_up_to(rule.round_up_to);
           }
           if (grace_days == 0) return;
           b.mutable_policies()->set_past_lot(v1::GRACE);
           b.mutable_policies()->set_grace_days(grace_days);
         }) == "";
}

// An activity of n months has n + 1 ends alive at once: those of this month's deeds and of all before that have not ended.
// A book that holds was judged when it was adopted. What today's rules refuse is read as it is, or its program would not open.
TEST(Rulebook, WhatWasAdoptedIsNotJudgedAgain) {
  v1::Rulebook book = Base();
  Patrol(book).set_min_quantity(2000);  // and 1000 at most
  const std::string json = Canonical(book);
  EXPECT_FALSE(Rulebook::Judge(json).ok());
  const auto adopted = Rulebook::Parse(json, 1);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ(adopted->json(), json);
  EXPECT_EQ(adopted->FindActivity("PATROL")->min_quantity(), 2000);
}

TEST(Rulebook, NoAccountCanComeToMoreThan64Lots) {
  EXPECT_TRUE(IsTaken({{"street", 63}}));
  EXPECT_FALSE(IsTaken({{"street", 64}}));
  EXPECT_TRUE(IsTaken({{"street", 62}, {"street", 0}}));
  EXPECT_FALSE(IsTaken({{"street", 63}, {"street", 0}}));  // the lot that never ends is one more
  EXPECT_TRUE(IsTaken({{"street", 63}, {"street", 12}}));  // the same ends
  EXPECT_FALSE(IsTaken({{"street", 63}, {"donor", 0}}));   // each fund has its own
  EXPECT_TRUE(IsTaken({{"street", 31}, {"donor", 31}}));
  EXPECT_FALSE(IsTaken({{"street", 32}, {"donor", 31}}));
  EXPECT_TRUE(IsTaken({{"street", 120, v1::YEAR}, {"donor", 120, v1::QUARTER}}));
  EXPECT_FALSE(IsTaken({{"street", 59}, {"street", 120, v1::YEAR}}));  // years beyond the months
  EXPECT_TRUE(IsTaken({{"street", 55}, {"street", 120, v1::YEAR}}));
  EXPECT_TRUE(IsTaken({{"street", 63}}, 366));                 // grace lots end where others do ...
  EXPECT_FALSE(IsTaken({{"street", 60}, {"donor", 0}}, 366));  // ... unless their fund has none there
}

// --- amounts ---------------------------------------------------------------------------------------------------------------------

TEST(Scale, RoundsExactly) {
  struct Case {
    std::int64_t value, numerator, denominator, down, up, half_up;
  };
  const Case cases[] = {
      {0, 5, 3, 0, 0, 0},
      {1, 1, 3, 0, 1, 0},
      {2, 1, 3, 0, 1, 1},
      {1, 1, 2, 0, 1, 1},
      {3, 1, 2, 1, 2, 2},
      {5, 1, 10, 0, 1, 1},
      {4, 1, 10, 0, 1, 0},
      {6, 1, 3, 2, 2, 2},
      {1, 1, 1'000'000, 0, 1, 0},
      {499'999, 1, 1'000'000, 0, 1, 0},
      {500'000, 1, 1'000'000, 0, 1, 1},
      {kAmountMax, 1, 1, kAmountMax, kAmountMax, kAmountMax},
      {kAmountMax, 1'000'000, 1'000'000, kAmountMax, kAmountMax, kAmountMax},
      {kAmountMax, 999'999, 1'000'000, 9'007'190'247'541'736, 9'007'190'247'541'737, 9'007'190'247'541'736},
      {kAmountMax, 2, 1, kAmountMax, kAmountMax, kAmountMax},  // never out of range
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Scale(c.value, c.numerator, c.denominator, v1::DOWN), c.down) << c.value;
    EXPECT_EQ(Scale(c.value, c.numerator, c.denominator, v1::UP), c.up) << c.value;
    EXPECT_EQ(Scale(c.value, c.numerator, c.denominator, v1::HALF_UP), c.half_up) << c.value;
  }
}

TEST(Rulebook, CountsWholeSteps) {
  v1::Earning earning;
  earning.set_numerator(1), earning.set_denominator(30), earning.set_step(30), earning.set_rounding(v1::UP);
  const std::int64_t quantities[] = {0, 29, 30, 59, 60, 1'000'000}, amounts[] = {0, 0, 1, 1, 2, 33'333};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(AmountEarned(earning, quantities[i]), amounts[i]) << quantities[i];
  earning.set_step(0);
  EXPECT_EQ(AmountEarned(earning, 1), 1);
}

// Half hours: what is left over counts with the next, where the rulebook says so.
TEST(Rulebook, CarriesRemaindersOn) {
  v1::Earning patrol, help;
  patrol.set_numerator(1), patrol.set_denominator(60), patrol.set_step(30), patrol.set_rounding(v1::DOWN), patrol.set_carry(true);
  help.set_numerator(3), help.set_denominator(120), help.set_step(30), help.set_rounding(v1::HALF_UP), help.set_carry(true);
  std::int64_t patrols = 0, helps = 0;
  for (int i = 0; i < 8; ++i) patrols += AmountEarned(patrol, 30, {30 * i, patrols});
  for (int i = 0; i < 3; ++i) helps += AmountEarned(help, 30, {30 * i, helps});
  EXPECT_EQ(patrols, 4);  // four hours
  EXPECT_EQ(helps, AmountEarned(help, 90));
  EXPECT_EQ(AmountEarned(patrol, 30, {30, 2}), 0);  // more than all have earned is not taken from anybody
  EXPECT_EQ(AmountEarned(patrol, 30, {60, 2}), 0);
  EXPECT_EQ(AmountEarned(patrol, 60, {60, 2}), 0);
  EXPECT_EQ(AmountEarned(patrol, 120, {60, 2}), 1);
  patrol.set_carry(false);
  EXPECT_EQ(AmountEarned(patrol, 30, {30, 0}), 0);
}

// A confidential deed is shown as something that others are shown as, too, by amounts that tell nothing.
TEST(Rulebook, UmbrellasHide) {
  const auto umbrella = [](Book& b) -> v1::Activity& { return *b.mutable_activities(5); };
  const auto deed = [](Book& b) -> v1::Activity& { return *b.mutable_activities(6); };
  ASSERT_EQ(Base().activities(6).shown_as(), Base().activities(5).code());
  const std::vector<std::pair<const char*, std::function<void(Book&)>>> cases = {
      {"activities[6].shown_as", [&](Book& b) { deed(b).set_shown_as("NOPE"); }},
      {"activities[6].shown_as", [&](Book& b) { deed(b).set_shown_as("MEDIATION"); }},
      {"activities[6].shown_as", [&](Book& b) { umbrella(b).mutable_earnings(0)->set_numerator(2); }},
      {"activities[6].shown_as", [&](Book& b) { umbrella(b).set_case_required(true); }},
      {"activities[6].shown_as", [&](Book& b) { umbrella(b).clear_caps(); }},
      {"activities[6].shown_as", [&](Book& b) { umbrella(b).add_groups(v1::RESIDENTS); }},
      {"activities[7].groups", [&](Book& b) { deed(b).add_groups(v1::NEARBY_MERCHANTS); }},  // a group tells which it was
      {"activities[6].caps", [&](Book& b) { *deed(b).add_caps() = VisitCap(b); }},
      {"activities[6].fund", [&](Book& b) { deed(b).set_fund("donor"); }},
      {"activities[6].earnings", [&](Book& b) { deed(b).set_max_quantity(5); }},                   // 25 points can only be one of them
      {"activities[6].earnings", [&](Book& b) { b.mutable_activities()->DeleteSubrange(7, 1); }},  // there is but one
  };
  for (const auto& [field, change] : cases) EXPECT_EQ(Mistake(change), field);
}

TEST(Rulebook, PoliciesHaveTheirDefaults) {
  v1::Rulebook book = Base();
  book.clear_policies();
  const auto parsed = JudgeProto(book);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->past_lot(), v1::EXPIRE);
  EXPECT_EQ(parsed->late_days(), 30);
  EXPECT_EQ(parsed->hold_ttl_ms(), 180'000);
  EXPECT_EQ(parsed->reversal_window_ms(), 1'296'000'000);
  EXPECT_EQ(parsed->refusals_per_member_day(), 100);
  EXPECT_EQ(parsed->refusals_per_terminal_day(), 1000);
}

TEST(Rulebook, OwesByTheRateOfTheFund) {
  const auto book = Rulebook::Judge(RulebookJson());
  EXPECT_EQ(book->FenOwed("street", 7), 700);
  EXPECT_EQ(book->FenOwed("donor", 4), 133);
  EXPECT_EQ(book->FenOwed("donor", 5), 167);
  EXPECT_EQ(book->FenOwed("nobody", 5), 0);
  EXPECT_EQ(book->FindUnit("STAR"), nullptr);
  EXPECT_EQ(book->FindActivity("PATROL")->fund(), "street");
}

}  // namespace
}  // namespace redpoints
