// Disks that fail: the n-th write or sync of any file, for every n; a log without its tail; a log with one byte flipped. Unlike a kill, these
// lose what was written and not synced, as a power cut does.
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <map>
#include <mutex>

#include "storage/journal.h"
#include "tests/crash/books.h"
#include "tests/crash/operations.h"
#include "tests/storage/disk.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// A file system that can be told to fail at its n-th write or sync, and that knows how much of each file is synced. Thread-safe.
class FaultFs : public rocksdb::FileSystemWrapper {
 public:
  enum class Lasting { kOnce, kForEver };

  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "FaultFs"; }

  // The operation after `n` more fails.
  void FailAfter(int n, Lasting lasting) {
    left_ = n;
    lasting_ = lasting;
    is_armed_ = true;
    has_failed_ = false;
  }
  void Heal() { is_armed_ = false; }
  bool has_failed() const { return has_failed_; }

  // Sizes up to which the files are synced; a file that never was is not in it.
  std::map<std::string, std::uint64_t> synced() const {
    const std::lock_guard lock(mutex_);
    return synced_;
  }

  // Which operation failed first.
  std::string failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }

  bool MustFail(const char* what, const std::string& file) {
    if (!is_armed_) return false;
    if (has_failed_) return lasting_ == Lasting::kForEver;
    if (left_.fetch_sub(1) > 0) return false;
    has_failed_ = true;
    const std::lock_guard lock(mutex_);
    failed_ = absl::StrCat(what, " of ", file);
    return true;
  }
  void NoteSynced(const std::string& file, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    synced_[file] = size;
  }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options, std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override;

 private:
  std::atomic<bool> is_armed_ = false;
  std::atomic<bool> has_failed_ = false;
  std::atomic<int> left_ = 0;
  Lasting lasting_ = Lasting::kOnce;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> synced_;
  std::string failed_;
};

class FaultFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultFile(std::unique_ptr<FSWritableFile>&& file, std::string name, FaultFs& fs)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), fs_(fs) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (fs_.MustFail("a write", name_)) {
      // Half of it arrives.
      const Slice half(data.data(), data.size() / 2);
      FSWritableFileOwnerWrapper::Append(half, options, debug).PermitUncheckedError();
      size_ += half.size();
      return IOStatus::IOError("injected");
    }
    size_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (fs_.MustFail("the sync", name_)) return IOStatus::IOError("injected");
    auto status = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (status.ok()) fs_.NoteSynced(name_, size_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }

 private:
  const std::string name_;
  FaultFs& fs_;
  std::uint64_t size_ = 0;
};

IOStatus FaultFs::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options, std::unique_ptr<FSWritableFile>* result,
                                  IODebugContext* debug) {
  auto status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (status.ok()) *result = std::make_unique<FaultFile>(std::move(*result), name, *this);
  return status;
}

class FaultTest : public LedgerTest {
 protected:
  FaultTest() : memory_env(rocksdb::NewMemEnv(rocksdb::Env::Default())) { NewDisk(); }
  void TearDown() override {
    ledger.reset();
    disk.Close();
  }
  Log& log() override { return *disk.log; }
  Store& store() override { return *disk.store; }

  void NewDisk() {
    ledger.reset();
    disk.Close();
    memory_env.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    fs = std::make_shared<FaultFs>(memory_env->GetFileSystem());
    env = rocksdb::NewCompositeEnv(fs);
    sent.clear();
  }
  absl::Status TryOpen() {
    ledger.reset();
    disk.Close();
    events.clear();
    if (auto status = disk.Open("/ledger", env.get()); !status.ok()) return status;
    options.on_event = [this](const std::string& event, const std::string& detail) {
      const std::lock_guard lock(events_mutex);
      // Derived rows that a fault has made useless are made again; nothing is lost with them.
      if (event != "derived_rebuild") events.push_back(event + ": " + detail);
    };
    auto on_it = Ledger::Open(*disk.log, *disk.store, clock, options);
    if (!on_it.ok()) return on_it.status();
    ledger = *std::move(on_it);
    return absl::OkStatus();
  }

  // Requests in flight from a few threads, as many as there are `count`; none of them may be lost.
  void Load(std::uint64_t seed, int count) {
    constexpr int kThreads = 4;
    std::vector<std::thread> threads;
    std::mutex mutex;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        Operator client(seed * 1000 + static_cast<std::uint64_t>(t));
        for (int i = 0; i < count / kThreads; ++i) {
          const Operation op = client.Next(clock.NowMs());
          const Outcome outcome = RunOn(*ledger, op);
          client.Learn(outcome);
          if (t == 0 && i % 6 == 5) clock.Advance((i % 12 == 5 ? 4 : 15 * 60) * kMinuteMs);  // holds end and days close, while it goes on
          const std::lock_guard lock(mutex);
          sent.push_back({op, Answered::Of(op.id, outcome)});
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }

  // The power goes: what was not synced is not there.
  void CutPower() {
    const auto synced = fs->synced();
    ledger.reset();
    disk.Close();
    for (const auto& path : Files()) {
      if (!path.ends_with(".log")) continue;
      std::string bytes;
      ASSERT_TRUE(rocksdb::ReadFileToString(memory_env.get(), path, &bytes).ok());
      const auto size = synced.find(path);
      bytes.resize(std::min<std::size_t>(bytes.size(), size == synced.end() ? 0 : size->second));
      ASSERT_TRUE(rocksdb::WriteStringToFile(memory_env.get(), bytes, path).ok());
    }
  }

  // All files, by their paths.
  std::vector<std::string> Files() {
    std::vector<std::string> paths, files;
    for (const char* directory : {"/ledger/log", "/ledger/derived"}) {
      if (memory_env->FileExists(directory).IsNotFound()) continue;
      EXPECT_TRUE(memory_env->GetChildren(directory, &files).ok());
      for (const auto& file : files) paths.push_back(absl::StrCat(directory, "/", file));
    }
    return paths;
  }

  // All that was answered is there; what was not known is done or not, and its repetition settles it.
  void ExpectAllKept() {
    for (const auto& [op, answered] : sent) {
      const Outcome outcome = RunOn(*ledger, op);
      if (answered.IsUnknown()) continue;
      if (answered.entries > 0) {
        EXPECT_EQ(Answered::Of(op.id, outcome), answered) << op.Line();
        EXPECT_TRUE(outcome.is_replayed) << op.Line();
      } else {
        EXPECT_FALSE(outcome.is_replayed && outcome.entry().request_id == op.id) << op.Line() << answered.Line();
      }
    }
    const auto chunk = Journal(log(), "minyue").Lines(0, ledger->EndSequence("minyue"), std::size_t{1} << 30);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    Books books;
    for (const auto line : chunk->Split()) books.Add(line);
    books.ExpectConserved();
    books.ExpectSame(*ledger->FindState("minyue"));
    for (const Entry& entry : books.entries) ++kinds[entry.kind];
    CheckAll();
  }

  struct Sent {
    Operation op;
    Answered answered;
  };
  std::unique_ptr<rocksdb::Env> memory_env;
  std::shared_ptr<FaultFs> fs;
  std::unique_ptr<rocksdb::Env> env;
  Disk disk;
  std::vector<Sent> sent;
  std::map<Kind, int> kinds;  // entries of all ledgers that were looked at
};

class NthFaultTest : public FaultTest, public testing::WithParamInterface<FaultFs::Lasting> {};

TEST_P(NthFaultTest, TheNthWriteOrSyncFails) {
  int faults = 0;
  for (int n = 0;; n += n < 40 ? 1 : 7) {
    SCOPED_TRACE(absl::StrCat("n = ", n));
    NewDisk();
    options.turn_entries = 30;
    ASSERT_TRUE(TryOpen().ok());
    SetUpProgram(kCrashMembers);
    fs->FailAfter(n, GetParam());
    Load(static_cast<std::uint64_t>(n) + 1, 120);
    CutPower();
    const bool has_failed = fs->has_failed();
    fs->Heal();
    SCOPED_TRACE(fs->failed());
    const auto opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_TRUE(events.empty()) << events.front();
    ExpectAllKept();
    if (HasFailure() || !has_failed) break;
    ++faults;
  }
  EXPECT_GT(faults, 40);
  for (const Kind kind :
       {Kind::kRefund, Kind::kReversal, Kind::kUndoProposed, Kind::kUndo, Kind::kHoldExpired, Kind::kDayClosed, Kind::kEpoch}) {
    EXPECT_GT(kinds[kind], 0) << KindName(kind);
  }
  std::printf("%d faults\n", faults);
}

TEST_P(NthFaultTest, TheNthWriteOrSyncFailsWhileOpening) {
  int faults = 0;
  for (int n = 0;; ++n) {
    SCOPED_TRACE(absl::StrCat("n = ", n));
    NewDisk();
    options.turn_entries = 30;
    ASSERT_TRUE(TryOpen().ok());
    SetUpProgram(kCrashMembers);
    Load(static_cast<std::uint64_t>(n) + 1, 40);
    CutPower();
    fs->FailAfter(n, GetParam());
    const auto broken = TryOpen();
    if (broken.ok()) Load(static_cast<std::uint64_t>(n) + 1'000'000, 20);  // it may fail later
    const bool has_failed = fs->has_failed();
    CutPower();
    fs->Heal();
    SCOPED_TRACE(fs->failed());
    const auto opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_TRUE(events.empty()) << events.front();
    ExpectAllKept();
    if (HasFailure() || !has_failed || n > 60) break;
    ++faults;
  }
  EXPECT_GT(faults, 5);
  std::printf("%d faults\n", faults);
}

INSTANTIATE_TEST_SUITE_P(Lasting, NthFaultTest, testing::Values(FaultFs::Lasting::kOnce, FaultFs::Lasting::kForEver),
                         [](const auto& each) { return each.param == FaultFs::Lasting::kOnce ? "Once" : "ForEver"; });

class LogTest : public FaultTest {
 protected:
  // A ledger whose last entries are only in the log; the log's bytes.
  void Begin() {
    ASSERT_TRUE(TryOpen().ok());
    SetUpProgram(kCrashMembers);
    for (int i = 0; i < 40; ++i) {
      const Outcome sale = Buy(absl::StrCat("m", i % 4 + 1), 5);
      ends.push_back(sale.entry().sequence + 1);
    }
    for (const auto& file : Files()) {
      if (file.ends_with("/LOCK")) continue;
      std::string bytes;
      ASSERT_TRUE(rocksdb::ReadFileToString(memory_env.get(), file, &bytes).ok()) << file;
      copy[file] = bytes;
      if (file.starts_with("/ledger/log") && file.ends_with(".log") && !bytes.empty()) wal = file;
    }
    ASSERT_FALSE(wal.empty());
  }
  // The disk as it was at Begin, but for the log.
  void PutBack(const std::string& wal_bytes) {
    NewDisk();
    for (const char* directory : {"/ledger", "/ledger/log", "/ledger/derived"}) ASSERT_TRUE(memory_env->CreateDirIfMissing(directory).ok());
    for (const auto& [file, bytes] : copy) {
      ASSERT_TRUE(rocksdb::WriteStringToFile(memory_env.get(), file == wal ? wal_bytes : bytes, file).ok());
    }
  }
  std::map<std::string, std::string> copy;
  std::string wal;
  std::vector<std::int64_t> ends;
};

// A torn tail is what a power cut leaves: the ledger opens with what is whole, which is a ledger.
TEST_F(LogTest, ALogWithoutItsTailGivesAShorterLedger) {
  Begin();
  const std::string& whole = copy.at(wal);
  std::int64_t last = ends.back();
  for (std::size_t cut = 0; cut < whole.size() / 2; cut += 97) {
    SCOPED_TRACE(absl::StrCat("without the last ", cut, " of ", whole.size(), " bytes"));
    PutBack(whole.substr(0, whole.size() - cut));
    const auto opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_TRUE(events.empty()) << events.front();
    const auto end = ledger->EndSequence("minyue");
    EXPECT_LE(end, last);
    last = end;
    EXPECT_TRUE(cut > 0 || end == ends.back()) << end;
    CheckAll();
  }
  EXPECT_LT(last, ends.back());
}

// A byte that changed in the middle is no torn tail: to open without what follows would lose answered sales in silence.
TEST_F(LogTest, AFlippedByteInTheLogIsRefused) {
  Begin();
  const std::string& whole = copy.at(wal);
  // The last records may pass for a tail.
  int flips = 0;
  for (std::size_t at = 0; at < whole.size() * 9 / 10; at += 211, ++flips) {
    SCOPED_TRACE(absl::StrCat("byte ", at, " of ", whole.size()));
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    PutBack(flipped);
    const auto opened = TryOpen();
    EXPECT_TRUE(absl::IsDataLoss(opened)) << opened;
    if (opened.ok()) ADD_FAILURE() << "opened with " << ledger->EndSequence("minyue") << " of " << ends.back() << " entries";
  }
  EXPECT_GT(flips, 50);
}

}  // namespace
}  // namespace redpoints
