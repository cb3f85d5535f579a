#include "storage/rules/sha256.h"

#include <openssl/evp.h>

#include "storage/rules/types.h"

namespace redpoints {

std::array<std::uint8_t, 32> Sha256(std::string_view bytes) {
  static EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  struct Context {
    EVP_MD_CTX* value = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(value); }
  };
  thread_local Context context;
  std::array<std::uint8_t, 32> hash{};
  RP_CHECK(EVP_DigestInit_ex2(context.value, digest, nullptr) == 1);
  RP_CHECK(EVP_DigestUpdate(context.value, bytes.data(), bytes.size()) == 1);
  RP_CHECK(EVP_DigestFinal_ex(context.value, hash.data(), nullptr) == 1);
  return hash;
}

std::string Hex(const std::uint8_t* bytes, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex(size * 2, '0');
  for (std::size_t i = 0; i < size; ++i) {
    hex[2 * i] = kDigits[bytes[i] >> 4];
    hex[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return hex;
}

std::string Sha256Hex(std::string_view bytes) {
  const auto hash = Sha256(bytes);
  return Hex(hash.data(), hash.size());
}

}  // namespace redpoints
