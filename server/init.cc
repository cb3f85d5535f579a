#include "server/init.h"

#include <filesystem>
#include <fstream>
#include <future>

#include "absl/strings/str_cat.h"
#include "server/certificates.h"
#include "server/ids.h"
#include "server/names.h"
#include "storage/head_mark.h"
#include "storage/ledger.h"
#include "storage/log/rocksdb_log.h"
#include "storage/rules/types.h"
#include "storage/store/rocksdb_store.h"

namespace redpoints::server {
namespace {

absl::Status Found(Ledger& ledger, const std::string& program, const std::string& administrator) {
  std::promise<Outcome> promise;
  ledger.Submit(program,
                {.actor = administrator, .request_id = "", .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = ""},
                FoundProgram{{program, administrator}}, [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  const Outcome outcome = promise.get_future().get();
  return outcome.refusal ? ToStatus(*outcome.refusal) : absl::OkStatus();
}

absl::Status Register(Ledger& ledger, const std::string& program, const std::string& actor, const std::string& administrator) {
  std::promise<Outcome> promise;
  ledger.Submit(std::string(redpoints::kSystemProgram),
                {.actor = actor, .request_id = "", .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = ""},
                redpoints::Register{.items = {ProgramData{program, administrator}}, .is_new = true, .rulebook_json = ""},
                [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  const Outcome outcome = promise.get_future().get();
  return outcome.refusal ? ToStatus(*outcome.refusal) : absl::OkStatus();
}

absl::Status MakeLedger(const std::string& directory, const std::string& program, const std::string& operator_id,
                        const std::string& administrator_id) {
  auto log = RocksDbLog::Create({.directory = directory + "/log"});
  if (!log.ok()) return log.status();
  auto store = RocksDbStore::Open({.directory = directory + "/derived"});
  if (!store.ok()) return store.status();
  Ledger::Options options;
  options.head_mark_file = HeadMarkFile(directory);
  auto ledger = Ledger::Open(**log, **store, Clock::System(), options);
  if (!ledger.ok()) return ledger.status();
  if (auto status = Found(**ledger, std::string(redpoints::kSystemProgram), operator_id); !status.ok()) return status;
  if (program.empty()) return absl::OkStatus();
  if (auto status = Register(**ledger, program, operator_id, administrator_id); !status.ok()) return status;
  return Found(**ledger, program, administrator_id);
}

}  // namespace

absl::Status InitDirectory(const InitOptions& options) {
  namespace fs = std::filesystem;
  if (!options.program.empty() && (!IsProgramId(options.program) || options.program == redpoints::kSystemProgram)) {
    return absl::InvalidArgumentError("--program: 1 to 32 of a-z 0-9 -, a letter first");
  }
  const fs::path directory = fs::absolute(options.directory);
  const fs::path config = directory / "redpointsd.textproto", certificates = directory / "certificates", ledger = directory / "ledger";
  for (const auto& path : {config, certificates, ledger}) {
    if (fs::exists(path)) return absl::AlreadyExistsError(absl::StrCat(path.string(), " is there already"));
  }
  std::error_code error;
  fs::create_directories(certificates, error);
  if (error) return absl::UnavailableError(absl::StrCat("can't make ", certificates.string(), ": ", error.message()));
  fs::permissions(certificates, fs::perms::owner_all, error);

  auto authority = CertificateAuthority::Create("Red Points trial authority");
  if (!authority.ok()) return authority.status();
  const auto write = [&](const absl::StatusOr<KeyPair>& pair, const std::string& name) {
    if (!pair.ok()) return pair.status();
    return WriteKeyPair(*pair, certificates / (name + ".crt"), certificates / (name + ".key"));
  };
  const std::string operator_id = NewId('a'), administrator_id = NewId('a');
  if (auto status = write(authority->pair(), "ca"); !status.ok()) return status;
  if (auto status = write(authority->IssueServer(), "server"); !status.ok()) return status;
  if (auto status = write(authority->IssueClient(absl::StrCat("programs/system/staff/", operator_id)), "operator"); !status.ok())
    return status;
  if (!options.program.empty()) {
    auto pair = authority->IssueClient(absl::StrCat("programs/", options.program, "/staff/", administrator_id));
    if (auto status = write(pair, "administrator"); !status.ok()) return status;
  }
  if (auto status = MakeLedger(ledger, options.program, operator_id, administrator_id); !status.ok()) return status;

  std::ofstream file(config);
  file << "# The configuration of redpointsd. Every field: server/config.proto.\n"
       << "shard { directory: \"" << ledger.string() << "\" }\n"
       << "listen: \"" << options.listen << "\"\n"
       << "tls {\n"
       << "  server_certificate_file: \"" << (certificates / "server.crt").string() << "\"\n"
       << "  server_key_file: \"" << (certificates / "server.key").string() << "\"\n"
       << "  client_ca_file: \"" << (certificates / "ca.crt").string() << "\"\n"
       << "}\n"
       << "backup_directory: \"" << (directory / "backups").string() << "\"\n"
       << "port_file: \"" << (directory / "ports").string() << "\"\n";
  if (!file.flush()) return absl::UnavailableError(absl::StrCat("can't write ", config.string()));
  return absl::OkStatus();
}

absl::Status IssueCertificate(const std::string& directory, const std::string& name, const std::string& file) {
  const std::filesystem::path certificates = std::filesystem::path(directory) / "certificates";
  auto pair = ReadKeyPair(certificates / "ca.crt", certificates / "ca.key");
  if (!pair.ok()) return pair.status();
  auto authority = CertificateAuthority::Load(*pair);
  if (!authority.ok()) return authority.status();
  auto issued = authority->IssueClient(name);
  if (!issued.ok()) return issued.status();
  return WriteKeyPair(*issued, certificates / (file + ".crt"), certificates / (file + ".key"));
}

}  // namespace redpoints::server
