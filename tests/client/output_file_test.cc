#include "client/cli/output_file.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

class OutputFileTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  const std::string path_ = testing::TempDir() + "/output_" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(OutputFileTest, NothingIsOverwritten) {
  {
    OutputFile file(path_);
    EXPECT_TRUE(file.Create().ok());
    EXPECT_TRUE(file.Write("first").ok());
    EXPECT_TRUE(file.Close().ok());
  }
  const auto status = OutputFile(path_).Create();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(std::string(status.message()).find(path_), std::string::npos);
  EXPECT_EQ(Bytes(), "first");
}

TEST_F(OutputFileTest, AppendGoesOnBehindWhatIsKept) {
  for (const char* expected : {"abc", "ababc", "ababc"}) {
    OutputFile file(path_);
    EXPECT_TRUE(file.Append(Bytes().empty() ? 0 : 2).ok());
    EXPECT_TRUE(file.Write("abc").ok());
    EXPECT_TRUE(file.Close().ok());
    EXPECT_EQ(Bytes(), expected);
  }
}

TEST_F(OutputFileTest, AFullDiskIsAnError) {
  // As good as a full disk: files may not grow beyond this.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit low{.rlim_cur = 1'000, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &low);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  OutputFile small(path_);
  EXPECT_TRUE(small.Create().ok());
  EXPECT_TRUE(small.Write(std::string(1'001, 'x')).ok());  // still in memory
  EXPECT_FALSE(small.Close().ok());
  OutputFile large(path_);
  EXPECT_TRUE(large.Append(0).ok());
  EXPECT_FALSE(large.Write(std::string(100'000, 'x')).ok());
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
}

}  // namespace
}  // namespace redpoints::cli
