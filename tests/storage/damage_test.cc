// A shard on disk, harmed in each way that a disk, a copy or a person harms one: what is said when it is opened, and that saying it changes
// nothing.
#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/head_mark.h"
#include "storage/merkle/sha256.h"
#include "storage/shards.h"
#include "tests/storage/disk.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class DamageTest : public testing::Test {
 protected:
  DamageTest() {
    std::string name = fs::temp_directory_path() / "redpoints-damage-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
    shard = root + "/ledger";
    EXPECT_TRUE(Disk().Open(shard).ok());
    options.on_event = [this](const std::string& event, const std::string& detail) {
      const std::lock_guard lock(mutex);
      events.push_back(event + ": " + detail);
    };
    EXPECT_TRUE(Open().ok());
    Run(FoundProgram{{"minyue", "a0"}});
    for (int i = 0; i < 200; ++i) {
      const NodeData place{.code = absl::StrCat("p-", i), .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = "grid"};
      EXPECT_EQ(Run(Register{.items = {place}, .is_new = true, .rulebook_json = ""}).first, RequestState::kDone);
    }
    shards.reset();
    fs::copy(shard, root + "/whole", fs::copy_options::recursive);
  }
  ~DamageTest() override {
    shards.reset();
    fs::remove_all(root);
  }
  void PutBack() {
    shards.reset();
    fs::remove_all(shard);
    fs::copy(root + "/whole", shard, fs::copy_options::recursive);
  }
  absl::Status Open() {
    shards.reset();
    events.clear();
    auto opened = Shards::Open({{.directory = shard, .programs = {}}}, Clock::System(), options);
    if (opened.ok()) shards = *std::move(opened);
    return opened.status();
  }
  Outcome Run(Command command, const std::string& program = "minyue") {
    std::promise<Outcome> promise;
    shards->Submit(program,
                   {.actor = "a0",
                    .request_id = Sha256Hex(absl::StrCat(next++)).substr(0, 32),
                    .terminal = "",
                    .merchant = "",
                    .clerk = "",
                    .till = "",
                    .fingerprint = ""},
                   std::move(command), [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
  }
  // The largest file below `directory` whose name holds `part`.
  std::string Largest(const std::string& directory, const std::string& part) {
    std::string largest;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string path = entry.path();
      if (path.substr(directory.size()).find(part) == std::string::npos) continue;
      if (largest.empty() || fs::file_size(path) > fs::file_size(largest)) largest = path;
    }
    return largest;
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
  }
  static void Flip(const std::string& path, std::size_t at) {
    std::string bytes = Read(path);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // Every file with its bytes.
  std::map<std::string, std::string> Snapshot() {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(shard))
      files[entry.path()] = entry.is_regular_file() ? Read(entry.path()) : "";
    return files;
  }

  std::string root, shard;
  Ledger::Options options;
  std::mutex mutex;
  std::vector<std::string> events;
  std::unique_ptr<Shards> shards;
  int next = 0;
};

TEST_F(DamageTest, EachHarmToTheLogIsRefusedWithItsFileAndTheNextStepAndNothingChanges) {
  const std::string log = shard + "/log";
  const struct {
    const char* name;
    std::function<void()> harm;
    std::vector<std::string> words;
  } harms[] = {
      {"a byte flipped in the write-ahead log",
       [&] { Flip(Largest(log, ".log"), 200); },
       {"log/0", ".log", "keep the directory", "restore"}},
      {"the write-ahead log cut",
       [&] { fs::resize_file(Largest(log, ".log"), fs::file_size(Largest(log, ".log")) / 2); },
       {"minyue ends at entry", "/head says", "Keep the directory", "restore"}},
      {"the write-ahead log deleted", [&] { fs::remove(Largest(log, ".log")); }, {"restore"}},
      {"MANIFEST deleted", [&] { fs::remove(Largest(log, "MANIFEST-")); }, {"MANIFEST-0", "keep the directory", "restore"}},
      {"MANIFEST flipped", [&] { Flip(Largest(log, "MANIFEST-"), 40); }, {"log", "keep the directory", "restore"}},
      {"CURRENT deleted", [&] { fs::remove(log + "/CURRENT"); }, {"/log/CURRENT is missing", "keep the directory", "restore"}},
      {"CURRENT emptied", [&] { fs::resize_file(log + "/CURRENT", 0); }, {"CURRENT", "keep the directory", "restore"}},
      {"a table deleted", [&] { fs::remove(Largest(log, ".sst")); }, {"log/0", ".sst", "keep the directory", "restore"}},
      {"a table cut", [&] { fs::resize_file(Largest(log, ".sst"), 100); }, {"log/0", ".sst", "keep the directory", "restore"}},
      {"CURRENT of another list",
       [&] { std::ofstream(log + "/CURRENT") << "MANIFEST-999999\n"; },
       {"MANIFEST-999999", "keep the directory"}},
      {"the directory deleted", [&] { fs::remove_all(shard); }, {"no ledger in", shard}},
      {"the directory emptied", [&] { fs::remove_all(shard), fs::create_directories(shard); }, {"no ledger in", shard}},
  };
  for (const auto& [name, harm, words] : harms) {
    SCOPED_TRACE(name);
    PutBack();
    harm();
    const auto before = fs::exists(shard) ? Snapshot() : std::map<std::string, std::string>();
    const auto refused = Open();
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.message().find("in use"), absl::string_view::npos) << refused;
    for (const auto& word : words) EXPECT_THAT(std::string(refused.message()), HasSubstr(word));
    EXPECT_EQ(fs::exists(shard) ? Snapshot() : decltype(before)(), before);
  }
}

// Room that was set aside, and the beginning of a record whose commit was never answered.
TEST_F(DamageTest, GarbageBehindTheWriteAheadLogLosesNothing) {
  for (const std::string& garbage :
       {std::string(64 * 1024, '\0'), std::string("\x7f\x01\x02"), std::string("\x7f\x01\x02\x03\x20\x00\x01half", 11)}) {
    PutBack();
    std::ofstream(Largest(shard + "/log", ".log"), std::ios::binary | std::ios::app) << garbage;
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened;
    EXPECT_EQ(shards->Of("minyue").EndSequence("minyue"), 202);
  }
}

TEST_F(DamageTest, HarmToDerivedRowsHealsItself) {
  const std::string derived = shard + "/derived";
  const std::function<void()> harms[] = {
      [&] { fs::remove_all(derived); },
      [&] { Flip(Largest(derived, ".sst"), 10); },
      [&] { fs::remove(Largest(derived, ".sst")); },
      [&] { fs::resize_file(Largest(derived, "MANIFEST-"), 7); },
      [&] { fs::remove(derived + "/CURRENT"); },
  };
  for (const auto& harm : harms) {
    PutBack();
    harm();
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened;
    EXPECT_EQ(shards->Of("minyue").EndSequence("minyue"), 202);
    EXPECT_FALSE(shards->Of("minyue").IsSetAside("minyue"));
    shards.reset();
    Disk disk;
    ASSERT_TRUE(disk.Open(shard).ok());
    const auto report = CheckProgram(*disk.log, disk.store.get(), "minyue");
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_GT(report->derived_rows, 0);
  }
}

// Wherever a byte has changed: what opening does not read is noted when somebody asks for it, and no damaged file outlives the next opening.
TEST_F(DamageTest, AByteChangedInDerivedFilesIsGoneWithThem) {
  const int asked = next;
  const auto is_each_found = [&] {
    for (int i = 0; i < asked; ++i) {
      if (shards->Of("minyue").FindOutcome("minyue", "a0", Sha256Hex(absl::StrCat(i)).substr(0, 32)).refusal) return false;
    }
    return true;
  };
  const auto rebuilds = [&] {
    return std::count_if(events.begin(), events.end(), [](const std::string& event) { return event.starts_with("derived_rebuild"); });
  };
  ASSERT_TRUE(Open().ok());
  Run(FoundProgram{{"other", "a0"}}, "other");
  shards.reset();
  {  // Programs share files once RocksDB has merged them.
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, shard + "/derived", &db).ok());
    const std::unique_ptr<rocksdb::DB> derived(db);
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    ASSERT_TRUE(derived->CompactRange(all, nullptr, nullptr).ok());
  }
  fs::remove_all(root + "/whole");
  fs::copy(shard, root + "/whole", fs::copy_options::recursive);
  int noted_later = 0;
  for (std::size_t part = 0; part < 16; ++part) {
    SCOPED_TRACE(part);
    PutBack();
    for (const auto& file : fs::directory_iterator(shard + "/derived")) {
      if (file.path().extension() == ".sst") Flip(file.path(), file.file_size() * part / 16);
    }
    ASSERT_TRUE(Open().ok());
    noted_later += rebuilds() == 0 && !is_each_found();
    ASSERT_TRUE(Open().ok());
    EXPECT_TRUE(is_each_found());
    EXPECT_FALSE(shards->Of("minyue").IsSetAside("minyue"));
    ASSERT_TRUE(Open().ok());
    EXPECT_EQ(rebuilds(), 0);
    shards.reset();
    Disk disk;
    ASSERT_TRUE(disk.Open(shard).ok());
    const auto report = CheckProgram(*disk.log, disk.store.get(), "minyue");
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->unusable_rows, "");
    EXPECT_GT(report->derived_rows, 0);
  }
  EXPECT_GT(noted_later, 0);
}

TEST_F(DamageTest, AHeadMarkThatIsTornOrGoneIsSaidAndNoMore) {
  for (const bool is_torn : {false, true}) {
    PutBack();
    is_torn ? fs::resize_file(HeadMarkFile(shard), 9) : void(fs::remove(HeadMarkFile(shard)));
    ASSERT_TRUE(Open().ok());
    ASSERT_EQ(events.size(), 1u);
    EXPECT_THAT(events[0], AllOf(HasSubstr("head_mark: "), HasSubstr(HeadMarkFile(shard))));
    shards.reset();
    EXPECT_TRUE(ReadHeadMarks(HeadMarkFile(shard)).ok());  // there again
  }
}

// As `redpointsd check` opens it.
TEST_F(DamageTest, FollowingAndCheckingChangeNotAByte) {
  const auto before = Snapshot();
  {
    const auto log = RocksDbLog::Open({.directory = shard + "/log"});
    ASSERT_TRUE(log.ok()) << log.status();
    const auto store = RocksDbStore::Open({.directory = shard + "/derived", .read_only = true});
    ASSERT_TRUE(store.ok()) << store.status();
    const auto report = CheckProgram(**log, store->get(), "minyue");
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->entries, 202);
  }
  EXPECT_EQ(Snapshot(), before);
}

// In a child without a superuser's rights, which see every file.
TEST_F(DamageTest, FilesThatAreClosedToUsAreNamedWithTheirOwnerAndWhatHelps) {
  const bool is_root = ::geteuid() == 0;  // only root makes files of somebody else
  const struct {
    std::string path;
    mode_t mode;
    bool is_ours;
    std::vector<std::string> words;
  } harms[] = {{shard + "/log", 0, false, {"can't read ", "chown"}},
               {shard + "/log/CURRENT", 0, false, {"can't read ", "chown"}},
               {shard + "/log/CURRENT", 0444, false, {"can't write ", "chown"}},
               {shard + "/derived/LOCK", 0, false, {"can't read ", "chown"}},
               {shard + "/log/CURRENT", 0444, true, {"can't write ", "its mode is 0444: chmod u+rw " + shard + "/log/CURRENT"}},
               {shard + "/derived", 0500, true, {"can't write to ", "its mode is 0500: chmod u+rwx " + shard + "/derived"}}};
  for (const auto& [path, mode, is_ours, words] : harms) {
    if (!is_ours && !is_root) continue;
    PutBack();
    if (is_root) fs::permissions(root, fs::perms::all);
    for (const auto& entry : fs::recursive_directory_iterator(shard)) {
      fs::permissions(entry, fs::perms::all);
      if (is_root && is_ours) {
        ASSERT_EQ(::chown(entry.path().c_str(), 65534, 65534), 0);
      }
    }
    fs::permissions(shard, fs::perms::all);
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
      const bool is_log = path.starts_with(shard + "/log");
      auto log = RocksDbLog::Open({.directory = shard + "/log"});
      const auto of_log = log.ok() && is_log ? (*log)->TryTakeOver().status() : log.status();
      const auto status = is_log ? of_log : RocksDbStore::Open({.directory = shard + "/derived"}).status();
      const std::string message(status.message());
      const bool is_right = absl::IsPermissionDenied(status) && message.find(words[0] + path) != std::string::npos &&
                            message.find("it belongs to") != std::string::npos && message.find(words[1]) != std::string::npos &&
                            (!is_ours || message.find("chown") == std::string::npos);
      if (!is_right) std::fprintf(stderr, "%s\n", message.c_str());
      ::_exit(is_right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << path;
    ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  }
}

}  // namespace
}  // namespace redpoints
