#include "storage/backup.h"

#include <filesystem>
#include <map>
#include <sstream>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "storage/durable_file.h"
#include "storage/merkle/sha256.h"

namespace redpoints {
namespace {

constexpr std::string_view kList = "SHA256SUMS";

// Relative path to sum of every file but the list itself.
absl::StatusOr<std::map<std::string, std::string>> SumsOf(const std::string& directory) {
  std::map<std::string, std::string> sums;
  auto status = ForEachFile(directory, [&](const std::string& path) {
    const std::string name = std::filesystem::path(path).lexically_relative(directory).string();
    if (name == kList) return absl::OkStatus();
    Sha256Stream stream;
    if (auto read = ReadFile(path, [&](std::string_view piece) { stream.Add(piece); }); !read.ok()) return read;
    const Hash hash = stream.Finish();
    sums[name] = Hex(hash.data(), hash.size());
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
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
  return WriteDurably(absl::StrCat(directory, "/", std::string(kList)), lines);
}

absl::Status VerifySums(const std::string& directory) {
  const auto list = ReadFile(absl::StrCat(directory, "/", std::string(kList)));
  if (absl::IsNotFound(list.status())) return absl::NotFoundError("no SHA256SUMS: not a whole backup");
  if (!list.ok()) return list.status();
  auto sums = SumsOf(directory);
  if (!sums.ok()) return sums.status();
  std::istringstream lines(*list);
  for (std::string line; std::getline(lines, line);) {
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
