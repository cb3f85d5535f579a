// Makes the certificates of a trial or of a small deployment: an authority, the server's, and those of terminals, staff and
// members. All keys are ECDSA P-256. Thread-safe; errors are INTERNAL with OpenSSL's own words unless said otherwise.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace redpoints::server {

// A certificate and its private key, both PEM.
struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

// What goes into a certificate.
struct CertificateRequest {
  std::string common_name = {};                // for people; never trusted. Cut at 64 bytes
  std::vector<std::string> dns_names = {};     // subject alternative names
  std::vector<std::string> ip_addresses = {};  // likewise
  std::vector<std::string> uris = {};          // likewise
  bool is_server = false;                      // serverAuth, else clientAuth
  std::chrono::hours lifetime{24 * 90};
};

// An authority that issues certificates. Movable; const methods may run at once.
class CertificateAuthority {
 public:
  // A new authority with a key of its own; it may issue end certificates only.
  static absl::StatusOr<CertificateAuthority> Create(const std::string& common_name,
                                                     std::chrono::hours lifetime = std::chrono::hours(24 * 3650));
  // INVALID_ARGUMENT if the two are no PEM, don't belong together, or may not issue.
  static absl::StatusOr<CertificateAuthority> Load(const KeyPair& pair);

  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
  ~CertificateAuthority();

  // For DNS localhost and IP 127.0.0.1 and ::1, and for the names in `more_dns_names`.
  absl::StatusOr<KeyPair> IssueServer(const std::vector<std::string>& more_dns_names = {}) const;

  // For the caller with this resource name, "programs/kaiyuan/merchants/s1/terminals/t1": as the URI SAN "redpoints:" + name.
  // INVALID_ARGUMENT unless it names a terminal, staff person or member.
  absl::StatusOr<KeyPair> IssueClient(const std::string& resource_name, std::chrono::hours lifetime = std::chrono::hours(24 * 90)) const;

  // Anything. Issues whatever is asked, which callers must not pass on unchecked.
  absl::StatusOr<KeyPair> Issue(const CertificateRequest& request) const;

  const KeyPair& pair() const;

 private:
  struct Impl;
  explicit CertificateAuthority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Writes both files durably, the key first and readable by its owner only (0600). ALREADY_EXISTS, with nothing written, if one of
// the two is there. After another failure nothing of it is left.
absl::Status WriteKeyPair(const KeyPair& pair, const std::string& certificate_path, const std::string& key_path);

// Reads what WriteKeyPair wrote.
absl::StatusOr<KeyPair> ReadKeyPair(const std::string& certificate_path, const std::string& key_path);

// What a server needs for mutual TLS.
struct ServerTls {
  KeyPair pair;
  std::string client_ca_pem;
  std::chrono::system_clock::time_point valid_from, valid_until;  // of the server's certificate
};

// Reads and compares the three files. TLS_FILE_MISSING, TLS_FILE_UNREADABLE, TLS_FILE_INVALID, TLS_KEY_MISMATCH, TLS_REFUSED, each with the
// file.
absl::StatusOr<ServerTls> ReadServerTls(const std::string& certificate_path, const std::string& key_path,
                                        const std::string& client_ca_path);

}  // namespace redpoints::server
