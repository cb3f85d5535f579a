// A refusal: one reason of proto/redpoints/v1/reason.proto and the facts its sentence needs. Immutable value, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "redpoints/v1/outcome.pb.h"
#include "redpoints/v1/reason.pb.h"

namespace redpoints {

struct Refusal {
  v1::Reason reason = v1::REASON_UNSPECIFIED;
  std::vector<std::pair<std::string, std::string>> facts;  // such as {"field", "offer_lines[2].points"}, {"short_by", "30"}

  bool operator==(const Refusal&) const = default;
};

// What the proto says of `reason`. The reference lives for ever.
const v1::ReasonInfo& InfoOf(v1::Reason reason);
bool IsRecorded(v1::Reason reason);
// "INSUFFICIENT_POINTS"; and back, REASON_UNSPECIFIED for an unknown name.
const std::string& NameOf(v1::Reason reason);
v1::Reason ReasonFromName(std::string_view name);

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
