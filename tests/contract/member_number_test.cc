#include "proto/contract/member_number.h"

#include <gtest/gtest.h>

#include <utility>

namespace redpoints {
namespace {

TEST(MemberNumber, LastDigitChecks) {
  EXPECT_EQ(WithCheckDigit("572"), "5724");  // Damm's own example
  EXPECT_TRUE(IsMemberNumber(WithCheckDigit("2000000")));
  EXPECT_TRUE(IsMemberNumber(WithCheckDigit("100000000")));
}

TEST(MemberNumber, WrongDigitsAndSwapsAreFound) {
  for (int digits = 1'000'000; digits < 10'000'000; digits += 45'677) {  // every digit in every place
    const std::string number = WithCheckDigit(std::to_string(digits));
    for (std::size_t i = 0; i < number.size(); ++i) {
      for (char digit = '0'; digit <= '9'; ++digit) {
        std::string wrong = number;
        wrong[i] = digit;
        EXPECT_EQ(IsMemberNumber(wrong), digit == number[i]) << wrong;
      }
      if (i == 0 || number[i] == number[i - 1]) continue;
      std::string swapped = number;
      std::swap(swapped[i], swapped[i - 1]);
      EXPECT_FALSE(IsMemberNumber(swapped)) << swapped;
    }
  }
}

TEST(MemberNumber, OtherLengthsAndCharactersAreNone) {
  EXPECT_FALSE(IsMemberNumber(""));
  EXPECT_FALSE(IsMemberNumber(WithCheckDigit("200000")));
  EXPECT_FALSE(IsMemberNumber(WithCheckDigit("2000000000")));
  EXPECT_FALSE(IsMemberNumber("0000000a"));
  EXPECT_FALSE(IsMemberNumber("-0000000"));
}

}  // namespace
}  // namespace redpoints
