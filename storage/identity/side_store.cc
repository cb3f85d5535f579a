#include "storage/identity/side_store.h"

#include <openssl/rand.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/contract/member_number.h"
#include "storage/identity/resolved_numbers.h"
#include "storage/identity/write_mark.h"
#include "storage/merkle/sha256.h"
#include "storage/rocks.h"
#include "storage/rules/types.h"
#include "storage/start_failure.h"

namespace redpoints {
namespace {

constexpr char kSideFormat[] = "1";
constexpr std::string_view kStoreLevel = "";  // the program of rows about the store itself
constexpr char kFormatTable = 'v', kKeyTable = 'k', kNumberIndex = 'x', kMemberIndex = 'm', kOpenTable = 'o', kStrayTable = 's',
               kEpochTable = 'e', kWorkTable = 'w';
// Keys of kKeyTable, each before a key's id.
constexpr char kSealRow[] = "seal", kFingerprintRow[] = "fingerprint";
constexpr std::string_view kNumberHashLabel = "redpoints/number-index/1";
constexpr std::uint32_t kItemEnd = 1'000'000;
// 900 million numbers: with half of them gone, 64 draws all miss once in 10^19.
constexpr int kDrawsMax = 64;
constexpr std::size_t kChunkRows = 256;
constexpr std::size_t kFaultsMax = 100;
// The first byte of a row's plain value.
constexpr char kRowVersion = 1;

std::string DrawNumber() {
  std::uint64_t value = 0;
  RP_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) == 1);
  return WithCheckDigit(absl::StrCat(100'000'000 + value % 900'000'000));
}

// Of a store that is there: a file of it that is not is damage, and no store that is absent.
absl::Status ToStatus(const rocksdb::Status& status, const std::string& doing) {
  const auto said = FromRocks(status, "side store: " + doing);
  return absl::Status(absl::IsNotFound(said) ? absl::StatusCode::kDataLoss : said.code(), said.message());
}

// What can be said before RocksDB is asked, which names neither owner nor what helps.
absl::Status Look(const std::string& directory, bool is_written) {
  const auto access = CheckAccess(directory, is_written);
  if (!access.ok()) return absl::Status(access.code(), absl::StrCat("side store: ", std::string(access.message())));
  if (!IsInUse(directory)) return absl::OkStatus();
  return absl::AbortedError(InUse("side store: " + directory).message());  // LEDGER_IN_USE is the ledger's
}

bool HasFingerprintKey(const KeyFile& keys, std::string_view id) {
  const auto& all = keys.All(KeyPurpose::kFingerprint);
  return std::any_of(all.begin(), all.end(), [&](const SecretKey& key) { return KeyIdText(key.id()) == id; });
}

absl::Status Named(std::string_view what, std::string_view name) {
  if (name.empty() || name.size() > kSideNameBytesMax || name.find_first_of(std::string_view("\0/", 2)) != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(what), " is empty, too long, or has a '/' or NUL"));
  }
  return absl::OkStatus();
}

template <class Item>
absl::Status ShapeOf(std::string_view program, std::string_view actor, std::string_view request_id, const std::vector<Item>& items) {
  absl::Status status = Named("program", program);
  status.Update(Named("actor", actor));
  status.Update(Named("request id", request_id));
  if (items.size() > kSideItemsMax) status.Update(absl::InvalidArgumentError(absl::StrCat("more than ", kSideItemsMax, " items")));
  std::set<std::uint32_t> places;
  for (const Item& item : items) {
    status.Update(Named("member", item.member));
    if (item.item >= kItemEnd || !places.insert(item.item).second) {
      status.Update(absl::InvalidArgumentError("an item's place is a million or more, or another item's"));
    }
  }
  return status;
}

std::string FullKey(std::string_view program, char table, std::string_view key) {
  std::string full;
  full.reserve(program.size() + 2 + key.size());
  full.append(program) += '\0';
  return (full += table).append(key);
}
std::string RequestKey(std::string_view actor, std::string_view request_id) { return std::string(actor).append("/").append(request_id); }
std::string RowKey(std::string_view request_key, std::uint32_t item) { return std::string(request_key) + absl::StrFormat("/%06d", item); }
std::string MemberKey(std::string_view member, SideKind kind, std::string_view commitment) {
  return std::string(member).append({'/', static_cast<char>(kind), '/'}).append(commitment);
}

// The name that RowKey made a key of; nullopt if it did not.
std::optional<SideName> NameOf(std::string_view key) {
  if (key.size() < 7 || key[key.size() - 7] != '/') return std::nullopt;
  SideName name;
  for (const char c : key.substr(key.size() - 6)) {
    if (c < '0' || c > '9') return std::nullopt;
    name.item = name.item * 10 + static_cast<std::uint32_t>(c - '0');
  }
  key.remove_suffix(7);
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  name.actor = key.substr(0, slash);
  name.request_id = key.substr(slash + 1);
  return name;
}

struct KeyParts {
  std::string_view program;
  char table = 0;
  std::string_view key;
};
std::optional<KeyParts> PartsOf(std::string_view full_key) {
  const auto nul = full_key.find('\0');
  if (nul == std::string_view::npos || nul + 1 >= full_key.size()) return std::nullopt;
  return KeyParts{full_key.substr(0, nul), full_key[nul + 1], full_key.substr(nul + 2)};
}

// A key for people: "v1 n a1b2/00ff.../000003"; bytes that are no text, as of 'x' rows, in hex.
std::string Describe(std::string_view full_key) {
  std::string text;
  for (const char c : full_key) {
    if (c == '\0') {
      text += ' ';
    } else if (c > ' ' && c <= '~') {
      text += c;
    } else {
      absl::StrAppendFormat(&text, "\\x%02x", static_cast<std::uint8_t>(c));
    }
  }
  return text;
}

absl::Status AtRow(const absl::Status& status, std::string_view full_key) {
  // A key that is missing is put back into the key file: a state to change, not a thing that is not there.
  const auto code = status.code() == absl::StatusCode::kNotFound ? absl::StatusCode::kFailedPrecondition : status.code();
  return absl::Status(code, absl::StrCat("side store: row ", Describe(full_key), ": ", std::string(status.message())));
}

std::string PlainRow(const SideRow& row) {
  std::string plain(1, kRowVersion);
  for (int shift = 56; shift >= 0; shift -= 8) plain += static_cast<char>(row.order >> shift);
  AppendSized(plain, row.member);
  AppendSized(plain, row.value);
  plain.append(reinterpret_cast<const char*>(row.salt.data()), row.salt.size());
  return plain;
}

std::optional<std::string_view> TakeSized(std::string_view& bytes) {
  if (bytes.size() < 4) return std::nullopt;
  std::size_t size = 0;
  for (const char c : bytes.substr(0, 4)) size = size << 8 | static_cast<std::uint8_t>(c);
  if (bytes.size() - 4 < size) return std::nullopt;
  const std::string_view taken = bytes.substr(4, size);
  bytes.remove_prefix(4 + size);
  return taken;
}

absl::StatusOr<SideRow> RowOf(SideKind kind, std::string_view plain) {
  if (plain.empty() || plain[0] != kRowVersion) return absl::FailedPreconditionError("made by a newer program");
  plain.remove_prefix(1);
  SideRow row;
  if (plain.size() < 8) return absl::DataLossError("its fields don't add up");
  for (const char c : plain.substr(0, 8)) row.order = row.order << 8 | static_cast<std::uint8_t>(c);
  plain.remove_prefix(8);
  const auto member = TakeSized(plain), value = member ? TakeSized(plain) : std::nullopt;
  if (!value || plain.size() != row.salt.size()) return absl::DataLossError("its fields don't add up");
  row.member = *member;
  row.value = *value;
  for (std::size_t i = 0; i < row.salt.size(); ++i) row.salt[i] = static_cast<std::uint8_t>(plain[i]);
  row.commitment = SideCommitment(kind, row.salt, row.value);
  return row;
}

// RocksDB's own logger aborts the process on its second line on a full disk (Debian's library has its assertions compiled in), and what it
// writes could name rows that are erased later.
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options MakeOptions(const SideStore::Options& options) {
  rocksdb::Options db;
  db.info_log = std::make_shared<NoLog>();
  db.create_if_missing = options.create_if_missing;
  // The default would drop all synced writes behind a damaged byte in silence; this one refuses to open.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Every flush and compaction starts a new manifest: the old one would keep the first and last keys of files that are gone. That forbids
  // track_and_verify_wals_in_manifest: RocksDB 7.8 forgets in a new manifest which logs it deleted, and then misses them when it opens.
  db.max_manifest_file_size = 1;
  db.write_buffer_size = 8u << 20;
  db.compression = rocksdb::kNoCompression;  // sealed bytes don't compress
  rocksdb::BlockBasedTableOptions blocks;
  blocks.format_version = 5;
  blocks.checksum = rocksdb::kXXH3;
  blocks.block_cache = rocksdb::NewLRUCache(32u << 20);
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return db;
}

}  // namespace

// All or nothing of what one write does.
class SideStore::Changes {
 public:
  void Put(std::string_view key, std::string_view value) { RP_CHECK(batch.Put(key, value).ok()); }
  void Delete(std::string_view key) { RP_CHECK(batch.Delete(key).ok()); }
  bool is_empty() const { return batch.Count() == 0; }

  rocksdb::WriteBatch batch{/*reserved_bytes=*/0, /*max_bytes=*/0, /*protection_bytes_per_key=*/8, /*default_cf_ts_sz=*/0};
};

struct SideStore::Request {
  std::string_view program;
  std::string key;  // actor '/' request id
};

// All that is RocksDB's.
class SideStore::Disk {
 public:
  static absl::StatusOr<std::unique_ptr<Disk>> Open(const SideStore::Options& options) {
    std::error_code ignored;  // errors show below
    if (options.create_if_missing) std::filesystem::create_directories(options.directory, ignored);
    if (auto status = Look(options.directory, !options.read_only); !status.ok()) return status;
    const bool is_new = !std::filesystem::exists(options.directory + "/CURRENT", ignored);
    if (is_new && HasFiles(options.directory)) {
      return absl::DataLossError(absl::StrCat("side store: ", options.directory, "/CURRENT is missing, but files of a store are there"));
    }
    if (is_new && !options.create_if_missing) {
      return absl::NotFoundError(absl::StrCat("side store: ", options.directory, ": none there"));
    }
    auto disk = std::unique_ptr<Disk>(new Disk(options));
    if (!is_new) {
      const auto marked = ReadWriteMark(options.directory);
      if (absl::IsResourceExhausted(marked.status())) return marked.status();
      disk->has_mark_ = marked.ok();
      disk->was_marked_ = marked.value_or(0) > 0;
      // What is open for writing can't take back a log that is found again: so it is compared before.
      if (auto status = disk->OpenAs(/*read_only=*/true); !status.ok()) return status;
      if (auto status = disk->CompareTo(marked.value_or(0)); !status.ok()) return status;
      if (options.read_only) return disk;
      if (!marked.ok()) return marked.status();
    }
    if (auto status = disk->OpenAs(/*read_only=*/false); !status.ok()) return status;
    if (is_new) {
      if (auto status = MakeWriteMark(options.directory, disk->db_->GetLatestSequenceNumber()); !status.ok()) return status;
    }
    disk->mark_.emplace(options.directory);
    disk->mark_->Set(disk->db_->GetLatestSequenceNumber());
    return disk;
  }

  ~Disk() {
    if (db_) db_->Close();
  }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const {
    std::string value;
    const auto status = db_->Get(rocksdb::ReadOptions(), key, &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return ToStatus(status, "row " + Describe(key));
    return std::optional(std::move(value));
  }

  // At most kChunkRows rows whose keys start with `prefix` and lie behind `behind`. The caller holds the store's mutex.
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(std::string_view prefix, std::string_view behind) const {
    // No prefix ends with FF: they end with '/' or a table's letter.
    std::string end(prefix);
    if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    if (!end.empty()) read.iterate_upper_bound = &upper;
    read.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read));
    std::vector<std::pair<std::string, std::string>> rows;
    for (it->Seek(std::max(prefix, behind)); it->Valid() && rows.size() < kChunkRows; it->Next()) {
      if (it->key().ToStringView() != behind) rows.emplace_back(it->key().ToString(), it->value().ToString());
    }
    if (!it->status().ok()) return ToStatus(it->status(), absl::StrCat("reading behind row ", Describe(behind)));
    return rows;
  }

  // All rows' keys that start with `prefix`. The caller holds the store's mutex.
  absl::StatusOr<std::vector<std::string>> Keys(std::string_view prefix) const {
    std::vector<std::string> keys;
    for (std::string behind;; behind = keys.back()) {
      auto rows = Scan(prefix, behind);
      if (!rows.ok()) return rows.status();
      if (rows->empty()) return keys;
      for (auto& row : *rows) keys.push_back(std::move(row.first));
    }
  }

  // Of what is written next: RocksDB counts all writes that there ever were, in its copies on from where they were made.
  std::uint64_t NextOrder() const { return db_->GetLatestSequenceNumber() + 1; }

  absl::Status Write(Changes& changes) {
    if (changes.is_empty()) return absl::OkStatus();
    if (options_.read_only) return absl::UnavailableError("side store: open for reading only");
    if (has_failed_) return absl::UnavailableError("side store: a write failed before; it has to be opened again");
    rocksdb::WriteOptions write;
    write.sync = true;
    const auto status = db_->Write(write, &changes.batch);
    resolved.Forget();
    if (status.ok()) {
      mark_->Set(db_->GetLatestSequenceNumber());
      return absl::OkStatus();
    }
    has_failed_ = true;  // the failed write can be there after reopening
    const std::string why = absl::StrCat("side store: writing to ", options_.directory, ": ", status.ToString());
    if (options_.on_failed) options_.on_failed(why);
    return absl::UnavailableError(why);
  }
  ResolvedNumbers resolved;
  bool CanWrite() const { return !options_.read_only && !has_failed_; }
  bool was_marked() const { return was_marked_; }
  // So that what is lost of a copy of this store is noticed. Where that can't be said of the store itself, the copy is as it is: without a
  // mark, or with the empty one of a store that does without.
  absl::Status MarkCopy(const Disk& copy) const {
    if (!has_mark_) return absl::OkStatus();
    return MakeWriteMark(copy.options_.directory, was_marked_ || mark_ ? std::optional(copy.db_->GetLatestSequenceNumber()) : std::nullopt);
  }

  // Rewrites all tables without what was deleted; logs, manifests and tables of before can still lie there.
  absl::Status Compact() {
    rocksdb::CompactRangeOptions compact;
    compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    auto status = db_->Flush(rocksdb::FlushOptions());
    if (status.ok()) status = db_->CompactRange(compact, nullptr, nullptr);
    return ToStatus(status, "rewriting");
  }

  // Removes the logs, manifests and tables of before; to be called with something written since Compact, so that there is a flush.
  absl::Status Purge() {
    // The manifest that a compaction starts lists the tables before it, too; that of one more flush doesn't.
    auto status = db_->Flush(rocksdb::FlushOptions());
    if (!status.ok()) return ToStatus(status, "removing old files");
    // What other threads have begun to remove is gone when they pause; what nobody has begun to remove, this does.
    db_->PauseBackgroundWork().PermitUncheckedError();
    status = db_->DisableFileDeletions();
    if (status.ok()) status = db_->EnableFileDeletions(/*force=*/true);
    db_->ContinueBackgroundWork().PermitUncheckedError();
    return ToStatus(status, "removing old files");
  }

  absl::Status Checkpoint(const std::string& directory) {
    rocksdb::Checkpoint* made = nullptr;
    if (auto status = rocksdb::Checkpoint::Create(db_.get(), &made); !status.ok()) return ToStatus(status, "backup");
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    return ToStatus(checkpoint->CreateCheckpoint(directory), "backup");
  }

  absl::Status VerifyChecksums() { return ToStatus(db_->VerifyChecksum(), "verifying"); }
  absl::Status Rename(const std::string& from, const std::string& to) {
    return ToStatus(db_->GetEnv()->RenameFile(from, to), "finishing " + to);
  }

 private:
  explicit Disk(const SideStore::Options& options) : options_(options) {}

  absl::Status OpenAs(bool read_only) {
    db_.reset();
    rocksdb::DB* db = nullptr;
    const rocksdb::Options options = MakeOptions(options_);
    const auto status =
        read_only ? rocksdb::DB::OpenForReadOnly(options, options_.directory, &db) : rocksdb::DB::Open(options, options_.directory, &db);
    if (!status.ok()) return ToStatus(status, "opening " + options_.directory);
    db_.reset(db);
    return absl::OkStatus();
  }

  // Whether something of a store is there.
  static bool HasFiles(const std::string& directory) {
    std::error_code error;
    for (std::filesystem::directory_iterator file(directory, error), end; !error && file != end; file.increment(error)) {
      const std::string name = file->path().filename(), extension = file->path().extension();
      if (name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-") || extension == ".sst" || extension == ".log") return true;
      if (name == "IDENTITY" || file->path() == WriteMarkFile(directory)) return true;
    }
    return false;
  }

  absl::Status CompareTo(std::uint64_t marked) const {
    const std::uint64_t writes = db_->GetLatestSequenceNumber();
    if (writes >= marked) return absl::OkStatus();
    return WithStartFailure(absl::DataLossError(absl::StrCat("side store: ", options_.directory, " ends at write ", writes, ", but ",
                                                             WriteMarkFile(options_.directory), " says that ", marked,
                                                             " were acknowledged: its log was cut or is gone; nothing was changed")),
                            "SIDE_STORE_CUT");
  }

  const SideStore::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::optional<WriteMark> mark_;  // where it is open for writing
  bool has_mark_ = true;           // if only an empty one
  bool was_marked_ = true;         // by one that said something
  std::atomic<bool> has_failed_ = false;
};

std::string SideCommitment(SideKind kind, const Salt& salt, std::string_view value) {
  return Commitment(kind == SideKind::kNumber ? "redpoints/number/1" : "redpoints/deed/1", salt, value);
}

SideStore::SideStore(const Options& options, const KeyFile& keys) : options_(options), keys_(keys) {}
SideStore::~SideStore() = default;
bool SideStore::CanWrite() const { return disk_->CanWrite(); }
bool SideStore::was_marked() const { return disk_->was_marked(); }

absl::StatusOr<std::unique_ptr<SideStore>> SideStore::Open(const Options& options, const KeyFile& keys) {
  auto store = std::unique_ptr<SideStore>(new SideStore(options, keys));
  auto disk = Disk::Open(options);
  if (!disk.ok()) return disk.status();
  store->disk_ = *std::move(disk);
  if (auto ready = store->Prepare(); !ready.ok()) return ready;
  return store;
}

absl::Status SideStore::Foreign(absl::string_view why) const {
  return WithStartFailure(absl::FailedPreconditionError(
                              absl::StrCat("side store: ", options_.directory, ": ", why, "; that file holds key ", SideKeyId(keys_))),
                          "SIDE_STORE_FOREIGN");
}

// Checks the format, and that the key file has every key that the store needs: better now than at the first sale.
absl::Status SideStore::Prepare() {
  const MutexLock lock(mutex_);
  const std::string format_key = FullKey(kStoreLevel, kFormatTable, "format");
  const std::string number_key = KeyIdText(keys_.Newest(KeyPurpose::kNumber).id());
  auto format = disk_->Get(format_key);
  if (!format.ok()) return format.status();
  if (*format && **format != kSideFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("side store: ", options_.directory, " has format ", **format, "; this program reads format ", kSideFormat));
  }
  Changes changes;
  if (!*format) {
    if (!options_.create_if_missing) {
      return absl::DataLossError(absl::StrCat("side store: ", options_.directory, ": the row of the format is gone"));
    }
    changes.Put(format_key, kSideFormat);
    Put(changes, kStoreLevel, kKeyTable, "number", number_key);
  }
  auto rows = disk_->Scan(FullKey(kStoreLevel, kKeyTable, ""), "");
  if (!rows.ok()) return rows.status();
  // They come in one write.
  if (format->has_value() == rows->empty()) {
    return absl::DataLossError(absl::StrCat("side store: ", options_.directory, ": the row of the format or those of the keys are gone"));
  }
  std::set<std::string> unlisted = {kSealRow + KeyIdText(keys_.Newest(KeyPurpose::kSeal).id()),
                                    kFingerprintRow + KeyIdText(keys_.Newest(KeyPurpose::kFingerprint).id())};
  for (const auto& [full_key, sealed] : *rows) {
    const std::string_view key = PartsOf(full_key)->key;
    auto plain = Unseal(keys_, {kStoreLevel, kKeyTable, key}, sealed);
    if (absl::IsNotFound(plain.status())) return Foreign(plain.status().message());
    if (!plain.ok()) return AtRow(plain.status(), full_key);
    if (key == "number" && *plain != number_key) {
      return Foreign(absl::StrCat("it finds numbers under number key ", *plain, ", which is not in ", keys_.path()));
    }
    if (key.starts_with(kFingerprintRow)) {
      const std::string id(key.substr(sizeof kFingerprintRow - 1));
      if (!HasFingerprintKey(keys_, id))
        return Foreign(absl::StrCat("requests were compared under fingerprint key ", id, ", which is not in ", keys_.path()));
    }
    unlisted.erase(std::string(key));
  }
  if (options_.read_only) return absl::OkStatus();
  for (const std::string& key : unlisted) Put(changes, kStoreLevel, kKeyTable, key, "");
  if (auto written = disk_->Write(changes); !written.ok()) return written;
  auto rewrite = disk_->Get(FullKey(kStoreLevel, kWorkTable, "rewrite"));
  if (!rewrite.ok()) return rewrite.status();
  return *rewrite ? Rewrite() : absl::OkStatus();  // an erasure ended between removing rows and rewriting files
}

std::string SideStore::NumberHash(std::string_view number) const {
  return KeyedHash(keys_.Newest(KeyPurpose::kNumber), kNumberHashLabel, number);
}

void SideStore::Put(Changes& changes, std::string_view program, char table, std::string_view key, std::string_view plain) const {
  changes.Put(FullKey(program, table, key), Seal(keys_.Newest(KeyPurpose::kSeal), {program, table, key}, plain));
}

void SideStore::PutRow(Changes& changes, const Request& request, SideKind kind, std::uint32_t item, const SideRow& row) const {
  const std::string key = RowKey(request.key, item);
  Put(changes, request.program, static_cast<char>(kind), key, PlainRow(row));
  Put(changes, request.program, kMemberIndex, MemberKey(row.member, kind, row.commitment), key);
  if (kind == SideKind::kNumber) Put(changes, request.program, kNumberIndex, NumberHash(row.value), key);
}

void SideStore::RemoveRow(Changes& changes, std::string_view program, SideKind kind, std::string_view key, const SideRow& row) const {
  changes.Delete(FullKey(program, static_cast<char>(kind), key));
  changes.Delete(FullKey(program, kMemberIndex, MemberKey(row.member, kind, row.commitment)));
  if (kind == SideKind::kNumber) changes.Delete(FullKey(program, kNumberIndex, NumberHash(row.value)));
}

absl::StatusOr<std::optional<SideRow>> SideStore::RowAt(std::string_view program, SideKind kind, std::string_view key) const {
  const char table = static_cast<char>(kind);
  const std::string full_key = FullKey(program, table, key);
  auto sealed = disk_->Get(full_key);
  if (!sealed.ok()) return sealed.status();
  if (!*sealed) return std::nullopt;
  auto plain = Unseal(keys_, {program, table, key}, **sealed);
  if (!plain.ok()) return AtRow(plain.status(), full_key);
  auto row = RowOf(kind, *plain);
  if (!row.ok()) return AtRow(row.status(), full_key);
  return std::optional(*std::move(row));
}

absl::StatusOr<std::optional<SideRow>> SideStore::RowBehind(std::string_view program, SideKind kind, char index_table,
                                                            std::string_view index_key) const {
  const std::string full_key = FullKey(program, index_table, index_key);
  auto sealed = disk_->Get(full_key);
  if (!sealed.ok()) return sealed.status();
  if (!*sealed) return std::nullopt;
  auto key = Unseal(keys_, {program, index_table, index_key}, **sealed);
  if (!key.ok()) return AtRow(key.status(), full_key);
  auto row = RowAt(program, kind, *key);
  if (!row.ok() || *row) return row;
  // Both go in one write: the row is missing, unless that write came between the two reads.
  sealed = disk_->Get(full_key);
  if (!sealed.ok()) return sealed.status();
  if (!*sealed) return std::nullopt;
  return AtRow(absl::DataLossError("the row it leads to is missing"), full_key);
}

absl::StatusOr<std::vector<SideRow>> SideStore::Reserve(std::string_view program, std::string_view actor, std::string_view request_id,
                                                        const std::vector<NumberItem>& items) {
  if (auto shape = ShapeOf(program, actor, request_id, items); !shape.ok()) return shape;
  const Request request{program, RequestKey(actor, request_id)};
  std::set<std::string> drawn;
  std::vector<SideRow> rows;
  Changes changes;
  const MutexLock lock(mutex_);
  for (const NumberItem& item : items) {
    auto row = RowAt(program, SideKind::kNumber, RowKey(request.key, item.item));
    if (!row.ok()) return row.status();
    if (*row && !item.is_new_member && (*row)->member != item.member) {
      return absl::AlreadyExistsError(absl::StrCat("item ", item.item, " of this request id was for another member"));
    }
    if (*row) {
      rows.push_back(**std::move(row));
      continue;
    }
    SideRow made{.order = disk_->NextOrder(), .member = item.member, .value = "", .salt = RandomSalt(), .commitment = ""};
    for (int draws = 0; made.value.empty(); ++draws) {
      if (draws == kDrawsMax) return absl::ResourceExhaustedError("no free 会员号 found");
      std::string number = options_.draw_number ? options_.draw_number() : DrawNumber();
      auto taken = disk_->Get(FullKey(program, kNumberIndex, NumberHash(number)));
      if (!taken.ok()) return taken.status();
      if (!*taken && drawn.insert(number).second) made.value = std::move(number);
    }
    made.commitment = SideCommitment(SideKind::kNumber, made.salt, made.value);
    PutRow(changes, request, SideKind::kNumber, item.item, made);
    rows.push_back(std::move(made));
  }
  if (!changes.is_empty()) Put(changes, program, kOpenTable, request.key, "");
  if (auto written = disk_->Write(changes); !written.ok()) return written;
  return rows;
}

absl::StatusOr<std::vector<SideRow>> SideStore::KeepDeeds(std::string_view program, std::string_view actor, std::string_view request_id,
                                                          const std::vector<DeedItem>& items) {
  if (auto shape = ShapeOf(program, actor, request_id, items); !shape.ok()) return shape;
  const Request request{program, RequestKey(actor, request_id)};
  std::vector<SideRow> rows;
  Changes changes;
  for (const DeedItem& item : items) {
    if (item.content.size() > kDeedBytesMax) return absl::InvalidArgumentError(absl::StrCat("a deed of over ", kDeedBytesMax, " bytes"));
  }
  const MutexLock lock(mutex_);
  for (const DeedItem& item : items) {
    auto row = RowAt(program, SideKind::kDeed, RowKey(request.key, item.item));
    if (!row.ok()) return row.status();
    if (*row && ((*row)->member != item.member || (*row)->value != item.content)) {
      return absl::AlreadyExistsError(absl::StrCat("item ", item.item, " of this request id was another deed"));
    }
    if (*row) {
      rows.push_back(**std::move(row));
      continue;
    }
    SideRow made{.order = disk_->NextOrder(), .member = item.member, .value = item.content, .salt = RandomSalt(), .commitment = ""};
    made.commitment = SideCommitment(SideKind::kDeed, made.salt, made.value);
    PutRow(changes, request, SideKind::kDeed, item.item, made);
    rows.push_back(std::move(made));
  }
  if (!changes.is_empty()) Put(changes, program, kOpenTable, request.key, "");
  if (auto written = disk_->Write(changes); !written.ok()) return written;
  return rows;
}

absl::StatusOr<std::optional<SideRow>> SideStore::Resolve(std::string_view program, std::string_view number) const {
  if (auto named = Named("program", program); !named.ok()) return named;
  if (!IsMemberNumber(number)) return std::nullopt;
  const std::string name = absl::StrCat(std::string(program), "/", std::string(number));
  auto found = disk_->resolved.Find(name);
  if (found.row) return std::move(found.row);
  const std::string hash = NumberHash(number);
  auto row = RowBehind(program, SideKind::kNumber, kNumberIndex, hash);
  if (row.ok() && *row && (*row)->value != number) {
    return AtRow(absl::DataLossError("leads to a row of another number"), FullKey(program, kNumberIndex, hash));
  }
  if (row.ok() && *row) disk_->resolved.Keep(name, **row, found.ticket);
  return row;
}

absl::StatusOr<std::optional<SideRow>> SideStore::Committed(std::string_view program, SideKind kind, std::string_view member,
                                                            std::string_view commitment) const {
  for (const auto& named : {Named("program", program), Named("member", member), Named("commitment", commitment)}) {
    if (!named.ok()) return named;
  }
  const std::string key = MemberKey(member, kind, commitment);
  auto row = RowBehind(program, kind, kMemberIndex, key);
  if (row.ok() && *row && ((*row)->member != member || (*row)->commitment != commitment)) {
    return AtRow(absl::DataLossError("leads to another row"), FullKey(program, kMemberIndex, key));
  }
  return row;
}

absl::StatusOr<std::optional<SideRow>> SideStore::Made(std::string_view program, SideKind kind, const SideName& name) const {
  for (const auto& named : {Named("program", program), Named("actor", name.actor), Named("request id", name.request_id)}) {
    if (!named.ok()) return named;
  }
  return RowAt(program, kind, RowKey(RequestKey(name.actor, name.request_id), name.item));
}

absl::StatusOr<SideStore::Cleared> SideStore::Clear(std::string_view program, std::int64_t epoch, const FateOf& fate) {
  if (auto named = Named("program", program); !named.ok()) return named;
  if (auto turned = TurnTo(program, epoch, fate); !turned.ok()) return turned;
  Cleared cleared;
  for (const char marks : {kStrayTable, kOpenTable}) {
    if (auto status = ClearMarked(program, marks, fate, cleared); !status.ok()) return status;
  }
  return cleared;
}

absl::StatusOr<std::optional<std::int64_t>> SideStore::EpochOf(std::string_view program) const {
  const std::string full_key = FullKey(program, kEpochTable, "epoch");
  auto sealed = disk_->Get(full_key);
  if (!sealed.ok()) return sealed.status();
  std::int64_t epoch = 0;
  if (!*sealed) return epoch;
  const auto plain = Unseal(keys_, {program, kEpochTable, "epoch"}, **sealed);
  if (absl::IsDataLoss(plain.status()) || (plain.ok() && !absl::SimpleAtoi(*plain, &epoch))) return std::nullopt;
  return plain.ok() ? absl::StatusOr<std::optional<std::int64_t>>(epoch) : AtRow(plain.status(), full_key);
}

// In the first Clear of another epoch: all that waits, and every row without an entry, is stray from now on.
absl::Status SideStore::TurnTo(std::string_view program, std::int64_t epoch, const FateOf& fate) {
  const auto last = EpochOf(program);
  if (!last.ok() || *last == epoch) return last.status();
  const auto stray = WithoutEntry(program, epoch, fate);
  if (!stray.ok()) return stray.status();
  Changes changes;
  for (const RowWithoutEntry& row : *stray) Put(changes, program, kStrayTable, RequestKey(row.name.actor, row.name.request_id), "");
  const std::string prefix = FullKey(program, kOpenTable, "");
  const MutexLock lock(mutex_);
  const auto open = disk_->Keys(prefix);
  if (!open.ok()) return open.status();
  for (const std::string& full_key : *open) {
    changes.Delete(full_key);
    Put(changes, program, kStrayTable, std::string_view(full_key).substr(prefix.size()), "");
  }
  Put(changes, program, kEpochTable, "epoch", absl::StrCat(epoch));
  return disk_->Write(changes);
}

absl::StatusOr<bool> SideStore::IsMarked(std::string_view program, char marks, std::string_view request_key) const {
  auto mark = disk_->Get(FullKey(program, marks, request_key));
  if (!mark.ok()) return mark.status();
  return mark->has_value();
}

absl::Status SideStore::ClearMarked(std::string_view program, char marks, const FateOf& fate, Cleared& cleared) {
  const std::string prefix = FullKey(program, marks, "");
  for (std::string behind;;) {
    std::vector<std::string> request_keys;
    {
      const MutexLock lock(mutex_);
      auto marked = disk_->Scan(prefix, behind);
      if (!marked.ok()) return marked.status();
      if (marked->empty()) return absl::OkStatus();
      behind = marked->back().first;
      for (const auto& row : *marked) request_keys.push_back(row.first.substr(prefix.size()));
    }
    Changes changes;
    for (auto& key : request_keys) {
      // A repeat has added rows to a stray request, which was asked for already, whole.
      const auto is_stray = IsMarked(program, kStrayTable, key);
      if (!is_stray.ok()) return is_stray.status();
      if (marks == kOpenTable && *is_stray) {
        changes.Delete(FullKey(program, marks, key));
        continue;
      }
      if (auto done = ClearRequest(changes, {program, std::move(key)}, marks, fate, cleared); !done.ok()) return done;
    }
    const MutexLock lock(mutex_);
    if (auto written = disk_->Write(changes); !written.ok()) return written;
  }
}

absl::Status SideStore::ClearRequest(Changes& changes, const Request& request, char marks, const FateOf& fate, Cleared& cleared) {
  bool is_settled = true;
  for (const SideKind kind : {SideKind::kNumber, SideKind::kDeed}) {
    const std::string prefix = FullKey(request.program, static_cast<char>(kind), "");
    absl::StatusOr<std::vector<std::string>> full_keys;
    {
      const MutexLock lock(mutex_);
      full_keys = disk_->Keys(prefix + request.key + '/');
    }
    if (!full_keys.ok()) return full_keys.status();
    for (const std::string& full_key : *full_keys) {
      const std::string_view key = std::string_view(full_key).substr(prefix.size());
      const auto name = NameOf(key);
      auto row = name ? RowAt(request.program, kind, key) : AtRow(absl::DataLossError("its key names no request and item"), full_key);
      if (!row.ok()) {
        cleared.damaged.emplace_back(row.status().message());
        is_settled = false;
        continue;
      }
      if (!*row) continue;  // erased meanwhile
      switch (fate(kind, *name, **row)) {
        case Fate::kCommitted: ++cleared.committed; break;
        case Fate::kOpen:
          ++cleared.open;
          is_settled = false;
          break;
        case Fate::kNeverComes:
          if (marks == kStrayTable) {
            cleared.stray.push_back({kind, *name, **std::move(row), /*is_stray=*/true});
            is_settled = false;
            break;
          }
          ++cleared.removed;
          RemoveRow(changes, request.program, kind, key, **row);
          break;
      }
    }
  }
  if (is_settled) changes.Delete(FullKey(request.program, marks, request.key));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SideStore::RowWithoutEntry>> SideStore::WithoutEntry(std::string_view program, std::int64_t epoch,
                                                                                const FateOf& fate) const {
  if (auto named = Named("program", program); !named.ok()) return named;
  const auto last = EpochOf(program);
  if (!last.ok()) return last.status();
  std::vector<RowWithoutEntry> without;
  for (const SideKind kind : {SideKind::kNumber, SideKind::kDeed}) {
    const std::string prefix = FullKey(program, static_cast<char>(kind), "");
    for (std::string behind;;) {
      absl::StatusOr<std::vector<std::pair<std::string, std::string>>> rows;
      {
        const MutexLock lock(mutex_);
        rows = disk_->Scan(prefix, behind);
      }
      if (!rows.ok()) return rows.status();
      if (rows->empty()) break;
      behind = rows->back().first;
      for (const auto& found : *rows) {
        const std::string_view key = std::string_view(found.first).substr(prefix.size());
        const auto name = NameOf(key);
        auto row = RowAt(program, kind, key);
        if (!name || !row.ok() || !*row || fate(kind, *name, **row) == Fate::kCommitted) continue;
        // What waits in the same epoch goes with the next Clear.
        const std::string request_key = RequestKey(name->actor, name->request_id);
        const auto waits = IsMarked(program, kOpenTable, request_key), is_stray = IsMarked(program, kStrayTable, request_key);
        if (!waits.ok() || !is_stray.ok()) return waits.ok() ? is_stray.status() : waits.status();
        without.push_back({kind, *name, **std::move(row), *last != epoch || !*waits || *is_stray});
      }
    }
  }
  return without;
}

absl::StatusOr<bool> SideStore::HasRowsOf(std::string_view program, std::string_view member) const {
  absl::Status shape = Named("program", program);
  shape.Update(Named("member", member));
  if (!shape.ok()) return shape;
  const MutexLock lock(mutex_);
  const auto rows = disk_->Scan(FullKey(program, kMemberIndex, member) + '/', "");
  if (!rows.ok()) return rows.status();
  return !rows->empty();
}

absl::StatusOr<std::vector<std::string>> SideStore::Programs() const {
  std::vector<std::string> programs;
  for (std::string behind;;) {
    const MutexLock lock(mutex_);
    auto rows = disk_->Scan("", behind);
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return programs;
    behind = rows->front().first;
    const auto parts = PartsOf(behind);
    if (!parts) continue;  // Check names it
    if (parts->program != kStoreLevel) programs.emplace_back(parts->program);
    behind = std::string(parts->program) + '\1';
  }
}

absl::StatusOr<std::int64_t> SideStore::Erase(std::string_view program, const std::vector<std::string>& members) {
  absl::Status shape = Named("program", program);
  for (const std::string& member : members) shape.Update(Named("member", member));
  if (!shape.ok()) return shape;
  const std::string prefix = FullKey(program, kMemberIndex, "");
  std::int64_t erased = 0;
  absl::Status damage;
  const MutexLock lock(mutex_);
  for (const std::string& member : members) {
    auto full_keys = disk_->Keys(prefix + member + '/');
    if (!full_keys.ok()) return full_keys.status();
    if (full_keys->empty()) continue;
    Changes changes;
    for (const std::string& full_key : *full_keys) {
      ++erased;
      changes.Delete(full_key);
      damage.Update(RemoveBehind(changes, program, full_key));
    }
    Put(changes, kStoreLevel, kWorkTable, "rewrite", "");
    if (auto written = disk_->Write(changes); !written.ok()) return written;
  }
  if (erased > 0) {
    if (auto rewritten = Rewrite(); !rewritten.ok()) return rewritten;
  }
  if (!damage.ok()) return damage;
  return erased;
}

// Removes the row that a member's row leads to; if that can't be read, as much of it as is known.
absl::Status SideStore::RemoveBehind(Changes& changes, std::string_view program, std::string_view full_key) const {
  const std::string_view index_key = PartsOf(full_key)->key;
  auto sealed = disk_->Get(full_key);
  if (!sealed.ok()) return sealed.status();
  auto key = Unseal(keys_, {program, kMemberIndex, index_key}, sealed->value_or(""));
  if (!key.ok()) return AtRow(key.status(), full_key);
  const SideKind kind = index_key[index_key.find('/') + 1] == 'n' ? SideKind::kNumber : SideKind::kDeed;
  auto row = RowAt(program, kind, *key);
  changes.Delete(FullKey(program, static_cast<char>(kind), *key));
  if (!row.ok()) return row.status();
  if (!*row) return AtRow(absl::DataLossError("the row it leads to is missing"), full_key);
  RemoveRow(changes, program, kind, *key, **row);
  return absl::OkStatus();
}

absl::Status SideStore::Rewrite() {
  if (auto compacted = disk_->Compact(); !compacted.ok()) return compacted;
  Changes done;
  done.Delete(FullKey(kStoreLevel, kWorkTable, "rewrite"));
  if (auto written = disk_->Write(done); !written.ok()) return written;
  return disk_->Purge();  // or, after a crash, opening
}

absl::Status SideStore::Backup(const std::string& directory) {
  const std::string partial = directory + ".partial";
  {
    const MutexLock lock(mutex_);
    if (auto made = disk_->Checkpoint(partial); !made.ok()) return made;
  }
  {
    auto copy = Open({.directory = partial, .read_only = true}, keys_);
    if (!copy.ok()) return copy.status();
    if (auto verified = (*copy)->disk_->VerifyChecksums(); !verified.ok()) return verified;
    if (auto marked = disk_->MarkCopy(*(*copy)->disk_); !marked.ok()) return marked;
  }
  return disk_->Rename(partial, directory);
}

// What is wrong with a row; empty: nothing.
std::string SideStore::Fault(std::string_view full_key, std::string_view value) const {
  const auto parts = PartsOf(full_key);
  if (!parts) return "not a row of a side store";
  if (parts->program == kStoreLevel && parts->table == kFormatTable) return value == kSideFormat ? "" : "another format";
  if (std::string_view("kndxmosew").find(parts->table) == std::string_view::npos) return "of no table";
  auto plain = Unseal(keys_, {parts->program, parts->table, parts->key}, value);
  if (!plain.ok()) return std::string(plain.status().message());
  const auto text = [](const absl::Status& status) { return std::string(status.message()); };
  if (parts->table == 'n' || parts->table == 'd') {
    const auto kind = static_cast<SideKind>(parts->table);
    if (!NameOf(parts->key)) return "its key names no request and item";
    auto row = RowOf(kind, *plain);
    if (!row.ok()) return text(row.status());
    if (kind == SideKind::kNumber && !IsMemberNumber(row->value)) return "holds no 会员号";
    auto led_to = Committed(parts->program, kind, row->member, row->commitment);
    if (!led_to.ok()) return text(led_to.status());
    if (*led_to != *row) return "its member does not lead to it";
    if (kind == SideKind::kDeed) return "";
    led_to = Resolve(parts->program, row->value);
    if (!led_to.ok()) return text(led_to.status());
    return *led_to == *row ? "" : "its number does not lead to it";
  }
  if (parts->table == kNumberIndex) {
    auto row = RowAt(parts->program, SideKind::kNumber, *plain);
    if (!row.ok()) return text(row.status());
    return *row && NumberHash((*row)->value) == parts->key ? "" : "leads to no row, or to one of another number";
  }
  if (parts->table == kMemberIndex) {
    for (const SideKind kind : {SideKind::kNumber, SideKind::kDeed}) {
      auto row = RowAt(parts->program, kind, *plain);
      if (row.ok() && *row && MemberKey((*row)->member, kind, (*row)->commitment) == parts->key) return "";
    }
    return "leads to no row, or to another one";
  }
  return "";
}

absl::StatusOr<SideStore::Report> SideStore::Check() const {
  Report report;
  const auto fault = [&report](std::string text) {
    if (++report.faults <= static_cast<std::int64_t>(kFaultsMax)) report.first_faults.push_back(std::move(text));
  };
  for (std::string behind;;) {
    const MutexLock lock(mutex_);
    auto rows = disk_->Scan("", behind);
    if (!rows.ok()) {
      fault(std::string(rows.status().message()));
      return report;
    }
    if (rows->empty()) return report;
    behind = rows->back().first;
    for (const auto& [full_key, value] : *rows) {
      if (const auto parts = PartsOf(full_key)) {
        report.numbers += parts->table == 'n';
        report.deeds += parts->table == 'd';
        report.open_requests += parts->table == kOpenTable;
      }
      if (auto text = Fault(full_key, value); !text.empty()) fault(absl::StrCat("row ", Describe(full_key), ": ", text));
    }
  }
}

}  // namespace redpoints
