// Answers calls of methods that the server does not have, which gRPC would refuse without a reason. Known ones never come here.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

namespace redpoints::server {

class Metrics;
class MethodMetrics;

// Thread-safe.
class UnknownMethods final : public grpc::CallbackGenericService {
 public:
  // Counted as method "unknown"; what they were called is a stranger's text and is kept nowhere.
  explicit UnknownMethods(Metrics& metrics);

  // METHOD_UNKNOWN, whoever asks.
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  MethodMetrics& metrics_;
};

}  // namespace redpoints::server
