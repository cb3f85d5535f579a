// A server on its shards: builds, serves, stops without losing an answer. Thread-safe after Start.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/config.pb.h"
#include "storage/clock.h"

namespace grpc {
class Channel;
}

namespace redpoints::server {

class Logger;

class Server {
 public:
  // Opens the ledgers and serves. `log` and `clock` are not owned and must outlive the server. Every error is a row of StartFailures and
  // names the file, address or ledger. Raises this process's soft limit of open files to the hard one.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Config& config, const Logger& log, const Clock& clock = Clock::System());

  // As Stop.
  ~Server();

  // Health says NOT_SERVING; new calls get SHUTTING_DOWN, and so do follows, exports and long reads, which can be asked for again; the
  // others go on until all are done, for up to Config.drain_ms; then the connections and the ledgers are closed. Idempotent.
  void Stop();

  // True once a ledger's store has failed: the process should end with an error, and its restart finds the truth on disk.
  bool HasFailed() const;

  // The ports listened on, in the order of Config.listen.
  const std::vector<int>& ports() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace redpoints::server
