#include "server/ids.h"

#include <openssl/rand.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "storage/rules/member_number.h"
#include "storage/rules/types.h"

namespace redpoints::server {
namespace {

std::uint64_t Random() {
  std::uint64_t value = 0;
  RP_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) == 1);
  return value;
}

}  // namespace

std::string NewId(char kind) {
  constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string id(14, kind);
  std::uint64_t value = Random();
  for (std::size_t i = 13; i >= 1; --i, value >>= 5) id[i] = kDigits[value & 31];
  return id;
}

std::string NewMemberNumber() { return WithCheckDigit(absl::StrCat(100'000'000 + Random() % 900'000'000)); }

}  // namespace redpoints::server
