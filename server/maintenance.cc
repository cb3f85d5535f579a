#include "server/maintenance.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/side_state.h"
#include "server/start_failure.h"
#include "storage/backup.h"
#include "storage/check.h"
#include "storage/durable_file.h"
#include "storage/epoch.h"
#include "storage/head_mark.h"
#include "storage/identity/write_mark.h"
#include "storage/log/rocksdb_log.h"
#include "storage/recover.h"
#include "storage/start_failure.h"
#include "storage/store/rocksdb_store.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;

// Where a restored history goes on, in a shard's directory that nobody has open: everything that must follow its last entry is done here,
// before the head mark that says how far it went.
absl::Status OpenRestoredHistory(const std::string& directory) {
  auto log = RocksDbLog::Open({.directory = directory + "/log"});
  if (!log.ok()) return log.status();
  auto rows = RocksDbStore::Open({.directory = directory + "/derived"});
  if (!rows.ok()) return rows.status();
  const auto progress = [](const std::string& program, std::int64_t next, std::int64_t end) {
    std::fprintf(stderr, "restoring %s: %lld of %lld\n", program.c_str(), static_cast<long long>(next), static_cast<long long>(end));
  };
  if (auto status = OpenEpochs(
          **log, **rows, Clock::System(), [](const std::string&) { return EpochData{.why = "restore"}; }, progress);
      !status.ok())
    return status;
  return WriteHeadMarks(HeadMarkFile(directory), MarksOf(**log));
}

std::string ShardName(int shard) { return absl::StrCat("shard-", shard); }

// The ledger stands without them: a person gives each member a new number (runbook).
void PrintSide(const OpenedSide& side, const std::string& program, const Commitments& commitments, std::int64_t epoch) {
  const auto key = CompareSideKey(*side.keys, program, commitments.side_key);
  const auto differences = key.ok() ? CompareSide(*side.store, program, commitments, epoch) : key;
  if (!differences.ok()) {
    std::printf("  numbers not checked: %s\n", StartFailureText(differences.status()).c_str());
    return;
  }
  const auto print = [](const char* what, const std::vector<SideDifferences::Number>& numbers) {
    for (const auto& [member, sequence] : numbers) {
      std::printf("  number %s of member %s, entry %lld: redpoints member number %s --replace\n", what, member.c_str(),
                  static_cast<long long>(sequence), member.c_str());
    }
  };
  print("lost", differences->lost);
  print("replaced in a lost entry", differences->replaced);
  const auto& without = differences->without_entry;
  if (without.empty()) return;
  const auto numbers = std::count_if(without.begin(), without.end(), [](const auto& row) { return row.kind == SideKind::kNumber; });
  std::printf("  side state without an entry: %lld numbers, %lld deeds\n", static_cast<long long>(numbers),
              static_cast<long long>(without.size()) - static_cast<long long>(numbers));
  for (const auto& row : without) {
    if (!row.is_stray) continue;
    std::printf("    stays: %s of member %s, request %s of %s\n", row.kind == SideKind::kNumber ? "number" : "deed", row.row.member.c_str(),
                row.name.request_id.c_str(), row.name.actor.c_str());
  }
}

// Rows of a program that was founded after a backup that was restored.
absl::Status PrintSideWithoutLedger(const OpenedSide& side, const std::set<std::string>& programs) {
  const auto kept = side.store->Programs();
  if (!kept.ok()) return WithStartFailure(kept.status(), "SIDE_STORE_DAMAGED");
  for (const std::string& program : *kept) {
    if (programs.contains(program)) continue;
    std::printf("%s: not in these shards\n", program.c_str());
    PrintSide(side, program, {}, kNoLedger);
  }
  return absl::OkStatus();
}

// Whether something has that name, if only a link to nowhere.
bool IsTaken(const fs::path& path) {
  std::error_code error;
  const auto type = fs::symlink_status(path, error).type();
  return type != fs::file_type::not_found && type != fs::file_type::none;
}

// One directory of a backup and where it goes.
struct Place {
  fs::path from;
  fs::path target;
  bool is_shard = true;
  fs::path partial() const { return target.string() + ".partial"; }
};

// Whole and durable beside its target, only the name is missing.
absl::Status Prepare(const Place& place) {
  const fs::path partial = place.partial();
  std::error_code error;
  fs::remove_all(partial, error);
  if (!error) fs::create_directories(place.is_shard ? partial : partial.parent_path(), error);
  if (!error) fs::copy(place.from, place.is_shard ? partial / "log" : partial, fs::copy_options::recursive, error);
  if (error) return StartRefused("RESTORE_FAILED", FileProblem(place.target, error.value()));
  if (place.is_shard) {
    if (auto status = OpenRestoredHistory(partial.string()); !status.ok()) return status;
  }
  return SyncBelow(partial.string());
}

// The ledger does not need it: what is not there is said, what is damaged is a fault.
absl::Status CheckSide(const absl::StatusOr<OpenedSide>& side) {
  const std::string id = StartFailureId(side.status());
  if (id == "SIDE_STORE_DAMAGED" || id == "SIDE_STORE_CUT") return side.status();
  if (!side.ok()) {
    std::printf("side state not checked, members' numbers neither: %s\n", StartFailureText(side.status()).c_str());
    return absl::OkStatus();
  }
  if (!side->store->was_marked()) {
    std::printf("side store: its mark %s is gone, torn or empty: whether what was written last is there can't be told\n",
                WriteMarkFile(side->store->directory()).c_str());
  }
  const auto report = side->store->Check();
  if (!report.ok()) return WithStartFailure(report.status(), "SIDE_STORE_DAMAGED");
  std::printf("side state: %lld numbers, %lld deeds\n", static_cast<long long>(report->numbers), static_cast<long long>(report->deeds));
  if (report->faults == 0) return absl::OkStatus();
  return StartRefused("SIDE_STORE_DAMAGED", absl::StrCat(report->faults, " faults, the first: ", report->first_faults.front()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<redpoints::Log>> OpenStoppedLog(const std::string& directory) {
  auto log = RocksDbLog::Open({.directory = directory + "/log"});
  if (!log.ok()) return AsStartFailure(log.status(), LedgerFailure(log.status()));
  if (const auto marks = ReadHeadMarks(HeadMarkFile(directory)); MayBeWhole(marks.status())) {
    return WithStartFailure(marks.status(), LedgerFailure(marks.status()));
  } else if (!marks.ok()) {
    std::fprintf(stderr, "head mark not compared: %s\n", std::string(marks.status().message()).c_str());
  } else if (auto status = CompareHeadMarks(*marks, **log, HeadMarkFile(directory)); !status.ok()) {
    return AsStartFailure(status, "LEDGER_REFUSED");
  }
  return log;
}

absl::Status CheckShards(const Config& config, const std::string& wanted) {
  const auto side = OpenSide(config.side_state(), /*read_only=*/true);
  bool is_any = false;
  absl::Status damaged_rows;
  std::set<std::string> present;
  for (const auto& shard : config.shard()) {
    auto log = OpenStoppedLog(shard.directory());
    if (!log.ok()) return log.status();
    // Not to be had: said, and no fault of the ledger. The next start makes them again.
    auto store = RocksDbStore::Open({.directory = shard.directory() + "/derived", .read_only = true});
    if (absl::IsResourceExhausted(store.status()) || absl::IsPermissionDenied(store.status())) {
      return AsStartFailure(store.status(), LedgerFailure(store.status()));
    }
    if (!store.ok())
      std::printf("derived rows not compared, the next start makes them again: %s\n", std::string(store.status().message()).c_str());
    auto programs = (*log)->Programs();
    if (!programs.ok()) return AsStartFailure(programs.status(), "LEDGER_REFUSED");
    present.insert(programs->begin(), programs->end());
    for (const auto& program : *programs) {
      if (!wanted.empty() && program != wanted) continue;
      is_any = true;
      const bool is_terminal = isatty(STDERR_FILENO) == 1;  // a log or a script is not to be filled with progress
      const auto progress = [&](std::int64_t done, std::int64_t end) {
        if (!is_terminal) return;
        std::fprintf(stderr, "\rchecking %s: %lld of %lld", program.c_str(), static_cast<long long>(done), static_cast<long long>(end));
      };
      auto report = CheckProgram(**log, store.ok() ? store->get() : nullptr, program, progress);
      absl::Status of_rows;
      if (StartFailureId(report.status()) == "DERIVED_DAMAGED") {
        of_rows = report.status();
        report = CheckProgram(**log, nullptr, program, progress);
      }
      if (is_terminal) std::fprintf(stderr, "\n");
      if (!report.ok()) {
        const std::string what = absl::StrCat(shard.directory(), ": ", program, ": ", std::string(report.status().message()));
        const bool is_difference = absl::IsDataLoss(report.status());
        return WithStartFailure(absl::Status(report.status().code(), what),
                                is_difference ? "LEDGER_DIFFERS" : LedgerFailure(report.status()));
      }
      const bool is_compared = store.ok() && of_rows.ok() && report->unusable_rows.empty();
      std::printf("%s: %lld entries", program.c_str(), static_cast<long long>(report->entries));
      if (is_compared) std::printf(", %lld derived rows agree", static_cast<long long>(report->derived_rows));
      std::printf("\n");
      if (!report->unusable_rows.empty())
        std::printf("  derived rows not compared, the next start makes them again: %s\n", report->unusable_rows.c_str());
      if (!of_rows.ok()) {
        std::printf("  derived rows do not agree: %s\n", std::string(of_rows.message()).c_str());
        const std::string what = absl::StrCat(shard.directory(), "/derived: ", program, ": ", std::string(of_rows.message()));
        damaged_rows.Update(WithStartFailure(absl::Status(of_rows.code(), what), "DERIVED_DAMAGED"));
      }
      for (const auto& [kind, count] : report->kinds) std::printf("  %-16s %lld\n", kind.c_str(), static_cast<long long>(count));
      for (const auto& [unit, sum] : report->sums) std::printf("  sum of %-9s %lld\n", unit.c_str(), static_cast<long long>(sum));
      if (side.ok()) PrintSide(*side, program, report->commitments, report->commitments.epoch);
    }
  }
  if (!is_any) return StartRefused("PROGRAM_ABSENT", wanted.empty() ? "no program in these shards" : absl::StrCat("no program ", wanted));
  if (side.ok() && wanted.empty()) {
    if (auto status = PrintSideWithoutLedger(*side, present); !status.ok()) return status;
  }
  if (auto status = CheckSide(side); !status.ok()) return status;
  return damaged_rows;
}

absl::Status BackupShards(const Config& config, const std::string& directory) {
  if (IsTaken(WithoutSlash(directory))) {
    std::error_code error;
    const bool is_whole = fs::exists(directory + "/SHA256SUMS", error);
    return StartRefused("BACKUP_TAKEN",
                        is_whole ? directory : absl::StrCat(directory, ", without SHA256SUMS: no backup, or one cut short"));
  }
  std::vector<std::unique_ptr<redpoints::Log>> logs;
  for (const auto& shard : config.shard()) {
    auto log = OpenStoppedLog(shard.directory());
    if (!log.ok()) return log.status();
    logs.push_back(*std::move(log));
  }
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return StartRefused("DIRECTORY_UNWRITABLE", FileProblem(directory, error.value()));
  for (std::size_t i = 0; i < logs.size(); ++i) {
    if (const auto status = logs[i]->Backup(directory + "/" + ShardName(static_cast<int>(i))); !status.ok())
      return AsStartFailure(status, absl::IsDataLoss(status) ? "LEDGER_REFUSED" : "DIRECTORY_UNWRITABLE");
  }
  // After the logs: a row that an entry commits to is then in the copy, or was never there. Only read, as the logs are: what root writes
  // there would keep the service out.
  auto side = OpenSide(config.side_state(), /*read_only=*/true);
  if (!side.ok()) return side.status();
  if (const auto status = side->store->Backup(directory + "/side"); !status.ok())
    return AsStartFailure(status, absl::IsDataLoss(status) ? "SIDE_STORE_DAMAGED" : "DIRECTORY_UNWRITABLE");
  if (auto status = WriteSums(directory); !status.ok()) return AsStartFailure(std::move(status), "DIRECTORY_UNWRITABLE");
  std::printf("%s\n", directory.c_str());
  return absl::OkStatus();
}

absl::Status RestoreShards(const Config& config, const std::string& directory) {
  if (auto status = VerifySums(directory); !status.ok()) {
    const bool is_damaged = absl::IsDataLoss(status) || absl::IsNotFound(status);
    return WithStartFailure(absl::Status(status.code(), absl::StrCat(directory, ": ", std::string(status.message()))),
                            is_damaged ? "BACKUP_DAMAGED" : "RESTORE_FAILED");
  }
  const fs::path backup = directory;
  std::vector<Place> places;
  for (int i = 0; i < config.shard_size(); ++i) {
    places.push_back({.from = backup / ShardName(i), .target = WithoutSlash(config.shard(i).directory())});
    if (IsTaken(places.back().target)) return StartRefused("RESTORE_TARGET_TAKEN", places.back().target.string());
    if (!IsTaken(places.back().from)) {
      return StartRefused("BACKUP_OF_OTHER_SHARDS",
                          absl::StrCat("no ", ShardName(i), " in ", directory, "; the configuration has ", config.shard_size(), " shards"));
    }
  }
  if (IsTaken(backup / ShardName(config.shard_size()))) {
    return StartRefused("BACKUP_OF_OTHER_SHARDS", absl::StrCat(ShardName(config.shard_size()), " in ", directory,
                                                               ", but the configuration has ", config.shard_size(), " shards only"));
  }
  if (!IsTaken(backup / "side")) return StartRefused("BACKUP_DAMAGED", absl::StrCat(directory, ": no side in it"));
  // A side store that is there is newer, and has lost what was erased since: it stays.
  const fs::path side = WithoutSlash(config.side_state().directory());
  if (IsTaken(side)) {
    std::printf("%s is there and stays: numbers that only the backup has lead to nobody\n", side.c_str());
  } else {
    places.push_back({.from = backup / "side", .target = side, .is_shard = false});
  }
  absl::Status status;
  for (auto place = places.begin(); status.ok() && place != places.end(); ++place) status = Prepare(*place);
  // The first shard comes last: without it nothing opens, so a server finds all of them or none.
  for (auto place = places.rbegin(); status.ok() && place != places.rend(); ++place)
    status = RenameDurably(place->partial().string(), place->target.string());
  if (!status.ok()) {
    // They may be what filled the disk. A target that has its name stays: the next restore says to move it away.
    std::error_code ignored;
    for (const Place& place : places) fs::remove_all(place.partial(), ignored);
    return AsStartFailure(std::move(status), "RESTORE_FAILED");
  }
  return CheckShards(config, "");
}

absl::Status RecoverShard(const std::string& from, const std::string& to, const std::vector<std::string>& blobs) {
  const auto progress = [](const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); };
  auto recovered = Recover(from, to, Clock::System(), progress, blobs);
  if (absl::IsAlreadyExists(recovered.status())) return StartRefused("RECOVER_TARGET_TAKEN", to);
  if (!recovered.ok()) return AsStartFailure(recovered.status(), "RECOVER_FAILED");
  std::printf("%s: read %s\n", to.c_str(), recovered->means.c_str());
  if (!recovered->unreadable.empty()) std::printf("the disk does not give %s: replace it\n", recovered->unreadable.c_str());
  for (const std::string& blob : recovered->supplied) std::printf("blob of %s\n", blob.c_str());
  for (const auto& program : recovered->programs) {
    std::printf("%s: %lld entries stand", program.id.c_str(), static_cast<long long>(program.end));
    program.lost < 0 ? std::printf("; whether more are lost is not known")
                     : std::printf(", at least %lld lost", static_cast<long long>(program.lost));
    std::printf("%s%s\n", program.why.empty() ? "" : ": ", program.why.c_str());
    if (program.apart > 0)
      std::printf("  %lld readable entries behind: %s/%s\n", static_cast<long long>(program.apart), to.c_str(), program.file.c_str());
  }
  std::printf(
      "the side store is not touched: leave it where side_state.directory says. Numbers of members whose entry is lost lead to nobody\n");
  const bool stands =
      std::any_of(recovered->programs.begin(), recovered->programs.end(), [](const RecoveredProgram& program) { return program.end > 0; });
  if (stands) return absl::OkStatus();
  return WithStartFailure(absl::DataLossError(absl::StrCat("no entry stands; ", to, " holds what is readable, for staff alone")),
                          "RECOVER_FAILED");
}

}  // namespace redpoints::server
