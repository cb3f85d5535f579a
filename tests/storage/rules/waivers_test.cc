// Debts to a fund that has ended: two persons end them, and nobody else, and no more than is owed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

// m1 has spent 40 points of street that a correction took back, and owes them; the fund has ended.
class WaiversTest : public EngineTest {
 protected:
  void SetUp() override {
    SetUpProgram();
    const auto award = AwardPoints("m1", 5);
    sale = Buy("m1", 40).entry().sequence;
    Run(Corrector(), Correct{award.entry().sequence, 0, "duplicate"});
    SetEnd(DayOf(now_ms));
    ASSERT_EQ(Debt(), 40);
  }
  void SetEnd(Day day) { Add(FundData{"street", 1'000'000, day}, /*is_new=*/false); }
  std::int64_t Debt() { return -BalanceOf("m1", "street", Sub::kDebt); }
  Outcome Propose(std::int64_t points = 0, const std::string& fund = "street", const std::string& member = "m1",
                  const std::string& by = "a0") {
    return Run(Staff(by), ProposeWaiver{{member, ""}, fund, points, "hardship"});
  }
  Outcome Waive(const Outcome& proposal, const std::string& by = "a2") { return Run(Staff(by), WaiveDebt{proposal.entry().sequence}); }
  static Facts FactsOf(const Outcome& outcome) { return RefusalOf(outcome.entry()).facts; }

  std::int64_t sale = -1;
};

TEST_F(WaiversTest, ADebtIsWaivedByTwoInPartsOrWhole) {
  const std::int64_t issued = Balance("issuance:street"), available = Balance("m1");
  const Outcome part = Propose(15);
  ASSERT_EQ(ReasonOf(part), Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(part.entry().data, Registration(WaiverData{"street", 15}));
  EXPECT_EQ(Debt(), 40);  // nothing moves yet
  const Outcome waived = Waive(part);
  ASSERT_EQ(ReasonOf(waived), Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(waived.entry().kind, Kind::kDebtWaived);
  EXPECT_EQ(waived.entry().reason, "hardship");
  EXPECT_EQ(waived.entry().member, "m1");
  EXPECT_EQ(Debt(), 25);
  const Outcome rest = Propose();
  EXPECT_EQ(rest.entry().data, Registration(WaiverData{"street", 25}));
  Waive(rest);
  EXPECT_EQ(Debt(), 0);
  EXPECT_EQ(Balance("debts:street"), 0);
  EXPECT_EQ(Balance("issuance:street"), issued);  // nothing is issued, nothing comes back
  EXPECT_EQ(Balance("m1"), available);
  EXPECT_EQ(FactsOf(Propose()), (Facts{{"max", "0"}}));
}

// Its proposer hears when it was carried out.
TEST_F(WaiversTest, AProposalIsUsedOnce) {
  const Outcome proposal = Propose(15);
  const std::string id = last_id;
  const Outcome waived = Waive(proposal);
  EXPECT_EQ(ReasonOf(Waive(proposal)), Reason::ALREADY_WAIVED);
  EXPECT_EQ(Debt(), 25);
  Origin again = Staff();
  again.request_id = id;
  const Outcome repeated = Run(again, ProposeWaiver{{"m1", ""}, "street", 15, "hardship"});
  EXPECT_TRUE(repeated.is_replayed);
  EXPECT_EQ(repeated.now, RequestState::kDone);
  EXPECT_EQ(repeated.now_sequence, waived.entry().sequence);
}

// Each row is refused for its own reason as long as those above it are mended.
TEST_F(WaiversTest, WhoAndWhatIsRefusedToPropose) {
  Add(Household("m5"));
  MemberData kin = Person("m2");
  kin.memberships = {{"m5", 20240101, 0}};
  Add(kin, false);
  kin = Person("m1");
  kin.memberships = {{"m5", 20240101, 0}};
  Add(kin, false);
  Add(Worker("a8", "m2"));
  EXPECT_EQ(ReasonOf(Propose(1, "nope", "")), Reason::MEMBER_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Propose(1, "nope", "mx")), Reason::MEMBER_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Propose(1, "nope", "m1", "a8")), Reason::FUND_NOT_FOUND);
  SetEnd(AddDays(DayOf(now_ms), 1));
  EXPECT_EQ(ReasonOf(Propose(99, "street", "m1", "a8")), Reason::SELF_DEALING);
  EXPECT_EQ(ReasonOf(Propose(99)), Reason::FUND_STILL_ISSUES);
  SetEnd(0);
  EXPECT_EQ(FactsOf(Propose(99)), (Facts{{"fund", "street"}}));
  SetEnd(DayOf(now_ms));
  EXPECT_EQ(ReasonOf(Propose(41)), Reason::WAIVER_EXCEEDS_DEBT);
  EXPECT_EQ(FactsOf(Propose(41)), (Facts{{"max", "40"}}));
  EXPECT_EQ(FactsOf(Propose(1, "street", "m3")), (Facts{{"max", "0"}}));  // somebody else's debt is none of theirs
  EXPECT_EQ(ReasonOf(Propose(-1)), Reason::FIELD_OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(Propose(40)), Reason::REASON_UNSPECIFIED);
}

TEST_F(WaiversTest, WhoAndWhatIsRefusedToConfirm) {
  Add(Worker("a3", "m3"));
  Add(Worker("a4", "m3"));
  Add(Worker("a1", "m1"));
  Add(FundData{"donor", 100'000, DayOf(now_ms)}, false);
  const Outcome proposal = Propose(40, "street", "m1", "a3");
  EXPECT_EQ(ReasonOf(Run(Corrector(), WaiveDebt{sale})), Reason::ENTRY_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Run(Corrector(), WaiveDebt{999})), Reason::ENTRY_NOT_FOUND);
  const Outcome undo = Run(Staff(), ProposeUndo{GiveBack(sale, 1).entry().sequence, "wrong_amount"});
  EXPECT_EQ(ReasonOf(Waive(undo)), Reason::ENTRY_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Run(Corrector(), redpoints::Undo{proposal.entry().sequence})), Reason::ENTRY_NOT_FOUND);
  // The refund has paid one of them. A fund that goes on again is worse.
  SetEnd(0);
  EXPECT_EQ(ReasonOf(Waive(proposal, "a1")), Reason::SELF_DEALING);
  EXPECT_EQ(ReasonOf(Waive(proposal, "a3")), Reason::MAKER_IS_CHECKER);
  EXPECT_EQ(ReasonOf(Waive(proposal, "a4")), Reason::MAKER_IS_CHECKER);  // the same person
  EXPECT_EQ(ReasonOf(Waive(proposal)), Reason::FUND_STILL_ISSUES);
  SetEnd(DayOf(now_ms));
  EXPECT_EQ(FactsOf(Waive(proposal)), (Facts{{"max", "39"}}));
  EXPECT_EQ(Debt(), 39);
  EXPECT_EQ(ReasonOf(Waive(Propose())), Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(Debt(), 0);
}

// What time gives back pays first: of a debt that it has paid nothing is waived.
TEST_F(WaiversTest, WhatIsDueByTimePaysFirst) {
  SetEnd(0);
  AwardPoints("m2", 3);
  const auto award = journal.back()->sequence;
  Reserve("m2", 20);
  Run(Corrector(), Correct{award, 0, "duplicate"});  // 10 are left, 20 are held: owed
  ASSERT_EQ(-BalanceOf("m2", "street", Sub::kDebt), 20);
  SetEnd(DayOf(now_ms));
  const Outcome early = Propose(20, "street", "m2");
  ASSERT_EQ(ReasonOf(early), Reason::REASON_UNSPECIFIED);
  now_ms += 4 * kMinuteMs;  // the hold is due, and nobody has ended it yet
  engine.SetTime(now_ms);
  EXPECT_EQ(FactsOf(Waive(early)), (Facts{{"max", "0"}}));
  EXPECT_EQ(FactsOf(Propose(0, "street", "m2")), (Facts{{"max", "0"}}));
  EXPECT_EQ(Balance("m2", Sub::kHeld), 0);
}

}  // namespace
}  // namespace redpoints
