// The services on the ledger, ready to be registered with a gRPC server. Each lives in a file of its own; a handler is: convert, authorise,
// submit, convert, answer.
#pragma once

#include <memory>
#include <string>

#include "server/unary.h"

namespace grpc {
class Service;
}
namespace redpoints {
class Shards;
class SideStore;
}  // namespace redpoints

namespace redpoints::server {

class Authorizer;
class Deeds;
class Numbers;
class PageTokens;
class ReadPool;
class StreamLimit;

// What all services share. Nothing is owned; all must outlive the services.
struct ServiceContext {
  Shards* shards;
  const Authorizer* authorizer;
  const Numbers* numbers;
  const Deeds* deeds;
  SideStore* side;
  std::string side_key;  // SideKeyId
  ReadPool* reads;
  const PageTokens* tokens;
  StreamLimit* streams;
  UnaryShared unary;
  std::string backup_directory;  // empty: none while the server runs
};

std::unique_ptr<grpc::Service> MakeRedemptionService(const ServiceContext& context);
std::unique_ptr<grpc::Service> MakeAwardService(const ServiceContext& context);
std::unique_ptr<grpc::Service> MakeAccountService(const ServiceContext& context);
std::unique_ptr<grpc::Service> MakeJournalService(const ServiceContext& context);
std::unique_ptr<grpc::Service> MakeRegistryService(const ServiceContext& context);
std::unique_ptr<grpc::Service> MakeOperatorService(const ServiceContext& context);

}  // namespace redpoints::server
