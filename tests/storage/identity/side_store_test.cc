// The side store: repeats find their rows, numbers are nobody else's, damage is named, erased bytes are gone. On a disk, whose files are
// searched.
#include "storage/identity/side_store.h"

#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "proto/contract/member_number.h"
#include "storage/identity/resolved_numbers.h"
#include "storage/identity/write_mark.h"
#include "storage/merkle/sha256.h"
#include "storage/start_failure.h"
#include "tests/storage/identity/identity_fixture.h"

namespace redpoints {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

using Fate = SideStore::Fate;
using Rows = std::vector<SideRow>;

class SideStoreTest : public IdentityTest {
 protected:
  void SetUp() override {
    IdentityTest::SetUp();
    Open();
  }
  void TearDown() override {
    if (!is_damaged) Reopen(), ExpectWhole(*store);
  }

  std::string StorePath() const { return directory + "/side"; }
  absl::StatusOr<std::unique_ptr<SideStore>> TryOpen(const SideStore::Options& options) {
    store.reset();
    keys = std::make_unique<KeyFile>(Keys());
    return SideStore::Open(options, *keys);
  }
  absl::StatusOr<std::unique_ptr<SideStore>> TryOpen() { return TryOpen({.directory = StorePath()}); }
  void Open(std::function<std::string()> draw_number = nullptr) {
    auto opened = TryOpen({.directory = StorePath(), .create_if_missing = true, .draw_number = std::move(draw_number)});
    ASSERT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
  }
  void Reopen() { Open(); }

  // --- verbs -----------------------------------------------------------------------------------------------------------------------
  absl::StatusOr<Rows> TryReserve(const std::string& request_id, const std::vector<SideStore::NumberItem>& items) {
    return store->Reserve("v1", "a1", request_id, items);
  }
  // Numbers for new members of these ids, items 0, 1, ...
  Rows Reserve(const std::string& request_id, const std::vector<std::string>& members) {
    std::vector<SideStore::NumberItem> items;
    for (const auto& member : members) items.push_back({.item = static_cast<std::uint32_t>(items.size()), .member = member});
    auto rows = TryReserve(request_id, items);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? *rows : Rows(members.size());
  }
  SideRow Replace(const std::string& request_id, const std::string& member) {
    auto rows = TryReserve(request_id, {{.item = 0, .member = member, .is_new_member = false}});
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? rows->at(0) : SideRow();
  }
  absl::StatusOr<Rows> TryKeepDeed(const std::string& request_id, const std::string& member, const std::string& content) {
    return store->KeepDeeds("v1", "a1", request_id, {{.item = 0, .member = member, .content = content}});
  }
  SideRow KeepDeed(const std::string& request_id, const std::string& member, const std::string& content) {
    auto rows = TryKeepDeed(request_id, member, content);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? rows->at(0) : SideRow();
  }
  // The member of a number; empty: nobody.
  std::string MemberOf(const std::string& number) {
    auto row = store->Resolve("v1", number);
    EXPECT_TRUE(row.ok()) << row.status();
    return row.ok() && *row ? (*row)->member : "";
  }
  std::string NumberOf(const std::string& member, const std::string& commitment) {
    auto row = store->Committed("v1", SideKind::kNumber, member, commitment);
    EXPECT_TRUE(row.ok()) << row.status();
    return row.ok() && *row ? (*row)->value : "";
  }
  std::int64_t Erase(const std::vector<std::string>& members) {
    auto erased = store->Erase("v1", members);
    EXPECT_TRUE(erased.ok()) << erased.status();
    return erased.value_or(-1);
  }

  static void ExpectWhole(const SideStore& store) {
    auto report = store.Check();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->first_faults, IsEmpty());
    EXPECT_EQ(report->faults, 0);
  }

  // --- what lies on the disk -------------------------------------------------------------------------------------------------------
  // The files below `path` that hold `bytes`.
  static std::vector<std::string> FilesWith(const std::string& bytes, const std::string& path) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && Content(entry.path()).find(bytes) != std::string::npos) files.push_back(entry.path());
    }
    return files;
  }
  std::vector<std::string> FilesWith(const std::string& bytes) { return FilesWith(bytes, StorePath()); }

  // The rows as RocksDB holds them, while the store is closed.
  std::unique_ptr<rocksdb::DB> Raw() {
    store.reset();
    rocksdb::DB* db = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(rocksdb::Options(), StorePath(), &db).ok());
    return std::unique_ptr<rocksdb::DB>(db);
  }
  std::map<std::string, std::string> RawRows(char table, const std::string& program = "v1") {
    std::map<std::string, std::string> rows;
    const auto db = Raw();
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions()));
    for (it->Seek(Key(table, "", program)); it->Valid() && it->key().starts_with(Key(table, "", program)); it->Next()) {
      rows[it->key().ToString()] = it->value().ToString();
    }
    return rows;
  }
  void RawPut(const std::string& key, const std::string& value) { ASSERT_TRUE(Raw()->Put(rocksdb::WriteOptions(), key, value).ok()); }
  void RawDelete(const std::string& key) { ASSERT_TRUE(Raw()->Delete(rocksdb::WriteOptions(), key).ok()); }
  static std::string Key(char table, const std::string& rest, const std::string& program = "v1") {
    return program + std::string(1, '\0') + table + rest;
  }

  std::unique_ptr<KeyFile> keys;
  std::unique_ptr<SideStore> store;
  bool is_damaged = false;  // by the test
};

TEST_F(SideStoreTest, ANumberLeadsToItsMemberAndTheCommitmentToTheNumber) {
  const Rows rows = Reserve("r1", {"m1", "m2"});
  ASSERT_THAT(rows, SizeIs(2));
  for (const SideRow& row : rows) {
    EXPECT_TRUE(IsMemberNumber(row.value));
    EXPECT_EQ(row.commitment, Commitment("redpoints/number/1", row.salt, row.value));
    const auto resolved = store->Resolve("v1", row.value);
    ASSERT_TRUE(resolved.ok() && *resolved);
    EXPECT_EQ(**resolved, row);
    EXPECT_EQ(NumberOf(row.member, row.commitment), row.value);
  }
  EXPECT_EQ(rows[0].member, "m1");
  EXPECT_NE(rows[0].value, rows[1].value);
  EXPECT_NE(rows[0].salt, rows[1].salt);
  EXPECT_EQ(NumberOf("m1", rows[1].commitment), "");
  EXPECT_EQ(NumberOf("m2", rows[0].commitment), "");
}

TEST_F(SideStoreTest, NobodysNumberAndNoNumberLeadToNobody) {
  Reserve("r1", {"m1"});
  EXPECT_EQ(MemberOf(WithCheckDigit("1234567")), "");
  EXPECT_EQ(MemberOf("12345678"), "");
  EXPECT_EQ(MemberOf(""), "");
  EXPECT_EQ(MemberOf("no number"), "");
}

TEST_F(SideStoreTest, ARepeatFindsItsRowsAgain) {
  const Rows first = Reserve("r1", {"m1", "m2"});
  // The repeat drew other member ids; those of the first time count.
  EXPECT_EQ(Reserve("r1", {"m8", "m9"}), first);
  Reopen();
  EXPECT_EQ(Reserve("r1", {"m8", "m9"}), first);
  EXPECT_EQ(Reserve("r1", {"m7"}), Rows({first[0]}));
  const Rows more = Reserve("r1", {"m5", "m6", "m7"});
  EXPECT_EQ(more[0], first[0]);
  EXPECT_EQ(more[1], first[1]);
  EXPECT_EQ(more[2].member, "m7");
}

TEST_F(SideStoreTest, AnotherRequestActorOrItemGetsAnotherNumber) {
  std::set<std::string> numbers;
  for (const char* const actor : {"a1", "a2"}) {
    for (const char* const request_id : {"r1", "r2"}) {
      auto rows = store->Reserve("v1", actor, request_id, {{.item = 0, .member = "m1"}, {.item = 7, .member = "m1"}});
      ASSERT_TRUE(rows.ok()) << rows.status();
      for (const auto& row : *rows) numbers.insert(row.value);
    }
  }
  EXPECT_EQ(numbers.size(), 8u);
}

TEST_F(SideStoreTest, ATakenNumberIsDrawnAgain) {
  const std::string first = WithCheckDigit("1000000"), second = WithCheckDigit("1000001"), third = WithCheckDigit("1000002");
  std::vector<std::string> draws = {first, first, second, second, first, third};
  std::size_t next = 0;
  Open([&] { return draws.at(next++); });
  EXPECT_EQ(Reserve("r1", {"m1", "m2"})[1].value, second);  // first is taken by the same call
  EXPECT_EQ(Reserve("r2", {"m3"})[0].value, third);         // by an earlier one
  draws.push_back(first);
  auto other = store->Reserve("v2", "a1", "r1", {{.item = 0, .member = "m1"}});  // another program's numbers are its own
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->at(0).value, first);
  EXPECT_EQ(MemberOf(first), "m1");
}

TEST_F(SideStoreTest, WhenNoNumberIsFreeNothingIsWritten) {
  const std::string only = WithCheckDigit("1000000");
  Open([&] { return only; });
  EXPECT_EQ(TryReserve("r1", {{.item = 0, .member = "m1"}, {.item = 1, .member = "m2"}}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(MemberOf(only), "");
  EXPECT_EQ(Reserve("r2", {"m3"})[0].value, only);
}

TEST_F(SideStoreTest, AReplacedNumberIsAnotherRow) {
  const SideRow old = Reserve("r1", {"m1"})[0], newer = Replace("r2", "m1");
  EXPECT_NE(newer.value, old.value);
  EXPECT_EQ(NumberOf("m1", newer.commitment), newer.value);
  // Both are known; which one leads to the member, its newest entry says.
  EXPECT_EQ((*store->Resolve("v1", old.value))->commitment, old.commitment);
  EXPECT_EQ((*store->Resolve("v1", newer.value))->commitment, newer.commitment);
  EXPECT_EQ(Replace("r2", "m1"), newer);
  EXPECT_EQ(TryReserve("r2", {{.item = 0, .member = "m2", .is_new_member = false}}).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(SideStoreTest, ADeedIsKeptOnceAndFoundByRequestAndCommitment) {
  const SideRow deed = KeepDeed("r1", "m1", R"({"activity":"INFORM","case":"c7"})");
  EXPECT_EQ(deed.commitment, Commitment("redpoints/deed/1", deed.salt, deed.value));
  EXPECT_EQ(KeepDeed("r1", "m1", deed.value), deed);
  Reopen();
  EXPECT_EQ(KeepDeed("r1", "m1", deed.value), deed);
  const auto made = store->Made("v1", SideKind::kDeed, {"a1", "r1", 0});
  ASSERT_TRUE(made.ok() && *made);
  EXPECT_EQ(**made, deed);
  const auto committed = store->Committed("v1", SideKind::kDeed, "m1", deed.commitment);
  ASSERT_TRUE(committed.ok() && *committed);
  EXPECT_EQ(**committed, deed);
  EXPECT_FALSE(store->Made("v1", SideKind::kDeed, {"a1", "r1", 1})->has_value());
  EXPECT_FALSE(store->Made("v1", SideKind::kNumber, {"a1", "r1", 0})->has_value());
  EXPECT_FALSE(store->Made("v2", SideKind::kDeed, {"a1", "r1", 0})->has_value());
  EXPECT_EQ(TryKeepDeed("r1", "m1", "another").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(TryKeepDeed("r1", "m2", deed.value).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(KeepDeed("r2", "m1", "").value, "");
  EXPECT_EQ(KeepDeed("r3", "m1", std::string(kDeedBytesMax, '\0')).value.size(), kDeedBytesMax);
}

TEST_F(SideStoreTest, NamesAndItemsOutOfBoundsAreRefused) {
  const auto refused = [&](std::string_view program, std::string_view actor, std::string_view request_id, std::string member,
                           std::vector<std::uint32_t> items) {
    std::vector<SideStore::NumberItem> numbers;
    std::vector<SideStore::DeedItem> deeds;
    for (const auto item : items) numbers.push_back({.item = item, .member = member}), deeds.push_back({item, member, "what"});
    return store->Reserve(program, actor, request_id, numbers).status().code() == absl::StatusCode::kInvalidArgument &&
           store->KeepDeeds(program, actor, request_id, deeds).status().code() == absl::StatusCode::kInvalidArgument;
  };
  for (const std::string& bad : {std::string(), std::string("a/b"), std::string("a\0b", 3), std::string(257, 'x')}) {
    EXPECT_TRUE(refused(bad, "a1", "r1", "m1", {0}));
    EXPECT_TRUE(refused("v1", bad, "r1", "m1", {0}));
    EXPECT_TRUE(refused("v1", "a1", bad, "m1", {0}));
    EXPECT_TRUE(refused("v1", "a1", "r1", bad, {0}));
    EXPECT_EQ(store->Erase("v1", {"m1", bad}).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store->Resolve(bad, WithCheckDigit("1000000")).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store->Committed("v1", SideKind::kDeed, bad, "c").status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store->Made("v1", SideKind::kDeed, {bad, "r1", 0}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(refused("v1", "a1", "r1", "m1", {1'000'000}));
  EXPECT_TRUE(refused("v1", "a1", "r1", "m1", {3, 3}));
  std::vector<std::uint32_t> many(kSideItemsMax + 1);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i] = i;
  EXPECT_TRUE(refused("v1", "a1", "r1", "m1", many));
  EXPECT_EQ(TryKeepDeed("r1", "m1", std::string(kDeedBytesMax + 1, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store->Check()->numbers + store->Check()->deeds, 0);
}

TEST_F(SideStoreTest, TenThousandNumbersAtOnceAreUnique) {
  std::vector<std::string> members;
  for (std::size_t i = 0; i < kSideItemsMax; ++i) members.push_back(absl::StrCat("m", i));
  std::set<std::string> numbers;
  for (const SideRow& row : Reserve("r1", members)) numbers.insert(row.value);
  EXPECT_EQ(numbers.size(), kSideItemsMax);
  EXPECT_EQ(store->Check()->numbers, static_cast<std::int64_t>(kSideItemsMax));
}

TEST_F(SideStoreTest, RequestsAtOnceUnderOneIdGetTheSameRows) {
  std::vector<Rows> got(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < got.size(); ++i) {
      threads.emplace_back([&, i] { got[i] = Reserve("r1", {absl::StrCat("m", i), absl::StrCat("n", i)}); });
    }
  }
  for (const Rows& rows : got) EXPECT_EQ(rows, got[0]);
  EXPECT_EQ(store->Check()->numbers, 2);
}

TEST_F(SideStoreTest, RequestsReadsAndErasuresAtOnceDoNotDisturbEachOther) {
  const SideRow stays = Reserve("r0", {"m0"})[0];
  std::vector<std::string> numbers(4 * 8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 8; ++i) {
          const std::string member = absl::StrCat("m", t, "-", i);
          numbers[t * 8 + i] = Reserve(absl::StrCat("r", t, "-", i), {member})[0].value;
          EXPECT_EQ(MemberOf(numbers[t * 8 + i]), member);
          EXPECT_EQ(MemberOf(stays.value), "m0");
          if (i % 4 == 3) {
            EXPECT_EQ(Erase({member}), 1);
          }
        }
      });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 8; ++i) ExpectWhole(*store);
    });
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(MemberOf(numbers[i]).empty(), i % 4 == 3) << i;
}

TEST_F(SideStoreTest, RowsWithoutEntryAreClearedAndOthersAskedForOnce) {
  const Rows rows = Reserve("r1", {"m1", "m2", "m3"});
  const SideRow deed = KeepDeed("r1", "m1", "what"), lost = KeepDeed("r2", "m1", "refused");
  auto other = store->Reserve("v2", "a1", "r1", {{.item = 0, .member = "m1"}});
  ASSERT_TRUE(other.ok());
  std::vector<std::string> asked;
  const auto clear = [&](std::map<std::string, Fate> fates) {
    asked.clear();
    auto cleared = store->Clear("v1", 0, [&](SideKind kind, const SideName& name, const SideRow& row) {
      EXPECT_EQ(*store->Made("v1", kind, name), row);
      asked.push_back(absl::StrCat(kind == SideKind::kNumber ? "number " : "deed ", name.actor, " ", name.request_id, " ", name.item));
      return fates.at(row.value);
    });
    EXPECT_TRUE(cleared.ok()) << cleared.status();
    return *cleared;
  };
  auto cleared = clear({{rows[0].value, Fate::kCommitted},
                        {rows[1].value, Fate::kNeverComes},
                        {rows[2].value, Fate::kOpen},
                        {deed.value, Fate::kCommitted},
                        {lost.value, Fate::kNeverComes}});
  EXPECT_THAT(asked, ElementsAre("number a1 r1 0", "number a1 r1 1", "number a1 r1 2", "deed a1 r1 0", "deed a1 r2 0"));
  EXPECT_EQ(cleared.committed, 2);
  EXPECT_EQ(cleared.removed, 2);
  EXPECT_EQ(cleared.open, 1);
  EXPECT_EQ(MemberOf(rows[1].value), "");
  EXPECT_EQ(MemberOf(rows[0].value), "m1");
  EXPECT_FALSE(store->Committed("v1", SideKind::kDeed, "m1", lost.commitment)->has_value());
  ExpectWhole(*store);
  EXPECT_EQ(store->Check()->open_requests, 2);  // r1 here, and the other program's
  // A request with an open row is asked for again, whole; then never.
  cleared = clear({{rows[0].value, Fate::kCommitted}, {rows[2].value, Fate::kCommitted}, {deed.value, Fate::kCommitted}});
  EXPECT_THAT(asked, SizeIs(3));
  Reopen();
  cleared = clear({});
  EXPECT_THAT(asked, IsEmpty());
  EXPECT_EQ(MemberOf(rows[2].value), "m3");
  // A cleared row's request id starts anew.
  EXPECT_NE(Reserve("r1", {"m1", "m4"})[1].value, rows[1].value);
  EXPECT_EQ(store->Check()->open_requests, 2);
}

TEST_F(SideStoreTest, ClearingGoesThroughMoreRequestsThanOneScan) {
  std::vector<std::string> members(300);
  for (int i = 0; i < 300; ++i) members[static_cast<std::size_t>(i)] = absl::StrCat("m", i);
  Reserve("many", members);
  for (int i = 0; i < 260; ++i) Reserve(absl::StrCat("r", i), {absl::StrCat("x", i)});
  auto cleared = store->Clear(
      "v1", 0, [](SideKind, const SideName&, const SideRow& row) { return row.member[0] == 'm' ? Fate::kCommitted : Fate::kNeverComes; });
  ASSERT_TRUE(cleared.ok()) << cleared.status();
  EXPECT_EQ(cleared->committed, 300);
  EXPECT_EQ(cleared->removed, 260);
  EXPECT_EQ(store->Check()->open_requests, 0);
  EXPECT_EQ(store->Check()->numbers, 300);
}

// Of one program, whatever is damaged, and more than one scan gives.
TEST_F(SideStoreTest, EachRowWithoutEntryThatCanBeReadIsFound) {
  std::vector<std::string> members;
  for (int i = 0; i < 300; ++i) members.push_back("m" + std::to_string(i));
  const Rows numbers = Reserve("0a01", members);
  const SideRow deed = KeepDeed("0a02", "m0", "a quarrel was settled");
  ASSERT_TRUE(store->Reserve("v2", "a1", "0a03", {{.item = 0, .member = "m1"}}).ok());
  const auto all = [this] {
    Rows rows;
    const auto without = store->WithoutEntry("v1", 0, [](SideKind, const SideName&, const SideRow&) { return Fate::kNeverComes; });
    EXPECT_TRUE(without.ok()) << without.status();
    for (const auto& found : *without) rows.push_back(found.row);
    return rows;
  };
  Rows expected = numbers;
  expected.push_back(deed);
  EXPECT_EQ(all(), expected);
  is_damaged = true;
  const auto [key, value] = *std::next(RawRows('n').begin(), 7);
  std::string altered = value;
  altered.back() = static_cast<char>(altered.back() ^ 1);
  RawPut(key, altered);
  Reopen();
  expected.erase(expected.begin() + 7);
  EXPECT_EQ(all(), expected);
}

TEST_F(SideStoreTest, NothingIsInClearInAnyFile) {
  const SideRow row = Reserve("r1", {"m1"})[0];
  const SideRow deed = KeepDeed("r2", "m1", "who told what about whom");
  const std::string salt(row.salt.begin(), row.salt.end());
  const auto expect_nothing = [&] {
    EXPECT_THAT(FilesWith("m1"), Not(IsEmpty()));  // the search finds what is there
    EXPECT_THAT(FilesWith(row.value), IsEmpty());
    EXPECT_THAT(FilesWith(salt), IsEmpty());
    EXPECT_THAT(FilesWith(deed.value), IsEmpty());
    EXPECT_THAT(FilesWith(std::string(keys->Newest(KeyPurpose::kSeal).bytes().begin(), keys->Newest(KeyPurpose::kSeal).bytes().end())),
                IsEmpty());
  };
  expect_nothing();
  Reopen();
  ASSERT_EQ(store->Backup(directory + "/side/backup"), absl::OkStatus());
  expect_nothing();
}

TEST_F(SideStoreTest, ErasedBytesAreInNoFile) {
  const SideRow gone = Reserve("r1", {"m-gone", "m-stays"})[0];
  const SideRow stays = Reserve("r1", {"m-gone", "m-stays"})[1];
  const SideRow newer = Replace("r2", "m-gone");
  const SideRow deed = KeepDeed("r3", "m-gone", "what m-gone did");
  // The sealed values and the keyed hashes that there are, of numbers, deeds, and what leads to them.
  std::vector<std::string> left, erased;
  for (const char table : {'n', 'd', 'x', 'm'}) {
    for (const auto& [key, value] : RawRows(table)) {
      Reopen();
      const bool is_his = key.find("m-gone") != std::string::npos || key == Key('n', "a1/r1/000000") || key == Key('n', "a1/r2/000000") ||
                          table == 'd' || (table == 'x' && [&, &key = key] {
                            for (const SideRow* row : {&gone, &newer}) {
                              if (key.ends_with(KeyedHash(keys->Newest(KeyPurpose::kNumber), "redpoints/number-index/1", row->value)))
                                return true;
                            }
                            return false;
                          }());
      (is_his ? erased : left).push_back(value);
      if (is_his && table == 'x') erased.push_back(key.substr(4 + 8));  // a table leaves out what a key has in common with the one before
    }
  }
  ASSERT_THAT(erased, SizeIs(3 + 3 + 2 + 2));
  ASSERT_THAT(left, SizeIs(3));
  erased.push_back("m-gone");
  erased.push_back(gone.commitment.substr(16));
  Reopen();
  for (const auto& bytes : erased) EXPECT_THAT(FilesWith(bytes), Not(IsEmpty()));

  EXPECT_EQ(Erase({"m-gone"}), 3);
  for (const auto& bytes : erased) EXPECT_THAT(FilesWith(bytes), IsEmpty());
  for (const auto& bytes : left) EXPECT_THAT(FilesWith(bytes), Not(IsEmpty()));
  EXPECT_EQ(MemberOf(gone.value), "");
  EXPECT_EQ(MemberOf(newer.value), "");
  EXPECT_EQ(NumberOf("m-gone", gone.commitment), "");
  EXPECT_FALSE(store->Committed("v1", SideKind::kDeed, "m-gone", deed.commitment)->has_value());
  EXPECT_EQ(MemberOf(stays.value), "m-stays");
  EXPECT_EQ(Erase({"m-gone", "m-never"}), 0);
}

TEST_F(SideStoreTest, AMemberHasRowsWhileThereIsANumberOrADeed) {
  Reserve("r1", {"m10"});
  ASSERT_TRUE(store->KeepDeeds("v1", "a1", "r2", {{.item = 0, .member = "m2", .content = "deed"}}).ok());
  const auto has_rows = [&](const char* member, const char* program = "v1") { return store->HasRowsOf(program, member).value(); };
  EXPECT_TRUE(has_rows("m10") && has_rows("m2"));
  EXPECT_FALSE(has_rows("m1") || has_rows("m3") || has_rows("m10", "v2"));
  EXPECT_EQ(Erase({"m10"}), 1);
  EXPECT_FALSE(has_rows("m10"));
  EXPECT_TRUE(absl::IsInvalidArgument(store->HasRowsOf("v1", "m/1").status()));
}

TEST_F(SideStoreTest, AnErasedMemberIsNotOneWhoseIdStartsTheSame) {
  const Rows rows = Reserve("r1", {"m1", "m10"});
  EXPECT_EQ(Erase({"m1"}), 1);
  EXPECT_EQ(MemberOf(rows[1].value), "m10");
}

TEST_F(SideStoreTest, AnErasureThatACrashCutShortIsFinishedByOpening) {
  Reserve("r1", {"m-gone"});
  const std::string sealed = RawRows('n').begin()->second, hash = RawRows('x').begin()->first.substr(4);
  const auto index = RawRows('m').begin()->first;
  {
    const auto db = Raw();
    ASSERT_TRUE(db->Flush(rocksdb::FlushOptions()).ok());
    for (const auto& key : {Key('n', "a1/r1/000000"), index, Key('x', hash)}) ASSERT_TRUE(db->Delete(rocksdb::WriteOptions(), key).ok());
    const std::string mark = Key('w', "rewrite", "");
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), mark, Seal(keys->Newest(KeyPurpose::kSeal), {"", 'w', "rewrite"}, "")).ok());
  }
  EXPECT_THAT(FilesWith(sealed), Not(IsEmpty()));
  Reopen();
  for (const auto& bytes : {sealed, hash, std::string("m-gone")}) EXPECT_THAT(FilesWith(bytes), IsEmpty());
  EXPECT_TRUE(RawRows('w', "").empty());
}

TEST_F(SideStoreTest, RotatedKeysStillOpenOldRows) {
  const SideRow old = Reserve("r1", {"m1"})[0];
  ASSERT_TRUE(KeyFile::Rotate(KeyPath(), KeyPurpose::kSeal).ok());
  Reopen();
  const SideRow newer = Reserve("r2", {"m2"})[0];
  EXPECT_EQ(MemberOf(old.value), "m1");
  EXPECT_EQ(MemberOf(newer.value), "m2");
  EXPECT_EQ(Reserve("r1", {"m9"})[0], old);
  const auto rows = RawRows('n');
  EXPECT_NE(rows.at(Key('n', "a1/r1/000000")).substr(0, 4), rows.at(Key('n', "a1/r2/000000")).substr(0, 4));
}

TEST_F(SideStoreTest, AKeyFileWithoutTheStoresKeyIsRefusedByName) {
  Reserve("r1", {"m1"});
  for (const KeyPurpose purpose : {KeyPurpose::kSeal, KeyPurpose::kFingerprint}) {
    const std::string before = Content(KeyPath());
    ASSERT_TRUE(KeyFile::Rotate(KeyPath(), purpose).ok());
    Reopen();
    const std::string id = KeyIdText(keys->Newest(purpose).id());
    // The older copy of the key file lacks the newer key.
    const std::string after = Content(KeyPath());
    SetContent(KeyPath(), before);
    for (const bool read_only : {true, false}) {
      auto opened = TryOpen({.directory = StorePath(), .read_only = read_only});
      EXPECT_EQ(StartFailureId(opened.status()), "SIDE_STORE_FOREIGN");
      EXPECT_THAT(std::string(opened.status().message()), testing::AllOf(HasSubstr(id), HasSubstr(KeyPath())));
    }
    SetContent(KeyPath(), after);
  }
  const std::string after = Content(KeyPath());
  // Another server's key file has none.
  std::filesystem::remove(KeyPath());
  ASSERT_EQ(KeyFile::Create(KeyPath()), absl::OkStatus());
  EXPECT_EQ(StartFailureId(TryOpen().status()), "SIDE_STORE_FOREIGN");
  SetContent(KeyPath(), after);
}

TEST_F(SideStoreTest, AKeyFileWithAnotherNumberKeyIsRefusedByName) {
  Reserve("r1", {"m1"});
  const std::string id = KeyIdText(keys->Newest(KeyPurpose::kNumber).id()), before = Content(KeyPath());
  std::string text = before.substr(0, before.rfind("number "));
  text += "number 00000000 " + std::string(64, '7') + "\n";
  SetContent(KeyPath(), text + "sha256 " + Sha256Hex(text) + "\n");
  auto opened = TryOpen();
  EXPECT_EQ(StartFailureId(opened.status()), "SIDE_STORE_FOREIGN");
  EXPECT_THAT(std::string(opened.status().message()), testing::AllOf(HasSubstr(id), HasSubstr(KeyPath())));
  SetContent(KeyPath(), before);
}

TEST_F(SideStoreTest, ARowPutInAnothersPlaceIsRefusedByName) {
  is_damaged = true;
  const Rows rows = Reserve("r1", {"m1", "m2"});
  const auto raw = RawRows('n');
  RawPut(Key('n', "a1/r1/000001"), raw.at(Key('n', "a1/r1/000000")));
  Reopen();
  const auto resolved = store->Resolve("v1", rows[1].value);
  EXPECT_EQ(resolved.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(resolved.status().message()), HasSubstr("v1 na1/r1/000001"));
  EXPECT_EQ(store->Committed("v1", SideKind::kNumber, "m2", rows[1].commitment).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TryReserve("r1", {{.item = 1, .member = "m2"}}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(MemberOf(rows[0].value), "m1");
  auto cleared = store->Clear("v1", 0, [](SideKind, const SideName&, const SideRow&) { return Fate::kNeverComes; });
  ASSERT_TRUE(cleared.ok()) << cleared.status();
  EXPECT_THAT(cleared->damaged, ElementsAre(HasSubstr("v1 na1/r1/000001")));
  EXPECT_EQ(cleared->removed, 1);
  // Erasing takes what is left of it.
  EXPECT_EQ(store->Erase("v1", {"m2"}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(RawRows('n').empty());
  EXPECT_TRUE(RawRows('m').empty());
}

TEST_F(SideStoreTest, CheckNamesEveryDamagedRow) {
  is_damaged = true;
  Reserve("r1", {"m1", "m2"});
  KeepDeed("r2", "m3", "what");
  auto report = store->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->numbers, 2);
  EXPECT_EQ(report->deeds, 1);
  EXPECT_EQ(report->open_requests, 2);
  EXPECT_EQ(report->faults, 0);
  for (const char table : {'n', 'd', 'x', 'm', 'o'}) {
    const auto [key, value] = *RawRows(table).begin();
    for (const bool is_missing : {false, true}) {
      if (is_missing && table == 'o') continue;  // its absence tells nothing: an entry may have come
      std::string altered = value;
      altered[altered.size() / 2] ^= 1;
      is_missing ? RawDelete(key) : RawPut(key, altered);
      Reopen();
      report = store->Check();
      ASSERT_TRUE(report.ok());
      // Where a row is missing, what leads to it or should be led to by it is at fault.
      std::string at(1, table);
      if (is_missing) at = table == 'n' ? "x" : table == 'd' ? "m" : "n";
      EXPECT_THAT(report->first_faults, Contains(HasSubstr("row v1 " + at))) << table << is_missing;
      RawPut(key, value);
    }
  }
  RawPut("stranger", "");
  RawPut(Key('z', "of no table"), "");
  Reopen();
  EXPECT_EQ(store->Check()->faults, 2);
}

TEST_F(SideStoreTest, AnIndexThatLeadsToAMissingRowIsDamageAndNotNobody) {
  is_damaged = true;
  const SideRow row = Reserve("r1", {"m1"})[0];
  RawDelete(Key('n', "a1/r1/000000"));
  Reopen();
  EXPECT_EQ(store->Resolve("v1", row.value).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store->Committed("v1", SideKind::kNumber, "m1", row.commitment).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SideStoreTest, ADamagedFileIsAFaultAndNoAbort) {
  is_damaged = true;
  std::vector<std::string> members(2000, "m1");
  Reserve("r1", members);
  ASSERT_TRUE(Raw()->Flush(rocksdb::FlushOptions()).ok());
  for (const auto& entry : std::filesystem::directory_iterator(StorePath())) {
    if (entry.path().extension() != ".sst") continue;
    std::string content = Content(entry.path());
    content[content.size() / 3] ^= 1;
    SetContent(entry.path(), content);
  }
  Reopen();
  const auto report = store->Check();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->first_faults, ElementsAre(HasSubstr("reading behind row")));
}

// Without the mark RocksDB opens all of these, with less in it.
TEST_F(SideStoreTest, ALogThatIsGoneOrCutIsNoticedAndCanBePutBack) {
  const SideRow first = Reserve("r1", {"m1"})[0];
  Reopen();  // in a table from now on
  const std::uint64_t before = ReadWriteMark(StorePath()).value();
  const SideRow last = Reserve("r2", {"m2"})[0];
  EXPECT_GT(ReadWriteMark(StorePath()).value(), before);  // also where the process is killed now
  store.reset();
  std::string log;
  for (const auto& entry : std::filesystem::directory_iterator(StorePath())) {
    if (entry.path().extension() == ".log" && entry.file_size() > 0) log = entry.path();
  }
  const std::string whole = Content(log);
  const auto is_noticed = [&] {
    for (const bool read_only : {true, false}) {
      const auto cut = TryOpen({.directory = StorePath(), .read_only = read_only}).status();
      EXPECT_TRUE(absl::IsDataLoss(cut)) << cut;
      EXPECT_EQ(StartFailureId(cut), "SIDE_STORE_CUT");
      EXPECT_THAT(std::string(cut.message()), HasSubstr(StorePath() + "/WRITES"));
    }
  };
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{0}}) {
    SetContent(log, whole.substr(0, size));
    is_noticed();
  }
  std::filesystem::remove(log);
  is_noticed();
  SetContent(log, whole);
  Reopen();
  EXPECT_EQ(MemberOf(last.value), "m2");

  // Whoever makes the mark empty goes on without.
  Reserve("r3", {"m3"});
  store.reset();
  for (const auto& entry : std::filesystem::directory_iterator(StorePath())) {
    if (entry.path().extension() == ".log") std::filesystem::remove(entry.path());
  }
  is_noticed();
  SetContent(WriteMarkFile(StorePath()), "");
  Reopen();
  EXPECT_FALSE(store->was_marked());
  EXPECT_EQ(MemberOf(first.value), "m1");
  Reserve("r4", {"m4"});
  Reopen();
  EXPECT_TRUE(store->was_marked());
}

// The log may have gone with it: whoever looks sees the store, whoever would write does not get it.
TEST_F(SideStoreTest, AMarkThatIsGoneOrTornIsNoticed) {
  const SideRow row = Reserve("r1", {"m1"})[0];
  store.reset();
  const std::string whole = Content(WriteMarkFile(StorePath()));
  for (const std::string& mark : {std::string(), std::string("0000"), whole + "\n"}) {
    mark.empty() ? static_cast<void>(std::filesystem::remove(WriteMarkFile(StorePath()))) : SetContent(WriteMarkFile(StorePath()), mark);
    const auto refused = TryOpen({.directory = StorePath()}).status();
    EXPECT_EQ(StartFailureId(refused), "SIDE_STORE_UNMARKED") << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(StorePath() + "/WRITES"));
    auto looked = TryOpen({.directory = StorePath(), .read_only = true});
    ASSERT_TRUE(looked.ok()) << looked.status();
    EXPECT_FALSE((*looked)->was_marked());
    EXPECT_EQ(*(*looked)->Resolve("v1", row.value), row);
    // What is not known of the store is not known of its copy.
    std::filesystem::remove_all(directory + "/backup");
    ASSERT_EQ((*looked)->Backup(directory + "/backup"), absl::OkStatus());
    EXPECT_FALSE(std::filesystem::exists(WriteMarkFile(directory + "/backup")));
  }
  // Who made it empty goes on without, in the copy, too.
  SetContent(WriteMarkFile(StorePath()), "");
  auto looked = TryOpen({.directory = StorePath(), .read_only = true});
  ASSERT_TRUE(looked.ok()) << looked.status();
  std::filesystem::remove_all(directory + "/backup");
  ASSERT_EQ((*looked)->Backup(directory + "/backup"), absl::OkStatus());
  looked->reset();
  EXPECT_EQ(Content(WriteMarkFile(directory + "/backup")), "");
  auto copy = SideStore::Open({.directory = directory + "/backup"}, *keys);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_FALSE((*copy)->was_marked());
  SetContent(WriteMarkFile(StorePath()), whole);
  Reopen();
  EXPECT_TRUE(store->was_marked());
}

TEST_F(SideStoreTest, AStoreWithoutAFileIsDamagedAndNotAbsent) {
  Reserve("r1", {"m1"});
  Reopen();  // in a table
  Reserve("r2", {"m2"});
  store.reset();
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(StorePath())) files[entry.path()] = Content(entry.path());
  const auto put_back = [&] {
    std::filesystem::remove_all(StorePath());
    std::filesystem::create_directory(StorePath());
    for (const auto& [path, content] : files) SetContent(path, content);
  };
  using Harm = std::function<void(const std::string& path)>;
  const std::pair<const char*, Harm> harms[] = {
      {"gone", [](const std::string& path) { std::filesystem::remove(path); }},
      {"empty", [](const std::string& path) { SetContent(path, ""); }},
      {"cut", [&](const std::string& path) { SetContent(path, files[path].substr(0, files[path].size() / 2)); }},
      {"alone",
       [&](const std::string& path) {
         for (const auto& [other, content] : files) other == path ? false : std::filesystem::remove(other);
       }},
  };
  const auto has_part = [](const std::string& path, std::initializer_list<const char*> parts) {
    return std::any_of(parts.begin(), parts.end(), [&](const char* part) { return path.find(part) != std::string::npos; });
  };
  for (const auto& [path, content] : files) {
    for (const auto& [what, harm] : harms) {
      const bool is_alone = std::string_view(what) == "alone";
      if (is_alone && has_part(path, {"/LOCK"})) continue;  // nothing of a store
      for (const bool read_only : {true, false}) {
        SCOPED_TRACE(absl::StrCat(path, " ", what, read_only ? " read" : " written"));
        harm(path);
        const auto opened = TryOpen({.directory = StorePath(), .read_only = read_only}).status();
        EXPECT_TRUE(opened.ok() || absl::IsDataLoss(opened)) << opened;  // some do without
        EXPECT_FALSE(opened.ok() && (is_alone || has_part(path, {"/CURRENT", "/MANIFEST-", ".sst"})));
        put_back();
      }
    }
  }
  std::filesystem::remove(StorePath() + "/CURRENT");
  EXPECT_TRUE(absl::IsDataLoss(TryOpen({.directory = StorePath(), .create_if_missing = true}).status()));
  put_back();
  Reopen();
}

TEST_F(SideStoreTest, ABackupIsACopyOfThatMoment) {
  const SideRow row = Reserve("r1", {"m1"})[0];
  ASSERT_EQ(store->Backup(directory + "/backup"), absl::OkStatus());
  const SideRow later = Reserve("r2", {"m2"})[0];
  Erase({"m1"});
  EXPECT_FALSE(store->Backup(directory + "/backup").ok());
  auto copy = SideStore::Open({.directory = directory + "/backup", .read_only = true}, *keys);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(*(*copy)->Resolve("v1", row.value), row);
  EXPECT_FALSE((*copy)->Resolve("v1", later.value)->has_value());
  ExpectWhole(**copy);
  // It is put in the store's place and goes on: with a mark of its own.
  copy->reset();
  copy = SideStore::Open({.directory = directory + "/backup"}, *keys);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_TRUE((*copy)->was_marked());
}

TEST_F(SideStoreTest, WhatIsOpenForReadingChangesNothing) {
  const SideRow row = Reserve("r1", {"m1"})[0];
  auto opened = TryOpen({.directory = StorePath(), .read_only = true});
  ASSERT_TRUE(opened.ok()) << opened.status();
  store = *std::move(opened);
  EXPECT_EQ(MemberOf(row.value), "m1");
  EXPECT_EQ(Reserve("r1", {"m1"})[0], row);  // writes nothing
  EXPECT_EQ(TryReserve("r2", {{.item = 0, .member = "m2"}}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(TryKeepDeed("r2", "m2", "what").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store->Erase("v1", {"m1"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store->Clear("v1", 0, [](SideKind, const SideName&, const SideRow&) { return Fate::kNeverComes; }).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_FALSE(store->CanWrite());
  EXPECT_EQ(MemberOf(row.value), "m1");
}

TEST_F(SideStoreTest, WhatIsNoStoreIsRefused) {
  EXPECT_EQ(TryOpen({.directory = directory + "/none"}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(TryOpen({.directory = directory + "/none", .read_only = true}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory + "/none"));
  Reopen();
  EXPECT_EQ(SideStore::Open({.directory = StorePath()}, *keys).status().code(), absl::StatusCode::kFailedPrecondition);  // open already
  RawPut(Key('v', "format", ""), "2");
  const auto newer = TryOpen().status();
  EXPECT_EQ(newer.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(StartFailureId(newer), "");  // whatever key it has
  EXPECT_THAT(std::string(newer.message()), HasSubstr("format 2"));
  RawDelete(Key('v', "format", ""));
  EXPECT_EQ(TryOpen().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TryOpen({.directory = StorePath(), .create_if_missing = true}).status().code(), absl::StatusCode::kDataLoss);
  RawPut(Key('v', "format", ""), "1");
  const auto listed = RawRows('k', "");
  for (const auto& [key, value] : listed) RawDelete(key);
  EXPECT_EQ(TryOpen().status().code(), absl::StatusCode::kDataLoss);
  for (const auto& [key, value] : listed) RawPut(key, value);
}

// After a restore: what was given meanwhile stays until its entry comes, by a repeat or with the ledger that has it.
TEST_F(SideStoreTest, OfALedgerPutBackNothingIsCleared) {
  const auto fate_of = [](std::set<std::string> members) {
    return [members](SideKind, const SideName&, const SideRow& row) {
      return members.contains(row.member) ? Fate::kCommitted : Fate::kNeverComes;
    };
  };
  const auto clear = [&](std::int64_t epoch, const std::set<std::string>& members) {
    auto cleared = store->Clear("v1", epoch, fate_of(members));
    EXPECT_TRUE(cleared.ok()) << cleared.status();
    return *std::move(cleared);
  };
  const auto stray_of = [](const std::vector<SideStore::RowWithoutEntry>& rows) {
    std::vector<std::string> members;
    for (const auto& found : rows) {
      if (found.is_stray) members.push_back(found.row.member);
    }
    return members;
  };
  const SideRow kept = Reserve("r1", {"m1"})[0], lost = Reserve("r2", {"m2"})[0];
  EXPECT_EQ(clear(0, {"m1", "m2"}).committed, 2);  // nothing waits any more
  const SideRow deed = KeepDeed("r3", "m3", "what"), cut_short = Reserve("r4", {"m4"})[0];
  for (const bool is_reopened : {false, true}) {
    if (is_reopened) Reopen();
    const auto cleared = clear(7, {"m1"});
    EXPECT_THAT(stray_of(cleared.stray), ElementsAre("m2", "m3", "m4"));
    EXPECT_EQ(cleared.removed, 0);
    EXPECT_THAT(stray_of(*store->WithoutEntry("v1", 7, fate_of({"m1"}))), testing::UnorderedElementsAre("m2", "m3", "m4"));
  }
  EXPECT_EQ(Reserve("r2", {"m9"})[0], lost);
  EXPECT_EQ(MemberOf(cut_short.value), "m4");
  ExpectWhole(*store);
  // What is made from now on is cleared as ever; what a repeat adds to a stray request is not.
  const SideRow later = Reserve("r5", {"m5"})[0];
  Reserve("r2", {"m9", "m6"});
  EXPECT_THAT(stray_of(*store->WithoutEntry("v1", 7, fate_of({"m1"}))), testing::UnorderedElementsAre("m2", "m6", "m3", "m4"));
  auto cleared = clear(7, {"m1"});
  EXPECT_EQ(cleared.removed, 1);
  EXPECT_EQ(MemberOf(later.value), "");
  EXPECT_THAT(stray_of(cleared.stray), ElementsAre("m2", "m6", "m3", "m4"));
  // A repeat brings an entry; then the ledger that was lost is back; a third begins again, under the same name and with epoch 0.
  EXPECT_THAT(stray_of(clear(7, {"m1", "m2", "m6"}).stray), ElementsAre("m3", "m4"));
  EXPECT_THAT(stray_of(clear(0, {"m1", "m2", "m3"}).stray), ElementsAre("m6", "m4"));
  EXPECT_THAT(stray_of(clear(kNoLedger, {}).stray), testing::UnorderedElementsAre("m1", "m2", "m6", "m3", "m4"));
  cleared = clear(0, {});
  EXPECT_EQ(cleared.removed, 0);
  EXPECT_EQ(cleared.stray.size(), 5u);
  EXPECT_EQ(MemberOf(kept.value), "m1");
  EXPECT_EQ(store->Committed("v1", SideKind::kDeed, "m3", deed.commitment)->value(), deed);
  EXPECT_THAT(*store->Programs(), ElementsAre("v1"));
}

TEST_F(SideStoreTest, ADamagedEpochRemovesNothing) {
  is_damaged = true;
  Reserve("r1", {"m1"});
  const auto never = [](SideKind, const SideName&, const SideRow&) { return Fate::kNeverComes; };
  EXPECT_EQ(store->Clear("v1", 7, never)->stray.size(), 1u);
  Reserve("r2", {"m2"});
  RawPut(Key('e', "epoch"), "x");
  Reopen();
  const auto cleared = store->Clear("v1", 7, never);
  ASSERT_TRUE(cleared.ok()) << cleared.status();
  EXPECT_EQ(cleared->removed, 0);
  EXPECT_EQ(cleared->stray.size(), 2u);
}

TEST_F(SideStoreTest, ALaterRowHasAHigherOrder) {
  std::vector<std::uint64_t> orders = {Reserve("r1", {"m1"})[0].order};
  const auto next = [&](std::uint64_t order) {
    EXPECT_GT(order, orders.back());
    orders.push_back(order);
  };
  next(Replace("r2", "m1").order);
  EXPECT_EQ(Replace("r2", "m1").order, orders.back());
  Reopen();
  next(KeepDeed("r3", "m1", "what").order);
  Erase({"m1"});
  Reopen();
  next(Reserve("r4", {"m1"})[0].order);
  ASSERT_EQ(store->Backup(directory + "/backup"), absl::OkStatus());
  store.reset();
  std::filesystem::remove_all(StorePath());
  std::filesystem::rename(directory + "/backup", StorePath());
  Reopen();
  next(Replace("r5", "m1").order);
}

// In a child without a superuser's rights, which open every file; of somebody else's lock it says so, and not that a server runs.
TEST_F(SideStoreTest, FilesOfSomebodyElseAreNamedWithTheirOwner) {
  Reserve("r1", {"m1"});
  store.reset();
  const KeyFile key_file = Keys();
  std::filesystem::permissions(directory, std::filesystem::perms::all);
  std::filesystem::permissions(StorePath(), std::filesystem::perms::all);
  for (const auto& entry : std::filesystem::directory_iterator(StorePath())) {
    std::filesystem::permissions(entry, std::filesystem::perms::all);
  }
  const char* const help = ::geteuid() == 0 ? "chown" : "chmod";  // only root makes files of somebody else
  for (const std::string& path : {StorePath() + "/LOCK", StorePath()}) {
    ASSERT_EQ(::chmod(path.c_str(), 0), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
      const auto status = SideStore::Open({.directory = StorePath()}, key_file).status();
      const std::string message(status.message());
      const bool is_right = absl::IsPermissionDenied(status) && message.find(path) != std::string::npos &&
                            message.find("it belongs to") != std::string::npos && message.find(help) != std::string::npos;
      if (!is_right) std::fprintf(stderr, "%s\n", status.ToString().c_str());
      ::_exit(is_right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << path;
    ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  }
}

TEST_F(SideStoreTest, AFailedWriteIsTheLastAndReopeningTells) {
  std::vector<std::string> failures;
  store.reset();
  auto told = TryOpen({.directory = StorePath(), .on_failed = [&](const std::string& why) { failures.push_back(why); }});
  ASSERT_TRUE(told.ok()) << told.status();
  store = *std::move(told);
  const SideRow before = Reserve("r1", {"m1"})[0];
  EXPECT_TRUE(store->CanWrite());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit none{.rlim_cur = 1, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);  // files grow no more
  const auto failed = TryReserve("r2", {{.item = 0, .member = "m2"}}).status();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable) << failed;
  EXPECT_EQ(TryReserve("r3", {{.item = 0, .member = "m3"}}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(store->CanWrite());
  EXPECT_THAT(failures, testing::ElementsAre(HasSubstr(StorePath())));
  EXPECT_EQ(MemberOf(before.value), "m1");
  Reopen();
  EXPECT_EQ(MemberOf(before.value), "m1");
  const SideRow again = Reserve("r2", {"m2"})[0];
  EXPECT_EQ(MemberOf(again.value), "m2");
}

// A row that was read while something was written may be of before: the next one reads it anew.
TEST(ResolvedNumbers, WhatWasReadBeforeAWriteIsNotKept) {
  ResolvedNumbers numbers;
  SideRow row;
  row.member = "m1";
  const auto found = numbers.Find("v1/10000001");
  EXPECT_FALSE(found.row);
  numbers.Forget();
  numbers.Keep("v1/10000001", row, found.ticket);
  EXPECT_FALSE(numbers.Find("v1/10000001").row);
  numbers.Keep("v1/10000001", row, numbers.Find("v1/10000001").ticket);
  EXPECT_EQ(numbers.Find("v1/10000001").row, row);
  EXPECT_FALSE(numbers.Find("v2/10000001").row);
  numbers.Forget();
  EXPECT_FALSE(numbers.Find("v1/10000001").row);
}

TEST_F(SideStoreTest, AnErasedNumberLeadsNowhereThoughItWasResolved) {
  const SideRow row = Reserve("r1", {"m1"})[0];
  EXPECT_EQ(*store->Resolve("v1", row.value), row);
  EXPECT_EQ(*store->Resolve("v1", row.value), row);
  EXPECT_EQ(Erase({"m1"}), 1);
  EXPECT_FALSE(store->Resolve("v1", row.value)->has_value());
}

}  // namespace
}  // namespace redpoints
