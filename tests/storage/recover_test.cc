// A shard on disk is harmed, and what can be saved of it is saved elsewhere.
#include "storage/recover.h"

#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "storage/clock_guard.h"
#include "storage/head_mark.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/log/tables.h"
#include "storage/rules/entry_codec.h"
#include "storage/start_failure.h"
#include "tests/storage/disk.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class RecoverTest : public LedgerTest {
 protected:
  RecoverTest() {
    // Hundreds of sales, each synced: memory does, since nothing here cuts the power.
    std::string name = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / "redpoints-recover-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root = name, from = root + "/shard", to = root + "/new";
  }
  ~RecoverTest() override {
    ledger.reset();
    disk.Close();
    fs::remove_all(root);
  }
  void TearDown() override {}
  Log& log() override { return *disk.log; }
  Store& store() override { return *disk.store; }

  // A shard of two programs; `is_flushed`: in tables, else in the write-ahead log.
  void Make(bool is_flushed, int sales = 120) {
    ASSERT_TRUE(disk.Open(from).ok());
    options.head_mark_file = HeadMarkFile(from);
    SetUpProgram();
    Run(Staff(NewId()), FoundProgram{{"other", "a0"}}, "other");
    for (int i = 0; i < sales; ++i) Buy("m1", 1);
    ledger.reset();
    end = *Journal(*disk.log, "minyue").End();
    line = *Journal(*disk.log, "minyue").Line(0);
    disk.Close();
    if (is_flushed) Raw([](rocksdb::DB& db, const auto& tables) { ASSERT_TRUE(db.Flush({}, tables).ok()); });
  }
  // Something done to the log of the shard by RocksDB itself.
  void Raw(const std::function<void(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& tables)>& act) {
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> tables;
    ASSERT_TRUE(rocksdb::DB::Open({}, from + "/log", LogTables(), &tables, &db).ok());
    act(*db, tables);
    for (auto* table : tables) db->DestroyColumnFamilyHandle(table).PermitUncheckedError();
    delete db;
  }
  // The largest file of the log whose name holds `part`.
  std::string Largest(const std::string& part) {
    std::string largest;
    for (const auto& file : fs::directory_iterator(from + "/log")) {
      if (file.path().filename().string().find(part) == std::string::npos) continue;
      if (largest.empty() || fs::file_size(file) > fs::file_size(largest)) largest = file.path();
    }
    return largest;
  }
  static void Flip(const std::string& path, std::size_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }
  // Garbage behind the end of each table's files.
  void Grow() const {
    for (const auto& file : fs::directory_iterator(from + "/log")) {
      if (file.path().extension() == ".sst") std::ofstream(file.path(), std::ios::binary | std::ios::app) << std::string(777, 'g');
    }
  }
  static std::map<std::string, std::string> Snapshot(const std::string& directory) {
    std::map<std::string, std::string> files;
    for (const auto& file : fs::recursive_directory_iterator(directory)) {
      std::ostringstream bytes;
      if (file.is_regular_file()) bytes << std::ifstream(file.path(), std::ios::binary).rdbuf();
      files[file.path()] = bytes.str();
    }
    return files;
  }
  // Recovers, and looks at what every recovery has to be: the old shard as it was, the new one whole by the rules, at work in a new epoch.
  RecoveredProgram Save() {
    const auto before = Snapshot(from);
    const auto recovered = Recover(
        from, to, clock, [](const std::string&) {}, blob_files);
    EXPECT_TRUE(recovered.ok()) << recovered.status();
    EXPECT_EQ(Snapshot(from), before);
    EXPECT_FALSE(fs::exists(to + ".partial"));
    if (!recovered.ok()) return {};
    means = recovered->means;
    supplied = recovered->supplied;
    const auto program =
        std::find_if(recovered->programs.begin(), recovered->programs.end(), [](const auto& p) { return p.id == "minyue"; });
    EXPECT_TRUE(disk.Open(to).ok());
    const Journal journal(*disk.log, "minyue");
    EXPECT_EQ(*journal.End(), program->end + 1);
    const auto opening = ParseLine(*journal.Line(program->end));
    EXPECT_TRUE(opening.ok() && opening->kind == Kind::kEpoch);
    EXPECT_EQ(std::get<EpochData>(opening->data).lost, program->lost);
    EXPECT_EQ(std::get<EpochData>(opening->data).why, "recover");
    const auto marks = ReadHeadMarks(HeadMarkFile(to));
    EXPECT_TRUE(marks.ok() && marks->at("minyue").end == program->end + 1 && marks->at("minyue").epoch == opening->epoch);
    options.head_mark_file = HeadMarkFile(to);
    Open();
    CheckAll();
    disk.Close();
    return *program;
  }

  Disk disk;
  std::string root, from, to, line, means;
  std::vector<std::string> blob_files, supplied;
  std::int64_t end = 0;
};

TEST_F(RecoverTest, AWholeLedgerIsWholeAgain) {
  for (const bool is_flushed : {false, true}) {
    Make(is_flushed);
    if (is_flushed) std::ofstream(ClockDoubtFile(from)) << "until somebody confirms it\n";
    const RecoveredProgram program = Save();
    EXPECT_EQ(fs::exists(ClockDoubtFile(to)), is_flushed);
    EXPECT_EQ(program.end, end);
    EXPECT_EQ(program.lost, -1);  // the mark may be some seconds old
    EXPECT_EQ(program.why, "");
    EXPECT_EQ(program.apart, 0);
    EXPECT_EQ(means, "as it is");
    fs::remove_all(from), fs::remove_all(to);
  }
}

TEST_F(RecoverTest, WhatIsMissingIsSaid) {
  const struct {
    const char* name;
    bool is_flushed;
    std::function<void()> harm;
    const char* means;
    bool is_all;
  } harms[] = {
      {"CURRENT deleted", false, [&] { fs::remove(from + "/log/CURRENT"); }, "write-ahead", true},
      {"MANIFEST deleted", true, [&] { fs::remove(Largest("MANIFEST-")); }, "repair", true},
      {"the write-ahead log cut", false, [&] { fs::resize_file(Largest(".log"), fs::file_size(Largest(".log")) / 2); }, "as it is", false},
      {"the write-ahead log flipped", false, [&] { Flip(Largest(".log"), fs::file_size(Largest(".log")) / 2); }, "write-ahead", false},
      {"MANIFEST and CURRENT deleted, nothing ever flushed", false,
       [&] { fs::remove(Largest("MANIFEST-")), fs::remove(from + "/log/CURRENT"); }, "repair", true},
      {"CURRENT emptied", false, [&] { fs::resize_file(from + "/log/CURRENT", 0); }, "write-ahead", true},
      {"CURRENT of another list", true, [&] { std::ofstream(from + "/log/CURRENT") << "MANIFEST-999999\n"; }, "write-ahead", true},
      {"MANIFEST flipped", true, [&] { Flip(Largest("MANIFEST-"), 40); }, "repair", true},
      {"files grown by garbage", true, [&] { Grow(); }, "behind the end of 0", true},
      {"files grown, and the write-ahead log flipped", false, [&] { Grow(), Flip(Largest(".log"), fs::file_size(Largest(".log")) / 2); },
       ".sst, and without what is damaged in its write-ahead", false},
      {"a table flipped", true, [&] { Flip(Largest(".sst"), fs::file_size(Largest(".sst")) / 2); }, "as it is", false},
  };
  for (const auto& harm : harms) {
    SCOPED_TRACE(harm.name);
    Make(harm.is_flushed, harm.is_all ? 20 : 300);  // of a table, a block of 64 KiB is lost whole
    harm.harm();
    const RecoveredProgram program = Save();
    EXPECT_THAT(means, HasSubstr(harm.means));
    EXPECT_EQ(program.end == end, harm.is_all) << program.end << " of " << end << ": " << program.why;
    EXPECT_EQ(program.lost, harm.is_all ? -1 : end - program.end) << "the head mark says how far it went";
    EXPECT_EQ(program.why.empty(), harm.is_all) << program.why;
    fs::remove_all(from), fs::remove_all(to);
  }
}

// What it would make looks like a ledger, and is none.
TEST_F(RecoverTest, WhereNothingStandsNothingIsMade) {
  for (const auto& [is_flushed, part] : {std::pair(false, ".log"), std::pair(true, ".sst")}) {
    Make(is_flushed);
    fs::remove(Largest(part));
    const auto recovered = Recover(from, to, clock, [](const std::string&) {});
    EXPECT_TRUE(absl::IsDataLoss(recovered.status())) << recovered.status();
    EXPECT_FALSE(fs::exists(to) || fs::exists(to + ".partial"));
    fs::remove_all(from);
  }
}

// RocksDB merges files row by row: one of which the beginning can't be read hides all rows of the others.
TEST_F(RecoverTest, ADamagedFileHidesNothingOfAnother) {
  Make(/*is_flushed=*/true, 300);
  const std::int64_t first_file = end;
  const auto before = Snapshot(from + "/log");
  ASSERT_TRUE(disk.Open(from).ok());
  Open();
  for (int i = 0; i < 300; ++i) Buy("m1", 1);
  ledger.reset();
  end = *Journal(*disk.log, "minyue").End();
  disk.Close();
  Raw([](rocksdb::DB& db, const auto& tables) { ASSERT_TRUE(db.Flush({}, tables).ok()); });
  std::string newer;
  for (const auto& [file, bytes] : Snapshot(from + "/log")) {
    if (file.ends_with(".sst") && !before.contains(file) && (newer.empty() || fs::file_size(file) > fs::file_size(newer))) newer = file;
  }
  Flip(newer, 100);
  const RecoveredProgram program = Save();
  EXPECT_EQ(program.end, first_file);
  EXPECT_EQ(program.lost, end - first_file);
  EXPECT_GT(program.apart, 0);
}

// The log alone has the last rows, and behind them in the files is what can't be read: that of the program that comes next.
TEST_F(RecoverTest, WhatOnlyTheWriteAheadLogHasIsReadBesideADamagedFile) {
  Make(/*is_flushed=*/true, 20);
  ASSERT_TRUE(disk.Open(from).ok());
  Open();
  for (int i = 0; i < 20; ++i) Buy("m1", 1);
  ledger.reset();
  end = *Journal(*disk.log, "minyue").End();
  disk.Close();
  Flip(Largest(".sst"), 100);  // one block: the first entries of "minyue", and all of "other"
  const auto recovered = Recover(from, to, clock, [](const std::string&) {});
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  const auto& minyue = recovered->programs[0];
  EXPECT_EQ(minyue.end, 0);
  EXPECT_EQ(minyue.apart, 20);
}

TEST_F(RecoverTest, TheShopsOfAClosedDayAreMadeAgain) {
  Make(/*is_flushed=*/true, 5);
  clock.Advance(2 * 86'400'000LL);
  ASSERT_TRUE(disk.Open(from).ok());
  Open();
  ASSERT_TRUE(ledger->WaitForEntry("minyue", end, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  ledger.reset();
  const Journal journal(*disk.log, "minyue");
  std::string shops;
  for (; end < *journal.End(); ++end) {
    const auto entry = ParseLine(*journal.Line(end));
    if (entry->kind == Kind::kDayClosed && !entry->blobs.empty()) shops = entry->blobs[0];
  }
  ASSERT_NE(shops, "");
  disk.Close();
  Raw([&](rocksdb::DB& db, const auto& tables) { ASSERT_TRUE(db.Delete({}, tables[kLogBlob], BlobKey("minyue", shops)).ok()); });
  const RecoveredProgram program = Save();  // and checks it
  EXPECT_EQ(program.end, end);
  ASSERT_TRUE(disk.Open(to).ok());
  EXPECT_TRUE((*disk.log->Blob("minyue", shops)).has_value());
}

TEST_F(RecoverTest, ARulebookThatIsGoneComesFromAFile) {
  Make(/*is_flushed=*/true, 5);
  std::string sha256, content;
  ASSERT_TRUE(disk.Open(from).ok());
  sha256 = disk.log->Blobs("minyue").value().at(0);
  content = (*disk.log->Blob("minyue", sha256)).value();
  disk.Close();
  Raw([&](rocksdb::DB& db, const auto& tables) { ASSERT_TRUE(db.Delete({}, tables[kLogBlob], BlobKey("minyue", sha256)).ok()); });
  const RecoveredProgram without = Save();
  EXPECT_LT(without.end, end);
  EXPECT_THAT(without.why, AllOf(HasSubstr(sha256), HasSubstr("missing")));
  const auto file = [&](const std::string& name, const std::string& text) {
    std::ofstream(root + "/" + name, std::ios::binary) << text;
    return root + "/" + name;
  };
  // Of nothing that the ledger has: nothing is made.
  fs::remove_all(to);
  const std::string other = file("other.json", "{}"), altered = file("altered.json", content + "x");
  for (const std::string& wrong : {other, altered, root + "/absent.json"}) {
    const auto refused = Recover(from, to, clock, [](const std::string&) {}, {wrong}).status();
    EXPECT_EQ(refused.code(), wrong.ends_with("absent.json") ? absl::StatusCode::kNotFound : absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(refused.message()), HasSubstr(wrong));
    EXPECT_FALSE(fs::exists(to) || fs::exists(to + ".partial"));
  }
  // As it was exported, and as somebody laid it out.
  for (const std::string& text : {content, "\n " + content + "\n"}) {
    fs::remove_all(to);
    blob_files = {file("book.json", text)};
    const RecoveredProgram program = Save();
    EXPECT_EQ(program.end, end) << program.why;
    EXPECT_THAT(supplied, testing::ElementsAre("minyue: " + sha256 + " from " + root + "/book.json"));
    ASSERT_TRUE(disk.Open(to).ok());
    EXPECT_EQ(*disk.log->Blob("minyue", sha256), content);
    disk.Close();
  }
}

TEST_F(RecoverTest, WhatIsBehindAGapIsSetApartLineForLine) {
  Make(/*is_flushed=*/true);
  std::string gone;
  Raw([&](rocksdb::DB& db, const auto& tables) {
    const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, tables[kLogJournal]));
    it->SeekForPrev(JournalKey("minyue", end - 60));
    gone = it->key().ToString();
    ASSERT_TRUE(db.Delete({}, tables[kLogJournal], gone).ok());
  });
  const RecoveredProgram program = Save();
  EXPECT_EQ(program.end, *JournalSequence("minyue", gone));
  EXPECT_GT(program.apart, 50);
  EXPECT_EQ(program.lost, end - program.end);
  EXPECT_THAT(program.why, HasSubstr(absl::StrCat("entry ", program.end)));
  std::ifstream file(to + "/" + program.file);
  std::string first, text;
  std::int64_t lines = 0;
  while (std::getline(file, text)) first = lines++ == 0 ? text : first;
  EXPECT_EQ(lines, program.apart);
  const auto entry = ParseLine(first);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->sequence, end - program.apart);
}

TEST_F(RecoverTest, ALineThatDoesNotFollowEndsTheJournal) {
  Make(/*is_flushed=*/true);
  std::int64_t wrong = 0;
  Raw([&](rocksdb::DB& db, const auto& tables) {
    const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, tables[kLogJournal]));
    it->SeekForPrev(JournalKey("minyue", end - 50));
    std::string value = it->value().ToString();
    const auto amount = value.find("\"amount\":-1,");
    const std::size_t at = amount == std::string::npos ? value.find("-1") + 1 : amount + 10;
    value[at] = '2';
    wrong = *JournalSequence("minyue", it->key().ToStringView());
    ASSERT_TRUE(db.Put({}, tables[kLogJournal], it->key(), value).ok());
  });
  const RecoveredProgram program = Save();
  EXPECT_GE(program.end, wrong);
  EXPECT_LT(program.end, wrong + 256);
  EXPECT_THAT(program.why, HasSubstr(absl::StrCat("entry ", program.end)));
  EXPECT_EQ(program.apart, end - program.end);
}

// The first block of the journal is gone, and so is what says where the journals end: nothing of "minyue" stands.
TEST_F(RecoverTest, AProgramOfWhichNothingStandsGoesOnInANewEpoch) {
  Make(/*is_flushed=*/true, 300);
  Raw([&](rocksdb::DB& db, const auto& tables) {
    for (const char* id : {"minyue", "other"}) ASSERT_TRUE(db.Delete({}, tables[kLogMeta], EndKey(id)).ok());
    ASSERT_TRUE(db.Flush({}, tables).ok());
  });
  fs::remove(HeadMarkFile(from));
  Flip(Largest(".sst"), 100);
  const auto recovered = Recover(from, to, clock, [](const std::string&) {});
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  ASSERT_EQ(recovered->programs.size(), 2u) << "found from behind, too";
  const auto& minyue = recovered->programs[0];
  EXPECT_EQ(minyue.end, 0);
  EXPECT_GT(minyue.apart, 100);
  EXPECT_EQ(minyue.lost, end);  // the last readable row says so
  EXPECT_THAT(minyue.why, HasSubstr("entry 0 can't be read"));
  EXPECT_EQ(recovered->programs[1].end, 2);
  EXPECT_EQ(recovered->programs[1].lost, -1) << "nothing says that there were no more";
  // Who founds it again does not begin at the numbers of old receipts.
  ASSERT_TRUE(disk.Open(to).ok());
  Open();
  const Outcome founded = Run(Staff(NewId()), FoundProgram{{"minyue", "a0"}});
  ASSERT_FALSE(founded.refusal);
  EXPECT_EQ(founded.entry().sequence, 1);
  EXPECT_GT(founded.entry().epoch, 0);
  EXPECT_EQ(Run(Staff(NewId()), FoundProgram{{"minyue", "a0"}}).entry().sequence, 1) << "once";
  CheckAll();
}

TEST_F(RecoverTest, ABackupOfAShardIsReadAsOne) {
  Make(/*is_flushed=*/false, 20);
  ASSERT_TRUE((*RocksDbLog::Open({.directory = from + "/log"}))->Backup(root + "/shard-0").ok());
  from = root + "/shard-0";
  EXPECT_EQ(Save().end, end);
}

TEST_F(RecoverTest, WhatIsReadIsNobodysAndStaysAsItIs) {
  Make(/*is_flushed=*/false, 5);
  const auto refused = [&](const std::string& target) { return Recover(from, target, clock, [](const std::string&) {}).status(); };
  for (const char* inside : {"/new", "/log/new", "/../shard/new/"}) EXPECT_TRUE(absl::IsInvalidArgument(refused(from + inside))) << inside;
  {
    const auto log = RocksDbLog::Open({.directory = from + "/log"});
    ASSERT_TRUE((*log)->TryTakeOver().ok());
    // Another process: a lock of this one is not in its own way.
    const pid_t child = ::fork();
    if (child == 0) {
      const auto in_use = refused(to);
      ::_exit(StartFailureId(in_use) == "LEDGER_IN_USE" && in_use.message().find("stop the server") != absl::string_view::npos ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_FALSE(fs::exists(to + ".partial"));
  to += "//";
  EXPECT_TRUE(refused(to).ok());
  EXPECT_TRUE(fs::exists(root + "/new/log/CURRENT"));
  EXPECT_FALSE(fs::exists(root + "/new/.partial"));
}

TEST_F(RecoverTest, NothingIsOverwrittenAndAnInterruptedOneBeginsAgain) {
  Make(/*is_flushed=*/false);
  fs::create_directories(to + ".partial/log");
  std::ofstream(to + ".partial/log/left-over") << "half";
  EXPECT_EQ(Save().end, end);
  EXPECT_TRUE(absl::IsAlreadyExists(Recover(from, to, clock, [](const std::string&) {}).status()));
  EXPECT_TRUE(absl::IsNotFound(Recover(root + "/absent", root + "/x", clock, [](const std::string&) {}).status()));
  EXPECT_FALSE(fs::exists(root + "/x"));
}

}  // namespace
}  // namespace redpoints
