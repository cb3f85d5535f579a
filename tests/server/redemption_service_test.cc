// Redemptions over gRPC: what a till hears when it, or its network, says the same thing many times.
#include <algorithm>
#include <array>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "storage/clock.h"
#include "storage/epoch.h"
#include "storage/head_mark.h"
#include "storage/log/rocksdb_log.h"
#include "storage/store/rocksdb_store.h"
#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

constexpr int kCalls = 100;

class RedemptionServiceTest : public ServerTest {
 protected:
  // The same bytes from a hundred threads at one moment.
  std::array<Answer, kCalls> CallAtOnce(const std::string& method, const google::protobuf::Message& request) {
    const std::string bytes = request.SerializeAsString();
    std::array<Answer, kCalls> answers;
    std::latch start(kCalls);
    std::vector<std::thread> threads;
    for (Answer& answer : answers) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        answer = world.CallBytes("till", method, bytes);
      });
    }
    for (auto& thread : threads) thread.join();
    return answers;
  }
};

TEST_F(RedemptionServiceTest, AHundredEqualCallsAreOneEntryAndOneAnswer) {
  const auto request = world.Parse("Redeem", SampleOf("Redeem").text);
  const auto balance = world.Balance("$HOME"), start = world.End();
  const auto answers = CallAtOnce("Redeem", *request);
  int originals = 0;
  std::string first;
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer.ok()) << answer;
    v1::RedeemResponse response = answer.As<v1::RedeemResponse>();
    originals += !response.outcome().replayed();
    response.mutable_outcome()->clear_replayed();
    if (first.empty()) first = response.SerializeAsString();
    EXPECT_EQ(response.SerializeAsString(), first) << response.ShortDebugString();
    EXPECT_EQ(response.outcome().first_state(), v1::DONE);
    EXPECT_EQ(response.outcome().state(), v1::DONE);
    EXPECT_EQ(response.outcome().sequence(), start);
  }
  EXPECT_EQ(originals, 1);
  EXPECT_EQ(world.AskedSince(start), 1);
  EXPECT_EQ(world.Balance("$HOME"), balance - 1);
}

// Refused for ever, and recorded once.
TEST_F(RedemptionServiceTest, AHundredEqualCallsAreOneRefusal) {
  auto request = world.Parse("Redeem", SampleOf("Redeem").text);
  dynamic_cast<v1::RedeemRequest&>(*request).mutable_offer_lines(0)->set_points(9'000'000);
  const auto balance = world.Balance("$HOME"), start = world.End();
  int originals = 0;
  for (const Answer& answer : CallAtOnce("Redeem", *request)) {
    EXPECT_EQ(answer.reason, "INSUFFICIENT_POINTS") << answer;
    ASSERT_TRUE(answer.has_outcome);
    originals += !answer.outcome.replayed();
    EXPECT_EQ(answer.outcome.first_state(), v1::REFUSED);
    EXPECT_EQ(answer.outcome.state(), v1::REFUSED);
    EXPECT_EQ(answer.outcome.sequence(), start);
  }
  EXPECT_EQ(originals, 1);
  EXPECT_EQ(world.AskedSince(start), 1);
  EXPECT_EQ(world.Balance("$HOME"), balance);
}

// A quote prices lines. It has no field for a member, and says nothing that depends on one.
TEST_F(RedemptionServiceTest, AQuotePricesLinesAndNamesNoMember) {
  EXPECT_EQ(v1::QuoteRequest::descriptor()->FindFieldByName("presentation"), nullptr);
  const auto start = world.End();
  const auto quote = [&](const std::string& lines) { return world.Call("till", "Quote", R"(program: "$P" )" + lines); };
  const Answer priced = quote(R"(offer_lines { offer: "RICE" quantity: 2 points: 60 } offer_lines { offer: "ANY" quantity: 1 points: 7 })");
  ASSERT_TRUE(priced.ok()) << priced;
  EXPECT_EQ(priced.As<v1::QuoteResponse>().points(), 67);
  const Answer wrong = quote(R"(offer_lines { offer: "RICE" quantity: 2 points: 59 })");
  EXPECT_EQ(wrong.reason, "OFFER_MISMATCH") << wrong;
  EXPECT_EQ(wrong.facts.at("points"), "60");
  EXPECT_EQ(quote(R"(offer_lines { offer: "NONE" quantity: 1 points: 1 })").reason, "OFFER_NOT_FOUND");
  EXPECT_EQ(world.AskedSince(start), 0);
}

// What this lane never sent is marked, the late original is refused, and everything about it says so.
TEST_F(RedemptionServiceTest, ARequestReversedBeforeItCameIsNeverCarriedOut) {
  const std::string id = world.NewUuid(), reversal = world.NewUuid();
  const auto balance = world.Balance("$HOME");
  const auto reverse = [&](const std::string& own) {
    return world.Call("till", "Reverse", R"(program: "$P" request_id: ")" + own + R"(" target_request_id: ")" + id + "\"");
  };
  const Answer marked = reverse(reversal);
  ASSERT_TRUE(marked.ok()) << marked;
  EXPECT_EQ(marked.As<v1::ReverseResponse>().outcome().state(), v1::DONE);
  EXPECT_EQ(marked.As<v1::ReverseResponse>().target().state(), v1::NEVER_SEEN);
  EXPECT_EQ(marked.As<v1::ReverseResponse>().target().request_id(), id);
  EXPECT_EQ(reverse(world.NewUuid()).As<v1::ReverseResponse>().target().state(), v1::NEVER_SEEN);

  const Answer late =
      world.Call("till", "Redeem",
                 R"(program: "$P" request_id: ")" + id +
                     R"(" presentation { member_number: "$HOME_NUMBER" } offer_lines { offer: "ANY" quantity: 1 points: 5 })");
  EXPECT_EQ(late.reason, "ALREADY_REVERSED") << late;
  ASSERT_TRUE(late.has_outcome);
  EXPECT_EQ(late.outcome.state(), v1::NEVER_SEEN);
  EXPECT_EQ(late.outcome.request_id(), id);
  const Answer asked = world.Call("till", "GetOutcome", R"(program: "$P" request_id: ")" + id + "\"");
  EXPECT_EQ(asked.As<v1::GetOutcomeResponse>().outcome().state(), v1::NEVER_SEEN);
  EXPECT_FALSE(asked.As<v1::GetOutcomeResponse>().has_target());
  EXPECT_EQ(world.Balance("$HOME"), balance);
}

// Whether a till hears of it by the reversal's answer or asks later.
TEST_F(RedemptionServiceTest, TheOutcomeOfAReversalTellsItsTarget) {
  const std::string sold = world.NewUuid(), refused = world.NewUuid();
  world.Redeem(5, sold);
  auto request = world.Parse("Redeem", R"(program: "$P" request_id: ")" + refused + R"(" presentation { member_number: "$HOME_NUMBER" }
                                          offer_lines { offer: "ANY" quantity: 1 points: 9000000 })");
  EXPECT_EQ(world.Call("till", "Redeem", *request).reason, "INSUFFICIENT_POINTS");
  const std::string held = world.NewUuid();
  const Answer hold =
      world.Call("till", "Authorize", R"(program: "$P" request_id: ")" + held + R"(" presentation { member_number: "$HOME_NUMBER" }
                                 offer_lines { offer: "ANY" quantity: 1 points: 4 })");
  ASSERT_TRUE(hold.ok()) << hold;
  ASSERT_TRUE(
      world.Call("till", "Capture", R"(program: "$P" request_id: "$ID" hold: ")" + hold.As<v1::AuthorizeResponse>().hold() + "\"").ok());
  for (const std::string& target : {sold, refused, held, world.NewUuid()}) {
    const std::string own = world.NewUuid();
    const Answer answer =
        world.Call("till", "Reverse", R"(program: "$P" request_id: ")" + own + R"(" target_request_id: ")" + target + "\"");
    const Answer asked = world.Call("till", "GetOutcome", R"(program: "$P" request_id: ")" + own + "\"");
    const auto told = answer.As<v1::ReverseResponse>().target();
    auto later = asked.As<v1::GetOutcomeResponse>().target();
    EXPECT_EQ(later.request_id(), told.request_id()) << asked;
    EXPECT_EQ(later.request_id() == target, target != held) << "of a hold that was captured: the capture";
    EXPECT_EQ(later.state(), told.state());
    EXPECT_EQ(later.first_state(), told.first_state());
    EXPECT_EQ(later.sequence(), told.sequence());
  }
}

// A ledger that was put back: names of before stand, names of the lost tail are refused as such, and new ones carry the epoch.
TEST_F(RedemptionServiceTest, NamesCarryTheirEpoch) {
  const std::string kept = world.Redeem(20), kept_hold = world.Hold(5);
  const std::string not_seen = R"(program: "$P" request_id: "$ID")";
  EXPECT_EQ(world.Call("till", "GetOutcome", not_seen).facts.at("epoch"), "0");
  world.Restart([](const std::string& ledger) {
    const auto log = RocksDbLog::Open({.directory = ledger + "/log"}).value();
    const auto store = RocksDbStore::Open({.directory = ledger + "/derived"}).value();
    const auto opened = OpenEpochs(
        *log, *store, Clock::System(), [](const std::string&) { return EpochData{.why = "restore"}; },
        [](const std::string&, std::int64_t, std::int64_t) {});
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_TRUE(WriteHeadMarks(HeadMarkFile(ledger), MarksOf(*log)).ok());
  });
  const auto journal = world.Call("auditor", "GetJournal", R"(program: "$P")").As<v1::GetJournalResponse>();
  const std::int64_t epoch = journal.epoch(), end = journal.end_sequence();
  EXPECT_GT(epoch, 0);
  EXPECT_EQ(world.Call("till", "GetOutcome", not_seen).facts.at("epoch"), std::to_string(epoch));

  const auto refund = [&](const std::string& name) {
    return world.Call("till", "Refund", R"(program: "$P" request_id: "$ID" points: 1 clerk: "c" redemption: ")" + name + "\"");
  };
  const Answer refunded = refund(kept);
  EXPECT_TRUE(refunded.ok()) << refunded;
  EXPECT_EQ(refunded.As<v1::RefundResponse>().outcome().ledger_epoch(), epoch);
  const std::string sold = world.Redeem(3);
  const std::string prefix = "programs/minyue/redemptions/", new_prefix = prefix + std::to_string(epoch) + ".";
  ASSERT_TRUE(sold.starts_with(new_prefix)) << sold;
  EXPECT_TRUE(refund(sold).ok());
  // The number alone is one of epoch 0, which ended before.
  const std::string sequence = sold.substr(new_prefix.size());
  const Answer lost = refund(prefix + sequence);
  EXPECT_EQ(lost.reason, "ENTRY_LOST") << lost;
  EXPECT_EQ(lost.facts.at("name"), prefix + sequence);
  EXPECT_EQ(refund(prefix + std::to_string(epoch - 1) + "." + sequence).reason, "ENTRY_LOST");  // of a history that was put away
  EXPECT_EQ(refund(new_prefix + "1").reason, "REDEMPTION_NOT_FOUND");                           // written before that epoch
  EXPECT_EQ(refund(prefix + std::to_string(epoch + 1) + "." + sequence).reason, "REDEMPTION_NOT_FOUND");
  EXPECT_EQ(refund(new_prefix + std::to_string(end + 1'000'000)).reason, "REDEMPTION_NOT_FOUND");
  EXPECT_EQ(world.Call("till", "Void", R"(program: "$P" request_id: "$ID" hold: ")" + kept_hold + "\"").reason, "");
  const auto get = [&](const std::string& name) { return world.Call("auditor", "GetEntry", R"(name: "$P/entries/)" + name + "\"").reason; };
  EXPECT_EQ(get("0"), "");
  EXPECT_EQ(get(sequence), "ENTRY_LOST");
  EXPECT_EQ(get(std::to_string(epoch) + "." + sequence), "");
  EXPECT_EQ(get(std::to_string(epoch) + ".0"), "ENTRY_NOT_FOUND");
}

}  // namespace
}  // namespace redpoints::server
