#include "storage/log/readable.h"

namespace redpoints {
namespace {

// Goes through the readable rows of one place.
class Cursor {
 public:
  Cursor(const RowSource& source, const KeySteps& steps) : source_(&source), steps_(&steps), it_(source()) {}

  bool is_valid() const { return it_->Valid() && Key() < steps_->end; }
  // Whether there was something that can't be read.
  bool has_passed_over() const { return has_passed_over_; }
  std::string_view Key() const { return it_->key().ToStringView(); }
  std::string_view Value() const { return it_->value().ToStringView(); }

  // The first readable row from `key` on.
  void Seek(const std::string& key) {
    it_->Seek(key);
    if (!it_->Valid() && !it_->status().ok()) PassOver(steps_->number(key));
  }
  void Next() {
    const std::int64_t number = steps_->number(Key());
    it_->Next();
    if (!it_->Valid() && !it_->status().ok()) PassOver(number);
  }

 private:
  bool IsReadableFrom(std::int64_t number) {
    it_ = (*source_)();  // one that failed forgets that it did when it looks for the same block again
    it_->Seek(steps_->key(number));
    return it_->Valid();
  }
  // To the least number above `unreadable` from which rows can be read again.
  void PassOver(std::int64_t unreadable) {
    has_passed_over_ = true;
    std::int64_t bad = unreadable, step = steps_->step;
    for (; !IsReadableFrom(bad + step); bad += step) {
      if (it_->status().ok()) return;  // there is nothing behind it
      if (bad - unreadable > steps_->near) step *= 2;
      if (bad + step >= steps_->max) return;
    }
    std::int64_t good = bad + step;
    while (good - bad > 1) {
      const std::int64_t middle = bad + (good - bad) / 2;
      (IsReadableFrom(middle) ? good : bad) = middle;
    }
    IsReadableFrom(good);
  }

  const RowSource* source_;
  const KeySteps* steps_;
  std::unique_ptr<rocksdb::Iterator> it_;
  bool has_passed_over_ = false;
};

}  // namespace

absl::Status ForEachReadable(const RowSource& whole, const std::function<std::vector<RowSource>()>& parts, const KeySteps& steps,
                             const std::function<absl::Status(std::string_view key, std::string_view value)>& row) {
  std::optional<std::vector<RowSource>> files;  // outlive their iterators
  std::vector<Cursor> cursors;
  cursors.emplace_back(whole, steps);
  cursors[0].Seek(steps.begin);
  for (std::string last = steps.begin;;) {
    const auto go_beyond_last = [&](Cursor& cursor) {
      while (cursor.is_valid() && cursor.Key() <= last) cursor.Next();
    };
    for (Cursor& cursor : cursors) go_beyond_last(cursor);
    if (!files && cursors[0].has_passed_over()) {
      files = parts();
      for (const RowSource& file : *files) {
        cursors.emplace_back(file, steps);
        cursors.back().Seek(last);
        go_beyond_last(cursors.back());
      }
    }
    const Cursor* next = nullptr;
    for (const Cursor& cursor : cursors) {
      if (cursor.is_valid() && (!next || cursor.Key() < next->Key())) next = &cursor;
    }
    if (!next) return absl::OkStatus();
    last = next->Key();
    if (auto status = row(last, next->Value()); !status.ok()) return status;
  }
}

}  // namespace redpoints
