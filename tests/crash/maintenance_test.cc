// backup, restore, recover and rekey that are ended, or fail, at each of their steps: what is left is the old state, and doing it again makes it whole;
// or it is whole. Nothing between the two opens, and what was copied from never changes.
#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "server/init.h"
#include "storage/backup.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/entry_codec.h"
#include "storage/shards.h"
#include "storage/views.h"
#include "tests/storage/disk.h"
#include "tests/storage/raw_rows.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kKilled = 99;

class MaintenanceTest : public testing::Test {
 protected:
  // A server of two shards: "minyue" in the first, "other" in the second.
  MaintenanceTest() {
    std::string name = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / "redpoints-maintenance-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
    EXPECT_TRUE(server::InitDirectory({.directory = root, .listen = "127.0.0.1:0", .program = "minyue"}).ok());
    std::ofstream(config(), std::ios::app) << "shard { directory: \"" << shard(1) << "\" program: \"other\" }\n";
    EXPECT_TRUE(Disk().Open(shard(1)).ok());
    auto shards =
        Shards::Open({{.directory = shard(0), .programs = {}}, {.directory = shard(1), .programs = {"other"}}}, Clock::System(), {});
    EXPECT_TRUE(shards.ok()) << shards.status();
    const auto run = [&](const std::string& program, Command command) {
      std::promise<Outcome> promise;
      Origin origin;
      const State* state = (*shards)->Of(program).FindState(program);
      const auto founded = state ? FindRegistration<ProgramData>(*state, "program", program) : std::nullopt;
      origin.actor = founded ? founded->administrator : "a0";
      origin.request_id = Sha256Hex(absl::StrCat(next++)).substr(0, 32);
      (*shards)->Submit(program, origin, std::move(command), [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
      promise.get_future().get();
    };
    run("other", FoundProgram{{"other", "a0"}});
    for (int i = 0; i < 30; ++i) {
      const NodeData place{.code = absl::StrCat("p-", i), .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = "grid"};
      for (const char* program : {"minyue", "other"}) run(program, Register{.items = {place}, .is_new = true, .rulebook_json = ""});
    }
    shards->reset();
    whole = {{"minyue", End(0, "minyue")}, {"other", End(1, "other")}, {"system", End(0, "system")}};
  }
  ~MaintenanceTest() override { fs::remove_all(root); }

  std::string config() const { return root + "/redpointsd.textproto"; }
  std::string shard(int i) const { return root + (i == 0 ? "/ledger" : "/ledger-1"); }

  // What the worker exits with; what it says is in `said`.
  int Run(const std::string& how, int n, const std::string& command, const std::string& from = "none", const std::string& to = "none") {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (const int out : {1, 2}) posix_spawn_file_actions_adddup2(&actions, ends[1], out);
    for (const int end : ends) posix_spawn_file_actions_addclose(&actions, end);
    const std::string at = absl::StrCat(n), path = config();
    const char* arguments[] = {MAINTENANCE_WORKER, how.c_str(),  at.c_str(), command.c_str(),
                               path.c_str(),       from.c_str(), to.c_str(), nullptr};
    pid_t worker = 0;
    EXPECT_EQ(posix_spawn(&worker, MAINTENANCE_WORKER, &actions, nullptr, const_cast<char**>(arguments), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    said.clear();
    char part[4096];
    for (ssize_t size = 0; (size = ::read(ends[0], part, sizeof part)) > 0;) said.append(part, static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(worker, &status, 0), worker);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status) << "\n" << said;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // As Run, and it must succeed.
  void Must(const std::string& command, const std::string& from = "none", const std::string& to = "none") {
    EXPECT_EQ(Run("none", 0, command, from, to), 0) << said;
  }

  static std::map<std::string, std::string> Snapshot(const std::string& directory) {
    std::map<std::string, std::string> files;
    for (const auto& file : fs::recursive_directory_iterator(directory)) {
      std::ostringstream bytes;
      if (file.is_regular_file()) bytes << std::ifstream(file.path(), std::ios::binary).rdbuf();
      files[file.path().lexically_relative(directory)] = bytes.str();
    }
    return files;
  }
  std::int64_t End(int i, const std::string& program) const {
    const auto log = RocksDbLog::Open({.directory = shard(i) + "/log"});
    return log.ok() ? Journal(**log, program).End().value_or(-1) : -1;
  }
  // The shard holds `end` entries of the program, then one opening of an epoch, the only one.
  static void ExpectOneEpoch(const std::string& directory, const std::string& program, std::int64_t end) {
    const auto log = RocksDbLog::Open({.directory = directory + "/log"});
    ASSERT_TRUE(log.ok()) << log.status();
    const auto lines = Journal(**log, program).Lines(0, end + 100, std::size_t{1} << 30);
    ASSERT_TRUE(lines.ok()) << lines.status();
    ASSERT_EQ(lines->next, end + 1) << program;
    std::int64_t at = 0;
    for (const auto line : lines->Split()) EXPECT_EQ(ParseLine(line)->kind == Kind::kEpoch, at++ == end) << program;
  }
  void ExpectRestored() {
    for (const auto& [program, end] : whole) ExpectOneEpoch(shard(program == "other"), program, end);
    EXPECT_TRUE(fs::exists(root + "/side/CURRENT"));
    ExpectNothingHalf();
  }
  void ExpectNothingHalf() {
    for (const auto& file : fs::directory_iterator(root)) EXPECT_THAT(file.path().extension().string(), Not(AnyOf(".partial", ".rekey")));
  }
  bool AreAllThere() const { return fs::exists(shard(0)) && fs::exists(shard(1)) && fs::exists(root + "/side"); }
  void RemoveAll() {
    for (const auto& path : {shard(0), shard(1), root + "/side", shard(0) + ".partial", shard(1) + ".partial", root + "/side.partial"})
      fs::remove_all(path);
  }

  std::string root, said;
  std::map<std::string, std::int64_t> whole;  // entries by program
  int next = 0;
};

class Interrupted : public MaintenanceTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(By, Interrupted, testing::Values("kill", "cut"), [](const auto& each) { return std::string(each.param); });

TEST_P(Interrupted, ARestoreIsDoneOrNotBegun) {
  const std::string backup = root + "/backup";
  Must("backup", "none", backup);
  const auto before = Snapshot(backup);
  int steps = 0, some = 0;
  for (int n = 0;; ++n) {
    SCOPED_TRACE(absl::StrCat("step ", n));
    RemoveAll();
    const int exit = Run(GetParam(), n, "restore", backup);
    if (exit == 0) break;
    ASSERT_EQ(exit, kKilled) << said;
    ++steps;
    EXPECT_TRUE(!fs::exists(shard(0)) || AreAllThere()) << "a server would open it";
    if (Run("none", 0, "restore", backup) != 0) {
      ASSERT_THAT(said, HasSubstr("RESTORE_TARGET_TAKEN: "));
      ASSERT_THAT(said, HasSubstr("Move it away"));
      if (!AreAllThere()) {
        ++some;
        fs::rename(shard(1), absl::StrCat(root, "/away-", n));
        Must("restore", backup);
      } else {
        Must("check");
        for (const auto& place : {shard(0), shard(1), root + "/side"}) fs::remove_all(place + ".partial");
      }
    }
    ExpectRestored();
    if (HasFailure()) break;
  }
  ExpectRestored();
  EXPECT_GT(steps, 50);
  EXPECT_GT(some, 0) << "between the names of two shards";
  EXPECT_EQ(Snapshot(backup), before);
}

TEST_P(Interrupted, ARecoveryIsDoneOrNotBegun) {
  // Of a damaged shard: one row is gone.
  constexpr std::int64_t kStand = 20;
  SetRawRow(shard(0) + "/log", "journal", JournalKey("minyue", kStand), std::nullopt);
  const auto before = Snapshot(shard(0));
  const std::string to = root + "/recovered";
  Must("recover", shard(0), to);
  EXPECT_THAT(said, HasSubstr(absl::StrCat("minyue: ", kStand, " entries stand, at least ", whole["minyue"] - kStand, " lost")));
  EXPECT_THAT(said, HasSubstr("side store is not touched"));
  const std::string apart = Snapshot(to)["lines-minyue.jsonl"];
  EXPECT_EQ(std::count(apart.begin(), apart.end(), '\n'), whole["minyue"] - kStand - 1);
  int steps = 0;
  for (int n = 0;; n += n < 200 ? 10 : 2) {
    SCOPED_TRACE(absl::StrCat("step ", n));
    fs::remove_all(to), fs::remove_all(to + ".partial");
    const int exit = Run(GetParam(), n, "recover", shard(0), to);
    const bool is_killed = exit == kKilled;
    steps += is_killed;
    if (!fs::exists(to)) {
      ASSERT_TRUE(is_killed) << said;
      Must("recover", shard(0), to);
    }
    ExpectOneEpoch(to, "minyue", kStand);
    EXPECT_EQ(Snapshot(to)["lines-minyue.jsonl"], apart);
    ExpectNothingHalf();
    if (!is_killed || HasFailure()) break;
  }
  EXPECT_GT(steps, 20);
  EXPECT_EQ(Snapshot(shard(0)), before);
}

// Whoever runs it again has lost the words of the first run.
TEST_P(Interrupted, ARekeyIsDoneOrSaysAgainWhatIsLost) {
  const std::string kept = root + "/kept", key = root + "/side.key", side = root + "/side";
  const auto places = {std::string("ledger"), std::string("ledger-1"), std::string("side")};
  for (const auto& place : places) {
    fs::create_directories(kept + "/" + place);
    fs::copy(root + "/" + place, kept + "/" + place, fs::copy_options::recursive);
  }
  const auto before = Snapshot(side);
  fs::rename(key, kept + "/side.key");
  int steps = 0, unfinished = 0, moved = 0, written = 0;
  for (int n = 0;; n += 3) {
    SCOPED_TRACE(absl::StrCat("step ", n));
    for (const auto& place : places) {
      fs::remove_all(root + "/" + place);
      fs::copy(kept + "/" + place, root + "/" + place, fs::copy_options::recursive);
    }
    for (const auto& left : {side + ".aside", side + ".rekey", key, key + ".new"}) fs::remove_all(left);
    const int exit = Run(GetParam(), n, "rekey");
    if (exit != 0) {
      ASSERT_EQ(exit, kKilled) << said;
      ++steps;
      const bool is_done = fs::exists(key);
      unfinished += !is_done;
      moved += !is_done && fs::exists(side + ".aside");
      written += !is_done && End(1, "other") > whole["other"];
      EXPECT_TRUE(is_done || !fs::exists(side + ".aside") || fs::exists(key + ".new"));
      const std::string first = said;
      Must("rekey");
      EXPECT_THAT(is_done ? first : said, AllOf(HasSubstr("every 会员号"), HasSubstr("what confidential deeds were"),
                                                HasSubstr("doubles of confidential deeds"), HasSubstr("when they are sent again")));
      EXPECT_THAT(said, HasSubstr(is_done ? "nothing to do" : side + ".aside"));
    }
    EXPECT_TRUE(fs::exists(key));
    EXPECT_FALSE(fs::exists(key + ".new"));
    EXPECT_EQ(Snapshot(side + ".aside"), before);
    ExpectNothingHalf();
    for (const auto& [program, end] : whole) EXPECT_EQ(End(program == "other", program), end + 1) << program;
    Must("check");
    EXPECT_THAT(said, AllOf(HasSubstr("side state: 0 numbers"), Not(HasSubstr("not checked"))));
    if (exit == 0 || HasFailure()) break;
  }
  EXPECT_GT(steps, 20);
  EXPECT_GT(unfinished, 20);
  EXPECT_GT(moved, 10);
  EXPECT_GT(written, 0);
}

TEST_P(Interrupted, ABackupIsWholeOrNone) {
  const std::string backup = root + "/backup";
  const auto ledger = Snapshot(shard(0));
  int steps = 0, listed = 0;
  for (int n = 0;; ++n) {
    SCOPED_TRACE(absl::StrCat("step ", n));
    fs::remove_all(backup);
    const int exit = Run(GetParam(), n, "backup", "none", backup);
    if (exit == 0) break;
    ASSERT_EQ(exit, kKilled) << said;
    ++steps;
    if (!fs::exists(backup)) continue;
    // The last step may have come too late to matter.
    const bool is_whole = fs::exists(backup + "/SHA256SUMS");
    EXPECT_EQ(Run("none", 0, "backup", "none", backup), 1);
    EXPECT_THAT(said, HasSubstr("BACKUP_TAKEN"));
    if (is_whole) {
      EXPECT_TRUE(VerifySums(backup).ok()) << VerifySums(backup);
      ++listed;
      continue;
    }
    EXPECT_THAT(said, HasSubstr("without SHA256SUMS"));
    EXPECT_EQ(Run("none", 0, "restore", backup), 1);
    EXPECT_THAT(said, HasSubstr("BACKUP_DAMAGED"));
    if (HasFailure()) break;
  }
  EXPECT_GT(steps, 10);
  EXPECT_GT(listed, 0);
  EXPECT_EQ(Snapshot(shard(0)), ledger);
  RemoveAll();
  Must("restore", backup);
  ExpectRestored();
}

// RocksDB syncs what it copies. The list does not rely on that: where it stands, all that it names is on the disk.
TEST_F(MaintenanceTest, SumsAreOfWhatIsOnTheDisk) {
  const std::string to = root + "/listed";
  int listed = 0;
  for (int n = 0; Run("cut", n, "list", "none", to) != 0; ++n) {
    if (fs::exists(to + "/SHA256SUMS")) {
      EXPECT_TRUE(VerifySums(to).ok()) << VerifySums(to);
      ++listed;
    }
    fs::remove_all(to);
    ASSERT_LT(n, 50);
  }
  EXPECT_GT(listed, 0);
}

// From some step on the disk is full, or no more files open: said as that, never as damage, and nothing is left in the way.
TEST_F(MaintenanceTest, ADiskThatIsFullAndFewDescriptorsAreNoDamage) {
  const std::string backup = root + "/backup", to = root + "/recovered", old = root + "/old";
  Must("backup", "none", backup);
  fs::copy(shard(0), old, fs::copy_options::recursive);
  const auto before = Snapshot(old), backed_up = Snapshot(backup);
  const std::map<std::string, std::string> words = {{"full", "No space left"}, {"few", "Too many open files"}};
  for (const std::string how : {"full", "few"}) {
    for (const std::string command : {"restore", "recover"}) {
      int failures = 0;
      for (int n = 0, stride = 9;; n += stride) {
        SCOPED_TRACE(absl::StrCat(how, " at step ", n, " of ", command));
        RemoveAll();
        fs::remove_all(to);
        const int exit = Run(how, n, command, command == "restore" ? backup : old, to);
        const bool is_restored = command == "restore" && AreAllThere();
        if (exit == 0) {
          command == "restore" ? ExpectRestored() : ExpectOneEpoch(to, "minyue", whole["minyue"]);
          if (stride == 1) break;
          n -= stride, stride = 1;  // each of the last steps
          continue;
        }
        ++failures;
        ASSERT_EQ(exit, 1) << said;
        EXPECT_THAT(said, HasSubstr(words.at(how)));
        EXPECT_THAT(said, Not(HasSubstr("LEDGER_DIFFERS")));
        EXPECT_THAT(said, Not(HasSubstr("BACKUP_DAMAGED")));
        if (is_restored) continue;  // it failed in the check, which follows
        ExpectNothingHalf();
        // Only the sync of the name itself can fail when the name is there.
        const bool is_named = command == "restore" ? fs::exists(shard(0)) : fs::exists(to);
        if (is_named) {
          EXPECT_THAT(said, HasSubstr("can't sync " + root));
        }
        if (is_named && command == "recover") ExpectOneEpoch(to, "minyue", whole["minyue"]);
        if (HasFailure()) return;
      }
      EXPECT_GT(failures, 5) << how << " " << command;
    }
  }
  EXPECT_EQ(Snapshot(old), before);
  EXPECT_EQ(Snapshot(backup), backed_up);
}

TEST_F(MaintenanceTest, ACheckOrBackupWithoutDescriptorsFindsNoDamage) {
  const std::string backup = root + "/backup";
  for (const std::string command : {"check", "backup"}) {
    int failures = 0;
    for (int n = 0;; n += 2) {
      SCOPED_TRACE(absl::StrCat("step ", n, " of ", command));
      fs::remove_all(backup);
      const int exit = Run("few", n, command, "none", backup);
      for (const char* word : {"LEDGER_DIFFERS", "SIDE_STORE_DAMAGED", "is damaged"}) EXPECT_THAT(said, Not(HasSubstr(word)));
      if (exit == 0 && n > 20) break;
      failures += exit == 1;
      if (exit == 1) {
        EXPECT_THAT(said, HasSubstr("Too many open files"));
        EXPECT_THAT(said, HasSubstr(command == "check" ? "DESCRIPTORS_TOO_FEW: " : ": "));
        EXPECT_FALSE(fs::exists(backup + "/SHA256SUMS"));
      }
      if (HasFailure()) return;
    }
    EXPECT_GT(failures, 5) << command;
  }
}

// A failing disk: what it does not give is zeros in the copy that is worked on, and said.
TEST_F(MaintenanceTest, ADiskThatCannotReadAFileStillGivesTheRest) {
  const std::string to = root + "/recovered";
  int given = 0;
  for (int n = 0; n < 100; ++n) {
    SCOPED_TRACE(absl::StrCat("from read ", n, " on"));
    fs::remove_all(to);
    const int exit = Run("read", n, "recover", shard(0), to);
    if (said.find("the disk does not give") == std::string::npos) {
      if (exit == 0) break;  // nothing is read so late
      EXPECT_THAT(said, HasSubstr("RECOVER_FAILED"));
      continue;
    }
    if (exit != 0) {
      ASSERT_THAT(said, HasSubstr("no entry stands"));  // what is unreadable comes before all else
      continue;
    }
    ++given;
  }
  EXPECT_GT(given, 0);
}

}  // namespace
}  // namespace redpoints
