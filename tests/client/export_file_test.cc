#include "client/cli/export_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);

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
  EXPECT_EQ(TakeUpPartialFile(path_, 5, kEn).value(), 5);
  Write("");
  EXPECT_EQ(TakeUpPartialFile(path_, 5, kEn).value(), 5);
}

TEST_F(ExportFileTest, APartOfALineIsCutOff) {
  Write("{\"v\":1,\"seq\":0}\n{\"v\":1,\"seq\":1}\n{\"v\":1,\"se");
  EXPECT_EQ(TakeUpPartialFile(path_, 0, kEn).value(), 2);
  EXPECT_EQ(Bytes(), "{\"v\":1,\"seq\":0}\n{\"v\":1,\"seq\":1}\n");
}

TEST_F(ExportFileTest, AFirstLineThatWasCutIsDropped) {
  Write("{\"v\":1,\"se");
  EXPECT_EQ(TakeUpPartialFile(path_, 3, kEn).value(), 3);
  EXPECT_EQ(Bytes(), "");
}

TEST_F(ExportFileTest, ALongFileIsReadFromItsEnd) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "{\"v\":1,\"seq\":" + std::to_string(i) + "}\n";
  Write(text);
  EXPECT_EQ(TakeUpPartialFile(path_, 0, kEn).value(), 10'000);
  EXPECT_EQ(Bytes(), text);
}

TEST_F(ExportFileTest, AnotherExportOrFileIsLeftAlone) {
  Write("{\"v\":1,\"seq\":7}\n");
  EXPECT_EQ(TakeUpPartialFile(path_, 0, kEn).status().message(), "the file begins with entry 7, not 0");
  Write("hello\n");
  EXPECT_FALSE(TakeUpPartialFile(path_, 0, kEn).ok());
  EXPECT_EQ(Bytes(), "hello\n");
}

}  // namespace
}  // namespace redpoints::cli
