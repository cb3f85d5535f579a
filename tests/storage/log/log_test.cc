// What every log must do, run on each: one in memory, RocksDB on a disk in memory. Then what only RocksDB does: formats, reopening.
#include "storage/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/log/memory_log.h"
#include "storage/log/rocksdb_log.h"
#include "tests/storage/raw_rows.h"

namespace redpoints {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

enum class Kind { kMemory, kRocksDb };

class LogTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    if (GetParam() == Kind::kMemory) {
      if (!log) log = std::make_unique<MemoryLog>();
    } else {
      const bool is_new = !log;
      log.reset();
      auto opened = is_new ? RocksDbLog::Create({.directory = "/log", .env = env.get()}) : TryOpen();
      ASSERT_TRUE(opened.ok()) << opened.status();
      log = *std::move(opened);
    }
    fence = *log->TryTakeOver();
  }
  absl::StatusOr<std::unique_ptr<Log>> TryOpen() { return RocksDbLog::Open({.directory = "/log", .env = env.get()}); }

  // --- verbs -----------------------------------------------------------------------------------------------------------------------
  CommitResult Append(const std::string& program, std::int64_t expected, std::int64_t entries) {
    return log->Commit({.appends = {Entries(program, expected, entries)}, .fence = fence});
  }
  static CommitBatch::Append Entries(const std::string& program, std::int64_t expected, std::int64_t entries) {
    std::string lines;
    for (std::int64_t i = 0; i < entries; ++i) absl::StrAppend(&lines, expected + i, "\n");
    return {.program = program, .expected_end = expected, .entries = entries, .lines = lines};
  }
  std::int64_t End(const std::string& program) { return *log->End(program); }
  std::vector<std::int64_t> Firsts(std::int64_t start, std::int64_t end, std::size_t bytes_max = 1000) {
    std::vector<std::int64_t> firsts;
    const auto rows = log->Read("minyue", start, end, bytes_max);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const auto& row : *rows) firsts.push_back(row.first);
    return firsts;
  }

  std::unique_ptr<rocksdb::Env> env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  std::unique_ptr<Log> log;
  std::uint64_t fence = 0;
};

TEST_P(LogTest, ReadsWholeRowsFromTheOneThatHoldsTheStart) {
  ASSERT_EQ(Append("minyue", 0, 3), CommitResult::kCommitted);
  ASSERT_EQ(Append("minyue", 3, 2), CommitResult::kCommitted);
  ASSERT_EQ(Append("minyue", 5, 1), CommitResult::kCommitted);
  ASSERT_EQ(Append("minyuf", 0, 1), CommitResult::kCommitted);
  for (int i = 0; i < 2; ++i, Open()) {
    EXPECT_THAT(Firsts(0, 100), ElementsAre(0, 3, 5));
    EXPECT_THAT(Firsts(2, 3), ElementsAre(0));
    EXPECT_THAT(Firsts(2, 4), ElementsAre(0, 3));
    EXPECT_THAT(Firsts(4, 6), ElementsAre(3, 5));
    EXPECT_THAT(Firsts(0, 6, 1), ElementsAre(0));  // one row at least
    EXPECT_THAT(Firsts(0, 6, 7), ElementsAre(0, 3));
    EXPECT_THAT(Firsts(6, 100), IsEmpty());
    EXPECT_THAT(Firsts(3, 3), IsEmpty());
    EXPECT_THAT(Firsts(-1, 3), IsEmpty());
    const auto row = log->Read("minyue", 4, 5, 1)->front();
    EXPECT_EQ(row.entries, 2);
    EXPECT_EQ(row.lines, "3\n4\n");
    EXPECT_THAT(*log->Programs(), ElementsAre("minyue", "minyuf"));
  }
}

TEST_P(LogTest, BlobsAreFoundByTheirHash) {
  const std::string content("\n\0\xFF", 3);
  ASSERT_EQ(log->Commit({.blobs = {{"minyue", "b", content}, {"minyue", "a", ""}, {"minyuf", "c", "x"}}, .fence = fence}),
            CommitResult::kCommitted);
  for (int i = 0; i < 2; ++i, Open()) {
    EXPECT_EQ(*log->Blob("minyue", "b"), content);
    EXPECT_EQ(*log->Blob("minyue", "a"), "");
    EXPECT_EQ(*log->Blob("minyue", "c"), std::nullopt);
    EXPECT_THAT(*log->Blobs("minyue"), ElementsAre("a", "b"));
    EXPECT_THAT(*log->Blobs("other"), IsEmpty());
  }
}

TEST_P(LogTest, OnlyTheLastOwnerCommits) {
  const std::uint64_t first = fence;
  EXPECT_EQ(Append("minyue", 0, 1), CommitResult::kCommitted);
  fence = *log->TryTakeOver();
  EXPECT_GT(fence, first);
  const std::uint64_t last = fence;
  for (const std::uint64_t other : {std::uint64_t{0}, first, last + 1}) {
    fence = other;
    EXPECT_EQ(Append("minyue", 1, 1), CommitResult::kFenced) << other;
  }
  EXPECT_EQ(End("minyue"), 1);
  fence = last;
  EXPECT_EQ(Append("minyue", 1, 1), CommitResult::kCommitted);
  Open();
  EXPECT_GT(fence, last);  // no number is given twice
}

TEST_P(LogTest, AJournalGoesOnOnlyWhereItEnds) {
  EXPECT_EQ(Append("minyue", 1, 1), CommitResult::kOutOfSequence);  // a journal begins with 0
  EXPECT_EQ(Append("minyue", 0, 0), CommitResult::kOutOfSequence);  // an empty row is none
  EXPECT_EQ(Append("minyue", 0, 3), CommitResult::kCommitted);
  for (int i = 0; i < 2; ++i, Open()) {  // remembered, and read after reopening
    for (const std::int64_t wrong : {0, 2, 4, -1}) EXPECT_EQ(Append("minyue", wrong, 1), CommitResult::kOutOfSequence) << wrong;
    EXPECT_EQ(End("minyue"), 3);
  }
  EXPECT_EQ(Append("minyue", 3, 2), CommitResult::kCommitted);
  EXPECT_EQ(Journal(*log, "minyue").Lines(0, 5, 1000)->lines, "0\n1\n2\n3\n4\n");
}

TEST_P(LogTest, RowsOfOneBatchFollowEachOther) {
  const auto commit = [&](std::int64_t first, std::int64_t second) {
    return log->Commit({.appends = {Entries("minyue", first, 2), Entries("min", 0, 1), Entries("minyue", second, 3)}, .fence = fence});
  };
  for (const auto& [first, second] : {std::pair(0, 0), {0, 1}, {0, 3}, {2, 0}}) {
    EXPECT_EQ(commit(first, second), CommitResult::kOutOfSequence) << first << " " << second;
  }
  EXPECT_EQ(End("minyue"), 0);
  EXPECT_EQ(commit(0, 2), CommitResult::kCommitted);
  EXPECT_EQ(Append("minyue", 5, 1), CommitResult::kCommitted);
  EXPECT_EQ(Journal(*log, "minyue").Lines(0, 6, 1000)->lines, "0\n1\n2\n3\n4\n5\n");
}

TEST_P(LogTest, OneThatIsOutOfSequenceKeepsAllOfItsBatchFromBeingWritten) {
  ASSERT_EQ(Append("min", 0, 2), CommitResult::kCommitted);
  ASSERT_EQ(Append("minyue", 0, 1), CommitResult::kCommitted);  // their keys begin alike
  for (const bool is_last : {false, true}) {
    CommitBatch batch{.appends = {Entries("min", 2, 1)}, .blobs = {{"min", "key", "value"}}, .fence = fence};
    batch.appends.insert(is_last ? batch.appends.end() : batch.appends.begin(), Entries("minyue", 2, 1));
    EXPECT_EQ(log->Commit(batch), CommitResult::kOutOfSequence);
  }
  EXPECT_EQ(*log->Blob("min", "key"), std::nullopt);
  EXPECT_EQ(End("min"), 2);
  EXPECT_EQ(log->Commit({.appends = {Entries("min", 2, 4), Entries("minyue", 1, 1)}, .fence = fence}), CommitResult::kCommitted);
  EXPECT_EQ(End("min"), 6);
  EXPECT_EQ(End("minyue"), 2);
}

TEST_P(LogTest, ResolveTellsWhetherABatchIsThere) {
  const CommitBatch batch{.appends = {Entries("minyue", 0, 2), Entries("minyue", 2, 1)}, .blobs = {{"minyue", "a", "x"}}, .fence = fence};
  EXPECT_FALSE(*log->Resolve(batch));
  ASSERT_EQ(log->Commit(batch), CommitResult::kCommitted);
  for (int i = 0; i < 2; ++i, Open()) EXPECT_TRUE(*log->Resolve(batch));
  CommitBatch other = batch;
  other.appends[1].lines = "x\n";
  EXPECT_FALSE(*log->Resolve(other));
  other = batch;
  other.blobs[0].content = "y";
  EXPECT_FALSE(*log->Resolve(other));
}

TEST_P(LogTest, WhoWaitsIsWokenByACommit) {
  const auto never = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_FALSE(log->WaitForMore("minyue", 0, std::chrono::steady_clock::now()));
  std::thread waiting([&] { EXPECT_TRUE(log->WaitForMore("minyue", 1, never)); });
  Append("minyue", 0, 1);
  Append("minyue", 1, 1);
  waiting.join();
  EXPECT_TRUE(log->WaitForMore("minyue", 1, never));
}

INSTANTIATE_TEST_SUITE_P(Logs, LogTest, testing::Values(Kind::kMemory, Kind::kRocksDb),
                         [](const auto& each) { return each.param == Kind::kMemory ? "Memory" : "RocksDb"; });

TEST(MemoryLog, AfterAFailureTheNextOpeningTells) {
  for (const bool is_kept : {false, true}) {
    MemoryLog log;
    const CommitBatch batch{.appends = {{.program = "minyue", .expected_end = 0, .entries = 1, .lines = "0\n"}},
                            .fence = *log.TryTakeOver()};
    log.FailCommitAfter(0, is_kept);
    EXPECT_EQ(log.Commit(batch), CommitResult::kUnknown);
    EXPECT_FALSE(log.Failure().ok());
    EXPECT_TRUE(absl::IsUnavailable(log.Resolve(batch).status()));
    log.Heal();
    EXPECT_EQ(*log.Resolve(batch), is_kept);
  }
}

class RocksDbLogTest : public LogTest {};

TEST_P(RocksDbLogTest, AnotherFormatIsRefused) {
  for (const char* other : {"0", "2", "11", ""}) {
    log.reset();
    SetRawRow("/log", "default", "format", other, env.get());
    const auto refused = TryOpen();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << "format " << other << ": " << refused.status();
  }
}

TEST_P(RocksDbLogTest, ATableOfANewerProgramIsReadButNotWritten) {
  ASSERT_EQ(Append("minyue", 0, 2), CommitResult::kCommitted);
  log.reset();
  SetRawRow("/log", "tiles", "key", "value", env.get());
  auto opened = TryOpen();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->Read("minyue", 0, 2, 100)->front().lines, "0\n1\n");
  EXPECT_TRUE(absl::IsFailedPrecondition((*opened)->TryTakeOver().status()));
  EXPECT_EQ(*(*opened)->End("minyue"), 2);  // it goes on following
}

TEST_P(RocksDbLogTest, ADirectoryWithoutALogIsNotFound) {
  const auto missing = RocksDbLog::Open({.directory = "/nowhere", .env = env.get()});
  EXPECT_TRUE(absl::IsNotFound(missing.status())) << missing.status();
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("no ledger in /nowhere"));
  EXPECT_FALSE(RocksDbLog::Create({.directory = "/log", .env = env.get()}).ok());  // there is one
}

TEST_P(RocksDbLogTest, OneOwnsItAtATime) {
  auto second = TryOpen();
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition((*second)->TryTakeOver().status()));
  log.reset();
  EXPECT_TRUE((*second)->TryTakeOver().ok());
}

TEST_P(RocksDbLogTest, ALostLastRowIsDamage) {
  ASSERT_EQ(Append("minyue", 0, 2), CommitResult::kCommitted);
  ASSERT_EQ(Append("minyue", 2, 2), CommitResult::kCommitted);
  log.reset();
  SetRawRow("/log", "journal", JournalKey("minyue", 2), std::nullopt, env.get());
  log = *TryOpen();
  EXPECT_TRUE(absl::IsDataLoss(log->End("minyue").status()));
  EXPECT_THAT(std::string(log->End("minyue").status().message()), HasSubstr("ends at 2, but 4 entries were committed"));
  EXPECT_TRUE(absl::IsDataLoss(log->Read("minyue", 0, 4, 1000).status()));
}

INSTANTIATE_TEST_SUITE_P(Logs, RocksDbLogTest, testing::Values(Kind::kRocksDb), [](const auto&) { return "RocksDb"; });

}  // namespace
}  // namespace redpoints
