// The one way from an absl::Status to what a client sees. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "proto/contract/reason.h"

namespace grpc {
class Status;
}
namespace redpoints::v1 {
class Outcome;
}  // namespace redpoints::v1

namespace redpoints::server {

// The domain of every google.rpc.ErrorInfo.
inline constexpr char kErrorDomain[] = "redpoints.v1";

// The status with its code, an English message and, in error_details, a google.rpc.Status that holds each of these at most once:
//
//   ErrorInfo         always: the reason's name, kErrorDomain, and the refusal's facts, shortened so that the whole fits into trailers
//   LocalizedMessage  always: zh-CN, what happened and what to do next
//   BadRequest        for the reasons of shape (1xx) that name a field
//   QuotaFailure      for RATE_LIMITED, REFUSALS_EXHAUSTED, STREAMS_EXHAUSTED
//   RetryInfo         where RetryDelayMs has a value
//   Outcome           when `outcome` is given: the recorded refusal
//
// A status that is no refusal is what the storage says of the disk or the machine (DATA_LOSS: PROGRAM_SET_ASIDE, UNAVAILABLE:
// STORAGE_READ_ONLY, RESOURCE_EXHAUSTED, no descriptor left: OVERLOADED), or a bug of the server's: INVARIANT_VIOLATION. Its message, which
// may name files, stays here.
grpc::Status ToGrpcStatus(const absl::Status& status, const v1::Outcome* outcome = nullptr);

// The reason that a client sees for `status`; REASON_UNSPECIFIED for OK.
Reason ReasonFor(const absl::Status& status);

// What a line of the log says of a failure that is no refusal, without 会员号; "" for any other status.
std::string DetailOf(const absl::Status& status);

// When the client may try again: for OVERLOADED, RATE_LIMITED (its fact retry_ms wins), STORAGE_READ_ONLY, CLOCK_STOPPED,
// SHUTTING_DOWN.
std::optional<std::int64_t> RetryDelayMs(const Refusal& refusal);

}  // namespace redpoints::server
