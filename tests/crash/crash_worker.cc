// A ledger on disk under load from many threads, until it is killed: crash_worker DIRECTORY SEED NOW_MS. What it sends and what it is answered
// go to standard output, and how far its clock goes ("T now"), each line with one write(2), so that they outlive it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "storage/journal.h"
#include "storage/rules/entry_codec.h"
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
  ManualClock clock(now_ms);
  Ledger::Options options;
  options.turn_entries = 60;  // derived rows are installed all the time
  auto ledger = Ledger::Open(*disk.log, *disk.store, clock, options);
  if (!ledger.ok()) {
    std::fprintf(stderr, "%s\n", ledger.status().ToString().c_str());
    return 1;
  }
  // What an earlier worker left half done, somebody goes on with.
  const auto lines = Journal(*disk.log, "minyue").Lines(0, (*ledger)->EndSequence("minyue"), std::size_t{1} << 30);
  std::vector<Entry> before;
  if (lines.ok()) {
    for (const auto line : lines->Split()) {
      if (auto entry = ParseLine(line); entry.ok()) before.push_back(*std::move(entry));
    }
  }
  if (before.empty()) {
    std::fprintf(stderr, "the journal can't be read\n");
    return 1;
  }
  Say("R ready\n");
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Operator client(seed * 1000 + static_cast<std::uint64_t>(t));
      for (const Entry& entry : before) client.Learn(entry);
      for (;;) {
        const Operation op = client.Next(clock.NowMs());
        Say(op.Line());
        const Outcome outcome = RunOn(**ledger, op);
        Say(Answered::Of(op.id, outcome).Line());
        client.Learn(outcome);
        if (t > 0 || client.Below(3) > 0) continue;
        // Holds end, now and then days close and lots expire, while it goes on.
        const std::int64_t step = (client.Below(3) ? 2 : 60 * client.Below(20)) * std::int64_t{60'000};
        Say(absl::StrCat("T ", clock.NowMs() + step, "\n"));
        clock.Advance(step);
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
