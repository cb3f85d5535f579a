#include "client/cli/arguments.h"

#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);

TEST(ArgumentsTest, ShortNamesAreExpanded) {
  EXPECT_EQ(ProgramName("minyue"), "programs/minyue");
  EXPECT_EQ(ProgramName("programs/minyue"), "programs/minyue");
  const std::string p = "programs/p";
  EXPECT_EQ(ResourceName(p, "redemptions", "42"), "programs/p/redemptions/42");
  EXPECT_EQ(ResourceName(p, "redemptions", "redemptions/42"), "programs/p/redemptions/42");
  EXPECT_EQ(ResourceName(p, "redemptions", "programs/q/redemptions/42"), "programs/q/redemptions/42");
  EXPECT_EQ(ResourceName(p, "", "members/1"), "programs/p/members/1");
  EXPECT_EQ(TerminalName(p, "m/t"), "programs/p/merchants/m/terminals/t");
  EXPECT_EQ(TerminalName(p, "merchants/m/terminals/t"), "programs/p/merchants/m/terminals/t");
}

TEST(ArgumentsTest, AnAwardTakesAMemberNumberOrAName) {
  EXPECT_EQ(MemberOfAward("programs/p", "12345678"), "members/12345678");
  EXPECT_EQ(MemberOfAward("programs/p", "m-abc"), "programs/p/members/m-abc");
  EXPECT_EQ(MemberOfAward("programs/p", "1234567"), "programs/p/members/1234567");
}

TEST(ArgumentsTest, OnlyANumberIsLookedUp) {
  EXPECT_TRUE(IsByNumber("programs/p/members/12345678"));
  EXPECT_TRUE(IsByNumber("programs/12345678/members/1234567890"));
  for (const char* name : {"", "programs/p/members/1234567", "programs/p/members/12345678901", "programs/12345678/members/a1234567"}) {
    EXPECT_FALSE(IsByNumber(name)) << name;
  }
}

TEST(ArgumentsTest, WhatHasASequenceIsNamedByIt) {
  const std::string p = "programs/p";
  EXPECT_EQ(EntryName(p, "holds", "42", kEn).value(), "programs/p/holds/42");
  EXPECT_EQ(EntryName(p, "holds", "holds/42", kEn).value(), "programs/p/holds/42");
  EXPECT_EQ(EntryName("", "holds", "programs/q/holds/42", kEn).value(), "programs/q/holds/42");
  EXPECT_EQ(EntryName(p, "holds", "1.42", kEn).value(), "programs/p/holds/1.42");
  for (const char* bad : {"", "abc", "-1", "4.2.1", "4.", ".2", "redemptions/42", "programs/q/redemptions/42", "programs/q", "holds/"}) {
    EXPECT_EQ(EntryName(p, "holds", bad, kEn).status().message(),
              "\"" + std::string(bad) + "\" should be a sequence or name such as 42 or holds/42");
  }
}

TEST(ArgumentsTest, RequestIdsAreUuids) {
  EXPECT_EQ(ParseUuid("6BA7B810-9dad-11d1-80b4-00c04fd430c8", kEn).value(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_FALSE(ParseUuid("6ba7b810", kEn).ok());
}

TEST(ArgumentsTest, OnlyDaysThatExist) {
  EXPECT_EQ(ParseDay("20240229", kEn).value(), 20240229);
  EXPECT_EQ(ParseDay("2024-02-29", kEn).value(), 20240229);
  for (const char* bad : {"20230229", "2024-13-01", "2024-1-1", "", "2024022", "+2024022", "2024-02/29"}) {
    EXPECT_FALSE(ParseDay(bad, kEn).ok()) << bad;
  }
}

TEST(ArgumentsTest, TimesAreOfShanghai) {
  const auto midnight = ParseTime("2024-03-15", false, kEn).value();
  EXPECT_EQ(ParseTime("2024-03-15T00:00:00+08:00", false, kEn).value(), midnight);
  EXPECT_EQ(ParseTime("2024-03-14 24:00", false, kEn).ok(), false);
  EXPECT_EQ(ParseTime("2024-03-14", true, kEn).value(), midnight);
  EXPECT_EQ(ParseTime("2024-03-15 00:00", true, kEn).value(), midnight);
}

TEST(ArgumentsTest, OfferLines) {
  const auto line = ParseOfferLine("RICE:2:400:150", kEn).value();
  EXPECT_EQ(line.offer(), "RICE");
  EXPECT_EQ(line.quantity(), 2);
  EXPECT_EQ(line.points(), 400);
  EXPECT_EQ(line.cash_fen(), 150);
  for (const char* bad : {"RICE", "RICE:1", "RICE:1:x", ":1:2", "RICE:1:2:3:4", "RICE:1.5:2"}) {
    EXPECT_FALSE(ParseOfferLine(bad, kEn).ok()) << bad;
  }
}

TEST(ArgumentsTest, EnumsByNameOrChineseWord) {
  EXPECT_EQ(ParseEnum<v1::Group>("party-vanguard", kEn).value(), v1::PARTY_VANGUARD);
  EXPECT_EQ(ParseEnum<v1::Group>("PARTY_VANGUARD", kEn).value(), v1::PARTY_VANGUARD);
  EXPECT_EQ(ParseEnum<v1::Group>("先锋党员", kEn).value(), v1::PARTY_VANGUARD);
  EXPECT_FALSE(ParseEnum<v1::Group>("group-unspecified", kEn).ok());
  const auto status = ParseEnum<v1::Group>("nobody", kEn).status();
  EXPECT_NE(std::string(status.message()).find("property-companies"), std::string::npos);
}

TEST(ArgumentsTest, GrantsAndMemberships) {
  const auto grant = ParseGrant("recorder:grid-1", kEn).value();
  EXPECT_EQ(grant.role(), v1::RECORDER);
  EXPECT_EQ(grant.scope(), "grid-1");
  EXPECT_EQ(ParseGrant("administrator", kEn).value().scope(), "");
  const auto membership = ParseMembership("programs/p", "h1:20240101:20250101", kEn).value();
  EXPECT_EQ(membership.member(), "programs/p/members/h1");
  EXPECT_EQ(membership.from_day(), 20240101);
  EXPECT_EQ(membership.to_day(), 20250101);
  EXPECT_EQ(ParseMembership("programs/p", "h1:20240101", kEn).value().to_day(), 0);
  for (const char* bad : {"h1", "h1:", "h1:soon", ":20240101", "h1:20240101:20250101:1"}) {
    EXPECT_FALSE(ParseMembership("programs/p", bad, kEn).ok()) << bad;
  }
}

TEST(ArgumentsTest, GroupsAndPeopleWithDays) {
  EXPECT_EQ(ParseGroupSpan("residents", kEn).value().ShortDebugString(), "group: RESIDENTS");
  EXPECT_EQ(ParseGroupSpan("先锋党员:20240101:2025-01-01", kEn).value().ShortDebugString(),
            "group: PARTY_VANGUARD from_day: 20240101 to_day: 20250101");
  EXPECT_EQ(ParseGroupSpan("residents::20250101", kEn).value().ShortDebugString(), "group: RESIDENTS to_day: 20250101");
  for (const char* bad : {"", "nobody", "residents:soon", "residents:20240101:20250101:1"})
    EXPECT_FALSE(ParseGroupSpan(bad, kEn).ok()) << bad;
  const auto person = [](const char* text) { return ParseMerchantPerson("programs/p", text, kEn); };
  EXPECT_EQ(person("m1")->ShortDebugString(), "member: \"programs/p/members/m1\" role: OWNER");
  EXPECT_EQ(person("12345678:clerk:20240101:20250101")->ShortDebugString(),
            "member: \"programs/p/members/12345678\" role: CLERK from_day: 20240101 to_day: 20250101");
  EXPECT_EQ(person("m1:店主:20240101")->role(), v1::OWNER);
  for (const char* bad : {"", ":owner", "m1:boss", "m1:owner:soon", "m1:owner:20240101:20250101:1"}) EXPECT_FALSE(person(bad).ok()) << bad;
}

TEST(ArgumentsTest, Sha256) {
  EXPECT_EQ(ParseSha256(std::string(64, 'a'), kEn).value(), std::string(32, '\xAA'));
  EXPECT_FALSE(ParseSha256(std::string(63, 'a'), kEn).ok());
  EXPECT_FALSE(ParseSha256(std::string(64, 'g'), kEn).ok());
}

}  // namespace
}  // namespace redpoints::cli
