#include "server/ids.h"

#include <openssl/rand.h>

#include <cstdint>
#include <set>

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

void DrawFreeNumbers(const State& state, Register& registration) {
  if (!registration.is_new) return;
  std::set<std::string> drawn;
  for (Registration& data : registration.items) {
    auto* member = std::get_if<MemberData>(&data);
    if (!member) continue;
    while (drawn.contains(member->number) || state.Read(state.numbers, member->number)) member->number = NewMemberNumber();
    drawn.insert(member->number);
  }
}

}  // namespace redpoints::server
