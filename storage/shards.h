// All shards of a server: opens their stores and ledgers, and knows which program lives where. Thread-safe after Open.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/ledger.h"

namespace rocksdb {
class Env;
}

namespace redpoints {

class Shards {
 public:
  struct ShardConfig {
    std::string directory;              // its log in directory/log, its derived rows in directory/derived
    std::vector<std::string> programs;  // empty: all that no other shard names. Exactly one shard is empty
    rocksdb::Env* env = nullptr;        // as RocksDbLog::Options has it
  };
  // A shard whose disk is full is opened for reading only. FAILED_PRECONDITION when a program's journal lies in a shard that the map does
  // not give it.
  static absl::StatusOr<std::unique_ptr<Shards>> Open(const std::vector<ShardConfig>& config, const Clock& clock,
                                                      const Ledger::Options& options);

  // The shard of a program, whether the program exists or not.
  Ledger& Of(const std::string& program) const { return *ledgers_[ShardOf(program)]; }
  const std::vector<std::unique_ptr<Ledger>>& ledgers() const { return ledgers_; }
  // Of all ledgers, see Ledger::damages.
  std::int64_t damages() const;

  void Submit(const std::string& program, Origin origin, Command command, Ledger::Done done,
              Ledger::Deadline deadline = Ledger::Deadline::max()) {
    Of(program).Submit(program, std::move(origin), std::move(command), std::move(done), deadline);
  }

  // Writes the first entries of a program that the system program has recorded, in that one's epoch.
  void Found(const ProgramData& program, Origin origin, Ledger::Done done);
  // Founds, with this side key, what the system program has recorded and a crash kept from being founded, or a recovery left nothing of.
  // Call once after Open; returns at once.
  void FinishFounding(const std::string& side_key);

 private:
  Shards() = default;
  std::size_t ShardOf(const std::string& program) const;
  // UNAVAILABLE: the disk is full.
  absl::Status OpenShard(const ShardConfig& config, const Clock& clock, const Ledger::Options& options);

  std::vector<std::unique_ptr<Log>> logs_;  // these two outlive the ledgers
  std::vector<std::unique_ptr<Store>> stores_;
  std::vector<std::unique_ptr<Ledger>> ledgers_;
  std::map<std::string, std::size_t> shard_of_;
  std::size_t default_shard_ = 0;
};

}  // namespace redpoints
