// Places in a journal from which callers go on: the whole name of the entry that they had last, so that nobody goes on in another history.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "proto/contract/names.h"
#include "storage/rules/state.h"

namespace redpoints::server {

// Whether the journal, which stands at `at` and is durable up to `end` (exclusive), has the entry that `field` names. ENTRY_LOST if it is
// one of another history; it says from where on this one differs, as far as its epochs tell: never behind the entry, so that who goes back
// to there and asks again comes to what both have. ENTRY_NOT_FOUND if it is one of no history, or is still to come.
absl::Status CheckPlace(std::string_view field, const Name& entry, const StateMark& at, std::int64_t end);

}  // namespace redpoints::server
