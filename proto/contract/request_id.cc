#include "proto/contract/request_id.h"

#include <sys/random.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace redpoints {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool IsHyphenAt(std::size_t index) { return index == 8 || index == 13 || index == 18 || index == 23; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string NewRequestId() {
  std::array<std::uint8_t, 16> bytes{};
  // So few bytes come whole, or not at all while a signal interrupts the wait for the system's first randomness.
  ssize_t count = -1;
  do {
    count = getrandom(bytes.data(), bytes.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(bytes.size())) {
    std::perror("request id: getrandom");
    std::abort();
  }
  return UuidOf(bytes, 4);
}

std::string UuidOf(std::array<std::uint8_t, 16> bytes, std::uint8_t version) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string hex;
  for (const std::uint8_t byte : bytes) {
    hex += kHex[byte >> 4];
    hex += kHex[byte & 0x0f];
  }
  return FormatUuid(hex);
}

std::optional<std::string> ParseUuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  hex.reserve(32);
  bool is_nil = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsHyphenAt(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = HexDigit(text[i]);
    if (digit < 0) return std::nullopt;
    is_nil = is_nil && digit == 0;
    hex += kHex[digit];
  }
  if (is_nil) return std::nullopt;
  return hex;
}

std::string FormatUuid(std::string_view hex) {
  std::string text(hex);
  if (text.size() != 32) return text;
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace redpoints
