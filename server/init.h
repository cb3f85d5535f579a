// Sets up a server's directory for a trial or a small deployment: certificates, configuration, a ledger with its first operator.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace redpoints::server {

struct InitOptions {
  std::string directory;  // made; must not hold a server yet
  std::string listen = "127.0.0.1:7443";
  std::string program;  // empty: only the system program
};

// Writes
//   redpointsd.textproto           the configuration
//   certificates/ca.{crt,key}      the authority; keep the key away from the server once the certificates are out
//   certificates/server.{crt,key}
//   certificates/operator.{crt,key}        programs/system/staff/{id}
//   certificates/administrator.{crt,key}   programs/{program}/staff/{id}, with a program
//   ledger/                        the database
//   side/, side.key                member numbers and confidential deeds, and the key file without which nobody reads them
// DIRECTORY_TAKEN, with nothing changed, where one of them is. Other refusals are rows of StartFailures, too, but for what the ledger says.
absl::Status InitDirectory(const InitOptions& options);

// Issues a client's certificate for a resource name with the authority of `directory`, into certificates/{file}.{crt,key}.
absl::Status IssueCertificate(const std::string& directory, const std::string& name, const std::string& file);

}  // namespace redpoints::server
