// What the ledger knows of those who take part, and by which rules: the payload of registration entries, and of the few other kinds that
// carry a record of their own. No names of persons, no residence below the grid, no free text about anybody. Values only.
//
// The enums are stored by their words (kinds.h).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "storage/rules/day.h"

namespace redpoints {

enum class RegistrationState : std::uint8_t { kNone, kActive, kSuspended, kRevoked };
enum class MemberKind : std::uint8_t { kNone, kPerson, kHousehold, kOrganisation };
enum class NodeKind : std::uint8_t { kNone, kPlace, kBranch };
enum class Role : std::uint8_t { kNone, kAdministrator, kRecorder, kCorrector, kHelper, kAuditor, kSettler, kOperator };
// The five groups of volunteers. In this order wherever several are listed.
enum class Group : std::uint8_t { kNone, kPartyVanguard, kResidents, kPropertyCompanies, kNearbyMerchants, kNewOrganisations };
enum class MerchantRole : std::uint8_t { kNone, kOwner, kClerk };
enum class OfferKind : std::uint8_t { kNone, kItem, kBill, kService };

// Days of a relation: `to` is exclusive. 0 on either side: without bound.
inline bool Covers(Day from, Day to, Day day) { return from <= day && (to == 0 || day < to); }
// What ends on a day, 0 for never, has ended from then on.
inline bool HasEnded(Day end_day, Day today) { return end_day != 0 && end_day <= today; }

// A program: the first entry of its own journal, and an entry of the system program. Later ones in its own change the side key alone.
struct ProgramData {
  std::string id;
  std::string administrator;  // staff id made with it
  std::string side_key = {};  // 16 hex digits: which secrets its side state is kept under; empty in the system program's entry
  bool operator==(const ProgramData&) const = default;
};

// A branch or a place. Nothing new begins under one that has ended.
struct NodeData {
  std::string code;
  NodeKind kind = NodeKind::kPlace;
  std::string parent;
  std::vector<std::string> places;  // that a branch looks after
  std::string type;
  Day end_day = 0;
  bool operator==(const NodeData&) const = default;
};

// Who pays for points. One that has ended issues nothing, but where the undo of a refund takes points that were spent.
struct FundData {
  std::string code;
  std::int64_t budget_points = 0;
  Day end_day = 0;
  bool operator==(const FundData&) const = default;
};

// A person's time in a household or organisation.
struct Membership {
  std::string member;
  Day from = 0;
  Day to = 0;
  bool operator==(const Membership&) const = default;
};

// A member's time in a group.
struct GroupSpan {
  Group group = Group::kNone;
  Day from = 0;
  Day to = 0;
  bool operator==(const GroupSpan&) const = default;
};

struct MemberData {
  std::string id;                 // "m" + 13 characters
  std::string number_commitment;  // 64 hex digits: salted, to the 会员号 that leads here
  MemberKind kind = MemberKind::kPerson;
  std::vector<GroupSpan> groups;  // ascending
  std::string grid;
  std::vector<Membership> memberships;
  RegistrationState state = RegistrationState::kActive;
  bool IsIn(Group group, Day day) const;
  bool operator==(const MemberData&) const = default;
};

// Somebody who owns a shop or works there.
struct MerchantPerson {
  std::string member;
  MerchantRole role = MerchantRole::kOwner;
  Day from = 0;
  Day to = 0;
  bool operator==(const MerchantPerson&) const = default;
};

struct MerchantData {
  std::string id;  // "s" + 13 characters
  std::vector<MerchantPerson> people;
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

// Either linked to a person, or marked by somebody else as external: with no member behind.
struct StaffData {
  std::string id;  // "a" + 13 characters
  std::string member;
  bool is_external = false;
  std::vector<RoleGrant> grants;
  RegistrationState state = RegistrationState::kActive;
  bool operator==(const StaffData&) const = default;
};

struct RulebookData {
  std::string version;
  Day effective_day = 0;
  std::string sha256;         // 64 hex digits: the blob
  std::int32_t format = 0;    // of the rules, as they were when it was adopted (kRulesFormat)
  bool is_withdrawn = false;  // before it began; its name is used up
  bool operator==(const RulebookData&) const = default;
};

// Something a shop gives for points.
struct OfferData {
  std::string code;
  std::string name_zh_cn;  // up to 40 characters
  OfferKind kind = OfferKind::kItem;
  std::string merchant;           // empty: every shop of the alliance
  std::int64_t price_points = 0;  // of one piece; 0: the till says how many points
  std::int64_t max_points = 0;    // of one sale, all lines of this offer together, where price_points is 0; 0: no bound here
  Day from = 0;
  Day to = 0;
  bool operator==(const OfferData&) const = default;
};

// --- records of other kinds -------------------------------------------------------------------------------------------------------

// A journal goes on after a restore or recovery.
struct EpochData {
  std::int64_t old_epoch = 0;
  std::int64_t size = 0;  // entries that stand, of all epochs before: the sequence of this entry
  std::string root = {};  // of the old epoch's last signed checkpoint, 64 hex digits, and its size and origin, where there was one
  std::string origin = {};
  std::int64_t signed_size = 0;
  std::int64_t lost = -1;  // at least so many entries are lost; -1: of none it is known
  std::string why = {};    // "restore", "recover", or "founding" of what is new in this epoch
  bool operator==(const EpochData&) const = default;
};

// The root over the newest entry of every member, as of a closed day.
struct HeadsData {
  Day day = 0;
  std::int64_t as_of = 0;
  std::int64_t holders = 0;
  std::string root;
  bool operator==(const HeadsData&) const = default;
};

struct LogKeyData {
  std::string key_id;
  std::string public_key;
  std::int64_t from_ms = 0;
  bool operator==(const LogKeyData&) const = default;
};

struct ErasureData {
  std::string member;
  std::vector<std::string> commitments;
  bool operator==(const ErasureData&) const = default;
};

// The time that an operator states. A set-back names the last closed day that stands: the day before both that time and the clock's, or the
// program's last closed day where that is earlier; 0: nothing is set back.
struct ClockData {
  std::int64_t stated_ms = 0;
  Day last_closed_day = 0;
  bool operator==(const ClockData&) const = default;
};

// What a business day did to one fund: the sums of its postings by class of account, and the fen that it came to owe shops.
struct DayTotal {
  std::string fund;
  std::int64_t issued = 0;    // minus the issuance postings
  std::int64_t redeemed = 0;  // at merchants
  std::int64_t expired = 0;
  std::int64_t pool = 0;
  std::int64_t debts = 0;
  std::int64_t fen = 0;
  bool operator==(const DayTotal&) const = default;
};

// A closed business day: its totals, and the shops that traded (shop_day.h draws a shop's line).
struct DayData {
  Day day = 0;
  std::vector<DayTotal> totals;  // by fund
  std::int64_t shops = 0;        // lines in the blob
  std::string shops_root;        // RFC 6962, over the lines in order of shop ids; of none: SHA-256 of nothing
  std::string shops_sha256;      // the blob; empty when no shop traded
  bool operator==(const DayData&) const = default;
};

// Points of a fund that a member shall owe no more.
struct WaiverData {
  std::string fund;
  std::int64_t points = 0;
  bool operator==(const WaiverData&) const = default;
};

using Registration = std::variant<std::monostate, ProgramData, NodeData, FundData, MemberData, MerchantData, TerminalData, StaffData,
                                  RulebookData, OfferData, EpochData, HeadsData, LogKeyData, ErasureData, ClockData, DayData, WaiverData>;

// Where a registration is kept: "member/m...", "merchant/s...", "terminal/t...", "staff/a...", "node/...", "fund/...", "rulebook/...",
// "offer/...", "program/..."; empty for records that are not registrations.
std::string RegistrationKey(const Registration& registration);

}  // namespace redpoints
