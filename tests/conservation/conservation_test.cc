// Sixty-four threads ask for anything at once while the store fails now and then: whatever happens, points are neither made nor lost.
#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "storage/journal.h"
#include "tests/crash/books.h"
#include "tests/crash/operations.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

constexpr int kThreads = 64;
constexpr int kRounds = 8;
constexpr int kOperations = 25;  // of each thread in a round

class ConservationTest : public LedgerTest {};

bool HasDebt(const Entry& entry) {
  return std::any_of(entry.postings.begin(), entry.postings.end(), [](const Posting& p) { return p.sub == Sub::kDebt && p.amount < 0; });
}

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
    Answered answered;
  };
  std::mutex mutex;
  std::vector<Sent> sent;
  int unknown = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, " round ", round));
    memory.Heal();
    Reopen();
    ledger->ConfirmClock();  // rounds that fail early leave more than a week without an entry
    if (round + 1 < kRounds) memory.FailCommitAfter(static_cast<int>(random() % 60), random() % 2 == 0);
    std::vector<std::thread> threads;
    for (auto& client : clients) {
      threads.emplace_back([&] {
        for (int i = 0; i < kOperations; ++i) {
          const Operation op = client.Next(clock.NowMs());
          const Outcome outcome = RunOn(*ledger, op);
          client.Learn(outcome);
          const std::lock_guard lock(mutex);
          sent.push_back({op, Answered::Of(op.id, outcome)});
          if (i == client.Below(kOperations * 4)) clock.Advance(3 * kMinuteMs);  // holds end, days close, while it goes on
        }
      });
    }
    for (auto& thread : threads) thread.join();
    clock.Advance(6 * kDayMs);  // together longer than some lots live
  }

  // Once more, all of it: what was answered is answered so again, and what was not known is settled.
  memory.Heal();
  Reopen();
  ledger->ConfirmClock();
  std::map<std::string, std::size_t> expected, found;
  for (auto& [op, answered] : sent) {
    const Outcome outcome = RunOn(*ledger, op);
    const Answered now = Answered::Of(op.id, outcome);
    if (answered.IsUnknown()) {
      ++unknown;
    } else if (answered.entries > 0) {
      EXPECT_EQ(now, answered) << op.Line() << now.Line() << answered.Line();
    } else {
      EXPECT_FALSE(outcome.is_replayed && outcome.entry().request_id == op.id) << op.Line() << answered.Line();
    }
    if (!outcome.entries.empty() && outcome.entry().request_id == op.id) expected[op.id] = now.entries;
  }
  const auto chunk = Journal(memory, "minyue").Lines(0, ledger->EndSequence("minyue"), std::size_t{1} << 30);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  Books books;
  for (const auto line : chunk->Split()) books.Add(line);
  books.ExpectConserved();
  books.ExpectSame(*ledger->FindState("minyue"));
  for (const Entry& entry : books.entries) ++found[entry.request_id];
  for (const auto& each : sent) EXPECT_EQ(found[each.op.id], expected[each.op.id]) << each.op.Line() << each.answered.Line();
  for (const Kind kind :
       {Kind::kAward, Kind::kCorrection, Kind::kDonation, Kind::kRedemption, Kind::kHold, Kind::kCapture, Kind::kVoid, Kind::kHoldExpired,
        Kind::kRefund, Kind::kReversal, Kind::kUndoProposed, Kind::kUndo, Kind::kExpiry, Kind::kDayClosed, Kind::kRefused, Kind::kEpoch}) {
    EXPECT_GT(books.count(kind), 0) << KindName(kind);
  }
  EXPECT_GT(std::count_if(books.entries.begin(), books.entries.end(), HasDebt), 0) << "nobody came to owe";
  std::printf("%zu requests, %d of them unknown at first, %s\n", sent.size(), unknown, books.KindsLine().c_str());
}

}  // namespace
}  // namespace redpoints
