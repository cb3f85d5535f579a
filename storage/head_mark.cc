#include "storage/head_mark.h"

#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/durable_file.h"
#include "storage/journal.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

std::string Lines(const HeadMarks& marks) {
  std::string lines;
  for (const auto& [program, mark] : marks) absl::StrAppend(&lines, program, " ", mark.epoch, " ", mark.end, " ", mark.hash, "\n");
  return lines;
}

}  // namespace

std::string HeadMarkFile(const std::string& directory) { return directory + "/head"; }

absl::StatusOr<HeadMarks> ReadHeadMarks(const std::string& file) {
  const auto read = ReadFile(file);
  if (absl::IsNotFound(read.status())) return absl::NotFoundError(absl::StrCat("there is no head mark ", file));
  if (!read.ok()) return absl::Status(read.status().code(), absl::StrCat("the head mark: ", std::string(read.status().message())));
  const std::string& content = *read;
  const auto torn = absl::DataLossError(absl::StrCat("the head mark ", file, " is torn or altered"));
  const auto at = content.rfind("sum ");
  if (at == std::string::npos || content.substr(at) != absl::StrCat("sum ", Sha256Hex(content.substr(0, at)), "\n")) return torn;
  HeadMarks marks;
  std::istringstream lines(content.substr(0, at));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string program;
    HeadMark mark;
    if (!(fields >> program >> mark.epoch >> mark.end >> mark.hash)) return torn;
    marks[program] = mark;
  }
  return marks;
}

absl::Status WriteHeadMarks(const std::string& file, const HeadMarks& marks) {
  const std::string lines = Lines(marks);
  return WriteDurably(file, absl::StrCat(lines, "sum ", Sha256Hex(lines), "\n"));
}

HeadMarks MarksOf(const Log& log) {
  HeadMarks marks;
  const auto programs = log.Programs();
  if (!programs.ok()) return marks;
  for (const auto& program : *programs) {
    const Journal journal(log, program);
    const auto end = journal.End();
    if (!end.ok() || *end == 0) continue;
    const auto line = journal.Line(*end - 1);
    if (!line.ok()) continue;
    const auto entry = ParseLine(*line);
    if (entry.ok()) marks[program] = {.epoch = entry->epoch, .end = *end, .hash = Sha256Hex(*line)};
  }
  return marks;
}

absl::Status CompareHeadMarks(const HeadMarks& marks, const Log& log, const std::string& file) {
  constexpr const char* kHelp =
      "; nothing was changed. Keep the directory as it is; look for the whole log (another disk, a copy), else `redpointsd restore` "
      "the last backup, or `redpointsd recover` what is there (runbook: Damage)";
  for (const auto& [program, mark] : marks) {
    const Journal journal(log, program);
    const auto end = journal.End();
    if (!end.ok()) continue;
    if (*end < mark.end) {
      return absl::DataLossError(absl::StrCat("the journal of ", program, " ends at entry ", *end, ", but ", file,
                                              " says that it had gone to ", mark.end, ": its last ", mark.end - *end,
                                              " entries are lost, some of which were answered", kHelp));
    }
    const auto line = journal.Line(mark.end - 1);
    if (!line.ok()) continue;
    if (Sha256Hex(*line) != mark.hash) {
      return absl::DataLossError(absl::StrCat("entry ", mark.end - 1, " of ", program, " is another one than ", file,
                                              " says: this is an altered journal, or another copy of it", kHelp));
    }
  }
  return absl::OkStatus();
}

HeadMarkWriter::HeadMarkWriter(Options options) : options_(std::move(options)), marks_(ReadHeadMarks(options_.file).value_or(HeadMarks())) {
  thread_ = std::thread([this] { Loop(); });
}

HeadMarkWriter::~HeadMarkWriter() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void HeadMarkWriter::Loop() {
  for (bool is_last = false; !is_last;) {
    {
      MutexLock lock(mutex_);
      const auto until = std::chrono::steady_clock::now() + options_.every;
      while (!is_stopping_ && stopping_.wait_until(mutex_, until) != std::cv_status::timeout) {
      }
      is_last = is_stopping_;
    }
    Write();
  }
}

void HeadMarkWriter::Write() {
  HeadMarks marks = marks_;
  for (auto& [program, mark] : options_.collect()) marks[program] = std::move(mark);
  if (marks == marks_) return;
  const auto status = WriteHeadMarks(options_.file, marks);
  if (status.ok()) {
    marks_ = std::move(marks);
  } else if (!has_failed_ && options_.on_failed) {
    options_.on_failed(std::string(status.message()));
  }
  has_failed_ = !status.ok();
}

}  // namespace redpoints
