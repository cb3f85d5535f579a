#include "storage/rules/refusal.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace redpoints {
namespace {

constexpr char kPayloadUrl[] = "type.googleapis.com/redpoints.v1.Refusal";

}  // namespace

v1::Refusal ToProto(const Refusal& refusal) {
  v1::Refusal proto;
  proto.set_reason(NameOf(refusal.reason));
  proto.set_zh_cn(std::string(InfoOf(refusal.reason).zh_cn));
  proto.set_next_zh_cn(std::string(InfoOf(refusal.reason).next_zh_cn));
  for (const auto& [key, value] : refusal.facts) (*proto.mutable_facts())[key] = value;
  return proto;
}

absl::Status ToStatus(const Refusal& refusal) {
  std::string message = NameOf(refusal.reason);
  for (const auto& [key, value] : refusal.facts) absl::StrAppend(&message, " ", key, "=", value);
  absl::Status status(static_cast<absl::StatusCode>(InfoOf(refusal.reason).code), message);
  status.SetPayload(kPayloadUrl, absl::Cord(ToProto(refusal).SerializeAsString()));
  return status;
}

std::optional<Refusal> RefusalFrom(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  v1::Refusal proto;
  if (!payload.has_value() || !proto.ParseFromString(std::string(*payload))) return std::nullopt;
  Refusal refusal{.reason = ReasonFromName(proto.reason()), .facts = {}};
  for (const auto& [key, value] : proto.facts()) refusal.facts.emplace_back(key, value);
  return refusal;
}

absl::Status FieldRequired(std::string_view field) {
  return ToStatus({.reason = Reason::FIELD_REQUIRED, .facts = {{"field", std::string(field)}}});
}

absl::Status FieldInvalid(std::string_view field, std::string_view expected) {
  return ToStatus({.reason = Reason::FIELD_INVALID, .facts = {{"field", std::string(field)}, {"expected", std::string(expected)}}});
}

absl::Status FieldTooLong(std::string_view field, std::size_t max) {
  return ToStatus({.reason = Reason::FIELD_TOO_LONG, .facts = {{"field", std::string(field)}, {"max", absl::StrCat(max)}}});
}

absl::Status FieldOutOfRange(std::string_view field, std::int64_t min, std::int64_t max) {
  return ToStatus({.reason = Reason::FIELD_OUT_OF_RANGE,
                   .facts = {{"field", std::string(field)}, {"min", absl::StrCat(min)}, {"max", absl::StrCat(max)}}});
}

}  // namespace redpoints
