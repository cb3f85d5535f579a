#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

TEST_F(EngineTest, RedeemMovesPointsToTheShopAndFreezesWhatIsOwed) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const Outcome sale = Buy("m1", 30);
  EXPECT_EQ(sale.first, RequestState::kDone);
  EXPECT_EQ(Balance("m1"), 70);
  EXPECT_EQ(Balance("s1"), 30);
  EXPECT_EQ(sale.entry().owed, (std::vector<Owed>{{"street", 30, 3000}}));
}

TEST_F(EngineTest, SoonestEndingLotIsSpentFirst) {
  SetUpProgram();
  AwardPoints("m1", 1);             // 10 of street, to 2025-04-01
  AwardPoints("m1", 120, "VISIT");  // 4 of donor, to 2024-05-01
  const Outcome sale = Buy("m1", 5);
  EXPECT_EQ(LotsTaken(sale.entry()), (std::vector<Lot>{{"donor", 20240501, 4}, {"street", 20250401, 1}}));
  EXPECT_EQ(sale.entry().owed, (std::vector<Owed>{{"donor", 4, 133, RoundingRule::kHalfUp}, {"street", 1, 100}}));
}

TEST_F(EngineTest, TooFewPointsAreRefusedForEver) {
  SetUpProgram();
  AwardPoints("m1", 1);
  Origin till = Till();
  till.request_id = NewId();
  EXPECT_EQ(ReasonOf(Run(till, Redeem{Pay("m1"), Lines(30)})), Reason::INSUFFICIENT_POINTS);
  AwardPoints("m1", 10);
  const Outcome again = Run(till, Redeem{Pay("m1"), Lines(30)});
  EXPECT_EQ(ReasonOf(again), Reason::INSUFFICIENT_POINTS);
  EXPECT_TRUE(again.is_replayed);
  EXPECT_TRUE(RefusalOf(again.entry()).facts.empty());  // 20 of 30 are missing: more than a tenth is not told
}

TEST_F(EngineTest, SameIdOtherContentIsReused) {
  SetUpProgram();
  AwardPoints("m1", 10);
  Origin till = Till();
  till.request_id = NewId();
  Run(till, Redeem{Pay("m1"), Lines(30)});
  EXPECT_EQ(ReasonOf(Run(till, Redeem{Pay("m1"), Lines(31)})), Reason::REQUEST_ID_REUSED);
  EXPECT_EQ(Balance("m1"), 70);
}

TEST_F(EngineTest, PartialCaptureGivesTheRestBack) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const Outcome hold = Reserve("m1", 60);
  EXPECT_EQ(hold.first, RequestState::kPending);
  EXPECT_EQ(Balance("m1", Sub::kHeld), 60);
  const Outcome capture = Take(hold.entry().sequence, 45);
  EXPECT_EQ(capture.first, RequestState::kDone);
  EXPECT_EQ(Balance("m1"), 55);
  EXPECT_EQ(Balance("m1", Sub::kHeld), 0);
  EXPECT_EQ(Balance("s1"), 45);
  EXPECT_EQ(ReasonOf(Take(hold.entry().sequence)), Reason::HOLD_ALREADY_CAPTURED);
  EXPECT_EQ(ReasonOf(Release(hold.entry().sequence)), Reason::HOLD_ALREADY_CAPTURED);
}

TEST_F(EngineTest, HoldEndsByTimeAndItsLotsComeBack) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const auto before = Lots("m1");
  const Outcome hold = Reserve("m1", 60);
  Advance(180'000);
  EXPECT_EQ(Balance("m1"), 100);
  EXPECT_EQ(Lots("m1"), before);
  EXPECT_EQ(ReasonOf(Take(hold.entry().sequence)), Reason::HOLD_EXPIRED);
}

TEST_F(EngineTest, RefundsAddUpToExactlyWhatWasOwed) {
  SetUpProgram();
  AwardPoints("m1", 120, "VISIT");  // 4 of donor at 100 fen for 3 points
  const Outcome sale = Buy("m1", 4);
  std::int64_t fen = sale.entry().owed.at(0).fen;
  for (int i = 0; i < 4; ++i) fen += GiveBack(sale.entry().sequence, 1).entry().owed.at(0).fen;
  EXPECT_EQ(fen, 0);
  EXPECT_EQ(Balance("m1"), 4);
  EXPECT_EQ(ReasonOf(GiveBack(sale.entry().sequence, 1)), Reason::REFUND_EXCEEDS_REMAINDER);
}

TEST_F(EngineTest, RefundIntoAPastLotExpires) {
  SetUpProgram();
  AwardPoints("m1", 120, "VISIT");  // ends 2024-05-01
  const Outcome sale = Buy("m1", 4);
  Advance(60 * kDayMs);
  EXPECT_EQ(GiveBack(sale.entry().sequence, 4).first, RequestState::kDone);
  EXPECT_EQ(Balance("m1"), 0);
  EXPECT_EQ(Balance("expired"), 4);
}

TEST_F(EngineTest, ReversalUndoesAndRepeats) {
  SetUpProgram();
  AwardPoints("m1", 10);
  Buy("m1", 30);
  const std::string id = last_id;
  const Outcome first = Undo(id);
  EXPECT_EQ(first.first, RequestState::kDone);
  EXPECT_EQ(first.target->now, RequestState::kReversed);
  EXPECT_EQ(Balance("m1"), 100);
  const Outcome second = Undo(id);
  EXPECT_TRUE(second.is_replayed);
  EXPECT_EQ(second.entry().sequence, first.entry().sequence);
}

TEST_F(EngineTest, ReversalBeforeTheOriginalStopsIt) {
  SetUpProgram();
  AwardPoints("m1", 10);
  Origin till = Till();
  till.request_id = NewId();
  EXPECT_EQ(Undo(till.request_id).first, RequestState::kDone);
  EXPECT_EQ(Run(till, Redeem{Pay("m1"), Lines(30)}).now, RequestState::kNeverSeen);
  EXPECT_EQ(Balance("m1"), 100);
  Undo(till.request_id, "t2");  // another terminal's ids are its own
  EXPECT_EQ(Run(till, Redeem{Pay("m1"), Lines(30)}).now, RequestState::kNeverSeen);
}

TEST_F(EngineTest, LimitsAreGivenBackByReversalButNotByRefund) {
  SetUpProgram(RulebookJson("2024-1", 20240101, R"({"max_points_per_member_day":50})"));
  AwardPoints("m1", 10);
  const Outcome sale = Buy("m1", 50);
  GiveBack(sale.entry().sequence, 50);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::LIMIT_EXCEEDED);
  Advance(kDayMs);
  Buy("m1", 50);
  Undo(last_id);
  EXPECT_EQ(Buy("m1", 50).first, RequestState::kDone);
}

TEST_F(EngineTest, AReversalCannotNameItself) {
  SetUpProgram();
  Origin till = Till();
  till.request_id = NewId();
  EXPECT_EQ(ReasonOf(Run(till, Reverse{till.request_id})), Reason::FIELD_INVALID);
  EXPECT_EQ(Run(till, Reverse{NewId()}).first, RequestState::kDone);
}

// A reversal says "undone, or will never happen": not of a batch whose first item only was refused.
TEST_F(EngineTest, ABatchIsNotReversibleWhateverBecameOfItsFirstItem) {
  SetUpProgram();
  Run(Staff(), AwardBatch{{Item("m1", "PATROL", 5000), Item("m2", "PATROL", 1)}});
  EXPECT_EQ(ReasonOf(Run(Staff(), Reverse{last_id})), Reason::NOT_REVERSIBLE);
  Run(Staff(), Award{Item("m1", "PATROL", 5000)});
  EXPECT_EQ(Run(Staff(), Reverse{last_id}).first, RequestState::kDone);
}

}  // namespace
}  // namespace redpoints
