#include "client/cli/arguments.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "proto/contract/request_id.h"

namespace redpoints::cli {
namespace {

bool IsAllDigits(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

bool IsNumber(const std::string& text) { return IsAllDigits(text) && text.size() >= 8 && text.size() <= 10; }

// "42", or with its epoch "1.42".
bool IsSequence(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  return parts.size() <= 2 && std::all_of(parts.begin(), parts.end(), IsAllDigits);
}

// FROM[:TO], as what is left of `parts` from `first` on; 0 where nothing stands.
absl::StatusOr<std::pair<std::int32_t, std::int32_t>> ParseDays(const std::vector<std::string>& parts, std::size_t first, const Text& t) {
  std::int32_t days[2] = {0, 0};
  for (std::size_t i = first; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    const auto day = ParseDay(parts[i], t);
    if (!day.ok()) return day.status();
    days[i - first] = *day;
  }
  return std::pair(days[0], days[1]);
}

absl::TimeZone Shanghai() { return absl::FixedTimeZone(8 * 60 * 60); }

}  // namespace

absl::Status Invalid(const std::string& text, const std::string& expected, const Text& t) {
  return absl::InvalidArgumentError(t("“", "\"") + text + t("”应为", "\" should be ") + expected);
}

absl::Status NotAmong(const std::string& text, const std::string& choices, const Text& t) {
  return absl::InvalidArgumentError(t("“", "\"") + text + t("”不在可选值之内: ", "\" is none of ") + choices);
}

std::string ProgramName(const std::string& text) {
  return text.empty() || absl::StartsWith(text, "programs/") ? text : absl::StrCat("programs/", text);
}

std::string ResourceName(const std::string& program, const std::string& collection, const std::string& text) {
  if (text.empty() || absl::StartsWith(text, "programs/")) return text;
  if (collection.empty() || absl::StartsWith(text, absl::StrCat(collection, "/"))) return absl::StrCat(program, "/", text);
  return absl::StrCat(program, "/", collection, "/", text);
}

absl::StatusOr<std::string> EntryName(const std::string& program, const std::string& collection, const std::string& text, const Text& t) {
  const std::string name = ResourceName(program, collection, text);
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[2] != collection || !IsSequence(parts[3])) {
    return Invalid(text, t("序号或名称,如 42 或 ", "a sequence or name such as 42 or ") + collection + "/42", t);
  }
  return name;
}

std::string TerminalName(const std::string& program, const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  if (parts.size() == 2) return absl::StrCat(program, "/merchants/", parts[0], "/terminals/", parts[1]);
  return ResourceName(program, "merchants", text);
}

std::string MemberOfAward(const std::string& program, const std::string& text) {
  if (IsNumber(text)) return absl::StrCat("members/", text);
  return ResourceName(program, "members", text);
}

bool IsByNumber(const std::string& member) { return IsNumber(member.substr(member.rfind('/') + 1)); }

absl::StatusOr<std::int64_t> ParseNumber(const std::string& text, const Text& t) {
  std::int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) return Invalid(text, t("整数", "an integer"), t);
  return value;
}

absl::StatusOr<std::int32_t> ParseDay(const std::string& text, const Text& t) {
  std::string digits = text;
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') std::erase(digits, '-');
  std::int32_t day = 0;
  if (digits.size() == 8 && IsAllDigits(digits) && absl::SimpleAtoi(digits, &day)) {
    // A civil day that does not exist is normalized to one that does, and so differs from what was typed.
    const absl::CivilDay civil(day / 10'000, day / 100 % 100, day % 100);
    if (civil.year() == day / 10'000 && civil.month() == day / 100 % 100 && civil.day() == day % 100) return day;
  }
  return Invalid(text, t("日期,如 2024-03-15", "a day such as 2024-03-15"), t);
}

absl::StatusOr<absl::Time> ParseTime(const std::string& text, bool is_end, const Text& t) {
  if (const auto day = ParseDay(text, t); day.ok()) {
    const absl::CivilDay civil(*day / 10'000, *day / 100 % 100, *day % 100);
    return absl::FromCivil(is_end ? civil + 1 : civil, Shanghai());
  }
  absl::Time time;
  std::string error;
  for (const char* format : {absl::RFC3339_full, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"}) {
    if (absl::ParseTime(format, text, Shanghai(), &time, &error)) return time;
  }
  return Invalid(text,
                 t("时间,如 2024-03-15、\"2024-03-15 10:00\" 或 2024-03-15T10:00:00+08:00",
                   "a time such as 2024-03-15, \"2024-03-15 10:00\" or 2024-03-15T10:00:00+08:00"),
                 t);
}

absl::StatusOr<std::int32_t> ParseDayBefore(const std::string& text, absl::Time time, const Text& t) {
  const auto day = ParseDay(text, t);
  if (!day.ok()) return day;
  const absl::CivilDay right = absl::ToCivilDay(time, Shanghai()) - 1;
  if (*day == right.year() * 10'000 + right.month() * 100 + right.day()) return day;
  return Invalid(text, t(" ", "") + absl::FormatCivilTime(right) + t(",即 --time 的前一天", ", the day before --time"), t);
}

absl::StatusOr<v1::OfferLine> ParseOfferLine(const std::string& text, const Text& t) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  std::int64_t numbers[3] = {0, 0, 0};
  bool is_valid = (parts.size() == 3 || parts.size() == 4) && !parts[0].empty();
  for (std::size_t i = 1; is_valid && i < parts.size(); ++i) is_valid = absl::SimpleAtoi(parts[i], &numbers[i - 1]);
  if (!is_valid) return Invalid(text, t("项目:数量:积分[:现金分],如 RICE:1:200", "OFFER:QUANTITY:POINTS[:CASH_FEN] such as RICE:1:200"), t);
  v1::OfferLine line;
  line.set_offer(parts[0]);
  line.set_quantity(numbers[0]);
  line.set_points(numbers[1]);
  line.set_cash_fen(numbers[2]);
  return line;
}

absl::StatusOr<v1::RoleGrant> ParseGrant(const std::string& text, const Text& t) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  const auto role = ParseEnum<v1::Role>(parts.first, t);
  if (!role.ok()) return role.status();
  v1::RoleGrant grant;
  grant.set_role(*role);
  grant.set_scope(parts.second);
  return grant;
}

absl::StatusOr<v1::GroupSpan> ParseGroupSpan(const std::string& text, const Text& t) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() > 3) return Invalid(text, t("群体[:开始日[:结束日]]", "GROUP[:FROM[:TO]]"), t);
  const auto group = ParseEnum<v1::Group>(parts[0], t);
  if (!group.ok()) return group.status();
  const auto days = ParseDays(parts, 1, t);
  if (!days.ok()) return days.status();
  v1::GroupSpan span;
  span.set_group(*group);
  span.set_from_day(days->first);
  span.set_to_day(days->second);
  return span;
}

absl::StatusOr<v1::MerchantPerson> ParseMerchantPerson(const std::string& program, const std::string& text, const Text& t) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() > 4 || parts[0].empty()) {
    return Invalid(text, t("会员[:owner|clerk[:开始日[:结束日]]]", "MEMBER[:owner|clerk[:FROM[:TO]]]"), t);
  }
  v1::MerchantPerson person;
  person.set_member(ResourceName(program, "members", parts[0]));
  person.set_role(v1::OWNER);
  if (parts.size() > 1 && !parts[1].empty()) {
    const auto role = ParseEnum<v1::MerchantRole>(parts[1], t);
    if (!role.ok()) return role.status();
    person.set_role(*role);
  }
  const auto days = ParseDays(parts, 2, t);
  if (!days.ok()) return days.status();
  person.set_from_day(days->first);
  person.set_to_day(days->second);
  return person;
}

absl::StatusOr<v1::Membership> ParseMembership(const std::string& program, const std::string& text, const Text& t) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty()) {
    return Invalid(text, t("会员:开始日[:结束日]", "MEMBER:FROM[:TO]"), t);
  }
  const auto days = ParseDays(parts, 1, t);
  if (!days.ok()) return days.status();
  v1::Membership membership;
  membership.set_member(ResourceName(program, "members", parts[0]));
  membership.set_from_day(days->first);
  membership.set_to_day(days->second);
  return membership;
}

absl::StatusOr<std::string> ParseUuid(const std::string& text, const Text& t) {
  const auto hex = redpoints::ParseUuid(text);
  if (!hex) return Invalid(text, t(" UUID,如 ", "a UUID such as ") + "6ba7b810-9dad-11d1-80b4-00c04fd430c8", t);
  return FormatUuid(*hex);
}

absl::StatusOr<std::string> ParseSha256(const std::string& text, const Text& t) {
  const bool is_hex = text.size() == 64 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
  if (!is_hex) return Invalid(text, t(" 64 位十六进制的 SHA-256", "a SHA-256 of 64 hexadecimal digits"), t);
  return absl::HexStringToBytes(text);
}

}  // namespace redpoints::cli
