#include "server/door.h"

#include <gtest/gtest.h>

#include <thread>

namespace redpoints::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

class DoorTest : public testing::Test {
 protected:
  // Without waiting.
  bool IsQuiet(milliseconds quiet) { return door_.WaitUntilQuiet(quiet, steady_clock::now()); }

  RateLimiter limiter_{{}};
  Door door_{{.plaintext_caller = std::nullopt}, limiter_};
};

TEST_F(DoorTest, ADoorThatNobodyPassedIsQuietAtOnce) {
  door_.Close();
  EXPECT_TRUE(IsQuiet(milliseconds(100)));
}

TEST_F(DoorTest, IsQuietWhenNobodyIsInsideAndTheLastOneLeftLongAgo) {
  door_.Enter();
  door_.Enter();
  door_.Close();
  EXPECT_FALSE(IsQuiet(milliseconds(0)));
  door_.Leave();
  EXPECT_FALSE(IsQuiet(milliseconds(0)));
  door_.Leave();
  EXPECT_TRUE(IsQuiet(milliseconds(0)));
  EXPECT_FALSE(IsQuiet(hours(1'000'000)));
}

TEST_F(DoorTest, WaitsForTheLastOneToLeave) {
  for (int round = 0; round < 200; ++round) {
    door_.Enter();
    std::thread last([this] { door_.Leave(); });
    door_.Close();
    EXPECT_TRUE(door_.WaitUntilQuiet(milliseconds(0), steady_clock::now() + hours(1)));
    last.join();
  }
}

TEST_F(DoorTest, WhoComesWhileItWaitsBeginsTheQuietAgain) {
  door_.Enter();
  door_.Close();
  const auto begin = steady_clock::now();
  std::thread calls([this] {
    for (int i = 0; i < 5; ++i) {
      door_.Leave();
      door_.Enter();
    }
    door_.Leave();
  });
  EXPECT_TRUE(door_.WaitUntilQuiet(milliseconds(5), begin + hours(1)));
  EXPECT_GE(steady_clock::now() - begin, milliseconds(5));
  calls.join();
}

}  // namespace
}  // namespace redpoints::server
