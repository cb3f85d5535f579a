// What goes back: who may say so, what it carries, and that nothing is given twice.
#include "storage/rules/returns.h"

#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

constexpr char kGrace[] = R"({"debts_allowed":true,"late_days":60,"past_lot":"GRACE","grace_days":20})";

class EngineReturnsTest : public EngineTest {
 protected:
  StaffData Linked(const std::string& id, const std::string& member) {
    StaffData data;
    data.id = id;
    data.member = member;
    data.grants = {{Role::kCorrector, ""}};
    return data;
  }
  // Two persons undo what `target` gave back.
  Outcome UndoRefund(std::int64_t target, const std::string& by = "a2") {
    const Outcome proposal = Run(Staff(), ProposeUndo{target, "wrong_amount"});
    return Run(Staff(by), redpoints::Undo{proposal.entry().sequence});
  }
};

// An undo pays the shop: nobody of it has a say, nor does their household.
TEST_F(EngineReturnsTest, NobodyOfTheShopUndoesARefundOfIts) {
  SetUpProgram();
  Add(Household("mhome"));
  for (const char* id : {"mowner", "mspouse"}) {
    MemberData data = Person(id);
    data.memberships = {{"mhome", 20240101, 0}};
    Add(data);
  }
  Add(Shop("s1", {{"mowner"}}), /*is_new=*/false);
  Add(Linked("a5", "mowner")), Add(Linked("a6", "mspouse"));
  AwardPoints("m1", 10);
  const std::int64_t sale = Buy("m1", 60).entry().sequence;
  const std::int64_t refund = GiveBack(sale, 60).entry().sequence;
  for (const char* staff : {"a5", "a6"}) {
    EXPECT_EQ(ReasonOf(Run(Staff(staff), ProposeUndo{refund, "wrong_amount"})), Reason::SELF_DEALING) << staff;
    EXPECT_EQ(ReasonOf(UndoRefund(refund, staff)), Reason::SELF_DEALING) << staff;
  }
  EXPECT_EQ(Balance("s1"), 0);
  EXPECT_EQ(UndoRefund(refund).first, RequestState::kDone);
  EXPECT_EQ(Balance("s1"), 60);
}

// The shop knows the refund by its own terminal and request, and has to prove its day.
TEST_F(EngineReturnsTest, TheUndoOfARefundIsKnownToTheShopAsThatRefund) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const std::int64_t sale = Buy("m1", 60).entry().sequence;
  const Outcome refund = GiveBack(sale, 60);
  const Outcome undo = UndoRefund(refund.entry().sequence);
  EXPECT_EQ(undo.entry().terminal, refund.entry().terminal);
  EXPECT_EQ(undo.entry().target_request, refund.entry().request_id);
  const ShopDay* day = state.shop_days.Find(ShopDayKey(20240315, "s1"));
  ASSERT_NE(day, nullptr);
  Frontier lines;
  const auto add = [&](const Entry& e, const std::string& request, std::int64_t points) {
    lines.Append(
        LeafHash(absl::StrCat("[\"t1\",\"", request, "\",\"", std::string(KindName(e.kind)), "\",", points, ",", points * 100, "]")));
  };
  add(*journal[static_cast<std::size_t>(sale)], journal[static_cast<std::size_t>(sale)]->request_id, 60);
  add(refund.entry(), refund.entry().request_id, -60);
  add(undo.entry(), refund.entry().request_id, 60);
  EXPECT_EQ(day->lines.Root(), lines.Root());
}

TEST_F(EngineReturnsTest, GraceIsGivenOnceHoweverOftenARefundIsUndone) {
  SetUpProgram(RulebookJson("2024-1", 20240101, "{}", kGrace));
  AwardPoints("m1", 120, "VISIT");  // 4 of donor, to 2024-05-01
  const std::int64_t sale = Buy("m1", 4).entry().sequence;
  Advance(StartOf(20240515) - now_ms);
  const Lot graced{"donor", 20240701, 4, 20240501};
  for (int again = 0; again < 2; ++again) {
    const Outcome refund = GiveBack(sale, 4);
    EXPECT_EQ(Lots("m1"), std::vector<Lot>{graced});
    EXPECT_EQ(UndoRefund(refund.entry().sequence).first, RequestState::kDone);
    Advance(20 * kDayMs);
  }
  Advance(StartOf(20240701) - now_ms);
  GiveBack(sale, 4);
  EXPECT_TRUE(Lots("m1").empty());
  EXPECT_EQ(Balance("expired"), 4);
}

TEST_F(EngineReturnsTest, GraceIsGivenOnceHoweverOftenAnAwardIsCorrected) {
  SetUpProgram(RulebookJson("2024-1", 20240101, "{}", kGrace));
  const std::int64_t award = AwardPoints("m1", 120, "VISIT").entry().sequence;  // 4 of donor, to 2024-05-01
  Run(Corrector(), Correct{award, 0, "deed_not_done"});
  Advance(StartOf(20240515) - now_ms);
  for (int again = 0; again < 2; ++again) {
    Run(Corrector(), Correct{award, 120, "deed_done"});
    EXPECT_EQ(Lots("m1"), (std::vector<Lot>{{"donor", 20240701, 4, 20240501}}));
    Run(Corrector(), Correct{award, 0, "deed_not_done"});
    Advance(20 * kDayMs);
  }
  Advance(StartOf(20240701) - now_ms);
  Run(Corrector(), Correct{award, 120, "deed_done"});
  EXPECT_TRUE(Lots("m1").empty());
  EXPECT_EQ(Balance("expired"), 4);
}

// Sums by grid or group need no look at the sale.
TEST_F(EngineReturnsTest, WhatComesOfASaleCarriesItsGroupsAndGrid) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const Outcome hold = Reserve("m1", 20);
  const Outcome capture = Take(hold.entry().sequence);
  const Outcome refund = GiveBack(capture.entry().sequence, 5);
  const Outcome undo = UndoRefund(refund.entry().sequence);
  const Outcome reversal = Undo(hold.entry().request_id);
  ASSERT_FALSE(hold.entry().groups.empty());
  for (const Outcome* outcome : {&capture, &refund, &undo, &reversal}) {
    EXPECT_EQ(outcome->entry().groups, hold.entry().groups) << KindName(outcome->entry().kind);
    EXPECT_EQ(outcome->entry().grid, "grid-1") << KindName(outcome->entry().kind);
  }
}

// A refund whose points lie in too many places is refused by its size; a donation whose undo would not fit is refused at once.
TEST_F(EngineReturnsTest, WhatWouldNotFitIsRefusedAndNoFault) {
  SetUpProgram(RulebookJson("2024-1", 20240101, "{}", R"({"debts_allowed":true,"late_days":60,"refusals_per_member_day":10000})"));
  AwardPoints("m1", 1000);
  const std::int64_t sale = Buy("m1", 2000).entry().sequence;
  std::vector<std::int64_t> refunds;
  for (int i = 0; i < 900; ++i) refunds.push_back(GiveBack(sale, 1).entry().sequence);
  for (std::size_t i = 0; i < refunds.size(); i += 2) EXPECT_EQ(UndoRefund(refunds[i]).first, RequestState::kDone);
  const Outcome all = GiveBack(sale, 900);
  EXPECT_EQ(ReasonOf(all), Reason::LIMIT_EXCEEDED);
  EXPECT_EQ(RefusalOf(all.entry()).facts, (std::vector<std::pair<std::string, std::string>>{{"limit", "entry_size"}}));
  EXPECT_EQ(GiveBack(sale, 100).first, RequestState::kDone);
}

// What was refused can be read later: by whom it was asked, for what.
TEST_F(EngineReturnsTest, ARefusalKeepsWhatWasAsked) {
  SetUpProgram();
  AwardPoints("m1", 1);
  const Entry sale = Run(Till(), Redeem{Pay("m1"), {{"RICE", 1, 30, 250}}}).entry();
  EXPECT_EQ(sale.request_kind, "redemption");
  EXPECT_EQ(sale.lines, (std::vector<OfferLine>{{"RICE", 1, 30, 250}}));
  EXPECT_EQ(sale.presentation, "number");
  const std::int64_t bought = Buy("m1", 5).entry().sequence;
  const Entry refund = Run(Till(), Refund{bought, 6, 7}).entry();
  EXPECT_EQ(std::tuple(refund.ref, refund.points, refund.cash_fen), std::tuple(bought, 6, 7));
  const std::int64_t hold = Reserve("m1", 5).entry().sequence;
  const Entry capture = Take(hold, 6).entry();
  EXPECT_EQ(std::tuple(capture.hold, capture.points), std::tuple(hold, 6));
  Release(hold);
  EXPECT_EQ(Take(hold, 3).entry().points, 3);
  const Entry award = AwardPoints("m1", 1001).entry();
  EXPECT_EQ(std::tuple(award.activity, award.quantity, award.effective_day), std::tuple("PATROL", 1001, 20240315));
  const Entry donation = Run(Staff(), Donate{{"m1", ""}, 6}).entry();
  EXPECT_EQ(donation.points, 6);
  AwardItem secret = Item("m1", "SERVICE", 101);
  secret.unique = secret.note_commitment = Sha256Hex("x");
  secret.group = Group::kNone;
  const Entry umbrella = Run(Staff(), Award{secret}).entry();
  EXPECT_EQ(umbrella.activity, "SERVICE");
  EXPECT_EQ(umbrella.unique + umbrella.note_commitment, "");
}

// A long table of mistakes does not stop what comes after it.
TEST_F(EngineReturnsTest, ItemsOfABatchAreNotCountedAsRefusals) {
  SetUpProgram();
  AwardBatch batch;
  for (int i = 0; i < 1200; ++i) batch.items.push_back(Item("m1", "PATROL", 1001));
  EXPECT_EQ(Run(Staff(), batch).first, RequestState::kRefused);
  EXPECT_EQ(ReasonOf(Run(Staff(), Award{Item("m1", "PATROL", 1001)})), Reason::QUANTITY_OUT_OF_BOUNDS);
  EXPECT_EQ(ReasonOf(Buy("m1", 5)), Reason::INSUFFICIENT_POINTS);
}

}  // namespace
}  // namespace redpoints
