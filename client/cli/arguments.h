// What people type, as values of the contract. An error is INVALID_ARGUMENT with a message in the reader's language. Pure
// functions, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/labels.h"
#include "client/cli/text.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"

namespace redpoints::cli {

// The errors: what `text` should have been.
absl::Status Invalid(const std::string& text, const std::string& expected, const Text& t);
absl::Status NotAmong(const std::string& text, const std::string& choices, const Text& t);

// "minyue" or "programs/minyue" as "programs/minyue".
std::string ProgramName(const std::string& text);

// A full resource name from what was typed: "42", "redemptions/42" or "programs/minyue/redemptions/42", with collection
// "redemptions". Empty stays empty.
std::string ResourceName(const std::string& program, const std::string& collection, const std::string& text);

// As ResourceName, of what is named by its sequence, after a restore with the epoch in front ("1.42"): holds, redemptions, awards,
// entries.
absl::StatusOr<std::string> EntryName(const std::string& program, const std::string& collection, const std::string& text, const Text& t);

// "m1/t1", "merchants/m1/terminals/t1" or the full name.
std::string TerminalName(const std::string& program, const std::string& text);

// A member where an award or donation is for: a bare 会员号 of 8 to 10 digits is "members/{会员号}", anything else a resource name.
std::string MemberOfAward(const std::string& program, const std::string& text);

// Whether a member's full name has a 会员号 in the place of the id.
bool IsByNumber(const std::string& member);

absl::StatusOr<std::int64_t> ParseNumber(const std::string& text, const Text& t);

// 20240315 or 2024-03-15, as yyyymmdd.
absl::StatusOr<std::int32_t> ParseDay(const std::string& text, const Text& t);

// RFC 3339, "2024-03-15 10:00[:00]" in Asia/Shanghai, or a day: its beginning, or with `is_end` its end (the next day's beginning).
absl::StatusOr<absl::Time> ParseTime(const std::string& text, bool is_end, const Text& t);

// The day before `time` in Asia/Shanghai, and no other.
absl::StatusOr<std::int32_t> ParseDayBefore(const std::string& text, absl::Time time, const Text& t);

// OFFER:QUANTITY:POINTS[:CASH_FEN]
absl::StatusOr<v1::OfferLine> ParseOfferLine(const std::string& text, const Text& t);

// ROLE[:SCOPE]
absl::StatusOr<v1::RoleGrant> ParseGrant(const std::string& text, const Text& t);

// GROUP[:FROM[:TO]], days as in ParseDay.
absl::StatusOr<v1::GroupSpan> ParseGroupSpan(const std::string& text, const Text& t);

// MEMBER[:ROLE[:FROM[:TO]]]; an owner where no role is given.
absl::StatusOr<v1::MerchantPerson> ParseMerchantPerson(const std::string& program, const std::string& text, const Text& t);

// MEMBER:FROM[:TO].
absl::StatusOr<v1::Membership> ParseMembership(const std::string& program, const std::string& text, const Text& t);

// A request id, in lower case.
absl::StatusOr<std::string> ParseUuid(const std::string& text, const Text& t);

// 64 hexadecimal digits as 32 bytes.
absl::StatusOr<std::string> ParseSha256(const std::string& text, const Text& t);

template <class Enum> absl::StatusOr<Enum> ParseEnum(const std::string& text, const Text& t) {
  const auto& type = *google::protobuf::GetEnumDescriptor<Enum>();
  if (const auto number = EnumNumber(type, text)) return static_cast<Enum>(*number);
  return NotAmong(text, EnumChoices(type), t);
}

}  // namespace redpoints::cli
