// A store in which a damaged file is met.
#pragma once

#include <string>
#include <string_view>

#include "storage/store/store.h"

namespace redpoints {

// After `reads` good ones none is, until it is cleared; and so again, `times` times in all. Not thread-safe.
class DamagedStore : public Store {
 public:
  DamagedStore(Store& rows, int reads, int times = 1) : rows_(rows), reads_(reads), left_(reads), times_(times) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    if (auto status = Read(); !status.ok()) return status;
    return rows_.Get(key);
  }
  absl::StatusOr<std::vector<Row>> Scan(const Range& range) const override {
    if (auto status = Read(); !status.ok()) return status;
    return rows_.Scan(range);
  }
  absl::Status Install(const DerivedRows& rows) override { return rows_.Install(rows); }
  absl::Status DeleteRange(std::string_view begin, std::string_view end) override { return rows_.DeleteRange(begin, end); }
  absl::Status Damage() const override { return damage_; }
  absl::Status Clear() override {
    ++clears_;
    left_ = reads_;
    damage_ = absl::OkStatus();
    return rows_.Clear();
  }
  int clears() const { return clears_; }
  bool is_met() const { return is_met_; }

 private:
  absl::Status Read() const {
    if (clears_ >= times_ || left_-- > 0) return absl::OkStatus();
    is_met_ = true;
    damage_ = absl::DataLossError("block checksum mismatch");
    return damage_;
  }

  Store& rows_;
  const int reads_;
  mutable int left_;
  const int times_;
  int clears_ = 0;
  mutable bool is_met_ = false;
  mutable absl::Status damage_;
};

}  // namespace redpoints
