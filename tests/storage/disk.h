// Log and store of one shard in a directory, as Shards opens them.
#pragma once

#include <memory>
#include <string>

#include "storage/log/rocksdb_log.h"
#include "storage/store/rocksdb_store.h"

namespace redpoints {

struct Disk {
  std::unique_ptr<Log> log;
  std::unique_ptr<Store> store;

  // What is there, or an empty ledger. `discarded` says why derived rows were thrown away, if they were.
  absl::Status Open(const std::string& directory, rocksdb::Env* env = nullptr) {
    Close();
    auto opened = RocksDbLog::Open({.directory = directory + "/log", .env = env});
    if (absl::IsNotFound(opened.status())) opened = RocksDbLog::Create({.directory = directory + "/log", .env = env});
    if (!opened.ok()) return opened.status();
    auto rows = RocksDbStore::Open(
        {.directory = directory + "/derived", .env = env, .on_discarded = [this](const std::string& why) { discarded = why; }});
    if (!rows.ok()) return rows.status();
    log = *std::move(opened);
    store = *std::move(rows);
    return absl::OkStatus();
  }
  void Close() {
    log.reset();
    store.reset();
    discarded.clear();
  }
  std::string discarded;
};

}  // namespace redpoints
