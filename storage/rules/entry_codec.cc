#include "storage/rules/entry_codec.h"

#include <charconv>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "simdjson.h"
#include "storage/rules/fields.h"
#include "storage/rules/kinds.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;
template <class T> inline constexpr bool kIsVector = false;
template <class T> inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
concept Integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;
template <class T>
concept Tuple = kIsTuple<T>;
template <class T>
concept Object = std::is_class_v<T> && !kIsTuple<T> && !kIsVector<T>;

// --- writing ---------------------------------------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class T> void Required(std::string_view key, const T& field) {
    if (out_.back() != '{') out_ += ',';
    (out_ += '"').append(key) += "\":";
    Value(field);
  }
  template <class T> void Optional(std::string_view key, const T& field, const std::type_identity_t<T>& absent = {}) {
    if (!(field == absent)) Required(key, field);
  }
  template <class T> void Made(std::string_view key, const T& field) { Required(key, field); }
  template <class T> void Salted(std::string_view key, const T& field) { Required(key, field); }
  template <class T> void Stamped(std::string_view key, const T& field) { Optional(key, field); }
  template <class T> void Element(const T& field) {
    if (out_.back() != '[') out_ += ',';
    Value(field);
    kept_ = out_.size();
  }
  template <class T> void Tail(const T& field, const std::type_identity_t<T>& absent = {}) {
    out_ += ',';
    Value(field);
    if (!(field == absent)) kept_ = out_.size();
  }
  void Line(const Entry& entry) {
    absl::StrAppend(&out_, "{\"v\":", LineVersion(entry));
    Fields(*this, entry);
    out_ += '}';
  }

 private:
  void Value(const std::string& text) {
    out_ += '"';
    for (const char c : text) {
      if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') {
        out_ += c;
      } else if (c == '"' || c == '\\') {
        (out_ += '\\') += c;
      } else {
        constexpr char kHex[] = "0123456789abcdef";
        ((out_ += "\\u00") += kHex[c >> 4]) += kHex[c & 15];
      }
    }
    out_ += '"';
  }
  void Value(const Holder& holder) { Value(holder.text()); }
  void Value(bool) { out_ += "true"; }  // false is absent
  template <Integer T> void Value(T number) {
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(number)).ptr;
    out_.append(buffer, end);
  }
  template <class T>
  requires std::is_enum_v<T>
  void Value(T word) { ((out_ += '"') += WordOf(word)) += '"'; }
  template <class T> void Value(const std::vector<T>& list) {
    out_ += '[';
    for (const T& element : list) {
      if (out_.back() != '[') out_ += ',';
      Value(element);
    }
    out_ += ']';
  }
  void Value(const Facts& facts) {
    out_ += '{';
    for (const auto& [key, value] : facts) Required(key, value);
    out_ += '}';
  }
  void Value(const Registration& data) {
    out_ += '{';
    std::visit(
        [&](const auto& d) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(d)>, std::monostate>) Required(kRegistrationTypes[data.index()], d);
        },
        data);
    out_ += '}';
  }
  template <Tuple T> void Value(const T& tuple) {
    out_ += '[';
    Fields(*this, tuple);
    out_.resize(kept_);
    out_ += ']';
  }
  template <Object T> void Value(const T& object) {
    out_ += '{';
    Fields(*this, object);
    out_ += '}';
  }

  std::string& out_;
  std::size_t kept_ = 0;  // end of the tuple's last element that has to be there
};

// --- size: more than the line can have -----------------------------------------------------------------------------------------------

class Size {
 public:
  template <class T> void Required(std::string_view key, const T& field) { bytes += key.size() + 4, Value(field); }
  template <class T> void Optional(std::string_view key, const T& field, const std::type_identity_t<T>& absent = {}) {
    if (!(field == absent)) Required(key, field);
  }
  template <class T> void Made(std::string_view key, const T& field) { Required(key, field); }
  template <class T> void Salted(std::string_view key, const T& field) { Required(key, field); }
  template <class T> void Stamped(std::string_view key, const T& field) { Optional(key, field); }
  template <class T> void Element(const T& field) { ++bytes, Value(field); }
  template <class T> void Tail(const T& field, const std::type_identity_t<T>& = {}) { ++bytes, Value(field); }

  std::size_t bytes = 10;  // {"v":1}

 private:
  void Value(const std::string& text) { bytes += 2 + 6 * text.size(); }  // as if each character were escaped
  void Value(const Holder& holder) { Value(holder.text()); }
  void Value(bool) { bytes += 4; }
  template <Integer T> void Value(T number) { bytes += number >= 0 && number < 1000 ? 3 : 17; }
  template <class T>
  requires std::is_enum_v<T>
  void Value(T) { bytes += 22; }
  template <class T> void Value(const std::vector<T>& list) {
    bytes += 2;
    for (const T& element : list) ++bytes, Value(element);
  }
  void Value(const Facts& facts) {
    for (const auto& [key, value] : facts) Required(key, value), Value(key);
  }
  void Value(const Registration& data) {
    std::visit(
        [&](const auto& d) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(d)>, std::monostate>) Required("registration type", d);
        },
        data);
  }
  template <Tuple T> void Value(const T& tuple) { bytes += 2, Fields(*this, tuple); }
  template <Object T> void Value(const T& object) { bytes += 2, Fields(*this, object); }
};

// --- reading ---------------------------------------------------------------------------------------------------------------------
// Walks the object's keys in step with the fields: a key out of order, unknown or missing stops at its name. The first error stays.

class Reader {
 public:
  explicit Reader(std::string& error) : error_(error) {}

  template <class T> void Object(simdjson::dom::element element, T& object) {
    if (element.type() != simdjson::dom::element_type::OBJECT) return Fail("an object");
    Reader inner(error_);
    inner.object_ = element.get_object().value_unsafe();
    inner.at_ = inner.object_.begin();
    if constexpr (std::is_same_v<T, Entry>) inner.Version();
    Fields(inner, object);
    inner.End();
  }

  template <class T> void Required(std::string_view key, T& field) {
    if (!error_.empty()) return;
    if (!At(key)) {
      error_ = absl::StrCat("expected ", std::string(key));
      return;
    }
    Value((*at_).value, field);
    if (!error_.empty() && !named_) {
      error_ = absl::StrCat(std::string(key), ": ", error_);
      named_ = true;
    }
    ++at_;
  }
  template <class T> void Optional(std::string_view key, T& field, const std::type_identity_t<T>& absent = {}) {
    field = absent;
    if (error_.empty() && At(key)) Required(key, field);
  }
  template <class T> void Made(std::string_view key, T& field) { Required(key, field); }
  template <class T> void Salted(std::string_view key, T& field) { Required(key, field); }
  template <class T> void Stamped(std::string_view key, T& field) { Optional(key, field); }
  template <class T> void Element(T& field) {
    if (!error_.empty()) return;
    if (!(element_ != array_.end())) return Fail("more elements");
    Value(*element_, field);
    ++element_;
  }
  template <class T> void Tail(T& field, const std::type_identity_t<T>& absent = {}) {
    field = absent;
    if (error_.empty() && element_ != array_.end()) Element(field);
  }

 private:
  void Version() {
    std::int64_t version = 0;
    Required("v", version);
    if (error_.empty() && version != kLineVersion) Fail("v 1");
  }
  bool At(std::string_view key) { return at_ != object_.end() && std::string_view(at_.key()) == key; }
  void End() {
    if (error_.empty() && at_ != object_.end()) error_ = absl::StrCat("unexpected ", std::string(at_.key()));
  }
  void Fail(const char* expected) {
    if (error_.empty()) error_ = absl::StrCat("expected ", expected);
  }

  void Value(simdjson::dom::element e, std::string& field) {
    std::string_view text;
    if (e.get_string().get(text)) return Fail("text");
    field = text;
  }
  void Value(simdjson::dom::element e, Holder& field) {
    std::string_view text;
    if (e.get_string().get(text)) return Fail("text");
    field = Holder(std::string(text));
    if (field.is(HolderClass::kNone)) Fail("an account");
  }
  void Value(simdjson::dom::element e, bool& field) {
    if (e.get_bool().get(field)) Fail("true");
  }
  template <Integer T> void Value(simdjson::dom::element e, T& field) {
    std::int64_t number = 0;
    if (e.get_int64().get(number) || !InRange(number) || !std::in_range<T>(number)) return Fail("an integer");
    field = static_cast<T>(number);
  }
  template <class T>
  requires std::is_enum_v<T>
  void Value(simdjson::dom::element e, T& field) {
    std::string_view text;
    if (e.get_string().get(text) || text.empty()) return Fail("a word");
    for (std::size_t i = 0; i < Words<T>::kWords.size(); ++i) {
      if (Words<T>::kWords[i] == text) {
        field = static_cast<T>(i);
        return;
      }
    }
    Fail("a known word");
  }
  template <class T> void Value(simdjson::dom::element e, std::vector<T>& list) {
    simdjson::dom::array array;
    if (e.get_array().get(array)) return Fail("a list");
    for (const auto element : array) Value(element, list.emplace_back());
  }
  void Value(simdjson::dom::element e, Facts& facts) {
    simdjson::dom::object object;
    if (e.get_object().get(object)) return Fail("an object");
    for (const auto& pair : object) {
      for (const auto& fact : facts) {
        if (fact.first == pair.key) return Fail("each key once");
      }
      auto& fact = facts.emplace_back();
      fact.first = pair.key;
      Value(pair.value, fact.second);
    }
  }
  void Value(simdjson::dom::element e, Registration& data) {
    simdjson::dom::object object;
    if (e.get_object().get(object) || object.size() != 1) return Fail("an object of one type");
    const auto pair = *object.begin();
    for (std::size_t i = 1; i < kRegistrationTypes.size(); ++i) {
      if (kRegistrationTypes[i] == pair.key) return Emplace<1>(i, pair.value, data);
    }
    Fail("a known type");
  }
  template <std::size_t N> void Emplace(std::size_t index, simdjson::dom::element e, Registration& data) {
    if constexpr (N < std::variant_size_v<Registration>) {
      if (index == N) return Object(e, data.emplace<N>());
      Emplace<N + 1>(index, e, data);
    }
  }
  template <Tuple T> void Value(simdjson::dom::element e, T& tuple) {
    Reader inner(error_);
    if (e.get_array().get(inner.array_)) return Fail("a list");
    inner.element_ = inner.array_.begin();
    Fields(inner, tuple);
    if (error_.empty() && inner.element_ != inner.array_.end()) Fail("fewer elements");
  }
  template <redpoints::Object T> void Value(simdjson::dom::element e, T& object) { Object(e, object); }

  std::string& error_;
  bool named_ = false;
  simdjson::dom::object object_;
  simdjson::dom::object::iterator at_;
  simdjson::dom::array array_;
  simdjson::dom::array::iterator element_;
};

// Reads `json` into `value` and demands that writing it again gives the same bytes: one form for each content.
template <class T, class Write> absl::Status ReadCanonical(std::string_view json, T& value, Write write) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    return absl::InvalidArgumentError(absl::StrCat("not JSON: ", simdjson::error_message(error)));
  }
  if constexpr (std::is_same_v<T, Entry>) {
    std::int64_t version = 0;
    if (!root["v"].get_int64().get(version) && version > kLineVersion) {
      return absl::UnimplementedError(absl::StrCat("written by a newer program (v ", version, ", this one reads v ", kLineVersion, ")"));
    }
  }
  std::string error;
  Reader(error).Object(root, value);
  if (!error.empty()) return absl::InvalidArgumentError(error);
  thread_local std::string again;
  again.clear();
  write(value, again);
  if (again != json) return absl::InvalidArgumentError("not in canonical form");
  return absl::OkStatus();
}

// --- comparing -------------------------------------------------------------------------------------------------------------------
// Lists the fields of one entry as key and text, so that two entries can be laid side by side.

class Lister {
 public:
  template <class T> void Required(std::string_view key, const T& field) {
    std::string text = "{";
    Writer(text).Required(key, field);
    fields.emplace_back(key, std::move(text));
  }
  template <class T> void Optional(std::string_view key, const T& field, const std::type_identity_t<T>& absent = {}) {
    if (!(field == absent)) return Required(key, field);
    fields.emplace_back(key, "");
  }
  std::vector<std::pair<std::string, std::string>> fields;
};

// So that a registration can stand alone.
struct Alone {
  Registration data;
};
template <class V> void Fields(V& v, Of<Alone> auto& h) { v.Required("data", h.data); }

}  // namespace

bool MemberData::IsIn(Group group, Day day) const {
  for (const GroupSpan& span : groups) {
    if (span.group == group && Covers(span.from, span.to, day)) return true;
  }
  return false;
}

namespace {

struct Id {
  std::string operator()(const ProgramData& d) const { return d.id; }
  std::string operator()(const NodeData& d) const { return d.code; }
  std::string operator()(const FundData& d) const { return d.code; }
  std::string operator()(const MemberData& d) const { return d.id; }
  std::string operator()(const MerchantData& d) const { return d.id; }
  std::string operator()(const TerminalData& d) const { return d.id; }
  std::string operator()(const StaffData& d) const { return d.id; }
  std::string operator()(const RulebookData& d) const { return d.version; }
  std::string operator()(const OfferData& d) const { return d.code; }
  template <class T> std::string operator()(const T&) const { return ""; }
};

}  // namespace

std::string RegistrationKey(const Registration& registration) {
  std::string id = std::visit(Id{}, registration);
  return id.empty() ? id : absl::StrCat(std::string(kRegistrationTypes[registration.index()]), "/", id);
}

std::int64_t LineVersion(const Entry&) { return 1; }

void AppendLine(const Entry& entry, std::string& line) { Writer(line).Line(entry); }

bool FitsLine(const Entry& entry) {
  Size size;
  Fields(size, entry);
  if (size.bytes <= kLineBytesMax) return true;
  thread_local std::string line;
  line.clear();
  AppendLine(entry, line);
  return line.size() <= kLineBytesMax;
}

absl::StatusOr<Entry> ParseLine(std::string_view line) {
  if (line.size() > kLineBytesMax) return absl::InvalidArgumentError("longer than 4096 bytes");
  Entry entry;
  const auto status = ReadCanonical(line, entry, [](const Entry& e, std::string& out) { AppendLine(e, out); });
  if (!status.ok()) return status;
  return entry;
}

std::string FirstDifference(const Entry& a, const Entry& b) {
  Lister of_a, of_b;
  Fields(of_a, a);
  Fields(of_b, b);
  for (std::size_t i = 0; i < of_a.fields.size(); ++i) {
    if (of_a.fields[i].second != of_b.fields[i].second) return of_a.fields[i].first;
  }
  return "";
}

void AppendRegistration(const Registration& registration, std::string& json) {
  const Alone alone{registration};
  json += '{';
  Writer writer(json);
  Fields(writer, alone);
  json += '}';
}

absl::StatusOr<Registration> ParseRegistration(std::string_view json) {
  Alone alone;
  const auto status = ReadCanonical(json, alone, [](const Alone& a, std::string& out) { AppendRegistration(a.data, out); });
  if (!status.ok()) return status;
  return alone.data;
}

}  // namespace redpoints
