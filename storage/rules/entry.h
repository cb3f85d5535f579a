// An entry: the atomic, immutable thing that is appended. fields.h lists its fields in the order of the line; entry_codec.h writes it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/rules/account.h"
#include "storage/rules/day.h"
#include "storage/rules/registration.h"

namespace redpoints {

// Stored by word (kinds.h); order and numbers are not stored.
enum class Kind : std::uint8_t {
  kProgram,
  kNode,
  kFund,
  kMember,
  kMerchant,
  kTerminal,
  kStaff,
  kRulebook,
  kOffer,  // registrations
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
  kUndoProposed,
  kUndo,
  kExpiry,
  kExpiryUndone,
  kDayClosed,
  kClockConfirmed,
  kWaiverProposed,
  kDebtWaived,
  kRefused,
  kEpoch,
  kHeads,
  kLogKey,
  kErasure,
};
inline constexpr std::size_t kKindCount = 32;

// The parts of an account. Only members have held points and debts.
enum class Sub : std::uint8_t { kAvailable, kHeld, kDebt };
inline constexpr std::size_t kSubCount = 3;

// What a reversal found: kUndone points went back; kEnded the hold had ended by itself or by a void; kRefused nothing had been done;
// kTombstone the request was never seen here, and never will be carried out.
enum class Effect : std::uint8_t { kNone, kUndone, kEnded, kRefused, kTombstone };

// Spendable points of one member with the same fund and end.
struct Lot {
  std::string fund;
  Day end = kNever;  // the first day on which they are gone
  std::int64_t amount = 0;
  Day first_end = 0;  // where grace was given: the end before. 0: none was
  // Under which day they count as ended unspent.
  Day origin_end() const { return first_end ? first_end : end; }
  bool operator==(const Lot&) const = default;
};

// So many points of a fund.
struct FundAmount {
  std::string fund;
  std::int64_t amount = 0;
  bool operator==(const FundAmount&) const = default;
};

// One line of an entry: `amount` moves onto (or off) one account. Which points of which fund they are stands in `lots` (of a member's
// available and held points, and of those that ended), else in `funds`, else in the account's own name: FundsOf.
struct Posting {
  Holder holder;
  Sub sub = Sub::kAvailable;
  std::string unit;
  std::int64_t amount = 0;
  std::int64_t balance = 0;       // of this part after the entry; 0 and not in the line for merchants
  std::vector<Lot> lots;          // signs as the amount
  std::vector<FundAmount> funds;  // signs as the amount, by fund
  std::int64_t prev = -1;         // the entry before that touched this account (any part); -1: none
  bool operator==(const Posting&) const = default;
};
// A shop's balance would show on a customer's receipt: it is recomputed, not stored.
inline bool HasRunningBalance(const Holder& holder) { return !holder.is(HolderClass::kMerchant); }

// One line of what a shop gave.
struct OfferLine {
  std::string offer;
  std::int64_t quantity = 0;
  std::int64_t points = 0;
  std::int64_t cash_fen = 0;
  OfferKind kind = OfferKind::kItem;
  std::int64_t price_points = 0;  // of one piece, at the sale; 0: the till said
  bool operator==(const OfferLine&) const = default;
};

enum class RoundingRule : std::uint8_t { kNone, kDown, kUp, kHalfUp };

// What a fund owes the shop for its points in this sale; negative in refunds and reversals.
struct Owed {
  std::string fund;
  std::int64_t points = 0;
  std::int64_t fen = 0;
  RoundingRule rounding = RoundingRule::kDown;
  bool operator==(const Owed&) const = default;
};

// Points `from` up to `to` (exclusive) of a sale, counted from its last point back: what a refund gave back.
struct Span {
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool operator==(const Span&) const = default;
};

struct UnitAmount {
  std::string unit;
  std::int64_t amount = 0;
  bool operator==(const UnitAmount&) const = default;
};

// What a member's other deeds of an activity came to in a month under one rulebook, where remainders are carried on: their quantity, and
// what they earned before caps.
struct Carried {
  std::int64_t quantity = 0;
  std::int64_t earned = 0;
  bool operator==(const Carried&) const = default;
};

struct Approval {
  std::string who;  // staff id
  std::int64_t when_ms = 0;
  bool operator==(const Approval&) const = default;
};

// Part k of n entries of one request that would not fit one line. Names, `ref` and follow-ups mean the first.
struct Part {
  std::int32_t k = 0;
  std::int32_t n = 0;
  bool operator==(const Part&) const = default;
};

// What showed who pays, consumed by this entry: a device's step and counter, or the random id of a card's or slip's row.
struct PayerUse {
  std::string id;
  std::int64_t step = 0;
  std::int64_t counter = 0;
  bool operator==(const PayerUse&) const = default;
};

// Absent is: empty text or list, 0, -1 for sequences and item. Absent fields are not in the line.
struct Entry {
  std::string program;
  std::int64_t epoch = 0;
  std::int64_t sequence = -1;
  std::int64_t recorded_ms = 0;
  Day business_day = 0;
  Kind kind = Kind::kRefused;
  std::string request_id;  // 32 hex digits
  std::int32_t item = -1;  // place in a request of many
  Part part;
  std::string fingerprint;     // "version.key:" and 32 hex digits
  std::string actor;           // staff, terminal or member id, or "ledger"
  std::string on_behalf;       // the member for whom somebody else acted
  std::int64_t proposal = -1;  // the entry that proposed it
  std::vector<Approval> approvals;
  std::string terminal;  // which asked; of the undo of a refund, that refund's
  std::string merchant;
  std::string clerk;
  std::string till;
  std::string member;        // whom it is about
  std::string presentation;  // class in which the member showed who pays: "number"
  PayerUse payer_use;
  Day effective_day = 0;       // of the deed
  Group group = Group::kNone;  // for which an award counts
  std::vector<Group> groups;   // of the member on the day of a sale, ascending
  std::string grid;            // of the member at that time
  std::string activity;
  std::string rulebook;  // version whose rules and rates were used
  std::int64_t quantity = 0;
  std::int64_t quantity_before = 0;  // of a correction: what the award's was
  Carried carried;                   // of an award or correction: from what it goes on
  bool cap_hit = false;
  std::string session;
  std::string case_id;
  std::string about;
  std::vector<std::string> tags;
  std::string evidence_sha256;  // 64 hex digits
  std::string note_commitment;  // 64 hex digits
  // Of a confidential deed, 2 of 64 hex digits: keyed; the same for the same member, activity and case, and for the same member, activity
  // and session; what it has none of is told by its request, so that nobody sees which it has.
  std::vector<std::string> unique;

  std::string external_id;                                 // what another system calls it
  std::string reason;                                      // of a correction, undo or waiver
  std::string refusal;                                     // name of a Reason
  std::string request_kind;                                // of a refusal: what was refused
  std::vector<std::pair<std::string, std::string>> facts;  // of a refusal
  std::vector<UnitAmount> amounts;                         // of a correction: what the award is worth from now on
  Effect effect = Effect::kNone;                           // of a reversal
  std::int64_t ref = -1;                                   // the entry refunded, reversed, corrected, undone
  std::int64_t hold = -1;                                  // the hold captured, voided, ended
  std::int64_t sale = -1;                                  // of the undo of a refund: what that refunded
  std::string target_request;                              // the request reversed; of the undo of a refund, that refund's
  Day limit_day = 0;                                       // of a capture or reversal: the day against whose limits the points count
  std::int64_t limit_points = 0;                           // of a reversal: as many are given back to the limits
  std::int64_t hold_until_ms = 0;
  std::vector<OfferLine> lines;
  std::string rate_version;  // whose rates `owed` is by, where that is not `rulebook`
  std::vector<Owed> owed;
  std::int64_t cash_fen = 0;  // of a refund: what the shop gave back in cash
  std::int64_t points = 0;    // of a refusal: as many were asked for, where no line says so
  std::vector<Span> span;     // of a refund, and of its undo
  Registration data;
  std::vector<std::string> blobs;  // SHA-256 of content that the entry commits to
  std::vector<Posting> postings;

  bool operator==(const Entry&) const = default;
};

// The earlier entry that this one is about: what it refunds, reverses, corrects or undoes, the hold that it ends, of a waiver its
// proposal; -1: none.
inline std::int64_t AboutOf(const Entry& entry) {
  return entry.kind == Kind::kDebtWaived ? entry.proposal : entry.ref >= 0 ? entry.ref : entry.hold;
}
// Whether the entry sets back a clock that was confirmed wrongly: the only one at which time may fall.
inline bool IsSetBack(const Entry& entry) {
  const auto* clock = std::get_if<ClockData>(&entry.data);
  return entry.kind == Kind::kClockConfirmed && clock && clock->last_closed_day != 0;
}

}  // namespace redpoints
