// How whatever below the server refuses a start says which row of the table in server/start_failure.cc it is: the status carries the row's
// id. Its message says what is wrong, and in which file; the row has the sentences for people, and what to do.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"

namespace redpoints {

inline constexpr char kStartFailurePayload[] = "redpoints/start_failure";

// `status`, which is not OK, as the failure `id`: "LEDGER_IN_USE".
inline absl::Status WithStartFailure(absl::Status status, std::string_view id) {
  status.SetPayload(kStartFailurePayload, absl::Cord(std::string(id)));
  return status;
}

// The id, or empty.
inline std::string StartFailureId(const absl::Status& status) {
  const auto payload = status.GetPayload(kStartFailurePayload);
  return payload ? std::string(*payload) : "";
}

// `status` as the failure `id` where it is none yet; OK stays OK.
inline absl::Status AsStartFailure(absl::Status status, std::string_view id) {
  return status.ok() || !StartFailureId(status).empty() ? status : WithStartFailure(std::move(status), id);
}

}  // namespace redpoints
