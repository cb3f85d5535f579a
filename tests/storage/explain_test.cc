// The sentence that a volunteer hears about each kind of entry, and an auditor reads.
#include "storage/explain.h"

#include <gtest/gtest.h>

#include <string>

#include "storage/rules/rulebook.h"
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
组织地点 node/group-1。
资金 fund/street。
会员登记 member/m1。
商户登记 merchant/s1。
终端登记 terminal/t1。
人员登记 staff/a1。
规则册 rulebook/2024-1。
按规则册 2024-1，活动 PATROL（20240301），数量 1，发放 10 积分，其中抵扣欠分 4，已达上限，批次 street 6（20250401 前有效）。
更正第 7 条：数量改为 0，积分变动 -10，已使用部分记欠分 4，原因 deed_not_done。
捐赠到公益池，批次 donor 4（20240501 前有效）、street 6（20250401 前有效）。
在商户 s1 兑换 10 积分，先用先到期的批次：donor 4（20240501 前有效）、street 6（20250401 前有效）。
商户 s1 预扣 10 积分，批次 donor 4（20240501 前有效）、street 6（20250401 前有效）。
完成第 41 条预扣，商户 s1 收 4 积分。
取消第 0 条预扣，退回 10 积分。
第 41 条预扣到时自动取消，退回 10 积分。
第 0 条兑换退回 10 积分，其中 4 积分的批次已过期。
撤销第 40 条，退回 10 积分，限额同时恢复。
撤销了一笔尚未到达的请求；该请求将不再执行。
批次到期：donor 4（20240501 前有效）、street 6（20250401 前有效）。
业务日 20240314 日结。
管理员已确认系统时钟。
请求被拒绝：积分不足（INSUFFICIENT_POINTS）。
)");
  EXPECT_EQ(en, R"(registered program/minyue
registered node/group-1
registered fund/street
registered member/m1
registered merchant/s1
registered terminal/t1
registered staff/a1
registered rulebook/2024-1
rulebook 2024-1, activity PATROL on 20240301, quantity 1: 10 points, of which 4 pay a debt, a cap was hit, lots: street 6 (until 20250401)
corrects 7: quantity 0, points change by -10, 4 were spent and are owed, because deed_not_done
donated to the pool, lots: donor 4 (until 20240501), street 6 (until 20250401)
redeemed 10 points at s1, soonest-ending lots first: donor 4 (until 20240501), street 6 (until 20250401)
holds 10 points for s1, lots: donor 4 (until 20240501), street 6 (until 20250401)
captures 4 points of hold 41 for s1
voids hold 0, 10 points go back
hold 41 ended by time, 10 points go back
refunds 10 points of redemption 0, 4 of them into lots that are past
undoes 40, 10 points go back, and the limits with them
reverses a request that had not arrived; it will never be carried out
lots ended: donor 4 (until 20240501), street 6 (until 20250401)
business day 20240314 is closed
the clock was confirmed
refused: INSUFFICIENT_POINTS
)");
}

TEST(Explain, AReversalTellsWhatCameBackTooLate) {
  const Entry late = MakeEntry(Kind::kReversal, [](Entry& e) {
    e.reason = "undone", e.ref = 40;
    e.postings = {{Holder("s1"), Sub::kAvailable, "POINT", -4, 0, {}, {}, 1},
                  {Holder("expired"), Sub::kAvailable, "POINT", 4, 4, {{"donor", 20240301, 4}}, {}, 1}};
  });
  EXPECT_EQ(ExplainZh(late), "撤销第 40 条，退回 4 积分，其中 4 积分的批次已过期，限额同时恢复。");
  EXPECT_EQ(ExplainEn(late), "undoes 40, 4 points go back, 4 of them into lots that are past, and the limits with them");
}

v1::Activity Visits() {
  v1::Activity activity;
  activity.set_code("VISIT");
  auto& points = *activity.add_earnings();
  points.set_unit("POINT"), points.set_numerator(1), points.set_denominator(30), points.set_step(30), points.set_rounding(v1::DOWN);
  auto& minutes = *activity.add_earnings();
  minutes.set_unit("MINUTE"), minutes.set_numerator(1), minutes.set_denominator(1), minutes.set_rounding(v1::DOWN);
  auto& cap = *activity.add_caps();
  cap.set_period(v1::DAY), cap.set_unit("POINT"), cap.set_max_amount(4);
  return activity;
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
  const v1::Activity visits = Visits();
  EXPECT_EQ(ExplainZh(Award(100, 3), &visits),
            "按规则册 2024-1，活动 VISIT（20240315），数量 100，发放 3 积分，批次 donor 3（20240501 前有效）"
            "；POINT：100 × 1/30（每满 30 计，舍去尾数） = 3；MINUTE：100 × 1 = 100。");
  EXPECT_EQ(ExplainEn(Award(100, 3), &visits),
            "rulebook 2024-1, activity VISIT on 20240315, quantity 100: 3 points, lots: donor 3 (until 20240501)"
            "; POINT: 100 × 1/30 (in steps of 30, rounded down) = 3; MINUTE: 100 × 1 = 100");
  EXPECT_TRUE(ExplainZh(Award(180, 1), &visits).find("= 6，每日上限 4，计 1；") != std::string::npos) << ExplainZh(Award(180, 1), &visits);
  EXPECT_TRUE(ExplainEn(Award(180, 0), &visits).find("= 6, at most 4 a day, so 0;") != std::string::npos)
      << ExplainEn(Award(180, 0), &visits);
}

TEST(Explain, ACorrectionShowsTheAwardAsItIsNow) {
  const v1::Activity visits = Visits();
  const Entry correction = MakeEntry(Kind::kCorrection, [](Entry& e) {
    e.activity = "VISIT", e.rulebook = "2024-1", e.effective_day = 20240315, e.quantity = 60, e.member = "m1", e.ref = 7,
    e.reason = "WRONG_QUANTITY";
    e.facts = {{"POINT", "2"}, {"MINUTE", "60"}};
    e.postings = {{Holder("expired"), Sub::kAvailable, "POINT", -1, 4, {}, {}, 1},
                  {Holder("issuance:donor"), Sub::kAvailable, "POINT", 1, -2, {}, {}, 1}};
  });
  EXPECT_EQ(ExplainZh(correction, &visits),
            "更正第 7 条：数量改为 60，积分变动 -1，其中 1 积分未用已过期，原因 WRONG_QUANTITY"
            "；POINT：60 × 1/30（每满 30 计，舍去尾数） = 2；MINUTE：60 × 1 = 60。");
  EXPECT_EQ(ExplainEn(correction, &visits),
            "corrects 7: quantity 60, points change by -1, 1 had ended unspent, because WRONG_QUANTITY"
            "; POINT: 60 × 1/30 (in steps of 30, rounded down) = 2; MINUTE: 60 × 1 = 60");
}

}  // namespace
}  // namespace redpoints
