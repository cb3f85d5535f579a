#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "server/authorize.h"
#include "server/config.h"
#include "server/door.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/page_token.h"
#include "server/principal.h"
#include "server/rate_limit.h"
#include "server/read_pool.h"
#include "server/services.h"
#include "server/stream.h"
#include "server/unknown_methods.h"
#include "storage/mutex.h"
#include "storage/shards.h"

namespace redpoints::server {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("can't read ", path));
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(const Config& config) {
  if (config.plaintext_loopback()) return grpc::InsecureServerCredentials();
  auto certificate = ReadFile(config.tls().server_certificate_file());
  if (!certificate.ok()) return certificate.status();
  auto key = ReadFile(config.tls().server_key_file());
  if (!key.ok()) return key.status();
  auto authority = ReadFile(config.tls().client_ca_file());
  if (!authority.ok()) return authority.status();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = *authority;
  options.pem_key_cert_pairs.push_back({*key, *certificate});
  return grpc::SslServerCredentials(options);
}

}  // namespace

class Server::Impl {
 public:
  Impl(const Config& config, const Logger& log, const Clock& clock) : config_(config), log_(log), clock_(clock) {}
  ~Impl() { Stop(); }

  absl::Status Start() {
    if (auto status = OpenShards(); !status.ok()) return status;
    limiter_ = std::make_unique<RateLimiter>(RateLimiter::Options{.calls_per_second_max = config_.limits().calls_per_second_max(),
                                                                  .burst_max = config_.limits().calls_burst_max(),
                                                                  .callers_max = 100'000});
    Door::Options door{.max_deadline_ms = config_.limits().max_deadline_ms(),
                       .max_stream_deadline_ms = config_.limits().max_stream_deadline_ms(),
                       .plaintext_caller = std::nullopt};
    if (config_.plaintext_loopback()) {
      auto caller = PrincipalFromName(config_.plaintext_caller());
      if (!caller.ok()) return caller.status();
      door.plaintext_caller = *std::move(caller);
    }
    door_ = std::make_unique<Door>(std::move(door), *limiter_);
    authorizer_ = std::make_unique<Authorizer>(*shards_);
    // Beside the first ledger, which is the server's for sure.
    tokens_ = std::make_unique<PageTokens>(LoadOrMakePageTokenKey(config_.shard(0).directory() + "/page_token_key"));
    reads_ =
        std::make_unique<ReadPool>(std::max(2, config_.limits().sync_threads_max() - config_.limits().streams_max()), /*queue_max=*/1024);
    streams_ = std::make_unique<StreamLimit>(config_.limits().streams_max());
    const ServiceContext context{.shards = shards_.get(),
                                 .authorizer = authorizer_.get(),
                                 .reads = reads_.get(),
                                 .tokens = tokens_.get(),
                                 .streams = streams_.get(),
                                 .unary = {.door = door_.get(),
                                           .metrics = &metrics_,
                                           .log = &log_,
                                           .message_bytes_max = static_cast<std::size_t>(config_.limits().max_message_bytes())},
                                 .backup_directory = config_.backup_directory()};
    services_.push_back(MakeRedemptionService(context));
    services_.push_back(MakeAwardService(context));
    services_.push_back(MakeAccountService(context));
    services_.push_back(MakeJournalService(context));
    services_.push_back(MakeRegistryService(context));
    services_.push_back(MakeOperatorService(context));
    return Listen();
  }

  void Stop() {
    if (is_stopped_.exchange(true)) return;
    if (server_) {
      const std::chrono::milliseconds drain(config_.drain_ms());
      const auto deadline = std::chrono::steady_clock::now() + drain;
      EndHealth();
      door_->Close();
      for (const auto& ledger : shards_->ledgers()) ledger->StopWaiting();
      // Only then gRPC's own: it cuts what arrives while connections close, and who is cut learns no reason.
      const auto quiet = drain / 20;
      const bool is_quiet = door_->WaitUntilQuiet(quiet, deadline);
      // What is left after a quiet end is none of ours: somebody watches the health.
      server_->Shutdown(std::chrono::system_clock::now() + (is_quiet ? quiet : std::chrono::milliseconds(0)));
      server_->Wait();
      log_.Write(LogLevel::kInfo, "stopped", {});
    }
    // Answers that are still under way need what is below them; the ledgers answer the last of their queue when they close.
    streams_.reset();
    reads_.reset();
    shards_.reset();
    server_.reset();
  }

  bool HasFailed() const { return has_failed_; }
  const std::vector<int>& ports() const { return ports_; }

 private:
  absl::Status OpenShards() {
    std::vector<Shards::ShardConfig> shards;
    for (const auto& shard : config_.shard()) {
      shards.push_back({.directory = shard.directory(), .programs = {shard.program().begin(), shard.program().end()}});
    }
    Ledger::Options options;
    options.queue_requests_max = static_cast<std::size_t>(config_.limits().queue_requests_max());
    options.on_event = [this](const std::string& event, const std::string& detail) {
      // Rows that are made again need patience, no person.
      const LogLevel level = event == "derived_rebuild" ? LogLevel::kWarning : LogLevel::kError;
      log_.Write(level, event, {{"detail", WithoutNumbers(detail)}});
    };
    options.on_can_write = [this] { UpdateHealth(); };
    options.on_fatal = [this](const absl::Status&) {
      has_failed_ = true;
      ::kill(::getpid(), SIGTERM);  // wakes main, which stops and exits with an error
    };
    auto opened = Shards::Open(shards, clock_, options);
    if (!opened.ok()) return opened.status();
    shards_ = *std::move(opened);
    shards_->FinishFounding();
    for (const auto& ledger : shards_->ledgers()) {
      for (const auto& program : ledger->Programs()) {
        log_.Write(LogLevel::kInfo, "program", {{"program", program}, {"entries", ledger->EndSequence(program)}});
      }
    }
    return absl::OkStatus();
  }

  absl::Status Listen() {
    auto credentials = Credentials(config_);
    if (!credentials.ok()) return credentials.status();
    grpc::EnableDefaultHealthCheckService(true);
    if (config_.reflection()) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    ports_.resize(static_cast<std::size_t>(config_.listen_size()));
    for (int i = 0; i < config_.listen_size(); ++i) {
      builder.AddListeningPort(config_.listen(i), *credentials, &ports_[static_cast<std::size_t>(i)]);
    }
    // gRPC refuses without a reason: most of what is too long is left to ParseMessage.
    builder.SetMaxReceiveMessageSize(2 * config_.limits().max_message_bytes());
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
    // Old connections end, so that certificates and revocations take effect.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 45 * 60'000);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 5 * 60'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 30'000);
    // A client that is gone without a word must not keep its streams.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    for (const auto& service : services_) builder.RegisterService(service.get());
    unknown_methods_ = std::make_unique<UnknownMethods>(metrics_);
    builder.RegisterCallbackGenericService(unknown_methods_.get());
    server_ = builder.BuildAndStart();
    if (!server_) return absl::UnavailableError(absl::StrCat("can't listen on ", config_.listen(0), " or use the certificates"));
    BeginHealth();
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      log_.Write(LogLevel::kInfo, "listening", {{"address", config_.listen(static_cast<int>(i))}, {"port", ports_[i]}});
    }
    return WritePortFile();
  }

  // Health is of services, not of programs: those that write serve while every ledger takes writes. Those that read go on, and so does the
  // server as a whole (""): to start it again would help neither a full disk nor a clock that somebody has to look at.
  void BeginHealth() {
    {
      const MutexLock lock(health_mutex_);
      health_ = server_->GetHealthCheckService();
      health_->SetServingStatus(true);
      for (const char* service : {"Account", "Journal", "Operator"}) health_->SetServingStatus(ServiceName(service), true);
    }
    UpdateHealth();
  }
  void UpdateHealth() {
    const MutexLock lock(health_mutex_);
    if (!health_) return;  // a ledger of a server that does not listen yet, or no longer
    const auto& ledgers = shards_->ledgers();
    const bool can_write = std::all_of(ledgers.begin(), ledgers.end(), [](const auto& ledger) { return ledger->CanWrite(); });
    for (const char* service : {"Redemption", "Award", "Registry"}) health_->SetServingStatus(ServiceName(service), can_write);
  }
  void EndHealth() {
    const MutexLock lock(health_mutex_);
    health_->Shutdown();
    health_ = nullptr;
  }
  static std::string ServiceName(const char* service) { return absl::StrCat("redpoints.v1.", service, "Service"); }

  // Complete before it has its name: whoever waits for it finds all ports in it.
  absl::Status WritePortFile() const {
    if (config_.port_file().empty()) return absl::OkStatus();
    const std::string partial = config_.port_file() + ".partial";
    bool is_written = false;
    errno = 0;
    {
      std::ofstream file(partial, std::ios::trunc);
      for (const int port : ports_) file << port << "\n";
      is_written = static_cast<bool>(file.flush());
    }
    if (is_written && std::rename(partial.c_str(), config_.port_file().c_str()) == 0) return absl::OkStatus();
    const auto status = absl::UnavailableError(absl::StrCat("can't write ", partial));
    if (errno != ENOSPC) return status;
    // A full disk must not keep a server from answering what can still be asked.
    log_.Write(LogLevel::kError, "port_file", {{"detail", std::string(status.message())}});
    return absl::OkStatus();
  }

  const Config config_;
  const Logger& log_;
  const Clock& clock_;
  Metrics metrics_;
  std::unique_ptr<RateLimiter> limiter_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<PageTokens> tokens_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<UnknownMethods> unknown_methods_;
  std::unique_ptr<grpc::Server> server_;
  Mutex health_mutex_;
  grpc::HealthCheckServiceInterface* health_ ABSL_GUARDED_BY(health_mutex_) = nullptr;  // server_'s, while it serves
  std::unique_ptr<Shards> shards_;
  std::unique_ptr<ReadPool> reads_;
  std::unique_ptr<StreamLimit> streams_;
  std::vector<int> ports_;
  std::atomic<bool> is_stopped_ = false;
  std::atomic<bool> has_failed_ = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config, const Logger& log, const Clock& clock) {
  auto impl = std::make_unique<Impl>(config, log, clock);
  if (auto status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::Stop() { impl_->Stop(); }
bool Server::HasFailed() const { return impl_->HasFailed(); }
const std::vector<int>& Server::ports() const { return impl_->ports(); }

}  // namespace redpoints::server
