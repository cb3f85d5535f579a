// One row for each kind of entry, and the words in which enums are stored. Words for people are in the contract.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/rules/entry.h"
#include "storage/rules/types.h"

namespace redpoints {

// Sets of account classes and parts, as bits: what a kind may touch.
using Touch = std::uint16_t;
inline constexpr Touch kTouchesNothing = 0, kAvail = 1, kHeldPart = 2, kDebtPart = 4, kShop = 8, kIssue = 16, kDebt = 32, kExpire = 64,
                       kDonated = 128, kMoney = 256;
// How points come back to a member (10.4): their debt of that fund first, then past lots by the policy, the rest available.
inline constexpr Touch kReturn = kAvail | kDebtPart | kDebt | kIssue | kExpire;

struct KindRow {
  Kind kind;
  std::string_view word;  // stored, never changed
  Touch may_touch;
  std::uint8_t data;           // index of the record in Registration that it carries; 0: none
  bool is_reversible = false;  // by the request id alone
};

// In the order of Kind. No award, donation or correction ever touches a merchant; points never become money.
inline constexpr std::array<KindRow, kKindCount> kKindRows = {{
    {Kind::kProgram, "program", kTouchesNothing, 1},
    {Kind::kNode, "node", kTouchesNothing, 2},
    {Kind::kFund, "fund", kTouchesNothing, 3},
    {Kind::kMember, "member", kTouchesNothing, 4},
    {Kind::kMerchant, "merchant", kTouchesNothing, 5},
    {Kind::kTerminal, "terminal", kTouchesNothing, 6},
    {Kind::kStaff, "staff", kTouchesNothing, 7},
    {Kind::kRulebook, "rulebook", kTouchesNothing, 8},
    {Kind::kOffer, "offer", kTouchesNothing, 9},
    {Kind::kAward, "award", kIssue | kAvail | kDebtPart | kDebt, 0},
    {Kind::kCorrection, "correction", kIssue | kAvail | kDebtPart | kDebt | kExpire, 0},
    {Kind::kDonation, "donation", kAvail | kDonated, 0},
    {Kind::kRedemption, "redemption", kAvail | kShop, 0, true},
    {Kind::kHold, "hold", kAvail | kHeldPart, 0, true},
    {Kind::kCapture, "capture", kHeldPart | kShop | kReturn, 0, true},
    {Kind::kVoid, "void", kHeldPart | kReturn, 0},
    {Kind::kHoldExpired, "hold_expired", kHeldPart | kReturn, 0},
    {Kind::kRefund, "refund", kShop | kReturn, 0},
    {Kind::kReversal, "reversal", kHeldPart | kShop | kReturn, 0},
    {Kind::kUndoProposed, "undo_proposed", kAvail, 0},
    {Kind::kUndo, "undo", kShop | kDonated | kReturn, 0},
    {Kind::kExpiry, "expiry", kAvail | kExpire, 0},
    {Kind::kExpiryUndone, "expiry_undone", kAvail | kExpire, 0},
    {Kind::kDayClosed, "day_closed", kTouchesNothing, 15},
    {Kind::kClockConfirmed, "clock_confirmed", kTouchesNothing, 14},
    {Kind::kWaiverProposed, "waiver_proposed", kAvail, 16},
    {Kind::kDebtWaived, "debt_waived", kDebtPart | kDebt, 0},
    {Kind::kRefused, "refused", kAvail, 0},
    {Kind::kEpoch, "epoch", kTouchesNothing, 10},
    {Kind::kHeads, "heads", kTouchesNothing, 11},
    {Kind::kLogKey, "log_key", kTouchesNothing, 12},
    {Kind::kErasure, "erasure", kTouchesNothing, 13},
}};
inline constexpr bool AreKindRowsInOrder() {
  for (std::size_t i = 0; i < kKindRows.size(); ++i) {
    if (static_cast<std::size_t>(kKindRows[i].kind) != i) return false;
  }
  return true;
}
static_assert(AreKindRowsInOrder());

inline constexpr const KindRow& RowOf(Kind kind) { return kKindRows[static_cast<std::size_t>(kind)]; }
inline constexpr std::string_view KindName(Kind kind) { return RowOf(kind).word; }
inline constexpr bool IsRegistration(Kind kind) { return kind <= Kind::kOffer; }
// Whether nobody asks for it: the ledger writes it when time has come.
inline constexpr bool IsByTime(Kind kind) {
  return kind == Kind::kHoldExpired || kind == Kind::kExpiry || kind == Kind::kExpiryUndone || kind == Kind::kDayClosed;
}
// The kind of that word; nullopt where there is none.
std::optional<Kind> KindNamed(std::string_view word);
// The kind of entry that carries this record.
Kind KindOf(const Registration& data);

// The bit of the account that a posting is on; 0 where the holder has no such part, or is unknown.
Touch TouchOf(const Posting& posting);

// --- words of the other enums: stored, never changed; index 0 is never written -------------------------------------------------------

template <class E> struct Words;
template <> struct Words<Sub> { static constexpr std::array<std::string_view, kSubCount> kWords = {"available", "held", "debt"}; };
template <> struct Words<Effect> {
  static constexpr std::array<std::string_view, 5> kWords = {"", "undone", "ended", "refused", "tombstone"};
};
template <> struct Words<RegistrationState> {
  static constexpr std::array<std::string_view, 4> kWords = {"", "active", "suspended", "revoked"};
};
template <> struct Words<MemberKind> {
  static constexpr std::array<std::string_view, 4> kWords = {"", "person", "household", "organisation"};
};
template <> struct Words<NodeKind> { static constexpr std::array<std::string_view, 3> kWords = {"", "place", "branch"}; };
template <> struct Words<Role> {
  static constexpr std::array<std::string_view, 8> kWords = {"",       "administrator", "recorder", "corrector",
                                                             "helper", "auditor",       "settler",  "operator"};
};
template <> struct Words<Group> {
  static constexpr std::array<std::string_view, 6> kWords = {
      "", "party_vanguard", "residents", "property_companies", "nearby_merchants", "new_organisations"};
};
template <> struct Words<MerchantRole> { static constexpr std::array<std::string_view, 3> kWords = {"", "owner", "clerk"}; };
template <> struct Words<OfferKind> { static constexpr std::array<std::string_view, 4> kWords = {"", "item", "bill", "service"}; };
template <> struct Words<RoundingRule> { static constexpr std::array<std::string_view, 4> kWords = {"", "down", "up", "half_up"}; };
template <> struct Words<Kind> {
  static constexpr std::array<std::string_view, kKindCount> kWords = [] {
    std::array<std::string_view, kKindCount> words;
    for (std::size_t i = 0; i < kKindCount; ++i) words[i] = kKindRows[i].word;
    return words;
  }();
};
template <class E> constexpr std::string_view WordOf(E value) { return Words<E>::kWords[static_cast<std::size_t>(value)]; }

}  // namespace redpoints
