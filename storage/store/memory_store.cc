#include "storage/store/memory_store.h"

namespace redpoints {

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto it = rows_.find(key);
  return it == rows_.end() ? std::nullopt : std::optional(it->second);
}

absl::StatusOr<std::vector<Store::Row>> MemoryStore::Scan(const Range& range) const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> found;
  if (!range.end.empty() && range.end <= range.begin) return found;
  const auto begin = rows_.lower_bound(range.begin);
  const auto end = range.end.empty() ? rows_.end() : rows_.lower_bound(range.end);
  if (range.is_descending) {
    for (auto it = end; it != begin && found.size() < range.rows_max;) {
      --it;
      found.push_back({it->first, it->second});
    }
  } else {
    for (auto it = begin; it != end && found.size() < range.rows_max; ++it) found.push_back({it->first, it->second});
  }
  return found;
}

absl::Status MemoryStore::Install(const DerivedRows& rows) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, value] : rows) {
    if (value) {
      rows_[key] = *value;
    } else {
      rows_.erase(key);
    }
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::DeleteRange(std::string_view begin, std::string_view end) {
  const std::lock_guard lock(mutex_);
  if (begin < end) rows_.erase(rows_.lower_bound(begin), rows_.lower_bound(end));
  return absl::OkStatus();
}

absl::Status MemoryStore::Clear() {
  const std::lock_guard lock(mutex_);
  rows_.clear();
  return absl::OkStatus();
}

}  // namespace redpoints
