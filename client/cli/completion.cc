#include "client/cli/completion.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/validators.h"

namespace redpoints::cli {
namespace {

using Described = std::pair<std::string, std::string>;  // a word and what it means

struct OptionWord {
  std::string word;  // with its hyphens
  std::string meaning;
  std::vector<std::string> choices;  // for its value; empty: anything
};

// What may follow a path of subcommands.
struct Place {
  std::string path;                 // "" or "member create"
  std::vector<Described> commands;  // and the choices of a positional
  std::vector<OptionWord> options;
};

void Walk(const CLI::App& app, const std::string& path, std::vector<OptionWord> options, std::vector<Place>* places) {
  Place place{.path = path, .commands = {}, .options = {}};
  for (const auto* option : app.get_options()) {
    const auto choices = ChoicesOf(*option);
    for (const auto& name : option->get_lnames()) {
      // A subcommand's own --output hides the one that all have.
      std::erase_if(options, [&](const OptionWord& outer) { return outer.word == "--" + name; });
      options.push_back({.word = "--" + name, .meaning = option->get_description(), .choices = choices});
    }
    if (!option->get_positional()) continue;
    for (const auto& choice : choices) place.commands.emplace_back(choice, "");
  }
  place.options = options;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* command : commands) place.commands.emplace_back(command->get_name(), command->get_description());
  places->push_back(std::move(place));
  // Options are understood after a subcommand too, but each level has a --help of its own.
  std::erase_if(options, [](const OptionWord& option) { return option.word == "--help"; });
  for (const auto* command : commands) {
    Walk(*command, path.empty() ? command->get_name() : absl::StrCat(path, " ", command->get_name()), options, places);
  }
}

// For single quotes in any of the shells.
std::string Quoted(const std::string& text) { return absl::StrReplaceAll(text, {{"'", "’"}, {"\n", " "}}); }

// A case for each known path: `path` grows as long as the words are subcommands.
std::string PathCase(const std::vector<Place>& places) {
  std::vector<std::string> paths;
  for (const auto& place : places) {
    if (!place.path.empty()) paths.push_back(absl::StrCat("'", place.path, "'"));
  }
  return absl::StrJoin(paths, "|");
}

std::string Bash(const std::string& name, const std::vector<Place>& places) {
  std::string script =
      absl::StrCat("_", name, "() {\n",
                   "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" path='' next word words=''\n"
                   // "--lang=zh" are three words.
                   "  [[ $current == = ]] && current=''\n"
                   "  [[ $previous == = ]] && previous=\"${COMP_WORDS[COMP_CWORD-2]}\"\n"
                   "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                   "    next=\"${path:+$path }$word\"\n"
                   "    case \"$next\" in\n      ",
                   PathCase(places), ") path=\"$next\" ;;\n    esac\n  done\n  case \"$path\" in\n");
  for (const auto& place : places) {
    std::string words;
    for (const auto& [word, meaning] : place.commands) absl::StrAppend(&words, words.empty() ? "" : " ", word);
    for (const auto& option : place.options) absl::StrAppend(&words, words.empty() ? "" : " ", option.word);
    absl::StrAppend(&script, "    '", place.path, "') words='", words, "'\n      case \"$previous\" in\n");
    for (const auto& option : place.options) {
      if (option.choices.empty()) continue;
      absl::StrAppend(&script, "        ", option.word, ") words='", absl::StrJoin(option.choices, " "), "' ;;\n");
    }
    absl::StrAppend(&script, "      esac ;;\n");
  }
  absl::StrAppend(&script, "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n", "complete -o default -F _", name, " ",
                  name, "\n");
  return script;
}

std::string Zsh(const std::string& name, const std::vector<Place>& places) {
  std::string script = absl::StrCat("#compdef ", name, "\n_", name,
                                    "() {\n"
                                    "  local path_='' next_ word_\n"
                                    "  local -a words_\n"
                                    "  for word_ in ${words[2,CURRENT-1]}; do\n"
                                    "    next_=\"${path_:+$path_ }$word_\"\n"
                                    "    case \"$next_\" in\n      ",
                                    PathCase(places), ") path_=\"$next_\" ;;\n    esac\n  done\n  case \"$path_\" in\n");
  for (const auto& place : places) {
    absl::StrAppend(&script, "    '", place.path, "') words_=(");
    const auto add = [&script](const std::string& word, const std::string& meaning) {
      absl::StrAppend(&script, "\n      '", word, ":", absl::StrReplaceAll(Quoted(meaning), {{":", "\\:"}}), "'");
    };
    for (const auto& [word, meaning] : place.commands) add(word, meaning);
    for (const auto& option : place.options) add(option.word, option.meaning);
    absl::StrAppend(&script, ")\n      case \"${words[CURRENT-1]}\" in\n");
    for (const auto& option : place.options) {
      if (option.choices.empty()) continue;
      absl::StrAppend(&script, "        ", option.word, ") words_=(", absl::StrJoin(option.choices, " "), ") ;;\n");
    }
    absl::StrAppend(&script, "      esac ;;\n");
  }
  absl::StrAppend(&script, "  esac\n  _describe '", name, "' words_ || _files\n}\ncompdef _", name, " ", name, "\n");
  return script;
}

std::string Fish(const std::string& name, const std::vector<Place>& places) {
  std::string script = absl::StrCat("function __", name,
                                    "_at\n"
                                    "  set -l path ''\n"
                                    "  for word in (commandline -opc)[2..-1]\n"
                                    "    set -l next (string trim \"$path $word\")\n"
                                    "    switch \"$next\"\n      case ",
                                    absl::StrReplaceAll(PathCase(places), {{"|", " "}}),
                                    "\n        set path \"$next\"\n    end\n  end\n  test \"$path\" = \"$argv[1]\"\nend\n");
  for (const auto& place : places) {
    const std::string begin = absl::StrCat("complete -c ", name, " -n \"__", name, "_at '", place.path, "'\" ");
    for (const auto& [word, meaning] : place.commands) {
      absl::StrAppend(&script, begin, "-f -a '", word, "' -d '", Quoted(meaning), "'\n");
    }
    for (const auto& option : place.options) {
      absl::StrAppend(&script, begin, "-l '", option.word.substr(2), "' -d '", Quoted(option.meaning), "'",
                      option.choices.empty() ? "" : absl::StrCat(" -x -a '", absl::StrJoin(option.choices, " "), "'"), "\n");
    }
  }
  return script;
}

}  // namespace

std::string CompletionScript(const CLI::App& app, const std::string& shell) {
  std::vector<Place> places;
  Walk(app, "", {}, &places);
  if (shell == "bash") return Bash(app.get_name(), places);
  if (shell == "zsh") return Zsh(app.get_name(), places);
  if (shell == "fish") return Fish(app.get_name(), places);
  return "";
}

}  // namespace redpoints::cli
