// Sales: quotes, redemptions, holds and what ends them, refunds, reversals.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/apply.h"
#include "storage/rules/engine.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

std::vector<Lot> Negative(std::vector<Lot> lots) {
  for (Lot& lot : lots) lot.amount = -lot.amount;
  return lots;
}

// The offer lines of a sale cut down to `points`, the last line first; quantities stay, a line without points goes.
std::vector<OfferLine> CutTo(std::vector<OfferLine> lines, std::int64_t points) {
  std::int64_t over = -points;
  for (const OfferLine& line : lines) over += line.points;
  while (over > 0) {
    OfferLine& last = lines.back();
    const std::int64_t cut = std::min(over, last.points);
    last.points -= cut;
    over -= cut;
    if (last.points == 0) lines.pop_back();
  }
  return lines;
}

// What refunding the points from `already` to `until` of a sale takes back from each fund. The last points of the sale go first, and the
// shares of all refunds of a sale add up to exactly what was owed.
std::vector<Owed> OwedBack(const Entry& sale, std::int64_t already, std::int64_t until) {
  // Points of each fund among the last `count` points of the sale.
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
    const std::int64_t before = among_last(owed.fund, already);
    const std::int64_t after = among_last(owed.fund, until);
    if (after == before) continue;
    const std::int64_t fen = Scale(owed.fen, after, owed.points, v1::DOWN) - Scale(owed.fen, before, owed.points, v1::DOWN);
    back.push_back({owed.fund, before - after, -fen});
  }
  return back;
}

// The lots of the points from `already` to `until`, counted from the end of the sale.
std::vector<Lot> LotsBack(const Entry& sale, std::int64_t already, std::int64_t until) {
  std::vector<Lot> back;
  const auto lots = LotsTaken(sale);
  std::int64_t position = 0;
  for (auto lot = lots.rbegin(); lot != lots.rend(); ++lot) {
    const std::int64_t from = std::max(position, already), to = std::min(position + lot->amount, until);
    if (from < to) back.push_back({lot->fund, lot->end, to - from});
    position += lot->amount;
  }
  return back;
}

}  // namespace

struct Engine::Sale {
  std::string member;  // id; empty when not found
  const Rulebook* book = nullptr;
  std::int64_t points = 0;
  std::vector<Lot> lots;
  std::vector<OfferLine> lines;
};

std::optional<Refusal> Engine::CheckSale(const Origin& origin, const std::string& member_ref, const std::vector<OfferLine>& lines,
                                         Sale& sale) {
  // References.
  const MemberData* member = FindMember(member_ref);
  if (!member) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  sale.member = member->id;
  const auto* merchant = state_.Find<MerchantData>("merchant", origin.merchant);
  if (!merchant) return Refusal{Reason::MERCHANT_NOT_FOUND, {}};
  sale.book = state_.BookOf(today_);
  if (!sale.book) return Refusal{Reason::RULEBOOK_NOT_FOUND, {}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const v1::Offer* offer = sale.book->FindOffer(lines[i].offer);
    if (!offer || (!offer->merchant().empty() && offer->merchant() != origin.merchant)) {
      return Refusal{Reason::OFFER_NOT_FOUND, {{"field", absl::StrCat("offer_lines[", i, "].offer")}}};
    }
  }

  // State, in the order of the reasons' numbers.
  ExpirePast(sale.member);
  if (WorksAt(*merchant, *member)) return Refusal{Reason::SELF_DEALING, {}};
  if (member->state != RegistrationState::kActive) return Refusal{Reason::MEMBER_SUSPENDED, {}};
  if (merchant->state != RegistrationState::kActive) return Refusal{Reason::MERCHANT_SUSPENDED, {}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const v1::Offer& offer = *sale.book->FindOffer(lines[i].offer);
    const OfferLine& line = lines[i];
    if (offer.price_points() != 0 && line.points != offer.price_points() * line.quantity) {
      return Refusal{Reason::OFFER_MISMATCH, {{"line", absl::StrCat(i)}, {"expected", absl::StrCat(offer.price_points() * line.quantity)}}};
    }
    if (offer.price_points() == 0 && offer.max_points() != 0 && line.points > offer.max_points()) {
      return Refusal{Reason::OFFER_MISMATCH, {{"line", absl::StrCat(i)}, {"expected", absl::StrCat("at most ", offer.max_points())}}};
    }
    sale.points += line.points;  // at most 20 lines below 2^53
  }
  if (!InRange(sale.points)) return Refusal{Reason::OFFER_MISMATCH, {{"expected", absl::StrCat("at most ", kAmountMax, " points")}}};
  sale.lines = lines;
  const Account account = AccountOf(sale.member, kPoint);
  const std::int64_t available = account.at(Sub::kAvailable);
  const auto& limits = sale.book->limits();
  if (limits.min_balance_to_redeem() && available < limits.min_balance_to_redeem()) {
    return Refusal{Reason::BELOW_MINIMUM, {{"min", absl::StrCat(limits.min_balance_to_redeem())}}};
  }
  const auto exceeds = [&](std::int64_t limit, const std::string& counter, std::int64_t more) {
    if (limit == 0) return false;
    const std::int64_t* count = state_.counters.Find(counter);
    return (count ? *count : 0) + more > limit;
  };
  const auto limit = [](const char* name) { return Refusal{Reason::LIMIT_EXCEEDED, {{"limit", name}}}; };
  if (limits.max_points_per_redemption() && sale.points > limits.max_points_per_redemption()) return limit("per_redemption");
  if (exceeds(limits.max_points_per_member_day(), MemberCounter(v1::DAY, sale.member, today_), sale.points)) return limit("member_day");
  if (exceeds(limits.max_points_per_member_month(), MemberCounter(v1::MONTH, sale.member, today_), sale.points)) {
    return limit("member_month");
  }
  if (exceeds(limits.max_points_per_merchant_day(), MerchantCounter(origin.merchant, today_), sale.points)) return limit("merchant_day");
  for (const auto& count : limits.counts()) {
    if (exceeds(count.max_count(), CountCounter(count.period(), sale.member, today_), 1)) return limit("count");
  }
  if (available < sale.points) return Refusal{Reason::INSUFFICIENT_POINTS, {{"short_by", absl::StrCat(sale.points - available)}}};
  if (!InRange(AccountOf(origin.merchant, kPoint).at(Sub::kAvailable) + sale.points)) return Refusal{Reason::BALANCE_OUT_OF_RANGE, {}};
  sale.lots = Take(account.lots, sale.points);
  if (sale.lots.size() + sale.lines.size() > 20 && !FitsEntries(origin, sale)) return limit("entry_size");
  return std::nullopt;
}

bool Engine::FitsEntries(const Origin& origin, const Sale& sale) const {
  // The longest: a reversal or capture in part, with the fields of both, and numbers as long as they can be.
  Entry entry = Draft(Kind::kHoldExpired, origin);
  entry.program = state_.program;
  entry.epoch = entry.sequence = entry.recorded_ms = entry.quantity = entry.ref = entry.hold = kAmountMax;
  entry.business_day = entry.effective_day = kNever;
  entry.request_id = entry.fingerprint = entry.target_request = std::string(32, '0');
  entry.clerk = std::string(16, '0');
  entry.till = std::string(32, '0');
  entry.member = sale.member;
  entry.rulebook = sale.book->version();
  entry.presentation = entry.reason = "presentation";
  entry.lines = sale.lines;
  entry.owed = OwedFor(sale.lots, *sale.book);
  for (Owed& owed : entry.owed) owed.fen = -owed.fen, owed.points = -owed.points;
  auto lots = Negative(sale.lots);
  lots.push_back(lots.back());  // a part of it is captured, the rest comes back
  entry.postings = {Move(sale.member, Sub::kHeld, kPoint, -sale.points, std::move(lots)),
                    Move(origin.merchant, Sub::kAvailable, kPoint, -sale.points), Move(sale.member, Sub::kHeld, kPoint, -sale.points),
                    Move(sale.member, Sub::kAvailable, kPoint, -sale.points)};
  for (Posting& p : entry.postings) p.balance = p.prev = kAmountMax;
  return FitsLine(entry);
}

Outcome Engine::Decide(const Origin& origin, const Quote& command) {
  Sale sale;
  Outcome outcome;
  outcome.first = outcome.now = v1::DONE;
  outcome.refusal = CheckSale(origin, RefOf(command.payer), command.lines, sale);
  if (outcome.refusal) outcome.refusal = CountTry(origin, *std::move(outcome.refusal));
  return outcome;
}

Outcome Engine::Decide(const Origin& origin, const Redeem& command) {
  Sale sale;
  if (auto refusal = CheckSale(origin, RefOf(command.payer), command.lines, sale)) {
    if (refusal->reason == Reason::MEMBER_NOT_FOUND) return Unrecorded(CountTry(origin, *std::move(refusal)));
    return Answer(origin, Kind::kRedemption, sale.member, std::move(*refusal));
  }
  Entry entry = Draft(Kind::kRedemption, origin);
  entry.member = sale.member;
  entry.presentation = PresentationOf(command.payer);
  entry.rulebook = sale.book->version();
  entry.lines = std::move(sale.lines);
  entry.owed = OwedFor(sale.lots, *sale.book);
  entry.postings.reserve(2);
  entry.postings.push_back(Move(sale.member, Sub::kAvailable, kPoint, -sale.points, Negative(std::move(sale.lots))));
  entry.postings.push_back(Move(origin.merchant, Sub::kAvailable, kPoint, sale.points));
  return Posted(Post(std::move(entry)));
}

Outcome Engine::Decide(const Origin& origin, const Authorize& command) {
  Sale sale;
  if (auto refusal = CheckSale(origin, RefOf(command.payer), command.lines, sale)) {
    if (refusal->reason == Reason::MEMBER_NOT_FOUND) return Unrecorded(CountTry(origin, *std::move(refusal)));
    return Answer(origin, Kind::kHold, sale.member, std::move(*refusal));
  }
  Entry entry = Draft(Kind::kHold, origin);
  entry.member = sale.member;
  entry.presentation = PresentationOf(command.payer);
  entry.rulebook = sale.book->version();
  entry.hold_until_ms = now_ms_ + sale.book->hold_ttl_ms();
  entry.lines = std::move(sale.lines);
  entry.postings = {Move(sale.member, Sub::kAvailable, kPoint, -sale.points, Negative(std::move(sale.lots))),
                    Move(sale.member, Sub::kHeld, kPoint, sale.points)};
  return Posted(Post(std::move(entry)), v1::PENDING);
}

// The open hold of this shop; otherwise nullptr, and `refusal` says why.
const Hold* Engine::FindHold(const Origin& origin, std::int64_t sequence, Outcome& refusal, Kind kind) {
  const Hold* hold = state_.holds.Find(SequenceKey(sequence));
  if (hold && hold->until_ms <= now_ms_) {
    EndHoldByTime(sequence);
    hold = nullptr;
  }
  if (hold) {
    if (hold->merchant == origin.merchant) return hold;
    refusal = Unrecorded({Reason::HOLD_NOT_FOUND, {}});
    return nullptr;
  }
  auto entry = FindEntry(sequence);
  if (!entry.ok() || (*entry)->kind != Kind::kHold || (*entry)->merchant != origin.merchant) {
    refusal = Unrecorded({Reason::HOLD_NOT_FOUND, {}});
    return nullptr;
  }
  const FollowUp* follow_up = state_.follow_ups.Find(SequenceKey(sequence));
  auto end = FindEntry(follow_up ? follow_up->sequence : -1);
  const Kind ended_by = end.ok() ? (*end)->kind : Kind::kVoid;
  const Reason reason = ended_by == Kind::kHoldExpired ? Reason::HOLD_EXPIRED
                        : ended_by == Kind::kCapture   ? Reason::HOLD_ALREADY_CAPTURED
                                                       : Reason::HOLD_ALREADY_VOIDED;
  refusal = Answer(origin, kind, (*entry)->member, {reason, {}});
  return nullptr;
}

Outcome Engine::Decide(const Origin& origin, const Capture& command) {
  Outcome refusal;
  const Hold* open = FindHold(origin, command.hold, refusal, Kind::kCapture);
  if (!open) return refusal;
  const Hold hold = *open;
  const std::int64_t points = command.points ? command.points : hold.points;
  if (points > hold.points) {
    return Answer(origin, Kind::kCapture, hold.member, {Reason::CAPTURE_EXCEEDS_HOLD, {{"max", absl::StrCat(hold.points)}}});
  }
  if (!InRange(AccountOf(hold.merchant, kPoint).at(Sub::kAvailable) + points)) {
    return Answer(origin, Kind::kCapture, hold.member, {Reason::BALANCE_OUT_OF_RANGE, {}});
  }
  const Rulebook* book = state_.BookNamed(hold.rulebook);
  RP_CHECK(book != nullptr);
  ExpirePast(hold.member);
  std::vector<Lot> captured = Take(hold.lots, points);
  std::vector<Lot> rest = hold.lots;
  for (const Lot& lot : captured) AddLot(rest, {lot.fund, lot.end, -lot.amount});

  Entry entry = Draft(Kind::kCapture, origin);
  entry.member = hold.member;
  entry.effective_day = hold.business_day;  // the day against whose limits the points count
  entry.rulebook = hold.rulebook;
  entry.hold = command.hold;
  entry.lines = CutTo(hold.lines, points);
  entry.owed = OwedFor(captured, *book);
  entry.postings = {Move(hold.member, Sub::kHeld, kPoint, -points, Negative(std::move(captured))),
                    Move(hold.merchant, Sub::kAvailable, kPoint, points)};
  if (points < hold.points) {
    for (Posting& p : Unhold(hold.member, hold.points - points, rest)) entry.postings.push_back(std::move(p));
  }
  return Posted(Post(std::move(entry)));
}

Outcome Engine::Decide(const Origin& origin, const Void& command) {
  Outcome refusal;
  const Hold* open = FindHold(origin, command.hold, refusal, Kind::kVoid);
  if (!open) return refusal;
  const Hold hold = *open;
  ExpirePast(hold.member);
  Entry entry = Draft(Kind::kVoid, origin);
  entry.member = hold.member;
  entry.hold = command.hold;
  entry.postings = Unhold(hold.member, hold.points, hold.lots);
  return Posted(Post(std::move(entry)));
}

// Gives `points` of `sale` back, after `already` were: into the lots they came from; past ones by the policy of today's rulebook.
Outcome Engine::GiveBack(Entry entry, const Entry& sale, std::int64_t points, std::int64_t already) {
  const Rulebook* book = state_.BookOf(today_);
  entry.owed = OwedBack(sale, already, already + points);
  if (points > 0) {
    std::vector<Lot> back, past;
    std::int64_t expired = 0;
    for (Lot lot : LotsBack(sale, already, already + points)) {
      if (lot.end <= today_) {
        if (!book || book->past_lot() != v1::GRACE) {
          expired += lot.amount;
          past.push_back(std::move(lot));
          continue;
        }
        lot.end = EndOfPeriod(AddDays(today_, book->proto().policies().grace_days()), 0, v1::MONTH);
      }
      back.push_back(std::move(lot));
    }
    back = Fit(AccountOf(sale.member, kPoint).lots, back);
    entry.postings.push_back(Move(sale.merchant, Sub::kAvailable, kPoint, -points));
    if (points > expired) entry.postings.push_back(Move(sale.member, Sub::kAvailable, kPoint, points - expired, std::move(back)));
    if (expired > 0) entry.postings.push_back(Move(kExpiredHolder, Sub::kAvailable, kPoint, expired, std::move(past)));
  }
  return Posted(Post(std::move(entry)));
}

Outcome Engine::Decide(const Origin& origin, const Refund& command) {
  auto found = FindEntry(command.redemption);
  if (!found.ok() || ((*found)->kind != Kind::kRedemption && (*found)->kind != Kind::kCapture) || (*found)->merchant != origin.merchant) {
    return Unrecorded({Reason::REDEMPTION_NOT_FOUND, {}});
  }
  const Entry& sale = **found;
  const FollowUp* followed = state_.follow_ups.Find(SequenceKey(command.redemption));
  const FollowUp follow_up = followed ? *followed : FollowUp{};
  ExpirePast(sale.member);
  const std::int64_t left = PointsOf(sale) - follow_up.refunded_points;
  if (follow_up.state == v1::REVERSED) return Answer(origin, Kind::kRefund, sale.member, {Reason::REDEMPTION_REVERSED, {}});
  if (command.points > left) {
    return Answer(origin, Kind::kRefund, sale.member, {Reason::REFUND_EXCEEDS_REMAINDER, {{"max", absl::StrCat(left)}}});
  }
  if (!HasRoom(sale.member, command.points)) return Answer(origin, Kind::kRefund, sale.member, {Reason::BALANCE_OUT_OF_RANGE, {}});
  Entry entry = Draft(Kind::kRefund, origin);
  entry.member = sale.member;
  entry.rulebook = sale.rulebook;
  entry.ref = command.redemption;
  return GiveBack(std::move(entry), sale, command.points, follow_up.refunded_points);
}

Outcome Engine::Decide(const Origin& origin, const Reverse& command) {
  if (command.target_request == origin.request_id) {
    return Unrecorded({Reason::FIELD_INVALID, {{"field", "target_request_id"}, {"expected", "the id of another request"}}});
  }
  const RequestRecord* found = state_.requests.Find(RequestKey(origin.actor, command.target_request));
  if (!found) {
    Entry entry = Draft(Kind::kReversal, origin);
    entry.reason = "tombstone";
    entry.target_request = command.target_request;
    return Posted(Post(std::move(entry)));
  }
  return ReverseTarget(origin, command.target_request, *found);
}

Outcome Engine::ReverseTarget(const Origin& origin, const std::string& target_request, const RequestRecord& record) {
  if (record.is_tombstone) {  // reversed before it arrived: the same answer again
    Outcome again = OutcomeOf(record.sequence);
    again.is_replayed = true;
    return again;
  }
  auto found = FindEntry(record.sequence);
  if (!found.ok()) return Unrecorded({Reason::INVARIANT_VIOLATION, {}});
  const Entry target = **found;
  const FollowUp* followed = state_.follow_ups.Find(SequenceKey(record.sequence));
  const FollowUp follow_up = followed ? *followed : FollowUp{};
  const auto with_target = [&](Outcome outcome) {
    if (!outcome.refusal) outcome.target = std::make_shared<const Outcome>(OutcomeOf(record.sequence));
    return outcome;
  };
  if (follow_up.reversal >= 0) {  // reversed before: the same answer again
    Outcome again = OutcomeOf(follow_up.reversal);
    again.is_replayed = true;
    return with_target(std::move(again));
  }
  Entry entry = Draft(Kind::kReversal, origin);
  entry.target_request = target_request;
  entry.member = target.member;
  if (target.kind == Kind::kRefused && record.count == 1) {  // of many: the others may stand
    entry.reason = "refused";
    entry.ref = record.sequence;
    return with_target(Posted(Post(std::move(entry))));
  }
  if (target.kind != Kind::kRedemption && target.kind != Kind::kHold && target.kind != Kind::kCapture) {
    return Answer(origin, Kind::kReversal, target.member, {Reason::NOT_REVERSIBLE, {}});
  }
  if (target.kind == Kind::kHold && followed && follow_up.state == v1::REVERSED) {
    entry.reason = "ended";
    entry.hold = record.sequence;
    return with_target(Posted(Post(std::move(entry))));
  }
  const Rulebook* book = state_.BookNamed(target.rulebook);
  RP_CHECK(book != nullptr);
  if (now_ms_ - target.recorded_ms > book->reversal_window_ms()) {
    return Answer(origin, Kind::kReversal, target.member, {Reason::REVERSAL_WINDOW_CLOSED, {}});
  }
  entry.reason = "undone";
  entry.rulebook = target.rulebook;
  entry.hold = target.kind == Kind::kHold ? record.sequence : target.hold;
  if (const Hold* open = target.kind == Kind::kHold ? state_.holds.Find(SequenceKey(record.sequence)) : nullptr) {
    const Hold hold = *open;
    ExpirePast(hold.member);
    entry.postings = Unhold(hold.member, hold.points, hold.lots);
    return with_target(Posted(Post(std::move(entry))));
  }
  // A redemption, or the capture of a hold: what is left of it goes back, and the limits with it.
  const std::int64_t sale_sequence = target.kind == Kind::kHold ? follow_up.sequence : record.sequence;
  auto sale = FindEntry(sale_sequence);
  if (!sale.ok() || PointsOf(**sale) == 0) return Unrecorded({Reason::INVARIANT_VIOLATION, {}});
  const FollowUp* sale_followed = state_.follow_ups.Find(SequenceKey(sale_sequence));
  const std::int64_t refunded = sale_followed ? sale_followed->refunded_points : 0;
  ExpirePast(target.member);
  if (!HasRoom(target.member, PointsOf(**sale) - refunded)) {
    return Answer(origin, Kind::kReversal, target.member, {Reason::BALANCE_OUT_OF_RANGE, {}});
  }
  entry.ref = sale_sequence;
  entry.merchant = (*sale)->merchant;
  entry.effective_day = (*sale)->kind == Kind::kCapture ? (*sale)->effective_day : (*sale)->business_day;
  entry.quantity = PointsOf(**sale);
  return with_target(GiveBack(std::move(entry), **sale, entry.quantity - refunded, refunded));
}

}  // namespace redpoints
