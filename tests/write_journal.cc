// Writes the journal of a program's life of some months, every kind of entry in it, as an export gives it: DIRECTORY/journal.jsonl, and the
// content that entries name by SHA-256 beside it. What audits with nothing of ours are tried on.
//
//   redpoints_write_journal DIRECTORY
#include <cstdio>
#include <fstream>

#include "tests/storage/rules/every_kind.h"

namespace redpoints {
namespace {

class Player : public EveryKind {
 public:
  void TestBody() override {}
  void Write(const std::string& directory) {
    Live();
    std::ofstream file(directory + "/journal.jsonl", std::ios::binary);
    for (const auto& entry : journal) {
      std::string line;
      AppendLine(*entry, line);
      file << line << '\n';
    }
    for (const auto& [sha256, content] : blobs) std::ofstream(directory + "/" + sha256, std::ios::binary) << content;
  }
};

}  // namespace
}  // namespace redpoints

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) {
    std::fputs("usage: redpoints_write_journal DIRECTORY\n", stderr);
    return 64;
  }
  redpoints::Player().Write(argv[1]);
  return testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed() ? 1 : 0;
}
