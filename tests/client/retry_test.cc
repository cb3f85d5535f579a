#include "client/retry.h"

#include "gtest/gtest.h"
#include "tests/client/fake_timing.h"

namespace redpoints {
namespace {

using std::chrono::milliseconds;

class RetryTest : public testing::Test {
 protected:
  Attempts Run(const std::vector<CallEnd>& ends, milliseconds budget = milliseconds(5'000)) {
    const Retrier retrier({}, timing_.Get(), [this](milliseconds) { return is_connected_; });
    count_ = 0;
    return retrier.Run([&] { return ends[std::min(count_++, ends.size() - 1)]; }, budget);
  }

  static CallEnd End(int code) { return {.code = code, .message = "", .refused = {}, .retry_delay = {}}; }
  static CallEnd Refused(Reason reason) {
    return {.code = InfoOf(reason).code,
            .message = "",
            .refused =
                redpoints::Refused{
                    .refusal = {.reason = reason, .facts = {}}, .name = "", .zh_cn = "", .next_zh_cn = "", .message = "", .outcome = {}},
            .retry_delay = {}};
  }

  FakeTiming timing_;
  bool is_connected_ = true;
  std::size_t count_ = 0;
};

TEST_F(RetryTest, OnlyUnavailableIsSentAgain) {
  for (int code = 1; code <= 16; ++code) {
    const auto made = Run({End(code), End(kOk)});
    EXPECT_EQ(count_, code == kUnavailable ? 2U : 1U) << code;
    EXPECT_EQ(made.last.code, code == kUnavailable ? kOk : code);
  }
}

TEST_F(RetryTest, PausesDoubleUntilTheBudgetIsSpent) {
  const auto made = Run({End(kUnavailable)}, milliseconds(2'000));
  // Half of 100, 200, 400, ... while the other half is random, here 0; the next would begin after the budget.
  EXPECT_EQ(timing_.pauses(),
            (std::vector<milliseconds>{milliseconds(50), milliseconds(100), milliseconds(200), milliseconds(400), milliseconds(800)}));
  EXPECT_EQ(made.last.code, kUnavailable);
  EXPECT_TRUE(made.is_in_doubt);
}

TEST_F(RetryTest, RetryInfoLengthensThePause) {
  CallEnd busy = Refused(Reason::OVERLOADED);
  busy.retry_delay = milliseconds(700);
  Run({busy, End(kOk)});
  EXPECT_EQ(timing_.pauses(), std::vector<milliseconds>{milliseconds(700)});
}

TEST_F(RetryTest, RetryInfoBeyondTheBudgetEndsIt) {
  CallEnd busy = Refused(Reason::OVERLOADED);
  busy.retry_delay = milliseconds(60'000);
  const auto made = Run({busy});
  EXPECT_EQ(count_, 1U);
  EXPECT_TRUE(timing_.pauses().empty());
  EXPECT_FALSE(made.is_in_doubt);
}

TEST_F(RetryTest, WithoutAConnectionNothingIsSent) {
  is_connected_ = false;
  const auto made = Run({End(kOk)});
  EXPECT_EQ(count_, 0U);
  EXPECT_FALSE(made.is_sent);
  EXPECT_FALSE(made.is_in_doubt);
}

TEST_F(RetryTest, DoubtOfAnEarlierAttemptRemains) {
  EXPECT_TRUE(Run({End(kUnavailable), Refused(Reason::OVERLOADED), Refused(Reason::PERMISSION_DENIED)}).is_in_doubt);
  EXPECT_FALSE(Run({Refused(Reason::OVERLOADED), Refused(Reason::PERMISSION_DENIED)}).is_in_doubt);
}

TEST_F(RetryTest, AskRepeatsWhileTheRequestIsNotSeen) {
  const Retrier retrier({}, timing_.Get(), [](milliseconds) { return true; });
  int count = 0;
  const auto made = retrier.Ask([&] { return ++count < 3 ? Refused(Reason::REQUEST_NOT_FOUND) : End(kOk); }, milliseconds(3'000));
  EXPECT_EQ(count, 3);
  EXPECT_EQ(made.last.code, kOk);
}

}  // namespace
}  // namespace redpoints
