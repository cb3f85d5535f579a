#include "storage/clock_guard.h"

#include <gmock/gmock.h>

namespace redpoints {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kMinute = 60'000, kDay = 86'400'000;

class ClockGuardTest : public testing::Test {
 protected:
  ManualClock clock{1'710'468'000'000};
  std::vector<std::string> stops, waits;
  int changes = 0;
  ClockGuard guard{clock,
                   {.on_stopped = [this](const std::string& why) { stops.push_back(why); },
                    .on_waiting = [this](const std::string& why) { waits.push_back(why); },
                    .on_changed = [this] { ++changes; }}};
};

TEST_F(ClockGuardTest, SmallJumpsAddUpUntilTheyAreALargeOne) {
  clock.Advance(9 * kDay);  // time alone is no jump
  for (int i = 0; i < 2; ++i) clock.Jump(5 * kMinute);
  EXPECT_EQ(guard.NowMs(), clock.NowMs());
  EXPECT_FALSE(guard.is_stopped());
  clock.Jump(1);
  guard.NowMs();
  guard.NowMs();
  EXPECT_TRUE(guard.is_stopped());
  EXPECT_THAT(stops, ElementsAre("the clock jumped ahead by 10 min"));  // said once
  EXPECT_EQ(changes, 1);
}

TEST_F(ClockGuardTest, AConfirmedClockGoesOnFromWhereItIs) {
  clock.Jump(-11 * kMinute);
  guard.NowMs();
  ASSERT_TRUE(guard.is_stopped());
  EXPECT_THAT(stops, ElementsAre("the clock jumped back by 11 min"));
  guard.ConfirmNext();
  EXPECT_TRUE(guard.is_stopped());
  guard.NowMs();
  EXPECT_FALSE(guard.is_stopped());
  EXPECT_EQ(changes, 2);
  clock.Jump(-9 * kMinute);
  guard.NowMs();
  EXPECT_FALSE(guard.is_stopped());
}

TEST_F(ClockGuardTest, AClockThatIsBehindTheLastEntryIsStopped) {
  guard.CompareWithLastEntry(0);  // none
  guard.CompareWithLastEntry(clock.NowMs() + 10 * kMinute);
  EXPECT_THAT(stops, IsEmpty());
  guard.CompareWithLastEntry(clock.NowMs() + 10 * kMinute + 1);
  EXPECT_THAT(stops, ElementsAre("the last entry is 10 min ahead of the clock"));
  EXPECT_TRUE(guard.is_waiting());
  guard.NowMs();
  EXPECT_TRUE(guard.is_stopped());  // synchronised as it is
}

TEST_F(ClockGuardTest, SpansAreSaidAsPeopleReadThem) {
  for (const std::int64_t ms : {431'999'131, 7'260'000}) guard.CompareWithLastEntry(clock.NowMs() + ms);
  EXPECT_THAT(stops, ElementsAre("the last entry is 4 d 23 h 59 min ahead of the clock", "the last entry is 2 h 1 min ahead of the clock"));
}

TEST_F(ClockGuardTest, AClockThatIsAheadIsBelievedWhereItIsSynchronised) {
  for (const std::int64_t ahead : {10 * kMinute + 1, 400 * kDay}) guard.CompareWithLastEntry(clock.NowMs() - ahead);
  guard.CompareWithLastEntry(clock.NowMs(), /*was_waiting=*/true);
  EXPECT_FALSE(guard.is_waiting());
}

TEST_F(ClockGuardTest, AClockThatIsAheadWaitsUntilItIsSynchronised) {
  clock.set_synchronised(false);
  guard.CompareWithLastEntry(0);
  guard.CompareWithLastEntry(clock.NowMs() - 10 * kMinute);
  EXPECT_FALSE(guard.is_waiting());
  guard.CompareWithLastEntry(clock.NowMs() - 7 * kDay);
  EXPECT_THAT(waits,
              ElementsAre("the clock is 7 d 0 h 0 min ahead of the last entry, and the system does not say that it is synchronised"));
  EXPECT_FALSE(guard.is_stopped());
  guard.NowMs();
  EXPECT_TRUE(guard.is_waiting());
  clock.set_synchronised(true);
  guard.NowMs();
  EXPECT_FALSE(guard.is_waiting());
  clock.set_synchronised(false);
  guard.NowMs();
  EXPECT_FALSE(guard.is_waiting());  // the monotonic clock goes on from there
  EXPECT_EQ(changes, 0);
}

TEST_F(ClockGuardTest, WhatWaitedWaitsOnAfterAnotherStart) {
  clock.set_synchronised(false);
  guard.CompareWithLastEntry(clock.NowMs() + 5 * kMinute, /*was_waiting=*/true);
  EXPECT_THAT(waits, ElementsAre("the clock is 5 min behind the last entry, and the system does not say that it is synchronised"));
  EXPECT_TRUE(guard.is_waiting());
  guard.Confirm();
  EXPECT_FALSE(guard.is_waiting());
}

TEST_F(ClockGuardTest, AClockThatIsAWeekAheadIsStoppedUntilItIsSynchronised) {
  clock.set_synchronised(false);
  guard.CompareWithLastEntry(clock.NowMs() - 7 * kDay - 1);
  EXPECT_THAT(stops,
              ElementsAre("the clock is 7 d 0 h 0 min ahead of the last entry, and the system does not say that it is synchronised"));
  EXPECT_THAT(waits, IsEmpty());
  EXPECT_EQ(changes, 1);
  clock.set_synchronised(true);
  guard.NowMs();
  EXPECT_FALSE(guard.is_stopped());
  EXPECT_EQ(changes, 2);
}

// What sets it may be what is wrong.
TEST_F(ClockGuardTest, AJumpWhileItWaitsIsForAPerson) {
  clock.set_synchronised(false);
  guard.CompareWithLastEntry(clock.NowMs() - 8 * kDay);
  clock.Jump(-8 * kDay);
  clock.set_synchronised(true);
  for (int i = 0; i < 2; ++i) guard.NowMs();
  EXPECT_TRUE(guard.is_stopped());
  EXPECT_EQ(stops.size(), 2u);
  EXPECT_EQ(changes, 1);
  guard.Confirm();
  EXPECT_FALSE(guard.is_waiting());
}

}  // namespace
}  // namespace redpoints
