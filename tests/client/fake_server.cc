#include "tests/client/fake_server.h"

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/byte_buffer.h"

namespace redpoints {
namespace {

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// Reads one request, sends the reply, ends.
class Reactor : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(std::string method, std::function<FakeReply(FakeCall)> answer) : method_(std::move(method)), answer_(std::move(answer)) {
    StartRead(&buffer_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    reply_ = answer_({.method = method_, .bytes = ToString(buffer_)});
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return End(grpc::Status::CANCELLED);
    Next();
  }
  void OnCancel() override {
    is_cancelled_ = true;
    if (is_silent_) End(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (sent_ < reply_.messages.size()) {
      buffer_ = ToBuffer(reply_.messages[sent_++]);
      StartWrite(&buffer_);
    } else if (reply_.is_silent) {
      // OnCancel runs beside this: whoever comes second ends the call.
      is_silent_ = true;
      if (is_cancelled_) End(grpc::Status::CANCELLED);
    } else {
      End({static_cast<grpc::StatusCode>(reply_.code), reply_.message, reply_.details});
    }
  }
  void End(const grpc::Status& status) {
    std::call_once(ended_, [&] { Finish(status); });
  }

  const std::string method_;
  const std::function<FakeReply(FakeCall)> answer_;
  grpc::ByteBuffer buffer_;
  FakeReply reply_;
  std::size_t sent_ = 0;
  std::atomic<bool> is_silent_ = false;
  std::atomic<bool> is_cancelled_ = false;
  std::once_flag ended_;
};

std::shared_ptr<grpc::ServerCredentials> MakeCredentials(const std::optional<FakeTls>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls->ca_pem;
  options.pem_key_cert_pairs.push_back({.private_key = tls->key_pem, .cert_chain = tls->certificate_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace

FakeReply Send(const google::protobuf::Message& message) {
  FakeReply reply;
  reply.messages.push_back(message.SerializeAsString());
  return reply;
}

FakeReply Fail(int code) {
  FakeReply reply;
  reply.code = code;
  reply.message = "scripted";
  return reply;
}

FakeReply Refuse(const Refusal& refusal, const RefuseOptions& options) {
  FakeReply reply = Fail(InfoOf(refusal.reason).code);
  google::rpc::Status status;
  status.set_code(reply.code);
  google::rpc::ErrorInfo error;
  error.set_reason(NameOf(refusal.reason));
  error.set_domain("redpoints.v1");
  for (const auto& [key, value] : refusal.facts) (*error.mutable_metadata())[key] = value;
  status.add_details()->PackFrom(error);
  google::rpc::LocalizedMessage localized;
  localized.set_locale("zh-CN");
  localized.set_message(std::string(InfoOf(refusal.reason).zh_cn));
  status.add_details()->PackFrom(localized);
  if (options.outcome) status.add_details()->PackFrom(*options.outcome);
  if (options.retry_delay_ms) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(*options.retry_delay_ms / 1'000);
    retry.mutable_retry_delay()->set_nanos(*options.retry_delay_ms % 1'000 * 1'000'000);
    status.add_details()->PackFrom(retry);
  }
  reply.details = status.SerializeAsString();
  return reply;
}

FakeReply Silence() {
  FakeReply reply;
  reply.is_silent = true;
  return reply;
}

struct FakeServer::Impl : grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    std::string method = context->method();
    method.erase(0, method.rfind('/') + 1);
    return new Reactor(std::move(method), [this](const FakeCall& call) { return Answer(call); });
  }

  FakeReply Answer(const FakeCall& call) {
    FakeServer::Handler handler;
    {
      const std::lock_guard lock(mutex);
      calls.push_back(call);
      const auto found = handlers.find(call.method);
      if (found != handlers.end()) handler = found->second;
    }
    return handler ? handler(call) : Fail(grpc::StatusCode::UNIMPLEMENTED);
  }

  mutable std::mutex mutex;
  std::map<std::string, FakeServer::Handler> handlers;
  std::vector<FakeCall> calls;
  std::unique_ptr<grpc::Server> server;
};

FakeServer::FakeServer(const std::optional<FakeTls>& tls) : impl_(std::make_unique<Impl>()) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", MakeCredentials(tls), &port);
  builder.RegisterCallbackGenericService(impl_.get());
  impl_->server = builder.BuildAndStart();
  if (!impl_->server || port == 0) std::abort();
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeServer::~FakeServer() { impl_->server->Shutdown(std::chrono::system_clock::now()); }

void FakeServer::On(const std::string& method, Handler handler) {
  const std::lock_guard lock(impl_->mutex);
  impl_->handlers[method] = std::move(handler);
}

void FakeServer::Script(const std::string& method, std::vector<FakeReply> replies) {
  auto next = std::make_shared<std::size_t>(0);
  auto mutex = std::make_shared<std::mutex>();
  On(method, [replies = std::move(replies), next, mutex](const FakeCall&) {
    const std::lock_guard lock(*mutex);
    const FakeReply reply = replies[*next];
    if (*next + 1 < replies.size()) ++*next;
    return reply;
  });
}

std::vector<FakeCall> FakeServer::Calls(const std::string& method) const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<FakeCall> found;
  for (const auto& call : impl_->calls) {
    if (call.method == method) found.push_back(call);
  }
  return found;
}

}  // namespace redpoints
