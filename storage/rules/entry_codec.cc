#include "storage/rules/entry_codec.h"

#include <charconv>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "simdjson.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

// --- words of the enums; stored, never changed -----------------------------------------------------------------------------------

constexpr std::array<std::string_view, kKindCount> kKinds = {
    "program",         "node",       "fund", "member",  "merchant", "terminal",     "staff",  "rulebook", "award",  "correction",
    "donation",        "redemption", "hold", "capture", "void",     "hold_expired", "refund", "reversal", "expiry", "day_closed",
    "clock_confirmed", "refused"};
constexpr std::array<std::string_view, kSubCount> kSubs = {"available", "held", "debt"};
constexpr std::array<std::string_view, 4> kStates = {"", "active", "suspended", "revoked"};
constexpr std::array<std::string_view, 4> kMemberKinds = {"", "person", "household", "organisation"};
constexpr std::array<std::string_view, 3> kNodeKinds = {"", "place", "branch"};
constexpr std::array<std::string_view, 8> kRoles = {"",       "administrator", "recorder", "corrector",
                                                    "helper", "auditor",       "settler",  "operator"};
static_assert(static_cast<std::size_t>(Kind::kRefused) + 1 == kKindCount);

template <class E> struct Words;
template <> struct Words<Kind> { static constexpr const auto& kWords = kKinds; };
template <> struct Words<Sub> { static constexpr const auto& kWords = kSubs; };
template <> struct Words<RegistrationState> { static constexpr const auto& kWords = kStates; };
template <> struct Words<MemberKind> { static constexpr const auto& kWords = kMemberKinds; };
template <> struct Words<NodeKind> { static constexpr const auto& kWords = kNodeKinds; };
template <> struct Words<Role> { static constexpr const auto& kWords = kRoles; };

template <class E> std::string_view WordOf(E value) { return Words<E>::kWords[static_cast<std::size_t>(value)]; }

// --- the fields, once, in the order of the line ----------------------------------------------------------------------------------
// A visitor has Required(key, field), which is always in the line, and Optional(key, field, absent = {}), which is not when equal.

template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, Entry>
void Fields(V& v, T& e) {
  v.Version();
  v.Required("program", e.program);
  v.Required("epoch", e.epoch);
  v.Required("seq", e.sequence);
  v.Required("recorded_ms", e.recorded_ms);
  v.Required("business_day", e.business_day);
  v.Required("kind", e.kind);
  v.Optional("request_id", e.request_id);
  v.Optional("item", e.item, -1);
  v.Optional("fingerprint", e.fingerprint);
  v.Optional("actor", e.actor);
  v.Optional("on_behalf", e.on_behalf);
  v.Optional("approver", e.approver);
  v.Optional("terminal", e.terminal);
  v.Optional("merchant", e.merchant);
  v.Optional("clerk", e.clerk);
  v.Optional("till", e.till);
  v.Optional("member", e.member);
  v.Optional("presentation", e.presentation);
  v.Optional("effective_day", e.effective_day);
  v.Optional("group", e.group);
  v.Optional("activity", e.activity);
  v.Optional("rulebook", e.rulebook);
  v.Optional("quantity", e.quantity);
  v.Optional("cap_hit", e.cap_hit);
  v.Optional("session", e.session);
  v.Optional("case", e.case_id);
  v.Optional("about", e.about);
  v.Optional("tags", e.tags);
  v.Optional("evidence_sha256", e.evidence_sha256);
  v.Optional("note_commitment", e.note_commitment);
  v.Optional("reason", e.reason);
  v.Optional("request_kind", e.request_kind);
  v.Optional("facts", e.facts);
  v.Optional("ref", e.ref, -1);
  v.Optional("hold", e.hold, -1);
  v.Optional("target_request", e.target_request);
  v.Optional("grid", e.grid);
  v.Optional("hold_until_ms", e.hold_until_ms);
  v.Optional("lines", e.lines);
  v.Optional("rate_version", e.rate_version);
  v.Optional("owed", e.owed);
  v.Optional("data", e.data);
  v.Optional("postings", e.postings);
}

template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, Posting>
void Fields(V& v, T& p) {
  v.Required("account", p.holder);
  v.Optional("sub", p.sub, Sub::kAvailable);
  v.Required("unit", p.unit);
  v.Required("amount", p.amount);
  v.Required("balance", p.balance);
  v.Optional("lots", p.lots);
  v.Optional("prev", p.prev, -1);
}

template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, ProgramData>
void Fields(V& v, T& d) {
  v.Required("id", d.id);
  v.Required("administrator", d.administrator);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, NodeData>
void Fields(V& v, T& d) {
  v.Required("code", d.code);
  v.Required("kind", d.kind);
  v.Optional("parent", d.parent);
  v.Optional("places", d.places);
  v.Optional("type", d.type);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, FundData>
void Fields(V& v, T& d) {
  v.Required("code", d.code);
  v.Required("budget_points", d.budget_points);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, Membership>
void Fields(V& v, T& d) {
  v.Required("member", d.member);
  v.Required("from", d.from);
  v.Optional("to", d.to);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, MemberData>
void Fields(V& v, T& d) {
  v.Required("id", d.id);
  v.Required("number", d.number);
  v.Required("kind", d.kind);
  v.Required("groups", d.groups);
  v.Optional("grid", d.grid);
  v.Optional("memberships", d.memberships);
  v.Required("state", d.state);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, MerchantData>
void Fields(V& v, T& d) {
  v.Required("id", d.id);
  v.Optional("people", d.people);
  v.Optional("place", d.place);
  v.Required("state", d.state);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, TerminalData>
void Fields(V& v, T& d) {
  v.Required("id", d.id);
  v.Required("merchant", d.merchant);
  v.Required("state", d.state);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, RoleGrant>
void Fields(V& v, T& d) {
  v.Required("role", d.role);
  v.Optional("scope", d.scope);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, StaffData>
void Fields(V& v, T& d) {
  v.Required("id", d.id);
  v.Optional("member", d.member);
  v.Optional("grants", d.grants);
  v.Required("state", d.state);
}
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, RulebookData>
void Fields(V& v, T& d) {
  v.Required("version", d.version);
  v.Required("effective_day", d.effective_day);
  v.Required("sha256", d.sha256);
}

// A registration is an object with one key, its type.
constexpr std::array<std::string_view, 9> kRegistrationTypes = {"",         "program",  "node",  "fund",    "member",
                                                                "merchant", "terminal", "staff", "rulebook"};
static_assert(std::variant_size_v<Registration> == kRegistrationTypes.size());

// Small tuples are arrays: shorter, and their order is part of the format.
template <class V> void Tuple(V& v, auto& x) requires std::is_same_v<std::remove_cvref_t<decltype(x)>, Lot> {
  v.Element(x.fund), v.Element(x.end), v.Element(x.amount);
}
template <class V> void Tuple(V& v, auto& x) requires std::is_same_v<std::remove_cvref_t<decltype(x)>, OfferLine> {
  v.Element(x.offer), v.Element(x.quantity), v.Element(x.points), v.Element(x.cash_fen);
}
template <class V> void Tuple(V& v, auto& x) requires std::is_same_v<std::remove_cvref_t<decltype(x)>, Owed> {
  v.Element(x.fund), v.Element(x.points), v.Element(x.fen);
}
template <class T> inline constexpr bool kIsTuple = std::is_same_v<T, Lot> || std::is_same_v<T, OfferLine> || std::is_same_v<T, Owed>;
template <class T> inline constexpr bool kIsVector = false;
template <class T> inline constexpr bool kIsVector<std::vector<T>> = true;
using Facts = std::vector<std::pair<std::string, std::string>>;

// --- writing ---------------------------------------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void Version() { out_ += "\"v\":1"; }
  template <class T> void Required(std::string_view key, const T& field) {
    if (out_.back() != '{') out_ += ',';
    (out_ += '"').append(key) += "\":";
    Value(field);
  }
  template <class T> void Optional(std::string_view key, const T& field, const std::type_identity_t<T>& absent = {}) {
    if (field == absent) return;
    Required(key, field);
  }
  template <class T> void Element(const T& field) {
    if (out_.back() != '[') out_ += ',';
    Value(field);
  }
  template <class T> void Object(const T& object) {
    out_ += '{';
    Fields(*this, object);
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
  void Value(bool) { out_ += "true"; }  // false is absent
  template <class T>
  requires std::is_integral_v<T> &&(!std::is_same_v<T, bool>)void Value(T number) {
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(number)).ptr;
    out_.append(buffer, end);
  }
  template <class T>
  requires std::is_enum_v<T>
  void Value(T word) { ((out_ += '"') += WordOf(word)) += '"'; }
  template <class T> void Value(const std::vector<T>& list) {
    out_ += '[';
    for (const T& element : list) Element(element);
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
  template <class T>
  requires kIsTuple<T>
  void Value(const T& tuple) {
    out_ += '[';
    Tuple(*this, tuple);
    out_ += ']';
  }
  template <class T>
  requires std::is_class_v<T> &&(!kIsTuple<T>)&&(!kIsVector<T>)void Value(const T& object) { Object(object); }

  std::string& out_;
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
    Fields(inner, object);
    inner.End();
  }

  void Version() {
    std::int64_t version = 0;
    Required("v", version);
    if (error_.empty() && version != 1) Fail("v 1");
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
  template <class T> void Element(T& field) {
    if (!error_.empty()) return;
    if (!(element_ != array_.end())) return Fail("more elements");
    Value(*element_, field);
    ++element_;
  }

 private:
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
  void Value(simdjson::dom::element e, bool& field) {
    if (e.get_bool().get(field)) Fail("true");
  }
  template <class T>
  requires std::is_integral_v<T> &&(!std::is_same_v<T, bool>)void Value(simdjson::dom::element e, T& field) {
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
  template <class T>
  requires kIsTuple<T>
  void Value(simdjson::dom::element e, T& tuple) {
    Reader inner(error_);
    if (e.get_array().get(inner.array_)) return Fail("a list");
    inner.element_ = inner.array_.begin();
    Tuple(inner, tuple);
    if (error_.empty() && inner.element_ != inner.array_.end()) Fail("fewer elements");
  }
  template <class T>
  requires std::is_class_v<T> &&(!kIsTuple<T>)&&(!kIsVector<T>)void Value(simdjson::dom::element e, T& object) { Object(e, object); }

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
  std::string error;
  Reader(error).Object(root, value);
  if (!error.empty()) return absl::InvalidArgumentError(error);
  thread_local std::string again;
  again.clear();
  write(value, again);
  if (again != json) return absl::InvalidArgumentError("not in canonical form");
  return absl::OkStatus();
}

// So that a registration can stand alone.
struct Holder {
  Registration data;
};
template <class V, class T>
requires std::is_same_v<std::remove_const_t<T>, Holder>
void Fields(V& v, T& h) { v.Required("data", h.data); }

}  // namespace

std::string_view KindName(Kind kind) { return WordOf(kind); }

std::string RegistrationKey(const Registration& registration) {
  struct Id {
    std::string operator()(const std::monostate&) const { return ""; }
    std::string operator()(const ProgramData& d) const { return d.id; }
    std::string operator()(const NodeData& d) const { return d.code; }
    std::string operator()(const FundData& d) const { return d.code; }
    std::string operator()(const MemberData& d) const { return d.id; }
    std::string operator()(const MerchantData& d) const { return d.id; }
    std::string operator()(const TerminalData& d) const { return d.id; }
    std::string operator()(const StaffData& d) const { return d.id; }
    std::string operator()(const RulebookData& d) const { return d.version; }
  };
  return absl::StrCat(std::string(kRegistrationTypes[registration.index()]), "/", std::visit(Id{}, registration));
}

void AppendLine(const Entry& entry, std::string& line) { Writer(line).Object(entry); }

bool FitsLine(const Entry& e) {
  // More than any line of these parts: keys, numbers and words; texts at the six bytes of an escape for each character.
  std::size_t texts = e.program.size() + e.request_id.size() + e.fingerprint.size() + e.actor.size() + e.on_behalf.size() +
                      e.approver.size() + e.terminal.size() + e.merchant.size() + e.clerk.size() + e.till.size() + e.member.size() +
                      e.presentation.size() + e.group.size() + e.activity.size() + e.rulebook.size() + e.session.size() + e.case_id.size() +
                      e.about.size() + e.evidence_sha256.size() + e.note_commitment.size() + e.reason.size() + e.request_kind.size() +
                      e.target_request.size() + e.grid.size() + e.rate_version.size();
  std::size_t bytes = 1000;
  for (const auto& tag : e.tags) texts += 1 + tag.size();
  for (const auto& [key, value] : e.facts) texts += 1 + key.size() + value.size();
  for (const OfferLine& line : e.lines) texts += line.offer.size(), bytes += 60;
  for (const Owed& owed : e.owed) texts += owed.fund.size(), bytes += 45;
  for (const Posting& p : e.postings) {
    texts += p.holder.size() + p.unit.size();
    bytes += 140 + 40 * p.lots.size();
    for (const Lot& lot : p.lots) texts += lot.fund.size();
  }
  if (e.data.index() == 0 && bytes + 6 * texts <= kLineBytesMax) return true;
  thread_local std::string line;
  line.clear();
  AppendLine(e, line);
  return line.size() <= kLineBytesMax;
}

absl::StatusOr<Entry> ParseLine(std::string_view line) {
  if (line.size() > kLineBytesMax) return absl::InvalidArgumentError("longer than 4096 bytes");
  Entry entry;
  const auto status = ReadCanonical(line, entry, [](const Entry& e, std::string& out) { AppendLine(e, out); });
  if (!status.ok()) return status;
  return entry;
}

void AppendRegistration(const Registration& registration, std::string& json) {
  const Holder holder{registration};
  Writer(json).Object(holder);
}

absl::StatusOr<Registration> ParseRegistration(std::string_view json) {
  Holder holder;
  const auto status = ReadCanonical(json, holder, [](const Holder& h, std::string& out) { Writer(out).Object(h); });
  if (!status.ok()) return status;
  return holder.data;
}

}  // namespace redpoints
