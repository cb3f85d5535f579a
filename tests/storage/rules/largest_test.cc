// What can't be refused always fits its line: the end of a hold, an expiry, the close of a day, what undoes a sale, a correction in parts. Sales
// for whose followers there would be no room are refused before anything is held or taken.
#include <gtest/gtest.h>

#include <random>

#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

std::size_t SizeOf(const Entry& entry) {
  std::string line;
  AppendLine(entry, line);
  return line.size();
}

// Names as long as the protos let them be.
const std::string kLongFund = "fund-of-16-chars", kCode32 = std::string(32, 'C'), kText40 = std::string(40, 's'), kHash(64, 'f');
const std::string kMember = "m" + std::string(13, '0'), kShop = "s" + std::string(13, '0');
std::string Fund(int i) { return absl::StrCat("fund-of-16-cha", i < 10 ? "0" : "", i); }
std::vector<Lot> LargestLots(std::size_t count, std::int64_t sign) {
  std::vector<Lot> lots;
  for (std::size_t i = 0; i < count; ++i) lots.push_back({kLongFund, kNever, sign * kAmountMax, 20240101});
  return lots;
}
// What any entry of a request may carry, and any by the ledger.
Entry Largest(Kind kind, bool is_by_time = false) {
  Entry e;
  e.program = std::string(32, 'p'), e.epoch = e.sequence = e.recorded_ms = kAmountMax, e.business_day = kNever, e.kind = kind;
  if (is_by_time) {
    e.actor = kLedgerActor;
    return e;
  }
  e.request_id = std::string(32, 'f'), e.item = 8190, e.part = {8190, 8190}, e.fingerprint = "1.2147483647:" + std::string(32, 'f');
  e.actor = e.terminal = "t" + std::string(13, '0'), e.merchant = kShop, e.clerk = std::string(16, 'c'), e.till = std::string(32, '0');
  return e;
}
void Post(Entry& e, Posting p) {
  p.amount = p.balance = -kAmountMax;
  p.prev = kAmountMax;
  e.postings.push_back(std::move(p));
}

TEST(Largest, ExpiryFits) {
  Entry e = Largest(Kind::kExpiry, /*is_by_time=*/true);
  e.member = kMember;
  Post(e, MoveLots(Holder(kMember), Sub::kAvailable, LargestLots(kPartLots, -1)));
  Post(e, MoveLots(Holder::Expired(), Sub::kAvailable, LargestLots(kPartLots, 1)));
  EXPECT_TRUE(FitsAsPosted(e)) << SizeOf(e);
}

TEST(Largest, ExpiryUndoneFits) {
  Entry e = Largest(Kind::kExpiryUndone, /*is_by_time=*/true);
  e.member = kMember, e.ref = kAmountMax;
  Post(e, MoveLots(Holder::Expired(), Sub::kAvailable, LargestLots(kPartLots, -1)));
  Post(e, MoveLots(Holder(kMember), Sub::kAvailable, LargestLots(kPartLots, 1)));
  EXPECT_TRUE(FitsAsPosted(e)) << SizeOf(e);
}

TEST(Largest, APartOfACorrectionFits) {
  Entry e = Largest(Kind::kCorrection);
  e.member = kMember, e.effective_day = kNever, e.group = Group::kNewOrganisations, e.grid = kCode32, e.activity = kCode32;
  e.rulebook = kCode32, e.quantity = e.quantity_before = 1'000'000, e.cap_hit = true, e.session = e.case_id = kText40,
  e.unique = {kHash, std::string(64, 'b')};
  e.reason = std::string(24, 'r'), e.ref = kAmountMax;
  e.terminal = e.merchant = e.clerk = e.till = "";  // by a staff person
  Post(e, MoveLots(Holder(kMember), Sub::kAvailable, LargestLots(kPartLots, -1)));
  Post(e, MoveLots(Holder::Expired(), Sub::kAvailable, LargestLots(1, -1)));
  Post(e, Move(Holder::Issuance(kLongFund), Sub::kAvailable, kPoint, 1));
  Post(e, MoveFunds(Holder(kMember), Sub::kDebt, {{kLongFund, -kAmountMax}}));
  Post(e, Move(Holder::Debts(kLongFund), Sub::kAvailable, kPoint, 1));
  for (const std::string unit : {"POINT", "MINUTES1", "MINUTES2", "MINUTES3"}) {
    e.amounts.push_back({unit, kAmountMax});
    if (unit == "POINT") continue;
    Post(e, Move(Holder::Issuance(kLongFund), Sub::kAvailable, unit, 1));
    Post(e, Move(Holder(kMember), Sub::kAvailable, unit, 1));
  }
  EXPECT_TRUE(FitsAsPosted(e)) << SizeOf(e);
}

TEST(Largest, AnAwardFits) {
  Entry e = Largest(Kind::kAward);
  e.member = kMember, e.effective_day = kNever, e.group = Group::kNewOrganisations, e.grid = kCode32, e.activity = kCode32;
  e.rulebook = kCode32, e.quantity = 1'000'000, e.cap_hit = true, e.session = e.case_id = e.about = e.external_id = kText40,
  e.unique = {kHash, std::string(64, 'b')};
  e.evidence_sha256 = e.note_commitment = kHash;
  for (int i = 0; i < 4; ++i) e.tags.emplace_back(24, 't');
  Post(e, MoveFunds(Holder(kMember), Sub::kDebt, {{kLongFund, kAmountMax}}));
  Post(e, Move(Holder::Debts(kLongFund), Sub::kAvailable, kPoint, -1));
  Post(e, Move(Holder::Issuance(kLongFund), Sub::kAvailable, kPoint, -1));
  Post(e, MoveLots(Holder(kMember), Sub::kAvailable, LargestLots(1, 1)));
  for (const std::string unit : {"MINUTES1", "MINUTES2", "MINUTES3"}) {
    Post(e, Move(Holder::Issuance(kLongFund), Sub::kAvailable, unit, 1));
    Post(e, Move(Holder(kMember), Sub::kAvailable, unit, 1));
  }
  EXPECT_TRUE(FitsAsPosted(e)) << SizeOf(e);
}

TEST(Largest, TheCloseOfADayFits) {
  Entry e = Largest(Kind::kDayClosed, /*is_by_time=*/true);
  DayData day{.day = kNever, .totals = {}, .shops = kAmountMax, .shops_root = kHash, .shops_sha256 = kHash};
  for (int i = 0; i < 16; ++i) {
    day.totals.push_back({Fund(i), -kAmountMax, -kAmountMax, -kAmountMax, -kAmountMax, -kAmountMax, -kAmountMax});
  }
  e.data = day;
  e.blobs = {kHash};
  EXPECT_TRUE(FitsAsPosted(e)) << SizeOf(e);
}

TEST(Largest, RefusalsAndTombstonesFit) {
  Entry e = Largest(Kind::kRefused);
  e.member = kMember, e.refusal = std::string(40, 'R'), e.request_kind = "clock_confirmed";
  for (int i = 0; i < 4; ++i) e.facts.emplace_back(std::string(16, 'k'), std::string(200, '"'));
  Post(e, Move(Holder(kMember), Sub::kAvailable, kPoint, 0));
  EXPECT_TRUE(FitsAsPosted(e)) << SizeOf(e);
  e = Largest(Kind::kReversal);
  e.effect = Effect::kTombstone, e.target_request = std::string(32, 'f');
  EXPECT_TRUE(FitsAsPosted(e)) << SizeOf(e);
}

// Members with as many lots as the rules let through, of sixteen funds, in a program whose names are as long as they may be.
class LargestTest : public EngineTest {
 protected:
  static std::string Book(const std::string& version, Day effective_day, const std::string& policies) {
    std::string units, rates, activities;
    for (int i = 0; i < 16; ++i) {
      absl::StrAppend(&rates, i ? "," : "", R"({"fund":")", Fund(i),
                      R"(","fen_numerator":1000,"points_denominator":1,"rounding":"HALF_UP"})");
      absl::StrAppend(&activities, i ? "," : "", R"({"code":")", Activity(i),
                      R"(","earnings":[{"unit":"POINT","numerator":1000000,"denominator":1,"rounding":"DOWN"}],"min_quantity":1,"fund":")",
                      Fund(i), R"(","lot_validity":{"months":3}})");
    }
    return absl::StrCat(R"({"version":")", version, R"(","effective_day":)", effective_day,
                        R"(,"units":[{"code":"POINT","kind":"SPENDABLE"}],"fund_rates":[)", rates, R"(],"activities":[)", activities,
                        R"(],"limits":{"classes":[{"presentation":"number"}]},"policies":)", policies, "}");
  }
  static std::string Activity(int i) { return absl::StrCat(std::string(30, 'A'), i / 10, i % 10); }
  std::string Version(char c) { return std::string(32, c); }

  void SetUpLongNames(const std::string& policies) {
    Run(Staff(), FoundProgram{{"minyue", "a0"}});
    for (int i = 0; i < 16; ++i) Add(FundData{Fund(i), kAmountMax / 16});
    Add(NodeData{.code = std::string(32, 'g'), .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = ""});
    MerchantData shop = Shop(kShop);
    shop.place = "";
    Add(shop);
    Add(TerminalData{.id = "t" + std::string(13, '0'), .merchant = kShop});
    Add(Offer(kCode32, 0, 0, OfferKind::kService));
    Add(Worker("a2"));
    Adopt(Book(Version('1'), 20200101, policies));
  }
  Origin LongTill() {
    Origin origin;
    origin.actor = origin.terminal = "t" + std::string(13, '0');
    origin.merchant = kShop;
    origin.clerk = std::string(16, 'c');
    origin.till = std::string(32, '0');
    return origin;
  }
  // Four lots of each of the sixteen funds; the awards in order.
  std::vector<std::int64_t> Fill(const std::string& member) {
    MemberData data = Person(member);
    data.grid = std::string(32, 'g');
    data.groups = {
        {Group::kPartyVanguard}, {Group::kResidents}, {Group::kPropertyCompanies}, {Group::kNearbyMerchants}, {Group::kNewOrganisations}};
    Add(data);
    AwardBatch batch;
    const Day today = DayOf(now_ms);
    for (int month = 0; month < 4; ++month) {
      for (int i = 0; i < 16; ++i) {
        AwardItem item = Item(member, Activity(i), 300'000 + static_cast<std::int64_t>(random() % 100'000));
        const int index = today / 10000 * 12 + today / 100 % 100 - 1 - month;
        item.effective_day = index / 12 * 10000 + (index % 12 + 1) * 100 + 1;
        batch.items.push_back(item);
      }
    }
    const Outcome outcome = Run(Staff(), batch);
    std::vector<std::int64_t> awards;
    for (const auto& entry : outcome.entries) {
      EXPECT_EQ(entry->kind, Kind::kAward) << entry->refusal;
      awards.push_back(entry->sequence);
    }
    return awards;
  }
  std::vector<OfferLine> LongLines(std::size_t count, std::int64_t points) {
    std::vector<OfferLine> lines(count, {kCode32, 100'000, 1, kAmountMax / 64});
    lines[0].points = points - static_cast<std::int64_t>(count) + 1;
    return lines;
  }
  // The largest line of each kind so far.
  std::map<Kind, std::size_t> Sizes() {
    std::map<Kind, std::size_t> sizes;
    for (const auto& entry : journal) sizes[entry->kind] = std::max(sizes[entry->kind], SizeOf(*entry));
    return sizes;
  }

  // One member's sale of about `lots` lots in `lines` lines, and all that may come of it. Whether it was let through.
  bool TryOne(const std::string& member, std::size_t lots, std::size_t lines, int then, bool over_night) {
    const auto awards = Fill(member);
    const auto all = Lots(member);
    EXPECT_EQ(all.size(), kLotsMax);
    const std::int64_t points = SumOf(std::vector<Lot>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(lots))) - 1;
    const bool is_hold = then < 4;
    Payer payer = Pay(member);
    if (over_night) Advance(StartOf(NextMonth()) - kMinuteMs - now_ms);
    const Outcome sale =
        is_hold ? Run(LongTill(), Authorize{payer, LongLines(lines, points)}) : Run(LongTill(), Redeem{payer, LongLines(lines, points)});
    if (ReasonOf(sale) != Reason::REASON_UNSPECIFIED) {
      EXPECT_EQ(ReasonOf(sale), Reason::LIMIT_EXCEEDED);
      EXPECT_EQ(sale.entry().facts, (std::vector<std::pair<std::string, std::string>>{{"limit", "entry_size"}}));
      EXPECT_TRUE(MovesNothing(sale.entry()));
      EXPECT_EQ(Lots(member), all);
      return false;
    }
    // What the member earned is taken back: debts to every fund of which they spent.
    for (const std::int64_t award : awards)
      Run(Corrector(), Correct{award, random() % 2 ? std::int64_t{0} : std::int64_t{1}, "wrong_quantity"});
    if (over_night) Advance(2 * kMinuteMs);
    const std::int64_t at = sale.entry().sequence;
    const auto expect_done = [](const Outcome& outcome) { EXPECT_EQ(ReasonOf(outcome), Reason::REASON_UNSPECIFIED); };
    switch (then) {
      case 0: expect_done(Run(LongTill(), Void{at})); break;
      case 1: expect_done(Run(LongTill(), Capture{at, points / 2})); break;
      case 2: expect_done(Run(LongTill(), Reverse{sale.entry().request_id})); break;
      case 3: Advance(4 * kMinuteMs); break;
      case 4: expect_done(Run(LongTill(), Reverse{sale.entry().request_id})); break;
      case 5: {
        const std::int64_t part = 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(points - 1));
        expect_done(Run(LongTill(), Refund{at, part, 5}));
        expect_done(Run(LongTill(), Refund{at, points - part, 5}));
        break;
      }
      case 6: {
        const Outcome refund = Run(LongTill(), Refund{at, points, 5});
        expect_done(refund);
        const Outcome proposal = Run(Staff(), ProposeUndo{refund.entry().sequence, "wrong_amount"});
        const Outcome undo = Run(Corrector(), redpoints::Undo{proposal.entry().sequence});
        EXPECT_NE(ReasonOf(undo), Reason::INVARIANT_VIOLATION);  // it may be refused
        break;
      }
      default: break;
    }
    return true;
  }
  Day NextMonth() {
    const Day today = DayOf(now_ms);
    return EndOfPeriod(today, 0, v1::MONTH);
  }
  void TryMany(const std::string& policies) {
    SetUpLongNames(policies);
    int accepted = 0, refused = 0;
    std::size_t most = 0;
    for (int i = 0; i < 210; ++i) {
      const std::string member = absl::StrCat("m", 1'000'000'000'000 + i);
      const std::size_t lines = i % 3 == 0 ? 1 : 1 + random() % 20, lots = 1 + random() % 8;
      const bool ok = TryOne(member, lots, lines, i % 7, i % 2 == 1);
      ++(ok ? accepted : refused);
      if (ok) most = std::max(most, lots);
    }
    EXPECT_GT(accepted, 70);
    EXPECT_GT(refused, 20);
    for (const auto& [kind, size] : Sizes()) {
      EXPECT_LE(size, kLineBytesMax) << KindName(kind);
      RecordProperty(std::string(KindName(kind)), static_cast<int>(size));
    }
    RecordProperty("lots", static_cast<int>(most));
  }

  std::mt19937_64 random{20240315};
};

TEST_F(LargestTest, WhatFollowsASaleFitsWherePastLotsEnd) { TryMany(R"({"debts_allowed":true,"late_days":3660})"); }

TEST_F(LargestTest, WhatFollowsASaleFitsWherePastLotsGetGrace) {
  TryMany(R"({"debts_allowed":true,"late_days":3660,"past_lot":"GRACE","grace_days":30})");
}

TEST_F(LargestTest, AllLotsExpireAtOnce) {
  SetUpLongNames(R"({"late_days":3660})");
  Fill(kMember);
  Advance(200 * kDayMs);
  EXPECT_EQ(Balance(kMember), 0);
  EXPECT_TRUE(Lots(kMember).empty());
}

// An award whose points are spent is taken back out of sixty lots, and out of minutes and scores, by a request of three entries.
TEST_F(LargestTest, ACorrectionOutOfManyLotsComesInParts) {
  SetUpProgram(WithActivity(
      RulebookJson("2024-1", 20180101, "{}", R"({"debts_allowed":true,"late_days":3660})"),
      R"({"code":"LONG","earnings":[{"unit":"MINUTE","numerator":60,"denominator":1,"rounding":"DOWN"},{"unit":"POINT","numerator":1000000,)"
      R"("denominator":1,"rounding":"DOWN"},{"unit":"DUTY","numerator":1,"denominator":1,"rounding":"DOWN"}],"min_quantity":1,"fund":"street",)"
      R"("lot_validity":{"months":59}})"));
  Add(FundData{"street", kAmountMax - 100'000}, /*is_new=*/false);  // the other fund has the rest
  AwardItem item = Item("m1", "LONG", 60'000);
  item.effective_day = 20190415, item.session = item.case_id = std::string(40, 's');
  const Outcome award = Run(Staff(), Award{item});
  Buy("m1", 60'000'000'000);
  item.quantity = 1'000, item.session = item.case_id = "";
  for (int i = 0; i < 59; ++i) {
    const int month = 2019 * 12 + 4 + i;
    item.effective_day = month / 12 * 10000 + (month % 12 + 1) * 100 + 15;
    Run(Staff(), Award{item});
  }
  ASSERT_EQ(Lots("m1").size(), 59u);
  const Outcome correction = Run(Corrector(), Correct{award.entry().sequence, 0, "deed_not_done"});
  ASSERT_EQ(correction.entries.size(), 3u);
  for (std::int32_t k = 1; k <= 3; ++k) {
    const Entry& part = *correction.entries[static_cast<std::size_t>(k) - 1];
    EXPECT_EQ(part.part, (Part{k, 3}));
    EXPECT_LE(SizeOf(part), kLineBytesMax);
  }
  EXPECT_EQ(Balance("m1"), 0);
  EXPECT_EQ(Balance("m1", Sub::kDebt), -1'000'000'000);  // what all the other awards were too small for
  EXPECT_EQ(Balance("m1", Sub::kAvailable, "MINUTE"), 59 * 60'000);
  Origin again = Corrector();
  again.request_id = last_id;
  EXPECT_EQ(Run(again, Correct{award.entry().sequence, 0, "deed_not_done"}).entries.size(), 3u);
}

}  // namespace
}  // namespace redpoints
