// An entry: the atomic, immutable thing that is appended. Field by field what DESIGN calls the stored form; entry_codec.h writes it as a line.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/rules/day.h"
#include "storage/rules/registration.h"

namespace redpoints {

// Stored by name (KindName); order and numbers are not stored.
enum class Kind : std::uint8_t {
  kProgram,
  kNode,
  kFund,
  kMember,
  kMerchant,
  kTerminal,
  kStaff,
  kRulebook,  // registrations
  kAward,
  kCorrection,
  kDonation,
  kRedemption,
  kHold,
  kCapture,
  kVoid,
  kHoldExpired,
  kRefund,
  kReversal,
  kExpiry,
  kDayClosed,
  kClockConfirmed,
  kRefused,
};
inline constexpr std::size_t kKindCount = 22;
std::string_view KindName(Kind kind);

// The parts of an account. Only members have held points and debts.
enum class Sub : std::uint8_t { kAvailable, kHeld, kDebt };
inline constexpr std::size_t kSubCount = 3;

// Spendable points of one member with the same fund and end.
struct Lot {
  std::string fund;
  Day end = kNever;  // the first day on which they are gone
  std::int64_t amount = 0;
  bool operator==(const Lot&) const = default;
};

// One line of an entry: `amount` moves onto (or off) one account.
struct Posting {
  std::string holder;  // "m...", "s...", "issuance:street", "expired", "pool", "payable", "paid", "fund:street"
  Sub sub = Sub::kAvailable;
  std::string unit;
  std::int64_t amount = 0;
  std::int64_t balance = 0;  // of this part after the entry
  std::vector<Lot> lots;     // that the amount is made of; signs as the amount
  std::int64_t prev = -1;    // the entry before that touched this account (any part); -1: none
  bool operator==(const Posting&) const = default;
};

// One line of what a shop gave.
struct OfferLine {
  std::string offer;
  std::int64_t quantity = 0;
  std::int64_t points = 0;
  std::int64_t cash_fen = 0;
  bool operator==(const OfferLine&) const = default;
};

// What a fund owes the shop for its points in this sale; negative in refunds and reversals.
struct Owed {
  std::string fund;
  std::int64_t points = 0;
  std::int64_t fen = 0;
  bool operator==(const Owed&) const = default;
};

// Absent is: empty text, 0, -1 for sequences and item. Absent fields are not in the line.
struct Entry {
  std::string program;
  std::int64_t epoch = 0;
  std::int64_t sequence = -1;
  std::int64_t recorded_ms = 0;
  Day business_day = 0;
  Kind kind = Kind::kRefused;
  std::string request_id;   // 32 hex digits
  std::int32_t item = -1;   // place in a request of many
  std::string fingerprint;  // 32 hex digits
  std::string actor;        // staff, terminal or member id, or "ledger"
  std::string on_behalf;
  std::string approver;
  std::string terminal;
  std::string merchant;
  std::string clerk;
  std::string till;
  std::string member;        // whom it is about
  std::string presentation;  // how the member showed who pays: "number", "id"
  Day effective_day = 0;
  std::string group;
  std::string activity;
  std::string rulebook;  // version whose rules and rates were used
  std::int64_t quantity = 0;
  bool cap_hit = false;
  std::string session;
  std::string case_id;
  std::string about;
  std::vector<std::string> tags;
  std::string evidence_sha256;                             // 64 hex digits
  std::string note_commitment;                             // 64 hex digits
  std::string reason;                                      // of a refusal or correction
  std::string request_kind;                                // of a refusal: what was refused
  std::vector<std::pair<std::string, std::string>> facts;  // of a refusal; of a correction: the award's amounts from now on
  std::int64_t ref = -1;                                   // the entry refunded, reversed, corrected
  std::int64_t hold = -1;                                  // the hold captured, voided, ended
  std::string target_request;                              // of a reversal
  std::string grid;                                        // of the member at that time
  std::int64_t hold_until_ms = 0;
  std::vector<OfferLine> lines;
  std::string rate_version;  // whose rates `owed` is by, where that is not `rulebook`
  std::vector<Owed> owed;
  Registration data;
  std::vector<Posting> postings;

  bool operator==(const Entry&) const = default;
};

}  // namespace redpoints
