// A process without a free file descriptor: nothing is damaged, so nothing is set aside, thrown away or decided as if it were not there.
#include <gmock/gmock.h>

#include <atomic>

#include "storage/journal.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

using testing::IsEmpty;

const absl::Status& NoDescriptor() {
  static const auto* const status = new absl::Status(absl::ResourceExhaustedError("000012.sst: Too many open files"));
  return *status;
}

// The next `left` reads fail.
class ScarceLog : public MemoryLog {
 public:
  absl::StatusOr<std::vector<JournalRow>> Read(const std::string& program, std::int64_t start, std::int64_t end,
                                               std::size_t bytes_max) const override {
    if (left.fetch_sub(1) > 0) return NoDescriptor();
    return MemoryLog::Read(program, start, end, bytes_max);
  }
  mutable std::atomic<int> left = 0;
};

class ScarceStore : public MemoryStore {
 public:
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    if (left.fetch_sub(1) > 0) return NoDescriptor();
    return MemoryStore::Get(key);
  }
  mutable std::atomic<int> left = 0;
};

class DescriptorsTest : public LedgerTest {
 protected:
  void SetUp() override {
    SetUpProgram();
    sale = Buy("m1", 5).entry().sequence;
    Reopen();  // the sale is not in memory any more
  }
  void TearDown() override { ledger.reset(); }
  Log& log() override { return scarce_log; }
  Store& store() override { return scarce_store; }
  absl::Status TryOpen() {
    ledger.reset();
    auto opened = Ledger::Open(log(), store(), clock, options);
    if (opened.ok()) ledger = *std::move(opened);
    return opened.status();
  }

  ScarceLog scarce_log;
  ScarceStore scarce_store;
  std::int64_t sale = 0;
};

TEST_F(DescriptorsTest, AReaderIsToldAndTheProgramGoesOn) {
  scarce_log.left = 2;
  EXPECT_TRUE(absl::IsResourceExhausted(ledger->JournalOf("minyue").Line(sale).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(ledger->JournalOf("minyue").ReadAll(sale, 1).status()));
  EXPECT_TRUE(ledger->JournalOf("minyue").Line(sale).ok());
  EXPECT_FALSE(ledger->IsSetAside("minyue"));
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(DescriptorsTest, ADecisionWaitsForOne) {
  scarce_log.left = 3;
  const Outcome refund = Run(Till(NewId()), Refund{sale, 2, 0});
  EXPECT_FALSE(refund.refusal) << NameOf(refund.refusal->reason);
  EXPECT_LE(scarce_log.left, 0) << "it was read";
  scarce_store.left = 3;
  EXPECT_FALSE(Buy("m2", 1).refusal);
  EXPECT_LE(scarce_store.left, 0) << "a row was read";
  EXPECT_THAT(events, IsEmpty());
}

// Nothing is decided without the rows; and the thread that decides for all does not wait for each of them.
TEST_F(DescriptorsTest, PatienceEnds) {
  scarce_store.left = 1'000;
  for (const char* member : {"m1", "m2", "m3"}) EXPECT_EQ(Buy(member, 1).refusal->reason, Reason::PROGRAM_SET_ASIDE) << member;
  EXPECT_GT(scarce_store.left, 800);
  scarce_store.left = 0;
  ledger.reset();
  ASSERT_TRUE(TryOpen().ok());
  EXPECT_FALSE(Buy("m1", 1).refusal);
}

TEST_F(DescriptorsTest, AnOpeningIsRefusedAndThrowsNothingAway) {
  ledger.reset();
  scarce_store.left = 1;
  EXPECT_TRUE(absl::IsResourceExhausted(TryOpen()));
  ASSERT_TRUE(TryOpen().ok());
  EXPECT_THAT(events, IsEmpty());
  Buy("m1", 1);  // to be replayed
  options.turn_entries = 1'000'000;
  ledger.reset();
  ASSERT_TRUE(DeleteRows(scarce_store, "minyue").ok());
  scarce_log.left = 1;
  EXPECT_TRUE(absl::IsResourceExhausted(TryOpen()));
  ASSERT_TRUE(TryOpen().ok());
  EXPECT_FALSE(ledger->IsSetAside("minyue"));
  CheckAll();
}

}  // namespace
}  // namespace redpoints
