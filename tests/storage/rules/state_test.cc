#include "storage/rules/state.h"

#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

Rulebook BookOn(Day day) { return Rulebook::Parse(RulebookJson("2024-1", day)).value(); }

TEST(State, ReadersSeeDefinitionsAndWhereTheJournalStandsOnceTheyArePublished) {
  State state("minyue");
  state.AddBook(20240101, BookOn(20240101));
  state.AddBranch({.code = "branch-1", .kind = NodeKind::kBranch, .parent = "", .places = {}, .type = "branch"});
  state.at.next_sequence = 7, state.at.epoch = 2, state.at.last_closed_day = 20240314;
  EXPECT_NE(state.BookOf(20240315), nullptr);
  const State::Published before = state.ReadPublished();
  EXPECT_TRUE(before.definitions->books.empty());
  EXPECT_TRUE(before.definitions->units.empty());
  EXPECT_TRUE(before.definitions->branches.empty());
  EXPECT_EQ(before.at.next_sequence, 0);
  state.Publish();
  const State::Published after = state.ReadPublished();
  EXPECT_NE(after.definitions->BookNamed("2024-1"), nullptr);
  EXPECT_THAT(after.definitions->units, testing::ElementsAre(testing::Key("DUTY"), testing::Key("MINUTE"), testing::Key("POINT")));
  EXPECT_TRUE(after.definitions->branches.contains("branch-1"));
  EXPECT_EQ(after.at.next_sequence, 7);
  EXPECT_EQ(after.at.epoch, 2);
  EXPECT_EQ(after.at.last_closed_day, 20240314);
  state.AddBranch({.code = "branch-2", .kind = NodeKind::kBranch, .parent = "", .places = {}, .type = "branch"});
  EXPECT_EQ(after.definitions->branches.size(), 1u);  // what a reader holds never changes
  state.Publish();
  const State::Published later = state.ReadPublished();
  state.AddBook(20240301, BookOn(20240301));
  EXPECT_EQ(later.definitions->books.size(), 1u);
}

TEST(State, ADaysRulebookIsTheLastThatHasBegun) {
  State state("minyue");
  state.AddBook(20240101, BookOn(20240101));
  state.AddBook(20240301, BookOn(20240301));
  const auto day_of = [&](Day day) { return state.BookOf(day) ? state.BookOf(day)->effective_day() : 0; };
  EXPECT_EQ(day_of(20231231), 0);
  EXPECT_EQ(day_of(20240101), 20240101);
  EXPECT_EQ(day_of(20240229), 20240101);
  EXPECT_EQ(day_of(20240301), 20240301);
}

TEST(State, RowsReadTogetherAreOfOneMoment) {
  State state("minyue");
  state.accounts.Edit("m1") = {};
  state.accounts.Edit("m1").head = 3;
  state.at.next_sequence = 4;
  state.Publish();
  state.accounts.Edit("m1").head = 4;
  state.accounts.Edit("m2").head = 4;
  state.at.next_sequence = 5;
  const auto [rows, next] = state.ReadAll(state.accounts, {"m1", "m2"});
  EXPECT_EQ(next, 4);
  ASSERT_TRUE(rows[0]);
  EXPECT_EQ(rows[0]->head, 3);
  EXPECT_FALSE(rows[1]);
}

}  // namespace
}  // namespace redpoints
