// Redemptions over gRPC: what a till hears when it, or its network, says the same thing many times.
#include <algorithm>
#include <array>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

constexpr int kCalls = 100;

class RedemptionServiceTest : public ServerTest {
 protected:
  // The same bytes from a hundred threads at one moment.
  std::array<Answer, kCalls> CallAtOnce(const std::string& method, const google::protobuf::Message& request) {
    const std::string bytes = request.SerializeAsString();
    std::array<Answer, kCalls> answers;
    std::latch start(kCalls);
    std::vector<std::thread> threads;
    for (Answer& answer : answers) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        answer = world.CallBytes("till", method, bytes);
      });
    }
    for (auto& thread : threads) thread.join();
    return answers;
  }
};

TEST_F(RedemptionServiceTest, AHundredEqualCallsAreOneEntryAndOneAnswer) {
  const auto request = world.Parse("Redeem", SampleOf("Redeem").text);
  const auto balance = world.Balance("$HOME"), start = world.End();
  const auto answers = CallAtOnce("Redeem", *request);
  int originals = 0;
  std::string first;
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer.ok()) << answer;
    v1::RedeemResponse response = answer.As<v1::RedeemResponse>();
    originals += !response.outcome().replayed();
    response.mutable_outcome()->clear_replayed();
    if (first.empty()) first = response.SerializeAsString();
    EXPECT_EQ(response.SerializeAsString(), first) << response.ShortDebugString();
    EXPECT_EQ(response.outcome().first_state(), v1::DONE);
    EXPECT_EQ(response.outcome().state(), v1::DONE);
    EXPECT_EQ(response.outcome().sequence(), start);
  }
  EXPECT_EQ(originals, 1);
  EXPECT_EQ(world.AskedSince(start), 1);
  EXPECT_EQ(world.Balance("$HOME"), balance - 1);
}

// Refused for ever, and recorded once.
TEST_F(RedemptionServiceTest, AHundredEqualCallsAreOneRefusal) {
  auto request = world.Parse("Redeem", SampleOf("Redeem").text);
  dynamic_cast<v1::RedeemRequest&>(*request).mutable_offer_lines(0)->set_points(9'000'000);
  const auto balance = world.Balance("$HOME"), start = world.End();
  int originals = 0;
  for (const Answer& answer : CallAtOnce("Redeem", *request)) {
    EXPECT_EQ(answer.reason, "INSUFFICIENT_POINTS") << answer;
    ASSERT_TRUE(answer.has_outcome);
    originals += !answer.outcome.replayed();
    EXPECT_EQ(answer.outcome.first_state(), v1::REFUSED);
    EXPECT_EQ(answer.outcome.state(), v1::REFUSED);
    EXPECT_EQ(answer.outcome.sequence(), start);
  }
  EXPECT_EQ(originals, 1);
  EXPECT_EQ(world.AskedSince(start), 1);
  EXPECT_EQ(world.Balance("$HOME"), balance);
}

}  // namespace
}  // namespace redpoints::server
