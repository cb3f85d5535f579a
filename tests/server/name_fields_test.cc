#include "server/name_fields.h"

#include <gtest/gtest.h>

#include <map>

#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

Reason ReasonOf(const absl::Status& status) {
  const auto refusal = RefusalFrom(status);
  return refusal ? refusal->reason : Reason::REASON_UNSPECIFIED;
}

TEST(NameFields, WhatIsNoNameIsRefusedWithItsField) {
  EXPECT_TRUE(ParseName("name", "programs/p/merchants/s1/terminals/t1").ok());
  for (const char* text : {"/", "programs", "programs/p/members/m_1", "programs/p/holds/01"}) {
    const auto refusal = RefusalFrom(ParseName("item.member", text).status());
    ASSERT_TRUE(refusal) << text;
    EXPECT_EQ(refusal->reason, Reason::FIELD_INVALID) << text;
    EXPECT_EQ(std::map(refusal->facts.begin(), refusal->facts.end()).at("field"), "item.member") << text;
  }
  EXPECT_EQ(ReasonOf(ParseName("name", "").status()), Reason::FIELD_REQUIRED);
}

// Longer than any name of the kind is too long; a part that is too long in a name that is not, is of the wrong form.
TEST(NameFields, LongerThanTheLongestNameIsTooLong) {
  const std::string program = "programs/" + std::string(32, 'p'), id(63, 'a');
  const struct {
    ResourceKind kind;
    std::string longest;
  } kRows[] = {
      {ResourceKind::kProgram, program},
      {ResourceKind::kFund, program + "/funds/" + std::string(16, 'f')},
      {ResourceKind::kHold, program + "/holds/9007199254740991.9007199254740991"},
      {ResourceKind::kTerminal, program + "/merchants/" + id + "/terminals/" + id},
  };
  for (const auto& [kind, longest] : kRows) {
    EXPECT_TRUE(ParseNameIn("name", longest, kind, std::string(32, 'p')).ok()) << longest;
    const auto refusal = RefusalFrom(ParseNameIn("name", longest + "1", kind, std::string(32, 'p')).status());
    ASSERT_TRUE(refusal) << longest;
    EXPECT_EQ(refusal->reason, Reason::FIELD_TOO_LONG) << longest;
    EXPECT_EQ(std::map(refusal->facts.begin(), refusal->facts.end()).at("max"), std::to_string(longest.size())) << longest;
  }
  EXPECT_EQ(ReasonOf(ParseNameIn("name", "programs/p/funds/" + std::string(17, 'f'), ResourceKind::kFund, "p").status()),
            Reason::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseName("name", kRows[3].longest + "1").status()), Reason::FIELD_TOO_LONG);
  EXPECT_EQ(ReasonOf(ParseProgram("name", program + "p").status()), Reason::FIELD_TOO_LONG);
  EXPECT_EQ(ReasonOf(ParseMember("name", "members/" + std::string(200, 'a'), "p").status()), Reason::FIELD_TOO_LONG);
}

TEST(NameFields, NameOfAnotherProgramOrKindIsRefused) {
  EXPECT_EQ(ReasonOf(ParseNameIn("hold", "programs/q/holds/1", ResourceKind::kHold, "p").status()), Reason::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseNameIn("hold", "programs/p/awards/1", ResourceKind::kHold, "p").status()), Reason::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseNameIn("hold", "", ResourceKind::kHold, "p").status()), Reason::FIELD_REQUIRED);
  EXPECT_EQ(ReasonOf(ParseProgram("program", "programs/p/members/m").status()), Reason::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseProgram("program", "").status()), Reason::FIELD_REQUIRED);
  EXPECT_EQ(*ParseProgram("program", "programs/kaiyuan"), "kaiyuan");
}

TEST(NameFields, MemberComesByFullNameOrByNumber) {
  EXPECT_EQ(*ParseMember("member", "programs/p/members/m1", "p"), "m1");
  EXPECT_EQ(*ParseMember("member", "members/12345678", "p"), "12345678");
  for (const char* text : {"programs/q/members/m1", "members/", "members/a/b", "12345678", "member/1"}) {
    EXPECT_EQ(ReasonOf(ParseMember("member", text, "p").status()), Reason::FIELD_INVALID) << text;
  }
  EXPECT_EQ(ReasonOf(ParseMember("member", "", "p").status()), Reason::FIELD_REQUIRED);
}

TEST(NameFields, UuidIsRefusedWithItsField) {
  EXPECT_EQ(*ParseUuid("request_id", "6BA7B810-9dad-11D1-80b4-00C04FD430C8"), "6ba7b8109dad11d180b400c04fd430c8");
  EXPECT_EQ(ReasonOf(ParseUuid("request_id", "00000000-0000-0000-0000-000000000000").status()), Reason::FIELD_INVALID);
  EXPECT_EQ(ReasonOf(ParseUuid("request_id", "").status()), Reason::FIELD_REQUIRED);
}

}  // namespace
}  // namespace redpoints::server
