#include "client/cli/output_file.h"

#include <unistd.h>

#include <cerrno>

namespace redpoints::cli {

absl::Status OutputFile::Create() { return Open("wbx"); }

absl::Status OutputFile::Append(std::int64_t kept_bytes) {
  if (auto status = Open("ab"); !status.ok()) return status;
  return ftruncate(fileno(file_.get()), kept_bytes) == 0 ? absl::OkStatus() : Error();
}

absl::Status OutputFile::Write(std::string_view bytes) {
  return std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size() ? absl::OkStatus() : Error();
}

absl::Status OutputFile::Close() {
  if (!file_) return absl::OkStatus();
  return std::fclose(file_.release()) == 0 ? absl::OkStatus() : Error();
}

absl::Status OutputFile::Open(const char* mode) {
  file_.reset(std::fopen(path_.c_str(), mode));
  return file_ ? absl::OkStatus() : Error();
}

absl::Status OutputFile::Error() const { return absl::ErrnoToStatus(errno, path_); }

}  // namespace redpoints::cli
