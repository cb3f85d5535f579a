#include "server/certificates.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/principal.h"
#include "server/start_failure.h"

namespace redpoints::server {
namespace {

// Tills' clocks are off by minutes; a certificate must be good at once everywhere.
constexpr std::chrono::minutes kBackDated{10};
constexpr std::size_t kCommonNameMax = 64;

template <auto kFree> struct Free {
  template <typename T> void operator()(T* object) const { kFree(object); }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using GeneralName = std::unique_ptr<GENERAL_NAME, Free<GENERAL_NAME_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_free>>;

// Empties OpenSSL's queue of errors, which belongs to the thread.
std::string OpensslError() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    std::array<char, 256> buffer;
    ERR_error_string_n(code, buffer.data(), buffer.size());
    absl::StrAppend(&text, text.empty() ? "" : "; ", buffer.data());
  }
  return text;
}

absl::Status Failed(std::string_view what) { return absl::InternalError(absl::StrCat(std::string(what), ": ", OpensslError())); }

std::string PemOf(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Bio Reader(const std::string& text) {
  return text.size() > INT_MAX ? nullptr : Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The first of a PEM text; null for none, with the reason in OpenSSL's queue.
Certificate ReadCertificate(const std::string& pem) {
  const Bio bio = Reader(pem);
  return Certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}
Key ReadKey(const std::string& pem) {
  const Bio bio = Reader(pem);
  // An empty passphrase instead of a callback: a daemon must not ask its terminal.
  std::string passphrase;
  return Key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, passphrase.data()) : nullptr);
}

std::chrono::system_clock::time_point TimeOf(const ASN1_TIME* time) {
  std::tm utc{};
  return ASN1_TIME_to_tm(time, &utc) == 1 ? std::chrono::system_clock::from_time_t(::timegm(&utc))
                                          : std::chrono::system_clock::time_point();
}

absl::StatusOr<KeyPair> ToPem(const X509& certificate, const EVP_PKEY& key) {
  const Bio certificate_bio(BIO_new(BIO_s_mem()));
  const Bio key_bio(BIO_new(BIO_s_mem()));
  if (!certificate_bio || !key_bio || PEM_write_bio_X509(certificate_bio.get(), &certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Failed("writing PEM");
  }
  return KeyPair{.certificate_pem = PemOf(certificate_bio), .key_pem = PemOf(key_bio)};
}

// An extension in the words of openssl.cnf; only ever fixed words of ours, since that language can read files.
bool AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool AddText(GENERAL_NAMES* names, int type, const std::string& text) {
  if (text.empty() || text.size() > INT_MAX) return false;
  GeneralName name(GENERAL_NAME_new());
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  if (!name || value == nullptr || ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1) {
    ASN1_IA5STRING_free(value);
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), type, value);
  if (sk_GENERAL_NAME_push(names, name.get()) == 0) return false;
  name.release();
  return true;
}

bool AddIp(GENERAL_NAMES* names, const std::string& text) {
  GeneralName name(GENERAL_NAME_new());
  ASN1_OCTET_STRING* value = a2i_IPADDRESS(text.c_str());
  if (!name || value == nullptr) {
    ASN1_OCTET_STRING_free(value);
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), GEN_IPADD, value);
  if (sk_GENERAL_NAME_push(names, name.get()) == 0) return false;
  name.release();
  return true;
}

absl::Status AddNames(X509* certificate, const CertificateRequest& request) {
  const Names names(GENERAL_NAMES_new());
  if (!names) return Failed("making names");
  for (const std::string& dns : request.dns_names) {
    if (!AddText(names.get(), GEN_DNS, dns)) return absl::InvalidArgumentError(absl::StrCat("no DNS name: ", dns));
  }
  for (const std::string& uri : request.uris) {
    if (!AddText(names.get(), GEN_URI, uri)) return absl::InvalidArgumentError(absl::StrCat("no URI: ", uri));
  }
  for (const std::string& ip : request.ip_addresses) {
    if (!AddIp(names.get(), ip)) return absl::InvalidArgumentError(absl::StrCat("no IP address: ", ip));
  }
  if (sk_GENERAL_NAME_num(names.get()) == 0) return absl::OkStatus();
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1) return Failed("adding names");
  return absl::OkStatus();
}

// 127 random bits: unique without a counter, and positive.
bool SetSerial(X509* certificate) {
  const BigNumber serial(BN_new());
  return serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

// All that authorities and those they certify have in common.
absl::StatusOr<Certificate> Draft(std::string common_name, EVP_PKEY* key, std::chrono::hours lifetime) {
  if (common_name.size() > kCommonNameMax) {
    std::size_t size = kCommonNameMax;
    while (size > 0 && (static_cast<unsigned char>(common_name[size]) & 0xC0) == 0x80) --size;
    common_name.resize(size);
  }
  Certificate certificate(X509_new());
  const std::time_t begin = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - kBackDated);
  const std::time_t end = begin + std::chrono::seconds(kBackDated + lifetime).count();
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 || !SetSerial(certificate.get()) ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), begin) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), end) == nullptr || X509_set_pubkey(certificate.get(), key) != 1 ||
      X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()), static_cast<int>(common_name.size()), -1,
                                 0) != 1) {
    return Failed("drafting a certificate");
  }
  return certificate;
}

// Closes on every way out.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status SyncDirectoryOf(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  const File file(open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() < 0 || fsync(file.fd()) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("syncing the directory of ", path));
  return absl::OkStatus();
}

absl::Status WriteNew(const std::string& path, const std::string& content, mode_t mode) {
  // O_EXCL, not a look beforehand: of two that write at once, one wins.
  const File file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.fd() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("creating ", path));
  absl::Status status;
  for (std::size_t written = 0; status.ok() && written < content.size();) {
    const ssize_t size = write(file.fd(), content.data() + written, content.size() - written);
    if (size < 0 && errno != EINTR) status = absl::ErrnoToStatus(errno, absl::StrCat("writing ", path));
    if (size > 0) written += static_cast<std::size_t>(size);
  }
  if (status.ok() && fsync(file.fd()) != 0) status = absl::ErrnoToStatus(errno, absl::StrCat("syncing ", path));
  if (!status.ok()) unlink(path.c_str());
  return status;
}

absl::StatusOr<std::string> Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("opening ", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

struct CertificateAuthority::Impl {
  Certificate certificate;
  Key key;
  KeyPair pair;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

absl::StatusOr<CertificateAuthority> CertificateAuthority::Create(const std::string& common_name, std::chrono::hours lifetime) {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return Failed("making a key");
  auto certificate = Draft(common_name, key.get(), lifetime);
  if (!certificate.ok()) return certificate.status();
  X509* draft = certificate->get();
  if (X509_set_issuer_name(draft, X509_get_subject_name(draft)) != 1 ||
      !AddExtension(draft, draft, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(draft, draft, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(draft, draft, NID_subject_key_identifier, "hash") || X509_sign(draft, key.get(), EVP_sha256()) == 0) {
    return Failed("signing the authority");
  }
  auto pair = ToPem(*draft, *key);
  if (!pair.ok()) return pair.status();
  return CertificateAuthority(
      std::make_unique<Impl>(Impl{.certificate = *std::move(certificate), .key = std::move(key), .pair = *std::move(pair)}));
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Load(const KeyPair& pair) {
  Certificate certificate = ReadCertificate(pair.certificate_pem);
  Key key = ReadKey(pair.key_pem);
  if (!certificate || !key) return absl::InvalidArgumentError(absl::StrCat("the authority is no PEM: ", OpensslError()));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("the key is not that of the authority: ", OpensslError()));
  }
  if (X509_check_ca(certificate.get()) != 1) return absl::InvalidArgumentError("the certificate may not issue others");
  return CertificateAuthority(std::make_unique<Impl>(Impl{.certificate = std::move(certificate), .key = std::move(key), .pair = pair}));
}

absl::StatusOr<KeyPair> CertificateAuthority::IssueServer(const std::vector<std::string>& more_dns_names) const {
  CertificateRequest request{.common_name = "Red Points server",
                             .dns_names = {"localhost"},
                             .ip_addresses = {"127.0.0.1", "::1"},
                             .uris = {},
                             .is_server = true,
                             .lifetime = std::chrono::hours(24 * 365)};
  request.dns_names.insert(request.dns_names.end(), more_dns_names.begin(), more_dns_names.end());
  return Issue(request);
}

absl::StatusOr<KeyPair> CertificateAuthority::IssueClient(const std::string& resource_name, std::chrono::hours lifetime) const {
  if (!PrincipalFromName(resource_name).ok()) {
    return absl::InvalidArgumentError(absl::StrCat("not the name of a terminal, staff person or member: ", resource_name));
  }
  return Issue({.common_name = resource_name,
                .uris = {absl::StrCat(std::string(kUriScheme), resource_name)},
                .is_server = false,
                .lifetime = lifetime});
}

absl::StatusOr<KeyPair> CertificateAuthority::Issue(const CertificateRequest& request) const {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return Failed("making a key");
  auto certificate = Draft(request.common_name, key.get(), request.lifetime);
  if (!certificate.ok()) return certificate.status();
  X509* draft = certificate->get();
  X509* issuer = impl_->certificate.get();
  if (X509_set_issuer_name(draft, X509_get_subject_name(issuer)) != 1 ||
      !AddExtension(draft, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(draft, issuer, NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(draft, issuer, NID_ext_key_usage, request.is_server ? "serverAuth" : "clientAuth") ||
      !AddExtension(draft, issuer, NID_subject_key_identifier, "hash") ||
      !AddExtension(draft, issuer, NID_authority_key_identifier, "keyid:always")) {
    return Failed("filling a certificate");
  }
  if (absl::Status status = AddNames(draft, request); !status.ok()) return status;
  if (X509_sign(draft, impl_->key.get(), EVP_sha256()) == 0) return Failed("signing a certificate");
  return ToPem(*draft, *key);
}

const KeyPair& CertificateAuthority::pair() const { return impl_->pair; }

absl::Status WriteKeyPair(const KeyPair& pair, const std::string& certificate_path, const std::string& key_path) {
  // A look is enough for the common mistake; two that write at once are kept apart by O_EXCL.
  struct stat ignored;
  if (lstat(certificate_path.c_str(), &ignored) == 0) return absl::AlreadyExistsError(absl::StrCat(certificate_path, " is there"));
  if (absl::Status status = WriteNew(key_path, pair.key_pem, 0600); !status.ok()) return status;
  absl::Status status = WriteNew(certificate_path, pair.certificate_pem, 0644);
  const bool is_written = status.ok();
  if (status.ok()) status = SyncDirectoryOf(key_path);
  if (status.ok()) status = SyncDirectoryOf(certificate_path);
  if (status.ok()) return status;
  unlink(key_path.c_str());
  // Where it was not written, another's may be there.
  if (is_written) unlink(certificate_path.c_str());
  return status;
}

absl::StatusOr<KeyPair> ReadKeyPair(const std::string& certificate_path, const std::string& key_path) {
  auto certificate = Read(certificate_path);
  if (!certificate.ok()) return certificate.status();
  auto key = Read(key_path);
  if (!key.ok()) return key.status();
  return KeyPair{.certificate_pem = *std::move(certificate), .key_pem = *std::move(key)};
}

absl::StatusOr<ServerTls> ReadServerTls(const std::string& certificate_path, const std::string& key_path,
                                        const std::string& client_ca_path) {
  ServerTls tls;
  for (const auto& [path, content] : {std::pair(&certificate_path, &tls.pair.certificate_pem), std::pair(&key_path, &tls.pair.key_pem),
                                      std::pair(&client_ca_path, &tls.client_ca_pem)}) {
    auto read = ReadStartFile(*path, "TLS_FILE_MISSING", "TLS_FILE_UNREADABLE");
    if (!read.ok()) return read.status();
    *content = *std::move(read);
  }
  const auto invalid = [](const std::string& path, const char* what) {
    return StartRefused("TLS_FILE_INVALID", absl::StrCat(path, ": no PEM of ", what, ": ", OpensslError()));
  };
  const Certificate certificate = ReadCertificate(tls.pair.certificate_pem);
  if (!certificate) return invalid(certificate_path, "a certificate");
  const Key key = ReadKey(tls.pair.key_pem);
  if (!key) return invalid(key_path, "a private key without a passphrase");
  if (!ReadCertificate(tls.client_ca_pem)) return invalid(client_ca_path, "certificates");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    OpensslError();
    return StartRefused("TLS_KEY_MISMATCH", absl::StrCat(key_path, " is not the key of ", certificate_path));
  }
  // What TLS itself would say: gRPC, handed connections from outside, starts without a word and serves nobody.
  const Context context(SSL_CTX_new(TLS_server_method()));
  if (!context || SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 || SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    return StartRefused("TLS_REFUSED", absl::StrCat(certificate_path, ": ", OpensslError()));
  }
  tls.valid_from = TimeOf(X509_get0_notBefore(certificate.get()));
  tls.valid_until = TimeOf(X509_get0_notAfter(certificate.get()));
  return tls;
}

}  // namespace redpoints::server
