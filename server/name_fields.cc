#include "server/name_fields.h"

#include "proto/contract/request_id.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {

absl::StatusOr<Name> ParseName(std::string_view field, std::string_view text) {
  if (text.empty()) return FieldRequired(field);
  if (const std::size_t max = NameBytesMax(ResourceKind::kTerminal); text.size() > max) return FieldTooLong(field, max);
  const auto name = redpoints::ParseName(text);
  if (!name) return FieldInvalid(field, "a resource name such as programs/{program}/members/{member}");
  return *name;
}

absl::StatusOr<Name> ParseNameOf(std::string_view field, std::string_view text, ResourceKind kind) {
  if (text.empty()) return FieldRequired(field);
  if (text.size() > NameBytesMax(kind)) return FieldTooLong(field, NameBytesMax(kind));
  const auto name = redpoints::ParseName(text);
  if (!name || name->kind != kind) return FieldInvalid(field, PatternOf(kind));
  return *name;
}

absl::StatusOr<Name> ParseNameIn(std::string_view field, std::string_view text, ResourceKind kind, std::string_view program) {
  auto name = ParseNameOf(field, text, kind);
  if (name.ok() && name->program != program) return FieldInvalid(field, PatternOf(kind));
  return name;
}

absl::StatusOr<std::string_view> ParseProgram(std::string_view field, std::string_view text) {
  if (text.empty()) return FieldRequired(field);
  if (const std::size_t max = NameBytesMax(ResourceKind::kProgram); text.size() > max) return FieldTooLong(field, max);
  const auto name = redpoints::ParseName(text);
  if (!name || name->kind != ResourceKind::kProgram) return FieldInvalid(field, PatternOf(ResourceKind::kProgram));
  return name->program;
}

absl::StatusOr<std::string_view> ParseMember(std::string_view field, std::string_view text, std::string_view program) {
  constexpr std::string_view kShort = "members/";
  if (text.starts_with(kShort) && text.size() <= NameBytesMax(ResourceKind::kMember)) {
    const std::string_view id = text.substr(kShort.size());
    if (!IsId(id)) return FieldInvalid(field, PatternOf(ResourceKind::kMember));
    return id;
  }
  const auto name = ParseNameIn(field, text, ResourceKind::kMember, program);
  if (!name.ok()) return name.status();
  return name->id;
}

absl::StatusOr<std::string> ParseUuid(std::string_view field, std::string_view text) {
  if (text.empty()) return FieldRequired(field);
  auto hex = redpoints::ParseUuid(text);
  if (!hex) return FieldInvalid(field, "a UUID such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8");
  return *std::move(hex);
}

}  // namespace redpoints::server
