// What the ledger knows of those who take part: the payload of registration entries. No names, no residence below the grid. Values only.
//
// The enums are stored by the lower-case words of entry_codec.cc.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "storage/rules/day.h"

namespace redpoints {

enum class RegistrationState : std::uint8_t { kActive = 1, kSuspended = 2, kRevoked = 3 };
enum class MemberKind : std::uint8_t { kPerson = 1, kHousehold = 2, kOrganisation = 3 };
enum class NodeKind : std::uint8_t { kPlace = 1, kBranch = 2 };
enum class Role : std::uint8_t {
  kAdministrator = 1,
  kRecorder = 2,
  kCorrector = 3,
  kHelper = 4,
  kAuditor = 5,
  kSettler = 6,
  kOperator = 7
};

// A program: the first entry of its own journal, and an entry of the system program.
struct ProgramData {
  std::string id;
  std::string administrator;  // staff id made with it
  bool operator==(const ProgramData&) const = default;
};

// A branch or a place.
struct NodeData {
  std::string code;
  NodeKind kind = NodeKind::kPlace;
  std::string parent;
  std::vector<std::string> places;  // that a branch looks after
  std::string type;
  bool operator==(const NodeData&) const = default;
};

struct FundData {
  std::string code;
  std::int64_t budget_points = 0;
  bool operator==(const FundData&) const = default;
};

// A person's time in a household or organisation; `to` is exclusive, 0 while it lasts.
struct Membership {
  std::string member;
  Day from = 0;
  Day to = 0;
  bool Covers(Day day) const { return from <= day && (to == 0 || day < to); }
  bool operator==(const Membership&) const = default;
};

struct MemberData {
  std::string id;      // "m" + 13 characters
  std::string number;  // 会员号
  MemberKind kind = MemberKind::kPerson;
  std::vector<std::uint8_t> groups;  // numbers of v1::Group, ascending
  std::string grid;
  std::vector<Membership> memberships;
  RegistrationState state = RegistrationState::kActive;
  bool operator==(const MemberData&) const = default;
};

struct MerchantData {
  std::string id;  // "s" + 13 characters
  std::vector<std::string> people;
  std::string place;
  RegistrationState state = RegistrationState::kActive;
  bool operator==(const MerchantData&) const = default;
};

struct TerminalData {
  std::string id;  // "t" + 13 characters
  std::string merchant;
  RegistrationState state = RegistrationState::kActive;
  bool operator==(const TerminalData&) const = default;
};

struct RoleGrant {
  Role role = Role::kHelper;
  std::string scope;  // node code; empty: the whole program
  bool operator==(const RoleGrant&) const = default;
};

struct StaffData {
  std::string id;  // "a" + 13 characters
  std::string member;
  std::vector<RoleGrant> grants;
  RegistrationState state = RegistrationState::kActive;
  bool operator==(const StaffData&) const = default;
};

struct RulebookData {
  std::string version;
  Day effective_day = 0;
  std::string sha256;  // 64 hex digits: the blob
  bool operator==(const RulebookData&) const = default;
};

using Registration =
    std::variant<std::monostate, ProgramData, NodeData, FundData, MemberData, MerchantData, TerminalData, StaffData, RulebookData>;

// Where a registration is kept: "member/m...", "merchant/s...", "terminal/t...", "staff/a...", "node/...", "fund/...", "rulebook/...".
std::string RegistrationKey(const Registration& registration);

}  // namespace redpoints
