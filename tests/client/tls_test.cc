// What the command line says when no connection comes about, against servers that do speak TLS, or not.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/cli/app.h"
#include "gtest/gtest.h"
#include "redpoints/v1/journal_service.pb.h"
#include "tests/client/fake_server.h"
#include "tests/client/test_certificates.h"

namespace redpoints::cli {
namespace {

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    std::filesystem::create_directories(directory_);
    Write("ca", ca_.certificate_pem);
    Write("other-ca", other_ca_.certificate_pem);
    Put("caller", MakeLeaf(ca_, "URI:programs/p/staff/s"));
    Put("stranger", MakeLeaf(other_ca_, "URI:programs/p/staff/s"));
  }
  ~TlsTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  void Write(const std::string& name, const std::string& bytes) { std::ofstream(Path(name), std::ios::binary) << bytes; }
  void Put(const std::string& name, const TestCertificate& leaf) {
    Write(name + ".crt", leaf.certificate_pem);
    Write(name + ".key", leaf.key_pem);
  }
  FakeTls ServerOf(const std::string& san) const {
    const auto leaf = MakeLeaf(ca_, san);
    return {.ca_pem = ca_.certificate_pem, .certificate_pem = leaf.certificate_pem, .key_pem = leaf.key_pem};
  }

  int Run(std::vector<std::string> arguments) {
    err_.str("");
    arguments.insert(arguments.end(), {"--lang", "en", "--program", "p", "--timeout-ms", "500", "journal"});
    return cli::Run(arguments, {.environment = [](const std::string&) { return std::nullopt; }, .out = out_, .err = err_});
  }
  // Of an attempt to connect with these options beside the server's: the reason that it gives.
  std::string Reason(const std::string& server, const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"--server", server};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(Run(arguments), 3) << err_.str();
    const std::string begin = "not sent: no connection to " + server + ": ";
    EXPECT_EQ(err_.str().substr(0, begin.size()), begin);
    return err_.str().substr(std::min(begin.size(), err_.str().size()));
  }
  std::vector<std::string> Files(const std::string& ca, const std::string& certificate, const std::string& key) const {
    return {"--ca", Path(ca), "--certificate", Path(certificate + ".crt"), "--key", Path(key + ".key")};
  }

  const TestCertificate ca_ = MakeCa("ours");
  const TestCertificate other_ca_ = MakeCa("another");
  std::ostringstream out_;
  std::ostringstream err_;
  const std::string directory_ = testing::TempDir() + "/redpoints_tls_" + std::to_string(getpid()) + "_" +
                                 testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(TlsTest, TellsWhyThereIsNoConnection) {
  const FakeServer tls(ServerOf("IP:127.0.0.1"));
  const FakeServer renamed(ServerOf("DNS:points.example"));
  const FakeServer plain;
  std::string gone;
  {
    const FakeServer server;
    gone = server.address();
  }
  EXPECT_EQ(Reason(tls.address(), Files("other-ca", "caller", "caller")),
            "the server's certificate is not signed by --ca, or out of date\n");
  EXPECT_EQ(Reason(tls.address(), Files("ca", "stranger", "stranger")),
            "the server hung up: perhaps it does not accept --certificate, signed by another CA or out of date\n");
  EXPECT_EQ(Reason(tls.address(), {"--ca", Path("ca")}), "the server hung up: perhaps it wants --certificate and --key\n");
  EXPECT_EQ(Reason(tls.address(), {"--plaintext"}), "the server hung up: perhaps it only speaks TLS\n");
  EXPECT_EQ(Reason(renamed.address(), Files("ca", "caller", "caller")),
            "the server's certificate is for another name; where that is right, say --server-name\n");
  EXPECT_EQ(Reason(plain.address(), Files("ca", "caller", "caller")), "the server does not speak TLS\n");
  EXPECT_EQ(Reason(gone, Files("ca", "caller", "caller")), "the connection was refused: nothing listens on this port\n");
  const std::string of_no_use = "--ca, --certificate or --key is of no use: not PEM, or the key belongs to another certificate\n";
  EXPECT_EQ(Reason(tls.address(), Files("ca", "caller", "stranger")), of_no_use);
  Write("text", "hello");
  EXPECT_EQ(Reason(tls.address(), Files("text", "caller", "caller")), of_no_use);
}

TEST_F(TlsTest, NamesTheOptionWhoseFileIsMissing) {
  const auto error = [this](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"--server", "localhost:1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(Run(arguments), 1) << err_.str();
    return err_.str().substr(0, err_.str().find('\n'));
  };
  EXPECT_EQ(error({}), "usage: --ca: the CA of the server's certificate is missing");
  EXPECT_EQ(error(Files("absent", "caller", "caller")), "usage: --ca: cannot read " + Path("absent"));
  EXPECT_EQ(error(Files("", "caller", "caller")), "usage: --ca: cannot read " + Path(""));  // a directory
  EXPECT_EQ(error(Files("ca", "absent", "caller")), "usage: --certificate: cannot read " + Path("absent.crt"));
  EXPECT_EQ(error(Files("ca", "caller", "absent")), "usage: --key: cannot read " + Path("absent.key"));
  EXPECT_EQ(error({"--ca", Path("ca"), "--certificate", Path("caller.crt")}), "usage: --key: certificate and key belong together");
  EXPECT_EQ(error({"--ca", Path("ca"), "--key", Path("caller.key")}), "usage: --certificate: certificate and key belong together");
  EXPECT_EQ(error({"--plaintext", "--server", "example.org:1"}), "usage: --plaintext: is for loopback only");
}

}  // namespace
}  // namespace redpoints::cli
