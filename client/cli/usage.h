// What is wrong with a command line, for whoever typed it. Pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "client/cli/text.h"

namespace redpoints::cli {

// "redpoints member create": the command that `app` understood so far.
std::string ChosenCommand(const CLI::App& app);

// The error in the reader's language.
std::string DescribeError(const CLI::App& app, const CLI::ParseError& error, const Text& t);

}  // namespace redpoints::cli
