// The write mark: how many writes a side store has acknowledged, in one small file in its directory. RocksDB opens a store whose
// write-ahead log (*.log) was cut or is gone as if nothing had happened; only this notices it. As far as the mark goes: it is synced when
// the store is closed, so after a power cut it may say less than was acknowledged. Never more. Every store has one from its making on; one
// that is gone tells that somebody took files away, maybe the log with it. A backup has its own, an empty one where the store's is empty,
// and none where that is gone.
//
//   writes:20 digits ' ' sum:16 hex digits '\n'      sum: of SHA-256 of the digits, the first
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace redpoints {

// The mark file of the store in `directory`.
std::string WriteMarkFile(const std::string& directory);

// 0: the file is empty, by which a person says that the store shall do without. RESOURCE_EXHAUSTED: too many open files. DATA_LOSS, as the
// start failure SIDE_STORE_UNMARKED: there is none, or none that can be read, or it is torn.
absl::StatusOr<std::uint64_t> ReadWriteMark(const std::string& directory);
// Makes it, durable, in a store that has none; an empty one for a copy of a store that does without.
absl::Status MakeWriteMark(const std::string& directory, std::optional<std::uint64_t> writes);

// Not thread-safe. A disk that does not take the mark leaves the one before, which says less.
class WriteMark {
 public:
  // Of a store that is open for writing, and has one.
  explicit WriteMark(const std::string& directory);
  ~WriteMark();
  WriteMark(const WriteMark&) = delete;
  WriteMark& operator=(const WriteMark&) = delete;

  void Set(std::uint64_t writes);

 private:
  const int file_;
};

}  // namespace redpoints
