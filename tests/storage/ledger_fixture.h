// A whole shard on a log and a store in memory or on disk, with verbs that wait for their outcome. Every test ends with Reopen() and CheckAll().
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/ledger.h"
#include "storage/log/memory_log.h"
#include "storage/merkle/sha256.h"
#include "storage/store/memory_store.h"
#include "storage/views.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {

class LedgerTest : public testing::Test {
 protected:
  void TearDown() override {
    if (!ledger) Open();
    Reopen();
    CheckAll();
  }

  void Open() {
    options.on_event = [this](const std::string& event, const std::string& detail) {
      const std::lock_guard lock(events_mutex);
      events.push_back(event + ": " + detail);
    };
    auto opened = Ledger::Open(log(), store(), clock, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ledger = *std::move(opened);
  }
  void Reopen() {
    ledger.reset();
    Open();
  }
  // Every program's journal and derived rows, as `redpointsd check` sees them.
  void CheckAll() {
    const auto programs = ledger->Programs();
    ledger.reset();
    for (const auto& program : programs) {
      const auto report = CheckProgram(log(), &store(), program);
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_EQ(report->unusable_rows, "");
      for (const auto& [unit, sum] : report->sums) EXPECT_EQ(sum, 0) << unit;
    }
  }
  virtual Log& log() { return memory; }
  virtual Store& store() { return rows; }

  std::string NewId() { return Sha256Hex(absl::StrCat("ledger request ", next_id++)).substr(0, 32); }
  static Origin Staff(std::string request_id, const std::string& actor = "a0") {
    Origin origin;
    origin.actor = actor;
    origin.request_id = std::move(request_id);
    return origin;
  }
  static Origin Till(std::string request_id, const std::string& terminal = "t1", const std::string& merchant = "s1") {
    Origin origin;
    origin.actor = origin.terminal = terminal;
    origin.request_id = std::move(request_id);
    origin.merchant = merchant;
    origin.clerk = "c1";
    origin.till = "1";
    return origin;
  }

  std::future<Outcome> Send(Origin origin, Command command, const std::string& program = "minyue") {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    ledger->Submit(program, std::move(origin), std::move(command), [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    return future;
  }
  Outcome Run(Origin origin, Command command, const std::string& program = "minyue") {
    return Send(std::move(origin), std::move(command), program).get();
  }
  Outcome Add(Registration data) {
    Register command;
    command.items = {std::move(data)};
    return Run(Staff(NewId()), std::move(command));
  }
  Outcome Adopt(const std::string& text) {
    const auto book = Rulebook::Judge(text);
    EXPECT_TRUE(book.ok()) << book.status();
    Register command;
    command.items = {RulebookData{book->version(), book->effective_day(), Sha256Hex(book->json()), kRulesFormat}};
    command.rulebook_json = book->json();
    return Run(Staff(NewId()), std::move(command));
  }
  static MemberData Person(const std::string& id) {
    MemberData data;
    data.id = id;
    data.number_commitment = Sha256Hex("number of " + id);
    data.groups = {{Group::kPartyVanguard}, {Group::kResidents}};
    return data;
  }

  // A program with two funds, members m1 to m`members` with 1,000 points each, shops s1 and s2 with terminals t1 and t2.
  void SetUpProgram(int members = 4, const std::string& json = RulebookJson()) {
    if (!ledger) Open();
    Run(Staff(NewId()), FoundProgram{{"minyue", "a0"}});
    Add(FundData{"street", 1'000'000'000});
    Add(FundData{"donor", 1'000'000'000});
    for (int i = 1; i <= 2; ++i) {
      MerchantData shop;
      shop.id = absl::StrCat("s", i);
      Add(shop);
      Add(TerminalData{.id = absl::StrCat("t", i), .merchant = shop.id});
    }
    OfferData any;
    any.code = "ANY";
    Add(any);
    Add(StaffData{.id = "a2", .member = "", .is_external = true, .grants = {{Role::kCorrector, ""}}});
    Adopt(json);
    AwardBatch awards;
    for (int i = 1; i <= members; ++i) {
      Add(Person(absl::StrCat("m", i)));
      awards.items.push_back(Item(absl::StrCat("m", i), 100));
    }
    Run(Staff(NewId()), awards);
  }
  AwardItem Item(const std::string& member, std::int64_t quantity) {
    AwardItem item;
    item.member.id = member;
    item.activity = "PATROL";
    item.quantity = quantity;
    item.effective_day = DayOf(clock.NowMs());
    item.group = Group::kPartyVanguard;
    return item;
  }
  // By a bare 会员号 that leads to this member.
  static Payer Pay(const std::string& member) { return {.presentation = "number", .member = {member, ""}, .use = {}}; }
  static Redeem Sale(const std::string& member, std::int64_t points) { return {Pay(member), {{"ANY", 1, points, 0}}}; }
  Outcome Buy(const std::string& member, std::int64_t points) { return Run(Till(NewId()), Sale(member, points)); }

  std::int64_t Balance(const std::string& holder, Sub sub = Sub::kAvailable) {
    const State* state = ledger->FindState("minyue");
    const std::shared_lock lock(state->mutex);
    const auto account = state->accounts.FindSynced(AccountKey(holder, kPoint));
    return account ? account->at(sub) : 0;
  }

  ManualClock clock{kNoon};
  MemoryLog memory;
  MemoryStore rows;
  Ledger::Options options;
  std::mutex events_mutex;
  std::vector<std::string> events;
  std::unique_ptr<Ledger> ledger;
  std::atomic<int> next_id = 0;
};

}  // namespace redpoints
