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

// Who asks for an entry. The ledger: itself, without a request. An operator: staff of the program "system", in whatever program; for a program
// the ledger, too, whose side state has another key. Staff: of this program, and for a donation the member whose points they are. A till: a
// terminal of this program, and staff, of whom there is no sale, for a reversal. A refusal is asked for by whoever asks for what was refused,
// and of what tills ask for by staff, too.
enum class Asker : std::uint8_t { kLedger, kOperator, kStaff, kTill };

struct KindRow {
  Kind kind;
  std::string_view word;  // stored, never changed
  Asker asker;
  Touch may_touch;
  std::uint8_t data;           // index of the record in Registration that it carries; 0: none
  bool is_reversible = false;  // by the request id alone
};

// In the order of Kind. No award, donation or correction ever touches a merchant; points never become money.
inline constexpr std::array<KindRow, kKindCount> kKindRows = {{
    {Kind::kProgram, "program", Asker::kOperator, kTouchesNothing, 1},
    {Kind::kNode, "node", Asker::kStaff, kTouchesNothing, 2},
    {Kind::kFund, "fund", Asker::kStaff, kTouchesNothing, 3},
    {Kind::kMember, "member", Asker::kStaff, kTouchesNothing, 4},
    {Kind::kMerchant, "merchant", Asker::kStaff, kTouchesNothing, 5},
    {Kind::kTerminal, "terminal", Asker::kStaff, kTouchesNothing, 6},
    {Kind::kStaff, "staff", Asker::kStaff, kTouchesNothing, 7},
    {Kind::kRulebook, "rulebook", Asker::kStaff, kTouchesNothing, 8},
    {Kind::kOffer, "offer", Asker::kStaff, kTouchesNothing, 9},
    {Kind::kAward, "award", Asker::kStaff, kIssue | kAvail | kDebtPart | kDebt, 0},
    {Kind::kCorrection, "correction", Asker::kStaff, kIssue | kAvail | kDebtPart | kDebt | kExpire, 0},
    {Kind::kDonation, "donation", Asker::kStaff, kAvail | kDonated, 0},
    {Kind::kRedemption, "redemption", Asker::kTill, kAvail | kShop, 0, true},
    {Kind::kHold, "hold", Asker::kTill, kAvail | kHeldPart, 0, true},
    {Kind::kCapture, "capture", Asker::kTill, kHeldPart | kShop | kReturn, 0, true},
    {Kind::kVoid, "void", Asker::kTill, kHeldPart | kReturn, 0},
    {Kind::kHoldExpired, "hold_expired", Asker::kLedger, kHeldPart | kReturn, 0},
    {Kind::kRefund, "refund", Asker::kTill, kShop | kReturn, 0},
    {Kind::kReversal, "reversal", Asker::kTill, kHeldPart | kShop | kReturn, 0},
    {Kind::kUndoProposed, "undo_proposed", Asker::kStaff, kAvail, 0},
    {Kind::kUndo, "undo", Asker::kStaff, kShop | kDonated | kReturn, 0},
    {Kind::kExpiry, "expiry", Asker::kLedger, kAvail | kExpire, 0},
    {Kind::kExpiryUndone, "expiry_undone", Asker::kLedger, kAvail | kExpire, 0},
    {Kind::kDayClosed, "day_closed", Asker::kLedger, kTouchesNothing, 15},
    {Kind::kClockConfirmed, "clock_confirmed", Asker::kOperator, kTouchesNothing, 14},
    {Kind::kWaiverProposed, "waiver_proposed", Asker::kStaff, kAvail, 16},
    {Kind::kDebtWaived, "debt_waived", Asker::kStaff, kDebtPart | kDebt, 0},
    {Kind::kRefused, "refused", Asker::kStaff, kAvail, 0},
    {Kind::kEpoch, "epoch", Asker::kLedger, kTouchesNothing, 10},
    {Kind::kHeads, "heads", Asker::kLedger, kTouchesNothing, 11},
    {Kind::kLogKey, "log_key", Asker::kLedger, kTouchesNothing, 12},
    {Kind::kErasure, "erasure", Asker::kLedger, kTouchesNothing, 13},
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
