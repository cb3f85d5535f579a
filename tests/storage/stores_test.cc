// Each store that was ever written opens: tests/stores has N-every-kind of each format N, made by tests/write_store.cc of its time, and never changes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "proto/contract/member_number.h"
#include "storage/head_mark.h"
#include "storage/identity/side_store.h"
#include "storage/journal.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "tests/storage/disk.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;

class StoresTest : public LedgerTest, public testing::WithParamInterface<const char*> {
 protected:
  StoresTest() {
    std::string name = fs::temp_directory_path() / "redpoints-stores-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
    EXPECT_EQ(std::system(absl::StrCat("tar -xzf ", REDPOINTS_STORES, "/", GetParam(), "-every-kind.tar.gz -C ", root).c_str()), 0);
  }
  ~StoresTest() override {
    ledger.reset();
    disk.Close();
    fs::remove_all(root);
  }
  void TearDown() override {}
  Log& log() override { return *disk.log; }
  Store& store() override { return *disk.store; }

  Disk disk;
  std::string root;
};

TEST_P(StoresTest, OpensIsWholeAndGoesOn) {
  const std::string shard = root + "/shard";
  ASSERT_TRUE(disk.Open(shard).ok());
  const Journal journal(*disk.log, "minyue");
  const std::int64_t end = *journal.End();
  std::set<Kind> kinds;
  for (std::int64_t i = 0; i < end; ++i) {
    const std::string line = *journal.Line(i);
    const auto entry = ParseLine(line);
    ASSERT_TRUE(entry.ok()) << line;
    std::string again;
    AppendLine(*entry, again);
    EXPECT_EQ(again, line) << "nothing old is ever read differently";
    kinds.insert(entry->kind);
  }
  EXPECT_EQ(kinds.size(), 29u) << "all that its program wrote";
  const std::int64_t last_ms = ParseLine(*journal.Line(end - 1))->recorded_ms;

  clock.Advance(last_ms + 60'000 - clock.NowMs());
  options.head_mark_file = HeadMarkFile(shard);
  Open();
  EXPECT_EQ(Buy("m7", 1).first, RequestState::kDone);
  ledger.reset();
  disk.Close();
  ASSERT_TRUE(disk.Open(shard).ok());
  EXPECT_EQ(disk.discarded, "");
  Open();
  CheckAll();
}

TEST_P(StoresTest, ItsSideStoreOpens) {
  const auto keys = KeyFile::Read(root + "/side.key");
  ASSERT_TRUE(keys.ok()) << keys.status();
  const auto side = SideStore::Open({.directory = root + "/side"}, *keys);
  ASSERT_TRUE(side.ok()) << side.status();
  const auto number = (*side)->Resolve("minyue", WithCheckDigit("123456789"));
  ASSERT_TRUE(number.ok() && *number) << number.status();
  EXPECT_EQ((*number)->member, "m1");
  const auto deed = (*side)->Made("minyue", SideKind::kDeed, {"a0", std::string(32, 'a'), 0});
  ASSERT_TRUE(deed.ok() && *deed) << deed.status();
  EXPECT_EQ((*deed)->value, "a deed");
  EXPECT_TRUE((*side)->Check().ok());
}

INSTANTIATE_TEST_SUITE_P(Formats, StoresTest, testing::Values("1"), [](const auto& format) { return std::string(format.param); });

}  // namespace
}  // namespace redpoints
