// What a sale is refused for: each reason by itself, then each against all that come later.
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

constexpr char kLimits[] = R"({"max_points_per_redemption":100,"max_points_per_member_day":150,"max_points_per_member_month":200,
  "max_points_per_merchant_day":250,"min_balance_to_redeem":20,"counts":[{"period":"DAY","max_count":4}]})";

class EngineLimitsTest : public EngineTest {
 protected:
  EngineLimitsTest() {
    SetUpProgram(RulebookJson("2024-1", 20240101, kLimits));
    MemberData owner = Person("mowner"), firm = Person("mfirm");
    owner.memberships = {{"mfirm", 20240101, 0}};
    firm.kind = MemberKind::kOrganisation;
    EXPECT_EQ(ReasonOf(Add(owner)), Reason::MEMBER_NOT_FOUND);  // the firm is not there yet
    Add(firm), Add(owner);
    Add(Shop("s3", {{"mowner"}}));
    for (const char* shop : {"s3", "s9"}) Add(TerminalData{.id = std::string("t") + shop[1], .merchant = shop});
    for (const char* member : {"m1", "m2", "m3", "m4", "mowner"}) AwardPoints(member, 30);
  }
  void Suspend(const std::string& id) {
    if (id.starts_with('s')) {
      MerchantData data = *state.Find<MerchantData>("merchant", id);
      data.state = RegistrationState::kSuspended;
      Add(data, /*is_new=*/false);
    } else {
      MemberData data = *state.Find<MemberData>("member", id);
      data.state = RegistrationState::kSuspended;
      Add(data, /*is_new=*/false);
    }
  }
  // The reason, and for LIMIT_EXCEEDED the limit.
  static std::string Why(const Outcome& outcome) {
    std::string why = NameOf(ReasonOf(outcome));
    if (ReasonOf(outcome) == Reason::LIMIT_EXCEEDED)
      why += " " + (outcome.refusal ? outcome.refusal->facts : RefusalOf(outcome.entry()).facts)[0].second;
    return why;
  }
  // What a sale and a hold are refused for: the same.
  std::string Try(const std::string& member, const std::vector<OfferLine>& lines, const std::string& merchant = "s1") {
    const Origin till = Till("t" + merchant.substr(1), merchant);
    const Outcome sale = Run(till, Redeem{Pay(member), lines});
    if (ReasonOf(sale) == Reason::REASON_UNSPECIFIED) {
      Undo(last_id, till.terminal);
    } else {
      EXPECT_EQ(Why(Run(till, Authorize{Pay(member), lines})), Why(sale));
    }
    return Why(sale);
  }
};

TEST_F(EngineLimitsTest, WhoStandsForTheFirmThatOwnsAShopDoesNotRedeemThere) {
  MemberData corp = Person("mcorp"), boss = Person("mboss"), left = Person("mleft");
  corp.kind = MemberKind::kOrganisation;
  boss.memberships = {{"mcorp", 20240101, 0}};
  left.memberships = {{"mcorp", 20230101, 20240301}};
  Add(corp), Add(boss), Add(left);
  Add(Shop("s1", {{"mcorp"}}), /*is_new=*/false);
  for (const char* member : {"mcorp", "mboss"}) AwardPoints(member, 3);
  for (const char* member : {"mcorp", "mboss"}) EXPECT_EQ(Try(member, Lines(1)), "SELF_DEALING") << member;
  EXPECT_NE(Try("mleft", Lines(1)), "SELF_DEALING");
  EXPECT_NE(Try("mboss", Lines(1), "s2"), "SELF_DEALING");
}

// One thing after the other is put right; what is left is the next reason of the precedence.
TEST_F(EngineLimitsTest, TheEarliestReasonAnswers) {
  Buy("m1", 100), Buy("m1", 50);               // the day is full
  Buy("m2", 100, "t2"), Buy("m3", 100, "t2");  // 200 of 250 at s2
  Suspend("mowner"), Suspend("s3");
  const std::vector<OfferLine> wrong = {{"RICE", 1, 31, 0}}, huge = {{"ANY", 1, 1'000, 0}};
  EXPECT_EQ(Try("", {{"NOPE", 1, 1, 0}}, "s9"), "MERCHANT_NOT_FOUND");
  EXPECT_EQ(Try("mowner", {{"NOPE", 1, 1, 0}}, "s9"), "MERCHANT_NOT_FOUND");
  EXPECT_EQ(Try("mowner", {{"NOPE", 1, 1, 0}}, "s3"), "OFFER_NOT_FOUND");
  EXPECT_EQ(Try("mowner", wrong, "s3"), "MERCHANT_SUSPENDED");
  EXPECT_EQ(Try("mowner", wrong), "OFFER_MISMATCH");
  EXPECT_EQ(Try("mowner", huge), "LIMIT_EXCEEDED per_redemption");
  EXPECT_EQ(Try("m1", {{"ANY", 1, 1'000, 0}, {"BILL", 1, 501, 0}}), "OFFER_MISMATCH");
  EXPECT_EQ(Try("mfirm", huge), "LIMIT_EXCEEDED per_redemption");  // nothing at all, and 1,000 asked
  EXPECT_EQ(Try("mfirm", Lines(100)), "INSUFFICIENT_POINTS");
  EXPECT_EQ(Try("mowner", Lines(100)), "MEMBER_SUSPENDED");
  EXPECT_EQ(Try("", Lines(100)), "INSUFFICIENT_POINTS");  // nobody
  EXPECT_EQ(Try("m1", huge), "LIMIT_EXCEEDED per_redemption");
  EXPECT_EQ(Try("m1", Lines(100)), "LIMIT_EXCEEDED member_day");
  Advance(kDayMs);
  EXPECT_EQ(Try("m1", Lines(100)), "LIMIT_EXCEEDED member_month");  // 150 of 200
  Buy("m2", 100, "t2"), Buy("m3", 100, "t2");
  EXPECT_EQ(Try("m4", Lines(51), "s2"), "LIMIT_EXCEEDED merchant_day");
  for (int i = 0; i < 4; ++i) Buy("m4", 10, "t2");
  EXPECT_EQ(Try("m4", Lines(11), "s2"), "LIMIT_EXCEEDED merchant_day");
  EXPECT_EQ(Try("m4", Lines(10), "s2"), "LIMIT_EXCEEDED count");
}

// Whoever can't pay is answered as a number of nobody is, whatever else stands against them.
TEST_F(EngineLimitsTest, WhoCanNotPayIsAnsweredAsNobodyIs) {
  Add(Shop("s1", {{"mowner"}}), /*is_new=*/false);
  EXPECT_EQ(Try("mowner", Lines(100)), "SELF_DEALING");
  Add(Shop("s1"), /*is_new=*/false);
  for (int i = 0; i < 3; ++i) Buy("mowner", 100), Advance(40 * kDayMs);
  Add(Shop("s1", {{"mowner"}}), /*is_new=*/false);
  Suspend("mowner");
  for (const std::int64_t points : {1, 50, 100}) EXPECT_EQ(Try("mowner", Lines(points)), Try("", Lines(points))) << points;
}

TEST_F(EngineLimitsTest, AnEmptyPurseAnswersLast) {
  Advance(60 * kDayMs);
  Buy("m4", 100);
  Advance(60 * kDayMs);
  Buy("m4", 100);
  Advance(60 * kDayMs);
  Buy("m4", 75);
  EXPECT_EQ(Balance("m4"), 25);
  EXPECT_EQ(Try("m4", Lines(76)), "INSUFFICIENT_POINTS");  // and the day is full
  EXPECT_EQ(Try("m4", Lines(26)), "INSUFFICIENT_POINTS");
  EXPECT_EQ(Try("m4", Lines(25)), "REASON_UNSPECIFIED");
  Buy("m4", 6);
  EXPECT_EQ(Try("m4", Lines(10)), "INSUFFICIENT_POINTS");  // 19 are there, and 20 the minimum
}

TEST_F(EngineLimitsTest, LimitsThemselvesAreReached) {
  EXPECT_EQ(Buy("m1", 100).first, RequestState::kDone);
  EXPECT_EQ(Buy("m1", 50).first, RequestState::kDone);
  EXPECT_EQ(Why(Buy("m1", 1)), "LIMIT_EXCEEDED member_day");
  Advance(kDayMs);
  EXPECT_EQ(Buy("m1", 50).first, RequestState::kDone);
  EXPECT_EQ(Why(Buy("m1", 1)), "LIMIT_EXCEEDED member_month");
  Advance(20 * kDayMs);
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);  // another month
}

TEST_F(EngineLimitsTest, AHoldCountsUntilItEndsAndACaptureForWhatItTook) {
  const std::int64_t hold = Reserve("m1", 100).entry().sequence;
  EXPECT_EQ(Why(Buy("m1", 51)), "LIMIT_EXCEEDED member_day");
  Release(hold);
  const std::int64_t second = Reserve("m1", 100).entry().sequence;
  Take(second, 60);
  EXPECT_EQ(Buy("m1", 90).first, RequestState::kDone);
  EXPECT_EQ(Why(Buy("m1", 1)), "LIMIT_EXCEEDED member_day");
  Undo(last_id);
  Reserve("m2", 100);
  Advance(180'000);
  EXPECT_EQ(Buy("m2", 100).first, RequestState::kDone);
}

// A capture counts on the day of its hold, and gives back there.
TEST_F(EngineLimitsTest, ACaptureAfterMidnightCountsOnTheDayOfItsHold) {
  Advance(StartOf(20240316) - kMinuteMs - now_ms);
  const std::int64_t hold = Reserve("m1", 100).entry().sequence;
  Advance(2 * kMinuteMs);
  Take(hold);
  const std::string capture_id = last_id;
  EXPECT_EQ(Buy("m1", 100).first, RequestState::kDone);  // the day is new, the month is full
  EXPECT_EQ(Why(Buy("m1", 1)), "LIMIT_EXCEEDED member_month");
  Undo(capture_id);
  EXPECT_EQ(Buy("m1", 50).first, RequestState::kDone);
  EXPECT_EQ(Why(Buy("m1", 1)), "LIMIT_EXCEEDED member_day");  // of today nothing came back
  for (const auto& [key, row] : state.counters.recent()) EXPECT_GE(*row.value, 0) << key;
}

// A reversal gives back what its own rulebook counted, whatever holds today.
TEST_F(EngineLimitsTest, AReversalGivesBackByTheRulebookOfTheSale) {
  Advance(StartOf(20240316) - kMinuteMs - now_ms);
  const std::int64_t hold = Reserve("m1", 100).entry().sequence;
  Buy("m2", 100);
  const std::string sale_id = last_id;
  Adopt(RulebookJson("2024-2", 20240316, R"({"max_points_per_member_month":120})"));
  Advance(2 * kMinuteMs);  // another day, another rulebook
  Take(hold, 80);
  const std::string capture_id = last_id;
  EXPECT_EQ(journal.back()->rulebook, "2024-1");
  Undo(sale_id), Undo(capture_id);
  for (const auto& [key, row] : state.counters.recent()) EXPECT_GE(*row.value, 0) << key;
  EXPECT_EQ(Buy("m1", 120).first, RequestState::kDone);
  EXPECT_EQ(Why(Buy("m1", 1)), "LIMIT_EXCEEDED member_month");
}

TEST_F(EngineLimitsTest, ATerminalHasOnlySoManyRefusalsADay) {
  Adopt(RulebookJson("2024-2", 20240316, "{}", R"({"refusals_per_terminal_day":2})"));
  Advance(kDayMs);
  Origin till = Till();
  till.request_id = NewId();
  EXPECT_EQ(ReasonOf(Run(till, Redeem{Pay("m1"), Lines(1'000)})), Reason::INSUFFICIENT_POINTS);
  EXPECT_EQ(ReasonOf(Buy("m1", 1'000)), Reason::INSUFFICIENT_POINTS);
  const auto before = journal.size();
  EXPECT_EQ(ReasonOf(Buy("m1", 1'000)), Reason::REFUSALS_EXHAUSTED);
  EXPECT_EQ(journal.size(), before);
  EXPECT_EQ(ReasonOf(Run(till, Redeem{Pay("m1"), Lines(1'000)})), Reason::INSUFFICIENT_POINTS);  // a repetition is none
  EXPECT_EQ(ReasonOf(Buy("m1", 1'000, "t2")), Reason::INSUFFICIENT_POINTS);                      // each terminal its own
  EXPECT_EQ(Buy("m1", 10).first, RequestState::kDone);                                           // what is not refused goes on
  Advance(kDayMs);
  EXPECT_EQ(ReasonOf(Buy("m1", 1'000)), Reason::INSUFFICIENT_POINTS);
}

}  // namespace
}  // namespace redpoints
