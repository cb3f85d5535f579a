#include "server/cursor.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

StateMark Journal(std::int64_t end, std::vector<EpochStart> epochs) {
  StateMark at;
  at.next_sequence = end;
  at.epochs = std::move(epochs);
  return at;
}
// Epoch 0 up to entry 49, epoch 10 up to 69, then epoch 30, up to 79.
const StateMark kAt = Journal(80, {{10, 50}, {30, 70}});

// "" where the place is there, else the reason and, of a lost one, from where on the journal differs.
std::string Check(const char* number, const StateMark& at = kAt) {
  const std::string name = absl::StrCat("programs/p/entries/", number);
  const auto refusal = RefusalFrom(CheckPlace("after", *ParseName(name), at, at.next_sequence));
  if (!refusal) return "";
  std::string text(redpoints::NameOf(refusal->reason));
  for (const auto& [key, value] : refusal->facts) {
    if (key == "opening") {
      absl::StrAppend(&text, " ", value.substr(value.rfind('/') + 1));
    } else {
      EXPECT_EQ(value, key == "field" ? "after" : name);
    }
  }
  return text;
}

TEST(CursorTest, APlaceIsEpochAndSequence) {
  for (const char* number : {"0", "49", "10.50", "10.69", "30.70", "30.79"}) EXPECT_EQ(Check(number), "") << number;
  // Still to come, or of no history.
  for (const char* number : {"30.80", "10.49", "30.69"}) EXPECT_EQ(Check(number), "ENTRY_NOT_FOUND") << number;
}

TEST(CursorTest, ALostPlaceIsToldWhereTheJournalDiffers) {
  const struct {
    const char* number;
    const char* opening;
  } kRows[] = {
      {"50", "10.50"},     // of the tail that the first restore lost
      {"79", "10.50"},     // much more of it
      {"10.70", "30.70"},  // of the tail that the second lost
      {"90", "10.50"},     // longer than the journal is
      {"20.75", "30.70"},  // of a history that was put away between the two
      {"20.60", "10.50"},  // before the second: whether the first stood in it can't be known
      {"20.40", "0"},      // before both: who comes here from 20.60 has nothing in common
      {"40.75", "30.70"},  // of one that began after all that stands here
      {"40.55", "10.50"},
  };
  for (const auto& row : kRows) EXPECT_EQ(Check(row.number), absl::StrCat("ENTRY_LOST ", row.opening)) << row.number;
  EXPECT_EQ(Check("40.3", Journal(5, {})), "ENTRY_LOST 0");
}

// Who goes back to before what they were told, with what they have there, comes to what both have, or to the beginning.
TEST(CursorTest, GoingBackComesToAnEnd) {
  // Theirs: epoch 0 up to 29, then 20 up to 64, then 40.
  const auto theirs = [](std::int64_t sequence) { return FormatNumber(sequence < 30 ? 0 : sequence < 65 ? 20 : 40, sequence); };
  std::int64_t sequence = 75;
  std::string path;
  for (std::string told = Check(theirs(sequence).c_str()); !told.empty(); told = Check(theirs(sequence).c_str())) {
    const auto opening = ParseName(absl::StrCat("programs/p/entries/", told.substr(told.find(' ') + 1)));
    ASSERT_TRUE(opening && opening->sequence <= sequence) << told;
    absl::StrAppend(&path, opening->sequence, " ");
    sequence = opening->sequence - 1;
    if (sequence < 0) break;
  }
  EXPECT_EQ(path, "70 50 0 ");
}

}  // namespace
}  // namespace redpoints::server
