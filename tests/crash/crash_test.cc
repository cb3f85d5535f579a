// kill -9 at any moment, hundreds of times: what was answered stands, with its effect exactly once; what was not is wholly there or not at all.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "storage/journal.h"
#include "tests/crash/books.h"
#include "tests/crash/operations.h"
#include "tests/storage/disk.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kRounds = 20;
#else
constexpr int kRounds = 200;
#endif
// A new directory after so many, so that checking the whole stays short.
constexpr int kRoundsPerDirectory = 20;

int Rounds() {
  const char* rounds = std::getenv("REDPOINTS_ROUNDS");
  return rounds ? std::atoi(rounds) : kRounds;
}

class CrashTest : public LedgerTest {
 protected:
  void TearDown() override {
    ledger.reset();
    disk.Close();
    std::filesystem::remove_all(directory);
  }
  Log& log() override { return *disk.log; }
  Store& store() override { return *disk.store; }

  void OpenStore() {
    disk.Close();
    const auto opened = disk.Open(directory);
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_EQ(disk.discarded, "");  // a kill leaves derived rows that can be used
  }
  void Begin() {
    ledger.reset();
    disk.Close();
    if (!directory.empty()) std::filesystem::remove_all(directory);
    // A kill does not touch what the kernel has, so memory does; now and then a disk, whose syncs take their time.
    const bool is_disk = directories++ % 4 == 3 || !std::filesystem::exists("/dev/shm");
    std::string name = is_disk ? "/tmp/redpoints-crash-XXXXXX" : "/dev/shm/redpoints-crash-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
    known.clear();
    last_end = 0;
    OpenStore();
    SetUpProgram(kCrashMembers);
    CheckAll();
    disk.Close();
  }

  // Runs the worker, lets `answers` of its answers come (-1: kills it while it opens), kills it, and learns what it said.
  void RunAndKill(std::uint64_t seed, int answers) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[1]);
    const std::string seed_text = absl::StrCat(seed), now_text = absl::StrCat(clock.NowMs());
    const char* arguments[] = {CRASH_WORKER, directory.c_str(), seed_text.c_str(), now_text.c_str(), nullptr};
    pid_t worker = 0;
    ASSERT_EQ(posix_spawn(&worker, CRASH_WORKER, &actions, nullptr, const_cast<char**>(arguments), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe_ends[1]);
    FILE* lines = ::fdopen(pipe_ends[0], "r");
    char line[512];
    int seen = 0;
    bool is_killed = false;
    while (std::fgets(line, sizeof(line), lines) != nullptr) {
      ASSERT_EQ(line[std::string_view(line).size() - 1], '\n');
      if (line[0] == 'S') {
        const Operation op = Operation::Parse(line);
        known.emplace(op.id, Known{op, {}, /*is_answered=*/false});
      } else if (line[0] == 'A') {
        const Answered answered = Answered::Parse(line);
        known.at(answered.id).answered = answered;
        known.at(answered.id).is_answered = true;
        ++seen;
      } else if (line[0] == 'T') {
        if (const std::int64_t ahead = std::strtoll(line + 2, nullptr, 10) - clock.NowMs(); ahead > 0) clock.Advance(ahead);
      }
      if (!is_killed && (answers < 0 || (line[0] != 'O' && seen >= answers))) {
        ASSERT_EQ(::kill(worker, SIGKILL), 0);
        is_killed = true;
      }
    }
    std::fclose(lines);
    int status = 0;
    ASSERT_EQ(::waitpid(worker, &status, 0), worker);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the worker ended by itself: " << status;
    acknowledged += seen;
  }

  // Asks for everything again, and compares the journal with it.
  void Verify() {
    OpenStore();
    Open();
    ASSERT_TRUE(events.empty()) << events.front();
    std::map<std::string, std::int64_t> expected;
    for (auto& [id, k] : known) {
      const Outcome outcome = RunOn(*ledger, k.op);
      const Answered now = Answered::Of(id, outcome);
      const bool is_recorded = !outcome.entries.empty();
      if (k.is_answered && k.answered.entries > 0) {
        // A request that was reversed before it arrived answers so for ever; all others as the first time.
        EXPECT_EQ(now, k.answered) << k.op.Line() << now.Line() << k.answered.Line();
        EXPECT_TRUE(outcome.is_replayed) << k.op.Line();
      } else if (k.is_answered) {
        // Nothing was recorded, so nothing was done under this id. Done now, it is done once.
        EXPECT_FALSE(outcome.is_replayed && outcome.entry().request_id == id) << k.op.Line() << now.Line() << k.answered.Line();
      } else if (outcome.is_replayed) {
        ++unknown_there;
      } else {
        ++unknown_gone;
      }
      k.answered = now;
      k.is_answered = true;
      // What answers for a request reversed before it arrived, or for a second reversal, is the entry of the first reversal.
      if (is_recorded && outcome.entry().request_id == id) expected[id] = static_cast<std::int64_t>(now.entries);
    }
    const auto end = ledger->EndSequence("minyue");
    const auto chunk = Journal(log(), "minyue").Lines(0, end, std::size_t{1} << 30);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    std::map<std::string, std::int64_t> found;
    Books books;
    for (const auto line : chunk->Split()) books.Add(line);
    for (const Entry& entry : books.entries) {
      if (known.contains(entry.request_id)) ++found[entry.request_id];
      if (entry.sequence < last_end) continue;
      ++kinds[entry.kind];
      if (entry.kind == Kind::kUndo && entry.proposal < last_end) ++undone_after_a_kill;
    }
    last_end = end;
    books.ExpectConserved();
    books.ExpectSame(*ledger->FindState("minyue"));
    for (const auto& [id, k] : known) EXPECT_EQ(found[id], expected[id]) << k.op.Line() << k.answered.Line();
    CheckAll();  // closes the ledger
    disk.Close();
  }

  struct Known {
    Operation op;
    Answered answered;
    bool is_answered;
  };
  std::string directory;
  Disk disk;
  std::map<std::string, Known> known;  // requests of this directory
  std::int64_t last_end = 0;           // of the journal when it was last looked at
  std::map<Kind, int> kinds;           // entries of all directories
  int undone_after_a_kill = 0;         // whose proposal an earlier worker made
  int directories = 0, acknowledged = 0, unknown_there = 0, unknown_gone = 0;
};

TEST_F(CrashTest, WhatWasAnsweredSurvivesEveryKill) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const int rounds = Rounds();
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, " round ", round));
    if (round % kRoundsPerDirectory == 0) Begin();
    RunAndKill(random() % 1'000'000'000, static_cast<int>(random() % 121) - 1);
    // Holds end, days close and lots expire while nobody is there.
    clock.Advance(round % 2 ? static_cast<std::int64_t>(random() % (8 * 60)) * kMinuteMs : 6 * kDayMs);
    Verify();
  }
  std::printf("%d rounds, %d answers held; of those without, %d were there and %d were not\n", rounds, acknowledged, unknown_there,
              unknown_gone);
  for (const auto& [kind, n] : kinds) std::printf("%s %d  ", std::string(KindName(kind)).c_str(), n);
  std::printf("\n%d undone by another worker than the one that proposed it\n", undone_after_a_kill);
  EXPECT_GT(acknowledged, rounds);
  if (rounds < 100) return;
  for (const Kind kind :
       {Kind::kAward, Kind::kCorrection, Kind::kDonation, Kind::kRedemption, Kind::kHold, Kind::kCapture, Kind::kVoid, Kind::kHoldExpired,
        Kind::kRefund, Kind::kReversal, Kind::kUndoProposed, Kind::kUndo, Kind::kExpiry, Kind::kDayClosed, Kind::kRefused, Kind::kEpoch}) {
    EXPECT_GT(kinds[kind], 0) << KindName(kind);
  }
  EXPECT_GT(undone_after_a_kill, 0);
}

}  // namespace
}  // namespace redpoints
