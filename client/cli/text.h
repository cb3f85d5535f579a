// The language of the command line. Both wordings stand side by side where they are used: t("中文", "English"). Values; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace redpoints::cli {

enum class Language { kZh, kEn };

// The value of an environment variable; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

class Text {
 public:
  explicit Text(Language language) : language_(language) {}

  std::string operator()(const char* zh, const char* en) const { return language_ == Language::kZh ? zh : en; }
  Language language() const { return language_; }

 private:
  Language language_;
};

// --lang, REDPOINTS_LANG, `lang` in the configuration file, LC_ALL, LC_MESSAGES, LANG: the first that says zh or en; else zh. It
// has to be known before the command line is parsed, since the help texts depend on it.
Language PickLanguage(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace redpoints::cli
