#include "server/handler.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <future>
#include <thread>

#include "redpoints/v1/account_service.grpc.pb.h"
#include "server/door.h"
#include "server/log.h"
#include "server/metrics.h"
#include "storage/clock.h"
#include "storage/log/rocksdb_log.h"

namespace redpoints::server {
namespace {

// A service whose one method reads beside gRPC's threads, on a pool with a single thread that the test holds.
class ReadBesideTest : public testing::Test, public v1::AccountService::WithRawCallbackMethod_GetBalance<v1::AccountService::Service> {
 protected:
  ReadBesideTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    stub_ = v1::AccountService::NewStub(server_->InProcessChannel({}));
    EXPECT_TRUE(pool_.Post([this] { is_free_.get_future().wait(); }));
  }
  ~ReadBesideTest() override {
    server_->Shutdown();
    shards_.reset();
    std::filesystem::remove_all(directory_);
  }

  grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return method_.Handle<v1::GetBalanceRequest, v1::GetBalanceResponse>(
        context, in, out, [this](const Call& call, const v1::GetBalanceRequest&, Reply<v1::GetBalanceResponse> reply) {
          ReadBeside(context_, std::move(reply), [this](const GoOn& go_on) -> absl::StatusOr<v1::GetBalanceResponse> {
            if (++reads_ == 1) begun_.set_value();
            while (is_long_) {
              if (auto status = go_on(); !status.ok()) return status;
            }
            return v1::GetBalanceResponse();
          });
          queued_.set_value(&call);
        });
  }

  grpc::Status Ask(grpc::ClientContext& context) {
    v1::GetBalanceResponse response;
    return stub_->GetBalance(&context, {}, &response);
  }
  // Lets the pool go on, until it has done what is queued.
  void Free() {
    std::promise<void> done;
    EXPECT_TRUE(pool_.Post([&] { done.set_value(); }));
    is_free_.set_value();
    done.get_future().wait();
  }

  static std::string MakeDirectory() {
    char name[] = "/tmp/redpoints-handler-XXXXXX";
    const std::string directory = ::mkdtemp(name);
    RP_CHECK(RocksDbLog::Create({.directory = directory + "/log"}).ok());
    return directory;
  }
  // An empty ledger: reads ask it whether a program was set aside meanwhile.
  const std::string directory_ = MakeDirectory();
  std::unique_ptr<Shards> shards_ = Shards::Open({{.directory = directory_, .programs = {}}}, Clock::System(), {}).value();
  ReadPool pool_{/*threads=*/1, /*queue_max=*/10};
  std::promise<void> is_free_;
  std::promise<const Call*> queued_;
  std::promise<void> begun_;
  std::atomic<int> reads_ = 0;
  bool is_long_ = false;  // reads until they are given up
  RateLimiter limiter_{{}};
  Door door_{{.plaintext_caller = PrincipalFromName("programs/p/staff/a1").value()}, limiter_};
  Metrics metrics_;
  Logger log_{LogLevel::kError};
  const ServiceContext context_{.shards = shards_.get(),
                                .authorizer = nullptr,
                                .numbers = nullptr,
                                .deeds = nullptr,
                                .side = nullptr,
                                .side_key = "",
                                .reads = &pool_,
                                .tokens = nullptr,
                                .streams = nullptr,
                                .unary = {.door = &door_, .metrics = &metrics_, .log = &log_},
                                .backup_directory = ""};
  UnaryMethod method_{context_.unary, "AccountService/GetBalance"};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AccountService::Stub> stub_;
};

TEST_F(ReadBesideTest, AReadThatSomebodyWaitsForIsDone) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  std::thread caller([&] { EXPECT_TRUE(Ask(context).ok()); });
  queued_.get_future().wait();
  Free();
  caller.join();
  EXPECT_EQ(reads_, 1);
}

TEST_F(ReadBesideTest, AReadWhoseCallerIsGoneIsNotDone) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  std::thread caller([&] { EXPECT_EQ(Ask(context).error_code(), grpc::StatusCode::CANCELLED); });
  const Call* call = queued_.get_future().get();
  context.TryCancel();
  caller.join();
  while (!call->IsCancelled()) std::this_thread::yield();
  Free();
  EXPECT_EQ(reads_, 0);
  EXPECT_EQ(metrics_.ForMethod("AccountService/GetBalance").CountOf(Reason::DEADLINE_PASSED), 1U);
}

TEST_F(ReadBesideTest, AReadWhoseDeadlineHasPassedIsNotDone) {
  grpc::ClientContext context;
  const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(200);
  context.set_deadline(deadline);
  std::thread caller([&] { EXPECT_EQ(Ask(context).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED); });
  const Call* call = queued_.get_future().get();
  caller.join();
  while (call->deadline() > std::chrono::system_clock::now()) std::this_thread::yield();
  Free();
  EXPECT_EQ(reads_, 0);
}

// Or a stop would wait for it, and the pool would be busy for nobody.
TEST_F(ReadBesideTest, ALongReadIsGivenUpWhenItsCallerIsGone) {
  is_long_ = true;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  std::thread caller([&] { EXPECT_EQ(Ask(context).error_code(), grpc::StatusCode::CANCELLED); });
  is_free_.set_value();
  begun_.get_future().wait();
  context.TryCancel();
  caller.join();
  std::promise<void> done;
  EXPECT_TRUE(pool_.Post([&] { done.set_value(); }));
  done.get_future().wait();
  EXPECT_EQ(metrics_.ForMethod("AccountService/GetBalance").CountOf(Reason::DEADLINE_PASSED), 1U);
}

TEST_F(ReadBesideTest, ALongReadIsGivenUpAtItsDeadline) {
  is_long_ = true;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  std::thread caller([&] { EXPECT_EQ(Ask(context).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED); });
  is_free_.set_value();
  caller.join();
  std::promise<void> done;
  EXPECT_TRUE(pool_.Post([&] { done.set_value(); }));
  done.get_future().wait();
  EXPECT_EQ(metrics_.ForMethod("AccountService/GetBalance").CountOf(Reason::DEADLINE_PASSED), 1U);
}

TEST_F(ReadBesideTest, ALongReadIsGivenUpWhenTheServerStops) {
  is_long_ = true;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  std::thread caller([&] { EXPECT_EQ(Ask(context).error_code(), grpc::StatusCode::UNAVAILABLE); });
  is_free_.set_value();
  begun_.get_future().wait();
  door_.Close();
  caller.join();
  EXPECT_EQ(metrics_.ForMethod("AccountService/GetBalance").CountOf(Reason::SHUTTING_DOWN), 1U);
}

}  // namespace
}  // namespace redpoints::server
