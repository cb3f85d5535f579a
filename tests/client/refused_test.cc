#include "client/refused.h"

#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace redpoints {
namespace {

CallEnd Decode(const FakeReply& reply) { return DecodeCallEnd(reply.code, reply.message, reply.details); }

TEST(RefusedTest, ErrorInfoBecomesATypedRefusal) {
  v1::Outcome outcome;
  outcome.set_sequence(7);
  const auto end =
      Decode(Refuse({.reason = Reason::INSUFFICIENT_POINTS, .facts = {{"short_by", "30"}}}, {.outcome = outcome, .retry_delay_ms = {}}));
  ASSERT_TRUE(end.refused);
  EXPECT_EQ(end.refused->refusal, (Refusal{.reason = Reason::INSUFFICIENT_POINTS, .facts = {{"short_by", "30"}}}));
  EXPECT_EQ(end.refused->name, "INSUFFICIENT_POINTS");
  EXPECT_EQ(end.refused->zh_cn, "积分不足或会员号有误");
  EXPECT_EQ(end.refused->next_zh_cn, "请核对会员号,减少积分或改用现金");
  ASSERT_TRUE(end.refused->outcome);
  EXPECT_EQ(end.refused->outcome->sequence(), 7);
  EXPECT_FALSE(IsInDoubt(end));
}

TEST(RefusedTest, FactsHaveAnOrder) {
  const auto end = Decode(Refuse({.reason = Reason::FIELD_OUT_OF_RANGE, .facts = {{"min", "1"}, {"field", "points"}, {"max", "9"}}}));
  EXPECT_EQ(end.refused->refusal.facts,
            (std::vector<std::pair<std::string, std::string>>{{"field", "points"}, {"max", "9"}, {"min", "1"}}));
  const auto invalid = Decode(Refuse({.reason = Reason::FIELD_INVALID, .facts = {{"day", "1"}, {"expected", "x"}, {"field", "y"}}}));
  EXPECT_EQ(invalid.refused->refusal.facts,
            (std::vector<std::pair<std::string, std::string>>{{"field", "y"}, {"expected", "x"}, {"day", "1"}}));
}

TEST(RefusedTest, ARequestThatNeverCameIsNotSaidToBeUndone) {
  v1::Outcome outcome;
  outcome.set_state(v1::NEVER_SEEN);
  EXPECT_EQ(Decode(Refuse({.reason = Reason::ALREADY_REVERSED, .facts = {}}, {.outcome = outcome, .retry_delay_ms = {}})).refused->zh_cn,
            "本终端未办理过此笔");
  outcome.set_state(v1::REVERSED);
  EXPECT_EQ(Decode(Refuse({.reason = Reason::ALREADY_REVERSED, .facts = {}}, {.outcome = outcome, .retry_delay_ms = {}})).refused->zh_cn,
            "该笔已撤销");
}

TEST(RefusedTest, RetryInfoIsReadToTheMillisecond) {
  const auto end = Decode(Refuse({.reason = Reason::OVERLOADED, .facts = {}}, {.outcome = {}, .retry_delay_ms = 1'250}));
  EXPECT_EQ(end.retry_delay, std::chrono::milliseconds(1'250));
}

TEST(RefusedTest, AReasonOfANewerServerKeepsItsNameAndSentence) {
  FakeReply reply = Refuse({.reason = Reason::INSUFFICIENT_POINTS, .facts = {}});
  const std::string known = "INSUFFICIENT_POINTS";
  reply.details.replace(reply.details.find(known), known.size(), "INSUFFICIENT_NEWNES");
  const auto end = Decode(reply);
  ASSERT_TRUE(end.refused);
  EXPECT_EQ(end.refused->refusal.reason, Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(end.refused->name, "INSUFFICIENT_NEWNES");
  EXPECT_EQ(end.refused->zh_cn, "积分不足或会员号有误");
}

TEST(RefusedTest, BrokenOrForeignDetailsAreNoRefusal) {
  EXPECT_FALSE(DecodeCallEnd(9, "x", "\xff\xff").refused);
  FakeReply reply = Refuse({.reason = Reason::SELF_DEALING, .facts = {}});
  const std::string domain = "redpoints.v1";
  reply.details.replace(reply.details.find(domain, reply.details.find("SELF_DEALING")), domain.size(), "somebodyelse");
  EXPECT_FALSE(Decode(reply).refused);
}

TEST(RefusedTest, WithoutTheServersWordAFailedAttemptIsInDoubt) {
  for (const int code : {1, 2, 4, 8, 13, 14, 15}) EXPECT_TRUE(IsInDoubt(DecodeCallEnd(code, "", ""))) << code;
  for (const int code : {0, 7, 12, 16}) EXPECT_FALSE(IsInDoubt(DecodeCallEnd(code, "", ""))) << code;
  EXPECT_TRUE(IsInDoubt(Decode(Refuse({.reason = Reason::OUTCOME_UNKNOWN, .facts = {}}))));
}

TEST(RefusedTest, TheStateNowDecides) {
  v1::Outcome outcome;
  outcome.set_first_state(v1::DONE);
  outcome.set_state(v1::DONE);
  EXPECT_FALSE(RefusedNow(outcome));
  outcome.set_state(v1::REVERSED);
  ASSERT_TRUE(RefusedNow(outcome));
  EXPECT_EQ(RefusedNow(outcome)->refusal.reason, Reason::ALREADY_REVERSED);
  EXPECT_EQ(RefusedNow(outcome)->zh_cn, "该笔已撤销");
  outcome.set_state(v1::NEVER_SEEN);
  ASSERT_TRUE(RefusedNow(outcome));
  EXPECT_EQ(RefusedNow(outcome)->refusal.reason, Reason::ALREADY_REVERSED);
  EXPECT_EQ(RefusedNow(outcome)->zh_cn, "本终端未办理过此笔");
  outcome.set_state(v1::REFUSED);
  outcome.mutable_refusal()->set_reason("HOLD_EXPIRED");
  EXPECT_EQ(RefusedNow(outcome)->refusal.reason, Reason::HOLD_EXPIRED);
}

}  // namespace
}  // namespace redpoints
