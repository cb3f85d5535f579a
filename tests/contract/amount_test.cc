#include "proto/contract/amount.h"

#include <gtest/gtest.h>

#include <limits>

namespace redpoints {
namespace {

TEST(Amount, IsExactWithItsDecimals) {
  constexpr std::int64_t kMax = (std::int64_t{1} << 53) - 1;  // of the ledger
  struct Row {
    std::int64_t amount;
    int decimals;
    const char* text;
  };
  for (const Row& row : {Row{0, 0, "0"},
                         {7, 0, "7"},
                         {-7, 0, "-7"},
                         {1234567, 0, "1234567"},
                         {7, -1, "7"},
                         // one
                         {0, 1, "0.0"},
                         {5, 1, "0.5"},
                         {-5, 1, "-0.5"},
                         {10, 1, "1.0"},
                         {15, 1, "1.5"},
                         {-15, 1, "-1.5"},
                         {-100, 1, "-10.0"},
                         // two
                         {0, 2, "0.00"},
                         {1, 2, "0.01"},
                         {-1, 2, "-0.01"},
                         {99, 2, "0.99"},
                         {-99, 2, "-0.99"},
                         {100, 2, "1.00"},
                         {150, 2, "1.50"},
                         {-150, 2, "-1.50"},
                         {123456, 2, "1234.56"},
                         // the most that a rulebook may have
                         {1, 6, "0.000001"},
                         {-999999, 6, "-0.999999"},
                         {1000000, 6, "1.000000"},
                         // the largest amounts, and what no double holds
                         {kMax, 0, "9007199254740991"},
                         {kMax, 1, "900719925474099.1"},
                         {-kMax, 2, "-90071992547409.91"},
                         {kMax, 6, "9007199254.740991"},
                         {kMax + 2, 2, "90071992547409.93"},
                         {std::numeric_limits<std::int64_t>::max(), 2, "92233720368547758.07"},
                         {std::numeric_limits<std::int64_t>::min(), 2, "-92233720368547758.08"}}) {
    EXPECT_EQ(FormatAmount(row.amount, row.decimals), row.text) << row.amount << " with " << row.decimals;
  }
}

}  // namespace
}  // namespace redpoints
