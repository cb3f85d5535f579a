#include "server/page_token.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/escaping.h"
#include "storage/rules/refusal.h"
#include "storage/rules/types.h"

namespace redpoints::server {
namespace {

constexpr std::size_t kNonceBytes = 12, kTagBytes = 16;
struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string PageTokens::Seal(std::string_view state, std::string_view query) const {
  std::string nonce(kNonceBytes, '\0'), sealed(state.size(), '\0'), tag(kTagBytes, '\0');
  RP_CHECK(RAND_bytes(Bytes(nonce), kNonceBytes) == 1);
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  RP_CHECK(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(std::string_view(key_)), Bytes(nonce)) == 1);
  RP_CHECK(EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(query), static_cast<int>(query.size())) == 1);
  RP_CHECK(EVP_EncryptUpdate(context.get(), Bytes(sealed), &size, Bytes(state), static_cast<int>(state.size())) == 1);
  RP_CHECK(EVP_EncryptFinal_ex(context.get(), Bytes(sealed) + size, &size) == 1);
  RP_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, Bytes(tag)) == 1);
  return absl::WebSafeBase64Escape(nonce + tag + sealed);
}

absl::StatusOr<std::string> PageTokens::Open(std::string_view token, std::string_view query) const {
  const auto invalid = ToStatus(Refusal{Reason::PAGE_TOKEN_INVALID, {}});
  std::string bytes;
  if (token.size() > 4096 || !absl::WebSafeBase64Unescape(std::string(token), &bytes) || bytes.size() < kNonceBytes + kTagBytes)
    return invalid;
  std::string nonce = bytes.substr(0, kNonceBytes), tag = bytes.substr(kNonceBytes, kTagBytes),
              sealed = bytes.substr(kNonceBytes + kTagBytes);
  std::string state(sealed.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool is_good = EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(std::string_view(key_)), Bytes(nonce)) == 1 &&
                       EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(query), static_cast<int>(query.size())) == 1 &&
                       EVP_DecryptUpdate(context.get(), Bytes(state), &size, Bytes(sealed), static_cast<int>(sealed.size())) == 1 &&
                       EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, Bytes(tag)) == 1 &&
                       EVP_DecryptFinal_ex(context.get(), Bytes(state) + size, &size) == 1;
  if (!is_good) return invalid;
  return state;
}

std::string LoadOrMakePageTokenKey(const std::string& file) {
  constexpr std::size_t kBytes = 32;
  {
    std::ifstream in(file, std::ios::binary);
    std::string key(std::istreambuf_iterator<char>(in), {});
    if (key.size() == kBytes) return key;
  }
  std::string key(kBytes, '\0');
  RP_CHECK(RAND_bytes(Bytes(key), kBytes) == 1);
  const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) return key;
  if (::write(out, key.data(), key.size()) != static_cast<ssize_t>(key.size())) ::unlink(file.c_str());
  ::close(out);
  return key;
}

}  // namespace redpoints::server
