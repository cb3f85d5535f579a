// Completion scripts for shells, made from the tree of commands, so that they can't fall behind it. Pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace redpoints::cli {

// `shell` is "bash", "zsh" or "fish"; any other gives an empty text.
std::string CompletionScript(const CLI::App& app, const std::string& shell);

}  // namespace redpoints::cli
