#include "proto/contract/member_number.h"

namespace redpoints {
namespace {

// The quasigroup of order 10 from H. Michael Damm's dissertation (2004).
constexpr char kDamm[10][11] = {"0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
                                "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"};

int Interim(std::string_view digits) {
  int interim = 0;
  for (const char c : digits) interim = kDamm[interim][c - '0'] - '0';
  return interim;
}

}  // namespace

std::string WithCheckDigit(std::string digits) {
  const int check = Interim(digits);
  digits += static_cast<char>('0' + check);
  return digits;
}

bool IsMemberNumber(std::string_view number) {
  if (number.size() < 8 || number.size() > 10) return false;
  for (const char c : number) {
    if (c < '0' || c > '9') return false;
  }
  return Interim(number) == 0;
}

}  // namespace redpoints
