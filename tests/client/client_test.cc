#include "client/client.h"

#include "gtest/gtest.h"
#include "proto/contract/request_id.h"
#include "tests/client/fake_server.h"
#include "tests/client/fake_timing.h"

namespace redpoints {
namespace {

using std::chrono::milliseconds;

std::shared_ptr<Connection> Connect(const std::string& address) {
  return Connection::Open(
             {.server = address, .ca_file = "", .certificate_file = "", .key_file = "", .server_name = "", .is_plaintext = true})
      .value();
}

v1::RedeemRequest Sale() {
  v1::RedeemRequest request;
  request.set_program("programs/minyue");
  request.mutable_presentation()->set_member_number("12345678");
  return request;
}

template <class Response> Response With(v1::OutcomeState first, v1::OutcomeState now) {
  Response response;
  response.mutable_outcome()->set_first_state(first);
  response.mutable_outcome()->set_state(now);
  return response;
}

v1::RedeemResponse Redeemed() {
  auto response = With<v1::RedeemResponse>(v1::DONE, v1::DONE);
  response.set_redemption("programs/minyue/redemptions/42");
  return response;
}

class ClientTest : public testing::Test {
 protected:
  Client MakeClient(CallOptions options = {}) { return Client(Connect(server_.address()), options, timing_.Get()); }

  // The request ids that arrived at a method.
  template <class Request> std::vector<std::string> Ids(const std::string& method) {
    std::vector<std::string> ids;
    for (const auto& call : server_.Calls(method)) ids.push_back(call.As<Request>().request_id());
    return ids;
  }

  FakeServer server_;
  FakeTiming timing_;
};

TEST_F(ClientTest, AMutationGetsARequestIdAndAnAnswer) {
  server_.Script("Redeem", {Send(Redeemed())});
  const auto answer = MakeClient().Redeem(Sale());
  ASSERT_EQ(answer.fate(), Fate::kDone);
  EXPECT_EQ(answer.response().redemption(), "programs/minyue/redemptions/42");
  EXPECT_FALSE(answer.is_from_outcome());
  EXPECT_TRUE(ParseUuid(answer.request_id()));
  EXPECT_EQ(Ids<v1::RedeemRequest>("Redeem"), std::vector<std::string>{answer.request_id()});
}

TEST_F(ClientTest, UnavailableIsRepeatedWithTheSameRequestId) {
  server_.Script("Redeem", {Fail(kUnavailable), Fail(kUnavailable), Send(Redeemed())});
  const auto answer = MakeClient().Redeem(Sale());
  EXPECT_EQ(answer.fate(), Fate::kDone);
  EXPECT_EQ(Ids<v1::RedeemRequest>("Redeem"), std::vector<std::string>(3, answer.request_id()));
  EXPECT_EQ(timing_.pauses().size(), 2U);
}

TEST_F(ClientTest, AReadIsRepeatedToo) {
  server_.Script("GetBalance", {Fail(kUnavailable), Send(v1::GetBalanceResponse())});
  EXPECT_TRUE(MakeClient().GetBalance({}).is_done());
  EXPECT_EQ(server_.Calls("GetBalance").size(), 2U);
}

TEST_F(ClientTest, NoOtherCodeIsRepeatedAndTheOutcomeIsAskedFor) {
  for (const int code : {1, 2, 4, 8, 10, 13}) {
    FakeServer server;
    server.Script("Redeem", {Fail(code)});
    v1::GetOutcomeResponse outcome = With<v1::GetOutcomeResponse>(v1::DONE, v1::DONE);
    outcome.set_redemption("programs/minyue/redemptions/9");
    server.Script("GetOutcome", {Send(outcome)});
    const Client client(Connect(server.address()), {}, timing_.Get());
    const auto answer = client.Redeem(Sale());
    EXPECT_EQ(server.Calls("Redeem").size(), 1U) << code;
    ASSERT_EQ(answer.fate(), Fate::kDone) << code;
    EXPECT_TRUE(answer.is_from_outcome());
    EXPECT_EQ(answer.response().redemption(), "programs/minyue/redemptions/9");
    ASSERT_EQ(server.Calls("GetOutcome").size(), 1U);
    const auto question = server.Calls("GetOutcome")[0].As<v1::GetOutcomeRequest>();
    EXPECT_EQ(question.request_id(), answer.request_id());
    EXPECT_EQ(question.program(), "programs/minyue");
  }
}

TEST_F(ClientTest, ADeadlineThatPassesLeadsToTheQuestion) {
  server_.On("Redeem", [](const FakeCall&) { return Silence(); });
  server_.Script("GetOutcome", {Send(With<v1::GetOutcomeResponse>(v1::DONE, v1::DONE))});
  CallOptions options;
  options.timeout = milliseconds(200);
  const auto answer = MakeClient(options).Redeem(Sale());
  EXPECT_EQ(answer.fate(), Fate::kDone);
  EXPECT_TRUE(answer.is_from_outcome());
  EXPECT_EQ(server_.Calls("Redeem").size(), 1U);
}

TEST_F(ClientTest, ASpentBudgetLeadsToTheQuestion) {
  server_.Script("Redeem", {Fail(kUnavailable)});
  server_.Script("GetOutcome", {Refuse({.reason = Reason::REQUEST_NOT_FOUND, .facts = {}})});
  const auto answer = MakeClient().Redeem(Sale());
  EXPECT_EQ(answer.fate(), Fate::kUnknown);
  EXPECT_TRUE(answer.is_not_seen());
  // Sent several times, but not for ever; asked several times, since it may still arrive.
  EXPECT_GT(server_.Calls("Redeem").size(), 3U);
  EXPECT_LT(server_.Calls("Redeem").size(), 12U);
  EXPECT_GT(server_.Calls("GetOutcome").size(), 2U);
  EXPECT_EQ(Ids<v1::RedeemRequest>("Redeem"), std::vector<std::string>(server_.Calls("Redeem").size(), answer.request_id()));
}

TEST_F(ClientTest, WithoutAnAnswerToTheQuestionItStaysUnknown) {
  server_.Script("Redeem", {Fail(kDeadlineExceeded)});
  server_.Script("GetOutcome", {Fail(kDeadlineExceeded)});
  const auto answer = MakeClient().Redeem(Sale());
  EXPECT_EQ(answer.fate(), Fate::kUnknown);
  EXPECT_FALSE(answer.is_not_seen());
}

TEST_F(ClientTest, ARefusalIsFinalAndTyped) {
  server_.Script("Redeem", {Refuse({.reason = Reason::INSUFFICIENT_POINTS, .facts = {{"short_by", "30"}}})});
  const auto answer = MakeClient().Redeem(Sale());
  ASSERT_EQ(answer.fate(), Fate::kRefused);
  EXPECT_EQ(answer.refused().refusal.reason, Reason::INSUFFICIENT_POINTS);
  EXPECT_EQ(server_.Calls("Redeem").size(), 1U);
  EXPECT_TRUE(server_.Calls("GetOutcome").empty());
}

TEST_F(ClientTest, ALongRefusalIsNotLost) {
  server_.Script("Redeem", {Refuse({.reason = Reason::RULEBOOK_INVALID, .facts = {{"expected", std::string(12'000, 'x')}}})});
  ASSERT_EQ(MakeClient().Redeem(Sale()).fate(), Fate::kRefused);
}

TEST_F(ClientTest, AServerThatOnlyEverSaidNoIsBelieved) {
  server_.Script("Redeem", {Refuse({.reason = Reason::STORAGE_READ_ONLY, .facts = {}})});
  const auto answer = MakeClient().Redeem(Sale());
  ASSERT_EQ(answer.fate(), Fate::kRefused);
  EXPECT_EQ(answer.refused().refusal.reason, Reason::STORAGE_READ_ONLY);
  EXPECT_GT(server_.Calls("Redeem").size(), 1U);
  EXPECT_TRUE(server_.Calls("GetOutcome").empty());
}

TEST_F(ClientTest, AnUnrecordedRefusalDoesNotSettleAnEarlierAttempt) {
  server_.Script("Redeem", {Fail(kUnavailable), Refuse({.reason = Reason::TERMINAL_REVOKED, .facts = {}})});
  server_.Script("GetOutcome", {Send(With<v1::GetOutcomeResponse>(v1::DONE, v1::DONE))});
  EXPECT_EQ(MakeClient().Redeem(Sale()).fate(), Fate::kDone);
}

TEST_F(ClientTest, ARecordedRefusalSettlesAnEarlierAttempt) {
  server_.Script("Redeem", {Fail(kUnavailable), Refuse({.reason = Reason::INSUFFICIENT_POINTS, .facts = {}})});
  EXPECT_EQ(MakeClient().Redeem(Sale()).fate(), Fate::kRefused);
  EXPECT_TRUE(server_.Calls("GetOutcome").empty());
}

TEST_F(ClientTest, TheStateNowCountsNotTheFirstAnswer) {
  server_.Script("Redeem", {Send(With<v1::RedeemResponse>(v1::DONE, v1::REVERSED))});
  const auto answer = MakeClient().Redeem(Sale());
  ASSERT_EQ(answer.fate(), Fate::kRefused);
  EXPECT_EQ(answer.refused().refusal.reason, Reason::ALREADY_REVERSED);
  EXPECT_TRUE(answer.refused().outcome);
}

TEST_F(ClientTest, WithoutAConnectionItIsProvenThatNothingWasSent) {
  std::string address;
  {
    const FakeServer gone;
    address = gone.address();
  }
  CallOptions options;
  options.connect_timeout = milliseconds(100);
  const Client client(Connect(address), options, timing_.Get());
  EXPECT_EQ(client.Redeem(Sale()).fate(), Fate::kNotSent);
  EXPECT_EQ(client.GetBalance({}).fate(), Fate::kNotSent);
}

TEST_F(ClientTest, AMethodThatTheServerLacksFailsWithoutDoubt) {
  EXPECT_EQ(MakeClient().Redeem(Sale()).fate(), Fate::kFailed);
  EXPECT_TRUE(server_.Calls("GetOutcome").empty());
}

TEST_F(ClientTest, StaffAsksAtTheAwardService) {
  server_.Script("Award", {Fail(kDeadlineExceeded)});
  server_.Script("GetAwardOutcome", {Send(With<v1::GetAwardOutcomeResponse>(v1::DONE, v1::DONE))});
  v1::AwardRequest request;
  request.set_program("programs/minyue");
  const auto answer = MakeClient().Award(request);
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(answer.response().result().outcome().state(), v1::DONE);
}

TEST_F(ClientTest, ALostBatchIsRestoredWithItsItems) {
  server_.Script("AwardBatch", {Fail(kDeadlineExceeded)});
  auto outcome = With<v1::GetAwardOutcomeResponse>(v1::REFUSED, v1::REFUSED);  // the first item's
  outcome.add_results()->set_state(v1::REFUSED);
  outcome.add_results()->set_state(v1::DONE);
  outcome.set_points_decimals(2);
  server_.Script("GetAwardOutcome", {Send(outcome)});
  const auto answer = MakeClient().AwardBatch({});
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(answer.response().results_size(), 2);
  EXPECT_EQ(answer.response().points_decimals(), 2);
}

TEST_F(ClientTest, AnOperatorsRequestIsAskedForInTheSystemProgram) {
  server_.Script("ConfirmClock", {Fail(kDeadlineExceeded)});
  server_.Script("GetAwardOutcome", {Send(With<v1::GetAwardOutcomeResponse>(v1::DONE, v1::DONE))});
  EXPECT_TRUE(MakeClient().ConfirmClock({}).is_done());
  EXPECT_EQ(server_.Calls("GetAwardOutcome")[0].As<v1::GetAwardOutcomeRequest>().program(), "programs/system");
}

TEST_F(ClientTest, WhatNamesAResourceIsAskedForInItsProgram) {
  server_.Script("WithdrawRulebook", {Fail(kDeadlineExceeded)});
  server_.Script("ReplaceMemberNumber", {Fail(kDeadlineExceeded)});
  server_.Script("GetAwardOutcome", {Send(With<v1::GetAwardOutcomeResponse>(v1::DONE, v1::DONE))});
  v1::WithdrawRulebookRequest withdrawal;
  withdrawal.set_name("programs/minyue/rulebooks/2024-2");
  EXPECT_TRUE(MakeClient().WithdrawRulebook(withdrawal).is_done());
  v1::ReplaceMemberNumberRequest replacement;
  replacement.set_name("programs/minyue/members/m1");
  EXPECT_TRUE(MakeClient().ReplaceMemberNumber(replacement).is_done());
  for (const auto& call : server_.Calls("GetAwardOutcome")) {
    EXPECT_EQ(call.As<v1::GetAwardOutcomeRequest>().program(), "programs/minyue");
  }
}

TEST_F(ClientTest, ARequestThatNeverCameIsNoSuccess) {
  server_.Script("Redeem", {Fail(kDeadlineExceeded)});
  server_.Script("GetOutcome", {Send(With<v1::GetOutcomeResponse>(v1::NEVER_SEEN, v1::NEVER_SEEN))});
  const auto answer = MakeClient().Redeem(Sale());
  ASSERT_EQ(answer.fate(), Fate::kRefused);
  EXPECT_EQ(answer.refused().refusal.reason, Reason::ALREADY_REVERSED);
}

}  // namespace
}  // namespace redpoints
