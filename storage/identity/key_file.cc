#include "storage/identity/key_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

constexpr std::string_view kName = "redpoints key file ";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kPurposes[kKeyPurposeCount] = {"seal", "fingerprint", "unique", "number"};
// Some 700 keys: more than anybody rotates to.
constexpr std::size_t kBytesMax = 64 * 1024;

bool Rotates(KeyPurpose purpose) { return purpose == KeyPurpose::kSeal || purpose == KeyPurpose::kFingerprint; }

// Text with secrets: wiped when it goes. Its room is taken once, so that growing leaves no copy behind.
struct SecretText {
  SecretText() { value.reserve(kBytesMax + 1); }
  ~SecretText() { OPENSSL_cleanse(value.data(), value.size()); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  std::string value;
};

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Unavailable(const std::string& path, std::string_view doing) {
  return absl::UnavailableError(absl::StrCat(path, ": ", std::string(doing), ": ", std::strerror(errno)));
}

std::string DirectoryOf(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

// Beside `path`, by a name that nobody gives to a copy.
std::string TemporaryOf(const std::string& path) {
  return absl::StrCat(DirectoryOf(path), "/.", std::filesystem::path(path).filename().string(), ".unfinished");
}

// One writer of a directory's key files at a time: who rotates must not lose the key that another has just added.
absl::Status LockDirectory(const std::string& path, const File& directory) {
  if (!directory.is_open()) return Unavailable(DirectoryOf(path), "opening the directory");
  if (flock(directory.fd(), LOCK_EX) != 0) return Unavailable(DirectoryOf(path), "locking the directory");
  return absl::OkStatus();
}

// A new file beside `path`, synced, ready to take its name. `like`: whose owner and mode it gets.
absl::Status WriteBeside(const std::string& temporary, std::string_view text, const struct stat* like) {
  unlink(temporary.c_str());  // of a writer that died; the directory is locked
  const File file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return Unavailable(temporary, "making it");
  if (like && fchown(file.fd(), like->st_uid, like->st_gid) != 0) return Unavailable(temporary, "giving it the old file's owner");
  if (fchmod(file.fd(), like ? like->st_mode & 0777 : 0600) != 0) return Unavailable(temporary, "setting its mode");
  while (!text.empty()) {
    const auto written = write(file.fd(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Unavailable(temporary, "writing");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file.fd()) != 0) return Unavailable(temporary, "syncing");
  return absl::OkStatus();
}

int Digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

template <std::size_t size> std::optional<std::array<std::uint8_t, size>> FromHex(std::string_view hex) {
  if (hex.size() != 2 * size) return std::nullopt;
  std::array<std::uint8_t, size> bytes{};
  for (std::size_t i = 0; i < size; ++i) {
    const int high = Digit(hex[2 * i]), low = Digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return bytes;
}

}  // namespace

SecretKey SecretKey::Random() {
  std::array<std::uint8_t, 4> id{};
  std::array<std::uint8_t, 32> bytes{};
  RP_CHECK(RAND_bytes(id.data(), static_cast<int>(id.size())) == 1);
  RP_CHECK(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  SecretKey key(std::uint32_t{id[0]} << 24 | std::uint32_t{id[1]} << 16 | std::uint32_t{id[2]} << 8 | id[3], bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

std::string KeyIdText(std::uint32_t id) { return absl::StrFormat("%08x", id); }

const SecretKey* KeyFile::Find(KeyPurpose purpose, std::uint32_t id) const {
  for (const SecretKey& key : All(purpose)) {
    if (key.id() == id) return &key;
  }
  return nullptr;
}

std::string KeyFile::Text() const {
  std::string text;
  text.reserve(kBytesMax + 1);
  text.append(kName).append(kVersion) += '\n';
  for (std::size_t purpose = 0; purpose < kKeyPurposeCount; ++purpose) {
    for (const SecretKey& key : keys_[purpose]) {
      std::string secret = Hex(key.bytes().data(), key.bytes().size());
      text.append(kPurposes[purpose]).append(" ").append(KeyIdText(key.id())).append(" ").append(secret) += '\n';
      OPENSSL_cleanse(secret.data(), secret.size());
    }
  }
  const std::string sum = Sha256Hex(text);
  text.append("sha256 ").append(sum) += '\n';
  return text;
}

absl::StatusOr<KeyFile> KeyFile::Parse(const std::string& path, std::string_view text) {
  KeyFile keys;
  keys.path_ = path;
  int number = 0;
  const auto damage = [&](const std::string& what) {
    return absl::DataLossError(absl::StrCat(path, ":", number, ": ", what, "; take a copy of the file that is whole"));
  };
  bool is_whole = false, is_newer = false;
  for (std::size_t begin = 0; begin < text.size();) {
    ++number;
    if (is_whole) return damage("text behind the sha256 line");
    const auto end = text.find('\n', begin);
    if (end == std::string_view::npos) return damage("the line is cut");
    const std::string_view line = text.substr(begin, end - begin), above = text.substr(0, begin);
    begin = end + 1;
    if (number == 1) {
      if (!line.starts_with(kName)) return damage("not a key file: the first line is not \"redpoints key file 1\"");
      is_newer = line.substr(kName.size()) != kVersion;
      continue;
    }
    const auto first = line.find(' ');
    const std::string_view word = line.substr(0, first), rest = first == std::string_view::npos ? "" : line.substr(first + 1);
    if (word == "sha256") {
      if (rest != Sha256Hex(above)) return damage("the sum differs: a line above was altered, or is missing");
      is_whole = true;
      continue;
    }
    if (is_newer) continue;
    std::size_t purpose = 0;
    while (purpose < kKeyPurposeCount && kPurposes[purpose] != word) ++purpose;
    const auto id = FromHex<4>(rest.substr(0, 8));
    auto bytes = FromHex<32>(rest.size() > 9 && rest[8] == ' ' ? rest.substr(9) : "");
    if (purpose == kKeyPurposeCount || !id || !bytes) return damage("not a key: purpose, 8 hex digits, 64 hex digits");
    const SecretKey key(std::uint32_t{(*id)[0]} << 24 | std::uint32_t{(*id)[1]} << 16 | std::uint32_t{(*id)[2]} << 8 | (*id)[3], *bytes);
    OPENSSL_cleanse(bytes->data(), bytes->size());
    if (keys.Find(static_cast<KeyPurpose>(purpose), key.id())) return damage("the key id stands there twice");
    if (!keys.keys_[purpose].empty() && !Rotates(static_cast<KeyPurpose>(purpose))) return damage("a second key where one is for ever");
    keys.keys_[purpose].push_back(key);
  }
  ++number;
  if (!is_whole) return damage("the file is cut: no sha256 line");
  if (is_newer) return absl::FailedPreconditionError(absl::StrCat(path, ":1: made by a newer program; this one reads version 1"));
  for (std::size_t purpose = 0; purpose < kKeyPurposeCount; ++purpose) {
    if (keys.keys_[purpose].empty()) return damage(absl::StrCat("no key for ", std::string(kPurposes[purpose])));
  }
  return keys;
}

absl::StatusOr<KeyFile> KeyFile::Read(const std::string& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) {
    return absl::NotFoundError(absl::StrCat(path, ": no key file there; put back a copy of it. Only a server without data gets a new one"));
  }
  if (!file.is_open()) return Unavailable(path, "opening the key file");
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) return Unavailable(path, "looking at the key file");
  if (!S_ISREG(status.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, ": not a regular file"));
  if ((status.st_mode & 0177) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: its mode is %04o, but nobody but its owner may read it: chmod 600 %s; if somebody may have read it, rotate "
                        "its keys",
                        path, status.st_mode & 07777, path));
  }
  SecretText text;
  text.value.resize(kBytesMax + 1);
  std::size_t size = 0;
  while (size < text.value.size()) {
    const auto got = read(file.fd(), text.value.data() + size, text.value.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unavailable(path, "reading");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kBytesMax) return absl::DataLossError(absl::StrCat(path, ": not a key file: longer than ", kBytesMax, " bytes"));
  return Parse(path, std::string_view(text.value).substr(0, size));
}

KeyFile KeyFile::Draw(const std::string& path) {
  KeyFile keys;
  keys.path_ = path;
  for (auto& of_purpose : keys.keys_) of_purpose.push_back(SecretKey::Random());
  return keys;
}

absl::Status KeyFile::Save() const {
  SecretText text;
  text.value = Text();
  const File directory(open(DirectoryOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (auto locked = LockDirectory(path_, directory); !locked.ok()) return locked;
  const std::string temporary = TemporaryOf(path_);
  auto status = WriteBeside(temporary, text.value, nullptr);
  // A link, unlike a rename, never takes the place of what is there.
  if (status.ok() && link(temporary.c_str(), path_.c_str()) != 0) {
    status = errno == EEXIST ? absl::AlreadyExistsError(absl::StrCat(path_, ": is there already, and stays as it is"))
                             : Unavailable(path_, "making the key file");
  }
  unlink(temporary.c_str());
  if (status.ok() && fsync(directory.fd()) != 0) status = Unavailable(path_, "syncing the directory");
  return status;
}

absl::StatusOr<std::uint32_t> KeyFile::Rotate(const std::string& path, KeyPurpose purpose) {
  const std::string word(kPurposes[static_cast<std::size_t>(purpose)]);
  if (!Rotates(purpose)) return absl::InvalidArgumentError(absl::StrCat("the key for ", word, " is for ever"));
  const File directory(open(DirectoryOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (auto locked = LockDirectory(path, directory); !locked.ok()) return locked;
  auto keys = Read(path);
  if (!keys.ok()) return keys.status();
  struct stat old {};
  if (stat(path.c_str(), &old) != 0) return Unavailable(path, "looking at the key file");
  SecretKey key = SecretKey::Random();
  while (keys->Find(purpose, key.id())) key = SecretKey::Random();
  keys->keys_[static_cast<std::size_t>(purpose)].push_back(key);
  SecretText text;
  text.value = keys->Text();
  if (text.value.size() > kBytesMax) return absl::FailedPreconditionError(absl::StrCat(path, ": is full"));
  const std::string temporary = TemporaryOf(path);
  auto status = WriteBeside(temporary, text.value, &old);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) status = Unavailable(path, "replacing the key file");
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  if (fsync(directory.fd()) != 0) return Unavailable(path, "syncing the directory");
  return key.id();
}

}  // namespace redpoints
