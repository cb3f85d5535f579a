// The servers that are compared: the real one, and an empty gRPC service with its messages. Each is a child process on loopback.
#pragma once

#include <sys/types.h>

#include <string>

namespace redpoints::bench {

// A server from construction to destruction. It is this program itself with --serve: gRPC does not survive a fork without exec.
class Child {
 public:
  // `what` is "ledger", "echo" (answers at once) or "echo-handed-over" (answers from another thread). `directory` is what
  // redpointsd init made. Over mutual TLS; or without, if there is a `caller`, whose resource name everybody then has.
  Child(const std::string& directory, const std::string& what, const std::string& caller);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  const std::string& address() const { return address_; }
  // What it has used so far of all cores, in microseconds.
  double CpuUs() const;

 private:
  pid_t pid_ = 0;
  std::string address_;
};

// In the child: writes its port to `pipe`, and serves until SIGTERM.
void Serve(const std::string& directory, const std::string& what, const std::string& caller, int pipe);

}  // namespace redpoints::bench
