// Reads the journal of one program line by line out of the rows of its log. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/log/log.h"
#include "storage/rules/entry.h"

namespace redpoints {

class Journal {
 public:
  // Told of each read that damage, a failing disk or the line of a newer program kept from being done, beside the error that the reader
  // gets; not of RESOURCE_EXHAUSTED, too many open files, which every function here can give.
  using OnDamage = std::function<void(const absl::Status&)>;

  // `log` is not owned and must outlive the journal.
  Journal(const Log& log, std::string program, OnDamage on_damage = {})
      : log_(log), program_(std::move(program)), on_damage_(std::move(on_damage)) {}

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
  // From `start` on, up to `end` (exclusive), and no longer than about `bytes_max` (at least one line). DATA_LOSS where a row is
  // missing, can't be read, or does not hold the lines that it says.
  absl::StatusOr<Chunk> Lines(std::int64_t start, std::int64_t end, std::size_t bytes_max) const;

  // One past the last entry.
  absl::StatusOr<std::int64_t> End() const;

 private:
  absl::StatusOr<Chunk> ReadLines(std::int64_t start, std::int64_t end, std::size_t bytes_max) const;
  absl::Status Noted(absl::Status status) const;

  const Log& log_;
  const std::string program_;
  const OnDamage on_damage_;
};

}  // namespace redpoints
