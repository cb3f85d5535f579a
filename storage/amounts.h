// The amounts of a program as people read them: one call for each unit. A value; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/contract/amount.h"
#include "storage/rules/state.h"
#include "storage/rules/types.h"

namespace redpoints {

class Amounts {
 public:
  // `definitions` are not owned and must outlive this.
  explicit Amounts(const Definitions& definitions) : definitions_(definitions) {}

  // With the decimals of the unit. Nothing is a bare 0, also in a unit that a rulebook is yet to define: what is said of an entry stays the
  // same.
  std::string Of(std::string_view unit, std::int64_t amount) const {
    return amount == 0 ? "0" : FormatAmount(amount, definitions_.DecimalsOf(unit));
  }
  std::string Points(std::int64_t points) const { return Of(kPoint, points); }
  std::string Yuan(std::int64_t fen) const { return Of(kFen, fen); }

 private:
  const Definitions& definitions_;
};

}  // namespace redpoints
