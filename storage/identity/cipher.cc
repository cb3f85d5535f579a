#include "storage/identity/cipher.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

constexpr std::size_t kIdBytes = 4, kNonceBytes = 12, kTagBytes = 16;
static_assert(kIdBytes + kNonceBytes + kTagBytes == kSealOverheadBytes);

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes the key in it
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const EVP_CIPHER* Aes256Gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

const unsigned char* In(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* Out(std::string& bytes, std::size_t at) { return reinterpret_cast<unsigned char*>(bytes.data() + at); }

void AppendU32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::string AssociatedData(const SealedPlace& place) {
  constexpr std::string_view kLabel("redpoints side row 1\0", 21);
  std::string data(kLabel);
  AppendSized(data, place.program);
  AppendSized(data, std::string_view(&place.table, 1));
  AppendSized(data, place.key);
  return data;
}

}  // namespace

void AppendSized(std::string& out, std::string_view bytes) {
  RP_CHECK(bytes.size() < std::size_t{1} << 31);
  AppendU32(out, static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
}

std::string Seal(const SecretKey& key, const SealedPlace& place, std::string_view plain) {
  RP_CHECK(plain.size() < std::size_t{1} << 31);
  std::string sealed;
  sealed.reserve(plain.size() + kSealOverheadBytes);
  AppendU32(sealed, key.id());
  sealed.resize(plain.size() + kSealOverheadBytes);
  RP_CHECK(RAND_bytes(Out(sealed, kIdBytes), kNonceBytes) == 1);
  const std::string data = AssociatedData(place);
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  RP_CHECK(context && EVP_EncryptInit_ex2(context.get(), Aes256Gcm(), key.bytes().data(), Out(sealed, kIdBytes), nullptr) == 1);
  RP_CHECK(EVP_EncryptUpdate(context.get(), nullptr, &size, In(data), static_cast<int>(data.size())) == 1);
  std::size_t end = kIdBytes + kNonceBytes;
  RP_CHECK(EVP_EncryptUpdate(context.get(), Out(sealed, end), &size, In(plain), static_cast<int>(plain.size())) == 1);
  end += plain.size();
  RP_CHECK(static_cast<std::size_t>(size) == plain.size());
  RP_CHECK(EVP_EncryptFinal_ex(context.get(), Out(sealed, end), &size) == 1 && size == 0);
  RP_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, Out(sealed, end)) == 1);
  return sealed;
}

absl::StatusOr<std::string> Unseal(const KeyFile& keys, const SealedPlace& place, std::string_view sealed) {
  if (sealed.size() < kSealOverheadBytes || sealed.size() >= std::size_t{1} << 31) return absl::DataLossError("the sealed value is cut");
  std::uint32_t id = 0;
  for (const char c : sealed.substr(0, kIdBytes)) id = id << 8 | static_cast<std::uint8_t>(c);
  const SecretKey* key = keys.Find(KeyPurpose::kSeal, id);
  if (!key) return absl::NotFoundError(absl::StrCat("sealed under seal key ", KeyIdText(id), ", which is not in ", keys.path()));
  const std::string_view nonce = sealed.substr(kIdBytes, kNonceBytes);
  const std::string_view text = sealed.substr(kIdBytes + kNonceBytes, sealed.size() - kSealOverheadBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes)), plain(text.size(), '\0');
  const std::string data = AssociatedData(place);
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  RP_CHECK(context && EVP_DecryptInit_ex2(context.get(), Aes256Gcm(), key->bytes().data(), In(nonce), nullptr) == 1);
  RP_CHECK(EVP_DecryptUpdate(context.get(), nullptr, &size, In(data), static_cast<int>(data.size())) == 1);
  RP_CHECK(EVP_DecryptUpdate(context.get(), Out(plain, 0), &size, In(text), static_cast<int>(text.size())) == 1);
  RP_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  // Only now is `plain` known to be what was sealed.
  if (EVP_DecryptFinal_ex(context.get(), Out(plain, plain.size()), &size) != 1) {
    return absl::DataLossError(
        absl::StrCat("the sealed value does not open under key ", KeyIdText(id), ": altered, of another place, or the secret is another"));
  }
  return plain;
}

std::string KeyedHash(const SecretKey& key, std::string_view label, std::string_view text) {
  RP_CHECK(label.find('\0') == std::string_view::npos);
  std::string message(label);
  message += '\0';
  message += text;
  std::string hash(32, '\0');
  unsigned int size = 0;
  RP_CHECK(HMAC(EVP_sha256(), key.bytes().data(), static_cast<int>(key.bytes().size()), In(message), message.size(), Out(hash, 0), &size));
  RP_CHECK(size == hash.size());
  return hash;
}

std::string KeyedHex(const SecretKey& key, std::string_view label, std::string_view text) {
  const std::string hash = KeyedHash(key, label, text);
  return Hex(In(hash), hash.size());
}

std::string SideKeyId(const KeyFile& keys) { return KeyedHex(keys.Newest(KeyPurpose::kUnique), "redpoints side key", "").substr(0, 16); }

Salt RandomSalt() {
  Salt salt{};
  RP_CHECK(RAND_bytes(salt.data(), static_cast<int>(salt.size())) == 1);
  return salt;
}

std::string Commitment(std::string_view label, const Salt& salt, std::string_view value) {
  RP_CHECK(label.find('\0') == std::string_view::npos);
  std::string message(label);
  message += '\0';
  message.append(reinterpret_cast<const char*>(salt.data()), salt.size());
  AppendSized(message, value);
  return Sha256Hex(message);
}

}  // namespace redpoints
