// The write mark: how many writes a side store has acknowledged, in one small file in its directory. RocksDB opens a store whose write-ahead
// log (*.log) was cut or is gone as if nothing had happened; only this notices it. As far as the mark goes: it is synced when the store is
// closed, so after a power cut it may say less than was acknowledged. Never more. A backup has none, since it may be older.
//
//   writes:20 digits ' ' sum:16 hex digits '\n'      sum: of SHA-256 of the digits, the first
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace redpoints {

// The mark file of the store in `directory`.
std::string WriteMarkFile(const std::string& directory);

// Any error but RESOURCE_EXHAUSTED, too many open files, means that there is none, or that it is torn: nothing is known.
absl::StatusOr<std::uint64_t> ReadWriteMark(const std::string& directory);

// Not thread-safe. A disk that does not take the mark leaves the one before, which says less.
class WriteMark {
 public:
  // Of a store that is open for writing.
  explicit WriteMark(const std::string& directory);
  ~WriteMark();
  WriteMark(const WriteMark&) = delete;
  WriteMark& operator=(const WriteMark&) = delete;

  void Set(std::uint64_t writes);

 private:
  const int file_;
};

}  // namespace redpoints
