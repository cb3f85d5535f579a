// The words and bounds that everything about points is written in. Values only; any thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace redpoints {

// Always on, unlike assert: for bugs, never for input.
#define RP_CHECK(condition)                                                                  \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: invariant broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)

// Amounts and balances lie in ±kAmountMax, so that every JSON reader keeps them exact.
inline constexpr std::int64_t kAmountMax = (std::int64_t{1} << 53) - 1;
// Points that one piece of an offer may cost.
inline constexpr std::int64_t kPriceMax = 1'000'000'000;
// Live lots of one account; those of open holds are beside them.
inline constexpr std::size_t kLotsMax = 64;
// Bytes of a stored entry.
inline constexpr std::size_t kLineBytesMax = 4096;

inline constexpr std::string_view kPoint = "POINT";
inline constexpr std::string_view kFen = "FEN";

// The program that holds server-level state: programs and operators.
inline constexpr std::string_view kSystemProgram = "system";

// The actor of entries that the ledger writes by itself: expiry, the end of a hold, the close of a day.
inline constexpr std::string_view kLedgerActor = "ledger";

// Whether an account may have it. Two of them can be added without overflow.
inline bool InRange(std::int64_t amount) { return amount >= -kAmountMax && amount <= kAmountMax; }

}  // namespace redpoints
