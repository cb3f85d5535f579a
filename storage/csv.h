// The ledger as a table for people: UTF-8 with BOM, zh-CN headers, CRLF, so that Excel and WPS open it. For reading only; evidence is the
// JSON Lines export. Pure functions: the same entries give the same bytes.
//
// One row for each posting. What is not of the posting stands in each row of its entry, to be filtered by, but for what people add up or
// count: 数量, 兑换明细, 应付(分), 应付(元), 应付明细, 免除明细, 退现金(分) and 退现金(元) stand in the entry's first row alone, and never in the row
// of a refusal, so that a column's sum is the ledger's. Of 兑换明细 that is what was asked for: a hold has its lines and each capture its own,
// and nothing that is given back takes any away.
//
// 数额, 余额 and the columns with (分) are whole numbers, as stored. Beside them, and in the texts, stands what people read: points and other
// units with the decimals that their rulebook gives them, money in 元 with two; nothing is a bare 0.
//
//   序号, 纪元           the first columns, bare digits: clients that resume a file find their place by them
//   编号, 关联编号       both numbers in one, as screens and names have them: 33, and after a restore with the epoch, 217345678.345; a text, so
//                        that a spreadsheet finds the entry that another one is about
//   数量                 of an award; of a correction by how much it changes that: -2
//   当月累计             of an award or correction whose activity carries remainders on, what it goes on from: the other deeds' quantity in the
//                        month, and what they earned before caps: 数量45 已计1
//   活动日               of an award the day of the deed; of 日结 the day that is closed
//   兑换明细             RICE 数量1 积分6 现金0元; BILL 数量2 积分4 现金12.50元
//   应付(分), 应付(元)   what the funds owe the shop for the entry, negative when it is taken back
//   应付明细             the same by fund: donor 积分4 应付1.33元; street ...
//   免除明细             the debt to a fund that is waived: street 5; its proposal, at 关联编号, says nothing here
//   数额(小数), 余额(小数)   数额 and 余额 as people read them, of FEN in 元
//   拒绝详情             of a refusal its facts, and what was asked for; what is 0 is not there: request_kind=redemption; short_by=20;
//                        lines=RICE:2:60:1.00元 ANY:1:5 (offer, pieces, points, cash). Others say quantity=9, asked=30 (points of a
//                        capture, refund or donation), cash=2.00元 (of a refund), waive=street 11, or stated=2024-09-18 00:03:00.000 (of a
//                        clock to be set back). Points that are refused before the first rulebook are whole until there is one
//   批次                 fund, first day without the points (0: never), points: street 20250401 6; with grace the end before: ... 6 原20240401
//   资金明细             which funds' points they are: donor 4; street 6
//   退现金(分), 退现金(元)   what the shop gave back in cash beside a refund; negative where that refund is undone
//   关联序号, 关联纪元   the entry that is refunded, reversed, corrected or undone; of a hold's end the hold, of a waiver its proposal
//   原因                 of a refusal its reason; of a reversal what it found; of corrections, undos, waivers and epochs why; of a second
//                        设立计划 the key under which the side state is kept from there on: 改用密钥 0123456789abcdef; of 时钟确认 the time
//                        that was stated, and where it sets the clock back the last day that stands closed: time falls at that row, and
//                        later days have another 日结
//
// Not here, but in the JSON Lines export:
//   of an entry     program, item, part, fingerprint, on_behalf, approvals, presentation, payer_use, grid, about, tags, evidence_sha256,
//                   note_commitment, unique, external_id, amounts, sale, limit_day, limit_points, hold_until_ms, rate_version, span, blobs;
//                   of an undo its proposal
//   within others   the kind and price of an offer line, the rounding of what is owed, prev of a posting; of what is registered or reported
//                   all but that which 活动日 and 原因 show, so of a waiver's proposal what it asks to waive
//
// A text cell that a spreadsheet would not leave as it is gets an apostrophe in front (AppendCsvText); a reader takes one off each text
// cell that begins with one and has what was stored. That is what OWASP advises against formulas, and Excel and WPS then show the
// apostrophe and all digits. Rejected: ="0001" is a formula itself, and asks every other reader to understand it; a tab in front can't be
// seen, so that a search for 0001 finds nothing and nobody knows why; quotes alone change nothing for either program. Columns of numbers,
// days (20240315) and the time of recording are left to be numbers and dates.
#pragma once

#include <string>
#include <string_view>

#include "storage/rules/entry.h"
#include "storage/rules/state.h"

namespace redpoints {

// The BOM and the header row.
std::string CsvHeader();

// The rows of one entry: one for each posting, one with empty posting cells when there is none. `definitions` and `at` of its program, as
// of the entry or later.
void AppendCsv(const Entry& entry, const Definitions& definitions, const StateMark& at, std::string& out);

// A text cell: quoted where needed, and with an apostrophe in front where a spreadsheet would take it for
//   a formula          = + - @, their full-width forms (which a Chinese locale reads alike), a control character or space (may be left out)
//   a number or date   a digit (half or full width), . ( # % or a currency in front; TRUE and FALSE; an English month with digits: MAR-1,
//                      dec2024
//   the mark itself    an apostrophe in front
void AppendCsvText(std::string_view text, std::string& out);

}  // namespace redpoints
