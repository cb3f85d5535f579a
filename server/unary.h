// The adapter between gRPC's raw callback methods and handlers. Raw, because parsing has to be ours: gRPC answers a message that
// does not parse with an INTERNAL that has no reason.
//
//   class Accounts : public v1::AccountService::WithRawCallbackMethod_GetBalance<v1::AccountService::Service> {
//     grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out)
//     override {
//       return get_balance_.Handle<v1::GetBalanceRequest, v1::GetBalanceResponse>(
//           context, in, out, [this](const Call& call, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
//           … });
//     }
//     UnaryMethod get_balance_;   // UnaryMethod(shared, "AccountService/GetBalance")
//   };
//
// A call goes through: deadline, length (MESSAGE_TOO_LONG), the door (caller, rate), parsing (MESSAGE_MALFORMED with the field), the
// handler. The handler runs on gRPC's own thread and must not block it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/message.h"
#include "server/principal.h"

namespace grpc {
class ByteBuffer;
class CallbackServerContext;
class ServerUnaryReactor;
}  // namespace grpc
namespace redpoints::v1 {
class Outcome;
}

namespace redpoints::server {

class Door;
class Logger;
class MethodMetrics;
class Metrics;
class UnaryMethod;

// What all methods share; nothing is owned, all must outlive the server.
struct UnaryShared {
  Door* door;
  Metrics* metrics;
  const Logger* log;
  // Calls that take as long are logged at info, as failed ones are; others at debug. Of those that are turned away for being too
  // many, one a second and method is.
  std::chrono::microseconds slow{100'000};
  // Longer messages are refused with MESSAGE_TOO_LONG, whatever their method takes.
  std::size_t message_bytes_max = 4 << 20;
};

// How long a method's messages may be. Looked at before they are parsed, which takes many times their length of memory.
struct MessageBound {
  // What most methods need at most: lists of some dozens of names.
  static constexpr std::size_t kBytesMax = 64 << 10;

  std::size_t bytes_max = kBytesMax;
  // Who may send more than kBytesMax; nobody when empty. So much is not parsed for somebody who will be turned away.
  std::function<bool(const Principal& caller)> may_send_more = {};
};
// Of a till's requests, and of those that only read.
inline constexpr std::size_t kSmallBytesMax = 16 << 10;

// What a handler knows of its call. Lives until the reply is given.
class Call {
 public:
  virtual const Principal& caller() const = 0;
  virtual std::chrono::system_clock::time_point deadline() const = 0;
  // Whether the client is gone. Ask before writing, never after.
  virtual bool IsCancelled() const = 0;

 protected:
  ~Call() = default;
};

namespace internal {

class UnaryCall;

using RequestIdOf = std::string_view (*)(const google::protobuf::Message& request);

UnaryCall* Begin(const UnaryMethod& method, grpc::CallbackServerContext* context, grpc::ByteBuffer* out);
google::protobuf::Arena* ArenaOf(UnaryCall* call);
const Call& ViewOf(UnaryCall* call);
grpc::ServerUnaryReactor* ReactorOf(UnaryCall* call);
// False: the call has been refused. `request` lives on the call's arena.
bool Open(UnaryCall* call, const grpc::ByteBuffer& in, google::protobuf::Message& request, RequestIdOf request_id);
// Each ends the call: `call` may be gone when they return.
void FinishOk(UnaryCall* call, const google::protobuf::Message& response);
void FinishRefused(UnaryCall* call, const absl::Status& status, const v1::Outcome* outcome);
void FinishForgotten(UnaryCall* call);
[[noreturn]] void DieOfSecondReply();

}  // namespace internal

// The right to answer one call, from any thread, exactly once. To answer twice is a bug and aborts; to destroy it unanswered is a
// bug, too, and answers INVARIANT_VIOLATION, so that no till hangs.
template <typename Response> class Reply {
 public:
  // A reply on its way through something that copies what it carries, such as std::function. Exactly one copy must become a Reply
  // again.
  struct Ticket {
    internal::UnaryCall* call;
  };

  explicit Reply(internal::UnaryCall* call) : call_(call) {}
  explicit Reply(Ticket ticket) : call_(ticket.call) {}
  Reply(Reply&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  Reply& operator=(Reply&& other) noexcept {
    if (call_ != nullptr && call_ != other.call_) internal::FinishForgotten(call_);
    call_ = std::exchange(other.call_, nullptr);
    return *this;
  }
  ~Reply() {
    if (call_ != nullptr) internal::FinishForgotten(call_);
  }

  // `response` is encoded before this returns. The handler's Call and request are gone afterwards.
  void Ok(const Response& response) { internal::FinishOk(Take(), response); }
  // `status` is not OK; `outcome`, if any, is the recorded refusal.
  void Refuse(const absl::Status& status, const v1::Outcome* outcome = nullptr) { internal::FinishRefused(Take(), status, outcome); }
  void operator()(const absl::StatusOr<Response>& result) {
    if (result.ok()) {
      Ok(*result);
    } else {
      Refuse(result.status());
    }
  }

  Ticket Release() { return {Take()}; }

  // What is to be answered. Gone once it is.
  const Call& call() const { return internal::ViewOf(call_); }

 private:
  internal::UnaryCall* Take() {
    if (call_ == nullptr) internal::DieOfSecondReply();
    return std::exchange(call_, nullptr);
  }

  internal::UnaryCall* call_;
};

// One method. Thread-safe.
class UnaryMethod {
 public:
  // `name` is "Service/Method".
  UnaryMethod(const UnaryShared& shared, std::string_view name, MessageBound bound = {});

  // `handler` is called at most once, before this returns: void(const Call&, const Request&, Reply<Response>). `Request` lives as
  // `Call`.
  template <typename Request, typename Response, typename Handler>
  grpc::ServerUnaryReactor* Handle(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                   Handler&& handler) const {
    internal::UnaryCall* call = internal::Begin(*this, context, out);
    auto* request = google::protobuf::Arena::CreateMessage<Request>(internal::ArenaOf(call));
    // Taken before the handler: gRPC keeps the reactor alive until it has been returned, whatever the handler does.
    grpc::ServerUnaryReactor* reactor = internal::ReactorOf(call);
    if (internal::Open(call, *in, *request, &RequestId<Request>)) {
      handler(internal::ViewOf(call), std::as_const(*request), Reply<Response>(call));
    }
    return reactor;
  }

  const UnaryShared& shared() const { return shared_; }
  const std::string& name() const { return name_; }
  MethodMetrics& metrics() const { return metrics_; }
  // How long a message of this caller's may be, who sends one of `bytes`.
  std::size_t BytesMaxOf(const Principal& caller, std::size_t bytes) const;
  // True once in each second of `now`.
  bool IsFirstIn(std::chrono::steady_clock::time_point now) const;

 private:
  template <typename Request> static std::string_view RequestId(const google::protobuf::Message& message) {
    if constexpr (requires(const Request& r) { r.request_id(); }) {
      return static_cast<const Request&>(message).request_id();
    } else {
      return {};
    }
  }

  const UnaryShared shared_;
  const std::string name_;
  const MessageBound bound_;
  MethodMetrics& metrics_;
  mutable std::atomic<std::int64_t> last_second_{-1};
};

}  // namespace redpoints::server
