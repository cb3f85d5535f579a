// A Store in memory: for tests, and for a ledger that can only be read and has no derived rows on its disk. Thread-safe.
#pragma once

#include <map>
#include <mutex>

#include "storage/store/store.h"

namespace redpoints {

class MemoryStore : public Store {
 public:
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  absl::StatusOr<std::vector<Row>> Scan(const Range& range) const override;
  absl::Status Install(const DerivedRows& rows) override;
  absl::Status DeleteRange(std::string_view begin, std::string_view end) override;
  absl::Status Damage() const override { return absl::OkStatus(); }
  absl::Status Clear() override;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> rows_;
};

}  // namespace redpoints
