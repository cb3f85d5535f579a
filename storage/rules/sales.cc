#include "storage/rules/sales.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/counters.h"
#include "storage/rules/people.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

// The lines of a sale cut down to `points`, the last first: priced lines by whole pieces with their share of the cash, others by points. nullopt
// where whole pieces don't come to exactly that.
std::optional<std::vector<OfferLine>> CutTo(std::vector<OfferLine> lines, std::int64_t points) {
  std::int64_t over = -points;
  for (const OfferLine& line : lines) over += line.points;
  while (over > 0) {
    OfferLine& last = lines.back();
    if (over >= last.points) {
      over -= last.points;
      lines.pop_back();
    } else if (last.price_points == 0) {
      last.points -= over;
      over = 0;
    } else {
      if (over % last.price_points != 0) return std::nullopt;
      const std::int64_t quantity = last.quantity - over / last.price_points;
      last.cash_fen = Scale(last.cash_fen, quantity, last.quantity, v1::DOWN);
      last.points = quantity * last.price_points;
      last.quantity = quantity;
      over = 0;
    }
  }
  return lines;
}

// Whether all entries that may come of the sale fit their lines. The longest is what ends it in part or undoes it: the same lots on the held and
// on the available side, or on the ended one, with a debt to each of its funds.
bool FitsWhatFollows(const Entry& sale, const std::vector<Lot>& lots, const Rulebook& book) {
  Entry e = sale;
  e.owed = OwedFor(lots, book);
  e.kind = Kind::kHoldExpired;
  e.fingerprint = std::string(48, '0');
  e.request_id = e.target_request = std::string(32, '0');
  e.limit_points = e.ref = e.hold = e.cash_fen = e.proposal = kAmountMax;
  e.limit_day = kNever;
  e.reason = std::string(24, 'r');
  e.effect = Effect::kTombstone;
  e.span = {{kAmountMax, kAmountMax}, {kAmountMax, kAmountMax}};
  for (Owed& owed : e.owed) owed.fen = -kAmountMax, owed.rounding = RoundingRule::kHalfUp;
  e.postings = {MoveLots(Holder(e.member), Sub::kHeld, Negative(AsGraced(lots))),
                MoveFunds(Holder(e.merchant), Sub::kAvailable, FundsOf(lots)),
                MoveLots(Holder(e.member), Sub::kHeld, Negative(AsGraced({lots.back()})))};
  return FitsReturned(std::move(e), lots);
}

}  // namespace

Broken PriceLines(State& state, const std::string& merchant, Day today, std::vector<OfferLine>& lines, std::int64_t& points) {
  const auto find = [&state](const std::string& code) {
    const OfferData* offer = FindOffer(state, code);
    return offer ? std::optional(*offer) : std::nullopt;
  };
  return PriceLines(find, merchant, today, lines, points);
}

Broken PriceLines(const FindOfferOf& find, const std::string& merchant, Day today, std::vector<OfferLine>& lines, std::int64_t& points) {
  const auto fits = [](const OfferLine& l) {
    return l.quantity > 0 && l.quantity <= kPiecesMax && IsAmount(l.points) && l.cash_fen >= 0 && InRange(l.cash_fen);
  };
  if (lines.empty() || lines.size() > kLinesMax || !std::all_of(lines.begin(), lines.end(), fits)) return OutOfRange("offer_lines");
  std::vector<OfferData> offers;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto offer = find(lines[i].offer);
    if (!offer || (!offer->merchant.empty() && offer->merchant != merchant) || !Covers(offer->from, offer->to, today)) {
      return Refusal{Reason::OFFER_NOT_FOUND, {{"field", absl::StrCat("offer_lines[", i, "].offer")}}};
    }
    lines[i].kind = offer->kind;
    lines[i].price_points = offer->price_points;
    offers.push_back(*std::move(offer));
  }
  const auto mismatch = [](std::size_t line, const char* bound, std::int64_t value) {
    return Refusal{Reason::OFFER_MISMATCH, {{"line", absl::StrCat(line)}, {bound, absl::StrCat(value)}}};
  };
  points = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const OfferLine& line = lines[i];
    if (line.price_points != 0 && line.points != line.price_points * line.quantity)
      return mismatch(i, "points", line.price_points * line.quantity);
    std::int64_t of_offer = 0;
    for (std::size_t j = 0; j <= i; ++j) of_offer += lines[j].offer == line.offer ? lines[j].points : 0;
    const std::int64_t max = line.price_points == 0 ? offers[i].max_points : 0;
    if (max != 0 && of_offer > max) return mismatch(i, "max", max);
    points += line.points;
  }
  if (!InRange(points)) return mismatch(lines.size() - 1, "max", kAmountMax);
  return std::nullopt;
}

// What does not depend on who pays comes first, then whether the points are there, then the rest: whoever can't pay is answered as a number is
// that leads to nobody.
//   MERCHANT_SUSPENDED 602, OFFER_MISMATCH 610, LIMIT_EXCEEDED 612 (presentation, per_redemption, merchant_day);
//   INSUFFICIENT_POINTS 613;
//   SELF_DEALING 600, MEMBER_SUSPENDED 601, LIMIT_EXCEEDED 612 (presentation, member_day, member_month, count, entry_size),
//   BALANCE_OUT_OF_RANGE 616
Broken DeriveSale(Case& c, Entry& e) {
  const MerchantData* shop = FindMerchant(c.state, e.merchant);
  if (!shop) return Refusal{Reason::MERCHANT_NOT_FOUND, {}};
  const MerchantData merchant = *shop;
  const TerminalData* terminal = c.state.Find<TerminalData>("terminal", e.terminal);
  if (!terminal || terminal->merchant != e.merchant) return Refusal{Reason::TERMINAL_NOT_FOUND, {}};
  const Day today = e.business_day;
  const Rulebook* book = c.state.BookOf(today);
  if (!book) return Refusal{Reason::RULEBOOK_NOT_FOUND, {}};
  e.rulebook = book->version();
  std::int64_t points = 0;
  const Broken priced = PriceLines(c.state, e.merchant, today, e.lines, points);
  if (priced && !IsRecorded(priced->reason)) return priced;

  const auto& limits = book->limits();
  const auto exceeds = [&](std::int64_t limit, const std::string& counter, std::int64_t more) {
    return limit != 0 && CountOf(c.state, counter) + more > limit;
  };
  const auto limit = [](const char* name) { return Refusal{Reason::LIMIT_EXCEEDED, {{"limit", name}}}; };
  const v1::ClassLimit* of_class = book->FindClass(e.presentation);
  if (merchant.state != RegistrationState::kActive) return Refusal{Reason::MERCHANT_SUSPENDED, {}};
  if (priced) return priced;
  if (!of_class) return limit("presentation");
  if (of_class->max_points_per_redemption() && points > of_class->max_points_per_redemption()) return limit("presentation");
  if (limits.max_points_per_redemption() && points > limits.max_points_per_redemption()) return limit("per_redemption");
  if (exceeds(limits.max_points_per_merchant_day(), MerchantCounter(e.merchant, today), points)) return limit("merchant_day");

  const MemberData* found = FindMember(c.state, e.member);
  if (!found) return Refusal{Reason::INSUFFICIENT_POINTS, {}};
  const MemberData member = *found;
  e.groups = GroupsOn(member, today);
  e.grid = member.grid;
  const Account account = AccountOf(c.state, e.member, kPoint);
  const std::int64_t available = account.at(Sub::kAvailable);
  if (available < points || available < limits.min_balance_to_redeem()) {
    Refusal refusal{Reason::INSUFFICIENT_POINTS, {}};
    const std::int64_t short_by = points - available;
    if (short_by > 0 && short_by <= points / 10) refusal.facts.emplace_back("short_by", absl::StrCat(short_by));
    return refusal;
  }

  if (IsOwnShop(c.state, merchant, member, today)) return Refusal{Reason::SELF_DEALING, {}};
  if (member.state != RegistrationState::kActive) return Refusal{Reason::MEMBER_SUSPENDED, {}};
  if (exceeds(of_class->max_points_per_member_day(), ClassCounter(e.presentation, e.member, today), points)) return limit("presentation");
  if (exceeds(limits.max_points_per_member_day(), MemberCounter(v1::DAY, e.member, today), points)) return limit("member_day");
  if (exceeds(limits.max_points_per_member_month(), MemberCounter(v1::MONTH, e.member, today), points)) return limit("member_month");
  for (const auto& count : limits.counts()) {
    if (exceeds(count.max_count(), CountCounter(count.period(), e.member, today), 1)) return limit("count");
  }
  const std::vector<Lot> lots = TakeLots(account.lots, points);
  if (e.kind == Kind::kRedemption) {
    e.owed = OwedFor(lots, *book);
    e.postings = {MoveLots(Holder(e.member), Sub::kAvailable, Negative(lots)),
                  MoveFunds(Holder(e.merchant), Sub::kAvailable, FundsOf(lots))};
  } else {
    e.hold_until_ms = e.recorded_ms + book->hold_ttl_ms();
    e.postings = {MoveLots(Holder(e.member), Sub::kAvailable, Negative(lots)), MoveLots(Holder(e.member), Sub::kHeld, lots)};
  }
  if (lots.size() + e.lines.size() > 4 && !FitsWhatFollows(e, lots, *book)) return limit("entry_size");
  if (!InRange(AccountOf(c.state, e.merchant, kPoint).at(Sub::kAvailable) + points)) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  return std::nullopt;
}

// OFFER_MISMATCH 610, BALANCE_OUT_OF_RANGE 616, CAPTURE_EXCEEDS_HOLD 623
Broken DeriveCapture(Case& c, Entry& e) {
  const Hold* open = c.state.holds.Find(SequenceKey(e.hold));
  if (!open || open->merchant != e.merchant || open->until_ms <= e.recorded_ms) return Refusal{Reason::HOLD_NOT_FOUND, {}};
  const Hold hold = *open;
  const Rulebook* book = c.state.BookNamed(hold.rulebook);
  if (!book) return Refusal{Reason::RULEBOOK_NOT_FOUND, {}};
  if (!IsAmount(c.points)) return OutOfRange("points");
  e.member = hold.member;
  e.groups = hold.groups;
  e.grid = hold.grid;
  e.presentation = hold.presentation;
  e.limit_day = hold.business_day;
  e.rulebook = hold.rulebook;
  if (c.points <= hold.points) {
    auto lines = CutTo(hold.lines, c.points);
    if (!lines) return Refusal{Reason::OFFER_MISMATCH, {{"expected", "whole_pieces"}}};
    e.lines = *std::move(lines);
  }
  if (!InRange(AccountOf(c.state, e.merchant, kPoint).at(Sub::kAvailable) + c.points)) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  if (c.points > hold.points) return Refusal{Reason::CAPTURE_EXCEEDS_HOLD, {{"max", absl::StrCat(hold.points)}}};
  const std::vector<Lot> captured = TakeLots(hold.lots, c.points);
  std::vector<Lot> rest = hold.lots;
  for (const Lot& lot : Negative(captured)) AddLot(rest, lot);
  e.owed = OwedFor(captured, *book);
  e.postings = {MoveLots(Holder(e.member), Sub::kHeld, Negative(captured)),
                MoveFunds(Holder(e.merchant), Sub::kAvailable, FundsOf(captured))};
  if (rest.empty()) return std::nullopt;
  e.postings.push_back(MoveLots(Holder(e.member), Sub::kHeld, Negative(rest)));
  GiveBack(c.state, e, e.member, rest);
  return std::nullopt;
}

std::vector<Lot> LotsOf(const Entry& sale, const std::vector<Span>& spans) {
  std::vector<Lot> part;
  const auto lots = LotsTaken(sale);
  std::int64_t position = 0;
  for (auto lot = lots.rbegin(); lot != lots.rend(); ++lot) {
    for (const Span& span : spans) {
      const std::int64_t from = std::max(position, span.from), to = std::min(position + lot->amount, span.to);
      if (from >= to) continue;
      part.push_back(*lot);
      part.back().amount = to - from;
    }
    position += lot->amount;
  }
  return part;
}

std::vector<Owed> OwedBack(const Entry& sale, const std::vector<Span>& spans) {
  // Points of a fund among the last `count` points of the sale: shares by position add up to exactly what was owed, in whatever order.
  const auto among_last = [&](const std::string& fund, std::int64_t count) {
    std::int64_t points = 0;
    const auto lots = LotsTaken(sale);
    for (auto lot = lots.rbegin(); lot != lots.rend() && count > 0; ++lot) {
      const std::int64_t part = std::min(count, lot->amount);
      if (lot->fund == fund) points += part;
      count -= part;
    }
    return points;
  };
  std::vector<Owed> back;
  for (const Owed& owed : sale.owed) {
    Owed part{.fund = owed.fund, .rounding = owed.rounding};
    for (const Span& span : spans) {
      const std::int64_t before = among_last(owed.fund, span.from), after = among_last(owed.fund, span.to);
      part.points -= after - before;
      part.fen -= Scale(owed.fen, after, owed.points, v1::DOWN) - Scale(owed.fen, before, owed.points, v1::DOWN);
    }
    if (part.points != 0) back.push_back(std::move(part));
  }
  return back;
}

namespace {

// A sale of somebody, who may be nobody: then as if they had too few points.
Outcome Sell(Decision& d, Kind kind, const Payer& payer, const std::vector<OfferLine>& lines) {
  if (!payer.member.id.empty()) {
    if (auto waits = d.Settle(payer.member.id)) return *std::move(waits);
  }
  Entry entry = d.Draft(kind);
  if (FindMember(d.state(), payer.member.id)) entry.member = payer.member.id;
  entry.presentation = payer.presentation;
  entry.payer_use = payer.use;
  entry.lines = lines;
  return d.Carry({d.state()}, std::move(entry));
}

}  // namespace

Outcome Decide(Decision& d, const Redeem& command) { return Sell(d, Kind::kRedemption, command.payer, command.lines); }
Outcome Decide(Decision& d, const Authorize& command) { return Sell(d, Kind::kHold, command.payer, command.lines); }

// HOLD_ALREADY_CAPTURED 620, HOLD_ALREADY_VOIDED 621, HOLD_EXPIRED 622
OpenHold FindOpenHold(Decision& d, std::int64_t sequence, Kind kind, std::int64_t points) {
  OpenHold found;
  const auto entry = d.Find(sequence);
  if (!entry || entry->kind != Kind::kHold || entry->merchant != d.origin().merchant) {
    found.refusal = d.Unrecorded({Reason::HOLD_NOT_FOUND, {}});
    return found;
  }
  if (auto waits = d.Settle(entry->member)) {
    found.refusal = *std::move(waits);
    return found;
  }
  found.hold = d.state().holds.Find(SequenceKey(sequence));
  if (found.hold) return found;
  const FollowUp* follow_up = d.state().follow_ups.Find(SequenceKey(sequence));
  const auto end = d.Find(follow_up ? follow_up->sequence : -1);
  const Kind ended_by = end ? end->kind : Kind::kVoid;
  const Reason reason = ended_by == Kind::kHoldExpired ? Reason::HOLD_EXPIRED
                        : ended_by == Kind::kCapture   ? Reason::HOLD_ALREADY_CAPTURED
                                                       : Reason::HOLD_ALREADY_VOIDED;
  Entry asked = d.Draft(kind);
  asked.hold = sequence;
  asked.member = entry->member;
  found.refusal = d.Refuse(asked, {reason, {}}, points);
  return found;
}

Outcome Decide(Decision& d, const Capture& command) {
  const OpenHold open = FindOpenHold(d, command.hold, Kind::kCapture, command.points);
  if (!open.hold) return open.refusal;
  Case c{d.state()};
  c.points = command.points ? command.points : open.hold->points;
  Entry entry = d.Draft(Kind::kCapture);
  entry.hold = command.hold;
  entry.member = open.hold->member;
  return d.Carry(c, std::move(entry));
}

}  // namespace redpoints
