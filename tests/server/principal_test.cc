#include "server/principal.h"

#include <gtest/gtest.h>

#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

absl::StatusOr<Principal> FromUris(std::vector<std::string_view> uris) { return PrincipalFromUris(uris); }

void ExpectUnknown(const absl::StatusOr<Principal>& principal, std::string_view what) {
  ASSERT_FALSE(principal.ok()) << what;
  const auto refusal = RefusalFrom(principal.status());
  ASSERT_TRUE(refusal.has_value()) << what;
  EXPECT_EQ(refusal->reason, Reason::CALLER_UNKNOWN) << what;
}

TEST(Principal, EveryKindIsReadFromItsUri) {
  const auto terminal = FromUris({"redpoints:programs/kaiyuan/merchants/s1/terminals/t1"});
  ASSERT_TRUE(terminal.ok());
  EXPECT_EQ(*terminal, (Principal{.kind = Principal::Kind::kTerminal, .program = "kaiyuan", .merchant = "s1", .id = "t1"}));
  const auto staff = FromUris({"redpoints:programs/system/staff/a1"});
  ASSERT_TRUE(staff.ok());
  EXPECT_EQ(*staff, (Principal{.kind = Principal::Kind::kStaff, .program = "system", .merchant = "", .id = "a1"}));
  const auto member = FromUris({"redpoints:programs/kaiyuan/members/m1"});
  ASSERT_TRUE(member.ok());
  EXPECT_EQ(*member, (Principal{.kind = Principal::Kind::kMember, .program = "kaiyuan", .merchant = "", .id = "m1"}));
}

TEST(Principal, NameGoesBackToTheUri) {
  for (const char* name : {"programs/p/merchants/s1/terminals/t1", "programs/p/staff/a1", "programs/p/members/m1"}) {
    const auto principal = PrincipalFromName(name);
    ASSERT_TRUE(principal.ok()) << name;
    EXPECT_EQ(principal->Name(), name);
  }
  EXPECT_EQ(Principal{}.Name(), "");
}

TEST(Principal, UrisOfOthersAreNotJudged) {
  const auto staff = FromUris({"spiffe://example.org/x", "redpoints:programs/p/staff/a1", "https://example.org"});
  ASSERT_TRUE(staff.ok());
  EXPECT_EQ(staff->id, "a1");
}

TEST(Principal, EverythingElseIsUnknown) {
  ExpectUnknown(FromUris({}), "none");
  ExpectUnknown(FromUris({"redpoints:programs/p/staff/a1", "redpoints:programs/p/staff/a1"}), "twice");
  ExpectUnknown(FromUris({"redpoints:programs/p/staff/a1", "redpoints:x"}), "a second that is broken");
  for (const std::string_view uri :
       {"redpoints:", "redpoints:programs/p", "redpoints:programs/p/merchants/s1", "redpoints:programs/p/staff/a1/",
        "redpoints:programs/p/staff/A1", "redpoints:/programs/p/staff/a1", "redpoints://programs/p/staff/a1",
        "REDPOINTS:programs/p/staff/a1", " redpoints:programs/p/staff/a1", "programs/p/staff/a1", "redpoints:programs/p/holds/1",
        "redpoints:programs/p/staff/a1?x", "redpoints:programs/p/staff/a1#x", "redpoints:programs/p/staff/%61",
        "redpoints:programs/system/members/m1", "redpoints:programs/system/merchants/s1/terminals/t1"}) {
    ExpectUnknown(FromUris({uri}), uri);
  }
  ExpectUnknown(FromUris({std::string_view("redpoints:programs/p/staff/a1\0b", 31)}), "a NUL");
}

}  // namespace
}  // namespace redpoints::server
