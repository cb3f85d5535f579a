#include "client/cli/view.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/labels.h"
#include "client/cli/table.h"
#include "client/refused.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/json_util.h"
#include "proto/contract/names.h"
#include "redpoints/v1/outcome.pb.h"

namespace redpoints::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// Numbers that mean something when they are 0.
const std::set<std::string>& ShownWhenZero() {
  static const auto* const names = new std::set<std::string>{"available", "opening_balance", "closing_balance", "end_sequence", "sequence"};
  return *names;
}

bool IsAmount(const std::string& name) {
  return name == "points" || name == "amount" || name == "available" || name == "held" || name == "debt" ||
         absl::EndsWith(name, "_points") || absl::EndsWith(name, "_amount") || absl::EndsWith(name, "_change") ||
         absl::EndsWith(name, "_balance");
}

bool IsTimestamp(const FieldDescriptor& field) {
  return field.message_type() != nullptr && field.message_type() == google::protobuf::Timestamp::descriptor();
}

std::string TimeText(const Message& message) {
  const auto& time = static_cast<const google::protobuf::Timestamp&>(message);
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()), absl::FixedTimeZone(8 * 60 * 60));
}

std::string DayText(std::int64_t day) {
  if (day == 0) return "";
  const std::string text = std::to_string(day);
  return text.size() == 8 ? absl::StrCat(text.substr(0, 4), "-", text.substr(4, 2), "-", text.substr(6)) : text;
}

bool SaysDecimals(const std::string& name) { return name == "decimals" || name == "points_decimals"; }

// How many decimals the amounts in a message have: it says so itself, or else the message around it did.
int DecimalsIn(const Message& message, int around) {
  for (const char* name : {"decimals", "points_decimals"}) {
    if (const auto* field = message.GetDescriptor()->FindFieldByName(name)) return message.GetReflection()->GetInt32(message, field);
  }
  return around;
}

std::string NumberText(const std::string& name, std::int64_t value, int decimals) {
  if (absl::EndsWith(name, "_day")) return DayText(value);
  if (name == "reference" && value < 0) return "";
  return IsAmount(name) ? WithThousands(value, decimals) : std::to_string(value);
}

// "epoch" of "sequence", "state_epoch" of "state_sequence", "reference_epoch" of "reference": the field beside a sequence that says in
// which epoch the entry was written; nullptr where there is none. An entry's number shows both.
const FieldDescriptor* EpochOf(const FieldDescriptor& field) {
  constexpr std::string_view kSequence = "sequence";
  const std::string& name = field.name();
  if (name == "reference") return field.containing_type()->FindFieldByName("reference_epoch");
  if (!name.ends_with(kSequence)) return nullptr;
  return field.containing_type()->FindFieldByName(name.substr(0, name.size() - kSequence.size()) + "epoch");
}
bool IsEpochOfAnother(const FieldDescriptor& field) {
  const auto& type = *field.containing_type();
  for (int i = 0; i < type.field_count(); ++i) {
    if (EpochOf(*type.field(i)) == &field) return true;
  }
  return false;
}

// `decimals`, here and below: DecimalsIn of the message.
std::string Joined(const Message& message, int decimals, const Text& t);

// One value of a field; `index` is -1 for a field that is not repeated.
std::string ValueText(const Message& message, const FieldDescriptor& field, int index, int decimals, const Text& t) {
  const auto& reflection = *message.GetReflection();
  const bool is_repeated = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return NumberText(field.name(),
                        is_repeated ? reflection.GetRepeatedInt32(message, &field, index) : reflection.GetInt32(message, &field), decimals);
    case FieldDescriptor::CPPTYPE_INT64:
      if (const auto* epoch = EpochOf(field); epoch && !is_repeated && reflection.GetInt64(message, &field) >= 0) {
        return FormatNumber(reflection.GetInt64(message, epoch), reflection.GetInt64(message, &field));
      }
      return NumberText(field.name(),
                        is_repeated ? reflection.GetRepeatedInt64(message, &field, index) : reflection.GetInt64(message, &field), decimals);
    case FieldDescriptor::CPPTYPE_BOOL: return reflection.GetBool(message, &field) ? t("是", "yes") : t("否", "no");
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumLabel(*(is_repeated ? reflection.GetRepeatedEnum(message, &field, index) : reflection.GetEnum(message, &field)), t);
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = is_repeated ? reflection.GetRepeatedString(message, &field, index) : reflection.GetString(message, &field);
      return absl::EndsWith(field.name(), "sha256") ? absl::BytesToHexString(text) : text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& child = is_repeated ? reflection.GetRepeatedMessage(message, &field, index) : reflection.GetMessage(message, &field);
      return IsTimestamp(field) ? TimeText(child) : Joined(child, DecimalsIn(child, decimals), t);
    }
    default: return "";  // the contract has no other types
  }
}

std::string FactsText(const v1::Refusal& refusal, int decimals, const Text& t) {
  std::string text;
  for (const auto& [key, value] : std::map<std::string, std::string, FactOrder>(refusal.facts().begin(), refusal.facts().end())) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", FactText(ReasonFromName(refusal.reason()), key, value, decimals, t));
  }
  return text;
}

// All values of a field in one cell. The contract's maps hold the facts of refusals.
std::string CellText(const Message& message, const FieldDescriptor& field, int decimals, const Text& t) {
  if (field.is_map()) return FactsText(dynamic_cast<const v1::Refusal&>(message), decimals, t);
  if (!field.is_repeated()) return ValueText(message, field, -1, decimals, t);
  std::string text;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", ValueText(message, field, i, decimals, t));
  }
  return text;
}

// Whether a field belongs on the screen: set or telling when zero, in the language asked for, and not a repetition of its
// neighbour.
bool IsShown(const Message& message, const FieldDescriptor& field, const Text& t) {
  const auto& reflection = *message.GetReflection();
  const auto& type = *field.containing_type();
  const std::string& name = field.name();
  if (field.is_repeated() ? reflection.FieldSize(message, &field) == 0
                          : !reflection.HasField(message, &field) && !ShownWhenZero().contains(name)) {
    return false;
  }
  if (SaysDecimals(name) || IsEpochOfAnother(field)) return false;
  const bool is_zh = t.language() == Language::kZh;
  if (!is_zh && absl::EndsWith(name, "zh_cn")) return false;
  const auto* zh_twin = type.FindFieldByName(absl::StrCat(name, "_zh_cn"));
  if (is_zh && zh_twin != nullptr && reflection.HasField(message, zh_twin)) return false;
  const auto* state = type.FindFieldByName("state");
  if (name == "first_state" && state != nullptr) {
    return reflection.GetEnum(message, &field) != reflection.GetEnum(message, state);
  }
  const auto* sequence = type.FindFieldByName("sequence");
  if (name == "state_sequence" && sequence != nullptr) {
    return reflection.GetInt64(message, &field) != reflection.GetInt64(message, sequence);
  }
  const auto* epoch = type.FindFieldByName("epoch");
  if (name == "ledger_epoch" && epoch != nullptr) {
    return reflection.GetInt64(message, &field) != reflection.GetInt64(message, epoch);
  }
  return true;
}

// The values one after the other, for a message that has to fit into a cell.
std::string Joined(const Message& message, int decimals, const Text& t) {
  const auto& type = *message.GetDescriptor();
  std::string text;
  for (int i = 0; i < type.field_count(); ++i) {
    if (!IsShown(message, *type.field(i), t)) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", CellText(message, *type.field(i), decimals, t));
  }
  return text;
}

bool IsTable(const FieldDescriptor& field) { return field.is_repeated() && !field.is_map() && field.message_type() != nullptr; }

// A field of a row, perhaps within a message of that row.
struct Path {
  std::vector<const FieldDescriptor*> outer;
  const FieldDescriptor* field;
};

bool IsNested(const FieldDescriptor& field) { return field.message_type() != nullptr && !field.is_repeated() && !IsTimestamp(field); }

void AddPaths(const google::protobuf::Descriptor& type, std::vector<const FieldDescriptor*> outer, std::vector<Path>* paths) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (!IsNested(*field)) {
      paths->push_back({.outer = outer, .field = field});
      continue;
    }
    auto inner = outer;
    inner.push_back(field);
    AddPaths(*field->message_type(), inner, paths);
  }
}

// The message that holds the path's field, nullptr where an outer one is absent; and its decimals.
std::pair<const Message*, int> Follow(const Message& row, const Path& path, int around) {
  const Message* message = &row;
  int decimals = DecimalsIn(row, around);
  for (const auto* step : path.outer) {
    if (!message->GetReflection()->HasField(*message, step)) return {nullptr, 0};
    message = &message->GetReflection()->GetMessage(*message, step);
    decimals = DecimalsIn(*message, decimals);
  }
  return {message, decimals};
}

std::string RenderRows(const std::vector<const Message*>& rows, int around, const Text& t) {
  std::vector<Path> all;
  AddPaths(*rows.front()->GetDescriptor(), {}, &all);
  std::vector<Path> paths;
  std::vector<Column> columns;
  for (const auto& path : all) {
    if (path.field->name() == "lots") continue;  // has a table of its own
    bool is_shown = false;
    for (const auto* row : rows) {
      const Message* holder = Follow(*row, path, around).first;
      is_shown = is_shown || (holder != nullptr && IsShown(*holder, *path.field, t));
    }
    if (!is_shown) continue;
    paths.push_back(path);
    const bool is_number = !path.field->is_repeated() && (path.field->cpp_type() == FieldDescriptor::CPPTYPE_INT64);
    columns.push_back({.header = FieldLabel(path.field->name(), t), .align = is_number ? Align::kRight : Align::kLeft});
  }
  std::vector<std::vector<std::string>> cells;
  for (const auto* row : rows) {
    auto& line = cells.emplace_back();
    for (const auto& path : paths) {
      const auto [holder, decimals] = Follow(*row, path, around);
      const bool is_absent_time = holder != nullptr && IsTimestamp(*path.field) && !holder->GetReflection()->HasField(*holder, path.field);
      line.push_back(holder == nullptr || is_absent_time ? "" : CellText(*holder, *path.field, decimals, t));
    }
  }
  return RenderTable(columns, cells);
}

std::string Render(const Message& message, int decimals, const Text& t) {
  const auto& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  Pairs pairs;
  std::string tables;
  std::string parts;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!IsShown(message, field, t)) continue;
    if (IsTable(field)) {
      std::vector<const Message*> rows;
      for (int n = 0; n < reflection.FieldSize(message, &field); ++n) {
        rows.push_back(&reflection.GetRepeatedMessage(message, &field, n));
      }
      absl::StrAppend(&tables, "\n", FieldLabel(field.name(), t), "\n", RenderRows(rows, decimals, t));
      const auto* lots = field.message_type()->FindFieldByName("lots");
      for (const auto* row : rows) {
        if (lots == nullptr || row->GetReflection()->FieldSize(*row, lots) == 0) continue;
        std::vector<const Message*> lot_rows;
        for (int n = 0; n < row->GetReflection()->FieldSize(*row, lots); ++n) {
          lot_rows.push_back(&row->GetReflection()->GetRepeatedMessage(*row, lots, n));
        }
        absl::StrAppend(&tables, "\n", FieldLabel("lots", t), " ", ValueText(*row, *field.message_type()->field(0), -1, decimals, t), "\n",
                        RenderRows(lot_rows, DecimalsIn(*row, decimals), t));
      }
    } else if (IsNested(field)) {
      const Message& part = reflection.GetMessage(message, &field);
      absl::StrAppend(&parts, "\n", FieldLabel(field.name(), t), "\n", Render(part, DecimalsIn(part, decimals), t));
    } else {
      pairs.emplace_back(FieldLabel(field.name(), t), CellText(message, field, decimals, t));
    }
  }
  std::string text = absl::StrCat(RenderPairs(pairs), parts, tables);
  if (absl::StartsWith(text, "\n")) text.erase(0, 1);
  return text;
}

}  // namespace

std::string RenderMessage(const Message& message, const Text& t) { return Render(message, DecimalsIn(message, 0), t); }

std::string RenderJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  // Fails only for messages with an Any of unknown type, which the contract has none of.
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}\n";
  return json + "\n";
}

}  // namespace redpoints::cli
