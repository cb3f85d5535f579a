// Small files that must be whole under their name and still be there after a power cut.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace redpoints {

// Writes beside `file`, syncs, renames, syncs the directory. On failure what was there before stays.
absl::Status WriteDurably(const std::string& file, std::string_view content);
// Renames and syncs both directories.
absl::Status RenameDurably(const std::string& from, const std::string& to);
// Syncs every file below `directory`, and the directories.
absl::Status SyncBelow(const std::string& directory);

}  // namespace redpoints
