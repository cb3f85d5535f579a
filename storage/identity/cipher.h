// Encryption of one value, keyed hashes, commitments: all with OpenSSL. Functions only; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/identity/key_file.h"

namespace redpoints {

// Where a sealed value lies: it opens nowhere else.
struct SealedPlace {
  std::string_view program;
  char table;
  std::string_view key;
};

inline constexpr std::size_t kSealOverheadBytes = 32;

// AES-256-GCM: key id u32be | nonce 12 bytes | ciphertext | tag 16 bytes. Associated data:
//   "redpoints side row 1" 00 | size u32be, program | 00 00 00 01, table | size u32be, key
// Nonces are random: no key should seal more than 2^32 values. `plain` below 2^31 bytes.
std::string Seal(const SecretKey& key, const SealedPlace& place, std::string_view plain);

// NOT_FOUND: the file has no such kSeal key; the message names both. DATA_LOSS: cut, altered, sealed for another place, or under another
// secret of the same id.
absl::StatusOr<std::string> Unseal(const KeyFile& keys, const SealedPlace& place, std::string_view sealed);

// HMAC-SHA-256 of label 00 text. A label is a constant that says what for and its version; it has no NUL.
std::string KeyedHash(const SecretKey& key, std::string_view label, std::string_view text);  // 32 bytes
std::string KeyedHex(const SecretKey& key, std::string_view label, std::string_view text);   // 64 hex digits

// 16 hex digits that tell key files apart and nothing of their secrets: of the key for kUnique, which is one for ever.
std::string SideKeyId(const KeyFile& keys);

using Salt = std::array<std::uint8_t, 32>;
Salt RandomSalt();

// SHA-256 of label 00 | salt | size u32be, value, as 64 hex digits: tells nothing of the value while the salt is secret, and nothing for
// ever once the salt is erased; whoever is shown salt and value can check them.
std::string Commitment(std::string_view label, const Salt& salt, std::string_view value);

// Appends size u32be, bytes: lists of such have one reading only.
void AppendSized(std::string& out, std::string_view bytes);

}  // namespace redpoints
