// What Verify refuses. Each row takes a true entry of a small ledger and breaks one thing.
#include "storage/rules/apply.h"

#include <functional>

#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

class ApplyTest : public EngineTest {
 protected:
  // The state in front of the entry `sequence`.
  std::unique_ptr<State> Before(std::int64_t sequence) {
    auto before = std::make_unique<State>("minyue");
    before->find_blob = state.find_blob;
    before->find_entries = state.find_entries;
    for (std::int64_t i = 0; i < sequence; ++i) {
      const Entry& entry = *journal[static_cast<std::size_t>(i)];
      EXPECT_TRUE(Verify(*before, entry).ok()) << Verify(*before, entry);
      EXPECT_TRUE(Apply(*before, entry).ok());
    }
    return before;
  }
  // Verify's message about the entry `outcome` posted, once `change` has changed it; "" when it is taken.
  std::string Tampered(const Outcome& outcome, const std::function<void(Entry&)>& change) {
    Entry entry = outcome.entry();
    const auto before = Before(entry.sequence);
    EXPECT_TRUE(Verify(*before, entry).ok()) << Verify(*before, entry);
    change(entry);
    const absl::Status status = Verify(*before, entry);
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kInternal) << status;
    return std::string(status.message());
  }
};

struct Tamper {
  const char* what;
  std::string says;
  std::function<void(Entry&)> change;
};

TEST_F(ApplyTest, VerifyRefusesWhatIsTamperedWithInARedemption) {
  SetUpProgram();
  AwardPoints("m1", 2);             // 20 of street, to 2025-04-01
  AwardPoints("m1", 120, "VISIT");  // 4 of donor, to 2024-05-01
  AwardPoints("m2", 5);
  const Outcome sale = Buy("m1", 10);  // donor 4, street 6
  const auto both = [](Entry& e, std::int64_t more) {
    e.postings[0].amount -= more, e.postings[0].balance -= more;
    e.postings[1].amount += more, e.postings[1].balance += more;
  };
  const std::vector<Tamper> tampers = {
      {"another program", "entry of program", [](Entry& e) { e.program = "xinghe"; }},
      {"another epoch", "epoch", [](Entry& e) { e.epoch = 1; }},
      {"a sequence twice", "sequence", [](Entry& e) { --e.sequence; }},
      {"a sequence left out", "sequence", [](Entry& e) { ++e.sequence; }},
      {"time backwards", "recorded before", [](Entry& e) { --e.recorded_ms; }},
      {"another business day", "business day", [](Entry& e) { e.business_day = 20240314; }},
      {"business day of a later time", "business day", [](Entry& e) { e.recorded_ms += kDayMs; }},
      {"unbalanced: one posting less", "sum to", [](Entry& e) { e.postings.pop_back(); }},
      {"unbalanced: more to the shop", "sum to", [](Entry& e) { ++e.postings[1].amount, ++e.postings[1].balance; }},
      {"wrong balance", "does not follow", [](Entry& e) { ++e.postings[1].balance; }},
      {"wrong amount", "does not follow", [](Entry& e) { ++e.postings[1].amount; }},
      {"prev of an older entry", "prev", [](Entry& e) { --e.postings[0].prev; }},
      {"no prev", "prev", [](Entry& e) { e.postings[0].prev = -1; }},
      {"prev where there was none", "prev", [](Entry& e) { e.postings[1].prev = 3; }},
      {"amount 0", "amount out of range", [](Entry& e) { e.postings.push_back(Move("s1", Sub::kAvailable, kPoint, 0)); }},
      {"amount 2^53", "amount out of range", [&](Entry& e) { both(e, kAmountMax); }},
      {"below zero", "below 0", [&](Entry& e) { both(e, 20), e.postings[0].lots[1].amount -= 20; }},
      {"lots that do not add up", "add up", [](Entry& e) { ++e.postings[0].lots[0].amount; }},
      {"no lots", "add up", [](Entry& e) { e.postings[0].lots.clear(); }},
      {"more of a lot than there is", "would be", [](Entry& e) { --e.postings[0].lots[0].amount, ++e.postings[0].lots[1].amount; }},
      {"a lot that is not there", "would be", [](Entry& e) { e.postings[0].lots[1].end = 20250501; }},
      {"a lot of another fund", "would be", [](Entry& e) { e.postings[0].lots[1].fund = "donor"; }},
      {"a lot of 0", "a lot without",
       [](Entry& e) {
         e.postings[0].lots.push_back({"street", 20250401, 0});
       }},
      {"a lot the other way", "a lot without",
       [](Entry& e) {
         e.postings[0].lots[1].amount -= 5;
         e.postings[0].lots.push_back({"street", 20260401, 5});
       }},
      {"a lot without fund", "a lot without", [](Entry& e) { e.postings[0].lots[1].fund.clear(); }},
      {"a lot with a long fund", "a lot without", [](Entry& e) { e.postings[0].lots[1].fund = "a-fund-of-17-char"; }},
      {"a lot that ends on no day", "a lot without", [](Entry& e) { e.postings[0].lots[1].end = 20250431; }},
      {"a lot that is past", "is past", [](Entry& e) { e.recorded_ms = StartOf(20240501), e.business_day = 20240501; }},
      {"lots beyond 2^53", "out of range",
       [](Entry& e) {
         e.postings[0].lots = {{"a", 20250401, -kAmountMax}, {"b", 20250401, -kAmountMax}};
       }},
      {"lots on a shop", "lots on",
       [](Entry& e) {
         e.postings[1].lots = {{"street", 20250401, 10}};
       }},
      {"to issuance", "may not touch", [](Entry& e) { e.postings[1].holder = "issuance:street"; }},
      {"to the pool", "may not touch", [](Entry& e) { e.postings[1].holder = "pool"; }},
      {"to nobody", "may not touch", [](Entry& e) { e.postings[1].holder = ""; }},
      {"to an unknown holder", "may not touch", [](Entry& e) { e.postings[1].holder = "x1"; }},
      {"to the shop's held part", "may not touch", [](Entry& e) { e.postings[1].sub = Sub::kHeld; }},
      {"from the held part", "may not touch", [](Entry& e) { e.postings[0].sub = Sub::kHeld; }},
      {"in a unit nobody knows", "unknown unit", [](Entry& e) { e.postings[0].unit = e.postings[1].unit = "STAR"; }},
      {"in minutes", "MINUTE on", [](Entry& e) { e.postings[1].unit = "MINUTE"; }},
      {"of another kind", "may not touch", [](Entry& e) { e.kind = Kind::kAward; }},
      {"of a kind without postings", "may not touch", [](Entry& e) { e.kind = Kind::kDayClosed; }},
  };
  for (const Tamper& tamper : tampers) EXPECT_THAT(Tampered(sale, tamper.change), testing::HasSubstr(tamper.says)) << tamper.what;
}

TEST_F(ApplyTest, AwardsNeverTouchAShopAndMoneyNeverAMember) {
  std::string json = RulebookJson();
  json.replace(json.find(R"({"code":"MINUTE")"), 0, R"({"code":"FEN","kind":"MONEY"},)");
  SetUpProgram(json);
  const Outcome award = AwardPoints("m1", 1);
  const std::vector<Tamper> tampers = {
      {"to a shop", "may not touch s1",
       [](Entry& e) { e.postings[1] = Move("s1", Sub::kAvailable, kPoint, 10), e.postings[1].balance = 10; }},
      {"to the pool", "may not touch pool", [](Entry& e) { e.postings[1].holder = "pool"; }},
      {"FEN to a member", "FEN on",
       [](Entry& e) {
         for (Posting& p : e.postings) p.unit = "FEN", p.lots.clear();
       }},
      {"points to payable", "may not touch payable", [](Entry& e) { e.postings[1].holder = "payable"; }},
      {"minutes into debt", "MINUTE on m1", [](Entry& e) { e.postings[3].sub = Sub::kDebt; }},
      {"points without lots", "add up", [](Entry& e) { e.postings[1].lots.clear(); }},
      {"minutes with lots", "lots on m1",
       [](Entry& e) {
         e.postings[3].lots = {{"street", 20250401, 60}};
       }},
      {"a debt above 0", "debt above 0", [](Entry& e) { e.postings[1].sub = Sub::kDebt, e.postings[1].lots.clear(); }},
      {"beyond the budget", "below -1000000",
       [](Entry& e) {
         e.postings[0].amount = e.postings[0].balance = -1'000'001;
         e.postings[1].amount = e.postings[1].balance = e.postings[1].lots[0].amount = 1'000'001;
       }},
      {"of a fund without budget", "below 0", [](Entry& e) { e.postings[0].holder = "issuance:nobody"; }},
  };
  for (const Tamper& tamper : tampers) EXPECT_THAT(Tampered(award, tamper.change), testing::HasSubstr(tamper.says)) << tamper.what;
  EXPECT_EQ(Tampered(award,
                     [](Entry& e) {  // the whole budget is not beyond it
                       e.postings[0].amount = e.postings[0].balance = -1'000'000;
                       e.postings[1].amount = e.postings[1].balance = e.postings[1].lots[0].amount = 1'000'000;
                     }),
            "");
}

TEST_F(ApplyTest, NoEntryMakesA65thLot) {
  SetUpProgram();
  const Outcome award = AwardPoints("m1", 7);
  const auto lots = [](std::int64_t count) {
    return [count](Entry& e) {
      Posting &from = e.postings[0], &to = e.postings[1];
      from.amount = from.balance = -count;
      to.amount = to.balance = count;
      to.lots.clear();
      for (int i = 0; i < count; ++i) to.lots.push_back({"street", AddDays(20250401, i), 1});
    };
  };
  EXPECT_EQ(Tampered(award, lots(64)), "");
  EXPECT_THAT(Tampered(award, lots(65)), testing::HasSubstr("64 lots"));
}

TEST_F(ApplyTest, ShopsGoBelowZeroByRefundAndReversalOnly) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const Outcome hold = Reserve("m1", 50);
  const Outcome capture = Take(hold.entry().sequence, 20);
  EXPECT_THAT(Tampered(capture,
                       [](Entry& e) {
                         e.postings[1].amount = e.postings[1].balance = -20;
                         e.postings[0].amount = 20, e.postings[0].balance = 70;
                         e.postings[0].lots[0].amount = 20;
                       }),
              testing::HasSubstr("below 0"));
  const Outcome refund = GiveBack(capture.entry().sequence, 20);
  EXPECT_EQ(Tampered(refund,
                     [](Entry& e) {
                       e.postings[0].amount -= 5, e.postings[0].balance -= 5;
                       e.postings[1].amount += 5, e.postings[1].balance += 5, e.postings[1].lots[0].amount += 5;
                     }),
            "");
}

TEST_F(ApplyTest, VerifyChecksEveryPartOfAnAccountByItself) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const Outcome hold = Reserve("m1", 60);
  const std::vector<Tamper> tampers = {
      {"held without lots leaving", "add up", [](Entry& e) { e.postings[0].lots.clear(); }},
      {"lots on the held part", "lots on m1",
       [](Entry& e) {
         e.postings[1].lots = {{"street", 20250401, 60}};
       }},
      {"from another member", "does not follow", [](Entry& e) { e.postings[0].holder = "m2", e.postings[0].prev = -1; }},
      {"held below zero", "below 0",
       [](Entry& e) {
         e.postings[0].amount = 60, e.postings[0].balance = 160, e.postings[0].lots[0].amount = 60;
         e.postings[1].amount = e.postings[1].balance = -60;
       }},
  };
  for (const Tamper& tamper : tampers) EXPECT_THAT(Tampered(hold, tamper.change), testing::HasSubstr(tamper.says)) << tamper.what;
}

TEST_F(ApplyTest, AHoldEndsOnceAndWhole) {
  SetUpProgram();
  AwardPoints("m1", 10);
  AwardPoints("m2", 10);
  const std::int64_t first = Reserve("m1", 30).entry().sequence, second = Reserve("m1", 40).entry().sequence;
  const std::int64_t others = Reserve("m2", 30).entry().sequence, done = Reserve("m1", 30).entry().sequence;
  Release(done);
  const Outcome whole = Take(first);
  const Outcome part = Take(second, 25);
  const std::vector<Tamper> tampers = {
      {"of another hold", "held", [&](Entry& e) { e.hold = second; }},
      {"of another member's hold", "held", [&](Entry& e) { e.hold = others; }},
      {"of a hold that has ended", "held", [&](Entry& e) { e.hold = done; }},
      {"of no hold", "held", [](Entry& e) { e.hold = -1; }},
      {"more than the hold", "held",
       [](Entry& e) {
         e.postings[0].amount -= 5, e.postings[0].balance -= 5, e.postings[0].lots[0].amount -= 5;
         e.postings[1].amount += 5, e.postings[1].balance += 5;
       }},
  };
  for (const Tamper& tamper : tampers) EXPECT_THAT(Tampered(whole, tamper.change), testing::HasSubstr(tamper.says)) << tamper.what;
  EXPECT_THAT(Tampered(part, [](Entry& e) { e.postings.resize(2); }), testing::HasSubstr("held"));
  const Outcome release = Release(others);
  EXPECT_THAT(Tampered(release, [](Entry& e) { e.hold = 0; }), testing::HasSubstr("held"));
  Reserve("m1", 5);
  const Outcome undone = Undo(last_id);
  EXPECT_THAT(Tampered(undone, [&](Entry& e) { e.hold = done; }), testing::HasSubstr("held"));
}

TEST_F(ApplyTest, OnlyLotsThatArePastExpire) {
  SetUpProgram();
  AwardPoints("m1", 120, "VISIT");
  Advance(47 * kDayMs);
  Outcome expiry;
  for (const auto& entry : journal) {
    if (entry->kind == Kind::kExpiry) expiry.entries = {entry};
  }
  ASSERT_EQ(expiry.entries.size(), 1u);
  EXPECT_THAT(Tampered(expiry, [](Entry& e) { e.postings[0].lots[0].end = 20240502; }), testing::HasSubstr("not past"));
}

TEST_F(ApplyTest, PointsGivenBackAsExpiredSayIntoWhichPastLots) {
  SetUpProgram();
  AwardPoints("m1", 120, "VISIT");
  const Outcome sale = Buy("m1", 4);
  Advance(60 * kDayMs);
  const Outcome refund = GiveBack(sale.entry().sequence, 4);
  const std::vector<Tamper> tampers = {
      {"no lots", "add up", [](Entry& e) { e.postings[1].lots.clear(); }},
      {"lots that do not add up", "add up", [](Entry& e) { --e.postings[1].lots[0].amount; }},
      {"a lot that still lives", "not past", [](Entry& e) { e.postings[1].lots[0].end = 20250501; }},
      {"a lot the other way", "a lot without",
       [](Entry& e) {
         e.postings[1].lots.push_back({"street", 20240401, -1});
       }},
  };
  for (const Tamper& tamper : tampers) EXPECT_THAT(Tampered(refund, tamper.change), testing::HasSubstr(tamper.says)) << tamper.what;
}

TEST_F(ApplyTest, ACorrectionSaysTheAwardsAmountsInNumbers) {
  SetUpProgram();
  const Outcome award = AwardPoints("m1", 5);
  const Outcome correction = Run(Corrector(), Correct{award.entry().sequence, 4, "wrong_quantity"});
  for (const char* amount : {"", "x", "4x", " 40", "+40", "040", "-0", "4.0", "9007199254740992", "99999999999999999999"}) {
    EXPECT_THAT(Tampered(correction, [&](Entry& e) { e.facts[0].second = amount; }), testing::HasSubstr("amount")) << amount;
  }
}

TEST_F(ApplyTest, APartPostedTwiceFollowsItself) {
  SetUpProgram();
  AwardPoints("m1", 10);
  const Outcome sale = Buy("m1", 30);
  const auto split = [](std::int64_t second_balance) {
    return [second_balance](Entry& e) {
      EXPECT_EQ(e.postings[0].amount, -30);
      Posting& to = e.postings[1];
      Posting second = to;
      to.amount = 10, to.balance = 10;
      second.amount = 20, second.balance = second_balance;
      e.postings.push_back(second);
    };
  };
  EXPECT_EQ(Tampered(sale, split(30)), "");
  EXPECT_THAT(Tampered(sale, split(20)), testing::HasSubstr("does not follow"));
}

TEST(AddLot, KeepsLotsByEndThenFund) {
  std::vector<Lot> lots;
  AddLot(lots, {"street", 20250401, 5});
  AddLot(lots, {"donor", 20250401, 3});
  AddLot(lots, {"street", kNever, 1});
  AddLot(lots, {"street", 20240501, 2});
  AddLot(lots, {"street", 20250401, -2});
  EXPECT_EQ(lots, (std::vector<Lot>{{"street", 20240501, 2}, {"donor", 20250401, 3}, {"street", 20250401, 3}, {"street", kNever, 1}}));
  AddLot(lots, {"donor", 20250401, -3});
  EXPECT_EQ(lots.size(), 3u);
}

}  // namespace
}  // namespace redpoints
