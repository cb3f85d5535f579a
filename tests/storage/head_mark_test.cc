#include "storage/head_mark.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "storage/log/memory_log.h"
#include "storage/merkle/sha256.h"

namespace redpoints {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class HeadMarkTest : public testing::Test {
 protected:
  HeadMarkTest() {
    std::string name = std::filesystem::temp_directory_path() / "redpoints-head-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
    file = HeadMarkFile(directory);
    fence = *log.TryTakeOver();
    Append(0, "a\nb\n", 2);
    Append(2, "c\n", 1);
  }
  ~HeadMarkTest() override { std::filesystem::remove_all(directory); }
  void Append(std::int64_t at, const std::string& lines, std::int64_t entries) {
    ASSERT_EQ(log.Commit({.appends = {{.program = "minyue", .expected_end = at, .entries = entries, .lines = lines}}, .fence = fence}),
              CommitResult::kCommitted);
  }
  std::string Compare(std::int64_t end, const std::string& line) {
    const auto status = CompareHeadMarks({{"minyue", {.epoch = 0, .end = end, .hash = Sha256Hex(line)}}}, log, file);
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    return std::string(status.message());
  }

  std::string directory, file;
  MemoryLog log;
  std::uint64_t fence = 0;
};

TEST_F(HeadMarkTest, AJournalMustReachItsMarkWithTheSameLine) {
  EXPECT_EQ(Compare(3, "c"), "");
  EXPECT_EQ(Compare(2, "b"), "");  // it went on since
  EXPECT_THAT(Compare(5, "e"), AllOf(HasSubstr("minyue ends at entry 3"), HasSubstr(file), HasSubstr("gone to 5"), HasSubstr("last 2")));
  EXPECT_THAT(Compare(2, "x"), AllOf(HasSubstr("entry 1 of minyue is another one"), HasSubstr(file)));
  log.SetRow("minyue", 2, std::nullopt);  // damaged: set aside by whoever opens it
  EXPECT_EQ(Compare(5, "e"), "");
}

TEST_F(HeadMarkTest, ATornOrAbsentFileSaysNothing) {
  EXPECT_TRUE(absl::IsNotFound(ReadHeadMarks(file).status()));
  const HeadMarks marks = {{"minyue", {.epoch = 7, .end = 3, .hash = Sha256Hex("c")}}, {"other", {.epoch = 0, .end = 1, .hash = "h"}}};
  ASSERT_TRUE(WriteHeadMarks(file, marks).ok());
  EXPECT_EQ(*ReadHeadMarks(file), marks);
  EXPECT_FALSE(std::filesystem::exists(file + ".partial"));
  const auto size = std::filesystem::file_size(file);
  for (std::uintmax_t cut = 0; cut < size; ++cut) {
    ASSERT_TRUE(WriteHeadMarks(file, marks).ok());
    std::filesystem::resize_file(file, cut);
    EXPECT_TRUE(absl::IsDataLoss(ReadHeadMarks(file).status())) << cut;
  }
}

TEST_F(HeadMarkTest, TheWriterWritesAtItsEndAndKeepsWhatIsNotTold) {
  ASSERT_TRUE(WriteHeadMarks(file, {{"aside", {.epoch = 0, .end = 9, .hash = "h"}}, {"minyue", {.epoch = 0, .end = 1, .hash = "a"}}}).ok());
  {
    const HeadMarkWriter writer({.file = file, .every = std::chrono::hours(1), .collect = [] {
                                   return HeadMarks{{"minyue", {0, 3, "c"}}};
                                 }});
  }
  EXPECT_EQ(*ReadHeadMarks(file), (HeadMarks{{"aside", {0, 9, "h"}}, {"minyue", {0, 3, "c"}}}));
}

TEST_F(HeadMarkTest, AFailureIsSaidOnce) {
  std::atomic<int> asked = 0, failed = 0;
  {
    const HeadMarkWriter writer({.file = directory + "/none/head",
                                 .every = std::chrono::milliseconds(1),
                                 .collect =
                                     [&] {
                                       return HeadMarks{{"minyue", {0, ++asked, "c"}}};
                                     },
                                 .on_failed = [&](const std::string&) { ++failed; }});
    while (asked < 3) std::this_thread::yield();
  }
  EXPECT_EQ(failed, 1);
}

}  // namespace
}  // namespace redpoints
