// SHA-256 with OpenSSL: one fetched digest and a context for each thread, since one-shot calls cost five times as much. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace redpoints {

std::array<std::uint8_t, 32> Sha256(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);  // 64 lower-case hex digits
std::string Hex(const std::uint8_t* bytes, std::size_t size);

}  // namespace redpoints
