#include "server/ids.h"

#include <gtest/gtest.h>

#include <set>

#include "storage/rules/member_number.h"

namespace redpoints::server {
namespace {

TEST(Ids, AreRandomAndSayTheirKind) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(NewId('m'));
  EXPECT_EQ(ids.size(), 1000u);
  for (const auto& id : ids) {
    EXPECT_EQ(id.size(), 14u);
    EXPECT_EQ(id[0], 'm');
    EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos) << id;
  }
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(IsMemberNumber(NewMemberNumber()));
}

TEST(Ids, NumbersThatAreTakenAreDrawnAgain) {
  State state("minyue");
  const std::string taken = NewMemberNumber(), twice = NewMemberNumber(), free = NewMemberNumber();
  state.numbers.Seed(taken, "m1");
  Register registration{.items = {}, .is_new = true, .rulebook_json = ""};
  for (const auto& number : {taken, twice, twice, free}) {
    MemberData member;
    member.id = NewId('m');
    member.number = number;
    registration.items.emplace_back(member);
  }
  DrawFreeNumbers(state, registration);
  std::set<std::string> numbers;
  for (const auto& item : registration.items) numbers.insert(std::get<MemberData>(item).number);
  EXPECT_EQ(numbers.size(), 4u);
  EXPECT_FALSE(numbers.contains(taken));
  EXPECT_TRUE(numbers.contains(twice) && numbers.contains(free));
  for (const auto& number : numbers) EXPECT_TRUE(IsMemberNumber(number)) << number;
  // What is changed keeps the number that it has.
  Register change{.items = {registration.items[3]}, .is_new = false, .rulebook_json = ""};
  state.numbers.Seed(free, "m2");
  DrawFreeNumbers(state, change);
  EXPECT_EQ(std::get<MemberData>(change.items[0]).number, free);
}

}  // namespace
}  // namespace redpoints::server
