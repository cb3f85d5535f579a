#include "storage/shards.h"

#include "absl/strings/str_cat.h"
#include "storage/head_mark.h"
#include "storage/log/rocksdb_log.h"
#include "storage/store/memory_store.h"
#include "storage/store/rocksdb_store.h"
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
    auto opened = shards->OpenShard(config[i], clock, options);
    if (absl::IsUnavailable(opened)) {
      // A full disk: what was answered can still be asked, until there is room again and somebody restarts the server.
      if (options.on_event) options.on_event("storage_read_only", std::string(opened.message()));
      Ledger::Options read_only = options;
      read_only.is_read_only = true;
      opened = shards->OpenShard(config[i], clock, read_only);
    }
    if (!opened.ok()) return opened;
  }
  // Only now: a program that moved to a later shard of the map would be founded there again.
  for (std::size_t i = 0; i < config.size(); ++i) {
    auto programs = shards->logs_[i]->Programs();
    if (!programs.ok()) return programs.status();
    for (const auto& program : *programs) {
      if (shards->ShardOf(program) == i) continue;
      return absl::FailedPreconditionError(absl::StrCat("program ", program, " lies in ", config[i].directory, ", not where the map says"));
    }
  }
  return shards;
}

absl::Status Shards::OpenShard(const ShardConfig& config, const Clock& clock, const Ledger::Options& options) {
  auto log = RocksDbLog::Open({.directory = config.directory + "/log", .env = config.env});
  if (!log.ok()) return log.status();
  // Before anything is written. Files in a file system of tests have no marks.
  Ledger::Options of_shard = options;
  if (!config.env) {
    of_shard.head_mark_file = HeadMarkFile(config.directory);
    of_shard.clock_doubt_file = ClockDoubtFile(config.directory);
    const auto marks = ReadHeadMarks(of_shard.head_mark_file);
    if (MayBeWhole(marks.status())) return marks.status();
    if (!marks.ok() && options.on_event) {
      options.on_event("head_mark", absl::StrCat(std::string(marks.status().message()), ": a log that was cut would not be noticed now"));
    }
    if (marks.ok()) {
      if (auto status = CompareHeadMarks(*marks, **log, of_shard.head_mark_file); !status.ok()) return status;
    }
  }
  const auto tell = [&](const std::string& why) {
    if (options.on_event) options.on_event("derived_rebuild", absl::StrCat(config.directory, ": ", why));
  };
  auto store = RocksDbStore::Open(
      {.directory = config.directory + "/derived", .read_only = options.is_read_only, .env = config.env, .on_discarded = tell});
  if (!store.ok() && options.is_read_only) {
    tell(std::string(store.status().message()));
    store = std::make_unique<MemoryStore>();
  }
  if (!store.ok()) return store.status();
  auto ledger = Ledger::Open(**log, **store, clock, of_shard);
  // Of a ledger that must not be written to rows are made again in memory.
  if (!ledger.ok() && options.is_read_only && !absl::IsResourceExhausted(ledger.status())) {
    tell(std::string(ledger.status().message()));
    store = std::make_unique<MemoryStore>();
    ledger = Ledger::Open(**log, **store, clock, of_shard);
  }
  if (!ledger.ok()) return ledger.status();
  logs_.push_back(*std::move(log));
  stores_.push_back(*std::move(store));
  ledgers_.push_back(*std::move(ledger));
  return absl::OkStatus();
}

std::int64_t Shards::damages() const {
  std::int64_t damages = 0;
  for (const auto& ledger : ledgers_) damages += ledger->damages();
  return damages;
}

std::size_t Shards::ShardOf(const std::string& program) const {
  const auto it = shard_of_.find(program);
  return it == shard_of_.end() ? default_shard_ : it->second;
}

void Shards::Found(const ProgramData& program, Origin origin, Ledger::Done done) {
  const std::string system(kSystemProgram);
  const State* recorder = Of(system).FindState(system);
  const std::int64_t epoch = recorder ? recorder->ReadPublished().at.epoch : 0;
  Submit(program.id, std::move(origin), FoundProgram{program, epoch}, std::move(done));
}

void Shards::FinishFounding(const std::string& side_key) {
  const std::string system(kSystemProgram);
  const State* state = Of(system).FindState(system);
  if (!state) return;
  auto programs = ListRegistrations(*state, Of(system).store(), "program", "", 1'000'000);
  if (!programs.ok()) return;
  for (const auto& [id, registered] : *programs) {
    const State* its_own = Of(id).FindState(id);
    if (id == system || (its_own && FindRegistration<ProgramData>(*its_own, "program", id))) continue;
    auto program = std::get<ProgramData>(registered.data);
    program.side_key = side_key;
    // Under the request that recorded it, as if nothing had come in between: a repetition of that finds what it made.
    const auto recorded = Of(system).JournalOf(system).Read(registered.sequence);
    if (!recorded.ok()) continue;  // the system program is set aside by now
    Origin origin;
    origin.actor = recorded->actor;
    origin.request_id = recorded->request_id;
    origin.fingerprint = recorded->fingerprint;
    Found(program, std::move(origin), [](Outcome) {});
  }
}

}  // namespace redpoints
