// The table that accountants open: its bytes for every kind of entry, and that a spreadsheet leaves its texts alone.
#include "storage/csv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/golden.h"

namespace redpoints {
namespace {

std::string Cell(std::string_view text) {
  std::string cell;
  AppendCsvText(text, cell);
  return cell;
}

std::string Rows(const Entry& entry) {
  std::string rows;
  AppendCsv(entry, rows);
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
std::vector<std::string> Column(const std::string& header, const Entry& entry) {
  const auto headers = Read(CsvHeader().substr(3)).front();
  const auto at = static_cast<std::size_t>(std::find(headers.begin(), headers.end(), header) - headers.begin());
  EXPECT_LT(at, headers.size()) << header;
  std::vector<std::string> cells;
  for (const auto& row : Read(Rows(entry))) cells.push_back(row.at(at));
  return cells;
}

// What follows the BOM, LF for CRLF.
constexpr char kGolden[] =
    R"(序号,记录时间,业务日,类型,会员,商户,终端,店员,小票号,群体,活动,活动日,数量,封顶,场次,案件,规则册,兑换明细,应付(分),应付明细,账户,账户部分,单位,数额,余额,批次,关联序号,原因,拒绝详情,经办,请求编号,目标请求
0,2024-03-15 10:00:00.000,20240315,设立计划,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,组织地点,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,资金,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,会员登记,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,商户登记,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,终端登记,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,人员登记,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,规则册,,,,,,,,,,,,,"'2024-1",,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,发放,m1,,,,,party_vanguard,PATROL,20240301,1,是,s-1,c-1,"'2024-1",,,,issuance:street,可用,POINT,-10,-110,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,发放,m1,,,,,party_vanguard,PATROL,20240301,,是,s-1,c-1,"'2024-1",,,,m1,欠分,POINT,4,0,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,发放,m1,,,,,party_vanguard,PATROL,20240301,,是,s-1,c-1,"'2024-1",,,,m1,可用,POINT,6,6,street 20250401 6,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,发放,m1,,,,,party_vanguard,PATROL,20240301,,是,s-1,c-1,"'2024-1",,,,issuance:street,可用,MINUTE,-60,-60,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,发放,m1,,,,,party_vanguard,PATROL,20240301,,是,s-1,c-1,"'2024-1",,,,m1,可用,MINUTE,60,60,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,更正,m1,,,,,residents,PATROL,20240301,,,s-1,,"'2024-1",,,,m1,可用,POINT,-6,0,street 20250401 -6,7,deed_not_done,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,更正,m1,,,,,residents,PATROL,20240301,,,s-1,,"'2024-1",,,,m1,欠分,POINT,-4,-4,,7,deed_not_done,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,更正,m1,,,,,residents,PATROL,20240301,,,s-1,,"'2024-1",,,,issuance:street,可用,POINT,10,-100,,7,deed_not_done,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,捐赠,m1,,,,,,,,,,,,,,,,m1,可用,POINT,-10,0,donor 20240501 -4; street 20250401 -6,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,捐赠,m1,,,,,,,,,,,,,,,,pool,可用,POINT,10,10,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,兑换,m1,s1,t1,c1,"'0001",,,,,,,,"'2024-1",RICE 数量1 积分6 现金0分; BILL 数量2 积分4 现金1250分,733,donor 积分4 应付133分; street 积分6 应付600分,m1,可用,POINT,-10,0,donor 20240501 -4; street 20250401 -6,,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,兑换,m1,s1,t1,c1,"'0001",,,,,,,,"'2024-1",,,,s1,可用,POINT,10,10,,,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣,m1,s1,t1,c1,"'0001",,,,,,,,"'2024-1",RICE 数量1 积分10 现金0分,,,m1,可用,POINT,-10,0,donor 20240501 -4; street 20250401 -6,,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣,m1,s1,t1,c1,"'0001",,,,,,,,"'2024-1",,,,m1,预扣,POINT,10,10,,,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,20240315,,,,,"'2024-1",RICE 数量1 积分4 现金0分,133,donor 积分4 应付133分,m1,预扣,POINT,-4,6,donor 20240501 -4,41,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,20240315,,,,,"'2024-1",,,,s1,可用,POINT,4,14,,41,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,20240315,,,,,"'2024-1",,,,m1,预扣,POINT,-6,0,,41,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣完成,m1,s1,t1,c1,"'0001",,,20240315,,,,,"'2024-1",,,,m1,可用,POINT,6,6,street 20250401 6,41,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣取消,m1,s1,t1,c1,"'0001",,,,,,,,,,,,m1,预扣,POINT,-10,0,,0,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣取消,m1,s1,t1,c1,"'0001",,,,,,,,,,,,m1,可用,POINT,10,10,donor 20240501 4; street 20250401 6,0,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,预扣到期,m1,,,,,,,,,,,,,,,,m1,预扣,POINT,-10,0,,41,,,ledger,,
42,2024-03-15 10:00:00.000,20240315,预扣到期,m1,,,,,,,,,,,,,,,,m1,可用,POINT,10,10,donor 20240501 4; street 20250401 6,41,,,ledger,,
42,2024-03-15 10:00:00.000,20240315,退分,m1,s1,t1,c1,"'0001",,,,,,,,"'2024-1",,-733,street 积分-6 应付-600分; donor 积分-4 应付-133分,s1,可用,POINT,-10,-3,,0,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,退分,m1,s1,t1,c1,"'0001",,,,,,,,"'2024-1",,,,m1,可用,POINT,6,6,street 20250401 6,0,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,退分,m1,s1,t1,c1,"'0001",,,,,,,,"'2024-1",,,,expired,可用,POINT,4,4,donor 20240301 4,0,,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,撤销,m1,s1,t1,c1,"'0001",,,20240315,10,,,,"'2024-1",,-733,street 积分-6 应付-600分; donor 积分-4 应付-133分,s1,可用,POINT,-10,0,,40,undone,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,00010203-0405-0607-0809-0a0b0c0d0e0f
42,2024-03-15 10:00:00.000,20240315,撤销,m1,s1,t1,c1,"'0001",,,20240315,,,,,"'2024-1",,,,m1,可用,POINT,10,10,donor 20240501 4; street 20250401 6,40,undone,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,00010203-0405-0607-0809-0a0b0c0d0e0f
42,2024-03-15 10:00:00.000,20240315,撤销,,s1,t1,c1,"'0001",,,,,,,,,,,,,,,,,,,tombstone,,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,00010203-0405-0607-0809-0a0b0c0d0e0f
42,2024-03-15 10:00:00.000,20240315,过期,m1,,,,,,,,,,,,,,,,m1,可用,POINT,-10,0,donor 20240501 -4; street 20250401 -6,,,,ledger,,
42,2024-03-15 10:00:00.000,20240315,过期,m1,,,,,,,,,,,,,,,,expired,可用,POINT,10,10,,,,,ledger,,
42,2024-03-15 10:00:00.000,20240315,日结,,,,,,,,20240314,,,,,,,,,,,,,,,,,,ledger,,
42,2024-03-15 10:00:00.000,20240315,时钟确认,,,,,,,,,,,,,,,,,,,,,,,,,,a0,00010203-0405-0607-0809-0a0b0c0d0e0f,
42,2024-03-15 10:00:00.000,20240315,拒绝,m1,s1,t1,c1,"'0001",,,,,,,,,,,,,,,,,,,INSUFFICIENT_POINTS,request_kind=redemption; short_by=20,t1,00010203-0405-0607-0809-0a0b0c0d0e0f,
)";

TEST(Csv, GoldenBytesOfEveryKind) {
  std::string table = CsvHeader();
  for (const Entry& entry : GoldenOfEachKind()) AppendCsv(entry, table);
  EXPECT_EQ(table, "\xEF\xBB\xBF" + absl::StrReplaceAll(kGolden, {{"\n", "\r\n"}}));
}

TEST(Csv, EachRowHasTheHeadersCells) {
  const std::string header = CsvHeader();
  ASSERT_TRUE(header.starts_with("\xEF\xBB\xBF序号,")) << header;  // the sequence first: clients resume by it
  EXPECT_TRUE(header.ends_with("\r\n"));
  const auto headers = Read(header.substr(3));
  ASSERT_EQ(headers.size(), 1u);
  for (const Entry& entry : GoldenEntries()) {
    const auto rows = Read(Rows(entry));
    EXPECT_EQ(rows.size(), std::max<std::size_t>(entry.postings.size(), 1));
    for (const auto& row : rows) {
      EXPECT_EQ(row.size(), headers[0].size());
      EXPECT_EQ(row[0], std::to_string(entry.sequence));
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
  e.kind = Kind::kRefused;
  for (std::string* text : {&e.member, &e.merchant, &e.terminal, &e.clerk, &e.till, &e.activity, &e.session, &e.case_id, &e.rulebook,
                            &e.reason, &e.actor, &e.request_id, &e.target_request, &e.request_kind}) {
    *text = "=1";
  }
  e.lines[0].offer = e.owed[0].fund = "=1";
  for (Posting& p : e.postings) p.holder = Holder("=1"), p.unit = "=1";
  e.postings[0].lots[0].fund = "=1";
  for (const auto& row : Read(Rows(e))) {
    for (const std::string& cell : row) EXPECT_FALSE(cell.starts_with('=')) << cell;
  }
  EXPECT_EQ(Column("拒绝详情", e)[0], "request_kind==1");
  e = GoldenOf(Kind::kRedemption);
  EXPECT_EQ(Column("数额", e), (std::vector<std::string>{"-10", "10"}));
  EXPECT_EQ(Column("业务日", e)[0], "20240315");
  EXPECT_EQ(Column("记录时间", e)[0], "2024-03-15 10:00:00.000");
}

// A sum over the column must be the ledger's, however many postings the entry has.
TEST(Csv, WhatIsAddedUpStandsInTheFirstRowAlone) {
  const Entry sale = GoldenOf(Kind::kRedemption), refund = GoldenOf(Kind::kRefund), award = GoldenOf(Kind::kAward);
  EXPECT_EQ(Column("应付(分)", sale), (std::vector<std::string>{"733", ""}));
  EXPECT_EQ(Column("应付明细", sale), (std::vector<std::string>{"donor 积分4 应付133分; street 积分6 应付600分", ""}));
  EXPECT_EQ(Column("兑换明细", sale), (std::vector<std::string>{"RICE 数量1 积分6 现金0分; BILL 数量2 积分4 现金1250分", ""}));
  EXPECT_EQ(Column("应付(分)", refund), (std::vector<std::string>{"-733", "", ""}));
  EXPECT_EQ(Column("数量", award), (std::vector<std::string>{"1", "", "", "", ""}));
  // What is filtered by stands in each.
  EXPECT_EQ(Column("封顶", award), (std::vector<std::string>{"是", "是", "是", "是", "是"}));
  // Fen of a fund that owes nothing are a 0, no fen at all are none.
  Entry free = sale;
  free.owed = {{"donor", 4, 0}};
  EXPECT_EQ(Column("应付(分)", free)[0], "0");
  EXPECT_EQ(Column("应付(分)", award)[0], "");
}

TEST(Csv, ARefusalsFactsStandThere) {
  EXPECT_EQ(Column("拒绝详情", GoldenOf(Kind::kRefused)), std::vector<std::string>{"request_kind=redemption; short_by=20"});
  EXPECT_EQ(Column("拒绝详情", GoldenOf(Kind::kCorrection))[0], "");  // its facts are the award's new amounts
}

TEST(Csv, AReversalNamesItsTarget) {
  EXPECT_EQ(Column("目标请求", GoldenOf(Kind::kReversal))[0], "00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(Column("目标请求", GoldenOf(Kind::kRedemption))[0], "");
}

}  // namespace
}  // namespace redpoints
