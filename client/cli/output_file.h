// A file that results go into, so that a full disk is an error and what was there before is never lost. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace redpoints::cli {

// Each error names the file and says why. After one only the destructor may follow.
class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)) {}

  bool is_open() const { return file_ != nullptr; }
  // ALREADY_EXISTS for a file that is there.
  absl::Status Create();
  // Cuts the file, which is made where there is none, to `kept_bytes` and goes on behind them.
  absl::Status Append(std::int64_t kept_bytes);
  absl::Status Write(std::string_view bytes);
  // What was written has reached the system only when this is OK.
  absl::Status Close();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  absl::Status Open(const char* mode);
  absl::Status Error() const;

  const std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
};

}  // namespace redpoints::cli
