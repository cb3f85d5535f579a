#include "storage/rules/rulebook_json.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "simdjson.h"
#include "storage/rules/refusal.h"

namespace redpoints {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using simdjson::dom::element;

absl::Status Expected(const std::string& path, const std::string& expected) {
  return ToStatus({.reason = Reason::RULEBOOK_INVALID, .facts = {{"field", path.empty() ? "rulebook_json" : path}, {"expected", expected}}});
}

// A key as facts may hold it: they have to be text that people can read.
std::string Shown(std::string_view key) {
  std::string shown(key.substr(0, 40));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x20 || c == 0x7F; }, '?');
  return shown;
}

absl::Status Read(element json, Message& message, const std::string& path);

// One value of a field, added to it if it is repeated.
absl::Status ReadValue(element json, Message& message, const FieldDescriptor& field, const std::string& path) {
  const Reflection& r = *message.GetReflection();
  const bool many = field.is_repeated();
  std::int64_t number = 0;
  std::string_view text;
  bool flag = false;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      if (!json.is_int64() || json.get_int64().get(number) || number != static_cast<std::int32_t>(number))
        return Expected(path, "a 32-bit integer");
      many ? r.AddInt32(&message, &field, static_cast<std::int32_t>(number))
           : r.SetInt32(&message, &field, static_cast<std::int32_t>(number));
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_INT64:
      if (!json.is_int64() || json.get_int64().get(number)) return Expected(path, "an integer");
      many ? r.AddInt64(&message, &field, number) : r.SetInt64(&message, &field, number);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL:
      if (json.get_bool().get(flag)) return Expected(path, "true or false");
      many ? r.AddBool(&message, &field, flag) : r.SetBool(&message, &field, flag);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_STRING:
      if (json.get_string().get(text)) return Expected(path, "text");
      for (const char c : text) {
        if ((c >= 0 && c < 0x20) || c == 0x7F) return Expected(path, "text without control characters");
      }
      many ? r.AddString(&message, &field, std::string(text)) : r.SetString(&message, &field, std::string(text));
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = json.get_string().get(text) ? nullptr : field.enum_type()->FindValueByName(std::string(text));
      if (!value) return Expected(path, absl::StrCat("a name of ", field.enum_type()->name()));
      many ? r.AddEnum(&message, &field, value) : r.SetEnum(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Read(json, many ? *r.AddMessage(&message, &field) : *r.MutableMessage(&message, &field), path);
    default: return Expected(path, "a field of another type");
  }
}

absl::Status Read(element json, Message& message, const std::string& path) {
  simdjson::dom::object object;
  if (json.get_object().get(object)) return Expected(path, "an object");
  const std::string at = path.empty() ? "" : path + ".";
  std::set<const FieldDescriptor*> seen;
  for (const auto& pair : object) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(pair.key));
    if (!field) return Expected(at + Shown(pair.key), absl::StrCat("a field of ", message.GetDescriptor()->name()));
    const std::string name = at + field->name();
    if (!seen.insert(field).second) return Expected(name, "each field once");
    if (!field->is_repeated()) {
      if (auto status = ReadValue(pair.value, message, *field, name); !status.ok()) return status;
      continue;
    }
    simdjson::dom::array list;
    if (pair.value.get_array().get(list)) return Expected(name, "a list");
    int i = 0;
    for (const element value : list) {
      if (auto status = ReadValue(value, message, *field, absl::StrCat(name, "[", i++, "]")); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

void Write(const Message& message, std::string& out);

void WriteText(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c >= 0 && c < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      ((out += "\\u00") += kHex[c >> 4]) += kHex[c & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// One value; `i` is its place in a repeated field, -1 otherwise.
void WriteValue(const Message& message, const FieldDescriptor& field, int i, std::string& out) {
  const Reflection& r = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      absl::StrAppend(&out, i < 0 ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, i));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      absl::StrAppend(&out, i < 0 ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, i));
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      out += (i < 0 ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, i)) ? "true" : "false";
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      WriteText(i < 0 ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, i), out);
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      WriteText((i < 0 ? r.GetEnum(message, &field) : r.GetRepeatedEnum(message, &field, i))->name(), out);
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      Write(i < 0 ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, i), out);
      break;
    default: out += "null"; break;
  }
}

void Write(const Message& message, std::string& out) {
  const Reflection& r = *message.GetReflection();
  out += '{';
  const auto* type = message.GetDescriptor();
  for (int f = 0; f < type->field_count(); ++f) {
    const FieldDescriptor& field = *type->field(f);
    const bool is_there = field.is_repeated() ? r.FieldSize(message, &field) > 0 : r.HasField(message, &field);
    if (!is_there) continue;
    if (out.back() != '{') out += ',';
    WriteText(field.name(), out);
    out += ':';
    if (!field.is_repeated()) {
      WriteValue(message, field, -1, out);
      continue;
    }
    out += '[';
    for (int i = 0; i < r.FieldSize(message, &field); ++i) {
      if (i > 0) out += ',';
      WriteValue(message, field, i, out);
    }
    out += ']';
  }
  out += '}';
}

}  // namespace

absl::Status ParseStrict(std::string_view json, Message& message) {
  thread_local simdjson::dom::parser parser;
  element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root))
    return Expected("", absl::StrCat("JSON: ", simdjson::error_message(error)));
  return Read(root, message, "");
}

std::string Canonical(const Message& message) {
  std::string json;
  Write(message, json);
  return json;
}

}  // namespace redpoints
