// A line that is taken is a line that the encoder writes, byte for byte; anything else is refused.
#include "tests/fuzz/fuzz.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints::fuzz {
namespace {

// A journal with most kinds of entries.
struct Journal : EngineTest {
  void TestBody() override {}
  std::vector<std::string> Lines() {
    SetUpProgram();
    AwardPoints("m1", 10);
    AwardPoints("m2", 30, "VISIT");
    const auto sale = Buy("m1", 30);
    GiveBack(sale.entry().sequence, 10);
    const auto undone = Buy("m1", 5);
    Undo(undone.entry().request_id);
    Undo(NewId());
    Take(Reserve("m1", 20).entry().sequence, 5);
    Release(Reserve("m1", 20).entry().sequence);
    Reserve("m1", 1);
    Buy("m1", 99'999);
    Run(Staff(), Correct{AwardPoints("m3", 5).entry().sequence, 3, "wrong_quantity"});
    Run(Staff(), Donate{"m3", 7});
    Add(NodeData{.code = "b-1", .kind = NodeKind::kBranch, .parent = "", .places = {"grid-1"}, .type = "party"});
    Add(StaffData{.id = "a1", .member = "m4", .grants = {{Role::kRecorder, "grid-1"}}});
    Run(Staff(), ConfirmClock{});
    Advance(400 * kDayMs);
    std::vector<std::string> lines;
    for (const auto& entry : journal) AppendLine(*entry, lines.emplace_back());
    if (lines.size() > 100) lines.resize(100);  // day after day is closed in the end
    return lines;
  }
};

}  // namespace

std::vector<std::string> Seeds() { return Journal().Lines(); }

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
  RP_CHECK(Verify(state, *entry).ok() || true);
}

}  // namespace redpoints::fuzz
