// What happens because time passes: holds end, lots expire, days close.
#include "storage/rules/passing.h"

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
  EXPECT_EQ(Run(Operator(), ConfirmClock{now_ms}).entry().kind, Kind::kClockConfirmed);
}

// A clock that was confirmed wrongly by o1, on 2024-03-15 at 10:00, and is set back.
class SetBackTest : public EngineTimeTest {
 protected:
  static constexpr Day kStands = 20240314;

  // 4 points of donor, to 2024-05-01.
  Outcome Visit(const std::string& member) { return AwardPoints(member, 120, "VISIT"); }
  // The clock shows another time, and what it brings is done.
  void Confirm(std::int64_t ms) {
    GoTo(ms);
    Run(Operator(), ConfirmClock{now_ms});
    CatchUp(1'000'000);
  }
  // What the entries of a set-back are, by o2.
  Outcome SetBack(std::int64_t ms) {
    GoTo(ms);
    return Run(Operator("o2"), ConfirmClock{now_ms, AddDays(DayOf(ms), -1)});
  }
};

constexpr std::int64_t kJune = kNoon + 80 * kDayMs;  // 2024-06-03

TEST_F(SetBackTest, TimeFallsAndLotsComeBackAsTheyWere) {
  SetUpProgram();
  Visit("m1");
  AwardPoints("m1", 1);  // 10, to 2025-04-01
  Visit("m2");
  const auto lots = Lots("m1");
  Confirm(kJune);
  EXPECT_EQ(Balance("m1"), 10);
  EXPECT_EQ(state.at.last_closed_day, 20240602);
  Buy("m1", 3);  // on a day that is not closed yet
  const std::size_t before = journal.size();
  const Outcome outcome = SetBack(kNoon + kMinuteMs);
  EXPECT_EQ(outcome.first, RequestState::kDone);
  EXPECT_EQ(KindsFrom(before), (Kinds{Kind::kClockConfirmed, Kind::kExpiryUndone, Kind::kExpiryUndone}));
  for (std::size_t i = before; i < journal.size(); ++i) EXPECT_EQ(journal[i]->recorded_ms, now_ms);
  EXPECT_EQ(state.at.last_ms, now_ms);
  EXPECT_EQ(state.at.last_closed_day, kStands);
  EXPECT_EQ(Balance("expired"), 0);
  EXPECT_EQ(Lots("m1")[0], lots[0]);
  EXPECT_EQ(Lots("m2"), (std::vector<Lot>{{"donor", 20240501, 4}}));
  EXPECT_EQ(ReasonOf(Buy("m1", 4)), Reason::REASON_UNSPECIFIED);  // of the lot that is back
  EXPECT_EQ(Lots("m1"), (std::vector<Lot>{{"street", 20250401, 7}}));
  // Days come again, and lots end again; the sale of June is in the close of its own day alone.
  std::map<Day, std::int64_t> sold;
  const std::size_t again = journal.size();
  Advance(81 * kDayMs);
  for (std::size_t i = again; i < journal.size(); ++i) {
    const auto* closed = std::get_if<DayData>(&journal[i]->data);
    for (const DayTotal& total : closed ? closed->totals : std::vector<DayTotal>{}) sold[closed->day] += total.redeemed;
  }
  EXPECT_EQ(sold.at(20240315), 4);
  EXPECT_EQ(sold.at(20240603), 3);
  EXPECT_EQ(state.at.last_closed_day, 20240603);
  EXPECT_EQ(Balance("m2"), 0);
  EXPECT_EQ(Balance("expired"), 4);
}

TEST_F(SetBackTest, IsRefused) {
  SetUpProgram();
  AwardPoints("m1", 1);
  Confirm(kNoon + 2 * kDayMs);
  const std::int64_t last = state.at.last_ms;
  struct Row {
    const char* what;
    std::int64_t clock, stated;
    Day stands;
    const char* actor;
    Reason reason;
    const char* field;
    const char* day;  // that is right
  };
  const std::int64_t right = kNoon + kMinuteMs, ten = 10 * kMinuteMs;
  // Each breaks its rule and all below.
  const Row rows[] = {
      {"a day that is not closed, by the last entry's time", right, last, 20240317, "o1", Reason::FIELD_INVALID, "last_closed_day",
       "20240316"},
      {"a day that is not closed", right, right - ten - 1, 20240317, "o1", Reason::FIELD_INVALID, "last_closed_day", "20240314"},
      {"today by the stated time", right, right + ten + 1, 20240315, "o1", Reason::FIELD_INVALID, "last_closed_day", "20240314"},
      {"the day before yesterday", right, right - ten - 1, 20240313, "o1", Reason::FIELD_INVALID, "last_closed_day", "20240314"},
      {"today by the clock", right, right + 2 * kDayMs - 2 * kMinuteMs, 20240315, "o1", Reason::FIELD_INVALID, "last_closed_day",
       "20240316"},
      {"no day", right, right - ten - 1, 20240230, "o1", Reason::FIELD_INVALID, "last_closed_day", "20240314"},
      {"before all days", right, right - ten - 1, -1, "o1", Reason::FIELD_INVALID, "last_closed_day", "20240314"},
      {"by who confirmed it", right, right - ten - 1, 20240314, "o1", Reason::MAKER_IS_CHECKER, "", ""},
      {"another time than the clock's", right, right - ten - 1, 20240314, "o2", Reason::CLOCK_DIFFERS, "", ""},
      {"another time than the clock's", right, right + ten + 1, 20240314, "o2", Reason::CLOCK_DIFFERS, "", ""},
      {"none", right, right - ten, 20240314, "o2", Reason::REASON_UNSPECIFIED, "", ""},
  };
  for (const Row& row : rows) {
    GoTo(row.clock);
    const std::size_t before = journal.size();
    const Outcome outcome = Run(Operator(row.actor), ConfirmClock{row.stated, row.stands});
    EXPECT_EQ(ReasonOf(outcome), row.reason) << row.what;
    if (row.reason == Reason::REASON_UNSPECIFIED) continue;
    EXPECT_EQ(journal.size() - before, row.reason == Reason::MAKER_IS_CHECKER ? 1u : 0u) << row.what;
    EXPECT_EQ(state.at.last_ms, last) << row.what;  // a refusal is recorded at the time that holds
    EXPECT_EQ(state.at.last_closed_day, 20240316) << row.what;
    const bool is_named = outcome.refusal && outcome.refusal->facts.at(0).second == row.field;
    EXPECT_EQ(is_named, *row.field != 0) << row.what;
    std::string day;
    for (const auto& [key, value] : outcome.refusal ? outcome.refusal->facts : decltype(Refusal::facts)()) day += key == "day" ? value : "";
    EXPECT_EQ(day, row.day) << row.what;
  }
  EXPECT_EQ(state.at.last_ms, right);
}

// What came back too late by the wrong clock was not too late; what a correction took from there is gone; a debt is not paid.
TEST_F(SetBackTest, ReturnsIntoPastLotsComeBackToo) {
  SetUpProgram();
  std::map<std::string, std::int64_t> awards, holds, sales;
  Add(Person("m5"));
  const auto award = [&](const std::string& member) { awards[member] = Visit(member).entry().sequence; };
  for (const char* member : {"m1", "m2", "m3", "m4", "m5"}) award(member);
  sales["m1"] = Buy("m1", 4).entry().sequence;
  Buy("m2", 4);
  const std::string sale = last_id;
  for (const char* member : {"m3", "m4"}) holds[member] = Reserve(member, 4).entry().sequence;
  GoTo(kJune);
  Run(Operator(), ConfirmClock{now_ms});
  GiveBack(sales["m1"], 3);
  CatchUp(1'000'000);  // the holds end
  Run(Corrector(), Correct{awards["m5"], 30, "wrong_quantity"});
  Run(Corrector(), Correct{awards["m4"], 0, "wrong_quantity"});
  EXPECT_EQ(Balance("expired"), 3 + 4 + 1);
  const std::size_t before = journal.size();
  SetBack(kNoon + kMinuteMs);
  EXPECT_EQ(KindsFrom(before), (Kinds{Kind::kClockConfirmed, Kind::kExpiryUndone, Kind::kExpiryUndone, Kind::kExpiryUndone}));
  EXPECT_EQ(Balance("m1"), 3);
  EXPECT_EQ(Balance("m3"), 4);
  EXPECT_EQ(Balance("m4"), 0);
  EXPECT_EQ(Balance("m5"), 1);
  EXPECT_EQ(Balance("expired"), 0);
  Run(Corrector(), Correct{awards["m3"], 0, "wrong_quantity"});
  EXPECT_EQ(Balance("m3"), 0);
  EXPECT_EQ(Balance("m3", Sub::kDebt), 0);
  Undo(sale);
  EXPECT_EQ(Balance("m2"), 4);
}

TEST_F(SetBackTest, OfTwoSetBacksEachBringsBackWhatIsItsOwn) {
  SetUpProgram();
  Visit("m1");
  AwardItem late = Item("m1", "VISIT", 90), other = Item("m1", "VISIT", 120);
  other.effective_day = 20240314;
  Run(Staff(), Award{other});  // 4 more
  Confirm(kNoon + 40 * kDayMs);
  late.effective_day = 20240401;
  Run(Staff(), Award{late});  // 3, to 2024-06-01
  Confirm(kJune);
  EXPECT_EQ(Balance("m1"), 0);
  SetBack(kNoon + 50 * kDayMs);  // 2024-05-04
  EXPECT_EQ(Lots("m1"), (std::vector<Lot>{{"donor", 20240601, 3}}));
  EXPECT_EQ(Balance("expired"), 8);
  CatchUp(1'000'000);
  Confirm(kJune);
  EXPECT_EQ(Balance("m1"), 0);
  const std::size_t before = journal.size();
  SetBack(kNoon + kMinuteMs);
  EXPECT_EQ(KindsFrom(before), (Kinds{Kind::kClockConfirmed, Kind::kExpiryUndone, Kind::kExpiryUndone}));
  EXPECT_EQ(Lots("m1"), (std::vector<Lot>{{"donor", 20240501, 8}, {"donor", 20240601, 3}}));
  EXPECT_EQ(Balance("expired"), 0);
}

TEST_F(SetBackTest, ManyLotsComeBackInSeveralEntries) {
  SetUpProgram(WithActivity(
      RulebookJson("2024-1", 20200101, "{}", R"({"late_days":3660})"),
      R"({"code":"LONG","earnings":[{"unit":"POINT","numerator":1,"denominator":1,"rounding":"DOWN"}],"min_quantity":1,"fund":"street","lot_validity":{"months":36}})"));
  AwardItem item = Item("m1", "LONG", 1);
  for (int month = 2021 * 12 + 3; month < 2024 * 12 + 2; ++month) {
    item.effective_day = month / 12 * 10000 + (month % 12 + 1) * 100 + 15;
    Run(Staff(), Award{item});
  }
  const auto lots = Lots("m1");
  ASSERT_EQ(lots.size(), 35u);
  const std::int64_t sale = Buy("m1", 35).entry().sequence;
  Confirm(kNoon + 4 * 366 * kDayMs);
  GiveBack(sale, 35);
  EXPECT_EQ(Balance("expired"), 35);
  const std::size_t before = journal.size();
  SetBack(kNoon + kMinuteMs);
  EXPECT_EQ(KindsFrom(before), (Kinds{Kind::kClockConfirmed, Kind::kExpiryUndone, Kind::kExpiryUndone}));
  EXPECT_EQ(journal.back()->ref, journal[before + 1]->ref);
  EXPECT_EQ(Lots("m1"), lots);
}

// One word of an operator goes to all programs of a server, whatever each of them has been through.
TEST_F(SetBackTest, AProgramThatIsNotAheadConfirmsPlainly) {
  SetUpProgram();
  GoTo(kNoon + 10 * kMinuteMs);
  AwardPoints("m1", 1);
  GoTo(kNoon);
  EXPECT_FALSE(IsSetBack(Run(Operator(), ConfirmClock{kNoon, kStands}).entry()));
  // Who set the others of a server back before a crash goes on with this one.
  EXPECT_FALSE(IsSetBack(Run(Operator(), ConfirmClock{kNoon, kStands}).entry()));
  GoTo(kNoon + 20 * kMinuteMs + 1);
  AwardPoints("m1", 1);
  GoTo(kNoon);
  EXPECT_TRUE(IsSetBack(Run(Operator("o2"), ConfirmClock{kNoon, kStands}).entry()));
}

// The day before the operator's own time was never a day of this program.
TEST_F(SetBackTest, NoDayIsClosedThatWasNot) {
  SetUpProgram();
  Confirm(kNoon);
  GoTo(kNoon + 11 * kMinuteMs);
  AwardPoints("m1", 1);
  const Day last = state.at.last_closed_day;
  ASSERT_LT(last, AddDays(kStands, 1));
  SetBack(kNoon);
  EXPECT_EQ(state.at.last_closed_day, last);
}

// Entries were made by it: it must be found.
TEST_F(SetBackTest, ARulebookThatHeldByTheWrongClockIsNotWithdrawn) {
  SetUpProgram();
  Adopt(RulebookJson("2024-2", 20240401));
  Adopt(RulebookJson("2024-3", 20240701));
  AwardPoints("m1", 1);
  Confirm(kJune);
  Buy("m1", 1);
  SetBack(kNoon + kMinuteMs);
  Register withdrawal;
  withdrawal.is_new = false;
  for (const auto& [version, reason] : {std::pair("2024-2", Reason::RULEBOOK_HOLDS), std::pair("2024-3", Reason::REASON_UNSPECIFIED)}) {
    withdrawal.items = {RulebookData{.version = version, .effective_day = 0, .sha256 = "", .format = 0, .is_withdrawn = true}};
    EXPECT_EQ(ReasonOf(Run(Corrector(), withdrawal)), reason) << version;
  }
}

// It was promised until then by the right clock.
TEST_F(SetBackTest, HoldsFromBeforeEndWhenTheyWould) {
  SetUpProgram(RulebookJson("2024-1", 20200101, "{}", R"({"hold_ttl_ms":86400000})"));
  AwardPoints("m1", 10);
  const Outcome before = Reserve("m1", 10);
  const std::int64_t made_ms = now_ms, ends_ms = before.hold_until_ms;
  ASSERT_EQ(ends_ms, made_ms + kDayMs);
  Confirm(made_ms + 10 * 60 * kMinuteMs);
  Origin till = Till();
  till.request_id = NewId();
  const Authorize asked{Pay("m1"), {{"ANY", 1, 10, 0}}};
  const Outcome wrong = engine.Execute(till, asked);
  Collect();
  EXPECT_EQ(wrong.hold_until_ms, now_ms + kDayMs);
  SetBack(made_ms + kMinuteMs);
  EXPECT_EQ(state.holds.Find(SequenceKey(before.entry().sequence))->until_ms, ends_ms);
  EXPECT_EQ(engine.Execute(till, asked).hold_until_ms, now_ms + kDayMs);  // as a repetition is told
  EXPECT_EQ(engine.NextDeadline(), std::min(ends_ms, StartOf(AddDays(DayOf(now_ms), 1))));
  GoTo(ends_ms - 1);
  CatchUp(1000);
  EXPECT_EQ(Take(before.entry().sequence).first, RequestState::kDone);
}

// Entries that are ahead of the clock would be followed by others of the same wrong time.
TEST_F(SetBackTest, AWordWithoutADayIsRefusedByAProgramThatIsAhead) {
  SetUpProgram();
  Confirm(kJune);
  GoTo(kNoon + kMinuteMs);
  const std::size_t before = journal.size();
  const Outcome outcome = Run(Operator("o2"), ConfirmClock{now_ms});
  EXPECT_EQ(ReasonOf(outcome), Reason::FIELD_INVALID);
  EXPECT_EQ(outcome.refusal->facts.back(), std::pair(std::string("day"), std::string("20240314")));
  EXPECT_EQ(journal.size(), before);
}

// The operator names the day before the one on their watch.
TEST_F(SetBackTest, ByTheWatchItIsTomorrowAlready) {
  SetUpProgram();
  Confirm(kJune);
  GoTo(StartOf(20240316) - 2 * kMinuteMs);
  const Outcome outcome = Run(Operator("o2"), ConfirmClock{now_ms + 4 * kMinuteMs, 20240315});
  ASSERT_EQ(outcome.first, RequestState::kDone);
  EXPECT_EQ(std::get<ClockData>(outcome.entry().data).last_closed_day, 20240314);  // that one is not over by the clock
}
TEST_F(SetBackTest, ByTheWatchItIsStillYesterday) {
  SetUpProgram();
  Confirm(kJune);
  GoTo(StartOf(20240316) + 2 * kMinuteMs);
  const Outcome outcome = Run(Operator("o2"), ConfirmClock{now_ms - 4 * kMinuteMs, 20240314});
  ASSERT_EQ(outcome.first, RequestState::kDone);
  EXPECT_EQ(std::get<ClockData>(outcome.entry().data).last_closed_day, 20240314);
}

// The second wrong clock has not made it.
TEST_F(SetBackTest, AHoldIsMovedByTheSetBackOfItsOwnWrongClock) {
  SetUpProgram(RulebookJson("2024-1", 20200101, "{}", R"({"hold_ttl_ms":86400000})"));
  AwardPoints("m1", 10);
  Confirm(kNoon + 40 * kDayMs);
  const std::int64_t hold = Reserve("m1", 10).entry().sequence;
  SetBack(kNoon);
  const std::int64_t ends_ms = state.holds.Find(SequenceKey(hold))->until_ms;
  EXPECT_EQ(ends_ms, kNoon + kDayMs);
  GoTo(kNoon + 20 * 60 * kMinuteMs);
  Run(Operator("o2"), ConfirmClock{now_ms});
  GoTo(kNoon + 4 * kMinuteMs);
  Run(Operator("o3"), ConfirmClock{now_ms, kStands});
  EXPECT_EQ(state.holds.Find(SequenceKey(hold))->until_ms, ends_ms);
}

// The clock was right, and the last entry a few minutes ahead of it.
TEST_F(SetBackTest, AHoldOfABridgedTimeIsNotMoved) {
  SetUpProgram(RulebookJson("2024-1", 20200101, "{}", R"({"hold_ttl_ms":86400000})"));
  GoTo(kNoon + 9 * kMinuteMs);
  AwardPoints("m1", 10);
  GoTo(kNoon + kMinuteMs);
  const Outcome hold = Reserve("m1", 10);
  Confirm(kNoon + 12 * 60 * kMinuteMs);
  SetBack(kNoon + 5 * kMinuteMs);
  EXPECT_EQ(state.holds.Find(SequenceKey(hold.entry().sequence))->until_ms, hold.hold_until_ms);
}

// A hold that was made by the wrong clock keeps the time that was left to it, and no more.
TEST_F(SetBackTest, HoldsDoNotWaitForAWrongTime) {
  SetUpProgram();
  AwardPoints("m1", 10);
  Confirm(kJune);
  const std::int64_t hold = Reserve("m1", 10).entry().sequence, other = Reserve("m1", 10).entry().sequence;
  AdvanceOnly(kMinuteMs);
  Buy("m1", 1);
  SetBack(kNoon + kMinuteMs);
  EXPECT_EQ(engine.NextDeadline(), now_ms + 2 * kMinuteMs);
  AdvanceOnly(2 * kMinuteMs - 1);
  CatchUp(10);
  EXPECT_EQ(Take(hold).first, RequestState::kDone);
  AdvanceOnly(1);
  EXPECT_EQ(ReasonOf(Take(other)), Reason::HOLD_EXPIRED);
}

// All in one batch: nothing of it is in the journal yet when the set-back looks for what has ended.
TEST_F(SetBackTest, SeesWhatItsOwnBatchEnded) {
  SetUpProgram();
  Visit("m1");
  GoTo(kJune);
  Origin first = Operator(), second = Operator("o2");
  first.request_id = NewId(), second.request_id = NewId();
  engine.Execute(first, ConfirmClock{now_ms});
  engine.CatchUpWithTime(1000);
  GoTo(kNoon + kMinuteMs);
  EXPECT_EQ(engine.Execute(second, ConfirmClock{now_ms, kStands}).first, RequestState::kDone);
  Collect();
  EXPECT_EQ(Balance("m1"), 4);
  EXPECT_EQ(engine.Execute(second, ConfirmClock{now_ms, kStands}).is_replayed, true);
}

}  // namespace
}  // namespace redpoints
