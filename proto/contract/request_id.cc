#include "proto/contract/request_id.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace redpoints {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr char kHex[] = "0123456789abcdef";

bool IsHyphenAt(std::size_t index) { return index == 8 || index == 13 || index == 18 || index == 23; }

std::string Format(Bytes bytes, std::uint8_t version) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (IsHyphenAt(text.size())) text += '-';
    text += kHex[byte >> 4];
    text += kHex[byte & 0x0f];
  }
  return text;
}

std::uint8_t Nibble(char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

[[noreturn]] void DieOf(const char* what) {
  std::fprintf(stderr, "request id: %s failed\n", what);
  std::abort();
}

}  // namespace

std::string NewRequestId() {
  Bytes bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) DieOf("RAND_bytes");
  return Format(bytes, 4);
}

std::string DerivedRequestId(std::string_view seed, std::string_view name) {
  std::string input;
  std::string digits(seed);
  std::erase(digits, '-');
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    input += static_cast<char>(Nibble(digits[i]) << 4 | Nibble(digits[i + 1]));
  }
  input += name;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  if (EVP_Digest(input.data(), input.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1) DieOf("SHA-1");
  Bytes bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return Format(bytes, 5);
}

std::optional<std::string> ParseRequestId(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string lower;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (IsHyphenAt(i) ? c != '-' : !is_hex) return std::nullopt;
    lower += c;
  }
  return lower;
}

}  // namespace redpoints
