#include "client/cli/export_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);
constexpr auto kJson = ExportFile::kJsonLines;
constexpr auto kCsv = ExportFile::kCsv;
const std::string kHeader = "\xEF\xBB\xBFseq,x\r\n";

class ExportFileTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  // "start next kept" of a file with these bytes, or why not; the file is only looked at.
  std::string Look(const std::string& bytes, ExportFile kind, std::int64_t start = 0) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    const auto partial = LookAtPartialFile(path_, kind, start, kEn);
    EXPECT_EQ(Bytes(), bytes);
    if (!partial.ok()) return std::string(partial.status().message());
    EXPECT_EQ(partial->tail, bytes.substr(static_cast<std::size_t>(partial->kept_bytes)));
    return absl::StrCat(partial->start_sequence, " ", partial->next_sequence, " ", partial->kept_bytes);
  }

  const std::string path_ =
      testing::TempDir() + "/export_" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl";
};

TEST_F(ExportFileTest, AnAbsentOrEmptyFileStartsAtTheStart) {
  EXPECT_EQ(LookAtPartialFile(path_, kJson, 5, kEn)->start_sequence, 5);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(Look("", kJson, 5), "5 5 0");
}

TEST_F(ExportFileTest, JsonGoesOnWithItsLastWholeLine) {
  const std::string zero = "{\"v\":1,\"seq\":0}\n", one = "{\"v\":1,\"seq\":1}\n";
  EXPECT_EQ(Look(zero + one, kJson), absl::StrCat("1 2 ", zero.size()));
  EXPECT_EQ(Look(zero + one + "{\"v\":1,\"se", kJson), absl::StrCat("1 2 ", zero.size()));
  EXPECT_EQ(Look(zero, kJson), "0 1 0");
  EXPECT_EQ(Look("{\"v\":1,\"se", kJson, 3), "3 3 0");  // the server's first line tells whether it is ours
}

TEST_F(ExportFileTest, CsvGoesOnWithItsLastEntry) {
  const struct {
    std::string bytes;
    std::int64_t start;
    std::string found;
  } cases[] = {
      {"\xEF\xBB", 0, "0 0 0"},
      {kHeader, 0, "0 0 0"},
      {kHeader + "0,a", 0, "0 0 0"},
      {kHeader + "0,a\r\n0,b\r\n", 0, "0 0 0"},
      {kHeader + "0,a\r\n1,b\r\n1,c\r\n", 0, absl::StrCat("1 1 ", kHeader.size() + 5)},
      {kHeader + "0,a\r\n1,b\r\n1,c\r\n2,", 0, absl::StrCat("1 1 ", kHeader.size() + 5)},
      {"5,a\r\n6,b\r\n6", 5, "6 6 5"},
      {"5,a\r\n6,b\r\n7,c\r\n", 5, "7 7 10"},
  };
  for (const auto& c : cases) EXPECT_EQ(Look(c.bytes, kCsv, c.start), c.found) << c.bytes;
}

TEST_F(ExportFileTest, LongFilesAreReadFromTheirEnd) {
  std::string json, csv = kHeader;
  for (int i = 0; i < 100'000; ++i) {
    absl::StrAppend(&json, "{\"v\":1,\"seq\":", i, "}\n");
    absl::StrAppend(&csv, i, ",some cell\r\n");
  }
  EXPECT_EQ(Look(json, kJson), absl::StrCat("99999 100000 ", json.size() - sizeof("{\"v\":1,\"seq\":99999}")));
  EXPECT_EQ(Look(csv + "100000,some cell\r\n100000,so", kCsv), absl::StrCat("100000 100000 ", csv.size()));
}

TEST_F(ExportFileTest, AnotherExportOrFileIsRefused) {
  EXPECT_EQ(Look("{\"v\":1,\"seq\":7}\n", kJson), "the file begins with entry 7, not 0");
  const std::string foreign = "the file is not an export of this kind";
  EXPECT_EQ(Look("hello\n", kJson), foreign);
  EXPECT_EQ(Look(std::string(2 << 20, 'x'), kJson), foreign);
  for (const char* text : {"hello\n", "0,a\r\n", "\xEF\xBB\xBFseq\r\n0\r\n"}) EXPECT_EQ(Look(text, kCsv), foreign) << text;
  EXPECT_EQ(Look(kHeader + "7,a\r\n", kCsv), "the file begins with entry 7, not 0");
}

TEST(PartialFile, IsComparedWithTheJournalAsFarAsBothGo) {
  const PartialFile partial{.start_sequence = 0, .next_sequence = 0, .kept_bytes = 0, .tail = "abc"};
  for (const char* data : {"abc", "abcd", "ab", ""}) EXPECT_TRUE(partial.IsBeginningOf(data)) << data;
  for (const char* data : {"abd", "b", "xabc"}) EXPECT_FALSE(partial.IsBeginningOf(data)) << data;
  EXPECT_TRUE(PartialFile().IsBeginningOf("abc"));
}

}  // namespace
}  // namespace redpoints::cli
