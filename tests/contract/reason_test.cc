#include "proto/contract/reason.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "redpoints/v1/reason.pb.h"

namespace redpoints {
namespace {

bool IsChinese(std::string_view text) {
  return text.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos && text.size() >= 6;
}

TEST(Reason, EachOfTheProtoIsInTheTable) {
  const auto& type = *v1::Reason_descriptor();
  ASSERT_EQ(AllReasons().size() + 1, static_cast<std::size_t>(type.value_count()));
  for (int i = 0; i < type.value_count(); ++i) {
    const auto& value = *type.value(i);
    SCOPED_TRACE(value.name());
    const auto reason = static_cast<Reason>(value.number());
    const v1::ReasonInfo& told = value.options().GetExtension(v1::info);
    const ReasonInfo& info = InfoOf(reason);
    EXPECT_EQ(info.name, value.name());
    EXPECT_EQ(ReasonFromName(value.name()), reason);
    EXPECT_EQ(NameOf(reason), value.name());
    EXPECT_EQ(info.is_recorded, told.recording() == v1::RECORDED);
    EXPECT_EQ(IsRecorded(reason), info.is_recorded);
    EXPECT_EQ(info.code, told.code());
    EXPECT_EQ(info.zh_cn, told.zh_cn());
    EXPECT_EQ(info.next_zh_cn, told.next_zh_cn());
    EXPECT_EQ(info.next, told.next());
  }
  EXPECT_EQ(static_cast<int>(Reason::INSUFFICIENT_POINTS), static_cast<int>(Reason::INSUFFICIENT_POINTS));
}

TEST(Reason, WhatIsNoneIsUnspecified) {
  EXPECT_EQ(ReasonFromName("INSUFFICIENT_POINT"), Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonFromName(""), Reason::REASON_UNSPECIFIED);
  for (const int number : {-1, 1, 618, 100'000}) EXPECT_EQ(NameOf(static_cast<Reason>(number)), "REASON_UNSPECIFIED") << number;
  EXPECT_EQ(InfoOf(static_cast<Reason>(618)).zh_cn, "");
}

TEST(Reason, EveryReasonSaysAllThatIsKnownOfIt) {
  for (const auto& [reason, info] : AllReasons()) {
    SCOPED_TRACE(info.name);
    EXPECT_TRUE(IsChinese(info.zh_cn)) << info.zh_cn;
    // "(…)" and names of things are allowed in the next action; an empty one is not.
    EXPECT_GE(info.next_zh_cn.size(), 6U);
    EXPECT_FALSE(info.next.empty());
    EXPECT_LE(info.name.size(), 63U);
    // The sentence gets its full stop where it is sent.
    EXPECT_FALSE(info.zh_cn.ends_with("。")) << info.zh_cn;
    EXPECT_FALSE(info.next_zh_cn.ends_with("。")) << info.next_zh_cn;
  }
}

TEST(Reason, CodeFollowsThePlaceInThePrecedence) {
  // Of google.rpc.Code.
  constexpr int kInvalidArgument = 3, kDeadlineExceeded = 4, kNotFound = 5, kAlreadyExists = 6, kPermissionDenied = 7,
                kResourceExhausted = 8, kFailedPrecondition = 9, kUnimplemented = 12, kInternal = 13, kUnavailable = 14,
                kUnauthenticated = 16;
  const std::map<int, std::set<int>> kCodesOfHundred = {
      {1, {kInvalidArgument, kResourceExhausted, kUnimplemented}},
      {2, {kUnauthenticated}},
      {3, {kPermissionDenied}},
      {4, {kInvalidArgument, kFailedPrecondition}},
      {5, {kNotFound, kAlreadyExists, kFailedPrecondition}},
      {6, {kFailedPrecondition}},
      {9, {kUnavailable, kResourceExhausted, kInternal, kDeadlineExceeded, kFailedPrecondition}},
  };
  for (const auto& [reason, info] : AllReasons()) {
    SCOPED_TRACE(info.name);
    const int hundred = static_cast<int>(reason) / 100;
    const auto codes = kCodesOfHundred.find(hundred);
    ASSERT_NE(codes, kCodesOfHundred.end());
    EXPECT_TRUE(codes->second.contains(info.code)) << info.code;
    // Those of gRPC for what never reaches a method.
    if (hundred == 1 && info.code != kInvalidArgument) {
      EXPECT_TRUE(reason == Reason::MESSAGE_TOO_LONG || reason == Reason::METHOD_UNKNOWN);
    }
    // What the ledger's state refuses is recorded; nothing before it is.
    EXPECT_EQ(info.is_recorded, hundred == 6 || reason == Reason::ALREADY_REVERSED);
  }
}

}  // namespace
}  // namespace redpoints
