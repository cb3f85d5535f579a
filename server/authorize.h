// Who may call what: one table, role × method × scope, default deny. Decides on published state, before anything is said about existence.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/principal.h"
#include "storage/rules/registration.h"
#include "storage/shards.h"

namespace redpoints::server {

// Every method of the services, by the name of its rpc.
enum class Method {
  kQuote,
  kRedeem,
  kAuthorize,
  kCapture,
  kVoid,
  kRefund,
  kReverse,
  kGetOutcome,
  kAward,
  kAwardBatch,
  kCorrect,
  kDonate,
  kProposeUndo,
  kUndo,
  kProposeWaiver,
  kWaiveDebt,
  kGetAwardOutcome,
  kGetBalance,
  kListStatement,
  kGetJournal,
  kGetEntry,
  kFollowEntries,
  kExportEntries,
  kGetBlob,
  kCreateProgram,
  kConfirmClock,
  kSetNode,
  kSetFund,
  kSetOffer,
  kAdoptRulebook,
  kWithdrawRulebook,
  kCreateMember,
  kUpdateMember,
  kReplaceMemberNumber,
  kCreateMembers,
  kCreateMerchant,
  kUpdateMerchant,
  kCreateTerminal,
  kUpdateTerminal,
  kCreateStaff,
  kUpdateStaff,
  kGetRegistration,
  kListRegistrations,
  kBackup,
  kGetMetrics,
};
inline constexpr int kMethodCount = 45;

// How far a role reaches in a method.
enum class Scope {
  kOwnShop,  // a terminal, for its merchant
  kOwnSelf,  // a member, for themselves
  kOwnIds,   // staff with the role anywhere, for request ids of their own
  kMember,   // staff whose grant covers the member's grid
  kProgram,  // staff with a grant for the whole program
};

// A row of the table.
struct Permission {
  Method method;
  Principal::Kind kind;
  Role role;  // of staff
  Scope scope;
};
const std::vector<Permission>& Permissions();
const char* MethodName(Method method);
// Whether a grant of the role for a node gives anything: only what is about members can be kept to a part of the program.
bool CanBeNarrowed(Role role);

class Authorizer {
 public:
  explicit Authorizer(const Shards& shards) : shards_(shards) {}

  // OK, or PERMISSION_DENIED, TERMINAL_NOT_ENROLLED, TERMINAL_REVOKED, STAFF_REVOKED. `members` are the ids that a method of scope
  // kMember or kOwnSelf is about; one that does not exist, or is empty, lies outside every scope but the whole program.
  absl::Status Check(const Principal& caller, Method method, const std::string& program,
                     const std::vector<std::string>& members = {}) const;

  // Whether Check could be OK in the caller's program for any member: what can be known before a message is read.
  bool MayEver(const Principal& caller, Method method) const;

 private:
  absl::Status Decide(const Principal& caller, Method method, const std::string& program, const std::vector<std::string>& members) const;
  const Shards& shards_;
};

}  // namespace redpoints::server
