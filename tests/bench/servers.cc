#include "tests/bench/servers.h"

#include <grpcpp/grpcpp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "redpoints/v1/account_service.grpc.pb.h"
#include "redpoints/v1/redemption_service.grpc.pb.h"
#include "server/config.h"
#include "server/log.h"
#include "server/server.h"

namespace redpoints::bench {
namespace {

// Answers from a thread of its own, as whoever must wait for a disk does: what that costs gRPC, without any ledger.
class OtherThread {
 public:
  ~OtherThread() {
    Push(nullptr);
    thread_.join();
  }
  void Push(grpc::ServerUnaryReactor* reactor) {
    const absl::MutexLock lock(&mutex_);
    waiting_.push_back(reactor);
  }

 private:
  void Run() {
    for (;;) {
      std::vector<grpc::ServerUnaryReactor*> reactors;
      {
        const absl::MutexLock lock(&mutex_, absl::Condition(
                                                +[](std::vector<grpc::ServerUnaryReactor*>* w) { return !w->empty(); }, &waiting_));
        reactors.swap(waiting_);
      }
      for (auto* reactor : reactors) {
        if (!reactor) return;
        reactor->Finish(grpc::Status::OK);
      }
    }
  }
  absl::Mutex mutex_;
  std::vector<grpc::ServerUnaryReactor*> waiting_;
  std::thread thread_{[this] { Run(); }};
};

// What a plain gRPC server does at best: the same messages, a canned answer of the same size, nothing behind it.
class Echo : public v1::RedemptionService::CallbackService {
 public:
  explicit Echo(OtherThread* other) : other_(other) {}

 private:
  grpc::ServerUnaryReactor* Redeem(grpc::CallbackServerContext* context, const v1::RedeemRequest* request,
                                   v1::RedeemResponse* response) override {
    auto& outcome = *response->mutable_outcome();
    outcome.set_request_id(request->request_id());
    outcome.set_sequence(1'000'000);
    outcome.set_first_state(v1::DONE);
    outcome.set_state(v1::DONE);
    outcome.set_state_sequence(1'000'000);
    outcome.mutable_record_time()->set_seconds(1'700'000'000);
    outcome.set_business_day(20240101);
    outcome.set_kind("redemption");
    outcome.set_points(1);
    response->set_redemption("programs/bench/redemptions/1000000");
    auto* reactor = context->DefaultReactor();
    if (other_) {
      other_->Push(reactor);
    } else {
      reactor->Finish(grpc::Status::OK);
    }
    return reactor;
  }

  OtherThread* const other_;
};
class EchoBalance : public v1::AccountService::CallbackService {
  grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context, const v1::GetBalanceRequest* request,
                                       v1::GetBalanceResponse* response) override {
    response->set_member(request->member());
    auto& balance = *response->add_balances();
    balance.set_unit("POINT");
    balance.set_available(100'000);
    auto& lot = *balance.add_lots();
    lot.set_fund("street");
    lot.set_end_day(20300101);
    lot.set_amount(100'000);
    balance.set_next_expiry_day(20300101);
    balance.set_next_expiry_amount(100'000);
    response->set_as_of_sequence(1'000'000);
    response->mutable_as_of_time()->set_seconds(1'700'000'000);
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// As the real server's, see server.cc.
std::shared_ptr<grpc::ServerCredentials> MutualTls(const std::string& directory) {
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = Content(directory + "/certificates/ca.crt");
  tls.pem_key_cert_pairs.push_back({Content(directory + "/certificates/server.key"), Content(directory + "/certificates/server.crt")});
  return grpc::SslServerCredentials(tls);
}

void ServeEcho(const std::string& directory, bool hands_over, bool is_plaintext, int pipe, const sigset_t& signals) {
  const auto other = hands_over ? std::make_unique<OtherThread>() : nullptr;
  Echo echo(other.get());
  EchoBalance balance;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", is_plaintext ? grpc::InsecureServerCredentials() : MutualTls(directory), &port);
  builder.RegisterService(&echo);
  builder.RegisterService(&balance);
  const auto server = builder.BuildAndStart();
  if (write(pipe, &port, sizeof port) != sizeof port) return;
  int received = 0;
  sigwait(&signals, &received);
  server->Shutdown(std::chrono::system_clock::now());
}

// The real server; without TLS, `caller` is everybody.
void ServeLedger(const std::string& directory, const std::string& caller, int pipe, const sigset_t& signals) {
  auto config = server::ParseConfig(Content(directory + "/redpointsd.textproto"), "bench");
  if (!config.ok()) throw std::runtime_error(std::string(config.status().message()));
  config->clear_port_file();  // two at once would share it
  config->mutable_limits()->set_calls_per_second_max(1'000'000);
  config->mutable_limits()->set_calls_burst_max(1'000'000);
  if (!caller.empty()) {
    config->clear_tls();
    config->set_plaintext_loopback(true);
    config->set_plaintext_caller(caller);
  }
  server::Logger log(server::LogLevel::kError);
  auto started = server::Server::Start(*config, log);
  if (!started.ok()) throw std::runtime_error(std::string(started.status().message()));
  const int port = (*started)->ports().front();
  if (write(pipe, &port, sizeof port) != sizeof port) return;
  int received = 0;
  sigwait(&signals, &received);
  (*started)->Stop();
}

}  // namespace

Child::Child(const std::string& directory, const std::string& what, const std::string& caller) {
  int pipes[2];
  if (pipe(pipes) != 0) throw std::runtime_error("pipe");
  pid_ = fork();
  if (pid_ == 0) {
    close(pipes[0]);
    const std::string out = absl::StrCat(pipes[1]);
    execl("/proc/self/exe", "redpoints_bench", "--directory", directory.c_str(), "--serve", what.c_str(), "--caller", caller.c_str(),
          "--port-pipe", out.c_str(), nullptr);
    _exit(127);
  }
  close(pipes[1]);
  int port = 0;
  if (read(pipes[0], &port, sizeof port) != sizeof port) throw std::runtime_error("the server did not start");
  close(pipes[0]);
  address_ = absl::StrCat("127.0.0.1:", port);
}
Child::~Child() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

double Child::CpuUs() const {
  std::ifstream stat(absl::StrCat("/proc/", pid_, "/stat"));
  std::string field;
  double ticks = 0;
  for (int i = 1; stat >> field && i <= 15; ++i) {
    if (i >= 14) ticks += std::stod(field);  // user, system
  }
  return ticks * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void Serve(const std::string& directory, const std::string& what, const std::string& caller, int pipe) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as redpointsd does; for the echo too
  if (what.starts_with("echo")) {
    ServeEcho(directory, what == "echo-handed-over", !caller.empty(), pipe, signals);
  } else {
    ServeLedger(directory, caller, pipe, signals);
  }
}

}  // namespace redpoints::bench
