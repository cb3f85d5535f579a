// Reads what can still be read of a log that is damaged. It changes the directory where it has to: give it a copy. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/log/log.h"

namespace redpoints {

class Salvage {
 public:
  virtual ~Salvage() = default;

  // Opens `directory` by the mildest means that helps: as it is; with CURRENT made anew, should only that be missing; passing over what is
  // damaged in write-ahead logs; last with RocksDB's repair, which makes the list of files anew and lays aside what it can't read. The
  // repair does not know a table that has no file yet: what write-ahead logs hold of it is then lost.
  // DATA_LOSS: none of them helped. FAILED_PRECONDITION: a log of another format.
  static absl::StatusOr<std::unique_ptr<Salvage>> Open(const std::string& directory);

  // What it took, for people.
  virtual const std::string& means() const = 0;
  // The programs that have a readable row, or a readable row that says where their journal ends.
  virtual std::set<std::string> Programs() const = 0;
  // The readable rows of a program in order; it stops when `row` returns an error, and returns that.
  virtual absl::Status ForEachRow(const std::string& program, const std::function<absl::Status(const JournalRow&)>& row) const = 0;
  // Where the log says that the journal ended; 0 when it does not.
  virtual std::int64_t EndOf(const std::string& program) const = 0;
  // The readable blobs; which have the content that they are named by is for the caller to say.
  virtual absl::Status ForEachBlob(const std::string& program, const std::function<absl::Status(const CommitBatch::Blob&)>& blob) const = 0;
};

}  // namespace redpoints
