// A whole shard on a store in memory or on disk, with verbs that wait for their outcome. Every test ends with Reopen() and CheckAll().
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/ledger.h"
#include "storage/memory_store.h"
#include "storage/merkle/sha256.h"
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
    auto opened = Ledger::Open(store(), clock, options);
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
      const auto report = CheckProgram(store(), program);
      ASSERT_TRUE(report.ok()) << report.status();
      for (const auto& [unit, sum] : report->sums) EXPECT_EQ(sum, 0) << unit;
    }
  }
  virtual Store& store() { return memory; }

  std::string NewId() { return Sha256Hex(absl::StrCat("ledger request ", next_id++)).substr(0, 32); }
  static Origin Staff(std::string request_id) {
    return {.actor = "a0", .request_id = std::move(request_id), .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = ""};
  }
  static Origin Till(std::string request_id, const std::string& terminal = "t1", const std::string& merchant = "s1") {
    return {.actor = terminal,
            .request_id = std::move(request_id),
            .terminal = terminal,
            .merchant = merchant,
            .clerk = "c1",
            .till = "1",
            .fingerprint = ""};
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
  Outcome Add(Registration data) { return Run(Staff(NewId()), Register{.items = {std::move(data)}, .is_new = true, .rulebook_json = ""}); }

  // A program with two funds, members m1 to m`members` with 1,000 points each, shops s1 and s2 with terminals t1 and t2.
  void SetUpProgram(int members = 4, const std::string& json = RulebookJson()) {
    if (!ledger) Open();
    Run(Staff(NewId()), FoundProgram{{"minyue", "a0"}});
    Add(FundData{"street", 1'000'000'000});
    Add(FundData{"donor", 1'000'000'000});
    for (int i = 1; i <= 2; ++i) {
      Add(MerchantData{.id = absl::StrCat("s", i), .people = {}, .place = ""});
      Add(TerminalData{.id = absl::StrCat("t", i), .merchant = absl::StrCat("s", i)});
    }
    const auto book = Rulebook::Parse(json);
    ASSERT_TRUE(book.ok()) << book.status();
    Run(Staff(NewId()),
        Register{.items = {RulebookData{book->version(), book->effective_day(), Sha256Hex(json)}}, .is_new = true, .rulebook_json = json});
    AwardBatch awards;
    for (int i = 1; i <= members; ++i) {
      Add(MemberData{.id = absl::StrCat("m", i),
                     .number = absl::StrCat(10000000 + i),
                     .kind = MemberKind::kPerson,
                     .groups = {1, 2},
                     .grid = "",
                     .memberships = {}});
      awards.items.push_back(Item(absl::StrCat("m", i), 100));
    }
    Run(Staff(NewId()), awards);
  }
  AwardItem Item(const std::string& member, std::int64_t quantity) {
    AwardItem item;
    item.member = member;
    item.activity = "PATROL";
    item.quantity = quantity;
    item.effective_day = DayOf(clock.NowMs());
    item.group = 1;
    return item;
  }
  static Redeem Sale(const std::string& member, std::int64_t points) { return {MemberId{member}, {{"ANY", 1, points, 0}}}; }
  Outcome Buy(const std::string& member, std::int64_t points) { return Run(Till(NewId()), Sale(member, points)); }

  std::int64_t Balance(const std::string& holder, Sub sub = Sub::kAvailable) {
    const State* state = ledger->FindState("minyue");
    const std::shared_lock lock(state->mutex);
    const auto account = state->accounts.FindSynced(AccountKey(holder, kPoint));
    return account ? account->at(sub) : 0;
  }

  ManualClock clock{kNoon};
  MemoryStore memory;
  Ledger::Options options;
  std::mutex events_mutex;
  std::vector<std::string> events;
  std::unique_ptr<Ledger> ledger;
  std::atomic<int> next_id = 0;
};

}  // namespace redpoints
