#include "server/rekey.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/maintenance.h"
#include "server/side_state.h"
#include "server/start_failure.h"
#include "storage/durable_file.h"
#include "storage/head_mark.h"
#include "storage/identity/cipher.h"
#include "storage/offline.h"
#include "storage/start_failure.h"
#include "storage/store/rocksdb_store.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;

// Before anything is made: the server is stopped, and the log whole as far as it can be told.
absl::Status LookAtLogs(const Config& config) {
  for (const auto& shard : config.shard()) {
    if (const auto log = OpenStoppedLog(shard.directory()); !log.ok()) return log.status();
  }
  return absl::OkStatus();
}

absl::Status MoveAside(const std::string& directory) {
  std::string aside = directory + ".aside";
  for (int n = 2; fs::exists(aside); ++n) aside = absl::StrCat(directory, ".aside-", n);
  if (auto status = RenameDurably(directory, aside); !status.ok()) return status;
  std::printf("侧数据库打不开,移到 / the side store does not open and is moved to %s\n", aside.c_str());
  return absl::OkStatus();
}

// Whether the store had to be made.
absl::StatusOr<bool> HaveSideStore(const SideState& config) {
  const auto side = OpenSide(config, /*read_only=*/false);
  if (side.ok()) return false;
  const std::string id = StartFailureId(side.status());
  // Not where it is somebody else's or in use, nor where the disk is full.
  const bool is_of_no_use = absl::IsFailedPrecondition(side.status()) || absl::IsDataLoss(side.status());
  if (id == "SIDE_STORE_FOREIGN" || id == "SIDE_STORE_DAMAGED") {
    if (!is_of_no_use) return side.status();
    if (auto status = MoveAside(config.directory()); !status.ok()) return WithStartFailure(status, "REKEY_FAILED");
  } else if (id != "SIDE_STORE_MISSING") {
    return side.status();
  }
  const auto keys = KeyFile::Read(config.key_file());
  if (!keys.ok()) return WithStartFailure(keys.status(), "KEY_FILE_UNUSABLE");
  auto store = SideStore::Open({.directory = config.directory(), .create_if_missing = true}, *keys);
  if (!store.ok()) return WithStartFailure(store.status(), "REKEY_FAILED");
  return true;
}

// How many programs got another key.
absl::StatusOr<int> WriteKey(const std::string& directory, const std::string& side_key) {
  const auto log = OpenStoppedLog(directory);
  if (!log.ok()) return log.status();
  const auto programs = (*log)->Programs();
  if (!programs.ok()) return programs.status();
  auto rows = RocksDbStore::Open({.directory = directory + "/derived"});
  if (!rows.ok()) return rows.status();
  const auto command = [&](const State& state, std::int64_t) -> std::optional<Command> {
    auto program = FindRegistration<ProgramData>(state, "program", state.program);
    if (!program || program->side_key == side_key) return std::nullopt;
    program->side_key = side_key;
    return Register{.items = {*std::move(program)}, .is_new = false, .rulebook_json = ""};
  };
  const auto progress = [](const std::string& program, std::int64_t next, std::int64_t end) {
    std::fprintf(stderr, "reading %s: %lld of %lld\n", program.c_str(), static_cast<long long>(next), static_cast<long long>(end));
  };
  const auto written = AppendToEach(**log, **rows, Clock::System(), {programs->begin(), programs->end()}, command, progress);
  if (!written.ok()) return written;
  if (auto status = WriteHeadMarks(HeadMarkFile(directory), MarksOf(**log)); !status.ok()) return status;
  return written;
}

}  // namespace

absl::Status Rekey(const Config& config) {
  const SideState& side = config.side_state();
  if (auto status = LookAtLogs(config); !status.ok()) return status;
  std::error_code ignored;  // a file that can't be looked at is one that can't be read
  if (!fs::exists(side.key_file(), ignored) && !ignored) {
    if (auto status = KeyFile::Create(side.key_file()); !status.ok()) return WithStartFailure(status, "REKEY_FAILED");
    std::printf("新密钥文件,马上拷到两个 U 盘 / a new key file, copy it to two USB sticks now: %s\n", side.key_file().c_str());
  }
  const auto is_store_new = HaveSideStore(side);
  if (!is_store_new.ok()) return is_store_new.status();
  const auto keys = KeyFile::Read(side.key_file());
  if (!keys.ok()) return WithStartFailure(keys.status(), "KEY_FILE_UNUSABLE");
  int programs = 0;
  for (const auto& shard : config.shard()) {
    const auto written = WriteKey(shard.directory(), SideKeyId(*keys));
    if (!written.ok()) return AsStartFailure(written.status(), "REKEY_FAILED");
    programs += *written;
  }
  std::printf("%d 个计划改用密钥 / programs now under key %s\n", programs, SideKeyId(*keys).c_str());
  if (programs == 0 && !*is_store_new) return absl::OkStatus();
  const auto lost = [](const char* what) { std::printf("  丢失 / lost: %s\n", what); };
  if (*is_store_new) {
    lost("所有会员号,逐人换新号 / every 会员号: each member needs another");
    lost("保密活动的内容,积分不受影响 / what confidential deeds were; their points stand");
  }
  if (programs > 0) {
    lost("此前的保密活动,重复申报不再能拒绝 / doubles of confidential deeds from before can't be refused any more");
    lost(
        "此前按会员号或保密活动发的请求,重发得到当时的答复,不再核对内容 / requests by number or of confidential deeds from before get "
        "their "
        "first answer when they are sent again, whatever they say now");
  }
  std::printf("`redpointsd check` 列出需要新号的会员 / names the members who need another number\n");
  return absl::OkStatus();
}

}  // namespace redpoints::server
