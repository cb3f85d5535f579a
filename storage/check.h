// Re-derives every table of a program from its journal and blobs, and compares: what `redpointsd check` runs. Trusts nothing but the lines.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "storage/log/log.h"
#include "storage/rules/entry.h"
#include "storage/store/store.h"

namespace redpoints {

// What entries commit to of the side state, so that it can be compared with the journal.
struct Commitments {
  struct Number {
    std::string commitment;
    std::int64_t sequence = -1;
  };
  std::map<std::string, Number> numbers;  // by member: of the newest registration
  std::set<std::string> all;              // of any entry: to numbers, to what deeds were, to notes kept elsewhere
  std::int64_t epoch = 0;                 // in which the journal ends
  std::string side_key;                   // under which all that is kept; empty: not known
  std::set<std::string> side_keys;        // that one, and each before it
};

// Reads all entries, and checks nothing. Errors say which can't be read.
absl::StatusOr<Commitments> ReadCommitments(const Log& log, const std::string& program);

struct CheckReport {
  std::int64_t entries = 0;
  std::map<std::string, std::int64_t> kinds;  // kind to entries
  std::map<std::string, std::int64_t> sums;   // unit to the sum over all accounts: 0
  std::int64_t derived_rows = 0;              // compared
  std::int64_t mark = 0;                      // entries that the derived rows hold
  Commitments commitments;
  std::string unusable_rows;  // why the derived rows could not be compared; the next start makes them again
};

// DATA_LOSS names the first difference: the entry by its sequence; as the start failure DERIVED_DAMAGED, the derived row by its table and
// key (RowName), or the file that can't be read. `progress` is called
// now and then with the number of entries read and their end. Keeps the program's whole state in memory meanwhile. Neither log nor store
// must be written to. Without a store only the journal is checked.
absl::StatusOr<CheckReport> CheckProgram(const Log& log, const Store* store, const std::string& program,
                                         const std::function<void(std::int64_t, std::int64_t)>& progress = {});

}  // namespace redpoints
