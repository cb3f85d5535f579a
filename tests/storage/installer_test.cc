#include "storage/installer.h"

#include <gmock/gmock.h>

#include "storage/keys.h"
#include "storage/log/memory_log.h"
#include "storage/program.h"
#include "storage/store/memory_store.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Can be told to fail.
class FailingStore : public MemoryStore {
 public:
  absl::Status Install(const DerivedRows& rows) override { return fails ? absl::UnavailableError("no room") : MemoryStore::Install(rows); }
  bool fails = false;
};

class InstallerTest : public testing::Test {
 protected:
  // The next generation of a program's rows.
  std::vector<GenerationRows> Generation(const std::string& id) {
    auto& program = programs[id];
    if (!program) {
      program = std::make_unique<Program>(id, log, &store, [](Program&, const absl::Status&) {});
      program->Execute(kNoon, {.actor = "a0", .request_id = "", .terminal = "", .merchant = "", .clerk = "", .till = "", .fingerprint = ""},
                       FoundProgram{{id, "a0"}});
    }
    std::vector<GenerationRows> generations;
    generations.push_back(program->Turn(oldest));
    return generations;
  }
  bool IsInStore(const std::string& id) { return store.Get(DerivedKey(id, kMarkTable, ""))->has_value(); }

  MemoryLog log;
  FailingStore store;
  std::map<std::string, std::unique_ptr<Program>> programs;
  std::vector<std::shared_ptr<const void>> oldest;
  std::vector<std::string> failures;
  Installer installer{store, [this](const std::string& why) { failures.push_back(why); }};
};

TEST_F(InstallerTest, WritesGenerationsAndLetsTheOldestGo) {
  auto old = std::make_shared<const int>(1);
  const std::weak_ptr<const int> watch = old;
  std::vector<std::shared_ptr<const void>> let_go;
  let_go.push_back(std::move(old));
  installer.Start(Generation("minyue"), std::move(let_go));
  installer.Wait();
  EXPECT_FALSE(installer.is_busy());
  EXPECT_FALSE(installer.has_failed());
  EXPECT_TRUE(IsInStore("minyue"));
  EXPECT_TRUE(watch.expired());
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(InstallerTest, WhatFailedIsKeptAndWrittenAgain) {
  store.fails = true;
  installer.Start(Generation("minyue"), {});
  installer.Wait();
  EXPECT_TRUE(installer.has_failed());
  EXPECT_THAT(failures, ElementsAre("no room"));
  EXPECT_FALSE(IsInStore("minyue"));
  store.fails = false;
  installer.Retry();
  installer.Wait();
  EXPECT_FALSE(installer.has_failed());
  EXPECT_TRUE(IsInStore("minyue"));
}

TEST_F(InstallerTest, AProgramThatIsForgottenIsNotWrittenAgain) {
  store.fails = true;
  auto both = Generation("minyue");
  both.push_back(std::move(Generation("other").front()));
  installer.Start(std::move(both), {});
  installer.Forget("minyue");
  EXPECT_EQ(installer.failure(), "no room");
  store.fails = false;
  installer.Retry();
  installer.Wait();
  EXPECT_FALSE(IsInStore("minyue"));
  EXPECT_TRUE(IsInStore("other"));
}

}  // namespace
}  // namespace redpoints
