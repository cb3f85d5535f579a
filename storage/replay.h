// Feeds the stored lines of a journal to a state, as a stranger would: each line is parsed, verified against the entries before it, applied.
// Opening a program, `check` and the tests of the rules come by here, so that they can't read one journal in two ways.
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

// What is asked at each line beyond Verify and Apply. An error ends the replay and is returned with the entry's number in front.
struct ReplayHooks {
  std::function<absl::Status(State& state, const Entry& entry)> verified = {};  // before the entry is applied
  std::function<absl::Status(State& state, const Entry& entry)> applied = {};   // behind it
};

// The line, without its newline, of the entry that comes next. DATA_LOSS names the entry that does not follow; the state is then to be
// thrown away.
absl::Status ReplayLine(State& state, std::string_view line, const ReplayHooks& hooks = {});

// All lines up to `end` (exclusive), published in pieces of some megabytes; `piece` is called after each.
absl::Status ReplayJournal(State& state, const Journal& journal, std::int64_t end, const ReplayHooks& hooks = {},
                           const std::function<absl::Status()>& piece = {});

}  // namespace redpoints
