#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "client/cli/arguments.h"
#include "client/cli/commands.h"
#include "client/cli/export_file.h"
#include "client/cli/output_file.h"
#include "client/cli/table.h"
#include "client/cli/validators.h"
#include "proto/contract/names.h"
#include "storage/merkle/sha256.h"

namespace redpoints::cli {
namespace {

struct Arguments {
  std::string name;
  std::string file;
  std::string format = "jsonl";
  std::string after;
  std::string through;
  std::int64_t count = 0;
  bool is_resume = false;
};

// Said before anything is asked for; Create() refuses whatever comes into being meanwhile.
void RequireAbsent(const std::string& path, const std::string& message) {
  std::error_code error;
  if (!path.empty() && std::filesystem::exists(path, error)) throw CLI::ValidationError("--output", message);
}

ExitCode Entry(const Arguments& a, Session& s) {
  v1::GetEntryRequest request;
  request.set_name(s.EntryName("entries", "entry", a.name));
  return s.Finish(s.client().GetEntry(request));
}

ExitCode Journal(const Arguments&, Session& s) {
  v1::GetJournalRequest request;
  request.set_program(s.program());
  return s.Finish(s.client().GetJournal(request));
}

ExitCode Follow(const Arguments& a, Session& s) {
  v1::FollowEntriesRequest request;
  request.set_program(s.program());
  if (!a.after.empty()) request.set_after(s.EntryName("entries", "--after", a.after));
  std::int64_t left = a.count;
  JournalPosition position;
  const auto answer = s.journal_reader().Follow(
      request,
      [&](const v1::FollowEntriesResponse& message) {
        for (const auto& line : message.lines()) {
          s.out() << line << '\n';
          if (a.count > 0 && --left == 0) break;
        }
        s.out().flush();
        return s.out().good() && !(a.count > 0 && left == 0);
      },
      &position);
  return s.Explain(answer);
}

// The sequence in an entry's name; -1 where there is no name.
std::int64_t SequenceIn(const std::string& name) {
  const auto parsed = ParseName(name);
  return parsed ? parsed->sequence : -1;
}

// Shows how far an export is, on a terminal a few times a second.
class Progress {
 public:
  explicit Progress(Session& session) : session_(session), shown_(session.timing().now()) {}

  void Show(const v1::ExportEntriesResponse& message) {
    const auto now = session_.timing().now();
    if (!session_.is_err_terminal() || now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    session_.err() << '\r' << WithThousands(SequenceIn(message.last()) + 1) << " / " << WithThousands(SequenceIn(message.through()) + 1)
                   << std::flush;
  }

 private:
  Session& session_;
  std::chrono::steady_clock::time_point shown_;
};

ExportFile KindOf(const Arguments& a) { return a.format == "csv" ? ExportFile::kCsv : ExportFile::kJsonLines; }

// Where an export goes. A file comes into being with the first answer, and a partial one is touched only once it has proved to be
// the beginning of what the journal holds.
class ExportOutput {
 public:
  ExportOutput(const Arguments& arguments, PartialExport partial, Session& session)
      : is_resume_(arguments.is_resume),
        has_end_(!arguments.through.empty()),
        kind_(KindOf(arguments)),
        partial_(std::move(partial)),
        first_new_(partial_.start_sequence),
        out_(arguments.file.empty() ? &session.out() : nullptr),
        file_(arguments.file),
        t_(session.t()) {}

  // False when it is of no use to go on: see error().
  bool Take(const v1::ExportEntriesResponse& message) {
    if (partial_.tail.empty()) return Write(message.data());
    compared_ += message.data();
    if (compared_.size() < partial_.tail.size() && message.last() != message.through()) return true;
    const std::string tail = std::exchange(partial_.tail, {});
    const std::size_t common = std::min(tail.size(), compared_.size());
    if (tail.substr(0, common) != compared_.substr(0, common)) {
      return Fail(t_("文件与账本不符,未改动文件", "the file differs from the journal; it was left as it is"));
    }
    if (tail.size() > common && !has_end_) return EndsEarly();
    if (tail.size() >= FirstEntryBytes(compared_, kind_, first_new_)) ++first_new_;
    partial_.tail_begin += static_cast<std::int64_t>(common);
    return Write(std::string_view(compared_).substr(common));
  }

  // After the last message of a whole export.
  void Complete() {
    if (!partial_.tail.empty()) {
      EndsEarly();
    } else if (error_.empty()) {
      Write("");  // an export of nothing is an empty file
    }
  }

  void Close() {
    if (out_) {
      out_->flush();
      if (!out_->good()) Fail(t_("写入失败", "writing failed"));
    } else if (const auto status = file_.Close(); !status.ok()) {
      FailWriting(status);
    }
  }

  const std::string& error() const { return error_; }
  // The first entry that the file did not hold whole before.
  std::int64_t first_new() const { return first_new_; }

 private:
  bool Write(std::string_view bytes) {
    if (out_) return out_->write(bytes.data(), static_cast<std::streamsize>(bytes.size())).good();
    absl::Status status;
    if (!file_.is_open()) status = is_resume_ ? file_.Append(partial_.tail_begin) : file_.Create();
    if (status.ok()) status = file_.Write(bytes);
    return status.ok() || FailWriting(status);
  }
  bool EndsEarly() {
    return Fail(t_("账本在文件结束之前就结束了,未改动文件", "the journal ends before the file does; the file was left as it is"));
  }
  bool FailWriting(const absl::Status& status) { return Fail(t_("写入失败: ", "writing failed: ") + std::string(status.message())); }
  bool Fail(const std::string& error) {
    if (error_.empty()) error_ = error;
    return false;
  }

  const bool is_resume_;
  const bool has_end_;
  const ExportFile kind_;
  PartialExport partial_;
  std::int64_t first_new_;
  std::string compared_;
  std::ostream* const out_;  // null: into the file
  OutputFile file_;
  std::string error_;
  const Text& t_;
};

ExitCode Export(const Arguments& a, Session& s) {
  const Text& t = s.t();
  v1::ExportEntriesRequest request;
  request.set_program(s.program());
  if (!a.after.empty()) request.set_after(s.EntryName("entries", "--after", a.after));
  if (!a.through.empty()) request.set_through(s.EntryName("entries", "--through", a.through));
  request.set_format(KindOf(a) == ExportFile::kCsv ? v1::CSV : v1::JSON_LINES);
  const std::int64_t start = SequenceIn(request.after()) + 1;
  PartialExport partial{.start_sequence = start, .after = {}, .tail_begin = 0, .tail = {}};
  if (a.is_resume) {
    if (a.file.empty()) throw CLI::ValidationError("--resume", t("需要 --output 文件", "needs --output"));
    partial = OrUsage("--resume", ReadPartialExport(a.file, KindOf(a), start, t));
    if (!a.through.empty() && partial.start_sequence > SequenceIn(request.through()) && !partial.tail.empty()) {
      throw CLI::ValidationError("--through", t("文件中已有此条之后的条目", "the file has entries behind this one"));
    }
  } else {
    RequireAbsent(a.file, t("文件已存在; 续传请加 --resume", "the file exists; go on with --resume"));
  }
  if (!partial.after.empty()) request.set_after(s.EntryName("entries", "--resume", partial.after));
  ExportOutput output(a, std::move(partial), s);
  Progress progress(s);
  JournalPosition position;
  const auto answer = s.journal_reader().Export(
      request,
      [&](const v1::ExportEntriesResponse& message) {
        progress.Show(message);
        return output.Take(message);
      },
      &position);
  if (answer.is_done()) output.Complete();
  output.Close();
  if (s.is_err_terminal()) s.err() << '\r';
  if (!output.error().empty()) {
    s.Note(output.error());
    return ExitCode::kFailed;
  }
  const std::int64_t exported = std::max<std::int64_t>(0, SequenceIn(position.last) + 1 - output.first_new());
  if (answer.is_done() || exported > 0) {
    s.Note(t("已导出条目: ", "entries exported: ") + WithThousands(exported) +
           (position.last.empty() ? "" : t(",最后一条: ", ", the last one: ") + position.last.substr(position.last.rfind('/') + 1)));
  }
  return s.Explain(answer);
}

ExitCode Blob(const Arguments& a, Session& s) {
  const Text& t = s.t();
  v1::GetBlobRequest request;
  request.set_program(s.program());
  request.set_sha256(OrUsage("sha256", ParseSha256(a.name, t)));
  RequireAbsent(a.file, t("文件已存在", "the file exists"));
  const auto answer = s.client().GetBlob(request);
  if (!answer.is_done()) return s.Explain(answer);
  const std::string& content = answer.response().content();
  if (Sha256Hex(content) != absl::BytesToHexString(request.sha256())) {
    s.Note(t("内容与 SHA-256 不符", "the content does not have this SHA-256"));
    return ExitCode::kFailed;
  }
  if (a.file.empty()) {
    s.out() << content;
    return ExitCode::kDone;
  }
  OutputFile file(a.file);
  auto status = file.Create();
  if (status.ok()) status = file.Write(content);
  if (status.ok()) status = file.Close();
  if (status.ok()) return ExitCode::kDone;
  s.Note(t("写入失败: ", "writing failed: ") + std::string(status.message()));
  return ExitCode::kFailed;
}

}  // namespace

void AddJournalCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  const std::string group = t("账本", "Journal");
  const std::string after = t("从此条之后开始; 序号,账本恢复过的写完整编号,如 217345678.42; 不填从头",
                              "the entry before the first that is wanted: its sequence, after a restore with the epoch as in 217345678.42");
  const auto add = [&](const char* name, const std::string& description, ExitCode (*run)(const Arguments&, Session&)) {
    auto a = std::make_shared<Arguments>();
    auto* command = app.add_subcommand(name, description)->group(group);
    OnRun(command, s, [a, run, &s] { return run(*a, s); });
    return std::pair(command, a);
  };

  {
    const auto [command, a] = add("entry", t("查看一条记录及说明", "one entry and why it is what it is"), Entry);
    command->add_option("entry,--entry", a->name, t("序号或名称", "sequence or name"))->required();
  }
  add("journal", t("账本有多长", "how long the journal is"), Journal);
  {
    const auto [command, a] = add("follow", t("持续输出新记录(每行一条 JSON)", "print entries as they come, a line of JSON each"), Follow);
    command->add_option("--after", a->after, after);
    command->add_option("--count", a->count, t("输出这么多条后结束", "end after so many entries"))->check(AtLeast(1, t));
  }
  {
    const auto [command, a] = add("export", t("导出账本", "export the journal"), Export);
    command->add_option("--format", a->format, t("jsonl 或 csv", "jsonl or csv"))->check(OneOf({"jsonl", "csv"}, t))->capture_default_str();
    command->add_option("--output", a->file, t("写入文件; 不填为标准输出", "file; stdout by default"));
    command->add_option("--after", a->after, after);
    command->add_option("--through", a->through,
                        t("到此条为止(含); 不填为目前全部", "the last entry that is wanted; all there is now by default"));
    command->add_flag("--resume", a->is_resume, t("接着写未完成的文件", "go on with a partial file"));
  }
  {
    const auto [command, a] = add("blob", t("按 SHA-256 取内容(如规则册)", "the content behind a SHA-256, such as a rulebook"), Blob);
    command->add_option("sha256,--sha256", a->name, t("64 位十六进制", "64 hexadecimal digits"))->required();
    command->add_option("--output", a->file, t("写入文件; 不填为标准输出", "file; stdout by default"));
  }
}

}  // namespace redpoints::cli
