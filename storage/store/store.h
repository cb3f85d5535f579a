// Derived rows on this machine: a cache, which can be deleted at any time while nobody has it open, and is made again from the log. One
// ordered table. keys.h draws every key and value.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace redpoints {

// Ascending by key, without doubles; nullopt deletes.
using DerivedRows = std::vector<std::pair<std::string, std::optional<std::string>>>;

class Store {
 public:
  struct Row {
    std::string key;
    std::string value;
  };
  struct Range {
    std::string begin;  // inclusive
    std::string end;    // exclusive; empty: to the end of the table
    std::size_t rows_max = 1000;
    bool is_descending = false;  // from the end backwards
  };

  virtual ~Store() = default;

  // An error names the file, as far as the disk tells.
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;
  // At most rows_max rows in order. Continue behind the last key.
  virtual absl::StatusOr<std::vector<Row>> Scan(const Range& range) const = 0;

  // Adds rows in bulk, all or none, durable. What failed can be tried again.
  virtual absl::Status Install(const DerivedRows& rows) = 0;
  // Durable, too.
  virtual absl::Status DeleteRange(std::string_view begin, std::string_view end) = 0;

  // Why rows could not be read, or not be written, since what the disk holds is damaged; OK while they could. Deleting rows does not mend
  // that: damaged files stay until Clear, or until the next opening for writing, which finds it noted and begins with an empty table.
  virtual absl::Status Damage() const = 0;
  // Begins with an empty table, in new files. Nobody else may use the store meanwhile. The start failure DERIVED_DAMAGED: a file can't be
  // deleted.
  virtual absl::Status Clear() = 0;
};

}  // namespace redpoints
