// One unary attempt over gRPC. Only for .cc files that know the stubs.
#pragma once

#include <chrono>
#include <string>

#include "client/refused.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

namespace redpoints {

inline CallEnd ToCallEnd(const grpc::Status& status) {
  return DecodeCallEnd(status.error_code(), status.error_message(), status.error_details());
}

template <class Stub, class Request, class Response>
CallEnd CallOnce(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                 std::chrono::milliseconds timeout, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  response->Clear();
  return ToCallEnd((stub.*method)(&context, request, response));
}

}  // namespace redpoints
