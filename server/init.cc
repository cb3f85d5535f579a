#include "server/init.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "proto/contract/request_id.h"
#include "server/certificates.h"
#include "server/config.h"
#include "server/ids.h"
#include "server/side_state.h"
#include "server/start_failure.h"
#include "storage/head_mark.h"
#include "storage/ledger.h"
#include "storage/log/rocksdb_log.h"
#include "storage/rules/types.h"
#include "storage/start_failure.h"
#include "storage/store/rocksdb_store.h"

namespace redpoints::server {
namespace {

Origin OriginOf(const std::string& actor) {
  Origin origin;
  origin.actor = actor;
  origin.request_id = *ParseUuid(NewRequestId());
  return origin;
}

absl::Status Found(Ledger& ledger, const std::string& program, const std::string& administrator, const std::string& side_key) {
  std::promise<Outcome> promise;
  ledger.Submit(program, OriginOf(administrator), FoundProgram{{program, administrator, side_key}},
                [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  const Outcome outcome = promise.get_future().get();
  return outcome.refusal ? ToStatus(*outcome.refusal) : absl::OkStatus();
}

absl::Status Register(Ledger& ledger, const std::string& program, const std::string& actor, const std::string& administrator) {
  redpoints::Register command;
  command.items = {ProgramData{program, administrator}};
  std::promise<Outcome> promise;
  ledger.Submit(std::string(redpoints::kSystemProgram), OriginOf(actor), std::move(command),
                [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  const Outcome outcome = promise.get_future().get();
  return outcome.refusal ? ToStatus(*outcome.refusal) : absl::OkStatus();
}

absl::Status MakeLedger(const std::string& directory, const std::string& program, const std::string& operator_id,
                        const std::string& administrator_id, const std::string& side_key) {
  auto log = RocksDbLog::Create({.directory = directory + "/log"});
  if (!log.ok()) return log.status();
  auto store = RocksDbStore::Open({.directory = directory + "/derived"});
  if (!store.ok()) return store.status();
  Ledger::Options options;
  options.head_mark_file = HeadMarkFile(directory);
  auto ledger = Ledger::Open(**log, **store, Clock::System(), options);
  if (!ledger.ok()) return ledger.status();
  if (auto status = Found(**ledger, std::string(redpoints::kSystemProgram), operator_id, side_key); !status.ok()) return status;
  if (program.empty()) return absl::OkStatus();
  if (auto status = Register(**ledger, program, operator_id, administrator_id); !status.ok()) return status;
  return Found(**ledger, program, administrator_id, side_key);
}

std::string StaffName(std::string_view program, std::string_view id) {
  return FormatName({.kind = ResourceKind::kStaff, .program = program, .id = id});
}

}  // namespace

absl::Status InitDirectory(const InitOptions& options) {
  namespace fs = std::filesystem;
  if (!options.program.empty() && (!IsProgramId(options.program) || options.program == redpoints::kSystemProgram)) {
    return StartRefused("PROGRAM_ID_INVALID", absl::StrCat("--program ", options.program));
  }
  if (auto address = ParseListenAddress(options.listen); !address.ok()) {
    return StartRefused("CONFIG_INVALID", absl::StrCat("--listen ", options.listen, ": ", std::string(address.status().message())));
  }
  const fs::path directory = fs::absolute(options.directory);
  const fs::path config = directory / "redpointsd.textproto", certificates = directory / "certificates", ledger = directory / "ledger";
  const fs::path side = directory / "side", side_key = directory / "side.key";
  for (const auto& path : {config, certificates, ledger, side, side_key}) {
    if (fs::exists(path)) return StartRefused("DIRECTORY_TAKEN", path.string());
  }
  std::error_code error;
  fs::create_directories(certificates, error);
  if (error) return StartRefused("DIRECTORY_UNWRITABLE", FileProblem(certificates, error.value()));
  fs::permissions(certificates, fs::perms::owner_all, error);

  auto authority = CertificateAuthority::Create("Red Points trial authority");
  if (!authority.ok()) return authority.status();
  const auto write = [&](const absl::StatusOr<KeyPair>& pair, const std::string& name) {
    if (!pair.ok()) return pair.status();
    return AsStartFailure(WriteKeyPair(*pair, certificates / (name + ".crt"), certificates / (name + ".key")), "DIRECTORY_UNWRITABLE");
  };
  const std::string operator_id = NewId('a'), administrator_id = NewId('a');
  if (auto status = write(authority->pair(), "ca"); !status.ok()) return status;
  if (auto status = write(authority->IssueServer(), "server"); !status.ok()) return status;
  if (auto status = write(authority->IssueClient(StaffName(redpoints::kSystemProgram, operator_id)), "operator"); !status.ok())
    return status;
  if (!options.program.empty()) {
    auto pair = authority->IssueClient(StaffName(options.program, administrator_id));
    if (auto status = write(pair, "administrator"); !status.ok()) return status;
  }
  SideState side_state;
  side_state.set_directory(side.string());
  side_state.set_key_file(side_key.string());
  if (auto status = MakeSide(side_state); !status.ok()) return status;
  const auto keys = KeyFile::Read(side_key);
  if (!keys.ok()) return WithStartFailure(keys.status(), "DIRECTORY_UNWRITABLE");
  if (auto status = MakeLedger(ledger, options.program, operator_id, administrator_id, SideKeyId(*keys)); !status.ok()) {
    return AsStartFailure(std::move(status), "LEDGER_REFUSED");
  }

  std::ofstream file(config);
  file << "# The configuration of redpointsd. Every field: server/config.proto.\n"
       << "shard { directory: \"" << ledger.string() << "\" }\n"
       << "listen: \"" << options.listen << "\"\n"
       << "tls {\n"
       << "  server_certificate_file: \"" << (certificates / "server.crt").string() << "\"\n"
       << "  server_key_file: \"" << (certificates / "server.key").string() << "\"\n"
       << "  client_ca_file: \"" << (certificates / "ca.crt").string() << "\"\n"
       << "}\n"
       << "side_state { directory: \"" << side.string() << "\" key_file: \"" << side_key.string() << "\" }\n"
       << "backup_directory: \"" << (directory / "backups").string() << "\"\n"
       << "port_file: \"" << (directory / "ports").string() << "\"\n";
  if (!file.flush()) return StartRefused("DIRECTORY_UNWRITABLE", FileProblem(config, errno));
  return absl::OkStatus();
}

absl::Status IssueCertificate(const std::string& directory, const std::string& name, const std::string& file) {
  namespace fs = std::filesystem;
  const fs::path certificates = fs::path(directory) / "certificates";
  const fs::path ca = certificates / "ca.crt", ca_key = certificates / "ca.key";
  KeyPair pair;
  for (const auto& [path, content] : {std::pair(ca, &pair.certificate_pem), std::pair(ca_key, &pair.key_pem)}) {
    auto read = ReadStartFile(path, "AUTHORITY_UNUSABLE", "AUTHORITY_UNUSABLE");
    if (!read.ok()) return read.status();
    *content = *std::move(read);
  }
  auto authority = CertificateAuthority::Load(pair);
  if (!authority.ok()) {
    return StartRefused("AUTHORITY_UNUSABLE", absl::StrCat(ca_key.string(), ": ", std::string(authority.status().message())));
  }
  auto issued = authority->IssueClient(name);
  if (!issued.ok()) return StartRefused("CALLER_NAME_INVALID", absl::StrCat("--name ", name));
  const fs::path certificate = certificates / (file + ".crt"), key = certificates / (file + ".key");
  auto status = WriteKeyPair(*issued, certificate, key);
  if (status.ok()) return status;
  return AsStartFailure(status, absl::IsAlreadyExists(status) ? "CERTIFICATE_TAKEN" : "DIRECTORY_UNWRITABLE");
}

}  // namespace redpoints::server
