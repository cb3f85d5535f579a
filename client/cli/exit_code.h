// What the process tells a script. Documented in --help; never renumber.
#pragma once

namespace redpoints::cli {

enum class ExitCode : int {
  kDone = 0,
  kUsage = 1,
  kRefused = 2,
  kNotSent = 3,
  kUnknown = 4,
  kFailed = 5,
};

}  // namespace redpoints::cli
