#include "storage/log/salvage.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/durable_file.h"
#include "storage/keys.h"
#include "storage/log/readable.h"
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
    if (as_it_is.ok()) return FlushLogs(options, "as it is");
    if (IsOfMachine(as_it_is)) return as_it_is;
    MakeCurrent();
    const std::string grown = CutToListedSize();
    const std::string cut = grown.empty() ? "" : absl::StrCat("without what stands behind the end of ", grown);
    if (!grown.empty() && OpenDb(options).ok()) return FlushLogs(options, cut);
    const auto besides = [&](const char* means) { return absl::StrCat(cut, cut.empty() ? "" : ", and ", means); };
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    const absl::Status passing_over = OpenDb(options);
    if (passing_over.ok()) return FlushLogs(options, besides("without what is damaged in its write-ahead logs"));
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
    return Named(besides("after a repair of its list of files"));
  }

  const std::string& means() const override { return means_; }

  std::set<std::string> Programs() const override {
    std::set<std::string> programs;
    const std::unique_ptr<rocksdb::Iterator> ends(Iterate(kLogMeta));
    for (ends->Seek(std::string(kEndPrefix)); ends->Valid() && ends->key().starts_with(kEndPrefix); ends->Next()) {
      programs.emplace(ends->key().ToStringView().substr(kEndPrefix.size()));
    }
    // From both ends, since neither way goes beyond what can't be read. One look for each program: past all of its keys.
    for (const LogTable table : {kLogJournal, kLogBlob}) {
      auto sources = FilesOf(table);
      sources.push_back([this, table] { return Iterate(table); });
      for (const RowSource& source : sources) {
        const auto it = source();
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
    }
    return programs;
  }

  absl::Status ForEachRow(const std::string& program, const std::function<absl::Status(const JournalRow&)>& row) const override {
    // Blocks are lost whole, and one of 64 KiB has 16 lines at least: such steps pass over none that can be read. A gap of a million
    // entries is beyond a few blocks; longer steps then find its end.
    const KeySteps steps{.begin = BlobKey(program, ""),
                         .end = JournalKey(program, std::numeric_limits<std::int64_t>::max()),
                         .key = [&](std::int64_t sequence) { return JournalKey(program, sequence); },
                         .number = [&](std::string_view key) { return JournalSequence(program, key).value_or(0); },
                         .step = 16,
                         .near = 1 << 20,
                         .max = std::int64_t{1} << 40};
    std::int64_t next = 0;
    return ForEach(kLogJournal, steps, [&](std::string_view key, std::string_view value) -> absl::Status {
      const auto first = JournalSequence(program, key);
      const auto lines = ParseJournalValue(value);
      if (!first || !lines || *first < next) return absl::OkStatus();
      next = *first + std::max<std::int64_t>(lines->first, 1);
      return row({.first = *first, .entries = lines->first, .lines = std::string(lines->second)});
    });
  }

  std::int64_t EndOf(const std::string& program) const override {
    std::string value;
    std::int64_t end = 0;
    const auto status = db_->Get(rocksdb::ReadOptions(), handles_[kLogMeta], EndKey(program), &value);
    return status.ok() && absl::SimpleAtoi(value, &end) ? end : 0;
  }

  absl::Status ForEachBlob(const std::string& program, const std::function<absl::Status(const CommitBatch::Blob&)>& blob) const override {
    const std::string prefix = BlobKey(program, "");
    // Hashes are spread evenly: by their first digits.
    const KeySteps steps{.begin = prefix,
                         .end = PrefixEnd(prefix),
                         .key = [&](std::int64_t digits) { return prefix + absl::StrFormat("%04x", digits); },
                         .number =
                             [&](std::string_view key) {
                               std::uint32_t digits = 0;
                               return absl::SimpleHexAtoi(std::string(key.substr(prefix.size(), 4)), &digits) ? std::int64_t{digits} : 0;
                             },
                         .step = 1,
                         .near = 0x10000,
                         .max = 0x10000};
    return ForEach(kLogBlob, steps, [&](std::string_view key, std::string_view value) {
      return blob({.program = program, .sha256 = std::string(key.substr(prefix.size())), .content = std::string(value)});
    });
  }

 private:
  // What is no damage: milder or harsher means would only hide it.
  static bool IsOfMachine(const absl::Status& status) {
    return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) || absl::IsPermissionDenied(status);
  }

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

  // Opening to write makes files of the rows that only write-ahead logs have: beside a file that can't be read they are read by themselves.
  absl::Status FlushLogs(const rocksdb::Options& options, std::string means) {
    Close();
    auto tables = LogTables();
    for (auto& table : tables) table.options.disable_auto_compactions = true;
    rocksdb::DB* db = nullptr;
    if (rocksdb::DB::Open(options, directory_, tables, &handles_, &db).ok()) {
      db_.reset(db);
    } else {
      handles_.clear();
      if (auto status = OpenDb(options); !status.ok()) return status;
    }
    return Named(std::move(means));
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

  // A file that is longer than the list of files says does not open, though every row is there. Cuts each such file, and returns their
  // names.
  std::string CutToListedSize() {
    rocksdb::Options trusting = RocksOptions(directory_, nullptr, /*is_read_only=*/true);
    trusting.paranoid_checks = false;
    trusting.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    if (!OpenDb(trusting).ok()) return "";  // a list that can't be read says nothing
    std::vector<rocksdb::LiveFileMetaData> listed;
    db_->GetLiveFilesMetaData(&listed);
    Close();
    std::string names;
    for (const auto& file : listed) {
      const std::string path = directory_ + file.name;  // "/000012.sst"
      std::error_code error;
      if (const auto size = fs::file_size(path, error); error || size <= file.size) continue;
      fs::resize_file(path, file.size, error);
      if (!error) absl::StrAppend(&names, names.empty() ? "" : ", ", file.name.substr(1));
    }
    return names;
  }

  std::unique_ptr<rocksdb::Iterator> Iterate(LogTable table) const {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(read, handles_[table]));
  }

  // The files of a table that can be opened by themselves, those that a repair has laid aside among them.
  std::vector<RowSource> FilesOf(LogTable table) const {
    std::vector<RowSource> files;
    std::error_code error;
    for (fs::recursive_directory_iterator file(directory_, error), end; !error && file != end; file.increment(error)) {
      if (file->path().extension() != ".sst") continue;
      const auto reader = std::make_shared<rocksdb::SstFileReader>(RocksOptions(directory_, nullptr, /*is_read_only=*/true));
      if (!reader->Open(file->path()).ok() || reader->GetTableProperties()->column_family_name != kLogTableNames[table]) continue;
      files.push_back([reader] { return std::unique_ptr<rocksdb::Iterator>(reader->NewIterator(rocksdb::ReadOptions())); });
    }
    return files;
  }

  absl::Status ForEach(LogTable table, const KeySteps& steps,
                       const std::function<absl::Status(std::string_view key, std::string_view value)>& row) const {
    return ForEachReadable([&] { return Iterate(table); }, [&] { return FilesOf(table); }, steps, row);
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
