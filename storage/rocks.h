// What the owners of RocksDB, log/, store/ and identity/, have in common: options, its own log, and words for its errors.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/status.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace redpoints {

// RocksDB's own log of what it does, in directory/LOG, the one before in LOG.old. RocksDB's own logger aborts the process on its second
// line on a full disk (Debian's library has its assertions compiled in); what this one cannot write is lost, and nothing else.
//
// It also listens: only there does RocksDB say which of its write-ahead logs is damaged.
class RocksLog : public rocksdb::Logger {
 public:
  // An empty path: only listens.
  explicit RocksLog(const std::string& path);
  ~RocksLog() override;
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  // The file of which bytes were dropped or had to be while the database was opened; empty when there was none.
  std::string damaged_file() const;

 private:
  std::FILE* file_ = nullptr;
  mutable std::mutex mutex_;
  std::string damaged_file_;
};

// `env` nullptr: the disk. A database that is only read gets no LOG.
rocksdb::Options RocksOptions(const std::string& directory, rocksdb::Env* env, bool is_read_only);

// Adds what RocksDB says, file names included, to `doing`. DATA_LOSS: damaged. UNAVAILABLE: the disk is full. RESOURCE_EXHAUSTED: too many
// open files. FAILED_PRECONDITION: another process has it open, as InUse says, or RocksDB can't take it as it is (a table that it does not
// know). PERMISSION_DENIED. NOT_FOUND: a file is missing. INTERNAL: any other failure of the disk.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view doing);

// "in use by another process", in its only place: FAILED_PRECONDITION, as the start failure LEDGER_IN_USE.
absl::Status InUse(std::string_view doing);
// Whether another process has the database open. Nothing is written.
bool IsInUse(const std::string& directory);

// The first file of the directory, or itself, that this process may not read (and, when `is_written`, write): PERMISSION_DENIED with its
// owner and what helps: another owner, or, where it is ours, another mode. NOT_FOUND: there is no such directory. OK otherwise.
absl::Status CheckAccess(const std::string& directory, bool is_written);

}  // namespace redpoints
