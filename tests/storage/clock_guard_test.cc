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
  std::vector<std::string> stops;
  int changes = 0;
  ClockGuard guard{clock, {.on_stopped = [this](const std::string& why) { stops.push_back(why); }, .on_changed = [this] { ++changes; }}};
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
  EXPECT_THAT(stops, ElementsAre("the clock jumped by 600001 ms"));  // said once
  EXPECT_EQ(changes, 1);
}

TEST_F(ClockGuardTest, AConfirmedClockGoesOnFromWhereItIs) {
  clock.Jump(-11 * kMinute);
  guard.NowMs();
  ASSERT_TRUE(guard.is_stopped());
  guard.AcceptNext();
  EXPECT_TRUE(guard.is_stopped());
  guard.NowMs();
  EXPECT_FALSE(guard.is_stopped());
  EXPECT_EQ(changes, 2);
  clock.Jump(-9 * kMinute);
  guard.NowMs();
  EXPECT_FALSE(guard.is_stopped());
}

TEST_F(ClockGuardTest, TheLastEntryMustBeNear) {
  guard.CompareWithLastEntry(0);  // none
  guard.CompareWithLastEntry(clock.NowMs() + 10 * kMinute);
  guard.CompareWithLastEntry(clock.NowMs() - 7 * kDay);
  EXPECT_THAT(stops, IsEmpty());
  guard.CompareWithLastEntry(clock.NowMs() + 10 * kMinute + 1);
  guard.CompareWithLastEntry(clock.NowMs() - 7 * kDay - 1);
  EXPECT_THAT(stops, ElementsAre("the last entry is 600001 ms ahead of the clock", "the clock is 604800001 ms ahead of the last entry"));
}

}  // namespace
}  // namespace redpoints
