// Sixty-four threads ask for anything at once while the store fails now and then: whatever happens, points are neither made nor lost.
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "storage/journal.h"
#include "tests/crash/operations.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

constexpr int kThreads = 64;
constexpr int kRounds = 8;
constexpr int kOperations = 25;  // of each thread in a round

class ConservationTest : public LedgerTest {
 protected:
  // What the journal's postings come to, by unit.
  std::map<std::string, std::int64_t> SumsOfPostings(std::map<std::string, int>& entries_of) {
    std::map<std::string, std::int64_t> sums;
    const auto chunk = Journal(memory, "minyue").Lines(0, ledger->EndSequence("minyue"), std::size_t{1} << 30);
    EXPECT_TRUE(chunk.ok()) << chunk.status();
    for (const auto line : chunk->Split()) {
      const auto entry = ParseLine(line);
      EXPECT_TRUE(entry.ok()) << entry.status();
      for (const Posting& p : entry->postings) sums[p.unit] += p.amount;
      if (!entry->request_id.empty()) ++entries_of[entry->request_id];
    }
    return sums;
  }
};

TEST_F(ConservationTest, ThreadsAndFailingCommitsKeepEverySumAtZero) {
  options.turn_entries = 500;
  SetUpProgram(kCrashMembers);
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  std::vector<Operator> clients;
  for (int t = 0; t < kThreads; ++t) clients.emplace_back(seed * 1000 + static_cast<std::uint64_t>(t));

  struct Sent {
    Operation op;
    Day day;
    Answered answered;
  };
  std::mutex mutex;
  std::vector<Sent> sent;
  int unknown = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, " round ", round));
    memory.Heal();
    Reopen();
    if (round + 1 < kRounds) memory.FailCommitAfter(static_cast<int>(random() % 60), random() % 2 == 0);
    std::vector<std::thread> threads;
    for (auto& client : clients) {
      threads.emplace_back([&] {
        for (int i = 0; i < kOperations; ++i) {
          const Operation op = client.Next();
          const Day day = DayOf(clock.NowMs());
          const Outcome outcome = RunOn(*ledger, op, day);
          client.Learn(op, outcome);
          const std::lock_guard lock(mutex);
          sent.push_back({op, day, Answered::Of(op.id, outcome)});
          if (i == kOperations / 2) clock.Advance(3 * kMinuteMs);  // holds end, days close, while it goes on
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }

  // Once more, all of it: what was answered is answered so again, and what was not known is settled.
  memory.Heal();
  Reopen();
  std::map<std::string, int> expected;
  for (auto& [op, day, answered] : sent) {
    const Outcome outcome = RunOn(*ledger, op, day);
    const Answered now = Answered::Of(op.id, outcome);
    if (answered.reason == "OUTCOME_UNKNOWN" || answered.reason == "STORAGE_READ_ONLY" || answered.reason == "SHUTTING_DOWN") {
      ++unknown;
    } else {
      EXPECT_EQ(now, answered) << op.Line() << now.Line() << answered.Line();
    }
    if (!outcome.entries.empty() && outcome.entry().request_id == op.id) expected[op.id] = static_cast<int>(now.entries);
  }
  std::map<std::string, int> found;
  for (const auto& [unit, sum] : SumsOfPostings(found)) EXPECT_EQ(sum, 0) << unit;
  for (const auto& each : sent) EXPECT_EQ(found[each.op.id], expected[each.op.id]) << each.op.Line() << each.answered.Line();
  std::int64_t points = 0;
  for (const char* holder : {"issuance:street", "issuance:donor", "expired", "pool", "s1", "s2"}) points += Balance(holder);
  for (int i = 1; i <= kCrashMembers; ++i) {
    const std::string member = absl::StrCat("m", i);
    EXPECT_GE(Balance(member), 0);
    points += Balance(member) + Balance(member, Sub::kHeld) + Balance(member, Sub::kDebt);
  }
  EXPECT_EQ(points, 0);
  std::printf("%zu requests, %d of them unknown at first, %lld entries\n", sent.size(), unknown,
              static_cast<long long>(ledger->EndSequence("minyue")));
}

}  // namespace
}  // namespace redpoints
