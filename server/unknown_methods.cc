#include "server/unknown_methods.h"

#include <chrono>

#include "server/metrics.h"
#include "server/status.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

class Refused final : public grpc::ServerGenericBidiReactor {
 public:
  Refused() { Finish(ToGrpcStatus(ToStatus(Refusal{Reason::METHOD_UNKNOWN, {}}))); }
  void OnDone() override { delete this; }
};

}  // namespace

UnknownMethods::UnknownMethods(Metrics& metrics) : metrics_(metrics.ForMethod("unknown")) {}

grpc::ServerGenericBidiReactor* UnknownMethods::CreateReactor(grpc::GenericCallbackServerContext*) {
  metrics_.Count(Reason::METHOD_UNKNOWN, std::chrono::microseconds(0));
  return new Refused;
}

}  // namespace redpoints::server
