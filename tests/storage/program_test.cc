#include "storage/program.h"

#include <gmock/gmock.h>

#include "storage/memory_store.h"
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
    EXPECT_EQ(store.Commit(batch), CommitResult::kCommitted);
    return count;
  }

  MemoryStore store;
  std::uint64_t fence = *store.TakeOver();
  Program program{"minyue", store};
};

TEST_F(ProgramTest, WhatIsDecidedIsSeenWhenItIsPublished) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  AddFund("street", "r1");
  EXPECT_EQ(Commit(), 3);
  EXPECT_EQ(program.end_sequence(), 0);
  EXPECT_EQ(program.FindOutcome("a0", "r1").refusal->reason, v1::REQUEST_NOT_FOUND);
  program.Publish();
  EXPECT_EQ(program.end_sequence(), 3);
  EXPECT_EQ(program.FindOutcome("a0", "r1").first, v1::DONE);
  EXPECT_EQ(Commit(), 0);  // taken once
}

TEST_F(ProgramTest, ABulkRequestHasSeveralRows) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  Register many{.items = {}, .is_new = true, .rulebook_json = ""};
  for (int i = 0; i < 600; ++i) many.items.push_back(FundData{absl::StrCat("fund-", i), 1});
  program.Execute(kNoon, Staff("r1"), many);
  CommitBatch batch;
  EXPECT_EQ(program.AppendTo(batch), 602);
  ASSERT_THAT(batch.appends, SizeIs(3));
  EXPECT_EQ(batch.appends[0].entries, 256);
  EXPECT_EQ(batch.appends[1].expected_next_sequence, 256);
  EXPECT_EQ(batch.appends[2].entries, 90);
}

TEST_F(ProgramTest, LoadReplaysWhatTheDerivedRowsLack) {
  program.Execute(kNoon, Staff(""), FoundProgram{{"minyue", "a0"}});
  Commit();
  program.Publish();
  std::vector<std::shared_ptr<const void>> oldest;
  ASSERT_TRUE(store.Install(TableId::kDerived, program.Turn(oldest).Rows(), fence).ok());
  AddFund("street", "r1");
  Commit();
  program.Publish();
  Program again("minyue", store);
  const auto replayed = again.Load();
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(*replayed, 1);
  EXPECT_EQ(again.end_sequence(), program.end_sequence());
  EXPECT_EQ(again.FindOutcome("a0", "r1").first, v1::DONE);
}

TEST_F(ProgramTest, LoadSaysWhereTheJournalIsDamaged) {
  ASSERT_EQ(store.Commit({.appends = {{.program = "minyue", .expected_next_sequence = 0, .entries = 1, .lines = "{}\n"}}, .fence = fence}),
            CommitResult::kCommitted);
  const auto loaded = program.Load();
  EXPECT_TRUE(absl::IsDataLoss(loaded.status())) << loaded.status();
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("entry 0"));
  EXPECT_EQ(program.end_sequence(), 0);
}

}  // namespace
}  // namespace redpoints
