#include "storage/rules/table.h"

#include <gtest/gtest.h>

#include <map>

namespace redpoints {
namespace {

using IntTable = Table<int>;

int Value(const int* found) { return found ? *found : -1; }

TEST(Table, ReadersSeeOnlyWhatIsPublished) {
  IntTable table;
  table.Edit("a") = 1;
  EXPECT_EQ(Value(table.Find("a")), 1);
  EXPECT_EQ(table.FindSynced("a"), std::nullopt);
  EXPECT_EQ(table.FindCached("a"), nullptr);
  table.Publish();
  EXPECT_EQ(table.FindSynced("a"), 1);
  table.Edit("a") = 2;
  table.Erase("b");
  EXPECT_EQ(table.FindSynced("a"), 1);
  EXPECT_EQ(Value(table.Find("a")), 2);
  table.Publish();
  EXPECT_EQ(table.FindSynced("a"), 2);
}

TEST(Table, EditGoesOnFromTheNewestGeneration) {
  IntTable table;
  table.Edit("a") += 1;
  table.Edit("a") += 1;  // pending
  EXPECT_EQ(Value(table.Find("a")), 2);
  table.Publish();
  table.Edit("a") += 1;  // recent
  table.Publish();
  table.Turn();
  table.Edit("a") += 1;  // previous
  EXPECT_EQ(Value(table.Find("a")), 4);
  EXPECT_EQ(table.FindSynced("a"), 3);
  EXPECT_EQ(table.previous()->at("a").value, 3);
}

TEST(Table, AnErasedRowStaysAwayInEveryGeneration) {
  IntTable table;
  table.set_loader([](const std::string&) { return std::optional<int>(7); });
  table.Erase("a");
  EXPECT_EQ(table.Find("a"), nullptr);
  EXPECT_EQ(table.FindSynced("a"), 7);
  table.Publish();
  EXPECT_EQ(table.Find("a"), nullptr);
  EXPECT_EQ(table.FindSynced("a"), std::nullopt);
  ASSERT_NE(table.FindCached("a"), nullptr);
  EXPECT_FALSE(table.FindCached("a")->value.has_value());
  table.Turn();
  EXPECT_EQ(table.Find("a"), nullptr);
  EXPECT_EQ(table.FindSynced("a"), std::nullopt);
  EXPECT_EQ(table.Edit("a"), 0);  // made anew, not from the store
}

TEST(Table, AnErasedRowCanBeMadeAgainInTheSameBatch) {
  IntTable table;
  table.Edit("a") = 5;
  table.Publish();
  table.Erase("a");
  EXPECT_EQ(table.Edit("a"), 0);
  table.Edit("a") = 6;
  table.Publish();
  EXPECT_EQ(table.FindSynced("a"), 6);
}

TEST(Table, OlderRowsComeFromTheStore) {
  std::map<std::string, int> store = {{"a", 1}, {"b", 2}};
  int loads = 0;
  IntTable table;
  table.set_loader([&](const std::string& key) -> std::optional<int> {
    ++loads;
    const auto it = store.find(key);
    return it == store.end() ? std::nullopt : std::optional(it->second);
  });
  EXPECT_EQ(Value(table.Find("a")), 1);
  EXPECT_EQ(Value(table.Find("a")), 1);
  EXPECT_EQ(loads, 1);
  table.Edit("b") += 10;
  EXPECT_EQ(Value(table.Find("b")), 12);
  EXPECT_EQ(table.FindSynced("b"), 2);
  EXPECT_EQ(table.Find("c"), nullptr);
  EXPECT_EQ(table.FindSynced("c"), std::nullopt);
  EXPECT_EQ(table.Edit("c"), 0);
}

TEST(Table, OnlyChangedRowsAreDirty) {
  IntTable table;
  table.set_loader([](const std::string&) { return std::optional<int>(7); });
  table.Find("read");
  table.Edit("changed") = 1;
  table.Erase("erased");
  table.Publish();
  table.Find("changed");
  table.Publish();
  EXPECT_FALSE(table.recent().at("read").dirty);
  EXPECT_TRUE(table.recent().at("changed").dirty);
  EXPECT_TRUE(table.recent().at("erased").dirty);
}

// A row that was changed and then only read, before the turn, has still to be written.
TEST(Table, ADirtyRowStaysDirtyUntilTheTurn) {
  IntTable table;
  table.Edit("a") = 1;
  table.Publish();
  table.Edit("a") = 2;
  table.Publish();
  EXPECT_TRUE(table.recent().at("a").dirty);
  table.Turn();
  EXPECT_TRUE(table.recent().empty());
  EXPECT_TRUE(table.previous()->at("a").dirty);
  EXPECT_EQ(table.FindSynced("a"), 2);
}

TEST(Table, TheSecondTurnLetsRowsLeaveMemory) {
  std::map<std::string, int> store;
  IntTable table;
  table.set_loader([&](const std::string& key) { return store.count(key) ? std::optional(store[key]) : std::nullopt; });
  table.Edit("a") = 1;
  table.Publish();
  table.Turn();
  const auto leaving = table.previous();  // the installer holds on to it while it writes
  for (const auto& [key, row] : *leaving) store[key] = *row.value;
  table.Edit("b") = 2;
  table.Publish();
  table.Turn();
  EXPECT_EQ(leaving->size(), 1u);
  EXPECT_EQ(table.FindCached("a"), nullptr);
  EXPECT_EQ(Value(table.Find("a")), 1);
  EXPECT_EQ(table.FindSynced("b"), 2);
}

TEST(Table, PinnedRowsStayThroughTurns) {
  IntTable table;
  table.set_pinned([](std::string_view key) { return key.starts_with("pin/"); });
  table.Seed("pin/old", 1);
  table.Edit("pin/new") = 2;
  table.Edit("pin/erased") = 3;
  table.Edit("other") = 4;
  table.Publish();
  table.Erase("pin/erased");
  table.Publish();
  for (int turn = 0; turn < 3; ++turn) table.Turn();
  EXPECT_EQ(table.FindSynced("pin/old"), 1);
  EXPECT_EQ(table.FindSynced("pin/new"), 2);
  EXPECT_EQ(table.FindCached("pin/erased"), nullptr);
  EXPECT_EQ(table.FindCached("other"), nullptr);
  EXPECT_FALSE(table.recent().at("pin/new").dirty);  // written with the turn before
  table.Edit("pin/new") = 5;
  table.Publish();
  EXPECT_TRUE(table.recent().at("pin/new").dirty);
  table.Turn();
  EXPECT_TRUE(table.previous()->at("pin/new").dirty);
}

TEST(Table, AddressesSurviveOtherRows) {
  IntTable table;
  table.Edit("a") = 1;
  const int* a = table.Find("a");
  for (int i = 0; i < 10'000; ++i) table.Edit(std::to_string(i)) = i;
  EXPECT_EQ(a, table.Find("a"));
}

}  // namespace
}  // namespace redpoints
