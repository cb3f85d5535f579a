#include "storage/replay.h"

#include <gmock/gmock.h>

#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ReplayTest : public EngineTest {
 protected:
  void SetUp() override {
    SetUpProgram();
    AwardPoints("m1", 3);
    again.find_blob = state.find_blob;
    again.find_entries = state.find_entries;
    for (const auto& entry : journal) AppendLine(*entry, lines.emplace_back());
  }
  State again{"minyue"};
  std::vector<std::string> lines;
};

TEST_F(ReplayTest, EachLineIsAppliedThenShown) {
  std::string seen;
  const OnApplied applied = [&](State& after, const Entry& entry) {
    EXPECT_EQ(after.at.next_sequence, entry.sequence + 1);
    return absl::StrAppend(&seen, "a", entry.sequence), absl::OkStatus();
  };
  for (const auto& line : lines) ASSERT_TRUE(ReplayLine(again, line, applied).ok());
  EXPECT_THAT(seen, StartsWith("a0a1a2"));
  EXPECT_EQ(again.at.next_sequence, state.at.next_sequence);
}

TEST_F(ReplayTest, WhatDoesNotFollowIsNamedByItsNumber) {
  ASSERT_TRUE(ReplayLine(again, lines[0]).ok());
  const auto gap = ReplayLine(again, lines[2]);
  EXPECT_TRUE(absl::IsDataLoss(gap)) << gap;
  EXPECT_THAT(std::string(gap.message()), StartsWith("entry 1: "));
  EXPECT_THAT(std::string(ReplayLine(again, "{}").message()), StartsWith("entry 1: "));
  EXPECT_EQ(again.at.next_sequence, 1);  // not applied
  const auto shown = ReplayLine(again, lines[1], [](State&, const Entry&) { return absl::InternalError("no"); });
  EXPECT_EQ(shown.message(), "no");
}

// What a newer program wrote is no damage.
TEST_F(ReplayTest, ARulebookOfLaterRulesIsANewerPrograms) {
  for (const auto& entry : journal) {
    std::string line;
    Entry later = *entry;
    auto* book = std::get_if<RulebookData>(&later.data);
    if (book) book->format = kRulesFormat + 1;
    AppendLine(later, line);
    const auto status = ReplayLine(again, line);
    if (!book) {
      ASSERT_TRUE(status.ok()) << status;
      continue;
    }
    EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("newer program"));
    // Nor in what was derived from it.
    EXPECT_TRUE(absl::IsUnimplemented(Apply(again, later)));
    EXPECT_TRUE(absl::IsUnimplemented(IndexRegistration(again, Registered{later.data, later.sequence})));
    EXPECT_EQ(again.at.next_sequence, later.sequence);
    return;
  }
  FAIL() << "no rulebook";
}

}  // namespace
}  // namespace redpoints
