#include "storage/store/rocksdb_store.h"

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "storage/mutex.h"
#include "storage/rocks.h"
#include "storage/start_failure.h"

namespace redpoints {
namespace {

rocksdb::Options StoreOptions(const RocksDbStore::Options& options) {
  rocksdb::Options db = RocksOptions(options.directory, options.env, options.read_only);
  db.create_if_missing = !options.read_only;
  rocksdb::BlockBasedTableOptions blocks;
  blocks.format_version = 5;
  blocks.checksum = rocksdb::kXXH3;
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // most request ids asked for are new
  blocks.block_size = 4096;
  blocks.block_cache = rocksdb::NewLRUCache(256u << 20);
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  db.compression = rocksdb::kLZ4Compression;
  db.write_buffer_size = 64u << 20;
  // No prefix extractor: with one, scans from an absent prefix come back empty with status OK.
  return db;
}

// Lies among the files of a store of which one is damaged, and says why.
constexpr char kDamagedFile[] = "DAMAGED";

class Rocks : public Store {
 public:
  static absl::StatusOr<std::unique_ptr<Store>> Open(const RocksDbStore::Options& options) {
    auto store = std::unique_ptr<Rocks>(new Rocks(options));
    if (!options.env && !options.read_only) {
      std::error_code ignored;
      std::filesystem::create_directories(options.directory, ignored);  // an error shows when RocksDB opens
    }
    // Somebody else's files are named with what helps; anything else is RocksDB's to say.
    if (!options.env) {
      if (auto access = CheckAccess(options.directory, !options.read_only); absl::IsPermissionDenied(access)) return access;
    }
    auto status = store->OpenDb();
    if (status.ok()) status = store->WasDamaged();
    // A cache: whatever is wrong with it is wrong no more when it is gone. Not what would be wrong with the next one, too.
    const bool is_useless = IsDamage(status) || (absl::IsFailedPrecondition(status) && StartFailureId(status) != "LEDGER_IN_USE");
    if (is_useless && !options.read_only) {
      if (options.on_discarded) options.on_discarded(std::string(status.message()));
      status = store->Clear();
    }
    if (!status.ok()) return absl::IsInternal(status) && options.read_only ? absl::DataLossError(status.message()) : status;
    store->DeleteInterrupted();
    return store;
  }

  ~Rocks() override {
    if (db_) db_->Close().PermitUncheckedError();
  }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    rocksdb::PinnableSlice value;
    const auto status = db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), rocksdb::Slice(key.data(), key.size()), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return Noted(FromRocks(status, Doing("reading")));
    return std::optional(value.ToString());
  }

  absl::StatusOr<std::vector<Row>> Scan(const Range& range) const override {
    rocksdb::ReadOptions read;
    const rocksdb::Slice begin(range.begin), end(range.end);
    read.iterate_lower_bound = &begin;
    if (!range.end.empty()) read.iterate_upper_bound = &end;
    read.fill_cache = range.rows_max <= 64;  // long scans must not push out what queries need
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read));
    std::vector<Row> rows;
    for (range.is_descending ? it->SeekToLast() : it->SeekToFirst(); it->Valid() && rows.size() < range.rows_max;
         range.is_descending ? it->Prev() : it->Next()) {
      rows.push_back({it->key().ToString(), it->value().ToString()});
    }
    if (!it->status().ok()) return Noted(FromRocks(it->status(), Doing("scanning")));
    return rows;
  }

  absl::Status Install(const DerivedRows& rows) override {
    if (options_.read_only) return absl::FailedPreconditionError("opened to be read only");
    if (rows.empty()) return absl::OkStatus();
    // After a failure RocksDB takes nothing until it is told that somebody has looked.
    if (has_failed_) db_->Resume().PermitUncheckedError();
    // One sorted file, ingested atomically: a fraction of the cost of a memtable insertion for each row, and no log.
    rocksdb::Options options(db_->GetOptions());
    const std::string path = absl::StrCat(options_.directory, "/install-", install_number_++, ".sst");
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
    auto status = writer.Open(path);
    for (const auto& [key, value] : rows) {
      if (!status.ok()) break;
      status = value ? writer.Put(key, *value) : writer.Delete(key);
    }
    if (status.ok()) status = writer.Finish();
    if (status.ok()) {
      rocksdb::IngestExternalFileOptions ingest;
      ingest.move_files = true;
      status = db_->IngestExternalFile({path}, ingest);
    }
    has_failed_ = !status.ok();
    if (!status.ok()) options.env->DeleteFile(path).PermitUncheckedError();
    const auto installed = FromRocks(status, Doing("installing derived rows"));
    // As after a compaction that met damage. Any other failure of the disk may pass.
    return absl::IsDataLoss(installed) ? Noted(installed) : installed;
  }

  absl::Status DeleteRange(std::string_view begin, std::string_view end) override {
    rocksdb::WriteOptions write;
    write.sync = true;
    return FromRocks(db_->DeleteRange(write, db_->DefaultColumnFamily(), rocksdb::Slice(begin.data(), begin.size()),
                                      rocksdb::Slice(end.data(), end.size())),
                     Doing("deleting"));
  }

  absl::Status Damage() const override {
    const MutexLock lock(damage_mutex_);
    return damage_;
  }
  absl::Status Clear() override {
    if (options_.read_only) return absl::FailedPreconditionError("opened to be read only");
    if (db_) db_->Close().PermitUncheckedError();
    db_.reset();
    if (auto status = DeleteFiles(); !status.ok()) return status;
    {
      const MutexLock lock(damage_mutex_);
      damage_ = absl::OkStatus();
    }
    return OpenDb();
  }

 private:
  // What may be over when the files are.
  static bool IsDamage(const absl::Status& status) {
    return absl::IsDataLoss(status) || absl::IsNotFound(status) || absl::IsInternal(status);
  }

  absl::Status Noted(const absl::Status& status) const {
    if (!IsDamage(status)) return status;
    const MutexLock lock(damage_mutex_);
    if (!damage_.ok()) return status;
    damage_ = status;
    if (options_.read_only) return status;
    // Where that fails, too, whoever reads the same rows again finds the same.
    rocksdb::WriteStringToFile(&env(), std::string(status.message()), options_.directory + "/" + kDamagedFile, /*should_sync=*/true)
        .PermitUncheckedError();
    return status;
  }
  absl::Status WasDamaged() const {
    const std::string path = options_.directory + "/" + kDamagedFile;
    if (!env().FileExists(path).ok()) return absl::OkStatus();
    std::string why;
    rocksdb::ReadFileToString(&env(), path, &why).PermitUncheckedError();
    return absl::DataLossError(absl::StrCat("when it was open before: ", why));
  }

  explicit Rocks(const RocksDbStore::Options& options) : options_(options) {}

  std::string Doing(const char* what) const { return absl::StrCat(what, " in ", options_.directory); }

  absl::Status OpenDb() {
    const rocksdb::Options db_options = StoreOptions(options_);
    rocksdb::DB* db = nullptr;
    const auto status = options_.read_only ? rocksdb::DB::OpenForReadOnly(db_options, options_.directory, &db)
                                           : rocksdb::DB::Open(db_options, options_.directory, &db);
    if (status.ok()) db_.reset(db);
    return FromRocks(status, Doing("opening derived rows"));
  }

  rocksdb::Env& env() const { return options_.env ? *options_.env : *rocksdb::Env::Default(); }

  // Without CURRENT there is no store; the note goes last, so that what a crash leaves is deleted then.
  absl::Status DeleteFiles() const {
    std::vector<std::string> files;
    env().GetChildren(options_.directory, &files).PermitUncheckedError();
    const auto turn = [](const std::string& file) { return file == "CURRENT" ? 0 : file == kDamagedFile ? 2 : 1; };
    std::sort(files.begin(), files.end(), [&](const auto& a, const auto& b) { return turn(a) < turn(b); });
    for (const auto& file : files) {
      const std::string path = options_.directory + "/" + file;
      bool is_directory = false;
      if (env().IsDirectory(path, &is_directory).ok() && is_directory) continue;
      if (file == "LOCK") continue;
      const auto status = env().DeleteFile(path);
      if (!status.ok() && !status.IsNotFound()) {
        return WithStartFailure(FromRocks(status, Doing("deleting what is damaged")), "DERIVED_DAMAGED");
      }
    }
    return absl::OkStatus();
  }

  // What an interrupted Install left.
  void DeleteInterrupted() const {
    if (options_.read_only) return;
    std::vector<std::string> files;
    env().GetChildren(options_.directory, &files).PermitUncheckedError();
    for (const auto& file : files) {
      if (file.starts_with("install-")) env().DeleteFile(options_.directory + "/" + file).PermitUncheckedError();
    }
  }

  const RocksDbStore::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
  bool has_failed_ = false;  // of the thread that installs
  mutable Mutex damage_mutex_;
  mutable absl::Status damage_ ABSL_GUARDED_BY(damage_mutex_);
  std::atomic<std::uint64_t> install_number_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> RocksDbStore::Open(const Options& options) { return Rocks::Open(options); }

}  // namespace redpoints
