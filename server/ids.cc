#include "server/ids.h"

#include <openssl/rand.h>

#include <cstdint>
#include <set>
#include <variant>

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

void AvoidTaken(const State& state, Register& command) {
  constexpr int kTriesMax = 16;  // as unlikely to be too few as two ids of 64 bits are to be the same
  std::set<std::string> keys;
  for (Registration& data : command.items) {
    for (int tries = 0; tries < kTriesMax; ++tries) {
      const std::string key = RegistrationKey(data);
      if (!state.Read(state.registrations, key) && !keys.contains(key)) break;
      if (auto* member = std::get_if<MemberData>(&data)) member->id = NewId('m');
      if (auto* merchant = std::get_if<MerchantData>(&data)) merchant->id = NewId('s');
      if (auto* terminal = std::get_if<TerminalData>(&data)) terminal->id = NewId('t');
      if (auto* staff = std::get_if<StaffData>(&data)) staff->id = NewId('a');
    }
    keys.insert(RegistrationKey(data));
  }
}

}  // namespace redpoints::server
