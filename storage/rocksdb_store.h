// The one owner of RocksDB: opens, closes, names everything. Thread-safe, as Store.
#pragma once

#include <memory>
#include <string>

#include "storage/store.h"

namespace rocksdb {
class Env;
}

namespace redpoints {

class RocksDbStore {
 public:
  struct Options {
    std::string directory;
    bool create_if_missing = false;  // otherwise a directory without a store is NOT_FOUND
    bool read_only = false;          // for check and exports beside a stopped server; Commit and Install then fail
    rocksdb::Env* env = nullptr;     // not owned; nullptr: the disk
  };
  // DATA_LOSS: the journal is damaged. FAILED_PRECONDITION: another format, or open elsewhere. UNAVAILABLE: the disk is full.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const Options& options);
};

}  // namespace redpoints
