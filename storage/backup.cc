#include "storage/backup.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "storage/durable_file.h"
#include "storage/merkle/sha256.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> FileSum(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::UnavailableError(absl::StrCat("can't read ", path.string()));
  Sha256Stream stream;
  std::vector<char> buffer(1 << 20);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0) {
    stream.Add({buffer.data(), static_cast<std::size_t>(file.gcount())});
  }
  const Hash hash = stream.Finish();
  return Hex(hash.data(), hash.size());
}

// Relative path to sum of every file but the list itself.
absl::StatusOr<std::map<std::string, std::string>> SumsOf(const std::string& directory) {
  std::map<std::string, std::string> sums;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(directory, error)) {
    if (!entry.is_regular_file() || entry.path().filename() == "SHA256SUMS") continue;
    auto sum = FileSum(entry.path());
    if (!sum.ok()) return sum.status();
    sums[fs::relative(entry.path(), directory).string()] = *sum;
  }
  if (error) return absl::UnavailableError(absl::StrCat("can't read ", directory, ": ", error.message()));
  return sums;
}

}  // namespace

absl::Status WriteSums(const std::string& directory) {
  auto sums = SumsOf(directory);
  if (!sums.ok()) return sums.status();
  // The list comes last, when what it names is on the disk: with it a backup is whole, also after a power cut.
  if (auto status = SyncBelow(directory); !status.ok()) return status;
  std::string lines;
  for (const auto& [path, sum] : *sums) absl::StrAppend(&lines, sum, "  ", path, "\n");
  return WriteDurably(directory + "/SHA256SUMS", lines);
}

absl::Status VerifySums(const std::string& directory) {
  std::ifstream file(directory + "/SHA256SUMS");
  if (!file) return absl::NotFoundError(absl::StrCat("no SHA256SUMS in ", directory, ": not a whole backup"));
  auto sums = SumsOf(directory);
  if (!sums.ok()) return sums.status();
  for (std::string line; std::getline(file, line);) {
    if (line.size() < 67) return absl::DataLossError(absl::StrCat("SHA256SUMS: a line is cut: ", line));
    const std::string path = line.substr(66);
    const auto it = sums->find(path);
    if (it == sums->end()) return absl::DataLossError(absl::StrCat(path, " is missing"));
    if (it->second != line.substr(0, 64)) return absl::DataLossError(absl::StrCat(path, " is altered"));
    sums->erase(it);
  }
  if (!sums->empty()) return absl::DataLossError(absl::StrCat(sums->begin()->first, " is not in SHA256SUMS"));
  return absl::OkStatus();
}

}  // namespace redpoints
