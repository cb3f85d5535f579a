#include "proto/contract/names.h"

#include <gtest/gtest.h>

namespace redpoints {
namespace {

TEST(Names, EveryKindGoesThroughItsText) {
  const struct {
    const char* text;
    Name name;
  } kRows[] = {
      {"programs/kaiyuan", {.kind = ResourceKind::kProgram, .program = "kaiyuan"}},
      {"programs/p-1/members/m0", {.kind = ResourceKind::kMember, .program = "p-1", .id = "m0"}},
      {"programs/p/members/12345678", {.kind = ResourceKind::kMember, .program = "p", .id = "12345678"}},
      {"programs/p/merchants/s1", {.kind = ResourceKind::kMerchant, .program = "p", .id = "s1"}},
      {"programs/p/merchants/s1/terminals/t1", {.kind = ResourceKind::kTerminal, .program = "p", .merchant = "s1", .id = "t1"}},
      {"programs/system/staff/a1", {.kind = ResourceKind::kStaff, .program = "system", .id = "a1"}},
      {"programs/p/nodes/minyue-3", {.kind = ResourceKind::kNode, .program = "p", .id = "minyue-3"}},
      {"programs/p/funds/street", {.kind = ResourceKind::kFund, .program = "p", .id = "street"}},
      {"programs/p/rulebooks/2024-1.A", {.kind = ResourceKind::kRulebook, .program = "p", .id = "2024-1.A"}},
      {"programs/p/redemptions/0", {.kind = ResourceKind::kRedemption, .program = "p", .sequence = 0}},
      {"programs/p/holds/17", {.kind = ResourceKind::kHold, .program = "p", .sequence = 17}},
      {"programs/p/awards/9007199254740991", {.kind = ResourceKind::kAward, .program = "p", .sequence = 9007199254740991}},
      {"programs/p/offers/RICE_5KG", {.kind = ResourceKind::kOffer, .program = "p", .id = "RICE_5KG"}},
      {"programs/p/redemptions/1.17", {.kind = ResourceKind::kRedemption, .program = "p", .sequence = 17, .epoch = 1}},
      {"programs/p/entries/3628800.0", {.kind = ResourceKind::kEntry, .program = "p", .sequence = 0, .epoch = 3628800}},
      {"programs/p/entries/10", {.kind = ResourceKind::kEntry, .program = "p", .sequence = 10}},
  };
  for (const auto& row : kRows) {
    const auto name = ParseName(row.text);
    ASSERT_TRUE(name) << row.text;
    EXPECT_EQ(*name, row.name) << row.text;
    EXPECT_EQ(FormatName(*name), row.text);
  }
}

TEST(Names, NumbersOfEpoch0AreBare) {
  EXPECT_EQ(FormatNumber(0, 17), "17");
  EXPECT_EQ(FormatNumber(1, 0), "1.0");
}

TEST(Names, WhatIsNoNameIsRefused) {
  const std::string kLong(64, 'a');
  const std::string kRows[] = {
      "",
      "/",
      "programs",
      "programs/",
      "programs/p/",
      "/programs/p",
      "programs//p",
      "Programs/p",
      "programs/P",
      "programs/1p",
      "programs/-p",
      "programs/" + std::string(33, 'p'),
      "programs/p/members",
      "programs/p/members/",
      "programs/p/members//",
      "programs/p/members/M",
      "programs/p/members/m_1",
      "programs/p/members/m 1",
      "programs/p/members/m/x",
      "programs/p/members/" + kLong,
      "programs/p/members/会员",
      "programs/p/members/m\n",
      "programs/p/members/m/",
      std::string("programs/p/members/m\0x", 22),
      "programs/p/merchants/s/terminals",
      "programs/p/merchants/s/terminals/",
      "programs/p/merchants/s/tills/t",
      "programs/p/merchants/s/terminals/t/u",
      "programs/p/members/m/terminals/t",
      "programs/p/merchants//terminals/t",
      "programs/p/holds/-1",
      "programs/p/holds/+1",
      "programs/p/holds/01",
      "programs/p/holds/1a",
      "programs/p/holds/9007199254740992",
      "programs/p/holds/99999999999999999999",
      "programs/p/holds/ 1",
      "programs/p/holds/0.17",
      "programs/p/holds/01.17",
      "programs/p/holds/1.017",
      "programs/p/holds/1.",
      "programs/p/holds/.17",
      "programs/p/holds/1.2.17",
      "programs/p/holds/-1.17",
      "programs/p/holds/9007199254740992.17",
      "programs/p/members/1.17.",
      "programs/p/offers/rice",
      "programs/p/offers/" + std::string(33, 'R'),
      "programs/p/funds/" + std::string(17, 'f'),
      "programs/p/nodes/" + std::string(33, 'n'),
      "programs/p/rulebooks/" + std::string(33, 'v'),
      "programs/p/rulebooks/2024_1",
      "programs/p/unknown/x",
  };
  for (const std::string& text : kRows) EXPECT_FALSE(ParseName(text)) << text;
}

TEST(Names, EachKindHasItsLongestName) {
  const std::string program = "programs/" + std::string(32, 'p'), id(63, 'a');
  const struct {
    ResourceKind kind;
    std::string longest;
  } kRows[] = {
      {ResourceKind::kProgram, program},
      {ResourceKind::kMember, program + "/members/" + id},
      {ResourceKind::kMerchant, program + "/merchants/" + id},
      {ResourceKind::kTerminal, program + "/merchants/" + id + "/terminals/" + id},
      {ResourceKind::kStaff, program + "/staff/" + id},
      {ResourceKind::kNode, program + "/nodes/" + std::string(32, 'n')},
      {ResourceKind::kFund, program + "/funds/" + std::string(16, 'f')},
      {ResourceKind::kRulebook, program + "/rulebooks/" + std::string(32, 'v')},
      {ResourceKind::kOffer, program + "/offers/" + std::string(32, 'R')},
      {ResourceKind::kRedemption, program + "/redemptions/9007199254740991.9007199254740991"},
      {ResourceKind::kHold, program + "/holds/9007199254740991.9007199254740991"},
      {ResourceKind::kAward, program + "/awards/9007199254740991.9007199254740991"},
      {ResourceKind::kEntry, program + "/entries/9007199254740991.9007199254740991"},
  };
  for (const auto& [kind, longest] : kRows) {
    const auto name = ParseName(longest);
    ASSERT_TRUE(name) << longest;
    EXPECT_EQ(name->kind, kind) << longest;
    EXPECT_EQ(NameBytesMax(kind), longest.size()) << longest;
    EXPECT_FALSE(ParseName(longest + "1")) << longest;
  }
}

TEST(Names, EachKindHasItsPattern) {
  EXPECT_EQ(PatternOf(ResourceKind::kProgram), "programs/{program}");
  EXPECT_EQ(PatternOf(ResourceKind::kTerminal), "programs/{program}/merchants/{merchant}/terminals/{terminal}");
  EXPECT_EQ(PatternOf(ResourceKind::kHold), "programs/{program}/holds/{sequence}");
}

}  // namespace
}  // namespace redpoints
