// Every refused start by its id: each row of the table is produced here, and stands in the runbook word by word.
#include "server/start_failure.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/acceptor.h"
#include "server/certificates.h"
#include "server/config.h"
#include "server/init.h"
#include "server/log.h"
#include "server/maintenance.h"
#include "server/rekey.h"
#include "server/server.h"
#include "server/side_state.h"
#include "storage/log/rocksdb_log.h"
#include "storage/rules/types.h"
#include "storage/start_failure.h"
#include "storage/store/rocksdb_store.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;

// A directory as `init` makes it, and what may be done with it.
class Trial {
 public:
  Trial() {
    char name[] = "/tmp/redpoints-start-XXXXXX";
    directory_ = ::mkdtemp(name);
    RP_CHECK(::chmod(directory_.c_str(), 0755) == 0);
    const auto made = Init(directory_ + "/server");
    RP_CHECK(made.ok());
    config = LoadConfig(config_path()).value();
  }
  ~Trial() {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
    ::close(log_fd_);
  }

  static absl::Status Init(const std::string& directory, const std::string& program = "minyue") {
    return InitDirectory({.directory = directory, .listen = "127.0.0.1:0", .program = program});
  }
  absl::Status Issue(const std::string& name, const std::string& file) { return IssueCertificate(directory_ + "/server", name, file); }
  // As redpointsd: what it says, or OK and it stops again.
  absl::Status Start() { return Server::Start(config, log_).status(); }
  absl::Status StartOn(const std::string& address) {
    config.set_listen(0, address);
    return Start();
  }
  absl::Status Load(const std::string& text) {
    std::ofstream(path("text")) << text;
    return LoadConfig(path("text")).status();
  }
  std::string Backup() {
    RP_CHECK(BackupShards(config, path("backup")).ok());
    return path("backup");
  }

  // Takes away the write-ahead log of a store.
  void Cut(const std::string& store) const {
    for (const auto& entry : fs::directory_iterator(store)) {
      if (entry.path().extension() == ".log") fs::rename(entry.path(), path("lost.log"));
    }
  }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string config_path() const { return path("server/redpointsd.textproto"); }
  std::string certificate(const std::string& name) const { return path("server/certificates/" + name); }
  static void Write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::trunc) << content; }

  Config config;

 private:
  std::string directory_;
  const int log_fd_ = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const Logger log_{LogLevel::kError, log_fd_};
};

// What `start` says in a process of its own, which may give away rights. It has the message and the id.
absl::Status InChild(const std::function<absl::Status()>& start) {
  std::array<int, 2> ends;
  RP_CHECK(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const absl::Status status = start();
    const std::string text = absl::StrCat(StartFailureId(status), "\n", std::string(status.message()));
    ::_exit(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> part;
  for (ssize_t size = 0; (size = ::read(ends[0], part.data(), part.size())) > 0;) text.append(part.data(), static_cast<std::size_t>(size));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  const std::pair<std::string, std::string> both = absl::StrSplit(text, absl::MaxSplits('\n', 1));
  return WithStartFailure(absl::UnknownError(both.second), both.first);
}

// As somebody who owns nothing, if we are root.
void BecomeNobody() { RP_CHECK(::geteuid() != 0 || (::setegid(65'534) == 0 && ::seteuid(65'534) == 0)); }

// A key that OpenSSL reads and TLS finds too weak, and its certificate.
KeyPair Weak() {
  EVP_PKEY* key = EVP_RSA_gen(512);
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  RP_CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
  const auto text = [](BIO* bio, bool is_written) {
    RP_CHECK(is_written);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
  };
  BIO* first = BIO_new(BIO_s_mem());
  const bool is_first = PEM_write_bio_X509(first, certificate) == 1;
  BIO* second = BIO_new(BIO_s_mem());
  const bool is_second = PEM_write_bio_PKCS8PrivateKey(second, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  KeyPair pair{.certificate_pem = text(first, is_first), .key_pem = text(second, is_second)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pair;
}

bool MayAnybodyListenOn(int port) {
  int from = 1024;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> from;
  return from <= port;
}

// One way to each row; what the detail must name.
struct Case {
  std::function<absl::Status(Trial&)> produce;
  std::string named;
};

const std::map<std::string, Case>& Cases() {
  static const auto* const cases = new std::map<std::string, Case>{
      {"CONFIG_UNREADABLE", {[](Trial& t) { return LoadConfig(t.path("absent")).status(); }, "/absent"}},
      {"CONFIG_INVALID", {[](Trial& t) { return t.Load("listen: 1"); }, "/text:1:"}},
      {"DESCRIPTORS_TOO_FEW",
       {[](Trial& t) {
          return InChild([&] {
            const rlimit few{.rlim_cur = 200, .rlim_max = 200};
            RP_CHECK(::setrlimit(RLIMIT_NOFILE, &few) == 0);
            return t.Start();
          });
        },
        "200"}},
      {"LEDGER_IN_USE",
       {[](Trial& t) {
          // Of this process; a child does not have it.
          const int file = ::open(t.path("server/ledger/log/LOCK").c_str(), O_RDWR | O_CLOEXEC);
          struct flock lock {};
          lock.l_type = F_WRLCK;
          RP_CHECK(::fcntl(file, F_SETLK, &lock) == 0);
          const auto status = InChild([&] { return t.Start(); });
          const auto of_recovery = InChild([&] { return RecoverShard(t.path("server/ledger"), t.path("new")); });
          EXPECT_EQ(StartFailureId(of_recovery), "LEDGER_IN_USE") << of_recovery;
          ::close(file);
          return status;
        },
        "server/ledger/log"}},
      {"LEDGER_REFUSED",
       {[](Trial& t) {
          t.config.mutable_shard(0)->set_directory(t.path("nothing"));
          return t.Start();
        },
        "/nothing"}},
      {"KEY_FILE_MISSING",
       {[](Trial& t) {
          fs::remove(t.path("server/side.key"));
          return t.Start();
        },
        "server/side.key"}},
      {"KEY_FILE_UNUSABLE",
       {[](Trial& t) {
          RP_CHECK(::chmod(t.path("server/side.key").c_str(), 0644) == 0);
          return t.Start();
        },
        "server/side.key"}},
      {"KEY_FILE_FOREIGN",
       {[](Trial& t) {
          RP_CHECK(Trial::Init(t.path("other")).ok());
          t.config.mutable_side_state()->set_key_file(t.path("other/side.key"));
          t.config.mutable_side_state()->set_directory(t.path("other/side"));
          return t.Start();
        },
        "other/side.key"}},
      {"SIDE_STORE_MISSING",
       {[](Trial& t) {
          fs::remove_all(t.path("server/side"));
          return t.Start();
        },
        "server/side"}},
      {"SIDE_STORE_FOREIGN",
       {[](Trial& t) {
          RP_CHECK(Trial::Init(t.path("other")).ok());
          t.config.mutable_side_state()->set_key_file(t.path("other/side.key"));
          return t.Start();
        },
        "other/side.key"}},
      {"SIDE_STORE_REFUSED",
       {[](Trial& t) {
          const auto open = OpenSide(t.config.side_state(), /*read_only=*/false);
          return t.Start();
        },
        "server/side"}},
      {"SIDE_STORE_DAMAGED",
       {[](Trial& t) {
          Trial::Write(t.path("server/side/CURRENT"), "x");
          return t.Start();
        },
        "server/side"}},
      {"SIDE_STORE_CUT",
       {[](Trial& t) {
          t.Cut(t.path("server/side"));
          return t.Start();
        },
        "server/side/WRITES"}},
      {"SIDE_STORE_UNMARKED",
       {[](Trial& t) {
          fs::remove(t.path("server/side/WRITES"));
          return t.Start();
        },
        "server/side/WRITES"}},
      {"TLS_FILE_MISSING",
       {[](Trial& t) {
          t.config.mutable_tls()->set_client_ca_file(t.path("no-ca"));
          return t.Start();
        },
        "/no-ca"}},
      {"TLS_FILE_UNREADABLE",
       {[](Trial& t) {
          const std::string key = t.path("server.key");
          fs::copy_file(t.certificate("server.key"), key);
          RP_CHECK(::chmod(key.c_str(), ::geteuid() == 0 ? 0600 : 0) == 0);
          fs::copy_file(t.certificate("server.crt"), t.path("server.crt"));
          return InChild([&] {
            BecomeNobody();
            return ReadServerTls(t.path("server.crt"), key, t.path("ca.crt")).status();
          });
        },
        "server.key: Permission denied (owner "}},
      {"TLS_FILE_INVALID",
       {[](Trial& t) {
          Trial::Write(t.certificate("server.key"), "no key");
          return t.Start();
        },
        "server.key"}},
      {"TLS_KEY_MISMATCH",
       {[](Trial& t) {
          t.config.mutable_tls()->set_server_key_file(t.certificate("operator.key"));
          return t.Start();
        },
        "operator.key"}},
      {"PORT_IN_USE",
       {[](Trial& t) {
          const Logger log(LogLevel::kError);
          const auto other = Acceptor::Listen({"127.0.0.1:0"}, log).value();
          return t.StartOn(absl::StrCat("127.0.0.1:", other->ports().front()));
        },
        "127.0.0.1:"}},
      {"ADDRESS_NOT_OURS", {[](Trial& t) { return t.StartOn("192.0.2.1:0"); }, "192.0.2.1:0"}},
      {"PORT_NOT_ALLOWED",
       {[](Trial&) {
          return InChild([&] {
            BecomeNobody();
            return Acceptor::Listen({"127.0.0.1:1"}, Logger(LogLevel::kError)).status();
          });
        },
        "127.0.0.1:1"}},
      {"LISTEN_FAILED", {[](Trial& t) { return t.StartOn("[fe80::1]:0"); }, "[fe80::1]:0"}},
      {"TLS_REFUSED",
       {[](Trial& t) {
          const KeyPair weak = Weak();
          Trial::Write(t.certificate("server.crt"), weak.certificate_pem);
          Trial::Write(t.certificate("server.key"), weak.key_pem);
          return t.Start();
        },
        "server.crt"}},
      {"PORT_FILE_UNWRITABLE",
       {[](Trial& t) {
          t.config.set_port_file(t.path("absent/ports"));
          return t.Start();
        },
        "/absent/ports"}},
      {"PROGRAM_ID_INVALID", {[](Trial& t) { return Trial::Init(t.path("new"), "No!"); }, "No!"}},
      {"DIRECTORY_TAKEN", {[](Trial& t) { return Trial::Init(t.path("server")); }, "redpointsd.textproto"}},
      {"DIRECTORY_UNWRITABLE",
       {[](Trial& t) {
          Trial::Write(t.path("file"), "");
          return Trial::Init(t.path("file/server"));
        },
        "/file/server"}},
      {"AUTHORITY_UNUSABLE",
       {[](Trial& t) {
          fs::remove(t.certificate("ca.key"));
          return t.Issue("programs/minyue/staff/a1", "new");
        },
        "ca.key"}},
      {"CALLER_NAME_INVALID", {[](Trial& t) { return t.Issue("shop 1", "new"); }, "shop 1"}},
      {"CERTIFICATE_TAKEN", {[](Trial& t) { return t.Issue("programs/minyue/staff/a1", "operator"); }, "operator.crt"}},
      {"PROGRAM_ABSENT", {[](Trial& t) { return CheckShards(t.config, "nowhere"); }, "nowhere"}},
      {"LEDGER_DIFFERS",
       {[](Trial& t) {
          auto log = RocksDbLog::Open({.directory = t.path("server/ledger/log")}).value();
          CommitBatch batch{.fence = *log->TryTakeOver()};
          batch.appends = {{.program = "minyue", .expected_end = *log->End("minyue"), .entries = 1, .lines = "{}\n"}};
          RP_CHECK(log->Commit(batch) == CommitResult::kCommitted);
          log.reset();
          return CheckShards(t.config, "");
        },
        "minyue: entry 2"}},
      {"DERIVED_DAMAGED",
       {[](Trial& t) {
          for (const auto& file : fs::directory_iterator(t.path("server/ledger/derived"))) {
            if (file.path().extension() != ".sst") continue;
            std::fstream(file.path(), std::ios::in | std::ios::out | std::ios::binary).seekp(10) << "xxxx";
          }
          return CheckShards(t.config, "");
        },
        "server/ledger/derived: minyue: "}},
      {"BACKUP_TAKEN", {[](Trial& t) { return BackupShards(t.config, t.path("server")); }, "/server"}},
      {"BACKUP_DAMAGED",
       {[](Trial& t) {
          const std::string backup = t.Backup();
          Trial::Write(backup + "/shard-0/CURRENT", "x");
          return RestoreShards(t.config, backup);
        },
        "CURRENT"}},
      {"BACKUP_OF_OTHER_SHARDS",
       {[](Trial& t) {
          const std::string backup = t.Backup();
          t.config.mutable_shard(0)->set_directory(t.path("restored"));
          *t.config.add_shard() = t.config.shard(0);
          t.config.mutable_shard(1)->set_directory(t.path("restored-1"));
          return RestoreShards(t.config, backup);
        },
        "shard-1"}},
      {"RESTORE_TARGET_TAKEN", {[](Trial& t) { return RestoreShards(t.config, t.Backup()); }, "server/ledger"}},
      {"RESTORE_FAILED",
       {[](Trial& t) {
          const std::string backup = t.Backup();
          Trial::Write(t.path("file"), "");
          t.config.mutable_shard(0)->set_directory(t.path("file/ledger"));
          return RestoreShards(t.config, backup);
        },
        "/file/ledger"}},
      {"RECOVER_TARGET_TAKEN", {[](Trial& t) { return RecoverShard(t.config.shard(0).directory(), t.path("server")); }, "/server"}},
      {"REKEY_FAILED",
       {[](Trial& t) {
          fs::remove_all(t.path("server/ledger/derived"));
          Trial::Write(t.path("server/ledger/derived"), "");
          return Rekey(t.config, Clock::System(), /*adopts_key=*/false);
        },
        "server/ledger/derived"}},
      {"RECOVER_FAILED", {[](Trial& t) { return RecoverShard(t.path("absent"), t.path("new")); }, "/absent/log"}},
  };
  return *cases;
}

TEST(StartFailure, EveryRowIsProducedAndSaysWhere) {
  for (const StartFailure& row : StartFailures()) {
    SCOPED_TRACE(row.id);
    const auto found = Cases().find(row.id);
    if (found == Cases().end()) {
      ADD_FAILURE() << "no way to it";
      continue;
    }
    if (row.id == std::string("PORT_NOT_ALLOWED") && MayAnybodyListenOn(1)) continue;  // this machine allows every port
    Trial trial;
    const absl::Status status = found->second.produce(trial);
    EXPECT_EQ(StartFailureId(status), row.id) << status;
    EXPECT_TRUE(absl::StrContains(std::string(status.message()), found->second.named)) << status;
    const std::string text = StartFailureText(status);
    EXPECT_TRUE(absl::StartsWith(text, absl::StrCat(row.id, ": "))) << text;
    for (const char* sentence : {row.en, row.zh_cn, row.do_en, row.do_zh_cn}) EXPECT_TRUE(absl::StrContains(text, sentence)) << text;
  }
  EXPECT_EQ(Cases().size(), StartFailures().size());
}

// What it holds is readable lines at most: whoever ran it must not take it for a ledger.
TEST(StartFailure, ARecoveryOfNothingFails) {
  Trial trial;
  const std::string shard = trial.config.shard(0).directory();
  for (const auto& file : fs::directory_iterator(shard + "/log")) {
    if (file.path().extension() == ".log") fs::remove(file);
  }
  const absl::Status status = RecoverShard(shard, trial.path("new"));
  EXPECT_EQ(StartFailureId(status), "RECOVER_FAILED") << status;
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), "no entry stands")) << status;
  EXPECT_FALSE(fs::exists(trial.path("new")));
}

// `check` fails where a damaged side store keeps the server from starting; of one that is only not at hand it tells, and the ledger is sound.
TEST(StartFailure, ACheckFailsOnlyOnASideStoreThatIsDamaged) {
  for (const auto& [id, is_damaged] : {std::pair("SIDE_STORE_DAMAGED", true),
                                       {"SIDE_STORE_CUT", true},
                                       {"KEY_FILE_MISSING", false},
                                       {"SIDE_STORE_MISSING", false},
                                       {"SIDE_STORE_FOREIGN", false}}) {
    SCOPED_TRACE(id);
    Trial trial;
    EXPECT_EQ(StartFailureId(Cases().at(id).produce(trial)), id);
    testing::internal::CaptureStdout();
    const absl::Status status = CheckShards(trial.config, "");
    const std::string told = testing::internal::GetCapturedStdout();
    EXPECT_EQ(StartFailureId(status), is_damaged ? id : "") << status;
    EXPECT_EQ(absl::StrContains(told, absl::StrCat("side state not checked, members' numbers neither: ", id)), !is_damaged) << told;
  }
}

TEST(StartFailure, AnUnreadableKeyIsNamedWithItsOwnerAndModeAndWhoWeAre) {
  Trial trial;
  const std::string text(Cases().at("TLS_FILE_UNREADABLE").produce(trial).message());
  EXPECT_TRUE(absl::StrContains(text, ", mode 0")) << text;
  EXPECT_TRUE(absl::StrContains(text, "; this program runs as ")) << text;
  if (::geteuid() == 0) {
    EXPECT_TRUE(absl::StrContains(text, "(owner root, mode 0600; this program runs as nobody)")) << text;
  }
}

TEST(StartFailure, ADirectoryThatIsClosedToUsIsNamed) {
  Trial trial;
  const std::string closed = trial.path("closed");
  fs::create_directories(closed + "/inner");
  Trial::Write(closed + "/inner/key", "");
  ASSERT_EQ(::chmod(closed.c_str(), ::geteuid() == 0 ? 0700 : 0), 0);
  const absl::Status status = InChild([&] {
    BecomeNobody();
    return ReadStartFile(closed + "/inner/key", "TLS_FILE_MISSING", "TLS_FILE_UNREADABLE").status();
  });
  ASSERT_EQ(::chmod(closed.c_str(), 0700), 0);
  EXPECT_EQ(StartFailureId(status), "TLS_FILE_UNREADABLE");
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), absl::StrCat("(", closed, ": owner "))) << status;
}

TEST(StartFailure, WhatHasNoRowStillHasItsWords) {
  EXPECT_EQ(StartFailureText(absl::InternalError("words")), "words");
  EXPECT_EQ(StartFailureOf(absl::InternalError("words")), nullptr);
}

// The rows between the `heading` and the next one.
std::string RunbookRows(const char* heading) {
  std::ifstream file(REDPOINTS_RUNBOOK);
  EXPECT_TRUE(file) << REDPOINTS_RUNBOOK;
  std::string rows;
  bool is_inside = false;
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "## ")) is_inside = absl::StrContains(line, heading);
    if (is_inside && absl::StartsWith(line, "| `")) absl::StrAppend(&rows, line, "\n");
  }
  return rows;
}

TEST(StartFailure, TheRunbookHasTheSameTable) {
  std::string rows;
  for (const StartFailure& row : StartFailures()) {
    absl::StrAppend(&rows, "| `", row.id, "` | ", row.zh_cn, "<br>", row.en, " | ", row.do_zh_cn, "<br>", row.do_en, " |\n");
  }
  EXPECT_EQ(RunbookRows("Refused start"), rows);
}

// Who finds an event in the log finds one remedy for it.
TEST(StartFailure, TheRunbookHasOneRowForAnEvent) {
  std::set<std::string> events;
  for (const std::string& row : std::vector<std::string>(absl::StrSplit(RunbookRows("Start and stop"), '\n', absl::SkipEmpty()))) {
    EXPECT_TRUE(events.insert(row.substr(0, row.find(" | "))).second) << row;
  }
  EXPECT_TRUE(events.contains("| `side_store`"));
}

}  // namespace
}  // namespace redpoints::server
