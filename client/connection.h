// A channel to one server. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace redpoints {

struct ConnectionOptions {
  std::string server;            // "host:port"
  std::string ca_file;           // PEM of who signed the server's certificate; required unless plaintext
  std::string certificate_file;  // PEM of the caller's certificate chain, for mutual TLS
  std::string key_file;          // PEM of its key; both or none
  std::string server_name;       // the name in the server's certificate, where it is not the host of `server`
  bool is_plaintext = false;     // no TLS; to loopback only
};

class Connection {
 public:
  // Reads the files and makes the channel; does not connect. INVALID_ARGUMENT for options that contradict each other or files that
  // can't be read; a certificate that the server does not accept shows only when connecting.
  static absl::StatusOr<std::shared_ptr<Connection>> Open(const ConnectionOptions& options);

  // Connects if need be. False: no connection stood within `timeout`, so nothing was sent over it.
  bool WaitForConnected(std::chrono::milliseconds timeout) const;

  // Why there is no connection, in gRPC's words: "... Connection refused", "... certificate verify failed ...". Waits up to a second. Should
  // there be one by now, it is asked for its health, and the text is empty.
  std::string WhyNotConnected() const;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  explicit Connection(std::shared_ptr<grpc::Channel> channel);

  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace redpoints
