// The head mark: how far each journal of a shard went, in one small file beside the log. A log that was cut, or put back, opens as if
// nothing had happened; only what is noted elsewhere notices it. As far as the mark goes: entries of the last seconds before a crash are
// not in it.
//
//   program epoch end hash      a line each; hash: SHA-256, in hex, of line end - 1 without its newline
//   sum hash                    last; SHA-256 of all bytes before this line
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/log/log.h"
#include "storage/mutex.h"

namespace redpoints {

struct HeadMark {
  std::int64_t epoch = 0;
  std::int64_t end = 0;
  std::string hash;
  bool operator==(const HeadMark&) const = default;
};
using HeadMarks = std::map<std::string, HeadMark>;  // by program

// The mark file of the shard in `directory`.
std::string HeadMarkFile(const std::string& directory);

// NOT_FOUND: there is none. DATA_LOSS: it is torn or altered. UNAVAILABLE: the disk can't read it. None of them says anything about the
// ledger. PERMISSION_DENIED, RESOURCE_EXHAUSTED (MayBeWhole): the mark is there for somebody else; to go on without would lose what it
// says.
absl::StatusOr<HeadMarks> ReadHeadMarks(const std::string& file);
inline bool MayBeWhole(const absl::Status& unread) { return absl::IsPermissionDenied(unread) || absl::IsResourceExhausted(unread); }
// Whole under its name, and durable, or not at all.
absl::Status WriteHeadMarks(const std::string& file, const HeadMarks& marks);

// Where the journals of `log` end. A program whose journal can't be read is left out.
HeadMarks MarksOf(const Log& log);

// DATA_LOSS when a journal ends before its mark or has another line there: names the program, the file, and what helps. A program whose
// journal can't be read is skipped: it is set aside anyway.
absl::Status CompareHeadMarks(const HeadMarks& marks, const Log& log, const std::string& file);

// Keeps the file up to date on a thread of its own, every `every` and at its end, whenever something has changed.
class HeadMarkWriter {
 public:
  struct Options {
    std::string file;
    std::chrono::milliseconds every = std::chrono::seconds(3);
    // What is durable now; on the writer's thread. Programs that it leaves out keep the mark that they have.
    std::function<HeadMarks()> collect;
    std::function<void(const std::string& why)> on_failed = {};  // once, until it works again
  };
  // Begins with what the file says already.
  explicit HeadMarkWriter(Options options);
  // Writes a last time.
  ~HeadMarkWriter();

 private:
  void Loop();
  void Write();

  const Options options_;
  HeadMarks marks_;          // of the thread
  bool has_failed_ = false;  // of the thread
  Mutex mutex_;
  Condition stopping_;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace redpoints
