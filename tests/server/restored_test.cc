// A ledger that was put back from a backup, through the whole server: sequences behind the cut are given anew, and nobody takes an entry of one
// history for one of the other.
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "storage/clock.h"
#include "storage/epoch.h"
#include "storage/head_mark.h"
#include "storage/log/rocksdb_log.h"
#include "storage/store/rocksdb_store.h"
#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

class RestoredTest : public ServerTest {
 protected:
  void BackUp() {
    world.Restart([this](const std::string& ledger) {
      backup_ = ledger + ".backup";
      std::filesystem::copy(ledger, backup_, std::filesystem::copy_options::recursive);
    });
  }
  void Restore() {
    world.Restart([this](const std::string& ledger) {
      std::filesystem::remove_all(ledger);
      std::filesystem::rename(backup_, ledger);
      const auto log = RocksDbLog::Open({.directory = ledger + "/log"}).value();
      const auto store = RocksDbStore::Open({.directory = ledger + "/derived"}).value();
      const auto opened = OpenEpochs(
          *log, *store, Clock::System(), [](const std::string&) { return EpochData{.why = "restore"}; },
          [](const std::string&, std::int64_t, std::int64_t) {});
      ASSERT_TRUE(opened.ok()) << opened;
      ASSERT_TRUE(WriteHeadMarks(HeadMarkFile(ledger), MarksOf(*log)).ok());
    });
    epoch_ = world.Call("auditor", "GetJournal", R"(program: "$P")").As<v1::GetJournalResponse>().epoch();
    ASSERT_GT(epoch_, 0);
  }

  static std::string Named(const char* field, const std::string& entry) { return absl::StrCat(" ", field, ": \"", entry, "\""); }
  std::string Last() { return absl::StrCat("programs/minyue/entries/", world.End() - 1); }
  std::string OfNewEpoch(std::int64_t sequence) const { return absl::StrCat("programs/minyue/entries/", epoch_, ".", sequence); }
  Answer Statement(const std::string& rest) { return world.Call("helper-all", "ListStatement", R"(member: "$HOME" )" + rest); }
  static v1::ListStatementResponse PageOf(const Answer& answer) {
    EXPECT_TRUE(answer.ok()) << answer;
    return answer.ok() ? answer.As<v1::ListStatementResponse>() : v1::ListStatementResponse();
  }

  std::string backup_;
  std::int64_t epoch_ = 0;
};

// An export, a follow and a statement that were cut while the lost tail was there.
TEST_F(RestoredTest, APlaceInTheLostTailIsRefused) {
  for (int i = 0; i < 3; ++i) world.Redeem(1);
  BackUp();
  for (int i = 0; i < 3; ++i) world.Redeem(1);
  const std::string lost = Last();
  const std::int64_t sequence = world.End() - 1;
  const std::string lost_token = PageOf(Statement("page_size: 1")).next_page_token();
  const std::string kept_token = PageOf(Statement("page_size: 4")).next_page_token();
  Restore();
  for (int i = 0; i < 4; ++i) world.Redeem(1);
  ASSERT_GT(world.End(), sequence) << "the sequence is to be given anew";

  const auto expect_lost = [&](const char* field, Answer answer) {
    EXPECT_EQ(answer.reason, "ENTRY_LOST") << field << " " << answer;
    EXPECT_EQ(answer.facts["field"], field);
    const std::string opening = answer.facts["opening"];
    ASSERT_TRUE(opening.starts_with(absl::StrCat("programs/minyue/entries/", epoch_, "."))) << opening;
    const Answer entry = world.Call("auditor", "GetEntry", R"(name: ")" + opening + "\"");
    EXPECT_NE(entry.As<v1::GetEntryResponse>().line().find(R"("kind":"epoch")"), std::string::npos) << entry;
  };
  const std::string lines = R"(program: "$P" format: JSON_LINES)", table = R"(program: "$P" format: CSV)", program = R"(program: "$P")";
  for (const auto& format : {lines, table}) {
    expect_lost("after", world.Call("auditor", "ExportEntries", format + Named("after", lost)));
    expect_lost("through", world.Call("auditor", "ExportEntries", format + Named("through", lost)));
  }
  expect_lost("after", world.Call("auditor", "FollowEntries", program + Named("after", lost)));
  expect_lost("page_token", Statement(Named("page_token", lost_token)));

  // The same sequence with its epoch is another place, and what was kept goes on.
  EXPECT_EQ(world.Call("auditor", "ExportEntries", lines + Named("through", OfNewEpoch(sequence))).reason, "");
  EXPECT_EQ(PageOf(Statement(Named("page_token", kept_token))).lines(0).epoch(), 0);
}

TEST_F(RestoredTest, WhoGoesBackToTheOpeningGoesOnFromThere) {
  BackUp();
  world.Redeem(1);
  const std::string lost = Last();
  Restore();
  const Answer refused = world.Call("auditor", "FollowEntries", R"(program: "$P")" + Named("after", lost));
  const std::int64_t opening = ParseName(refused.facts.at("opening"))->sequence;
  const std::string before = absl::StrCat("programs/minyue/entries/", opening - 1);
  const auto followed = world.Stream("auditor", "FollowEntries", R"(program: "$P")" + Named("after", before), 1);
  ASSERT_EQ(followed.size(), 1u);
  const auto& message = dynamic_cast<const v1::FollowEntriesResponse&>(*followed[0]);
  EXPECT_NE(message.lines(0).find(R"("kind":"epoch")"), std::string::npos) << message.lines(0);
  EXPECT_EQ(message.last(), OfNewEpoch(opening + message.lines_size() - 1));

  std::string csv;
  for (const auto& each : world.Stream("auditor", "ExportEntries", R"(program: "$P" format: CSV)" + Named("after", before))) {
    const auto& chunk = dynamic_cast<const v1::ExportEntriesResponse&>(*each);
    csv += chunk.data();
    EXPECT_EQ(chunk.last(), chunk.through());
    EXPECT_TRUE(chunk.through().starts_with(OfNewEpoch(0).substr(0, OfNewEpoch(0).size() - 1))) << chunk.through();
  }
  EXPECT_TRUE(csv.starts_with(absl::StrCat(opening, ",", epoch_, ","))) << csv;
}

TEST_F(RestoredTest, WhatNamesAnEntrySaysItsEpoch) {
  const std::string sale = R"(program: "$P" request_id: ")" + world.NewUuid() +
                           R"(" presentation { member_number: "$HOME_NUMBER" } offer_lines { offer: "ANY" quantity: 1 points: 5 })";
  ASSERT_TRUE(world.Call("till", "Redeem", sale).ok());
  BackUp();
  Restore();
  const auto sold = world.Call("till", "Redeem", sale).As<v1::RedeemResponse>();
  EXPECT_TRUE(sold.outcome().replayed());
  EXPECT_EQ(sold.outcome().epoch(), 0);
  EXPECT_EQ(sold.outcome().state_epoch(), 0);
  EXPECT_EQ(sold.outcome().ledger_epoch(), epoch_);

  const Answer refunded =
      world.Call("till", "Refund", R"(program: "$P" request_id: "$ID" points: 1 clerk: "c" redemption: ")" + sold.redemption() + "\"");
  ASSERT_TRUE(refunded.ok()) << refunded;
  EXPECT_EQ(refunded.As<v1::RefundResponse>().outcome().epoch(), epoch_);
  const auto now = world.Call("till", "Redeem", sale).As<v1::RedeemResponse>().outcome();
  EXPECT_EQ(now.epoch(), 0);
  EXPECT_EQ(now.state_epoch(), epoch_);  // the refund's
  EXPECT_EQ(now.state_sequence(), refunded.As<v1::RefundResponse>().outcome().sequence());

  const std::string reversal = R"(program: "$P" request_id: ")" + world.NewUuid() + "\"";
  const auto reversed = world.Call("till", "Reverse", reversal + R"( target_request_id: ")" + sold.outcome().request_id() + "\"");
  ASSERT_TRUE(reversed.ok()) << reversed;
  EXPECT_EQ(reversed.As<v1::ReverseResponse>().outcome().epoch(), epoch_);
  EXPECT_EQ(reversed.As<v1::ReverseResponse>().target().epoch(), 0);
  EXPECT_EQ(reversed.As<v1::ReverseResponse>().target().ledger_epoch(), epoch_);
  const auto asked = world.Call("till", "GetOutcome", reversal).As<v1::GetOutcomeResponse>();
  EXPECT_EQ(asked.target().epoch(), 0);
  EXPECT_EQ(asked.target().ledger_epoch(), epoch_);

  const auto page = PageOf(Statement("page_size: 3"));
  ASSERT_EQ(page.lines_size(), 3);
  EXPECT_EQ(page.lines(1).epoch(), epoch_);  // the refund
  EXPECT_EQ(page.lines(1).reference(), sold.outcome().sequence());
  EXPECT_EQ(page.lines(1).reference_epoch(), 0);
  EXPECT_EQ(page.lines(2).epoch(), 0);
  const auto explained = world.Call("auditor", "GetEntry", R"(name: ")" + OfNewEpoch(page.lines(0).sequence()) + "\"");
  EXPECT_NE(explained.As<v1::GetEntryResponse>().explanation().find(absl::StrCat("undoes ", sold.outcome().sequence(), ",")),
            std::string::npos)
      << explained;

  EXPECT_EQ(world.Call("helper-all", "GetBalance", R"(member: "$HOME")").As<v1::GetBalanceResponse>().as_of_epoch(), epoch_);
  const Answer past = world.Call("helper-all", "GetBalance", R"(member: "$HOME" as_of_time { seconds: 1 })");
  EXPECT_EQ(past.As<v1::GetBalanceResponse>().as_of_epoch(), 0);
  const auto batch = world.Call("recorder-all", "AwardBatch", SampleOf("AwardBatch").text).As<v1::AwardBatchResponse>();
  ASSERT_GT(batch.results_size(), 0);
  EXPECT_EQ(batch.results(0).epoch(), epoch_);
  const auto registered = [&] {
    return world.Call("admin", "GetRegistration", R"(name: "$P/funds/street")").As<v1::GetRegistrationResponse>().registration().epoch();
  };
  EXPECT_EQ(registered(), 0);
  ASSERT_TRUE(world.Call("admin", "SetFund", SampleOf("SetFund").text).ok());
  const auto funds = world.Call("admin", "ListRegistrations", R"(program: "$P" kind: "funds")").As<v1::ListRegistrationsResponse>();
  bool is_any_new = false;
  for (const auto& each : funds.registrations()) is_any_new = is_any_new || each.epoch() == epoch_;
  EXPECT_TRUE(is_any_new);
}

}  // namespace
}  // namespace redpoints::server
