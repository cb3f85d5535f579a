#include "proto/contract/names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

v1::Reason ReasonOf(const absl::Status& status) {
  const auto refusal = RefusalFrom(status);
  return refusal ? refusal->reason : v1::REASON_UNSPECIFIED;
}

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
      {"programs/p/entries/10", {.kind = ResourceKind::kEntry, .program = "p", .sequence = 10}},
  };
  for (const auto& row : kRows) {
    const auto name = ParseName("name", row.text);
    ASSERT_TRUE(name.ok()) << row.text << ": " << name.status();
    EXPECT_EQ(*name, row.name) << row.text;
    EXPECT_EQ(FormatName(*name), row.text);
    EXPECT_TRUE(ParseNameIn("name", row.text, row.name.kind, row.name.program).ok()) << row.text;
  }
}

TEST(Names, WhatIsNoNameIsRefusedWithItsField) {
  const std::string kLong(64, 'a');
  const std::string kRows[] = {
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
      "programs/p/funds/" + std::string(17, 'f'),
      "programs/p/nodes/" + std::string(33, 'n'),
      "programs/p/rulebooks/" + std::string(33, 'v'),
      "programs/p/rulebooks/2024_1",
      "programs/p/unknown/x",
  };
  for (const std::string& text : kRows) {
    const auto name = ParseName("item.member", text);
    ASSERT_FALSE(name.ok()) << text;
    const auto refusal = RefusalFrom(name.status());
    ASSERT_TRUE(refusal.has_value()) << text;
    EXPECT_EQ(refusal->reason, v1::FIELD_INVALID) << text;
    ASSERT_FALSE(refusal->facts.empty());
    EXPECT_NE(std::find(refusal->facts.begin(), refusal->facts.end(), std::pair<std::string, std::string>("field", "item.member")),
              refusal->facts.end());
  }
  EXPECT_EQ(ReasonOf(ParseName("name", "").status()), v1::FIELD_REQUIRED);
}

TEST(Names, IdOfTheLongestLengthPasses) {
  EXPECT_TRUE(ParseName("name", "programs/" + std::string(32, 'p')).ok());
  const std::string text = "programs/p/members/" + std::string(63, 'a');
  EXPECT_TRUE(ParseName("name", text).ok());
}

// Longer than any name of the kind is too long; a part that is too long in a name that is not, is of the wrong form.
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
      {ResourceKind::kRedemption, program + "/redemptions/9007199254740991"},
      {ResourceKind::kHold, program + "/holds/9007199254740991"},
      {ResourceKind::kAward, program + "/awards/9007199254740991"},
      {ResourceKind::kEntry, program + "/entries/9007199254740991"},
  };
  for (const auto& [kind, longest] : kRows) {
    EXPECT_TRUE(ParseNameIn("name", longest, kind, std::string(32, 'p')).ok()) << longest;
    const auto refusal = RefusalFrom(ParseNameIn("name", longest + "1", kind, std::string(32, 'p')).status());
    ASSERT_TRUE(refusal) << longest;
    EXPECT_EQ(refusal->reason, v1::FIELD_TOO_LONG) << longest;
    EXPECT_EQ(std::map(refusal->facts.begin(), refusal->facts.end()).at("max"), std::to_string(longest.size())) << longest;
  }
  EXPECT_EQ(ReasonOf(ParseName("name", kRows[3].longest + "1").status()), v1::FIELD_TOO_LONG);
  EXPECT_EQ(ReasonOf(ParseProgram("name", program + "p").status()), v1::FIELD_TOO_LONG);
  EXPECT_EQ(ReasonOf(ParseMember("name", "members/" + std::string(200, 'a'), "p").status()), v1::FIELD_TOO_LONG);
}

TEST(Names, NameOfAnotherProgramOrKindIsRefused) {
  EXPECT_EQ(ReasonOf(ParseNameIn("hold", "programs/q/holds/1", ResourceKind::kHold, "p").status()), v1::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseNameIn("hold", "programs/p/awards/1", ResourceKind::kHold, "p").status()), v1::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseNameIn("hold", "", ResourceKind::kHold, "p").status()), v1::FIELD_REQUIRED);
  EXPECT_EQ(ReasonOf(ParseProgram("program", "programs/p/members/m").status()), v1::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseProgram("program", "").status()), v1::FIELD_REQUIRED);
  EXPECT_EQ(*ParseProgram("program", "programs/kaiyuan"), "kaiyuan");
}

TEST(Names, MemberComesByFullNameOrByNumber) {
  EXPECT_EQ(*ParseMember("member", "programs/p/members/m1", "p"), "m1");
  EXPECT_EQ(*ParseMember("member", "members/12345678", "p"), "12345678");
  for (const char* text : {"programs/q/members/m1", "members/", "members/a/b", "12345678", "member/1"}) {
    EXPECT_EQ(ReasonOf(ParseMember("member", text, "p").status()), v1::FIELD_INVALID) << text;
  }
  EXPECT_EQ(ReasonOf(ParseMember("member", "", "p").status()), v1::FIELD_REQUIRED);
}

TEST(Uuid, EitherCaseAndAnyVersionPass) {
  EXPECT_EQ(*ParseUuid("request_id", "6BA7B810-9dad-11D1-80b4-00C04FD430C8"), "6ba7b8109dad11d180b400c04fd430c8");
  EXPECT_EQ(*ParseUuid("request_id", "00000000-0000-0000-0000-000000000001"), "00000000000000000000000000000001");
  EXPECT_EQ(FormatUuid("6ba7b8109dad11d180b400c04fd430c8"), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
}

TEST(Uuid, OtherFormsAreRefused) {
  for (const char* text :
       {"6ba7b8109dad11d180b400c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b810-9dad-11d1-80b4-00c04fd430c88", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
        "6ba7b810-9dad-11d1-80b400-c04fd430c8", "6ba7b810_9dad_11d1_80b4_00c04fd430c8", "00000000-0000-0000-0000-000000000000"}) {
    EXPECT_EQ(ReasonOf(ParseUuid("request_id", text).status()), v1::FIELD_INVALID) << text;
  }
  EXPECT_EQ(ReasonOf(ParseUuid("request_id", "").status()), v1::FIELD_REQUIRED);
}

}  // namespace
}  // namespace redpoints::server
