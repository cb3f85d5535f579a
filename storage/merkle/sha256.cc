#include "storage/merkle/sha256.h"

#include <openssl/evp.h>

#include "storage/rules/types.h"

namespace redpoints {
namespace {

const EVP_MD* Digest() {
  static EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  RP_CHECK(digest != nullptr);
  return digest;
}

}  // namespace

void Sha256Stream::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  RP_CHECK(context_ != nullptr && EVP_DigestInit_ex2(context_.get(), Digest(), nullptr) == 1);
}

void Sha256Stream::Add(std::string_view bytes) { RP_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }

Hash Sha256Stream::Finish() {
  Hash hash;
  RP_CHECK(EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr) == 1);
  RP_CHECK(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1);
  return hash;
}

Hash Sha256(std::string_view bytes) {
  thread_local Sha256Stream stream;
  stream.Add(bytes);
  return stream.Finish();
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
