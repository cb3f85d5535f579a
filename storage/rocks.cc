#include "storage/rocks.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/start_failure.h"

namespace redpoints {
namespace {

std::string NameOfUser(uid_t uid) {
  passwd entry{}, *found = nullptr;
  char buffer[4096];
  if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) return found->pw_name;
  return absl::StrCat("uid ", uid);
}

absl::Status Denied(const std::string& path, const char* what) {
  const int error = errno;
  const std::string problem = absl::StrCat("can't ", what, " ", path, ": ", std::strerror(error)), us = NameOfUser(::geteuid());
  struct stat info {};
  const bool is_known = ::stat(path.c_str(), &info) == 0;
  if (is_known && error == EACCES && info.st_uid == ::geteuid()) {
    const std::string mode = absl::StrFormat("%04o", static_cast<unsigned>(info.st_mode & 07777));
    return absl::PermissionDeniedError(absl::StrCat(problem, "; it belongs to ", us, ", as this process does, but its mode is ", mode,
                                                    ": chmod u+", S_ISDIR(info.st_mode) ? "rwx " : "rw ", path));
  }
  return absl::PermissionDeniedError(absl::StrCat(problem, is_known ? absl::StrCat("; it belongs to ", NameOfUser(info.st_uid)) : "",
                                                  "; this process runs as ", us, ": give the whole directory to it (chown -R)"));
}

}  // namespace

RocksLog::RocksLog(const std::string& path) {
  if (path.empty()) return;
  std::rename(path.c_str(), (path + ".old").c_str());
  file_ = std::fopen(path.c_str(), "we");
}

RocksLog::~RocksLog() {
  if (file_) std::fclose(file_);
}

void RocksLog::Logv(const char* format, va_list arguments) {
  char line[1024];
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const int head = std::snprintf(line, sizeof line, "%lld.%06ld ", static_cast<long long>(now.tv_sec), now.tv_nsec / 1000);
  std::vsnprintf(line + head, sizeof line - static_cast<std::size_t>(head), format, arguments);
  // "(ignoring error) /ledger/log/000012.log: dropping 60 bytes; Corruption: ..."
  const std::string_view text = std::string_view(line).substr(static_cast<std::size_t>(head));
  if (const auto end = text.find(": dropping "); end != std::string_view::npos) {
    const auto begin = text.rfind(' ', end - 1);
    const std::lock_guard lock(mutex_);
    damaged_file_ = text.substr(begin == std::string_view::npos ? 0 : begin + 1, end - (begin == std::string_view::npos ? 0 : begin + 1));
  }
  if (!file_) return;
  std::fprintf(file_, "%s\n", line);
  std::fflush(file_);
}

std::string RocksLog::damaged_file() const {
  const std::lock_guard lock(mutex_);
  return damaged_file_;
}

rocksdb::Options RocksOptions(const std::string& directory, rocksdb::Env* env, bool is_read_only) {
  rocksdb::Options db;
  db.info_log = std::make_shared<RocksLog>(env || is_read_only ? "" : directory + "/LOG");
  if (env) db.env = env;
  // The default would drop all synced writes behind a damaged byte in silence; this one refuses to open.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.max_background_jobs = 2;
  db.compaction_readahead_size = 2u << 20;
  db.bytes_per_sync = 1u << 20;
  return db;
}

absl::Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  std::string text = status.ToString();
  // Debian's RocksDB looks for the old name of a table file when the new one is missing, and then names that.
  if (const auto at = text.find(".ldb"); at != std::string::npos) text.replace(at, 4, ".sst");
  const std::string message = absl::StrCat(std::string(doing), ": ", text);
  const auto has = [&](const char* words) { return text.find(words) != std::string::npos; };
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace() || has("No space left") || has("quota")) return absl::UnavailableError(message);
  if (has("Too many open files")) return absl::ResourceExhaustedError(message);
  if (has("ermission denied")) return absl::PermissionDeniedError(message);
  // A lock of another process, of this one, and of its file system in memory.
  if (has("While lock file") || has("lock hold by current process") || has("lock is already held")) {
    return InUse(doing);
  }
  if (status.IsNotFound() || status.IsPathNotFound() || has("No such file")) return absl::NotFoundError(message);
  if (status.IsInvalidArgument()) return absl::FailedPreconditionError(message);
  return absl::InternalError(message);
}

absl::Status InUse(std::string_view doing) {
  return WithStartFailure(
      absl::FailedPreconditionError(absl::StrCat(std::string(doing), ": in use by another process; stop the server first")),
      "LEDGER_IN_USE");
}

bool IsInUse(const std::string& directory) {
  const int file = ::open((directory + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool is_held = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return is_held;
}

absl::Status CheckAccess(const std::string& directory, bool is_written) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(absl::StrCat("there is no directory ", directory));
    return Denied(directory, "look at");
  }
  if (::access(directory.c_str(), R_OK | X_OK) != 0) return Denied(directory, "read");
  if (is_written && ::access(directory.c_str(), W_OK) != 0) return Denied(directory, "write to");
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    if (::access(file.c_str(), R_OK) != 0) return Denied(file, "read");
    if (is_written && ::access(file.c_str(), W_OK) != 0) return Denied(file, "write");
  }
  return absl::OkStatus();
}

}  // namespace redpoints
