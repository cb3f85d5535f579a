// How an amount is written for people. In requests, fields and the ledger amounts are whole numbers of the unit's smallest step; how many
// decimals a unit has, its rulebook says (rulebook.proto). Pure function, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace redpoints {

// Of fen, whatever a rulebook says of them: people read 元.
inline constexpr int kFenDecimals = 2;

// `amount` smallest steps with `decimals` of them behind the point: 150 with 2 is "1.50", -5 with 1 is "-0.5". Exact. No decimals, or less
// than none: the number itself.
std::string FormatAmount(std::int64_t amount, int decimals);

}  // namespace redpoints
