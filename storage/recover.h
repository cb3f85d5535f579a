// Out of a damaged shard a new one: each program's journal as far as it can be read and follows by the rules, and the opening of a new
// epoch.
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
  std::int64_t end = 0;  // entries that stand; the opening of the new epoch has this sequence
  // At least so many were behind them, by the log's own end, the head mark and the last readable row: those set apart are among them. -1:
  // of none it is known.
  std::int64_t lost = -1;
  std::string why;         // what keeps the next entry out, named; empty when the journal just ends there
  std::int64_t apart = 0;  // readable entries behind the gap, in `file`
  std::string file;        // one line an entry, as it was; empty when there are none
};
struct Recovered {
  std::string means;                  // how the damaged log could be read
  std::string unreadable;             // which files the disk could not give whole; empty: none
  std::vector<std::string> supplied;  // "minyue: 3fa2… from book.json": each blob that came from a file
  std::vector<RecoveredProgram> programs;
};

// Reads the shard in the directory `from`, or the backup of one (shard-0), which it never changes and nobody must have open, and makes the
// shard `to`, which must not exist: whole under that name or not at all. What it works on is `to`.partial; run again after being
// interrupted, it begins again. What is behind a gap is not put into the journal, since what a later entry stands on may be missing: it
// goes to files in `to` for staff, lines-{program}.jsonl. What of a blob follows from the entries, a closed day's shops, is made again; any
// other, a rulebook, can come from `blob_files`: the bytes themselves, or the rulebook in any layout. Each file has to be one whose SHA-256
// a readable entry names. A program of which no entry stands has nothing but the opening of the epoch: what is founded under its name goes
// on from there. Where none stands of any program, `to` holds nothing but those files, and is no shard. A clock that was in doubt
// (clock_guard.h) stays so; a backup does not hold that. Needs room for three copies of the log, and for the derived rows.
//
// ALREADY_EXISTS: something is at `to`. INVALID_ARGUMENT: `to` is inside `from`, or no entry names a blob file. NOT_FOUND: no shard at
// `from`, or no such blob file. DATA_LOSS: nothing of it can be read. FAILED_PRECONDITION: a server has it open (LEDGER_IN_USE), the clock
// is behind the ledger, or the log is of another format. PERMISSION_DENIED, RESOURCE_EXHAUSTED: somebody else's files, too many open files.
// Any other: the disk.
absl::StatusOr<Recovered> Recover(const std::string& from, const std::string& to, const Clock& clock,
                                  const std::function<void(const std::string& what)>& progress,
                                  const std::vector<std::string>& blob_files = {});

}  // namespace redpoints
