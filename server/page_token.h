// Opaque page tokens: sealed with AES-256-GCM under the server's own key, so that a client can neither read nor make them. A token grants
// nothing: every page is authorised anew. Stable over restarts, as the key's file is. Thread-safe.
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

// The key in `file`, 32 bytes that are made and put there the first time, for its owner's eyes only. Where that can't be done, as on a full
// disk, a key for this process alone: after a restart, lists that were being read then begin anew. The file is in no backup.
std::string LoadOrMakePageTokenKey(const std::string& file);

}  // namespace redpoints::server
