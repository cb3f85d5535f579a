#include "tests/client/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>

namespace redpoints {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

void Require(bool is_ok) {
  if (!is_ok) std::abort();
}

std::string Text(const Bio& bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

TestCertificate ToPem(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_bio(BIO_new(BIO_s_mem()), BIO_free);
  const Bio key_bio(BIO_new(BIO_s_mem()), BIO_free);
  Require(PEM_write_bio_X509(certificate_bio.get(), certificate) == 1);
  Require(PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {.certificate_pem = Text(certificate_bio), .key_pem = Text(key_bio)};
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  Require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// Valid for an hour from an hour ago; not signed yet.
Certificate Unsigned(EVP_PKEY* key, const std::string& name) {
  static long serial = 0;
  Certificate certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3'600);
  Require(X509_set_pubkey(certificate.get(), key) == 1);
  Require(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  return certificate;
}

Key NewKey() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

}  // namespace

TestCertificate MakeCa(const std::string& name) {
  const Key key = NewKey();
  const Certificate certificate = Unsigned(key.get(), name);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  Require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  return ToPem(certificate.get(), key.get());
}

TestCertificate MakeLeaf(const TestCertificate& ca, const std::string& san) {
  const Bio certificate_bio(BIO_new_mem_buf(ca.certificate_pem.data(), static_cast<int>(ca.certificate_pem.size())), BIO_free);
  const Bio key_bio(BIO_new_mem_buf(ca.key_pem.data(), static_cast<int>(ca.key_pem.size())), BIO_free);
  const Certificate issuer(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr), X509_free);
  const Key issuer_key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  Require(issuer != nullptr && issuer_key != nullptr);
  const Key key = NewKey();
  const Certificate certificate = Unsigned(key.get(), "leaf");
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
  AddExtension(certificate.get(), NID_subject_alt_name, san);
  Require(X509_sign(certificate.get(), issuer_key.get(), EVP_sha256()) > 0);
  return ToPem(certificate.get(), key.get());
}

}  // namespace redpoints
