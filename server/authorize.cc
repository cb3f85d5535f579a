#include "server/authorize.h"

#include <algorithm>
#include <set>

#include "storage/rules/refusal.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

constexpr const char* kMethodNames[kMethodCount] = {"Quote",
                                                    "Redeem",
                                                    "Authorize",
                                                    "Capture",
                                                    "Void",
                                                    "Refund",
                                                    "Reverse",
                                                    "GetOutcome",
                                                    "Award",
                                                    "AwardBatch",
                                                    "Correct",
                                                    "Donate",
                                                    "ProposeUndo",
                                                    "Undo",
                                                    "ProposeWaiver",
                                                    "WaiveDebt",
                                                    "GetAwardOutcome",
                                                    "GetBalance",
                                                    "ListStatement",
                                                    "GetJournal",
                                                    "GetEntry",
                                                    "FollowEntries",
                                                    "ExportEntries",
                                                    "GetBlob",
                                                    "CreateProgram",
                                                    "ConfirmClock",
                                                    "SetNode",
                                                    "SetFund",
                                                    "SetOffer",
                                                    "AdoptRulebook",
                                                    "WithdrawRulebook",
                                                    "CreateMember",
                                                    "UpdateMember",
                                                    "ReplaceMemberNumber",
                                                    "CreateMembers",
                                                    "CreateMerchant",
                                                    "UpdateMerchant",
                                                    "CreateTerminal",
                                                    "UpdateTerminal",
                                                    "CreateStaff",
                                                    "UpdateStaff",
                                                    "GetRegistration",
                                                    "ListRegistrations",
                                                    "Backup",
                                                    "GetMetrics"};

// What a suspended terminal may still do: a customer must not lose points because the lane is being looked into. Not Capture, which is a
// sale.
bool EndsWhatWasBegun(Method method) { return method == Method::kGetOutcome || method == Method::kReverse || method == Method::kVoid; }

absl::Status Deny(Reason reason) { return ToStatus(Refusal{reason, {}}); }

}  // namespace

const char* MethodName(Method method) { return kMethodNames[static_cast<int>(method)]; }

const std::vector<Permission>& Permissions() {
  using enum Method;
  using enum Role;
  static const auto* const permissions = [] {
    auto* rows = new std::vector<Permission>;
    const auto terminals = [&](std::initializer_list<Method> methods) {
      for (const Method m : methods) rows->push_back({m, Principal::Kind::kTerminal, Role{}, Scope::kOwnShop});
    };
    const auto members = [&](std::initializer_list<Method> methods) {
      for (const Method m : methods) rows->push_back({m, Principal::Kind::kMember, Role{}, Scope::kOwnSelf});
    };
    const auto staff = [&](Role role, Scope scope, std::initializer_list<Method> methods) {
      for (const Method m : methods) rows->push_back({m, Principal::Kind::kStaff, role, scope});
    };
    terminals({kQuote, kRedeem, kAuthorize, kCapture, kVoid, kRefund, kReverse, kGetOutcome});
    members({kGetBalance, kListStatement});
    staff(kRecorder, Scope::kMember, {kAward, kAwardBatch, kDonate});
    staff(kRecorder, Scope::kOwnIds, {kGetAwardOutcome});
    staff(kCorrector, Scope::kMember, {kCorrect, kProposeUndo, kUndo, kProposeWaiver, kWaiveDebt});
    staff(kCorrector, Scope::kOwnIds, {kGetAwardOutcome});
    staff(kHelper, Scope::kMember, {kGetBalance, kListStatement});
    staff(kAuditor, Scope::kProgram,
          {kGetBalance, kListStatement, kGetJournal, kGetEntry, kFollowEntries, kExportEntries, kGetBlob, kGetRegistration,
           kListRegistrations});
    staff(kSettler, Scope::kProgram, {kGetJournal, kGetEntry, kFollowEntries, kExportEntries, kGetBlob});
    staff(kAdministrator, Scope::kProgram,
          {kSetNode, kSetFund, kSetOffer, kAdoptRulebook, kWithdrawRulebook, kCreateMember, kUpdateMember, kReplaceMemberNumber,
           kCreateMembers, kCreateMerchant, kUpdateMerchant, kCreateTerminal, kUpdateTerminal, kCreateStaff, kUpdateStaff, kGetRegistration,
           kListRegistrations});
    staff(kAdministrator, Scope::kOwnIds, {kGetAwardOutcome});
    staff(kOperator, Scope::kProgram, {kCreateProgram, kConfirmClock, kBackup, kGetMetrics});
    // Other operators: to set a clock back takes two.
    staff(kOperator, Scope::kProgram, {kCreateStaff, kUpdateStaff, kGetRegistration, kListRegistrations});
    staff(kOperator, Scope::kOwnIds, {kGetAwardOutcome});
    return rows;
  }();
  return *permissions;
}

bool CanBeNarrowed(Role role) {
  return std::any_of(Permissions().begin(), Permissions().end(), [role](const Permission& p) {
    return p.kind == Principal::Kind::kStaff && p.role == role && p.scope == Scope::kMember;
  });
}

bool Authorizer::MayEver(const Principal& caller, Method method) const {
  const State* state = shards_.Of(caller.program).FindState(caller.program);
  if (!state) return false;
  const auto staff = caller.kind == Principal::Kind::kStaff ? FindRegistration<StaffData>(*state, "staff", caller.id) : std::nullopt;
  return std::any_of(Permissions().begin(), Permissions().end(), [&](const Permission& p) {
    if (p.method != method || p.kind != caller.kind) return false;
    if (p.kind != Principal::Kind::kStaff) return true;
    return staff && staff->state == RegistrationState::kActive &&
           std::any_of(staff->grants.begin(), staff->grants.end(), [&](const RoleGrant& grant) { return grant.role == p.role; });
  });
}

absl::Status Authorizer::Check(const Principal& caller, Method method, const std::string& program,
                               const std::vector<std::string>& members) const {
  auto status = Decide(caller, method, program, members);
  // Of a program that is set aside, here or before, a row may seem to be absent.
  return caller.program == program && shards_.Of(program).IsSetAside(program) ? Deny(Reason::PROGRAM_SET_ASIDE) : status;
}

absl::Status Authorizer::Decide(const Principal& caller, Method method, const std::string& program,
                                const std::vector<std::string>& members) const {
  if (caller.kind == Principal::Kind::kNone) return Deny(Reason::CALLER_UNKNOWN);
  if (caller.program != program) return Deny(Reason::PERMISSION_DENIED);
  const Ledger& ledger = shards_.Of(program);
  const State* state = ledger.FindState(program);
  if (!state) return Deny(Reason::PERMISSION_DENIED);

  if (caller.kind == Principal::Kind::kTerminal) {
    const auto terminal = FindRegistration<TerminalData>(*state, "terminal", caller.id);
    if (!terminal || terminal->merchant != caller.merchant) return Deny(Reason::TERMINAL_NOT_ENROLLED);
    if (terminal->state == RegistrationState::kRevoked) return Deny(Reason::TERMINAL_REVOKED);
    if (terminal->state == RegistrationState::kSuspended && !EndsWhatWasBegun(method)) return Deny(Reason::TERMINAL_REVOKED);
    const auto merchant = FindRegistration<MerchantData>(*state, "merchant", caller.merchant);
    if (!merchant || merchant->state == RegistrationState::kRevoked) return Deny(Reason::TERMINAL_REVOKED);
    for (const Permission& p : Permissions()) {
      if (p.method == method && p.kind == caller.kind) return absl::OkStatus();
    }
    return Deny(Reason::PERMISSION_DENIED);
  }

  if (caller.kind == Principal::Kind::kMember) {
    const auto self = FindRegistration<MemberData>(*state, "member", caller.id);
    if (!self || self->state == RegistrationState::kRevoked) return Deny(Reason::PERMISSION_DENIED);
    for (const Permission& p : Permissions()) {
      if (p.method == method && p.kind == caller.kind && members.size() == 1 && members[0] == self->id) return absl::OkStatus();
    }
    return Deny(Reason::PERMISSION_DENIED);
  }

  const auto staff = FindRegistration<StaffData>(*state, "staff", caller.id);
  if (!staff) return Deny(Reason::PERMISSION_DENIED);
  if (staff->state != RegistrationState::kActive) return Deny(Reason::STAFF_REVOKED);
  std::vector<std::string> scopes;  // of the grants that may do this to members
  for (const Permission& p : Permissions()) {
    if (p.method != method || p.kind != caller.kind) continue;
    for (const RoleGrant& grant : staff->grants) {
      if (grant.role != p.role) continue;
      if (p.scope == Scope::kOwnIds || grant.scope.empty()) return absl::OkStatus();
      if (p.scope == Scope::kMember) scopes.push_back(grant.scope);
    }
  }
  if (scopes.empty() || members.empty()) return Deny(Reason::PERMISSION_DENIED);
  const std::set<std::string> tops = TopPlacesOf(*state, scopes);
  std::set<std::string> grids;  // that are covered: thousands of members live in some dozens
  for (const std::string& id : members) {
    const auto member = FindRegistration<MemberData>(*state, "member", id);
    if (!member || member->grid.empty()) return Deny(Reason::PERMISSION_DENIED);
    if (grids.contains(member->grid)) continue;
    if (!IsUnder(*state, member->grid, tops)) return Deny(Reason::PERMISSION_DENIED);
    grids.insert(member->grid);
  }
  return absl::OkStatus();
}

}  // namespace redpoints::server
