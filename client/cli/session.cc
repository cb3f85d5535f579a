#include "client/cli/session.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fstream>
#include <ostream>
#include <utility>

#include "absl/strings/match.h"
#include "client/cli/arguments.h"
#include "client/cli/commands.h"
#include "client/cli/labels.h"
#include "client/cli/view.h"
#include "proto/contract/request_id.h"

namespace redpoints::cli {
namespace {

// "INSUFFICIENT_POINTS" as "Insufficient points": the contract has no English sentence beside the name.
std::string Sentence(const std::string& name) {
  std::string text = name;
  for (char& c : text) c = c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

// What to do next where the reason's own sentence, which is for who names one entry, does not fit: whoever reads a journal on from a place
// that a restore has lost holds a file of another history.
std::string NextOf(const Refused& refused, const Text& t) {
  const auto& facts = refused.refusal.facts;
  if (refused.refusal.reason == Reason::ENTRY_LOST &&
      std::any_of(facts.begin(), facts.end(), [](const auto& fact) { return fact.first == "opening"; })) {
    return t("账本恢复过: 请保留旧文件作证据,另导出到新文件,并请运维说明原因",
             "the ledger was restored: keep the old file as evidence, export into a new one, and ask the operator why");
  }
  return t.language() == Language::kZh ? refused.next_zh_cn : std::string(InfoOf(refused.refusal.reason).next);
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

std::string Session::EntryName(const std::string& collection, const std::string& option, const std::string& text) const {
  return OrUsage(option, cli::EntryName(absl::StartsWith(text, "programs/") ? "" : program(), collection, text, text_));
}

std::string Session::RequestId() {
  if (options_.request_id.empty()) return request_id_ = NewRequestId();
  return request_id_ = OrUsage("--request-id", ParseUuid(options_.request_id, text_));
}

void Session::TellRequestId() {
  if (is_request_id_told_) return;
  is_request_id_told_ = true;
  Note(text_("请求编号,中断后用它查询或重发: ", "request id, to ask or repeat after a cut: ") + "--request-id " + request_id_);
}

CallOptions Session::call_options() const {
  CallOptions options;
  options.timeout = std::chrono::milliseconds(options_.timeout_ms);
  options.connect_timeout = std::min(options.connect_timeout, options.timeout);
  return options;
}

void Session::CheckFiles() const {
  const auto& options = options_.connection;
  if (options.is_plaintext) return;
  if (options.ca_file.empty()) {
    throw CLI::ValidationError("--ca", text_("缺少签发服务器证书的 CA", "the CA of the server's certificate is missing"));
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    throw CLI::ValidationError(options.key_file.empty() ? "--key" : "--certificate",
                               text_("证书和私钥须一同给出", "certificate and key belong together"));
  }
  for (const auto& [option, path] : {std::pair<const char*, const std::string&>{"--ca", options.ca_file},
                                     {"--certificate", options.certificate_file},
                                     {"--key", options.key_file}}) {
    if (!path.empty() && std::ifstream(path).peek() == std::ifstream::traits_type::eof()) {
      throw CLI::ValidationError(option, text_("无法读取文件 ", "cannot read ") + path);
    }
  }
}

const std::shared_ptr<Connection>& Session::connection() {
  if (connection_) return connection_;
  if (options_.connection.server.empty()) {
    throw CLI::ValidationError("--server", text_("缺少服务器地址", "the server's address is missing"));
  }
  CheckFiles();
  auto connection = Connection::Open(options_.connection);
  if (!connection.ok()) {
    if (options_.connection.is_plaintext) throw CLI::ValidationError("--plaintext", text_("仅限本机", "is for loopback only"));
    throw CLI::ValidationError("--server", std::string(connection.status().message()));
  }
  return connection_ = *std::move(connection);
}

std::string Session::WhyNotConnected() {
  const auto& options = options_.connection;
  const std::string error = connection_->LastError(call_options().connect_timeout);
  switch (TroubleIn(error)) {
    case ConnectionTrouble::kOther: return error;
    case ConnectionTrouble::kUnknownHost: return text_("没有这个主机名", "the host's name has no address");
    case ConnectionTrouble::kNoAnswer: return text_("没有应答", "no answer");
    case ConnectionTrouble::kRefused:
      return text_("连接被拒绝,该端口没有服务在运行", "the connection was refused: nothing listens on this port");
    case ConnectionTrouble::kServerCertificate:
      return text_("服务器的证书不是由 --ca 签发的,或已过期", "the server's certificate is not signed by --ca, or out of date");
    case ConnectionTrouble::kServerName:
      return text_("服务器的证书上不是这个名称;名称不同时用 --server-name",
                   "the server's certificate is for another name; where that is right, say --server-name");
    case ConnectionTrouble::kNoTls: return text_("服务器没有使用 TLS", "the server does not speak TLS");
    case ConnectionTrouble::kUnusableFiles:
      return text_("--ca、--certificate 或 --key 的内容不可用: 不是 PEM,或私钥与证书不配对",
                   "--ca, --certificate or --key is of no use: not PEM, or the key belongs to another certificate");
    case ConnectionTrouble::kHungUp:
      if (options.is_plaintext) return text_("服务器断开了连接,可能只接受 TLS", "the server hung up: perhaps it only speaks TLS");
      if (options.certificate_file.empty()) {
        return text_("服务器断开了连接,可能要求 --certificate 和 --key", "the server hung up: perhaps it wants --certificate and --key");
      }
      return text_("服务器断开了连接,可能不接受 --certificate(不是它的 CA 签发的,或已过期)",
                   "the server hung up: perhaps it does not accept --certificate, signed by another CA or out of date");
  }
  return error;
}

const Client& Session::client() {
  // Scripts give their own, or do not need it.
  if (!request_id_.empty() && options_.request_id.empty() && is_err_terminal()) TellRequestId();
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
  const bool is_zh = text_.language() == Language::kZh;
  const int points_decimals = refused.outcome ? refused.outcome->points_decimals() : 0;  // only what is recorded tells amounts of points
  for (const auto& [key, value] : refused.refusal.facts) {
    facts += (facts.empty() ? "" : is_zh ? "; " : " ") + FactText(refused.refusal.reason, key, value, points_decimals, text_);
  }
  const std::string next = NextOf(refused, text_);
  if (is_zh) {
    if (!facts.empty()) facts = "(" + facts + ")";
    // Of a reason that this client does not know, the server's sentence stands alone.
    return Note("拒绝: " + refused.zh_cn + facts + (next.empty() ? "" : "。" + next + "。") + " [" + refused.name + "]");
  }
  Note("refused: " + Sentence(refused.name) + (next.empty() ? "" : "; " + next) + ". [" + refused.name +
       (facts.empty() ? "" : " " + facts) + "]");
}

ExitCode Session::ExplainLoss(const std::string& trouble, ExitCode otherwise) {
  Note(trouble);
  if (request_id_.empty()) return otherwise;
  Note(text_("结果未知: 可能已办理。请用同一编号查询或重发: ", "outcome unknown: it may have been carried out; ask or repeat with ") +
       "--request-id " + request_id_);
  return ExitCode::kUnknown;
}

ExitCode Session::Explain(const AnswerBase& answer, const std::string& repeat_id) {
  const std::string again = "--request-id " + repeat_id;
  switch (answer.fate()) {
    case Fate::kDone:
      if (answer.is_from_outcome()) {
        Note(text_("应答丢失,结果由查询得知; 需要完整应答时,用同一编号重发: ",
                   "the reply was lost, this is the outcome asked for; for the whole reply repeat with ") +
             again);
      }
      return ExitCode::kDone;
    case Fate::kRefused: ExplainRefusal(answer.refused()); return ExitCode::kRefused;
    case Fate::kUnknown:
      Note((answer.is_not_seen() ? text_("结果未知: 服务器尚未收到,但仍可能到达。请用同一编号重发: ",
                                         "outcome unknown: the server has not seen the request, which may still arrive; repeat with ")
                                 : text_("结果未知: 可能已办理。请用同一编号查询或重发: ",
                                         "outcome unknown: it may have been carried out; ask or repeat with ")) +
           again);
      Note("  " + answer.error());
      return ExitCode::kUnknown;
    case Fate::kNotSent:
      Note(text_("未发送: 连不上服务器 ", "not sent: no connection to ") + options_.connection.server +
           (connection_ ? ": " + WhyNotConnected() : ""));
      return ExitCode::kNotSent;
    case Fate::kFailed: Note(text_("出错: ", "failed: ") + answer.error()); return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace redpoints::cli
