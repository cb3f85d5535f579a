#include "server/unary.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_cat.h"
#include "proto/contract/request_id.h"
#include "server/door.h"
#include "server/log.h"
#include "server/message.h"
#include "server/metrics.h"
#include "server/name_fields.h"
#include "server/status.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

// A request of a till fits; what is longer spills over to the heap.
constexpr std::size_t kArenaBytes = 1024;
// A client that would wait longer than this shall not try by itself.
constexpr std::int64_t kPushbackMaxMs = 5'000;

}  // namespace

namespace internal {

// One call: gRPC's reactor, the handler's view and the memory of both messages in one allocation. Deleted by gRPC's last word,
// OnDone.
class UnaryCall final : public grpc::ServerUnaryReactor, public Call {
 public:
  UnaryCall(const UnaryMethod& method, grpc::CallbackServerContext* context, grpc::ByteBuffer* out)
      : method_(method), context_(context), out_(out), begin_(std::chrono::steady_clock::now()), arena_(Options()) {
    method_.shared().door->Enter();
  }

  void OnDone() override {
    Door& door = *method_.shared().door;
    delete this;
    door.Leave();
  }
  // Not documented for others than the library: lets OnDone run where it is, not on another thread. It frees memory and counts.
  bool InternalInlineable() override { return true; }

  const Principal& caller() const override { return caller_; }
  std::chrono::system_clock::time_point deadline() const override { return context_->deadline(); }
  bool IsCancelled() const override { return context_->IsCancelled(); }

  google::protobuf::Arena* arena() { return &arena_; }

  bool Open(const grpc::ByteBuffer& in, google::protobuf::Message& request, RequestIdOf request_id) {
    request_ = &request;
    request_id_ = request_id;
    Door& door = *method_.shared().door;
    // Known as early as possible, for the log and the length; refused in the precedence of reason.proto.
    auto caller = door.Identify(*context_);
    if (caller.ok()) caller_ = *std::move(caller);
    absl::Status status = door.CheckDeadline(*context_);
    if (status.ok()) status = CheckLength(in, method_.BytesMaxOf(caller_, in.Length()));
    if (status.ok()) status = caller.status();
    if (status.ok()) status = door.Admit(caller_);
    if (status.ok()) status = ParseMessage(in, request);
    if (status.ok()) return true;
    Refuse(status, nullptr);
    return false;
  }

  void Ok(const google::protobuf::Message& response) {
    const std::size_t size = response.ByteSizeLong();
    grpc::Slice slice(size);
    response.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
    grpc::ByteBuffer bytes(&slice, 1);
    out_->Swap(&bytes);
    Note(Reason::REASON_UNSPECIFIED, absl::OkStatus());
    Finish(grpc::Status::OK);
  }

  void Refuse(const absl::Status& status, const v1::Outcome* outcome) {
    if (status.ok()) return Refuse(absl::InternalError("refused without a reason"), outcome);
    const Reason reason = ReasonFor(status);
    Note(reason, status);
    if (InfoOf(reason).code == grpc::StatusCode::UNAVAILABLE) PushBack(status);
    Finish(ToGrpcStatus(status, outcome));
  }

 private:
  google::protobuf::ArenaOptions Options() {
    google::protobuf::ArenaOptions options;
    options.initial_block = block_.data();
    options.initial_block_size = block_.size();
    return options;
  }

  void PushBack(const absl::Status& status) {
    const auto refusal = RefusalFrom(status);
    const auto delay_ms = refusal ? RetryDelayMs(*refusal) : std::nullopt;
    if (delay_ms) context_->AddTrailingMetadata("grpc-retry-pushback-ms", *delay_ms > kPushbackMaxMs ? "-1" : absl::StrCat(*delay_ms));
  }

  // Counts and logs, before the answer leaves: a client that has it must find it counted.
  void Note(Reason reason, const absl::Status& status) const {
    const auto now = std::chrono::steady_clock::now();
    const auto latency = now - begin_;
    method_.metrics().Count(reason, latency);
    LogLevel level = latency >= method_.shared().slow || !status.ok() ? LogLevel::kInfo : LogLevel::kDebug;
    if (reason == Reason::INVARIANT_VIOLATION) level = LogLevel::kError;
    // A line for each would make an overload worse.
    if ((reason == Reason::RATE_LIMITED || reason == Reason::OVERLOADED) && !method_.IsFirstIn(now)) level = LogLevel::kDebug;
    if (!method_.shared().log->IsOn(level)) return;
    WriteLog(level, reason, status, std::chrono::duration_cast<std::chrono::microseconds>(latency).count());
  }

  void WriteLog(LogLevel level, Reason reason, const absl::Status& status, std::int64_t latency_us) const {
    std::string field;
    if (const auto refusal = RefusalFrom(status)) {
      for (const auto& [key, value] : refusal->facts) {
        if (key == "field") field = value;
      }
    }
    // What stands in the field may be anything; only a UUID is known to be no secret.
    const auto request_id = ParseUuid("request_id", request_id_(*request_));
    const auto code = static_cast<absl::StatusCode>(InfoOf(reason).code);
    method_.shared().log->Write(level, "call",
                                {{"method", method_.name()},
                                 {"caller", caller_.Name()},
                                 {"request_id", request_id.ok() ? FormatUuid(*request_id) : ""},
                                 {"code", absl::StatusCodeToString(code)},
                                 {"reason", status.ok() ? "" : NameOf(reason)},
                                 {"field", field},
                                 {"detail", DetailOf(status)},
                                 {"latency_us", latency_us}});
  }

  const UnaryMethod& method_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const out_;
  const std::chrono::steady_clock::time_point begin_;
  const google::protobuf::Message* request_ = nullptr;
  RequestIdOf request_id_ = nullptr;
  Principal caller_;
  alignas(8) std::array<char, kArenaBytes> block_;  // before arena_, which uses it
  google::protobuf::Arena arena_;
};

UnaryCall* Begin(const UnaryMethod& method, grpc::CallbackServerContext* context, grpc::ByteBuffer* out) {
  return new UnaryCall(method, context, out);
}

google::protobuf::Arena* ArenaOf(UnaryCall* call) { return call->arena(); }

const Call& ViewOf(UnaryCall* call) { return *call; }

grpc::ServerUnaryReactor* ReactorOf(UnaryCall* call) { return call; }

bool Open(UnaryCall* call, const grpc::ByteBuffer& in, google::protobuf::Message& request, RequestIdOf request_id) {
  return call->Open(in, request, request_id);
}

void FinishOk(UnaryCall* call, const google::protobuf::Message& response) { call->Ok(response); }

void FinishRefused(UnaryCall* call, const absl::Status& status, const v1::Outcome* outcome) { call->Refuse(status, outcome); }

void FinishForgotten(UnaryCall* call) { call->Refuse(absl::InternalError("the handler never answered"), nullptr); }

void DieOfSecondReply() {
  std::fputs("a call was answered twice\n", stderr);
  std::abort();
}

}  // namespace internal

UnaryMethod::UnaryMethod(const UnaryShared& shared, std::string_view name, MessageBound bound)
    : shared_(shared), name_(name), bound_(std::move(bound)), metrics_(shared.metrics->ForMethod(name)) {}

std::size_t UnaryMethod::BytesMaxOf(const Principal& caller, std::size_t bytes) const {
  const std::size_t max = std::min(bound_.bytes_max, shared_.message_bytes_max);
  if (bytes <= MessageBound::kBytesMax || max <= MessageBound::kBytesMax) return max;
  return bound_.may_send_more && bound_.may_send_more(caller) ? max : MessageBound::kBytesMax;
}

bool UnaryMethod::IsFirstIn(std::chrono::steady_clock::time_point now) const {
  const std::int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  return last_second_.exchange(second, std::memory_order_relaxed) != second;
}

}  // namespace redpoints::server
