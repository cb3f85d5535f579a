#include "client/cli/labels.h"

#include <algorithm>
#include <charconv>

#include "proto/contract/amount.h"
#include "proto/contract/words.h"

namespace redpoints::cli {
namespace {

struct Label {
  const char* name;
  const char* zh;
};

// In English a field's own name serves. A field that is named for a kind of entries or a part of an account has that word.
constexpr Label kFields[] = {
    {"activity", "活动"},
    {"administrator", "管理员"},
    {"amount", "数额"},
    {"amounts", "入账"},
    {"as_of_epoch", "截至纪元"},
    {"as_of_sequence", "截至序号"},
    {"as_of_time", "截至时间"},
    {"balances", "余额"},
    {"budget_points", "预算积分"},
    {"business_day", "业务日"},
    {"cap_hit", "达到上限"},
    {"cash_fen", "现金(分)"},
    {"closing_balance", "期末余额"},
    {"code", "编码"},
    {"content", "内容"},
    {"data", "数据"},
    {"decimals", "小数位数"},
    {"debt_paid_points", "抵扣欠分"},
    {"debt_points", "新增欠分"},
    {"directory", "目录"},
    {"effective_day", "生效日"},
    {"end_day", "失效日"},
    {"end_sequence", "条目数"},
    {"epoch", "纪元"},
    {"expire_time", "到期时间"},
    {"expired_points", "过期积分"},
    {"explanation", "说明"},
    {"external", "外部人员"},
    {"explanation_zh_cn", "说明"},
    {"facts", "详情"},
    {"first_state", "首次结果"},
    {"format", "规则格式"},
    {"from_day", "开始日"},
    {"grants", "角色"},
    {"grid", "网格"},
    {"group", "群体"},
    {"groups", "群体"},
    {"hold", "预扣单"},
    {"kind", "类型"},
    {"kind_zh_cn", "类型"},
    {"last", "最后一条"},
    {"last_closed_day", "最近日结"},
    {"ledger_epoch", "账本现纪元"},
    {"line", "条目"},
    {"lines", "明细"},
    {"lot_end_day", "失效日"},
    {"lots", "积分批次"},
    {"max_points", "每笔最多积分"},
    {"member", "会员"},
    {"members", "会员"},
    {"memberships", "所属"},
    {"merchant", "商户"},
    {"name", "名称"},
    {"name_zh_cn", "名称"},
    {"next_expiry_amount", "最近到期积分"},
    {"next_expiry_day", "最近到期日"},
    {"next_page_token", "翻页标记"},
    {"next_zh_cn", "下一步"},
    {"node", "节点"},
    {"number", "会员号"},
    {"opening_balance", "期初余额"},
    {"outcome", "结果"},
    {"parent", "上级"},
    {"people", "人员"},
    {"place", "地点"},
    {"places", "地点"},
    {"points", "积分"},
    {"points_decimals", "积分小数位数"},
    {"price_points", "单价积分"},
    {"program", "积分计划"},
    {"programs_left", "未收到的积分计划"},
    {"proposal", "申请"},
    {"reason", "原因"},
    {"record_time", "记录时间"},
    {"reference", "关联序号"},
    {"reference_epoch", "关联纪元"},
    {"refunded_points", "已退积分"},
    {"refusal", "拒绝"},
    {"registration", "登记"},
    {"registrations", "登记"},
    {"replayed", "重复请求"},
    {"request_id", "请求编号"},
    {"result", "结果"},
    {"results", "结果"},
    {"role", "角色"},
    {"rulebook_version", "规则册版本"},
    {"scope", "范围"},
    {"sequence", "序号"},
    {"sha256", "SHA-256"},
    {"staff", "工作人员"},
    {"state", "当前状态"},
    {"state_epoch", "状态纪元"},
    {"state_sequence", "状态序号"},
    {"target", "被撤销的请求"},
    {"terminal", "终端"},
    {"text", "文本"},
    {"through", "到此条为止"},
    {"to_day", "结束日"},
    {"type", "种类"},
    {"unit", "单位"},
    {"version", "版本"},
    {"waived_points", "免除欠分"},
    {"withdrawn", "已撤回"},
    {"zh_cn", "说明"},
};

// Of a refusal.
constexpr Label kFacts[] = {
    {"clock", "系统时间"},
    {"clock_confirmed", "时钟确认"},
    {"data", "数据"},
    {"day", "业务日"},
    {"entry", "条目"},
    {"epoch", "账本纪元"},
    {"expected", "应为"},
    {"expiry_undone", "恢复过期积分"},
    {"field", "字段"},
    {"fund", "资金"},
    {"item", "第几项(从 0 数起)"},
    {"kind", "类型"},
    {"limit", "限额"},
    {"line", "明细(从 0 数起)"},
    {"lots", "批次"},
    {"max", "最多"},
    {"max_days", "最多天数"},
    {"min", "至少"},
    {"name", "名称"},
    {"opening", "从此条起不同"},
    {"points", "应为积分"},
    {"ref", "关联条目"},
    {"request_kind", "请求类型"},
    {"retry_ms", "等待毫秒"},
    {"short_by", "还差"},
    {"stated", "所报时间"},
    {"target", "目标"},
};

// What a field should have been. A rulebook's author reads what is said of it in English, as its JSON is.
constexpr Label kExpected[] = {
    {"0 beside a price", "有单价时为 0"},
    {"0, or a day after from_day", "0,或 from_day 之后的日期"},
    {"0, or a day as yyyymmdd", "0,或日期如 20240315"},
    {"0: no entry is ahead of the clock", "0: 没有条目晚于系统时间"},
    {"1 to 16 of a-z 0-9 -, a letter first", "1 至 16 个 a-z 0-9 -,字母开头"},
    {"1 to 32 of A-Z 0-9 _", "1 至 32 个 A-Z 0-9 _"},
    {"1 to 32 of A-Z a-z 0-9 . -", "1 至 32 个 A-Z a-z 0-9 . -"},
    {"1 to 32 of a-z 0-9 -", "1 至 32 个 a-z 0-9 -"},
    {"1 to 32 of a-z 0-9 - each", "每个 1 至 32 个 a-z 0-9 -"},
    {"1 to 32 of a-z 0-9 -, a letter first", "1 至 32 个 a-z 0-9 -,字母开头"},
    {"1 to 63 of a-z 0-9 -", "1 至 63 个 a-z 0-9 -"},
    {"16 hex digits", "16 位十六进制数"},
    {"32 bytes", "32 字节"},
    {"64 hex digits", "64 位十六进制数"},
    {"8 to 10 digits with their check digit", "8 至 10 位数字,含校验位"},
    {"A-Z 0-9 _", "大写字母、数字、_"},
    {"A-Z a-z 0-9 -", "字母、数字、-"},
    {"JSON_LINES or CSV", "jsonl 或 csv"},
    {"OPERATOR in the system program and only there", "运维角色只在系统计划中,系统计划中只有运维角色"},
    {"a UUID such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8", "UUID,如 6ba7b810-9dad-41d1-80b4-00c04fd430c8"},
    {"a day as yyyymmdd", "日期,如 20240315"},
    {"a known value", "已知的取值"},
    {"a letter first", "字母开头"},
    {"a member, merchant, terminal, staff person, node, fund, offer or rulebook",
     "会员、商户、终端、人员、组织或地点、资金、兑换项目或规则册"},
    {"a person", "个人"},
    {"a person's, of a household or organisation", "个人所属的家庭或单位"},
    {"a person, or external", "个人,或外部人员"},
    {"a registration", "一项登记"},
    {"a resource name such as programs/{program}/members/{member}", "名称,如 programs/{program}/members/{member}"},
    {"a server whose configuration has a backup_directory", "服务器配置了 backup_directory"},
    {"a tree", "上级不成环"},
    {"a-z 0-9 -", "小写字母、数字、-"},
    {"an id", "编号"},
    {"another id than request_id", "与 request_id 不同的请求编号"},
    {"ascending, spans of a group that don't overlap", "按先后排列,同一群体的日期不重叠"},
    {"days as yyyymmdd, to_day after from_day", "日期如 20240315,to_day 在 from_day 之后"},
    {"empty: this role is for the whole program", "不填: 该角色适用于整个计划"},
    {"false beside a member", "有会员时为 false"},
    {"groups and days", "群体和日期"},
    {"members and days", "会员和日期"},
    {"members, merchants, terminals, staff, nodes, funds, offers or rulebooks",
     "会员、商户、终端、人员、组织或地点、资金、兑换项目或规则册"},
    {"members, roles and days", "会员、角色和日期"},
    {"no control characters", "不含控制字符"},
    {"none for a place", "地点不填"},
    {"none: that is registered in the system program", "不填: 在系统计划中登记"},
    {"roles and nodes", "角色和节点"},
    {"spans of a group that don't overlap", "同一群体的日期不重叠"},
    {"the code of a unit in a rulebook", "规则册中单位的编码"},
    {"the day before the stated time", "所报时间的前一天"},
    {"the id of another request", "另一请求的编号"},
    {"the kind it has", "原来的类型"},
    {"the one that was founded", "已设立的计划"},
    {"up to 40 characters", "不超过 40 个字"},
    {"whole_pieces", "整件"},
};

constexpr Label kLimits[] = {
    {"presentation", "出示方式"}, {"per_redemption", "单笔"}, {"member_day", "会员当日"}, {"member_month", "会员当月"},
    {"merchant_day", "商户当日"}, {"count", "次数"},          {"entry_size", "单笔明细"},
};

template <std::size_t N> const Label* Find(const Label (&words)[N], const std::string& name) {
  const auto* word = std::find_if(std::begin(words), std::end(words), [&](const Label& each) { return name == each.name; });
  return word == std::end(words) ? nullptr : word;
}

const Word* FindWordOf(const google::protobuf::EnumValueDescriptor& value) {
  const auto list = WordListOf(value.type()->name());
  return list ? FindWord(*list, value.number()) : nullptr;
}

// PARTY_VANGUARD as party-vanguard.
std::string CommandLineForm(std::string name) {
  for (char& c : name) c = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

// What a command line takes for a value: the stored word where there is one, since a proto's names need prefixes (UNDO_WRONG_MEMBER).
std::string Choice(const google::protobuf::EnumValueDescriptor& value) {
  const Word* word = FindWordOf(value);
  return CommandLineForm(word && !word->stored.empty() ? std::string(word->stored) : value.name());
}

// A fact's value as people read it.
std::string FactValue(Reason reason, const std::string& key, const std::string& value, int points_decimals, const Text& t) {
  const FactAmount is = AmountOf(reason, key);
  std::int64_t amount = 0;
  const char* end = value.data() + value.size();
  if (is == FactAmount::kNone || std::from_chars(value.data(), end, amount).ptr != end) return value;
  return is == FactAmount::kCash ? FormatAmount(amount, kFenDecimals) + t(" 元", " yuan") : FormatAmount(amount, points_decimals);
}

}  // namespace

std::string FieldLabel(const std::string& name, const Text& t) {
  std::string label = name;
  if (t.language() == Language::kZh) {
    constexpr std::string_view kChange = "_change";
    if (const Label* found = Find(kFields, name)) {
      label = found->zh;
    } else if (const Word* kind = FindStored(WordList::kEntryKind, name)) {
      label = kind->zh_cn;
    } else if (const Word* part = FindStored(WordList::kAccountPart, name)) {
      label = part->zh_cn;
    } else if (name.ends_with(kChange)) {
      label = std::string(ZhOf(WordList::kAccountPart, name.substr(0, name.size() - kChange.size()))) + "变动";
    }
  }
  std::replace(label.begin(), label.end(), '_', ' ');
  return label;
}

std::string FactText(Reason reason, const std::string& key, const std::string& stored, int points_decimals, const Text& t) {
  const std::string value = FactValue(reason, key, stored, points_decimals, t);
  const Label* label = t.language() == Language::kZh ? Find(kFacts, key) : nullptr;
  if (!label) return key + "=" + value;
  const Label* word = key == "limit" ? Find(kLimits, value) : key == "expected" ? Find(kExpected, value) : nullptr;
  return std::string(label->zh) + " " + (word ? word->zh : value);
}

std::string EnumLabel(const google::protobuf::EnumValueDescriptor& value, const Text& t) {
  if (value.number() == 0) return "";
  const Word* word = t.language() == Language::kZh ? FindWordOf(value) : nullptr;
  return word ? std::string(word->zh_cn) : Choice(value);
}

std::optional<int> EnumNumber(const google::protobuf::EnumDescriptor& type, std::string_view text) {
  const std::string wanted = CommandLineForm(std::string(text));
  for (int i = 0; i < type.value_count(); ++i) {
    const auto& value = *type.value(i);
    if (value.number() == 0) continue;
    const Word* word = FindWordOf(value);
    if (CommandLineForm(value.name()) == wanted || Choice(value) == wanted || (word && text == word->zh_cn)) return value.number();
  }
  return std::nullopt;
}

std::string EnumChoices(const google::protobuf::EnumDescriptor& type) {
  std::string choices;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    choices += (choices.empty() ? "" : ", ") + Choice(*type.value(i));
  }
  return choices;
}

}  // namespace redpoints::cli
