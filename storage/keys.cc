#include "storage/keys.h"

namespace redpoints {

std::string JournalKey(std::string_view program, std::int64_t sequence) {
  std::string key(program);
  key += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(static_cast<std::uint64_t>(sequence) >> shift);
  return key;
}

std::optional<std::int64_t> JournalSequence(std::string_view program, std::string_view key) {
  if (key.size() != program.size() + 9 || !key.starts_with(program) || key[program.size()] != '\0') return std::nullopt;
  std::uint64_t sequence = 0;
  for (const char c : key.substr(program.size() + 1)) sequence = sequence << 8 | static_cast<std::uint8_t>(c);
  return static_cast<std::int64_t>(sequence);
}

std::string EndKey(std::string_view program) { return std::string(kEndPrefix).append(program); }

std::string JournalValue(std::int64_t entries, std::string_view lines) {
  std::string value;
  value.reserve(4 + lines.size());
  for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(static_cast<std::uint64_t>(entries) >> shift);
  return value.append(lines);
}

std::optional<std::pair<std::int64_t, std::string_view>> ParseJournalValue(std::string_view value) {
  if (value.size() < 4) return std::nullopt;
  std::int64_t entries = 0;
  for (const char c : value.substr(0, 4)) entries = entries << 8 | static_cast<std::uint8_t>(c);
  return std::pair(entries, value.substr(4));
}

std::string BlobKey(std::string_view program, std::string_view sha256_hex) {
  std::string key(program);
  key += '\0';
  return key.append(sha256_hex);
}

std::string DerivedKey(std::string_view program, char table, std::string_view key) {
  std::string full;
  full.reserve(program.size() + 2 + key.size());
  full.append(program) += '\0';
  return (full += table).append(key);
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<std::uint8_t>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  return prefix;
}

}  // namespace redpoints
