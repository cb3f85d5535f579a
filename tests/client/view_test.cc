#include "client/cli/view.h"

#include "gtest/gtest.h"
#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/journal_service.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);
const Text kZh(Language::kZh);

TEST(ViewTest, ABalanceWithItsLots) {
  v1::GetBalanceResponse response;
  response.set_member("programs/p/members/m1");
  response.set_as_of_sequence(1'234);
  response.mutable_as_of_time()->set_seconds(1'710'432'000);  // 2024-03-14T16:00:00Z
  auto& points = *response.add_balances();
  points.set_unit("POINT");
  points.set_available(12'345);
  points.set_next_expiry_day(20250401);
  points.set_next_expiry_amount(45);
  auto& lot = *points.add_lots();
  lot.set_fund("street");
  lot.set_end_day(20250401);
  lot.set_amount(45);
  response.add_balances()->set_unit("MINUTE");
  EXPECT_EQ(RenderMessage(response, kZh),
            "会员      programs/p/members/m1\n"
            "截至序号  1234\n"
            "截至时间  2024-03-15 00:00:00\n"
            "\n"
            "余额\n"
            "单位      可用  最近到期日  最近到期积分\n"
            "------  ------  ----------  ------------\n"
            "POINT   12,345  2025-04-01            45\n"
            "MINUTE       0                         0\n"
            "\n"
            "积分批次 POINT\n"
            "资金    失效日      数额\n"
            "------  ----------  ----\n"
            "street  2025-04-01    45\n");
}

TEST(ViewTest, AnOutcomeWithoutRepetitions) {
  v1::RedeemResponse response;
  auto& outcome = *response.mutable_outcome();
  outcome.set_sequence(42);
  outcome.set_state_sequence(42);
  outcome.set_first_state(v1::DONE);
  outcome.set_state(v1::DONE);
  outcome.set_business_day(20240315);
  outcome.set_kind("redemption");
  outcome.set_points(1'200);
  response.set_redemption("programs/p/redemptions/42");
  EXPECT_EQ(RenderMessage(response, kEn),
            "redemption  programs/p/redemptions/42\n"
            "\n"
            "outcome\n"
            "sequence      42\n"
            "state         done\n"
            "business day  2024-03-15\n"
            "kind          redemption\n"
            "points        1,200\n");
}

// After a restore an entry is shown with its epoch, as names end in it; the epoch stands nowhere else, but where the ledger is in a newer one.
TEST(ViewTest, EntriesAreNumberedWhole) {
  v1::ListStatementResponse statement;
  auto& line = *statement.add_lines();
  line.set_sequence(45), line.set_epoch(217'345'678'901), line.set_reference(42), line.set_available(1);
  statement.add_lines()->set_sequence(42);
  statement.mutable_lines(1)->set_reference(-1);
  EXPECT_EQ(RenderMessage(statement, kZh),
            "期初余额  0\n"
            "期末余额  0\n"
            "\n"
            "明细\n"
            "           序号  可用  关联序号\n"
            "---------------  ----  --------\n"
            "217345678901.45     1        42\n"
            "             42     0\n");
  line.set_reference_epoch(217'345'678'901);
  EXPECT_NE(RenderMessage(statement, kZh).find("     1  217345678901.42\n"), std::string::npos) << RenderMessage(statement, kZh);

  v1::AwardBatchResponse batch;
  batch.add_results()->set_sequence(7), batch.mutable_results(0)->set_epoch(3);
  EXPECT_NE(RenderMessage(batch, kEn).find("3.7"), std::string::npos) << RenderMessage(batch, kEn);

  v1::GetOutcomeResponse asked;
  auto& outcome = *asked.mutable_outcome();
  outcome.set_sequence(42), outcome.set_state_sequence(50), outcome.set_state_epoch(3), outcome.set_ledger_epoch(3);
  EXPECT_EQ(RenderMessage(asked, kEn),
            "outcome\n"
            "sequence        42\n"
            "state sequence  3.50\n"
            "ledger epoch    3\n");
  outcome.set_sequence(50), outcome.set_epoch(3);
  EXPECT_EQ(RenderMessage(asked, kEn), "outcome\nsequence  3.50\n");

  v1::GetBalanceResponse balance;
  balance.set_as_of_sequence(60), balance.set_as_of_epoch(3);
  EXPECT_EQ(RenderMessage(balance, kEn), "as of sequence  3.60\n");
}

TEST(ViewTest, EachLanguageShowsItsOwnText) {
  v1::GetEntryResponse response;
  response.set_line("{\"v\":1}");
  response.set_explanation("award");
  response.set_explanation_zh_cn("发放");
  EXPECT_EQ(RenderMessage(response, kZh), "条目  {\"v\":1}\n说明  发放\n");
  EXPECT_EQ(RenderMessage(response, kEn), "line         {\"v\":1}\nexplanation  award\n");
}

TEST(ViewTest, RegistrationsOfOneKindShareATable) {
  v1::ListRegistrationsResponse response;
  for (const char* code : {"a", "b"}) {
    auto& registration = *response.add_registrations();
    registration.mutable_fund()->set_code(code);
    registration.mutable_fund()->set_budget_points(1'000'000);
    registration.set_sequence(3);
  }
  EXPECT_EQ(RenderMessage(response, kEn),
            "registrations\n"
            "code  budget points  sequence\n"
            "----  -------------  --------\n"
            "a         1,000,000         3\n"
            "b         1,000,000         3\n");
}

// What says how many decimals there are is not shown itself: the amounts show it.
TEST(ViewTest, AmountsHaveTheDecimalsOfTheirUnit) {
  v1::GetBalanceResponse balance;
  auto& points = *balance.add_balances();
  points.set_unit("POINT"), points.set_available(1'234'567), points.set_debt(5), points.set_decimals(2);
  auto& lot = *points.add_lots();
  lot.set_fund("street"), lot.set_amount(1'234'567);
  auto& minutes = *balance.add_balances();
  minutes.set_unit("MINUTE"), minutes.set_available(15), minutes.set_decimals(1);
  balance.add_balances()->set_unit("SCORE");
  EXPECT_EQ(RenderMessage(balance, kEn),
            "balances\n"
            "unit    available  debt\n"
            "------  ---------  ----\n"
            "POINT   12,345.67  0.05\n"
            "MINUTE        1.5   0.0\n"
            "SCORE           0     0\n"
            "\n"
            "lots POINT\n"
            "fund       amount\n"
            "------  ---------\n"
            "street  12,345.67\n");

  v1::ListStatementResponse statement;
  statement.set_unit("POINT"), statement.set_decimals(1), statement.set_closing_balance(-5);
  auto& line = *statement.add_lines();
  line.set_sequence(12'345), line.set_available_change(-15), line.set_available(10), line.set_reference(-1);
  EXPECT_EQ(RenderMessage(statement, kEn),
            "opening balance  0.0\n"
            "closing balance  -0.5\n"
            "unit             POINT\n"
            "\n"
            "lines\n"
            "sequence  available change  available  reference\n"
            "--------  ----------------  ---------  ---------\n"
            "   12345              -1.5        1.0\n");
}

TEST(ViewTest, EachPartOfAnAnswerSaysItsOwnDecimals) {
  v1::AwardResponse award;
  auto& result = *award.mutable_result();
  result.mutable_outcome()->set_points(70), result.mutable_outcome()->set_points_decimals(1);
  result.set_debt_paid_points(5), result.set_points_decimals(1);
  auto& minutes = *result.add_amounts();
  minutes.set_unit("MINUTE"), minutes.set_amount(90);
  auto& points = *result.add_amounts();
  points.set_unit("POINT"), points.set_amount(70), points.set_decimals(1);
  EXPECT_EQ(RenderMessage(award, kEn),
            "result\n"
            "debt paid points  0.5\n"
            "\n"
            "outcome\n"
            "sequence  0\n"
            "points    7.0\n"
            "\n"
            "amounts\n"
            "unit    amount\n"
            "------  ------\n"
            "MINUTE      90\n"
            "POINT      7.0\n");

  v1::ListRegistrationsResponse funds;
  funds.set_points_decimals(2);
  funds.add_registrations()->mutable_fund()->set_budget_points(100'000'000);
  EXPECT_NE(RenderMessage(funds, kEn).find("1,000,000.00"), std::string::npos) << RenderMessage(funds, kEn);

  v1::GetOutcomeResponse refused;
  refused.mutable_outcome()->set_points_decimals(2);
  refused.mutable_outcome()->mutable_refusal()->set_reason("INSUFFICIENT_POINTS");
  (*refused.mutable_outcome()->mutable_refusal()->mutable_facts())["short_by"] = "130";
  EXPECT_NE(RenderMessage(refused, kZh).find("还差 1.30"), std::string::npos) << RenderMessage(refused, kZh);
}

TEST(ViewTest, AFieldStandsBeforeWhatItShouldBe) {
  v1::GetOutcomeResponse refused;
  refused.mutable_outcome()->mutable_refusal()->set_reason("FIELD_INVALID");
  for (const auto& [key, value] : {std::pair("expected", "a-z 0-9 -"), {"day", "20240314"}, {"field", "item.case"}}) {
    (*refused.mutable_outcome()->mutable_refusal()->mutable_facts())[key] = value;
  }
  EXPECT_NE(RenderMessage(refused, kZh).find("字段 item.case, 应为 小写字母、数字、-, 业务日 20240314"), std::string::npos)
      << RenderMessage(refused, kZh);
}

TEST(ViewTest, JsonIsOneObjectWithTheContractsNamesAndZeros) {
  v1::GetJournalResponse response;
  response.set_end_sequence(1'234'567);
  EXPECT_EQ(RenderJson(response), "{\"end_sequence\":\"1234567\",\"last_closed_day\":0,\"epoch\":\"0\"}\n");
}

}  // namespace
}  // namespace redpoints::cli
