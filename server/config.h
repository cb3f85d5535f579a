// Reads the configuration file. What it may hold: server/config.proto. Pure but for LoadConfig, which reads one file; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/config.pb.h"

namespace redpoints::server {

// The file at `path`, up to 1 MiB, as ParseConfig reads it; CONFIG_UNREADABLE with what the system says.
absl::StatusOr<Config> LoadConfig(const std::string& path);

// A configuration that can be served: every default is filled in, `listen` too. Else INVALID_ARGUMENT, CONFIG_INVALID, with every problem
// on a line of its own, "name:line:col: message", where `name` is what people call the text. Problems of meaning are looked for once the
// form is right.
absl::StatusOr<Config> ParseConfig(std::string_view text, std::string_view name);

// "127.0.0.1:7443", "[::1]:0", "localhost:7443".
struct ListenAddress {
  std::string host;  // without brackets
  int port = 0;
  bool is_loopback = false;
};
// INVALID_ARGUMENT for other forms; names of hosts other than localhost are not looked up.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace redpoints::server
