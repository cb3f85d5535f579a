#include "server/stream.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/door.h"
#include "server/log.h"
#include "server/message.h"
#include "server/metrics.h"
#include "server/status.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

// One stream. gRPC deletes it by OnDone, which comes after Finish, the producer's last word.
class StreamCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public Sink {
 public:
  StreamCall(grpc::CallbackServerContext* context, Door& door, Principal caller)
      : context_(context), door_(door), caller_(std::move(caller)) {
    door_.Enter();
  }

  const Principal& caller() const override { return caller_; }
  bool IsCancelled() const override { return context_->IsCancelled(); }

  bool Write(const google::protobuf::Message& message) override {
    const std::size_t size = message.ByteSizeLong();
    grpc::Slice slice(size);
    message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
    grpc::ByteBuffer bytes(&slice, 1);
    buffer_.Swap(&bytes);
    is_writing_ = true;
    StartWrite(&buffer_);
    MutexLock lock(mutex_);
    while (is_writing_) changed_.wait(mutex_);
    return is_open_;
  }

  void OnWriteDone(bool is_ok) override {
    const MutexLock lock(mutex_);
    is_writing_ = false;
    is_open_ = is_ok;
    changed_.notify_all();
  }
  void OnDone() override {
    Door& door = door_;
    delete this;
    door.Leave();
  }

 private:
  grpc::CallbackServerContext* const context_;
  Door& door_;
  const Principal caller_;
  grpc::ByteBuffer buffer_;  // lives until OnWriteDone
  Mutex mutex_;
  Condition changed_;
  std::atomic<bool> is_writing_ = false;  // cleared under mutex_
  bool is_open_ ABSL_GUARDED_BY(mutex_) = true;
};

}  // namespace

StreamLimit::~StreamLimit() {
  MutexLock lock(mutex_);
  while (threads_ > 0) changed_.wait(mutex_);
}

absl::Status StreamLimit::TryStart(const std::string& caller, std::function<absl::Status()> stream,
                                   std::function<void(const absl::Status&)> finish) {
  {
    const MutexLock lock(mutex_);
    const auto of_caller = running_of_.find(caller);
    if (of_caller != running_of_.end() && of_caller->second >= caller_max_) {
      return ToStatus(Refusal{Reason::STREAMS_EXHAUSTED, {{"max", absl::StrCat(caller_max_)}}});
    }
    if (running_ >= max_) return ToStatus(Refusal{Reason::OVERLOADED, {}});
    ++running_of_[caller];
    ++running_;
    ++threads_;
  }
  std::thread([this, caller, stream = std::move(stream), finish = std::move(finish)] {
    const absl::Status status = stream();
    {
      const MutexLock lock(mutex_);
      if (--running_of_[caller] == 0) running_of_.erase(caller);
      --running_;
    }
    finish(status);
    const MutexLock lock(mutex_);
    --threads_;
    changed_.notify_all();
  }).detach();
  return absl::OkStatus();
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamMethod::Start(grpc::CallbackServerContext* context, const grpc::ByteBuffer& in,
                                                                google::protobuf::Message& request,
                                                                std::function<absl::Status(Sink&)> producer) const {
  const auto begin = std::chrono::steady_clock::now();
  auto caller = shared_.door->Identify(*context);
  auto* call = new StreamCall(context, *shared_.door, caller.ok() ? *caller : Principal{});
  const auto finish = [call, begin, shared = shared_, name = name_](const absl::Status& status) {
    const Reason reason = ReasonFor(status);
    shared.metrics->ForMethod(name).Count(reason, std::chrono::steady_clock::now() - begin);
    shared.log->Write(
        reason == Reason::INVARIANT_VIOLATION ? LogLevel::kError : LogLevel::kInfo, "stream",
        {{"method", name}, {"caller", call->caller().Name()}, {"reason", status.ok() ? "" : NameOf(reason)}, {"detail", DetailOf(status)}});
    call->Finish(ToGrpcStatus(status));
  };
  absl::Status status = shared_.door->CheckStreamDeadline(*context);
  if (status.ok()) status = CheckLength(in, std::min(kSmallBytesMax, shared_.message_bytes_max));
  if (status.ok()) status = caller.status();
  if (status.ok()) status = shared_.door->Admit(*caller);
  if (status.ok()) {
    // How many streams run is a matter of rate, so the message is read after it. `request` lives as long as the producer.
    const auto run = [call, in, &request, producer = std::move(producer)] {
      const absl::Status read = ParseMessage(in, request);
      return read.ok() ? producer(*call) : read;
    };
    status = limit_.TryStart(caller->Name(), run, finish);
  }
  if (!status.ok()) finish(status);
  return call;
}

}  // namespace redpoints::server
