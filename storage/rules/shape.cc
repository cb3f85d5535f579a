#include "storage/rules/shape.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "storage/rules/kinds.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

// Ids that the server makes begin with the letter of what they are, so that no member, shop, terminal or staff person is taken for another.
bool IsMade(std::string_view id, char letter) { return IsId(id) && id[0] == letter; }
bool IsMember(std::string_view id) { return IsMade(id, 'm'); }
bool IsMerchant(std::string_view id) { return IsMade(id, 's'); }
bool IsStaff(std::string_view id) { return IsMade(id, 'a'); }

bool IsNode(std::string_view code) { return IsIdOf(ResourceKind::kNode, code); }
bool IsNodeOrNone(std::string_view code) { return code.empty() || IsNode(code); }

bool IsDayOrNone(Day day) { return day == 0 || IsDay(day); }
// Open on a side where it has 0.
bool IsSpan(Day from, Day to) { return IsDayOrNone(from) && (to == 0 || (IsDay(to) && to > from)); }

template <class E> bool IsKnown(E value) {
  const auto i = static_cast<std::size_t>(value);
  return i > 0 && i < Words<E>::kWords.size();
}

bool IsBetween(std::int64_t value, std::int64_t min, std::int64_t max) { return value >= min && value <= max; }

std::int64_t CharactersIn(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Keeps the first field that is wrong.
struct Judge {
  std::optional<Refusal> broken = {};

  Judge& Check(bool is_good, std::string_view field, std::string_view expected) {
    if (!is_good && !broken) broken = Refusal{Reason::FIELD_INVALID, {{"field", std::string(field)}, {"expected", std::string(expected)}}};
    return *this;
  }
  Judge& Between(std::int64_t value, std::int64_t min, std::int64_t max, std::string_view field) {
    if (!IsBetween(value, min, max) && !broken) {
      broken = Refusal{Reason::FIELD_OUT_OF_RANGE, {{"field", std::string(field)}, {"min", absl::StrCat(min)}, {"max", absl::StrCat(max)}}};
    }
    return *this;
  }

  void Of(const ProgramData& d) {
    Check(IsProgramId(d.id), "program.id", "1 to 32 of a-z 0-9 -, a letter first");
    Check(IsStaff(d.administrator), "program.administrator", "an id");
  }
  void Of(const NodeData& d) {
    Check(IsNode(d.code), "node.code", "1 to 32 of a-z 0-9 -");
    Check(IsKnown(d.kind), "node.kind", "a known value");
    Check(IsNodeOrNone(d.parent), "node.parent", "1 to 32 of a-z 0-9 -");
    Check(std::all_of(d.places.begin(), d.places.end(), IsNode), "node.places", "1 to 32 of a-z 0-9 - each");
    Check(IsNodeOrNone(d.type), "node.type", "1 to 32 of a-z 0-9 -");
    Check(IsDayOrNone(d.end_day), "node.end_day", "0, or a day as yyyymmdd");
  }
  void Of(const FundData& d) {
    Check(IsIdOf(ResourceKind::kFund, d.code) && d.code[0] >= 'a', "fund.code", "1 to 16 of a-z 0-9 -, a letter first");
    Between(d.budget_points, 0, kAmountMax, "fund.budget_points");
    Check(IsDayOrNone(d.end_day), "fund.end_day", "0, or a day as yyyymmdd");
  }
  void Of(const MemberData& d) {
    Check(IsMember(d.id), "member.name", "an id");
    Check(d.number_commitment.empty() || IsHex64(d.number_commitment), "member.number_commitment", "64 hex digits");
    Check(IsKnown(d.kind), "member.kind", "a known value");
    const auto is_group = [](const GroupSpan& s) { return IsKnown(s.group) && IsSpan(s.from, s.to); };
    Check(std::all_of(d.groups.begin(), d.groups.end(), is_group), "member.groups", "groups and days");
    // One after the other: a day is in one span of a group at most.
    const auto disorder = std::adjacent_find(d.groups.begin(), d.groups.end(), [](const GroupSpan& a, const GroupSpan& b) {
      return a.group > b.group || (a.group == b.group && (a.to == 0 || b.from < a.to));
    });
    Check(disorder == d.groups.end(), "member.groups", "ascending, spans of a group that don't overlap");
    Check(IsNodeOrNone(d.grid), "member.grid", "1 to 32 of a-z 0-9 -");
    const auto is_membership = [](const Membership& m) { return IsMember(m.member) && IsSpan(m.from, m.to); };
    Check(std::all_of(d.memberships.begin(), d.memberships.end(), is_membership), "member.memberships", "members and days");
    Check(IsKnown(d.state), "member.state", "a known value");
  }
  void Of(const MerchantData& d) {
    Check(IsMerchant(d.id), "merchant.name", "an id");
    const auto is_person = [](const MerchantPerson& p) { return IsMember(p.member) && IsKnown(p.role) && IsSpan(p.from, p.to); };
    Check(std::all_of(d.people.begin(), d.people.end(), is_person), "merchant.people", "members, roles and days");
    Check(IsNodeOrNone(d.place), "merchant.place", "1 to 32 of a-z 0-9 -");
    Check(IsKnown(d.state), "merchant.state", "a known value");
  }
  void Of(const TerminalData& d) {
    Check(IsMade(d.id, 't'), "terminal.name", "an id");
    Check(IsMerchant(d.merchant), "terminal.merchant", "an id");
    Check(IsKnown(d.state), "terminal.state", "a known value");
  }
  void Of(const StaffData& d) {
    Check(IsStaff(d.id), "staff.name", "an id");
    Check(d.member.empty() || IsMember(d.member), "staff.member", "an id");
    const auto is_grant = [](const RoleGrant& g) { return IsKnown(g.role) && IsNodeOrNone(g.scope); };
    Check(std::all_of(d.grants.begin(), d.grants.end(), is_grant), "staff.grants", "roles and nodes");
    Check(IsKnown(d.state), "staff.state", "a known value");
  }
  void Of(const RulebookData& d) {
    Check(IsIdOf(ResourceKind::kRulebook, d.version), "version", "1 to 32 of A-Z a-z 0-9 . -");
    if (d.is_withdrawn) return;
    Check(IsDay(d.effective_day) && d.effective_day < kNever, "effective_day", "a day as yyyymmdd");
    Check(IsHex64(d.sha256), "sha256", "64 hex digits");
  }
  void Of(const OfferData& d) {
    Check(IsIdOf(ResourceKind::kOffer, d.code), "offer.code", "1 to 32 of A-Z 0-9 _");
    Check(CharactersIn(d.name_zh_cn) <= 40, "offer.name_zh_cn", "up to 40 characters");
    Check(IsKnown(d.kind), "offer.kind", "a known value");
    Check(d.merchant.empty() || IsMerchant(d.merchant), "offer.merchant", "an id");
    Between(d.price_points, 0, kPriceMax, "offer.price_points");
    Between(d.max_points, 0, kAmountMax, "offer.max_points");
    Check(d.price_points == 0 || d.max_points == 0, "offer.max_points", "0 beside a price");
    Check(IsSpan(d.from, d.to), "offer.from_day", "days as yyyymmdd, to_day after from_day");
  }
  void Of(const auto&) { Check(false, "registration", "a registration"); }
};

}  // namespace

bool IsHex64(std::string_view text) { return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

std::optional<Refusal> CheckShape(const Registration& registration) {
  Judge judge;
  std::visit([&](const auto& d) { judge.Of(d); }, registration);
  return judge.broken;
}

}  // namespace redpoints
