// Two things that want the same points, ids or days, in each order. The engine sees them one after the other; what counts is that
// whoever comes second hears what the first has done.
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

class EngineRacesTest : public EngineTest {
 protected:
  EngineRacesTest() {
    SetUpProgram();
    AwardPoints("m1", 10);  // 100 of street, to 2025-04-01
  }
  Origin TillWithId() {
    Origin till = Till();
    till.request_id = NewId();
    return till;
  }
  Outcome Again(const Origin& origin, const Command& command) {
    const Outcome outcome = Run(origin, command);
    EXPECT_TRUE(outcome.is_replayed);
    return outcome;
  }
};

TEST_F(EngineRacesTest, ReversalBeforeTheOriginalMarksItForEver) {
  const Origin till = TillWithId();
  const std::int64_t reversal = Undo(till.request_id).entry().sequence;
  for (int i = 0; i < 2; ++i) {
    const Outcome late = Run(till, Redeem{Pay("m1"), Lines(30)});
    EXPECT_EQ(late.now, RequestState::kNeverSeen);
    EXPECT_FALSE(late.refusal);
    EXPECT_EQ(late.entry().sequence, reversal);
    Advance(40 * kDayMs);
  }
  EXPECT_EQ(Undo(till.request_id).entry().sequence, reversal);
  EXPECT_EQ(Balance("s1"), 0);
}

TEST_F(EngineRacesTest, ReversalThenRepetitionOfTheOriginal) {
  const Origin till = TillWithId();
  const Redeem redeem{Pay("m1"), Lines(30)};
  const std::int64_t sale = Run(till, redeem).entry().sequence;
  Undo(till.request_id);
  const Outcome again = Again(till, redeem);
  EXPECT_EQ(again.entry().sequence, sale);
  EXPECT_EQ(again.first, RequestState::kDone);
  EXPECT_EQ(again.now, RequestState::kReversed);
  EXPECT_EQ(Balance("m1"), 100);
}

TEST_F(EngineRacesTest, ARefusedSaleIsRefusedForEverAndItsReversalSaysSo) {
  const Origin till = TillWithId();
  const Redeem redeem{Pay("m1"), Lines(101)};
  EXPECT_EQ(ReasonOf(Run(till, redeem)), Reason::INSUFFICIENT_POINTS);
  AwardPoints("m1", 10);
  const Outcome reversal = Undo(till.request_id);
  EXPECT_EQ(reversal.first, RequestState::kDone);
  EXPECT_EQ(reversal.target->first, RequestState::kRefused);
  EXPECT_EQ(Again(till, redeem).now, RequestState::kRefused);
  EXPECT_EQ(Balance("m1"), 200);
}

TEST_F(EngineRacesTest, TwoCapturesOfOneHold) {
  const std::int64_t hold = Reserve("m1", 60).entry().sequence;
  EXPECT_EQ(Take(hold, 20).first, RequestState::kDone);
  EXPECT_EQ(ReasonOf(Take(hold, 20)), Reason::HOLD_ALREADY_CAPTURED);
  EXPECT_EQ(Balance("s1"), 20);
}

TEST_F(EngineRacesTest, ACaptureTakesNoMoreThanItsHold) {
  const std::int64_t hold = Reserve("m1", 60).entry().sequence;
  Reserve("m1", 10);  // held too, but not by this hold
  EXPECT_EQ(ReasonOf(Take(hold, 61)), Reason::CAPTURE_EXCEEDS_HOLD);
  EXPECT_EQ(RefusalOf(*journal.back()).facts, (std::vector<std::pair<std::string, std::string>>{{"max", "60"}}));
  EXPECT_EQ(Take(hold, 60).first, RequestState::kDone);
}

TEST_F(EngineRacesTest, CaptureAndVoid) {
  const std::int64_t first = Reserve("m1", 30).entry().sequence, second = Reserve("m1", 30).entry().sequence;
  Take(first), Release(second);
  EXPECT_EQ(ReasonOf(Release(first)), Reason::HOLD_ALREADY_CAPTURED);
  EXPECT_EQ(ReasonOf(Take(second)), Reason::HOLD_ALREADY_VOIDED);
  EXPECT_EQ(Balance("m1"), 70);
  EXPECT_EQ(Balance("m1", Sub::kHeld), 0);
}

TEST_F(EngineRacesTest, AHoldIsUndoneByItsOwnIdOpenCapturedOrEnded) {
  const Origin open = TillWithId(), captured = TillWithId(), ended = TillWithId(), timed_out = TillWithId();
  std::map<std::string, std::int64_t> holds;
  for (const Origin* till : {&open, &captured, &ended, &timed_out}) {
    holds[till->request_id] = Run(*till, Authorize{Pay("m1"), Lines(10)}).entry().sequence;
  }
  Take(holds[captured.request_id], 7);
  const std::string capture_id = last_id;
  Release(holds[ended.request_id]);
  for (const Origin* till : {&open, &captured, &ended}) {
    const Outcome reversal = Undo(till->request_id);
    EXPECT_EQ(reversal.first, RequestState::kDone);
    EXPECT_EQ(reversal.target->now, RequestState::kReversed);
  }
  Advance(180'000);
  EXPECT_EQ(Undo(timed_out.request_id).target->now, RequestState::kReversed);
  EXPECT_TRUE(Undo(capture_id).is_replayed);  // by the hold's reversal
  EXPECT_EQ(ReasonOf(Take(holds[open.request_id])), Reason::HOLD_ALREADY_VOIDED);
  EXPECT_EQ(Balance("m1"), 100);
  EXPECT_EQ(Balance("s1"), 0);
}

TEST_F(EngineRacesTest, ACaptureUndoneByItsIdReversesTheHoldToo) {
  const Origin till = TillWithId();
  const Authorize authorize{Pay("m1"), Lines(10)};
  const std::int64_t hold = Run(till, authorize).entry().sequence;
  Take(hold);
  const Outcome first = Undo(last_id);
  EXPECT_EQ(Again(till, authorize).now, RequestState::kReversed);
  EXPECT_EQ(Undo(till.request_id).entry().sequence, first.entry().sequence);
  EXPECT_EQ(Balance("m1"), 100);
}

TEST_F(EngineRacesTest, TwoRefundsOfOneSale) {
  const std::int64_t sale = Buy("m1", 30).entry().sequence;
  GiveBack(sale, 20);
  EXPECT_EQ(ReasonOf(GiveBack(sale, 11)), Reason::REFUND_EXCEEDS_REMAINDER);
  EXPECT_EQ(RefusalOf(*journal.back()).facts, (std::vector<std::pair<std::string, std::string>>{{"max", "10"}}));
  EXPECT_EQ(GiveBack(sale, 10).first, RequestState::kDone);
  EXPECT_EQ(ReasonOf(GiveBack(sale, 1)), Reason::REFUND_EXCEEDS_REMAINDER);
  EXPECT_EQ(Balance("s1"), 0);
}

TEST_F(EngineRacesTest, AReversalAfterRefundsGivesBackTheRest) {
  const Origin till = TillWithId();
  const Redeem redeem{Pay("m1"), Lines(30)};
  const std::int64_t sale = Run(till, redeem).entry().sequence;
  GiveBack(sale, 20);
  const Outcome reversal = Undo(till.request_id);
  EXPECT_EQ(reversal.entry().owed, (std::vector<Owed>{{"street", -10, -1000}}));
  EXPECT_EQ(reversal.target->refunded_points, 20);
  EXPECT_EQ(ReasonOf(GiveBack(sale, 1)), Reason::REDEMPTION_REVERSED);
  EXPECT_EQ(Balance("m1"), 100);
  EXPECT_EQ(Balance("s1"), 0);
  EXPECT_EQ(Again(till, redeem).refunded_points, 20);
}

TEST_F(EngineRacesTest, AReversalAfterAFullRefundMovesNothing) {
  const std::int64_t sale = Buy("m1", 30).entry().sequence;
  const std::string id = last_id;
  GiveBack(sale, 30);
  EXPECT_TRUE(MovesNothing(Undo(id).entry()));
  EXPECT_EQ(Balance("m1"), 100);
}

TEST_F(EngineRacesTest, TheReversalWindowIsOpenToItsLastMoment) {
  Buy("m1", 10);
  const std::string first = last_id;
  Buy("m1", 20);
  const std::string second = last_id;
  Advance(1'296'000'000);
  EXPECT_EQ(Undo(first).first, RequestState::kDone);
  Advance(1);
  EXPECT_EQ(ReasonOf(Undo(second)), Reason::REVERSAL_WINDOW_CLOSED);
  EXPECT_EQ(ReasonOf(Undo(second)), Reason::REVERSAL_WINDOW_CLOSED);
  EXPECT_EQ(Balance("m1"), 80);
}

TEST_F(EngineRacesTest, RefundsVoidsAndReversalsAreNotReversible) {
  const std::int64_t sale = Buy("m1", 30).entry().sequence;
  GiveBack(sale, 10);
  EXPECT_EQ(ReasonOf(Undo(last_id)), Reason::NOT_REVERSIBLE);
  Release(Reserve("m1", 10).entry().sequence);
  EXPECT_EQ(ReasonOf(Undo(last_id)), Reason::NOT_REVERSIBLE);
  Undo(journal[static_cast<std::size_t>(sale)]->request_id);
  EXPECT_EQ(ReasonOf(Undo(last_id)), Reason::NOT_REVERSIBLE);
}

TEST_F(EngineRacesTest, ARepetitionAcrossTheDayAnswersWithTheFirst) {
  const Origin till = TillWithId();
  const Redeem redeem{Pay("m1"), Lines(30)};
  const Outcome first = Run(till, redeem);
  Advance(40 * kDayMs);
  Adopt(RulebookJson("2024-2", AddDays(DayOf(now_ms), 1), R"({"max_points_per_redemption":1})"));
  Advance(kDayMs);
  const Outcome again = Again(till, redeem);
  EXPECT_EQ(again.entry(), first.entry());
  EXPECT_EQ(Balance("m1"), 70);
}

TEST_F(EngineRacesTest, SaleAndExpiryInEitherOrder) {
  AwardPoints("m1", 120, "VISIT");  // 4 of donor, to 2024-05-01
  Advance(StartOf(20240501) - 1 - now_ms);
  const std::int64_t sale = Buy("m1", 2).entry().sequence;
  EXPECT_EQ(LotsTaken(*journal[static_cast<std::size_t>(sale)]), (std::vector<Lot>{{"donor", 20240501, 2}}));
  Advance(1);
  EXPECT_EQ(LotsTaken(Buy("m1", 2).entry()), (std::vector<Lot>{{"street", 20250401, 2}}));
  EXPECT_EQ(Balance("expired"), 2);
}

TEST_F(EngineRacesTest, TwoShopsAndTheLastPoints) {
  EXPECT_EQ(Buy("m1", 60).first, RequestState::kDone);
  EXPECT_EQ(ReasonOf(Buy("m1", 60, "t2")), Reason::INSUFFICIENT_POINTS);
  Reserve("m1", 40);
  EXPECT_EQ(ReasonOf(Buy("m1", 1, "t2")), Reason::INSUFFICIENT_POINTS);  // held points are gone for others
}

// --- one actor and another -------------------------------------------------------------------------------------------------------

TEST_F(EngineRacesTest, OneActorNeverSeesBlocksOrReversesAnothersIds) {
  Origin mine = TillWithId();
  Add(TerminalData{.id = "t9", .merchant = "s1"});  // another lane of the same shop
  Origin other = Till("t9", "s1");
  const Redeem redeem{Pay("m1"), Lines(30)};
  other.request_id = NewId();
  EXPECT_EQ(Run(other, Reverse{mine.request_id}).first, RequestState::kDone);  // marks its own id of that name
  EXPECT_EQ(Run(mine, redeem).first, RequestState::kDone);                     // and blocks nothing
  other.request_id = NewId();
  Run(other, Reverse{mine.request_id});
  EXPECT_EQ(Again(mine, redeem).now, RequestState::kDone);
  other.request_id = mine.request_id;
  EXPECT_EQ(Run(other, redeem).now, RequestState::kNeverSeen);
  EXPECT_EQ(Balance("m1"), 70);
}

TEST_F(EngineRacesTest, AnotherShopFindsNothing) {
  const std::int64_t hold = Reserve("m1", 30).entry().sequence, sale = Buy("m1", 10).entry().sequence;
  const auto before = journal.size();
  const Origin other = Till("t2", "s2");
  EXPECT_EQ(ReasonOf(Run(other, Capture{hold, 0})), Reason::HOLD_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Run(other, Void{hold})), Reason::HOLD_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Run(other, Refund{sale, 1})), Reason::REDEMPTION_NOT_FOUND);
  for (const std::int64_t nothing : {std::int64_t{-1}, std::int64_t{0}, sale, hold + 1'000'000}) {
    EXPECT_EQ(ReasonOf(Take(nothing)), Reason::HOLD_NOT_FOUND) << nothing;
  }
  for (const std::int64_t nothing : {std::int64_t{-1}, std::int64_t{0}, hold, hold + 1'000'000}) {
    EXPECT_EQ(ReasonOf(GiveBack(nothing, 1)), Reason::REDEMPTION_NOT_FOUND) << nothing;
    EXPECT_EQ(ReasonOf(Run(Corrector(), Correct{nothing, 1, "duplicate"})), Reason::AWARD_NOT_FOUND) << nothing;
  }
  EXPECT_EQ(journal.size(), before);
  Release(hold);
  EXPECT_EQ(ReasonOf(Run(other, Void{hold})), Reason::HOLD_NOT_FOUND);  // nor after its end
}

TEST_F(EngineRacesTest, AnUnrecordedRefusalLeavesTheIdFree) {
  const Origin till = TillWithId();
  EXPECT_EQ(ReasonOf(Run(till, Redeem{Pay("m1"), {{"NOPE", 1, 30, 0}}})), Reason::OFFER_NOT_FOUND);
  EXPECT_EQ(Run(till, Redeem{Pay("m1"), Lines(30)}).first, RequestState::kDone);
  EXPECT_EQ(ReasonOf(Run(till, Redeem{Pay("m1"), Lines(31)})), Reason::REQUEST_ID_REUSED);
  EXPECT_EQ(ReasonOf(Run(till, Void{7})), Reason::REQUEST_ID_REUSED);
}

// --- batches ---------------------------------------------------------------------------------------------------------------------

TEST_F(EngineRacesTest, ItemsOfABatchSeeEachOther) {
  AwardItem meeting = Item("m1", "MEETING", 1);
  meeting.session = "s-1";
  Origin staff = Staff();
  staff.request_id = NewId();
  const AwardBatch batch{{meeting, Item("m1", "VISIT", 90), meeting, Item("m1", "VISIT", 90), Item("m1", "VISIT", 90)}};
  const Outcome outcome = Run(staff, batch);
  ASSERT_EQ(outcome.entries.size(), 5u);
  EXPECT_EQ(outcome.entries[2]->refusal, "SESSION_ALREADY_AWARDED");
  EXPECT_EQ(Balance("m1"), 100 + 5 + 4);  // the day's cap of 4 in all
  EXPECT_FALSE(outcome.entries[1]->cap_hit);
  EXPECT_TRUE(outcome.entries[3]->cap_hit);
  EXPECT_TRUE(outcome.entries[4]->cap_hit);
  EXPECT_TRUE(MovesNothing(*outcome.entries[4]));
  const Outcome again = Again(staff, batch);
  ASSERT_EQ(again.entries.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(*again.entries[i], *outcome.entries[i]) << i;
}

TEST_F(EngineRacesTest, AnUnrecordedRefusalOfOneItemLeavesNothingOfTheBatch) {
  const auto before = journal.size();
  const Outcome outcome = Run(Staff(), AwardBatch{{Item("m1", "PATROL", 1), Item("m99", "PATROL", 1)}});
  EXPECT_EQ(ReasonOf(outcome), Reason::MEMBER_NOT_FOUND);
  EXPECT_EQ(outcome.refusal->facts, (std::vector<std::pair<std::string, std::string>>{{"field", "items[1].member"}}));
  EXPECT_EQ(journal.size(), before);
}

TEST_F(EngineRacesTest, ABatchAfterAMonthsEndStaysInOnePiece) {
  AwardPoints("m1", 120, "VISIT"), AwardPoints("m2", 120, "VISIT");  // to 2024-05-01
  now_ms = StartOf(20240501);
  engine.SetTime(now_ms);  // the sweep has not come
  Origin staff = Staff();
  staff.request_id = NewId();
  const AwardBatch batch{{Item("m1", "PATROL", 1), Item("m2", "PATROL", 1)}};
  const Outcome outcome = Run(staff, batch);
  EXPECT_EQ(outcome.entries[1]->sequence, outcome.entries[0]->sequence + 1);
  EXPECT_EQ(*Again(staff, batch).entries[1], *outcome.entries[1]);
}

// --- corrections -----------------------------------------------------------------------------------------------------------------

TEST_F(EngineRacesTest, CorrectionsFollowEachOther) {
  const std::int64_t award = AwardPoints("m2", 10).entry().sequence;
  const auto correct = [&](std::int64_t quantity) { return Run(Corrector(), Correct{award, quantity, "wrong_quantity"}); };
  correct(3);
  EXPECT_EQ(Balance("m2"), 30);
  correct(20);
  EXPECT_EQ(Balance("m2"), 200);
  correct(0);
  EXPECT_EQ(Balance("m2"), 0);
  EXPECT_EQ(Balance("m2", Sub::kAvailable, "MINUTE"), 0);
  EXPECT_TRUE(MovesNothing(correct(0).entry()));
  correct(10);
  EXPECT_EQ(Balance("m2"), 100);
  EXPECT_EQ(Balance("issuance:street"), -200);
}

TEST_F(EngineRacesTest, ACorrectionFreesItsShareOfACap) {
  const std::int64_t first = AwardPoints("m2", 90, "VISIT").entry().sequence;   // 3 of 4
  const std::int64_t second = AwardPoints("m2", 90, "VISIT").entry().sequence;  // 1
  EXPECT_EQ(Balance("m2"), 4);
  Run(Corrector(), Correct{first, 30, "wrong_quantity"});
  EXPECT_EQ(Balance("m2"), 2);
  const Outcome again = Run(Corrector(), Correct{second, 90, "wrong_quantity"});  // the same quantity: what the cap leaves now
  EXPECT_EQ(Balance("m2"), 4);
  EXPECT_FALSE(again.entry().cap_hit);
  EXPECT_TRUE(AwardPoints("m2", 30, "VISIT").entry().cap_hit);
}

TEST_F(EngineRacesTest, WithoutDebtsACorrectionOfSpentPointsIsRefused) {
  Adopt(RulebookJson("2024-2", 20240316, "{}", "{}"));
  Advance(kDayMs);
  const std::int64_t award = AwardPoints("m2", 10).entry().sequence;
  Buy("m2", 90);
  EXPECT_EQ(ReasonOf(Run(Corrector(), Correct{award, 0, "duplicate"})), Reason::CORRECTION_EXCEEDS_BALANCE);
  EXPECT_EQ(RefusalOf(*journal.back()).facts, (std::vector<std::pair<std::string, std::string>>{{"short_by", "90"}}));
  EXPECT_EQ(Run(Corrector(), Correct{award, 9, "wrong_quantity"}).first, RequestState::kDone);
  EXPECT_EQ(Balance("m2"), 0);
}

TEST_F(EngineRacesTest, PointsHeldAreNotThereToCorrect) {
  const std::int64_t award = AwardPoints("m2", 10).entry().sequence;
  const std::int64_t hold = Reserve("m2", 80).entry().sequence;
  Run(Corrector(), Correct{award, 0, "duplicate"});
  EXPECT_EQ(Balance("m2", Sub::kDebt), -80);
  Release(hold);  // what comes back pays the debt
  EXPECT_EQ(Balance("m2"), 0);
  EXPECT_EQ(Balance("m2", Sub::kDebt), 0);
  EXPECT_EQ(Balance("issuance:street"), -100);  // m1's
}

// --- past lots -------------------------------------------------------------------------------------------------------------------

TEST_F(EngineRacesTest, ARefundIntoAPastLotGetsAGraceLot) {
  Adopt(RulebookJson("2024-2", 20240316, "{}", R"({"past_lot":"GRACE","grace_days":20})"));
  Advance(kDayMs);
  AwardPoints("m2", 120, "VISIT");  // 4 of donor, to 2024-05-01
  AwardPoints("m2", 1);             // 10 of street, to 2025-04-01
  const std::int64_t sale = Buy("m2", 6).entry().sequence;
  Advance(StartOf(20240515) - now_ms);
  const Outcome refund = GiveBack(sale, 6);  // 2024-05-15 and 20 days: June
  EXPECT_EQ(Lots("m2"), (std::vector<Lot>{{"donor", 20240701, 4, 20240501}, {"street", 20250401, 10}}));
  EXPECT_EQ(refund.entry().owed, (std::vector<Owed>{{"donor", -4, -133, RoundingRule::kHalfUp}, {"street", -2, -200}}));
}

TEST_F(EngineRacesTest, APartRefundGoesIntoTheLastLotsFirst) {
  AwardPoints("m2", 120, "VISIT");  // 4 of donor, to 2024-05-01
  AwardPoints("m2", 1);             // 10 of street, to 2025-04-01
  const std::int64_t sale = Buy("m2", 6).entry().sequence;
  Advance(StartOf(20240515) - now_ms);
  GiveBack(sale, 2);
  EXPECT_EQ(Balance("m2"), 10);
  GiveBack(sale, 3);
  EXPECT_EQ(Balance("m2"), 10);
  EXPECT_EQ(Balance("expired"), 3);
}

}  // namespace
}  // namespace redpoints
