#include "storage/log/rocksdb_log.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/keys.h"
#include "storage/log/ends.h"
#include "storage/log/tables.h"
#include "storage/rocks.h"

namespace redpoints {
namespace {

constexpr const char* kNextStep =
    "nothing was changed; keep the directory as it is; `redpointsd restore` brings the last backup, `redpointsd recover` what can be read "
    "(runbook: Damage)";

rocksdb::Options LogOptions(const RocksDbLog::Options& options, bool is_read_only) {
  rocksdb::Options db = RocksOptions(options.directory, options.env, is_read_only);
  // A journal row is the only thing in the write-ahead log; 64 MiB of it are replayed in well under a second.
  db.max_total_wal_size = 256u << 20;
  return db;
}

bool HasFileLike(rocksdb::Env& env, const std::string& directory, std::initializer_list<const char*> ends) {
  std::vector<std::string> files;
  env.GetChildren(directory, &files).PermitUncheckedError();
  for (const auto& file : files) {
    for (const char* end : ends) {
      if (file.ends_with(end) || file.starts_with(end)) return true;
    }
  }
  return false;
}

class Rocks : public Log {
 public:
  static absl::StatusOr<std::unique_ptr<Log>> Open(const RocksDbLog::Options& options) {
    auto log = std::unique_ptr<Rocks>(new Rocks(options));
    if (auto status = log->Look(/*is_written=*/false); !status.ok()) return status;
    if (auto status = log->Follow(); !status.ok()) return status;
    return log;
  }

  static absl::Status Make(const RocksDbLog::Options& options) {
    std::error_code error;
    if (!options.env) std::filesystem::create_directories(options.directory, error);
    if (error) return absl::UnavailableError(absl::StrCat("can't make ", options.directory, ": ", error.message()));
    rocksdb::Options db_options = LogOptions(options, /*is_read_only=*/false);
    db_options.create_if_missing = db_options.create_missing_column_families = db_options.error_if_exists = true;
    Rocks log(options);
    if (auto status = log.OpenDb(db_options, /*is_read_only=*/false); !status.ok()) return status;
    rocksdb::WriteBatch writes;
    for (auto* table : log.handles_) writes.Put(table, kFormatKey, kFormat).PermitUncheckedError();
    auto made = log.Write(writes);
    // Each table has a file of its own from the first day on: a repair knows a table by its files alone (log/salvage.h).
    if (made.ok()) made = log.db_->Flush(rocksdb::FlushOptions(), log.handles_);
    return FromRocks(made, absl::StrCat("making ", options.directory));
  }

  ~Rocks() override { Close(); }

  absl::StatusOr<std::uint64_t> TryTakeOver() override {
    if (auto status = BecomeWriter(); !status.ok()) {
      if (!db_) Follow().IgnoreError();
      return status;
    }
    auto row = Get(kLogMeta, "fence");
    if (!row.ok()) return row.status();
    std::uint64_t fence = 0;
    if (*row && !absl::SimpleAtoi(**row, &fence)) return absl::DataLossError(absl::StrCat(options_.directory, ": the fence is no number"));
    rocksdb::WriteBatch writes;
    writes.Put(Handle(kLogMeta), "fence", absl::StrCat(fence + 1)).PermitUncheckedError();
    if (const auto written = Write(writes); !written.ok()) {
      return absl::UnavailableError(absl::StrCat("can't write to ", options_.directory, ": ", written.ToString()));
    }
    fence_ = fence + 1;
    return fence + 1;
  }

  CommitResult Commit(const CommitBatch& batch) override {
    if (batch.fence == 0 || batch.fence != fence_) return CommitResult::kFenced;
    if (has_failed_) return CommitResult::kUnknown;  // and so is where the journals end
    const auto ends = ends_.After(batch);
    if (!ends) return CommitResult::kOutOfSequence;
    rocksdb::WriteBatch writes(/*reserved_bytes=*/0, /*max_bytes=*/0, /*protection_bytes_per_key=*/8, /*default_cf_ts_sz=*/0);
    rocksdb::Status status;
    const auto put = [&](LogTable table, const std::string& key, const std::string& value) {
      if (status.ok()) status = writes.Put(Handle(table), key, value);
    };
    for (const auto& append : batch.appends) {
      put(kLogJournal, JournalKey(append.program, append.expected_end), JournalValue(append.entries, append.lines));
    }
    for (const auto& blob : batch.blobs) put(kLogBlob, BlobKey(blob.program, blob.sha256), blob.content);
    for (const auto& [program, end] : *ends) put(kLogMeta, EndKey(program), absl::StrCat(end));
    if (status.ok()) status = Write(writes);
    if (!status.ok()) {
      const MutexLock lock(failure_mutex_);
      failure_ = FromRocks(status, absl::StrCat("writing to ", options_.directory));
      has_failed_ = true;  // fail-stop: the failed write can be there after reopening
      return CommitResult::kUnknown;
    }
    ends_.Set(*ends);
    return CommitResult::kCommitted;
  }

  absl::Status Failure() const override {
    const MutexLock lock(failure_mutex_);
    return failure_;
  }

  absl::StatusOr<bool> Resolve(const CommitBatch& batch) const override {
    if (has_failed_) return absl::UnavailableError("a commit failed: open the log again");
    return Holds(*this, batch);
  }

  absl::StatusOr<std::vector<std::string>> Programs() const override { return ends_.Programs(); }

  absl::StatusOr<std::int64_t> End(const std::string& program) const override {
    const std::int64_t end = ends_.Of(program);
    if (end == 0) return 0;
    const auto it = Iterate(kLogJournal);
    it->SeekForPrev(JournalKey(program, std::numeric_limits<std::int64_t>::max()));
    if (!it->status().ok()) return Damaged(program, it->status());
    std::int64_t last = 0;
    if (it->Valid()) {
      const auto first = JournalSequence(program, it->key().ToStringView());
      const auto row = ParseJournalValue(it->value().ToStringView());
      if (first && row) last = *first + row->first;
    }
    // A commit may have come between the two.
    if (last >= end) return end;
    return absl::DataLossError(
        absl::StrCat("the journal of ", program, " in ", options_.directory, " ends at ", last, ", but ", end, " entries were committed"));
  }

  absl::StatusOr<std::vector<JournalRow>> Read(const std::string& program, std::int64_t start, std::int64_t end,
                                               std::size_t bytes_max) const override {
    std::vector<JournalRow> rows;
    const std::int64_t last = ends_.Of(program);
    if (start < 0 || start >= end || start >= last) return rows;
    const auto it = Iterate(kLogJournal, /*fill_cache=*/bytes_max <= 1u << 20);  // long scans must not push out what queries need
    std::int64_t next = start;
    std::size_t bytes = 0;
    for (it->SeekForPrev(JournalKey(program, start)); it->Valid(); it->Next()) {
      const auto first = JournalSequence(program, it->key().ToStringView());
      const auto row = ParseJournalValue(it->value().ToStringView());
      if (!first || !row || *first > next || (!rows.empty() && *first < next) || *first + row->first <= next) break;
      if (*first >= end) return rows;
      rows.push_back({.first = *first, .entries = row->first, .lines = std::string(row->second)});
      next = rows.back().end();
      bytes += row->second.size();
      if (next >= end || next >= last || bytes >= bytes_max) return rows;
    }
    if (!it->status().ok()) return Damaged(program, it->status());
    return absl::DataLossError(absl::StrCat("no entry ", next, " in the journal of ", program, " in ", options_.directory));
  }

  absl::StatusOr<std::optional<std::string>> Blob(const std::string& program, const std::string& sha256) const override {
    return Get(kLogBlob, BlobKey(program, sha256));
  }

  absl::StatusOr<std::vector<std::string>> Blobs(const std::string& program) const override {
    std::vector<std::string> hashes;
    const std::string prefix = BlobKey(program, "");
    const auto it = Iterate(kLogBlob);
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
      hashes.emplace_back(it->key().ToStringView().substr(prefix.size()));
    }
    if (!it->status().ok()) return Damaged(program, it->status());
    return hashes;
  }

  bool WaitForMore(const std::string& program, std::int64_t sequence, Deadline deadline) const override {
    return ends_.Wait(program, sequence, deadline);
  }

  absl::Status Backup(const std::string& directory) const override {
    rocksdb::Env& env = *db_->GetEnv();
    rocksdb::Checkpoint* made = nullptr;
    if (auto status = rocksdb::Checkpoint::Create(db_.get(), &made); !status.ok()) return FromRocks(status, "backup");
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    const std::string partial = directory + ".partial";
    if (auto status = checkpoint->CreateCheckpoint(partial); !status.ok()) return FromRocks(status, "backup");
    {
      auto copy = Open({.directory = partial, .env = options_.env});
      if (!copy.ok()) return copy.status();
      if (auto status = static_cast<Rocks*>(copy->get())->db_->VerifyChecksum(); !status.ok())
        return FromRocks(status, "verifying the backup");
    }
    auto status = env.RenameFile(partial, directory);
    std::unique_ptr<rocksdb::Directory> parent;
    if (status.ok()) status = env.NewDirectory(std::filesystem::path(directory).parent_path().string(), &parent);
    if (status.ok()) status = parent->Fsync();
    return FromRocks(status, "finishing the backup");
  }

 private:
  explicit Rocks(const RocksDbLog::Options& options) : options_(options) {}

  rocksdb::Env& env() const { return options_.env ? *options_.env : *rocksdb::Env::Default(); }
  rocksdb::ColumnFamilyHandle* Handle(LogTable table) const { return handles_[table]; }

  std::unique_ptr<rocksdb::Iterator> Iterate(LogTable table, bool fill_cache = true) const {
    rocksdb::ReadOptions read;
    read.fill_cache = fill_cache;
    return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(read, Handle(table)));
  }

  absl::StatusOr<std::optional<std::string>> Get(LogTable table, const std::string& key) const {
    rocksdb::PinnableSlice value;
    const auto status = db_->Get(rocksdb::ReadOptions(), Handle(table), key, &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return FromRocks(status, absl::StrCat("reading ", kLogTableNames[table], " in ", options_.directory));
    return std::optional(value.ToString());
  }

  absl::Status Damaged(const std::string& program, const rocksdb::Status& status) const {
    return FromRocks(status, absl::StrCat("reading the journal of ", program, " in ", options_.directory));
  }

  rocksdb::Status Write(rocksdb::WriteBatch& writes) {
    rocksdb::WriteOptions write;
    write.sync = true;
    return db_->Write(write, &writes);
  }

  // What can be said without RocksDB.
  absl::Status Look(bool is_written) const {
    const std::string& directory = options_.directory;
    if (!options_.env) {
      if (auto status = CheckAccess(directory, is_written); absl::IsNotFound(status)) {
        return absl::NotFoundError(absl::StrCat("no ledger in ", directory, ": ", std::string(status.message())));
      } else if (!status.ok()) {
        return status;
      }
      if (IsInUse(directory)) {
        return InUse("opening " + directory);
      }
    }
    if (!env().FileExists(directory + "/CURRENT").IsNotFound()) return absl::OkStatus();
    if (!HasFileLike(env(), directory, {".sst", ".log", "MANIFEST-"})) {
      return absl::NotFoundError(
          absl::StrCat("no ledger in ", directory, ": `redpointsd init` makes one, `redpointsd restore` brings one back"));
    }
    return absl::DataLossError(
        absl::StrCat(directory, "/CURRENT is missing, and without it none of the files beside it is found; ", kNextStep));
  }

  absl::Status OpenDb(rocksdb::Options db_options, bool is_read_only) {
    Close();
    const auto tables = LogTables();
    rocksdb::DB* db = nullptr;
    const auto status = is_read_only ? rocksdb::DB::OpenForReadOnly(db_options, options_.directory, tables, &handles_, &db)
                                     : rocksdb::DB::Open(db_options, options_.directory, tables, &handles_, &db);
    if (status.ok()) {
      db_.reset(db);
      return absl::OkStatus();
    }
    handles_.clear();
    if (status.IsInvalidArgument() && status.ToString().find("Column famil") != std::string::npos) {
      return absl::FailedPreconditionError(
          absl::StrCat(options_.directory, " is the log of a newer or older program: ", status.ToString(), "; nothing was changed"));
    }
    const std::string file = static_cast<RocksLog&>(*db_options.info_log).damaged_file();
    auto said = FromRocks(status, absl::StrCat("opening ", options_.directory, file.empty() ? "" : ": " + file));
    if (!absl::IsDataLoss(said) && !absl::IsNotFound(said)) return said;
    return absl::DataLossError(absl::StrCat(std::string(said.message()), ": the log is damaged or a file of it is missing; ", kNextStep));
  }

  absl::Status Follow() {
    if (auto status = OpenDb(LogOptions(options_, /*is_read_only=*/true), /*is_read_only=*/true); !status.ok()) return status;
    auto format = Get(kLogMeta, kFormatKey);
    if (!format.ok()) return format.status();
    if (!*format) return absl::NotFoundError(absl::StrCat("no ledger in ", options_.directory));
    if (**format != kFormat) {
      return absl::FailedPreconditionError(
          absl::StrCat("the ledger in ", options_.directory, " has format ", **format, "; this program reads format ", kFormat));
    }
    std::map<std::string, std::int64_t> ends;
    const auto it = Iterate(kLogMeta);
    for (it->Seek(rocksdb::Slice(kEndPrefix.data(), kEndPrefix.size())); it->Valid(); it->Next()) {
      const std::string_view key = it->key().ToStringView();
      if (!key.starts_with(kEndPrefix)) break;
      std::int64_t end = 0;
      if (!absl::SimpleAtoi(it->value().ToString(), &end) || end <= 0) {
        return absl::DataLossError(absl::StrCat(options_.directory, ": the row ", std::string(key), " is no number; ", kNextStep));
      }
      ends[std::string(key.substr(kEndPrefix.size()))] = end;
    }
    if (!it->status().ok()) return FromRocks(it->status(), absl::StrCat("opening ", options_.directory));
    ends_.Set(ends);
    return absl::OkStatus();
  }

  absl::Status BecomeWriter() {
    if (is_writer_) return has_failed_ ? absl::UnavailableError("a commit failed: open the log again") : absl::OkStatus();
    if (auto status = Look(/*is_written=*/true); !status.ok()) return status;
    if (auto status = OpenDb(LogOptions(options_, /*is_read_only=*/false), /*is_read_only=*/false); !status.ok()) return status;
    is_writer_ = true;
    return absl::OkStatus();
  }

  void Close() {
    if (!db_) return;
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    handles_.clear();
    db_->Close().PermitUncheckedError();
    db_.reset();
  }

  const RocksDbLog::Options options_;
  bool is_writer_ = false;  // of the thread that takes over
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::atomic<std::uint64_t> fence_ = 0;
  Ends ends_;
  std::atomic<bool> has_failed_ = false;
  mutable Mutex failure_mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(failure_mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Log>> RocksDbLog::Open(const Options& options) { return Rocks::Open(options); }

absl::StatusOr<std::unique_ptr<Log>> RocksDbLog::Create(const Options& options) {
  if (auto status = Rocks::Make(options); !status.ok()) return status;
  return Rocks::Open(options);
}

}  // namespace redpoints
