// Resource names and request ids in the fields of a request. Pure; any thread. Errors are refusals that name the field.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/contract/names.h"

namespace redpoints::server {

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

// A UUID as redpoints::ParseUuid takes it, as 32 lower-case hexadecimal digits.
absl::StatusOr<std::string> ParseUuid(std::string_view field, std::string_view text);

}  // namespace redpoints::server
