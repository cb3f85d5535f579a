#include "storage/log/salvage.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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
    const absl::Status as_it_is = OpenDb(options);
    if (as_it_is.ok()) return Named("as it is");
    if (IsOfMachine(as_it_is)) return as_it_is;
    MakeCurrent();
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    const absl::Status passing_over = OpenDb(options);
    if (passing_over.ok()) return Named("without what is damaged in its write-ahead logs");
    if (IsOfMachine(passing_over)) return passing_over;
    rocksdb::Options repair = RocksOptions(directory_, nullptr, /*is_read_only=*/false);
    repair.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    if (auto repaired = rocksdb::RepairDB(directory_, repair, LogTables(), LogTableOptions()); !repaired.ok()) {
      const absl::Status said = FromRocks(repaired, absl::StrCat(std::string(as_it_is.message()), "; and repairing it"));
      return IsOfMachine(said) ? said : absl::DataLossError(said.message());
    }
    // Of a table whose files are all gone the repaired list knows nothing: it is made again, empty.
    repair.create_missing_column_families = true;
    Close();
    rocksdb::DB* db = nullptr;
    if (auto again = rocksdb::DB::Open(repair, directory_, LogTables(), &handles_, &db); !again.ok()) {
      handles_.clear();
      const absl::Status said = FromRocks(again, absl::StrCat("opening ", directory_, " after a repair"));
      return IsOfMachine(said) ? said : absl::DataLossError(said.message());
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
    // From both ends, since neither way goes beyond what can't be read. One look for each program: past all of its keys.
    for (const LogTable table : {kLogJournal, kLogBlob}) {
      const auto it = Iterate(table);
      const auto program = [&] {
        const std::string_view key = it->key().ToStringView();
        const std::string id(key.substr(0, key.find('\0')));
        if (id.size() == key.size()) return std::string();
        programs.insert(id);
        return id;
      };
      for (it->SeekToFirst(); it->Valid();) {
        const std::string id = program();
        id.empty() ? it->Next() : it->Seek(id + '\1');
      }
      for (it->SeekToLast(); it->Valid();) {
        const std::string id = program();
        id.empty() ? it->Prev() : it->SeekForPrev(id);
      }
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
    std::string first, last;  // hashes: where to begin, and what was read last
    for (;;) {
      auto status = ForEach(kLogBlob, prefix + first, PrefixEnd(prefix), [&](std::string_view key, std::string_view value) {
        last = key.substr(prefix.size());
        return blob({.program = program, .sha256 = last, .content = std::string(value)});
      });
      if (!IsUnreadable(status)) return status;
      // Hashes are spread evenly: the next beginning of one from which can be read is behind what can't.
      std::uint32_t beginning = 0;
      if (!absl::SimpleHexAtoi(std::max(first, last).substr(0, 4), &beginning)) beginning = 0;
      const auto it = Iterate(kLogBlob);
      do {
        if (++beginning > 0xFFFF) return absl::OkStatus();
        first = absl::StrFormat("%04x", beginning);
        it->Seek(prefix + first);
      } while (!it->Valid());
    }
  }

 private:
  static constexpr const char* kUnreadable = "unreadable";
  // What is no damage: milder or harsher means would only hide it.
  static bool IsOfMachine(const absl::Status& status) {
    return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) || absl::IsPermissionDenied(status);
  }
  static bool IsUnreadable(const absl::Status& status) { return absl::IsDataLoss(status) && status.message() == kUnreadable; }

  absl::Status Named(std::string means) {
    means_ = std::move(means);
    std::string format;
    for (auto* table : handles_) {
      if (db_->Get(rocksdb::ReadOptions(), table, kFormatKey, &format).ok()) break;
    }
    if (format.empty() || format == kFormat) return absl::OkStatus();  // those rows may be gone, too
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

  // CURRENT holds nothing but the name of the newest list of files: made again when that list is not there.
  void MakeCurrent() const {
    std::error_code error;
    const auto named = ReadFile(directory_ + "/CURRENT");
    const bool is_line = named.ok() && named->starts_with("MANIFEST-") && named->ends_with('\n');
    if (is_line && fs::exists(absl::StrCat(directory_, "/", named->substr(0, named->size() - 1)), error)) return;
    std::string newest;
    for (fs::directory_iterator file(directory_, error), end; !error && file != end; file.increment(error)) {
      const std::string name = file->path().filename();
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

  // The least sequence above `unreadable` from which rows can be read again; nullopt: there is none.
  std::optional<std::int64_t> Beyond(const std::string& program, std::int64_t unreadable) const {
    const auto is_readable = [&](std::int64_t sequence) {
      const auto it = Iterate(kLogJournal);
      it->Seek(JournalKey(program, sequence));
      return it->Valid() && JournalSequence(program, it->key().ToStringView()).has_value();
    };
    // Blocks are lost whole, and one of 64 KiB has 16 lines at least: such steps pass over none that can be read. A gap of a million
    // entries is beyond a few blocks; longer steps then find its end.
    constexpr std::int64_t kNear = 1 << 20, kMax = std::int64_t{1} << 40;
    std::int64_t bad = unreadable, step = 16;
    for (; !is_readable(bad + step); bad += step) {
      if (bad - unreadable > kNear) step *= 2;
      if (step >= kMax) return std::nullopt;
    }
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
