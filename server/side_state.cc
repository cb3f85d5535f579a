#include "server/side_state.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/start_failure.h"
#include "storage/durable_file.h"
#include "storage/shards.h"
#include "storage/start_failure.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;

// A file that is not there, and one that can't be used: two rows each.
absl::Status Refused(const absl::Status& status, const char* missing, const char* unusable, const char* damaged) {
  if (!StartFailureId(status).empty()) return status;
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

absl::StatusOr<Asides> FindAsides(const std::string& directory) {
  const fs::path first = WithoutSlash(directory) + ".aside", parent = first.has_parent_path() ? first.parent_path() : ".";
  Asides asides;
  std::error_code error;
  for (fs::directory_iterator file(parent, error), end; !error && file != end; file.increment(error)) {
    const std::string name = file->path().filename(), prefix = first.filename();
    const std::string number = name == prefix ? "1" : name.starts_with(prefix + '-') ? name.substr(prefix.size() + 1) : "";
    std::uint64_t n = 0;
    const bool is_number = number.find_first_not_of("0123456789") == number.npos && absl::SimpleAtoi(number, &n);
    if (is_number) asides.emplace(n, (first.parent_path() / name).string());
  }
  if (!error || error == std::errc::no_such_file_or_directory) return asides;
  const bool is_few = error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system;
  return StartRefused(is_few ? "DESCRIPTORS_TOO_FEW" : "SIDE_STORE_REFUSED", FileProblem(parent, error.value()));
}

std::string NextAside(const std::string& directory, const Asides& asides) {
  return absl::StrCat(WithoutSlash(directory), ".aside", asides.empty() ? "" : absl::StrCat("-", asides.rbegin()->first + 1));
}

absl::StatusOr<std::string> AsideThatOpens(const std::string& directory, const KeyFile& keys) {
  const auto asides = FindAsides(directory);
  if (!asides.ok()) return asides.status();
  absl::Status unknown;
  for (const auto& [n, path] : *asides) {
    std::error_code error;
    if (fs::is_directory(path, error) && fs::is_empty(path, error)) continue;
    const auto store = SideStore::Open({.directory = path, .read_only = true}, keys);
    if (store.ok()) return path;
    const auto refused = Refused(store.status(), "REKEY_FAILED", "SIDE_STORE_REFUSED", "SIDE_STORE_DAMAGED");
    const std::string id = StartFailureId(refused);
    if (id == "SIDE_STORE_FOREIGN") continue;
    unknown.Update(StartRefused(id, absl::StrCat(path, " may be this key's, but does not open: ", std::string(refused.message()),
                                                 "; if it is not, give it another name")));
  }
  if (!unknown.ok()) return unknown;
  return "";
}

absl::StatusOr<std::unique_ptr<SideStore>> OpenSideStore(const std::string& directory, const KeyFile& keys, bool read_only,
                                                         std::function<void(const std::string& why)> on_failed) {
  auto store = SideStore::Open({.directory = directory, .read_only = read_only, .on_failed = std::move(on_failed)}, keys);
  if (store.ok()) return store;
  auto refused = Refused(store.status(), "SIDE_STORE_MISSING", "SIDE_STORE_REFUSED", "SIDE_STORE_DAMAGED");
  const std::string id = StartFailureId(refused);
  if (id != "SIDE_STORE_MISSING" && id != "SIDE_STORE_FOREIGN") return refused;
  const auto aside = AsideThatOpens(directory, keys);
  if (aside.ok() && aside->empty()) return refused;
  std::error_code error;
  // Into a directory that is there, if only an empty one, `mv` would move it.
  const std::string there =
      fs::exists(directory, error) ? absl::StrCat("move ", directory, " away first, then this one there") : "move it there";
  const std::string words = aside.ok() ? absl::StrCat(*aside, " opens with this key: ", there) : std::string(aside.status().message());
  return WithStartFailure(absl::Status(refused.code(), absl::StrCat(std::string(refused.message()), "; ", words)), id);
}

absl::StatusOr<OpenedSide> OpenSide(const SideState& config, bool read_only, std::function<void(const std::string& why)> on_failed) {
  OpenedSide side;
  auto keys = KeyFile::Read(config.key_file());
  if (!keys.ok()) return Refused(keys.status(), "KEY_FILE_MISSING", "KEY_FILE_UNUSABLE", "KEY_FILE_UNUSABLE");
  side.keys = std::make_unique<const KeyFile>(*std::move(keys));
  auto store = OpenSideStore(config.directory(), *side.keys, read_only, std::move(on_failed));
  if (!store.ok()) return store.status();
  side.store = *std::move(store);
  return side;
}

absl::Status CompareSideKey(const KeyFile& keys, const std::string& program, const std::string& side_key) {
  if (side_key.empty() || side_key == SideKeyId(keys)) return absl::OkStatus();
  return StartRefused("KEY_FILE_FOREIGN", absl::StrCat(program, " keeps its side state under key ", side_key, ", and ", keys.path(),
                                                       " holds key ", SideKeyId(keys)));
}

absl::Status CompareSideKey(const KeyFile& keys, const Shards& shards) {
  for (const auto& ledger : shards.ledgers()) {
    for (const std::string& id : ledger->Programs()) {
      const State* state = ledger->IsSetAside(id) ? nullptr : ledger->FindState(id);
      const auto program = state ? FindRegistration<ProgramData>(*state, "program", id) : std::nullopt;
      if (!program) continue;
      if (auto status = CompareSideKey(keys, id, program->side_key); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
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

void LostNumbers::Add(const std::string& program, const SideRow& number) {
  std::uint64_t& newest = newest_[{program, number.member}];
  newest = std::max(newest, number.order);
}

bool LostNumbers::HaveReplaced(const std::string& program, const SideRow& number) const {
  if (newest_.empty()) return false;
  const auto lost = newest_.find({program, number.member});
  return lost != newest_.end() && number.order < lost->second;
}

absl::StatusOr<Strays> ClearSide(SideStore& store, const Shards& shards) {
  Strays strays;
  const auto clear = [&](const std::string& program, std::int64_t epoch, const SideStore::FateOf& fate) -> absl::Status {
    std::vector<SideStore::RowWithoutEntry> stray;
    if (auto cleared = store.Clear(program, epoch, fate); cleared.ok()) {
      stray = std::move(cleared->stray);
      if (!cleared->damaged.empty()) strays.damage.Update(absl::DataLossError(cleared->damaged.front()));
    } else {
      auto without = store.WithoutEntry(program, epoch, fate);
      if (!without.ok()) return without.status();
      std::copy_if(without->begin(), without->end(), std::back_inserter(stray), [](const auto& row) { return row.is_stray; });
      strays.damage.Update(cleared.status());
    }
    strays.rows += static_cast<std::int64_t>(stray.size());
    for (const auto& found : stray) {
      if (found.kind == SideKind::kNumber) strays.numbers.Add(program, found.row);
    }
    return absl::OkStatus();
  };
  auto kept = store.Programs();
  if (!kept.ok()) return kept.status();
  std::set<std::string> without_ledger(kept->begin(), kept->end());
  for (const auto& ledger : shards.ledgers()) {
    // One that is set aside may have no entry that can be read: it has a journal all the same.
    const auto journals = ledger->log().Programs();
    if (!journals.ok()) return journals.status();
    for (const std::string& program : *journals) without_ledger.erase(program);
    for (const std::string& program : ledger->Programs()) {
      const State* state = ledger->FindState(program);
      if (ledger->IsSetAside(program) || !state) continue;
      Fates fates(*ledger, program);
      const auto fate = [&](SideKind, const SideName& name, const SideRow& row) { return fates.Of(name, row); };
      if (auto status = clear(program, state->ReadPublished().at.epoch, fate); !status.ok()) return status;
    }
  }
  // Of a program that was founded after the backup. One that is founded under its name has rows of its own.
  for (const std::string& program : without_ledger) {
    const auto fate = [](SideKind, const SideName&, const SideRow&) { return SideStore::Fate::kNeverComes; };
    if (auto status = clear(program, kNoLedger, fate); !status.ok()) return status;
  }
  return strays;
}

absl::StatusOr<SideDifferences> CompareSide(const SideStore& store, const std::string& program, const Commitments& commitments,
                                            std::int64_t epoch) {
  SideDifferences differences;
  const auto fate = [&](SideKind, const SideName&, const SideRow& row) {
    return commitments.all.contains(row.commitment) ? SideStore::Fate::kCommitted : SideStore::Fate::kNeverComes;
  };
  auto without = store.WithoutEntry(program, epoch, fate);
  if (!without.ok()) return without.status();
  differences.without_entry = *std::move(without);
  LostNumbers lost;
  for (const auto& found : differences.without_entry) {
    if (found.is_stray && found.kind == SideKind::kNumber) lost.Add(program, found.row);
  }
  for (const auto& [member, number] : commitments.numbers) {
    auto row = store.Committed(program, SideKind::kNumber, member, number.commitment);
    if (!row.ok()) return row.status();
    if (!*row) differences.lost.push_back({.member = member, .sequence = number.sequence});
    if (*row && lost.HaveReplaced(program, **row)) differences.replaced.push_back({.member = member, .sequence = number.sequence});
  }
  return differences;
}

}  // namespace redpoints::server
