#include "storage/log/salvage.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/durable_file.h"
#include "storage/keys.h"
#include "storage/log/tables.h"
#include "storage/rocks.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;

class Rocks : public Salvage {
 public:
  explicit Rocks(std::string directory) : directory_(std::move(directory)) {}
  ~Rocks() override { Close(); }

  absl::Status Open() {
    rocksdb::Options options = RocksOptions(directory_, nullptr, /*is_read_only=*/true);
    absl::Status status = OpenDb(options);
    if (status.ok()) return Named("as it is");
    MakeCurrent();
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    if (OpenDb(options).ok()) return Named("without what is damaged in its write-ahead logs");
    rocksdb::Options repair = RocksOptions(directory_, nullptr, /*is_read_only=*/false);
    repair.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    if (auto repaired = rocksdb::RepairDB(directory_, repair, LogTables(), LogTableOptions()); !repaired.ok()) {
      return absl::DataLossError(absl::StrCat(std::string(status.message()), "; and repairing it: ", repaired.ToString()));
    }
    // Of a table whose files are all gone the repaired list knows nothing: it is made again, empty.
    repair.create_missing_column_families = true;
    Close();
    rocksdb::DB* db = nullptr;
    if (auto again = rocksdb::DB::Open(repair, directory_, LogTables(), &handles_, &db); !again.ok()) {
      handles_.clear();
      return absl::DataLossError(absl::StrCat("opening ", directory_, " after a repair: ", again.ToString()));
    }
    db_.reset(db);
    return Named("after a repair of its list of files");
  }

  const std::string& means() const override { return means_; }

  std::set<std::string> Programs() const override {
    std::set<std::string> programs;
    ForEach(kLogMeta, std::string(kEndPrefix), PrefixEnd(std::string(kEndPrefix)), [&](std::string_view key, std::string_view) {
      programs.emplace(key.substr(kEndPrefix.size()));
      return absl::OkStatus();
    }).IgnoreError();
    // One look for each program: behind all keys of the one before.
    for (std::string next;;) {
      const auto it = Iterate(kLogJournal);
      it->Seek(next);
      if (!it->Valid()) break;
      const std::string_view key = it->key().ToStringView();
      const std::string id(key.substr(0, key.find('\0')));
      programs.insert(id);
      next = id + '\1';
    }
    return programs;
  }

  absl::Status ForEachRow(const std::string& program, const std::function<absl::Status(const JournalRow&)>& row) const override {
    for (std::int64_t next = 0;;) {
      auto status = ForEach(kLogJournal, JournalKey(program, next), JournalKey(program, std::numeric_limits<std::int64_t>::max()),
                            [&](std::string_view key, std::string_view value) -> absl::Status {
                              const auto first = JournalSequence(program, key);
                              const auto lines = ParseJournalValue(value);
                              if (!first || !lines || *first < next) return absl::OkStatus();
                              next = *first + std::max<std::int64_t>(lines->first, 1);
                              return row({.first = *first, .entries = lines->first, .lines = std::string(lines->second)});
                            });
      if (!IsUnreadable(status)) return status;
      const auto beyond = Beyond(program, next);
      if (!beyond) return absl::OkStatus();
      next = *beyond;
    }
  }

  std::int64_t EndOf(const std::string& program) const override {
    std::string value;
    std::int64_t end = 0;
    const auto status = db_->Get(rocksdb::ReadOptions(), handles_[kLogMeta], EndKey(program), &value);
    return status.ok() && absl::SimpleAtoi(value, &end) ? end : 0;
  }

  absl::Status ForEachBlob(const std::string& program, const std::function<absl::Status(const CommitBatch::Blob&)>& blob) const override {
    const std::string prefix = BlobKey(program, "");
    auto status = ForEach(kLogBlob, prefix, PrefixEnd(prefix), [&](std::string_view key, std::string_view value) {
      return blob({.program = program, .sha256 = std::string(key.substr(prefix.size())), .content = std::string(value)});
    });
    return IsUnreadable(status) ? absl::OkStatus() : status;
  }

 private:
  static constexpr const char* kUnreadable = "unreadable";
  static bool IsUnreadable(const absl::Status& status) { return absl::IsDataLoss(status) && status.message() == kUnreadable; }

  absl::Status Named(std::string means) {
    means_ = std::move(means);
    std::string format;
    const auto status = db_->Get(rocksdb::ReadOptions(), handles_[kLogMeta], "format", &format);
    if (!status.ok() || format == kFormat) return absl::OkStatus();  // that row may be gone, too
    return absl::FailedPreconditionError(
        absl::StrCat("the ledger in ", directory_, " has format ", format, "; this program reads format ", kFormat));
  }

  absl::Status OpenDb(const rocksdb::Options& options) {
    Close();
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::OpenForReadOnly(options, directory_, LogTables(), &handles_, &db);
    if (!status.ok()) {
      handles_.clear();
      return FromRocks(status, absl::StrCat("opening ", directory_));
    }
    db_.reset(db);
    return absl::OkStatus();
  }

  void Close() {
    if (!db_) return;
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    handles_.clear();
    db_->Close().PermitUncheckedError();
    db_.reset();
  }

  // CURRENT holds nothing but the name of the newest list of files.
  void MakeCurrent() const {
    std::error_code error;
    if (fs::exists(directory_ + "/CURRENT", error)) return;
    std::string newest;
    for (const auto& file : fs::directory_iterator(directory_, error)) {
      const std::string name = file.path().filename();
      if (name.starts_with("MANIFEST-")) newest = std::max(newest, name);
    }
    if (!newest.empty()) WriteDurably(directory_ + "/CURRENT", newest + "\n").IgnoreError();  // the repair is next
  }

  std::unique_ptr<rocksdb::Iterator> Iterate(LogTable table) const {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(read, handles_[table]));
  }

  // The rows from `begin` to `end`, in order; DATA_LOSS "unreadable" where they can't be read on.
  absl::Status ForEach(LogTable table, const std::string& begin, const std::string& end,
                       const std::function<absl::Status(std::string_view key, std::string_view value)>& row) const {
    const auto it = Iterate(table);
    for (it->Seek(begin); it->Valid() && it->key().ToStringView() < end; it->Next()) {
      if (auto status = row(it->key().ToStringView(), it->value().ToStringView()); !status.ok()) return status;
    }
    return it->status().ok() ? absl::OkStatus() : absl::DataLossError(kUnreadable);
  }

  // The least sequence above `unreadable` from which rows can be read again; nullopt: there is none. Blocks are lost whole, so looking with
  // longer and longer steps, then between the last two, is enough.
  std::optional<std::int64_t> Beyond(const std::string& program, std::int64_t unreadable) const {
    const auto is_readable = [&](std::int64_t sequence) {
      const auto it = Iterate(kLogJournal);
      it->Seek(JournalKey(program, sequence));
      return it->Valid() && JournalSequence(program, it->key().ToStringView()).has_value();
    };
    constexpr std::int64_t kMax = std::int64_t{1} << 40;
    std::int64_t bad = unreadable, step = 1;
    while (step < kMax && !is_readable(bad + step)) bad += step, step *= 2;
    if (step >= kMax) return std::nullopt;
    for (std::int64_t good = bad + step;;) {
      if (good - bad <= 1) return good;
      const std::int64_t middle = bad + (good - bad) / 2;
      (is_readable(middle) ? good : bad) = middle;
    }
  }

  const std::string directory_;
  std::string means_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Salvage>> Salvage::Open(const std::string& directory) {
  auto salvage = std::make_unique<Rocks>(directory);
  if (auto status = salvage->Open(); !status.ok()) return status;
  return salvage;
}

}  // namespace redpoints
