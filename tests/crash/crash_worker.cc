// A ledger on disk under load from many threads, until it is killed: crash_worker DIRECTORY SEED NOW_MS. What it sends and what it is answered
// go to standard output, each line with one write(2), so that they outlive it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/crash/operations.h"
#include "tests/storage/disk.h"

namespace redpoints {
namespace {

constexpr int kThreads = 12;

void Say(const std::string& line) {
  // Shorter than PIPE_BUF: whole or not at all. When nobody listens any more, there is nothing left to do.
  if (::write(1, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(0);
}

int Main(const std::string& directory, std::uint64_t seed, std::int64_t now_ms) {
  Say("O opening\n");
  Disk disk;
  if (const auto opened = disk.Open(directory); !opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.ToString().c_str());
    return 1;
  }
  const ManualClock clock(now_ms);
  Ledger::Options options;
  options.turn_entries = 60;  // derived rows are installed all the time
  auto ledger = Ledger::Open(*disk.log, *disk.store, clock, options);
  if (!ledger.ok()) {
    std::fprintf(stderr, "%s\n", ledger.status().ToString().c_str());
    return 1;
  }
  Say("R ready\n");
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Operator client(seed * 1000 + static_cast<std::uint64_t>(t));
      for (;;) {
        const Operation op = client.Next();
        Say(op.Line());
        const Outcome outcome = RunOn(**ledger, op, DayOf(now_ms));
        Say(Answered::Of(op.id, outcome).Line());
        client.Learn(op, outcome);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace redpoints

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return redpoints::Main(argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoll(argv[3], nullptr, 10));
}
