#include "client/cli/export_file.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);
constexpr auto kJson = ExportFile::kJsonLines;
constexpr auto kCsv = ExportFile::kCsv;

class ExportFileTest : public testing::Test {
 protected:
  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes; }
  PartialExport Read(ExportFile kind, std::int64_t start) const { return ReadPartialExport(path_, kind, start, kEn).value(); }
  void TearDown() override { std::filesystem::remove(path_); }

  const std::string path_ = testing::TempDir() + "/export_" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl";
};

TEST_F(ExportFileTest, AnAbsentOrEmptyFileStartsAtTheStart) {
  EXPECT_EQ(Read(kJson, 5).start_sequence, 5);
  Write("");
  EXPECT_EQ(Read(kJson, 5).start_sequence, 5);
  EXPECT_EQ(Read(kJson, 5).tail, "");
}

std::string Json(std::int64_t epoch, std::int64_t sequence) {
  return "{\"v\":1,\"epoch\":" + std::to_string(epoch) + ",\"seq\":" + std::to_string(sequence) + "}\n";
}

struct Case {
  std::string bytes;
  std::int64_t start, asked;
  std::string after;
  std::string tail;  // what is to be compared
};

TEST_F(ExportFileTest, JsonGoesOnWithItsLastWholeLine) {
  for (const auto& [bytes, start, asked, after, tail] : std::vector<Case>{
           {"{", 3, 3, "", "{"},
           {"{\"v\":1,\"se", 3, 3, "", "{\"v\":1,\"se"},
           {Json(0, 0), 0, 0, "", Json(0, 0)},
           {Json(0, 0) + Json(0, 1) + "{\"v\":1,\"se", 0, 1, "0", Json(0, 1) + "{\"v\":1,\"se"},
           {Json(0, 6) + Json(7, 7) + Json(7, 8), 6, 8, "7.7", Json(7, 8)},
       }) {
    Write(bytes);
    const auto partial = Read(kJson, start);
    EXPECT_EQ(partial.start_sequence, asked) << bytes;
    EXPECT_EQ(partial.after, after) << bytes;
    EXPECT_EQ(partial.tail, tail) << bytes;
    EXPECT_EQ(bytes.substr(static_cast<std::size_t>(partial.tail_begin)), tail) << bytes;
  }
}

TEST_F(ExportFileTest, CsvGoesOnWithTheFirstRowOfItsLastEntry) {
  const std::string header = "\xEF\xBB\xBFseq,x\r\n";
  for (const auto& [bytes, start, asked, after, tail] : std::vector<Case>{
           {"\xEF\xBB", 0, 0, "", "\xEF\xBB"},
           {header, 0, 0, "", header},
           {header + "0,0,a", 0, 0, "", header + "0,0,a"},
           {header + "0,0,a\r\n0,0,b\r\n", 0, 0, "", header + "0,0,a\r\n0,0,b\r\n"},
           {header + "0,0,a\r\n1,0,b\r\n1,0,c\r\n", 0, 1, "0", "1,0,b\r\n1,0,c\r\n"},
           {header + "0,0,a\r\n1,0,b\r\n1,0,c\r\n2,", 0, 1, "0", "1,0,b\r\n1,0,c\r\n2,"},
           {"5,0,a\r\n6,0,b\r\n6", 5, 6, "5", "6,0,b\r\n6"},
           {"5,7,a\r\n6,7,b\r\n6", 5, 6, "7.5", "6,7,b\r\n6"},
           {"5", 5, 5, "", "5"},
       }) {
    Write(bytes);
    const auto partial = Read(kCsv, start);
    EXPECT_EQ(partial.start_sequence, asked) << bytes;
    EXPECT_EQ(partial.after, after) << bytes;
    EXPECT_EQ(partial.tail, tail) << bytes;
    EXPECT_EQ(bytes.substr(static_cast<std::size_t>(partial.tail_begin)), tail) << bytes;
  }
}

TEST(FirstEntryBytes, GoesToTheNextEntryOrToTheEnd) {
  const std::string header = "\xEF\xBB\xBFseq,x\r\n", second = "1,0,b\r\n1,0,\"c\n4,5\"\r\n";
  EXPECT_EQ(FirstEntryBytes(header + "0,0,a\r\n" + second, kCsv, 0), header.size() + 7);
  EXPECT_EQ(FirstEntryBytes(second + "2,0,d\r\n", kCsv, 1), second.size());
  EXPECT_EQ(FirstEntryBytes(second, kCsv, 1), second.size());
  EXPECT_EQ(FirstEntryBytes(Json(0, 1) + Json(0, 2), kJson, 1), Json(0, 1).size());
  EXPECT_EQ(FirstEntryBytes(Json(0, 1), kJson, 1), Json(0, 1).size());
}

TEST_F(ExportFileTest, ALongFileIsReadFromItsEnd) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "{\"v\":1,\"epoch\":0,\"seq\":" + std::to_string(i) + "}\n";
  Write(text);
  EXPECT_EQ(Read(kJson, 0).start_sequence, 99'999);
  EXPECT_EQ(Read(kJson, 0).after, "99998");
  EXPECT_EQ(Read(kJson, 0).tail, "{\"v\":1,\"epoch\":0,\"seq\":99999}\n");
  text = "\xEF\xBB\xBFseq,x\r\n";
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + ",0,some cell\r\n";
  Write(text + "100000,0,some cell\r\n100000,so");
  EXPECT_EQ(Read(kCsv, 0).start_sequence, 100'000);
  EXPECT_EQ(Read(kCsv, 0).tail, "100000,0,some cell\r\n100000,so");
}

TEST_F(ExportFileTest, AnotherExportOrFileIsRefused) {
  Write("{\"v\":1,\"epoch\":0,\"seq\":7}\n");
  EXPECT_EQ(ReadPartialExport(path_, kJson, 0, kEn).status().message(), "the file begins with entry 7, not 0");
  for (const char* text : {"hello\n", "hello", "{\"a", "0,0,a\r\n", "\xEF\xBB\xBFseq\r\n", "{\"v\":1,\"seq\":0}\n"}) {
    Write(text);
    EXPECT_FALSE(ReadPartialExport(path_, kJson, 0, kEn).ok()) << text;
  }
  for (const char* text : {"hello\n", "hello", "{", "0,0,a\r\n", "0,", "\xEF\xBB\xBFseq\r\n7,0,a\r\n", "\xEF\xBB\xBFseq\r\n0\r\n",
                           "\xEF\xBB\xBFseq\r\n0,a\r\n"}) {
    Write(text);
    EXPECT_FALSE(ReadPartialExport(path_, kCsv, 0, kEn).ok()) << text;
  }
  Write("4,");
  EXPECT_FALSE(ReadPartialExport(path_, kCsv, 5, kEn).ok());
  EXPECT_FALSE(ReadPartialExport(testing::TempDir(), kJson, 0, kEn).ok());
}

}  // namespace
}  // namespace redpoints::cli
