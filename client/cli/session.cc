#include "client/cli/session.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <ostream>
#include <utility>

#include "client/cli/arguments.h"
#include "client/cli/view.h"
#include "client/request_id.h"

namespace redpoints::cli {
namespace {

// "INSUFFICIENT_POINTS" as "Insufficient points": the contract has no English sentence beside the name.
std::string Sentence(const std::string& name) {
  std::string text = name;
  for (char& c : text) c = c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

Session::Session(Host host, Text text) : host_(std::move(host)), text_(text) {}

std::string Session::program() const {
  if (options_.program.empty()) throw CLI::ValidationError("--program", text_("缺少积分计划", "the program is missing"));
  return ProgramName(options_.program);
}

std::string Session::Name(const std::string& collection, const std::string& text) const {
  return ResourceName(text.rfind("programs/", 0) == 0 ? "" : program(), collection, text);
}

std::string Session::RequestId() const {
  if (options_.request_id.empty()) {
    const std::string fresh = NewRequestId();
    // Whoever breaks off by hand can ask with it what became of the request.
    if (host_.is_err_terminal) host_.err << text_("请求编号: ", "request id: ") << fresh << std::endl;
    return fresh;
  }
  auto request_id = ParseRequestId(options_.request_id);
  if (!request_id) throw CLI::ValidationError("--request-id", text_("应为 UUID", "should be a UUID"));
  return *std::move(request_id);
}

CallOptions Session::call_options() const {
  CallOptions options;
  options.timeout = std::chrono::milliseconds(options_.timeout_ms);
  options.connect_timeout = std::min(options.connect_timeout, options.timeout);
  return options;
}

const std::shared_ptr<Connection>& Session::connection() {
  if (connection_) return connection_;
  if (options_.connection.server.empty()) {
    throw CLI::ValidationError("--server", text_("缺少服务器地址", "the server's address is missing"));
  }
  auto connection = Connection::Open(options_.connection);
  if (!connection.ok()) throw CLI::ValidationError("--server", std::string(connection.status().message()));
  return connection_ = *std::move(connection);
}

const Client& Session::client() {
  if (!client_) client_ = std::make_unique<Client>(connection(), call_options(), host_.timing);
  return *client_;
}

const JournalReader& Session::journal_reader() {
  if (!journal_reader_) journal_reader_ = std::make_unique<JournalReader>(connection(), call_options(), host_.timing);
  return *journal_reader_;
}

void Session::Print(const google::protobuf::Message& message) {
  out() << (options_.output == OutputForm::kJson ? RenderJson(message) : RenderMessage(message, text_)) << std::flush;
}

void Session::Note(const std::string& message) { err() << message << std::endl; }

void Session::ExplainRefusal(const Refused& refused) {
  std::string facts;
  for (const auto& [key, value] : refused.refusal.facts) facts += " " + key + "=" + value;
  const std::string name = " [" + refused.name + facts + "]";
  if (text_.language() == Language::kZh) {
    // Of a reason that this client does not know, the server's sentence stands alone.
    return Note("拒绝: " + refused.zh_cn + (refused.next_zh_cn.empty() ? "" : "。" + refused.next_zh_cn + "。") + name);
  }
  const auto& next = InfoOf(refused.refusal.reason).next();
  Note("refused: " + Sentence(refused.name) + (next.empty() ? "" : "; " + next) + "." + name);
}

ExitCode Session::Explain(const AnswerBase& answer, const std::string& repeat_id) {
  const std::string again = "--request-id " + repeat_id;
  switch (answer.verdict()) {
    case Verdict::kDone:
      if (answer.is_from_outcome()) {
        Note(text_("应答丢失,结果由查询得知; 需要完整应答时,用同一编号重发: ",
                   "the reply was lost, this is the outcome asked for; for the whole reply repeat with ") +
             again);
      }
      return ExitCode::kDone;
    case Verdict::kRefused:
      ExplainRefusal(answer.refused());
      return ExitCode::kRefused;
    case Verdict::kUnknown:
      Note((answer.is_not_seen()
                ? text_("结果未知: 服务器尚未收到,但仍可能到达。请用同一编号重发: ",
                        "outcome unknown: the server has not seen the request, which may still arrive; repeat with ")
                : text_("结果未知: 可能已办理。请用同一编号查询或重发: ",
                        "outcome unknown: it may have been carried out; ask or repeat with ")) +
           again);
      Note("  " + answer.error());
      return ExitCode::kUnknown;
    case Verdict::kNotSent:
      Note(text_("未发送: 连不上服务器 ", "not sent: no connection to ") + options_.connection.server);
      return ExitCode::kNotSent;
    case Verdict::kFailed:
      Note(text_("出错: ", "failed: ") + answer.error());
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace redpoints::cli
