#include "client/cli/text.h"

#include <CLI/CLI.hpp>
#include <exception>

namespace redpoints::cli {
namespace {

std::optional<Language> LanguageOf(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (name->rfind("zh", 0) == 0) return Language::kZh;
  if (name->rfind("en", 0) == 0) return Language::kEn;
  return std::nullopt;
}

// The last value of `--name value` or `--name=value`.
std::optional<std::string> ValueOf(const std::vector<std::string>& arguments, const std::string& name) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == name && i + 1 < arguments.size()) value = arguments[i + 1];
    if (arguments[i].rfind(name + "=", 0) == 0) value = arguments[i].substr(name.size() + 1);
  }
  return value;
}

std::optional<std::string> LanguageInFile(const std::optional<std::string>& path) {
  if (!path) return std::nullopt;
  try {
    for (const auto& item : CLI::ConfigTOML().from_file(*path)) {
      if (item.fullname() == "lang" && !item.inputs.empty()) return item.inputs.front();
    }
  } catch (const std::exception&) {
    // A bad file is reported when the command line is parsed, in the language that is left.
  }
  return std::nullopt;
}

}  // namespace

Language PickLanguage(const std::vector<std::string>& arguments, const Environment& environment) {
  auto config = ValueOf(arguments, "--config");
  if (!config) config = environment("REDPOINTS_CONFIG");
  const std::optional<std::string> names[] = {ValueOf(arguments, "--lang"), environment("REDPOINTS_LANG"), LanguageInFile(config),
                                              environment("LC_ALL"),        environment("LC_MESSAGES"),    environment("LANG")};
  for (const auto& name : names) {
    if (const auto language = LanguageOf(name)) return *language;
  }
  return Language::kZh;
}

}  // namespace redpoints::cli
