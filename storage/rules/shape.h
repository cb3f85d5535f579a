// What a registration has to look like, whatever is registered beside it: ids as the contract has them, days of the calendar, numbers in range,
// one order of what has no order of its own. A front door checks the same and more; whoever reads a journal knows nothing of front doors.
#pragma once

#include <optional>
#include <string_view>

#include "storage/rules/refusal.h"
#include "storage/rules/registration.h"

namespace redpoints {

// A SHA-256 as entries have it.
bool IsHex64(std::string_view text);

// FIELD_INVALID or FIELD_OUT_OF_RANGE names the first field that is wrong. A withdrawal of a rulebook needs its version alone.
std::optional<Refusal> CheckShape(const Registration& registration);

}  // namespace redpoints
