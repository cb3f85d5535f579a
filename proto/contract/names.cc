#include "proto/contract/names.h"

#include <array>
#include <charconv>

namespace redpoints {
namespace {

constexpr std::int64_t kSequenceMax = (std::int64_t{1} << 53) - 1;

enum class Form { kId, kCode32, kFundCode, kOfferCode, kVersion, kSequence };

struct Collection {
  ResourceKind kind;
  std::string_view segment;
  Form form;
  std::string_view pattern;
};

// Terminals lie below a merchant and are handled apart.
constexpr std::array<Collection, 11> kCollections = {{
    {ResourceKind::kMember, "members", Form::kId, "programs/{program}/members/{member}"},
    {ResourceKind::kMerchant, "merchants", Form::kId, "programs/{program}/merchants/{merchant}"},
    {ResourceKind::kStaff, "staff", Form::kId, "programs/{program}/staff/{staff}"},
    {ResourceKind::kNode, "nodes", Form::kCode32, "programs/{program}/nodes/{code}"},
    {ResourceKind::kFund, "funds", Form::kFundCode, "programs/{program}/funds/{code}"},
    {ResourceKind::kRulebook, "rulebooks", Form::kVersion, "programs/{program}/rulebooks/{version}"},
    {ResourceKind::kOffer, "offers", Form::kOfferCode, "programs/{program}/offers/{code}"},
    {ResourceKind::kRedemption, "redemptions", Form::kSequence, "programs/{program}/redemptions/{sequence}"},
    {ResourceKind::kHold, "holds", Form::kSequence, "programs/{program}/holds/{sequence}"},
    {ResourceKind::kAward, "awards", Form::kSequence, "programs/{program}/awards/{sequence}"},
    {ResourceKind::kEntry, "entries", Form::kSequence, "programs/{program}/entries/{sequence}"},
}};

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsVersion(std::string_view text) {
  if (text.empty() || text.size() > 32) return false;
  for (const char c : text) {
    if (!IsLower(c) && !IsDigit(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '-') return false;
  }
  return true;
}

std::optional<std::int64_t> Sequence(std::string_view text) {
  // One name for one entry: no sign, no leading zero.
  if (text.empty() || text.size() > 16 || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
  }
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (value > kSequenceMax) return std::nullopt;
  return value;
}

// "17", or "1.17": epoch 0 is not written.
bool FillSequence(std::string_view text, Name& name) {
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos) {
    const auto epoch = Sequence(text.substr(0, dot));
    if (epoch.value_or(0) == 0) return false;
    name.epoch = *epoch;
    text.remove_prefix(dot + 1);
  }
  const auto sequence = Sequence(text);
  name.sequence = sequence.value_or(-1);
  return sequence.has_value();
}

bool IsOfferCode(std::string_view text) {
  if (text.empty() || text.size() > 32) return false;
  for (const char c : text) {
    if (!(c >= 'A' && c <= 'Z') && !IsDigit(c) && c != '_') return false;
  }
  return true;
}

// Cuts the part before the next slash off `rest`; `rest` is left without data when that was the last part.
std::string_view Cut(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view part = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return part;
}

bool FillId(Form form, std::string_view text, Name& name) {
  name.id = text;
  switch (form) {
    case Form::kId: return IsId(text);
    case Form::kCode32: return IsId(text, 32);
    case Form::kFundCode: return IsId(text, 16);
    case Form::kVersion: return IsVersion(text);
    case Form::kOfferCode: return IsOfferCode(text);
    case Form::kSequence: name.id = {}; return FillSequence(text, name);
  }
  return false;
}

}  // namespace

bool IsProgramId(std::string_view text) { return IsId(text, 32) && IsLower(text[0]); }

bool IsId(std::string_view text, std::size_t max) {
  if (text.empty() || text.size() > max) return false;
  for (const char c : text) {
    if (!IsLower(c) && !IsDigit(c) && c != '-') return false;
  }
  return true;
}

bool IsIdOf(ResourceKind kind, std::string_view text) {
  if (kind == ResourceKind::kProgram) return IsProgramId(text);
  if (kind == ResourceKind::kTerminal) return IsId(text);
  for (const Collection& collection : kCollections) {
    Name name;
    if (collection.kind == kind) return collection.form != Form::kSequence && FillId(collection.form, text, name);
  }
  return false;
}

std::optional<Name> ParseName(std::string_view text) {
  // A slash at the end would otherwise pass for the end of the name.
  if (text.empty() || text.back() == '/') return std::nullopt;
  Name name;
  if (Cut(text) != "programs") return std::nullopt;
  name.program = Cut(text);
  if (!IsProgramId(name.program)) return std::nullopt;
  if (text.empty()) return name;
  const std::string_view segment = Cut(text);
  const std::string_view id = Cut(text);
  for (const Collection& collection : kCollections) {
    if (collection.segment != segment) continue;
    name.kind = collection.kind;
    if (!FillId(collection.form, id, name)) return std::nullopt;
    if (text.empty()) return name;
    if (collection.kind != ResourceKind::kMerchant || Cut(text) != "terminals") return std::nullopt;
    name.kind = ResourceKind::kTerminal;
    name.merchant = id;
    name.id = Cut(text);
    if (!IsId(name.id) || !text.empty()) return std::nullopt;
    return name;
  }
  return std::nullopt;
}

std::string FormatName(const Name& name) {
  std::string text = "programs/";
  text += name.program;
  if (name.kind == ResourceKind::kProgram) return text;
  if (name.kind == ResourceKind::kTerminal) {
    text += "/merchants/";
    text += name.merchant;
    text += "/terminals/";
    text += name.id;
    return text;
  }
  for (const Collection& collection : kCollections) {
    if (collection.kind != name.kind) continue;
    text += '/';
    text += collection.segment;
    text += '/';
    if (collection.form == Form::kSequence) {
      text += FormatNumber(name.epoch, name.sequence);
    } else {
      text += name.id;
    }
  }
  return text;
}

std::string FormatNumber(std::int64_t epoch, std::int64_t sequence) {
  return epoch == 0 ? std::to_string(sequence) : std::to_string(epoch) + "." + std::to_string(sequence);
}

std::string_view PatternOf(ResourceKind kind) {
  if (kind == ResourceKind::kProgram) return "programs/{program}";
  if (kind == ResourceKind::kTerminal) return "programs/{program}/merchants/{merchant}/terminals/{terminal}";
  for (const Collection& collection : kCollections) {
    if (collection.kind == kind) return collection.pattern;
  }
  return "";
}

std::size_t NameBytesMax(ResourceKind kind) {
  constexpr std::size_t kProgram = std::string_view("programs/").size() + 32, kId = 63;
  if (kind == ResourceKind::kProgram) return kProgram;
  if (kind == ResourceKind::kTerminal) return kProgram + std::string_view("/merchants//terminals/").size() + 2 * kId;
  for (const Collection& collection : kCollections) {
    if (collection.kind != kind) continue;
    const std::size_t id = collection.form == Form::kId         ? kId
                           : collection.form == Form::kFundCode ? 16
                           : collection.form == Form::kSequence ? 2 * 16 + 1
                                                                : 32;
    return kProgram + collection.segment.size() + 2 + id;
  }
  return 0;
}

}  // namespace redpoints
