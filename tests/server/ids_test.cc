#include "server/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace redpoints::server {
namespace {

MemberData Member(const std::string& id) {
  MemberData data;
  data.id = id;
  return data;
}
TerminalData Terminal(const std::string& id) {
  TerminalData data;
  data.id = id;
  data.merchant = "s1";
  return data;
}
MerchantData Merchant(const std::string& id) {
  MerchantData data;
  data.id = id;
  return data;
}
StaffData Staff(const std::string& id) {
  StaffData data;
  data.id = id;
  return data;
}

TEST(Ids, WhatIsTakenIsDrawnAgainAndNothingElse) {
  State state("minyue");
  state.registrations.Seed("member/m1", {Member("m1"), 0});
  state.registrations.Seed("merchant/s1", {Merchant("s1"), 0});
  state.registrations.Seed("terminal/t1", {Terminal("t1"), 0});
  state.registrations.Seed("staff/a1", {Staff("a1"), 0});

  Register members;
  members.items = {Member("m1"), Member("m2"), Member("m3"), Member("m3")};
  AvoidTaken(state, members);
  std::set<std::string> ids;
  for (const auto& data : members.items) ids.insert(std::get<MemberData>(data).id);
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_FALSE(ids.contains("m1"));
  EXPECT_EQ(std::get<MemberData>(members.items[1]).id, "m2");
  EXPECT_EQ(members.items[2], Registration(Member("m3")));

  Register others;
  others.items = {Merchant("s1"), Terminal("t1"), Staff("a1")};
  AvoidTaken(state, others);
  EXPECT_TRUE(std::get<MerchantData>(others.items[0]).id.starts_with("s"));
  EXPECT_NE(std::get<MerchantData>(others.items[0]).id, "s1");
  EXPECT_NE(std::get<TerminalData>(others.items[1]).id, "t1");
  EXPECT_EQ(std::get<TerminalData>(others.items[1]).merchant, "s1");
  EXPECT_NE(std::get<StaffData>(others.items[2]).id, "a1");
}

}  // namespace
}  // namespace redpoints::server
