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
                      R"(],"limits":{"classes":[{"presentation":"number"}]},"policies":)", policies, "}");
}

class EngineBoundsTest : public EngineTest {
 protected:
  // Members, shops, the funds, and one rulebook after the other.
  void SetUpFunds(const std::vector<std::string>& funds, const std::string& json) {
    Run(Staff(), FoundProgram{{"minyue", "a0"}});
    for (const auto& fund : funds) Add(FundData{fund, kAmountMax / static_cast<std::int64_t>(funds.size())});
    MemberData member = Person("m1");
    member.grid.clear();
    Add(member);
    MerchantData shop = Shop("s1");
    shop.place.clear();
    Add(shop);
    Add(TerminalData{.id = "t1", .merchant = "s1"});
    Add(Worker("a2"));
    Add(Offer("ANY")), Add(Offer("AN_OFFER_WITH_A_NAME_OF_32_CHAR"));
    Adopt(json);
  }
  Outcome AwardLot(const std::string& prefix, int months, std::int64_t quantity = 1) {
    return AwardPoints("m1", quantity, absl::StrCat(prefix, "_", months));
  }
  // 60 lots of a point each; the ten that end soonest are held; the next day's rulebook makes three others.
  std::int64_t FillBesideAHold(const std::string& policies = "{}") {
    const std::vector<std::string> funds = {"street", "donor"};
    SetUpFunds(funds, LotsJson("1", 20240101, funds, {{"street", 60, 1}}, policies));
    for (int months = 1; months <= 60; ++months) AwardLot("STREET", months);
    before = Lots("m1");
    EXPECT_EQ(Adopt(LotsJson("2", 20240316, funds, {{"donor", 3, 1}}, policies)).first, RequestState::kDone);
    now_ms = StartOf(20240316) - kMinuteMs;
    Advance(0);
    const std::int64_t hold = Reserve("m1", 10).entry().sequence;
    Advance(kMinuteMs);
    for (int months = 1; months <= 3; ++months) EXPECT_EQ(AwardLot("DONOR", months).first, RequestState::kDone);
    EXPECT_EQ(Lots("m1").size(), 53u);
    return hold;
  }
  // Those of the street alone.
  std::vector<Lot> StreetLots() {
    auto lots = Lots("m1");
    std::erase_if(lots, [](const Lot& l) { return l.fund != "street"; });
    return lots;
  }
  std::vector<Lot> before;  // the street's, before the hold
};

// Lots that older rulebooks have made are alive, too.
TEST_F(EngineBoundsTest, ARulebookThatCouldMakeA65thLotIsRefused) {
  FillBesideAHold();
  const std::vector<std::string> funds = {"street", "donor"};
  const Outcome refused = Adopt(LotsJson("3", 20240317, funds, {{"donor", 20, 1}}));
  EXPECT_EQ(ReasonOf(refused), Reason::RULEBOOK_INVALID);
  EXPECT_THAT(refused.refusal->facts, testing::Contains(testing::Pair("field", "activities")));
  // Years later those have ended.
  EXPECT_EQ(Adopt(LotsJson("3", 20290601, funds, {{"donor", 20, 1}})).first, RequestState::kDone);
}

// Nor can one in the middle go, if those around it could not have followed each other.
TEST_F(EngineBoundsTest, ARulebookWhoseNeighboursCouldMakeA65thLotStays) {
  const std::vector<std::string> funds = {"street", "donor"};
  SetUpFunds(funds, LotsJson("1", 20240101, funds, {{"street", 60, 1}}));
  const std::string third = LotsJson("3", 20290601, funds, {{"donor", 20, 1}});
  EXPECT_EQ(ReasonOf(Adopt(third)), Reason::RULEBOOK_INVALID);  // lots of the first are alive then
  EXPECT_EQ(Adopt(LotsJson("2", 20240401, funds, {{"donor", 1, 1}})).first, RequestState::kDone);
  EXPECT_EQ(Adopt(third).first, RequestState::kDone);  // they will have ended
  Register withdrawal;
  withdrawal.items = {RulebookData{.version = "2", .effective_day = 0, .sha256 = "", .format = 0, .is_withdrawn = true}};
  withdrawal.is_new = false;
  EXPECT_EQ(ReasonOf(Run(Corrector(), withdrawal)), Reason::RULEBOOK_INVALID);
  std::get<RulebookData>(withdrawal.items[0]).version = "3";
  EXPECT_EQ(Run(Corrector(), withdrawal).first, RequestState::kDone);  // the last makes room
  std::get<RulebookData>(withdrawal.items[0]).version = "2";
  EXPECT_EQ(Run(Corrector(), withdrawal).first, RequestState::kDone);
}

// A hold's points come back as they were, however full the account has become meanwhile.
TEST_F(EngineBoundsTest, HeldLotsComeBackIntoAFullAccount) {
  const std::int64_t hold = FillBesideAHold();
  EXPECT_EQ(Release(hold).first, RequestState::kDone);
  EXPECT_EQ(StreetLots(), before);
}

TEST_F(EngineBoundsTest, HeldLotsComeBackIntoAFullAccountByTime) {
  FillBesideAHold();
  Advance(3 * kMinuteMs);
  EXPECT_EQ(journal.back()->kind, Kind::kHoldExpired);
  EXPECT_EQ(StreetLots(), before);
}

TEST_F(EngineBoundsTest, HeldLotsComeBackIntoAFullAccountByReversal) {
  const std::int64_t hold = FillBesideAHold();
  EXPECT_EQ(Undo(journal[static_cast<std::size_t>(hold)]->request_id).first, RequestState::kDone);
  EXPECT_EQ(StreetLots(), before);
}

TEST_F(EngineBoundsTest, TheRestOfACaptureComesBackIntoAFullAccount) {
  const std::int64_t hold = FillBesideAHold();
  EXPECT_EQ(Take(hold, 3).first, RequestState::kDone);
  EXPECT_EQ(StreetLots(), std::vector<Lot>(before.begin() + 3, before.end()));
}

TEST_F(EngineBoundsTest, RefundedLotsComeBackIntoAFullAccount) {
  const std::int64_t hold = FillBesideAHold();
  const std::int64_t capture = Take(hold).entry().sequence;
  EXPECT_EQ(GiveBack(capture, 10).first, RequestState::kDone);
  EXPECT_EQ(StreetLots(), before);
}

// --- the line --------------------------------------------------------------------------------------------------------------------

// 64 lots of `points` each in two funds with the longest codes.
class EngineLineTest : public EngineBoundsTest {
 protected:
  const std::vector<std::string> kFunds = {"street-of-minyue", "donors-of-minyue"};
  static constexpr std::int64_t kLots = 63;  // as many as two rulebooks may make
  void Fill(std::int64_t points) {
    const std::int64_t each = std::min<std::int64_t>(points, 1'000'000), quantity = points / each;
    SetUpFunds(kFunds, LotsJson("1", 20240101, kFunds, {{kFunds[0], 60, each}}));
    for (int months = 1; months <= 60; ++months) AwardLot("STREET_OF_MINYUE", months, quantity);
    Adopt(LotsJson("2", 20240316, kFunds, {{kFunds[1], 3, each}}));
    Advance(kDayMs);
    for (int months = 1; months <= 3; ++months) EXPECT_EQ(AwardLot("DONORS_OF_MINYUE", months, quantity).first, RequestState::kDone);
    EXPECT_EQ(Lots("m1").size(), static_cast<std::size_t>(kLots));
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

TEST_F(EngineLineTest, ACaptureInPartOfManyLotsFitsItsLine) {
  Fill(100'000);
  const std::int64_t points = 12 * 100'000;
  const Outcome hold = Run(Till(), Authorize{Pay("m1"), ManyLines(1, points)});
  ASSERT_EQ(hold.first, RequestState::kPending);
  const Outcome capture = Take(hold.entry().sequence, points - 1);
  ASSERT_EQ(capture.first, RequestState::kDone);
  EXPECT_EQ(GiveBack(capture.entry().sequence, points - 1).first, RequestState::kDone);
}

// A sale whose entries could not be written is refused before anything is held or taken; fewer points or lines help.
TEST_F(EngineLineTest, ASaleWhoseLineWouldBeTooLongIsRefused) {
  Fill(1'000'000'000'000);
  const std::int64_t each = 1'000'000'000'000;
  for (const std::int64_t lines : {1, 20}) {
    std::int64_t taken = 0;
    Advance(kDayMs);  // refusals are counted by the day
    for (std::int64_t lots = 1; lots <= kLots; ++lots) {
      const auto offered = ManyLines(lines, each * lots - 1);
      const Outcome hold = Run(Till(), Authorize{Pay("m1"), offered});
      if (hold.first == RequestState::kPending) {
        taken = lots;
        const Outcome capture = Take(hold.entry().sequence, each * lots - 2);
        ASSERT_EQ(capture.first, RequestState::kDone) << lots;
        ASSERT_EQ(Undo(last_id).first, RequestState::kDone) << lots;
        const Outcome sale = Run(Till(), Redeem{Pay("m1"), offered});
        ASSERT_EQ(sale.first, RequestState::kDone) << lots;
        ASSERT_EQ(GiveBack(sale.entry().sequence, 1).first, RequestState::kDone) << lots;
        ASSERT_EQ(Undo(sale.entry().request_id).first, RequestState::kDone) << lots;
      } else {
        EXPECT_EQ(ReasonOf(hold), Reason::LIMIT_EXCEEDED) << lots;
        EXPECT_EQ(RefusalOf(hold.entry()).facts, (std::vector<std::pair<std::string, std::string>>{{"limit", "entry_size"}}));
      }
    }
    EXPECT_GT(taken, lines == 1 ? 12 : 2);  // with the longest codes and twelve digits in each
    EXPECT_LT(taken, kLots);
  }
}

// Nothing that can be asked for brings the ledger down: what can't be written is answered with INVARIANT_VIOLATION, and nothing
// changes.
TEST_F(EngineLineTest, AnEntryTooLongForItsLineIsNotPosted) {
  SetUpProgram();
  AwardItem item = Item("m1", "PATROL", 1);
  item.about = std::string(4096, 'x');  // a check at the door was forgotten
  const auto posted = journal.size();
  Origin origin = Staff();
  origin.request_id = NewId();
  origin.fingerprint = Fingerprint(origin, Award{item});
  EXPECT_EQ(ReasonOf(engine.Execute(origin, Award{item})), Reason::INVARIANT_VIOLATION);
  EXPECT_FALSE(engine.TakeFault().ok());
  EXPECT_EQ(journal.size(), posted);
  EXPECT_EQ(Balance("m1"), 0);
}

// The others of its batch are decided, it is said of this one for ever, and the journal can be read back.
TEST_F(EngineLineTest, AnItemTooLongForItsLineStopsItselfAlone) {
  SetUpProgram();
  AwardBatch batch{.items = {Item("m1", "PATROL", 1), Item("m2", "PATROL", 1), Item("m3", "PATROL", 1)}};
  batch.items[1].about = std::string(4096, 'x');
  Origin origin = Staff();
  origin.request_id = NewId();
  origin.fingerprint = Fingerprint(origin, batch);
  const Outcome outcome = engine.Execute(origin, batch);
  EXPECT_FALSE(engine.TakeFault().ok());
  Collect();
  ASSERT_EQ(outcome.entries.size(), 3u);
  EXPECT_EQ(outcome.entries[0]->kind, Kind::kAward);
  EXPECT_EQ(outcome.entries[1]->refusal, "INVARIANT_VIOLATION");
  EXPECT_EQ(outcome.entries[1]->member, "m2");
  EXPECT_EQ(outcome.entries[2]->kind, Kind::kAward);
  EXPECT_EQ(engine.Execute(origin, batch).entries.size(), 3u);
}

// --- amounts ---------------------------------------------------------------------------------------------------------------------

// As much as all budgets allow fits into one account, so that whatever comes back has room: held, spent or given points are out as well.
TEST_F(EngineBoundsTest, WhatIsOutFitsIntoOneAccount) {
  const std::int64_t trillion = 1'000'000'000'000;
  const std::vector<std::string> funds = {"street", "donor"};
  SetUpFunds(funds, LotsJson("1", 20240101, funds, {{"street", 1, 1'000'000}, {"donor", 1, 1'000'000}}));
  for (const char* lot : {"STREET", "DONOR"}) {
    for (int i = 0; i < 4'503; ++i) AwardLot(lot, 1, 1'000'000);
  }
  Reserve("m1", trillion);
  const Outcome sale = Buy("m1", trillion);
  Run(Staff(), Donate{{"m1", ""}, trillion});
  for (const char* lot : {"STREET", "DONOR"}) EXPECT_EQ(ReasonOf(AwardLot(lot, 1, 1'000'000)), Reason::FUND_BUDGET_EXCEEDED);
  EXPECT_EQ(ReasonOf(Add(FundData{"more", trillion})), Reason::FIELD_OUT_OF_RANGE);
  Advance(60 * kDayMs);  // all that is left ends
  EXPECT_EQ(GiveBack(sale.entry().sequence, trillion).first, RequestState::kDone);
}

}  // namespace
}  // namespace redpoints
