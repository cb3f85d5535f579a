#include "server/unary.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "google/protobuf/stubs/logging.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "redpoints/v1/account_service.grpc.pb.h"
#include "server/door.h"
#include "server/log.h"
#include "server/metrics.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

using Handler = std::function<void(const Call&, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse>)>;

// A whole service of one method, as handlers are written.
class Accounts final : public v1::AccountService::WithRawCallbackMethod_GetBalance<v1::AccountService::Service> {
 public:
  Accounts(const UnaryShared& shared, Handler handler)
      : handler_(std::move(handler)),
        get_balance_(shared, "AccountService/GetBalance", {4 << 20, [](const Principal& caller) { return caller.id == "a1"; }}) {}

  grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_balance_.Handle<v1::GetBalanceRequest, v1::GetBalanceResponse>(
        context, in, out, [this](const Call& call, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
          handler_(call, request, std::move(reply));
        });
  }

 private:
  const Handler handler_;
  const UnaryMethod get_balance_;
};

// Answers with the member that was asked for.
void Echo(const Call&, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
  v1::GetBalanceResponse response;
  response.set_member(request.member());
  reply.Ok(response);
}

template <typename Detail> std::optional<Detail> DetailOf(const grpc::Status& status) {
  google::rpc::Status envelope;
  if (!envelope.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : envelope.details()) {
    Detail detail;
    if (any.Is<Detail>() && any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

std::string ReasonOf(const grpc::Status& status) {
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  return info ? info->reason() : status.ok() ? "OK" : "without ErrorInfo: " + status.error_message();
}

class Unary : public testing::Test {
 protected:
  ~Unary() override {
    if (server_) server_->Shutdown();
    close(log_file_);
  }

  void Serve(Handler handler, RateLimiter::Options limits = {}, bool is_caller_known = true) {
    limiter_.emplace(limits);
    Door::Options options;
    if (is_caller_known) options.plaintext_caller = PrincipalFromName("programs/p/staff/a1").value();
    door_.emplace(options, *limiter_);
    accounts_.emplace(UnaryShared{.door = &*door_, .metrics = &metrics_, .log = &logger_, .slow = std::chrono::hours(1)}, handler);
    grpc::ServerBuilder builder;
    builder.RegisterService(&*accounts_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
    stub_ = v1::AccountService::NewStub(channel_);
  }

  grpc::Status Get(const std::string& member, v1::GetBalanceResponse* response = nullptr) {
    grpc::ClientContext context;
    SetDeadline(context, std::chrono::seconds(20));
    return Get(context, member, response);
  }

  grpc::Status Get(grpc::ClientContext& context, const std::string& member, v1::GetBalanceResponse* response = nullptr) {
    v1::GetBalanceRequest request;
    request.set_member(member);
    v1::GetBalanceResponse ignored;
    return stub_->GetBalance(&context, request, response ? response : &ignored);
  }

  // Bytes that no stub would send.
  grpc::Status Send(std::vector<std::string> pieces) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    SetDeadline(context, std::chrono::seconds(20));
    std::vector<grpc::Slice> slices(pieces.begin(), pieces.end());
    const grpc::ByteBuffer request(slices.data(), slices.size());
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, "/redpoints.v1.AccountService/GetBalance", {}, &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  static void SetDeadline(grpc::ClientContext& context, std::chrono::milliseconds after) {
    context.set_deadline(std::chrono::system_clock::now() + after);
  }

  std::string Log() const {
    std::string text(static_cast<std::size_t>(lseek(log_file_, 0, SEEK_CUR)), '\0');
    EXPECT_EQ(pread(log_file_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  std::uint64_t Counted(Reason reason) { return metrics_.ForMethod("AccountService/GetBalance").CountOf(reason); }

  const int log_file_ = memfd_create("log", 0);
  Logger logger_{LogLevel::kInfo, log_file_};
  Metrics metrics_;
  std::optional<RateLimiter> limiter_;
  std::optional<Door> door_;
  std::optional<Accounts> accounts_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AccountService::Stub> stub_;
};

// Whoever looks for the damage needs the file, the place in it and what stands there; nobody needs a 会员号.
TEST_F(Unary, TheLineOfACallSaysWhereDamageIs) {
  Serve([](const Call&, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse> reply) {
    reply.Refuse(absl::DataLossError("/ledger/log/000014.sst: offset 1234567, stored = 3735928559; number 10000001 is missing"));
  });
  EXPECT_FALSE(Get("m").ok());
  EXPECT_NE(Log().find("/ledger/log/000014.sst: offset 1234567, stored = 3735928559; number # is missing"), std::string::npos) << Log();
}

TEST_F(Unary, AnswerComesBackAndIsCounted) {
  Serve([](const Call& call, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
    EXPECT_EQ(call.caller().Name(), "programs/p/staff/a1");
    EXPECT_GT(call.deadline(), std::chrono::system_clock::now());
    EXPECT_FALSE(call.IsCancelled());
    Echo(call, request, std::move(reply));
  });
  v1::GetBalanceResponse response;
  EXPECT_EQ(ReasonOf(Get("programs/p/members/m1", &response)), "OK");
  EXPECT_EQ(response.member(), "programs/p/members/m1");
  EXPECT_EQ(Counted(Reason::REASON_UNSPECIFIED), 1U);
}

TEST_F(Unary, EmptyAndLargeMessagesPass) {
  Serve(Echo);
  EXPECT_EQ(ReasonOf(Send({""})), "OK");
  EXPECT_EQ(ReasonOf(Send({})), "OK");
  const std::string large(1'000'000, 'm');
  v1::GetBalanceResponse response;
  EXPECT_EQ(ReasonOf(Get(large, &response)), "OK");
  EXPECT_EQ(response.member(), large);
}

// Nobody's work is parsed at length for those who may not send it.
TEST_F(Unary, LongMessagesAreOnlyReadFromThoseWhoMaySendThem) {
  const std::string longest(MessageBound::kBytesMax - 4, 'm');  // with the field's tag and length
  for (const bool is_caller_known : {true, false}) {
    Serve(Echo, {}, is_caller_known);
    EXPECT_EQ(ReasonOf(Get(longest)), is_caller_known ? "OK" : "CALLER_UNKNOWN");
    const grpc::Status status = Get(longest + "m");
    EXPECT_EQ(ReasonOf(status), is_caller_known ? "OK" : "MESSAGE_TOO_LONG");
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status)->metadata().at("max"), "65536");
    }
    server_->Shutdown();
  }
}

TEST_F(Unary, MessageInSeveralPiecesIsOneMessage) {
  Serve(Echo);
  EXPECT_EQ(ReasonOf(Send({"\x0A",
                           "\x03"
                           "ab",
                           "c"})),
            "OK");
  EXPECT_EQ(ReasonOf(Send({"\x0A",
                           "\x03"
                           "a\xFF",
                           "c"})),
            "MESSAGE_MALFORMED");
}

TEST_F(Unary, MessageThatDoesNotParseIsRefusedWithItsField) {
  const google::protobuf::LogSilencer silencer;
  Serve([](const Call&, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse>) { FAIL() << "handler ran"; });
  const grpc::Status text = Send({"\x0A\x02\xC3\x28"});
  EXPECT_EQ(ReasonOf(text), "MESSAGE_MALFORMED");
  EXPECT_EQ(text.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto violation = DetailOf<google::rpc::BadRequest>(text);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->field_violations(0).field(), "member");

  const grpc::Status cut = Send({"\x0A\x05 ab"});
  EXPECT_EQ(ReasonOf(cut), "MESSAGE_MALFORMED");
  EXPECT_FALSE(DetailOf<google::rpc::BadRequest>(cut).has_value());
  EXPECT_EQ(Counted(Reason::MESSAGE_MALFORMED), 2U);
}

TEST_F(Unary, DeadlineIsRequiredAndBounded) {
  Serve(Echo);
  grpc::ClientContext without;
  const grpc::Status status = Get(without, "m");
  EXPECT_EQ(ReasonOf(status), "DEADLINE_REQUIRED");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status)->metadata().at("max"), "30000");
  grpc::ClientContext far;
  SetDeadline(far, std::chrono::seconds(60));
  EXPECT_EQ(ReasonOf(Get(far, "m")), "DEADLINE_REQUIRED");
  grpc::ClientContext longest;
  SetDeadline(longest, std::chrono::seconds(30));
  EXPECT_EQ(ReasonOf(Get(longest, "m")), "OK");
}

TEST_F(Unary, CallerWithoutCertificateIsUnknown) {
  Serve(Echo, {}, /*is_caller_known=*/false);
  const grpc::Status status = Get("m");
  EXPECT_EQ(ReasonOf(status), "CALLER_UNKNOWN");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(Unary, NothingIsReadFromACallerWhoIsUnknownOrTooFast) {
  Serve(Echo, {}, /*is_caller_known=*/false);
  EXPECT_EQ(ReasonOf(Send({"\x0A\x02\xC3\x28"})), "CALLER_UNKNOWN");
  server_->Shutdown();
  Serve(Echo, {.calls_per_second_max = 0.001, .burst_max = 1, .callers_max = 10});
  EXPECT_EQ(ReasonOf(Get("m")), "OK");
  EXPECT_EQ(ReasonOf(Send({"\x0A\x02\xC3\x28"})), "RATE_LIMITED");
}

TEST_F(Unary, CallerWhoSendsTooFastIsToldWhenToComeBack) {
  Serve(Echo, {.calls_per_second_max = 0.001, .burst_max = 2, .callers_max = 10});
  EXPECT_EQ(ReasonOf(Get("m")), "OK");
  EXPECT_EQ(ReasonOf(Get("m")), "OK");
  const grpc::Status status = Get("m");
  EXPECT_EQ(ReasonOf(status), "RATE_LIMITED");
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(status)->retry_delay().seconds(), 900);
  EXPECT_TRUE(DetailOf<google::rpc::QuotaFailure>(status).has_value());
}

TEST_F(Unary, ClosedDoorAnswersThatTheServerStops) {
  Serve(Echo);
  door_->Close();
  grpc::ClientContext context;
  SetDeadline(context, std::chrono::seconds(20));
  const grpc::Status status = Get(context, "m");
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  const auto pushback = context.GetServerTrailingMetadata().find("grpc-retry-pushback-ms");
  ASSERT_NE(pushback, context.GetServerTrailingMetadata().end());
  EXPECT_EQ(pushback->second, "2000");
}

TEST_F(Unary, RefusalTravelsWithItsOutcome) {
  Serve([](const Call&, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse> reply) {
    v1::Outcome outcome;
    outcome.set_sequence(7);
    reply.Refuse(ToStatus({.reason = Reason::INSUFFICIENT_POINTS, .facts = {{"short_by", "30"}}}), &outcome);
  });
  const grpc::Status status = Get("m");
  EXPECT_EQ(ReasonOf(status), "INSUFFICIENT_POINTS");
  EXPECT_EQ(DetailOf<v1::Outcome>(status)->sequence(), 7);
  EXPECT_EQ(Counted(Reason::INSUFFICIENT_POINTS), 1U);
}

TEST_F(Unary, StatusOrGoesEitherWay) {
  Serve([](const Call&, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
    if (request.member().empty()) {
      reply(FieldRequired("member"));
    } else {
      reply(v1::GetBalanceResponse());
    }
  });
  EXPECT_EQ(ReasonOf(Get("")), "FIELD_REQUIRED");
  EXPECT_EQ(ReasonOf(Get("m")), "OK");
}

TEST_F(Unary, RefusingWithAnOkStatusIsAnError) {
  Serve([](const Call&, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse> reply) { reply.Refuse(absl::OkStatus()); });
  EXPECT_EQ(ReasonOf(Get("m")), "INVARIANT_VIOLATION");
}

TEST_F(Unary, ReplyMayComeLaterFromAnotherThreadThroughACopyingCallback) {
  std::mutex mutex;
  std::vector<std::function<void()>> later;
  std::promise<void> all;
  constexpr std::size_t kCalls = 64;
  Serve([&](const Call&, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
    const std::lock_guard lock(mutex);
    later.push_back([&request, ticket = reply.Release()] {
      v1::GetBalanceResponse response;
      response.set_member(request.member());
      Reply<v1::GetBalanceResponse>(ticket).Ok(response);
    });
    if (later.size() == kCalls) all.set_value();
  });
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  for (std::size_t i = 0; i < kCalls; ++i) {
    callers.emplace_back([&, i] {
      v1::GetBalanceResponse response;
      const std::string member = "member " + std::to_string(i);
      if (Get(member, &response).ok() && response.member() == member) ++right;
    });
  }
  all.get_future().wait();
  std::thread answers([&] {
    for (const auto& answer : later) answer();
  });
  answers.join();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, static_cast<int>(kCalls));
}

TEST_F(Unary, ManyCallsAnsweredFromAnotherThreadAllGetTheirOwn) {
  std::mutex mutex;
  std::vector<std::thread> threads;
  Serve(
      [&](const Call&, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
        const std::lock_guard lock(mutex);
        threads.emplace_back([&request, r = std::move(reply)]() mutable {
          v1::GetBalanceResponse response;
          response.set_member(request.member());
          r.Ok(response);
        });
      },
      {.calls_per_second_max = 1e9, .burst_max = 1'000'000, .callers_max = 10});
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < 250; ++i) {
        v1::GetBalanceResponse response;
        const std::string member = std::to_string(t) + "/" + std::to_string(i);
        if (Get(member, &response).ok() && response.member() == member) ++right;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 1000);
  EXPECT_EQ(Counted(Reason::REASON_UNSPECIFIED), 1000U);
}

TEST_F(Unary, ForgottenReplyIsAnsweredForTheHandler) {
  Serve([](const Call&, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse>) {});
  const grpc::Status status = Get("m");
  EXPECT_EQ(ReasonOf(status), "INVARIANT_VIOLATION");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_NE(Log().find("the handler never answered"), std::string::npos);
  EXPECT_EQ(status.error_message().find("handler"), std::string::npos);
}

TEST(UnaryDeathTest, SecondReplyAborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(Reply<v1::GetBalanceResponse>(nullptr).Ok({}), "answered twice");
}

TEST_F(Unary, ReplyToAClientThatIsGoneIsHarmless) {
  std::promise<void> entered;
  std::promise<Reply<v1::GetBalanceResponse>::Ticket> held;
  std::promise<const Call*> call_promise;
  Serve([&](const Call& call, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse> reply) {
    call_promise.set_value(&call);
    held.set_value(reply.Release());
    entered.set_value();
  });
  grpc::ClientContext context;
  SetDeadline(context, std::chrono::seconds(20));
  std::thread caller([&] { EXPECT_EQ(Get(context, "m").error_code(), grpc::StatusCode::CANCELLED); });
  entered.get_future().wait();
  context.TryCancel();
  caller.join();
  const Call* call = call_promise.get_future().get();
  while (!call->IsCancelled()) std::this_thread::yield();
  Reply<v1::GetBalanceResponse>(held.get_future().get()).Ok({});
  EXPECT_EQ(Counted(Reason::REASON_UNSPECIFIED), 1U);
}

TEST_F(Unary, FailedCallIsLoggedWithoutWhatTheMemberShowed) {
  Serve([](const Call&, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
    if (request.member() == "members/12345678") return reply.Refuse(FieldInvalid("member", "12345678"));
    reply.Refuse(absl::InternalError("number 87654321 in /var/lib/redpoints/000014.sst"));
  });
  Get("members/12345678");
  const std::string refused = Log();
  EXPECT_NE(refused.find("\"level\":\"info\",\"event\":\"call\",\"method\":\"AccountService/GetBalance\",\"caller\":"
                         "\"programs/p/staff/a1\",\"code\":\"INVALID_ARGUMENT\",\"reason\":\"FIELD_INVALID\",\"field\":\"member\""),
            std::string::npos)
      << refused;
  Get("x");
  const std::string log = Log();
  EXPECT_NE(log.find("\"level\":\"error\""), std::string::npos) << log;
  EXPECT_NE(log.find("/var/lib/redpoints/000014.sst"), std::string::npos) << log;
  EXPECT_EQ(log.find("12345678"), std::string::npos) << log;
  EXPECT_EQ(log.find("87654321"), std::string::npos) << log;
}

TEST_F(Unary, CallsTurnedAwayForBeingTooManyDoNotFloodTheLog) {
  Serve(Echo, {.calls_per_second_max = 0.001, .burst_max = 1, .callers_max = 10});
  Get("m");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ReasonOf(Get("m")), "RATE_LIMITED");
  const std::string log = Log();
  const auto lines = std::count(log.begin(), log.end(), '\n');
  EXPECT_GE(lines, 1);
  // One a second: as many as there were calls only if each had taken a second.
  EXPECT_LT(lines, 100);
  EXPECT_EQ(Counted(Reason::RATE_LIMITED), 100U);
}

TEST_F(Unary, OkIsLoggedAtDebugOnly) {
  Serve(Echo);
  Get("m");
  EXPECT_EQ(Log(), "");
  logger_.SetLevel(LogLevel::kDebug);
  Get("m");
  EXPECT_NE(Log().find("\"code\":\"OK\""), std::string::npos) << Log();
}

}  // namespace
}  // namespace redpoints::server
