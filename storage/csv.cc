#include "storage/csv.h"

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace redpoints {
namespace {

constexpr const char* kHeaders[] = {"序号", "记录时间", "业务日", "类型", "会员", "商户", "终端", "店员", "小票号", "群体", "活动", "活动日",
                                    "数量", "场次", "案件", "规则册", "账户", "账户部分", "单位", "数额", "余额", "批次", "关联序号",
                                    "原因", "经办", "请求编号"};

std::string TimeText(std::int64_t unix_ms) {
  const Day day = DayOf(unix_ms);
  const std::int64_t in_day = unix_ms - StartOf(day);
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02d %02d:%02d:%02d.%03d", day / 10000, day / 100 % 100, day % 100,
                static_cast<int>(in_day / 3'600'000), static_cast<int>(in_day / 60'000 % 60), static_cast<int>(in_day / 1000 % 60),
                static_cast<int>(in_day % 1000));
  return buffer;
}

// With its hyphens a request id can't be taken for a number.
std::string UuidText(const std::string& hex) {
  if (hex.size() != 32) return hex;
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-", hex.substr(20));
}

const char* SubText(Sub sub) { return sub == Sub::kHeld ? "预扣" : sub == Sub::kDebt ? "欠分" : "可用"; }

}  // namespace

std::string CsvHeader() {
  std::string header = "\xEF\xBB\xBF";
  for (const char* name : kHeaders) absl::StrAppend(&header, name == kHeaders[0] ? "" : ",", name);
  return header + "\r\n";
}

void AppendCsvText(std::string_view text, std::string& out) {
  const bool is_formula = !text.empty() && (text[0] == '=' || text[0] == '+' || text[0] == '-' || text[0] == '@' || text[0] == '\t' || text[0] == '\r');
  const bool is_quoted = is_formula || text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (!is_quoted) {
    out += text;
    return;
  }
  out += '"';
  if (is_formula) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void AppendCsv(const Entry& e, std::string& out) {
  const std::size_t rows = e.postings.empty() ? 1 : e.postings.size();
  for (std::size_t i = 0; i < rows; ++i) {
    const Posting* p = e.postings.empty() ? nullptr : &e.postings[i];
    const auto text = [&](std::string_view cell) {
      out += ',';
      AppendCsvText(cell, out);
    };
    const auto number = [&](std::int64_t value, bool is_there) { absl::StrAppend(&out, ",", is_there ? absl::StrCat(value) : ""); };
    absl::StrAppend(&out, e.sequence);
    text(TimeText(e.recorded_ms));
    number(e.business_day, true);
    text(KindNameZh(e.kind));
    text(e.member);
    text(e.merchant);
    text(e.terminal);
    text(e.clerk);
    text(e.till);
    text(e.group);
    text(e.activity);
    number(e.effective_day, e.effective_day != 0);
    number(e.quantity, e.quantity != 0);
    text(e.session);
    text(e.case_id);
    text(e.rulebook);
    text(p ? p->holder : "");
    text(p ? SubText(p->sub) : "");
    text(p ? p->unit : "");
    number(p ? p->amount : 0, p != nullptr);
    number(p ? p->balance : 0, p != nullptr);
    std::string lots;
    for (std::size_t l = 0; p && l < p->lots.size(); ++l) {
      absl::StrAppend(&lots, l ? "; " : "", p->lots[l].fund, " ", p->lots[l].end == kNever ? 0 : p->lots[l].end, " ", p->lots[l].amount);
    }
    text(lots);
    number(e.ref >= 0 ? e.ref : e.hold, e.ref >= 0 || e.hold >= 0);
    text(e.reason);
    text(e.actor);
    text(UuidText(e.request_id));
    out += "\r\n";
  }
}

}  // namespace redpoints
