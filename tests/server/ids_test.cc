#include "server/ids.h"

#include <gtest/gtest.h>

#include <set>

#include "proto/contract/member_number.h"

namespace redpoints::server {
namespace {

MemberData Member(const std::string& id, const std::string& number) {
  return {.id = id, .number = number, .kind = MemberKind::kPerson, .groups = {1}, .grid = "", .memberships = {}};
}

TEST(Ids, NumbersHaveTheirCheckDigit) {
  for (int i = 0; i < 1'000; ++i) {
    const std::string number = NewMemberNumber();
    EXPECT_EQ(number.size(), 10u);
    EXPECT_TRUE(IsMemberNumber(number)) << number;
  }
}

TEST(Ids, WhatIsTakenIsDrawnAgainAndNothingElse) {
  State state("minyue");
  state.registrations.Seed("member/m1", {Member("m1", "1000000001"), 0});
  state.registrations.Seed("merchant/s1", {MerchantData{.id = "s1", .people = {}, .place = ""}, 0});
  state.registrations.Seed("terminal/t1", {TerminalData{.id = "t1", .merchant = "s1"}, 0});
  state.registrations.Seed("staff/a1", {StaffData{.id = "a1", .member = "", .grants = {}}, 0});
  state.numbers.Seed("1000000001", "m1");

  Register members{
      .items = {Member("m1", "1000000002"), Member("m2", "1000000001"), Member("m3", "1000000003"), Member("m3", "1000000003")},
      .is_new = true,
      .rulebook_json = ""};
  AvoidTaken(state, members);
  std::set<std::string> ids, numbers;
  for (const auto& data : members.items) {
    ids.insert(std::get<MemberData>(data).id);
    numbers.insert(std::get<MemberData>(data).number);
  }
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_EQ(numbers.size(), 4u);
  EXPECT_FALSE(ids.contains("m1"));
  EXPECT_FALSE(numbers.contains("1000000001"));
  EXPECT_EQ(std::get<MemberData>(members.items[0]).number, "1000000002");
  EXPECT_EQ(std::get<MemberData>(members.items[1]).id, "m2");
  EXPECT_EQ(members.items[2], Registration(Member("m3", "1000000003")));

  Register others{.items = {MerchantData{.id = "s1", .people = {}, .place = ""}, TerminalData{.id = "t1", .merchant = "s1"},
                            StaffData{.id = "a1", .member = "", .grants = {}}},
                  .is_new = true,
                  .rulebook_json = ""};
  AvoidTaken(state, others);
  EXPECT_TRUE(std::get<MerchantData>(others.items[0]).id.starts_with("s"));
  EXPECT_NE(std::get<MerchantData>(others.items[0]).id, "s1");
  EXPECT_NE(std::get<TerminalData>(others.items[1]).id, "t1");
  EXPECT_EQ(std::get<TerminalData>(others.items[1]).merchant, "s1");
  EXPECT_NE(std::get<StaffData>(others.items[2]).id, "a1");
}

}  // namespace
}  // namespace redpoints::server
