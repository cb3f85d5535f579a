// The command line as a function, so that a test can run it. One thread.
#pragma once

#include <string>
#include <vector>

#include "client/cli/session.h"

namespace redpoints::cli {

// Runs `redpoints` with `arguments` (without the program's name) and returns the process's exit code. Results go to host.out,
// everything else to host.err.
int Run(const std::vector<std::string>& arguments, Host host);

}  // namespace redpoints::cli
