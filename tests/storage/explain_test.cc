// The sentence that a volunteer hears about each kind of entry, and an auditor reads.
#include "storage/explain.h"

#include <gtest/gtest.h>

#include <string>

#include "storage/rules/rulebook.h"
#include "storage/rules/rulebook_json.h"
#include "tests/golden.h"

namespace redpoints {
namespace {

// Entry 42 of the program, on 2024-03-15 at 10:00 in Shanghai, as `fill` leaves it.
template <class F> Entry MakeEntry(Kind kind, F fill) {
  Entry entry;
  entry.program = "minyue", entry.sequence = 42, entry.recorded_ms = 1'710'468'000'000, entry.business_day = 20240315, entry.kind = kind;
  fill(entry);
  return entry;
}

TEST(Explain, EveryKindInBothLanguages) {
  std::string zh, en;
  for (const Entry& entry : GoldenOfEachKind()) {
    zh += ExplainZh(entry) + "\n";
    en += ExplainEn(entry) + "\n";
  }
  EXPECT_EQ(zh, R"(设立计划 program/minyue。
组织地点 node/grid-1。
资金 fund/street。
会员登记 member/m1。
商户登记 merchant/s1。
终端登记 terminal/t1。
人员登记 staff/a0。
规则册 rulebook/2024-1。
兑换项目 offer/RICE。
按规则册 2024-1，活动 PATROL（20240315），数量 10，发放 100 积分，批次 street 100（20250401 前有效）。
更正第 41 条：数量改为 3，积分变动 -20，原因 wrong_quantity。
捐赠到公益池，批次 street 7（20250401 前有效）。
在商户 s1 兑换 40 积分，先用先到期的批次：street 40（20250401 前有效）。
商户 s1 预扣 30 积分，批次 street 30（20250401 前有效）。
完成第 64 条预扣，商户 s1 收 10 积分。
取消第 68 条预扣，退回 20 积分。
第 71 条预扣到时自动取消，退回 20 积分。
第 44 条兑换退回 30 积分，其中抵扣欠分 5。
被撤销的请求此前已被拒绝（第 58 条），没有变动。
申请冲销第 54 条，原因 wrong_amount；须由另一人复核。
冲销第 54 条（申请为第 55 条），退回 7 积分。
批次到期：donor 4（20240501 前有效）。
恢复第 140 条过期的批次：donor 4（20240501 前有效）。
业务日 20240315 日结，1 家商户有兑换。
管理员已确认系统时钟。
申请免除对 street 的欠分 5，原因 fund_ended；须由另一人复核。
免除欠分 5，原因 fund_ended（申请为第 900 条）。
请求被拒绝：数量不在规则范围内（QUANTITY_OUT_OF_BOUNDS）。
账本自第 148752180.345 条起为新的一段，原因 restore。
业务日 20240917 账户汇总，至第 880 条，8 个会员。
账本密钥 k1 启用。
会员 m7 的个人信息已删除。
)");
  EXPECT_EQ(en, R"(registered program/minyue
registered node/grid-1
registered fund/street
registered member/m1
registered merchant/s1
registered terminal/t1
registered staff/a0
registered rulebook/2024-1
registered offer/RICE
rulebook 2024-1, activity PATROL on 20240315, quantity 10: 100 points, lots: street 100 (until 20250401)
corrects 41: quantity 3, points change by -20, because wrong_quantity
donated to the pool, lots: street 7 (until 20250401)
redeemed 40 points at s1, soonest-ending lots first: street 40 (until 20250401)
holds 30 points for s1, lots: street 30 (until 20250401)
captures 10 points of hold 64 for s1
voids hold 68, 20 points go back
hold 71 ended by time, 20 points go back
refunds 30 points of redemption 44, of which 5 pay a debt
the request had been refused by 58; nothing moves
proposes to undo 54, because wrong_amount; somebody else has to confirm
undoes 54, proposed by 55: 7 points go back
lots ended: donor 4 (until 20240501)
lots that ended by 140 are back: donor 4 (until 20240501)
business day 20240315 is closed; 1 shops traded
the clock was confirmed
proposes to waive a debt of 5 to street, because fund_ended; somebody else has to confirm
waives a debt of 5, because fund_ended; proposed by 900
refused: QUANTITY_OUT_OF_BOUNDS
a new epoch begins with 148752180.345, because of a restore
heads of 8 members as of 880, after business day 20240917
log key k1 is in use
what was known of the person behind m7 was erased
)");
}

TEST(Explain, UnderWhichKeyTheSideStateIs) {
  Entry entry = GoldenOf(Kind::kProgram);
  std::get<ProgramData>(entry.data).side_key = "0123456789abcdef";
  EXPECT_EQ(ExplainZh(entry), "设立计划 program/minyue，侧数据密钥 0123456789abcdef。");
  EXPECT_EQ(ExplainEn(entry), "registered program/minyue, its side state under key 0123456789abcdef");
  EXPECT_EQ(ExplainZh(GoldenAt(931)), "计划 program/minyue 的侧数据改用密钥 0123456789abcdef。");
  EXPECT_EQ(ExplainEn(GoldenAt(931)), "the side state of program/minyue is kept under another key, 0123456789abcdef");
}

// Debts, lots that are past, cash: what is not simply available again, or no longer.
TEST(Explain, WhatDoesNotSimplyComeBackIsSaid) {
  std::string zh, en;
  for (const std::int64_t sequence : {56, 81, 84, 89, 143, 147, 149}) {
    zh += ExplainZh(GoldenAt(sequence)) + "\n";
    en += ExplainEn(GoldenAt(sequence)) + "\n";
  }
  EXPECT_EQ(zh, R"(冲销第 54 条（申请为第 55 条），退回 7 积分。
第 79 条兑换退回 30 积分，另退现金 2.00 元。
冲销第 81 条（申请为第 83 条），收回 30 积分，所退现金 2.00 元不再计。
冲销第 86 条（申请为第 88 条），收回 10 积分，其中记欠分 5。
第 142 条预扣到时自动取消，退回 4 积分，其中 4 积分的批次已过期。
第 94 条兑换退回 62 积分，其中抵扣欠分 8，其中 4 积分的批次已过期。
冲销第 147 条（申请为第 148 条），收回 62 积分，其中记欠分 8，其中 4 积分未用已过期。
)");
  EXPECT_EQ(en, R"(undoes 54, proposed by 55: 7 points go back
refunds 30 points of redemption 79, and 2.00 yuan in cash
undoes 81, proposed by 83: 30 points are taken again, and 2.00 yuan in cash count no more
undoes 86, proposed by 88: 10 points are taken again, of which 5 are owed
hold 142 ended by time, 4 points go back, 4 of them into lots that are past
refunds 62 points of redemption 94, of which 8 pay a debt, 4 of them into lots that are past
undoes 147, proposed by 148: 62 points are taken again, of which 8 are owed, 4 had ended unspent
)");
}

TEST(Explain, ASetBackNamesTheDayThatStands) {
  const Entry back = MakeEntry(Kind::kClockConfirmed, [](Entry& e) { e.data = ClockData{1'710'468'000'000, 20240314}; });
  EXPECT_EQ(ExplainZh(back), "管理员已将误确认的时钟拨回；20240314 及以前的日结有效，之后重新日结。");
  EXPECT_EQ(ExplainEn(back),
            "a clock that was confirmed wrongly is set back; days up to 20240314 stay closed, later ones are closed again");
}

TEST(Explain, AReversalTellsWhatCameBackTooLate) {
  const Entry late = MakeEntry(Kind::kReversal, [](Entry& e) {
    e.effect = Effect::kUndone, e.ref = 40;
    e.postings = {{Holder("s1"), Sub::kAvailable, "POINT", -4, 0, {}, {}, 1},
                  {Holder("expired"), Sub::kAvailable, "POINT", 4, 4, {{"donor", 20240301, 4}}, {}, 1}};
  });
  EXPECT_EQ(ExplainZh(late), "撤销第 40 条，退回 4 积分，其中 4 积分的批次已过期，限额同时恢复。");
  EXPECT_EQ(ExplainEn(late), "undoes 40, 4 points go back, 4 of them into lots that are past, and the limits with them");
}

// The program's only rulebook: a visit earns a step of POINT for each 30 minutes, and the minutes.
Definitions Visits(int point_decimals = 0, int minute_decimals = 0) {
  v1::Rulebook book;
  const auto add_unit = [&](const char* code, v1::UnitKind kind, int decimals) {
    auto& unit = *book.add_units();
    unit.set_code(code), unit.set_kind(kind), unit.set_decimals(decimals);
  };
  book.set_version("2024-1"), book.set_effective_day(20240101);
  add_unit("POINT", v1::SPENDABLE, point_decimals);
  add_unit("MINUTE", v1::TIME, minute_decimals);
  auto& activity = *book.add_activities();
  activity.set_code("VISIT");
  auto& points = *activity.add_earnings();
  points.set_unit("POINT"), points.set_numerator(1), points.set_denominator(30), points.set_step(30), points.set_rounding(v1::DOWN);
  auto& minutes = *activity.add_earnings();
  minutes.set_unit("MINUTE"), minutes.set_numerator(1), minutes.set_denominator(1), minutes.set_rounding(v1::DOWN);
  auto& cap = *activity.add_caps();
  cap.set_period(v1::DAY), cap.set_unit("POINT"), cap.set_max_amount(4);
  Definitions definitions;
  auto parsed = Rulebook::Parse(Canonical(book));
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  if (parsed.ok()) definitions.books[20240101] = std::make_shared<const Rulebook>(*std::move(parsed));
  definitions.IndexUnits();
  return definitions;
}

Entry Award(std::int64_t quantity, std::int64_t points) {
  return MakeEntry(Kind::kAward, [&](Entry& e) {
    e.activity = "VISIT", e.rulebook = "2024-1", e.effective_day = 20240315, e.quantity = quantity, e.member = "m1";
    if (points > 0) {
      e.postings = {{Holder("issuance:donor"), Sub::kAvailable, "POINT", -points, -points, {}, {}, 1},
                    {Holder("m1"), Sub::kAvailable, "POINT", points, points, {{"donor", 20240501, points}}, {}, 1}};
    }
    e.postings.push_back({Holder("issuance:donor"), Sub::kAvailable, "MINUTE", -quantity, -quantity, {}, {}, 1});
    e.postings.push_back({Holder("m1"), Sub::kAvailable, "MINUTE", quantity, quantity, {}, {}, 1});
  });
}

TEST(Explain, AnAwardShowsItsRateAndWhatACapLeft) {
  const Definitions visits = Visits();
  EXPECT_EQ(ExplainZh(Award(100, 3), visits),
            "按规则册 2024-1，活动 VISIT（20240315），数量 100，发放 3 积分，批次 donor 3（20240501 前有效）"
            "；POINT：100 × 1/30（每满 30 计，舍去尾数） = 3；MINUTE：100 × 1 = 100。");
  EXPECT_EQ(ExplainEn(Award(100, 3), visits),
            "rulebook 2024-1, activity VISIT on 20240315, quantity 100: 3 points, lots: donor 3 (until 20240501)"
            "; POINT: 100 × 1/30 (in steps of 30, rounded down) = 3; MINUTE: 100 × 1 = 100");
  EXPECT_TRUE(ExplainZh(Award(180, 1), visits).find("= 6，每日上限 4，计 1；") != std::string::npos) << ExplainZh(Award(180, 1), visits);
  EXPECT_TRUE(ExplainEn(Award(180, 0), visits).find("= 6, at most 4 a day, so 0;") != std::string::npos)
      << ExplainEn(Award(180, 0), visits);
}

// Points go on from the month's other deeds; hours, which the same deed earns, don't.
TEST(Explain, OnlyTheUnitThatCarriesOnCanFallBelowWhatTheMonthHas) {
  v1::Rulebook book = Visits().books.begin()->second->proto();
  auto& visit = *book.mutable_activities(0);
  visit.clear_caps();
  auto& points = *visit.mutable_earnings(0);
  points.clear_step(), points.set_carry(true);
  visit.mutable_earnings(1)->set_denominator(60);
  Definitions definitions;
  auto parsed = Rulebook::Parse(Canonical(book));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  definitions.books[20240101] = std::make_shared<const Rulebook>(*std::move(parsed));
  definitions.IndexUnits();
  Entry award = Award(50, 2);
  award.carried = {.quantity = 100, .earned = 3};
  award.postings.resize(2);
  EXPECT_TRUE(
      ExplainZh(award, definitions)
          .ends_with("；POINT：(100 + 50) × 1/30（舍去尾数，余数在当月累计） − 当月已计 3 = 2；MINUTE：50 × 1/60（舍去尾数） = 0。"))
      << ExplainZh(award, definitions);
  EXPECT_TRUE(ExplainEn(award, definitions).ends_with("less 3 of the month = 2; MINUTE: 50 × 1/60 (rounded down) = 0"))
      << ExplainEn(award, definitions);
  // Other deeds were corrected down since they were counted.
  award = Award(10, 0);
  award.carried = {.quantity = 20, .earned = 3};
  award.postings.clear();
  EXPECT_TRUE(ExplainZh(award, definitions).ends_with("− 当月已计 3，不足 0，计 0；MINUTE：10 × 1/60（舍去尾数） = 0。"))
      << ExplainZh(award, definitions);
}

TEST(Explain, ACorrectionShowsTheAwardAsItIsNow) {
  const Definitions visits = Visits();
  const Entry correction = MakeEntry(Kind::kCorrection, [](Entry& e) {
    e.activity = "VISIT", e.rulebook = "2024-1", e.effective_day = 20240315, e.quantity = 60, e.member = "m1", e.ref = 7,
    e.reason = "wrong_quantity";
    e.amounts = {{"POINT", 2}, {"MINUTE", 60}};
    e.postings = {{Holder("expired"), Sub::kAvailable, "POINT", -1, 4, {}, {}, 1},
                  {Holder("issuance:donor"), Sub::kAvailable, "POINT", 1, -2, {}, {}, 1}};
  });
  EXPECT_EQ(ExplainZh(correction, visits),
            "更正第 7 条：数量改为 60，积分变动 -1，其中 1 积分未用已过期，原因 wrong_quantity"
            "；POINT：60 × 1/30（每满 30 计，舍去尾数） = 2；MINUTE：60 × 1 = 60。");
  EXPECT_EQ(ExplainEn(correction, visits),
            "corrects 7: quantity 60, points change by -1, 1 had ended unspent, because wrong_quantity"
            "; POINT: 60 × 1/30 (in steps of 30, rounded down) = 2; MINUTE: 60 × 1 = 60");
}

// With the decimals of each unit, rates and caps, too; of nothing, no decimals.
TEST(Explain, AmountsHaveTheirUnitsDecimals) {
  EXPECT_EQ(ExplainZh(Award(100, 3), Visits(/*point_decimals=*/2, /*minute_decimals=*/1)),
            "按规则册 2024-1，活动 VISIT（20240315），数量 100，发放 0.03 积分，批次 donor 0.03（20240501 前有效）"
            "；POINT：100 × 0.01/30（每满 30 计，舍去尾数） = 0.03；MINUTE：100 × 0.1 = 10.0。");
  EXPECT_EQ(ExplainEn(Award(180, 1), Visits(1)),
            "rulebook 2024-1, activity VISIT on 20240315, quantity 180: 0.1 points, lots: donor 0.1 (until 20240501)"
            "; POINT: 180 × 0.1/30 (in steps of 30, rounded down) = 0.6, at most 0.4 a day, so 0.1; MINUTE: 180 × 1 = 180");
  EXPECT_TRUE(ExplainEn(Award(180, 0), Visits(2)).find("quantity 180: 0 points;") != std::string::npos)
      << ExplainEn(Award(180, 0), Visits(2));
  std::string zh, en;
  for (const std::int64_t sequence : {42, 44, 54, 84, 147, 149}) {
    zh += ExplainZh(GoldenAt(sequence), Visits(2)) + "\n";
    en += ExplainEn(GoldenAt(sequence), Visits(1)) + "\n";
  }
  EXPECT_EQ(zh, R"(更正第 41 条：数量改为 3，积分变动 -0.20，原因 wrong_quantity。
在商户 s1 兑换 0.40 积分，先用先到期的批次：street 0.40（20250401 前有效）。
捐赠到公益池，批次 street 0.07（20250401 前有效）。
冲销第 81 条（申请为第 83 条），收回 0.30 积分，所退现金 2.00 元不再计。
第 94 条兑换退回 0.62 积分，其中抵扣欠分 0.08，其中 0.04 积分的批次已过期。
冲销第 147 条（申请为第 148 条），收回 0.62 积分，其中记欠分 0.08，其中 0.04 积分未用已过期。
)");
  EXPECT_EQ(en, R"(corrects 41: quantity 3, points change by -2.0, because wrong_quantity
redeemed 4.0 points at s1, soonest-ending lots first: street 4.0 (until 20250401)
donated to the pool, lots: street 0.7 (until 20250401)
undoes 81, proposed by 83: 3.0 points are taken again, and 2.00 yuan in cash count no more
refunds 6.2 points of redemption 94, of which 0.8 pay a debt, 0.4 of them into lots that are past
undoes 147, proposed by 148: 6.2 points are taken again, of which 0.8 are owed, 0.4 had ended unspent
)");
}

// Other entries are named as they are everywhere: of epoch 0 by their sequence, later ones with the epoch before it.
TEST(Explain, OtherEntriesAreNamedWhole) {
  StateMark at;
  at.epochs = {{9, 50}};
  Entry undo = MakeEntry(Kind::kUndo, [](Entry& e) { e.ref = 49, e.proposal = 50; });
  EXPECT_TRUE(ExplainZh(undo, {}, at).starts_with("冲销第 49 条（申请为第 9.50 条），")) << ExplainZh(undo, {}, at);
  EXPECT_TRUE(ExplainEn(undo, {}, at).starts_with("undoes 49, proposed by 9.50: ")) << ExplainEn(undo, {}, at);
  const Entry ended = MakeEntry(Kind::kHoldExpired, [](Entry& e) { e.hold = 51; });
  EXPECT_TRUE(ExplainZh(ended, {}, at).starts_with("第 9.51 条预扣")) << ExplainZh(ended, {}, at);
  EXPECT_TRUE(ExplainEn(ended, {}, at).starts_with("hold 9.51 ended")) << ExplainEn(ended, {}, at);
}

}  // namespace
}  // namespace redpoints
