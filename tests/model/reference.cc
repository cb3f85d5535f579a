#include "tests/model/reference.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/rulebook.h"
#include "tests/model/naive.h"

namespace redpoints {

using namespace naive;

namespace {

std::string Text(const AwardItem& i) {
  std::string text =
      absl::StrCat(i.member, " ", i.activity, " x", i.quantity, " on ", i.effective_day, " group ", static_cast<int>(i.group), " ",
                   i.session, "/", i.case_id, "/", i.about, "/", i.evidence_sha256, "/", i.note_commitment);
  for (const auto& tag : i.tags) absl::StrAppend(&text, " #", tag);
  return text;
}
std::string Text(const std::vector<OfferLine>& lines) {
  std::string text;
  for (const OfferLine& l : lines) absl::StrAppend(&text, " ", l.offer, "*", l.quantity, "=", l.points, "+", l.cash_fen);
  return text;
}

}  // namespace

std::string Describe(const Origin& origin, const Command& command) {
  struct Visitor {
    std::string operator()(const Award& c) const { return "award " + Text(c.item); }
    std::string operator()(const AwardBatch& c) const {
      std::string text = "batch";
      for (const auto& item : c.items) absl::StrAppend(&text, " [", Text(item), "]");
      return text;
    }
    std::string operator()(const Correct& c) const { return absl::StrCat("correct ", c.award, " to ", c.new_quantity, " ", c.reason); }
    std::string operator()(const Donate& c) const { return absl::StrCat("donate ", c.member, " ", c.points); }
    std::string operator()(const Quote& c) const { return absl::StrCat("quote ", PresentationOf(c.payer), RefOf(c.payer), Text(c.lines)); }
    std::string operator()(const Redeem& c) const {
      return absl::StrCat("redeem ", PresentationOf(c.payer), RefOf(c.payer), Text(c.lines));
    }
    std::string operator()(const Authorize& c) const {
      return absl::StrCat("authorize ", PresentationOf(c.payer), RefOf(c.payer), Text(c.lines));
    }
    std::string operator()(const Capture& c) const { return absl::StrCat("capture ", c.hold, " ", c.points); }
    std::string operator()(const Void& c) const { return absl::StrCat("void ", c.hold); }
    std::string operator()(const Refund& c) const { return absl::StrCat("refund ", c.redemption, " ", c.points); }
    std::string operator()(const Reverse& c) const { return "reverse " + c.target_request; }
    std::string operator()(const Register& c) const {
      std::string text = "register";
      for (const auto& item : c.items) {
        absl::StrAppend(&text, " ", RegistrationKey(item));
        if (const auto* m = std::get_if<MemberData>(&item)) absl::StrAppend(&text, " state ", static_cast<int>(m->state));
        if (const auto* m = std::get_if<MerchantData>(&item)) absl::StrAppend(&text, " state ", static_cast<int>(m->state));
        if (const auto* f = std::get_if<FundData>(&item)) absl::StrAppend(&text, " budget ", f->budget_points);
      }
      return text;
    }
    std::string operator()(const ConfirmClock&) const { return "confirm clock"; }
    std::string operator()(const FoundProgram& c) const { return "found " + c.program.id; }
  };
  return absl::StrCat(std::visit(Visitor{}, command), " by ", origin.actor, " clerk ", origin.clerk, " till ", origin.till);
}

std::int64_t Reference::Member::available() const {
  std::int64_t sum = 0;
  for (const auto& [key, points] : lots) sum += points;
  return sum;
}

// --- time ------------------------------------------------------------------------------------------------------------------------

void Reference::SetTime(std::int64_t ms) {
  now_ms = ms;
  today = DayOf(ms);
  for (auto& [id, member] : members) PutBack(member, {});
}

void Reference::CatchUp() {
  const auto open = open_holds_;
  std::vector<std::pair<std::int64_t, std::int64_t>> due;
  for (const std::int64_t sequence : open) {
    if (holds_[sequence].until_ms <= now_ms) due.emplace_back(holds_[sequence].until_ms, sequence);
  }
  std::sort(due.begin(), due.end());
  for (const auto& [until, sequence] : due) {
    EndHold(holds_[sequence]);
    holds_[sequence].state = Held::kTimedOut;
  }
}

// --- members and lots ------------------------------------------------------------------------------------------------------------

Reference::Member* Reference::FindMember(const std::string& ref) {
  for (auto& [id, member] : members) {
    if (id == ref || member.data.number == ref) return &member;
  }
  return nullptr;
}

const v1::Rulebook* Reference::BookOn(Day day) const {
  const v1::Rulebook* last = nullptr;
  for (const auto& [from, book] : books) {
    if (from <= day) last = &book;
  }
  return last;
}

bool Reference::IsSelf(const std::string& staff_id, const Member& member) const {
  const auto found = staff.find(staff_id);
  if (found == staff.end() || found->second.empty()) return false;
  if (found->second == member.data.id) return true;
  for (const auto& mine : members.at(found->second).data.memberships) {
    if (mine.from > today || (mine.to != 0 && mine.to <= today)) continue;
    if (mine.member == member.data.id) return true;
    if (members.at(mine.member).data.kind != MemberKind::kHousehold) continue;
    for (const auto& theirs : member.data.memberships) {
      if (theirs.member == mine.member && theirs.from <= today && (theirs.to == 0 || today < theirs.to)) return true;
    }
  }
  return false;
}

std::vector<Reference::Part> Reference::TakeSoonest(Member& member, std::int64_t points) {
  std::vector<Part> parts;
  while (points > 0) {
    const auto soonest = member.lots.begin();
    const std::int64_t part = std::min(points, soonest->second);
    parts.push_back({soonest->first.second, soonest->first.first, part});
    points -= part;
    soonest->second -= part;
    if (soonest->second == 0) member.lots.erase(soonest);
  }
  return parts;
}

void Reference::PutBack(Member& member, const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    LotKey key{part.end, part.fund};
    if (member.lots.count(key) == 0 && member.lots.size() >= kLots) {
      key = std::prev(member.lots.end())->first;
      for (const auto& [other, points] : member.lots) {
        if (other.second == part.fund && other.first > part.end) {
          key = other;
          break;
        }
      }
    }
    member.lots[key] += part.points;
  }
  while (!member.lots.empty() && member.lots.begin()->first.first <= today) {
    expired += member.lots.begin()->second;
    member.ended[member.lots.begin()->first] += member.lots.begin()->second;
    member.lots.erase(member.lots.begin());
  }
}

void Reference::EndHold(Held& hold) {
  Member& member = members.at(hold.member);
  member.held -= hold.points;
  PutBack(member, hold.parts);
  counted_[hold.counted].points = counted_[hold.counted].count = 0;
  for (auto it = open_holds_.begin(); it != open_holds_.end(); ++it) {
    if (&holds_[*it] == &hold) {
      open_holds_.erase(it);
      break;
    }
  }
}

// --- refusals and repetitions ----------------------------------------------------------------------------------------------------

Expected Reference::RefuseUnrecorded(Reason reason) {
  Expected expected;
  expected.reason = reason;
  expected.is_recorded = false;
  expected.first = expected.now = v1::OUTCOME_STATE_UNSPECIFIED;
  return expected;
}

int Reference::RefusalsMax() const {
  const v1::Rulebook* book = BookOn(today);
  return book ? Or(book->policies().refusals_per_terminal_day(), 1000) : 1000;
}

bool Reference::IsOneTryTooMany(const Origin& origin) {
  int& count = tries_[{origin.terminal, today}];
  if (count >= RefusalsMax()) return true;
  ++count;
  return false;
}

Expected Reference::Refuse(const Origin& origin, Reason reason, Facts facts) {
  if (!origin.terminal.empty()) {
    int& count = refusals_[{origin.terminal, today}];
    if (count >= RefusalsMax()) return RefuseUnrecorded(Reason::REFUSALS_EXHAUSTED);
    ++count;
  }
  Expected expected;
  expected.reason = reason;
  expected.first = expected.now = v1::REFUSED;
  expected.facts = std::move(facts);
  return expected;
}

Expected Reference::Do(const Origin& origin, const Command& command, const std::vector<std::int64_t>& sequences) {
  const std::pair<std::string, std::string> key{origin.actor, origin.request_id};
  const std::string text = Describe(origin, command);
  if (const auto it = requests_.find(key); it != requests_.end()) {
    const Request& known = it->second;
    if (known.is_tombstone) {
      Expected expected = RefuseUnrecorded(Reason::ALREADY_REVERSED);
      expected.first = expected.now = v1::REVERSED;
      expected.is_replayed = true;
      expected.sequence = known.sequence;
      return expected;
    }
    if (known.text != text) return RefuseUnrecorded(Reason::REQUEST_ID_REUSED);
    Expected expected = known.answer;
    expected.is_replayed = true;
    expected.is_recorded = false;
    expected.sequence = known.sequence;
    if (const auto sale = sales_.find(known.sequence); sale != sales_.end()) {
      expected.now = sale->second.is_reversed ? v1::REVERSED : v1::DONE;
      expected.refunded_points = sale->second.refunded;
    }
    if (const auto hold = holds_.find(known.sequence); hold != holds_.end()) {
      const auto state = hold->second.state;
      expected.now = state == Held::kOpen ? v1::PENDING : state == Held::kCaptured ? v1::DONE : v1::REVERSED;
    }
    return expected;
  }
  Request request;
  request.text = text;
  request.sequence = sequences.empty() ? -1 : sequences.front();
  request.recorded_ms = now_ms;
  Expected expected = Decide(origin, command, sequences, request);
  if (expected.is_recorded && !expected.is_replayed) {
    request.answer = expected;
    if (expected.first == v1::REFUSED) request.kind = Kind::kRefused;
    requests_[key] = std::move(request);
  }
  return expected;
}

Expected Reference::Decide(const Origin& origin, const Command& command, const std::vector<std::int64_t>& sequences, Request& request) {
  const std::int64_t sequence = request.sequence;
  const auto as = [&](Kind kind, Expected expected) {
    request.kind = kind;
    return expected;
  };
  if (const auto* award = std::get_if<redpoints::Award>(&command)) return as(Kind::kAward, DoAward(origin, award->item, sequence));
  if (const auto* batch = std::get_if<AwardBatch>(&command)) {
    for (const AwardItem& item : batch->items) {
      if (!FindMember(item.member)) return RefuseUnrecorded(Reason::MEMBER_NOT_FOUND);
      const v1::Rulebook* book = BookOn(item.effective_day);
      if (!book) return RefuseUnrecorded(Reason::RULEBOOK_NOT_FOUND);
      if (!FindRule(*book, item.activity)) return RefuseUnrecorded(Reason::ACTIVITY_NOT_FOUND);
    }
    Expected all;
    for (std::size_t i = 0; i < batch->items.size(); ++i) {
      all.items.push_back(DoAward(origin, batch->items[i], i < sequences.size() ? sequences[i] : -1));
    }
    const auto items = all.items;
    all = items.front();
    all.items = items;
    return as(Kind::kAward, all);
  }
  if (const auto* correct = std::get_if<Correct>(&command)) return as(Kind::kCorrection, DoCorrect(origin, *correct));
  if (const auto* donate = std::get_if<Donate>(&command)) return as(Kind::kDonation, DoDonate(origin, *donate));
  if (const auto* quote = std::get_if<Quote>(&command)) {
    Expected expected = CheckBasket(origin, RefOf(quote->payer), quote->lines).refusal;
    if (expected.reason != Reason::REASON_UNSPECIFIED && IsOneTryTooMany(origin)) expected = RefuseUnrecorded(Reason::REFUSALS_EXHAUSTED);
    expected.is_recorded = false;
    expected.first = expected.now = v1::DONE;
    return expected;
  }
  const auto* redeem = std::get_if<Redeem>(&command);
  const auto* authorize = std::get_if<Authorize>(&command);
  if (redeem || authorize) {
    const auto& lines = redeem ? redeem->lines : authorize->lines;
    const Basket basket = CheckBasket(origin, RefOf(redeem ? redeem->payer : authorize->payer), lines);
    if (basket.refusal.reason != Reason::REASON_UNSPECIFIED) {
      if (basket.refusal.reason == Reason::MEMBER_NOT_FOUND && IsOneTryTooMany(origin)) return RefuseUnrecorded(Reason::REFUSALS_EXHAUSTED);
      return basket.refusal.is_recorded ? Refuse(origin, basket.refusal.reason, basket.refusal.facts) : basket.refusal;
    }
    request.book = basket.book;
    const std::string member = basket.member->data.id;
    const auto parts = TakeSoonest(*basket.member, basket.points);
    counted_.push_back({origin.merchant, today, basket.points, 1, &basket.book->limits()});
    counted_of_[member].push_back(counted_.size() - 1);
    counted_of_[origin.merchant].push_back(counted_.size() - 1);
    Expected expected;
    if (authorize) {
      basket.member->held += basket.points;
      holds_[sequence] = {.member = member,
                          .merchant = origin.merchant,
                          .parts = parts,
                          .points = basket.points,
                          .until_ms = now_ms + Or<std::int64_t>(basket.book->policies().hold_ttl_ms(), 180'000),
                          .counted = counted_.size() - 1,
                          .book = basket.book};
      open_holds_.push_back(sequence);
      expected.first = expected.now = v1::PENDING;
      return as(Kind::kHold, expected);
    }
    Sale sale{
        .member = member, .merchant = origin.merchant, .parts = parts, .owed = {}, .points = basket.points, .counted = counted_.size() - 1};
    for (const Part& part : parts) sale.owed[part.fund].first += part.points;
    for (auto& [fund, owed] : sale.owed) {
      for (const auto& rate : basket.book->fund_rates()) {
        if (rate.fund() == fund) owed.second = Round(owed.first, rate.fen_numerator(), rate.points_denominator(), rate.rounding());
      }
    }
    merchant_points[origin.merchant] += basket.points;
    expected.owed = sale.owed;
    sales_[sequence] = std::move(sale);
    return as(Kind::kRedemption, expected);
  }
  if (const auto* capture = std::get_if<Capture>(&command)) {
    Expected refusal;
    Held* hold = FindHold(origin, capture->hold, refusal);
    if (!hold) return refusal;
    const std::int64_t points = capture->points ? capture->points : hold->points;
    if (points > hold->points) return Refuse(origin, Reason::CAPTURE_EXCEEDS_HOLD, {{"max", absl::StrCat(hold->points)}});
    if (merchant_points[hold->merchant] + points > kMost) return Refuse(origin, Reason::BALANCE_OUT_OF_RANGE);
    request.book = hold->book;
    Sale sale{.member = hold->member,
              .merchant = hold->merchant,
              .parts = {},
              .owed = {},
              .points = points,
              .counted = hold->counted,
              .hold = capture->hold};
    std::vector<Part> rest;
    std::int64_t left = points;
    for (const Part& part : hold->parts) {
      const std::int64_t taken = std::min(left, part.points);
      left -= taken;
      if (taken > 0) sale.parts.push_back({part.fund, part.end, taken});
      if (taken < part.points) rest.push_back({part.fund, part.end, part.points - taken});
    }
    for (const Part& part : sale.parts) sale.owed[part.fund].first += part.points;
    for (auto& [fund, owed] : sale.owed) {
      for (const auto& rate : hold->book->fund_rates()) {
        if (rate.fund() == fund) owed.second = Round(owed.first, rate.fen_numerator(), rate.points_denominator(), rate.rounding());
      }
    }
    hold->parts = rest;
    EndHold(*hold);
    hold->state = Held::kCaptured;
    hold->capture = sequence;
    counted_[hold->counted].points = points;
    counted_[hold->counted].count = 1;
    merchant_points[hold->merchant] += points;
    Expected expected;
    expected.owed = sale.owed;
    sales_[sequence] = std::move(sale);
    return as(Kind::kCapture, expected);
  }
  if (const auto* end = std::get_if<Void>(&command)) {
    Expected refusal;
    Held* hold = FindHold(origin, end->hold, refusal);
    if (!hold) return refusal;
    EndHold(*hold);
    hold->state = Held::kVoided;
    return as(Kind::kVoid, {});
  }
  if (const auto* refund = std::get_if<Refund>(&command)) return as(Kind::kRefund, DoRefund(origin, *refund));
  if (const auto* reverse = std::get_if<Reverse>(&command)) return as(Kind::kReversal, DoReverse(origin, *reverse, sequence));
  if (const auto* registration = std::get_if<Register>(&command)) return as(Kind::kMember, DoRegister(origin, *registration));
  return as(Kind::kClockConfirmed, {});
}

// --- sales -----------------------------------------------------------------------------------------------------------------------

Reference::Basket Reference::CheckBasket(const Origin& origin, const std::string& ref, const std::vector<OfferLine>& lines) {
  Basket basket;
  const auto unrecorded = [&](Reason reason) {
    basket.refusal = RefuseUnrecorded(reason);
    return basket;
  };
  const auto refuse = [&](Reason reason, Facts facts = {}) {
    basket.refusal.reason = reason;
    basket.refusal.facts = std::move(facts);
    return basket;
  };
  basket.member = FindMember(ref);
  if (!basket.member) return unrecorded(Reason::MEMBER_NOT_FOUND);
  const Member& member = *basket.member;
  const auto merchant = merchants.find(origin.merchant);
  if (merchant == merchants.end()) return unrecorded(Reason::MERCHANT_NOT_FOUND);
  basket.book = BookOn(today);
  if (!basket.book) return unrecorded(Reason::RULEBOOK_NOT_FOUND);
  for (const OfferLine& line : lines) {
    const v1::Offer* offer = FindOffer(*basket.book, line.offer);
    if (!offer || (!offer->merchant().empty() && offer->merchant() != origin.merchant)) return unrecorded(Reason::OFFER_NOT_FOUND);
  }
  for (const auto& person : merchant->second.people) {
    if (person == member.data.id) return refuse(Reason::SELF_DEALING);
    for (const auto& membership : members.at(person).data.memberships) {
      if (membership.member == member.data.id && membership.from <= today && (membership.to == 0 || today < membership.to)) {
        return refuse(Reason::SELF_DEALING);
      }
    }
  }
  if (member.data.state != RegistrationState::kActive) return refuse(Reason::MEMBER_SUSPENDED);
  if (merchant->second.state != RegistrationState::kActive) return refuse(Reason::MERCHANT_SUSPENDED);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const v1::Offer& offer = *FindOffer(*basket.book, lines[i].offer);
    const std::int64_t price = offer.price_points() * lines[i].quantity;
    if (price > 0 && lines[i].points != price) {
      return refuse(Reason::OFFER_MISMATCH, {{"line", absl::StrCat(i)}, {"expected", absl::StrCat(price)}});
    }
    if (price == 0 && offer.max_points() > 0 && lines[i].points > offer.max_points()) {
      return refuse(Reason::OFFER_MISMATCH, {{"line", absl::StrCat(i)}, {"expected", absl::StrCat("at most ", offer.max_points())}});
    }
    basket.points += lines[i].points;
  }
  if (basket.points > kMost) return refuse(Reason::OFFER_MISMATCH, {{"expected", absl::StrCat("at most ", kMost, " points")}});
  const std::int64_t available = member.available();
  const auto& limits = basket.book->limits();
  if (available < limits.min_balance_to_redeem()) return refuse(v1::BELOW_MINIMUM, {{"min", absl::StrCat(limits.min_balance_to_redeem())}});
  std::int64_t day = 0, month = 0, merchant_day = 0;
  std::map<int, std::int64_t> counts;  // by period
  const auto& of_member = counted_of_[member.data.id];
  for (auto it = of_member.rbegin(); it != of_member.rend() && YearOf(counted_[*it].day) == YearOf(today); ++it) {
    const Counted& counted = counted_[*it];
    // A sale counts where the rulebook of its day has the limit.
    if (counted.limits->max_points_per_member_day() && counted.day == today) day += counted.points;
    if (counted.limits->max_points_per_member_month() && SamePeriod(v1::MONTH, counted.day, today)) month += counted.points;
    for (const auto& limit : counted.limits->counts()) {
      if (SamePeriod(limit.period(), counted.day, today)) counts[limit.period()] += counted.count;
    }
  }
  const auto& of_merchant = counted_of_[origin.merchant];
  for (auto it = of_merchant.rbegin(); it != of_merchant.rend() && counted_[*it].day == today; ++it) {
    if (counted_[*it].limits->max_points_per_merchant_day()) merchant_day += counted_[*it].points;
  }
  const auto exceeds = [&](std::int64_t limit, std::int64_t value) { return limit > 0 && value > limit; };
  const auto limit = [&](const char* name) { return refuse(Reason::LIMIT_EXCEEDED, {{"limit", name}}); };
  if (exceeds(limits.max_points_per_redemption(), basket.points)) return limit("per_redemption");
  if (exceeds(limits.max_points_per_member_day(), day + basket.points)) return limit("member_day");
  if (exceeds(limits.max_points_per_member_month(), month + basket.points)) return limit("member_month");
  if (exceeds(limits.max_points_per_merchant_day(), merchant_day + basket.points)) return limit("merchant_day");
  for (const auto& count : limits.counts()) {
    if (exceeds(count.max_count(), counts[count.period()] + 1)) return limit("count");
  }
  if (available < basket.points) return refuse(Reason::INSUFFICIENT_POINTS, {{"short_by", absl::StrCat(basket.points - available)}});
  if (merchant_points[origin.merchant] + basket.points > kMost) return refuse(Reason::BALANCE_OUT_OF_RANGE);
  return basket;
}

Reference::Held* Reference::FindHold(const Origin& origin, std::int64_t sequence, Expected& refusal) {
  const auto found = holds_.find(sequence);
  if (found == holds_.end() || found->second.merchant != origin.merchant) {
    refusal = RefuseUnrecorded(Reason::HOLD_NOT_FOUND);
    if (found != holds_.end() && found->second.state == Held::kOpen && found->second.until_ms <= now_ms) {
      EndHold(found->second);
      found->second.state = Held::kTimedOut;
    }
    return nullptr;
  }
  Held& hold = found->second;
  if (hold.state == Held::kOpen && hold.until_ms <= now_ms) {
    EndHold(hold);
    hold.state = Held::kTimedOut;
  }
  if (hold.state == Held::kOpen) return &hold;
  const Reason reason = hold.state == Held::kTimedOut && hold.reversal < 0 ? Reason::HOLD_EXPIRED
                            : hold.state == Held::kCaptured                    ? Reason::HOLD_ALREADY_CAPTURED
                                                                               : Reason::HOLD_ALREADY_VOIDED;
  refusal = Refuse(origin, reason);
  return nullptr;
}

std::map<std::string, std::pair<std::int64_t, std::int64_t>> Reference::GiveBack(Sale& sale, std::int64_t points) {
  // The last points go back first; fen in proportion, so that all refunds together give back exactly what was owed.
  std::vector<Part> back;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> before, after;
  std::int64_t position = 0;
  for (auto part = sale.parts.rbegin(); part != sale.parts.rend(); ++part) {
    const std::int64_t start = position, end = position + part->points;
    position = end;
    const std::int64_t until = sale.refunded + points;
    before[part->fund].first += std::max<std::int64_t>(0, std::min(end, sale.refunded) - start);
    after[part->fund].first += std::max<std::int64_t>(0, std::min(end, until) - start);
    const std::int64_t share = std::min(end, until) - std::max(start, sale.refunded);
    if (share > 0) back.push_back({part->fund, part->end, share});
  }
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;
  for (const auto& [fund, all] : sale.owed) {
    const auto fen = [&all = all](std::int64_t part) { return Round(all.second, part, all.first, v1::DOWN); };
    if (after[fund].first == before[fund].first) continue;
    owed[fund] = {before[fund].first - after[fund].first, fen(before[fund].first) - fen(after[fund].first)};
  }
  const v1::Rulebook* book = BookOn(today);
  std::vector<Part> fresh;
  for (Part part : back) {
    if (part.end <= today) {
      if (!book || book->policies().past_lot() != v1::GRACE) {
        expired += part.points;
        members.at(sale.member).ended[{part.end, part.fund}] += part.points;
        continue;
      }
      part.end = EndAfter(AddDays(today, book->policies().grace_days()), 0, v1::MONTH);
    }
    fresh.push_back(part);
  }
  PutBack(members.at(sale.member), fresh);
  merchant_points[sale.merchant] -= points;
  sale.refunded += points;
  return owed;
}

Expected Reference::DoRefund(const Origin& origin, const Refund& command) {
  const auto found = sales_.find(command.redemption);
  if (found == sales_.end() || found->second.merchant != origin.merchant) return RefuseUnrecorded(Reason::REDEMPTION_NOT_FOUND);
  Sale& sale = found->second;
  if (sale.is_reversed) return Refuse(origin, Reason::REDEMPTION_REVERSED);
  const std::int64_t left = sale.points - sale.refunded;
  if (command.points > left) return Refuse(origin, Reason::REFUND_EXCEEDS_REMAINDER, {{"max", absl::StrCat(left)}});
  const Member& member = members.at(sale.member);
  if (member.available() + member.held + command.points > kMost) return Refuse(origin, Reason::BALANCE_OUT_OF_RANGE);
  Expected expected;
  expected.owed = GiveBack(sale, command.points);
  return expected;
}

Expected Reference::DoReverse(const Origin& origin, const Reverse& command, std::int64_t sequence) {
  const auto again = [](std::int64_t reversal) {
    Expected expected;
    expected.is_replayed = true;
    expected.is_recorded = false;
    expected.sequence = reversal;
    return expected;
  };
  const auto found = requests_.find({origin.actor, command.target_request});
  if (found == requests_.end()) {
    Request tombstone;
    tombstone.is_tombstone = true;
    tombstone.sequence = sequence;
    requests_[{origin.actor, command.target_request}] = tombstone;
    return {};
  }
  Request& target = found->second;
  if (target.is_tombstone) return again(target.sequence);
  if (target.kind == Kind::kRefused && target.answer.items.size() < 2) {
    if (target.reversal >= 0) return again(target.reversal);
    target.reversal = sequence;
    return {};
  }
  if (target.kind != Kind::kRedemption && target.kind != Kind::kHold && target.kind != Kind::kCapture) {
    return Refuse(origin, Reason::NOT_REVERSIBLE);
  }
  Held* hold = nullptr;
  if (target.kind == Kind::kHold) hold = &holds_.at(target.sequence);
  if (hold && hold->reversal >= 0) return again(hold->reversal);
  if (!hold && sales_.at(target.sequence).reversal >= 0) return again(sales_.at(target.sequence).reversal);
  if (hold && (hold->state == Held::kVoided || hold->state == Held::kTimedOut)) {
    hold->reversal = sequence;
    return {};
  }
  if (now_ms - target.recorded_ms > Or<std::int64_t>(target.book->policies().reversal_window_ms(), 172'800'000)) {
    return Refuse(origin, Reason::REVERSAL_WINDOW_CLOSED);
  }
  Expected expected;
  if (hold && hold->state == Held::kOpen) {
    EndHold(*hold);
    hold->state = Held::kReversed;
    hold->reversal = sequence;
    return expected;
  }
  Sale& sale = sales_.at(hold ? hold->capture : target.sequence);
  const Member& member = members.at(sale.member);
  const std::int64_t left = sale.points - sale.refunded;
  if (member.available() + member.held + left > kMost) return Refuse(origin, Reason::BALANCE_OUT_OF_RANGE);
  const std::int64_t refunded = sale.refunded;
  if (left > 0) expected.owed = GiveBack(sale, left);
  sale.refunded = refunded;
  sale.is_reversed = true;
  sale.reversal = sequence;
  counted_[sale.counted].points = counted_[sale.counted].count = 0;
  if (sale.hold >= 0) {
    holds_.at(sale.hold).state = Held::kReversed;
    holds_.at(sale.hold).reversal = sequence;
  }
  return expected;
}

Expected Reference::DoRegister(const Origin& origin, const Register& command) {
  for (const Registration& data : command.items) {
    if (const auto* fund = std::get_if<FundData>(&data)) {
      const std::int64_t out = issued[{fund->code, "POINT"}];
      if (fund->budget_points < out) {
        return Refuse(origin, Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund->code}, {"short_by", absl::StrCat(out - fund->budget_points)}});
      }
      budgets[fund->code] = fund->budget_points;
    } else if (const auto* member = std::get_if<MemberData>(&data)) {
      members[member->id].data = *member;
    } else if (const auto* merchant = std::get_if<MerchantData>(&data)) {
      merchants[merchant->id] = *merchant;
    } else if (const auto* person = std::get_if<StaffData>(&data)) {
      staff[person->id] = person->member;
    } else if (std::get_if<RulebookData>(&data)) {
      Adopt(Rulebook::Parse(command.rulebook_json)->proto());
    }
  }
  return {};
}

}  // namespace redpoints
