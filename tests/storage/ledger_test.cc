#include "storage/ledger.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/rules/entry_codec.h"
#include "storage/start_failure.h"
#include "tests/storage/damaged_store.h"
#include "tests/storage/disk.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

Reason ReasonOf(const Outcome& outcome) {
  if (outcome.refusal) return outcome.refusal->reason;
  return outcome.first == RequestState::kRefused ? RefusalOf(outcome.entry()).reason : Reason::REASON_UNSPECIFIED;
}

TEST_F(LedgerTest, WhatIsAnsweredSurvivesReopening) {
  SetUpProgram();
  const auto id = NewId();
  const Outcome sale = Run(Till(id), Sale("m1", 30));
  Reopen();
  EXPECT_EQ(Balance("m1"), 970);
  const Outcome again = Run(Till(id), Sale("m1", 30));
  EXPECT_TRUE(again.is_replayed);
  EXPECT_EQ(again.entry(), sale.entry());
  EXPECT_EQ(Balance("m1"), 970);
}

TEST_F(LedgerTest, RowsThatLeftMemoryAreFoundAgain) {
  options.turn_entries = 3;  // a new generation after nearly every batch
  SetUpProgram();
  const auto id = NewId();
  Run(Till(id), Sale("m1", 30));
  for (int i = 0; i < 50; ++i) Buy(absl::StrCat("m", i % 4 + 1), 5);
  EXPECT_TRUE(Run(Till(id), Sale("m1", 30)).is_replayed);
  EXPECT_EQ(Balance("s1"), 280);
}

TEST_F(LedgerTest, AHundredEqualRequestsAtOnceMakeOneEntry) {
  SetUpProgram();
  const auto id = NewId();
  const auto before = ledger->EndSequence("minyue");
  std::vector<std::future<Outcome>> answers(100);
  std::vector<std::thread> threads;
  for (int t = 0; t < 10; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) answers[static_cast<std::size_t>(t * 10 + i)] = Send(Till(id), Sale("m1", 30));
    });
  }
  for (auto& thread : threads) thread.join();
  int originals = 0;
  const auto first = answers[0].get();
  originals += !first.is_replayed;
  for (std::size_t i = 1; i < answers.size(); ++i) {
    const auto answer = answers[i].get();
    originals += !answer.is_replayed;
    EXPECT_EQ(answer.entry(), first.entry());
    EXPECT_EQ(answer.entries.size(), 1u);
    EXPECT_EQ(answer.refusal, std::nullopt);
    EXPECT_EQ(answer.first, RequestState::kDone);
    EXPECT_EQ(answer.now, RequestState::kDone);
    EXPECT_EQ(answer.now_sequence, first.now_sequence);
    EXPECT_EQ(answer.refunded_points, 0);
    EXPECT_EQ(answer.target, nullptr);
  }
  EXPECT_EQ(originals, 1);
  EXPECT_EQ(ledger->EndSequence("minyue"), before + 1);
  EXPECT_EQ(Balance("m1"), 970);
}

TEST_F(LedgerTest, AFailedCommitStopsEverythingAndTheTruthIsOnDisk) {
  for (const bool is_kept : {false, true}) {
    SCOPED_TRACE(is_kept);
    memory.Heal();
    if (!ledger) {
      SetUpProgram();
    }
    const auto before = Balance("m1");
    const auto id = NewId();
    memory.FailCommitAfter(0, is_kept);
    EXPECT_EQ(ReasonOf(Run(Till(id), Sale("m1", 30))), Reason::OUTCOME_UNKNOWN);
    EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 30))), Reason::STORAGE_READ_ONLY);
    EXPECT_EQ(ReasonOf(ledger->FindOutcome("minyue", "t1", id)), Reason::OUTCOME_UNKNOWN);  // it may be on disk
    EXPECT_EQ(Balance("m1"), before);                                                       // readers never saw it
    memory.Heal();
    ledger.reset();  // it is told behind the answers
    EXPECT_THAT(events, testing::Contains(testing::AllOf(testing::HasSubstr("store_failed: "), testing::HasSubstr("told to fail"))));
    events.clear();
    Open();
    const Outcome again = Run(Till(id), Sale("m1", 30));  // the client's retry settles it either way
    EXPECT_EQ(again.is_replayed, is_kept);
    EXPECT_EQ(Balance("m1"), before - 30);
  }
}

TEST_F(LedgerTest, AReadOnlyLedgerStillTellsOutcomes) {
  SetUpProgram();
  const auto id = NewId();
  const Outcome sale = Run(Till(id), Sale("m1", 30));
  options.is_read_only = true;
  Reopen();
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 30))), Reason::STORAGE_READ_ONLY);
  EXPECT_EQ(ledger->FindOutcome("minyue", "t1", id).entry(), sale.entry());
  EXPECT_EQ(ReasonOf(ledger->FindOutcome("minyue", "t2", id)), Reason::REQUEST_NOT_FOUND);
  EXPECT_EQ(Balance("m1"), 970);
  options.is_read_only = false;
}

TEST_F(LedgerTest, AnOldOwnerIsFencedOff) {
  SetUpProgram();
  ASSERT_TRUE(memory.TryTakeOver().ok());
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 30))), Reason::OUTCOME_UNKNOWN);
}

TEST_F(LedgerTest, AClockJumpStopsWritingUntilConfirmed) {
  SetUpProgram();
  clock.Jump(11 * kMinuteMs);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  EXPECT_EQ(Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()}).first, RequestState::kDone);
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  clock.Advance(3 * kDayMs);  // time that passes is no jump
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  clock.Jump(-9 * kMinuteMs);  // small steps back are bridged
  const auto sale = Buy("m1", 1);
  EXPECT_EQ(sale.first, RequestState::kDone);
}

// The network may bring it again after another jump.
TEST_F(LedgerTest, ARepeatedConfirmationIsNotAboutANewJump) {
  SetUpProgram();
  clock.Jump(11 * kMinuteMs);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  const auto id = NewId();
  const ConfirmClock word{clock.NowMs()};
  EXPECT_EQ(Run(Staff(id, "o1"), word).first, RequestState::kDone);
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  clock.Jump(400 * kDayMs);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  EXPECT_TRUE(Run(Staff(id, "o1"), word).is_replayed);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  EXPECT_TRUE(ledger->is_clock_stopped());
}

TEST_F(LedgerTest, SmallJumpsAddUp) {
  SetUpProgram();
  for (const int minutes : {4, -4}) {
    for (int i = 0; i < 2; ++i) {
      clock.Jump(minutes * kMinuteMs);
      EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
    }
    clock.Jump(minutes * kMinuteMs);
    EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
    ledger->ConfirmClock();
    // Backwards it is further than what is bridged.
    EXPECT_EQ(ReasonOf(Buy("m1", 1)), minutes > 0 ? Reason::REASON_UNSPECIFIED : Reason::CLOCK_STOPPED);
  }
}

// By who confirmed its clock last: it would go on with the wrong time.
TEST_F(LedgerTest, AProgramThatIsNotSetBackStaysStopped) {
  SetUpProgram();
  Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
  Run(Staff(NewId()), FoundProgram{{"system", "a0"}}, "system");
  clock.Jump(5 * kDayMs);
  for (const char* program : {"minyue", "other"}) Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()}, program);
  Run(Staff(NewId()), ConfirmClock{clock.NowMs()}, "system");
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  clock.Jump(-5 * kDayMs + kMinuteMs);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  const ConfirmClock back{clock.NowMs(), AddDays(DayOf(clock.NowMs()), -1)};
  // The only operator registers another.
  const Register another{.items = {StaffData{.id = "a9", .member = "", .is_external = true, .grants = {{Role::kOperator, ""}}}},
                         .is_new = true,
                         .rulebook_json = ""};
  EXPECT_EQ(ReasonOf(Run(Staff(NewId()), another, "minyue")), Reason::CLOCK_STOPPED);
  EXPECT_EQ(ReasonOf(Run(Staff(NewId()), another, "system")), Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(Run(Staff(NewId(), "a9"), back, "other").first, RequestState::kDone);
  EXPECT_TRUE(ledger->CanWrite());
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  EXPECT_TRUE(ledger->is_clock_stopped());
  EXPECT_EQ(Run(Staff(NewId(), "a9"), back).first, RequestState::kDone);
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  Run(Staff(NewId(), "a9"), back, "system");
  Buy("m1", 1);
  EXPECT_FALSE(ledger->is_clock_stopped());
}

// Its entry would have the wrong time, and the next start would find nothing wrong.
TEST_F(LedgerTest, NoOperatorIsRegisteredByAClockThatIsAhead) {
  SetUpProgram();
  Run(Staff(NewId()), FoundProgram{{"system", "a0"}}, "system");
  clock.Jump(30 * kDayMs);
  const Register another{.items = {StaffData{.id = "a9", .member = "", .is_external = true, .grants = {{Role::kOperator, ""}}}},
                         .is_new = true,
                         .rulebook_json = ""};
  EXPECT_EQ(ReasonOf(Run(Staff(NewId()), another, "system")), Reason::CLOCK_STOPPED);
}

// As after a log that was put back by hand: rows are but a cache.
TEST_F(LedgerTest, RowsOfAnotherHistoryAreMadeAgain) {
  SetUpProgram();
  ledger.reset();
  const auto mark = DerivedKey("minyue", kMarkTable, "");
  const auto before = *rows.Get(mark);
  Open();
  Buy("m1", 1);
  ledger.reset();
  ASSERT_TRUE(rows.Install({{mark, before}}).ok());  // rows that are ahead of their mark: what follows does not follow from them
  Open();
  EXPECT_FALSE(ledger->IsSetAside("minyue"));
  CheckAll();
  Open();
  StateMark other = ledger->FindState("minyue")->ReadPublished().at;
  ledger.reset();
  ++other.last_ms;
  ASSERT_TRUE(rows.Install({{mark, EncodeRow(other)}}).ok());
  Open();
  EXPECT_THAT(events, testing::Contains(testing::HasSubstr("another history")));
  CheckAll();
}

TEST_F(LedgerTest, AClockFarAheadOfTheLedgerStopsWritingFromTheStart) {
  SetUpProgram();
  ledger.reset();
  clock.Advance(6 * kDayMs);  // closed over a holiday
  Open();
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  ledger.reset();
  clock.Advance(400 * kDayMs);
  clock.set_synchronised(false);
  Open();
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  EXPECT_EQ(Balance("expired"), 0);
  Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()});
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::INSUFFICIENT_POINTS);
  EXPECT_GE(Balance("expired"), 1000 - 1);  // of m1, whom the sale was about; the others' follow
}

// What nothing is due of goes on, a second start changes nothing, and once the clock is known to be right all is done.
TEST_F(LedgerTest, AfterAStopWhatOnlyTimeDoesWaitsForAClockThatIsRight) {
  SetUpProgram(1);
  AwardItem visit = Item("m1", 120);
  visit.activity = "VISIT";  // 4 of donor, to 2024-05-01
  Run(Staff(NewId()), Award{visit});
  Add(Person("m2"));
  clock.Advance(45 * kDayMs);  // 2024-04-29
  AwardItem late = Item("m2", 100);
  Run(Staff(NewId()), Award{late});
  const auto day = [&] { return ledger->FindState("minyue")->ReadPublished().at.last_closed_day; };
  ASSERT_EQ(day(), 20240428);
  ledger.reset();
  clock.set_synchronised(false);
  clock.Advance(3 * kDayMs);
  for (int start = 0; start < 2; ++start) {
    Open();
    EXPECT_TRUE(ledger->is_time_waiting());
    EXPECT_TRUE(ledger->CanWrite());
    EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
    EXPECT_EQ(Buy("m2", 1).first, RequestState::kDone);
    EXPECT_EQ(day(), 20240428);
    EXPECT_EQ(Balance("expired"), 0);
    ledger.reset();
  }
  {
    const std::lock_guard lock(events_mutex);
    EXPECT_EQ(std::count_if(events.begin(), events.end(), [](const std::string& e) { return e.starts_with("clock_unsure: "); }), 2);
  }
  Open();
  clock.set_synchronised(true);
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  EXPECT_EQ(day(), 20240501);
  EXPECT_EQ(Balance("expired"), 4);
}

// The whole of it is in one commit; a time that comes twice means the last one.
// Whatever was written meanwhile: an entry of a clock in doubt does not make it right.
TEST_F(LedgerTest, ADoubtAboutTheClockOutlivesRestarts) {
  SetUpProgram();
  options.clock_doubt_file = std::filesystem::temp_directory_path() / absl::StrCat("redpoints-doubt-", ::getpid());
  clock.Advance(3 * 3'600'000);
  clock.set_synchronised(false);
  for (int i = 0; i < 3; ++i) {
    Reopen();
    EXPECT_TRUE(ledger->is_time_waiting()) << i;
    EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  }
  EXPECT_EQ(Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()}).first, RequestState::kDone);
  EXPECT_FALSE(ledger->is_time_waiting());
  Reopen();
  EXPECT_FALSE(ledger->is_time_waiting());
  EXPECT_FALSE(std::filesystem::exists(options.clock_doubt_file));
}

// An auditor sees in each program on whose word its days were closed.
TEST_F(LedgerTest, EachProgramWaitsForItsOwnWord) {
  SetUpProgram();
  Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
  const std::int64_t end = ledger->EndSequence("other");
  clock.Advance(3 * kDayMs);
  clock.set_synchronised(false);
  Reopen();
  Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()});
  Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()}, "other");
  ASSERT_TRUE(ledger->WaitForEntry("other", end + 1, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  EXPECT_EQ(ledger->JournalOf("other").Read(end)->kind, Kind::kClockConfirmed);
  EXPECT_EQ(ledger->JournalOf("other").Read(end + 1)->kind, Kind::kDayClosed);
}

// What is held by holds that are over would count against the shop for ever.
TEST_F(LedgerTest, WhileTimeWaitsNothingIsRefusedForHoldsThatAreOver) {
  SetUpProgram(4, RulebookJson("2024-1", 20240101, R"({"max_points_per_merchant_day":100})"));
  Run(Till(NewId()), Authorize{Pay("m1"), {{"ANY", 1, 100, 0}}});
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m2", 10))), Reason::LIMIT_EXCEEDED);
  clock.Advance(3'600'000);
  clock.set_synchronised(false);
  Reopen();
  const auto id = NewId();
  EXPECT_EQ(ReasonOf(Run(Till(id), Sale("m2", 10))), Reason::CLOCK_STOPPED);
  const std::int64_t end = ledger->EndSequence("minyue");
  clock.set_synchronised(true);
  ASSERT_TRUE(ledger->WaitForEntry("minyue", end, std::chrono::steady_clock::now() + std::chrono::seconds(20)));  // the hold's end
  EXPECT_EQ(Run(Till(id), Sale("m2", 10)).first, RequestState::kDone);
}

TEST_F(LedgerTest, AClockThatWasConfirmedWronglyIsSetBack) {
  SetUpProgram(1);
  AwardItem visit = Item("m1", 120);
  visit.activity = "VISIT";  // 4 of donor, to 2024-05-01
  Run(Staff(NewId()), Award{visit});
  const std::int64_t right = clock.NowMs();
  clock.Jump(80 * kDayMs);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()});
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  EXPECT_EQ(Balance("expired"), 4);
  clock.Jump(-80 * kDayMs + kMinuteMs);
  Reopen();
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  const ConfirmClock back{clock.NowMs(), 20240314};
  EXPECT_EQ(ReasonOf(Run(Staff(NewId(), "o1"), back)), Reason::MAKER_IS_CHECKER);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);  // which settles nothing
  const auto before = ledger->counts();
  const auto end = ledger->EndSequence("minyue");
  const std::string id = NewId();
  EXPECT_EQ(Run(Staff(id, "o2"), back).first, RequestState::kDone);
  EXPECT_EQ(ledger->EndSequence("minyue") - end, 2);
  EXPECT_EQ(ledger->counts().commits - before.commits, 1);
  Reopen();
  EXPECT_FALSE(ledger->is_clock_stopped());
  EXPECT_TRUE(Run(Staff(id, "o2"), back).is_replayed);
  EXPECT_EQ(Balance("expired"), 0);
  EXPECT_EQ(Buy("m1", 2).first, RequestState::kDone);
  const State& state = *ledger->FindState("minyue");
  EXPECT_EQ(state.ReadPublished().at.last_ms, clock.NowMs());
  const auto balance = [&](std::int64_t ms) {
    const auto found = BalanceAsOf(state, Journal(memory, "minyue"), "m1", ms);
    return found.ok() ? found->units.at(1).available : -1;
  };
  EXPECT_EQ(balance(right), 1004);
  EXPECT_EQ(balance(clock.NowMs()), 1001);
  EXPECT_EQ(balance(right + 90 * kDayMs), 999);  // without the lot that has ended by then
  clock.Advance(81 * kDayMs);
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
  EXPECT_EQ(state.ReadPublished().at.last_closed_day, 20240603);
}

TEST_F(LedgerTest, ARequestWhoseTimeIsOverWhenItsTurnComesIsNotCarriedOut) {
  SetUpProgram();
  const auto end = ledger->EndSequence("minyue");
  const std::string id = NewId();
  std::promise<Outcome> late;
  ledger->Submit(
      "minyue", Till(id), Sale("m1", 30), [&](Outcome outcome) { late.set_value(std::move(outcome)); },
      std::chrono::steady_clock::now() - std::chrono::milliseconds(1));
  EXPECT_EQ(ReasonOf(late.get_future().get()), Reason::DEADLINE_PASSED);
  EXPECT_EQ(ledger->EndSequence("minyue"), end);
  EXPECT_EQ(ReasonOf(ledger->FindOutcome("minyue", "t1", id)), Reason::REQUEST_NOT_FOUND);
  // The id stays free.
  EXPECT_EQ(Run(Till(id), Sale("m1", 30)).first, RequestState::kDone);
  EXPECT_EQ(Balance("m1"), 970);
}

// Whoever watches is told of each change, before the answer that shows it.
TEST_F(LedgerTest, WhetherItCanWriteIsToldWhenItChanges) {
  std::atomic<int> told = 0;
  options.on_can_write = [&] { ++told; };
  SetUpProgram();
  EXPECT_TRUE(ledger->CanWrite());
  Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()});  // there was nothing to confirm
  EXPECT_EQ(told, 0);
  clock.Jump(11 * kMinuteMs);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(ledger->CanWrite());
  Run(Staff(NewId(), "o1"), ConfirmClock{clock.NowMs()});
  EXPECT_EQ(told, 2);
  EXPECT_TRUE(ledger->CanWrite());
  ASSERT_TRUE(memory.TryTakeOver().ok());
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::OUTCOME_UNKNOWN);
  EXPECT_EQ(told, 3);
  EXPECT_FALSE(ledger->CanWrite());
  options.is_read_only = true;
  Reopen();
  EXPECT_FALSE(ledger->CanWrite());
  options.is_read_only = false;
  options.on_can_write = nullptr;
}

TEST_F(LedgerTest, AClockFarBehindTheLedgerStopsWritingFromTheStart) {
  SetUpProgram();
  clock.Jump(-20 * kMinuteMs);
  Reopen();
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);
  ledger->ConfirmClock();
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::CLOCK_STOPPED);  // entries would go on with a time that is to come
  clock.Jump(11 * kMinuteMs);
  ledger->ConfirmClock();
  EXPECT_EQ(Buy("m1", 1).first, RequestState::kDone);
}

TEST_F(LedgerTest, ProgramsShareNothing) {
  SetUpProgram();
  Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 1), "other")), Reason::MERCHANT_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 1), "nowhere")), Reason::PROGRAM_NOT_FOUND);
  EXPECT_EQ(ledger->Programs(), (std::vector<std::string>{"minyue", "other"}));
}

TEST_F(LedgerTest, ADamagedProgramIsSetAsideAlone) {
  SetUpProgram();
  Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
  const auto end = ledger->EndSequence("minyue");
  Buy("m1", 5);
  ledger.reset();
  const JournalRow original = memory.Read("minyue", end, end + 1, 1)->front();
  JournalRow altered = original;
  altered.lines.replace(altered.lines.find("\"amount\":-5"), 11, "\"amount\":-4");
  memory.SetRow("minyue", end, altered);
  // Derived rows would hide it from the opening; without them the replay sees it.
  ASSERT_TRUE(DeleteRows(rows, "minyue").ok());
  Open();
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 1))), Reason::PROGRAM_SET_ASIDE);
  EXPECT_EQ(Run(Staff(NewId()), Register{.items = {FundData{"street", 5}}, .is_new = true, .rulebook_json = ""}, "other").first,
            RequestState::kDone);
  ledger.reset();
  const auto report = CheckProgram(memory, &rows, "minyue");
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.status().message().find(absl::StrCat("entry ", end)), std::string::npos) << report.status();
  memory.SetRow("minyue", end, original);
}

// Rows of each page lie in any generation, in memory or not; the newest counts.
// An older program on a ledger with which a newer one has gone on: it notices when it opens, and neither writes nor unmakes anything.
class NewerTest : public LedgerTest {
 protected:
  void TearDown() override {}
  const std::string kMark = DerivedKey("minyue", kMarkTable, "");
  void ExpectNewer() {
    const std::string mark = **rows.Get(kMark);
    Open();
    EXPECT_TRUE(ledger->IsSetAside("minyue"));
    EXPECT_EQ(Buy("m1", 7).refusal->reason, Reason::PROGRAM_SET_ASIDE);
    ledger.reset();
    EXPECT_THAT(events, testing::Contains(testing::HasSubstr("newer program")));
    EXPECT_THAT(events, testing::Not(testing::Contains(testing::HasSubstr("derived_rebuild"))));
    EXPECT_EQ(**rows.Get(kMark), mark);
    EXPECT_TRUE(absl::IsUnimplemented(CheckProgram(memory, &rows, "minyue").status()));
  }
};

TEST_F(NewerTest, ALineOfALaterVersionIsNoticedBehindTheMark) {
  SetUpProgram();
  StateMark at = ledger->FindState("minyue")->ReadPublished().at;
  ledger.reset();
  const std::string line =
      absl::StrCat(R"({"v":2,"program":"minyue","epoch":0,"seq":)", at.next_sequence, R"(,"kind":"settlement"})", "\n");
  CommitBatch batch{.fence = *memory.TryTakeOver()};
  batch.appends = {{.program = "minyue", .expected_end = at.next_sequence, .entries = 1, .lines = line}};
  ASSERT_EQ(memory.Commit(batch), CommitResult::kCommitted);
  ++at.next_sequence, at.line_version = 2;
  ASSERT_TRUE(rows.Install({{kMark, EncodeRow(at)}}).ok());
  ExpectNewer();
  // And read by itself it is no damage either.
  EXPECT_TRUE(absl::IsUnimplemented(Journal(memory, "minyue").Read(at.next_sequence - 1).status()));
}

TEST_F(NewerTest, LaterRulesAreNoticedByTheMark) {
  SetUpProgram();
  StateMark at = ledger->FindState("minyue")->ReadPublished().at;
  ledger.reset();
  at.rules_format = kRulesFormat + 1;
  ASSERT_TRUE(rows.Install({{kMark, EncodeRow(at)}}).ok());
  ExpectNewer();
}

TEST_F(LedgerTest, RegistrationsAreListedFromEveryGeneration) {
  options.turn_entries = 7;
  SetUpProgram(30);
  const auto member = [](int i, RegistrationState state) {
    MemberData data = Person(absl::StrCat("m", i));
    data.state = state;
    return data;
  };
  std::set<std::string> all, suspended, listed, listed_suspended;
  for (int i = 1; i <= 30; ++i) all.insert(absl::StrCat("m", i));
  for (const int i : {3, 17, 29}) {
    Run(Staff(NewId()), Register{.items = {member(i, RegistrationState::kSuspended)}, .is_new = false, .rulebook_json = ""});
    suspended.insert(absl::StrCat("m", i));
  }
  std::string after;
  for (;;) {
    const auto page = ListRegistrations(*ledger->FindState("minyue"), rows, "member", after, 4);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    for (const auto& [id, registered] : *page) {
      EXPECT_GT(id, after);
      after = id;
      listed.insert(id);
      if (std::get<MemberData>(registered.data).state == RegistrationState::kSuspended) listed_suspended.insert(id);
    }
  }
  EXPECT_EQ(listed, all);
  EXPECT_EQ(listed_suspended, suspended);
}

TEST_F(LedgerTest, AFullQueueRefusesAtOnce) {
  options.queue_requests_max = 1;
  SetUpProgram();
  std::vector<std::future<Outcome>> answers;
  for (int i = 0; i < 2000; ++i) answers.push_back(Send(Till(NewId()), Sale("m1", 1)));
  int overloaded = 0, done = 0;
  for (auto& answer : answers) {
    const auto outcome = answer.get();
    overloaded += ReasonOf(outcome) == Reason::OVERLOADED;
    done += outcome.first == RequestState::kDone || ReasonOf(outcome) == Reason::INSUFFICIENT_POINTS;
  }
  EXPECT_GT(overloaded, 0);
  EXPECT_EQ(overloaded + done, 2000);
}

TEST_F(LedgerTest, StopAnswersWhatWasQueued) {
  SetUpProgram();
  std::vector<std::future<Outcome>> answers;
  for (int i = 0; i < 500; ++i) answers.push_back(Send(Till(NewId()), Sale("m1", 1)));
  ledger.reset();
  for (auto& answer : answers) EXPECT_EQ(answer.get().first, RequestState::kDone);
  Open();
  EXPECT_EQ(Balance("m1"), 500);
}

TEST_F(LedgerTest, StatementFollowsTheChainToTheFirstEntry) {
  SetUpProgram();
  for (int i = 1; i <= 5; ++i) Buy("m1", i);
  const Journal journal(memory, "minyue");
  ChainPosition position = HeadOf(*ledger->FindState("minyue"), "m1", "POINT");
  EXPECT_EQ(position.after[0], 985);
  int lines = 0;
  for (;;) {
    const auto line = NextLine(journal, "m1", "POINT", position);
    ASSERT_TRUE(line.ok()) << line.status();
    if (!*line) break;
    ++lines;
  }
  EXPECT_EQ(lines, 6);
  EXPECT_EQ(position.after[0], 0);  // opening balance of a whole chain
}

// Lots, what is held and what ends next are as they were, also over the lots' end, written or not.
TEST_F(LedgerTest, BalanceAsOfARecordedTime) {
  SetUpProgram();
  struct Then {
    std::int64_t at_ms;
    Balances balances;
  };
  std::vector<Then> thens;
  const auto remember = [&] {
    thens.push_back({clock.NowMs(), BalanceNow(*ledger->FindState("minyue"), "m1", clock.NowMs())});
    clock.Advance(kMinuteMs);
  };
  const auto start = clock.NowMs() - 1;
  remember();
  Buy("m1", 100);
  remember();
  const auto hold = Run(Till(NewId()), Authorize{Pay("m1"), {{"ANY", 1, 50, 0}}});
  remember();
  Run(Till(NewId()), Capture{hold.entry().sequence, 20});
  remember();
  AwardItem visit = Item("m1", 60);
  visit.activity = "VISIT";
  Run(Staff(NewId()), AwardBatch{{visit}});
  remember();
  clock.Advance(60 * kDayMs);  // the donor's lot is past
  remember();
  Buy("m1", 5);
  remember();

  const Journal journal(memory, "minyue");
  const State& state = *ledger->FindState("minyue");
  EXPECT_EQ(BalanceAsOf(state, journal, "m1", start)->units.size(), 0u);
  std::set<std::int64_t> available, held;
  for (const Then& then : thens) {
    const auto found = BalanceAsOf(state, journal, "m1", then.at_ms);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->as_of_sequence, then.balances.as_of_sequence);
    ASSERT_EQ(found->units.size(), then.balances.units.size());
    for (std::size_t i = 0; i < found->units.size(); ++i) {
      const UnitBalance &was = then.balances.units[i], &is = found->units[i];
      EXPECT_EQ(is.unit, was.unit);
      EXPECT_EQ(is.available, was.available) << then.at_ms;
      EXPECT_EQ(is.held, was.held) << then.at_ms;
      EXPECT_EQ(is.debt, was.debt) << then.at_ms;
      EXPECT_EQ(is.lots, was.lots) << then.at_ms;
    }
    available.insert(found->units.at(1).available), held.insert(found->units.at(1).held);
  }
  EXPECT_THAT(available, testing::ElementsAre(850, 875, 880, 882, 900, 1000));
  EXPECT_THAT(held, testing::ElementsAre(0, 50));
}

TEST_F(LedgerTest, AWalkIntoThePastIsGivenUpWhenToldTo) {
  SetUpProgram();
  const auto start = clock.NowMs() - 1;
  for (int i = 0; i < 5; ++i) Buy("m1", 1);
  int asked = 0;
  const auto found = BalanceAsOf(*ledger->FindState("minyue"), Journal(memory, "minyue"), "m1", start,
                                 [&] { return ++asked < 3 ? absl::OkStatus() : absl::DeadlineExceededError("enough"); });
  EXPECT_TRUE(absl::IsDeadlineExceeded(found.status())) << found.status();
  EXPECT_EQ(asked, 3);
}

// More than is read from the journal at once.
TEST_F(LedgerTest, TheOutcomeOfABigBatchHasEveryItem) {
  SetUpProgram();
  AwardBatch batch;
  for (int i = 0; i < 4'000; ++i) {
    AwardItem item = Item("m1", 1);
    item.session = absl::StrCat("s-", i);
    batch.items.push_back(item);
  }
  const std::string id = NewId();
  const Outcome made = Run(Staff(id), batch);
  ASSERT_EQ(made.entries.size(), batch.items.size());
  const Outcome found = ledger->FindOutcome("minyue", "a0", id);
  ASSERT_EQ(found.entries.size(), batch.items.size());
  for (std::size_t i = 0; i < batch.items.size(); ++i) EXPECT_EQ(*found.entries[i], *made.entries[i]);
}

TEST_F(LedgerTest, HoldsEndAndDaysCloseWithoutAnybodyAsking) {
  SetUpProgram();
  const auto hold = Run(Till(NewId()), Authorize{Pay("m1"), {{"ANY", 1, 50, 0}}});
  EXPECT_EQ(Balance("m1"), 950);
  const auto end = ledger->EndSequence("minyue");
  clock.Advance(kDayMs);
  ASSERT_TRUE(ledger->WaitForEntry("minyue", end + 1, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  EXPECT_EQ(Balance("m1"), 1000);
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Capture{hold.entry().sequence, 0})), Reason::HOLD_EXPIRED);
}

TEST_F(LedgerTest, HoldsThatAreOverCountForNobodyHoweverManyTheyAre) {
  SetUpProgram(4, RulebookJson("2024-1", 20240101, R"({"max_points_per_merchant_day":600})"));
  for (int i = 0; i < 600; ++i) Run(Till(NewId()), Authorize{Pay(absl::StrCat("m", i % 4 + 1)), {{"ANY", 1, 1, 0}}});
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 1))), Reason::LIMIT_EXCEEDED);
  clock.Advance(3'600'000);
  EXPECT_EQ(ReasonOf(Run(Till(NewId()), Sale("m1", 600))), Reason::REASON_UNSPECIFIED);
}

// The same on RocksDB, on disk.
class DiskLedgerTest : public LedgerTest {
 protected:
  void SetUp() override {
    directory = std::filesystem::temp_directory_path() / absl::StrCat("redpoints-ledger-", ::getpid(), "-", NewId());
    OpenStore();
  }
  void TearDown() override {
    LedgerTest::TearDown();
    disk.Close();
    std::filesystem::remove_all(directory);
  }
  void OpenStore() {
    const auto opened = disk.Open(directory);
    ASSERT_TRUE(opened.ok()) << opened;
  }
  Log& log() override { return *disk.log; }
  Store& store() override { return *disk.store; }
  std::string directory;
  Disk disk;
};

TEST_F(DiskLedgerTest, WhatIsAnsweredSurvivesReopeningTheStore) {
  options.turn_entries = 10;
  SetUpProgram();
  const auto id = NewId();
  Run(Till(id), Sale("m1", 30));
  for (int i = 0; i < 100; ++i) Buy("m2", 1);
  ledger.reset();
  OpenStore();
  Open();
  EXPECT_EQ(Balance("m2"), 900);
  EXPECT_TRUE(Run(Till(id), Sale("m1", 30)).is_replayed);
}

TEST_F(DiskLedgerTest, BackupIsAWholeLedger) {
  SetUpProgram();
  Buy("m1", 30);
  ASSERT_TRUE(log().Backup(directory + "-copy").ok());
  Buy("m1", 30);
  auto copy = RocksDbLog::Open({.directory = directory + "-copy"});
  ASSERT_TRUE(copy.ok()) << copy.status();
  const auto report = CheckProgram(**copy, nullptr, "minyue");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->entries, ledger->EndSequence("minyue") - 1);
  copy->reset();
  std::filesystem::remove_all(directory + "-copy");
}

// Commits wait while the gate is closed, so that requests queue up.
class GatedLog : public MemoryLog {
 public:
  CommitResult Commit(const CommitBatch& batch) override {
    ++begun;
    begun.notify_all();
    { const std::lock_guard wait(gate); }
    return MemoryLog::Commit(batch);
  }
  std::mutex gate;
  std::atomic<int> begun = 0;
};

class FairnessTest : public LedgerTest {
 protected:
  Log& log() override { return gated; }
  GatedLog gated;
};

TEST_F(FairnessTest, ATillDoesNotWaitForAnotherProgramsBatches) {
  options.batch_items_max = 100;
  SetUpProgram();
  Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
  std::mutex mutex;
  std::string order;
  std::vector<std::future<void>> answered;
  const auto send = [&](const char* name, Command command, const std::string& program) {
    auto promise = std::make_shared<std::promise<void>>();
    answered.push_back(promise->get_future());
    ledger->Submit(program, Staff(NewId()), std::move(command), [&, name, promise](const Outcome&) {
      {
        const std::lock_guard lock(mutex);
        order += name;
      }
      promise->set_value();
    });
  };
  {
    const std::lock_guard closed(gated.gate);
    const int before = gated.begun;
    send("", Register{.items = {FundData{"first", 5}}, .is_new = true, .rulebook_json = ""}, "minyue");
    gated.begun.wait(before);
    AwardBatch batch;
    for (int i = 0; i < 50; ++i) batch.items.push_back(Item("m1", 1));
    for (int i = 0; i < 10; ++i) send("A", batch, "minyue");
    for (int i = 0; i < 20; ++i)
      send("b", Register{.items = {FundData{absl::StrCat("f", i), 5}}, .is_new = true, .rulebook_json = ""}, "other");
  }
  for (auto& future : answered) future.get();
  EXPECT_EQ(order.size(), 30u);
  EXPECT_LE(std::count(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(order.rfind('b')), 'A'), 2) << order;
}

TEST_F(FairnessTest, ItemsThatWaitAreBounded) {
  SetUpProgram();
  AwardBatch batch;
  for (int i = 0; i < 8190; ++i) batch.items.push_back(Item("nobody", 1));
  std::vector<std::future<Outcome>> answers;
  std::future<Outcome> ninth, sale;
  {
    const std::lock_guard closed(gated.gate);
    const int before = gated.begun;
    auto first = Send(Staff(NewId()), Register{.items = {FundData{"first", 5}}, .is_new = true, .rulebook_json = ""});
    gated.begun.wait(before);
    for (int i = 0; i < 8; ++i) answers.push_back(Send(Staff(NewId()), batch));
    ninth = Send(Staff(NewId()), batch);
    sale = Send(Till(NewId()), Sale("m1", 1));
  }
  EXPECT_EQ(ReasonOf(ninth.get()), Reason::OVERLOADED);
  EXPECT_EQ(sale.get().first, RequestState::kDone);
  for (auto& answer : answers) EXPECT_EQ(ReasonOf(answer.get()), Reason::MEMBER_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Run(Staff(NewId()), batch)), Reason::MEMBER_NOT_FOUND);  // there is room again
}

// Counts the journal rows read.
class WatchedLog : public MemoryLog {
 public:
  absl::StatusOr<std::vector<JournalRow>> Read(const std::string& program, std::int64_t start, std::int64_t end,
                                               std::size_t bytes_max) const override {
    auto found = MemoryLog::Read(program, start, end, bytes_max);
    if (found.ok()) journal_rows += static_cast<int>(found->size());
    return found;
  }
  mutable std::atomic<int> journal_rows = 0;
};

// Fails to install when told.
class WatchedStore : public MemoryStore {
 public:
  absl::Status Install(const DerivedRows& some) override {
    if (installs_to_fail.fetch_sub(1) > 0) return absl::UnavailableError("no room for a moment");
    ++installs;
    return MemoryStore::Install(some);
  }
  std::atomic<int> installs = 0, installs_to_fail = 0;
};

class WatchedTest : public LedgerTest {
 protected:
  Log& log() override { return watched_log; }
  Store& store() override { return watched; }
  WatchedLog watched_log;
  WatchedStore watched;
};

// A batch is asked for again long after its entries have left memory; tills wait meanwhile.
TEST_F(WatchedTest, ARepeatedBatchIsReadOnce) {
  SetUpProgram();
  AwardBatch batch;
  for (int i = 0; i < 2000; ++i) batch.items.push_back(Item(absl::StrCat("m", 1 + i % 4), 1));
  const auto id = NewId();
  const Outcome first = Run(Staff(id), batch);
  Reopen();
  watched_log.journal_rows = 0;
  const Outcome again = Run(Staff(id), batch);
  EXPECT_TRUE(again.is_replayed);
  ASSERT_EQ(again.entries.size(), 2000u);
  EXPECT_EQ(*again.entries[1999], *first.entries[1999]);
  const Outcome found = ledger->FindOutcome("minyue", "a0", id);
  ASSERT_EQ(found.entries.size(), 2000u);
  EXPECT_EQ(*found.entries[1999], *first.entries[1999]);
  EXPECT_LE(watched_log.journal_rows, 40);  // 8 rows of 256 entries, a few times
}

TEST_F(WatchedTest, AFailedInstallIsRepeated) {
  options.turn_entries = 20;
  SetUpProgram();
  watched.installs_to_fail = 2;
  const auto buy_until = [&](auto condition) {
    for (int i = 0; i < 3000 && !condition(); ++i) Buy(absl::StrCat("m", 1 + i % 4), 1);
    EXPECT_TRUE(condition());
  };
  buy_until([&] { return watched.installs_to_fail <= 0; });
  const int before = watched.installs;
  buy_until([&] { return watched.installs > before + 3; });
  const std::lock_guard lock(events_mutex);
  EXPECT_EQ(events, std::vector<std::string>(2, "install_failed: no room for a moment"));
}

TEST_F(WatchedTest, AnInstallThatFailsAtTheEndLeavesTheJournal) {
  SetUpProgram();
  watched.installs_to_fail = 100;
  ledger.reset();
  EXPECT_GE(watched.installs_to_fail, 98);  // tried again, not for ever
  watched.installs_to_fail = 0;
}

// Whichever read meets it: all programs are there, whole; or, where it is there again, there is no ledger.
TEST_F(LedgerTest, DamagedRowsAreMadeAgainOrEndTheOpening) {
  SetUpProgram();
  Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
  ledger.reset();
  options.turn_entries = 1;
  int refused = 0;
  for (const int times : {1, 2}) {
    for (int reads = 0;; ++reads) {
      SCOPED_TRACE(absl::StrCat(times, " ", reads));
      ASSERT_LT(reads, 1000);
      DamagedStore damaged(rows, reads, times);
      auto opened = Ledger::Open(memory, damaged, clock, options);
      const bool is_met = damaged.is_met();
      if (opened.ok()) {
        EXPECT_EQ(damaged.Damage(), absl::OkStatus());
        EXPECT_EQ((*opened)->damages(), 0);
        for (const char* program : {"minyue", "other"}) {
          ASSERT_NE((*opened)->FindState(program), nullptr);
          EXPECT_EQ((*opened)->EndSequence(program), *Journal(memory, program).End());
        }
        opened->reset();
      } else {
        EXPECT_EQ(StartFailureId(opened.status()), "DERIVED_DAMAGED") << opened.status();
        EXPECT_EQ(damaged.clears(), 1);
        ++refused;
      }
      if (!is_met) break;
      Open();
      CheckAll();
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace redpoints
