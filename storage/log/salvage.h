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

  // Opens `directory` by the mildest means that helps: as it is, with CURRENT made anew should it name no list of files; without what
  // stands behind the end of files, which that list tells; passing over what is damaged in write-ahead logs, too; last with RocksDB's
  // repair, which makes that list anew and lays aside what it can't read. The repair knows a table by its files, and each has one from its
  // creation on: of one whose files are all gone, write-ahead logs are lost, too.
  // DATA_LOSS: none of them helped. FAILED_PRECONDITION: a log of another format. RESOURCE_EXHAUSTED, PERMISSION_DENIED, UNAVAILABLE: too
  // many open files, somebody else's files, a full disk: no damage, and nothing was tried.
  static absl::StatusOr<std::unique_ptr<Salvage>> Open(const std::string& directory);

  // What it took, for people.
  virtual const std::string& means() const = 0;
  // The programs that have a readable row, or a readable row that says where their journal ends. One that has no such row and lies between
  // two stretches of the tables that can't be read is not found.
  virtual std::set<std::string> Programs() const = 0;
  // The readable rows of a program in order, behind what can't be read, too; it stops when `row` returns an error, and returns that.
  virtual absl::Status ForEachRow(const std::string& program, const std::function<absl::Status(const JournalRow&)>& row) const = 0;
  // Where the log says that the journal ended; 0 when it does not.
  virtual std::int64_t EndOf(const std::string& program) const = 0;
  // The readable blobs, likewise; which have the content that they are named by is for the caller to say.
  virtual absl::Status ForEachBlob(const std::string& program, const std::function<absl::Status(const CommitBatch::Blob&)>& blob) const = 0;
};

}  // namespace redpoints
