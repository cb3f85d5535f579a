// What is durable, and who may append to it: journals as rows of entry lines, and blobs. Nothing here reads a line. Everything else that
// the ledger keeps is derived from this (store/) or the server's own.
//
// Opening a log only follows it and writes nothing; TryTakeOver makes an owner, whose commits are taken until the next owner.
//
// Thread-safe, but: TryTakeOver runs beside nothing else, and one thread at a time commits. keys.h draws every key and value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace redpoints {

// What one fsync covers.
struct CommitBatch {
  // A journal row: entries with which a program goes on. A program's rows follow each other.
  struct Append {
    std::string program;
    std::int64_t expected_end = 0;  // where its journal ends before, as the owner believes: the number of the first entry
    std::int64_t entries = 0;       // in `lines`; above 0
    std::string lines;              // each ended by LF
  };
  struct Blob {
    std::string program;
    std::string sha256;  // of the content, in hex
    std::string content;
  };
  std::vector<Append> appends = {};
  std::vector<Blob> blobs = {};
  std::uint64_t fence = 0;  // of the owner: what TryTakeOver gave it
};

enum class CommitResult {
  kCommitted,      // durable
  kFenced,         // the fence is not the last one that TryTakeOver gave; nothing was written
  kOutOfSequence,  // the journal of a program does not end where the batch expects; nothing was written
  kUnknown,        // the write failed or may have failed: the bytes can be there after the next opening. Stop, open again, Resolve.
};

// A row as it was committed.
struct JournalRow {
  std::int64_t first = 0;    // number of the first entry
  std::int64_t entries = 0;  // as the committer said
  std::string lines;
  std::int64_t end() const { return first + entries; }
};

class Log {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  virtual ~Log() = default;

  // Makes the caller the owner: from now on only commits with the returned number are taken, and it is never returned again.
  // FAILED_PRECONDITION: another process has it, or it is of a newer format. UNAVAILABLE: the disk is full; following goes on.
  virtual absl::StatusOr<std::uint64_t> TryTakeOver() = 0;

  // All of the batch or nothing, durable when it returns kCommitted.
  virtual CommitResult Commit(const CommitBatch& batch) = 0;
  // Why the last commit gave kUnknown, as the disk said it; OK before.
  virtual absl::Status Failure() const = 0;
  // After kUnknown, by the next owner: whether the batch is there. UNAVAILABLE until the log was opened again.
  virtual absl::StatusOr<bool> Resolve(const CommitBatch& batch) const = 0;

  // The programs that have a journal, in byte order.
  virtual absl::StatusOr<std::vector<std::string>> Programs() const = 0;
  // One past the last durable entry; 0 for an unknown program. DATA_LOSS when the last row is not the one that was committed last.
  virtual absl::StatusOr<std::int64_t> End(const std::string& program) const = 0;
  // Consecutive rows: the first holds entry `start`, none begins at `end` or behind it, and no more than about `bytes_max` (one row at
  // least). None when the journal ends at or before `start`. DATA_LOSS where a row is missing or can't be read.
  virtual absl::StatusOr<std::vector<JournalRow>> Read(const std::string& program, std::int64_t start, std::int64_t end,
                                                       std::size_t bytes_max) const = 0;
  // nullopt when there is none. Whether its content has that hash is for the reader to say.
  virtual absl::StatusOr<std::optional<std::string>> Blob(const std::string& program, const std::string& sha256) const = 0;
  // The hashes of a program's blobs, in order.
  virtual absl::StatusOr<std::vector<std::string>> Blobs(const std::string& program) const = 0;

  // Waits until the program has more than `sequence` durable entries; false at the deadline.
  virtual bool WaitForMore(const std::string& program, std::int64_t sequence, Deadline deadline) const = 0;

  // A consistent, checksummed copy in `directory`, which must not exist; durable under that name. Writing goes on meanwhile.
  virtual absl::Status Backup(const std::string& directory) const = 0;
};

// Whether all of the batch is in the log, row for row.
absl::StatusOr<bool> Holds(const Log& log, const CommitBatch& batch);

}  // namespace redpoints
