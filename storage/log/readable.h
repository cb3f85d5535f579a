// The rows of one table of a damaged log that can still be read, behind what can't be, too. Not thread-safe.
#pragma once

#include <rocksdb/iterator.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace redpoints {

// One place where rows are: the whole table, or one of its files. Each row is written once, so that any place may tell it. An iterator
// lives no longer than its source.
using RowSource = std::function<std::unique_ptr<rocksdb::Iterator>()>;

// Where to try to read again behind what can't be read: keys in ascending order, by number.
struct KeySteps {
  std::string begin, end;  // of the keys in question
  std::function<std::string(std::int64_t number)> key;
  std::function<std::int64_t(std::string_view key)> number;  // of a key from `begin` to `end`
  std::int64_t step, near, max;                              // by `step` up to `near` numbers ahead, then by more and more, to `max`
};

// All readable rows in order, each once; stops when `row` returns an error, and returns that. `whole` comes first: `parts` are asked for
// when it can't be read everywhere. RocksDB merges files row by row, so that one that can't be read hides what lies in front of it in
// others.
absl::Status ForEachReadable(const RowSource& whole, const std::function<std::vector<RowSource>()>& parts, const KeySteps& steps,
                             const std::function<absl::Status(std::string_view key, std::string_view value)>& row);

}  // namespace redpoints
