// The key file: made once, whole or refused with the line, for its owner alone, rotated without losing a key.
#include "storage/identity/key_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "storage/merkle/sha256.h"
#include "tests/storage/identity/identity_fixture.h"

namespace redpoints {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class KeyFileTest : public IdentityTest {
 protected:
  mode_t Mode() const {
    struct stat status {};
    EXPECT_EQ(stat(KeyPath().c_str(), &status), 0);
    return status.st_mode & 07777;
  }
  absl::Status TryRead() const { return KeyFile::Read(KeyPath()).status(); }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
    return names;
  }
  // The file with `lines` and the sum that belongs to them.
  void SetLines(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    SetContent(KeyPath(), text + "sha256 " + Sha256Hex(text) + "\n");
  }
  // The lines of the file but the sum.
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines = absl::StrSplit(Content(KeyPath()), '\n');
    lines.resize(lines.size() - 2);
    return lines;
  }
};

TEST_F(KeyFileTest, ANewFileHasAKeyForEachPurposeAndIsItsOwnersAlone) {
  EXPECT_EQ(Mode(), 0600u);
  EXPECT_THAT(Names(), ElementsAre("keys"));  // nothing half made beside it
  const KeyFile keys = Keys();
  for (const auto purpose : {KeyPurpose::kSeal, KeyPurpose::kFingerprint, KeyPurpose::kUnique, KeyPurpose::kNumber}) {
    ASSERT_THAT(keys.All(purpose), SizeIs(1));
    EXPECT_EQ(keys.Find(purpose, keys.Newest(purpose).id()), &keys.Newest(purpose));
  }
  EXPECT_NE(keys.Newest(KeyPurpose::kSeal).bytes(), keys.Newest(KeyPurpose::kUnique).bytes());
  EXPECT_EQ(Lines()[0], "redpoints key file 1");
  EXPECT_EQ(Lines()[1], absl::StrCat("seal ", KeyIdText(keys.Newest(KeyPurpose::kSeal).id()), " ",
                                     Hex(keys.Newest(KeyPurpose::kSeal).bytes().data(), 32)));
}

TEST_F(KeyFileTest, WhatIsThereIsNeverOverwritten) {
  const std::string before = Content(KeyPath());
  EXPECT_EQ(KeyFile::Create(KeyPath()).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Content(KeyPath()), before);
  EXPECT_THAT(Names(), ElementsAre("keys"));
}

TEST_F(KeyFileTest, OfManyWhoMakeItOneSucceeds) {
  std::filesystem::remove(KeyPath());
  std::vector<absl::Status> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& status : made) threads.emplace_back([&] { status = KeyFile::Create(KeyPath()); });
  }
  int ok = 0;
  for (const auto& status : made) ok += status.ok();
  EXPECT_EQ(ok, 1);
  EXPECT_EQ(TryRead(), absl::OkStatus());
}

TEST_F(KeyFileTest, AMissingFileAndAMissingDirectoryAreTold) {
  EXPECT_EQ(KeyFile::Create(directory + "/none/keys").code(), absl::StatusCode::kUnavailable);
  std::filesystem::remove(KeyPath());
  EXPECT_EQ(TryRead().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(KeyFile::Rotate(KeyPath(), KeyPurpose::kSeal).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(KeyFileTest, AFileThatOthersMayReadIsRefusedAndSaysWhatToDo) {
  for (const mode_t mode : {0640u, 0604u, 0620u, 0700u, 0666u}) {
    chmod(KeyPath().c_str(), mode);
    EXPECT_EQ(TryRead().code(), absl::StatusCode::kFailedPrecondition) << mode;
    EXPECT_THAT(std::string(TryRead().message()), HasSubstr("chmod 600 " + KeyPath()));
  }
  for (const mode_t mode : {0600u, 0400u}) {
    chmod(KeyPath().c_str(), mode);
    EXPECT_EQ(TryRead(), absl::OkStatus()) << mode;
  }
  EXPECT_EQ(KeyFile::Read(directory).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(KeyFileTest, AFileCutAnywhereIsRefused) {
  const std::string whole = Content(KeyPath());
  for (std::size_t size = whole.size(); size-- > 0;) {
    std::filesystem::resize_file(KeyPath(), size);
    EXPECT_EQ(TryRead().code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST_F(KeyFileTest, AFileWithAnyBitFlippedIsRefused) {
  const std::string whole = Content(KeyPath());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::fstream file(KeyPath());
    file.seekp(static_cast<std::streamoff>(bit / 8)).put(static_cast<char>(whole[bit / 8] ^ 1 << bit % 8)).flush();
    ASSERT_FALSE(TryRead().ok()) << bit;
    file.seekp(static_cast<std::streamoff>(bit / 8)).put(whole[bit / 8]).flush();
  }
  EXPECT_EQ(TryRead(), absl::OkStatus());
}

TEST_F(KeyFileTest, DamageNamesFileAndLine) {
  const std::vector<std::string> lines = Lines();
  const auto expect = [&](int line, const std::string& what) {
    EXPECT_EQ(TryRead().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(TryRead().message()), HasSubstr(absl::StrCat(KeyPath(), ":", line, ": ", what)));
  };
  auto altered = lines;
  altered[2].pop_back();
  SetLines(altered);
  expect(3, "not a key");
  altered = lines, altered[1][5] = 'G';
  SetLines(altered);
  expect(2, "not a key");
  altered = lines, altered.insert(altered.begin() + 1, lines[1]);
  SetLines(altered);
  expect(3, "the key id stands there twice");
  altered = lines, altered.push_back("unique 00000000 " + lines[3].substr(16));
  SetLines(altered);
  expect(6, "a second key where one is for ever");
  altered = lines, altered.pop_back();
  SetLines(altered);
  expect(6, "no key for number");
  altered = lines, altered[0] = "something else";
  SetLines(altered);
  expect(1, "not a key file");
  SetLines(lines);
  SetContent(KeyPath(), Content(KeyPath()) + "more\n");
  expect(7, "text behind the sha256 line");
  SetLines(lines);
  std::string text = Content(KeyPath());
  text[text.find(lines[2]) + lines[2].size() - 1] ^= 1;  // another hex digit or a letter close by
  SetContent(KeyPath(), text);
  EXPECT_EQ(TryRead().code(), absl::StatusCode::kDataLoss);
  SetContent(KeyPath(), std::string(70'000, 'x'));
  EXPECT_EQ(TryRead().code(), absl::StatusCode::kDataLoss);
}

TEST_F(KeyFileTest, AWholeFileOfANewerProgramIsNoDamage) {
  auto lines = Lines();
  lines[0] = "redpoints key file 2";
  lines.push_back("pin 00000000 what this program does not know");
  SetLines(lines);
  EXPECT_EQ(TryRead().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(TryRead().message()), HasSubstr("newer program"));
}

TEST_F(KeyFileTest, RotationAddsANewestKeyAndKeepsTheOld) {
  const KeyFile before = Keys();
  chmod(KeyPath().c_str(), 0400);
  SetContent(directory + "/.keys.unfinished", "what a writer that died left");
  const auto id = KeyFile::Rotate(KeyPath(), KeyPurpose::kSeal);
  ASSERT_TRUE(id.ok()) << id.status();
  const KeyFile after = Keys();
  ASSERT_THAT(after.All(KeyPurpose::kSeal), SizeIs(2));
  EXPECT_EQ(after.Newest(KeyPurpose::kSeal).id(), *id);
  const std::uint32_t old = before.Newest(KeyPurpose::kSeal).id();
  ASSERT_NE(after.Find(KeyPurpose::kSeal, old), nullptr);
  EXPECT_EQ(after.Find(KeyPurpose::kSeal, old)->bytes(), before.Newest(KeyPurpose::kSeal).bytes());
  EXPECT_NE(after.Newest(KeyPurpose::kSeal).bytes(), before.Newest(KeyPurpose::kSeal).bytes());
  EXPECT_THAT(after.All(KeyPurpose::kFingerprint), SizeIs(1));
  EXPECT_EQ(Mode(), 0400u);
  EXPECT_THAT(Names(), ElementsAre("keys"));
  EXPECT_TRUE(KeyFile::Rotate(KeyPath(), KeyPurpose::kFingerprint).ok());
  EXPECT_THAT(Keys().All(KeyPurpose::kFingerprint), SizeIs(2));
}

TEST_F(KeyFileTest, KeysThatAreForEverDoNotRotate) {
  const std::string before = Content(KeyPath());
  for (const auto purpose : {KeyPurpose::kUnique, KeyPurpose::kNumber}) {
    EXPECT_EQ(KeyFile::Rotate(KeyPath(), purpose).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Content(KeyPath()), before);
}

TEST_F(KeyFileTest, RotationsAtOnceLoseNoKey) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 5; ++n) EXPECT_TRUE(KeyFile::Rotate(KeyPath(), KeyPurpose::kSeal).ok());
      });
    }
  }
  EXPECT_THAT(Keys().All(KeyPurpose::kSeal), SizeIs(21));
}

TEST_F(KeyFileTest, AFullFileStaysReadable) {
  auto lines = Lines();
  for (std::uint32_t id = 0; lines.size() < 800; ++id) lines.push_back("seal " + KeyIdText(id) + lines[1].substr(13));
  absl::Status rotated;
  SetLines(lines);
  while (rotated.ok()) rotated = KeyFile::Rotate(KeyPath(), KeyPurpose::kSeal).status();
  EXPECT_EQ(rotated.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(TryRead(), absl::OkStatus());
}

TEST_F(KeyFileTest, AKeyIsWipedWhenItGoes) {
  alignas(SecretKey) unsigned char place[sizeof(SecretKey)];
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(0xA5);
  auto* key = new (place) SecretKey(1, bytes);
  key->~SecretKey();
  // Read through volatile: the object is gone, its bytes are still ours.
  const volatile unsigned char* const left = place;
  int found = 0;
  for (std::size_t i = 0; i < sizeof place; ++i) found += left[i] == 0xA5;
  EXPECT_EQ(found, 0);
}

}  // namespace
}  // namespace redpoints
