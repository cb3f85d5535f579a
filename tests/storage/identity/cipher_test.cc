// Sealed values open in their place alone; keyed hashes and commitments have the values that anybody can compute again.
#include "storage/identity/cipher.h"

#include <gmock/gmock.h>

#include <set>

#include "storage/merkle/sha256.h"
#include "tests/storage/identity/identity_fixture.h"

namespace redpoints {
namespace {

using testing::HasSubstr;

class CipherTest : public IdentityTest {
 protected:
  void SetUp() override {
    IdentityTest::SetUp();
    keys = std::make_unique<KeyFile>(Keys());
  }
  std::string SealHere(std::string_view plain) const { return Seal(keys->Newest(KeyPurpose::kSeal), kHere, plain); }
  absl::StatusCode CodeAt(const SealedPlace& place, std::string_view sealed) const { return Unseal(*keys, place, sealed).status().code(); }

  static constexpr SealedPlace kHere{"v1", 'n', "a1/00ff/000001"};
  std::unique_ptr<KeyFile> keys;
};

TEST_F(CipherTest, WhatIsSealedOpensAndShowsNothing) {
  for (const std::string& plain : {std::string(), std::string("12345678"), std::string(100'000, '\0')}) {
    const std::string sealed = SealHere(plain);
    EXPECT_EQ(sealed.size(), plain.size() + kSealOverheadBytes);
    if (!plain.empty()) {
      EXPECT_EQ(sealed.find(plain), std::string::npos);
    }
    const auto opened = Unseal(*keys, kHere, sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(*opened, plain);
  }
}

TEST_F(CipherTest, NoTwoNoncesAreTheSame) {
  std::set<std::string> nonces;
  for (int i = 0; i < 1000; ++i) nonces.insert(SealHere("12345678").substr(4, 12));
  EXPECT_EQ(nonces.size(), 1000u);
}

TEST_F(CipherTest, AnyFlippedBitIsRefused) {
  const std::string sealed = SealHere("12345678");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string altered = sealed;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ 1 << bit % 8);
    // The first four bytes name the key.
    EXPECT_EQ(CodeAt(kHere, altered), bit < 32 ? absl::StatusCode::kNotFound : absl::StatusCode::kDataLoss) << bit;
  }
}

TEST_F(CipherTest, AnyCutOrGrownValueIsRefused) {
  const std::string sealed = SealHere("12345678");
  for (std::size_t size = 0; size < sealed.size(); ++size) EXPECT_EQ(CodeAt(kHere, sealed.substr(0, size)), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeAt(kHere, sealed + '\0'), absl::StatusCode::kDataLoss);
}

TEST_F(CipherTest, AValueOpensInItsPlaceAlone) {
  const std::string sealed = SealHere("12345678");
  for (const SealedPlace& place :
       {SealedPlace{"v2", 'n', "a1/00ff/000001"}, SealedPlace{"v1", 'd', "a1/00ff/000001"}, SealedPlace{"v1", 'n', "a1/00ff/000002"},
        SealedPlace{"v", 'n', "1a1/00ff/000001"}, SealedPlace{"v1", 'n', ""}, SealedPlace{"", 'n', "v1a1/00ff/000001"}}) {
    EXPECT_EQ(CodeAt(place, sealed), absl::StatusCode::kDataLoss) << place.program << " " << place.table << " " << place.key;
  }
}

TEST_F(CipherTest, OldKeysOpenAndTheNewestSeals) {
  const std::string old = SealHere("before");
  ASSERT_TRUE(KeyFile::Rotate(KeyPath(), KeyPurpose::kSeal).ok());
  const KeyFile rotated = Keys();
  EXPECT_EQ(*Unseal(rotated, kHere, old), "before");
  const std::string newer = Seal(rotated.Newest(KeyPurpose::kSeal), kHere, "after");
  EXPECT_EQ(*Unseal(rotated, kHere, newer), "after");
  const auto refused = Unseal(*keys, kHere, newer);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(KeyIdText(rotated.Newest(KeyPurpose::kSeal).id())));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(KeyPath()));
}

TEST_F(CipherTest, AKeyOfAnotherPurposeOpensNothing) {
  EXPECT_EQ(CodeAt(kHere, Seal(keys->Newest(KeyPurpose::kUnique), kHere, "12345678")), absl::StatusCode::kNotFound);
}

// Worked out with Python's cryptography: never change, or no sealed value opens any more.
TEST(CipherGoldenTest, TheBytesStayWhatTheyAre) {
  std::array<std::uint8_t, 32> bytes{};
  Salt salt{};
  for (std::uint8_t i = 0; i < 32; ++i) bytes[i] = i, salt[i] = static_cast<std::uint8_t>(255 - i);
  const SecretKey key(0x01020304, bytes);
  EXPECT_EQ(KeyedHex(key, "redpoints/test/1", "12345678"), "581ad7d05854c1e9f8fc6d75533a6db39ad97f636580e1ebdeafdb7479030fec");
  EXPECT_EQ(Commitment("redpoints/number/1", salt, "12345678"), "409e12e977588d29ed8a5de83e829ba7f0a3671fad51f952def9f228fba9f54b");
  const std::string directory = testing::TempDir() + "cipher_golden_keys";
  const std::string key_hex = Hex(bytes.data(), bytes.size());
  std::string text = "redpoints key file 1\nseal 01020304 " + key_hex + "\nfingerprint 00000001 " + key_hex + "\nunique 00000002 " +
                     key_hex + "\nnumber 00000003 " + key_hex + "\n";
  text += "sha256 " + Sha256Hex(text) + "\n";
  std::filesystem::remove(directory);
  std::ofstream(directory) << text;
  std::filesystem::permissions(directory, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto keys = KeyFile::Read(directory);
  ASSERT_TRUE(keys.ok()) << keys.status();
  std::string sealed;
  for (const char* hex = "01020304000102030405060708090a0b7630e52ff0d3f523865848c3acd656a3872863dcb1500e1f"; *hex; hex += 2)
    sealed += static_cast<char>(std::stoi(std::string(hex, 2), nullptr, 16));
  const auto opened = Unseal(*keys, {"v1", 'n', "a1/00ff/000001"}, sealed);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(*opened, "12345678");
  EXPECT_EQ(SideKeyId(*keys), "f541f87a0ec4e1ad");
  std::filesystem::remove(directory);
}

TEST(CommitmentTest, LabelSaltAndValueEachCount) {
  const Salt salt = RandomSalt(), other = RandomSalt();
  const std::string commitment = Commitment("a", salt, "12345678");
  EXPECT_EQ(commitment.size(), 64u);
  EXPECT_EQ(Commitment("a", salt, "12345678"), commitment);
  EXPECT_NE(Commitment("b", salt, "12345678"), commitment);
  EXPECT_NE(Commitment("a", other, "12345678"), commitment);
  EXPECT_NE(Commitment("a", salt, "12345679"), commitment);
}

TEST(KeyedHexTest, KeyLabelAndTextEachCount) {
  const SecretKey key = SecretKey::Random(), other = SecretKey::Random();
  const std::string hash = KeyedHex(key, "a", "b");
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(KeyedHex(key, "a", "b"), hash);
  EXPECT_NE(KeyedHex(other, "a", "b"), hash);
  EXPECT_NE(KeyedHex(key, "ab", ""), hash);
  EXPECT_NE(KeyedHex(key, "", "ab"), hash);
}

}  // namespace
}  // namespace redpoints
