#include "client/cli/app.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <ostream>
#include <sstream>
#include <utility>

#include "client/cli/commands.h"
#include "client/cli/completion.h"
#include "client/cli/table.h"
#include "client/cli/usage.h"
#include "client/cli/validators.h"

namespace redpoints::cli {
namespace {

constexpr int kHelpColumn = 34;
// What a server takes unless it is configured otherwise.
constexpr std::int64_t kTimeoutMaxMs = 30'000;

// CLI11 pads by bytes, which puts Chinese text out of line.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(const Text& t) {
    if (t.language() == Language::kEn) return;
    for (const auto& [key, value] : std::map<std::string, std::string>{{"Usage", "用法"},
                                                                       {"OPTIONS", "选项"},
                                                                       {"SUBCOMMAND", "子命令"},
                                                                       {"SUBCOMMANDS", "子命令"},
                                                                       {"Positionals", "参数"},
                                                                       {"REQUIRED", "必填"},
                                                                       {"TEXT", "文本"},
                                                                       {"INT", "整数"}}) {
      label(key, value);
    }
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    return Line(make_option_name(option, is_positional) + make_option_opts(option), make_option_desc(option));
  }
  // Without the choices, which the description tells.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return "";  // a flag
    const std::string type = option->get_type_name();
    return " " + get_label(type.substr(0, type.find(':'))) + (option->get_default_str().empty() ? "" : "=" + option->get_default_str()) +
           (option->get_expected_max() > 1 ? " ..." : "") + (option->get_required() ? " " + get_label("REQUIRED") : "");
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return Line(command->get_display_name(true), command->get_description());
  }

 private:
  static std::string Line(const std::string& left, const std::string& right) {
    const int pad = kHelpColumn - 2 - DisplayWidth(left);
    const std::string between = pad > 0 ? std::string(static_cast<std::size_t>(pad), ' ') : "\n" + std::string(kHelpColumn, ' ');
    return "  " + left + (right.empty() ? "" : between + right) + "\n";
  }
};

std::string Footer(const Text& t) {
  return t(
      "退出码:\n"
      "  0  已完成\n"
      "  1  用法、配置或文件有误; 什么也没有发送\n"
      "  2  被拒绝(原因见标准错误); 批量发放时: 至少一条被拒绝\n"
      "  3  未发送: 连不上服务器\n"
      "  4  结果未知: 可能已办理; 用同一 --request-id 重发或用 outcome 查询\n"
      "  5  服务器或网络的其他错误\n"
      "中断(Ctrl-C、断电)时也是未知: 自动生成的请求编号在发送之前显示在终端上; 脚本请自备 --request-id。\n"
      "选项也可写在配置文件里(TOML: server = \"...\"),或用环境变量 REDPOINTS_SERVER、REDPOINTS_PROGRAM 等;\n"
      "命令行优先于环境变量,环境变量优先于配置文件。",
      "Exit codes:\n"
      "  0  done\n"
      "  1  wrong usage, configuration or file; nothing was sent\n"
      "  2  refused (why is on stderr); of award-batch: at least one item was\n"
      "  3  not sent: no connection to the server\n"
      "  4  outcome unknown: it may have been carried out; repeat with the same --request-id or ask with outcome\n"
      "  5  any other error of the server or the network\n"
      "A cut (Ctrl-C, a power failure) leaves it unknown, too: a request id of our own making is shown on the terminal before "
      "anything\n"
      "is sent; scripts should bring their --request-id.\n"
      "Options may also stand in the configuration file (TOML: server = \"...\") or the environment (REDPOINTS_SERVER,\n"
      "REDPOINTS_PROGRAM, ...). The command line comes first, then the environment, then the file.");
}

void AddGlobalOptions(CLI::App& app, Session& s) {
  const Text& t = s.t();
  GlobalOptions& options = s.options();
  // The environment is put before the command line, so of two values the last one counts.
  const auto add = [&](const char* name, auto& value, const std::string& description) {
    return app.add_option(name, value, description)->take_last();
  };
  app.allow_config_extras(CLI::config_extras_mode::error);  // a misspelt key would be a silent default
  app.set_config("--config", "", t("配置文件 (REDPOINTS_CONFIG)", "configuration file (REDPOINTS_CONFIG)"))->take_last();
  add("--server", options.connection.server, t("服务器 主机:端口", "server as host:port"));
  add("--program", options.program, t("积分计划", "program"));
  add("--ca", options.connection.ca_file, t("签发服务器证书的 CA(PEM)", "CA of the server's certificate, PEM"));
  add("--certificate", options.connection.certificate_file, t("本方证书(PEM)", "own certificate, PEM"));
  add("--key", options.connection.key_file, t("本方私钥(PEM)", "own key, PEM"));
  add("--server-name", options.connection.server_name,
      t("服务器证书上的名称,与主机名不同时用", "name in the server's certificate, where it is not the host"));
  app.add_flag("--plaintext", options.connection.is_plaintext, t("不加密,仅限本机", "no TLS; to loopback only"))->take_last();
  add("--timeout-ms", options.timeout_ms, t("每次请求的时限(毫秒),最多 30000", "deadline of one request in milliseconds, at most 30000"))
      ->check(Between(1, kTimeoutMaxMs, t))
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--output", [&options](const std::string& form) { options.output = form == "json" ? OutputForm::kJson : OutputForm::kTable; },
         t("输出形式 table 或 json", "table or json"))
      ->take_last()
      ->check(OneOf({"table", "json"}, t));
  // Picked before the texts were; here it is only checked.
  app.add_option_function<std::string>(
         "--lang", [](const std::string&) {}, t("语言 zh 或 en; 默认随 LC_ALL、LANG", "zh or en; by default as LC_ALL, LANG say"))
      ->take_last()
      ->check(OneOf({"zh", "en"}, t));
  add("--request-id", options.request_id, t("重复同一请求时用的编号(UUID)", "UUID of the intent, to repeat it"));
}

// Each global option's variable as an argument: REDPOINTS_TIMEOUT_MS as --timeout-ms=. The request id names one intent, never a
// shell.
std::vector<std::string> FromEnvironment(const Environment& environment) {
  std::vector<std::string> arguments;
  for (const char* option :
       {"config", "server", "program", "ca", "certificate", "key", "server-name", "plaintext", "timeout-ms", "output", "lang"}) {
    std::string name = std::string("REDPOINTS_") + option;
    for (char& c : name) c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const auto value = environment(name);
    if (value && !value->empty()) arguments.push_back("--" + std::string(option) + "=" + *value);
  }
  return arguments;
}

void AddCompletion(CLI::App& app, Session& s) {
  const Text& t = s.t();
  auto shell = std::make_shared<std::string>();
  auto* command =
      app.add_subcommand("completion", t("输出 shell 补全脚本", "print a completion script for a shell"))->group(t("其他", "Other"));
  command->add_option("shell", *shell, "bash, zsh, fish")->required()->check(OneOf({"bash", "zsh", "fish"}, t));
  OnRun(command, s, [shell, &app, &s] {
    s.out() << CompletionScript(app, *shell) << std::flush;
    return ExitCode::kDone;
  });
}

// The help flags, which CLI11 makes by itself, among the other options.
void GroupHelp(CLI::App& app, const std::string& group) {
  app.get_help_ptr()->group(group);
  for (auto* command : app.get_subcommands([](CLI::App*) { return true; })) GroupHelp(*command, group);
}

}  // namespace

std::string ReadInput(const std::string& path, const Text& t) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  std::ostringstream bytes;
  // An error sets a flag here where iterators would throw; and so does having nothing to put out.
  if (in && in.peek() != std::istream::traits_type::eof()) bytes << in.rdbuf();
  if (in.bad() || !bytes || !(in || in.eof())) throw CLI::ValidationError(path, t("无法读取文件", "cannot read the file"));
  return bytes.str();
}

int Run(const std::vector<std::string>& arguments, Host host) {
  const Text t(PickLanguage(arguments, host.environment));
  std::vector<std::string> all = FromEnvironment(host.environment);
  all.insert(all.end(), arguments.begin(), arguments.end());

  Session session(std::move(host), t);
  CLI::App app(t("红色积分 命令行", "Red Points on the command line"), "redpoints");
  app.set_help_flag("-h,--help", t("显示帮助", "print this help"));
  app.set_version_flag("--version", "redpoints 0.1.0", t("显示版本", "print the version"));
  app.option_defaults()->group(t("选项", "Options"));
  app.get_version_ptr()->group(t("选项", "Options"));
  app.formatter(std::make_shared<HelpFormatter>(t));
  app.require_subcommand(1);
  app.fallthrough();
  AddGlobalOptions(app, session);
  AddRedemptionCommands(app, session);
  AddAwardCommands(app, session);
  AddAccountCommands(app, session);
  AddJournalCommands(app, session);
  AddRegistryCommands(app, session);
  AddOfferCommands(app, session);
  AddOperatorCommands(app, session);
  AddCompletion(app, session);
  GroupHelp(app, t("选项", "Options"));
  app.footer(Footer(t));  // last, so that subcommands don't inherit it

  try {
    std::reverse(all.begin(), all.end());  // CLI11 takes them from the back
    app.parse(std::move(all));
    ExitCode code = session.action();
    // Whoever reads a result that is not all there must not take it for one.
    if (!session.out().flush() && code == ExitCode::kDone) {
      code = session.ExplainLoss(t("输出写入失败", "writing the output failed"), ExitCode::kFailed);
    }
    return static_cast<int>(code);
  } catch (const CLI::Success& success) {  // --help and --version
    return app.exit(success, session.out(), session.err());
  } catch (const CLI::ParseError& error) {
    session.Note(t("用法有误: ", "usage: ") + DescribeError(app, error, t));
    session.Note(t("查看用法: ", "see ") + ChosenCommand(app) + " --help");
    return static_cast<int>(ExitCode::kUsage);
  } catch (const std::exception& error) {
    return static_cast<int>(session.ExplainLoss(t("内部错误: ", "internal error: ") + error.what(), ExitCode::kUsage));
  }
}

}  // namespace redpoints::cli
