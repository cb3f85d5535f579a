// The key file: the secrets of the side state and of what the journal must not show. It lies outside the ledger's directory and its
// backups, so that a stolen backup tells nothing; a side store without its key file is lost, the journal needs neither.
//
//   redpoints key file 1
//   seal 3f2a9c01 <64 hex digits>           encrypts the side store's values; the newest encrypts, the older ones only decrypt
//   fingerprint 88d1f00a <64 hex digits>    HMAC of secret words in fingerprints; the newest makes, the older ones only compare
//   unique 0b7c52de <64 hex digits>         HMAC that finds doubles of confidential deeds; one for ever
//   number e4410c93 <64 hex digits>         HMAC under which the side store finds a 会员号; one for ever
//   sha256 <64 hex digits>                  of all bytes above: the last line, by which a person sees that the file is whole
//
// A key line is purpose, key id, secret. Key ids are random, so that another server's key file is told by its ids. Of one purpose the
// oldest key stands first. All digits are lower case, all lines end by LF.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace redpoints {

enum class KeyPurpose : std::uint8_t { kSeal, kFingerprint, kUnique, kNumber };
inline constexpr std::size_t kKeyPurposeCount = 4;

// 32 secret bytes and their name. Every copy wipes its bytes when it goes. Immutable value, any thread.
class SecretKey {
 public:
  static SecretKey Random();
  SecretKey(std::uint32_t id, const std::array<std::uint8_t, 32>& bytes) : id_(id), bytes_(bytes) {}
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();

  std::uint32_t id() const { return id_; }
  const std::array<std::uint8_t, 32>& bytes() const { return bytes_; }

 private:
  std::uint32_t id_;
  std::array<std::uint8_t, 32> bytes_;
};

// "3f2a9c01"
std::string KeyIdText(std::uint32_t id);

// What one key file held when it was read. Immutable value, any thread; a rotation is seen by who reads the file again.
class KeyFile {
 public:
  // A new key for each purpose, in memory alone: for `path`, where Save makes the file.
  static KeyFile Draw(const std::string& path);
  // Makes the file, for its owner alone, durable when it returns. What a crash leaves, here and in Rotate, is .NAME.unfinished beside it,
  // which nothing reads and the next writer replaces. ALREADY_EXISTS: something is there, and stays. UNAVAILABLE: the directory can't be
  // written.
  absl::Status Save() const;
  // Both.
  static absl::Status Create(const std::string& path) { return Draw(path).Save(); }

  // NOT_FOUND: no file. FAILED_PRECONDITION: not a file for its owner alone (modes 0600 and 0400), or made by a newer program.
  // DATA_LOSS: cut or altered; the message names the line. UNAVAILABLE: can't be read.
  static absl::StatusOr<KeyFile> Read(const std::string& path);

  // Adds a newer key for kSeal or kFingerprint to the file and keeps the old ones; returns the new id. Owner and mode stay. A crash leaves
  // the old file or the new one. INVALID_ARGUMENT for a purpose whose key is for ever; otherwise fails as Read and Create do.
  static absl::StatusOr<std::uint32_t> Rotate(const std::string& path, KeyPurpose purpose);

  const std::string& path() const { return path_; }
  const SecretKey& Newest(KeyPurpose purpose) const { return All(purpose).back(); }
  // Oldest first, never empty.
  const std::vector<SecretKey>& All(KeyPurpose purpose) const { return keys_[static_cast<std::size_t>(purpose)]; }
  // nullptr if it isn't there.
  const SecretKey* Find(KeyPurpose purpose, std::uint32_t id) const;

 private:
  KeyFile() = default;
  static absl::StatusOr<KeyFile> Parse(const std::string& path, std::string_view text);
  std::string Text() const;

  std::string path_;
  std::array<std::vector<SecretKey>, kKeyPurposeCount> keys_;
};

}  // namespace redpoints
