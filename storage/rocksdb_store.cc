#include "storage/rocksdb_store.h"

#include <openssl/rand.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/journal.h"
#include "storage/keys.h"

namespace redpoints {
namespace {

constexpr const char* kTableNames[kTableCount] = {"default", "journal", "blob", "derived"};

absl::Status ToStatus(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(std::string(doing), ": ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) return absl::UnavailableError(message);
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsIOError() && message.find("lock") != std::string::npos) {
    return absl::FailedPreconditionError(absl::StrCat(std::string(doing), ": in use by another process; stop the server first"));
  }
  if (status.IsInvalidArgument()) return absl::FailedPreconditionError(message);
  return absl::InternalError(message);
}

// RocksDB's own log of what it does, in directory/LOG, the one before in LOG.old. RocksDB's own logger aborts the process on its second
// line on a full disk (Debian's library has its assertions compiled in); what this one cannot write is lost, and nothing else.
class OwnLog : public rocksdb::Logger {
 public:
  // An empty path: nowhere.
  explicit OwnLog(const std::string& path) {
    if (path.empty()) return;
    std::rename(path.c_str(), (path + ".old").c_str());
    file_ = std::fopen(path.c_str(), "we");
  }
  ~OwnLog() override {
    if (file_) std::fclose(file_);
  }
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (!file_) return;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    char line[1024];
    const int head = std::snprintf(line, sizeof line, "%lld.%06ld ", static_cast<long long>(now.tv_sec), now.tv_nsec / 1000);
    std::vsnprintf(line + head, sizeof line - static_cast<std::size_t>(head), format, arguments);
    std::fprintf(file_, "%s\n", line);
    std::fflush(file_);
  }

 private:
  std::FILE* file_ = nullptr;
};

rocksdb::Options MakeDbOptions(const RocksDbStore::Options& options) {
  rocksdb::Options db;
  std::error_code ignored;
  if (options.create_if_missing && !options.env)
    std::filesystem::create_directories(options.directory, ignored);  // an error shows when RocksDB opens
  db.info_log = std::make_shared<OwnLog>(options.env || options.read_only ? "" : options.directory + "/LOG");
  if (options.env) db.env = options.env;
  db.create_if_missing = options.create_if_missing;
  db.create_missing_column_families = true;
  // The default would drop all synced writes behind a damaged byte in silence; this one refuses to open.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.max_background_jobs = 2;
  // A journal row is the only thing in the log; 64 MiB of it are replayed in well under a second.
  db.max_total_wal_size = 256u << 20;
  db.compaction_readahead_size = 2u << 20;
  db.bytes_per_sync = 1u << 20;
  return db;
}

rocksdb::ColumnFamilyOptions MakeTableOptions(TableId table) {
  rocksdb::ColumnFamilyOptions cf;
  rocksdb::BlockBasedTableOptions blocks;
  blocks.format_version = 5;
  blocks.checksum = rocksdb::kXXH3;
  if (table == TableId::kDerived) {
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // most request ids asked for are new
    blocks.block_size = 4096;
    blocks.block_cache = rocksdb::NewLRUCache(256u << 20);
    cf.compression = rocksdb::kLZ4Compression;
  } else {
    blocks.block_size = 64 * 1024;  // lines compress well together
    blocks.block_cache = rocksdb::NewLRUCache(64u << 20);
    cf.compression = rocksdb::kZSTD;
  }
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  cf.write_buffer_size = 64u << 20;
  // No prefix extractor anywhere: with one, scans from an absent prefix come back empty with status OK.
  return cf;
}

class Rocks : public Store {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Open(const RocksDbStore::Options& options) {
    auto store = std::unique_ptr<Rocks>(new Rocks(options));
    const rocksdb::Options db_options = MakeDbOptions(options);
    std::vector<rocksdb::ColumnFamilyDescriptor> tables;
    for (std::size_t i = 0; i < kTableCount; ++i) tables.emplace_back(kTableNames[i], MakeTableOptions(static_cast<TableId>(i)));
    rocksdb::DB* db = nullptr;
    const std::string doing = absl::StrCat("opening ", options.directory);
    const auto open = [&] {
      return options.read_only ? rocksdb::DB::OpenForReadOnly(db_options, options.directory, tables, &store->handles_, &db)
                               : rocksdb::DB::Open(db_options, options.directory, tables, &store->handles_, &db);
    };
    auto status = open();
    if (status.IsCorruption() && !options.read_only && PutBackInstalled(*db_options.env, options.directory, status.ToString()))
      status = open();
    if (!status.ok()) {
      if (!options.create_if_missing && db_options.env->FileExists(options.directory + "/CURRENT").IsNotFound()) {
        return absl::NotFoundError(absl::StrCat(doing, ": no ledger there"));
      }
      return ToStatus(status, doing);
    }
    store->db_.reset(db);
    if (auto ready = store->Prepare(); !ready.ok()) return ready;
    return store;
  }

  ~Rocks() override {
    if (!db_) return;
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close();
  }

  absl::StatusOr<std::optional<std::string>> Get(TableId table, std::string_view key) const override {
    rocksdb::PinnableSlice value;
    const auto status = db_->Get(rocksdb::ReadOptions(), Handle(table), rocksdb::Slice(key.data(), key.size()), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return ToStatus(status, "reading");
    return std::optional(value.ToString());
  }

  absl::StatusOr<std::vector<Row>> Scan(const Range& range) const override {
    rocksdb::ReadOptions read;
    const rocksdb::Slice begin(range.begin), end(range.end);
    read.iterate_lower_bound = &begin;
    if (!range.end.empty()) read.iterate_upper_bound = &end;
    read.fill_cache = range.rows_max <= 64;  // long scans must not push out what queries need
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read, Handle(range.table)));
    std::vector<Row> rows;
    for (range.is_descending ? it->SeekToLast() : it->SeekToFirst(); it->Valid() && rows.size() < range.rows_max;
         range.is_descending ? it->Prev() : it->Next()) {
      rows.push_back({it->key().ToString(), it->value().ToString()});
    }
    if (!it->status().ok()) return ToStatus(it->status(), "scanning");
    return rows;
  }

  absl::StatusOr<std::uint64_t> TakeOver() override {
    auto row = Get(TableId::kMeta, "fence");
    if (!row.ok()) return row.status();
    std::uint64_t fence = 0;
    if (*row && !absl::SimpleAtoi(**row, &fence)) return absl::DataLossError("meta row fence is not a number");
    if (!Write({.puts = {{TableId::kMeta, "fence", absl::StrCat(fence + 1)}}}))
      return absl::UnavailableError("can't write: is the disk full?");
    fence_ = fence + 1;
    return fence + 1;
  }

  CommitResult Commit(const CommitBatch& batch) override {
    if (batch.fence == 0 || batch.fence != fence_) return CommitResult::kFenced;
    if (failed_) return CommitResult::kUnknown;  // and so is where the journals end
    absl::flat_hash_map<std::string, std::int64_t> ends;
    for (const auto& append : batch.appends) {
      const auto [end, is_first] = ends.try_emplace(append.program);
      if (is_first) {
        const auto known = End(append.program);
        if (!known.ok()) return CommitResult::kUnknown;
        end->second = *known;
      }
      if (append.expected_next_sequence != end->second) return CommitResult::kOutOfSequence;
      end->second += append.entries;
    }
    if (!Write(batch)) return CommitResult::kUnknown;
    for (const auto& [program, end] : ends) ends_[program] = end;
    return CommitResult::kCommitted;
  }

  bool Write(const CommitBatch& batch) {
    if (failed_) return false;
    rocksdb::WriteBatch writes(/*reserved_bytes=*/0, /*max_bytes=*/0, /*protection_bytes_per_key=*/8, /*default_cf_ts_sz=*/0);
    for (const auto& append : batch.appends) {
      if (!writes.Put(Handle(TableId::kJournal), JournalKey(append.program, append.expected_next_sequence), append.lines).ok())
        return false;
    }
    for (const auto& put : batch.puts) {
      if (!writes.Put(Handle(put.table), put.key, put.value).ok()) return false;
    }
    rocksdb::WriteOptions write;
    write.sync = true;
    if (db_->Write(write, &writes).ok()) return true;
    failed_ = true;  // fail-stop: the failed write can be there after reopening
    return false;
  }

  absl::Status Install(TableId table, const std::vector<std::pair<std::string, std::optional<std::string>>>& rows,
                       std::uint64_t fence) override {
    if (fence == 0 || fence != fence_) return absl::FailedPreconditionError("somebody else has taken over");
    if (rows.empty()) return absl::OkStatus();
    if (is_install_broken_) return absl::UnavailableError("an installation failed before; the ledger has to be opened again");
    // One sorted file, ingested atomically: a fraction of the cost of a memtable insertion for each row, and no log.
    rocksdb::Options options(db_->GetOptions(Handle(table)));
    const std::string path = absl::StrCat(directory_, "/install-", install_number_++, ".sst");
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options, Handle(table));
    auto status = writer.Open(path);
    for (const auto& [key, value] : rows) {
      if (!status.ok()) break;
      status = value ? writer.Put(key, *value) : writer.Delete(key);
    }
    if (status.ok()) status = writer.Finish();
    if (!status.ok()) {
      options.env->DeleteFile(path).PermitUncheckedError();
    } else {
      rocksdb::IngestExternalFileOptions ingest;
      ingest.move_files = true;
      status = db_->IngestExternalFile(Handle(table), {path}, ingest);
      // The file stays, and no other comes beside it: see PutBackInstalled. What failed before is harmless and can be tried again.
      if (!status.ok()) is_install_broken_ = true;
    }
    return ToStatus(status, "installing derived rows");
  }

  absl::Status DeleteRange(TableId table, std::string_view begin, std::string_view end) override {
    rocksdb::WriteOptions write;
    write.sync = true;
    return ToStatus(
        db_->DeleteRange(write, Handle(table), rocksdb::Slice(begin.data(), begin.size()), rocksdb::Slice(end.data(), end.size())),
        "deleting");
  }

  absl::Status Backup(const std::string& directory) override {
    rocksdb::Checkpoint* made = nullptr;
    if (auto status = rocksdb::Checkpoint::Create(db_.get(), &made); !status.ok()) return ToStatus(status, "backup");
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    const std::string partial = directory + ".partial";
    if (auto status = checkpoint->CreateCheckpoint(partial); !status.ok()) return ToStatus(status, "backup");
    {
      auto copy = Open({.directory = partial, .read_only = true, .env = env_});
      if (!copy.ok()) return copy.status();
      if (auto status = static_cast<Rocks*>(copy->get())->db_->VerifyChecksum(); !status.ok())
        return ToStatus(status, "verifying the backup");
    }
    return ToStatus(db_->GetEnv()->RenameFile(partial, directory), "finishing the backup");
  }

 private:
  explicit Rocks(const RocksDbStore::Options& options) : directory_(options.directory), env_(options.env), read_only_(options.read_only) {}

  rocksdb::ColumnFamilyHandle* Handle(TableId table) const { return handles_[static_cast<std::size_t>(table)]; }

  // Where a program's journal ends: read once, then remembered, since all commits of the only owner come by here.
  absl::StatusOr<std::int64_t> End(const std::string& program) {
    if (const auto it = ends_.find(program); it != ends_.end()) return it->second;
    auto end = Journal(*this, program).End();
    if (end.ok()) ends_[program] = *end;
    return end;
  }

  // RocksDB deletes a file whose installation failed, although the manifest may name it when only the manifest's sync failed; then nothing
  // opens any more. Install keeps a link to such a file: it goes back to where the manifest wants it. False if that is not what happened.
  static bool PutBackInstalled(rocksdb::Env& env, const std::string& directory, const std::string& error) {
    const std::string prefix = directory + "/";
    const auto name = error.find(prefix), end = error.find_first_not_of("0123456789", name + prefix.size());
    if (name == std::string::npos || end == std::string::npos || end == name + prefix.size()) return false;
    const std::string missing = error.substr(name, end - name) + ".sst";
    std::vector<std::string> files, kept;
    env.GetChildren(directory, &files).PermitUncheckedError();
    for (const auto& file : files) {
      if (file.starts_with("install-")) kept.push_back(prefix + file);
    }
    return kept.size() == 1 && env.FileExists(missing).IsNotFound() && env.LinkFile(kept.front(), missing).ok();
  }

  // Checks the format, removes what an interrupted Install left.
  absl::Status Prepare() {
    auto format = Get(TableId::kMeta, "format");
    if (!format.ok()) return format.status();
    if (*format && **format != kFormat) {
      return absl::FailedPreconditionError(absl::StrCat("the ledger has format ", **format, "; this program reads format ", kFormat));
    }
    if (read_only_) return *format ? absl::OkStatus() : absl::NotFoundError("no ledger there");
    if (!*format) {
      std::string key(32, '\0');
      if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), 32) != 1) return absl::InternalError("no random bytes");
      if (!Write({.puts = {{TableId::kMeta, "format", kFormat}, {TableId::kMeta, "page_token_key", key}}})) {
        return absl::UnavailableError("the ledger can't be written: is the disk full?");
      }
    }
    std::vector<std::string> files;
    db_->GetEnv()->GetChildren(directory_, &files).PermitUncheckedError();
    for (const auto& file : files) {
      if (file.starts_with("install-")) db_->GetEnv()->DeleteFile(directory_ + "/" + file).PermitUncheckedError();
    }
    return absl::OkStatus();
  }

  const std::string directory_;
  rocksdb::Env* const env_;
  const bool read_only_;
  std::atomic<bool> is_install_broken_ = false;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::atomic<bool> failed_ = false;
  std::atomic<std::uint64_t> fence_ = 0;
  absl::flat_hash_map<std::string, std::int64_t> ends_;  // program to where its journal ends; of the thread that commits
  std::atomic<std::uint64_t> install_number_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> RocksDbStore::Open(const Options& options) { return Rocks::Open(options); }

}  // namespace redpoints
