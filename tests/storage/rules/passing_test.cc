// What happens because time passes: holds end, lots expire, days close.
#include <limits>

#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

class EngineTimeTest : public EngineTest {
 protected:
  // Time passes, but its work waits.
  void AdvanceOnly(std::int64_t ms) {
    now_ms += ms;
    engine.SetTime(now_ms);
  }
  bool CatchUp(std::size_t entries_max) {
    const bool is_done = engine.CatchUpWithTime(entries_max);
    Collect();
    return is_done;
  }
  void GoTo(std::int64_t ms) { AdvanceOnly(ms - now_ms); }
  std::vector<Kind> KindsFrom(std::size_t first) const {
    std::vector<Kind> kinds;
    for (std::size_t i = first; i < journal.size(); ++i) kinds.push_back(journal[i]->kind);
    return kinds;
  }
  // 4 points that end on 2024-05-01.
  void AwardUntilMay(const std::string& member) {
    AwardItem item = Item(member, "VISIT", 120);
    item.effective_day = 20240331;
    Run(Staff(), Award{item});
  }
};

using Kinds = std::vector<Kind>;

TEST_F(EngineTimeTest, ExpiryIsWrittenBeforeAHoldsEndTouchesTheAccount) {
  GoTo(StartOf(20240501) - kMinuteMs);  // 23:59
  SetUpProgram();
  Add(Person("m5"));
  std::map<std::string, std::int64_t> holds;
  std::map<std::string, std::string> ids;
  for (const char* member : {"m1", "m2", "m3", "m4", "m5"}) {
    AwardUntilMay(member);
    holds[member] = Reserve(member, 2).entry().sequence;
    ids[member] = last_id;
  }
  AdvanceOnly(2 * kMinuteMs);
  struct Case {
    const char* member;
    Kind kind;
    std::int64_t ended;  // points of the hold that come back, and are past
    std::function<void(const char* member)> end;
  };
  const std::vector<Case> cases = {
      {"m1", Kind::kVoid, 2, [&](const char* m) { Release(holds[m]); }},
      {"m2", Kind::kCapture, 0, [&](const char* m) { Take(holds[m]); }},
      {"m3", Kind::kCapture, 1, [&](const char* m) { Take(holds[m], 1); }},
      {"m4", Kind::kReversal, 2, [&](const char* m) { Undo(ids[m]); }},
      {"m5", Kind::kHoldExpired, 2, [&](const char*) { AdvanceOnly(kMinuteMs), CatchUp(1); }},
  };
  for (const Case& c : cases) {
    const std::size_t before = journal.size();
    const std::int64_t expired = Balance("expired");
    c.end(c.member);
    EXPECT_EQ(KindsFrom(before), (Kinds{Kind::kExpiry, c.kind})) << c.member;
    EXPECT_EQ(Balance(c.member), 0) << c.member;
    EXPECT_EQ(Balance("expired") - expired, 2 + c.ended) << c.member;  // 2 were not held
  }
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::INSUFFICIENT_POINTS);
  EXPECT_EQ(Balance("expired"), 5 * 4 - 3);
}

// They ended unspent, like those that were never spent.
TEST_F(EngineTimeTest, ACorrectionTakesPointsGivenBackIntoAPastLot) {
  GoTo(StartOf(20240501) - kMinuteMs);
  SetUpProgram();
  AwardUntilMay("m1"), AwardUntilMay("m2");
  const std::int64_t last_award = journal.back()->sequence;
  const Outcome sale = Buy("m1", 4);
  Buy("m2", 4);
  AdvanceOnly(2 * kMinuteMs);
  Undo(last_id);
  GiveBack(sale.entry().sequence, 3);
  EXPECT_EQ(Balance("expired"), 7);
  for (const std::int64_t award : {last_award - 1, last_award}) Run(Corrector(), Correct{award, 0, "wrong_quantity"});
  EXPECT_EQ(Balance("expired"), 0);
  EXPECT_EQ(Balance("m1", Sub::kDebt), -1);  // what stayed spent
  EXPECT_EQ(Balance("m2", Sub::kDebt), 0);
}

TEST_F(EngineTimeTest, AHoldEndsAtItsTimeAndNotBefore) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const std::int64_t late = Reserve("m1", 10).entry().sequence, early = Reserve("m1", 20).entry().sequence;
  EXPECT_EQ(engine.NextDeadline(), now_ms + 180'000);
  AdvanceOnly(179'999);
  EXPECT_TRUE(CatchUp(10));
  EXPECT_EQ(Take(early).first, RequestState::kDone);
  AdvanceOnly(1);
  EXPECT_EQ(ReasonOf(Take(late)), Reason::HOLD_EXPIRED);  // even where the work of time has not been done
  EXPECT_EQ(Balance("m1", Sub::kHeld), 0);
  EXPECT_TRUE(CatchUp(10));
  EXPECT_EQ(Balance("m1"), 80);
}

TEST_F(EngineTimeTest, NoPointsAreSpentOnTheDayTheirLotEnds) {
  GoTo(StartOf(20240501) - 1);
  SetUpProgram();
  AwardUntilMay("m1");
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  AdvanceOnly(1);
  const std::size_t before = journal.size();
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::INSUFFICIENT_POINTS);
  EXPECT_EQ(KindsFrom(before), (Kinds{Kind::kExpiry, Kind::kRefused}));
  EXPECT_TRUE(journal.back()->facts.empty());
}

TEST_F(EngineTimeTest, EveryDayIsClosedInOrderInSlices) {
  GoTo(StartOf(20240429) + 1);
  SetUpProgram();
  for (const char* member : {"m1", "m2", "m3"}) AwardUntilMay(member);
  EXPECT_EQ(engine.NextDeadline(), StartOf(20240430));
  GoTo(StartOf(20240503));
  const std::size_t before = journal.size();
  int slices = 1;
  while (!CatchUp(2)) ++slices;
  EXPECT_EQ(slices, 4);  // 7 entries
  EXPECT_EQ(KindsFrom(before),
            (Kinds{Kind::kDayClosed, Kind::kExpiry, Kind::kExpiry, Kind::kExpiry, Kind::kDayClosed, Kind::kDayClosed, Kind::kDayClosed}));
  EXPECT_EQ(std::get<DayData>(journal[before]->data).day, 20240429);
  EXPECT_EQ(std::get<DayData>(journal.back()->data).day, 20240502);
  EXPECT_EQ(state.at.last_closed_day, 20240502);
  EXPECT_TRUE(CatchUp(0));
  EXPECT_EQ(engine.NextDeadline(), StartOf(20240504));
}

TEST_F(EngineTimeTest, AnExpiryNamesAllPastLotsOfAnAccountAtOnce) {
  SetUpProgram();
  AwardPoints("m1", 120, "VISIT");  // 4 of donor, to 2024-05-01
  Advance(20 * kDayMs);
  AwardPoints("m1", 90, "VISIT");  // 3 of donor, to 2024-06-01
  AwardPoints("m1", 1);            // 10 of street, to 2025-05-01
  AdvanceOnly(100 * kDayMs);
  const std::size_t before = journal.size();
  EXPECT_EQ(Buy("m1", 10).first, RequestState::kDone);
  EXPECT_EQ(KindsFrom(before), (Kinds{Kind::kExpiry, Kind::kRedemption}));
  EXPECT_EQ(LotsTaken(*journal[before]), (std::vector<Lot>{{"donor", 20240501, 4}, {"donor", 20240601, 3}}));
}

TEST_F(EngineTimeTest, TheClockNeverGoesBackBehindAnEntry) {
  SetUpProgram();
  const std::int64_t last = state.at.last_ms;
  engine.SetTime(last - kDayMs);
  EXPECT_EQ(AwardPoints("m1", 1).entry().recorded_ms, last);
}

TEST_F(EngineTimeTest, AnEmptyProgramHasNothingToDo) {
  EXPECT_EQ(engine.NextDeadline(), std::numeric_limits<std::int64_t>::max());
  AdvanceOnly(400 * kDayMs);
  EXPECT_TRUE(CatchUp(10));
  EXPECT_TRUE(journal.empty());
}

TEST_F(EngineTimeTest, HeldPointsOutliveTheirLotUntilTheHoldEnds) {
  GoTo(StartOf(20240501) - kMinuteMs);
  SetUpProgram();
  AwardUntilMay("m1");
  const std::int64_t hold = Reserve("m1", 4).entry().sequence;
  Advance(2 * kMinuteMs);
  EXPECT_EQ(Balance("expired"), 0);
  EXPECT_EQ(Take(hold).first, RequestState::kDone);
  EXPECT_EQ(Balance("s1"), 4);
}

TEST_F(EngineTimeTest, ConfirmingTheClockIsAnEntry) {
  SetUpProgram();
  EXPECT_EQ(Run(Staff(), ConfirmClock{now_ms}).entry().kind, Kind::kClockConfirmed);
}

}  // namespace
}  // namespace redpoints
