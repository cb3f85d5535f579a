#include "server/side_state.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/start_failure.h"
#include "storage/shards.h"
#include "storage/start_failure.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;

// A file that is not there, and one that can't be used: two rows each.
absl::Status Refused(const absl::Status& status, const char* missing, const char* unusable, const char* damaged) {
  const char* const id = absl::IsNotFound(status) ? missing : absl::IsDataLoss(status) ? damaged : unusable;
  return WithStartFailure(absl::Status(status.code(), status.message()), id);
}

// Whether the entry that was to commit to the row is there.
SideStore::Fate FateOf(const Ledger& ledger, const std::string& program, SideKind kind, const SideName& name, const SideRow& row) {
  using Fate = SideStore::Fate;
  const Outcome outcome = ledger.FindOutcome(program, name.actor, name.request_id);
  if (outcome.refusal) return outcome.refusal->reason == Reason::REQUEST_NOT_FOUND ? Fate::kNeverComes : Fate::kOpen;
  const bool is_there = std::any_of(outcome.entries.begin(), outcome.entries.end(), [&](const auto& entry) {
    if (kind == SideKind::kDeed) return entry->note_commitment == row.commitment;
    const auto* member = std::get_if<MemberData>(&entry->data);
    return member && member->number_commitment == row.commitment;
  });
  return is_there ? Fate::kCommitted : Fate::kNeverComes;
}

}  // namespace

absl::StatusOr<OpenedSide> OpenSide(const SideState& config, bool read_only) {
  OpenedSide side;
  auto keys = KeyFile::Read(config.key_file());
  if (!keys.ok()) return Refused(keys.status(), "KEY_FILE_MISSING", "KEY_FILE_UNUSABLE", "KEY_FILE_UNUSABLE");
  side.keys = std::make_unique<const KeyFile>(*std::move(keys));
  auto store = SideStore::Open({.directory = config.directory(), .read_only = read_only}, *side.keys);
  if (!store.ok()) return Refused(store.status(), "SIDE_STORE_MISSING", "SIDE_STORE_REFUSED", "SIDE_STORE_DAMAGED");
  side.store = *std::move(store);
  return side;
}

absl::Status MakeSide(const SideState& config) {
  for (const std::string& path : {config.key_file(), config.directory()}) {
    if (fs::exists(path)) return StartRefused("DIRECTORY_TAKEN", path);
  }
  if (auto status = KeyFile::Create(config.key_file()); !status.ok()) return WithStartFailure(status, "DIRECTORY_UNWRITABLE");
  auto keys = KeyFile::Read(config.key_file());
  if (!keys.ok()) return WithStartFailure(keys.status(), "DIRECTORY_UNWRITABLE");
  auto store = SideStore::Open({.directory = config.directory(), .create_if_missing = true}, *keys);
  return store.ok() ? absl::OkStatus() : WithStartFailure(store.status(), "DIRECTORY_UNWRITABLE");
}

absl::Status ClearSide(SideStore& store, const Shards& shards) {
  for (const auto& ledger : shards.ledgers()) {
    for (const std::string& program : ledger->Programs()) {
      if (ledger->IsSetAside(program)) continue;
      auto cleared = store.Clear(
          program, [&](SideKind kind, const SideName& name, const SideRow& row) { return FateOf(*ledger, program, kind, name, row); });
      if (!cleared.ok()) return cleared.status();
      if (!cleared->damaged.empty()) return absl::DataLossError(cleared->damaged.front());
    }
  }
  return absl::OkStatus();
}

}  // namespace redpoints::server
