// Reads the journal of one program as it is stored: rows of commit batches, each the lines of its entries. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/rules/entry.h"
#include "storage/store.h"

namespace redpoints {

class Journal {
 public:
  // `store` is not owned and must outlive the journal.
  Journal(const Store& store, std::string program) : store_(store), program_(std::move(program)) {}

  // The stored line of one entry, without the newline. NOT_FOUND when there is none.
  absl::StatusOr<std::string> Line(std::int64_t sequence) const;
  absl::StatusOr<Entry> Read(std::int64_t sequence) const;
  // The `count` entries from `first` on. NOT_FOUND when the journal ends before.
  absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> ReadAll(std::int64_t first, std::int64_t count) const;

  // Consecutive stored lines, each ended by LF.
  struct Chunk {
    std::int64_t first = 0;
    std::int64_t next = 0;  // one past the last line; `first` when there are none
    std::string lines;
    std::vector<std::string_view> Split() const;  // views into `lines`, without the newlines
  };
  // From `start` on, up to `end` (exclusive), and no longer than about `bytes_max` (at least one line). DATA_LOSS where a row is missing.
  absl::StatusOr<Chunk> Lines(std::int64_t start, std::int64_t end, std::size_t bytes_max) const;

  // One past the last entry.
  absl::StatusOr<std::int64_t> End() const;

  // The programs that have a journal in `store`, in byte order.
  static absl::StatusOr<std::vector<std::string>> Programs(const Store& store);

  const Store& store() const { return store_; }

 private:
  const Store& store_;
  const std::string program_;
};

}  // namespace redpoints
