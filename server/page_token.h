// Opaque page tokens: sealed with AES-256-GCM under the ledger's own key, so that a client can neither read nor make them. A token grants
// nothing: every page is authorised anew. Stable over restarts. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace redpoints::server {

class PageTokens {
 public:
  // `key` is 32 bytes.
  explicit PageTokens(std::string key) : key_(std::move(key)) {}

  // URL-safe text for `state`, valid only together with `query`: what the list is of.
  std::string Seal(std::string_view state, std::string_view query) const;
  // PAGE_TOKEN_INVALID for anything that Seal did not make for this query.
  absl::StatusOr<std::string> Open(std::string_view token, std::string_view query) const;

 private:
  const std::string key_;
};

}  // namespace redpoints::server
