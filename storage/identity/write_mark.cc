#include "storage/identity/write_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/durable_file.h"
#include "storage/merkle/sha256.h"
#include "storage/start_failure.h"

namespace redpoints {
namespace {

std::string LineOf(std::uint64_t writes) {
  const std::string digits = absl::StrFormat("%020d", writes);
  return absl::StrCat(digits, " ", Sha256Hex(digits).substr(0, 16), "\n");
}

absl::Status Unmarked(const std::string& directory, const absl::Status& why) {
  return WithStartFailure(absl::DataLossError(absl::StrCat("side store: ", WriteMarkFile(directory), " does not say how much was written: ",
                                                           std::string(why.message()), "; nothing was changed")),
                          "SIDE_STORE_UNMARKED");
}

}  // namespace

std::string WriteMarkFile(const std::string& directory) { return directory + "/WRITES"; }

absl::StatusOr<std::uint64_t> ReadWriteMark(const std::string& directory) {
  const auto line = ReadFile(WriteMarkFile(directory));
  if (absl::IsResourceExhausted(line.status())) return line.status();
  if (!line.ok()) return Unmarked(directory, line.status());
  std::uint64_t writes = 0;
  if (line->empty()) return writes;
  if (!absl::SimpleAtoi(line->substr(0, 20), &writes) || *line != LineOf(writes)) {
    return Unmarked(directory, absl::DataLossError("the write mark is torn"));
  }
  return writes;
}

absl::Status MakeWriteMark(const std::string& directory, std::optional<std::uint64_t> writes) {
  return WriteDurably(WriteMarkFile(directory), writes ? LineOf(*writes) : "");
}

WriteMark::WriteMark(const std::string& directory) : file_(::open(WriteMarkFile(directory).c_str(), O_WRONLY | O_CLOEXEC)) {}

WriteMark::~WriteMark() {
  if (file_ < 0) return;
  ::fdatasync(file_);
  ::close(file_);
}

// In its place: as long as before, so that there is room for it, and within one block of the disk.
void WriteMark::Set(std::uint64_t writes) {
  const std::string line = LineOf(writes);
  [[maybe_unused]] const auto written = ::pwrite(file_, line.data(), line.size(), 0);
}

}  // namespace redpoints
