// Pairs of requests that meet, by name: whoever comes first, the outcome is one of those that make sense, and no point is made or lost.
#include <array>
#include <barrier>
#include <thread>

#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

constexpr int kMeetings = 200;
// One of each pair is refused and recorded: more of that than a member or a till has in a day elsewhere.
const std::string kBook = RulebookJson(
    "2024-1", 20240101, "{}", R"({"debts_allowed":true,"late_days":60,"refusals_per_terminal_day":10000,"refusals_per_member_day":10000})");

Reason ReasonOf(const Outcome& outcome) {
  if (outcome.refusal) return outcome.refusal->reason;
  return outcome.first == RequestState::kRefused ? RefusalOf(outcome.entry()).reason : Reason::REASON_UNSPECIFIED;
}

class RacesTest : public LedgerTest {
 protected:
  struct Call {
    Origin origin;
    Command command;
  };
  // Both at the same moment, from two threads.
  std::array<Outcome, 2> Meet(Call a, Call b) {
    std::barrier start(2);
    std::array<Outcome, 2> outcomes;
    std::thread other([&] {
      start.arrive_and_wait();
      outcomes[1] = Run(std::move(b.origin), std::move(b.command));
    });
    start.arrive_and_wait();
    outcomes[0] = Run(std::move(a.origin), std::move(a.command));
    other.join();
    return outcomes;
  }
  std::int64_t HoldOf(std::int64_t points) { return Run(Till(NewId()), Authorize{Pay("m1"), {{"ANY", 1, points, 0}}}).entry().sequence; }
  // Everybody's 1,000 points are one lot, which ends with the next millisecond.
  void SetUpLastMomentOfPoints(int members) {
    std::string book = kBook;
    const std::string_view year = R"("lot_validity":{"months":12}})";
    book.replace(book.find(year), year.size(), R"("lot_validity":{"months":1}})");
    SetUpProgram(members, book);
    const auto lots = BalanceNow(*ledger->FindState("minyue"), "m1", clock.NowMs()).units.at(1).lots;
    ASSERT_EQ(lots.size(), 1u);
    clock.Advance(StartOf(lots[0].end) - clock.NowMs() - 1);
  }
  // One of the two is done, the other refused; which one was done.
  static int WinnerOf(const std::array<Outcome, 2>& outcomes) {
    const int winner = outcomes[0].first == RequestState::kDone ? 0 : 1;
    EXPECT_EQ(outcomes[static_cast<std::size_t>(winner)].first, RequestState::kDone);
    EXPECT_EQ(outcomes[static_cast<std::size_t>(1 - winner)].first, RequestState::kRefused);
    return winner;
  }
};

TEST_F(RacesTest, TwoCapturesOfOneHold) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto hold = HoldOf(2);
    const auto both = Meet({Till(NewId()), Capture{hold, 0}}, {Till(NewId()), Capture{hold, 1}});
    const int winner = WinnerOf(both);
    EXPECT_EQ(ReasonOf(both[static_cast<std::size_t>(1 - winner)]), Reason::HOLD_ALREADY_CAPTURED);
    Run(Till(NewId()), Refund{both[static_cast<std::size_t>(winner)].entry().sequence, winner == 0 ? 2 : 1});
  }
  EXPECT_EQ(Balance("m1"), 1000);
  EXPECT_EQ(Balance("m1", Sub::kHeld), 0);
}

TEST_F(RacesTest, ACaptureAndAVoidOfOneHold) {
  SetUpProgram(4, kBook);
  std::int64_t captured = 0;
  for (int i = 0; i < kMeetings; ++i) {
    const auto hold = HoldOf(2);
    const auto both = Meet({Till(NewId()), Capture{hold, 0}}, {Till(NewId()), Void{hold}});
    const int winner = WinnerOf(both);
    captured += winner == 0 ? 2 : 0;
    EXPECT_EQ(ReasonOf(both[static_cast<std::size_t>(1 - winner)]),
              winner == 0 ? Reason::HOLD_ALREADY_CAPTURED : Reason::HOLD_ALREADY_VOIDED);
  }
  EXPECT_EQ(Balance("m1"), 1000 - captured);
  EXPECT_EQ(Balance("s1"), captured);
}

TEST_F(RacesTest, ACaptureAndTheEndOfItsHold) {
  SetUpProgram(4, kBook);
  std::int64_t captured = 0;
  for (int i = 0; i < 30; ++i) {
    const auto hold = HoldOf(2);
    clock.Advance(180'000 - 1);
    std::thread time([&] { clock.Advance(2); });
    const Outcome capture = Run(Till(NewId()), Capture{hold, 0});
    time.join();
    if (capture.first == RequestState::kDone) {
      captured += 2;
    } else {
      EXPECT_EQ(ReasonOf(capture), Reason::HOLD_EXPIRED);
    }
  }
  EXPECT_EQ(Balance("m1"), 1000 - captured);
}

TEST_F(RacesTest, TwoRefundsThatAreTooMuchTogether) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto sale = Buy("m1", 3).entry().sequence;
    const auto both = Meet({Till(NewId()), Refund{sale, 2}}, {Till(NewId()), Refund{sale, 2}});
    EXPECT_EQ(ReasonOf(both[static_cast<std::size_t>(1 - WinnerOf(both))]), Reason::REFUND_EXCEEDS_REMAINDER);
  }
  EXPECT_EQ(Balance("m1"), 1000 - kMeetings);
}

TEST_F(RacesTest, TwoRefundsThatFitTogether) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto sale = Buy("m1", 3).entry().sequence;
    for (const auto& outcome : Meet({Till(NewId()), Refund{sale, 2}}, {Till(NewId()), Refund{sale, 1}}))
      EXPECT_EQ(outcome.first, RequestState::kDone);
  }
  EXPECT_EQ(Balance("m1"), 1000);
}

TEST_F(RacesTest, ARefundAndAReversalOfOneSale) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto id = NewId();
    const auto sale = Run(Till(id), Sale("m1", 3)).entry().sequence;
    const auto both = Meet({Till(NewId()), Refund{sale, 2}}, {Till(NewId()), Reverse{id}});
    EXPECT_EQ(both[1].first, RequestState::kDone);
    EXPECT_TRUE(both[0].first == RequestState::kDone || ReasonOf(both[0]) == Reason::REDEMPTION_REVERSED)
        << static_cast<int>(ReasonOf(both[0]));
  }
  EXPECT_EQ(Balance("m1"), 1000);
  EXPECT_EQ(Balance("s1"), 0);
}

TEST_F(RacesTest, TwoSalesOfTheLastPoints) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto both = Meet({Till(NewId()), Sale("m1", 600)}, {Till(NewId(), "t2", "s2"), Sale("m1", 600)});
    const auto winner = static_cast<std::size_t>(WinnerOf(both));
    EXPECT_EQ(ReasonOf(both[1 - winner]), Reason::INSUFFICIENT_POINTS);
    const Entry& sale = both[winner].entry();
    Run(Till(NewId(), sale.actor, sale.merchant), Refund{sale.sequence, 600});
  }
  EXPECT_EQ(Balance("m1"), 1000);
}

// Midnight: sales before it have the points, sales after it don't, and what was not sold is expired.
TEST_F(RacesTest, SalesWhilePointsExpire) {
  SetUpLastMomentOfPoints(4);
  std::atomic<std::int64_t> sold = 0, refused = 0;
  std::vector<std::thread> tills;
  for (int t = 0; t < 8; ++t) {
    tills.emplace_back([&] {
      for (int i = 0; i < 40; ++i) {
        const Outcome sale = Buy("m1", 1);
        if (sale.first == RequestState::kDone && sold.fetch_add(1) == 99) clock.Advance(1);
        if (ReasonOf(sale) == Reason::INSUFFICIENT_POINTS) ++refused;
      }
    });
  }
  for (auto& till : tills) till.join();
  EXPECT_EQ(sold + refused, 320);
  EXPECT_GE(sold, 100);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(Balance("s1"), sold);
  EXPECT_EQ(Balance("m1"), 0);
  EXPECT_GE(Balance("expired"), 1000 - sold);
}

// Midnight again: a hold before it keeps its points past the end of their lot, one after it finds none. What a hold gives back afterwards
// expires, however it ends.
TEST_F(RacesTest, HoldsWhileTheirLotExpires) {
  SetUpLastMomentOfPoints(1);
  std::atomic<std::int64_t> held = 0, captured = 0, refused = 0;
  std::vector<std::thread> tills;
  for (int t = 0; t < 8; ++t) {
    tills.emplace_back([&] {
      for (int i = 0; i < 40; ++i) {
        const Outcome hold = Run(Till(NewId()), Authorize{Pay("m1"), {{"ANY", 1, 2, 0}}});
        if (hold.first != RequestState::kPending) {
          EXPECT_EQ(ReasonOf(hold), Reason::INSUFFICIENT_POINTS);
          ++refused;
          continue;
        }
        if (held.fetch_add(1) == 99) clock.Advance(1);
        if (i % 3 == 0) captured += Run(Till(NewId()), Capture{hold.entry().sequence, 1}).first == RequestState::kDone;
        EXPECT_TRUE(i % 3 != 1 || Run(Till(NewId()), Void{hold.entry().sequence}).first == RequestState::kDone);
      }
    });
  }
  for (auto& till : tills) till.join();
  EXPECT_EQ(held + refused, 320);
  EXPECT_GE(held, 100);
  EXPECT_GT(refused, 0);
  EXPECT_GT(Balance("m1", Sub::kHeld), 0);  // every third is still open
  clock.Advance(180'000);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::INSUFFICIENT_POINTS);
  EXPECT_EQ(Balance("m1"), 0);
  EXPECT_EQ(Balance("m1", Sub::kHeld), 0);
  EXPECT_EQ(Balance("s1"), captured);
  EXPECT_EQ(Balance("expired"), 1000 - captured);
}

// A reversal that overtakes its sale, or not: the member keeps the points either way.
TEST_F(RacesTest, AReversalAndItsOriginal) {
  SetUpProgram(4, kBook);
  int overtook = 0;
  for (int i = 0; i < kMeetings; ++i) {
    const auto id = NewId();
    const auto both = Meet({Till(id), Sale("m1", 3)}, {Till(NewId()), Reverse{id}});
    EXPECT_EQ(both[1].first, RequestState::kDone);
    const bool is_overtaken = both[0].first == RequestState::kNeverSeen;
    overtook += is_overtaken;
    EXPECT_EQ(both[0].first, is_overtaken ? RequestState::kNeverSeen : RequestState::kDone);
    EXPECT_EQ(both[1].entry().effect, is_overtaken ? Effect::kTombstone : Effect::kUndone);
    const Outcome again = Run(Till(id), Sale("m1", 3));
    EXPECT_TRUE(again.is_replayed);
    EXPECT_EQ(again.first, both[0].first);
    EXPECT_EQ(again.now, is_overtaken ? RequestState::kNeverSeen : RequestState::kReversed);
    EXPECT_EQ(again.entry(), is_overtaken ? both[1].entry() : both[0].entry());
  }
  EXPECT_EQ(Balance("m1"), 1000);
  EXPECT_EQ(Balance("s1"), 0);
  RecordProperty("overtook", overtook);
}

TEST_F(RacesTest, AReversalBeforeItsOriginalStopsItForEver) {
  SetUpProgram(4, kBook);
  const auto id = NewId();
  const Outcome reversal = Run(Till(NewId()), Reverse{id});
  EXPECT_EQ(reversal.first, RequestState::kDone);
  const auto is_stopped = [&](const Outcome& late) {
    return late.is_replayed && late.first == RequestState::kNeverSeen && late.now == RequestState::kNeverSeen &&
           late.entry() == reversal.entry();
  };
  for (const auto& late : Meet({Till(id), Sale("m1", 3)}, {Till(id), Sale("m1", 3)})) EXPECT_TRUE(is_stopped(late));
  Reopen();
  EXPECT_TRUE(is_stopped(Run(Till(id), Sale("m1", 3))));
  EXPECT_EQ(Balance("m1"), 1000);
}

TEST_F(RacesTest, AReversalRepeatedWhileTheSaleIsRepeated) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto id = NewId(), reversal = NewId();
    const auto sale = Run(Till(id), Sale("m1", 3));
    const auto first = Run(Till(reversal), Reverse{id});
    const auto both = Meet({Till(id), Sale("m1", 3)}, {Till(reversal), Reverse{id}});
    EXPECT_TRUE(both[0].is_replayed && both[1].is_replayed);
    EXPECT_EQ(both[0].entry(), sale.entry());
    EXPECT_EQ(both[0].now, RequestState::kReversed);
    EXPECT_EQ(both[1].entry(), first.entry());
    ASSERT_TRUE(both[1].target);
    EXPECT_EQ(both[1].target->entry(), sale.entry());
  }
  EXPECT_EQ(Balance("m1"), 1000);
}

// Two reversals of one sale under ids of their own: both are duties done, the points come back once.
TEST_F(RacesTest, TwoReversalsOfOneSale) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto id = NewId();
    Run(Till(id), Sale("m1", 3));
    for (const auto& reversal : Meet({Till(NewId()), Reverse{id}}, {Till(NewId()), Reverse{id}}))
      EXPECT_EQ(reversal.first, RequestState::kDone);
  }
  EXPECT_EQ(Balance("m1"), 1000);
  EXPECT_EQ(Balance("s1"), 0);
}

// The same request twice at once is one entry; the same id for another thing is refused.
TEST_F(RacesTest, OneIdForTwoThings) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto id = NewId();
    const auto both = Meet({Till(id), Sale("m1", 1)}, {Till(id), Sale("m2", 1)});
    const std::size_t loser = both[0].refusal ? 0 : 1;
    EXPECT_EQ(ReasonOf(both[loser]), Reason::REQUEST_ID_REUSED);
    EXPECT_EQ(both[1 - loser].first, RequestState::kDone);
  }
  EXPECT_EQ(Balance("m1") + Balance("m2"), 2000 - kMeetings);
}

// Reading beside writing: every look is a ledger that was, and a range read twice is the same bytes.
TEST_F(RacesTest, AnExportReadTwiceWhileEntriesArrive) {
  options.turn_entries = 50;
  SetUpProgram(4, kBook);
  const Journal journal(memory, "minyue");
  std::atomic<bool> is_over = false;
  std::thread till([&] {
    for (int i = 0; i < 400; ++i) Buy(absl::StrCat("m", i % 4 + 1), 1);
    is_over = true;
  });
  while (!is_over) {
    const auto end = ledger->EndSequence("minyue");
    std::string in_one, in_pieces;
    for (const auto& [bytes_max, out] : {std::pair(std::size_t{1} << 30, &in_one), std::pair(std::size_t{700}, &in_pieces)}) {
      for (std::int64_t next = 0; next < end;) {
        const auto chunk = journal.Lines(next, end, bytes_max);
        ASSERT_TRUE(chunk.ok()) << chunk.status();
        ASSERT_GT(chunk->next, next);
        *out += chunk->lines;
        next = chunk->next;
      }
    }
    EXPECT_EQ(in_one, in_pieces);
    EXPECT_EQ(std::count(in_one.begin(), in_one.end(), '\n'), end);
  }
  till.join();
}

TEST_F(RacesTest, AStatementStandsStillBelowItsHead) {
  SetUpProgram(4, kBook);
  const Journal journal(memory, "minyue");
  const State& state = *ledger->FindState("minyue");
  std::atomic<bool> is_over = false;
  std::thread till([&] {
    for (int i = 0; i < 300; ++i) Buy("m1", 1);
    is_over = true;
  });
  while (!is_over) {
    ChainPosition position = HeadOf(state, "m1", "POINT");
    std::int64_t below = position.sequence + 1, available = position.after[0];
    for (;;) {
      const auto line = NextLine(journal, "m1", "POINT", position);
      ASSERT_TRUE(line.ok()) << line.status();
      if (!*line) break;
      EXPECT_LT((*line)->entry.sequence, below);
      EXPECT_EQ((*line)->after[0], available);
      below = (*line)->entry.sequence;
      available -= (*line)->change[0];
    }
    EXPECT_EQ(available, 0);
  }
  till.join();
}

TEST_F(RacesTest, AnOutcomeIsKnownAsSoonAsItIsAnswered) {
  SetUpProgram(4, kBook);
  for (int i = 0; i < kMeetings; ++i) {
    const auto id = NewId();
    auto sale = Send(Till(id), Sale("m1", 1));
    const Outcome early = ledger->FindOutcome("minyue", "t1", id);
    const auto answered = sale.get();
    const Outcome late = ledger->FindOutcome("minyue", "t1", id);
    EXPECT_TRUE(early.refusal ? early.refusal->reason == Reason::REQUEST_NOT_FOUND : early.entry() == answered.entry());
    ASSERT_FALSE(late.refusal);
    EXPECT_EQ(late.entry(), answered.entry());
  }
}

}  // namespace
}  // namespace redpoints
