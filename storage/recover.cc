#include "storage/recover.h"

#include <algorithm>

#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/durable_file.h"
#include "storage/epoch.h"
#include "storage/head_mark.h"
#include "storage/journal.h"
#include "storage/log/rocksdb_log.h"
#include "storage/log/salvage.h"
#include "storage/merkle/sha256.h"
#include "storage/program.h"
#include "storage/store/rocksdb_store.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCommitBytes = 4u << 20;
constexpr std::int64_t kTurnEntries = 200'000;

absl::Status Disk(const std::string& what, const std::error_code& error) {
  return absl::UnavailableError(absl::StrCat("can't ", what, ": ", error.message()));
}

// Writes rows to a log, some megabytes in a commit.
class Copier {
 public:
  Copier(Log& log, std::uint64_t fence) : log_(log) { batch_.fence = fence; }
  absl::Status Add(const std::string& program, std::int64_t first, std::int64_t entries, std::string lines) {
    bytes_ += lines.size();
    batch_.appends.push_back({.program = program, .expected_end = first, .entries = entries, .lines = std::move(lines)});
    return bytes_ < kCommitBytes ? absl::OkStatus() : Commit();
  }
  absl::Status Add(CommitBatch::Blob blob) {
    bytes_ += blob.content.size();
    batch_.blobs.push_back(std::move(blob));
    return bytes_ < kCommitBytes ? absl::OkStatus() : Commit();
  }
  absl::Status Commit() {
    if (log_.Commit(batch_) != CommitResult::kCommitted) return absl::UnavailableError(log_.Failure().message());
    batch_.appends.clear(), batch_.blobs.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

 private:
  Log& log_;
  CommitBatch batch_;
  std::size_t bytes_ = 0;
};

// How many lines there are, each ended by LF.
std::int64_t LinesIn(std::string_view lines) {
  return lines.empty() || lines.back() != '\n' ? -1 : std::count(lines.begin(), lines.end(), '\n');
}

// The rows of a program that follow each other from its first entry on, and its blobs, to `log`. Returns where they end.
absl::StatusOr<std::int64_t> CopyReadable(const Salvage& from, const std::string& program, Copier& to) {
  std::int64_t next = 0;
  bool is_whole = true;
  auto status = from.ForEachRow(program, [&](const JournalRow& row) {
    is_whole = is_whole && row.first == next && row.entries > 0 && LinesIn(row.lines) == row.entries;
    if (!is_whole) return absl::OkStatus();
    next = row.end();
    return to.Add(program, row.first, row.entries, row.lines);
  });
  if (status.ok()) {
    status = from.ForEachBlob(
        program, [&](const CommitBatch::Blob& blob) { return Sha256Hex(blob.content) == blob.sha256 ? to.Add(blob) : absl::OkStatus(); });
  }
  if (status.ok()) status = to.Commit();
  if (!status.ok()) return status;
  return next;
}

// The first `end` entries of the journal.
absl::Status CopyFirst(const Log& from, const std::string& program, std::int64_t end, Copier& to) {
  for (std::int64_t next = 0; next < end;) {
    auto rows = from.Read(program, next, end, kCommitBytes);
    if (!rows.ok()) return rows.status();
    for (auto& row : *rows) {
      const std::int64_t count = std::min(row.entries, end - row.first);
      std::size_t at = 0;
      for (std::int64_t i = 0; i < count; ++i) at = row.lines.find('\n', at) + 1;
      row.lines.resize(at);
      if (auto status = to.Add(program, row.first, count, std::move(row.lines)); !status.ok()) return status;
      next = row.first + count;
    }
  }
  auto blobs = from.Blobs(program);
  if (!blobs.ok()) return blobs.status();
  for (const auto& sha256 : *blobs) {
    auto content = from.Blob(program, sha256);
    if (!content.ok()) return content.status();
    if (auto status = to.Add({.program = program, .sha256 = sha256, .content = **std::move(content)}); !status.ok()) return status;
  }
  return to.Commit();
}

// How far the journal of `log` follows by the rules; why not further goes to `why`.
absl::StatusOr<std::int64_t> FollowsTo(const Log& log, const std::string& program, const std::string& directory, std::string& why) {
  std::error_code error;
  fs::remove_all(directory, error);
  auto rows = RocksDbStore::Open({.directory = directory});
  if (!rows.ok()) return rows.status();
  Program replayed(program, log, rows->get(), [](Program&, const absl::Status&) {});
  const auto status = replayed.Replay(kTurnEntries, [](std::int64_t, std::int64_t) {}).status();
  if (absl::IsUnavailable(status) || absl::IsUnimplemented(status)) return status;
  if (!status.ok()) why = std::string(status.message());
  return replayed.state().at.next_sequence;
}

// Readable lines from `end` on, as they are.
absl::Status SetApart(const Salvage& from, RecoveredProgram& program, const std::string& directory) {
  const std::string file = absl::StrCat("lines-", program.id, ".jsonl");
  std::ofstream out;
  auto status = from.ForEachRow(program.id, [&](const JournalRow& row) {
    std::size_t at = 0;
    for (std::int64_t i = row.first; i < row.end() && at < row.lines.size(); ++i) {
      const std::size_t end = std::min(row.lines.find('\n', at), row.lines.size() - 1) + 1;
      if (i >= program.end) {
        if (!out.is_open()) out.open(absl::StrCat(directory, "/", file), std::ios::binary);
        out << row.lines.substr(at, end - at);
        ++program.apart;
      }
      at = end;
    }
    return absl::OkStatus();
  });
  if (!status.ok() || program.apart == 0) return status;
  program.file = file;
  return out.flush() ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("can't write ", directory, "/", file));
}

}  // namespace

absl::StatusOr<Recovered> Recover(const std::string& from, const std::string& to, const Clock& clock,
                                  const std::function<void(const std::string& what)>& progress) {
  std::error_code error;
  if (fs::exists(to, error)) return absl::AlreadyExistsError(absl::StrCat("something is at ", to, " already; choose another directory"));
  if (!fs::exists(from + "/log", error)) return absl::NotFoundError(absl::StrCat("no ", from, "/log: that is no directory of a shard"));
  const std::string partial = to + ".partial", copy = partial + "/copy", sorted = partial + "/sorted";
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  progress(absl::StrCat("copying ", from, "/log"));
  if (!error) fs::copy(from + "/log", copy, fs::copy_options::recursive, error);
  if (error) return Disk(absl::StrCat("copy ", from, "/log to ", copy), error);

  auto damaged = Salvage::Open(copy);
  if (!damaged.ok()) return damaged.status();
  Recovered recovered{.means = (*damaged)->means(), .programs = {}};
  const auto marks = ReadHeadMarks(HeadMarkFile(from)).value_or(HeadMarks());
  auto programs = (*damaged)->Programs();
  for (const auto& [program, mark] : marks) programs.insert(program);

  // Twice: first what can be read, then of that what follows by the rules, which only a journal that can be read tells.
  auto readable = RocksDbLog::Create({.directory = sorted});
  auto log = readable.ok() ? RocksDbLog::Create({.directory = partial + "/log"}) : readable.status();
  if (!log.ok()) return log.status();
  const auto readable_fence = (*readable)->TryTakeOver();
  const auto fence = readable_fence.ok() ? (*log)->TryTakeOver() : readable_fence;
  if (!fence.ok()) return fence.status();
  Copier to_readable(**readable, *readable_fence), to_log(**log, *fence);
  for (const auto& id : programs) {
    RecoveredProgram program;
    program.id = id;
    progress(absl::StrCat("reading ", id));
    auto end = CopyReadable(**damaged, id, to_readable);
    if (!end.ok()) return end.status();
    const auto mark = marks.find(id);
    const std::int64_t known = std::max((*damaged)->EndOf(id), mark == marks.end() ? 0 : mark->second.end);
    if (*end < known) program.why = absl::StrCat("entry ", *end, " can't be read");
    if (*end > 0) {
      progress(absl::StrCat("checking ", *end, " entries of ", id));
      auto stands = FollowsTo(**readable, id, partial + "/derived", program.why);
      if (!stands.ok()) return stands.status();
      program.end = *stands;
    }
    if (program.end > 0) {
      if (auto status = CopyFirst(**readable, id, program.end, to_log); !status.ok()) return status;
    }
    if (auto status = SetApart(**damaged, program, partial); !status.ok()) return status;
    if (known > 0) program.lost = std::max<std::int64_t>(known - program.end, 0);
    recovered.programs.push_back(std::move(program));
  }
  readable->reset();

  progress("opening a new epoch");
  fs::remove_all(partial + "/derived", error);
  {
    auto rows = RocksDbStore::Open({.directory = partial + "/derived"});
    if (!rows.ok()) return rows.status();
    const auto lost = [&](const std::string& id) {
      const auto of = [&](const RecoveredProgram& program) { return program.id == id; };
      return std::find_if(recovered.programs.begin(), recovered.programs.end(), of)->lost;
    };
    const auto data = [&](const std::string& id) { return EpochData{.lost = lost(id), .why = "recover"}; };
    if (auto status = OpenEpochs(**log, **rows, clock, data, [](const auto&...) {}); !status.ok()) return status;
  }
  if (auto status = WriteHeadMarks(HeadMarkFile(partial), MarksOf(**log)); !status.ok()) return status;
  log->reset();
  damaged->reset();
  fs::remove_all(copy, error);
  if (!error) fs::remove_all(sorted, error);
  if (error) return Disk(absl::StrCat("remove ", copy), error);
  if (auto status = SyncBelow(partial); !status.ok()) return status;
  if (auto status = RenameDurably(partial, to); !status.ok()) return status;
  return recovered;
}

}  // namespace redpoints
