#include "storage/csv.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "proto/contract/reason.h"
#include "proto/contract/request_id.h"
#include "proto/contract/words.h"
#include "storage/amounts.h"
#include "storage/rules/kinds.h"
#include "storage/rules/lots.h"
#include "storage/rules/rulebook.h"

namespace redpoints {
namespace {

constexpr const char* kHeaders[] = {
    "序号",     "纪元",       "编号",       "记录时间", "业务日",   "类型",     "会员", "商户",     "终端",       "店员",       "小票号",
    "群体",     "活动",       "活动日",     "数量",     "当月累计", "封顶",     "场次", "案件",     "规则册",     "兑换明细",   "应付(分)",
    "应付(元)", "应付明细",   "免除明细",   "账户",     "账户部分", "单位",     "数额", "余额",     "数额(小数)", "余额(小数)", "批次",
    "资金明细", "退现金(分)", "退现金(元)", "关联序号", "关联纪元", "关联编号", "原因", "拒绝详情", "经办",       "请求编号",   "目标请求"};

std::string TimeText(std::int64_t unix_ms) {
  const Day day = DayOf(unix_ms);
  const std::int64_t in_day = unix_ms - StartOf(day);
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02d %02d:%02d:%02d.%03d", day / 10000, day / 100 % 100, day % 100,
                static_cast<int>(in_day / 3'600'000), static_cast<int>(in_day / 60'000 % 60), static_cast<int>(in_day / 1000 % 60),
                static_cast<int>(in_day % 1000));
  return buffer;
}

// In its five groups a request id can't be taken for a number or date, so it needs no apostrophe.
void AppendUuid(const std::string& hex, std::string& out) {
  if (hex.size() != 32) return AppendCsvText(hex, out);
  out += FormatUuid(hex);
}

std::string_view PartText(Sub sub) {
  return ZhOf(WordList::kAccountPart, sub == Sub::kHeld ? "held" : sub == Sub::kDebt ? "debt" : "available");
}

constexpr std::string_view kUnsafeStarts[] = {
    "=",  "+",  "-",    "@",  "＝", "＋", "－", "−",  "＠",  // formulas
    " ",  "　", "\x7f",                                      // may be left out, and then the next one counts; so are control characters
    ".",  "．", "(",    "（", "$",  "＄", "¥",  "￥", "€",  "£",  "%", "％", "#",  // numbers, #N/A
    "０", "１", "２",   "３", "４", "５", "６", "７", "８", "９", "'",
};

constexpr std::string_view kMonths[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};

// "MAR1", "may-2024", "Sept 3"; neither "MARKET" nor "mar-a1".
bool IsMonthWithDigits(std::string_view text) {
  const auto word = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), absl::ascii_isalpha) - text.begin());
  std::string letters(text.substr(0, word));
  absl::AsciiStrToLower(&letters);
  if (letters == "sept") letters = "sep";
  const bool is_month = std::any_of(std::begin(kMonths), std::end(kMonths),
                                    [&](std::string_view month) { return letters == month || letters == month.substr(0, 3); });
  return is_month && text.substr(word).find_first_of("0123456789") != std::string_view::npos &&
         text.substr(word).find_first_not_of("0123456789 -/.,:") == std::string_view::npos;
}

bool IsSafe(std::string_view text) {
  if (text.empty()) return true;
  if (absl::ascii_iscntrl(static_cast<unsigned char>(text[0])) || absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return false;
  for (const auto start : kUnsafeStarts) {
    if (text.starts_with(start)) return false;
  }
  std::string upper(text.substr(0, 6));
  absl::AsciiStrToUpper(&upper);
  return upper != "TRUE" && upper != "FALSE" && !IsMonthWithDigits(text);
}

// "RICE 数量1 积分6 现金0元; BILL ..."
std::string LinesText(const Entry& e, const Amounts& in) {
  std::string text;
  for (const OfferLine& line : e.lines) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", line.offer, " 数量", line.quantity, " 积分", in.Points(line.points), " 现金",
                    in.Yuan(line.cash_fen), "元");
  }
  return text;
}

std::string OwedText(const Entry& e, const Amounts& in) {
  std::string text;
  for (const Owed& owed : e.owed) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", owed.fund, " 积分", in.Points(owed.points), " 应付", in.Yuan(owed.fen), "元");
  }
  return text;
}

std::int64_t FenOwed(const Entry& e) {
  std::int64_t fen = 0;
  for (const Owed& owed : e.owed) fen += owed.fen;
  return fen;
}

// Which points of which fund: "street 6; donor 4".
std::string FundsText(const Posting& p, const Amounts& in) {
  std::string text;
  if (p.unit != kPoint) return text;
  for (const FundAmount& f : FundsOf(p)) absl::StrAppend(&text, text.empty() ? "" : "; ", f.fund, " ", in.Points(f.amount));
  return text;
}

// Where an activity carries remainders on: from what the deed goes on, "数量45 已计1".
std::string CarriedText(const Entry& e, const Definitions& definitions, const Amounts& in) {
  if (e.carried == Carried{}) return "";
  const v1::Activity* activity = definitions.ActivityOf(e);
  const v1::Earning* carrying = activity ? CarryingOf(*activity) : nullptr;
  return absl::StrCat("数量", e.carried.quantity, " 已计", in.Of(carrying ? carrying->unit() : "", e.carried.earned));
}

// The debt that is waived: "street 5".
std::string WaivedText(const Entry& e, const Amounts& in) {
  if (e.kind != Kind::kDebtWaived) return "";
  const auto of_member = std::find_if(e.postings.begin(), e.postings.end(), [](const Posting& p) { return p.sub == Sub::kDebt; });
  return of_member == e.postings.end() ? "" : FundsText(*of_member, in);
}

// A fact of a refusal as people read it: "max" is a number of pieces, points or fen, by the reason.
std::string FactText(Reason reason, const std::string& key, const std::string& value, const Amounts& in) {
  const FactAmount is = AmountOf(reason, key);
  std::int64_t amount = 0;
  if (is == FactAmount::kNone || !absl::SimpleAtoi(value, &amount)) return value;
  return is == FactAmount::kCash ? in.Yuan(amount) + "元" : in.Points(amount);
}

// What was refused, the facts of the reason, and what was asked for.
std::string RefusalText(const Entry& e, const Amounts& in) {
  if (e.kind != Kind::kRefused) return "";
  std::string text, lines;
  const auto add = [&](const std::string& key, const auto& value) { absl::StrAppend(&text, text.empty() ? "" : "; ", key, "=", value); };
  if (!e.request_kind.empty()) add("request_kind", e.request_kind);
  const Reason reason = ReasonFromName(e.refusal);
  for (const auto& [key, value] : e.facts) add(key, FactText(reason, key, value, in));
  if (e.quantity != 0) add("quantity", e.quantity);
  if (e.points != 0) add("asked", in.Points(e.points));
  if (e.cash_fen != 0) add("cash", in.Yuan(e.cash_fen) + "元");
  for (const OfferLine& line : e.lines) {
    absl::StrAppend(&lines, lines.empty() ? "" : " ", line.offer, ":", line.quantity, ":", in.Points(line.points));
    if (line.cash_fen != 0) absl::StrAppend(&lines, ":", in.Yuan(line.cash_fen), "元");
  }
  if (!lines.empty()) add("lines", lines);
  if (const auto* waiver = std::get_if<WaiverData>(&e.data)) add("waive", absl::StrCat(waiver->fund, " ", in.Points(waiver->points)));
  if (const auto* clock = std::get_if<ClockData>(&e.data)) add("stated", TimeText(clock->stated_ms));
  return text;
}

// Of an award the group that it counts for, of a sale all that the member was in.
std::string GroupText(const Entry& e) {
  std::string text(e.group == Group::kNone ? "" : ZhOf(WordList::kGroup, WordOf(e.group)));
  for (const Group group : e.groups) absl::StrAppend(&text, text.empty() ? "" : "; ", std::string(ZhOf(WordList::kGroup, WordOf(group))));
  return text;
}

// "street 20250401 6; donor 0 4": fund, first day without the points (0: never), points; with grace the end before: "donor 20240701 4
// 原20240501".
std::string LotsText(const Posting& p, const Amounts& in) {
  std::string text;
  for (const Lot& lot : p.lots) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", lot.fund, " ", lot.end == kNever ? 0 : lot.end, " ", in.Points(lot.amount));
    if (lot.first_end != 0) absl::StrAppend(&text, " 原", lot.first_end);
  }
  return text;
}

// Of a correction by how much it changes the award's: a column's sum is then the ledger's.
std::int64_t QuantityOf(const Entry& e) { return e.quantity - e.quantity_before; }

// Of a deed its day, of a closed day that one.
Day DayOfDeed(const Entry& e) {
  const auto* closed = std::get_if<DayData>(&e.data);
  return closed ? closed->day : e.effective_day;
}

// Why: of a refusal its reason, of a reversal what it found, of a program that stands there again its other key, of corrections, undos,
// waivers, epochs and clocks the word of who made them.
std::string WhyText(const Entry& e) {
  if (!e.refusal.empty()) return e.refusal;
  if (const auto* epoch = std::get_if<EpochData>(&e.data)) return epoch->why;
  if (const auto* program = std::get_if<ProgramData>(&e.data)) {
    return e.actor == kLedgerActor ? absl::StrCat("改用密钥 ", program->side_key) : "";  // what a founder registers needs no cause
  }
  if (const auto* clock = std::get_if<ClockData>(&e.data)) {
    const std::string stated = absl::StrCat("所报时间 ", TimeText(clock->stated_ms));
    return IsSetBack(e) ? absl::StrCat(stated, "; 拨回, ", clock->last_closed_day, " 及以前的日结有效") : stated;
  }
  return e.effect == Effect::kNone ? e.reason : std::string(WordOf(e.effect));
}

}  // namespace

std::string CsvHeader() {
  std::string header = "\xEF\xBB\xBF";
  for (const char* name : kHeaders) absl::StrAppend(&header, name == kHeaders[0] ? "" : ",", name);
  return header + "\r\n";
}

void AppendCsvText(std::string_view text, std::string& out) {
  const bool is_safe = IsSafe(text);
  if (is_safe && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  if (!is_safe) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void AppendCsv(const Entry& e, const Definitions& definitions, const StateMark& at, std::string& out) {
  const Amounts in(definitions);
  const std::size_t rows = e.postings.empty() ? 1 : e.postings.size();
  for (std::size_t i = 0; i < rows; ++i) {
    const bool counts = i == 0 && e.kind != Kind::kRefused;  // what people add up: once, and nothing of what was refused
    const Posting* p = e.postings.empty() ? nullptr : &e.postings[i];
    const auto text = [&](std::string_view cell) {
      out += ',';
      AppendCsvText(cell, out);
    };
    const auto number = [&](std::int64_t value, bool is_there) { absl::StrAppend(&out, ",", is_there ? absl::StrCat(value) : ""); };
    const auto decimal = [&](std::string_view unit, std::int64_t value, bool is_there) {
      absl::StrAppend(&out, ",", is_there ? in.Of(unit, value) : "");
    };
    const auto uuid = [&](const std::string& hex) {
      out += ',';
      AppendUuid(hex, out);
    };
    absl::StrAppend(&out, e.sequence, ",", e.epoch);
    text(FormatNumber(e.epoch, e.sequence));
    absl::StrAppend(&out, ",", TimeText(e.recorded_ms));
    number(e.business_day, true);
    text(ZhOf(WordList::kEntryKind, KindName(e.kind)));
    text(e.member);
    text(e.merchant);
    text(e.terminal);
    text(e.clerk);
    text(e.till);
    text(GroupText(e));
    text(e.activity);
    number(DayOfDeed(e), DayOfDeed(e) != 0);
    number(QuantityOf(e), counts && QuantityOf(e) != 0);
    text(e.kind == Kind::kRefused ? "" : CarriedText(e, definitions, in));
    text(e.cap_hit ? "是" : "");
    text(e.session);
    text(e.case_id);
    text(e.rulebook);
    text(counts ? LinesText(e, in) : "");
    number(FenOwed(e), counts && !e.owed.empty());
    decimal(kFen, FenOwed(e), counts && !e.owed.empty());
    text(counts ? OwedText(e, in) : "");
    text(counts ? WaivedText(e, in) : "");
    text(p ? p->holder.text() : "");
    text(p ? PartText(p->sub) : "");
    text(p ? p->unit : "");
    number(p ? p->amount : 0, p != nullptr);
    number(p ? p->balance : 0, p && HasRunningBalance(p->holder));
    decimal(p ? p->unit : "", p ? p->amount : 0, p != nullptr);
    decimal(p ? p->unit : "", p ? p->balance : 0, p && HasRunningBalance(p->holder));
    text(p ? LotsText(*p, in) : "");
    text(p ? FundsText(*p, in) : "");
    number(e.cash_fen, counts && e.cash_fen != 0);
    decimal(kFen, e.cash_fen, counts && e.cash_fen != 0);
    const std::int64_t reference = AboutOf(e);
    number(reference, reference >= 0);
    number(at.EpochOf(reference), reference >= 0);
    text(reference >= 0 ? FormatNumber(at.EpochOf(reference), reference) : "");
    text(WhyText(e));
    text(RefusalText(e, in));
    text(e.actor);
    uuid(e.request_id);
    uuid(e.target_request);
    out += "\r\n";
  }
}

}  // namespace redpoints
