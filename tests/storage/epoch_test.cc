#include "storage/epoch.h"

#include <gmock/gmock.h>

#include "storage/journal.h"
#include "storage/rules/entry_codec.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

using testing::HasSubstr;

class EpochTest : public LedgerTest {
 protected:
  void SetUp() override {
    SetUpProgram();
    Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
    hold = Run(Till(NewId()), Authorize{Pay("m1"), {{"ANY", 1, 50, 0}}}).entry().sequence;
    ledger.reset();
  }
  // As a backup is put back: without derived rows.
  absl::Status Restore(std::int64_t now_ms) {
    MemoryStore empty;
    return OpenEpochs(
        memory, empty, ManualClock(now_ms), [](const std::string&) { return EpochData{.why = "restore"}; }, [](const auto&...) {});
  }
  Entry Last(const std::string& program) {
    const Journal journal(memory, program);
    return *ParseLine(*journal.Line(*journal.End() - 1));
  }
  std::int64_t hold = 0;
};

TEST_F(EpochTest, IsTheNextEntryOfEveryProgramBeforeAnythingThatTimeBrings) {
  const std::int64_t end = *Journal(memory, "minyue").End();
  clock.Advance(3 * 86'400'000LL);  // the hold and three days have ended meanwhile
  ASSERT_TRUE(Restore(clock.NowMs()).ok());
  const Entry opening = Last("minyue");
  EXPECT_EQ(opening.kind, Kind::kEpoch);
  EXPECT_EQ(opening.sequence, end);
  EXPECT_EQ(opening.epoch, clock.NowMs() / 1000 - 1'577'836'800);  // seconds since 2020: another restore of the same backup has another
  const auto& data = std::get<EpochData>(opening.data);
  EXPECT_EQ(data.old_epoch, 0);
  EXPECT_EQ(data.size, end);
  EXPECT_EQ(data.lost, -1);
  EXPECT_EQ(data.why, "restore");
  EXPECT_EQ(Last("other").kind, Kind::kEpoch);

  Open();
  EXPECT_EQ(Run(Till(NewId()), Capture{hold, 50}).entry().refusal, "HOLD_EXPIRED");  // it ends as always
  EXPECT_EQ(Buy("m1", 30).entry().epoch, opening.epoch);
}

// Whoever puts a ledger back may have a wrong clock: the opening does not vouch for it, and the next start finds it as any other does.
TEST_F(EpochTest, AClockThatIsWrongMeanwhileIsNoticedAtTheNextStart) {
  const Entry before = Last("minyue");
  clock.Advance(40 * 86'400'000LL);
  clock.set_synchronised(false);
  ASSERT_TRUE(Restore(clock.NowMs()).ok());
  EXPECT_EQ(Last("minyue").recorded_ms, before.recorded_ms);
  EXPECT_EQ(Last("minyue").business_day, before.business_day);
  Open();
  EXPECT_TRUE(ledger->is_clock_stopped());
}

TEST_F(EpochTest, TwoInOneMomentHaveTwoNumbers) {
  ASSERT_TRUE(Restore(clock.NowMs()).ok());
  const std::int64_t first = Last("minyue").epoch;
  ASSERT_TRUE(Restore(clock.NowMs()).ok());
  EXPECT_EQ(Last("minyue").epoch, first + 1);
  EXPECT_EQ(std::get<EpochData>(Last("minyue").data).old_epoch, first);
}

TEST_F(EpochTest, OpensInAllProgramsOrInNone) {
  const auto late = Restore(clock.NowMs() - 11 * 60'000);
  EXPECT_TRUE(absl::IsFailedPrecondition(late)) << late;
  EXPECT_THAT(std::string(late.message()), HasSubstr("11 minutes behind the last entry"));
  JournalRow row = memory.Read("other", 0, 1, 1)->front();
  const JournalRow whole = row;
  row.lines[5] ^= 1;
  memory.SetRow("other", 0, row);
  const auto damaged = Restore(clock.NowMs());
  EXPECT_TRUE(absl::IsDataLoss(damaged)) << damaged;
  EXPECT_THAT(std::string(damaged.message()), HasSubstr("other: "));
  EXPECT_NE(Last("minyue").kind, Kind::kEpoch);
  memory.SetRow("other", 0, whole);
}

}  // namespace
}  // namespace redpoints
