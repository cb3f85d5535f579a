// What staff record over gRPC, beyond what every method has in common: confidential deeds, and what two persons undo.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

class AwardServiceTest : public ServerTest {
 protected:
  Answer Award(const std::string& id, const std::string& item) {
    return world.Call("recorder-all", "Award",
                      absl::StrCat(R"(program: "$P" request_id: ")", id, R"(" item { member: "$HOME" effective_day: $TODAY )", item, "}"));
  }
  std::string Line(std::int64_t sequence) {
    return world.Call("auditor", "GetEntry", absl::StrCat(R"(name: "$P/entries/)", sequence, R"(")")).As<v1::GetEntryResponse>().line();
  }
  std::string Journal() {
    std::string journal;
    for (const auto& message : world.Stream("auditor", "ExportEntries", R"(program: "$P" format: JSON_LINES)")) {
      journal += dynamic_cast<const v1::ExportEntriesResponse&>(*message).data();
    }
    return journal;
  }
};

constexpr char kTip[] =
    R"(activity: "TIP" quantity: 3 group: RESIDENTS case: "c-secret" session: "s-secret" tags: "t-secret" about: "a-secret")";

TEST_F(AwardServiceTest, AConfidentialDeedIsShownAsItsUmbrella) {
  const std::string id = world.NewUuid();
  const auto balance = world.Balance("$HOME");
  const Answer awarded = Award(id, kTip);
  ASSERT_TRUE(awarded.ok()) << awarded;
  EXPECT_EQ(world.Balance("$HOME"), balance + 15);
  const std::string line = Line(awarded.As<v1::AwardResponse>().result().outcome().sequence());
  EXPECT_NE(line.find(R"("activity":"SERVICE")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("quantity":15)"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("unique":[")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("note_commitment":")"), std::string::npos) << line;
  for (const char* word : {"TIP", "secret", "residents", "grid-1", "\"group\""})
    EXPECT_EQ(line.find(word), std::string::npos) << word << line;
  // The same request again, and after a restart.
  for (int i = 0; i < 2; ++i) {
    const Answer again = Award(id, kTip);
    ASSERT_TRUE(again.ok()) << again;
    EXPECT_TRUE(again.As<v1::AwardResponse>().result().outcome().replayed());
    world.Restart();
  }
  // Another deed under its id.
  EXPECT_EQ(Award(id, R"(activity: "TIP" quantity: 3 group: RESIDENTS case: "c-other")").reason, "REQUEST_ID_REUSED");
  EXPECT_EQ(world.Balance("$HOME"), balance + 15);
}

TEST_F(AwardServiceTest, ADoubleOfAConfidentialDeedIsRefusedAndShowsTheUmbrellaToo) {
  ASSERT_TRUE(Award(world.NewUuid(), kTip).ok());
  const Answer twice = Award(world.NewUuid(), R"(activity: "TIP" quantity: 1 group: RESIDENTS case: "c-secret")");
  EXPECT_EQ(twice.reason, "CASE_ALREADY_AWARDED") << twice;
  ASSERT_TRUE(twice.has_outcome);
  EXPECT_EQ(Line(twice.outcome.sequence()).find("TIP"), std::string::npos);
  // Its session is taken, too, in whatever case.
  for (const char* name : {R"(session: "s-secret" case: "c-other")", R"(session: "s-other" case: "c-secret")"}) {
    const Answer other = Award(world.NewUuid(), absl::StrCat(R"(activity: "TIP" quantity: 1 group: RESIDENTS )", name));
    EXPECT_EQ(other.reason, "CASE_ALREADY_AWARDED") << name << other;
  }
  // Another activity of the same umbrella, another case, another member: no doubles.
  EXPECT_TRUE(Award(world.NewUuid(), R"(activity: "MEDIATION" quantity: 1 group: RESIDENTS session: "c-secret")").ok());
  EXPECT_TRUE(Award(world.NewUuid(), R"(activity: "TIP" quantity: 1 group: RESIDENTS case: "c-2")").ok());
  const std::string journal = Journal();
  // With a case, with a session, with both: nobody sees which.
  int deeds = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(journal, '\n'))) {
    const auto names = line.find(R"("unique":[")");
    if (names == std::string::npos || line.find(R"("kind":"award")") == std::string::npos) continue;
    EXPECT_EQ(line.find(']', names) - names, std::string_view(R"("unique":[")").size() + 64 + 3 + 64 + 1) << line;
    ++deeds;
  }
  EXPECT_EQ(deeds, 3);
  for (const char* word : {"\"TIP\"", "MEDIATION", "secret"}) {
    // The rulebook is a blob; entries name none of them.
    EXPECT_EQ(journal.find(word), std::string::npos) << word;
  }
}

// What the entry can't be judged by is judged before, and nothing is recorded.
TEST_F(AwardServiceTest, AConfidentialDeedIsJudgedByItsOwnActivity) {
  const auto start = world.End();
  const struct {
    const char* item;
    const char* reason;
  } kRows[] = {
      {R"(activity: "TIP" quantity: 1 group: RESIDENTS)", "DETAIL_REQUIRED"},
      {R"(activity: "MEDIATION" quantity: 1 group: RESIDENTS case: "c-1")", "DETAIL_REQUIRED"},
      {R"(activity: "TIP" quantity: 1 group: PARTY_VANGUARD case: "c-1")", "GROUP_NOT_ELIGIBLE"},
      {R"(activity: "TIP" quantity: 1 group: NEARBY_MERCHANTS case: "c-1")", "GROUP_NOT_ELIGIBLE"},
      {R"(activity: "TIP" quantity: 5 group: RESIDENTS case: "c-1")", "QUANTITY_OUT_OF_BOUNDS"},
  };
  const std::string id = world.NewUuid();
  for (const auto& row : kRows) {
    const Answer answer = Award(id, row.item);
    EXPECT_EQ(answer.reason, row.reason) << row.item << answer;
  }
  EXPECT_EQ(world.AskedSince(start), 0);
  EXPECT_TRUE(Award(id, R"(activity: "TIP" quantity: 4 group: RESIDENTS case: "c-1")").ok());  // the id stayed free
}

TEST_F(AwardServiceTest, ABatchCoversItsConfidentialItemsAlone) {
  const std::string items = R"(
      items { member: "$HOME" effective_day: $TODAY activity: "TIP" quantity: 2 group: RESIDENTS case: "c-secret" }
      items { member: "members/$HOME_NUMBER" effective_day: $TODAY activity: "PATROL" quantity: 1 group: RESIDENTS session: "s-open" }
      items { member: "members/$AWAY_NUMBER" effective_day: $TODAY activity: "TIP" quantity: 2 group: RESIDENTS case: "c-secret" })";
  const std::string text = absl::StrCat(R"(program: "$P" request_id: ")", world.NewUuid(), "\"", items);
  const Answer batch = world.Call("recorder-all", "AwardBatch", text);
  ASSERT_TRUE(batch.ok()) << batch;
  const auto& results = batch.As<v1::AwardBatchResponse>().results();
  ASSERT_EQ(results.size(), 3);
  EXPECT_EQ(results[0].points(), 10);
  EXPECT_EQ(results[1].points(), 10);
  EXPECT_EQ(results[2].points(), 10);  // another member of the case
  EXPECT_EQ(Line(results[0].sequence()).find("secret"), std::string::npos);
  EXPECT_NE(Line(results[1].sequence()).find("s-open"), std::string::npos);
  const Answer again = world.Call("recorder-all", "AwardBatch", text);
  EXPECT_TRUE(again.ok() && again.As<v1::AwardBatchResponse>().replayed()) << again;
  const Answer twice = world.Call("recorder-all", "AwardBatch", absl::StrCat(R"(program: "$P" request_id: "$ID")", items));
  ASSERT_TRUE(twice.ok()) << twice;
  EXPECT_EQ(twice.As<v1::AwardBatchResponse>().results(0).refusal().reason(), "CASE_ALREADY_AWARDED");
  EXPECT_EQ(twice.As<v1::AwardBatchResponse>().results(1).refusal().reason(), "SESSION_ALREADY_AWARDED");
}

TEST_F(AwardServiceTest, TwoPersonsUndoADonation) {
  const auto balance = world.Balance("$HOME");
  const std::string donation = world.Donate("$HOME");
  EXPECT_EQ(world.Balance("$HOME"), balance - 1);
  const std::string proposal = world.ProposeUndo(donation);  // by corrector-2
  EXPECT_EQ(world.Balance("$HOME"), balance - 1);
  const auto undo = [&](const char* caller) {
    return world.Call(caller, "Undo", absl::StrCat(R"(program: "$P" request_id: "$ID" proposal: ")", proposal, R"(")"));
  };
  EXPECT_EQ(undo("corrector-2").reason, "MAKER_IS_CHECKER");
  EXPECT_EQ(undo("recorder-all").reason, "PERMISSION_DENIED");
  const Answer undone = undo("corrector-all");
  ASSERT_TRUE(undone.ok()) << undone;
  EXPECT_EQ(undone.As<v1::UndoResponse>().outcome().state(), v1::DONE);
  EXPECT_EQ(world.Balance("$HOME"), balance);
  EXPECT_EQ(undo("corrector-all").reason, "ALREADY_UNDONE");
}

TEST_F(AwardServiceTest, TwoPersonsWaiveADebtToAFundThatHasEnded) {
  const std::string debtor = world.Debtor();
  const auto debt = [&] {
    std::int64_t points = 0;
    const Answer balance = world.Call("helper-all", "GetBalance", absl::StrCat(R"(member: ")", debtor, R"(")"));
    for (const auto& unit : balance.As<v1::GetBalanceResponse>().balances()) points += unit.debt();
    return points;
  };
  EXPECT_EQ(debt(), 4);
  const auto propose = [&](const char* rest) {
    return world.Call("corrector-2", "ProposeWaiver",
                      absl::StrCat(R"(program: "$P" request_id: "$ID" reason: WAIVER_FUND_ENDED member: ")", debtor, R"(" )", rest));
  };
  EXPECT_EQ(propose(R"(fund: "street")").reason, "FUND_STILL_ISSUES");
  EXPECT_EQ(propose(R"(fund: "gone" points: 5)").facts, (std::map<std::string, std::string>{{"max", "4"}}));
  const auto proposed = propose(R"(fund: "gone")").As<v1::ProposeWaiverResponse>();
  EXPECT_EQ(proposed.waived_points(), 4);  // all of it
  EXPECT_EQ(proposed.outcome().kind_zh_cn(), "免除欠分申请");
  EXPECT_EQ(debt(), 4);
  const auto waive = [&](const char* caller) {
    return world.Call(caller, "WaiveDebt", absl::StrCat(R"(program: "$P" request_id: "$ID" proposal: ")", proposed.proposal(), R"(")"));
  };
  EXPECT_EQ(waive("corrector-2").reason, "MAKER_IS_CHECKER");
  EXPECT_EQ(waive("recorder-all").reason, "PERMISSION_DENIED");
  const Answer waived = waive("corrector-all");
  ASSERT_TRUE(waived.ok()) << waived;
  EXPECT_EQ(waived.As<v1::WaiveDebtResponse>().waived_points(), 4);
  EXPECT_EQ(debt(), 0);
  EXPECT_EQ(waive("corrector-all").reason, "ALREADY_WAIVED");
  const std::string entry = absl::StrCat(waived.As<v1::WaiveDebtResponse>().outcome().sequence());
  const auto explained = world.Call("auditor", "GetEntry", R"(name: "$P/entries/)" + entry + R"(")").As<v1::GetEntryResponse>();
  EXPECT_TRUE(explained.explanation_zh_cn().starts_with("免除欠分 4，原因 fund_ended（申请为第 ")) << explained.explanation_zh_cn();
}

TEST_F(AwardServiceTest, WhoRecordedAnAwardDoesNotCorrectIt) {
  world.AddCaller("both", world
                              .Call("admin", "CreateStaff", R"(program: "$P" request_id: "$ID" staff { external: true
                                       grants { role: RECORDER } grants { role: CORRECTOR } })")
                              .As<v1::CreateStaffResponse>()
                              .staff()
                              .name());
  const Answer award = world.Call("both", "Award", SampleOf("Award").text);
  ASSERT_TRUE(award.ok()) << award;
  const std::string text = absl::StrCat(R"(program: "$P" request_id: "$ID" new_quantity: 0 reason: DUPLICATE award: ")",
                                        award.As<v1::AwardResponse>().result().award(), R"(")");
  EXPECT_EQ(world.Call("both", "Correct", text).reason, "MAKER_IS_CHECKER");
  EXPECT_TRUE(world.Call("corrector-all", "Correct", text).ok());
}

}  // namespace
}  // namespace redpoints::server
