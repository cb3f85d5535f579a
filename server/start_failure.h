// Everything that can refuse a start of redpointsd, or one of its commands, once: what is wrong and what to do, in English and Chinese.
// deploy/runbook.md has the same table, and a test compares them. A new row: add it here, return it by StartRefused (below the server by
// WithStartFailure, storage/start_failure.h), produce it in tests/server/start_failure_test.cc, and copy it to the runbook. Pure but for
// what says so; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace redpoints::server {

struct StartFailure {
  const char* id;  // "PORT_IN_USE"; people search for it, so it never changes its meaning
  const char* en;
  const char* zh_cn;
  const char* do_en;
  const char* do_zh_cn;
};

// In the order of a start, then of the commands.
const std::vector<StartFailure>& StartFailures();

// `detail` names the file or address, and what the system says of it. `id` is in the table.
absl::Status StartRefused(std::string_view id, std::string_view detail);

// The row of a ledger that does not open with `status`, which has none: DESCRIPTORS_TOO_FEW, which is no fault of the ledger, or
// LEDGER_REFUSED.
std::string_view LedgerFailure(const absl::Status& status);

// The row of a status; nullptr for none.
const StartFailure* StartFailureOf(const absl::Status& status);

// For standard error, some lines without a final newline: "PORT_IN_USE: {detail}", then both sentences of the row and what to do. Without a
// row the message alone.
std::string StartFailureText(const absl::Status& status);

// `error` of the system about `path`, with what explains it: owner and mode of what stands in the way, and who asks. Reads the file system.
std::string FileProblem(const std::string& path, int error);

// The content of a file that the start needs. One that is not there is refused as `missing`, one that can't be read as `unreadable`.
absl::StatusOr<std::string> ReadStartFile(const std::string& path, std::string_view missing, std::string_view unreadable);

}  // namespace redpoints::server
