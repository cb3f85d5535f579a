// What a server's answer says when it is no success: a typed refusal, or a bare status. No gRPC here. Values; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "proto/contract/reason.h"
#include "redpoints/v1/outcome.pb.h"

namespace redpoints {

// The order in which facts are told, as a protobuf map has none: which field, what it should be, then the others by their keys.
struct FactOrder {
  bool operator()(const std::string& a, const std::string& b) const;
};

// A refusal as the server told it.
struct Refused {
  Refusal refusal;                     // facts are in FactOrder
  std::string name;                    // of the reason, as sent: also one that this client is too old to know
  std::string zh_cn;                   // the sentence
  std::string next_zh_cn;              // what to do next; empty for a reason that this client does not know
  std::string message;                 // English, for developers
  std::optional<v1::Outcome> outcome;  // of a refusal that the ledger recorded
};

// google.rpc.Code, as far as the client acts on it.
enum Code : int {
  kOk = 0,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kUnimplemented = 12,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// How one attempt of a call ended.
struct CallEnd {
  int code = kOk;
  std::string message;
  std::optional<Refused> refused;                        // the server's own word; absent on success and when the transport failed
  std::optional<std::chrono::milliseconds> retry_delay;  // google.rpc.RetryInfo
};

// Reads the serialized google.rpc.Status that travels with a gRPC status. Details that can't be read count as none.
CallEnd DecodeCallEnd(int code, std::string message, std::string_view details);

// The refusal in an outcome whose state now is REFUSED, REVERSED or NEVER_SEEN; nullopt for every other state. A reversed request is told
// as ALREADY_REVERSED, also one that never came, though its sentence then says that: whoever acts on the state now must not hand anything
// over.
std::optional<Refused> RefusedNow(const v1::Outcome& outcome);

// True when the attempt may have been carried out although no answer says so.
bool IsInDoubt(const CallEnd& end);

}  // namespace redpoints
