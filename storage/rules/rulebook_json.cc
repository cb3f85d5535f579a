#include "storage/rules/rulebook_json.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "simdjson.h"
#include "storage/rules/refusal.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr int kDepthMax = 8;
constexpr std::size_t kShownKeyMax = 64;  // of a key nobody knows, in bytes: paths travel in the headers of answers

// U+0000 to U+001F and U+007F to U+009F; `text` is UTF-8.
bool HasControlCharacter(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

// Puts values of JSON into messages. Each method says whether it did; the first that did not has left the refusal.
class Reader {
 public:
  bool Object(element json, const std::string& path, int depth, Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    simdjson::dom::object object;
    if (json.get(object) != simdjson::SUCCESS) return Expect(path, "an object");
    if (depth > kDepthMax) return Expect(path, absl::StrCat("at most ", kDepthMax, " objects within each other"));
    std::vector<bool> seen(static_cast<std::size_t>(type.field_count()));
    for (const auto& [key, value] : object) {
      const FieldDescriptor* field = type.FindFieldByName(std::string(key));
      if (field == nullptr) return Expect(Join(path, Shown(key)), UnknownKey(type, key));
      const std::string at = Join(path, field->name());
      const auto index = static_cast<std::size_t>(field->index());
      if (seen[index]) return Expect(at, "each key once");
      seen[index] = true;
      if (!(field->is_repeated() ? List(value, at, depth, *field, message) : Value(value, at, depth, *field, message))) return false;
    }
    return true;
  }

  const absl::Status& status() const { return status_; }
  bool Expect(const std::string& path, std::string expected) {
    status_ = ToStatus({.reason = Reason::RULEBOOK_INVALID,
                        .facts = {{"field", path.empty() ? "rulebook_json" : path}, {"expected", std::move(expected)}}});
    return false;
  }

 private:
  static std::string Join(const std::string& path, const std::string& name) { return path.empty() ? name : absl::StrCat(path, ".", name); }

  static std::string Shown(std::string_view key) {
    bool plain = !key.empty() && key.size() <= kShownKeyMax;
    for (const char c : key) plain = plain && c > ' ' && c < 0x7F;
    return plain ? std::string(key) : "?";
  }

  static std::string UnknownKey(const Descriptor& type, std::string_view key) {
    if (const auto* field = type.FindFieldByCamelcaseName(std::string(key))) return absl::StrCat("the key ", field->name());
    std::string names;
    for (int i = 0; i < type.field_count(); ++i) absl::StrAppend(&names, i == 0 ? "" : ", ", type.field(i)->name());
    return "no key but " + names;
  }

  bool List(element json, const std::string& path, int depth, const FieldDescriptor& field, Message& message) {
    simdjson::dom::array array;
    if (json.get(array) != simdjson::SUCCESS) return Expect(path, "a list");
    int i = 0;
    for (const element value : array) {
      if (!Value(value, absl::StrCat(path, "[", i++, "]"), depth, field, message)) return false;
    }
    return true;
  }

  template <class T> bool Integer(element json, const std::string& path, T& number) {
    // simdjson gives a number that int64 can't hold as an uint64, and one with a point or an exponent as a double.
    bool good = false;
    if (std::int64_t value = 0; json.is<std::int64_t>() && json.get(value) == simdjson::SUCCESS) {
      good = std::in_range<T>(value);
      number = static_cast<T>(value);
    } else if (std::uint64_t large = 0; json.is<std::uint64_t>() && json.get(large) == simdjson::SUCCESS) {
      good = std::in_range<T>(large);
      number = static_cast<T>(large);
    }
    return good || Expect(path, absl::StrCat("an integer from ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max(),
                                             ", in digits alone"));
  }

  bool Value(element json, const std::string& path, int depth, const FieldDescriptor& field, Message& message) {
    const Reflection& r = *message.GetReflection();
    RP_CHECK(field.real_containing_oneof() == nullptr && !field.is_map());
    const auto put = [&](auto set, auto add, auto value) {
      field.is_repeated() ? (r.*add)(&message, &field, value) : (r.*set)(&message, &field, value);
      return true;
    };
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        std::int32_t value = 0;
        return Integer(json, path, value) && put(&Reflection::SetInt32, &Reflection::AddInt32, value);
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        std::int64_t value = 0;
        return Integer(json, path, value) && put(&Reflection::SetInt64, &Reflection::AddInt64, value);
      }
      case FieldDescriptor::CPPTYPE_UINT32: {
        std::uint32_t value = 0;
        return Integer(json, path, value) && put(&Reflection::SetUInt32, &Reflection::AddUInt32, value);
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        std::uint64_t value = 0;
        return Integer(json, path, value) && put(&Reflection::SetUInt64, &Reflection::AddUInt64, value);
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        bool value = false;
        if (json.get(value) != simdjson::SUCCESS) return Expect(path, "true or false");
        return put(&Reflection::SetBool, &Reflection::AddBool, value);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        RP_CHECK(field.type() == FieldDescriptor::TYPE_STRING);
        std::string_view value;
        if (json.get(value) != simdjson::SUCCESS) return Expect(path, "a string");
        if (HasControlCharacter(value)) return Expect(path, "a string without control characters");
        return put(&Reflection::SetString, &Reflection::AddString, std::string(value));
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        std::string_view name;
        const auto* value = json.get(name) == simdjson::SUCCESS ? field.enum_type()->FindValueByName(std::string(name)) : nullptr;
        if (value == nullptr) return Expect(path, NamesOf(*field.enum_type()));
        return put(&Reflection::SetEnum, &Reflection::AddEnum, value);
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Object(json, path, depth + 1, field.is_repeated() ? *r.AddMessage(&message, &field) : *r.MutableMessage(&message, &field));
      default: RP_CHECK(false && "a field of a type that no rulebook has");
    }
  }

  // The value 0 is what an absent field has, and no answer to "which?".
  static std::string NamesOf(const EnumDescriptor& type) {
    std::string names = "one of ";
    for (int i = 0, shown = 0; i < type.value_count(); ++i) {
      if (type.value(i)->number() != 0) absl::StrAppend(&names, shown++ == 0 ? "" : ", ", type.value(i)->name());
    }
    return names;
  }

  absl::Status status_;
};

void WriteString(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void WriteMessage(const Message& message, std::string& out);

// The value of a singular field for `index` -1, else that element of a list.
void WriteValue(const Message& message, const FieldDescriptor& field, int index, std::string& out) {
  const Reflection& r = *message.GetReflection();
  const auto get = [&](auto one, auto element_of) {
    return index < 0 ? (r.*one)(message, &field) : (r.*element_of)(message, &field, index);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: absl::StrAppend(&out, get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32)); break;
    case FieldDescriptor::CPPTYPE_INT64: absl::StrAppend(&out, get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64)); break;
    case FieldDescriptor::CPPTYPE_UINT32: absl::StrAppend(&out, get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32)); break;
    case FieldDescriptor::CPPTYPE_UINT64: absl::StrAppend(&out, get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64)); break;
    case FieldDescriptor::CPPTYPE_BOOL: out += get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false"; break;
    case FieldDescriptor::CPPTYPE_STRING: WriteString(get(&Reflection::GetString, &Reflection::GetRepeatedString), out); break;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
      const auto* value = field.enum_type()->FindValueByNumber(number);
      RP_CHECK(value != nullptr);
      WriteString(value->name(), out);
      break;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      WriteMessage(index < 0 ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index), out);
      break;
    default: RP_CHECK(false && "a field of a type that no rulebook has");
  }
}

void WriteMessage(const Message& message, std::string& out) {
  const Reflection& r = *message.GetReflection();
  const Descriptor& type = *message.GetDescriptor();
  out += '{';
  bool is_first = true;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const int size = field.is_repeated() ? r.FieldSize(message, &field) : 0;
    if (field.is_repeated() ? size == 0 : !r.HasField(message, &field)) continue;
    if (!is_first) out += ',';
    is_first = false;
    absl::StrAppend(&out, "\"", field.name(), "\":");
    if (!field.is_repeated()) {
      WriteValue(message, field, -1, out);
      continue;
    }
    for (int at = 0; at < size; ++at) {
      out += at == 0 ? '[' : ',';
      WriteValue(message, field, at, out);
    }
    out += ']';
  }
  out += '}';
}

}  // namespace

absl::Status ParseStrict(std::string_view json, Message& message) {
  message.Clear();
  Reader reader;
  simdjson::dom::parser parser;
  element root;
  const simdjson::padded_string padded(json);
  if (const auto error = parser.parse(padded).get(root); error != simdjson::SUCCESS) {
    reader.Expect("", absl::StrCat("JSON: ", simdjson::error_message(error)));
  } else {
    reader.Object(root, "", 1, message);
  }
  return reader.status();
}

std::string Canonical(const Message& message) {
  std::string json;
  WriteMessage(message, json);
  return json;
}

}  // namespace redpoints
