// The side store beside a ledger that is put back: nothing of it is destroyed, and no number that was replaced pays again.
#include "server/side_state.h"

#include <gmock/gmock.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/config.h"
#include "server/maintenance.h"
#include "server/rekey.h"
#include "storage/journal.h"
#include "storage/log/rocksdb_log.h"
#include "storage/rules/entry_codec.h"
#include "storage/start_failure.h"
#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SideStateTest : public ServerTest {
 protected:
  Config TheConfig() const { return LoadConfig(world.directory() + "/server/redpointsd.textproto").value(); }
  void Backup() { EXPECT_TRUE(world.Call("operator", "Backup", R"(backup_id: "b")").ok()); }
  // Puts the backup in the ledger's place; the ledger that was is `failed`.
  void Restore() {
    world.Restart([&](const std::string& ledger) {
      fs::rename(ledger, world.directory() + "/failed");
      EXPECT_EQ(RestoreShards(TheConfig(), world.directory() + "/server/backups/b"), absl::OkStatus());
    });
  }
  void PutBackTheFailedLedger() {
    world.Restart([&](const std::string& ledger) {
      fs::rename(ledger, world.directory() + "/restored");
      fs::rename(world.directory() + "/failed", ledger);
    });
  }
  // What `redpointsd check` prints; then the server serves again.
  std::string Check() {
    std::string text;
    world.Restart([&](const std::string&) {
      testing::internal::CaptureStdout();
      const auto status = CheckShards(TheConfig(), "");
      text = testing::internal::GetCapturedStdout();
      EXPECT_EQ(status, absl::OkStatus());
    });
    return text;
  }
  SideStore::Report Report() {
    SideStore::Report report;
    world.Restart([&](const std::string&) {
      const auto side = OpenSide(TheConfig().side_state(), /*read_only=*/true).value();
      report = side.store->Check().value();
    });
    EXPECT_EQ(report.faults, 0);
    return report;
  }

  static std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static std::map<std::string, std::string> Snapshot(const std::string& directory) {
    std::map<std::string, std::string> files;
    for (const auto& file : fs::recursive_directory_iterator(directory))
      files[file.path()] = file.is_regular_file() ? Content(file.path()) : "";
    return files;
  }
  // The first block of each file.
  static void DamageRows(const std::string& derived) {
    int files = 0;
    for (const auto& entry : fs::directory_iterator(derived)) {
      if (entry.path().extension() != ".sst") continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(10) << "xxxx";
      ++files;
    }
    EXPECT_GT(files, 0);
  }
  // The one that has something in it.
  static std::string LogOf(const std::string& store) {
    for (const auto& file : fs::directory_iterator(store)) {
      if (file.path().extension() == ".log" && file.file_size() > 0) return file.path();
    }
    return "";
  }

  // What a `rekey` prints that is done.
  std::string Rekeyed(bool adopts_key = false) const {
    testing::internal::CaptureStdout();
    const auto status = Rekey(TheConfig(), Clock::System(), adopts_key);
    EXPECT_EQ(status, absl::OkStatus());
    return testing::internal::GetCapturedStdout();
  }
  // By `redpointsd check`.
  std::vector<std::string> LostMembers() {
    std::vector<std::string> members;
    const std::string text = Check(), lost = "number lost of member ";
    for (auto at = text.find(lost); at != text.npos; at = text.find(lost, at)) {
      at += lost.size();
      members.push_back(text.substr(at, text.find(',', at) - at));
    }
    return members;
  }

  std::string Replace(const std::string& id, const std::string& word) {
    const Answer answer =
        world.Call("admin", "ReplaceMemberNumber", absl::StrCat(R"(request_id: ")", id, R"(" name: ")", world.Get(word), R"(")"));
    EXPECT_TRUE(answer.ok()) << answer;
    return answer.ok() ? answer.As<v1::ReplaceMemberNumberResponse>().number() : "";
  }
  std::string NumberOf(const std::string& member) {
    const Answer found = world.Call("admin", "GetRegistration", absl::StrCat(R"(name: ")", member, R"(")"));
    return found.ok() ? found.As<v1::GetRegistrationResponse>().registration().member().number() : found.reason;
  }
  // Empty, or why the number pays nothing.
  std::string Pay(const std::string& number) {
    return world
        .Call("till", "Redeem",
              absl::StrCat(R"(program: "$P" request_id: "$ID" presentation { member_number: ")", number,
                           R"(" } offer_lines { offer: "ANY" quantity: 1 points: 1 })"))
        .reason;
  }
  Answer Tip(const std::string& id) {
    return world.Call(
        "recorder-all", "Award",
        absl::StrCat(R"(program: "$P" request_id: ")", id,
                     R"(" item { member: "$HOME" activity: "TIP" quantity: 1 group: RESIDENTS case: "c-1" effective_day: $TODAY })"));
  }
  std::string IdOf(const std::string& word) { return world.Get(word).substr(world.Get(word).rfind('/') + 1); }
};

TEST_F(SideStateTest, WhatWasGivenAfterTheBackupOutlivesARestore) {
  Backup();
  const auto before = Report();
  const std::string deed = world.NewUuid();
  std::string first, second;
  const std::string settled = world.CreateMember("grid-1", &first);
  ASSERT_TRUE(Tip(deed).ok());
  world.Restart();  // from now on nothing of that waits for its entry
  const std::string waiting = world.CreateMember("grid-1", &second);
  Restore();
  EXPECT_THAT(world.Log(), HasSubstr(R"("event":"side_rows_without_entry","rows":3,"members":2)"));
  EXPECT_EQ(NumberOf(settled), "MEMBER_NOT_FOUND");
  EXPECT_EQ(Pay(first), "INSUFFICIENT_POINTS");
  const std::string text = Check();
  EXPECT_THAT(text, HasSubstr("  side state without an entry: 2 numbers, 1 deeds\n"));
  for (const std::string& member : {settled, waiting}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("    stays: number of member ", member.substr(member.rfind('/') + 1), ", request ")));
  }
  EXPECT_THAT(text, HasSubstr(absl::StrCat("    stays: deed of member ", IdOf("HOME"), ", request ")));
  EXPECT_EQ(Report().numbers, before.numbers + 2);
  PutBackTheFailedLedger();
  EXPECT_EQ(NumberOf(settled), first);
  EXPECT_EQ(NumberOf(waiting), second);
  EXPECT_EQ(Report().deeds, before.deeds + 1);
  EXPECT_TRUE(Tip(deed).As<v1::AwardResponse>().result().outcome().replayed());
  EXPECT_THAT(Check(), Not(HasSubstr("without an entry")));
}

TEST_F(SideStateTest, ARepeatAfterARestoreFindsItsRowsAgain) {
  Backup();
  const std::string create = world.Fill(R"(program: "$P" request_id: "$ID" member { kind: PERSON groups { group: RESIDENTS } })");
  const auto created = [&] {
    const Answer answer = world.Call("admin", "CreateMember", create);
    EXPECT_TRUE(answer.ok()) << answer;
    return answer.As<v1::CreateMemberResponse>().member();
  };
  const std::string deed = world.NewUuid();
  const auto before = Report();
  const auto member = created();
  ASSERT_TRUE(Tip(deed).ok());
  Restore();
  EXPECT_EQ(created().ShortDebugString(), member.ShortDebugString());
  EXPECT_TRUE(Tip(deed).ok());
  const auto after = Report();
  EXPECT_EQ(after.numbers, before.numbers + 1);
  EXPECT_EQ(after.deeds, before.deeds + 1);
  EXPECT_EQ(NumberOf(member.name()), member.number());
  EXPECT_THAT(Check(), Not(HasSubstr("without an entry")));
}

TEST_F(SideStateTest, ANumberReplacedAfterTheBackupPaysNoMore) {
  Backup();
  const std::string home = world.Get("HOME_NUMBER"), away = world.Get("AWAY_NUMBER"), repeated = world.NewUuid();
  const std::string next_home = Replace(repeated, "HOME"), next_away = Replace(world.NewUuid(), "AWAY");
  Restore();
  for (const std::string& number : {home, away, next_home, next_away}) {
    EXPECT_EQ(Pay(number), "INSUFFICIENT_POINTS") << number;
    EXPECT_EQ(NumberOf("programs/minyue/members/" + number), "MEMBER_NOT_FOUND") << number;
  }
  EXPECT_EQ(NumberOf(world.Get("HOME")), "");
  EXPECT_EQ(NumberOf(world.Get("SPARE")), world.Get("SPARE_NUMBER"));
  const std::string replaced = "  number replaced in a lost entry of member ";
  EXPECT_THAT(Check(), AllOf(HasSubstr(replaced + IdOf("HOME")), HasSubstr(replaced + IdOf("AWAY")), Not(HasSubstr(IdOf("SPARE")))));
  // The lost request once more, or another.
  EXPECT_EQ(Replace(repeated, "HOME"), next_home);
  const std::string third = Replace(world.NewUuid(), "AWAY");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Pay(next_home), "");
    EXPECT_EQ(Pay(third), "");
    EXPECT_EQ(NumberOf(world.Get("AWAY")), third);
    for (const std::string& number : {home, away, next_away}) EXPECT_EQ(Pay(number), "INSUFFICIENT_POINTS") << number;
    EXPECT_THAT(Check(), AllOf(HasSubstr("  side state without an entry: 1 numbers, 0 deeds\n"), Not(HasSubstr(replaced))));
  }
  // The ledger that was: it knows the numbers that were lost, and not the one that was given meanwhile.
  PutBackTheFailedLedger();
  EXPECT_EQ(Pay(next_home), "");
  EXPECT_EQ(Pay(next_away), "INSUFFICIENT_POINTS");
  const std::string fourth = Replace(world.NewUuid(), "AWAY");
  EXPECT_EQ(Pay(fourth), "");
}

TEST_F(SideStateTest, ALostKeyIsReplacedAndTheLedgerGoesOn) {
  ASSERT_TRUE(Tip(world.NewUuid()).ok());
  const auto balance = world.Balance("$HOME");
  const std::string lost_number = world.Get("HOME_NUMBER");
  const Config config = TheConfig();
  const std::string key_file = config.side_state().key_file(), side = config.side_state().directory();
  const auto side_key = [&] { return SideKeyId(KeyFile::Read(key_file).value()); };
  const auto opens = [&] { return Server::Start(config, Logger(LogLevel::kError)).status(); };
  const std::string old_key = side_key();
  world.Restart([&](const std::string&) {
    for (const bool adopts_key : {false, true}) EXPECT_THAT(Rekeyed(adopts_key), AllOf(HasSubstr("nothing to do"), Not(HasSubstr("lost"))));
    EXPECT_EQ(side_key(), old_key);
    fs::rename(key_file, key_file + ".lost");
    EXPECT_EQ(StartFailureId(opens()), "KEY_FILE_MISSING");
    // What a restore left is not this command's.
    fs::create_directories(side + ".partial/of-somebody");
    EXPECT_THAT(Rekeyed(), AllOf(HasSubstr("3 个计划"), HasSubstr(side + ".aside"), HasSubstr("every 会员号"),
                                 HasSubstr("what confidential"), HasSubstr("doubles of confidential deeds"), HasSubstr("sent again")));
    EXPECT_NE(side_key(), old_key);
    EXPECT_TRUE(fs::exists(side + ".aside/CURRENT"));
    EXPECT_TRUE(fs::exists(side + ".partial/of-somebody"));
    EXPECT_FALSE(fs::exists(key_file + ".new") || fs::exists(side + ".rekey"));
    EXPECT_THAT(Rekeyed(), AllOf(HasSubstr("nothing to do"), Not(HasSubstr("lost"))));
  });
  EXPECT_EQ(Pay(lost_number), "INSUFFICIENT_POINTS");
  EXPECT_EQ(NumberOf(world.Get("HOME")), "");
  EXPECT_EQ(world.Balance("$HOME"), balance);
  const std::string number = Replace(world.NewUuid(), "HOME");
  EXPECT_EQ(Pay(number), "");
  EXPECT_TRUE(Tip(world.NewUuid()).ok());  // a double, and nobody can tell
  // In every journal, so that the auditor sees it.
  std::string journal;
  for (const auto& message : world.Stream("auditor", "ExportEntries", R"(program: "$P" format: JSON_LINES)")) {
    journal += dynamic_cast<const v1::ExportEntriesResponse&>(*message).data();
  }
  EXPECT_THAT(journal, HasSubstr(absl::StrCat(R"("side_key":")", old_key, R"("}})")));
  EXPECT_THAT(journal, HasSubstr(absl::StrCat(R"("actor":"ledger","data":{"program":{"id":"minyue",)")));
  EXPECT_THAT(journal, HasSubstr(absl::StrCat(R"("side_key":")", side_key(), R"("}})")));
  EXPECT_THAT(Check(), HasSubstr("number lost of member " + IdOf("AWAY")));
  // The lost ones are found: put back together, they are the ledger's again when it is told so.
  world.Restart([&](const std::string&) {
    for (const std::string& path : {key_file, side}) fs::rename(path, path + ".second");
    fs::rename(key_file + ".lost", key_file);
    fs::rename(side + ".aside", side);
    EXPECT_EQ(StartFailureId(opens()), "KEY_FILE_FOREIGN");
    EXPECT_EQ(StartFailureId(Rekey(config, Clock::System(), /*adopts_key=*/false)), "KEY_FILE_FOREIGN");
    EXPECT_THAT(Rekeyed(/*adopts_key=*/true), AllOf(HasSubstr("3 个计划"), HasSubstr("会员号 given under another key"),
                                                    HasSubstr("deeds recorded under another key"), Not(HasSubstr("every 会员号"))));
  });
  EXPECT_EQ(Pay(world.Get("AWAY_NUMBER")), "");
}

TEST_F(SideStateTest, ARekeyMakesRowsAgainThatCantBeRead) {
  const Config config = TheConfig();
  world.Restart([&](const std::string& ledger) {
    fs::remove(config.side_state().key_file());
    DamageRows(ledger + "/derived");
    testing::internal::CaptureStdout();
    EXPECT_EQ(Rekey(config, Clock::System(), /*adopts_key=*/false), absl::OkStatus());
    EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("3 个计划"));
  });
  EXPECT_THAT(world.Log(), Not(HasSubstr("derived_rebuild")));
  EXPECT_EQ(Pay(Replace(world.NewUuid(), "HOME")), "");
}

TEST_F(SideStateTest, ALostSideStoreIsMadeAnewAndTheKeyStays) {
  const Config config = TheConfig();
  const std::string side = config.side_state().directory(), key = Content(config.side_state().key_file());
  world.Restart([&](const std::string&) {
    fs::rename(side, side + ".lost");
    testing::internal::CaptureStdout();
    EXPECT_EQ(Rekey(config, Clock::System(), /*adopts_key=*/false), absl::OkStatus());
    EXPECT_THAT(testing::internal::GetCapturedStdout(),
                AllOf(HasSubstr("every 会员号"), Not(HasSubstr("doubles of confidential deeds")), Not(HasSubstr("programs now under"))));
    EXPECT_EQ(Content(config.side_state().key_file()), key);
  });
  EXPECT_EQ(Pay(Replace(world.NewUuid(), "HOME")), "");
}

// None of the numbers in its store is in use any more.
TEST_F(SideStateTest, AnOldKeyThatTurnsUpIsTakenThoughEveryMemberGotAnotherNumber) {
  const Config config = TheConfig();
  const std::string key = config.side_state().key_file(), side = config.side_state().directory(), old_number = world.Get("HOME_NUMBER");
  world.Restart([&](const std::string&) {
    fs::rename(key, key + ".old");
    Rekeyed();
  });
  int lost = 0;
  for (const std::string& member : LostMembers()) {
    ++lost;
    const Answer answer =
        world.Call("admin", "ReplaceMemberNumber", absl::StrCat(R"(request_id: "$ID" name: "programs/minyue/members/)", member, R"(")"));
    EXPECT_TRUE(answer.ok()) << answer;
  }
  EXPECT_GT(lost, 1);
  EXPECT_THAT(LostMembers(), testing::IsEmpty());
  world.Restart([&](const std::string&) {
    for (const std::string& path : {key, side}) fs::rename(path, path + ".new");
    fs::rename(key + ".old", key), fs::rename(side + ".aside", side);
    EXPECT_THAT(Rekeyed(/*adopts_key=*/true),
                AllOf(HasSubstr("3 个计划"), HasSubstr("every 会员号"), HasSubstr("deeds recorded under another key")));
  });
  EXPECT_EQ(static_cast<int>(LostMembers().size()), lost);
  EXPECT_EQ(Pay(old_number), "INSUFFICIENT_POINTS");
  EXPECT_EQ(Pay(Replace(world.NewUuid(), "HOME")), "");
}

// That is enough where the store is empty, and says that all is lost.
TEST_F(SideStateTest, AKeyThatAJournalNamesIsTakenWithAnEmptyStore) {
  const Config config = TheConfig();
  const std::string key = config.side_state().key_file(), side = config.side_state().directory();
  world.Restart([&](const std::string&) {
    fs::rename(key, key + ".old");
    Rekeyed();
    fs::rename(key, key + ".new"), fs::rename(side, side + ".new");
    fs::rename(key + ".old", key);
    const auto keys = KeyFile::Read(key).value();
    EXPECT_TRUE(SideStore::Open({.directory = side, .create_if_missing = true}, keys).ok());
    EXPECT_THAT(Rekeyed(/*adopts_key=*/true),
                AllOf(HasSubstr("3 个计划"), HasSubstr("every 会员号"), HasSubstr("what confidential deeds were;")));
  });
  EXPECT_EQ(Pay(Replace(world.NewUuid(), "HOME")), "");
}

// No journal names it any more, but its store knows a member.
TEST_F(SideStateTest, TheKeyOfAfterTheBackupIsTakenWithItsStore) {
  const Config config = TheConfig();
  Backup();
  world.Restart([&](const std::string&) {
    fs::remove(config.side_state().key_file());
    Rekeyed();
  });
  ASSERT_TRUE(Tip(world.NewUuid()).ok());
  world.Restart([&](const std::string& ledger) {
    fs::rename(ledger, world.directory() + "/failed");
    testing::internal::CaptureStdout();
    EXPECT_EQ(RestoreShards(config, world.directory() + "/server/backups/b"), absl::OkStatus());
    testing::internal::GetCapturedStdout();
    EXPECT_EQ(StartFailureId(Server::Start(config, Logger(LogLevel::kError)).status()), "KEY_FILE_FOREIGN");
    EXPECT_THAT(Rekeyed(/*adopts_key=*/true),
                AllOf(HasSubstr("3 个计划"), HasSubstr("every 会员号"), HasSubstr("deeds recorded under another key")));
  });
  EXPECT_EQ(Pay(Replace(world.NewUuid(), "HOME")), "");
}

// A new key can't be that of any of them, so one that does not open does not stop it.
TEST_F(SideStateTest, AStoreIsMovedBehindAllThatAreAside) {
  const Config config = TheConfig();
  const std::string side = config.side_state().directory();
  world.Restart([&](const std::string&) {
    fs::remove(config.side_state().key_file());
    for (const char* name : {".aside-9", ".aside-10", ".aside-x"}) {
      fs::create_directory(side + name);
      std::ofstream(side + name + "/CURRENT") << "x";
    }
    EXPECT_EQ(NextAside(side, FindAsides(side + '/').value()), side + ".aside-11");
    const std::string keep = "turn up: " + side + ".aside-";
    EXPECT_THAT(Rekeyed(), testing::ContainsRegex(absl::StrCat(keep, "9\n.*", keep, "10\n.*", keep, "11\n.*copy it to two")));
    EXPECT_TRUE(fs::exists(side + ".aside-11/CURRENT"));
    EXPECT_FALSE(fs::exists(side + ".aside"));
    fs::remove(config.side_state().key_file()), fs::rename(side, side + ".lost");
    EXPECT_THAT(Rekeyed(), HasSubstr("3 个计划"));
    for (const char* name : {".aside-9", ".aside-10", ".aside-11"}) fs::remove_all(side + name);
    for (const char* name : {".aside", ".aside-2"}) {
      fs::remove(config.side_state().key_file());
      EXPECT_THAT(Rekeyed(), HasSubstr(absl::StrCat("turn up: ", side, name, "\n")));
    }
  });
}

TEST_F(SideStateTest, ARekeyThatIsRefusedChangesNotAByte) {
  const Config config = TheConfig();
  const std::string key = config.side_state().key_file(), side = config.side_state().directory();
  const std::string ledger = config.shard(0).directory(), other = world.directory() + "/other.key";
  ASSERT_TRUE(KeyFile::Create(other).ok());
  const auto put_raw = [&](const char* name, const char* value) {
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, side, &db).ok());
    ASSERT_TRUE(db->Put({}, std::string("\0v", 2) + name, value).ok());
    delete db;
  };
  const auto put_older = [&](KeyPurpose newer) {
    fs::copy_file(key + ".kept", key);
    ASSERT_TRUE(KeyFile::Rotate(key, newer).ok());
    ASSERT_TRUE(OpenSide(config.side_state(), /*read_only=*/false).ok());
    fs::remove(key), fs::copy_file(key + ".kept", key);
  };
  const auto put_others_store = [&] {
    fs::remove_all(side);
    const auto keys = KeyFile::Read(other).value();
    const auto store = SideStore::Open({.directory = side, .create_if_missing = true}, keys).value();
    ASSERT_TRUE(store->Reserve("minyue", "a0", "r1", {{.item = 0, .member = "m1"}}).ok());
  };
  const auto put_empty_store = [&](const std::string& path) {
    fs::remove_all(side);
    const auto keys = KeyFile::Read(path).value();
    ASSERT_TRUE(SideStore::Open({.directory = side, .create_if_missing = true}, keys).ok());
  };
  // With the right key there.
  const auto put_aside = [&](const std::string& name) { fs::copy_file(key + ".kept", key), fs::rename(side, side + name); };
  const ManualClock behind(0);
  const struct {
    const char* what;
    std::function<void()> harm;
    const char* id;
    bool has_key = false, adopts_key = false;
    const Clock* clock = &Clock::System();
    std::string words = "";
  } cases[] = {
      {"a damaged side store", [&] { fs::resize_file(side + "/CURRENT", 1); }, "SIDE_STORE_DAMAGED"},
      {"one without its entry file", [&] { fs::remove(side + "/CURRENT"); }, "SIDE_STORE_DAMAGED"},
      {"one of a newer program", [&] { put_raw("format", "2"); }, "SIDE_STORE_REFUSED"},
      {"one without its list of files",
       [&] {
         for (const auto& file : fs::directory_iterator(side)) {
           if (file.path().filename().string().starts_with("MANIFEST-")) fs::remove(file.path());
         }
       },
       "SIDE_STORE_DAMAGED"},
      {"nothing of it but its mark",
       [&] {
         fs::rename(side + "/WRITES", key + ".mark");
         fs::remove_all(side), fs::create_directory(side);
         fs::rename(key + ".mark", side + "/WRITES");
       },
       "SIDE_STORE_DAMAGED"},
      {"one that was cut", [&] { fs::remove(LogOf(side)); }, "SIDE_STORE_CUT"},
      {"something else in its place", [&] { fs::remove_all(side), fs::create_directories(side + "/photos"); }, "REKEY_FAILED"},
      {"a clock that is behind", [] {}, "REKEY_FAILED", false, false, &behind},
      {"no derived rows to be had", [&] { fs::remove_all(ledger + "/derived"), std::ofstream(ledger + "/derived") << "x"; },
       "REKEY_FAILED"},
      {"a ledger that does not open", [&] { fs::remove(ledger + "/log/CURRENT"); }, "LEDGER_REFUSED"},
      {"a damaged key file of a run before", [&] { fs::copy_file(side + "/CURRENT", key + ".new"); }, "KEY_FILE_UNUSABLE"},
      {"no key file, though one is to be taken", [] {}, "KEY_FILE_MISSING", false, true},
      {"another server's key file", [&] { fs::copy_file(other, key); }, "KEY_FILE_FOREIGN", true},
      {"that, to be taken", [&] { fs::copy_file(other, key); }, "SIDE_STORE_FOREIGN", true, true},
      {"that, and no side store", [&] { fs::copy_file(other, key), fs::remove_all(side); }, "SIDE_STORE_MISSING", true, true},
      {"the right one, and a damaged side store", [&] { fs::resize_file(side + "/CURRENT", 1), fs::copy_file(key + ".kept", key); },
       "SIDE_STORE_DAMAGED", true},
      {"the right one, and a side store without its mark", [&] { fs::remove(side + "/WRITES"), fs::copy_file(key + ".kept", key); },
       "SIDE_STORE_UNMARKED", true},
      {"an older copy of the right one", [&] { put_older(KeyPurpose::kSeal); }, "SIDE_STORE_FOREIGN", true},
      {"that, of another purpose", [&] { put_older(KeyPurpose::kFingerprint); }, "SIDE_STORE_FOREIGN", true},
      {"another server's key file and side store, to be taken", [&] { fs::copy_file(other, key), put_others_store(); },
       "SIDE_STORE_FOREIGN", true, true, &Clock::System(), "holds nothing about any member"},
      {"that, and an empty side store", [&] { fs::copy_file(other, key), put_empty_store(other); }, "KEY_FILE_FOREIGN", true, true,
       &Clock::System(), side + " is empty"},
      {"the right one, and its side store still aside", [&] { fs::copy_file(key + ".kept", key), fs::rename(side, side + ".aside"); },
       "SIDE_STORE_MISSING", true, false, &Clock::System(), "side.aside opens with this key"},
      {"that, behind another aside and before one in its place",
       [&] {
         fs::copy_file(key + ".kept", key), fs::rename(side, side + ".aside-2");
         put_others_store(), fs::rename(side, side + ".aside"), put_others_store();
       },
       "SIDE_STORE_FOREIGN", true, false, &Clock::System(), absl::StrCat("side.aside-2 opens with this key: move ", side, " away first")},
      {"that, before an empty directory", [&] { put_aside(".aside"), fs::create_directory(side); }, "SIDE_STORE_MISSING", true, false,
       &Clock::System(), absl::StrCat("side.aside opens with this key: move ", side, " away first")},
      {"its side store aside, and none before that", [&] { put_aside(".aside-12"); }, "SIDE_STORE_MISSING", true, false, &Clock::System(),
       "side.aside-12 opens with this key: move it there"},
      {"that, behind a damaged one",
       [&] { put_aside(".aside-12"), fs::create_directory(side + ".aside"), fs::copy_file(key, side + ".aside/CURRENT"); },
       "SIDE_STORE_MISSING", true, false, &Clock::System(), "side.aside-12 opens with this key: move it there"},
      {"a damaged one aside", [&] { put_aside(".aside-2"), fs::resize_file(side + ".aside-2/CURRENT", 1); }, "SIDE_STORE_DAMAGED", true,
       false, &Clock::System(), "side.aside-2 may be this key's"},
      {"one that was cut", [&] { put_aside(".aside"), fs::remove(LogOf(side + ".aside")); }, "SIDE_STORE_CUT", true, false,
       &Clock::System(), "side.aside may be this key's"},
      {"one without its mark", [&] { put_aside(".aside"), fs::remove(side + ".aside/WRITES"); }, "SIDE_STORE_MISSING", true, false,
       &Clock::System(), "side.aside opens with this key"},
      {"one of a newer program", [&] { put_raw("format", "2"), put_aside(".aside"); }, "SIDE_STORE_REFUSED", true, false, &Clock::System(),
       "side.aside may be this key's"},
      {"one that leads nowhere", [&] { put_aside(".kept"), fs::create_directory_symlink("not-mounted", side + ".aside"); }, "REKEY_FAILED",
       true, false, &Clock::System(), "side.aside may be this key's"},
  };
  world.Restart([&](const std::string&) {
    const std::string server = world.directory() + "/server", kept = world.directory() + "/kept";
    fs::rename(key, key + ".kept");
    fs::copy(server, kept, fs::copy_options::recursive);
    for (const auto& each : cases) {
      SCOPED_TRACE(each.what);
      each.harm();
      ASSERT_EQ(fs::exists(key), each.has_key);
      const auto before = Snapshot(server);
      testing::internal::CaptureStdout();
      const auto status = Rekey(config, *each.clock, each.adopts_key);
      EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
      EXPECT_EQ(StartFailureId(status), each.id) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(each.words));
      EXPECT_EQ(Snapshot(server), before);
      fs::remove_all(server);
      fs::copy(kept, server, fs::copy_options::recursive);
    }
    fs::rename(key + ".kept", key);
  });
}

TEST_F(SideStateTest, AMarkThatIsGoneIsToldUntilSomebodyGoesOnWithout) {
  const Config config = TheConfig();
  const std::string mark = config.side_state().directory() + "/WRITES";
  const auto figures = [&] { return world.Call("operator", "GetMetrics", "").As<v1::GetMetricsResponse>().text(); };
  EXPECT_THAT(figures(), HasSubstr("redpoints_side_store_was_marked 1\n"));
  world.Restart([&](const std::string&) {
    fs::remove(mark);
    EXPECT_EQ(StartFailureId(Server::Start(config, Logger(LogLevel::kError)).status()), "SIDE_STORE_UNMARKED");
    testing::internal::CaptureStdout();
    EXPECT_EQ(CheckShards(config, ""), absl::OkStatus());
    EXPECT_THAT(testing::internal::GetCapturedStdout(), AllOf(HasSubstr("its mark " + mark), HasSubstr("side state: ")));
    EXPECT_FALSE(fs::exists(mark));
    std::ofstream(mark).flush();
  });
  EXPECT_THAT(world.Log(), HasSubstr(R"("event":"side_store_unmarked")"));
  EXPECT_THAT(figures(), HasSubstr("redpoints_side_store_was_marked 0\n"));
  EXPECT_EQ(Pay(world.Get("HOME_NUMBER")), "");
  EXPECT_THAT(Check(), Not(HasSubstr("its mark")));
  EXPECT_THAT(figures(), HasSubstr("redpoints_side_store_was_marked 1\n"));
}

TEST_F(SideStateTest, AProgramMadeLaterIsUnderTheSameKey) {
  const std::string side_key = SideKeyId(KeyFile::Read(TheConfig().side_state().key_file()).value());
  const std::string id = world.NewUuid();
  const auto create = [&](const std::string& program) {
    return world.Call("operator", "CreateProgram", absl::StrCat(R"(request_id: ")", id, R"(" program_id: ")", program, R"(")"));
  };
  const Answer made = create("later");
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(create("later").As<v1::CreateProgramResponse>().administrator().name(),
            made.As<v1::CreateProgramResponse>().administrator().name());
  EXPECT_EQ(create("another").reason, "REQUEST_ID_REUSED");
  world.Restart([&](const std::string& ledger) {
    const auto log = RocksDbLog::Open({.directory = ledger + "/log"}).value();
    for (const char* program : {"system", "minyue", "later"}) {
      EXPECT_THAT(Journal(*log, program).Line(0).value(), HasSubstr(absl::StrCat(R"("side_key":")", side_key, R"("}})"))) << program;
    }
  });
}

// What the program of that name was in is lost with the backup's tail: tills and papers may still name it.
TEST_F(SideStateTest, AProgramFoundedAgainAfterARestoreHasNoNamesOfBefore) {
  const auto create = [&] {
    const Answer made = world.Call("operator", "CreateProgram", R"(request_id: "$ID" program_id: "later")");
    EXPECT_TRUE(made.ok()) << made;
  };
  Backup();
  create();
  Restore();
  create();
  world.Restart([&](const std::string& ledger) {
    const auto log = RocksDbLog::Open({.directory = ledger + "/log"}).value();
    const auto epoch_of = [&](const char* program, std::int64_t sequence) {
      return ParseLine(Journal(*log, program).Line(sequence).value())->epoch;
    };
    const std::int64_t last = Journal(*log, "system").End().value() - 1;
    EXPECT_GT(epoch_of("system", last), 0);
    for (const std::int64_t sequence : {0, 1, 2}) EXPECT_EQ(epoch_of("later", sequence), epoch_of("system", last)) << sequence;
    EXPECT_EQ(CheckShards(TheConfig(), "later"), absl::OkStatus());
  });
}

// Whoever backs up a stopped server leaves no file of theirs in it: the service could not open it any more.
TEST_F(SideStateTest, ABackupOfAStoppedServerChangesNotAByteOfIt) {
  std::string number;
  const std::string member = world.CreateMember("grid-1", &number);  // in no table yet
  const auto files = [&] {
    std::map<std::string, std::string> bytes;
    for (const auto& entry : fs::recursive_directory_iterator(world.directory() + "/server")) {
      std::ifstream file(entry.path(), std::ios::binary);
      bytes[entry.path()] = entry.is_regular_file() ? std::string(std::istreambuf_iterator<char>(file), {}) : "";
    }
    return bytes;
  };
  const std::string backup = world.directory() + "/stopped";
  world.Restart([&](const std::string& ledger) {
    const auto before = files();
    testing::internal::CaptureStdout();
    EXPECT_EQ(BackupShards(TheConfig(), backup), absl::OkStatus());
    testing::internal::GetCapturedStdout();
    EXPECT_TRUE(files() == before);
    fs::rename(ledger, world.directory() + "/failed");
    fs::rename(TheConfig().side_state().directory(), world.directory() + "/failed-side");
    EXPECT_EQ(RestoreShards(TheConfig(), backup), absl::OkStatus());
  });
  EXPECT_EQ(NumberOf(member), number);
}

// The ledger is whole, and no server starts: said with what to do, beside a side store that came from the backup and one that was there.
TEST_F(SideStateTest, ARestoreUnderAForeignKeySaysWhatToDo) {
  Backup();
  Config foreign = TheConfig();
  foreign.mutable_side_state()->set_key_file(world.directory() + "/foreign.key");
  foreign.mutable_side_state()->set_directory(world.directory() + "/foreign-side");
  world.Restart([&](const std::string& ledger) {
    const auto restored = [&](const Config& config) {
      testing::internal::CaptureStdout();
      const auto status = RestoreShards(config, world.directory() + "/server/backups/b");
      const std::string text = testing::internal::GetCapturedStdout();
      EXPECT_EQ(status, absl::OkStatus());
      fs::rename(ledger, absl::StrCat(ledger, ".restored-", text.size()));
      return text;
    };
    fs::rename(ledger, world.directory() + "/failed");
    ASSERT_EQ(MakeSide(foreign.side_state()), absl::OkStatus());
    EXPECT_THAT(restored(foreign), AllOf(HasSubstr("numbers not checked: KEY_FILE_FOREIGN: "), HasSubstr("Look for the right one"),
                                         HasSubstr("找对的那一份")));
    fs::remove_all(foreign.side_state().directory());
    EXPECT_THAT(restored(foreign),
                AllOf(HasSubstr("side state not checked, members' numbers neither: SIDE_STORE_FOREIGN: "),
                      HasSubstr(world.directory() + "/foreign-side: sealed under seal key "),
                      HasSubstr("that file holds key " + SideKeyId(KeyFile::Read(foreign.side_state().key_file()).value())),
                      Not(HasSubstr("side store: row")), HasSubstr("Put back the newest copy of the key file that belongs to it"),
                      HasSubstr("放回与它配套的密钥文件")));
    fs::rename(world.directory() + "/failed", ledger);
  });
}

TEST_F(SideStateTest, WhatACrashLeftWithoutItsEntryIsCleared) {
  const auto before = Report();
  world.Restart([&](const std::string&) {
    const auto side = OpenSide(TheConfig().side_state(), /*read_only=*/false).value();
    ASSERT_TRUE(side.store->Reserve("minyue", "a1", "r1", {{.item = 0, .member = IdOf("HOME"), .is_new_member = false}}).ok());
  });
  EXPECT_EQ(Report().numbers, before.numbers);
  EXPECT_EQ(Pay(world.Get("HOME_NUMBER")), "");
  EXPECT_THAT(world.Log(), Not(HasSubstr("side_rows_without_entry")));
}

}  // namespace
}  // namespace redpoints::server
