// A Log in a RocksDB of its own: one machine's disk. Thread-safe, as Log.
#pragma once

#include <memory>
#include <string>

#include "storage/log/log.h"

namespace rocksdb {
class Env;
}

namespace redpoints {

class RocksDbLog {
 public:
  struct Options {
    std::string directory;
    rocksdb::Env* env = nullptr;  // not owned; nullptr: the disk
  };
  // Follows what is there; not a byte changes before TryTakeOver. What stands in the way is said with the file, what it means, and the next
  // step. NOT_FOUND: no log there. DATA_LOSS: it is damaged. FAILED_PRECONDITION: another format, or a running server has it.
  // PERMISSION_DENIED: somebody else's files. RESOURCE_EXHAUSTED: too many open files.
  static absl::StatusOr<std::unique_ptr<Log>> Open(const Options& options);
  // Makes an empty log in a directory that is empty or not there, then as Open.
  static absl::StatusOr<std::unique_ptr<Log>> Create(const Options& options);
};

}  // namespace redpoints
