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
  EXPECT_EQ(ReasonOf(Run(Till(), Refund{sale, 900, 1})), Reason::LIMIT_EXCEEDED);  // and more cash than was paid
  EXPECT_EQ(GiveBack(sale, 100).first, RequestState::kDone);
}

// --- several reasons at once: the earliest of the order at the head of each verb answers ---------------------------------------------------

constexpr char kNoDebts[] = R"({"late_days":60,"refusals_per_member_day":10000})";

TEST_F(EngineReturnsTest, OfARefundTheEarliestReasonAnswers) {
  SetUpProgram();
  AwardPoints("m1", 20);
  const Outcome sale = Run(Till(), Redeem{Pay("m1"), {{"BILL", 1, 60, 500}}});
  const auto why = [&](std::int64_t points, std::int64_t cash) {
    return std::string(NameOf(ReasonOf(Run(Till(), Refund{sale.entry().sequence, points, cash}))));
  };
  EXPECT_EQ(why(kAmountMax, 501), "BALANCE_OUT_OF_RANGE");
  EXPECT_EQ(why(61, 501), "REFUND_EXCEEDS_REMAINDER");
  EXPECT_EQ(why(60, 501), "REFUND_CASH_EXCEEDS");
  Undo(sale.entry().request_id);
  EXPECT_EQ(why(kAmountMax, 501), "BALANCE_OUT_OF_RANGE");
  EXPECT_EQ(why(61, 501), "REDEMPTION_REVERSED");
  EXPECT_EQ(why(60, 501), "REDEMPTION_REVERSED");
}

// The same entry with all amounts as large as can be, or of so many points: what no journal of a test can come to.
Entry WithPoints(Entry e, std::int64_t points) {
  for (Posting& p : e.postings) {
    if (p.unit != kPoint) continue;
    const std::int64_t amount = p.amount < 0 ? -points : points;
    p.amount = amount;
    if (!p.lots.empty()) p.lots = {p.lots.front()}, p.lots[0].amount = amount;
    if (!p.funds.empty()) p.funds = {p.funds.front()}, p.funds[0].amount = amount;
  }
  return e;
}

TEST_F(EngineReturnsTest, OfAReversalTheEarliestReasonAnswers) {
  SetUpProgram();
  const Outcome award = AwardPoints("m1", 10), sale = Buy("m1", 60), hold = Reserve("m1", 10);
  Release(hold.entry().sequence);
  Advance(40 * kDayMs);  // behind the window
  EXPECT_EQ(ReasonOf(Run(Staff(), Reverse{award.entry().request_id})), Reason::NOT_REVERSIBLE);
  EXPECT_EQ(ReasonOf(Undo(sale.entry().request_id)), Reason::REVERSAL_WINDOW_CLOSED);
  EXPECT_EQ(Undo(hold.entry().request_id).entry().effect, Effect::kEnded);
  Case c{state};
  c.related.ref = std::make_shared<const Entry>(WithPoints(sale.entry(), kAmountMax));
  Entry late;
  late.kind = Kind::kReversal, late.actor = "t1", late.target_request = sale.entry().request_id;
  late.recorded_ms = now_ms, late.business_day = DayOf(now_ms);
  const Broken broken = DeriveReversal(c, late);
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->reason, Reason::BALANCE_OUT_OF_RANGE);
}

TEST_F(EngineReturnsTest, OfADonationsUndoTheEarliestReasonAnswers) {
  SetUpProgram();
  Add(Household("mhome")), Add(Person("m5")), Add(Linked("a5", "m5"));
  AwardPoints("m1", 10);
  const Entry donation = Run(Staff(), Donate{{"m1", ""}, 7}).entry();
  const Outcome first = Run(Staff(), ProposeUndo{donation.sequence, "wrong_amount"});
  const Outcome second = Run(Staff("a5"), ProposeUndo{donation.sequence, "wrong_amount"});
  const auto why = [&](std::int64_t points, const char* by) {
    Case c{state};
    c.related.proposal = std::make_shared<const Entry>(second.entry());
    c.related.ref = std::make_shared<const Entry>(WithPoints(donation, points));
    Entry undo;
    undo.kind = Kind::kUndo, undo.actor = by, undo.proposal = second.entry().sequence, undo.business_day = DayOf(now_ms);
    const Broken broken = DeriveUndo(c, undo);
    return broken ? std::string(NameOf(broken->reason)) : "";
  };
  EXPECT_EQ(why(kAmountMax, "a5"), "BALANCE_OUT_OF_RANGE");
  EXPECT_EQ(why(8, "a5"), "MAKER_IS_CHECKER");  // the pool holds 7
  EXPECT_EQ(why(8, "a2"), "POOL_TOO_SMALL");
  EXPECT_EQ(why(7, "a2"), "");
  EXPECT_EQ(Run(Staff("a2"), redpoints::Undo{first.entry().sequence}).first, RequestState::kDone);
  EXPECT_EQ(why(kAmountMax, "a5"), "BALANCE_OUT_OF_RANGE");
  EXPECT_EQ(why(8, "a5"), "ALREADY_UNDONE");
  for (const char* id : {"m1", "m5"}) {
    MemberData data = Person(id);
    data.memberships = {{"mhome", 20240101, 0}};
    Add(data, /*is_new=*/false);
  }
  EXPECT_EQ(why(kAmountMax, "a5"), "SELF_DEALING");
}

TEST_F(EngineReturnsTest, OfARefundsUndoTheEarliestReasonAnswers) {
  SetUpProgram(RulebookJson("2024-1", 20240101, "{}", kNoDebts));
  const auto refunded = [&](const char* member) {
    AwardPoints(member, 6);
    const Outcome sale = Buy(member, 60);
    return std::pair(sale.entry().request_id, GiveBack(sale.entry().sequence, 60).entry().sequence);
  };
  const auto [sale, refund] = refunded("m1");
  const auto [other_sale, other_refund] = refunded("m2");
  const auto proposal = [&](std::int64_t target) { return Run(Staff(), ProposeUndo{target, "wrong_amount"}).entry().sequence; };
  const auto why = [&](std::int64_t of, const char* by = "a0") {
    return std::string(NameOf(ReasonOf(Run(Staff(by), redpoints::Undo{of}))));
  };
  const std::int64_t of_refund = proposal(refund), of_other = proposal(other_refund), again = proposal(other_refund);
  Buy("m1", 60);  // nothing is left of it, and no debts are allowed
  Undo(sale);
  Add(FundData{"street", 120}, /*is_new=*/false);
  EXPECT_EQ(why(of_refund), "FUND_BUDGET_EXCEEDED");
  Add(FundData{"street", 1'000'000}, /*is_new=*/false);
  EXPECT_EQ(why(of_refund), "REDEMPTION_REVERSED");
  const std::string spent = Buy("m2", 60).entry().request_id;
  EXPECT_EQ(why(of_other), "CORRECTION_EXCEEDS_BALANCE");
  Undo(spent);
  EXPECT_EQ(why(of_other), "MAKER_IS_CHECKER");
  EXPECT_EQ(why(of_other, "a2"), "REASON_UNSPECIFIED");
  Undo(other_sale);
  Add(FundData{"street", 120}, /*is_new=*/false);
  EXPECT_EQ(why(again), "ALREADY_UNDONE");  // what was undone is not looked at for more
}

TEST_F(EngineReturnsTest, OfACorrectionTheEarliestReasonAnswers) {
  SetUpProgram(RulebookJson("2024-1", 20240101, "{}", kNoDebts));
  const auto award = [&](const char* activity, const char* session, const char* case_id) {
    AwardItem item = Item("m1", activity, 1);
    item.session = session, item.case_id = case_id;
    if (*case_id != 0) item.evidence_sha256 = Sha256Hex("evidence");
    return Run(Staff(), Award{item}).entry().sequence;
  };
  const auto why = [&](std::int64_t of, std::int64_t quantity, const char* by = "a0") {
    return std::string(NameOf(ReasonOf(Run(Staff(by), Correct{of, quantity, "wrong_quantity"}))));
  };
  // Taken back, and given once more.
  const std::int64_t meeting = award("MEETING", "s-1", ""), report = award("REPORT", "", "c-1");
  for (const std::int64_t each : {meeting, report}) EXPECT_EQ(why(each, 0, "a2"), "REASON_UNSPECIFIED");
  award("MEETING", "s-1", ""), award("REPORT", "", "c-1");
  const std::int64_t patrol = AwardPoints("m1", 10).entry().sequence;
  Add(Linked("a5", "m1"));
  EXPECT_EQ(why(meeting, 2, "a5"), "SELF_DEALING");
  EXPECT_EQ(why(meeting, 2), "SESSION_ALREADY_AWARDED");
  EXPECT_EQ(why(patrol, 5000), "QUANTITY_OUT_OF_BOUNDS");
  EXPECT_EQ(why(patrol, 11), "MAKER_IS_CHECKER");
  Add(FundData{"donor", 2, 20240301}, /*is_new=*/false);
  EXPECT_EQ(why(report, 1), "FUND_BUDGET_EXCEEDED");
  Add(FundData{"donor", 100, 20240301}, /*is_new=*/false);
  EXPECT_EQ(why(report, 1), "CASE_ALREADY_AWARDED");
  Add(FundData{"street", 1'000'000, 20240301}, /*is_new=*/false);
  EXPECT_EQ(why(patrol, 11), "FUND_ENDED");
  Buy("m1", Balance("m1"));
  EXPECT_EQ(why(patrol, 5), "CORRECTION_EXCEEDS_BALANCE");
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
  secret.note_commitment = Sha256Hex("x"), secret.unique = {secret.note_commitment, Sha256Hex("y")};
  secret.group = Group::kNone;
  const Entry umbrella = Run(Staff(), Award{secret}).entry();
  EXPECT_EQ(umbrella.activity, "SERVICE");
  EXPECT_TRUE(umbrella.unique.empty() && umbrella.note_commitment.empty());
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
