// Feeds the stored lines of a journal to a state, as a stranger would: each line is parsed, verified against the entries before it,
// applied. Opening a program, `check` and the tests of the rules come by here, so that they can't read one journal in two ways.
//
// Not thread-safe: one writer of the state.
#pragma once

#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "storage/rules/entry.h"
#include "storage/rules/state.h"

namespace redpoints {

class Journal;

// Looks at the state behind each entry that was applied. An error ends the replay and is returned as it is.
using OnApplied = std::function<absl::Status(State& state, const Entry& entry)>;

// The line, without its newline, of the entry that comes next. DATA_LOSS names the entry that does not follow, UNIMPLEMENTED one of a newer
// program; the state is then to be thrown away. RESOURCE_EXHAUSTED: an entry that it is about can't be read now.
absl::Status ReplayLine(State& state, std::string_view line, const OnApplied& applied = {});

// All lines up to `end` (exclusive), published in pieces of some megabytes; `piece` is called after each.
absl::Status ReplayJournal(State& state, const Journal& journal, std::int64_t end, const OnApplied& applied = {},
                           const std::function<absl::Status()>& piece = {});

}  // namespace redpoints
