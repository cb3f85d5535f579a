#include "server/principal.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <vector>

#include "server/name_fields.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

absl::Status CallerUnknown() { return ToStatus({.reason = Reason::CALLER_UNKNOWN, .facts = {}}); }

}  // namespace

std::string Principal::Name() const {
  switch (kind) {
    case Kind::kTerminal: return FormatName({.kind = ResourceKind::kTerminal, .program = program, .merchant = merchant, .id = id});
    case Kind::kStaff: return FormatName({.kind = ResourceKind::kStaff, .program = program, .id = id});
    case Kind::kMember: return FormatName({.kind = ResourceKind::kMember, .program = program, .id = id});
    case Kind::kNone: break;
  }
  return "";
}

absl::StatusOr<Principal> PrincipalFromName(std::string_view text) {
  const auto name = ParseName("caller", text);
  if (!name.ok()) return CallerUnknown();
  Principal principal{.kind = Principal::Kind::kNone,
                      .program = std::string(name->program),
                      .merchant = std::string(name->merchant),
                      .id = std::string(name->id)};
  switch (name->kind) {
    case ResourceKind::kTerminal: principal.kind = Principal::Kind::kTerminal; break;
    case ResourceKind::kStaff: principal.kind = Principal::Kind::kStaff; break;
    case ResourceKind::kMember: principal.kind = Principal::Kind::kMember; break;
    default: return CallerUnknown();
  }
  if (principal.program == kSystemProgram && principal.kind != Principal::Kind::kStaff) return CallerUnknown();
  return principal;
}

absl::StatusOr<Principal> PrincipalFromUris(std::span<const std::string_view> uris) {
  std::string_view found;
  for (const std::string_view uri : uris) {
    if (!uri.starts_with(kUriScheme)) continue;
    // Two names on one certificate leave open who calls.
    if (!found.empty()) return CallerUnknown();
    found = uri;
  }
  if (found.empty()) return CallerUnknown();
  return PrincipalFromName(found.substr(kUriScheme.size()));
}

absl::StatusOr<Principal> PrincipalFrom(const grpc::AuthContext& context) {
  // GRPC_X509_SAN_PROPERTY_NAME mixes all kinds of names, so that a DNS name could pose as a URI: only the URIs are read.
  static const std::string* const kProperty = new std::string(GRPC_PEER_URI_PROPERTY_NAME);
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(*kProperty);
  if (values.size() == 1) {
    const std::string_view only(values[0].data(), values[0].size());
    return PrincipalFromUris(std::span(&only, 1));
  }
  std::vector<std::string_view> uris;
  for (const grpc::string_ref& value : values) uris.emplace_back(value.data(), value.size());
  return PrincipalFromUris(uris);
}

}  // namespace redpoints::server
