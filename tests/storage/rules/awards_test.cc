#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

TEST_F(EngineTest, AwardCreditsEveryUnitOfTheActivity) {
  SetUpProgram();
  const Outcome award = AwardPoints("m1", 2);
  EXPECT_EQ(award.first, RequestState::kDone);
  EXPECT_EQ(Balance("m1"), 20);
  EXPECT_EQ(Balance("m1", Sub::kAvailable, "MINUTE"), 120);
  EXPECT_EQ(Balance("issuance:street"), -20);
  EXPECT_EQ(Lots("m1"), (std::vector<Lot>{{"street", 20250401, 20}}));
}

TEST_F(EngineTest, CapLeavesAnAwardOfZero) {
  SetUpProgram();
  EXPECT_EQ(Balance("m1"), 0);
  const Outcome first = AwardPoints("m1", 150, "VISIT");
  EXPECT_TRUE(first.entry().cap_hit);
  EXPECT_EQ(Balance("m1"), 4);
  const Outcome second = AwardPoints("m1", 60, "VISIT");
  EXPECT_EQ(second.first, RequestState::kDone);
  EXPECT_TRUE(MovesNothing(second.entry()));
  Advance(kDayMs);
  AwardPoints("m1", 60, "VISIT");
  EXPECT_EQ(Balance("m1"), 6);
}

TEST_F(EngineTest, CorrectionOfSpentPointsLeavesADebtThatLaterAwardsPay) {
  SetUpProgram();
  const Outcome award = AwardPoints("m1", 10);
  Buy("m1", 90);
  Run(Corrector(), Correct{award.entry().sequence, 4, "wrong_quantity"});
  EXPECT_EQ(Balance("m1"), 0);
  EXPECT_EQ(Balance("m1", Sub::kDebt), -50);
  EXPECT_EQ(Balance("debts:street"), 50);
  EXPECT_EQ(Balance("m1", Sub::kAvailable, "MINUTE"), 240);
  AwardPoints("m1", 6);
  EXPECT_EQ(Balance("m1"), 10);
  EXPECT_EQ(Balance("m1", Sub::kDebt), 0);
}

TEST_F(EngineTest, LotsExpireBeforeTheDayIsClosed) {
  SetUpProgram();
  AwardPoints("m1", 120, "VISIT");
  Advance(47 * kDayMs);  // 2024-05-01
  EXPECT_EQ(Balance("m1"), 0);
  EXPECT_EQ(Balance("expired"), 4);
  EXPECT_EQ(journal.back()->kind, Kind::kDayClosed);
  EXPECT_EQ(std::get<DayData>(journal.back()->data).day, 20240430);
}

// Points that ended unspent were never anybody's: a correction of their award takes those, before others or a debt.
TEST_F(EngineTest, ACorrectionOfPointsThatEndedTakesThoseFirst) {
  SetUpProgram();
  const std::int64_t kept = AwardPoints("m1", 120, "VISIT").entry().sequence, spent = AwardPoints("m2", 120, "VISIT").entry().sequence;
  Buy("m2", 3);
  Advance(47 * kDayMs);  // 2024-05-01: 4 points of m1 and 1 of m2 end
  EXPECT_EQ(Balance("expired"), 5);
  AwardPoints("m1", 60, "VISIT"), AwardPoints("m2", 60, "VISIT");
  EXPECT_EQ(Run(Corrector(), Correct{kept, 30, "wrong_quantity"}).first, RequestState::kDone);
  EXPECT_EQ(Balance("expired"), 2);
  EXPECT_EQ(Run(Corrector(), Correct{kept, 0, "wrong_quantity"}).first, RequestState::kDone);
  EXPECT_EQ(Balance("expired"), 1);
  EXPECT_EQ(Balance("m1"), 2);
  EXPECT_EQ(Balance("m1", Sub::kDebt), 0);
  EXPECT_EQ(Run(Corrector(), Correct{spent, 0, "wrong_quantity"}).first, RequestState::kDone);
  EXPECT_EQ(Balance("expired"), 0);
  EXPECT_EQ(Balance("m2"), 0);
  EXPECT_EQ(Balance("m2", Sub::kDebt), -1);
  EXPECT_EQ(Balance("issuance:donor"), -5);  // 2 left to m1 and 3 at the shop: what is owed frees nothing
  EXPECT_EQ(Balance("debts:donor"), 1);
}

TEST_F(EngineTest, BatchItemsAreJudgedEachForItself) {
  SetUpProgram();
  AwardBatch batch{{Item("m1", "PATROL", 1), Item("m2", "PATROL", 5000), Item("m3", "PATROL", 2)}};
  const Outcome outcome = Run(Staff(), batch);
  ASSERT_EQ(outcome.entries.size(), 3u);
  EXPECT_EQ(outcome.entries[1]->refusal, "QUANTITY_OUT_OF_BOUNDS");
  EXPECT_EQ(Balance("m1") + Balance("m2") + Balance("m3"), 30);
}

TEST_F(EngineTest, DonationGoesToThePool) {
  SetUpProgram();
  AwardPoints("m1", 1);
  EXPECT_EQ(Run(Staff(), Donate{{"m1", ""}, 4}).first, RequestState::kDone);
  EXPECT_EQ(Balance("pool"), 4);
}

// One row for each refusal of an award, in order of precedence.
TEST_F(EngineTest, AwardRefusals) {
  SetUpProgram();
  Add(Household("mhouse"));
  MemberData self = Person("mself"), gone = Person("mgone");
  self.memberships = {{"mhouse", 20240101, 0}};
  gone.state = RegistrationState::kSuspended;
  Add(self), Add(gone);
  Add(Worker("a1", "mself"));
  Run(Staff(), Award{[&] {
        auto i = Item("m2", "MEETING", 1);
        i.session = "s-1";
        return i;
      }()});
  struct Case {
    const char* what;
    Reason reason;
    std::function<void(AwardItem&)> change;
    std::string actor = "a0";
  };
  const std::vector<Case> cases = {
      {"unknown member", Reason::MEMBER_NOT_FOUND, [](AwardItem& i) { i.member.id = "m99"; }},
      {"no rulebook then", Reason::RULEBOOK_NOT_FOUND, [](AwardItem& i) { i.effective_day = 20231231; }},
      {"unknown activity", Reason::ACTIVITY_NOT_FOUND, [](AwardItem& i) { i.activity = "NOPE"; }},
      {"self", Reason::SELF_DEALING, [](AwardItem& i) { i.member.id = "mself"; }, "a1"},
      {"own household", Reason::SELF_DEALING, [](AwardItem& i) { i.member.id = "mhouse"; }, "a1"},
      {"suspended", Reason::MEMBER_SUSPENDED, [](AwardItem& i) { i.member.id = "mgone"; }},
      {"future", Reason::DAY_IN_FUTURE, [](AwardItem& i) { i.effective_day = 20240316; }},
      {"too old", Reason::DAY_TOO_OLD, [](AwardItem& i) { i.effective_day = 20240110; }},
      {"of points that ended", Reason::LOT_ALREADY_PAST,
       [](AwardItem& i) { i.activity = "VISIT", i.effective_day = 20240120, i.quantity = 30; }},
      {"same session", Reason::SESSION_ALREADY_AWARDED,
       [](AwardItem& i) { i.member.id = "m2", i.activity = "MEETING", i.session = "s-1", i.quantity = 1; }},
      {"no session", Reason::DETAIL_REQUIRED, [](AwardItem& i) { i.activity = "MEETING", i.quantity = 1; }},
      {"no case", Reason::DETAIL_REQUIRED, [](AwardItem& i) { i.activity = "REPORT", i.quantity = 1; }},
      {"wrong group", Reason::GROUP_NOT_ELIGIBLE, [](AwardItem& i) { i.group = Group::kNewOrganisations; }},
      {"group of another activity", Reason::GROUP_NOT_ELIGIBLE,
       [](AwardItem& i) { i.activity = "MEETING", i.session = "s-2", i.group = Group::kResidents, i.quantity = 1; }},
      {"too much", Reason::QUANTITY_OUT_OF_BOUNDS, [](AwardItem& i) { i.quantity = 1001; }},
  };
  for (const Case& c : cases) {
    AwardItem item = Item("m1", "PATROL", 1);
    c.change(item);
    const auto before = journal.size();
    EXPECT_EQ(ReasonOf(Run(Staff(c.actor), Award{item})), c.reason) << c.what;
    EXPECT_EQ(journal.size() - before, IsRecorded(c.reason) ? 1u : 0u) << c.what;
  }
  Add(FundData{"street", 10}, /*is_new=*/false);
  EXPECT_EQ(ReasonOf(AwardPoints("m1", 2)), Reason::FUND_BUDGET_EXCEEDED);
}

// An award withdrawn frees its session once; withdrawing it again must not free the session that another award has taken meanwhile.
TEST_F(EngineTest, WithdrawingTwiceDoesNotFreeASessionAwardedAgain) {
  SetUpProgram();
  AwardItem item = Item("m1", "MEETING", 1);
  item.session = "s-1";
  const std::int64_t first = Run(Staff(), Award{item}).entry().sequence;
  Run(Corrector(), Correct{first, 0, "deed_not_done"});
  EXPECT_EQ(Run(Staff(), Award{item}).first, RequestState::kDone);
  Run(Corrector(), Correct{first, 0, "deed_not_done"});
  EXPECT_EQ(ReasonOf(Run(Staff(), Award{item})), Reason::SESSION_ALREADY_AWARDED);
  EXPECT_EQ(ReasonOf(Run(Corrector(), Correct{first, 1, "deed_not_done"})), Reason::SESSION_ALREADY_AWARDED);
}

// The cap of one unit is told though the next unit has none.
TEST_F(EngineTest, ACapOfAnyUnitIsSaid) {
  std::string json = RulebookJson();
  const std::string from = R"("lot_validity":{"months":12}})";
  json.replace(json.find(from), from.size(), R"("lot_validity":{"months":12},"caps":[{"period":"DAY","unit":"POINT","max_amount":15}]})");
  SetUpProgram(json);
  EXPECT_FALSE(AwardPoints("m1", 1).entry().cap_hit);
  EXPECT_TRUE(AwardPoints("m1", 1).entry().cap_hit);
  EXPECT_EQ(Balance("m1"), 15);
  EXPECT_EQ(Balance("m1", Sub::kAvailable, "MINUTE"), 120);
}

TEST_F(EngineTest, ASessionCalledLikeAYearHasACapOfItsOwn) {
  std::string json = RulebookJson();
  const std::string from = R"("session_required":true,)";
  json.replace(json.find(from), from.size(),
               from + R"("caps":[{"period":"SESSION","unit":"POINT","max_amount":5},{"period":"YEAR","unit":"POINT","max_amount":12}],)");
  SetUpProgram(json);
  for (const char* session : {"s-1", "2024", "s-2"}) {
    AwardItem item = Item("m1", "MEETING", 1);
    item.session = session;
    Run(Staff(), Award{item});
  }
  EXPECT_EQ(Balance("m1"), 12);
}

// Half hours that count on with the next: the points of a month are what all its quantity earns, in whatever order it was put right.
class EngineCarryTest : public EngineTest {
 protected:
  EngineCarryTest() { SetUpProgram(); }
  std::int64_t Watch() { return AwardPoints("m1", 30, "WATCH").entry().sequence; }
  void Put(std::int64_t award, std::int64_t quantity) {
    EXPECT_EQ(Run(Corrector(), Correct{award, quantity, "put_right"}).first, RequestState::kDone);
  }
};

TEST_F(EngineCarryTest, ACorrectionToTheSameQuantityMovesNothing) {
  std::vector<std::int64_t> awards;
  for (int i = 0; i < 8; ++i) awards.push_back(Watch());
  EXPECT_EQ(Balance("m1"), 4);
  for (const std::int64_t award : awards) {
    Put(award, 30);
    EXPECT_TRUE(MovesNothing(*journal.back()));
  }
}

TEST_F(EngineCarryTest, WithdrawingAndBringingBackMakesNoPoints) {
  const std::int64_t first = Watch(), second = Watch();
  Put(first, 0);
  EXPECT_EQ(Balance("m1"), 1);  // later awards stay
  Put(first, 30);
  EXPECT_EQ(Balance("m1"), 1);
  Put(first, 60);
  EXPECT_EQ(Balance("m1"), 1);  // an hour and a half
  Put(second, 60);
  EXPECT_EQ(Balance("m1"), 2);
}

// Each time the half hour that earned nothing is withdrawn, the next takes up what was paid too early.
TEST_F(EngineCarryTest, WhatWasPaidTooEarlyIsNotPaidAgain) {
  for (int i = 0; i < 6; ++i) {
    const Outcome award = AwardPoints("m1", 30, "WATCH"), other = AwardPoints("m1", 30, "WATCH");
    Put((MovesNothing(award.entry()) ? award : other).entry().sequence, 0);
  }
  EXPECT_LE(Balance("m1"), 4);  // six half hours, and one point at most that was right when it was given
}

TEST_F(EngineCarryTest, AnAwardSaysFromWhatItGoesOn) {
  Watch();
  EXPECT_EQ(journal.back()->carried, Carried{});
  const std::int64_t second = Watch();
  EXPECT_EQ(journal.back()->carried, (Carried{30, 0}));
  Watch();
  EXPECT_EQ(journal.back()->carried, (Carried{60, 1}));
  Put(second, 30);
  EXPECT_EQ(journal.back()->carried, (Carried{60, 0}));  // the others'
}

}  // namespace
}  // namespace redpoints
