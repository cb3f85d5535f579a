// Lists, statements and streams while the ledger goes on: pages stand still, a range is the same bytes for ever, a stream that was cut goes on.
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "storage/clock.h"
#include "storage/keys.h"
#include "storage/rules/day.h"
#include "tests/server/server_fixture.h"
#include "tests/storage/raw_rows.h"

namespace redpoints::server {
namespace {

class ReadingTest : public ServerTest {
 protected:
  // Sales beside what the test reads, until it has read enough.
  void StartSelling() {
    till_ = std::thread([this] {
      while (!is_enough_) world.Call("till", "Redeem", Request(next_++));
    });
  }
  void StopSelling() {
    is_enough_ = true;
    if (till_.joinable()) till_.join();
  }
  void TearDown() override { StopSelling(); }

  // The world's words are not for two threads.
  v1::RedeemRequest Request(int number) {
    v1::RedeemRequest request;
    request.set_program("programs/minyue");
    request.set_request_id(absl::StrCat("6ba7b810-9dad-41d1-80b4-", 100'000'000'000 + number));
    request.mutable_presentation()->set_member_number(number_);
    auto* line = request.add_offer_lines();
    line->set_offer("ANY");
    line->set_quantity(1);
    line->set_points(1);
    return request;
  }
  std::string Export(const std::string& range) {
    std::string data;
    for (const auto& message : world.Stream("auditor", "ExportEntries", absl::StrCat(R"(program: "$P" )", range))) {
      data += dynamic_cast<const v1::ExportEntriesResponse&>(*message).data();
    }
    return data;
  }
  // A field that names an entry.
  static std::string Entry(const char* field, std::int64_t sequence) { return absl::StrCat(" ", field, ": \"$P/entries/", sequence, "\""); }
  v1::ListStatementResponse Page(const std::string& rest) {
    const Answer answer = world.Call("helper-all", "ListStatement", absl::StrCat(R"(member: "$HOME" )", rest));
    EXPECT_TRUE(answer.ok()) << answer;
    return answer.ok() ? answer.As<v1::ListStatementResponse>() : v1::ListStatementResponse();
  }

  const std::string number_ = world.Get("HOME_NUMBER");
  std::atomic<bool> is_enough_ = false;
  std::atomic<int> next_ = 0;
  std::thread till_;
};

TEST_F(ReadingTest, PagesOfAStatementStandStillWhileEntriesArrive) {
  for (int i = 0; i < 30; ++i) world.Redeem(1);
  StartSelling();
  for (int round = 0; round < 5; ++round) {
    auto page = Page("page_size: 7");
    std::int64_t below = page.lines(0).sequence() + 1, after = page.closing_balance();
    const std::int64_t opening = page.opening_balance();
    for (int pages = 1;; ++pages) {
      for (const auto& line : page.lines()) {
        EXPECT_LT(line.sequence(), below);
        EXPECT_EQ(line.available() + line.held() - line.debt(), after);
        below = line.sequence();
        after -= line.available_change() + line.held_change() - line.debt_change();
      }
      if (page.next_page_token().empty()) {
        EXPECT_GE(pages, 5);
        break;
      }
      page = Page(absl::StrCat(R"(page_size: 7 page_token: ")", page.next_page_token(), "\""));
    }
    EXPECT_EQ(after, opening);
    EXPECT_EQ(after, 0);
  }
}

// Who awards hears at once what the volunteer will read later.
TEST_F(ReadingTest, AnAwardExplainsItselfAsItsEntryDoes) {
  const Answer award = world.Call("recorder-all", "Award",
                                  R"(program: "$P" request_id: "$ID" item { member: "$HOME" activity: "PATROL" quantity: 3
                                     effective_day: $TODAY group: PARTY_VANGUARD })");
  const auto response = award.As<v1::AwardResponse>();
  const std::string number = std::to_string(response.result().outcome().sequence());
  const auto entry = world.Call("auditor", "GetEntry", R"(name: "$P/entries/)" + number + R"(")").As<v1::GetEntryResponse>();
  EXPECT_EQ(response.result().explanation_zh_cn(), entry.explanation_zh_cn());
  EXPECT_NE(entry.explanation_zh_cn().find("POINT：3 × 10 = 30"), std::string::npos) << entry.explanation_zh_cn();
}

// What a volunteer asks first: how much, and what of it ends soonest. Now, and as it was.
TEST_F(ReadingTest, ABalanceSaysWhatEndsNext) {
  world.Set("HOME", world.CreateMember("grid-1"));
  const auto balance = [&](const std::string& rest) {
    const Answer answer = world.Call("helper-all", "GetBalance", absl::StrCat(R"(member: "$HOME" )", rest));
    EXPECT_TRUE(answer.ok()) << answer;
    v1::UnitBalance points;
    for (const auto& each : answer.As<v1::GetBalanceResponse>().balances()) {
      if (each.unit() == "POINT") points = each;
    }
    return points;
  };
  EXPECT_EQ(balance("").next_expiry_day(), 0);  // nothing was earned yet
  world.Award("$HOME", 2);
  const std::int32_t end = redpoints::EndOfPeriod(redpoints::DayOf(Clock::System().NowMs()), 12, v1::MONTH);
  const auto then = Page("page_size: 1").lines(0).record_time();
  while (Clock::System().NowMs() <= then.seconds() * 1000 + then.nanos() / 1'000'000) std::this_thread::yield();
  world.Award("$HOME", 3);
  const auto now = balance("");
  EXPECT_EQ(now.available(), 50);
  EXPECT_EQ(now.next_expiry_day(), end);
  EXPECT_EQ(now.next_expiry_amount(), 50);
  const auto was = balance(absl::StrCat("as_of_time { seconds: ", then.seconds(), " nanos: ", then.nanos(), " }"));
  EXPECT_EQ(was.available(), 20);
  EXPECT_EQ(was.next_expiry_day(), end);
  EXPECT_EQ(was.next_expiry_amount(), 20);
}

// Points with two decimals, minutes with one: each answer that shows amounts says how to read them, and the amounts stay whole numbers.
TEST(DecimalsTest, EachAnswerWithAmountsSaysTheirDecimals) {
  World world({.edit_rulebook = [](std::string& book) {
    for (const auto& [unit, decimals] : {std::pair(R"("code":"POINT")", 2), std::pair(R"("code":"MINUTE")", 1)}) {
      book.insert(book.find(unit), absl::StrCat(R"("decimals":)", decimals, ","));
    }
  }});
  const auto call = [&]<class Response>(const std::string& caller, const std::string& method, const std::string& text, Response) {
    const Answer answer = world.Call(caller, method, text);
    EXPECT_TRUE(answer.ok()) << answer;
    return answer.ok() ? answer.As<Response>() : Response();
  };
  const auto award = call("recorder-all", "Award",
                          R"(program: "$P" request_id: "$ID" item { member: "$HOME" activity: "PATROL" quantity: 3 effective_day: $TODAY
                             group: PARTY_VANGUARD })",
                          v1::AwardResponse());
  EXPECT_EQ(award.result().points_decimals(), 2);
  EXPECT_EQ(award.result().outcome().points_decimals(), 2);
  ASSERT_EQ(award.result().amounts_size(), 2);
  for (const auto& amount : award.result().amounts()) {
    EXPECT_EQ(amount.amount(), amount.unit() == "POINT" ? 30 : 180);
    EXPECT_EQ(amount.decimals(), amount.unit() == "POINT" ? 2 : 1);
  }
  EXPECT_NE(award.result().explanation_zh_cn().find("POINT：3 × 0.10 = 0.30；MINUTE：3 × 6.0 = 18.0"), std::string::npos)
      << award.result().explanation_zh_cn();
  const auto entry =
      call("auditor", "GetEntry", absl::StrCat(R"(name: "$P/entries/)", award.result().outcome().sequence(), "\""), v1::GetEntryResponse());
  EXPECT_EQ(entry.explanation_zh_cn(), award.result().explanation_zh_cn());
  EXPECT_NE(entry.explanation().find("3 × 0.10 = 0.30"), std::string::npos) << entry.explanation();
  EXPECT_NE(entry.line().find(R"("amount":30)"), std::string::npos) << entry.line();

  for (const char* when : {R"(member: "$HOME")", SampleOf("GetBalance").text}) {  // now, and as of a time
    const auto balance = call("helper-all", "GetBalance", when, v1::GetBalanceResponse());
    EXPECT_EQ(balance.balances_size(), 2);
    for (const auto& unit : balance.balances()) EXPECT_EQ(unit.decimals(), unit.unit() == "POINT" ? 2 : 1) << unit.unit();
  }
  const auto points = call("helper-all", "ListStatement", R"(member: "$HOME")", v1::ListStatementResponse());
  EXPECT_EQ(points.unit(), "POINT");
  EXPECT_EQ(points.decimals(), 2);
  EXPECT_EQ(call("helper-all", "ListStatement", R"(member: "$HOME" unit: "MINUTE")", v1::ListStatementResponse()).decimals(), 1);

  EXPECT_EQ(call("till", "Quote", SampleOf("Quote").text, v1::QuoteResponse()).points_decimals(), 2);
  EXPECT_EQ(call("till", "Redeem", SampleOf("Redeem").text, v1::RedeemResponse()).outcome().points_decimals(), 2);
  const auto refund = call("till", "Refund", SampleOf("Refund").text, v1::RefundResponse());
  EXPECT_EQ(refund.points_decimals(), 2);
  EXPECT_EQ(refund.outcome().points_decimals(), 2);
  EXPECT_EQ(call("till", "GetOutcome", SampleOf("GetOutcome").text, v1::GetOutcomeResponse()).outcome().points_decimals(), 2);
  world.Set("UNDO", world.NewUuid());
  world.Redeem(1, world.Get("UNDO"));
  const auto reversal = call("till", "Reverse", R"(program: "$P" request_id: "$ID" target_request_id: "$UNDO")", v1::ReverseResponse());
  EXPECT_EQ(reversal.outcome().points_decimals(), 2);
  EXPECT_EQ(reversal.target().points_decimals(), 2);
  const Answer refused = world.Call("till", "Redeem",
                                    R"(program: "$P" request_id: "$ID" presentation { member_number: "$HOME_NUMBER" }
                                       offer_lines { offer: "ANY" quantity: 1 points: 1000000 })");
  EXPECT_EQ(refused.reason, "INSUFFICIENT_POINTS");
  EXPECT_EQ(refused.outcome.points_decimals(), 2);

  EXPECT_EQ(call("recorder-all", "AwardBatch", SampleOf("AwardBatch").text, v1::AwardBatchResponse()).points_decimals(), 2);
  EXPECT_EQ(call("recorder-all", "GetAwardOutcome", SampleOf("GetAwardOutcome").text, v1::GetAwardOutcomeResponse()).points_decimals(), 2);
  const auto correction = call("corrector-all", "Correct", SampleOf("Correct").text, v1::CorrectResponse());
  EXPECT_EQ(correction.points_decimals(), 2);
  for (const auto& amount : correction.amounts()) EXPECT_EQ(amount.decimals(), amount.unit() == "POINT" ? 2 : 1);
  EXPECT_EQ(call("admin", "GetRegistration", R"(name: "$P/funds/street")", v1::GetRegistrationResponse()).points_decimals(), 2);
  EXPECT_EQ(call("admin", "ListRegistrations", R"(program: "$P" kind: "offers")", v1::ListRegistrationsResponse()).points_decimals(), 2);

  std::string csv;
  for (const auto& message : world.Stream("auditor", "ExportEntries", R"(program: "$P" format: CSV)")) {
    csv += dynamic_cast<const v1::ExportEntriesResponse&>(*message).data();
  }
  EXPECT_NE(csv.find(",POINT,30,10025,0.30,100.25,"), std::string::npos) << csv.substr(0, 5000);
}

// Every kind of entry that moves points, and ranges that begin and end before, on and after each: what was there, and what came or went, is
// what is left.
TEST_F(ReadingTest, OpeningAndChangesAreClosingWhereverARangeIsCut) {
  std::string number;
  world.Set("HOME", world.CreateMember("grid-1", &number));
  world.Set("HOME_NUMBER", number);
  std::string sale, hold, award;
  const auto call = [&](const std::string& caller, const std::string& method, const std::string& text) {
    const Answer answer = world.Call(caller, method, R"(program: "$P" request_id: "$ID" )" + text);
    EXPECT_TRUE(answer.ok()) << answer;
  };
  struct Step {
    const char* kind;
    std::int64_t available, held, debt;  // afterwards
    std::function<void()> act;
    std::int64_t ms = 0;
  };
  Step steps[] = {
      {"award", 100, 0, 0, [&] { award = world.Award("$HOME", 10); }},
      {"redemption", 70, 0, 0, [&] { sale = world.Redeem(30); }},
      {"hold", 50, 20, 0, [&] { hold = world.Hold(20); }},
      {"capture", 55, 0, 0, [&] { call("till", "Capture", absl::StrCat("points: 15 hold: \"", hold, "\"")); }},
      {"refund", 65, 0, 0, [&] { call("till", "Refund", absl::StrCat("points: 10 clerk: \"c\" redemption: \"", sale, "\"")); }},
      {"redemption", 58, 0, 0, [&] { world.Redeem(7, "6ba7b810-9dad-41d1-80b4-00c04fd430c8"); }},
      {"reversal", 65, 0, 0, [&] { call("till", "Reverse", R"(target_request_id: "6ba7b810-9dad-41d1-80b4-00c04fd430c8")"); }},
      {"correction", 0, 0, 5,
       [&] { call("corrector-all", "Correct", absl::StrCat("new_quantity: 3 reason: WRONG_QUANTITY award: \"", award, "\"")); }},
      {"award", 15, 0, 0, [&] { world.Award("$HOME", 2); }},
  };
  // A time in nanoseconds, or none.
  std::vector<std::optional<std::int64_t>> cuts = {std::nullopt};
  const auto cut = [&](std::int64_t ms, std::int64_t ns) { cuts.push_back(ms * 1'000'000 + ns); };
  for (Step& step : steps) {
    step.act();
    const auto time = Page("page_size: 1").lines(0).record_time();
    step.ms = time.seconds() * 1000 + time.nanos() / 1'000'000;
    cut(step.ms, -1), cut(step.ms, 0), cut(step.ms, 1);
    while (Clock::System().NowMs() <= step.ms) std::this_thread::yield();  // each in a millisecond of its own
  }
  const auto in = [](const char* field, std::optional<std::int64_t> ns) {
    return ns ? absl::StrCat(field, " { seconds: ", *ns / 1'000'000'000, " nanos: ", *ns % 1'000'000'000, " } ") : "";
  };
  for (const auto& start : cuts) {
    for (const auto& end : cuts) {
      if (start && end && *end < *start) continue;
      std::int64_t opening = 0, closing = 0;
      std::vector<const Step*> inside;  // newest first
      for (const Step& step : steps) {
        const std::int64_t ns = step.ms * 1'000'000, total = step.available + step.held - step.debt;
        if (start && ns < *start) opening = closing = total;
        if ((!start || ns >= *start) && (!end || ns < *end)) inside.insert(inside.begin(), &step), closing = total;
      }
      for (const int page_size : {2, 50}) {
        const std::string range = absl::StrCat(in("start_time", start), in("end_time", end), "page_size: ", page_size);
        SCOPED_TRACE(range);
        auto page = Page(range);
        EXPECT_EQ(page.opening_balance(), opening);
        EXPECT_EQ(page.closing_balance(), closing);
        std::int64_t changes = 0;
        std::size_t lines = 0;
        for (;;) {
          EXPECT_LE(page.lines_size(), page_size);
          for (const auto& line : page.lines()) {
            ASSERT_LT(lines, inside.size());
            const Step& step = *inside[lines++];
            EXPECT_EQ(line.kind(), step.kind);
            EXPECT_EQ(std::tuple(line.available(), line.held(), line.debt()), std::tuple(step.available, step.held, step.debt))
                << step.kind;
            changes += line.available_change() + line.held_change() - line.debt_change();
          }
          if (page.next_page_token().empty()) break;
          page = Page(absl::StrCat(range, " page_token: \"", page.next_page_token(), "\""));
          EXPECT_EQ(page.opening_balance(), 0);  // only the first page says
          EXPECT_EQ(page.closing_balance(), 0);
        }
        EXPECT_EQ(lines, inside.size());
        EXPECT_EQ(opening + changes, closing);
      }
    }
  }
}

// An account that is years old has a first page as fast as a new one: what is behind the page is not read, unless it is asked for by a start.
TEST_F(ReadingTest, AFirstPageReadsNoMoreThanItShows) {
  std::string number;
  world.Set("HOME", world.CreateMember("grid-1", &number));
  world.Set("HOME_NUMBER", number);
  const std::string award = world.Award("$HOME", 10);
  const std::int64_t first = std::stoll(award.substr(award.rfind('/') + 1));
  for (int i = 0; i < 5; ++i) world.Redeem(1);
  world.Restart([&](const std::string& ledger) { SetRawRow(ledger + "/log", "journal", JournalKey("minyue", first), std::nullopt); });
  const auto page = Page("page_size: 3");
  EXPECT_EQ(page.lines_size(), 3);
  EXPECT_EQ(page.opening_balance(), 0);
  EXPECT_EQ(page.closing_balance(), 95);
  EXPECT_EQ(world.Call("helper-all", "ListStatement", R"(member: "$HOME" page_size: 3 start_time { seconds: 1 })").reason,
            "PROGRAM_SET_ASIDE");
}

TEST_F(ReadingTest, TheLineOfAStreamSaysWhereDamageIs) {
  world.Restart([&](const std::string& ledger) { SetRawRow(ledger + "/log", "journal", JournalKey("minyue", 3), std::nullopt); });
  EXPECT_EQ(world.Call("auditor", "ExportEntries", R"(program: "$P" format: JSON_LINES)").reason, "PROGRAM_SET_ASIDE");
  EXPECT_THAT(world.Log(),
              testing::HasSubstr(R"("reason":"PROGRAM_SET_ASIDE","detail":"DATA_LOSS: no entry 3 in the journal of minyue in )"));
}

TEST_F(ReadingTest, APageTokenIsForItsListAndNoOther) {
  for (int i = 0; i < 5; ++i) world.Redeem(1);
  const std::string token = Page("page_size: 2").next_page_token();
  ASSERT_FALSE(token.empty());
  const auto reason = [&](const std::string& method, const std::string& text, const std::string& with) {
    return world.Call("helper-all", method, absl::StrCat(text, R"( page_token: ")", with, "\"")).reason;
  };
  EXPECT_EQ(reason("ListStatement", R"(member: "$HOME" page_size: 3)", token), "");
  EXPECT_EQ(reason("ListStatement", R"(member: "programs/minyue/members/$HOME_NUMBER")", token), "");  // the same member
  EXPECT_EQ(reason("ListStatement", R"(member: "$AWAY")", token), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(reason("ListStatement", R"(member: "$HOME" unit: "MINUTE")", token), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(reason("ListStatement", R"(member: "$HOME" start_time { seconds: 5 })", token), "PAGE_TOKEN_INVALID");
  for (std::size_t i = 0; i < token.size(); i += 5) {
    std::string altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(reason("ListStatement", R"(member: "$HOME")", altered), "PAGE_TOKEN_INVALID") << i;
  }
  const Answer list = world.Call("admin", "ListRegistrations", R"(program: "$P" kind: "members" page_size: 1)");
  const auto other = list.As<v1::ListRegistrationsResponse>().next_page_token();
  EXPECT_EQ(reason("ListStatement", R"(member: "$HOME")", other), "PAGE_TOKEN_INVALID");
  EXPECT_EQ(world.Call("admin", "ListRegistrations", absl::StrCat(R"(program: "$P" kind: "staff" page_token: ")", other, "\"")).reason,
            "PAGE_TOKEN_INVALID");
  // They outlive the server.
  world.Restart();
  EXPECT_EQ(reason("ListStatement", R"(member: "$HOME" page_size: 3)", token), "");
}

TEST_F(ReadingTest, AListHasEveryRegistrationThatWasThereOnce) {
  std::set<std::string> made;
  for (int i = 0; i < 25; ++i) made.insert(world.CreateMember("grid-1"));
  std::set<std::string> listed;
  std::string token;
  do {
    const Answer page =
        world.Call("admin", "ListRegistrations", absl::StrCat(R"(program: "$P" kind: "members" page_size: 4 page_token: ")", token, "\""));
    ASSERT_TRUE(page.ok()) << page;
    for (const auto& each : page.As<v1::ListRegistrationsResponse>().registrations()) {
      EXPECT_TRUE(listed.insert(each.member().name()).second) << each.member().name();
    }
    token = page.As<v1::ListRegistrationsResponse>().next_page_token();
    world.CreateMember("grid-2");  // one more between two pages
  } while (!token.empty());
  for (const auto& name : made) EXPECT_TRUE(listed.contains(name)) << name;
}

TEST_F(ReadingTest, TheSameExportTwiceIsTheSameBytes) {
  StartSelling();
  for (int round = 0; round < 5; ++round) {
    const auto end = world.End();
    const std::string range = Entry("through", end - 1), begin = Entry("through", 9), rest = Entry("after", 9) + range;
    const std::string lines = Export(range + " format: JSON_LINES");
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), end);
    EXPECT_EQ(lines, Export(range + " format: JSON_LINES"));
    EXPECT_EQ(lines, Export(begin + " format: JSON_LINES") + Export(rest + " format: JSON_LINES"));
    const std::string table = Export(range + " format: CSV");
    EXPECT_EQ(table, Export(range + " format: CSV"));
    EXPECT_EQ(table, Export(begin + " format: CSV") + Export(rest + " format: CSV"));
  }
  const auto end = world.End();
  const std::string before = Export(Entry("through", end - 1) + " format: JSON_LINES");
  StopSelling();
  world.Restart();
  EXPECT_EQ(before, Export(Entry("through", end - 1) + " format: JSON_LINES"));
}

// Nothing is what there is behind the last; anything else that can't be is said to be wrong, not empty.
TEST_F(ReadingTest, ARangeThatCannotBeIsRefused) {
  const std::int64_t last = world.End() - 1;
  const struct {
    std::string range;
    const char* reason;
    const char* field;
  } kExports[] = {{Entry("after", last), "", ""},
                  {Entry("after", last) + Entry("through", last), "", ""},
                  {Entry("after", 3) + Entry("through", 3), "", ""},
                  {Entry("after", last + 100), "ENTRY_NOT_FOUND", "after"},
                  {Entry("after", 4) + Entry("through", 3), "FIELD_OUT_OF_RANGE", "through"},
                  {Entry("through", last + 100), "ENTRY_NOT_FOUND", "through"},
                  {R"(after: "programs/other/entries/1")", "FIELD_INVALID", "after"},
                  {R"(through: "$P/holds/1")", "FIELD_INVALID", "through"}};
  for (const auto& row : kExports) {
    for (const char* format : {"JSON_LINES", "CSV"}) {
      const std::string range = absl::StrCat(row.range, " format: ", format);
      SCOPED_TRACE(range);
      Answer answer = world.Call("auditor", "ExportEntries", absl::StrCat(R"(program: "$P" )", range));
      EXPECT_EQ(answer.reason, row.reason) << answer;
      EXPECT_EQ(answer.facts["field"], row.field);
      // The journal may have grown: days close by themselves.
      EXPECT_LE(answer.ok() ? Export(range).size() : 0, 1'000u);
    }
  }
  EXPECT_EQ(world.Call("auditor", "FollowEntries", R"(program: "$P")" + Entry("after", last + 100)).reason, "ENTRY_NOT_FOUND");
  const struct {
    const char* rest;
    const char* reason;
    const char* field;
  } kStatements[] = {
      {R"(unit: "MINUTE")", "", ""},  // nobody has any here, but there is such a unit
      {R"(unit: "PONIT")", "FIELD_INVALID", "unit"},
      {"start_time { seconds: 5 nanos: 2 } end_time { seconds: 5 nanos: 2 }", "", ""},
      {"start_time { seconds: 5 nanos: 2 } end_time { seconds: 5 nanos: 1 }", "FIELD_OUT_OF_RANGE", "end_time.nanos"},
      {"start_time { seconds: 5 } end_time { seconds: 4 nanos: 9 }", "FIELD_OUT_OF_RANGE", "end_time.seconds"},
  };
  for (const auto& row : kStatements) {
    Answer answer = world.Call("helper-all", "ListStatement", absl::StrCat(R"(member: "$HOME" )", row.rest));
    EXPECT_EQ(answer.reason, row.reason) << row.rest << " " << answer;
    EXPECT_EQ(answer.facts["field"], row.field);
  }
}

TEST_F(ReadingTest, AFollowThatWasCutGoesOnWithoutAGap) {
  StartSelling();
  std::string followed, last;
  std::int64_t next = 0;
  for (const std::int64_t end = world.End() + 60; next < end;) {
    for (const auto& message : world.Stream("auditor", "FollowEntries", absl::StrCat(R"(program: "$P" after: ")", last, "\""), 2)) {
      const auto& entries = dynamic_cast<const v1::FollowEntriesResponse&>(*message);
      next += entries.lines_size();
      last = entries.last();
      EXPECT_EQ(last, absl::StrCat("programs/minyue/entries/", next - 1));
      for (const auto& line : entries.lines()) followed += line + "\n";
    }
  }
  EXPECT_EQ(followed, Export(Entry("through", next - 1) + " format: JSON_LINES"));
}

// A balance as of a time is that of the statement, whatever has happened since.
TEST_F(ReadingTest, ABalanceOfThePastDoesNotMove) {
  std::map<std::string, std::pair<std::int64_t, std::string>> past;
  for (int i = 0; i < 6; ++i) {
    world.Redeem(3);
    const auto line = Page("page_size: 1").lines(0);
    const std::string time =
        absl::StrCat("as_of_time { seconds: ", line.record_time().seconds(), " nanos: ", line.record_time().nanos(), " }");
    past[time] = {line.available(), time};  // the last entry of one millisecond
  }
  StartSelling();
  for (int round = 0; round < 5; ++round) {
    for (const auto& [time, expected] : past) {
      const Answer balance = world.Call("helper-all", "GetBalance", absl::StrCat(R"(member: "$HOME" )", time));
      ASSERT_TRUE(balance.ok()) << balance;
      for (const auto& unit : balance.As<v1::GetBalanceResponse>().balances()) {
        EXPECT_TRUE(unit.unit() != "POINT" || unit.available() == expected.first) << time << " " << balance;
      }
    }
  }
}

}  // namespace
}  // namespace redpoints::server
