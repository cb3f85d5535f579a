#include "server/side_state.h"

#include <filesystem>
#include <set>
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
  if (absl::IsResourceExhausted(status)) unusable = "DESCRIPTORS_TOO_FEW";
  const char* const id = absl::IsNotFound(status) ? missing : absl::IsDataLoss(status) ? damaged : unusable;
  return WithStartFailure(absl::Status(status.code(), status.message()), id);
}

// What became of the entries that were to commit to rows. Rows come request by request, and one request may have thousands.
class Fates {
 public:
  using Fate = SideStore::Fate;
  Fates(const Ledger& ledger, std::string program) : ledger_(ledger), program_(std::move(program)) {}

  Fate Of(const SideName& name, const SideRow& row) {
    if (name.actor != actor_ || name.request_id != request_id_) Ask(name.actor, name.request_id);
    return commitments_.contains(row.commitment) ? Fate::kCommitted : otherwise_;
  }

 private:
  void Ask(const std::string& actor, const std::string& request_id) {
    actor_ = actor;
    request_id_ = request_id;
    commitments_.clear();
    const Outcome outcome = ledger_.FindOutcome(program_, actor, request_id);
    otherwise_ = outcome.refusal && outcome.refusal->reason != Reason::REQUEST_NOT_FOUND ? Fate::kOpen : Fate::kNeverComes;
    for (const auto& entry : outcome.entries) {
      commitments_.insert(entry->note_commitment);
      if (const auto* member = std::get_if<MemberData>(&entry->data)) commitments_.insert(member->number_commitment);
    }
  }

  const Ledger& ledger_;
  const std::string program_;
  std::string actor_, request_id_;
  std::set<std::string> commitments_;
  Fate otherwise_ = Fate::kOpen;
};

}  // namespace

absl::StatusOr<OpenedSide> OpenSide(const SideState& config, bool read_only, std::function<void(const std::string& why)> on_failed) {
  OpenedSide side;
  auto keys = KeyFile::Read(config.key_file());
  if (!keys.ok()) return Refused(keys.status(), "KEY_FILE_MISSING", "KEY_FILE_UNUSABLE", "KEY_FILE_UNUSABLE");
  side.keys = std::make_unique<const KeyFile>(*std::move(keys));
  auto store = SideStore::Open({.directory = config.directory(), .read_only = read_only, .on_failed = std::move(on_failed)}, *side.keys);
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
      Fates fates(*ledger, program);
      auto cleared = store.Clear(program, [&](SideKind, const SideName& name, const SideRow& row) { return fates.Of(name, row); });
      if (!cleared.ok()) return cleared.status();
      if (!cleared->damaged.empty()) return absl::DataLossError(cleared->damaged.front());
    }
  }
  return absl::OkStatus();
}

}  // namespace redpoints::server
