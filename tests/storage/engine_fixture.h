// A program of its own in memory, without threads or disk: the engine, a clock moved by hand, and verbs that make a test five lines.
// Every test ends with Check(): the journal is read back from its lines, replayed, and compared with the state.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/apply.h"
#include "storage/rules/engine.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {

// 2024-03-15 10:00 in Shanghai.
inline constexpr std::int64_t kNoon = 1'710'468'000'000;
inline constexpr std::int64_t kMinuteMs = 60'000;
inline constexpr std::int64_t kDayMs = 86'400'000;

// A rulebook with two funds, activities of several units and caps, offers with and without price. JSON fields can be put in its place.
inline std::string RulebookJson(const std::string& version = "2024-1", Day effective_day = 20240101, const std::string& limits = "{}",
                                const std::string& policies = R"({"debts_allowed":true,"late_days":60})") {
  return absl::StrCat(R"({"version":")", version, R"(","effective_day":)", effective_day, R"(,
    "units":[{"code":"POINT","kind":"SPENDABLE"},{"code":"MINUTE","kind":"TIME"},{"code":"DUTY","kind":"SCORE","floor":-100}],
    "fund_rates":[{"fund":"street","fen_numerator":100,"points_denominator":1,"rounding":"DOWN"},
                  {"fund":"donor","fen_numerator":100,"points_denominator":3,"rounding":"HALF_UP"}],
    "activities":[
      {"code":"PATROL","earnings":[{"unit":"POINT","numerator":10,"denominator":1,"rounding":"DOWN"},
                                   {"unit":"MINUTE","numerator":60,"denominator":1,"rounding":"DOWN"}],
       "min_quantity":1,"max_quantity":1000,"fund":"street","lot_validity":{"months":12}},
      {"code":"VISIT","earnings":[{"unit":"POINT","numerator":1,"denominator":30,"rounding":"DOWN","step":30}],
       "min_quantity":30,"fund":"donor","lot_validity":{"months":1},"caps":[{"period":"DAY","unit":"POINT","max_amount":4}]},
      {"code":"MEETING","earnings":[{"unit":"POINT","numerator":5,"denominator":1,"rounding":"DOWN"},
                                    {"unit":"DUTY","numerator":1,"denominator":1,"rounding":"DOWN"}],
       "min_quantity":1,"max_quantity":1,"fund":"street","session_required":true,"groups":["PARTY_VANGUARD"],
       "lot_validity":{"months":12,"round_up_to":"YEAR"}},
      {"code":"REPORT","earnings":[{"unit":"POINT","numerator":2,"denominator":1,"rounding":"DOWN"}],
       "min_quantity":1,"max_quantity":1,"fund":"donor","case_required":true,"evidence_required":true,"confidential":true}],
    "offers":[{"code":"RICE","kind":"ITEM","price_points":30},{"code":"BILL","kind":"BILL","max_points":500},{"code":"ANY","kind":"ITEM"}],
    "limits":)",
                      limits, R"(,"policies":)", policies, "}");
}

class EngineTest : public testing::Test {
 protected:
  EngineTest() : state("minyue"), engine(state) {
    state.find_entries = [this](std::int64_t first, std::int64_t count) -> absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> {
      if (first < 0 || first + count > static_cast<std::int64_t>(journal.size())) return absl::NotFoundError("no such entry");
      return std::vector<std::shared_ptr<const Entry>>(journal.begin() + first, journal.begin() + first + count);
    };
    state.find_blob = [this](const std::string& sha256) -> absl::StatusOr<std::string> {
      const auto it = blobs.find(sha256);
      return it == blobs.end() ? absl::StatusOr<std::string>(absl::NotFoundError("no such blob")) : it->second;
    };
    engine.SetTime(now_ms);
  }
  ~EngineTest() override { Check(); }

  // --- running commands ------------------------------------------------------------------------------------------------------------
  std::string NewId() { return Sha256Hex(absl::StrCat("request ", next_id++)).substr(0, 32); }

  Outcome Run(Origin origin, const Command& command) {
    if (origin.request_id.empty()) origin.request_id = NewId();
    origin.fingerprint = Fingerprint(origin, command);
    last_id = origin.request_id;
    Outcome outcome = engine.Execute(origin, command);
    Collect();
    return outcome;
  }
  void Advance(std::int64_t ms) {
    now_ms += ms;
    engine.SetTime(now_ms);
    engine.CatchUpWithTime(1'000'000);
    Collect();
  }
  void Collect() {
    for (auto& entry : engine.TakePosted()) journal.push_back(entry);
    engine.TakeBlobs();
    state.Publish();
    EXPECT_TRUE(engine.TakeFault().ok());
  }

  // --- setting up ------------------------------------------------------------------------------------------------------------------
  Origin Staff(const std::string& id = "a0") {
    return {.actor = id, .request_id = "", .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = ""};
  }
  Origin Till(const std::string& terminal = "t1", const std::string& merchant = "s1") {
    return {
        .actor = terminal, .request_id = "", .terminal = terminal, .merchant = merchant, .clerk = "c1", .till = "0001", .fingerprint = ""};
  }
  Outcome Add(Registration data, bool is_new = true) {
    return Run(Staff(), Register{.items = {std::move(data)}, .is_new = is_new, .rulebook_json = ""});
  }
  Outcome Adopt(const std::string& json) {
    auto book = Rulebook::Parse(json);
    EXPECT_TRUE(book.ok()) << book.status();
    const std::string sha256 = Sha256Hex(json);
    blobs[sha256] = json;
    return Run(Staff(),
               Register{.items = {RulebookData{book->version(), book->effective_day(), sha256}}, .is_new = true, .rulebook_json = json});
  }
  // A program with a grid, two funds, members m1 to m4 of the first two groups, shops s1 and s2 with terminals t1 and t2.
  void SetUpProgram(const std::string& json = RulebookJson()) {
    Run(Staff(), FoundProgram{{"minyue", "a0"}});
    Add(NodeData{.code = "grid-1", .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = "grid"});
    Add(FundData{"street", 1'000'000});
    Add(FundData{"donor", 100'000});
    for (int i = 1; i <= 4; ++i) {
      Add(MemberData{.id = absl::StrCat("m", i),
                     .number = absl::StrCat("1000000", i),
                     .kind = MemberKind::kPerson,
                     .groups = {1, 2},
                     .grid = "grid-1",
                     .memberships = {}});
    }
    for (int i = 1; i <= 2; ++i) {
      Add(MerchantData{.id = absl::StrCat("s", i), .people = {}, .place = "grid-1"});
      Add(TerminalData{.id = absl::StrCat("t", i), .merchant = absl::StrCat("s", i)});
    }
    Adopt(json);
  }

  // --- verbs -----------------------------------------------------------------------------------------------------------------------
  AwardItem Item(const std::string& member, const std::string& activity, std::int64_t quantity) {
    AwardItem item;
    item.member = member;
    item.activity = activity;
    item.quantity = quantity;
    item.effective_day = DayOf(now_ms);
    item.group = 1;
    return item;
  }
  Outcome AwardPoints(const std::string& member, std::int64_t quantity, const std::string& activity = "PATROL") {
    return Run(Staff(), Award{Item(member, activity, quantity)});
  }
  // Of an id or a 会员号.
  static Payer PayerOf(const MemberRef& member) { return member.starts_with('m') ? Payer(MemberId{member}) : Payer(MemberNumber{member}); }
  std::vector<OfferLine> Lines(std::int64_t points) { return {{"ANY", 1, points, 0}}; }
  Outcome Buy(const std::string& member, std::int64_t points, const std::string& till = "t1") {
    return Run(Till(till, "s" + till.substr(1)), Redeem{PayerOf(member), Lines(points)});
  }
  Outcome Reserve(const std::string& member, std::int64_t points) { return Run(Till(), Authorize{PayerOf(member), Lines(points)}); }
  Outcome Take(std::int64_t hold, std::int64_t points = 0) { return Run(Till(), Capture{hold, points}); }
  Outcome Release(std::int64_t hold) { return Run(Till(), Void{hold}); }
  Outcome GiveBack(std::int64_t redemption, std::int64_t points) { return Run(Till(), Refund{redemption, points}); }
  Outcome Undo(const std::string& request_id, const std::string& till = "t1") {
    return Run(Till(till, "s" + till.substr(1)), Reverse{request_id});
  }

  // --- looking ---------------------------------------------------------------------------------------------------------------------
  std::int64_t Balance(const std::string& holder, Sub sub = Sub::kAvailable, const std::string& unit = "POINT") {
    const Account* account = state.accounts.Find(AccountKey(holder, unit));
    return account ? account->at(sub) : 0;
  }
  std::vector<Lot> Lots(const std::string& member) {
    const Account* account = state.accounts.Find(AccountKey(member, kPoint));
    return account ? account->lots : std::vector<Lot>{};
  }
  // The reason of a refusal, recorded or not; REASON_UNSPECIFIED for none.
  static Reason ReasonOf(const Outcome& outcome) {
    if (outcome.refusal) return outcome.refusal->reason;
    return outcome.first == v1::REFUSED ? RefusalOf(outcome.entry()).reason : Reason::REASON_UNSPECIFIED;
  }

  // Reads every line back, replays them into an empty state, and compares the rows.
  void Check() {
    State again("minyue");
    again.find_blob = state.find_blob;
    again.find_entries = state.find_entries;
    for (const auto& entry : journal) {
      std::string line;
      AppendLine(*entry, line);
      ASSERT_LE(line.size(), kLineBytesMax);
      const auto parsed = ParseLine(line);
      ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << line;
      ASSERT_EQ(*parsed, *entry) << line;
      const auto verified = Verify(again, *parsed);
      ASSERT_TRUE(verified.ok()) << verified << "\n" << line;
      ASSERT_TRUE(Apply(again, *parsed).ok());
    }
    again.Publish();
    Compare(state.accounts, again.accounts, "accounts");
    Compare(state.requests, again.requests, "requests");
    Compare(state.follow_ups, again.follow_ups, "follow_ups");
    Compare(state.holds, again.holds, "holds");
    Compare(state.registrations, again.registrations, "registrations");
    Compare(state.numbers, again.numbers, "numbers");
    Compare(state.counters, again.counters, "counters");
    EXPECT_EQ(state.accounts_by_end, again.accounts_by_end);
    EXPECT_EQ(state.holds_by_end, again.holds_by_end);
    EXPECT_EQ(state.last_closed_day, again.last_closed_day);
  }
  template <class V> static void Compare(const Table<V>& a, const Table<V>& b, const char* name) {
    for (const auto& [key, row] : a.recent()) EXPECT_EQ(row.value, b.FindSynced(key)) << name << " " << key;
    for (const auto& [key, row] : b.recent()) EXPECT_EQ(row.value, a.FindSynced(key)) << name << " " << key;
  }

  std::vector<std::shared_ptr<const Entry>> journal;
  std::map<std::string, std::string> blobs;
  std::int64_t now_ms = kNoon;
  int next_id = 0;
  std::string last_id;
  State state;
  Engine engine;
};

}  // namespace redpoints
