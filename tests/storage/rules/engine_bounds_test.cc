// The bounds of an account and of a line: 64 lots, 4096 bytes, 2^53 − 1 points.
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

struct LotRule {
  std::string fund;
  int months_max;  // activities with lots of 1 to so many months
  std::int64_t points;
};

// A rulebook whose activity "<fund in capitals>_<n>" gives points in a lot of n months. Rates for all of `funds`.
std::string LotsJson(const std::string& version, Day effective_day, const std::vector<std::string>& funds,
                     const std::vector<LotRule>& rules, const std::string& policies = "{}") {
  std::string rates, activities;
  for (const auto& fund : funds) {
    absl::StrAppend(&rates, rates.empty() ? "" : ",", R"({"fund":")", fund,
                    R"(","fen_numerator":1000,"points_denominator":1,"rounding":"DOWN"})");
  }
  for (const LotRule& rule : rules) {
    std::string code;
    for (const char c : rule.fund) code += c == '-' ? '_' : static_cast<char>(std::toupper(c));
    for (int months = 1; months <= rule.months_max; ++months) {
      absl::StrAppend(&activities, activities.empty() ? "" : ",", R"({"code":")", code, "_", months,
                      R"(","earnings":[{"unit":"POINT","numerator":)", std::min<std::int64_t>(rule.points, 1'000'000),
                      R"(,"denominator":1,"rounding":"DOWN"}],"min_quantity":1,"fund":")", rule.fund, R"(","lot_validity":{"months":)",
                      months, "}}");
    }
  }
  return absl::StrCat(R"({"version":")", version, R"(","effective_day":)", effective_day,
                      R"(,"units":[{"code":"POINT","kind":"SPENDABLE"}],"fund_rates":[)", rates, R"(],"activities":[)", activities,
                      R"(],"offers":[{"code":"ANY","kind":"ITEM"},{"code":"AN_OFFER_WITH_A_NAME_OF_32_CHAR","kind":"ITEM"}],"policies":)",
                      policies, "}");
}

class EngineBoundsTest : public EngineTest {
 protected:
  // Members, shops, the funds, and one rulebook after the other.
  void SetUpFunds(const std::vector<std::string>& funds, const std::string& json) {
    Run(Staff(), FoundProgram{{"minyue", "a0"}});
    for (const auto& fund : funds) Add(FundData{fund, kAmountMax});
    Add(MemberData{.id = "m1", .number = "10000001", .kind = MemberKind::kPerson, .groups = {1}, .grid = "", .memberships = {}});
    Add(MerchantData{.id = "s1", .people = {}, .place = ""});
    Adopt(json);
  }
  Outcome AwardLot(const std::string& prefix, int months, std::int64_t quantity = 1) {
    return AwardPoints("m1", quantity, absl::StrCat(prefix, "_", months));
  }
  // 60 lots of a point each; ten are held; the next day's rulebook makes 14 others.
  std::int64_t FillBesideAHold(const std::string& policies = "{}") {
    const std::vector<std::string> funds = {"street", "donor"};
    SetUpFunds(funds, LotsJson("1", 20240101, funds, {{"street", 60, 1}}, policies));
    for (int months = 1; months <= 60; ++months) AwardLot("STREET", months);
    Adopt(LotsJson("2", 20240316, funds, {{"donor", 20, 1}}, policies));
    now_ms = StartOf(20240316) - kMinuteMs;
    Advance(0);
    const std::int64_t hold = Reserve("m1", 10).entry().sequence;
    Advance(kMinuteMs);
    for (int months = 1; months <= 14; ++months) EXPECT_EQ(AwardLot("DONOR", months).first, v1::DONE);
    EXPECT_EQ(Lots("m1").size(), 64u);
    return hold;
  }
};

TEST_F(EngineBoundsTest, A65thLotIsRefused) {
  FillBesideAHold();
  EXPECT_EQ(ReasonOf(AwardLot("DONOR", 15)), Reason::LOT_LIMIT_EXCEEDED);
  EXPECT_EQ(AwardLot("DONOR", 14).first, v1::DONE);  // an old lot has room
  Buy("m1", 1);                                      // a lot ends
  EXPECT_EQ(AwardLot("DONOR", 15).first, v1::DONE);
}

// A hold's points always come back, however full the account has become meanwhile.
TEST_F(EngineBoundsTest, HeldLotsComeBackIntoAFullAccount) {
  const std::int64_t hold = FillBesideAHold();
  EXPECT_EQ(Release(hold).first, v1::DONE);
  EXPECT_EQ(Balance("m1"), 74);
  EXPECT_EQ(Lots("m1").size(), 64u);
}

TEST_F(EngineBoundsTest, HeldLotsComeBackIntoAFullAccountByTime) {
  FillBesideAHold();
  Advance(3 * kMinuteMs);
  EXPECT_EQ(journal.back()->kind, Kind::kHoldExpired);
  EXPECT_EQ(Balance("m1"), 74);
}

TEST_F(EngineBoundsTest, HeldLotsComeBackIntoAFullAccountByReversal) {
  const std::int64_t hold = FillBesideAHold();
  EXPECT_EQ(Undo(journal[static_cast<std::size_t>(hold)]->request_id).first, v1::DONE);
  EXPECT_EQ(Balance("m1"), 74);
}

TEST_F(EngineBoundsTest, TheRestOfACaptureComesBackIntoAFullAccount) {
  const std::int64_t hold = FillBesideAHold();
  EXPECT_EQ(Take(hold, 3).first, v1::DONE);
  EXPECT_EQ(Balance("m1"), 71);
  // A lot without room joins the next of its fund: no point ends sooner than it would have.
  const auto lots = Lots("m1");
  const auto joined = std::find_if(lots.begin(), lots.end(), [](const Lot& l) { return l.fund == "street"; });
  EXPECT_EQ(*joined, (Lot{"street", 20250301, 8}));
}

TEST_F(EngineBoundsTest, RefundedLotsComeBackIntoAFullAccount) {
  const std::int64_t hold = FillBesideAHold();
  const std::int64_t capture = Take(hold).entry().sequence;
  EXPECT_EQ(GiveBack(capture, 10).first, v1::DONE);
  EXPECT_EQ(Balance("m1"), 74);
  EXPECT_EQ(Lots("m1").size(), 64u);
}

// --- the line --------------------------------------------------------------------------------------------------------------------

// 64 lots of `points` each in two funds with the longest codes.
class EngineLineTest : public EngineBoundsTest {
 protected:
  const std::vector<std::string> kFunds = {"street-of-minyue", "donors-of-minyue"};
  void Fill(std::int64_t points) {
    const std::int64_t each = std::min<std::int64_t>(points, 1'000'000), quantity = points / each;
    SetUpFunds(kFunds, LotsJson("1", 20240101, kFunds, {{kFunds[0], 60, each}}));
    for (int months = 1; months <= 60; ++months) AwardLot("STREET_OF_MINYUE", months, quantity);
    Advance(kDayMs);
    Adopt(LotsJson("2", 20240316, kFunds, {{kFunds[1], 20, each}}));
    for (int months = 1; months <= 4; ++months) EXPECT_EQ(AwardLot("DONORS_OF_MINYUE", months, quantity).first, v1::DONE);
    EXPECT_EQ(Lots("m1").size(), 64u);
  }
  std::vector<OfferLine> ManyLines(std::int64_t count, std::int64_t points) {
    std::vector<OfferLine> lines;
    for (std::int64_t i = 1; i < count; ++i) lines.push_back({"AN_OFFER_WITH_A_NAME_OF_32_CHAR", 1, points / count, 1250});
    lines.push_back({"AN_OFFER_WITH_A_NAME_OF_32_CHAR", 1, points - (count - 1) * (points / count), 1250});
    return lines;
  }
  std::size_t BytesOf(const Outcome& outcome) {
    std::string line;
    AppendLine(outcome.entry(), line);
    return line.size();
  }
};

TEST_F(EngineLineTest, ACaptureInPartOf64LotsOfSixDigitsFitsItsLine) {
  Fill(100'000);
  const Outcome hold = Run(Till(), Authorize{MemberId{"m1"}, ManyLines(1, 6'400'000)});
  ASSERT_EQ(hold.first, v1::PENDING);
  const Outcome capture = Take(hold.entry().sequence, 6'399'999);
  ASSERT_EQ(capture.first, v1::DONE);
  EXPECT_GT(BytesOf(capture), 3000u);
  EXPECT_EQ(GiveBack(capture.entry().sequence, 6'399'999).first, v1::DONE);
}

// A sale whose entries could not be written is refused before anything is held or taken; fewer points or lines help.
TEST_F(EngineLineTest, ASaleWhoseLineWouldBeTooLongIsRefused) {
  Fill(1'000'000'000'000);
  const std::int64_t all = 64 * 1'000'000'000'000;
  for (const std::int64_t lines : {1, 20}) {
    for (std::int64_t lots = 1; lots <= 64; ++lots) {
      const auto offered = ManyLines(lines, all / 64 * lots - 1);
      const Outcome quote = Run(Till(), Quote{MemberId{"m1"}, offered});
      const Outcome hold = Run(Till(), Authorize{MemberId{"m1"}, offered});
      EXPECT_EQ(ReasonOf(quote), ReasonOf(hold)) << lots;
      if (hold.first == v1::PENDING) {
        const Outcome capture = Take(hold.entry().sequence, all / 64 * lots - 2);
        ASSERT_EQ(capture.first, v1::DONE) << lots;
        ASSERT_EQ(Undo(last_id).first, v1::DONE) << lots;
        const Outcome sale = Run(Till(), Redeem{MemberId{"m1"}, offered});
        ASSERT_EQ(sale.first, v1::DONE) << lots;
        ASSERT_EQ(GiveBack(sale.entry().sequence, 1).first, v1::DONE) << lots;
        ASSERT_EQ(Undo(sale.entry().request_id).first, v1::DONE) << lots;
      } else {
        EXPECT_EQ(ReasonOf(hold), Reason::LIMIT_EXCEEDED) << lots;
        EXPECT_EQ(RefusalOf(hold.entry()).facts, (std::vector<std::pair<std::string, std::string>>{{"limit", "entry_size"}}));
        EXPECT_GT(lots, lines == 1 ? 50 : 30) << lots;
      }
    }
  }
}

// Nothing that can be asked for brings the ledger down: what can't be written is answered with INVARIANT_VIOLATION, and nothing
// changes.
TEST_F(EngineLineTest, AnEntryTooLongForItsLineIsNotPosted) {
  SetUpProgram();
  AwardItem item = Item("m1", "PATROL", 1);
  item.about = std::string(4096, 'x');  // a check at the door was forgotten
  const auto before = journal.size();
  Origin origin = Staff();
  origin.request_id = NewId();
  origin.fingerprint = Fingerprint(origin, Award{item});
  EXPECT_EQ(ReasonOf(engine.Execute(origin, Award{item})), Reason::INVARIANT_VIOLATION);
  EXPECT_FALSE(engine.TakeFault().ok());
  EXPECT_EQ(journal.size(), before);
  EXPECT_EQ(Balance("m1"), 0);
}

// --- amounts ---------------------------------------------------------------------------------------------------------------------

TEST_F(EngineBoundsTest, TheLotLimitAnswersBeforeTheBalance) {
  const std::vector<std::string> funds = {"street", "donor"};
  SetUpFunds(funds, LotsJson("1", 20240101, funds, {{"street", 60, 1'000'000}}));
  for (int months = 1; months <= 60; ++months) AwardLot("STREET", months);
  for (int i = 0; i < 9007; ++i) AwardLot("STREET", 1, 1'000'000);
  EXPECT_EQ(Balance("m1") / 1'000'000'000'000, 9007);
  Advance(kDayMs);
  Adopt(LotsJson("2", 20240316, funds, {{"donor", 20, 1'000'000}}));
  for (int months = 1; months <= 4; ++months) AwardLot("DONOR", months);
  EXPECT_EQ(ReasonOf(AwardLot("DONOR", 4, 1'000'000)), Reason::BALANCE_OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(AwardLot("DONOR", 5, 1'000'000)), Reason::LOT_LIMIT_EXCEEDED);
}

// Points held count too, since they can come back; and what a reversal gives back has to have room, as a refund's.
TEST_F(EngineBoundsTest, WhatCanComeBackHasRoomInTheRange) {
  const std::int64_t trillion = 1'000'000'000'000;
  const std::vector<std::string> funds = {"street", "donor"};
  SetUpFunds(funds, LotsJson("1", 20240101, funds, {{"street", 1, 1'000'000}, {"donor", 1, 1'000'000}}));
  for (int i = 0; i < 9'007; ++i) AwardLot("STREET", 1, 1'000'000);
  const Outcome hold = Reserve("m1", trillion);
  EXPECT_EQ(ReasonOf(AwardLot("DONOR", 1, 1'000'000)), Reason::BALANCE_OUT_OF_RANGE);
  EXPECT_EQ(Release(hold.entry().sequence).first, v1::DONE);
  const Outcome sale = Buy("m1", trillion);
  const std::string sale_id = last_id;
  EXPECT_EQ(AwardLot("DONOR", 1, 1'000'000).first, v1::DONE);
  EXPECT_EQ(ReasonOf(GiveBack(sale.entry().sequence, trillion)), Reason::BALANCE_OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(Undo(sale_id)), Reason::BALANCE_OUT_OF_RANGE);
  Buy("m1", trillion);
  EXPECT_EQ(Undo(sale_id).first, v1::DONE);
}

}  // namespace
}  // namespace redpoints
