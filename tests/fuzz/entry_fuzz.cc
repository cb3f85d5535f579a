// A line that is taken is a line that the encoder writes, byte for byte; anything else is refused.
#include "storage/rules/verify.h"
#include "tests/fuzz/fuzz.h"
#include "tests/golden.h"

namespace redpoints::fuzz {

std::vector<std::string> Seeds() { return GoldenLines(); }

void Look(std::string_view bytes) {
  const auto entry = ParseLine(bytes);
  if (!entry.ok()) {
    RP_CHECK(!entry.status().message().empty());
    return;
  }
  std::string line;
  AppendLine(*entry, line);
  RP_CHECK(line == bytes);
  std::string registration;
  AppendRegistration(entry->data, registration);
  if (!std::holds_alternative<std::monostate>(entry->data)) {
    const auto again = ParseRegistration(registration);
    RP_CHECK(again.ok() && *again == entry->data);
  }
  // What any line says may be put to an empty ledger: it is applied or refused.
  State state(entry->program);
  (void)Verify(state, *entry, {});
}

}  // namespace redpoints::fuzz
