// A directory of its own for each test, with a key file in it. Of one thread.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "storage/identity/key_file.h"

namespace redpoints {

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() {
    std::string name = testing::TempDir() + "identityXXXXXX";
    if (mkdtemp(name.data())) directory = name;
  }
  ~IdentityTest() override {
    std::error_code ignored;
    if (!directory.empty()) std::filesystem::remove_all(directory, ignored);
  }
  void SetUp() override {
    ASSERT_FALSE(directory.empty());
    ASSERT_EQ(KeyFile::Create(KeyPath()), absl::OkStatus());
  }

  std::string KeyPath() const { return directory + "/keys"; }
  KeyFile Keys() const {
    auto keys = KeyFile::Read(KeyPath());
    EXPECT_TRUE(keys.ok()) << keys.status();
    if (!keys.ok()) std::abort();
    return *std::move(keys);
  }

  static std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static void SetContent(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  std::string directory;
};

}  // namespace redpoints
