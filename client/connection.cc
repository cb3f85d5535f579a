#include "client/connection.h"

#include <arpa/inet.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/channel_arguments.h"

namespace redpoints {
namespace {

// An answer to the largest award batch is about half of this.
constexpr int kMaxMessageBytes = 4 << 20;
// An answer whose trailers are larger is dropped, and with it the refusal that they tell. gRPC's own bound is 8 KiB.
constexpr int kMaxMetadataBytes = 64 << 10;

// By the address itself: a name such as 127.example.org must not pass.
bool IsLoopback(const std::string& server) {
  if (absl::StartsWith(server, "unix:")) return true;
  const std::string host = server.substr(0, server.rfind(':'));
  in_addr address{};
  return host == "localhost" || host == "[::1]" || (inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  return text.str();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ConnectionOptions& options) {
  if (options.is_plaintext) {
    if (!IsLoopback(options.server)) return absl::InvalidArgumentError("plaintext is for loopback only");
    return grpc::InsecureChannelCredentials();
  }
  if (options.ca_file.empty()) return absl::InvalidArgumentError("TLS needs the CA file");
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError("certificate and key belong together");
  }
  grpc::SslCredentialsOptions ssl;
  const std::pair<const std::string&, std::string&> files[] = {
      {options.ca_file, ssl.pem_root_certs}, {options.certificate_file, ssl.pem_cert_chain}, {options.key_file, ssl.pem_private_key}};
  for (const auto& [path, pem] : files) {
    if (path.empty()) continue;
    auto text = ReadPem(path);
    if (!text.ok()) return text.status();
    pem = *std::move(text);
  }
  return grpc::SslCredentials(ssl);
}

}  // namespace

ConnectionTrouble TroubleIn(std::string_view message) {
  using enum ConnectionTrouble;
  constexpr std::pair<std::string_view, ConnectionTrouble> kWords[] = {
      {"DNS resolution failed", kUnknownHost},
      {"is not in peer certificate", kServerName},
      {"Hostname Verification Check failed", kServerName},
      {"certificate verify failed", kServerCertificate},
      {"wrong version number", kNoTls},
      {"Deadline Exceeded", kNoAnswer},
      {"Connection refused", kRefused},
      {"Socket closed", kHungUp},
      {"Connection reset", kHungUp},
      {"empty address list", kUnusableFiles},  // credentials that can't be made leave a channel to nowhere
  };
  for (const auto& [words, trouble] : kWords) {
    if (message.find(words) != std::string_view::npos) return trouble;
  }
  return kOther;
}

Connection::Connection(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}

absl::StatusOr<std::shared_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  if (options.server.empty()) return absl::InvalidArgumentError("the server's address is empty");
  auto credentials = MakeCredentials(options);
  if (!credentials.ok()) return credentials.status();
  grpc::ChannelArguments arguments;
  // gRPC's own retries would send a request again unseen, after a cut that leaves its fate open.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  // Also how long one attempt may take: over a link of half a second the handshake alone takes two.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 8'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  // Own subchannels: a backoff or a certificate is never shared with another connection of this process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return std::shared_ptr<Connection>(new Connection(grpc::CreateCustomChannel(options.server, *credentials, arguments)));
}

bool Connection::WaitForConnected(std::chrono::milliseconds timeout) const {
  return channel_->WaitForConnected(std::chrono::system_clock::now() + timeout);
}

std::string Connection::LastError(std::chrono::milliseconds timeout) const {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  grpc::CompletionQueue queue;
  grpc::Status status;
  grpc::ByteBuffer response;
  const grpc::Slice empty;
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::ByteBuffer(&empty, 1), &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool is_ok = false;
  queue.Next(&tag, &is_ok);
  return status.error_code() == grpc::StatusCode::UNAVAILABLE || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED
             ? status.error_message()
             : "";
}

}  // namespace redpoints
