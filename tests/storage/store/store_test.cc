// What every store must do, run on each: one in memory, RocksDB on a disk in memory. Then what only RocksDB does.
#include "storage/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <memory>

#include "storage/store/memory_store.h"
#include "storage/store/rocksdb_store.h"
#include "tests/storage/raw_rows.h"

namespace redpoints {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
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
  }
  absl::StatusOr<std::unique_ptr<Store>> TryOpen(bool read_only = false) {
    discarded.clear();
    return RocksDbStore::Open(
        {.directory = directory, .read_only = read_only, .env = env.get(), .on_discarded = [this](const std::string& why) {
           discarded = why;
         }});
  }

  // --- verbs -----------------------------------------------------------------------------------------------------------------------
  std::optional<std::string> Get(const std::string& key) { return *store->Get(key); }
  std::vector<std::string> Keys(const Store::Range& range) {
    std::vector<std::string> keys;
    const auto rows = store->Scan(range);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const Store::Row& row : *rows) {
      keys.push_back(row.key);
      EXPECT_EQ(row.value, "of " + row.key);
    }
    return keys;
  }
  // These keys, their values made of them.
  void Fill(std::vector<std::string> keys) {
    std::sort(keys.begin(), keys.end());
    DerivedRows rows;
    for (const auto& key : keys) rows.emplace_back(key, "of " + key);
    ASSERT_TRUE(store->Install(rows).ok());
  }

  std::unique_ptr<rocksdb::Env> env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  std::unique_ptr<Store> store;
  std::string directory = "/derived", discarded;
};

TEST_P(StoreTest, ScansGoInByteOrderBetweenTheirBounds) {
  Fill({"b", "a", "ab", "c", "\x7F", "\xFF"});
  const auto keys = [&](std::string begin, std::string end) {
    const Store::Range up{.begin = begin, .end = end};
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
}

TEST_P(StoreTest, ChunksContinueBehindTheLastKey) {
  Fill({"a", "b", "c", "d", "e", "f", "g"});
  EXPECT_THAT(Keys({.begin = "a", .end = "", .rows_max = 0}), IsEmpty());
  for (const std::size_t rows_max : {1u, 2u, 3u, 5u, 6u}) {
    std::string up, down;
    Store::Range ascending{.begin = "b", .end = "g", .rows_max = rows_max};
    for (auto keys = Keys(ascending); !keys.empty(); keys = Keys(ascending)) {
      EXPECT_LE(keys.size(), rows_max);
      for (const auto& key : keys) up += key;
      ascending.begin = keys.back() + '\0';
    }
    Store::Range descending{.begin = "b", .end = "g", .rows_max = rows_max, .is_descending = true};
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
  const std::string zeros("\0a\0", 3), value("\n\0\xFF", 3);
  ASSERT_TRUE(store->Install({{zeros, value}, {"a", "1"}, {"b", "1"}, {"c", ""}}).ok());
  ASSERT_TRUE(store->Install({{"a", std::nullopt}, {"absent", std::nullopt}, {"b", "2"}, {"d", "2"}}).ok());
  ASSERT_TRUE(store->Install({}).ok());
  for (int i = 0; i < 2; ++i, Open()) {
    EXPECT_EQ(Get(zeros), value);
    EXPECT_EQ(Get("a"), std::nullopt);
    EXPECT_EQ(Get("b"), "2");
    EXPECT_EQ(Get("c"), "");
    EXPECT_EQ(Get("d"), "2");
  }
}

TEST_P(StoreTest, DeleteRangeTakesBeginAndLeavesEnd) {
  Fill({"a", "b", "bb", "c", "d"});
  ASSERT_TRUE(store->DeleteRange("b", "b").ok());
  ASSERT_TRUE(store->DeleteRange("x", "z").ok());
  EXPECT_EQ(Keys({.begin = "", .end = ""}).size(), 5u);
  ASSERT_TRUE(store->DeleteRange("b", "c").ok());
  for (int i = 0; i < 2; ++i, Open()) EXPECT_THAT(Keys({.begin = "", .end = ""}), ElementsAre("a", "c", "d"));
  Fill({"b"});  // what is deleted can come again
  EXPECT_EQ(Get("b"), "of b");
}

TEST_P(StoreTest, ClearBeginsWithNothing) {
  Fill({"a", "b"});
  ASSERT_TRUE(store->Clear().ok());
  EXPECT_EQ(Get("a"), std::nullopt);
  Fill({"b"});
  for (int i = 0; i < 2; ++i, Open()) EXPECT_THAT(Keys({.begin = "", .end = ""}), ElementsAre("b"));
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreTest, testing::Values(Kind::kMemory, Kind::kRocksDb),
                         [](const auto& each) { return each.param == Kind::kMemory ? "Memory" : "RocksDb"; });

class RocksDbStoreTest : public StoreTest {};

TEST_P(RocksDbStoreTest, WhatCannotBeUsedIsThrownAwayAndMadeAnew) {
  const auto harm = [&](const std::string& suffix, bool is_deleted) {
    std::vector<std::string> files;
    ASSERT_TRUE(env->GetChildren("/derived", &files).ok());
    for (const auto& file : files) {
      if (file.find(suffix) == std::string::npos) continue;
      const std::string path = "/derived/" + file;
      if (is_deleted) {
        ASSERT_TRUE(env->DeleteFile(path).ok());
      } else {
        ASSERT_TRUE(rocksdb::WriteStringToFile(env.get(), "?", path).ok());
      }
    }
  };
  for (const char* file : {"CURRENT", "MANIFEST", ".sst"}) {
    for (const bool is_deleted : {false, true}) {
      SCOPED_TRACE(std::string(file) + (is_deleted ? " deleted" : " overwritten"));
      Fill({"a"});
      store.reset();
      harm(file, is_deleted);
      Open();
      EXPECT_EQ(Get("a"), std::nullopt);
      // Without CURRENT there is, as far as anybody can see, no store.
      if (!is_deleted || file != std::string("CURRENT")) {
        EXPECT_THAT(discarded, HasSubstr("/derived"));
      }
    }
  }
  Fill({"a"});
  Open();
  EXPECT_EQ(Get("a"), "of a");
  EXPECT_EQ(discarded, "");
}

// Opening reads no rows: what is damaged among them is found later, and is gone after the next opening.
TEST_P(RocksDbStoreTest, RowsThatCannotBeReadAreThrownAwayAtTheNextOpening) {
  for (const bool is_scanned : {false, true}) {
    DerivedRows rows;
    for (int i = 1000; i < 2000; ++i) rows.emplace_back(std::to_string(i), std::string(100, 'v'));
    ASSERT_TRUE(store->Install(rows).ok());
    store.reset();
    std::vector<std::string> files;
    ASSERT_TRUE(env->GetChildren("/derived", &files).ok());
    for (const auto& file : files) {
      if (!file.ends_with(".sst")) continue;
      std::string bytes;
      ASSERT_TRUE(rocksdb::ReadFileToString(env.get(), "/derived/" + file, &bytes).ok());
      bytes[10] = static_cast<char>(bytes[10] ^ 1);
      ASSERT_TRUE(rocksdb::WriteStringToFile(env.get(), bytes, "/derived/" + file).ok());
    }
    store = *TryOpen();
    EXPECT_EQ(Get("1999"), std::string(100, 'v'));
    EXPECT_EQ(store->Damage(), absl::OkStatus());
    EXPECT_FALSE(is_scanned ? store->Scan({.begin = "", .end = ""}).ok() : store->Get("1000").ok());
    EXPECT_THAT(std::string(store->Damage().message()), HasSubstr("/derived"));
    store.reset();
    const auto read_only = TryOpen(/*read_only=*/true).status();
    EXPECT_TRUE(absl::IsDataLoss(read_only)) << read_only;
    Open();
    EXPECT_THAT(discarded, HasSubstr("when it was open before: "));
    EXPECT_EQ(store->Damage(), absl::OkStatus());
    EXPECT_EQ(Get("1999"), std::nullopt);
    Open();
    EXPECT_EQ(discarded, "");
  }
}

TEST_P(RocksDbStoreTest, TablesThatAreNotKnownAreReadPastAndNotKept) {
  Fill({"a"});
  store.reset();
  SetRawRow("/derived", "more", "key", "value", env.get());
  store = *TryOpen(/*read_only=*/true);
  EXPECT_EQ(Get("a"), "of a");
  Open();
  EXPECT_NE(discarded, "");
  EXPECT_EQ(Get("a"), std::nullopt);
}

// Whether somebody has it open is told by the status, whatever its words.
TEST_P(RocksDbStoreTest, ADirectoryMayBeNamedInUse) {
  directory = "/books in use/derived";
  Open();
  Fill({"a"});
  store.reset();
  SetRawRow(directory, "more", "key", "value", env.get());
  Open();
  EXPECT_NE(discarded, "");
}

TEST_P(RocksDbStoreTest, OneOpensItAtATime) {
  Fill({"a"});
  EXPECT_TRUE(absl::IsFailedPrecondition(TryOpen().status()));
  EXPECT_EQ(discarded, "");
  EXPECT_EQ(Get("a"), "of a");
}

TEST_P(RocksDbStoreTest, AReadOnlyStoreReadsAndWritesNothing) {
  Fill({"a"});
  store.reset();
  store = *TryOpen(/*read_only=*/true);
  EXPECT_EQ(Get("a"), "of a");
  EXPECT_FALSE(store->Install({{"row", "value"}}).ok());
  EXPECT_FALSE(store->DeleteRange("", "z").ok());
  EXPECT_FALSE(store->Clear().ok());
  Open();
  EXPECT_EQ(Get("a"), "of a");
  EXPECT_EQ(Get("row"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Stores, RocksDbStoreTest, testing::Values(Kind::kRocksDb), [](const auto&) { return "RocksDb"; });

}  // namespace
}  // namespace redpoints
