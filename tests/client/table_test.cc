#include "client/cli/table.h"

#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

TEST(TableTest, ChineseIsTwoColumnsWide) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("积分"), 4);
  EXPECT_EQ(DisplayWidth("(全角)，"), 8);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);
  EXPECT_EQ(DisplayWidth("\xFF"), 1);
  EXPECT_EQ(DisplayWidth("\xE7\xA7"), 2);  // a cut character: each byte stands for itself
}

TEST(TableTest, ThousandsAreSeparated) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1'000), "1,000");
  EXPECT_EQ(WithThousands(-123'456), "-123,456");
  EXPECT_EQ(WithThousands(9'007'199'254'740'991), "9,007,199,254,740,991");
  EXPECT_EQ(WithThousands(0, 2), "0.00");
  EXPECT_EQ(WithThousands(99'999, 2), "999.99");
  EXPECT_EQ(WithThousands(-123'456'789, 2), "-1,234,567.89");
  EXPECT_EQ(WithThousands(12'345, 1), "1,234.5");
}

TEST(TableTest, ColumnsLineUp) {
  EXPECT_EQ(
      RenderTable({{"单位", Align::kLeft}, {"可用", Align::kRight}, {"note", Align::kLeft}}, {{"POINT", "1,200", "社区"}, {"分", "7", ""}}),
      "单位    可用  note\n"
      "-----  -----  ----\n"
      "POINT  1,200  社区\n"
      "分         7\n");
}

TEST(TableTest, ValuesStandBelowEachOther) { EXPECT_EQ(RenderPairs({{"序号", "42"}, {"a", "two\nlines"}}), "序号  42\na     two lines\n"); }

}  // namespace
}  // namespace redpoints::cli
