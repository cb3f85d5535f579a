// Certificates made on the spot, so that no key lies in the tree and none expires. Pure functions.
#pragma once

#include <string>

namespace redpoints {

struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

// A self-signed CA named `name`.
TestCertificate MakeCa(const std::string& name);

// A certificate for the subject alternative name `san` ("IP:127.0.0.1", "URI:programs/p/staff/s"), signed by `ca`.
TestCertificate MakeLeaf(const TestCertificate& ca, const std::string& san);

}  // namespace redpoints
