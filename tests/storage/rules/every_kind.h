// A program's life of some months in which every kind of entry that the engine writes occurs, in every form that it has: what tests about
// entries as such begin with.
#pragma once

#include <set>

#include "tests/storage/engine_fixture.h"

namespace redpoints {

class EveryKind : public EngineTest {
 protected:
  // With an activity whose points live for three years, so that an account can have many lots; and confidential deeds under an umbrella.
  static std::string Book(const std::string& version, Day effective_day, const std::string& policies) {
    return WithActivity(
        RulebookJson(version, effective_day, R"({"max_points_per_member_day":5000,"max_points_per_merchant_day":50000})", policies),
        R"({"code":"LONG","earnings":[{"unit":"POINT","numerator":10,"denominator":1,"rounding":"DOWN"}],"min_quantity":1,"fund":"street",)"
        R"("lot_validity":{"months":36}})");
  }

  void Live() {
    SetUpProgram(Book("2024-1", 20200101, R"({"debts_allowed":true,"late_days":3660})"));
    Adopt(Book("2024-2", 20240601, R"({"debts_allowed":true,"late_days":3660,"past_lot":"GRACE","grace_days":30})"));
    Registrations();
    Deeds();
    Sales();
    Holds();
    Returns();
    Past();
    Grace();
    Parts();
    Waivers();
    Run(Operator(), ConfirmClock{now_ms});
    Run(Staff(std::string(kLedgerActor)),
        OpenEpoch{{.root = std::string(64, 'a'), .origin = "minyue.example", .signed_size = 12, .why = "restore"}});
    SetBack();
  }

 private:
  Outcome GiveAward(AwardItem item) { return Run(Staff(), Award{std::move(item)}); }
  Outcome CorrectTo(const Outcome& award, std::int64_t quantity) {
    return Run(Corrector(), Correct{award.entry().sequence, quantity, "wrong_quantity"});
  }
  void UndoByTwo(const Outcome& target) {
    const auto proposal = Run(Staff(), ProposeUndo{target.entry().sequence, "wrong_amount"});
    Run(Corrector(), redpoints::Undo{proposal.entry().sequence});
  }

  // A sale of 4 points of donor, whose lot ends first, and some of street; of those some are owed then.
  Outcome BuyOnCredit(const std::string& member) {
    AwardPoints(member, 120, "VISIT");
    const auto award = AwardPoints(member, 2);
    const auto sale = Buy(member, Balance(member) - 4);
    CorrectTo(award, 1);
    return sale;
  }

  void Registrations() {
    Add(TerminalData{.id = "t4", .merchant = "s1"});
    Add(NodeData{.code = "b-1", .kind = NodeKind::kBranch, .parent = "", .places = {"grid-1"}, .type = "party"});
    Add(NodeData{.code = "b-2", .kind = NodeKind::kBranch, .parent = "b-1", .places = {}, .type = "", .end_day = 20301231});
    Add(FundData{"gift", 500, 20301231});
    Add(Household("m5"));
    MemberData person = Person("m6");
    person.memberships = {{"m5", 20240101, 20290101}};
    person.groups = {{Group::kPartyVanguard, 20200101, 0}, {Group::kResidents, 20200101, 20300101}};
    Add(person);
    person = Person("m2");
    person.groups = {{Group::kPartyVanguard}, {Group::kResidents, 20200101}};
    Add(person, /*is_new=*/false);
    person.id = "m3", person.number_commitment = Sha256Hex("another number");
    Register number;
    number.items = {person}, number.is_new = false, number.replaces_number = true;
    Run(Staff(), number);
    Add(Shop("s3", {{"m4", MerchantRole::kOwner, 20240101, 0}, {"m6", MerchantRole::kClerk, 0, 20250101}}));
    Add(TerminalData{.id = "t3", .merchant = "s3", .state = RegistrationState::kSuspended});
    StaffData worker = Worker("a1", "m6");
    worker.grants = {{Role::kHelper, "b-1"}, {Role::kRecorder, "grid-1"}};
    Add(worker);
    OfferData offer = Offer("OIL", 25, 0, OfferKind::kItem);
    offer.name_zh_cn = "食用油", offer.merchant = "s1", offer.from = 20240101, offer.to = 20260101;
    Add(offer);
    Register two;
    two.items = {Person("m7"), Person("m8")};
    Run(Staff(), two);
    Adopt(Book("2025-1", 20250101, "{}"));
    Register withdrawal;
    withdrawal.items = {RulebookData{.version = "2025-1", .effective_day = 0, .sha256 = "", .format = 0, .is_withdrawn = true}};
    withdrawal.is_new = false;
    Run(Corrector(), withdrawal);
  }

  void Deeds() {
    AwardItem item = Item("m1", "PATROL", 10);
    item.about = "s-0", item.tags = {"night", "rain"}, item.evidence_sha256 = Sha256Hex("photo"), item.note_commitment = Sha256Hex("note");
    item.external_id = "sheet-7";
    GiveAward(item);
    AwardPoints("m1", 120, "VISIT");  // 4 of donor, to 2024-05-01
    AwardPoints("m1", 30, "VISIT");   // above the cap: nothing
    item = Item("m1", "MEETING", 1);
    item.session = "2024-03";
    GiveAward(item);
    item = Item("m2", "REPORT", 1);
    item.case_id = "case-1", item.evidence_sha256 = Sha256Hex("photo 2"), item.group = Group::kResidents;
    GiveAward(item);
    item = Item("m2", "SERVICE", 10);
    item.unique = {Sha256Hex("case"), Sha256Hex("session")}, item.note_commitment = Sha256Hex("salted"), item.group = Group::kNone;
    GiveAward(item);
    Run(Staff(), AwardBatch{{Item("m2", "PATROL", 3), Item("m2", "PATROL", 5000)}});
    const auto award = AwardPoints("m3", 5);
    CorrectTo(award, 3);
    CorrectTo(award, 4);
    first_sale = Buy("m3", 40);
    CorrectTo(award, 0);   // all spent: a debt of 40
    AwardPoints("m3", 2);  // pays 20 of it
    AwardPoints("m3", 3);  // pays the rest, and 10 are issued
    const auto other = AwardPoints("m3", 1);
    Buy("m3", 15);
    CorrectTo(other, 0);  // 5 left: a debt of 5
    AwardPoints("m4", 120, "VISIT");
    AwardPoints("m7", 120, "VISIT");
    const auto watch = AwardPoints("m4", 30, "WATCH");  // half an hour: counts with the next
    AwardPoints("m4", 60, "WATCH");
    AwardPoints("m4", 30, "WATCH");
    CorrectTo(watch, 60);
  }

  void Sales() {
    Run(Till(), Redeem{Pay("m1"), {{"RICE", 2, 60, 100}, {"ANY", 1, 5, 0}}});
    UndoByTwo(Run(Staff(), Donate{{"m1", ""}, 7}));
    Run(Staff("m1"), Donate{{"m1", ""}, 2});
    Buy("m1", 99'999);
    Undo(last_id);
    Buy("m1", 3);
    Undo(last_id);
    Undo(NewId());
  }

  void Holds() {
    AwardPoints("m1", 50);
    Take(Reserve("m1", 30).entry().sequence, 10);
    Take(Reserve("m1", 30).entry().sequence);
    Release(Reserve("m1", 20).entry().sequence);
    Undo(journal.at(journal.size() - 2)->request_id);
    Reserve("m1", 20);
    Advance(4 * kMinuteMs);
    Reserve("m1", 20);
    Undo(last_id);
    const auto hold = Run(Till(), Authorize{Pay("m1"), {{"RICE", 3, 90, 30}}});
    Take(hold.entry().sequence, 120);  // more than it holds
    Take(hold.entry().sequence, 60);
    Undo(hold.entry().request_id);
  }

  void Returns() {
    GiveBack(first_sale.entry().sequence, 30);  // pays the debt of 5, 25 come back
    const auto sale = Run(Till(), Redeem{Pay("m1"), {{"OIL", 4, 100, 900}}});
    GiveBack(sale.entry().sequence, 20);
    const auto refund = Run(Till(), Refund{sale.entry().sequence, 30, 200});
    Run(Till(), Refund{sale.entry().sequence, 101, 5});  // more than is left
    GiveBack(sale.entry().sequence, 5);
    UndoByTwo(refund);
    GiveBack(sale.entry().sequence, 35);  // of two spans
    const auto spent = GiveBack(first_sale.entry().sequence, 10);
    Buy("m3", 30);
    UndoByTwo(spent);  // spent since: a debt
  }

  // The lots of visits end on 2024-05-01, and what comes back afterwards ends with them.
  void Past() {
    const auto visit = AwardPoints("m8", 120, "VISIT");
    const auto sale = Buy("m4", 4);
    const auto mixed = BuyOnCredit("m2");
    Advance(StartOf(20240501) - kMinuteMs - now_ms);
    Run(Till(), Authorize{Pay("m7"), Lines(4)});
    Advance(4 * kMinuteMs);
    CorrectTo(visit, 60);
    UndoByTwo(GiveBack(mixed.entry().sequence, PointsOf(mixed.entry())));
    UndoByTwo(GiveBack(sale.entry().sequence, 3));
    Advance(10 * kDayMs);
    AwardPoints("m4", 120, "VISIT");
  }

  void Grace() {
    const auto sale = Buy("m4", 4);
    const auto mixed = BuyOnCredit("m8");
    Advance(60 * kDayMs);  // the rulebook of June: what is past gets 30 days more
    const auto refund = GiveBack(sale.entry().sequence, 2);
    UndoByTwo(refund);
    UndoByTwo(GiveBack(mixed.entry().sequence, PointsOf(mixed.entry())));
    GiveBack(sale.entry().sequence, 3);
    Reserve("m4", 1);
    Release(journal.back()->sequence);
    Buy("m4", 1);
    Advance(70 * kDayMs);
  }

  // An award whose points are spent is taken back out of 30 lots.
  void Parts() {
    AwardItem item = Item("m6", "LONG", 30);
    item.effective_day = 20211015;
    const auto award = GiveAward(item);
    Buy("m6", 300);
    item.quantity = 1;
    for (int i = 0; i < 30; ++i) {
      const int month = 2021 * 12 + 10 + i;
      item.effective_day = month / 12 * 10000 + (month % 12 + 1) * 100 + 15;
      GiveAward(item);
    }
    CorrectTo(award, 0);
  }

  // A clock that is ahead is confirmed, points end by it and days are closed, and another operator sets it back.
  void SetBack() {
    Advance(kDayMs);
    const Day stands = state.at.last_closed_day;
    for (const char* member : {"m2", "m7"}) AwardPoints(member, 120, "VISIT");
    Buy("m7", 1);
    Reserve("m1", 1);
    now_ms += 70 * kDayMs;
    engine.SetTime(now_ms);
    Run(Operator(), ConfirmClock{now_ms});
    Advance(kDayMs);
    Buy("m1", 1);
    Reserve("m1", 1);
    now_ms -= 71 * kDayMs - kMinuteMs;
    engine.SetTime(now_ms);
    Run(Operator("o2"), ConfirmClock{now_ms, stands});
    Buy("m7", 1);
    Advance(2 * kDayMs);
  }

  // The fund ends, and what m3 still owes it is waived: a part, then the rest.
  void Waivers() {
    Add(FundData{"street", 1'000'000, DayOf(now_ms)}, /*is_new=*/false);
    Run(Staff(), ProposeWaiver{{"m3", ""}, "street", 99, "hardship"});
    for (const std::int64_t points : {2, 0}) {
      const auto proposal = Run(Staff(), ProposeWaiver{{"m3", ""}, "street", points, "fund_ended"});
      Run(Corrector(), WaiveDebt{proposal.entry().sequence});
    }
  }

  Outcome first_sale;
};

// What two entries have in common if what is said of the one holds for the other: kind, fields, and what their postings are on.
inline std::string FormOf(const Entry& entry) {
  std::string line, form;
  AppendLine(entry, line);
  bool is_text = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && line[i - 1] != '\\') {
      const auto end = line.find('"', i + 1);
      if (!is_text && end != std::string::npos && line[end + 1] == ':') form += line.substr(i, end - i);
      is_text = !is_text;
    }
  }
  form += std::string(KindName(entry.kind)) + std::to_string(entry.data.index());
  for (const Posting& p : entry.postings) {
    absl::StrAppend(&form, " ", static_cast<int>(p.holder.holder_class()), static_cast<int>(p.sub), p.unit,
                    p.amount < 0   ? "-"
                    : p.amount > 0 ? "+"
                                   : "0");
    if (p.lots.size() > 1 || p.funds.size() > 1) form += "*";
    for (const Lot& lot : p.lots) form += lot.first_end ? "g" : "";
  }
  return form;
}

}  // namespace redpoints
