// A channel to one server. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

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

// Why there is no connection, as far as gRPC's words tell.
enum class ConnectionTrouble {
  kOther,
  kUnknownHost,        // the name has no address
  kNoAnswer,           // in the time given
  kRefused,            // nobody listens there
  kServerCertificate,  // not signed by the CA, or its time is over
  kServerName,         // the certificate is for another name
  kNoTls,              // the server speaks something else
  kHungUp,             // the server did, right after the handshake: under TLS 1.3 all that shows of a certificate that it does not accept
  kUnusableFiles,      // they hold no PEM, or the key belongs to another certificate
};

ConnectionTrouble TroubleIn(std::string_view message);

class Connection {
 public:
  // Reads the files and makes the channel; does not connect. INVALID_ARGUMENT for options that contradict each other or files that
  // can't be read; a certificate that the server does not accept shows only when connecting.
  static absl::StatusOr<std::shared_ptr<Connection>> Open(const ConnectionOptions& options);

  // Connects if need be. False: no connection stood within `timeout`, so nothing was sent over it.
  bool WaitForConnected(std::chrono::milliseconds timeout) const;

  // gRPC's words, English, on why no connection stands; empty when one does by now. Asks the server for its health, which has no
  // effect.
  std::string LastError(std::chrono::milliseconds timeout) const;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  explicit Connection(std::shared_ptr<grpc::Channel> channel);

  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace redpoints
