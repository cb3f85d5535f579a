// A Store in a RocksDB of its own. Thread-safe, as Store.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/store/store.h"

namespace rocksdb {
class Env;
}

namespace redpoints {

class RocksDbStore {
 public:
  struct Options {
    std::string directory;
    bool read_only = false;       // not a byte changes; what changes something then fails. Tables that are not known are not looked at
    rocksdb::Env* env = nullptr;  // not owned; nullptr: the disk
    // Called, if at all, before this returns: there was a store, and why it could not be used; it is deleted, and an empty one made.
    std::function<void(const std::string& why)> on_discarded = {};
  };
  // Makes what is not there, and anew what was found damaged when it was open before. FAILED_PRECONDITION: open elsewhere. UNAVAILABLE: the
  // disk is full. PERMISSION_DENIED. RESOURCE_EXHAUSTED: too many open files. The start failure DERIVED_DAMAGED: what can't be used can't be
  // deleted either. Only when read-only: NOT_FOUND, and DATA_LOSS: what is there can't be used.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const Options& options);
};

}  // namespace redpoints
