#include "storage/recover.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/clock_guard.h"
#include "storage/durable_file.h"
#include "storage/epoch.h"
#include "storage/head_mark.h"
#include "storage/journal.h"
#include "storage/log/rocksdb_log.h"
#include "storage/log/salvage.h"
#include "storage/merkle/sha256.h"
#include "storage/program.h"
#include "storage/rocks.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/rulebook.h"
#include "storage/store/rocksdb_store.h"

namespace redpoints {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCommitBytes = 4u << 20;
constexpr std::int64_t kTurnEntries = 200'000;

absl::Status Disk(const std::string& what, const std::error_code& error) {
  return absl::UnavailableError(absl::StrCat("can't ", what, ": ", error.message()));
}

// Where the log of `from` is: a shard's directory has it in log/, and a backup of a shard is one.
absl::StatusOr<std::string> LogOf(const std::string& from) {
  std::string log = from + "/log";
  auto access = CheckAccess(log, /*is_written=*/false);
  if (absl::IsNotFound(access)) {
    std::error_code error;
    bool is_log = false;
    for (fs::directory_iterator file(from, error), end; !error && file != end; file.increment(error)) {
      is_log = is_log || file->path().filename().string().starts_with("MANIFEST-") || file->path().extension() == ".sst";
    }
    if (!is_log) return absl::NotFoundError(absl::StrCat("no ", log, ": ", from, " is no directory of a shard, and no backup of one"));
    access = CheckAccess(log = from, /*is_written=*/false);
  }
  if (!access.ok()) return access;
  if (!IsInUse(log)) return log;
  return InUse(log);
}

// Copies a file of a disk that may be failing: what can't be read becomes zeros, which no checksum lets pass. Returns how many.
absl::StatusOr<std::int64_t> CopyFailing(const std::string& from, const std::string& to) {
  constexpr std::size_t kPiece = 1 << 20, kSector = 4096;
  const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) return Disk(absl::StrCat("read ", from), std::error_code(errno, std::generic_category()));
  std::ofstream out(to, std::ios::binary);
  const auto size = static_cast<std::size_t>(std::max<off_t>(::lseek(in, 0, SEEK_END), 0));
  std::vector<char> buffer(kPiece);
  std::int64_t unreadable = 0;
  for (std::size_t at = 0, piece = kPiece; at < size && out;) {
    std::size_t length = std::min(piece, size - at);
    const ssize_t got = ::pread(in, buffer.data(), length, static_cast<off_t>(at));
    if (got <= 0 && piece > kSector) {
      piece = kSector;
      continue;
    }
    if (got > 0) {
      length = static_cast<std::size_t>(got);
    } else {
      std::memset(buffer.data(), 0, length);
      unreadable += static_cast<std::int64_t>(length);
    }
    out.write(buffer.data(), static_cast<std::streamsize>(length));
    at += length;
    if (at % kPiece == 0) piece = kPiece;
  }
  ::close(in);
  if (!out.flush()) return Disk(absl::StrCat("write ", to), std::error_code(errno, std::generic_category()));
  return unreadable;
}

// All files of a log, which has no directories. Returns what could not be read of them, for people.
absl::StatusOr<std::string> CopyLog(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) return Disk(absl::StrCat("make ", to), error);
  std::string unreadable;
  auto status = ForEachFile(from, [&](const std::string& file) {
    const std::string name = fs::path(file).filename();
    if (name == "LOCK") return absl::OkStatus();
    const auto zeros = CopyFailing(file, absl::StrCat(to, "/", name));
    if (!zeros.ok()) return zeros.status();
    if (*zeros > 0) absl::StrAppend(&unreadable, unreadable.empty() ? "" : ", ", *zeros, " bytes of ", file);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return unreadable;
}

// A file that somebody has of what a blob was.
struct Supplied {
  std::string file;
  std::map<std::string, std::string> forms;  // by SHA-256: as it is; a rulebook, which people keep laid out, also as its adoption stored it
  bool is_named = false;                     // by an entry
};
absl::StatusOr<std::vector<Supplied>> ReadSupplied(const std::vector<std::string>& files) {
  std::vector<Supplied> supplied;
  for (const std::string& file : files) {
    auto content = ReadFile(file);
    if (!content.ok()) return content.status();
    Supplied read{.file = file, .forms = {}};
    if (const auto book = Rulebook::Parse(*content); book.ok()) read.forms[Sha256Hex(book->json())] = book->json();
    read.forms[Sha256Hex(*content)] = *std::move(content);
    supplied.push_back(std::move(read));
  }
  return supplied;
}

// Those that readable entries of the program name; marks their files.
absl::StatusOr<std::vector<CommitBatch::Blob>> NamedBlobs(const Salvage& from, const std::string& program, std::vector<Supplied>& supplied,
                                                          std::vector<std::string>& said) {
  std::vector<CommitBatch::Blob> named;
  std::set<std::string> left;
  for (const Supplied& each : supplied) {
    for (const auto& form : each.forms) left.insert(form.first);
  }
  const auto names = [](std::string_view line, const std::string& sha256) {
    if (line.find(sha256) == std::string_view::npos) return false;
    const auto entry = ParseLine(line);
    return entry.ok() && std::find(entry->blobs.begin(), entry->blobs.end(), sha256) != entry->blobs.end();
  };
  const auto take = [&](const std::string& sha256) {
    for (Supplied& each : supplied) {
      const auto form = each.forms.find(sha256);
      if (form == each.forms.end()) continue;
      named.push_back({.program = program, .sha256 = sha256, .content = form->second});  // twice where two files are the same: no harm
      said.push_back(absl::StrCat(program, ": ", sha256, " from ", each.file));
      each.is_named = true;
    }
  };
  auto status = left.empty() ? absl::OkStatus() : from.ForEachRow(program, [&](const JournalRow& row) {
    for (std::string_view lines = row.lines; !lines.empty();) {
      const auto line = lines.substr(0, lines.find('\n'));
      std::erase_if(left, [&](const std::string& sha256) {
        const bool is_named = names(line, sha256);
        if (is_named) take(sha256);
        return is_named;
      });
      lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return named;
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

struct Readable {
  std::int64_t end = 0;   // of the rows that follow each other from the first entry on
  std::int64_t last = 0;  // of the last row
};
// Copies those that follow each other, and the program's blobs.
absl::StatusOr<Readable> CopyReadable(const Salvage& from, const std::string& program, Copier& to) {
  std::int64_t next = 0, last = 0;
  bool is_whole = true;
  auto status = from.ForEachRow(program, [&](const JournalRow& row) {
    last = row.end();
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
  return Readable{next, last};
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

// How far the journal of `log` follows by the rules; why not further goes to `why`, and what of its blobs is not there, and follows, to
// `remade`.
absl::StatusOr<std::int64_t> FollowsTo(const Log& log, const std::string& program, const std::string& directory, std::string& why,
                                       std::map<std::string, std::string>& remade) {
  std::error_code error;
  fs::remove_all(directory, error);
  auto rows = RocksDbStore::Open({.directory = directory});
  if (!rows.ok()) return rows.status();
  Program replayed(program, log, rows->get(), [](Program&, const absl::Status&) {});
  absl::Status found;
  const auto remake = [&](const std::string& sha256, std::string content) {
    const auto blob = log.Blob(program, sha256);
    found.Update(blob.status());
    if (blob.ok() && !*blob) remade[sha256] = std::move(content);
  };
  const auto status = replayed
                          .Replay(
                              kTurnEntries, [](std::int64_t, std::int64_t) {}, remake)
                          .status();
  if (!found.ok()) return found;
  // Any other error is of this machine or this program, not of the journal.
  if (!status.ok() && !absl::IsDataLoss(status)) return status;
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
        if (row.lines[end - 1] != '\n') out << '\n';
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

// Makes the shard in `partial` out of the log `from` of `shard`, whose head mark is `marks`.
absl::StatusOr<Recovered> RecoverInto(const std::string& partial, const std::string& shard, const std::string& from, const HeadMarks& marks,
                                      const Clock& clock, std::vector<Supplied> supplied,
                                      const std::function<void(const std::string& what)>& progress) {
  const std::string copy = partial + "/copy", sorted = partial + "/sorted";
  progress(absl::StrCat("copying ", from));
  auto unreadable = CopyLog(from, copy);
  if (!unreadable.ok()) return unreadable.status();
  auto damaged = Salvage::Open(copy);
  if (!damaged.ok()) return damaged.status();
  Recovered recovered{.means = (*damaged)->means(), .unreadable = *std::move(unreadable), .supplied = {}, .programs = {}};
  auto programs = (*damaged)->Programs();
  for (const auto& [program, mark] : marks) programs.insert(program);
  if (programs.empty()) return absl::DataLossError(absl::StrCat("no entry of any program can be read in ", from));

  std::map<std::string, std::vector<CommitBatch::Blob>> blobs;
  for (const auto& id : programs) {
    auto named = NamedBlobs(**damaged, id, supplied, recovered.supplied);
    if (!named.ok()) return named.status();
    blobs[id] = *std::move(named);
  }
  for (const Supplied& each : supplied) {
    if (!each.is_named) {
      return absl::InvalidArgumentError(absl::StrCat(each.file, ": no readable entry names a blob of its SHA-256, ",
                                                     each.forms.begin()->first,
                                                     each.forms.size() > 1 ? absl::StrCat(" or ", each.forms.rbegin()->first) : "",
                                                     "; it has to be what the ledger had, a rulebook in any layout"));
    }
  }

  // Twice: first what can be read, then of that what follows by the rules, which only a journal that can be read tells.
  auto readable = RocksDbLog::Create({.directory = sorted});
  auto log = readable.ok() ? RocksDbLog::Create({.directory = partial + "/log"}) : readable.status();
  if (!log.ok()) return log.status();
  const auto readable_fence = (*readable)->TryTakeOver();
  const auto fence = readable_fence.ok() ? (*log)->TryTakeOver() : readable_fence;
  if (!fence.ok()) return fence.status();
  Copier to_readable(**readable, *readable_fence), to_log(**log, *fence);
  std::map<std::string, std::int64_t> lost;
  for (const auto& id : programs) {
    RecoveredProgram program;
    program.id = id;
    std::map<std::string, std::string> remade;  // blobs by their hashes
    progress(absl::StrCat("reading ", id));
    for (auto& blob : blobs[id]) {
      if (auto status = to_readable.Add(std::move(blob)); !status.ok()) return status;
    }
    auto read = CopyReadable(**damaged, id, to_readable);
    if (!read.ok()) return read.status();
    const auto mark = marks.find(id);
    const std::int64_t known = std::max({(*damaged)->EndOf(id), mark == marks.end() ? 0 : mark->second.end, read->last});
    if (read->end < known) program.why = absl::StrCat("entry ", read->end, " can't be read");
    if (read->end > 0) {
      progress(absl::StrCat("checking ", read->end, " entries of ", id));
      auto stands = FollowsTo(**readable, id, partial + "/derived", program.why, remade);
      if (!stands.ok()) return stands.status();
      program.end = *stands;
    }
    for (auto& [sha256, content] : remade) {
      if (auto status = to_log.Add({.program = id, .sha256 = sha256, .content = std::move(content)}); !status.ok()) return status;
    }
    if (program.end > 0) {
      if (auto status = CopyFirst(**readable, id, program.end, to_log); !status.ok()) return status;
    }
    if (auto status = SetApart(**damaged, program, partial); !status.ok()) return status;
    // Nothing says that a journal which seems whole went no further: the mark may be some seconds old.
    if (program.end < known) program.lost = known - program.end;
    lost[id] = program.lost;
    recovered.programs.push_back(std::move(program));
  }
  readable->reset();
  damaged->reset();
  std::error_code error;
  for (const auto& done : {copy, sorted, partial + "/derived"}) {
    fs::remove_all(done, error);
    if (error) return Disk(absl::StrCat("remove ", done), error);
  }

  // Where no entry stands, what is left looks like a ledger and is none: only the readable lines stay.
  const bool stands =
      std::any_of(recovered.programs.begin(), recovered.programs.end(), [](const auto& program) { return program.end > 0; });
  if (!stands) {
    const bool is_readable =
        std::any_of(recovered.programs.begin(), recovered.programs.end(), [](const auto& program) { return program.apart > 0; });
    if (!is_readable) return absl::DataLossError(absl::StrCat("no entry stands in ", from, ", and none behind can be read"));
    log->reset();
    fs::remove_all(partial + "/log", error);
    return error ? absl::StatusOr<Recovered>(Disk(absl::StrCat("remove ", partial, "/log"), error)) : recovered;
  }

  progress("opening a new epoch");
  {
    auto rows = RocksDbStore::Open({.directory = partial + "/derived"});
    if (!rows.ok()) return rows.status();
    const auto data = [&](const std::string& id) { return EpochData{.lost = lost.at(id), .why = "recover"}; };
    if (auto status = OpenEpochs(
            **log, **rows, clock, data, [](const auto&...) {}, programs);
        !status.ok())
      return status;
  }
  if (auto status = WriteHeadMarks(HeadMarkFile(partial), MarksOf(**log)); !status.ok()) return status;
  log->reset();
  // What was in doubt stays so.
  if (fs::exists(ClockDoubtFile(shard), error)) {
    if (auto copied = CopyFailing(ClockDoubtFile(shard), ClockDoubtFile(partial)); !copied.ok()) return copied.status();
  }
  if (auto status = SyncBelow(partial); !status.ok()) return status;
  return recovered;
}

}  // namespace

absl::StatusOr<Recovered> Recover(const std::string& from_directory, const std::string& to_directory, const Clock& clock,
                                  const std::function<void(const std::string& what)>& progress,
                                  const std::vector<std::string>& blob_files) {
  std::error_code error;
  const fs::path from = WithoutSlash(from_directory), to = WithoutSlash(to_directory);
  if (fs::symlink_status(to, error).type() != fs::file_type::not_found) {
    return absl::AlreadyExistsError(absl::StrCat("something is at ", to.string(), " already; choose another directory"));
  }
  const auto log = LogOf(from.string());
  if (!log.ok()) return log.status();
  // The damaged directory must stay as it is.
  const fs::path inside = fs::weakly_canonical(to, error).lexically_relative(fs::weakly_canonical(from, error));
  if (!inside.empty() && *inside.begin() != "..") {
    return absl::InvalidArgumentError(absl::StrCat(to.string(), " is inside ", from.string(), ", which must stay as it is"));
  }
  auto marks = ReadHeadMarks(HeadMarkFile(from.string()));
  if (MayBeWhole(marks.status())) return marks.status();
  auto supplied = ReadSupplied(blob_files);
  if (!supplied.ok()) return supplied.status();

  const std::string partial = to.string() + ".partial";
  fs::remove_all(partial, error);
  if (!error) fs::create_directories(partial, error);
  if (error) return Disk(absl::StrCat("make ", partial), error);
  auto recovered = RecoverInto(partial, from.string(), *log, marks.value_or(HeadMarks()), clock, *std::move(supplied), progress);
  const absl::Status status = recovered.ok() ? RenameDurably(partial, to.string()) : recovered.status();
  if (status.ok()) return recovered;
  fs::remove_all(partial, error);  // it may be what filled the disk
  return status;
}

}  // namespace redpoints
