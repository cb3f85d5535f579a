// What every store must do, run on each: one in memory, RocksDB on a disk in memory. Then what only RocksDB does: formats, reopening.
#include "storage/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/memory_store.h"
#include "storage/rocksdb_store.h"

namespace redpoints {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

enum class Kind { kMemory, kRocksDb };

class StoreTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    if (GetParam() == Kind::kMemory) {
      if (!store) store = std::make_unique<MemoryStore>();
    } else {
      store.reset();
      auto opened = TryOpen();
      ASSERT_TRUE(opened.ok()) << opened.status();
      store = *std::move(opened);
    }
    fence = *store->TakeOver();
  }
  absl::StatusOr<std::unique_ptr<Store>> TryOpen(bool create_if_missing = true, bool read_only = false) {
    return RocksDbStore::Open({.directory = "/ledger", .create_if_missing = create_if_missing, .read_only = read_only, .env = env.get()});
  }

  void NewDisk() {
    store.reset();
    env.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  }

  // --- verbs -----------------------------------------------------------------------------------------------------------------------
  CommitResult Put(const std::string& key, const std::string& value, TableId table = TableId::kBlob) {
    return store->Commit({.puts = {{table, key, value}}, .fence = fence});
  }
  CommitResult Append(const std::string& program, std::int64_t expected, std::int64_t entries) {
    return store->Commit({.appends = {Entries(program, expected, entries)}, .fence = fence});
  }
  static CommitBatch::Append Entries(const std::string& program, std::int64_t expected, std::int64_t entries) {
    std::string lines;
    for (std::int64_t i = 0; i < entries; ++i) absl::StrAppend(&lines, expected + i, "\n");
    return {.program = program, .expected_next_sequence = expected, .entries = entries, .lines = lines};
  }
  std::int64_t End(const std::string& program) { return *Journal(*store, program).End(); }
  std::optional<std::string> Get(const std::string& key, TableId table = TableId::kBlob) { return *store->Get(table, key); }
  std::vector<std::string> Keys(const Store::Range& range) {
    std::vector<std::string> keys;
    const auto rows = store->Scan(range);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const Row& row : *rows) {
      keys.push_back(row.key);
      EXPECT_EQ(row.value, "of " + row.key);
    }
    return keys;
  }
  // The blob table with these keys, their values made of them.
  void Fill(const std::vector<std::string>& keys) {
    for (const auto& key : keys) ASSERT_EQ(Put(key, "of " + key), CommitResult::kCommitted);
  }

  std::unique_ptr<rocksdb::Env> env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  std::unique_ptr<Store> store;
  std::uint64_t fence = 0;
};

TEST_P(StoreTest, GetFindsWhatWasCommittedInItsTable) {
  const std::string zeros("\0a\0", 3), value("\n\0\xFF", 3);
  EXPECT_EQ(Put(zeros, value), CommitResult::kCommitted);
  EXPECT_EQ(Put("empty", ""), CommitResult::kCommitted);
  EXPECT_EQ(Get(zeros), value);
  EXPECT_EQ(Get("empty"), "");
  EXPECT_EQ(Get(zeros.substr(0, 2)), std::nullopt);
  EXPECT_EQ(Get(zeros, TableId::kDerived), std::nullopt);
  EXPECT_EQ(Put(zeros, "new"), CommitResult::kCommitted);
  EXPECT_EQ(Get(zeros), "new");
}

TEST_P(StoreTest, ScansGoInByteOrderBetweenTheirBounds) {
  Fill({"b", "a", "ab", "c", "\x7F", "\xFF"});
  const auto keys = [&](std::string begin, std::string end) {
    const Store::Range up{.table = TableId::kBlob, .begin = begin, .end = end};
    Store::Range down = up;
    down.is_descending = true;
    auto descending = Keys(down);
    std::reverse(descending.begin(), descending.end());
    EXPECT_EQ(descending, Keys(up)) << begin << " to " << end;
    return Keys(up);
  };
  EXPECT_THAT(keys("", ""), ElementsAre("a", "ab", "b", "c", "\x7F", "\xFF"));  // bytes have no sign
  EXPECT_THAT(keys("a", "c"), ElementsAre("a", "ab", "b"));                     // begin is in it, end is not
  EXPECT_THAT(keys("aa", "bb"), ElementsAre("ab", "b"));                        // bounds need not be there
  EXPECT_THAT(keys("c", ""), ElementsAre("c", "\x7F", "\xFF"));
  EXPECT_THAT(keys("b", "b"), IsEmpty());
  EXPECT_THAT(keys("d", "e"), IsEmpty());
  EXPECT_THAT(keys("\xFF\xFF", ""), IsEmpty());
  EXPECT_THAT(keys("c", "a"), IsEmpty());
  EXPECT_THAT(Keys({.table = TableId::kDerived, .begin = "", .end = ""}), IsEmpty());
}

TEST_P(StoreTest, ChunksContinueBehindTheLastKey) {
  Fill({"a", "b", "c", "d", "e", "f", "g"});
  EXPECT_THAT(Keys({.table = TableId::kBlob, .begin = "a", .end = "", .rows_max = 0}), IsEmpty());
  for (const std::size_t rows_max : {1u, 2u, 3u, 5u, 6u}) {
    std::string up, down;
    Store::Range ascending{.table = TableId::kBlob, .begin = "b", .end = "g", .rows_max = rows_max};
    for (auto keys = Keys(ascending); !keys.empty(); keys = Keys(ascending)) {
      EXPECT_LE(keys.size(), rows_max);
      for (const auto& key : keys) up += key;
      ascending.begin = keys.back() + '\0';
    }
    Store::Range descending{.table = TableId::kBlob, .begin = "b", .end = "g", .rows_max = rows_max, .is_descending = true};
    for (auto keys = Keys(descending); !keys.empty(); keys = Keys(descending)) {
      EXPECT_LE(keys.size(), rows_max);
      for (const auto& key : keys) down += key;
      descending.end = keys.back();
    }
    EXPECT_EQ(up, "bcdef");
    EXPECT_EQ(down, "fedcb");
  }
}

TEST_P(StoreTest, InstallAddsReplacesAndDeletes) {
  ASSERT_TRUE(store->Install(TableId::kDerived, {{"a", "1"}, {"b", "1"}, {"c", "1"}}, fence).ok());
  ASSERT_TRUE(store->Install(TableId::kDerived, {{"a", std::nullopt}, {"absent", std::nullopt}, {"b", "2"}, {"d", "2"}}, fence).ok());
  ASSERT_TRUE(store->Install(TableId::kDerived, {}, fence).ok());
  for (int i = 0; i < 2; ++i, Open()) {
    EXPECT_EQ(Get("a", TableId::kDerived), std::nullopt);
    EXPECT_EQ(Get("b", TableId::kDerived), "2");
    EXPECT_EQ(Get("c", TableId::kDerived), "1");
    EXPECT_EQ(Get("d", TableId::kDerived), "2");
    EXPECT_EQ(Get("b"), std::nullopt);
  }
}

TEST_P(StoreTest, DeleteRangeTakesBeginAndLeavesEnd) {
  Fill({"a", "b", "bb", "c", "d"});
  ASSERT_TRUE(store->DeleteRange(TableId::kDerived, "a", "z").ok());
  ASSERT_TRUE(store->DeleteRange(TableId::kBlob, "b", "b").ok());
  ASSERT_TRUE(store->DeleteRange(TableId::kBlob, "x", "z").ok());
  EXPECT_EQ(Keys({.table = TableId::kBlob, .begin = "", .end = ""}).size(), 5u);
  ASSERT_TRUE(store->DeleteRange(TableId::kBlob, "b", "c").ok());
  for (int i = 0; i < 2; ++i, Open()) EXPECT_THAT(Keys({.table = TableId::kBlob, .begin = "", .end = ""}), ElementsAre("a", "c", "d"));
  Fill({"b"});  // what is deleted can come again
  EXPECT_EQ(Get("b"), "of b");
}

TEST_P(StoreTest, OnlyTheLastOwnerCommits) {
  const std::uint64_t first = fence;
  EXPECT_EQ(Append("minyue", 0, 1), CommitResult::kCommitted);
  fence = *store->TakeOver();
  EXPECT_GT(fence, first);
  const std::uint64_t last = fence;
  for (const std::uint64_t other : {std::uint64_t{0}, first, last + 1}) {
    fence = other;
    EXPECT_EQ(Append("minyue", 1, 1), CommitResult::kFenced) << other;
    EXPECT_EQ(Put("key", "value"), CommitResult::kFenced) << other;
  }
  EXPECT_EQ(End("minyue"), 1);
  EXPECT_EQ(Get("key"), std::nullopt);
  for (const std::uint64_t other : {std::uint64_t{0}, first, last + 1}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(store->Install(TableId::kDerived, {{"row", "old"}}, other))) << other;
  }
  EXPECT_EQ(Get("row", TableId::kDerived), std::nullopt);
  fence = last;
  EXPECT_EQ(Append("minyue", 1, 1), CommitResult::kCommitted);
  Open();
  EXPECT_GT(fence, last);  // no number is given twice
}

TEST_P(StoreTest, AJournalGoesOnOnlyWhereItEnds) {
  EXPECT_EQ(Append("minyue", 1, 1), CommitResult::kOutOfSequence);  // a journal begins with 0
  EXPECT_EQ(Append("minyue", 0, 3), CommitResult::kCommitted);
  for (int i = 0; i < 2; ++i, Open()) {  // remembered, and read after reopening
    for (const std::int64_t wrong : {0, 2, 4, -1}) EXPECT_EQ(Append("minyue", wrong, 1), CommitResult::kOutOfSequence) << wrong;
    EXPECT_EQ(End("minyue"), 3);
  }
  EXPECT_EQ(Append("minyue", 3, 2), CommitResult::kCommitted);
  EXPECT_EQ(Append("minyue", 5, 1), CommitResult::kCommitted);
  EXPECT_EQ(Journal(*store, "minyue").Lines(0, 6, 1000)->lines, "0\n1\n2\n3\n4\n5\n");
}

TEST_P(StoreTest, RowsOfOneBatchFollowEachOther) {
  const auto commit = [&](std::int64_t first, std::int64_t second) {
    return store->Commit({.appends = {Entries("minyue", first, 2), Entries("min", 0, 1), Entries("minyue", second, 3)}, .fence = fence});
  };
  for (const auto& [first, second] : {std::pair(0, 0), {0, 1}, {0, 3}, {2, 0}}) {
    EXPECT_EQ(commit(first, second), CommitResult::kOutOfSequence) << first << " " << second;
  }
  EXPECT_EQ(End("minyue"), 0);
  EXPECT_EQ(commit(0, 2), CommitResult::kCommitted);
  EXPECT_EQ(Append("minyue", 5, 1), CommitResult::kCommitted);
  EXPECT_EQ(Journal(*store, "minyue").Lines(0, 6, 1000)->lines, "0\n1\n2\n3\n4\n5\n");
}

TEST_P(StoreTest, EachProgramHasItsOwnEnd) {
  ASSERT_EQ(Append("min", 0, 2), CommitResult::kCommitted);
  ASSERT_EQ(Append("minyue", 0, 1), CommitResult::kCommitted);  // their keys begin alike
  EXPECT_EQ(Append("minyue", 2, 1), CommitResult::kOutOfSequence);
  // One that is out of sequence keeps all of its batch from being written.
  for (const bool is_last : {false, true}) {
    CommitBatch batch{.appends = {Entries("min", 2, 1)}, .puts = {{TableId::kBlob, "key", "value"}}, .fence = fence};
    batch.appends.insert(is_last ? batch.appends.end() : batch.appends.begin(), Entries("minyue", 2, 1));
    EXPECT_EQ(store->Commit(batch), CommitResult::kOutOfSequence);
  }
  EXPECT_EQ(Get("key"), std::nullopt);
  EXPECT_EQ(End("min"), 2);
  EXPECT_EQ(store->Commit({.appends = {Entries("min", 2, 4), Entries("minyue", 1, 1)}, .fence = fence}), CommitResult::kCommitted);
  EXPECT_EQ(End("min"), 6);
  EXPECT_EQ(End("minyue"), 2);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreTest, testing::Values(Kind::kMemory, Kind::kRocksDb),
                         [](const auto& each) { return each.param == Kind::kMemory ? "Memory" : "RocksDb"; });

class RocksDbStoreTest : public StoreTest {};

TEST_P(RocksDbStoreTest, AnotherFormatIsRefused) {
  const std::string format = *Get("format", TableId::kMeta);
  EXPECT_EQ(format, kFormat);
  for (const char* other : {"0", "2", "11", ""}) {
    ASSERT_EQ(Put("format", other, TableId::kMeta), CommitResult::kCommitted);
    store.reset();
    for (const bool read_only : {false, true}) {
      const auto refused = TryOpen(/*create_if_missing=*/true, read_only);
      EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << "format " << other << ": " << refused.status();
    }
    NewDisk();
    Open();
  }
}

TEST_P(RocksDbStoreTest, ADirectoryWithoutALedgerIsNotFound) {
  NewDisk();
  for (const bool read_only : {false, true}) {
    const auto missing = TryOpen(/*create_if_missing=*/false, read_only);
    EXPECT_TRUE(absl::IsNotFound(missing.status())) << missing.status();
  }
}

TEST_P(RocksDbStoreTest, OneOpensItAtATime) {
  EXPECT_TRUE(absl::IsFailedPrecondition(TryOpen().status()));
  store.reset();
  EXPECT_TRUE(TryOpen().ok());
}

TEST_P(RocksDbStoreTest, AllTablesSurviveReopening) {
  const std::string secret = *Get("page_token_key", TableId::kMeta);
  EXPECT_EQ(secret.size(), 32u);
  ASSERT_EQ(Append("minyue", 0, 2), CommitResult::kCommitted);
  ASSERT_EQ(Put("blob", "content"), CommitResult::kCommitted);
  ASSERT_TRUE(store->Install(TableId::kDerived, {{"row", "value"}}, fence).ok());
  Open();
  EXPECT_EQ(Get("page_token_key", TableId::kMeta), secret);
  EXPECT_EQ(Journal(*store, "minyue").Line(1).value(), "1");
  EXPECT_EQ(Get("blob"), "content");
  EXPECT_EQ(Get("row", TableId::kDerived), "value");
}

TEST_P(RocksDbStoreTest, AReadOnlyStoreReadsAndWritesNothing) {
  ASSERT_EQ(Append("minyue", 0, 2), CommitResult::kCommitted);
  store.reset();
  store = *TryOpen(/*create_if_missing=*/false, /*read_only=*/true);
  EXPECT_EQ(End("minyue"), 2);
  EXPECT_EQ(Append("minyue", 2, 1), CommitResult::kFenced);
  EXPECT_FALSE(store->TakeOver().ok());
  EXPECT_FALSE(store->Install(TableId::kDerived, {{"row", "value"}}, fence).ok());
  EXPECT_FALSE(store->DeleteRange(TableId::kJournal, "", "z").ok());
  Open();
  EXPECT_EQ(End("minyue"), 2);
  EXPECT_EQ(Append("minyue", 2, 1), CommitResult::kCommitted);
}

INSTANTIATE_TEST_SUITE_P(Stores, RocksDbStoreTest, testing::Values(Kind::kRocksDb), [](const auto&) { return "RocksDb"; });

}  // namespace
}  // namespace redpoints
