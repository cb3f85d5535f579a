#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/server_credentials.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/acceptor.h"
#include "server/authorize.h"
#include "server/certificates.h"
#include "server/config.h"
#include "server/deeds.h"
#include "server/door.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/numbers.h"
#include "server/page_token.h"
#include "server/principal.h"
#include "server/rate_limit.h"
#include "server/read_pool.h"
#include "server/services.h"
#include "server/side_state.h"
#include "server/start_failure.h"
#include "server/stream.h"
#include "server/unknown_methods.h"
#include "storage/mutex.h"
#include "storage/shards.h"
#include "storage/start_failure.h"

namespace redpoints::server {
namespace {

// Fewer connections than these would serve nobody.
constexpr int kConnectionsMin = 32;
constexpr int kWaitingMax = 1'024;
// People need some days to issue a new one.
constexpr std::chrono::hours kCertificateEndsSoon{24 * 14};

// A certificate that is not valid refuses no start: the clock may be what is wrong, and is set later.
void LogValidity(const ServerTls& tls, const std::string& path, const Logger& log) {
  const auto now = std::chrono::system_clock::now();
  const auto days = std::chrono::duration_cast<std::chrono::hours>(tls.valid_until - now).count() / 24;
  if (now < tls.valid_from || tls.valid_until <= now) {
    log.Write(LogLevel::kError, "certificate_not_valid", {{"file", path}, {"days_left", days}});
  } else if (tls.valid_until - now < kCertificateEndsSoon) {
    log.Write(LogLevel::kWarning, "certificate_ends", {{"file", path}, {"days_left", days}});
  }
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(const Config& config, const Logger& log) {
  if (config.plaintext_loopback()) return grpc::InsecureServerCredentials();
  const auto& files = config.tls();
  auto tls = ReadServerTls(files.server_certificate_file(), files.server_key_file(), files.client_ca_file());
  if (!tls.ok()) return tls.status();
  LogValidity(*tls, files.server_certificate_file(), log);
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls->client_ca_pem;
  options.pem_key_cert_pairs.push_back({tls->pair.key_pem, tls->pair.certificate_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace

class Server::Impl {
 public:
  Impl(const Config& config, const Logger& log, const Clock& clock) : config_(config), log_(log), clock_(clock) {}
  ~Impl() { Stop(); }

  absl::Status Start() {
    // Before the ledgers open their files.
    auto share = ShareDescriptors();
    if (!share.ok()) return share.status();
    descriptors_ = *share;
    if (auto status = OpenShards(); !status.ok()) {
      const auto id = LedgerFailure(status);
      return AsStartFailure(std::move(status), id);
    }
    if (auto status = OpenSideState(); !status.ok()) return status;
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
    numbers_ = std::make_unique<Numbers>(*side_.store, *side_.keys, *shards_, lost_numbers_);
    deeds_ = std::make_unique<Deeds>(*side_.store, *side_.keys, *shards_);
    // Beside the first ledger, which is the server's for sure.
    tokens_ = std::make_unique<PageTokens>(LoadOrMakePageTokenKey(config_.shard(0).directory() + "/page_token_key"));
    reads_ =
        std::make_unique<ReadPool>(std::max(2, config_.limits().sync_threads_max() - config_.limits().streams_max()), /*queue_max=*/1024);
    streams_ = std::make_unique<StreamLimit>(config_.limits().streams_max());
    const ServiceContext context{.shards = shards_.get(),
                                 .authorizer = authorizer_.get(),
                                 .numbers = numbers_.get(),
                                 .deeds = deeds_.get(),
                                 .side = side_.store.get(),
                                 .side_key = SideKeyId(*side_.keys),
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
      // It does not close what is handed to it afterwards.
      acceptor_->Stop();
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
    side_ = {};  // the answers of the ledgers were the last to ask it
  }

  bool HasFailed() const { return has_failed_; }
  const std::vector<int>& ports() const { return acceptor_->ports(); }

 private:
  absl::Status OpenShards() {
    std::vector<Shards::ShardConfig> shards;
    for (const auto& shard : config_.shard()) {
      shards.push_back({.directory = shard.directory(), .programs = {shard.program().begin(), shard.program().end()}});
    }
    Ledger::Options options;
    options.queue_requests_max = static_cast<std::size_t>(config_.limits().queue_requests_max());
    options.on_event = [this](const std::string& event, const std::string& detail) {
      // Rows that are made again need patience, and a clock that is not known to be right has not done any harm.
      const bool is_warning = event == "derived_rebuild" || event == "clock_unsure";
      const LogLevel level = is_warning ? LogLevel::kWarning : LogLevel::kError;
      log_.Write(level, event, {{"detail", WithoutMemberNumbers(detail)}});
    };
    options.on_can_write = [this] { UpdateHealth(); };
    options.on_fatal = [this](const absl::Status&) {
      has_failed_ = true;
      ::kill(::getpid(), SIGTERM);  // wakes main, which stops and exits with an error
    };
    auto opened = Shards::Open(shards, clock_, options);
    if (!opened.ok()) return opened.status();
    shards_ = *std::move(opened);
    for (const auto& ledger : shards_->ledgers()) {
      for (const auto& program : ledger->Programs()) {
        log_.Write(LogLevel::kInfo, "program", {{"program", program}, {"entries", ledger->EndSequence(program)}});
      }
    }
    return absl::OkStatus();
  }

  absl::Status OpenSideState() {
    const auto on_failed = [this](const std::string& why) {
      log_.Write(LogLevel::kError, "side_store_failed", {{"detail", WithoutMemberNumbers(why)}});
      UpdateHealth();
    };
    auto side = OpenSide(config_.side_state(), /*read_only=*/false, on_failed);
    // A full disk: what can still be asked is, as of the ledgers.
    if (!side.ok() && absl::IsUnavailable(side.status())) {
      on_failed(std::string(side.status().message()));
      side = OpenSide(config_.side_state(), /*read_only=*/true);
    }
    if (!side.ok()) return side.status();
    side_ = *std::move(side);
    if (!side_.store->was_marked()) log_.Write(LogLevel::kWarning, "side_store_unmarked", {{"detail", config_.side_state().directory()}});
    if (auto status = CompareSideKey(*side_.keys, *shards_); !status.ok()) return status;
    shards_->FinishFounding(SideKeyId(*side_.keys));
    // Nothing is on its way yet. What can't be cleared now is next time; what is damaged refuses where it is asked for.
    auto strays = ClearSide(*side_.store, *shards_);
    const absl::Status damage = strays.ok() ? strays->damage : strays.status();
    if (!damage.ok()) log_.Write(LogLevel::kError, "side_store", {{"detail", WithoutMemberNumbers(std::string(damage.message()))}});
    if (!strays.ok()) return absl::OkStatus();
    if (strays->rows > 0) {
      log_.Write(LogLevel::kWarning, "side_rows_without_entry",
                 {{"rows", strays->rows}, {"members", static_cast<std::int64_t>(strays->numbers.size())}});
    }
    lost_numbers_ = std::move(strays->numbers);
    return absl::OkStatus();
  }

  absl::Status Listen() {
    auto credentials = Credentials(config_, log_);
    if (!credentials.ok()) return credentials.status();
    auto listening = Acceptor::Listen({config_.listen().begin(), config_.listen().end()}, log_);
    if (!listening.ok()) return listening.status();
    acceptor_ = *std::move(listening);
    grpc::EnableDefaultHealthCheckService(true);
    if (config_.reflection()) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    connections_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, *credentials);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                               static_cast<int>(std::chrono::milliseconds(kHandshakeTimeout).count()));
    // gRPC refuses without a reason: most of what is too long is left to CheckLength.
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
    for (const auto& service : services_) builder.RegisterService(service.get());
    unknown_methods_ = std::make_unique<UnknownMethods>(metrics_);
    builder.RegisterCallbackGenericService(unknown_methods_.get());
    server_ = builder.BuildAndStart();
    if (!server_) return StartRefused("TLS_REFUSED", config_.tls().server_certificate_file());
    BeginHealth();
    if (auto status = Accept(); !status.ok()) return status;
    for (std::size_t i = 0; i < ports().size(); ++i) {
      const std::string& address = config_.listen(static_cast<int>(i));
      log_.Write(LogLevel::kInfo, "listening",
                 {{"address", absl::StrCat(address.substr(0, address.rfind(':') + 1), ports()[i])}, {"port", ports()[i]}});
    }
    return WritePortFile();
  }

  // The ledgers, gRPC and the log have opened what they need to begin with: what is free below the reserve is for connections. A quarter
  // may be silent, and a quarter of one address, so that neither keeps others out.
  absl::Status Accept() {
    const int free = FreeDescriptorsBelow(descriptors_.connections_end);
    if (free < kConnectionsMin) {
      return StartRefused("DESCRIPTORS_TOO_FEW",
                          absl::StrCat("of ", descriptors_.limit, " open files, ", std::max(free, 0), " are left for connections"));
    }
    const int waiting_max = std::min(free / 4, kWaitingMax);
    const int configured = config_.limits().connections_per_address_max();
    const int per_address_max = configured > 0 ? configured : free / 4;
    log_.Write(LogLevel::kInfo, "connections",
               {{"open_files_max", descriptors_.limit},
                {"connections_max", free},
                {"per_address_max", per_address_max},
                {"waiting_max", waiting_max}});
    acceptor_->Start({.first_bytes = config_.plaintext_loopback() ? Acceptor::FirstBytes::kHttp2 : Acceptor::FirstBytes::kTls,
                      .connections_end = descriptors_.connections_end,
                      .waiting_max = static_cast<std::size_t>(waiting_max),
                      .per_address_max = static_cast<std::size_t>(per_address_max)},
                     [this](int fd) {
                       grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
                       connection.fd = fd;
                       connections_->HandleNewConnection(&connection);
                     });
    return absl::OkStatus();
  }

  // Health is of services, not of programs: those that write serve while every ledger takes writes and, but for sales, which need none, the
  // side store does. Those that read go on, and so does the
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
    health_->SetServingStatus(ServiceName("Redemption"), can_write);
    for (const char* service : {"Award", "Registry"}) health_->SetServingStatus(ServiceName(service), can_write && side_.store->CanWrite());
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
      for (const int port : ports()) file << port << "\n";
      is_written = static_cast<bool>(file.flush());
    }
    if (is_written && std::rename(partial.c_str(), config_.port_file().c_str()) == 0) return absl::OkStatus();
    const int error = errno;
    const std::string detail = FileProblem(partial, error);
    if (error != ENOSPC) return StartRefused("PORT_FILE_UNWRITABLE", detail);
    // A full disk must not keep a server from answering what can still be asked.
    log_.Write(LogLevel::kError, "port_file", {{"detail", detail}});
    return absl::OkStatus();
  }

  const Config config_;
  const Logger& log_;
  const Clock& clock_;
  Metrics metrics_;
  std::unique_ptr<RateLimiter> limiter_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<Authorizer> authorizer_;
  OpenedSide side_;
  LostNumbers lost_numbers_;  // constant once the side state is open
  std::unique_ptr<Numbers> numbers_;
  std::unique_ptr<Deeds> deeds_;
  std::unique_ptr<PageTokens> tokens_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<UnknownMethods> unknown_methods_;
  DescriptorShare descriptors_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Acceptor> acceptor_;  // hands over to connections_
  Mutex health_mutex_;
  grpc::HealthCheckServiceInterface* health_ ABSL_GUARDED_BY(health_mutex_) = nullptr;  // server_'s, while it serves
  std::unique_ptr<Shards> shards_;
  std::unique_ptr<ReadPool> reads_;
  std::unique_ptr<StreamLimit> streams_;
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
