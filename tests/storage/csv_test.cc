// The table that accountants open: its bytes for every kind of entry, and that a spreadsheet leaves its texts alone.
#include "storage/csv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "storage/rules/fields.h"
#include "storage/rules/rulebook.h"
#include "storage/rules/rulebook_json.h"
#include "tests/golden.h"
#include "tests/storage/rules/every_kind.h"

namespace redpoints {
namespace {

std::string Cell(std::string_view text) {
  std::string cell;
  AppendCsvText(text, cell);
  return cell;
}

std::string Rows(const Entry& entry, const Definitions& definitions = {}, const StateMark& at = {}) {
  std::string rows;
  AppendCsv(entry, definitions, at, rows);
  return rows;
}

// The cells of each row as a reader of RFC 4180 sees them.
std::vector<std::vector<std::string>> Read(std::string_view csv) {
  std::vector<std::vector<std::string>> rows = {{""}};
  bool is_quoted = false;
  for (std::size_t i = 0; i < csv.size(); ++i) {
    std::string& cell = rows.back().back();
    if (csv[i] == '"' && is_quoted && csv.substr(i + 1, 1) == "\"") {
      cell += csv[++i];
    } else if (csv[i] == '"') {
      is_quoted = !is_quoted;
    } else if (csv[i] == ',' && !is_quoted) {
      rows.back().emplace_back();
    } else if (csv.substr(i, 2) == "\r\n" && !is_quoted) {
      rows.push_back({""});
      ++i;
    } else {
      cell += csv[i];
    }
  }
  EXPECT_EQ(rows.back(), std::vector<std::string>{""}) << "the last row does not end";
  rows.pop_back();
  return rows;
}

// The column's cells in an entry's rows.
std::vector<std::string> Column(const std::string& header, const Entry& entry, const Definitions& definitions = {},
                                const StateMark& at = {}) {
  const auto headers = Read(CsvHeader().substr(3)).front();
  const auto column = static_cast<std::size_t>(std::find(headers.begin(), headers.end(), header) - headers.begin());
  EXPECT_LT(column, headers.size()) << header;
  std::vector<std::string> cells;
  for (const auto& row : Read(Rows(entry, definitions, at))) cells.push_back(row.at(column));
  return cells;
}

// What follows the BOM, LF for CRLF.
constexpr char kGolden[] =
    R"(序号,纪元,编号,记录时间,业务日,类型,会员,商户,终端,店员,小票号,群体,活动,活动日,数量,当月累计,封顶,场次,案件,规则册,兑换明细,应付(分),应付(元),应付明细,免除明细,账户,账户部分,单位,数额,余额,数额(小数),余额(小数),批次,资金明细,退现金(分),退现金(元),关联序号,关联纪元,关联编号,原因,拒绝详情,经办,请求编号,目标请求
0,0,"'0",2024-03-15 10:00:00.000,20240315,设立计划,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,e721e9f5-7f5a-4857-aa22-220e72a820e9,
2,0,"'2",2024-03-15 10:00:00.000,20240315,组织地点,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,ad1b9de9-1051-3527-b407-147d7a055690,
3,0,"'3",2024-03-15 10:00:00.000,20240315,资金,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,ff14e14c-208d-4145-9055-8c2e333a73da,
5,0,"'5",2024-03-15 10:00:00.000,20240315,会员登记,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,6e9f4381-3f86-baf1-879f-96ba064cd3b3,
9,0,"'9",2024-03-15 10:00:00.000,20240315,商户登记,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,b61bae2c-1c5d-192e-6b0d-6bb456688fac,
10,0,"'10",2024-03-15 10:00:00.000,20240315,终端登记,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,01de42bc-9870-6a85-710c-5316db05558e,
1,0,"'1",2024-03-15 10:00:00.000,20240315,人员登记,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,e721e9f5-7f5a-4857-aa22-220e72a820e9,
16,0,"'16",2024-03-15 10:00:00.000,20240315,规则册,,,,,,,,,,,,,,"'2024-1",,,,,,,,,,,,,,,,,,,,,,a0,dba22633-7409-b3b3-dbf5-8596d59beff2,
13,0,"'13",2024-03-15 10:00:00.000,20240315,兑换项目,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,a0,2bac0944-fd75-814a-c95d-e0d473d08395,
33,0,"'33",2024-03-15 10:00:00.000,20240315,发放,m1,,,,,先锋党员,PATROL,20240315,10,,,,,"'2024-1",,,,,,issuance:street,可用,POINT,-100,-100,-100,-100,,street -100,,,,,,,,a0,a74b5007-b2c1-240e-26c7-10839058a2b4,
33,0,"'33",2024-03-15 10:00:00.000,20240315,发放,m1,,,,,先锋党员,PATROL,20240315,,,,,,"'2024-1",,,,,,m1,可用,POINT,100,100,100,100,street 20250401 100,street 100,,,,,,,,a0,a74b5007-b2c1-240e-26c7-10839058a2b4,
33,0,"'33",2024-03-15 10:00:00.000,20240315,发放,m1,,,,,先锋党员,PATROL,20240315,,,,,,"'2024-1",,,,,,issuance:street,可用,MINUTE,-600,-600,-600,-600,,,,,,,,,,a0,a74b5007-b2c1-240e-26c7-10839058a2b4,
33,0,"'33",2024-03-15 10:00:00.000,20240315,发放,m1,,,,,先锋党员,PATROL,20240315,,,,,,"'2024-1",,,,,,m1,可用,MINUTE,600,600,600,600,,,,,,,,,,a0,a74b5007-b2c1-240e-26c7-10839058a2b4,
42,0,"'42",2024-03-15 10:00:00.000,20240315,更正,m3,,,,,先锋党员,PATROL,20240315,-2,,,,,"'2024-1",,,,,,m3,可用,POINT,-20,30,-20,30,street 20250401 -20,street -20,,,41,0,"'41",wrong_quantity,,a2,13b15385-7965-beac-2558-0310673934a8,
42,0,"'42",2024-03-15 10:00:00.000,20240315,更正,m3,,,,,先锋党员,PATROL,20240315,,,,,,"'2024-1",,,,,,issuance:street,可用,POINT,20,-175,20,-175,,street 20,,,41,0,"'41",wrong_quantity,,a2,13b15385-7965-beac-2558-0310673934a8,
42,0,"'42",2024-03-15 10:00:00.000,20240315,更正,m3,,,,,先锋党员,PATROL,20240315,,,,,,"'2024-1",,,,,,issuance:street,可用,MINUTE,120,-1020,120,-1020,,,,,41,0,"'41",wrong_quantity,,a2,13b15385-7965-beac-2558-0310673934a8,
42,0,"'42",2024-03-15 10:00:00.000,20240315,更正,m3,,,,,先锋党员,PATROL,20240315,,,,,,"'2024-1",,,,,,m3,可用,MINUTE,-120,180,-120,180,,,,,41,0,"'41",wrong_quantity,,a2,13b15385-7965-beac-2558-0310673934a8,
54,0,"'54",2024-03-15 10:00:00.000,20240315,捐赠,m1,,,,,,,,,,,,,,,,,,,m1,可用,POINT,-7,37,-7,37,street 20250401 -7,street -7,,,,,,,,a0,5b2f3c7f-5010-f977-bc2a-9963972712ac,
54,0,"'54",2024-03-15 10:00:00.000,20240315,捐赠,m1,,,,,,,,,,,,,,,,,,,pool,可用,POINT,7,7,7,7,,street 7,,,,,,,,a0,5b2f3c7f-5010-f977-bc2a-9963972712ac,
44,0,"'44",2024-03-15 10:00:00.000,20240315,兑换,m3,s1,t1,c1,"'0001",先锋党员; 居民群众,,,,,,,,"'2024-1",ANY 数量1 积分40 现金0元,4000,40.00,street 积分40 应付40.00元,,m3,可用,POINT,-40,0,-40,0,street 20250401 -40,street -40,,,,,,,,t1,1aea15eb-1263-2a3f-3ea6-54d910c77bed,
44,0,"'44",2024-03-15 10:00:00.000,20240315,兑换,m3,s1,t1,c1,"'0001",先锋党员; 居民群众,,,,,,,,"'2024-1",,,,,,s1,可用,POINT,40,,40,,,street 40,,,,,,,,t1,1aea15eb-1263-2a3f-3ea6-54d910c77bed,
64,0,"'64",2024-03-15 10:00:00.000,20240315,预扣,m1,s1,t1,c1,"'0001",先锋党员; 居民群众,,,,,,,,"'2024-1",ANY 数量1 积分30 现金0元,,,,,m1,可用,POINT,-30,512,-30,512,street 20250401 -30,street -30,,,,,,,,t1,b0e35703-29d8-6e2b-20ab-245f584230f0,
64,0,"'64",2024-03-15 10:00:00.000,20240315,预扣,m1,s1,t1,c1,"'0001",先锋党员; 居民群众,,,,,,,,"'2024-1",,,,,,m1,预扣,POINT,30,30,30,30,street 20250401 30,street 30,,,,,,,,t1,b0e35703-29d8-6e2b-20ab-245f584230f0,
65,0,"'65",2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",ANY 数量1 积分10 现金0元,1000,10.00,street 积分10 应付10.00元,,m1,预扣,POINT,-10,20,-10,20,street 20250401 -10,street -10,,,64,0,"'64",,,t1,f7e5c40f-9d02-1ab0-2890-dde5bcc0a589,
65,0,"'65",2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,,,,,s1,可用,POINT,10,,10,,,street 10,,,64,0,"'64",,,t1,f7e5c40f-9d02-1ab0-2890-dde5bcc0a589,
65,0,"'65",2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,,,,,m1,预扣,POINT,-20,0,-20,0,street 20250401 -20,street -20,,,64,0,"'64",,,t1,f7e5c40f-9d02-1ab0-2890-dde5bcc0a589,
65,0,"'65",2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,,,,,m1,可用,POINT,20,532,20,532,street 20250401 20,street 20,,,64,0,"'64",,,t1,f7e5c40f-9d02-1ab0-2890-dde5bcc0a589,
69,0,"'69",2024-03-15 10:00:00.000,20240315,预扣取消,m1,s1,t1,c1,"'0001",,,,,,,,,,,,,,,m1,预扣,POINT,-20,0,-20,0,street 20250401 -20,street -20,,,68,0,"'68",,,t1,6fb89d98-2c36-f09b-9ada-3595cf74b989,
69,0,"'69",2024-03-15 10:00:00.000,20240315,预扣取消,m1,s1,t1,c1,"'0001",,,,,,,,,,,,,,,m1,可用,POINT,20,502,20,502,street 20250401 20,street 20,,,68,0,"'68",,,t1,6fb89d98-2c36-f09b-9ada-3595cf74b989,
72,0,"'72",2024-03-15 10:04:00.000,20240315,预扣到期,m1,,,,,,,,,,,,,,,,,,,m1,预扣,POINT,-20,0,-20,0,street 20250401 -20,street -20,,,71,0,"'71",,,ledger,,
72,0,"'72",2024-03-15 10:04:00.000,20240315,预扣到期,m1,,,,,,,,,,,,,,,,,,,m1,可用,POINT,20,502,20,502,street 20250401 20,street 20,,,71,0,"'71",,,ledger,,
78,0,"'78",2024-03-15 10:04:00.000,20240315,退分,m3,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,-3000,-30.00,street 积分-30 应付-30.00元,,s1,可用,POINT,-30,,-30,,,street -30,,,44,0,"'44",,,t1,59547797-3565-95bd-acd1-e48f71e810cb,
78,0,"'78",2024-03-15 10:04:00.000,20240315,退分,m3,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,,,,,issuance:street,可用,POINT,5,-695,5,-695,,street 5,,,44,0,"'44",,,t1,59547797-3565-95bd-acd1-e48f71e810cb,
78,0,"'78",2024-03-15 10:04:00.000,20240315,退分,m3,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,,,,,debts:street,可用,POINT,-5,0,-5,0,,street -5,,,44,0,"'44",,,t1,59547797-3565-95bd-acd1-e48f71e810cb,
78,0,"'78",2024-03-15 10:04:00.000,20240315,退分,m3,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,,,,,m3,欠分,POINT,5,0,5,0,,street 5,,,44,0,"'44",,,t1,59547797-3565-95bd-acd1-e48f71e810cb,
78,0,"'78",2024-03-15 10:04:00.000,20240315,退分,m3,s1,t1,c1,"'0001",,,,,,,,,"'2024-1",,,,,,m3,可用,POINT,25,25,25,25,street 20250401 25,street 25,,,44,0,"'44",,,t1,59547797-3565-95bd-acd1-e48f71e810cb,
59,0,"'59",2024-03-15 10:00:00.000,20240315,撤销,m1,s1,t1,c1,"'0001",,,,,,,,,,,,,,,m1,可用,POINT,0,42,0,42,,,,,58,0,"'58",refused,,t1,ad6a09d4-0263-a4e5-49a5-2507051eb485,e7543c99-4554-3322-f0db-b1cacbbc16db
55,0,"'55",2024-03-15 10:00:00.000,20240315,冲销申请,m1,,,,,,,,,,,,,,,,,,,m1,可用,POINT,0,37,0,37,,,,,54,0,"'54",wrong_amount,,a0,2f544d43-a1d4-d7f2-792a-af4f1563885f,
56,0,"'56",2024-03-15 10:00:00.000,20240315,冲销,m1,,,,,,,,,,,,,,,,,,,pool,可用,POINT,-7,0,-7,0,,street -7,,,54,0,"'54",wrong_amount,,a2,b293bbe9-3fd0-991d-0336-c04ea5953ad5,
56,0,"'56",2024-03-15 10:00:00.000,20240315,冲销,m1,,,,,,,,,,,,,,,,,,,m1,可用,POINT,7,44,7,44,street 20250401 7,street 7,,,54,0,"'54",wrong_amount,,a2,b293bbe9-3fd0-991d-0336-c04ea5953ad5,
144,0,"'144",2024-05-01 00:03:00.000,20240501,过期,m8,,,,,,,,,,,,,,,,,,,m8,可用,POINT,-4,0,-4,0,donor 20240501 -4,donor -4,,,,,,,,ledger,,
144,0,"'144",2024-05-01 00:03:00.000,20240501,过期,m8,,,,,,,,,,,,,,,,,,,expired,可用,POINT,4,8,4,8,donor 20240501 4,donor 4,,,,,,,,ledger,,
901,148752180,"'148752180.901",2024-09-18 00:07:00.000,20240918,恢复过期积分,m8,,,,,,,,,,,,,,,,,,,expired,可用,POINT,-4,0,-4,0,donor 20240501 -4,donor -4,,,140,0,"'140",,,ledger,,
901,148752180,"'148752180.901",2024-09-18 00:07:00.000,20240918,恢复过期积分,m8,,,,,,,,,,,,,,,,,,,m8,可用,POINT,4,4,4,4,donor 20240501 4,donor 4,,,140,0,"'140",,,ledger,,
96,0,"'96",2024-04-30 23:59:00.000,20240430,日结,,,,,,,,20240315,,,,,,,,,,,,,,,,,,,,,,,,,,,,ledger,,
344,0,"'344",2024-09-18 00:03:00.000,20240918,时钟确认,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,所报时间 2024-09-18 00:03:00.000,,a0,c3ab4919-5091-fdbd-b7ee-2c703d59ecd3,
930,148752180,"'148752180.930",2024-09-18 00:07:00.000,20240918,免除欠分申请,m3,,,,,,,,,,,,,,,,,,,m3,可用,POINT,0,25,0,25,,,,,,,,fund_ended,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
902,148752180,"'148752180.902",2024-09-18 00:07:00.000,20240918,免除欠分,m3,,,,,,,,,,,,,,,,,,street 5,m3,欠分,POINT,5,0,5,0,,street 5,,,900,0,"'900",fund_ended,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
902,148752180,"'148752180.902",2024-09-18 00:07:00.000,20240918,免除欠分,m3,,,,,,,,,,,,,,,,,,,debts:street,可用,POINT,-5,0,-5,0,,street -5,,,900,0,"'900",fund_ended,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
40,0,"'40",2024-03-15 10:00:00.000,20240315,拒绝,m2,,,,,,,,,,,,,,,,,,,m2,可用,POINT,0,42,0,42,,,,,,,,QUANTITY_OUT_OF_BOUNDS,request_kind=award; min=1; max=1000,a0,a22ad08a-24ac-4733-3c42-a2735421d8c8,
345,148752180,"'148752180.345",2024-09-18 00:03:00.000,20240918,账本续接,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,restore,,ledger,,
903,148752180,"'148752180.903",2024-09-18 00:07:00.000,20240918,账户汇总,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,ledger,,
904,148752180,"'148752180.904",2024-09-18 00:07:00.000,20240918,账本密钥,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,ledger,,
905,148752180,"'148752180.905",2024-09-18 00:07:00.000,20240918,个人信息删除,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,ledger,,
)";

TEST(Csv, GoldenBytesOfEveryKind) {
  std::string table = CsvHeader();
  for (const Entry& entry : GoldenOfEachKind()) AppendCsv(entry, Definitions(), StateMark(), table);
  EXPECT_EQ(table, "\xEF\xBB\xBF" + absl::StrReplaceAll(kGolden, {{"\n", "\r\n"}}));
}

TEST(Csv, EachRowHasTheHeadersCells) {
  const std::string header = CsvHeader();
  ASSERT_TRUE(header.starts_with("\xEF\xBB\xBF序号,纪元,")) << header;  // first: clients resume by them
  EXPECT_TRUE(header.ends_with("\r\n"));
  const auto headers = Read(header.substr(3));
  ASSERT_EQ(headers.size(), 1u);
  for (const Entry& entry : GoldenEntries()) {
    const auto rows = Read(Rows(entry));
    EXPECT_EQ(rows.size(), std::max<std::size_t>(entry.postings.size(), 1));
    for (const auto& row : rows) {
      EXPECT_EQ(row.size(), headers[0].size());
      EXPECT_EQ(row[0], std::to_string(entry.sequence));
      EXPECT_EQ(row[1], std::to_string(entry.epoch));
    }
  }
}

TEST(Csv, TextThatASpreadsheetWouldTakeForAFormulaGetsAnApostrophe) {
  for (const char* text : {"=1+1", "=HYPERLINK(A1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x01=1", "\x7f=1", " =1", "　=1",
                           "＝1", "＋1", "－1", "−1", "＠SUM", "=", "-"}) {
    EXPECT_EQ(Cell(text), "\"'" + std::string(text) + "\"");
  }
  EXPECT_EQ(Cell("=\"a\",b"), "\"'=\"\"a\"\",b\"");
}

TEST(Csv, TextThatASpreadsheetWouldTakeForANumberOrDateGetsAnApostrophe) {
  for (const char* text : {"0001",
                           "7",
                           "12345678901234567890123456789012",
                           "10000001",
                           "2024-3",
                           "2024-1",
                           "1e5",
                           "1E5",
                           "3-4",
                           "1d5",
                           "5p",
                           "12h",
                           "８８",
                           ".5",
                           "．5",
                           "(5)",
                           "（5）",
                           "$5",
                           "¥5",
                           "￥5",
                           "€5",
                           "£5",
                           "%5",
                           "#N/A",
                           "TRUE",
                           "true",
                           "False",
                           "MAR1",
                           "mar-1",
                           "dec-2024",
                           "Sept3",
                           "september-03",
                           "may-5-2024",
                           "2024年3月"}) {
    EXPECT_EQ(Cell(text), "\"'" + std::string(text) + "\"");
  }
}

TEST(Csv, OtherTextStandsAsItIs) {
  for (const char* text : {"",
                           "a",
                           "PATROL",
                           "c-1",
                           "s-2024-3",
                           "e5",
                           "A0001",
                           "m0123456789abc",
                           "issuance:street",
                           "民悦",
                           "street 20250401 6",
                           "MARKET1",
                           "MAR_1",
                           "mar-a1",
                           "march",
                           "MAY",
                           "sep-tember-1",
                           "TRUEST",
                           "a=1",
                           "a-1",
                           "a'",
                           "a b",
                           "a;b"}) {
    EXPECT_EQ(Cell(text), text);
  }
}

// A reader who takes one apostrophe off gets what was stored: so a text with one of its own gets another.
TEST(Csv, TheApostropheComesOffAgain) {
  for (const char* text : {"'", "'0001", "''", "0001", "=1", "a'b"}) {
    std::string cell = Read(Cell(text) + "\r\n").front().front();
    if (cell.starts_with('\'')) cell.erase(0, 1);
    EXPECT_EQ(cell, text);
  }
}

TEST(Csv, TextIsQuotedWhereItHasTo) {
  const std::vector<std::pair<const char*, const char*>> cells = {{"a,b", "\"a,b\""},       {"a\"b", "\"a\"\"b\""}, {"\"", "\"\"\"\""},
                                                                  {"a\r\nb", "\"a\r\nb\""}, {"a\nb", "\"a\nb\""},   {"a\rb", "\"a\rb\""}};
  for (const auto& [text, cell] : cells) {
    EXPECT_EQ(Cell(text), cell);
    EXPECT_EQ(Read(Cell(text) + "\r\n").front(), std::vector<std::string>{text});
  }
}

// Each column that holds text of others, and with it the same column where it holds a number of ours.
TEST(Csv, NoColumnLetsTextThroughAndNumbersStayNumbers) {
  Entry e = GoldenOf(Kind::kRedemption);
  for (std::string* text : {&e.member, &e.merchant, &e.terminal, &e.clerk, &e.till, &e.activity, &e.session, &e.case_id, &e.rulebook,
                            &e.reason, &e.actor, &e.request_id, &e.target_request, &e.request_kind}) {
    *text = "=1";
  }
  e.lines[0].offer = e.owed[0].fund = "=1";
  for (Posting& p : e.postings) p.holder = Holder("=1"), p.unit = "=1";
  e.postings[0].lots[0].fund = "=1";
  for (const Kind kind : {Kind::kRedemption, Kind::kRefused}) {
    e.kind = kind;
    for (const auto& row : Read(Rows(e))) {
      for (const std::string& cell : row) EXPECT_FALSE(cell.starts_with('=')) << cell;
    }
  }
  EXPECT_EQ(Column("拒绝详情", e)[0], "request_kind==1; lines==1:1:40");
  e = GoldenOf(Kind::kRedemption);
  EXPECT_EQ(Column("数额", e), (std::vector<std::string>{"-40", "40"}));
  EXPECT_EQ(Column("业务日", e)[0], "20240315");
  EXPECT_EQ(Column("记录时间", e)[0], "2024-03-15 10:00:00.000");
}

// A sum over the column must be the ledger's, however many postings the entry has.
TEST(Csv, WhatIsAddedUpStandsInTheFirstRowAlone) {
  const Entry sale = GoldenAt(53), award = GoldenAt(36);
  EXPECT_EQ(Column("应付(分)", sale), (std::vector<std::string>{"6233", ""}));
  EXPECT_EQ(Column("应付明细", sale), (std::vector<std::string>{"donor 积分4 应付1.33元; street 积分61 应付61.00元", ""}));
  EXPECT_EQ(Column("兑换明细", sale), (std::vector<std::string>{"RICE 数量2 积分60 现金1.00元; ANY 数量1 积分5 现金0元", ""}));
  EXPECT_EQ(Column("应付(分)", GoldenAt(147)), (std::vector<std::string>{"-5933", "", "", "", "", ""}));
  EXPECT_EQ(Column("数量", award), (std::vector<std::string>{"1", "", "", ""}));
  // What is filtered by stands in each.
  EXPECT_EQ(Column("场次", award), (std::vector<std::string>{"'2024-03", "'2024-03", "'2024-03", "'2024-03"}));
  EXPECT_EQ(Column("封顶", GoldenAt(35)), (std::vector<std::string>{"是"}));
  // Fen of a fund that owes nothing are a 0, no fen at all are none.
  Entry free = sale;
  free.owed = {{"donor", 4, 0}};
  EXPECT_EQ(Column("应付(分)", free)[0], "0");
  EXPECT_EQ(Column("应付(分)", award)[0], "");
}

// "RICE 数量2 ...; ANY 数量1 ..." adds up by what is named first, as do "street 5; ..." and "street 积分4 应付1.33元".
std::map<std::string, std::int64_t> Sums(const std::vector<std::string>& cells, const std::string& of) {
  std::map<std::string, std::int64_t> sums;
  for (const std::string& cell : cells) {
    const std::vector<std::string> parts = absl::StrSplit(cell, "; ", absl::SkipEmpty());
    for (const std::string& part : parts) {
      const std::vector<std::string> words = absl::StrSplit(part, ' ');
      const auto word = std::find_if(words.begin() + 1, words.end(), [&](const std::string& each) { return each.starts_with(of); });
      if (word == words.end()) return ADD_FAILURE() << "no " << of << " in " << cell, sums;
      sums[words[0]] += std::stoll(word->substr(of.size()));
    }
  }
  return sums;
}

class CsvOfAJournal : public EveryKind {
 protected:
  // All cells of the column, of the whole journal.
  std::vector<std::string> Cells(const std::string& header) {
    std::vector<std::string> cells;
    for (const auto& entry : journal) {
      for (std::string& cell : Column(header, *entry, *state.definitions, state.at)) cells.push_back(std::move(cell));
    }
    return cells;
  }
  std::int64_t Sum(const std::string& header) {
    std::int64_t sum = 0;
    for (const std::string& cell : Cells(header)) sum += cell.empty() ? 0 : std::stoll(cell);
    return sum;
  }
  std::int64_t FenSum(const std::string& header) {
    std::int64_t sum = 0;
    for (std::string cell : Cells(header)) {
      std::erase(cell, '.');  // of two decimals
      sum += cell.empty() ? 0 : std::stoll(cell);
    }
    return sum;
  }
};

TEST_F(CsvOfAJournal, EachColumnThatIsAddedUpIsTheLedgers) {
  Live();
  // What the entries themselves come to: awards as they stand at last, what shops did, and what members owe no more.
  std::map<std::int64_t, std::int64_t> quantities;  // by award
  std::map<std::string, std::int64_t> pieces, owed, waived;
  std::int64_t fen = 0, cash = 0, quantity = 0;
  std::set<std::string> refused;
  for (const auto& e : journal) {
    if (e->kind == Kind::kRefused) {
      if (e->quantity != 0) refused.insert("quantity");
      if (e->cash_fen != 0) refused.insert("cash");
      if (!e->lines.empty()) refused.insert("lines");
      if (e->data.index() != 0) refused.insert("waiver");
      continue;
    }
    if (e->kind == Kind::kAward) quantities[e->sequence] = e->quantity;
    if (e->kind == Kind::kCorrection && e->part.k <= 1) quantities[e->ref] = e->quantity;
    for (const OfferLine& line : e->lines) pieces[line.offer] += line.quantity;
    for (const Owed& each : e->owed) owed[each.fund] += each.points, fen += each.fen;
    cash += e->cash_fen;
    for (const Posting& p : e->postings) {
      if (e->kind == Kind::kDebtWaived && p.sub == Sub::kDebt) waived[p.funds.at(0).fund] += p.amount;
    }
  }
  for (const auto& [award, each] : quantities) quantity += each;
  EXPECT_EQ(refused, (std::set<std::string>{"quantity", "cash", "lines", "waiver"})) << "each would be counted";
  EXPECT_EQ(Sum("数量"), quantity);
  EXPECT_EQ(Sum("应付(分)"), fen);
  EXPECT_EQ(FenSum("应付(元)"), fen);
  EXPECT_EQ(Sums(Cells("应付明细"), "积分"), owed);
  EXPECT_EQ(Sums(Cells("兑换明细"), "数量"), pieces);
  EXPECT_EQ(Sums(Cells("免除明细"), ""), waived);
  EXPECT_EQ(Sum("退现金(分)"), cash);
  EXPECT_EQ(FenSum("退现金(元)"), cash);
}

// Award 41 was of 5, was corrected to 3, 4 and 0, and all of it together is 0.
TEST(Csv, ACorrectionsQuantityIsWhatItChanges) {
  std::vector<std::string> quantities;
  for (const std::int64_t sequence : {41, 42, 43, 45}) quantities.push_back(Column("数量", GoldenAt(sequence))[0]);
  EXPECT_EQ(quantities, (std::vector<std::string>{"5", "-2", "1", "-4"}));
  // Of one in parts the first says it.
  EXPECT_EQ(Column("数量", GoldenAt(342)), (std::vector<std::string>{"-30", ""}));
  EXPECT_EQ(Column("数量", GoldenAt(343)), (std::vector<std::string>{"", ""}));
}

// Refund 81 gave 200 fen back in cash and was undone by 84.
TEST(Csv, AnUndoneRefundLeavesNoMoneyBehind) {
  const Entry refund = GoldenAt(81), undo = GoldenAt(84);
  EXPECT_EQ(Column("退现金(分)", refund), (std::vector<std::string>{"200", ""}));
  EXPECT_EQ(Column("退现金(分)", undo), (std::vector<std::string>{"-200", ""}));
  EXPECT_EQ(Column("应付(分)", refund), (std::vector<std::string>{"-3000", ""}));
  EXPECT_EQ(Column("应付(分)", undo), (std::vector<std::string>{"3000", ""}));
  EXPECT_EQ(Column("商户", undo), (std::vector<std::string>{"s1", "s1"}));
  EXPECT_EQ(Column("关联序号", undo), (std::vector<std::string>{"81", "81"}));
}

TEST(Csv, FundsAndGraceStandWithEachPosting) {
  EXPECT_EQ(Column("资金明细", GoldenAt(147)),
            (std::vector<std::string>{"donor -4; street -58", "street 8", "street -8", "street 8", "donor 4", "street 50"}));
  EXPECT_EQ(Column("批次", GoldenAt(229)), (std::vector<std::string>{"", "donor 20240901 2 原20240701"}));
  EXPECT_EQ(Column("批次", GoldenAt(37)), (std::vector<std::string>{"", "donor 0 2"}));  // never ends
}

// Whole steps and fen for whoever computes, beside them what people read.
TEST(Csv, AmountsHaveTheirUnitsDecimalsBesideWholeNumbers) {
  Definitions of_program;
  of_program.units["POINT"] = {.kind = v1::SPENDABLE, .decimals = 2};
  of_program.units["MINUTE"] = {.kind = v1::TIME, .decimals = 1};
  const auto column = [&](const char* header, std::int64_t sequence) { return Column(header, GoldenAt(sequence), of_program); };
  EXPECT_EQ(column("数额", 33), (std::vector<std::string>{"-100", "100", "-600", "600"}));
  EXPECT_EQ(column("数额(小数)", 33), (std::vector<std::string>{"-1.00", "1.00", "-60.0", "60.0"}));
  EXPECT_EQ(column("余额(小数)", 33), (std::vector<std::string>{"-1.00", "1.00", "-60.0", "60.0"}));
  EXPECT_EQ(column("批次", 33)[1], "street 20250401 1.00");
  EXPECT_EQ(column("批次", 229)[1], "donor 20240901 0.02 原20240701");
  EXPECT_EQ(column("资金明细", 147)[0], "donor -0.04; street -0.58");
  EXPECT_EQ(column("余额(小数)", 44), (std::vector<std::string>{"0", ""}));  // a shop's is not stored
  EXPECT_EQ(column("兑换明细", 53)[0], "RICE 数量2 积分0.60 现金1.00元; ANY 数量1 积分0.05 现金0元");
  EXPECT_EQ(column("应付(分)", 53)[0], "6233");
  EXPECT_EQ(column("应付(元)", 53), (std::vector<std::string>{"62.33", ""}));
  EXPECT_EQ(column("应付明细", 53)[0], "donor 积分0.04 应付1.33元; street 积分0.61 应付61.00元");
  EXPECT_EQ(column("退现金(元)", 81), (std::vector<std::string>{"2.00", ""}));
  EXPECT_EQ(column("退现金(元)", 84), (std::vector<std::string>{"-2.00", ""}));
}

// An export is the same bytes for ever: what is recorded before the first rulebook posts 0, in a unit of which nothing is known yet.
TEST(Csv, NothingIsABareZeroBeforeARulebookAndAfter) {
  Definitions later;
  later.units["POINT"] = {.kind = v1::SPENDABLE, .decimals = 2};
  Entry refused = GoldenAt(40);
  refused.postings[0].balance = 0;
  EXPECT_EQ(Rows(refused, later), Rows(refused));
}

TEST(Csv, ARefusalsFactsStandThere) {
  EXPECT_EQ(Column("拒绝详情", GoldenAt(40)), std::vector<std::string>{"request_kind=award; min=1; max=1000"});
  EXPECT_EQ(Column("原因", GoldenAt(40)), std::vector<std::string>{"QUANTITY_OUT_OF_BOUNDS"});
  EXPECT_EQ(Column("拒绝详情", GoldenAt(42))[0], "");
}

// In none of the columns that people add up.
TEST(Csv, WhatWasAskedForAndRefusedStandsThere) {
  EXPECT_EQ(Column("拒绝详情", GoldenAt(923))[0], "request_kind=capture; max=5; asked=6");
  Entry refused = GoldenAt(40);
  refused.quantity = 9, refused.points = 30, refused.cash_fen = 600'000, refused.carried = {45, 1};
  refused.lines = {{"EGGS_30", 10, 150}, {"RICE", 2, 60, 100}};
  refused.owed = {{"donor", 4, 133}};
  refused.data = WaiverData{"donor", 11};
  EXPECT_EQ(Column("拒绝详情", refused)[0],
            "request_kind=award; min=1; max=1000; quantity=9; asked=30; cash=6000.00元; lines=EGGS_30:10:150 RICE:2:60:1.00元; "
            "waive=donor 11");
  for (const char* header : {"数量", "当月累计", "兑换明细", "应付(分)", "应付(元)", "应付明细", "免除明细", "退现金(分)", "退现金(元)"}) {
    EXPECT_EQ(Column(header, refused)[0], "") << header;
  }
}

// Points with their decimals, money in 元, and numbers that are no amounts as they are.
TEST(Csv, AmountsOfARefusalAreWhatPeopleRead) {
  Definitions of_program;
  of_program.units["POINT"] = {.kind = v1::SPENDABLE, .decimals = 2};
  const auto details = [&](const Entry& entry) { return Column("拒绝详情", entry, of_program)[0]; };
  EXPECT_EQ(details(GoldenAt(40)), "request_kind=award; min=1; max=1000");
  EXPECT_EQ(details(GoldenAt(923)), "request_kind=capture; max=0.05; asked=0.06");
  Entry refused = GoldenAt(923);
  refused.refusal = "INSUFFICIENT_POINTS", refused.facts = {{"short_by", "20"}};
  refused.lines = {{"RICE", 2, 60, 100}}, refused.data = WaiverData{"donor", 11};
  EXPECT_EQ(details(refused), "request_kind=capture; short_by=0.20; asked=0.06; lines=RICE:2:0.60:1.00元; waive=donor 0.11");
  refused.refusal = "REFUND_CASH_EXCEEDS", refused.facts = {{"max", "30"}};
  refused.lines.clear(), refused.data = {}, refused.cash_fen = 200;
  EXPECT_EQ(details(refused), "request_kind=capture; max=0.30元; asked=0.06; cash=2.00元");
}

TEST(Csv, AProgramUnderAnotherKeySaysSo) {
  const Entry rekeyed = GoldenAt(931), founded = GoldenAt(0);
  EXPECT_EQ(Column("类型", rekeyed), Column("类型", founded));
  EXPECT_EQ(Column("原因", rekeyed), std::vector<std::string>{"改用密钥 0123456789abcdef"});
  EXPECT_EQ(Column("原因", founded), std::vector<std::string>{""});
}

TEST(Csv, AReversalNamesItsTargetAndWhatItFound) {
  EXPECT_EQ(Column("目标请求", GoldenAt(59))[0], "e7543c99-4554-3322-f0db-b1cacbbc16db");
  EXPECT_EQ(Column("目标请求", GoldenAt(53))[0], "");
  for (const auto& [sequence, effect] :
       std::vector<std::pair<std::int64_t, std::string>>{{59, "refused"}, {61, "undone"}, {62, "tombstone"}, {70, "ended"}}) {
    EXPECT_EQ(Column("原因", GoldenAt(sequence))[0], effect);
  }
}

TEST(Csv, WhatTimeAndOperatorsDidHasItsDayAndCause) {
  EXPECT_EQ(Column("活动日", GoldenAt(96)), std::vector<std::string>{"20240315"});
  EXPECT_EQ(Column("应付(分)", GoldenAt(96)), std::vector<std::string>{""});  // the sales have said it
  EXPECT_EQ(Column("原因", GoldenAt(345)), std::vector<std::string>{"restore"});
  EXPECT_EQ(Column("原因", GoldenAt(344)), std::vector<std::string>{"所报时间 2024-09-18 00:03:00.000"});
  EXPECT_EQ(Column("原因", GoldenAt(907)), std::vector<std::string>{"所报时间 2024-09-17 00:07:00.000; 拨回, 20240916 及以前的日结有效"});
}

// An entry and the one that it is about may be of two epochs.
TEST(Csv, SequencesHaveTheirEpochs) {
  StateMark at;
  at.epochs = {{7, 50}, {9, 80}};
  Entry refund = GoldenEntries().front();
  refund.epoch = 9, refund.sequence = 100;
  for (const auto& [ref, epoch] : {std::pair(49, "0"), {50, "7"}, {79, "7"}, {80, "9"}}) {
    refund.ref = ref;
    EXPECT_EQ(Column("序号", refund, {}, at), std::vector<std::string>{"100"});
    EXPECT_EQ(Column("纪元", refund, {}, at), std::vector<std::string>{"9"});
    EXPECT_EQ(Column("关联序号", refund, {}, at), std::vector<std::string>{std::to_string(ref)});
    EXPECT_EQ(Column("关联纪元", refund, {}, at), std::vector<std::string>{epoch});
    // In one cell as they are named everywhere, so that a spreadsheet looks the one up among the others.
    EXPECT_EQ(Column("编号", refund, {}, at), std::vector<std::string>{"'9.100"});
    EXPECT_EQ(Column("关联编号", refund, {}, at),
              std::vector<std::string>{absl::StrCat("'", ref < 50 ? "" : absl::StrCat(epoch, "."), ref)});
  }
  refund.ref = -1;
  EXPECT_EQ(Column("关联纪元", refund, {}, at), std::vector<std::string>{""});
  EXPECT_EQ(Column("关联编号", refund, {}, at), std::vector<std::string>{""});
  refund.epoch = 0;
  EXPECT_EQ(Column("编号", refund, {}, at), std::vector<std::string>{"'100"});
}

// Once, however many postings, and not in the proposal as well.
TEST(Csv, WhatIsWaivedStandsWithItsFund) {
  Definitions of_program;
  of_program.units["POINT"] = {.kind = v1::SPENDABLE, .decimals = 1};
  EXPECT_EQ(Column("免除明细", GoldenAt(930), of_program), std::vector<std::string>{""});
  EXPECT_EQ(Column("免除明细", GoldenAt(902), of_program), (std::vector<std::string>{"street 0.5", ""}));
  EXPECT_EQ(Column("免除明细", GoldenAt(78))[3], "");  // a debt that grows
}

// 922 goes on from deeds of 45 minutes, of which 1 point came.
TEST(Csv, WhatADeedGoesOnFromStandsInEachRow) {
  EXPECT_EQ(Column("当月累计", GoldenAt(922)), (std::vector<std::string>{"数量45 已计1", "数量45 已计1"}));
  EXPECT_EQ(Column("当月累计", GoldenAt(33))[0], "");
  v1::Rulebook book;
  book.set_version("2024-1"), book.set_effective_day(20240101);
  auto& unit = *book.add_units();
  unit.set_code("POINT"), unit.set_kind(v1::SPENDABLE), unit.set_decimals(2);
  auto& visit = *book.add_activities();
  visit.set_code("VISIT");
  auto& earning = *visit.add_earnings();
  earning.set_unit("POINT"), earning.set_numerator(1), earning.set_denominator(30), earning.set_rounding(v1::DOWN), earning.set_carry(true);
  auto parsed = Rulebook::Parse(Canonical(book));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  Definitions of_program;
  of_program.books[20240101] = std::make_shared<const Rulebook>(*std::move(parsed));
  of_program.IndexUnits();
  EXPECT_EQ(Column("当月累计", GoldenAt(922), of_program)[0], "数量45 已计0.01");
}

// Takes one field out of an entry and notes the names of all.
struct Without {
  std::string_view key;
  std::set<std::string> keys;
  template <class T> void Required(std::string_view name, T& field) { Optional(name, field); }
  template <class T> void Optional(std::string_view name, T& field, const std::type_identity_t<T>& absent = {}) {
    keys.emplace(name);
    if (name == key) field = absent;
  }
};

// What csv.h says is left out, and nothing else.
TEST(Csv, EachFieldOfAnEntryIsShownOrNamedAsLeftOut) {
  const std::vector<Entry> entries = GoldenEntries();
  Without all;
  Entry any;
  Fields(all, any);
  std::set<std::string> hidden;
  for (const std::string& key : all.keys) {
    const bool is_shown = std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
      Entry without = entry;
      Without visitor{key, {}};
      Fields(visitor, without);
      return Rows(without) != Rows(entry);
    });
    if (!is_shown) hidden.insert(key);
  }
  EXPECT_EQ(hidden,
            (std::set<std::string>{"program",         "item",          "part",         "fingerprint", "on_behalf", "approvals",
                                   "presentation",    "payer_use",     "grid",         "about",       "tags",      "evidence_sha256",
                                   "note_commitment", "unique",        "external_id",  "amounts",     "sale",      "limit_day",
                                   "limit_points",    "hold_until_ms", "rate_version", "span",        "blobs"}));
}

}  // namespace
}  // namespace redpoints
