#include "client/cli/export_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);
constexpr auto kJson = ExportFile::kJsonLines;
constexpr auto kCsv = ExportFile::kCsv;

class ExportFileTest : public testing::Test {
 protected:
  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes; }
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void TearDown() override { std::filesystem::remove(path_); }

  const std::string path_ =
      testing::TempDir() + "/export_" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl";
};

TEST_F(ExportFileTest, AnAbsentOrEmptyFileStartsAtTheStart) {
  EXPECT_EQ(TakeUpPartialFile(path_, kJson, 5, kEn).value(), 5);
  Write("");
  EXPECT_EQ(TakeUpPartialFile(path_, kJson, 5, kEn).value(), 5);
}

TEST_F(ExportFileTest, APartOfALineIsCutOff) {
  Write("{\"v\":1,\"seq\":0}\n{\"v\":1,\"seq\":1}\n{\"v\":1,\"se");
  EXPECT_EQ(TakeUpPartialFile(path_, kJson, 0, kEn).value(), 2);
  EXPECT_EQ(Bytes(), "{\"v\":1,\"seq\":0}\n{\"v\":1,\"seq\":1}\n");
}

TEST_F(ExportFileTest, AFirstLineThatWasCutIsDropped) {
  Write("{\"v\":1,\"se");
  EXPECT_EQ(TakeUpPartialFile(path_, kJson, 3, kEn).value(), 3);
  EXPECT_EQ(Bytes(), "");
}

TEST_F(ExportFileTest, ALongFileIsReadFromItsEnd) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "{\"v\":1,\"seq\":" + std::to_string(i) + "}\n";
  Write(text);
  EXPECT_EQ(TakeUpPartialFile(path_, kJson, 0, kEn).value(), 10'000);
  EXPECT_EQ(Bytes(), text);
}

TEST_F(ExportFileTest, AnotherExportOrFileIsLeftAlone) {
  Write("{\"v\":1,\"seq\":7}\n");
  EXPECT_EQ(TakeUpPartialFile(path_, kJson, 0, kEn).status().message(), "the file begins with entry 7, not 0");
  Write("hello\n");
  EXPECT_FALSE(TakeUpPartialFile(path_, kJson, 0, kEn).ok());
  EXPECT_EQ(Bytes(), "hello\n");
  for (const char* text : {"hello\n", "0,a\r\n", "\xEF\xBB\xBFseq\r\n7,a\r\n", "\xEF\xBB\xBFseq\r\n0\r\n"}) {
    Write(text);
    EXPECT_FALSE(TakeUpPartialFile(path_, kCsv, 0, kEn).ok()) << text;
    EXPECT_EQ(Bytes(), text);
  }
}

TEST_F(ExportFileTest, TheLastEntryOfCsvIsWrittenAgain) {
  const std::string header = "\xEF\xBB\xBFseq,x\r\n";
  struct Case {
    std::string bytes;
    std::int64_t start, next;
    std::string kept;
  };
  for (const auto& [bytes, start, next, kept] : std::vector<Case>{
           {"", 0, 0, ""},
           {"\xEF\xBB", 0, 0, ""},
           {header, 0, 0, ""},
           {header + "0,a", 0, 0, ""},
           {header + "0,a\r\n0,b\r\n", 0, 0, ""},
           {header + "0,a\r\n1,b\r\n1,c\r\n", 0, 1, header + "0,a\r\n"},
           {header + "0,a\r\n1,b\r\n1,c\r\n2,", 0, 1, header + "0,a\r\n"},
           {"5,a\r\n6,b\r\n6", 5, 6, "5,a\r\n"},
           {"5,a\r\n6,b\r\n7,c\r\n", 5, 7, "5,a\r\n6,b\r\n"},
       }) {
    Write(bytes);
    EXPECT_EQ(TakeUpPartialFile(path_, kCsv, start, kEn).value(), next) << bytes;
    EXPECT_EQ(Bytes(), kept) << bytes;
  }
}

TEST_F(ExportFileTest, ALongCsvFileIsReadFromItsEnd) {
  std::string text = "\xEF\xBB\xBFseq,x\r\n";
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + ",some cell\r\n";
  Write(text + "100000,some cell\r\n100000,so");
  EXPECT_EQ(TakeUpPartialFile(path_, kCsv, 0, kEn).value(), 100'000);
  EXPECT_EQ(Bytes(), text);
}

}  // namespace
}  // namespace redpoints::cli
