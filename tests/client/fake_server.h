// A scripted server of every service on a loopback port of the system's choosing. It decides nothing: a test says what each method
// answers, and looks at what was asked. Thread-safe. No gRPC in this header.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/message.h"
#include "proto/contract/reason.h"
#include "redpoints/v1/outcome.pb.h"

namespace redpoints {

// A call as it arrived.
struct FakeCall {
  std::string method;  // "Redeem"
  std::string bytes;

  template <class Request> Request As() const {
    Request request;
    request.ParseFromString(bytes);
    return request;
  }
};

// What the server sends: messages, then a status. One message is a unary answer.
struct FakeReply {
  std::vector<std::string> messages;
  int code = 0;
  std::string message;
  std::string details;
  bool is_silent = false;  // never ends the call
};

FakeReply Send(const google::protobuf::Message& message);
FakeReply Fail(int code);
// As the server tells a refusal: ErrorInfo, LocalizedMessage, and what the options add.
struct RefuseOptions {
  std::optional<v1::Outcome> outcome;
  std::optional<int> retry_delay_ms;
};
FakeReply Refuse(const Refusal& refusal, const RefuseOptions& options = {});
FakeReply Silence();

struct FakeTls {
  std::string ca_pem;
  std::string certificate_pem;
  std::string key_pem;
};

class FakeServer {
 public:
  using Handler = std::function<FakeReply(const FakeCall&)>;

  // With `tls`, callers must show a certificate of its CA.
  explicit FakeServer(const std::optional<FakeTls>& tls = std::nullopt);
  ~FakeServer();

  // "127.0.0.1:{port}"
  const std::string& address() const { return address_; }

  // Answers from now on. A method without an answer is UNIMPLEMENTED.
  void On(const std::string& method, Handler handler);
  // Answers one after the other; the last one stays.
  void Script(const std::string& method, std::vector<FakeReply> replies);

  // What has arrived so far, of one method.
  std::vector<FakeCall> Calls(const std::string& method) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string address_;
};

}  // namespace redpoints
