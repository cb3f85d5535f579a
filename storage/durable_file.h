// Files that must be whole under their name and still be there after a power cut, and reading them without taking half for the whole.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace redpoints {

// Writes beside `file`, syncs, renames, syncs the directory. On failure what was there before stays.
absl::Status WriteDurably(const std::string& file, std::string_view content);
// The same path without slashes at its end: with them, what is to be beside a directory would be inside it.
std::string WithoutSlash(std::string path);
// Renames within a directory, and syncs it. Only when that sync fails is there an error although it has its new name.
absl::Status RenameDurably(const std::string& from, const std::string& to);
// All bytes of a file, in pieces. NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED (too many open files), or UNAVAILABLE with what the
// system says; a file that ends early because the disk can't read on is the last, never a shorter file.
absl::Status ReadFile(const std::string& file, const std::function<void(std::string_view piece)>& take);
absl::StatusOr<std::string> ReadFile(const std::string& file);
// Calls `visit` for each file (not: directory) below `directory`; errors as ReadFile, or the first of `visit`.
absl::Status ForEachFile(const std::string& directory, const std::function<absl::Status(const std::string& path)>& visit);
// Syncs every file below `directory`, and the directories.
absl::Status SyncBelow(const std::string& directory);

}  // namespace redpoints
