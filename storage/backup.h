// Sums of a backup's files, in the form that `sha256sum -c SHA256SUMS` reads, so that nothing of ours is needed to see that a copy is
// whole.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace redpoints {

// Writes directory/SHA256SUMS over all files below `directory`, by name. Syncs them first, and the list: what it names is durable.
absl::Status WriteSums(const std::string& directory);

// DATA_LOSS names the first file that is missing, altered, or not in SHA256SUMS; NOT_FOUND: there is no SHA256SUMS. Any other error: a file
// can't be read, which says nothing about the backup.
absl::Status VerifySums(const std::string& directory);

}  // namespace redpoints
