#include "storage/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const char* what, const std::string& path, int error = errno) {
  const auto code = error == ENOENT || error == ENOTDIR  ? absl::StatusCode::kNotFound
                    : error == EACCES || error == EPERM  ? absl::StatusCode::kPermissionDenied
                    : error == EMFILE || error == ENFILE ? absl::StatusCode::kResourceExhausted
                                                         : absl::StatusCode::kUnavailable;
  return absl::Status(code, absl::StrCat("can't ", what, " ", path, ": ", std::strerror(error)));
}

absl::Status Sync(const std::string& path) {
  const int file = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed("open", path);
  const bool is_synced = ::fsync(file) == 0;
  const auto status = is_synced ? absl::OkStatus() : Failed("sync", path);
  ::close(file);
  return status;
}

std::string ParentOf(const std::string& path) { return fs::path(path).parent_path().string(); }

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

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  // Opened before, so that a lack of descriptors does not fail what has its name already.
  const std::string parent = ParentOf(to);
  const int directory = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_CLOEXEC);
  if (directory < 0) return Failed("open", parent);
  absl::Status status;
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    status = Failed("rename", from);
  } else if (::fsync(directory) != 0) {
    status = Failed("sync", parent);
  }
  ::close(directory);
  return status;
}

absl::Status ReadFile(const std::string& file, const std::function<void(std::string_view piece)>& take) {
  const int in = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) return Failed("read", file);
  std::vector<char> buffer(1 << 20);
  absl::Status status;
  for (ssize_t size = 1; size > 0;) {
    size = ::read(in, buffer.data(), buffer.size());
    if (size < 0) status = Failed("read", file);
    if (size > 0) take({buffer.data(), static_cast<std::size_t>(size)});
  }
  ::close(in);
  return status;
}

absl::StatusOr<std::string> ReadFile(const std::string& file) {
  std::string content;
  if (auto status = ReadFile(file, [&](std::string_view piece) { content.append(piece); }); !status.ok()) return status;
  return content;
}

absl::Status ForEachFile(const std::string& directory, const std::function<absl::Status(const std::string& path)>& visit) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory(error)) continue;
    if (auto status = visit(entry->path().string()); !status.ok()) return status;
  }
  return error ? Failed("read", directory, error.value()) : absl::OkStatus();
}

absl::Status SyncBelow(const std::string& directory) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (auto status = Sync(entry->path().string()); !status.ok()) return status;
  }
  return error ? Failed("read", directory, error.value()) : Sync(directory);
}

}  // namespace redpoints
