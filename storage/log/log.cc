#include "storage/log/log.h"

namespace redpoints {

absl::StatusOr<bool> Holds(const Log& log, const CommitBatch& batch) {
  for (const auto& append : batch.appends) {
    auto rows = log.Read(append.program, append.expected_end, append.expected_end + 1, 1);
    if (!rows.ok()) return rows.status();
    if (rows->empty() || rows->front().first != append.expected_end || rows->front().lines != append.lines) return false;
  }
  for (const auto& blob : batch.blobs) {
    auto content = log.Blob(blob.program, blob.sha256);
    if (!content.ok()) return content.status();
    if (*content != blob.content) return false;
  }
  return true;
}

}  // namespace redpoints
