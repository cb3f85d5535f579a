// A refusal as a status, and as clients read it. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "proto/contract/reason.h"
#include "redpoints/v1/outcome.pb.h"

namespace redpoints {

// A refusal as a status with the reason's code, so that it can rise through absl::StatusOr; and back, nullopt for a status that is none.
absl::Status ToStatus(const Refusal& refusal);
std::optional<Refusal> RefusalFrom(const absl::Status& status);
// The refusal as people and clients read it.
v1::Refusal ToProto(const Refusal& refusal);

// The shape refusals, which all name a field.
absl::Status FieldRequired(std::string_view field);
absl::Status FieldInvalid(std::string_view field, std::string_view expected);
absl::Status FieldTooLong(std::string_view field, std::size_t max);
absl::Status FieldOutOfRange(std::string_view field, std::int64_t min, std::int64_t max);

}  // namespace redpoints
