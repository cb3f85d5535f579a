#include "client/cli/import_file.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/arguments.h"
#include "client/cli/csv.h"

namespace redpoints::cli {
namespace {

constexpr std::size_t kErrorsMax = 20;

// One column: how its text is put into a row. An empty cell of a column that is not required is skipped.
template <class Row> struct ColumnRule {
  const char* name;
  const char* zh;
  bool is_required;
  std::function<absl::Status(const std::string& text, Row* row)> set;
};

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> parts;
  for (const auto part : absl::StrSplit(text, ';', absl::SkipWhitespace())) parts.emplace_back(absl::StripAsciiWhitespace(part));
  return parts;
}

// The rule of each column of the header, by position.
template <class Row>
absl::StatusOr<std::vector<const ColumnRule<Row>*>> ReadHeader(const CsvRow& header, const std::vector<ColumnRule<Row>>& rules,
                                                               const Text& t) {
  std::vector<const ColumnRule<Row>*> columns;
  for (const auto& field : header.fields) {
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& each) { return field == each.name || field == each.zh; });
    if (rule == rules.end()) {
      return absl::InvalidArgumentError(AtLine(header.line, t("没有这一列:", "unknown column: ") + field, t));
    }
    if (std::find(columns.begin(), columns.end(), &*rule) != columns.end()) {
      return absl::InvalidArgumentError(AtLine(header.line, t("这一列重复:", "column given twice: ") + field, t));
    }
    columns.push_back(&*rule);
  }
  for (const auto& rule : rules) {
    if (!rule.is_required || std::find(columns.begin(), columns.end(), &rule) != columns.end()) continue;
    return absl::InvalidArgumentError(AtLine(header.line, t("缺少列:", "missing column: ") + t(rule.zh, rule.name), t));
  }
  return columns;
}

template <class Row>
absl::Status ReadRow(const CsvRow& source, const std::vector<const ColumnRule<Row>*>& columns, Row* row, const Text& t) {
  if (source.fields.size() != columns.size()) {
    return absl::InvalidArgumentError(t("列数应为 ", "expected ") + std::to_string(columns.size()) + t(",实为 ", " columns, found ") +
                                      std::to_string(source.fields.size()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string& text = source.fields[i];
    const std::string label = t(columns[i]->zh, columns[i]->name);
    if (text.empty() && columns[i]->is_required) return absl::InvalidArgumentError(label + t(": 必填", ": is required"));
    if (text.empty()) continue;
    if (const auto status = columns[i]->set(text, row); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(label, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

template <class Row>
absl::StatusOr<std::vector<Row>> ParseFile(std::string_view text, const std::vector<ColumnRule<Row>>& rules, const Text& t) {
  const auto lines = ParseCsv(text, t);
  if (!lines.ok()) return lines.status();
  if (lines->size() < 2) return absl::InvalidArgumentError(t("文件没有数据行", "the file has no rows"));
  const auto columns = ReadHeader(lines->front(), rules, t);
  if (!columns.ok()) return columns.status();
  std::vector<Row> rows;
  std::vector<std::string> errors;
  for (std::size_t i = 1; i < lines->size() && errors.size() < kErrorsMax; ++i) {
    Row row;
    row.line = (*lines)[i].line;
    const auto status = ReadRow((*lines)[i], *columns, &row, t);
    if (!status.ok()) errors.push_back(AtLine(row.line, std::string(status.message()), t));
    rows.push_back(std::move(row));
  }
  if (errors.empty()) return rows;
  std::string message;
  for (const auto& error : errors) message += (message.empty() ? "" : "\n") + error;
  return absl::InvalidArgumentError(message);
}

// Puts a parsed value into the row, or passes the error on.
template <class Value, class Set> absl::Status Apply(absl::StatusOr<Value> value, const Set& set) {
  if (value.ok()) set(*std::move(value));
  return value.status();
}

}  // namespace

absl::StatusOr<std::vector<AwardRow>> ParseAwardFile(std::string_view text, const std::string& program, const Text& t) {
  using Row = AwardRow;
  const auto plain = [](void (*set)(const std::string&, v1::AwardItem*)) {
    return [set](const std::string& cell, Row* row) {
      set(cell, &row->item);
      return absl::OkStatus();
    };
  };
  const std::vector<ColumnRule<Row>> rules = {
      {"member", "会员", true,
       [&](const std::string& cell, Row* row) {
         row->item.set_member(MemberOfAward(program, cell));
         return absl::OkStatus();
       }},
      {"activity", "活动", true, plain([](const std::string& cell, v1::AwardItem* item) { item->set_activity(cell); })},
      {"quantity", "数量", true,
       [&](const std::string& cell, Row* row) {
         const auto quantity = ParseNumber(cell, t);
         if (quantity.ok() && *quantity < 1) return absl::InvalidArgumentError(t("至少为 1", "at least 1"));
         return Apply(quantity, [row](std::int64_t value) { row->item.set_quantity(value); });
       }},
      {"effective_day", "日期", true,
       [&](const std::string& cell, Row* row) {
         return Apply(ParseDay(cell, t), [row](std::int32_t day) { row->item.set_effective_day(day); });
       }},
      {"group", "群体", true,
       [&](const std::string& cell, Row* row) {
         return Apply(ParseEnum<v1::Group>(cell, t), [row](v1::Group group) { row->item.set_group(group); });
       }},
      {"session", "场次", false, plain([](const std::string& cell, v1::AwardItem* item) { item->set_session(cell); })},
      {"case", "案件", false, plain([](const std::string& cell, v1::AwardItem* item) { item->set_case_(cell); })},
      {"evidence_sha256", "凭证", false,
       [&](const std::string& cell, Row* row) {
         return Apply(ParseSha256(cell, t), [row](std::string hash) { row->item.set_evidence_sha256(std::move(hash)); });
       }},
      {"note_commitment", "备注承诺", false,
       [&](const std::string& cell, Row* row) {
         return Apply(ParseSha256(cell, t), [row](std::string hash) { row->item.set_note_commitment(std::move(hash)); });
       }},
      {"tags", "标签", false, plain([](const std::string& cell, v1::AwardItem* item) {
         for (auto& tag : SplitList(cell)) item->add_tags(std::move(tag));
       })},
      {"about", "相关", false, plain([](const std::string& cell, v1::AwardItem* item) { item->set_about(cell); })},
  };
  return ParseFile<Row>(text, rules, t);
}

absl::StatusOr<std::vector<MemberRow>> ParseMemberFile(std::string_view text, const std::string& program, const Text& t) {
  using Row = MemberRow;
  const std::vector<ColumnRule<Row>> rules = {
      {"kind", "类型", true,
       [&](const std::string& cell, Row* row) {
         return Apply(ParseEnum<v1::MemberKind>(cell, t), [row](v1::MemberKind kind) { row->member.set_kind(kind); });
       }},
      {"groups", "群体", true,
       [&](const std::string& cell, Row* row) {
         for (const auto& part : SplitList(cell)) {
           const auto status = Apply(ParseGroupSpan(part, t), [row](v1::GroupSpan span) { *row->member.add_groups() = std::move(span); });
           if (!status.ok()) return status;
         }
         return absl::OkStatus();
       }},
      {"grid", "网格", false,
       [](const std::string& cell, Row* row) {
         row->member.set_grid(cell);
         return absl::OkStatus();
       }},
      {"memberships", "所属", false,
       [&](const std::string& cell, Row* row) {
         for (const auto& part : SplitList(cell)) {
           const auto status = Apply(ParseMembership(program, part, t),
                                     [row](v1::Membership membership) { *row->member.add_memberships() = std::move(membership); });
           if (!status.ok()) return status;
         }
         return absl::OkStatus();
       }},
      {"state", "状态", false,
       [&](const std::string& cell, Row* row) {
         return Apply(ParseEnum<v1::RegistrationState>(cell, t), [row](v1::RegistrationState state) { row->member.set_state(state); });
       }},
      {"ref", "备注号", false,
       [](const std::string& cell, Row* row) {
         row->ref = cell;
         return absl::OkStatus();
       }},
  };
  auto rows = ParseFile<Row>(text, rules, t);
  if (!rows.ok()) return rows;
  for (auto& row : *rows) {
    if (row.member.state() == v1::REGISTRATION_STATE_UNSPECIFIED) row.member.set_state(v1::ACTIVE);
  }
  return rows;
}

absl::StatusOr<std::vector<OfferRow>> ParseOfferFile(std::string_view text, const std::string& program, const Text& t) {
  using Row = OfferRow;
  const auto plain = [](void (*set)(const std::string&, v1::Offer*)) {
    return [set](const std::string& cell, Row* row) {
      set(cell, &row->offer);
      return absl::OkStatus();
    };
  };
  const auto points = [&](void (v1::Offer::*set)(std::int64_t)) {
    return [set, &t](const std::string& cell, Row* row) {
      const auto value = ParseNumber(cell, t);
      if (value.ok() && *value < 1) return absl::InvalidArgumentError(t("至少为 1", "at least 1"));
      return Apply(value, [=](std::int64_t number) { (row->offer.*set)(number); });
    };
  };
  const auto day = [&](void (v1::Offer::*set)(std::int32_t)) {
    return [set, &t](const std::string& cell, Row* row) {
      return Apply(ParseDay(cell, t), [=](std::int32_t number) { (row->offer.*set)(number); });
    };
  };
  const std::vector<ColumnRule<Row>> rules = {
      {"code", "编码", true, plain([](const std::string& cell, v1::Offer* offer) { offer->set_code(cell); })},
      {"kind", "类型", true,
       [&](const std::string& cell, Row* row) {
         return Apply(ParseEnum<v1::OfferKind>(cell, t), [row](v1::OfferKind kind) { row->offer.set_kind(kind); });
       }},
      {"price_points", "单价", false, points(&v1::Offer::set_price_points)},
      {"max_points", "每笔最多", false, points(&v1::Offer::set_max_points)},
      {"merchant", "商户", false,
       [&](const std::string& cell, Row* row) {
         row->offer.set_merchant(ResourceName(program, "merchants", cell));
         return absl::OkStatus();
       }},
      {"name_zh_cn", "名称", false, plain([](const std::string& cell, v1::Offer* offer) { offer->set_name_zh_cn(cell); })},
      {"from_day", "开始日", false, day(&v1::Offer::set_from_day)},
      {"to_day", "结束日", false, day(&v1::Offer::set_to_day)},
  };
  return ParseFile<Row>(text, rules, t);
}

}  // namespace redpoints::cli
