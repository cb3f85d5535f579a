// The adapter for server-streaming methods, beside unary.h: raw, so that parsing is ours, and with a thread of its own for each call, which
// may read from disk and waits while the client is slow.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "server/principal.h"
#include "server/unary.h"
#include "storage/mutex.h"

namespace grpc {
template <class Response> class ServerWriteReactor;
}

namespace redpoints::server {

// How many streams run at once, in all and of one caller: one who reads slowly must leave room for the others. Its threads have ended when
// it is destroyed. Thread-safe.
class StreamLimit {
 public:
  // One caller may have a quarter of `max`, at least one.
  explicit StreamLimit(int max) : max_(max), caller_max_(max < 8 ? 1 : max / 4) {}
  ~StreamLimit();

  // Runs `stream` on a thread of its own, then, no longer counted, `finish` with what it came to: whoever hears the end may begin the next
  // one. Else neither runs: STREAMS_EXHAUSTED when the caller has as many as one may, OVERLOADED when all have.
  absl::Status TryStart(const std::string& caller, std::function<absl::Status()> stream, std::function<void(const absl::Status&)> finish);

 private:
  const int max_, caller_max_;
  Mutex mutex_;
  Condition changed_;
  int threads_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> running_of_ ABSL_GUARDED_BY(mutex_);  // by caller, none with 0
};

// What a producer writes to. Used by the producer's thread alone.
class Sink {
 public:
  virtual const Principal& caller() const = 0;
  // Waits until the client has room. False: the client is gone, or its deadline passed; produce no more.
  virtual bool Write(const google::protobuf::Message& message) = 0;
  virtual bool IsCancelled() const = 0;

 protected:
  ~Sink() = default;
};

// One streaming method. Immutable; thread-safe.
class StreamMethod {
 public:
  StreamMethod(const UnaryShared& shared, StreamLimit& limit, std::string_view name) : shared_(shared), limit_(limit), name_(name) {}

  // `producer` runs on a thread of its own and returns how the stream ends.
  template <class Request>
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Handle(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                                     std::function<absl::Status(const Request&, Sink&)> producer) const {
    auto request = std::make_shared<Request>();
    auto& message = *request;
    return Start(context, *in, message,
                 [request = std::move(request), producer = std::move(producer)](Sink& sink) { return producer(*request, sink); });
  }

 private:
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(grpc::CallbackServerContext* context, const grpc::ByteBuffer& in,
                                                    google::protobuf::Message& request, std::function<absl::Status(Sink&)> producer) const;

  const UnaryShared shared_;
  StreamLimit& limit_;
  const std::string name_;
};

}  // namespace redpoints::server
