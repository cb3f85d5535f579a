// Accepts connections before gRPC does. gRPC 1.51 takes whatever connects, bounds neither their number nor the silent ones, and the
// descriptors that they hold are those that the ledger needs for its files. So one thread of ours listens, accepts, waits until a client
// has sent its first bytes, and only then hands the descriptor over (before its first byte, for some seconds, the kernel keeps it from us):
//
//   accept ─▶ number below the reserve? ─▶ address below its bound? ─▶ waits for the first TLS record, or HTTP/2's preface ─▶ gRPC
//               no: closed at once           no: its oldest that          other bytes, 10 s, or too many waiting (the oldest goes): closed
//                                            waits goes, or it does
//
// The kernel gives the lowest free number, so the number itself is the measure: no connection ever holds one of the reserve, which is left
// for the files of the ledger and all else. A handshake that is begun and not finished is ended by gRPC (kHandshakeTimeout); a connection
// that is authenticated is never cut here.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace redpoints::server {

class Logger;

// How long gRPC waits for a handshake.
inline constexpr std::chrono::seconds kHandshakeTimeout{10};

// How the descriptors of this process are shared out.
struct DescriptorShare {
  int limit = 0;            // of the process
  int connections_end = 0;  // the first number that is no connection's
};

// Raises the soft limit of open files to the hard one. Of the limit, a quarter is the reserve, 4,096 at most. DESCRIPTORS_TOO_FEW below
// 256.
absl::StatusOr<DescriptorShare> ShareDescriptors();

// Numbers below `end` that are free now.
int FreeDescriptorsBelow(int end);

class Acceptor {
 public:
  enum class FirstBytes { kTls, kHttp2 };

  struct Options {
    FirstBytes first_bytes = FirstBytes::kTls;
    int connections_end = 0;          // as of DescriptorShare
    std::size_t waiting_max = 1;      // for their first bytes
    std::size_t per_address_max = 1;  // connections of one IPv4 address or IPv6 /64, waiting or handed over
    std::chrono::milliseconds patience{10'000};
  };

  // Takes a connected, non-blocking descriptor as its own. Called on the acceptor's thread.
  using HandOver = std::function<void(int fd)>;

  // Listens on every address ("127.0.0.1:7443", "[::1]:0", "localhost:0": both of loopback on one port); who connects waits in the system's
  // queue. `log` is not owned and must outlive the acceptor. PORT_IN_USE, ADDRESS_NOT_OURS, PORT_NOT_ALLOWED, LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Listen(const std::vector<std::string>& addresses, const Logger& log);

  // As Stop.
  ~Acceptor();

  // Begins to accept. Once.
  void Start(Options options, HandOver hand_over);

  // Listens no more, closes whoever still waits, and returns when the last descriptor is handed over. Any thread; again is nothing.
  void Stop();

  // In the order of the addresses.
  const std::vector<int>& ports() const;

 private:
  class Impl;
  explicit Acceptor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace redpoints::server
