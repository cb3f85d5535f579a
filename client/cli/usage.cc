#include "client/cli/usage.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace redpoints::cli {
namespace {

// By type: CLI11 puts the name of the command where an unexpected argument's kind of error should stand.
template <class Kind> bool Is(const CLI::ParseError& error) { return dynamic_cast<const Kind*>(&error) != nullptr; }

// What is left of `text` without the beginning and the end that CLI11 2.1 puts around what was typed; all of it where they differ.
std::string Between(const std::string& text, const std::string& before, const std::string& after) {
  if (text.size() < before.size() + after.size() || !absl::StartsWith(text, before) || !absl::EndsWith(text, after)) return text;
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

}  // namespace

std::string ChosenCommand(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : app.get_name() + " " + ChosenCommand(*chosen.front());
}

std::string DescribeError(const CLI::App& app, const CLI::ParseError& error, const Text& t) {
  const std::string what = error.what();
  // What was typed wrong comes before what is missing for it: "reddem" is no missing command, nor "--menber" a missing member.
  const std::string not_understood = t("无法识别: ", "not understood: ");
  if (Is<CLI::ExtrasError>(error)) return not_understood + what.substr(what.find(": ") + 2);
  if (Is<CLI::RequiredError>(error)) {
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    if (!unknown.empty()) return not_understood + absl::StrJoin(unknown, " ");
    const std::string name = Between(what, "", " is required");
    return name == "A subcommand" ? t("缺少子命令", "a command is missing") : t("缺少 ", "missing: ") + name;
  }
  if (Is<CLI::ArgumentMismatch>(error)) {
    return what.substr(0, what.find(':')) + t(": 缺少值", ": the value is missing");
  }
  if (Is<CLI::ConversionError>(error)) {
    return t("无法识别的值: ", "not a value of its kind: ") + Between(what, "Could not convert: ", "");
  }
  if (Is<CLI::ConfigError>(error)) {
    return t("配置文件有误: ", "in the configuration file: ") + Between(what, "INI was not able to parse ", "");
  }
  if (Is<CLI::FileError>(error)) {
    return t("无法读取文件: ", "cannot read the file: ") + Between(what, "", " was not readable (missing?)");
  }
  return what;  // a value's own check speaks the language already
}

}  // namespace redpoints::cli
