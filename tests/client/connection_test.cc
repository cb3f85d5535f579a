#include "client/connection.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "client/client.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/client/test_certificates.h"

namespace redpoints {
namespace {

constexpr std::chrono::milliseconds kShortWait{300};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() { std::filesystem::create_directories(directory_); }
  ~ConnectionTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  // How a read ends over these options. A handshake that fails is tried again for as long as the wait lasts.
  static Fate Read(const ConnectionOptions& options, std::chrono::milliseconds wait = std::chrono::seconds(3)) {
    CallOptions calls;
    calls.connect_timeout = wait;
    return Client(Connection::Open(options).value(), calls).GetJournal({}).fate();
  }

  static absl::StatusCode Open(const ConnectionOptions& options) { return Connection::Open(options).status().code(); }

  const std::string directory_ = testing::TempDir() + "/redpoints_connection_" + std::to_string(getpid()) + "_" +
                                 testing::UnitTest::GetInstance()->current_test_info()->name();
};

ConnectionOptions Plaintext(const std::string& server) {
  ConnectionOptions options;
  options.server = server;
  options.is_plaintext = true;
  return options;
}

TEST_F(ConnectionTest, PlaintextIsForLoopbackOnly) {
  for (const char* server : {"localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/tmp/x"}) {
    EXPECT_EQ(Open(Plaintext(server)), absl::StatusCode::kOk) << server;
  }
  for (const char* server : {"example.org:1", "10.0.0.1:1", "127.example.org:1", "localhost.example.org:1", "[::2]:1", ""}) {
    EXPECT_EQ(Open(Plaintext(server)), absl::StatusCode::kInvalidArgument) << server;
  }
}

TEST_F(ConnectionTest, TlsNeedsReadableFilesThatBelongTogether) {
  ConnectionOptions options;
  options.server = "example.org:1";
  EXPECT_EQ(Open(options), absl::StatusCode::kInvalidArgument);  // no CA, and nothing said of plaintext
  options.ca_file = directory_ + "/absent.pem";
  EXPECT_EQ(Open(options), absl::StatusCode::kInvalidArgument);
  options.ca_file = Write("ca.pem", MakeCa("ca").certificate_pem);
  EXPECT_EQ(Open(options), absl::StatusCode::kOk);
  options.certificate_file = options.ca_file;
  EXPECT_EQ(Open(options), absl::StatusCode::kInvalidArgument);  // no key
}

// As gRPC 1.51 with OpenSSL says it; tests/client/tls_test.cc makes most of them happen.
TEST(ConnectionTroubleTest, IsToldFromGrpcsWords) {
  using enum ConnectionTrouble;
  const std::string all = "failed to connect to all addresses; last error: ";
  const std::string handshake = all + "UNKNOWN: ipv4:1.2.3.4:5: Ssl handshake failed: SSL_ERROR_SSL: error:";
  EXPECT_EQ(TroubleIn("DNS resolution failed for nohost.invalid:1: C-ares status is not ARES_SUCCESS"), kUnknownHost);
  EXPECT_EQ(TroubleIn("Deadline Exceeded"), kNoAnswer);
  EXPECT_EQ(TroubleIn(all + "UNKNOWN: ipv4:1.2.3.4:5: Failed to connect to remote host: Connection refused"), kRefused);
  EXPECT_EQ(TroubleIn(handshake + "0A000086:SSL routines::certificate verify failed"), kServerCertificate);
  EXPECT_EQ(TroubleIn(handshake + "0A00010B:SSL routines::wrong version number"), kNoTls);
  EXPECT_EQ(TroubleIn(all + "UNAVAILABLE: ipv4:1.2.3.4:5: Socket closed"), kHungUp);
  EXPECT_EQ(TroubleIn("empty address list: "), kUnusableFiles);
  EXPECT_EQ(TroubleIn("anything else"), kOther);
  EXPECT_EQ(TroubleIn(""), kOther);
}

TEST_F(ConnectionTest, MutualTlsWantsBothCertificatesOfTheRightCa) {
  const auto ca = MakeCa("ours");
  const auto other_ca = MakeCa("another");
  const auto server_certificate = MakeLeaf(ca, "IP:127.0.0.1");
  const auto caller = MakeLeaf(ca, "URI:programs/minyue/staff/s1");
  const auto stranger = MakeLeaf(other_ca, "URI:programs/minyue/staff/s1");
  FakeServer server(
      FakeTls{.ca_pem = ca.certificate_pem, .certificate_pem = server_certificate.certificate_pem, .key_pem = server_certificate.key_pem});
  server.Script("GetJournal", {Send(v1::GetJournalResponse())});

  ConnectionOptions good;
  good.server = server.address();
  good.ca_file = Write("ca.pem", ca.certificate_pem);
  good.certificate_file = Write("caller.pem", caller.certificate_pem);
  good.key_file = Write("caller.key", caller.key_pem);
  EXPECT_EQ(Read(good), Fate::kDone);

  ConnectionOptions wrong_server = good;
  wrong_server.ca_file = Write("other_ca.pem", other_ca.certificate_pem);
  EXPECT_EQ(Read(wrong_server, kShortWait), Fate::kNotSent);
  EXPECT_EQ(TroubleIn(Connection::Open(wrong_server).value()->LastError(std::chrono::seconds(3))), ConnectionTrouble::kServerCertificate);
  EXPECT_EQ(Connection::Open(good).value()->LastError(std::chrono::seconds(3)), "");

  ConnectionOptions wrong_caller = good;
  wrong_caller.certificate_file = Write("stranger.pem", stranger.certificate_pem);
  wrong_caller.key_file = Write("stranger.key", stranger.key_pem);
  EXPECT_NE(Read(wrong_caller, kShortWait), Fate::kDone);
  EXPECT_EQ(server.Calls("GetJournal").size(), 1U);
}

TEST_F(ConnectionTest, TheNameInTheCertificateCanDifferFromTheHost) {
  const auto ca = MakeCa("ours");
  const auto server_certificate = MakeLeaf(ca, "DNS:redpoints.example");
  const auto caller = MakeLeaf(ca, "URI:programs/minyue/staff/s1");
  FakeServer server(
      FakeTls{.ca_pem = ca.certificate_pem, .certificate_pem = server_certificate.certificate_pem, .key_pem = server_certificate.key_pem});
  server.Script("GetJournal", {Send(v1::GetJournalResponse())});
  ConnectionOptions options;
  options.server = server.address();
  options.ca_file = Write("ca.pem", ca.certificate_pem);
  options.certificate_file = Write("caller.pem", caller.certificate_pem);
  options.key_file = Write("caller.key", caller.key_pem);
  EXPECT_EQ(Read(options, kShortWait), Fate::kNotSent);
  options.server_name = "redpoints.example";
  EXPECT_EQ(Read(options), Fate::kDone);
}

}  // namespace
}  // namespace redpoints
