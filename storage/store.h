// Where the ledger's bytes lie: ordered tables of keys and values, one durable commit, one bulk install. Small on purpose: another
// database can stand behind it. keys.h draws every key and value.
//
// Thread-safe. Commit is called by one thread at a time. Who appends to a journal does so by Commit alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace redpoints {

// Never renumber.
enum class TableId : std::uint8_t { kMeta = 0, kJournal = 1, kBlob = 2, kDerived = 3 };
inline constexpr std::size_t kTableCount = 4;

struct Row {
  std::string key;
  std::string value;
};

// What one fsync covers.
struct CommitBatch {
  // A journal row: entries with which a program goes on. A program's rows follow each other.
  struct Append {
    std::string program;
    std::int64_t expected_next_sequence = 0;  // where its journal ends before, as the owner believes: the first entry's
    std::int64_t entries = 0;                 // in `lines`
    std::string lines;                        // each ended by LF
  };
  // A row of any other table.
  struct Put {
    TableId table;
    std::string key;
    std::string value;
  };
  std::vector<Append> appends = {};
  std::vector<Put> puts = {};
  std::uint64_t fence = 0;  // of the owner: what TakeOver gave it
};

enum class CommitResult {
  kCommitted,      // durable
  kFenced,         // the fence is not the last one that TakeOver gave; nothing was written
  kOutOfSequence,  // the journal of a program does not end where the batch expects; nothing was written
  kUnknown,        // the write failed or may have failed: the bytes can be there after the next opening. Stop, reopen, look.
};

class Store {
 public:
  virtual ~Store() = default;

  virtual absl::StatusOr<std::optional<std::string>> Get(TableId table, std::string_view key) const = 0;

  struct Range {
    TableId table;
    std::string begin;  // inclusive
    std::string end;    // exclusive; empty: to the end of the table
    std::size_t rows_max = 1000;
    bool is_descending = false;  // from the end backwards
  };
  // At most rows_max rows in order. Continue behind the last key.
  virtual absl::StatusOr<std::vector<Row>> Scan(const Range& range) const = 0;

  // Makes the caller the owner: from now on only commits with the returned number are taken, and it is never returned again.
  virtual absl::StatusOr<std::uint64_t> TakeOver() = 0;

  // All of the batch or nothing, durable when it returns kCommitted.
  virtual CommitResult Commit(const CommitBatch& batch) = 0;

  // Adds derived rows in bulk, all or none, durable; `rows` ascending by key without doubles, nullopt deletes. Not for the journal.
  // FAILED_PRECONDITION when the fence is not the last one that TakeOver gave: an owner that was replaced must not put old rows over new ones.
  virtual absl::Status Install(TableId table, const std::vector<std::pair<std::string, std::optional<std::string>>>& rows,
                               std::uint64_t fence) = 0;

  virtual absl::Status DeleteRange(TableId table, std::string_view begin, std::string_view end) = 0;

  // A consistent, checksummed copy in `directory`, which must not exist. Writing goes on meanwhile.
  virtual absl::Status Backup(const std::string& directory) = 0;
};

}  // namespace redpoints
