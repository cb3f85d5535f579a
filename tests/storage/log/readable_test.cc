#include "storage/log/readable.h"

#include <gmock/gmock.h>

#include <set>

namespace redpoints {
namespace {

// Rows 0 to 9, of which some can't be read: an iterator that comes to one of them fails, as RocksDB's do.
class Rows : public rocksdb::Iterator {
 public:
  Rows(std::set<int> rows, std::set<int> unreadable) : rows_(std::move(rows)), unreadable_(std::move(unreadable)), at_(rows_.end()) {}
  bool Valid() const override { return is_readable_ && at_ != rows_.end(); }
  void Seek(const rocksdb::Slice& key) override {
    at_ = rows_.lower_bound(key.empty() ? 0 : key[0] - '0');
    Look();
  }
  void Next() override {
    ++at_;
    Look();
  }
  rocksdb::Slice key() const override { return text_; }
  rocksdb::Slice value() const override { return text_; }
  rocksdb::Status status() const override { return is_readable_ ? rocksdb::Status() : rocksdb::Status::Corruption(); }
  void SeekToFirst() override { Seek(""); }
  void SeekToLast() override {}
  void SeekForPrev(const rocksdb::Slice&) override {}
  void Prev() override {}

 private:
  void Look() {
    is_readable_ = at_ == rows_.end() || !unreadable_.contains(*at_);
    if (at_ != rows_.end()) text_ = std::to_string(*at_);
  }
  const std::set<int> rows_, unreadable_;
  std::set<int>::const_iterator at_;
  bool is_readable_ = true;
  std::string text_;
};

RowSource Source(std::set<int> rows, std::set<int> unreadable) {
  return [=] { return std::make_unique<Rows>(rows, unreadable); };
}

std::string Read(const RowSource& whole, const std::vector<RowSource>& parts) {
  const KeySteps steps{.begin = "",
                       .end = ":",
                       .key = [](std::int64_t number) { return std::string(1, static_cast<char>('0' + number)); },
                       .number = [](std::string_view key) { return std::int64_t{key.empty() ? 0 : key[0] - '0'}; },
                       .step = 1,
                       .near = 10,
                       .max = 10};
  std::string rows;
  const auto status = ForEachReadable(
      whole, [&] { return parts; }, steps,
      [&](std::string_view key, std::string_view) {
        rows += key;
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

TEST(Readable, EachRowOnceInOrderWhereverItIs) {
  const std::set<int> all = {0, 1, 2, 3, 4, 5};
  const auto even = Source({0, 2, 4}, {2}), odd = Source({1, 3, 5}, {});
  EXPECT_EQ(Read(Source(all, {}), {}), "012345");
  EXPECT_EQ(Read(Source(all, {2, 3}), {even, odd}), "01345") << "in the middle: what the whole hides is in a part";
  EXPECT_EQ(Read(Source(all, {0, 1}), {Source({0, 2, 4}, {0}), odd}), "12345") << "at the beginning";
  EXPECT_EQ(Read(Source(all, {4, 5}), {Source({0, 2, 4}, {4}), odd}), "01235") << "at the end";
  EXPECT_EQ(Read(Source(all, all), {Source(all, all)}), "");
}

TEST(Readable, StopsWhenItIsToldTo) {
  int rows = 0;
  const KeySteps steps{.begin = "",
                       .end = ":",
                       .key = [](std::int64_t) { return std::string(); },
                       .number = [](std::string_view) { return 0; },
                       .step = 1,
                       .near = 1,
                       .max = 1};
  const auto status = ForEachReadable(
      Source({1, 2, 3}, {}), [] { return std::vector<RowSource>(); }, steps,
      [&](std::string_view, std::string_view) { return ++rows < 2 ? absl::OkStatus() : absl::UnavailableError("full"); });
  EXPECT_EQ(status.message(), "full");
  EXPECT_EQ(rows, 2);
}

}  // namespace
}  // namespace redpoints
