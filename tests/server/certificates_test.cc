#include "server/certificates.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "redpoints/v1/account_service.grpc.pb.h"
#include "server/door.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/unary.h"

namespace redpoints::server {
namespace {

constexpr char kTerminal[] = "programs/kaiyuan/merchants/s1/terminals/t1";

// Answers with the name of the caller.
class WhoAmI final : public v1::AccountService::WithRawCallbackMethod_GetBalance<v1::AccountService::Service> {
 public:
  explicit WhoAmI(const UnaryShared& shared) : get_balance_(shared, "AccountService/GetBalance") {}

  grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_balance_.Handle<v1::GetBalanceRequest, v1::GetBalanceResponse>(
        context, in, out, [](const Call& call, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse> reply) {
          v1::GetBalanceResponse response;
          response.set_member(call.caller().Name());
          reply.Ok(response);
        });
  }

 private:
  const UnaryMethod get_balance_;
};

// Connections are freed by threads of gRPC's own; a process that ends sooner seems to leak them.
class WaitForGrpc : public testing::Environment {
 public:
  void SetUp() override { grpc_init(); }
  void TearDown() override { grpc_shutdown_blocking(); }
};
[[maybe_unused]] const auto* const kWaitForGrpc = testing::AddGlobalTestEnvironment(new WaitForGrpc);

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status envelope;
  google::rpc::ErrorInfo info;
  if (!envelope.ParseFromString(status.error_details())) return "unreadable";
  for (const auto& any : envelope.details()) {
    if (any.UnpackTo(&info)) return info.reason();
  }
  return "without ErrorInfo";
}

CertificateAuthority NewAuthority(const std::string& name = "Red Points trial") { return CertificateAuthority::Create(name).value(); }

// A server on a port of its own that takes clients of `authority_` only.
class MutualTls : public testing::Test {
 protected:
  MutualTls() {
    grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = authority_.pair().certificate_pem;
    const KeyPair pair = authority_.IssueServer({"till-server.example"}).value();
    options.pem_key_cert_pairs.push_back({pair.key_pem, pair.certificate_pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port_);
    builder.RegisterService(&who_am_i_);
    server_ = builder.BuildAndStart();
  }

  ~MutualTls() override { server_->Shutdown(); }

  // Whatever was refused, it was not because nobody is let in.
  void TearDown() override { EXPECT_EQ(CallerWith(authority_.IssueClient(kTerminal).value()), kTerminal); }

  std::unique_ptr<v1::AccountService::Stub> Connect(const std::optional<KeyPair>& client, const std::string& root_pem,
                                                    const std::string& expected_name = "") {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = root_pem;
    if (client) {
      options.pem_private_key = client->key_pem;
      options.pem_cert_chain = client->certificate_pem;
    }
    grpc::ChannelArguments arguments;
    // Otherwise channels to one address share connections, and with them the first caller's certificate.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (!expected_name.empty()) arguments.SetSslTargetNameOverride(expected_name);
    return v1::AccountService::NewStub(
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_), grpc::SslCredentials(options), arguments));
  }

  static std::string Ask(v1::AccountService::Stub& stub) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::GetBalanceResponse response;
    const grpc::Status status = stub.GetBalance(&context, {}, &response);
    if (status.ok()) return response.member();
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return "no connection";
    return ReasonOf(status);
  }

  // Who the server takes a client with this certificate for.
  std::string CallerWith(const std::optional<KeyPair>& client) { return Ask(*Connect(client, authority_.pair().certificate_pem)); }

  const CertificateAuthority authority_ = NewAuthority();
  Logger logger_{LogLevel::kError};
  Metrics metrics_;
  RateLimiter limiter_{{}};
  Door door_{{}, limiter_};
  WhoAmI who_am_i_{UnaryShared{.door = &door_, .metrics = &metrics_, .log = &logger_}};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(MutualTls, CallerIsTheNameOnTheCertificate) {
  for (const std::string name : {kTerminal, "programs/kaiyuan/staff/a1", "programs/kaiyuan/members/m1", "programs/system/staff/a1"}) {
    EXPECT_EQ(CallerWith(authority_.IssueClient(name).value()), name);
  }
}

TEST_F(MutualTls, CallerStaysTheSameOnOneConnection) {
  const auto stub = Connect(authority_.IssueClient(kTerminal).value(), authority_.pair().certificate_pem);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(*stub), kTerminal);
}

TEST_F(MutualTls, ForgedCommonNameIsIgnored) {
  const std::string administrator = "redpoints:programs/kaiyuan/staff/a1";
  EXPECT_EQ(CallerWith(authority_.Issue({.common_name = administrator, .uris = {std::string("redpoints:") + kTerminal}}).value()),
            kTerminal);
  EXPECT_EQ(CallerWith(authority_.Issue({.common_name = administrator}).value()), "CALLER_UNKNOWN");
}

TEST_F(MutualTls, DnsNameThatLooksLikeAUriIsIgnored) {
  const std::string administrator = "redpoints:programs/kaiyuan/staff/a1";
  EXPECT_EQ(CallerWith(authority_.Issue({.common_name = "x", .dns_names = {administrator}}).value()), "CALLER_UNKNOWN");
  EXPECT_EQ(
      CallerWith(
          authority_.Issue({.common_name = "x", .dns_names = {administrator}, .uris = {std::string("redpoints:") + kTerminal}}).value()),
      kTerminal);
}

TEST_F(MutualTls, TwoNamesOrABrokenOneAreNobody) {
  EXPECT_EQ(
      CallerWith(
          authority_.Issue({.common_name = "x", .uris = {std::string("redpoints:") + kTerminal, "redpoints:programs/p/staff/a1"}}).value()),
      "CALLER_UNKNOWN");
  EXPECT_EQ(CallerWith(authority_.Issue({.common_name = "x", .uris = {"redpoints:programs/kaiyuan"}}).value()), "CALLER_UNKNOWN");
  const std::string with_nul("redpoints:programs/kaiyuan/staff/a1\0.evil", 41);
  EXPECT_NE(CallerWith(authority_.Issue({.common_name = "x", .uris = {with_nul}}).value()), "programs/kaiyuan/staff/a1");
}

TEST_F(MutualTls, WithoutACertificateThereIsNoConnection) { EXPECT_EQ(CallerWith(std::nullopt), "no connection"); }

TEST_F(MutualTls, CertificateOfAnotherAuthorityIsRefused) {
  // Of the same name, so that only the signature tells them apart.
  EXPECT_EQ(CallerWith(NewAuthority().IssueClient(kTerminal).value()), "no connection");
}

TEST_F(MutualTls, PastCertificateIsRefused) {
  EXPECT_EQ(CallerWith(authority_.IssueClient(kTerminal, std::chrono::hours(-1)).value()), "no connection");
}

TEST_F(MutualTls, ServersCertificateIsNoClients) {
  EXPECT_EQ(CallerWith(authority_.Issue({.common_name = "x", .uris = {std::string("redpoints:") + kTerminal}, .is_server = true}).value()),
            "no connection");
}

TEST_F(MutualTls, ClientAcceptsTheServerByEachOfItsNamesAndOnlyFromItsAuthority) {
  const KeyPair client = authority_.IssueClient(kTerminal).value();
  EXPECT_EQ(Ask(*Connect(client, authority_.pair().certificate_pem)), kTerminal);
  EXPECT_EQ(Ask(*Connect(client, authority_.pair().certificate_pem, "localhost")), kTerminal);
  EXPECT_EQ(Ask(*Connect(client, authority_.pair().certificate_pem, "till-server.example")), kTerminal);
  EXPECT_EQ(Ask(*Connect(client, authority_.pair().certificate_pem, "other.example")), "no connection");
  EXPECT_EQ(Ask(*Connect(client, NewAuthority().pair().certificate_pem)), "no connection");
}

TEST(CertificateAuthority, IssuesOnlyForThoseWhoCall) {
  const CertificateAuthority authority = NewAuthority();
  for (const char* name : {"", "programs/p", "programs/p/merchants/s1", "redpoints:programs/p/staff/a1", "programs/p/staff/A",
                           "programs/system/members/m1", "programs/p/holds/1"}) {
    EXPECT_EQ(authority.IssueClient(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_FALSE(authority.Issue({.common_name = "x", .ip_addresses = {"no address"}}).ok());
}

TEST(CertificateAuthority, SurvivesItsFiles) {
  const CertificateAuthority first = NewAuthority();
  const auto second = CertificateAuthority::Load(first.pair());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->pair().certificate_pem, first.pair().certificate_pem);
  EXPECT_TRUE(second->IssueClient(kTerminal).ok());
}

TEST(CertificateAuthority, WhatMayNotIssueIsNotLoaded) {
  const CertificateAuthority authority = NewAuthority();
  const KeyPair leaf = authority.IssueClient(kTerminal).value();
  EXPECT_FALSE(CertificateAuthority::Load(leaf).ok());
  EXPECT_FALSE(CertificateAuthority::Load({.certificate_pem = authority.pair().certificate_pem, .key_pem = leaf.key_pem}).ok());
  EXPECT_FALSE(CertificateAuthority::Load({.certificate_pem = "x", .key_pem = "y"}).ok());
  EXPECT_FALSE(CertificateAuthority::Load({}).ok());
}

class Parsed {
 public:
  explicit Parsed(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    certificate_ = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
  }
  Parsed(const Parsed&) = delete;
  ~Parsed() { X509_free(certificate_); }
  X509* get() const { return certificate_; }

 private:
  X509* certificate_;
};

TEST(Certificate, SaysWhatItMayBeUsedFor) {
  const CertificateAuthority authority = NewAuthority();
  const Parsed ca(authority.pair().certificate_pem);
  const Parsed server(authority.IssueServer().value().certificate_pem);
  const Parsed client(authority.IssueClient(kTerminal).value().certificate_pem);
  ASSERT_TRUE(ca.get() && server.get() && client.get());

  EXPECT_EQ(X509_check_ca(ca.get()), 1);
  EXPECT_EQ(X509_get_pathlen(ca.get()), 0);
  EXPECT_EQ(X509_get_key_usage(ca.get()), static_cast<std::uint32_t>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
  for (X509* leaf : {server.get(), client.get()}) {
    EXPECT_EQ(X509_check_ca(leaf), 0);
    EXPECT_EQ(X509_get_key_usage(leaf), static_cast<std::uint32_t>(KU_DIGITAL_SIGNATURE));
    EXPECT_EQ(X509_check_issued(ca.get(), leaf), X509_V_OK);
    EXPECT_EQ(X509_verify(leaf, X509_get0_pubkey(ca.get())), 1);
  }
  EXPECT_EQ(X509_get_extended_key_usage(server.get()), static_cast<std::uint32_t>(XKU_SSL_SERVER));
  EXPECT_EQ(X509_get_extended_key_usage(client.get()), static_cast<std::uint32_t>(XKU_SSL_CLIENT));
  EXPECT_EQ(X509_check_host(server.get(), "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(server.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(server.get(), "127.0.0.2", 0), 0);
}

TEST(Certificate, IsGoodTenMinutesBeforeItWasMade) {
  const Parsed client(NewAuthority().IssueClient(kTerminal, std::chrono::hours(24)).value().certificate_pem);
  std::time_t before = std::time(nullptr) - 9 * 60;
  EXPECT_LT(X509_cmp_time(X509_get0_notBefore(client.get()), &before), 0);
  before -= 2 * 60;
  EXPECT_GT(X509_cmp_time(X509_get0_notBefore(client.get()), &before), 0);
  std::time_t after = std::time(nullptr) + 24 * 3600 - 60;
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(client.get()), &after), 0);
  after += 2 * 60;
  EXPECT_LT(X509_cmp_time(X509_get0_notAfter(client.get()), &after), 0);
}

TEST(Certificate, LongCommonNameIsCutAtACharacter) {
  std::string name;
  for (int i = 0; i < 50; ++i) name += "红";
  EXPECT_TRUE(CertificateAuthority::Create(name).ok());
}

class KeyPairFiles : public testing::Test {
 protected:
  KeyPairFiles() { std::filesystem::create_directory(directory_); }
  ~KeyPairFiles() override { std::filesystem::remove_all(directory_); }

  const std::string directory_ = testing::TempDir() + "/certificates_test." + std::to_string(getpid());
  const std::string certificate_ = directory_ + "/x.crt";
  const std::string key_ = directory_ + "/x.key";
  const KeyPair pair_{.certificate_pem = "certificate\n", .key_pem = "key\n"};
};

TEST_F(KeyPairFiles, AreReadAsWrittenAndTheKeyIsItsOwnersOnly) {
  ASSERT_TRUE(WriteKeyPair(pair_, certificate_, key_).ok());
  const auto read = ReadKeyPair(certificate_, key_);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->certificate_pem, pair_.certificate_pem);
  EXPECT_EQ(read->key_pem, pair_.key_pem);
  struct stat info {};
  ASSERT_EQ(stat(key_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(KeyPairFiles, AreNeverOverwritten) {
  std::ofstream(key_) << "old";
  EXPECT_EQ(WriteKeyPair(pair_, certificate_, key_).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(certificate_));
  EXPECT_EQ(std::filesystem::file_size(key_), 3U);
  std::filesystem::remove(key_);
  std::ofstream(certificate_) << "old";
  EXPECT_EQ(WriteKeyPair(pair_, certificate_, key_).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(key_));
  EXPECT_EQ(std::filesystem::file_size(certificate_), 3U);
}

TEST_F(KeyPairFiles, NothingIsLeftOfAFailure) {
  EXPECT_EQ(WriteKeyPair(pair_, directory_ + "/absent/x.crt", key_).code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(key_));
  EXPECT_EQ(ReadKeyPair(certificate_, key_).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace redpoints::server
