// What shops take: redemptions, holds and their captures.
#pragma once

#include "storage/rules/decision.h"

namespace redpoints {

// Of a redemption or hold.
Broken DeriveSale(Case& c, Entry& sale);
Broken DeriveCapture(Case& c, Entry& capture);

Outcome Decide(Decision& d, const Redeem& command);
Outcome Decide(Decision& d, const Authorize& command);
Outcome Decide(Decision& d, const Capture& command);

// Of one sale: so many lines, each of so many pieces. With the bound of a price (kPriceMax) no product of them leaves the range of amounts.
inline constexpr std::size_t kLinesMax = 20;
inline constexpr std::int64_t kPiecesMax = 100'000;

// Prices the lines as a sale of today would, fills in kinds and prices; names no member and changes nothing but caches.
//   FIELD_OUT_OF_RANGE, OFFER_NOT_FOUND, OFFER_MISMATCH 610
Broken PriceLines(State& state, const std::string& merchant, Day today, std::vector<OfferLine>& lines, std::int64_t& points);
// The same for readers, who find offers in the published state.
using FindOfferOf = std::function<std::optional<OfferData>(const std::string& code)>;
Broken PriceLines(const FindOfferOf& find, const std::string& merchant, Day today, std::vector<OfferLine>& lines, std::int64_t& points);

// The hold that the shop may still end, by an entry of that kind for so many points; otherwise nullptr, and `refusal` says why. What was due
// by time is written first.
struct OpenHold {
  const Hold* hold = nullptr;
  Outcome refusal;
};
OpenHold FindOpenHold(Decision& d, std::int64_t sequence, Kind kind, std::int64_t points = 0);

// The shares of a sale's lots and debts that its points `from` to `to` have, counted from the last one back.
std::vector<Lot> LotsOf(const Entry& sale, const std::vector<Span>& spans);
std::vector<Owed> OwedBack(const Entry& sale, const std::vector<Span>& spans);

}  // namespace redpoints
