// redpointsd: the server, and what is done to its data while it is stopped. Flags only; the work is elsewhere.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/synchronization/mutex.h"
#include "server/config.h"
#include "server/init.h"
#include "server/log.h"
#include "server/maintenance.h"
#include "server/rekey.h"
#include "server/server.h"
#include "server/start_failure.h"

namespace redpoints::server {
namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "redpointsd: %s\n", StartFailureText(status).c_str());
  return 1;
}

LogLevel LevelOf(const Config& config) {
  switch (config.log().level()) {
    case Log::DEBUG: return LogLevel::kDebug;
    case Log::WARNING: return LogLevel::kWarning;
    case Log::ERROR: return LogLevel::kError;
    default: return LogLevel::kInfo;
  }
}

int Serve(const std::string& path) {
  auto config = LoadConfig(path);
  if (!config.ok()) return Fail(config.status());
  // Blocked in every thread, so that only sigwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // Debian's Abseil looks for deadlocks at every lock of gRPC's; that is a few percent of a busy server.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  static Logger log(LevelOf(*config));
  CaptureLibraryLogs(log);
  auto server = Server::Start(*config, log);
  if (!server.ok()) return Fail(server.status());
  int received = 0;
  sigwait(&signals, &received);
  log.Write(LogLevel::kInfo, "stopping", {{"signal", received}});
  (*server)->Stop();
  return (*server)->HasFailed() ? 1 : 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Red Points server / 红色积分服务", "redpointsd");
  app.require_subcommand(0, 1);
  std::string config;
  app.add_option("--config", config, "configuration file, protobuf text of redpoints.server.Config / 配置文件");

  InitOptions init;
  auto* init_command = app.add_subcommand("init", "make a directory with certificates, configuration and ledger for a trial / 初始化");
  init_command->add_option("--directory", init.directory, "where / 目录")->required();
  init_command->add_option("--program", init.program, "a first program, with its administrator / 积分计划");
  init_command->add_option("--listen", init.listen, "address:port, port 0 lets the system choose / 监听地址");

  std::string directory, name, file;
  auto* issue = app.add_subcommand("issue", "issue a client's certificate with the trial authority / 签发证书");
  issue->add_option("--directory", directory, "that init made / 目录")->required();
  issue->add_option("--name", name, "programs/{p}/staff/{id}, .../merchants/{s}/terminals/{t} or .../members/{m} / 名称")->required();
  issue->add_option("--file", file, "certificates/{file}.crt and .key / 文件名")->required();

  std::string program, to, from;
  auto* check = app.add_subcommand("check", "re-derive every table from the journal and compare; the server must be stopped / 核对账本");
  check->add_option("--program", program, "only this one / 只核对一个计划");
  auto* backup =
      app.add_subcommand("backup", "a checksummed copy; the server must be stopped (`redpoints backup` asks a running one) / 停机备份");
  backup->add_option("--to", to, "a directory that is not there yet / 目标目录")->required();
  auto* restore = app.add_subcommand(
      "restore", "verify a backup and put it where the configuration wants its shards; the server must be stopped / 停机恢复");
  restore->add_option("--from", from, "the backup / 备份目录")->required();
  auto* recover = app.add_subcommand(
      "recover", "save what can be read of a damaged shard's directory into a new one, which then takes its place / 从损坏的账本抢救");
  recover->add_option("--from", from, "the directory of the shard; it is not changed / 损坏的分片目录")->required();
  recover->add_option("--to", to, "a directory that is not there yet / 新目录")->required();
  std::vector<std::string> blobs;
  recover->add_option("--blob", blobs,
                      "a file of what a lost blob was, such as a rulebook, again for each / 丢失的内容(如规则册)的文件,可重复");
  auto* rekey = app.add_subcommand(
      "rekey",
      "where every copy of the key file is lost, and none is in its place: make another, and write that into the journals; where the side "
      "store alone is lost: make an empty one; the server must be stopped / 密钥文件全丢了(原处没有文件):换新密钥;只丢了侧数据库:新建空的");
  bool adopts_key = false;
  rekey->add_flag("--adopt-key", adopts_key,
                  "take the key file that is there with its side store: the ledger's of before, found again / "
                  "改用原处的密钥文件和侧数据库:找回的旧密钥");
  for (auto* command : {check, backup, restore, rekey}) command->add_option("--config", config, "configuration file / 配置文件");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // help is no error
  }
  if (*init_command) {
    if (auto status = InitDirectory(init); !status.ok()) return Fail(status);
    std::printf("redpointsd --config %s/redpointsd.textproto\n", init.directory.c_str());
    return 0;
  }
  if (*issue) {
    if (auto status = IssueCertificate(directory, name, file); !status.ok()) return Fail(status);
    return 0;
  }
  if (*recover) {
    if (auto status = RecoverShard(from, to, blobs); !status.ok()) return Fail(status);
    return 0;
  }
  if (config.empty()) {
    std::fprintf(stderr, "redpointsd: --config is required\n");
    return 2;
  }
  if (!*check && !*backup && !*restore && !*rekey) return Serve(config);
  auto loaded = LoadConfig(config);
  if (!loaded.ok()) return Fail(loaded.status());
  const auto status = *check    ? CheckShards(*loaded, program)
                      : *backup ? BackupShards(*loaded, to)
                      : *rekey  ? Rekey(*loaded, Clock::System(), adopts_key)
                                : RestoreShards(*loaded, from);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace
}  // namespace redpoints::server

int main(int argc, char** argv) { return redpoints::server::Main(argc, argv); }
