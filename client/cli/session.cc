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

// The option that is at fault when no connection can be made.
std::string FlagOf(const absl::Status& status, const ConnectionOptions& options) {
  const std::string text(status.message());
  const auto is_about = [&](const std::string& path) { return !path.empty() && text.ends_with(path); };
  if (is_about(options.certificate_file) || text.starts_with("certificate")) return "--certificate";
  if (is_about(options.key_file)) return "--key";
  if (is_about(options.ca_file) || text.ends_with("CA file")) return "--ca";
  return "--server";
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
  if (!connection.ok()) throw CLI::ValidationError(FlagOf(connection.status(), options_.connection), std::string(connection.status().message()));
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

void Session::ExplainConnection(const std::string& why) {
  const auto says = [&](const char* word) { return why.find(word) != std::string::npos; };
  if (says("Connection refused")) {
    Note(text_("  没有程序在这个地址上应答: 服务器是否已启动, --server 是否正确?", "  nothing answers there: does the server run, is --server right?"));
  } else if (says("DNS") || says("resolution")) {
    Note(text_("  找不到这个主机名: --server 是否正确?", "  no such host: is --server right?"));
  } else if (says("certificate verify failed") || says("Peer name")) {
    Note(text_("  服务器的证书不可信: --ca 是否正确, 证书是否到期, 名称是否与 --server 或 --server-name 相符?",
               "  the server's certificate is not trusted: is --ca right, is it in date, has it the name of --server or --server-name?"));
  } else if (says("andshake") || says("SSL") || says("Socket closed")) {
    Note(text_("  加密连接没有建立: 本方证书(--certificate、--key)是否由服务器信任的 CA 签发, 是否到期?",
               "  TLS was not agreed: was --certificate issued by the CA that the server trusts, and is it in date?"));
  }
  if (!why.empty()) Note("  " + why);
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
      if (connection_) ExplainConnection(connection_->WhyNotConnected());
      return ExitCode::kNotSent;
    case Verdict::kFailed:
      Note(text_("出错: ", "failed: ") + answer.error());
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace redpoints::cli
