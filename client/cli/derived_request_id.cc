#include "client/cli/derived_request_id.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "proto/contract/request_id.h"

namespace redpoints::cli {

std::string DerivedRequestId(std::string_view seed, std::string_view name) {
  const auto hex = redpoints::ParseUuid(seed);
  if (!hex) std::abort();
  std::string input = absl::HexStringToBytes(*hex);
  input += name;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  if (EVP_Digest(input.data(), input.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1) std::abort();
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return UuidOf(bytes, 5);
}

}  // namespace redpoints::cli
