// What is said in journals while no server can: each program's own entry, in all of them or in none.
#include "storage/offline.h"

#include <gmock/gmock.h>

#include "absl/strings/str_format.h"
#include "storage/journal.h"
#include "storage/rules/entry_codec.h"
#include "storage/views.h"
#include "tests/storage/damaged_store.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

class OfflineTest : public LedgerTest {
 protected:
  void SetUp() override {
    SetUpProgram();
    Run(Staff(NewId()), FoundProgram{{"other", "a0", kKey}}, "other");
    ledger.reset();
  }
  absl::StatusOr<int> Append(const CommandFor& command) {
    MemoryStore empty;
    return AppendToEach(memory, empty, ManualClock(clock.NowMs()), {"minyue", "other"}, command, [](const auto&...) {});
  }
  // Of what has another key.
  static std::optional<Command> Rekeyed(const State& state, std::int64_t) {
    auto program = FindRegistration<ProgramData>(state, "program", state.program);
    if (!program || program->side_key == kKey) return std::nullopt;
    program->side_key = kKey;
    return Register{.items = {*program}, .is_new = false, .rulebook_json = ""};
  }
  Entry Last(const std::string& program) {
    const Journal journal(memory, program);
    return *ParseLine(*journal.Line(*journal.End() - 1));
  }
  static constexpr char kKey[] = "0123456789abcdef";
};

TEST_F(OfflineTest, SaysWhatThereIsToSayAndNoMore) {
  const std::int64_t end = *Journal(memory, "minyue").End(), end_of_other = *Journal(memory, "other").End();
  EXPECT_EQ(Append(Rekeyed).value(), 1);
  const Entry entry = Last("minyue");
  EXPECT_EQ(entry.sequence, end);
  EXPECT_EQ(entry.actor, "ledger");
  EXPECT_EQ(entry.request_id, "");
  EXPECT_EQ(std::get<ProgramData>(entry.data), (ProgramData{"minyue", "a0", kKey}));
  EXPECT_EQ(*Journal(memory, "other").End(), end_of_other);
  EXPECT_EQ(Append(Rekeyed).value(), 0);
  Open();
  EXPECT_EQ(FindRegistration<ProgramData>(*ledger->FindState("minyue"), "program", "minyue")->side_key, kKey);
}

TEST_F(OfflineTest, LookingFindsWhatWritingWouldAndWritesNothing) {
  const std::int64_t end = *Journal(memory, "minyue").End();
  const auto look = [&](std::int64_t now_ms) {
    return LookAtEach(memory, nullptr, ManualClock(now_ms), {"minyue", "other"}, Rekeyed, [](const auto&...) {});
  };
  EXPECT_EQ(look(clock.NowMs()).value(), 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(look(0).status()));
  EXPECT_EQ(*Journal(memory, "minyue").End(), end);
  EXPECT_EQ(Append(Rekeyed).value(), 1);
  EXPECT_EQ(look(clock.NowMs()).value(), 0);
}

TEST_F(OfflineTest, RowsThatCantBeReadAreMadeAgain) {
  const ManualClock now(clock.NowMs());
  const std::set<std::string> programs = {"minyue", "other"};
  bool is_met = true;
  int reads = 0;
  for (; is_met; ++reads) {
    SCOPED_TRACE(reads);
    ASSERT_LT(reads, 1000);
    const std::string another = absl::StrFormat("%016x", reads + 1);
    const auto command = [&](const State& state, std::int64_t) -> std::optional<Command> {
      auto program = FindRegistration<ProgramData>(state, "program", state.program);
      if (!program) return std::nullopt;
      program->side_key = another;
      return Register{.items = {*program}, .is_new = false, .rulebook_json = ""};
    };
    DamagedStore looked(store(), reads);
    const auto look = LookAtEach(memory, &looked, now, programs, command, [](const auto&...) {});
    EXPECT_EQ(look.value_or(-1), 2) << look.status();
    EXPECT_EQ(looked.clears(), 0);
    DamagedStore written(store(), reads);
    const auto append = AppendToEach(memory, written, now, programs, command, [](const auto&...) {});
    EXPECT_EQ(append.value_or(-1), 2) << append.status();
    EXPECT_EQ(written.clears(), written.is_met() ? 1 : 0);
    is_met = written.is_met();
    Open();  // makes whole rows
    CheckAll();
    ledger.reset();
  }
  EXPECT_GT(reads, 3);
}

TEST_F(OfflineTest, WhatOneProgramRefusesIsSaidInNone) {
  const std::int64_t end = *Journal(memory, "minyue").End();
  const auto refused = Append([](const State& state, std::int64_t) -> std::optional<Command> {
    const std::string key = state.program == "other" ? "no key" : kKey;
    return Register{.items = {ProgramData{state.program, "a0", key}}, .is_new = false, .rulebook_json = ""};
  });
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("other: "));
  EXPECT_EQ(*Journal(memory, "minyue").End(), end);
}

}  // namespace
}  // namespace redpoints
