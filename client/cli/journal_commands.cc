#include <openssl/evp.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "client/cli/arguments.h"
#include "client/cli/commands.h"
#include "client/cli/export_file.h"
#include "client/cli/table.h"

namespace redpoints::cli {
namespace {

struct Arguments {
  std::string name;
  std::string file;
  std::string format = "jsonl";
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t count = 0;
  bool is_resume = false;
};

ExitCode Entry(const Arguments& a, Session& s) {
  v1::GetEntryRequest request;
  request.set_name(s.Name("entries", a.name));
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
  request.set_start_sequence(a.start);
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

// Shows how far an export is, on a terminal a few times a second.
class Progress {
 public:
  explicit Progress(Session& session) : session_(session), shown_(session.timing().now()) {}

  void Show(const v1::ExportEntriesResponse& message) {
    const auto now = session_.timing().now();
    if (!session_.is_err_terminal() || now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    session_.err() << '\r' << WithThousands(message.next_sequence()) << " / " << WithThousands(message.end_sequence())
                   << std::flush;
  }

 private:
  Session& session_;
  std::chrono::steady_clock::time_point shown_;
};

// Where an export goes. A file is opened when there is something to write, so that what is refused leaves none behind.
class Target {
 public:
  Target(Session& session, std::string path, PartialFile partial) : session_(session), path_(std::move(path)), partial_(std::move(partial)) {}

  // False when there is nothing to go on with; `fault` says why.
  bool Write(const std::string& data) {
    if (path_.empty()) return !!(session_.out() << data);
    if (!file_.is_open() && !Open(data)) return false;
    return !!(file_ << data);
  }
  // After the last of a complete export.
  void Finish() {
    const Text& t = session_.t();
    if (!fault_.empty()) return;
    if (path_.empty()) {
      session_.out().flush();
    } else if (file_.is_open()) {
      file_.flush();
    } else if (!partial_.tail.empty()) {
      fault_ = t("账本里没有文件的最后一条: 不是同一个账本?", "the journal does not have the file's last entry: is it another one?");
    } else {
      Open("");
    }
    if (fault_.empty() && !(path_.empty() ? session_.out().good() : file_.good())) fault_ = t("写入失败", "writing failed");
  }
  const std::string& fault() const { return fault_; }

 private:
  bool Open(const std::string& data) {
    const Text& t = session_.t();
    std::error_code error;
    if (!partial_.IsBeginningOf(data)) {
      fault_ = t("文件与账本不一致,没有改动文件", "file and journal differ; the file was left as it is");
      return false;
    }
    if (!partial_.tail.empty()) std::filesystem::resize_file(path_, static_cast<std::uintmax_t>(partial_.kept_bytes), error);
    if (!error) file_.open(path_, std::ios::binary | std::ios::app);
    if (error || !file_) fault_ = t("无法写入文件", "cannot write the file");
    return fault_.empty();
  }

  Session& session_;
  const std::string path_;
  const PartialFile partial_;
  std::ofstream file_;
  std::string fault_;
};

ExitCode Export(const Arguments& a, Session& s) {
  const Text& t = s.t();
  v1::ExportEntriesRequest request;
  request.set_program(s.program());
  request.set_end_sequence(a.end);
  request.set_format(a.format == "csv" ? v1::CSV : v1::JSON_LINES);
  PartialFile partial{.start_sequence = a.start, .next_sequence = a.start, .kept_bytes = 0, .tail = ""};
  std::error_code error;
  if (a.is_resume) {
    if (a.file.empty()) throw CLI::ValidationError("--resume", t("需要 --output 文件", "needs --output"));
    const auto kind = request.format() == v1::CSV ? ExportFile::kCsv : ExportFile::kJsonLines;
    partial = OrUsage("--resume", LookAtPartialFile(a.file, kind, a.start, t));
  } else if (!a.file.empty() && std::filesystem::exists(a.file, error)) {
    throw CLI::ValidationError("--output", t("文件已存在; 续传请加 --resume", "the file exists; go on with --resume"));
  }
  const std::int64_t next_sequence = partial.next_sequence;
  if (a.end > 0 && next_sequence >= a.end) return ExitCode::kDone;
  request.set_start_sequence(partial.start_sequence);
  Target target(s, a.file, std::move(partial));
  Progress progress(s);
  JournalPosition position;
  const auto answer = s.journal_reader().Export(
      request,
      [&](const v1::ExportEntriesResponse& message) {
        progress.Show(message);
        return target.Write(message.data());
      },
      &position);
  if (s.is_err_terminal()) s.err() << '\r';
  if (answer.is_done()) target.Finish();
  if (!target.fault().empty()) {
    s.Note(target.fault());
    return ExitCode::kUsage;
  }
  s.Note(t("已导出条目: ", "entries exported: ") + WithThousands(std::max<std::int64_t>(0, position.next_sequence - next_sequence)) +
         t(",下一条序号: ", ", next sequence: ") + std::to_string(position.next_sequence));
  return s.Explain(answer);
}

ExitCode Blob(const Arguments& a, Session& s) {
  const Text& t = s.t();
  v1::GetBlobRequest request;
  request.set_program(s.program());
  request.set_sha256(OrUsage("sha256", ParseSha256(a.name, t)));
  const auto answer = s.client().GetBlob(request);
  if (!answer.is_done()) return s.Explain(answer);
  const std::string& content = answer.response().content();
  std::string digest(32, '\0');
  EVP_Digest(content.data(), content.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(), nullptr);
  if (digest != request.sha256()) {
    s.Note(t("内容与 SHA-256 不符", "the content does not have this SHA-256"));
    return ExitCode::kFailed;
  }
  if (a.file.empty()) {
    s.out() << content << std::flush;
    return ExitCode::kDone;
  }
  std::error_code error;
  if (std::filesystem::exists(a.file, error)) throw CLI::ValidationError("--output", t("文件已存在", "the file exists"));
  std::ofstream file(a.file, std::ios::binary);
  file << content << std::flush;
  if (file) return ExitCode::kDone;
  s.Note(t("写入失败", "writing failed"));
  return ExitCode::kFailed;
}

}  // namespace

void AddJournalCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  const std::string group = t("账本", "Journal");
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
    const auto [command, a] =
        add("follow", t("持续输出新记录(每行一条 JSON)", "print entries as they come, a line of JSON each"), Follow);
    command->add_option("--start", a->start, t("起始序号", "first sequence"))->check(AtLeast(0))->capture_default_str();
    command->add_option("--count", a->count, t("输出这么多条后结束", "end after so many entries"))->check(AtLeast(1));
  }
  {
    const auto [command, a] = add("export", t("导出账本", "export the journal"), Export);
    command->add_option("--format", a->format, t("jsonl 或 csv", "jsonl or csv"))
        ->check(CLI::IsMember({"jsonl", "csv"}))
        ->capture_default_str();
    command->add_option("--output", a->file, t("写入文件; 不填为标准输出", "file; stdout by default"));
    command->add_option("--start", a->start, t("起始序号", "first sequence"))->check(AtLeast(0))->capture_default_str();
    command->add_option("--end", a->end, t("结束序号(不含); 0 为目前全部", "end sequence (exclusive); 0: all there is now"))
        ->check(AtLeast(0))
        ->capture_default_str();
    command->add_flag("--resume", a->is_resume, t("接着写未完成的文件", "go on with a partial file"));
  }
  {
    const auto [command, a] =
        add("blob", t("按 SHA-256 取内容(如规则册)", "the content behind a SHA-256, such as a rulebook"), Blob);
    command->add_option("sha256,--sha256", a->name, t("64 位十六进制", "64 hexadecimal digits"))->required();
    command->add_option("--output", a->file, t("写入文件; 不填为标准输出", "file; stdout by default"));
  }
}

}  // namespace redpoints::cli
