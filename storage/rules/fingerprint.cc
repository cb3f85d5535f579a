#include <type_traits>

#include "storage/merkle/sha256.h"
#include "storage/rules/command.h"
#include "storage/rules/fields.h"
#include "storage/rules/kinds.h"

namespace redpoints {
namespace {

// Keys and values of the fields that are there, each with its length or behind a fixed width: no two different commands give the same bytes.
class Bytes {
 public:
  template <class T> void Required(std::string_view key, const T& field) {
    if constexpr (std::is_same_v<T, bool>) {
      if (key == "is_new") is_new_ = field;
    }
    Text(key);
    Value(field);
  }
  template <class T> void Optional(std::string_view key, const T& field, const std::type_identity_t<T>& absent = {}) {
    if (!(field == absent)) Required(key, field);
  }
  template <class T> void Made(std::string_view key, const T& field) {
    if (!is_new_) Required(key, field);
  }
  template <class T> void Salted(std::string_view, const T&) {}
  template <class T> void Stamped(std::string_view, const T&) {}
  template <class T> void Element(const T& field) {
    Value(field);
    kept_ = bytes_.size();
  }
  template <class T> void Tail(const T& field, const std::type_identity_t<T>& absent = {}) {
    Value(field);
    if (!(field == absent)) kept_ = bytes_.size();
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void Text(std::string_view text) {
    Value(static_cast<std::int64_t>(text.size()));
    bytes_ += text;
  }
  void Value(const std::string& text) { Text(text); }
  template <class T>
  requires std::is_enum_v<T>
  void Value(T word) { Text(WordOf(word)); }
  template <class T>
  requires std::is_integral_v<T>
  void Value(T value) {
    const auto number = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(number >> shift);
  }
  template <class T> void Value(const std::vector<T>& list) {
    Value(static_cast<std::int64_t>(list.size()));
    for (const T& element : list) Value(element);
  }
  void Value(const Registration& data) {
    Text(kRegistrationTypes[data.index()]);
    std::visit(
        [this](const auto& d) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(d)>, std::monostate>) Value(d);
        },
        data);
  }
  // How long a record is stands in front of it: whether a later field is there or not must not run into what follows.
  template <class T>
  requires std::is_class_v<T>
  void Value(const T& record) {
    Bytes inner;
    inner.is_new_ = is_new_;
    Fields(inner, record);
    if (kIsTuple<T>) inner.bytes_.resize(inner.kept_);
    Text(inner.bytes_);
  }

  std::string bytes_;
  std::size_t kept_ = 0;  // end of a tuple's last element that is not absent
  bool is_new_ = false;
};

// The word of a command: where its fields come from does not matter, nor where it stands in Command.
struct Word {
  std::string_view operator()(const Award&) const { return "award"; }
  std::string_view operator()(const AwardBatch&) const { return "award_batch"; }
  std::string_view operator()(const Correct&) const { return "correct"; }
  std::string_view operator()(const Donate&) const { return "donate"; }
  std::string_view operator()(const Redeem&) const { return "redeem"; }
  std::string_view operator()(const Authorize&) const { return "authorize"; }
  std::string_view operator()(const Capture&) const { return "capture"; }
  std::string_view operator()(const Void&) const { return "void"; }
  std::string_view operator()(const Refund&) const { return "refund"; }
  std::string_view operator()(const Reverse&) const { return "reverse"; }
  std::string_view operator()(const ProposeUndo&) const { return "propose_undo"; }
  std::string_view operator()(const Undo&) const { return "undo"; }
  std::string_view operator()(const ProposeWaiver&) const { return "propose_waiver"; }
  std::string_view operator()(const WaiveDebt&) const { return "waive_debt"; }
  std::string_view operator()(const Register&) const { return "register"; }
  std::string_view operator()(const ConfirmClock&) const { return "confirm_clock"; }
  std::string_view operator()(const FoundProgram&) const { return "found_program"; }
  std::string_view operator()(const OpenEpoch&) const { return "open_epoch"; }
};

}  // namespace

std::string Fingerprint(const Origin& origin, const Command& command, std::string_view key) {
  Bytes bytes;
  bytes.Required("redpoints/fingerprint", std::string(std::visit(Word{}, command)));
  bytes.Optional("clerk", origin.clerk);
  bytes.Optional("till", origin.till);
  std::visit([&](const auto& c) { Fields(bytes, c); }, command);
  return "1." + std::string(key) + ":" + Hex(Sha256(bytes.bytes()).data(), 16);
}

}  // namespace redpoints
