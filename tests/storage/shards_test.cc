// Several shards on a disk in memory, which can be full.
#include "storage/shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <future>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "storage/check.h"
#include "storage/keys.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/entry_codec.h"
#include "storage/views.h"
#include "tests/storage/disk.h"
#include "tests/storage/raw_rows.h"

namespace redpoints {
namespace {

using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Has room for so many more writes. Thread-safe.
class SmallFs : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "SmallFs"; }
  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options, std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override;
  std::atomic<int> writes_left = 1'000'000;
};

class SmallFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  SmallFile(std::unique_ptr<FSWritableFile>&& file, SmallFs& fs) : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs) {}
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (fs_.writes_left.fetch_sub(1) <= 0) return IOStatus::NoSpace("no room");
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }

 private:
  SmallFs& fs_;
};

IOStatus SmallFs::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options, std::unique_ptr<FSWritableFile>* result,
                                  IODebugContext* debug) {
  auto status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (status.ok()) *result = std::make_unique<SmallFile>(std::move(*result), *this);
  return status;
}

class ShardsTest : public testing::Test {
 protected:
  ShardsTest() {
    options.on_event = [this](const std::string& event, const std::string& detail) {
      const std::lock_guard lock(events_mutex);
      events.push_back(event + ": " + detail);
    };
  }
  // Two shards: /first has what nobody names, /second has minyue.
  void SetUp() override {
    for (const char* directory : {"/first", "/second"}) {
      ASSERT_TRUE(Disk().Open(directory, env.get()).ok());
    }
    Open();
    for (const char* program : {"system", "minyue", "kaiyuan"}) ASSERT_EQ(ReasonOf(Found(program)), Reason::REASON_UNSPECIFIED) << program;
  }

  absl::Status TryOpen(std::vector<Shards::ShardConfig> map) {
    shards.reset();
    events.clear();
    for (auto& shard : map) shard.env = env.get();
    auto opened = Shards::Open(map, clock, options);
    if (opened.ok()) shards = *std::move(opened);
    return opened.status();
  }
  void Open() {
    const auto opened = TryOpen({{"/first", {}}, {"/second", {"minyue"}}});
    ASSERT_TRUE(opened.ok()) << opened;
  }

  Outcome Run(const std::string& program, Command command) {
    last_id = Sha256Hex(absl::StrCat("request ", next_id++)).substr(0, 32);
    auto promise = std::make_shared<std::promise<Outcome>>();
    shards->Submit(program,
                   {.actor = "a0", .request_id = last_id, .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = ""},
                   std::move(command), [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    return promise->get_future().get();
  }
  Outcome Found(const std::string& program) { return Run(program, FoundProgram{{program, "a0"}}); }
  Outcome Add(const std::string& program, Registration data) {
    return Run(program, Register{.items = {std::move(data)}, .is_new = true, .rulebook_json = ""});
  }
  Outcome AddFund(const std::string& program) { return Add(program, FundData{absl::StrCat("fund-", next_id), 5}); }
  static Reason ReasonOf(const Outcome& outcome) {
    if (outcome.refusal) return outcome.refusal->reason;
    return outcome.first == RequestState::kRefused ? RefusalOf(outcome.entry()).reason : Reason::REASON_UNSPECIFIED;
  }

  ManualClock clock{1'710'468'000'000};  // 2024-03-15 10:00 in Shanghai
  std::unique_ptr<rocksdb::Env> memory_env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  std::shared_ptr<SmallFs> fs = std::make_shared<SmallFs>(memory_env->GetFileSystem());
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(fs);
  Ledger::Options options;
  std::mutex events_mutex;
  std::vector<std::string> events;
  std::unique_ptr<Shards> shards;
  int next_id = 0;
  std::string last_id;
};

TEST_F(ShardsTest, EachProgramLivesWhereTheMapSays) {
  for (const bool is_default_last : {false, true}) {
    std::vector<Shards::ShardConfig> map = {{"/first", {}}, {"/second", {"minyue", "not-yet"}}};
    if (is_default_last) std::swap(map[0], map[1]);
    ASSERT_TRUE(TryOpen(map).ok());
    const auto& first = shards->ledgers()[is_default_last];
    const auto& second = shards->ledgers()[!is_default_last];
    EXPECT_THAT(first->Programs(), ElementsAre("kaiyuan", "system"));
    EXPECT_THAT(second->Programs(), ElementsAre("minyue"));
    EXPECT_EQ(&shards->Of("minyue"), second.get());
    EXPECT_EQ(&shards->Of("not-yet"), second.get());
    EXPECT_EQ(&shards->Of("system"), first.get());
    EXPECT_EQ(&shards->Of("nowhere"), first.get());
    const auto end = second->EndSequence("minyue");
    EXPECT_EQ(ReasonOf(AddFund("minyue")), Reason::REASON_UNSPECIFIED);
    EXPECT_EQ(second->EndSequence("minyue"), end + 1);
    EXPECT_EQ(ReasonOf(AddFund("nowhere")), Reason::PROGRAM_NOT_FOUND);
  }
}

TEST_F(ShardsTest, AProgramElsewhereThanTheMapSaysIsRefused) {
  const struct {
    std::vector<Shards::ShardConfig> map;
    std::string message;
  } maps[] = {
      {{{"/first", {}}, {"/second", {"other"}}}, "program minyue lies in /second, not where the map says"},
      {{{"/first", {"minyue"}}, {"/second", {}}}, "program kaiyuan lies in /first, not where the map says"},
      {{{"/second", {}}, {"/first", {"minyue"}}}, "program minyue lies in /second, not where the map says"},
      {{{"/second", {"kaiyuan", "minyue"}}, {"/first", {}}}, "program kaiyuan lies in /first, not where the map says"},
  };
  for (const auto& [map, message] : maps) {
    const auto opened = TryOpen(map);
    EXPECT_TRUE(absl::IsFailedPrecondition(opened)) << opened;
    EXPECT_EQ(std::string(opened.message()), message);
  }
  Open();
}

TEST_F(ShardsTest, ADamagedProgramIsSetAsideAndAllOthersGoOn) {
  shards.reset();
  SetRawRow("/first/derived", "default", DerivedKey("kaiyuan", kMarkTable, ""), std::nullopt, env.get());
  SetRawRow("/first/log", "journal", JournalKey("kaiyuan", 0), JournalValue(2, "{}\n{}\n"), env.get());
  Open();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_THAT(events[0], HasSubstr("derived_rebuild: kaiyuan: "));
  EXPECT_THAT(events[1], HasSubstr("program_set_aside: kaiyuan: entry 0"));
  EXPECT_EQ(ReasonOf(AddFund("kaiyuan")), Reason::PROGRAM_SET_ASIDE);
  EXPECT_EQ(ReasonOf(Add("system", StaffData{.id = "a1", .member = "", .is_external = true, .grants = {}})), Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonOf(AddFund("minyue")), Reason::REASON_UNSPECIFIED);
}

// Without a shard its programs would be told that they don't exist: then rather nothing.
TEST_F(ShardsTest, AShardThatCannotBeOpenedIsRefused) {
  const auto missing = TryOpen({{"/first", {}}, {"/third", {"minyue"}}});
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/third"));

  const auto twice = TryOpen({{"/first", {}}, {"/first", {"minyue"}}});
  EXPECT_TRUE(absl::IsFailedPrecondition(twice)) << twice;

  std::string current;
  ASSERT_TRUE(rocksdb::ReadFileToString(env.get(), "/second/log/CURRENT", &current).ok());
  const std::string manifest = "/second/log/" + current.substr(0, current.find('\n'));
  std::string bytes;
  ASSERT_TRUE(rocksdb::ReadFileToString(env.get(), manifest, &bytes).ok());
  ASSERT_TRUE(rocksdb::WriteStringToFile(env.get(), std::string(bytes.size(), 'x'), manifest).ok());
  const auto unreadable = TryOpen({{"/first", {}}, {"/second", {"minyue"}}});
  EXPECT_TRUE(absl::IsDataLoss(unreadable)) << unreadable;
  EXPECT_THAT(std::string(unreadable.message()), HasSubstr("/second"));
  EXPECT_THAT(events, IsEmpty());

  ASSERT_TRUE(rocksdb::WriteStringToFile(env.get(), bytes, manifest).ok());
  Open();
}

// Whichever write of the opening finds no room: RocksDB's own files, the fence.
TEST_F(ShardsTest, OnAFullDiskOutcomesCanBeAskedAndNothingIsWritten) {
  ASSERT_EQ(ReasonOf(AddFund("minyue")), Reason::REASON_UNSPECIFIED);
  const std::string id = last_id;
  const auto end = shards->Of("minyue").EndSequence("minyue");
  int writes = 0;
  for (;; ++writes) {
    SCOPED_TRACE(absl::StrCat("room for ", writes, " writes"));
    shards.reset();
    fs->writes_left = writes;
    Open();
    if (events.empty()) break;
    EXPECT_THAT(events[0], HasSubstr("storage_read_only"));
    EXPECT_EQ(shards->Of("minyue").FindOutcome("minyue", "a0", id).first, RequestState::kDone);
    EXPECT_EQ(ReasonOf(AddFund("minyue")), Reason::STORAGE_READ_ONLY);
    EXPECT_EQ(shards->Of("minyue").EndSequence("minyue"), end);
    // There is room again.
    shards.reset();
    fs->writes_left = 1'000'000;
    Open();
    ASSERT_THAT(events, IsEmpty());
    EXPECT_EQ(shards->Of("minyue").EndSequence("minyue"), end);
    EXPECT_EQ(shards->Of("minyue").FindOutcome("minyue", "a0", id).first, RequestState::kDone);
  }
  EXPECT_GT(writes, 5);
  fs->writes_left = 1'000'000;
}

// The system program has recorded a program, and a crash came before its first entries.
TEST_F(ShardsTest, WhatWasRecordedAndNotFoundedIsFoundedAtTheNextStart) {
  ASSERT_EQ(ReasonOf(Add("system", ProgramData{"minyue", "a0"})), Reason::REASON_UNSPECIFIED);  // founded already
  ASSERT_EQ(ReasonOf(Add("system", ProgramData{"late", "a7"})), Reason::REASON_UNSPECIFIED);
  ASSERT_TRUE(TryOpen({{"/first", {}}, {"/second", {"minyue", "late"}}}).ok());
  const auto end = shards->Of("minyue").EndSequence("minyue");
  for (int i = 0; i < 2; ++i) {
    shards->FinishFounding("0123456789abcdef");
    ASSERT_TRUE(shards->Of("late").WaitForEntry("late", 1, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
    EXPECT_EQ(shards->Of("late").EndSequence("late"), 2);
    EXPECT_EQ(shards->Of("minyue").EndSequence("minyue"), end);
  }
  const auto whole = CheckProgram(shards->Of("late").log(), nullptr, "late", [](std::int64_t, std::int64_t) {});
  EXPECT_TRUE(whole.ok()) << whole.status();
  EXPECT_THAT(shards->ledgers()[1]->Programs(), ElementsAre("late", "minyue"));
  EXPECT_EQ(FindRegistration<ProgramData>(*shards->Of("late").FindState("late"), "program", "late")->side_key, "0123456789abcdef");
}

// As after a restore whose backup did not have the program yet: nothing in it may have a name that it had before.
TEST_F(ShardsTest, AProgramIsFoundedInTheEpochOfTheSystemProgram) {
  ASSERT_EQ(ReasonOf(Run("system", OpenEpoch{{.why = "restore"}, 41})), Reason::REASON_UNSPECIFIED);
  ASSERT_EQ(ReasonOf(Add("system", ProgramData{"again", "a7"})), Reason::REASON_UNSPECIFIED);
  shards->FinishFounding("0123456789abcdef");
  ASSERT_TRUE(shards->Of("again").WaitForEntry("again", 2, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  const auto journal = shards->Of("again").JournalOf("again");
  EXPECT_EQ(journal.Read(0)->kind, Kind::kEpoch);
  EXPECT_EQ(std::get<EpochData>(journal.Read(0)->data), (EpochData{.why = "founding"}));
  for (const std::int64_t sequence : {0, 1, 2}) EXPECT_EQ(journal.Read(sequence)->epoch, 41) << sequence;
  EXPECT_EQ(journal.Read(1)->kind, Kind::kProgram);
  EXPECT_EQ(shards->Of("again").EndSequence("again"), 3);
  const auto whole = CheckProgram(shards->Of("again").log(), nullptr, "again", [](std::int64_t, std::int64_t) {});
  EXPECT_TRUE(whole.ok()) << whole.status();
}

}  // namespace
}  // namespace redpoints
