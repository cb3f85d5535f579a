#include "server/rekey.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/maintenance.h"
#include "server/side_state.h"
#include "server/start_failure.h"
#include "storage/check.h"
#include "storage/durable_file.h"
#include "storage/head_mark.h"
#include "storage/identity/cipher.h"
#include "storage/identity/write_mark.h"
#include "storage/offline.h"
#include "storage/start_failure.h"
#include "storage/store/rocksdb_store.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;

// Whether something has that name. What can't be looked at is there: reading it says what is wrong.
bool IsThere(const std::string& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

// Puts the programs of a shard under the key of `keys`; of one that is there already nothing is said.
class Shard {
 public:
  Shard(std::string directory, const KeyFile& keys, const Clock& clock) : directory_(std::move(directory)), keys_(keys), clock_(clock) {}

  // How many there are to be put under it; not a byte changes. `foreign` is told of the first that is known to be under another.
  absl::StatusOr<int> Look(absl::Status& foreign) const {
    const auto log = Open();
    if (!log.ok()) return log.status();
    const auto rows = RocksDbStore::Open({.directory = directory_ + "/derived", .read_only = true});
    const bool are_made_again = absl::IsNotFound(rows.status()) || absl::IsDataLoss(rows.status());
    if (!rows.ok() && !are_made_again) return rows.status();
    const auto command = [&](const State& state, std::int64_t now_ms) {
      if (const auto program = FindRegistration<ProgramData>(state, "program", state.program)) {
        foreign.Update(CompareSideKey(keys_, program->id, program->side_key));
      }
      return Command(state, now_ms);
    };
    return LookAtEach(*log->log, rows.ok() ? rows->get() : nullptr, clock_, log->programs, command, Progress);
  }

  absl::StatusOr<int> Write() const {
    const auto log = Open();
    if (!log.ok()) return log.status();
    const auto rows = RocksDbStore::Open({.directory = directory_ + "/derived"});
    if (!rows.ok()) return rows.status();
    const auto command = [&](const State& state, std::int64_t now_ms) { return Command(state, now_ms); };
    const auto written = AppendToEach(*log->log, **rows, clock_, log->programs, command, Progress);
    if (!written.ok()) return written;
    if (auto status = WriteHeadMarks(HeadMarkFile(directory_), MarksOf(*log->log)); !status.ok()) return status;
    return written;
  }

 private:
  struct OpenLog {
    std::unique_ptr<redpoints::Log> log;
    std::set<std::string> programs;
  };
  absl::StatusOr<OpenLog> Open() const {
    auto log = OpenStoppedLog(directory_);
    if (!log.ok()) return log.status();
    const auto programs = (*log)->Programs();
    if (!programs.ok()) return programs.status();
    return OpenLog{*std::move(log), {programs->begin(), programs->end()}};
  }
  std::optional<redpoints::Command> Command(const State& state, std::int64_t) const {
    auto program = FindRegistration<ProgramData>(state, "program", state.program);
    if (!program || program->side_key == SideKeyId(keys_)) return std::nullopt;
    program->side_key = SideKeyId(keys_);
    return Register{.items = {*std::move(program)}, .is_new = false, .rulebook_json = ""};
  }
  static void Progress(const std::string& program, std::int64_t next, std::int64_t end) {
    std::fprintf(stderr, "reading %s: %lld of %lld\n", program.c_str(), static_cast<long long>(next), static_cast<long long>(end));
  }

  const std::string directory_;
  const KeyFile& keys_;
  const Clock& clock_;
};

// Whole under its name, or not there.
absl::Status MakeStore(const std::string& directory, const KeyFile& keys) {
  const std::string partial = WithoutSlash(directory) + ".rekey";  // not .partial: what `restore` left unfinished may be somebody's
  std::error_code error;
  fs::remove_all(partial, error);
  if (error) return absl::UnavailableError(FileProblem(partial, error.value()));
  if (auto store = SideStore::Open({.directory = partial, .create_if_missing = true}, keys); !store.ok()) return store.status();
  if (auto status = SyncBelow(partial); !status.ok()) return status;
  return RenameDurably(partial, WithoutSlash(directory));
}

struct Plan {
  bool makes_key = false;
  std::string moves_to = "";  // where the store that is there is moved; empty: it stays
  bool makes_store = false;
  int programs = 0;            // that are under another key
  bool keeps_rows = false;     // the store has some about members of this ledger
  bool keeps_numbers = false;  // one that a member has now is among them
  bool is_nothing() const { return !makes_key && !makes_store && programs == 0; }
};

// What of the ledger is in the store. Whoever takes another server's key and store would have the next start clear away what that server
// has not cleared yet: so a journal has to name the key, or a row be about a member, whose id was drawn at random. A store that is made for
// a new key is empty.
absl::Status FindOwn(const Config& config, const KeyFile& keys, const SideStore& store, Plan& plan) {
  const std::string key = SideKeyId(keys);
  bool is_named = false;
  for (const auto& shard : config.shard()) {
    const auto log = OpenStoppedLog(shard.directory());
    if (!log.ok()) return log.status();
    const auto programs = (*log)->Programs();
    if (!programs.ok()) return AsStartFailure(programs.status(), "LEDGER_REFUSED");
    for (const std::string& program : *programs) {
      const auto commitments = ReadCommitments(**log, program);
      if (!commitments.ok()) return AsStartFailure(commitments.status(), "LEDGER_REFUSED");
      if (commitments->side_keys.contains(key)) is_named = true;
      for (const auto& [member, number] : commitments->numbers) {
        const auto has_rows = store.HasRowsOf(program, member);
        if (!has_rows.ok()) return AsStartFailure(has_rows.status(), "SIDE_STORE_DAMAGED");
        if (!*has_rows) continue;
        plan.keeps_rows = true;
        const auto row = store.Committed(program, SideKind::kNumber, member, number.commitment);
        if (!row.ok()) return AsStartFailure(row.status(), "SIDE_STORE_DAMAGED");
        if (!*row) continue;
        plan.keeps_numbers = true;
        return absl::OkStatus();
      }
    }
  }
  if (is_named || plan.keeps_rows) return absl::OkStatus();
  const auto programs = store.Programs();
  if (!programs.ok()) return AsStartFailure(programs.status(), "SIDE_STORE_DAMAGED");
  if (programs->empty() && plan.makes_key) return absl::OkStatus();
  const std::string unnamed = absl::StrCat("no journal of this ledger names key ", key, " of ", keys.path(), ", and ", store.directory());
  if (programs->empty())
    return StartRefused("KEY_FILE_FOREIGN", absl::StrCat(unnamed, " is empty: nothing shows that the key is this ledger's"));
  return StartRefused("SIDE_STORE_FOREIGN", absl::StrCat(unnamed, " opens with it, but holds nothing about any member of this ledger"));
}

// All that can refuse; not a byte changes.
absl::StatusOr<Plan> Look(const Config& config, const KeyFile& keys, const Clock& clock, bool makes_key, bool adopts_key) {
  Plan plan{.makes_key = makes_key};
  const std::string& directory = config.side_state().directory();
  absl::Status foreign;
  for (const auto& shard : config.shard()) {
    const auto programs = Shard(shard.directory(), keys, clock).Look(foreign);
    if (!programs.ok()) return AsStartFailure(programs.status(), "REKEY_FAILED");
    plan.programs += *programs;
  }
  if (!makes_key && !adopts_key) {
    if (!foreign.ok()) return foreign;
    plan.programs = 0;  // which key the others are under is not known
  }
  const auto opened = OpenSideStore(directory, keys, /*read_only=*/true);
  absl::Status store = opened.status();
  if (store.ok()) store = ReadWriteMark(directory).status();  // without one it opens for reading alone
  store = AsStartFailure(store, "DESCRIPTORS_TOO_FEW");
  const std::string id = StartFailureId(store);
  if (makes_key && id == "SIDE_STORE_FOREIGN") {
    const auto asides = FindAsides(directory);
    if (!asides.ok()) return asides.status();
    plan.moves_to = NextAside(directory, *asides);
    plan.makes_store = true;
  }
  // A key that is found again is worth nothing without the store under it.
  if (id == "SIDE_STORE_MISSING" && (makes_key || plan.programs == 0)) {
    // Nothing can be under a key that is drawn only now.
    const bool is_drawn = makes_key && !IsThere(keys.path());
    const auto aside = is_drawn ? "" : AsideThatOpens(directory, keys);
    if (!aside.ok()) return aside.status();
    plan.makes_store = aside->empty();
  }
  if (!store.ok() && !plan.makes_store) return store;
  std::error_code error;
  const bool is_free = !IsThere(directory) || (fs::is_directory(directory, error) && fs::is_empty(directory, error));
  if (id == "SIDE_STORE_MISSING" && !is_free) {
    return StartRefused("REKEY_FAILED", absl::StrCat(directory, " holds something that is no side store: move that away"));
  }
  if (opened.ok() && plan.programs > 0) {
    if (auto status = FindOwn(config, keys, **opened, plan); !status.ok()) return status;
  }
  return plan;
}

void SayWhatIsLost(const Plan& plan) {
  const auto lost = [](const char* what) { std::printf("  丢失 / lost: %s\n", what); };
  if (plan.keeps_numbers) {
    lost("用另一密钥期间发的会员号,逐人换新号 / 会员号 given under another key: each such member needs another");
  } else {
    lost("所有会员号,逐人换新号 / every 会员号: each member needs another");
  }
  if (plan.keeps_rows) {
    lost("用另一密钥期间记的保密活动的内容,积分不受影响 / what confidential deeds recorded under another key were; their points stand");
  } else {
    lost("保密活动的内容,积分不受影响 / what confidential deeds were; their points stand");
  }
  if (plan.makes_key || plan.programs > 0) {
    lost("用另一密钥记的保密活动,重复申报不再能拒绝 / doubles of confidential deeds from under another key can't be refused any more");
    lost(
        "用另一密钥期间按会员号或保密活动发的请求,重发得到当时的答复,不再核对内容 / requests by number or of confidential deeds from under "
        "another key get their first answer when they are sent again, whatever they say now");
  }
  // Whoever ends this early has read it.
  std::fflush(stdout);
}

absl::Status Do(const Plan& plan, const Config& config, const KeyFile& keys, const Clock& clock) {
  const SideState& side = config.side_state();
  if (plan.makes_key && !IsThere(keys.path())) {
    if (auto status = keys.Save(); !status.ok()) return status;
  }
  if (!plan.moves_to.empty()) {
    if (auto status = RenameDurably(WithoutSlash(side.directory()), plan.moves_to); !status.ok()) return status;
  }
  if (plan.makes_store) {
    if (auto status = MakeStore(side.directory(), keys); !status.ok()) return status;
  }
  for (int i = 0; plan.programs > 0 && i < config.shard_size(); ++i) {
    if (const auto written = Shard(config.shard(i).directory(), keys, clock).Write(); !written.ok()) return written.status();
  }
  if (plan.programs > 0) std::printf("%d 个计划改用密钥 / programs now under key %s\n", plan.programs, SideKeyId(keys).c_str());
  if (!plan.makes_key) return absl::OkStatus();
  if (IsThere(side.key_file())) return absl::AlreadyExistsError(absl::StrCat(side.key_file(), ": is there by now, and stays as it is"));
  return RenameDurably(keys.path(), side.key_file());
}

}  // namespace

absl::Status Rekey(const Config& config, const Clock& clock, bool adopts_key) {
  const SideState& side = config.side_state();
  const bool makes_key = !IsThere(side.key_file());
  if (makes_key && adopts_key) {
    return StartRefused("KEY_FILE_MISSING", absl::StrCat(side.key_file(), ": not there; --adopt-key takes the one that is"));
  }
  const std::string path = makes_key ? side.key_file() + ".new" : side.key_file();
  const auto keys = IsThere(path) ? KeyFile::Read(path) : KeyFile::Draw(path);
  if (!keys.ok()) return WithStartFailure(keys.status(), absl::IsNotFound(keys.status()) ? "KEY_FILE_MISSING" : "KEY_FILE_UNUSABLE");
  const auto plan = Look(config, *keys, clock, makes_key, adopts_key);
  if (!plan.ok()) return plan.status();
  if (plan->is_nothing()) {
    std::printf("不用做什么:密钥文件和侧数据库都是这个账本的 / nothing to do: %s and %s are this ledger's\n", side.key_file().c_str(),
                side.directory().c_str());
    return absl::OkStatus();
  }
  SayWhatIsLost(*plan);
  if (auto status = Do(*plan, config, *keys, clock); !status.ok()) return AsStartFailure(status, "REKEY_FAILED");
  for (const auto& [n, aside] : FindAsides(side.directory()).value_or(Asides{}))
    std::printf("留着,密钥找到时还有用 / keep it, should its key turn up: %s\n", aside.c_str());
  if (makes_key) std::printf("新密钥文件,马上拷到两个 U 盘 / a new key file, copy it to two USB sticks now: %s\n", side.key_file().c_str());
  std::printf("`redpointsd check` 列出需要新号的会员 / names the members who need another number\n");
  return absl::OkStatus();
}

}  // namespace redpoints::server
