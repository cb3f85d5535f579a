// The server as a whole: what health says, how it stops, and where gRPC itself would answer without a reason.
#include "server/server.h"

#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/sync_stream.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "storage/clock.h"
#include "storage/keys.h"
#include "storage/rules/day.h"
#include "tests/server/server_fixture.h"
#include "tests/storage/raw_rows.h"

namespace redpoints::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::int64_t kMinuteMs = 60'000, kDayMs = 86'400'000;

// A stream that a test holds open.
class OpenStream {
 public:
  OpenStream(World& world, const std::string& caller, const std::string& method, const std::string& text,
             std::chrono::system_clock::time_point deadline)
      : channel_(world.Channel(caller)) {
    context_.set_deadline(deadline);
    const std::string path = "/redpoints.v1.JournalService/" + method;
    const std::string request = world.Parse(method, text)->SerializeAsString();
    const grpc::Slice slice(request);
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::SERVER_STREAMING, channel_);
    reader_.reset(
        grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(channel_.get(), rpc, &context_, grpc::ByteBuffer(&slice, 1)));
  }

  // Whether there is one more message.
  bool Read() {
    grpc::ByteBuffer out;
    return reader_->Read(&out);
  }
  Answer End() {
    while (Read()) {
    }
    return AnswerOf(reader_->Finish());
  }
  Answer Cancel() {
    context_.TryCancel();
    return End();
  }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader_;
};

std::chrono::system_clock::time_point In(milliseconds time) { return std::chrono::system_clock::now() + time; }

// What grpc.health.v1 says of "RedemptionService", or of the server for "".
std::string Health(World& world, const std::string& service) {
  const std::string name = service.empty() ? "" : "redpoints.v1." + service;
  const std::string request = name.empty() ? "" : absl::StrCat("\x0A", std::string(1, static_cast<char>(name.size())), name);
  std::string response;
  const Answer answer = world.CallPath("till", "/grpc.health.v1.Health/Check", request, &response);
  if (!answer.ok()) return answer.status.error_message();
  return response == "\x08\x01" ? "SERVING" : response == "\x08\x02" ? "NOT_SERVING" : "neither";
}

void ExpectHealth(World& world, const std::string& writing) {
  for (const char* service : {"RedemptionService", "AwardService", "RegistryService"})
    EXPECT_EQ(Health(world, service), writing) << service;
  for (const char* service : {"AccountService", "JournalService", "OperatorService", ""})
    EXPECT_EQ(Health(world, service), "SERVING") << service;
}

TEST(WholeServer, ServicesThatWriteDoNotServeWhileTheClockIsStopped) {
  ManualClock clock(Clock::System().NowMs());
  World world({.clock = &clock});
  ExpectHealth(world, "SERVING");
  clock.Jump(11 * kMinuteMs);
  EXPECT_EQ(world.Call("till", "Redeem", SampleOf("Redeem").text).reason, "CLOCK_STOPPED");
  ExpectHealth(world, "NOT_SERVING");
  EXPECT_TRUE(world.Call("helper-all", "GetBalance", R"(member: "$HOME")").ok());
  const auto start = world.End();
  const std::string id = world.NewUuid();
  const auto confirm = [&](std::int64_t seconds) {
    return world.Call("operator", "ConfirmClock",
                      absl::StrCat(R"(request_id: ")", id, R"(" stated_time { seconds: )", clock.NowMs() / 1000 + seconds, "}"));
  };
  // Not what the operator's watch says: nothing happens, and the id stays free.
  for (const std::int64_t off : {-601, 601, -660}) EXPECT_EQ(confirm(off).reason, "CLOCK_DIFFERS");
  ExpectHealth(world, "NOT_SERVING");
  const Answer confirmed = confirm(599);
  ASSERT_TRUE(confirmed.ok()) << confirmed;
  ExpectHealth(world, "SERVING");
  // Each program's journal says so, the answer is the system program's; it stays when the clock has gone on.
  EXPECT_EQ(world.AskedSince(start), 1);
  clock.Advance(15 * kMinuteMs);
  const Answer again =
      world.Call("operator", "ConfirmClock",
                 absl::StrCat(R"(request_id: ")", id, R"(" stated_time { seconds: )", clock.NowMs() / 1000 + 599 - 15 * 60, "}"));
  EXPECT_TRUE(again.ok() && again.As<v1::ConfirmClockResponse>().outcome().replayed()) << again;
  EXPECT_EQ(world.AskedSince(start), 1);
  EXPECT_TRUE(world.Call("till", "Redeem", SampleOf("Redeem").text).ok());
}

// Two operators, over TLS: the system program's journal and the others' fall together, and what ended too early is there again.
TEST(WholeServer, ASecondOperatorSetsBackAClockThatWasConfirmedWrongly) {
  ManualClock clock(Clock::System().NowMs());
  World world({.clock = &clock});
  const Answer second = world.Call("operator", "CreateStaff",
                                   R"(program: "programs/system" request_id: "$ID" staff { external: true grants { role: OPERATOR } })");
  ASSERT_TRUE(second.ok()) << second;
  world.AddCaller("operator-2", second.As<v1::CreateStaffResponse>().staff().name());
  world.Award("$HOME", 3);
  const Day stands = AddDays(DayOf(clock.NowMs()), -1);
  const auto points = [&] {
    std::int64_t available = -1;
    const Answer answer = world.Call("helper-all", "GetBalance", R"(member: "$HOME")");
    for (const auto& balance : answer.As<v1::GetBalanceResponse>().balances()) {
      if (balance.unit() == "POINT") available = balance.available();
    }
    return available;
  };
  const auto confirm = [&](const std::string& who, const std::string& id, Day day) {
    return world.Call(
        who, "ConfirmClock",
        absl::StrCat(R"(request_id: ")", id, R"(" stated_time { seconds: )", clock.NowMs() / 1000, "} last_closed_day: ", day));
  };
  const std::int64_t before = points();
  EXPECT_EQ(confirm("operator-2", world.NewUuid(), stands).reason, "FIELD_INVALID");  // nothing is ahead of the clock
  clock.Jump(400 * kDayMs);
  EXPECT_TRUE(confirm("operator", world.NewUuid(), 0).ok());
  const std::string spare = absl::StrReplaceAll(SampleOf("Redeem").text, {{"$HOME", "$SPARE"}});
  for (const std::string& text : {std::string(SampleOf("Redeem").text), spare}) {
    EXPECT_EQ(world.Call("till", "Redeem", text).reason, "INSUFFICIENT_POINTS");
  }
  clock.Jump(-400 * kDayMs + kMinuteMs);
  EXPECT_EQ(world.Call("till", "Redeem", SampleOf("Redeem").text).reason, "CLOCK_STOPPED");
  const auto start = world.End();
  EXPECT_EQ(confirm("operator", world.NewUuid(), stands).reason, "MAKER_IS_CHECKER");
  EXPECT_EQ(confirm("operator-2", world.NewUuid(), AddDays(stands, 1)).reason, "FIELD_INVALID");
  EXPECT_EQ(confirm("operator-2", world.NewUuid(), AddDays(stands, -1)).reason, "FIELD_INVALID");
  EXPECT_EQ(confirm("operator-2", world.NewUuid(), 0).reason, "FIELD_INVALID");  // entries would go on with the wrong time
  ExpectHealth(world, "NOT_SERVING");
  EXPECT_EQ(world.End(), start);
  const std::string id = world.NewUuid();
  const Answer back = confirm("operator-2", id, stands);
  ASSERT_TRUE(back.ok()) << back;
  EXPECT_EQ(back.As<v1::ConfirmClockResponse>().programs_left_size(), 0);
  ExpectHealth(world, "SERVING");
  EXPECT_EQ(points(), before);
  EXPECT_TRUE(world.Call("till", "Redeem", SampleOf("Redeem").text).ok());
  const Answer journal = world.Call("auditor", "GetJournal", R"(program: "$P")");
  EXPECT_EQ(journal.As<v1::GetJournalResponse>().last_closed_day(), stands);
  const Answer again = confirm("operator-2", id, stands);
  EXPECT_TRUE(again.ok() && again.As<v1::ConfirmClockResponse>().outcome().replayed()) << again;
  EXPECT_EQ(confirm("operator-2", id, 0).reason, "REQUEST_ID_REUSED");
  // A statement of a time means the last moment at which the clock showed it.
  clock.Advance(60 * kMinuteMs);
  const auto lines = [&](const char* member, std::int64_t from_ms, std::int64_t to_ms) {
    const Answer statement = world.Call("helper-all", "ListStatement",
                                        absl::StrCat("member: \"", member, "\" page_size: 1000 start_time { seconds: ", from_ms / 1000,
                                                     " } end_time { seconds: ", to_ms / 1000, " }"));
    EXPECT_TRUE(statement.ok()) << statement;
    return statement.As<v1::ListStatementResponse>().lines_size();
  };
  const std::int64_t now = clock.NowMs();
  EXPECT_EQ(lines("$HOME", 0, now + kDayMs), lines("$HOME", 0, now + 1000 * kDayMs));
  EXPECT_EQ(lines("$HOME", now + kDayMs, now + 1000 * kDayMs), 0);
  EXPECT_GT(lines("$SPARE", 0, now), 0);
  EXPECT_EQ(lines("$SPARE", now - kMinuteMs, now + 1000 * kDayMs), 0);
}

TEST(WholeServer, AClockThatIsWrongFromTheStartShowsInHealth) {
  ManualClock clock(Clock::System().NowMs());
  World world({.clock = &clock});
  clock.Jump(-20 * kMinuteMs);
  world.Restart();
  ExpectHealth(world, "NOT_SERVING");
}

// Files grow no more than they have: only the side store's log, made long before, is at its end.
TEST(WholeServer, ASideStoreThatTakesNoWritesShowsInHealthAndMetrics) {
  ManualClock clock(Clock::System().NowMs());
  World world({.clock = &clock});
  const auto can_write = [&] {
    const Answer metrics = world.Call("operator", "GetMetrics", "");
    return metrics.As<v1::GetMetricsResponse>().text().find("\nredpoints_side_store_can_write 1\n") != std::string::npos;
  };
  EXPECT_TRUE(can_write());
  // Numbers are reserved, and the ledger writes nothing.
  clock.Jump(11 * kMinuteMs);
  std::string members;
  for (int i = 0; i < 500; ++i) members += R"( members { kind: PERSON groups { group: RESIDENTS } grid: "grid-1" })";
  EXPECT_EQ(world.Call("admin", "CreateMembers", absl::StrCat(R"(program: "$P" request_id: "$ID")", members)).reason, "CLOCK_STOPPED");
  clock.Jump(-11 * kMinuteMs);
  ASSERT_TRUE(world.Call("operator", "ConfirmClock", SampleOf("ConfirmClock").text).ok());
  ExpectHealth(world, "SERVING");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit low{.rlim_cur = 100'000, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const Answer refused = world.Call("admin", "CreateMember", SampleOf("CreateMember").text);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(refused.reason, "STORAGE_READ_ONLY") << refused;
  EXPECT_NE(world.Log().find("side_store_failed"), std::string::npos);
  EXPECT_FALSE(can_write());
  for (const char* service : {"AwardService", "RegistryService"}) EXPECT_EQ(Health(world, service), "NOT_SERVING") << service;
  for (const char* service : {"RedemptionService", "AccountService", ""}) EXPECT_EQ(Health(world, service), "SERVING") << service;
  world.Redeem(1);
  world.Restart();
  ExpectHealth(world, "SERVING");
  EXPECT_TRUE(can_write());
}

// Nobody is cut off: whoever calls while the server stops learns that it does, and whatever was answered is there afterwards.
TEST(WholeServer, AStopTellsEveryCallerAndLosesNoAnswer) {
  World world({.configure = [](Config& config) { config.set_drain_ms(40'000); }});
  constexpr int kTills = 8;
  std::vector<std::vector<std::pair<v1::RedeemRequest, Answer>>> answers(kTills);
  for (int i = 0; i < kTills; ++i) world.AddCaller(absl::StrCat("lane-", i), world.Get("NAME_OF_till"));
  std::atomic<int> done = 0;
  std::vector<std::thread> tills;
  for (int i = 0; i < kTills; ++i) {
    tills.emplace_back([&, i] {
      for (int n = 0;; ++n) {
        v1::RedeemRequest request;
        request.set_program("programs/minyue");
        request.set_request_id(absl::StrCat("6ba7b810-9dad-41d1-80b4-", 100'000'000'000 + 1'000'000 * i + n));
        request.mutable_presentation()->set_member_number(world.Get("HOME_NUMBER"));
        auto* line = request.add_offer_lines();
        line->set_offer("ANY");
        line->set_quantity(1);
        line->set_points(1);
        answers[static_cast<std::size_t>(i)].emplace_back(request, world.Call(absl::StrCat("lane-", i), "Redeem", request));
        ++done;
        if (!answers[static_cast<std::size_t>(i)].back().second.ok()) return;
      }
    });
  }
  while (done < 100) std::this_thread::yield();
  world.Stop();
  for (auto& till : tills) till.join();
  for (const auto& of_till : answers) {
    const Answer& last = of_till.back().second;
    EXPECT_EQ(last.reason, "SHUTTING_DOWN") << last;
    EXPECT_NE(last.localized, "");
  }
  world.Restart();
  for (const auto& of_till : answers) {
    for (const auto& [request, answer] : of_till) {
      const Answer found = world.Call("till", "GetOutcome", absl::StrCat(R"(program: "$P" request_id: ")", request.request_id(), "\""));
      EXPECT_EQ(found.reason, answer.ok() ? "" : "REQUEST_NOT_FOUND");
      if (!found.ok() || !answer.ok()) continue;
      EXPECT_EQ(found.As<v1::GetOutcomeResponse>().redemption(), answer.As<v1::RedeemResponse>().redemption());
    }
  }
}

TEST(WholeServer, AFollowIsToldThatTheServerStops) {
  World world;
  OpenStream follow(world, "auditor", "FollowEntries", R"(program: "$P")", In(minutes(10)));
  ASSERT_TRUE(follow.Read());
  world.Stop();
  EXPECT_EQ(follow.End().reason, "SHUTTING_DOWN");
}

TEST(WholeServer, AStreamNeedsADeadlineToo) {
  World world;
  struct {
    std::chrono::system_clock::time_point deadline;
    const char* reason;
  } const cases[] = {
      {std::chrono::system_clock::time_point::max(), "DEADLINE_REQUIRED"}, {In(minutes(60)), "DEADLINE_REQUIRED"}, {In(minutes(45)), ""}};
  for (const auto& c : cases) {
    OpenStream follow(world, "auditor", "FollowEntries", R"(program: "$P")", c.deadline);
    const bool is_read = follow.Read();
    EXPECT_EQ(is_read, *c.reason == '\0');
    const Answer answer = is_read ? follow.Cancel() : follow.End();  // a cancelled call has no reason
    EXPECT_EQ(answer.reason, c.reason);
    EXPECT_EQ(answer.facts.contains("max") ? answer.facts.at("max") : "", *c.reason == '\0' ? "" : "2700000");
    EXPECT_EQ(OpenStream(world, "auditor", "ExportEntries", SampleOf("ExportEntries").text, c.deadline).End().reason, c.reason);
  }
}

TEST(WholeServer, OneCallerLeavesStreamsForTheOthers) {
  World world({.configure = [](Config& config) { config.mutable_limits()->set_streams_max(8); }});
  const auto open = [&](const std::string& caller) {
    return std::make_unique<OpenStream>(world, caller, "FollowEntries", R"(program: "$P")", In(minutes(10)));
  };
  const auto first = open("auditor");
  ASSERT_TRUE(first->Read());
  // One that has ended makes room for the next.
  for (int i = 0; i < 50; ++i) {
    const Answer next = OpenStream(world, "auditor", "ExportEntries", SampleOf("ExportEntries").text, In(minutes(1))).End();
    ASSERT_TRUE(next.ok()) << next;
  }
  const auto second = open("auditor");
  ASSERT_TRUE(second->Read());
  const Answer third = open("auditor")->End();
  EXPECT_EQ(third.reason, "STREAMS_EXHAUSTED");
  EXPECT_EQ(third.facts.at("max"), "2");
  const auto other = open("settler");
  EXPECT_TRUE(other->Read());
}

// A message of so many bytes, all in a field that no method has.
std::string Padded(int bytes) {
  const int padding = bytes - 6;
  std::string message = "\xfa\x7f";  // field 2047, a text
  for (const int shift : {0, 7, 14, 21}) message += static_cast<char>(((padding >> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
  return message + std::string(static_cast<std::size_t>(padding), 'x');
}

TEST(WholeServer, AMessageThatIsTooLongHasAReason) {
  constexpr int kConfigured = 3 << 20;
  World world({.configure = [](Config& config) { config.mutable_limits()->set_max_message_bytes(kConfigured); }});
  world.AddNameless("nameless");
  const struct {
    const char* method;
    const char* caller;
    int max;
  } kRows[] = {
      {"Redeem", "till", 16 << 10},
      {"GetOutcome", "till", 16 << 10},
      {"GetBalance", "helper-all", 16 << 10},
      {"ExportEntries", "auditor", 16 << 10},
      {"ListRegistrations", "admin", 16 << 10},
      {"GetMetrics", "operator", 16 << 10},
      {"Award", "recorder", 64 << 10},
      {"SetNode", "admin", 64 << 10},
      {"CreateStaff", "admin", 64 << 10},
      {"CreateMembers", "admin", 1 << 20},
      {"AdoptRulebook", "admin", 260 << 10},
      {"AwardBatch", "recorder", kConfigured},
      // Of somebody who will be turned away.
      {"AwardBatch", "till", 64 << 10},
      {"AwardBatch", "nobody", 64 << 10},
      {"AwardBatch", "admin", 64 << 10},
      {"CreateMembers", "member", 64 << 10},
      {"AdoptRulebook", "recorder-all", 64 << 10},
      {"AwardBatch", "nameless", 64 << 10},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(absl::StrCat(row.caller, " calls ", row.method));
    EXPECT_NE(world.CallBytes(row.caller, row.method, Padded(row.max)).reason, "MESSAGE_TOO_LONG");
    for (const int bytes : {row.max + 1, 2 * kConfigured}) {
      Answer answer = world.CallBytes(row.caller, row.method, Padded(bytes));
      EXPECT_EQ(answer.reason, "MESSAGE_TOO_LONG") << answer;
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
      EXPECT_EQ(answer.facts["max"], absl::StrCat(row.max));
      EXPECT_NE(answer.localized, "");
    }
  }
  // gRPC's own refusal, which CheckLength leaves to it.
  EXPECT_EQ(world.CallBytes("recorder", "AwardBatch", Padded(2 * kConfigured + 1)).status.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST(WholeServer, TheLogNamesTheAddressThatIsListenedOn) {
  World world;
  const std::string address = absl::StrCat("\"address\":\"127.0.0.1:", world.port(), "\"");
  EXPECT_NE(world.Log().find(address), std::string::npos) << world.Log().substr(0, 1'000);
  EXPECT_EQ(world.Log().find("127.0.0.1:0\""), std::string::npos);
}

// Each row breaks its rule and all later ones. The rows of the door are tried again on a stream.
TEST(WholeServer, TheFirstBrokenRuleAnswers) {
  bool is_slow = false;
  World world({.configure = [&](Config& config) {
    if (!is_slow) return;
    config.mutable_limits()->set_calls_per_second_max(0.001);
    config.mutable_limits()->set_calls_burst_max(1);
  }});
  world.AddNameless("nameless");
  const auto redeem = [&](const char* id, const char* offer, const char* clerk) {
    return world
        .Parse("Redeem", absl::StrCat(R"(program: "$P" request_id: ")", id, R"(" presentation { member_number: "$HOME_NUMBER" })",
                                      " offer_lines { offer: \"", offer, R"(" quantity: 1 points: 100000 } clerk: ")", clerk, "\""))
        ->SerializeAsString();
  };
  const auto send = [&](const std::string& caller, const std::string& path, const std::string& bytes, milliseconds wait) {
    grpc::ClientContext context;
    context.set_deadline(In(wait));
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, world.Channel(caller));
    const grpc::Slice slice(bytes);
    grpc::ByteBuffer out;
    return AnswerOf(grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
                        world.Channel(caller).get(), rpc, &context, grpc::ByteBuffer(&slice, 1), &out))
        .reason;
  };
  const std::string shape = redeem("$SOLD_ID", "NONE", "!");
  const std::string malformed = shape.substr(0, shape.size() - 1);
  const std::string long_and_malformed = malformed + std::string(17 << 10, '\xff');
  const std::string redeem_path = "/redpoints.v1.RedemptionService/Redeem";
  const std::string stream_path = "/redpoints.v1.JournalService/ExportEntries";
  const struct {
    const char* reason;
    std::string caller;
    std::string bytes;
    milliseconds wait = milliseconds(25'000);
    bool is_door = true;
  } kRows[] = {
      {"DEADLINE_REQUIRED", "nameless", long_and_malformed, minutes(100)},
      {"MESSAGE_TOO_LONG", "nameless", long_and_malformed},
      {"CALLER_UNKNOWN", "nameless", malformed},
      {"RATE_LIMITED", "auditor", malformed},
      {"MESSAGE_MALFORMED", "auditor", malformed},
      {"FIELD_INVALID", "auditor", shape, milliseconds(25'000), false},
      {"PERMISSION_DENIED", "auditor", redeem("$SOLD_ID", "NONE", "c-1"), milliseconds(25'000), false},
      {"REQUEST_ID_REUSED", "till", redeem("$SOLD_ID", "NONE", "c-1"), milliseconds(25'000), false},
      {"OFFER_NOT_FOUND", "till", redeem("$ID", "NONE", "c-1"), milliseconds(25'000), false},
      {"INSUFFICIENT_POINTS", "till", redeem("$ID", "ANY", "c-1"), milliseconds(25'000), false},
  };
  for (const bool is_rate_broken : {false, true}) {
    if (is_rate_broken) {
      is_slow = true;
      world.Restart();
      EXPECT_TRUE(world.Call("auditor", "GetJournal", R"(program: "$P")").ok());
    }
    for (const auto& row : kRows) {
      const bool is_before = std::string_view(row.reason) == "DEADLINE_REQUIRED" || std::string_view(row.reason) == "MESSAGE_TOO_LONG" ||
                             std::string_view(row.reason) == "CALLER_UNKNOWN" || std::string_view(row.reason) == "RATE_LIMITED";
      if (is_before != is_rate_broken) continue;
      EXPECT_EQ(send(row.caller, redeem_path, row.bytes, row.wait), row.reason);
      if (row.is_door) {
        EXPECT_EQ(send(row.caller, stream_path, row.bytes, row.wait), row.reason) << "on a stream";
      }
    }
  }
}

TEST(WholeServer, ARulebookIsJudgedForThoseWhoMayAdoptOne) {
  World world;
  for (const char* more : {"", " validate_only: true"}) {
    const std::string wrong = absl::StrCat(R"(program: "$P" request_id: "$ID" rulebook_json: "{")", more);
    EXPECT_EQ(world.Call("admin", "AdoptRulebook", wrong).reason, "RULEBOOK_INVALID");
    for (const char* caller : {"till", "auditor", "other-admin"}) {
      EXPECT_EQ(world.Call(caller, "AdoptRulebook", wrong).reason, "PERMISSION_DENIED") << caller;
    }
    const std::string shape = absl::StrCat(R"(program: "$P" rulebook_json: "{")", more);
    EXPECT_EQ(world.Call("till", "AdoptRulebook", shape).reason, "FIELD_REQUIRED");
  }
}

// Whoever belongs to it is not told that they may not, and everybody else is served.
TEST(WholeServer, AProgramThatCannotBeReadIsSetAside) {
  World world;
  world.Restart([](const std::string& ledger) {
    SetRawRow(ledger + "/derived", "default", DerivedKey("minyue", kMarkTable, ""), std::nullopt);
    SetRawRow(ledger + "/log", "journal", JournalKey("minyue", 0), std::nullopt);
  });
  for (const auto& [name, method] : Methods()) {
    const Sample& sample = SampleOf(name);
    const std::string text = absl::StrReplaceAll(sample.text, {{"$HOLD", "$P/holds/1"},
                                                               {"$REDEMPTION", "$P/redemptions/1"},
                                                               {"$AWARDED_ID", "$ID"},
                                                               {"$AWARD\"", "$P/awards/1\""},
                                                               {"$DONATION", "$P/entries/1"},
                                                               {"$PROPOSAL", "$P/entries/1"},
                                                               {"$WAIVER", "$P/entries/1"},
                                                               {"$DEBTOR", "$P/members/m0000000000000"},
                                                               {"$FUTURE", "v1"}});
    if (text.find("$P") == std::string::npos && text.find("$HOME") == std::string::npos) continue;  // of the system program
    const Answer answer = world.Call(sample.caller, name, text);
    EXPECT_EQ(answer.reason, "PROGRAM_SET_ASIDE") << sample.caller << " calls " << name << ": " << answer;
  }
  EXPECT_EQ(world.Call("other-admin", "GetJournal", R"(program: "$P")").reason, "PERMISSION_DENIED");
  EXPECT_TRUE(world.Call("operator", "CreateProgram", SampleOf("CreateProgram").text).ok());
}

TEST(WholeServer, AMethodThatIsNotThereHasAReason) {
  World world;
  for (const char* path : {"/redpoints.v1.RedemptionService/Steal", "/redpoints.v2.RedemptionService/Redeem", "/x", "/"}) {
    const Answer answer = world.CallPath("till", path, "\x0A\x01x");
    EXPECT_EQ(answer.reason, "METHOD_UNKNOWN") << path << ": " << answer;
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_NE(answer.localized, "");
  }
  const Answer metrics = world.Call("operator", "GetMetrics", "");
  EXPECT_NE(metrics.As<v1::GetMetricsResponse>().text().find(R"({method="unknown",code="UNIMPLEMENTED",reason="METHOD_UNKNOWN"} 4)"),
            std::string::npos)
      << metrics.As<v1::GetMetricsResponse>().text();
}

}  // namespace
}  // namespace redpoints::server
