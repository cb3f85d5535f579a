// Red Points against an empty gRPC echo with the same messages, interleaved in one run on one machine, client included. Prints
// ratios: the figures themselves are the machine's. Servers are child processes on loopback. Twice: as shops' tills call, each over
// a connection of its own with mutual TLS and a certificate of its own; and without TLS over one connection, where an echo costs
// least.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "server/certificates.h"
#include "server/config.h"
#include "server/init.h"
#include "server/side_state.h"
#include "storage/check.h"
#include "storage/keys.h"
#include "storage/ledger.h"
#include "storage/merkle/sha256.h"
#include "tests/bench/load.h"
#include "tests/bench/servers.h"
#include "tests/rulebook.h"
#include "tests/storage/disk.h"

namespace redpoints::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string directory;
  int members = 20'000;
  std::int64_t calls = 40'000;
  int runs = 5;
  int batches = 100;
  std::vector<int> in_flight = {64, 256};

  int Callers() const { return *std::max_element(in_flight.begin(), in_flight.end()); }
};

std::string IdOf(std::int64_t i) { return absl::StrCat("m", 1'000'000'000'000 + i); }
std::string NameOf(std::int64_t i) { return "programs/bench/members/" + IdOf(i); }

template <class T> T Get(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(std::string(value.status().message()));
  return *std::move(value);
}

// A directory as redpointsd init makes it, with members of 100,000 points each, and one shop; a till and a staff person for each
// caller. Returns the members' 会员号.
std::vector<std::string> Prepare(const Options& options) {
  const auto made = server::InitDirectory({.directory = options.directory, .listen = "127.0.0.1:0", .program = "bench"});
  if (!made.ok()) throw std::runtime_error(std::string(made.message()));
  Disk disk;
  if (const auto opened = disk.Open(options.directory + "/ledger"); !opened.ok()) throw std::runtime_error(std::string(opened.message()));
  const auto ledger = Get(Ledger::Open(*disk.log, *disk.store, Clock::System(), {}));
  const auto config = Get(server::LoadConfig(options.directory + "/redpointsd.textproto"));
  const auto side = Get(server::OpenSide(config.side_state(), /*read_only=*/false));
  int next = 0;
  const auto next_id = [&] { return Sha256Hex(absl::StrCat(next)).substr(0, 32); };
  const auto run = [&](Command command) {
    Origin origin;
    origin.actor = "a1";
    origin.request_id = next_id();
    ++next;
    std::promise<Outcome> promise;
    ledger->Submit("bench", std::move(origin), std::move(command), [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
    const Outcome outcome = promise.get_future().get();
    if (outcome.refusal) throw std::runtime_error(NameOf(outcome.refusal->reason));
  };
  const auto add = [&](Registration data, const std::string& json = "") {
    run(Register{.items = {std::move(data)}, .is_new = true, .rulebook_json = json});
  };
  add(FundData{"street", kAmountMax - 1});
  add(FundData{"donor", 1});  // the rulebook has its rate
  add(MerchantData{.id = "s1", .people = {}, .place = ""});
  for (int i = 0; i < options.Callers(); ++i) {
    add(TerminalData{.id = absl::StrCat("t", i), .merchant = "s1"});
    add(StaffData{.id = absl::StrCat("ah", i), .member = "", .is_external = true, .grants = {{Role::kRecorder, ""}, {Role::kHelper, ""}}});
  }
  OfferData any;
  any.code = "ANY";
  add(any);
  const std::string book = Get(Rulebook::Judge(RulebookJson(
                                   "1", 20200101, R"({"max_points_per_member_day":1000000000,"max_points_per_member_month":1000000000})",
                                   R"({"late_days":400})")))
                               .json();
  add(RulebookData{"1", 20200101, Sha256Hex(book), kRulesFormat}, book);
  std::vector<std::string> numbers;
  for (int i = 0; i < options.members;) {
    Register members{.items = {}, .is_new = true, .rulebook_json = ""};
    AwardBatch awards;
    std::vector<SideStore::NumberItem> items;
    for (int end = std::min(i + 1000, options.members); i < end; ++i) {
      items.push_back({.item = static_cast<std::uint32_t>(items.size()), .member = IdOf(i)});
      AwardItem item;
      item.member.id = IdOf(i);
      item.activity = "HELP";
      item.quantity = 100'000;
      item.effective_day = DayOf(Clock::System().NowMs());
      item.group = Group::kResidents;
      awards.items.push_back(std::move(item));
    }
    for (const SideRow& row : Get(side.store->Reserve("bench", "a1", next_id(), items))) {
      MemberData member;
      member.id = row.member;
      member.number_commitment = row.commitment;
      member.groups = {{Group::kResidents}};
      members.items.push_back(std::move(member));
      numbers.push_back(row.value);
    }
    run(std::move(members));
    run(std::move(awards));
  }
  return numbers;
}

constexpr char kTill[] = "programs/bench/merchants/s1/terminals/t";
constexpr char kHelper[] = "programs/bench/staff/ah";

// A server and the connections to it.
struct Target {
  // Without TLS, everybody being the first of `callers`.
  static Target Plaintext(const Options& options, const std::string& what, const std::string& callers) {
    auto child = std::make_unique<Child>(options.directory, what, absl::StrCat(callers, 0));
    auto channels = ConnectPlaintext(child->address());
    return {std::move(child), std::move(channels)};
  }
  // Each of `callers` with a certificate of its own.
  static Target Tls(const Options& options, const std::string& what, const std::string& callers) {
    const std::string authority_file = options.directory + "/certificates/ca";
    const auto pair = Get(server::ReadKeyPair(authority_file + ".crt", authority_file + ".key"));
    const auto authority = Get(server::CertificateAuthority::Load(pair));
    std::vector<Identity> identities;
    for (int i = 0; i < options.Callers(); ++i) {
      auto issued = Get(authority.IssueClient(absl::StrCat(callers, i)));
      identities.push_back({std::move(issued.certificate_pem), std::move(issued.key_pem)});
    }
    auto child = std::make_unique<Child>(options.directory, what, "");
    auto channels = ConnectTls(child->address(), pair.certificate_pem, identities);
    return {std::move(child), std::move(channels)};
  }

  std::unique_ptr<const Child> child;
  Channels channels;
};
using Connect = Target (*)(const Options&, const std::string& what, const std::string& callers);

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
void PrintWritten(const Log& log) {
  std::int64_t rows = 0, redemptions = 0;
  std::size_t bytes = 0;
  for (std::int64_t next = 0;;) {
    const auto found = log.Read("bench", next, std::numeric_limits<std::int64_t>::max(), 1 << 20);
    if (!found.ok() || found->empty()) break;
    for (const JournalRow& row : *found) {
      if (row.lines.find("\"kind\":\"redemption\"") == std::string::npos) continue;
      ++rows;
      redemptions += row.entries;
      bytes += JournalKey("bench", row.first).size() + JournalValue(row.entries, row.lines).size();
    }
    next = found->back().end();
  }
  if (redemptions == 0) return;
  std::printf("written                %8.3f keys, %.0f bytes a redemption, before compression\n",
              static_cast<double>(rows) / static_cast<double>(redemptions), static_cast<double>(bytes) / static_cast<double>(redemptions));
}

// Interleaved runs against all, the ledger first, after one to warm up. Prints the medians, and what a call costs each server in
// CPU time.
void Compare(const Options& options, const std::vector<Target>& servers, const std::string& what, Call call, int in_flight,
             const std::function<std::string(std::int64_t)>& member_of) {
  struct Figures {
    std::vector<double> per_second, ratios, p50, p99, cpu_us;
  };
  std::vector<Figures> all(servers.size());
  for (int run = -1; run < options.runs; ++run) {
    double ledger_per_second = 0;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const double before = servers[i].child->CpuUs();
      const Result result = Run(servers[i].channels, call, in_flight, options.calls, member_of);
      if (result.failed) std::printf("%lld calls failed\n", static_cast<long long>(result.failed));
      if (i == 0) ledger_per_second = result.calls_per_second;
      if (run < 0) continue;
      Figures& f = all[i];
      f.per_second.push_back(result.calls_per_second), f.ratios.push_back(ledger_per_second / result.calls_per_second);
      f.p50.push_back(result.p50_ms), f.p99.push_back(result.p99_ms);
      f.cpu_us.push_back((servers[i].child->CpuUs() - before) / static_cast<double>(options.calls));
    }
  }
  constexpr const char* kNames[] = {"ledger", "of an echo", "of an echo that hands over"};
  std::printf("%s, %d in flight\n", what.c_str(), in_flight);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Figures& f = all[i];
    std::printf("  %-30s %10.0f %8.2f %10.2f %10.2f %8.0f\n", kNames[i], Median(f.per_second), Median(f.ratios), Median(f.p50),
                Median(f.p99), Median(f.cpu_us));
  }
}

// Redemptions and balances, with the servers and connections that `connect` makes.
void CompareAll(const Options& options, const std::vector<std::string>& numbers, Connect connect) {
  const auto random = [&](std::int64_t i) { return i * 7919 % options.members; };
  {
    std::vector<Target> servers;
    for (const char* what : {"ledger", "echo", "echo-handed-over"}) servers.push_back(connect(options, what, kTill));
    for (const int in_flight : options.in_flight) {
      Compare(options, servers, "redemptions", Call::kRedeem, in_flight,
              [&](std::int64_t i) { return numbers.at(static_cast<std::size_t>(random(i))); });
    }
  }
  std::vector<Target> servers;
  for (const char* what : {"ledger", "echo"}) servers.push_back(connect(options, what, kHelper));
  Compare(options, servers, "balances", Call::kGetBalance, options.Callers(), [&](std::int64_t i) { return NameOf(random(i)); });
}

void MeasureBulk(const Options& options) {
  constexpr int kItems = 8190;
  std::vector<std::string> members;
  for (int i = 0; i < options.members; ++i) members.push_back(NameOf(i));
  std::optional<Target> ledger = Target::Plaintext(options, "ledger", kHelper);
  const Result bulk = RunBatches(ledger->channels, options.batches, kItems, members, DayOf(Clock::System().NowMs()));
  // Derived rows are installed beside the awards; stopping waits for those of the last ones.
  const auto begin = std::chrono::steady_clock::now();
  ledger.reset();
  const double awards = kItems * options.batches;
  const double per_second =
      awards / (awards / bulk.calls_per_second + std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  std::printf("bulk awards, %d a batch\n  %-30s %10.0f %8.2f %10.2f %10.2f\n  %-30s %10.0f %8.2f\n", kItems, "awards/s, of 183,000",
              bulk.calls_per_second, bulk.calls_per_second / 183'000, bulk.p50_ms, bulk.p99_ms, "derived rows caught up", per_second,
              per_second / 183'000);
}

void MeasureStore(const Options& options) {
  const auto begin = std::chrono::steady_clock::now();
  Disk disk;
  if (const auto opened = disk.Open(options.directory + "/ledger"); !opened.ok()) throw std::runtime_error(std::string(opened.message()));
  auto ledger = Get(Ledger::Open(*disk.log, *disk.store, Clock::System(), {}));
  const auto entries = ledger->EndSequence("bench");
  std::printf("\nreopening              %8.2f s at %lld entries\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), static_cast<long long>(entries));
  ledger.reset();
  PrintWritten(*disk.log);
  disk.Close();
  std::printf("disk                   %8.0f bytes an entry, uncompacted\n",
              static_cast<double>(BytesBelow(options.directory + "/ledger")) / static_cast<double>(entries));
}

void Main(const Options& options) {
  fs::create_directories(options.directory);
  std::printf("fsync p50              %8.0f us\n", FsyncP50Us(options.directory));
  const std::vector<std::string> numbers = Prepare(options);
  std::printf("members                %8d, shop 1, points of 1 lot each\n\n", options.members);

  std::printf("%-32s %10s %8s %10s %10s %8s\n", "median of interleaved runs", "calls/s", "ratio", "p50 ms", "p99 ms", "CPU us");
  std::printf("mutual TLS, a connection each\n");
  CompareAll(options, numbers, Target::Tls);
  std::printf("plaintext, one connection\n");
  CompareAll(options, numbers, Target::Plaintext);
  MeasureBulk(options);
  MeasureStore(options);
}

}  // namespace
}  // namespace redpoints::bench

int main(int argc, char** argv) {
  redpoints::bench::Options options;
  options.directory = (std::filesystem::temp_directory_path() / absl::StrCat("redpoints-bench-", getpid())).string();
  CLI::App app("Red Points against an empty gRPC echo, as ratios");
  app.add_option("--directory", options.directory, "made, and removed afterwards");
  app.add_option("--members", options.members);
  app.add_option("--calls", options.calls, "of one run");
  app.add_option("--runs", options.runs, "the median counts");
  app.add_option("--batches", options.batches, "of 8,190 awards");
  app.add_option("--in-flight", options.in_flight);
  std::string what, caller;
  int port_pipe = -1;
  app.add_option("--serve", what, "be the server of another run")->group("");
  app.add_option("--caller", caller)->group("");
  app.add_option("--port-pipe", port_pipe)->group("");
  CLI11_PARSE(app, argc, argv);
  if (what.empty() && std::filesystem::exists(options.directory)) {
    std::fprintf(stderr, "bench: %s is there already\n", options.directory.c_str());
    return 1;
  }
  int result = 0;
  try {
    if (!what.empty()) {
      redpoints::bench::Serve(options.directory, what, caller, port_pipe);
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
