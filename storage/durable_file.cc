#include "storage/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace redpoints {
namespace {

absl::Status Failed(const char* what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("can't ", what, " ", path, ": ", std::strerror(errno)));
}

absl::Status Sync(const std::string& path) {
  const int file = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed("open", path);
  const bool is_synced = ::fsync(file) == 0;
  const auto status = is_synced ? absl::OkStatus() : Failed("sync", path);
  ::close(file);
  return status;
}

std::string ParentOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

}  // namespace

absl::Status WriteDurably(const std::string& file, std::string_view content) {
  const std::string partial = file + ".partial";
  const int out = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (out < 0) return Failed("make", partial);
  absl::Status status;
  while (status.ok() && !content.empty()) {
    const auto written = ::write(out, content.data(), content.size());
    if (written < 0) status = Failed("write", partial);
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (status.ok() && ::fsync(out) != 0) status = Failed("sync", partial);
  ::close(out);
  if (status.ok()) status = RenameDurably(partial, file);
  if (!status.ok()) ::unlink(partial.c_str());
  return status;
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return Failed("rename", from);
  if (auto status = Sync(ParentOf(to)); !status.ok()) return status;
  return ParentOf(from) == ParentOf(to) ? absl::OkStatus() : Sync(ParentOf(from));
}

absl::Status SyncBelow(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, error)) {
    if (!entry.is_regular_file() && !entry.is_directory()) continue;
    if (auto status = Sync(entry.path().string()); !status.ok()) return status;
  }
  if (error) return absl::UnavailableError(absl::StrCat("can't read ", directory, ": ", error.message()));
  return Sync(directory);
}

}  // namespace redpoints
