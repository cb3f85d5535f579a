// Sums of a backup: that nothing which can't be read passes for whole.
#include "storage/backup.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace redpoints {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BackupTest : public testing::Test {
 protected:
  BackupTest() {
    std::string name = fs::temp_directory_path() / "redpoints-sums-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
    fs::create_directories(directory + "/shard-0");
    std::ofstream(directory + "/shard-0/a") << "content";
    std::ofstream(directory + "/shard-0/b") << "more";
  }
  ~BackupTest() override { fs::remove_all(directory); }
  std::string directory;
};

TEST_F(BackupTest, WhatIsMissingAlteredOrNotListedIsNamed) {
  ASSERT_TRUE(WriteSums(directory).ok());
  EXPECT_TRUE(VerifySums(directory).ok());
  // Of that name below the backup it is a file as any other.
  std::ofstream(directory + "/shard-0/SHA256SUMS") << "x";
  EXPECT_EQ(VerifySums(directory).message(), "shard-0/SHA256SUMS is not in SHA256SUMS");
  fs::remove(directory + "/shard-0/SHA256SUMS");
  std::ofstream(directory + "/shard-0/a") << "another";
  EXPECT_EQ(VerifySums(directory).message(), "shard-0/a is altered");
  fs::remove(directory + "/shard-0/a");
  EXPECT_EQ(VerifySums(directory).message(), "shard-0/a is missing");
  fs::remove(directory + "/SHA256SUMS");
  EXPECT_TRUE(absl::IsNotFound(VerifySums(directory)));
}

// /proc/self/mem opens, and its first page can't be read: as a sector that the disk has lost.
TEST_F(BackupTest, AFileThatCannotBeReadToItsEndHasNoSum) {
  ASSERT_TRUE(WriteSums(directory).ok());
  fs::create_symlink("/proc/self/mem", directory + "/shard-0/c");
  for (const auto& status : {WriteSums(directory), VerifySums(directory)}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("can't read " + directory + "/shard-0/c: "));
  }
}

}  // namespace
}  // namespace redpoints
