#include "client/cli/import_file.h"

#include <algorithm>

#include "client/cli/csv.h"
#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);
const Text kZh(Language::kZh);
constexpr char kProgram[] = "programs/p";

std::string ErrorOf(const std::string& text, const Text& t = kEn) {
  const auto rows = ParseAwardFile(text, kProgram, t);
  return rows.ok() ? "" : std::string(rows.status().message());
}

TEST(CsvTest, ReadsWhatSpreadsheetsWrite) {
  const auto rows = ParseCsv(
                        "\xEF\xBB\xBF"
                        "a, b ,c\r\n\r\n\"x,\"\"1\"\"\",\"two\nlines\",\r\nlast,2,3",
                        kEn)
                        .value();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].fields, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(rows[1].fields, (std::vector<std::string>{"x,\"1\"", "two\nlines", ""}));
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_EQ(rows[2].line, 5);
}

TEST(CsvTest, NamesTheLineOfAnOpenQuoteAndOfForeignEncoding) {
  EXPECT_EQ(ParseCsv("a\nb,\"c\nd\n", kEn).status().message(), "line 2: a quote does not end");
  EXPECT_EQ(ParseCsv("a\nb\n\xBB\xE1\xD4\xB1\n", kEn).status().message(), "line 3: not UTF-8; save as \"CSV UTF-8\"");
}

TEST(AwardFileTest, ReadsEveryColumnInAnyOrder) {
  const std::string hash(64, '0');
  const auto rows = ParseAwardFile(
                        "group,member,activity,quantity,effective_day,session,case,evidence_sha256,note_commitment,tags,about\n"
                        "residents,12345678,PATROL,90,2024-03-15,s-1,c-1," +
                            hash + "," + hash + ",night;rain,s-0\n",
                        kProgram, kEn)
                        .value();
  ASSERT_EQ(rows.size(), 1U);
  const auto& item = rows[0].item;
  EXPECT_EQ(rows[0].line, 2);
  EXPECT_EQ(item.member(), "members/12345678");
  EXPECT_EQ(item.activity(), "PATROL");
  EXPECT_EQ(item.quantity(), 90);
  EXPECT_EQ(item.effective_day(), 20240315);
  EXPECT_EQ(item.group(), v1::RESIDENTS);
  EXPECT_EQ(item.session(), "s-1");
  EXPECT_EQ(item.case_(), "c-1");
  EXPECT_EQ(item.evidence_sha256().size(), 32U);
  EXPECT_EQ(item.note_commitment().size(), 32U);
  EXPECT_EQ(item.tags_size(), 2);
  EXPECT_EQ(item.about(), "s-0");
}

TEST(AwardFileTest, TakesChineseHeaders) {
  const auto rows = ParseAwardFile("会员,活动,数量,日期,群体\n12345678,PATROL,1,20240315,居民群众\n", kProgram, kZh).value();
  EXPECT_EQ(rows[0].item.group(), v1::RESIDENTS);
}

TEST(AwardFileTest, NamesTheLineOfEachBadRow) {
  const std::string header = "member,activity,quantity,effective_day,group\n";
  EXPECT_EQ(ErrorOf(header + "1,A,1,20240101,residents\n1,A,0,20240101,residents\n1,A,1,20240230,residents\n1,A,1\n"),
            "line 3: quantity: at least 1\n"
            "line 4: effective_day: \"20240230\" should be a day such as 2024-03-15\n"
            "line 5: expected 5 columns, found 3");
  EXPECT_EQ(ErrorOf(header + ",A,1,20240101,residents\n", kZh), "第 2 行: 会员: 必填");
}

TEST(AwardFileTest, NamesWhatIsWrongWithTheHeader) {
  EXPECT_EQ(ErrorOf("member,activity,quantity,effective_day\n1,A,1,20240101\n"), "line 1: missing column: group");
  EXPECT_EQ(ErrorOf("member,points\n1,1\n"), "line 1: unknown column: points");
  EXPECT_EQ(ErrorOf("member,member\n1,1\n"), "line 1: column given twice: member");
  EXPECT_EQ(ErrorOf("member\n"), "the file has no rows");
  EXPECT_EQ(ErrorOf(""), "the file has no rows");
}

TEST(AwardFileTest, StopsAfterTwentyErrors) {
  std::string text = "member,activity,quantity,effective_day,group\n";
  for (int i = 0; i < 100; ++i) text += "1,A,x,20240101,residents\n";
  const std::string error = ErrorOf(text);
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 19);
}

TEST(MemberFileTest, ReadsMembersAndKeepsTheirMark) {
  const auto rows =
      ParseMemberFile("ref,kind,groups,grid,memberships\n王-1,person,party-vanguard:20240101;residents,grid-1,h1:20240101\n", kProgram, kEn)
          .value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].ref, "王-1");
  EXPECT_EQ(rows[0].member.kind(), v1::PERSON);
  EXPECT_EQ(rows[0].member.groups_size(), 2);
  EXPECT_EQ(rows[0].member.groups(0).from_day(), 20240101);
  EXPECT_EQ(rows[0].member.grid(), "grid-1");
  EXPECT_EQ(rows[0].member.memberships(0).member(), "programs/p/members/h1");
  EXPECT_EQ(rows[0].member.state(), v1::ACTIVE);
}

}  // namespace
}  // namespace redpoints::cli
