// Writes a shard and a side store as this program keeps them: DIRECTORY/shard, the life of a program with every kind of entry that it
// writes, and DIRECTORY/side with DIRECTORY/side.key. How the stores of tests/stores were made, each by the first program of its format.
//
//   redpoints_write_store DIRECTORY
#include <cstdio>
#include <filesystem>

#include "proto/contract/member_number.h"
#include "storage/head_mark.h"
#include "storage/identity/side_store.h"
#include "storage/ledger.h"
#include "tests/storage/disk.h"
#include "tests/storage/rules/every_kind.h"

namespace redpoints {
namespace {

class Player : public EveryKind {
 public:
  void TestBody() override {}
  void Write(const std::string& directory) {
    const std::string shard = directory + "/shard";
    Live();
    Disk disk;
    ASSERT_TRUE(disk.Open(shard).ok());
    CommitBatch batch{.fence = *disk.log->TryTakeOver()};
    CommitBatch::Append append{.program = "minyue", .expected_end = 0, .entries = static_cast<std::int64_t>(journal.size()), .lines = ""};
    for (const auto& entry : journal) AppendLine(*entry, append.lines), append.lines += '\n';
    batch.appends.push_back(std::move(append));
    for (const auto& [sha256, content] : blobs) batch.blobs.push_back({.program = "minyue", .sha256 = sha256, .content = content});
    ASSERT_EQ(disk.log->Commit(batch), CommitResult::kCommitted);
    // The derived rows and the head mark.
    const ManualClock clock(journal.back()->recorded_ms);
    Ledger::Options options;
    options.head_mark_file = HeadMarkFile(shard);
    ASSERT_TRUE(Ledger::Open(*disk.log, *disk.store, clock, options).ok());
  }
};

void WriteSide(const std::string& directory) {
  ASSERT_TRUE(KeyFile::Create(directory + "/side.key").ok());
  const auto keys = KeyFile::Read(directory + "/side.key");
  const auto store = SideStore::Open(
      {.directory = directory + "/side", .create_if_missing = true, .draw_number = [] { return WithCheckDigit("123456789"); }}, *keys);
  ASSERT_TRUE(store.ok()) << store.status();
  const std::string id(32, 'a');
  ASSERT_TRUE((*store)->Reserve("minyue", "a0", id, {{.item = 0, .member = "m1"}}).ok());
  ASSERT_TRUE((*store)->KeepDeeds("minyue", "a0", id, {{.item = 0, .member = "m1", .content = "a deed"}}).ok());
}

}  // namespace
}  // namespace redpoints

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) {
    std::fputs("usage: redpoints_write_store DIRECTORY\n", stderr);
    return 64;
  }
  std::filesystem::create_directories(argv[1]);
  redpoints::Player().Write(argv[1]);
  redpoints::WriteSide(argv[1]);
  return testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed() ? 1 : 0;
}
