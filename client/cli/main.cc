#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "client/cli/app.h"

int main(int argc, char** argv) {
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  return redpoints::cli::Run(
      std::vector<std::string>(argv + 1, argv + argc),
      {.environment = environment, .out = std::cout, .err = std::cerr, .is_err_terminal = isatty(STDERR_FILENO) == 1});
}
