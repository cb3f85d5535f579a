// 会员号: 8 to 10 digits that fit on paper, the last a Damm check digit, which catches every wrong digit and every swap of neighbours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace redpoints {

// `digits` with its check digit behind.
std::string WithCheckDigit(std::string digits);

// 8 to 10 digits whose last one checks.
bool IsMemberNumber(std::string_view number);

}  // namespace redpoints
