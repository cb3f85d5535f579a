// Red Points against an empty gRPC echo with the same messages, interleaved in one run on one machine, client included. Prints ratios: the
// figures themselves are the machine's. Servers are child processes on loopback, without TLS on both sides.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "redpoints/v1/account_service.grpc.pb.h"
#include "redpoints/v1/redemption_service.grpc.pb.h"
#include "server/config.h"
#include "server/log.h"
#include "server/server.h"
#include "storage/check.h"
#include "storage/ledger.h"
#include "storage/rocksdb_store.h"
#include "storage/rules/member_number.h"
#include "storage/rules/sha256.h"
#include "tests/bench/load.h"

namespace redpoints::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string directory;
  int members = 20'000;
  std::int64_t calls = 40'000;
  int runs = 5;
  int batches = 20;
  std::vector<int> in_flight = {64, 256};
};

constexpr char kRulebook[] = R"({"version":"1","effective_day":20200101,
  "units":[{"code":"POINT","kind":"SPENDABLE"}],
  "fund_rates":[{"fund":"street","fen_numerator":100,"points_denominator":1,"rounding":"DOWN"}],
  "activities":[{"code":"PATROL","earnings":[{"unit":"POINT","numerator":1,"denominator":1,"rounding":"DOWN"}],
                 "min_quantity":1,"fund":"street","lot_validity":{"months":24}}],
  "offers":[{"code":"ANY","kind":"ITEM"}],
  "limits":{"max_points_per_member_day":1000000000,"max_points_per_member_month":1000000000},"policies":{"late_days":400}})";

std::string NumberOf(std::int64_t i) { return WithCheckDigit(absl::StrCat(10'000'000 + i)); }
std::string IdOf(std::int64_t i) { return absl::StrCat("m", 1'000'000'000'000 + i); }

// A ledger in `directory` with members of 100,000 points each, one shop, one terminal, one recorder.
void Prepare(const Options& options) {
  auto store = RocksDbStore::Open({.directory = options.directory + "/ledger", .create_if_missing = true});
  auto ledger = store.ok() ? Ledger::Open(**store, Clock::System(), {}) : absl::StatusOr<std::unique_ptr<Ledger>>(store.status());
  if (!ledger.ok()) throw std::runtime_error(std::string(ledger.status().message()));
  int next = 0;
  const auto run = [&](Command command) {
    std::promise<Outcome> promise;
    (*ledger)->Submit("bench",
                      {.actor = "a1", .request_id = Sha256Hex(absl::StrCat(next++)).substr(0, 32), .terminal = "", .merchant = "",
                       .clerk = "", .till = "", .fingerprint = ""},
                      std::move(command), [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
    const Outcome outcome = promise.get_future().get();
    if (outcome.refusal) throw std::runtime_error(NameOf(outcome.refusal->reason));
  };
  const auto add = [&](Registration data, const std::string& json = "") {
    run(Register{.items = {std::move(data)}, .is_new = true, .rulebook_json = json});
  };
  run(FoundProgram{{"bench", "a0"}});
  add(FundData{"street", kAmountMax});
  add(MerchantData{.id = "s1", .people = {}, .place = ""});
  add(TerminalData{.id = "t1", .merchant = "s1"});
  add(StaffData{.id = "a2", .member = "", .grants = {{Role::kRecorder, ""}, {Role::kHelper, ""}}});
  add(RulebookData{"1", 20200101, Sha256Hex(kRulebook)}, kRulebook);
  for (int i = 0; i < options.members;) {
    Register members{.items = {}, .is_new = true, .rulebook_json = ""};
    AwardBatch awards;
    for (int end = std::min(i + 1000, options.members); i < end; ++i) {
      members.items.push_back(MemberData{.id = IdOf(i), .number = NumberOf(i), .kind = MemberKind::kPerson, .groups = {2}, .grid = "", .memberships = {}});
      AwardItem item;
      item.member = IdOf(i);
      item.activity = "PATROL";
      item.quantity = 100'000;
      item.effective_day = DayOf(Clock::System().NowMs());
      item.group = 2;
      awards.items.push_back(std::move(item));
    }
    run(std::move(members));
    run(std::move(awards));
  }
}

// A server as a child process, by this program itself: gRPC does not survive a fork without exec.
class Child {
 public:
  Child(const Options& options, const std::string& caller) {
    int pipes[2];
    if (pipe(pipes) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      close(pipes[0]);
      const std::string out = absl::StrCat(pipes[1]);
      execl("/proc/self/exe", "redpoints_bench", "--directory", options.directory.c_str(), "--serve", caller.c_str(), "--port-pipe", out.c_str(),
            nullptr);
      _exit(127);
    }
    close(pipes[1]);
    int port = 0;
    if (read(pipes[0], &port, sizeof port) != sizeof port) throw std::runtime_error("the server did not start");
    close(pipes[0]);
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  ~Child() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  const std::string& address() const { return address_; }
  // What it has used so far of all cores, in microseconds.
  double CpuUs() const {
    std::ifstream stat(absl::StrCat("/proc/", pid_, "/stat"));
    std::string field;
    double ticks = 0;
    for (int i = 1; stat >> field && i <= 15; ++i) {
      if (i >= 14) ticks += std::stod(field);  // user, system
    }
    return ticks * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

 private:
  pid_t pid_ = 0;
  std::string address_;
};

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
        const absl::MutexLock lock(&mutex_, absl::Condition(+[](std::vector<grpc::ServerUnaryReactor*>* w) { return !w->empty(); }, &waiting_));
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
  grpc::ServerUnaryReactor* Redeem(grpc::CallbackServerContext* context, const v1::RedeemRequest* request, v1::RedeemResponse* response) override {
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

void ServeEcho(bool hands_over, int pipe, const sigset_t& signals) {
  const auto other = hands_over ? std::make_unique<OtherThread>() : nullptr;
  Echo echo(other.get());
  EchoBalance balance;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&echo);
  builder.RegisterService(&balance);
  const auto server = builder.BuildAndStart();
  if (write(pipe, &port, sizeof port) != sizeof port) return;
  int received = 0;
  sigwait(&signals, &received);
  server->Shutdown(std::chrono::system_clock::now());
}

// The real server, with `caller` as everybody.
void ServeLedger(const Options& options, const std::string& caller, int pipe, const sigset_t& signals) {
  auto config = server::ParseConfig(absl::StrCat("shard { directory: \"", options.directory, "/ledger\" }\nlisten: \"127.0.0.1:0\"\n",
                                                 "plaintext_loopback: true\nplaintext_caller: \"", caller, "\"\n",
                                                 "limits { calls_per_second_max: 1000000 calls_burst_max: 1000000 }\n"),
                                    "bench");
  if (!config.ok()) throw std::runtime_error(std::string(config.status().message()));
  server::Logger log(server::LogLevel::kError);
  auto started = server::Server::Start(*config, log);
  if (!started.ok()) throw std::runtime_error(std::string(started.status().message()));
  const int port = (*started)->ports().front();
  if (write(pipe, &port, sizeof port) != sizeof port) return;
  int received = 0;
  sigwait(&signals, &received);
  (*started)->Stop();
}

// In the child: until SIGTERM.
void Serve(const Options& options, const std::string& caller, int pipe) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as redpointsd does; for the echo too
  if (caller.starts_with("echo")) {
    ServeEcho(caller == "echo-handed-over", pipe, signals);
  } else {
    ServeLedger(options, caller, pipe, signals);
  }
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// One small append and fdatasync after the other, as the journal does at least once for each commit.
double FsyncP50Us(const std::string& directory) {
  const std::string path = directory + "/fsync-probe";
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  std::vector<double> times;
  const std::string block(4096, 'x');
  for (int i = 0; i < 300; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (write(fd, block.data(), block.size()) < 0 || fdatasync(fd) != 0) break;
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  close(fd);
  unlink(path.c_str());
  return Median(times);
}

std::uintmax_t BytesBelow(const std::string& directory) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

// What the commits of redemptions wrote: a key for each row, the bytes of its lines.
void PrintWritten(const Store& store) {
  std::int64_t rows = 0, redemptions = 0;
  std::size_t bytes = 0;
  Store::Range range{.table = TableId::kJournal, .begin = "", .end = "", .rows_max = 256};
  for (;;) {
    const auto found = store.Scan(range);
    if (!found.ok() || found->empty()) break;
    for (const Row& row : *found) {
      if (row.value.find("\"kind\":\"redemption\"") == std::string::npos) continue;
      ++rows;
      redemptions += std::count(row.value.begin(), row.value.end(), '\n');
      bytes += row.key.size() + row.value.size();
    }
    range.begin = found->back().key + '\0';
  }
  if (redemptions == 0) return;
  std::printf("written                %8.3f keys, %.0f bytes a redemption, before compression\n",
              static_cast<double>(rows) / static_cast<double>(redemptions), static_cast<double>(bytes) / static_cast<double>(redemptions));
}

// Interleaved runs against all, the ledger first, after one to warm up. Prints the medians, and what a call costs each server in CPU time.
void Compare(const Options& options, const std::vector<const Child*>& servers, const std::string& what, Call call, int in_flight,
             const std::function<std::string(std::int64_t)>& member_of) {
  struct Figures {
    std::vector<double> per_second, ratios, p50, p99, cpu_us;
  };
  std::vector<Figures> all(servers.size());
  for (int run = -1; run < options.runs; ++run) {
    double ledger_per_second = 0;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const double before = servers[i]->CpuUs();
      const Result result = Run(servers[i]->address(), call, in_flight, options.calls, member_of);
      if (result.failed) std::printf("%lld calls failed\n", static_cast<long long>(result.failed));
      if (i == 0) ledger_per_second = result.calls_per_second;
      if (run < 0) continue;
      Figures& f = all[i];
      f.per_second.push_back(result.calls_per_second), f.ratios.push_back(ledger_per_second / result.calls_per_second);
      f.p50.push_back(result.p50_ms), f.p99.push_back(result.p99_ms);
      f.cpu_us.push_back((servers[i]->CpuUs() - before) / static_cast<double>(options.calls));
    }
  }
  constexpr const char* kNames[] = {"ledger", "of an echo", "of an echo that hands over"};
  std::printf("%s, %d in flight\n", what.c_str(), in_flight);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Figures& f = all[i];
    std::printf("  %-30s %10.0f %8.2f %10.2f %10.2f %8.0f\n", kNames[i], Median(f.per_second), Median(f.ratios), Median(f.p50), Median(f.p99),
                Median(f.cpu_us));
  }
}

void Main(const Options& options) {
  fs::create_directories(options.directory);
  std::printf("fsync p50              %8.0f us\n", FsyncP50Us(options.directory));
  Prepare(options);
  std::printf("members                %8d, shop and terminal 1, points of 1 lot each\n\n", options.members);
  const auto number = [&](std::int64_t i) { return NumberOf(i * 7919 % options.members); };
  const auto name = [&](std::int64_t i) { return "programs/bench/members/" + IdOf(i * 7919 % options.members); };

  std::printf("%-32s %10s %8s %10s %10s %8s\n", "median of interleaved runs", "calls/s", "ratio", "p50 ms", "p99 ms", "CPU us");
  {
    const Child ledger(options, "programs/bench/merchants/s1/terminals/t1");
    const Child echo(options, "echo"), handing_over(options, "echo-handed-over");
    for (const int in_flight : options.in_flight) {
      Compare(options, {&ledger, &echo, &handing_over}, "redemptions", Call::kRedeem, in_flight, number);
    }
  }
  {
    const Child ledger(options, "programs/bench/staff/a2");
    const Child echo(options, "echo");
    Compare(options, {&ledger, &echo}, "balances", Call::kGetBalance, 256, name);
    std::vector<std::string> members;
    for (int i = 0; i < options.members; ++i) members.push_back("programs/bench/members/" + IdOf(i));
    const Result bulk = RunBatches(ledger.address(), options.batches, 8190, members, DayOf(Clock::System().NowMs()));
    std::printf("bulk awards, 8190 a batch\n  %-30s %10.0f %8.2f %10.2f %10.2f\n", "awards/s, of 183,000", bulk.calls_per_second,
                bulk.calls_per_second / 183'000, bulk.p50_ms, bulk.p99_ms);
  }

  const auto begin = std::chrono::steady_clock::now();
  auto store = RocksDbStore::Open({.directory = options.directory + "/ledger"});
  if (!store.ok()) throw std::runtime_error(std::string(store.status().message()));
  auto ledger = Ledger::Open(**store, Clock::System(), {});
  if (!ledger.ok()) throw std::runtime_error(std::string(ledger.status().message()));
  const auto entries = (*ledger)->EndSequence("bench");
  std::printf("\nreopening              %8.2f s at %lld entries\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), static_cast<long long>(entries));
  ledger->reset();
  PrintWritten(**store);
  store->reset();
  std::printf("disk                   %8.0f bytes an entry, uncompacted\n",
              static_cast<double>(BytesBelow(options.directory + "/ledger")) / static_cast<double>(entries));
}

}  // namespace
}  // namespace redpoints::bench

int main(int argc, char** argv) {
  redpoints::bench::Options options;
  options.directory = (std::filesystem::temp_directory_path() / absl::StrCat("redpoints-bench-", getpid())).string();
  CLI::App app("Red Points against an empty gRPC echo, as ratios");
  app.add_option("--directory", options.directory, "where the ledger is made; removed afterwards");
  app.add_option("--members", options.members);
  app.add_option("--calls", options.calls, "of one run");
  app.add_option("--runs", options.runs, "the median counts");
  app.add_option("--batches", options.batches, "of 8,190 awards");
  app.add_option("--in-flight", options.in_flight);
  std::string caller;
  int port_pipe = -1;
  app.add_option("--serve", caller, "be the server of another run")->group("");
  app.add_option("--port-pipe", port_pipe)->group("");
  CLI11_PARSE(app, argc, argv);
  int result = 0;
  try {
    if (!caller.empty()) {
      redpoints::bench::Serve(options, caller, port_pipe);
      return 0;
    }
    redpoints::bench::Main(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    result = 1;
  }
  std::filesystem::remove_all(options.directory);
  return result;
}
