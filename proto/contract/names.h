// Resource names of the protos, and request ids, as typed values. Pure; any thread. Errors are refusals that name the field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace redpoints::server {

enum class ResourceKind {
  kProgram,
  kMember,
  kMerchant,
  kTerminal,
  kStaff,
  kNode,
  kFund,
  kRulebook,
  kRedemption,
  kHold,
  kAward,
  kEntry,
};

// A parsed name. The views point into the text it was parsed from, which must outlive it.
struct Name {
  ResourceKind kind = ResourceKind::kProgram;
  std::string_view program = {};
  std::string_view merchant = {};  // of a terminal
  std::string_view id = {};        // of members, merchants, terminals, staff, nodes, funds, rulebooks
  std::int64_t sequence = -1;      // of redemptions, holds, awards, entries: 0 to 2^53 − 1

  bool operator==(const Name&) const = default;
};

// Any name. FIELD_REQUIRED if empty, FIELD_TOO_LONG if no name is as long, FIELD_INVALID if it is no name. `field` is only for the refusal.
absl::StatusOr<Name> ParseName(std::string_view field, std::string_view text);
// A name of `kind`, of any program, with FIELD_INVALID for any other.
absl::StatusOr<Name> ParseNameOf(std::string_view field, std::string_view text, ResourceKind kind);
// A name of `kind`, with FIELD_INVALID for any other, or for one of another program than `program`.
absl::StatusOr<Name> ParseNameIn(std::string_view field, std::string_view text, ResourceKind kind, std::string_view program);
// "programs/{program}": the program's id.
absl::StatusOr<std::string_view> ParseProgram(std::string_view field, std::string_view text);
// A member's id or 会员号 from its full name in `program`, or from "members/{id or 会员号}".
absl::StatusOr<std::string_view> ParseMember(std::string_view field, std::string_view text, std::string_view program);

std::string FormatName(const Name& name);
// "holds/{sequence}", for the sentence of a refusal.
std::string_view PatternOf(ResourceKind kind);

// 1 to 32 of [a-z0-9-], letter first.
bool IsProgramId(std::string_view text);
// 1 to `max` of [a-z0-9-].
bool IsId(std::string_view text, std::size_t max = 63);

// A UUID in its form with hyphens, in either case and of any version, as 32 lower-case hexadecimal digits. The nil UUID is refused:
// it says that a client forgot to make one.
absl::StatusOr<std::string> ParseUuid(std::string_view field, std::string_view text);
// 32 hexadecimal digits with hyphens. Anything else comes back as it is.
std::string FormatUuid(std::string_view hex);

}  // namespace redpoints::server
