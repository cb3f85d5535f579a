#include "storage/shards.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rocksdb_store.h"
#include "storage/views.h"

namespace redpoints {

absl::StatusOr<std::unique_ptr<Shards>> Shards::Open(const std::vector<ShardConfig>& config, const Clock& clock,
                                                     const Ledger::Options& options) {
  auto shards = std::unique_ptr<Shards>(new Shards());
  for (std::size_t i = 0; i < config.size(); ++i) {
    if (config[i].programs.empty()) shards->default_shard_ = i;
    for (const auto& program : config[i].programs) shards->shard_of_[program] = i;
  }
  for (std::size_t i = 0; i < config.size(); ++i) {
    auto opened = shards->OpenShard(config[i].directory, clock, options);
    if (absl::IsUnavailable(opened)) {
      // A full disk: what was answered can still be asked, until there is room again and somebody restarts the server.
      if (options.on_event) options.on_event("storage_read_only", std::string(opened.message()));
      Ledger::Options read_only = options;
      read_only.is_read_only = true;
      opened = shards->OpenShard(config[i].directory, clock, read_only);
    }
    if (!opened.ok()) return opened;
    for (const auto& program : shards->ledgers_.back()->Programs()) {
      if (&shards->Of(program) != shards->ledgers_.back().get()) {
        return absl::FailedPreconditionError(absl::StrCat("program ", program, " lies in ", config[i].directory, ", not where the map says"));
      }
    }
  }
  return shards;
}

absl::Status Shards::OpenShard(const std::string& directory, const Clock& clock, const Ledger::Options& options) {
  auto store = RocksDbStore::Open({.directory = directory, .read_only = options.is_read_only});
  if (!store.ok()) return store.status();
  auto ledger = Ledger::Open(**store, clock, options);
  if (!ledger.ok()) return ledger.status();
  stores_.push_back(*std::move(store));
  ledgers_.push_back(*std::move(ledger));
  return absl::OkStatus();
}

Ledger& Shards::Of(const std::string& program) const {
  const auto it = shard_of_.find(program);
  const std::size_t shard = it == shard_of_.end() ? default_shard_ : it->second;
  return *ledgers_[std::min(shard, ledgers_.size() - 1)];
}

void Shards::FinishFounding() {
  const std::string system(kSystemProgram);
  const State* state = Of(system).FindState(system);
  if (!state) return;
  auto programs = ListRegistrations(*state, Of(system).store(), "program", "", 1'000'000);
  if (!programs.ok()) return;
  for (const auto& [id, registered] : *programs) {
    if (id == system || Of(id).EndSequence(id) > 0) continue;
    const auto& program = std::get<ProgramData>(registered.data);
    Submit(id, {.actor = program.administrator, .request_id = "", .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = ""},
           FoundProgram{program}, [](Outcome) {});
  }
}

}  // namespace redpoints
