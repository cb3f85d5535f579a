// A program of its own in memory, without threads or disk: the engine, a clock moved by hand, and verbs that make a test five lines.
// Every test ends with Check(): the journal is read back from its lines, replayed, and compared with the state.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/replay.h"
#include "storage/rules/apply.h"
#include "storage/rules/engine.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "storage/rules/verify.h"
#include "tests/rulebook.h"

namespace redpoints {

// 2024-03-15 10:00 in Shanghai.
inline constexpr std::int64_t kNoon = 1'710'468'000'000;
inline constexpr std::int64_t kMinuteMs = 60'000;
inline constexpr std::int64_t kDayMs = 86'400'000;

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
    CheckBooks();
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
    for (auto& [sha256, content] : engine.TakeBlobs()) blobs[sha256] = content;
    state.Publish();
    const absl::Status fault = engine.TakeFault();
    EXPECT_TRUE(fault.ok()) << fault;
  }

  // --- setting up ------------------------------------------------------------------------------------------------------------------
  Origin Staff(const std::string& id = "a0") {
    Origin origin;
    origin.actor = id;
    return origin;
  }
  // Of the program "system": not staff of this one.
  Origin Operator(const std::string& id = "o1") { return Staff(id); }
  // Somebody else than the one who recorded.
  Origin Corrector() { return Staff("a2"); }
  Origin Till(const std::string& terminal = "t1", const std::string& merchant = "s1") {
    Origin origin;
    origin.actor = origin.terminal = terminal;
    origin.merchant = merchant;
    origin.clerk = "c1";
    origin.till = "0001";
    return origin;
  }
  Outcome Add(Registration data, bool is_new = true) {
    Register command;
    command.items = {std::move(data)};
    command.is_new = is_new;
    return Run(Staff(), command);
  }
  Outcome Adopt(const std::string& text) {
    auto book = Rulebook::Judge(text);
    EXPECT_TRUE(book.ok()) << book.status();
    const std::string json = book->json(), sha256 = Sha256Hex(json);
    blobs[sha256] = json;
    Register command;
    command.items = {RulebookData{book->version(), book->effective_day(), sha256, kRulesFormat}};
    command.rulebook_json = json;
    return Run(Staff(), command);
  }
  static MemberData Person(const std::string& id) {
    MemberData data;
    data.id = id;
    data.number_commitment = Sha256Hex("number of " + id);
    data.groups = {{Group::kPartyVanguard}, {Group::kResidents}};
    data.grid = "grid-1";
    return data;
  }
  static MemberData Household(const std::string& id) {
    MemberData data = Person(id);
    data.kind = MemberKind::kHousehold;
    data.groups = {{Group::kResidents}};
    return data;
  }
  static MerchantData Shop(const std::string& id, std::vector<MerchantPerson> people = {}) {
    MerchantData data;
    data.id = id;
    data.people = std::move(people);
    data.place = "grid-1";
    return data;
  }
  static OfferData Offer(const std::string& code, std::int64_t price = 0, std::int64_t max = 0, OfferKind kind = OfferKind::kItem) {
    OfferData data;
    data.code = code;
    data.kind = kind;
    data.price_points = price;
    data.max_points = max;
    return data;
  }
  static StaffData Worker(const std::string& id, const std::string& member = "") {
    StaffData data;
    data.id = id;
    data.member = member;
    data.is_external = member.empty();
    data.grants = {{Role::kRecorder, ""}};
    return data;
  }
  // A program with a grid, two funds, members m1 to m4 of the first two groups, shops s1 and s2 with terminals t1 and t2, three offers, and
  // a second of the staff.
  void SetUpProgram(const std::string& json = RulebookJson()) {
    Run(Staff(), FoundProgram{{"minyue", "a0"}});
    Add(NodeData{.code = "grid-1", .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = "grid"});
    Add(FundData{"street", 1'000'000});
    Add(FundData{"donor", 100'000});
    for (int i = 1; i <= 4; ++i) Add(Person(absl::StrCat("m", i)));
    for (int i = 1; i <= 2; ++i) {
      Add(Shop(absl::StrCat("s", i)));
      Add(TerminalData{.id = absl::StrCat("t", i), .merchant = absl::StrCat("s", i)});
    }
    Add(Offer("RICE", 30));
    Add(Offer("BILL", 0, 500, OfferKind::kBill));
    Add(Offer("ANY"));
    Add(Worker("a2"));
    Adopt(json);
  }

  // --- verbs -----------------------------------------------------------------------------------------------------------------------
  AwardItem Item(const std::string& member, const std::string& activity, std::int64_t quantity) {
    AwardItem item;
    item.member.id = member;
    item.activity = activity;
    item.quantity = quantity;
    item.effective_day = DayOf(now_ms);
    item.group = Group::kPartyVanguard;
    return item;
  }
  Outcome AwardPoints(const std::string& member, std::int64_t quantity, const std::string& activity = "PATROL") {
    return Run(Staff(), Award{Item(member, activity, quantity)});
  }
  std::vector<OfferLine> Lines(std::int64_t points) { return {{"ANY", 1, points, 0}}; }
  // By a bare 会员号 that leads to this member; of nobody for "".
  static Payer Pay(const std::string& member) {
    return {.presentation = "number", .member = {member, Sha256Hex("typed " + member)}, .use = {}};
  }
  Outcome Buy(const std::string& member, std::int64_t points, const std::string& till = "t1") {
    return Run(Till(till, "s" + till.substr(1)), Redeem{Pay(member), Lines(points)});
  }
  Outcome Reserve(const std::string& member, std::int64_t points) { return Run(Till(), Authorize{Pay(member), Lines(points)}); }
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
  std::int64_t BalanceOf(const std::string& holder, const std::string& fund, Sub sub = Sub::kAvailable) {
    const Account* account = state.accounts.Find(AccountKey(holder, kPoint));
    return account ? account->of(fund, sub) : 0;
  }
  std::vector<Lot> Lots(const std::string& member) {
    const Account* account = state.accounts.Find(AccountKey(member, kPoint));
    return account ? account->lots : std::vector<Lot>{};
  }
  // The reason of a refusal, recorded or not; REASON_UNSPECIFIED for none.
  static Reason ReasonOf(const Outcome& outcome) {
    if (outcome.refusal) return outcome.refusal->reason;
    return outcome.first == RequestState::kRefused ? RefusalOf(outcome.entry()).reason : Reason::REASON_UNSPECIFIED;
  }

  // Whether an entry leaves all balances as they were.
  static bool MovesNothing(const Entry& entry) {
    return std::all_of(entry.postings.begin(), entry.postings.end(), [](const Posting& p) { return p.amount == 0; });
  }

  // For each fund: issued = available + held + redeemed + expired + pool, and what members owe it stands against it.
  void CheckBooks() {
    std::map<std::string, std::int64_t> sums, debts;
    for (const auto& [key, row] : state.accounts.recent()) {
      if (!row.value || !key.ends_with("/POINT")) continue;
      const Holder holder(key.substr(0, key.find('/')));
      for (const FundPart& part : row.value->funds) {
        const bool is_debts = holder.is(HolderClass::kDebts);
        debts[part.fund] += part.of[2] + (is_debts ? part.of[0] : 0);
        sums[part.fund] += part.of[1] + (is_debts ? 0 : part.of[0]);
      }
    }
    for (const auto& [fund, sum] : sums) EXPECT_EQ(sum, 0) << "points of " << fund << " after entry " << journal.size();
    for (const auto& [fund, sum] : debts) EXPECT_EQ(sum, 0) << "debts to " << fund << " after entry " << journal.size();
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
      const auto related = FindRelated(again, *parsed);
      ASSERT_TRUE(related.ok()) << related.status();
      const auto verified = Verify(again, *parsed, *related);
      ASSERT_TRUE(verified.ok()) << verified << "\n" << line;
      ASSERT_TRUE(Apply(again, *parsed).ok());
    }
    again.Publish();
    Compare(state.accounts, again.accounts, "accounts");
    Compare(state.requests, again.requests, "requests");
    Compare(state.follow_ups, again.follow_ups, "follow_ups");
    Compare(state.holds, again.holds, "holds");
    Compare(state.registrations, again.registrations, "registrations");
    Compare(state.counters, again.counters, "counters");
    Compare(state.shop_days, again.shop_days, "shop_days");
    Compare(state.day_totals, again.day_totals, "day_totals");
    EXPECT_EQ(state.members_by_end, again.members_by_end);
    EXPECT_EQ(state.holds_by_end, again.holds_by_end);
    EXPECT_EQ(state.holds_by_member, again.holds_by_member);
    EXPECT_EQ(state.shops_by_day, again.shops_by_day);
    EXPECT_EQ(state.at, again.at);
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
