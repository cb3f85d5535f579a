// Out of a damaged shard a new one: each program's journal as far as it can be read and follows by the rules, and the opening of a new epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/clock.h"

namespace redpoints {

struct RecoveredProgram {
  std::string id;
  std::int64_t end = 0;    // entries that stand; the opening of the new epoch has this sequence
  std::int64_t lost = -1;  // how many are known to be gone behind them, readable ones included; -1: not known
  std::string why;         // what keeps the next entry out, named; empty when the journal just ends there
  std::int64_t apart = 0;  // readable entries behind the gap, in `file`
  std::string file;        // one line an entry, as it was; empty when there are none
};
struct Recovered {
  std::string means;  // how the damaged log could be read
  std::vector<RecoveredProgram> programs;
};

// Reads the shard in the directory `from`, which it never changes, and makes the shard `to`, which must not exist: whole under that name or not
// at all. Run again after being interrupted, it begins again. What is behind a gap is not put into the journal, since what a later entry
// stands on may be missing: it goes to files in `to` for staff, lines-{program}.jsonl. Needs room for two copies of the log.
//
// ALREADY_EXISTS: something is at `to`. NOT_FOUND: no shard at `from`. DATA_LOSS: nothing of it can be read. UNAVAILABLE: the disk.
// FAILED_PRECONDITION: the clock is behind the ledger, or the log is of another format.
absl::StatusOr<Recovered> Recover(const std::string& from, const std::string& to, const Clock& clock,
                                  const std::function<void(const std::string& what)>& progress);

}  // namespace redpoints
