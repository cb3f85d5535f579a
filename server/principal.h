// Who calls: read from the certificate of the connection, never from the message. Immutable value, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "storage/rules/types.h"

namespace grpc {
class AuthContext;
}

namespace redpoints::server {

// The scheme of the URI SAN that names a caller: "redpoints:programs/kaiyuan/staff/a1".
inline constexpr std::string_view kUriScheme = "redpoints:";
// The program whose staff operate the server itself.
using redpoints::kSystemProgram;

struct Principal {
  enum class Kind { kNone, kTerminal, kStaff, kMember };

  Kind kind = Kind::kNone;
  std::string program = {};
  std::string merchant = {};  // of a terminal
  std::string id = {};

  bool operator==(const Principal&) const = default;

  // "programs/kaiyuan/merchants/s1/terminals/t1"; empty for none.
  std::string Name() const;

  template <typename H> friend H AbslHashValue(H h, const Principal& p) {
    return H::combine(std::move(h), static_cast<int>(p.kind), p.program, p.merchant, p.id);
  }
};

// From a resource name of a terminal, staff person or member. CALLER_UNKNOWN for anything else; of the system program only staff
// pass, since it has no members and no shops.
absl::StatusOr<Principal> PrincipalFromName(std::string_view name);

// From all URI SANs of one certificate: exactly one of them may have our scheme; others are not ours to judge. Else CALLER_UNKNOWN.
absl::StatusOr<Principal> PrincipalFromUris(std::span<const std::string_view> uris);

// From the connection. CALLER_UNKNOWN without a verified certificate. Common names and DNS names are never looked at.
absl::StatusOr<Principal> PrincipalFrom(const grpc::AuthContext& context);

}  // namespace redpoints::server
