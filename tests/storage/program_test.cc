#include "storage/program.h"

#include <gmock/gmock.h>

#include "storage/derived.h"
#include "storage/keys.h"
#include "storage/log/memory_log.h"
#include "storage/store/memory_store.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class ProgramTest : public testing::Test {
 protected:
  static Origin Staff(std::string request_id) {
    return {
        .actor = "a0", .request_id = std::move(request_id), .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = "f"};
  }
  void AddFund(const std::string& fund, const std::string& request_id) {
    program.Execute(kNoon, Staff(request_id), Register{.items = {FundData{fund, 100}}, .is_new = true, .rulebook_json = ""});
  }
  std::int64_t Commit() {
    CommitBatch batch{.fence = fence};
    const auto count = program.AppendTo(batch);
    EXPECT_EQ(log.Commit(batch), CommitResult::kCommitted);
    return count;
  }

  Program::OnDamage Note() {
    return [this](Program&, const absl::Status& why) { damages.push_back(std::string(why.message())); };
  }

  MemoryLog log;
  MemoryStore store;
  std::uint64_t fence = *log.TryTakeOver();
  std::vector<std::string> damages;
  Program program{"minyue", log, &store, Note()};
};

TEST_F(ProgramTest, WhatIsDecidedIsSeenWhenItIsPublished) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  AddFund("street", "r1");
  EXPECT_EQ(Commit(), 3);
  EXPECT_EQ(program.end_sequence(), 0);
  EXPECT_EQ(program.FindOutcome("a0", "r1").refusal->reason, Reason::REQUEST_NOT_FOUND);
  program.Publish();
  EXPECT_EQ(program.end_sequence(), 3);
  EXPECT_EQ(program.FindOutcome("a0", "r1").first, RequestState::kDone);
  EXPECT_EQ(Commit(), 0);  // taken once
}

TEST_F(ProgramTest, ABulkRequestHasSeveralRows) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  Register many{.items = {}, .is_new = true, .rulebook_json = ""};
  for (int i = 0; i < 600; ++i)
    many.items.push_back(MemberData{.id = absl::StrCat("m", i), .number_commitment = "", .groups = {}, .grid = "", .memberships = {}});
  program.Execute(kNoon, Staff("r1"), many);
  CommitBatch batch;
  EXPECT_EQ(program.AppendTo(batch), 602);
  ASSERT_THAT(batch.appends, SizeIs(3));
  EXPECT_EQ(batch.appends[0].entries, 256);
  EXPECT_EQ(batch.appends[1].expected_end, 256);
  EXPECT_EQ(batch.appends[2].entries, 90);
}

TEST_F(ProgramTest, LoadReplaysWhatTheDerivedRowsLack) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  Commit();
  program.Publish();
  std::vector<std::shared_ptr<const void>> oldest;
  ASSERT_TRUE(store.Install(program.Turn(oldest).Rows()).ok());
  AddFund("street", "r1");
  Commit();
  program.Publish();
  Program again("minyue", log, &store, Note());
  ASSERT_TRUE(again.LoadRows().ok());
  const auto replayed = again.Replay(1000, [](std::int64_t, std::int64_t) { FAIL(); });
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(*replayed, 1);
  EXPECT_EQ(again.end_sequence(), program.end_sequence());
  EXPECT_EQ(again.FindOutcome("a0", "r1").first, RequestState::kDone);
}

TEST_F(ProgramTest, LoadSaysWhereTheJournalIsDamaged) {
  ASSERT_EQ(log.Commit({.appends = {{.program = "minyue", .expected_end = 0, .entries = 1, .lines = "{}\n"}}, .fence = fence}),
            CommitResult::kCommitted);
  ASSERT_TRUE(program.LoadRows().ok());
  const auto loaded = program.Replay(1000, {});
  EXPECT_TRUE(absl::IsDataLoss(loaded.status())) << loaded.status();
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("entry 0"));
  EXPECT_EQ(program.end_sequence(), 0);
}

// Whatever is met by a read: the row is not taken for absent.
TEST_F(ProgramTest, ADamagedDerivedRowSetsItAside) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  AddFund("street", "r1");
  Commit();
  program.Publish();
  std::vector<std::shared_ptr<const void>> oldest;
  auto rows = program.Turn(oldest).Rows();
  ASSERT_TRUE(store.Install(rows).ok());
  ASSERT_TRUE(store.Install({{DerivedKey("minyue", 'r', "a0/r1"), "?"}}).ok());
  Program again("minyue", log, &store, Note());
  ASSERT_TRUE(again.LoadRows().ok());
  ASSERT_TRUE(again.Replay(1000, {}).ok());
  EXPECT_EQ(again.FindOutcome("a0", "r1").refusal->reason, Reason::PROGRAM_SET_ASIDE);
  EXPECT_TRUE(again.is_set_aside());
  ASSERT_THAT(damages, SizeIs(1));
  EXPECT_THAT(damages[0], HasSubstr("derived row request a0/r1 can't be read"));
  CommitBatch batch;
  EXPECT_EQ(again.AppendTo(batch), -1);
}

TEST_F(ProgramTest, RowsOfAnotherVersionOrWithoutAMarkCannotBeUsed) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  Commit();
  program.Publish();
  std::vector<std::shared_ptr<const void>> oldest;
  ASSERT_TRUE(store.Install(program.Turn(oldest).Rows()).ok());
  const std::string mark = DerivedKey("minyue", kMarkTable, "");
  std::string other = **store.Get(mark);
  other[0] = static_cast<char>(other[0] + 2);
  ASSERT_TRUE(store.Install({{mark, other}}).ok());
  EXPECT_THAT(std::string(Program("minyue", log, &store, Note()).LoadRows().message()), HasSubstr("version"));
  ASSERT_TRUE(Discredit(store, "minyue").ok());
  EXPECT_THAT(std::string(Program("minyue", log, &store, Note()).LoadRows().message()), HasSubstr("without the mark"));
  ASSERT_TRUE(DeleteRows(store, "minyue").ok());
  EXPECT_TRUE(Program("minyue", log, &store, Note()).LoadRows().ok());
}

}  // namespace
}  // namespace redpoints
