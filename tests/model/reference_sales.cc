// Sales, holds, and what comes back.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/model/naive.h"
#include "tests/model/reference.h"

namespace redpoints {

using namespace naive;

namespace {

std::map<std::string, std::pair<std::int64_t, std::int64_t>> OwedBy(const v1::Rulebook& book, const std::vector<std::string>& funds) {
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;  // a fund for each point
  for (const auto& fund : funds) ++owed[fund].first;
  for (auto& [fund, amounts] : owed) {
    for (const auto& rate : book.fund_rates()) {
      if (rate.fund() == fund) amounts.second = Round(amounts.first, rate.fen_numerator(), rate.points_denominator(), rate.rounding());
    }
  }
  return owed;
}

}  // namespace

std::int64_t Reference::Sale::refunded_points() const { return std::count(refunded.begin(), refunded.end(), true); }

// --- sales and holds ---------------------------------------------------------------------------------------------------------------

// A limit counts from the day on which a rulebook has it. The member is "" where the number leads to nobody.
void Reference::CheckLimits(const v1::Rulebook& book, const std::string& member, const std::string& merchant,
                            const std::string& presentation, std::int64_t points, Broken& broken) const {
  const auto& limits = book.limits();
  std::int64_t day = 0, month = 0, merchant_day = 0, class_day = 0;
  std::map<int, std::int64_t> counts;  // by period
  const auto class_of = [](const v1::Rulebook& b, const std::string& name) {
    for (const auto& c : b.limits().classes()) {
      if (c.presentation() == name) return &c;
    }
    return static_cast<const v1::ClassLimit*>(nullptr);
  };
  if (const auto of = counted_of_.find(member); of != counted_of_.end()) {
    for (const std::size_t at : of->second) {
      const Counted& counted = counted_[at];
      const auto& its = counted.book->limits();
      if (its.max_points_per_member_day() && counted.day == today) day += counted.points;
      if (its.max_points_per_member_month() && SamePeriod(v1::MONTH, counted.day, today)) month += counted.points;
      const v1::ClassLimit* its_class = class_of(*counted.book, counted.presentation);
      if (counted.day == today && counted.presentation == presentation && its_class && its_class->max_points_per_member_day()) {
        class_day += counted.points;
      }
      for (const auto& limit : its.counts()) {
        if (SamePeriod(limit.period(), counted.day, today)) counts[limit.period()] += counted.count;
      }
    }
  }
  if (const auto of = counted_of_.find(merchant); of != counted_of_.end()) {
    for (const std::size_t at : of->second) {
      const Counted& counted = counted_[at];
      if (counted.day == today && counted.book->limits().max_points_per_merchant_day()) merchant_day += counted.points;
    }
  }
  // Reading: the limits that don't depend on the member are named first.
  const auto check = [&](bool is_of_member, std::int64_t limit, std::int64_t value, const char* name) {
    if (is_of_member && member.empty()) return;
    if (limit > 0 && value > limit) broken.Add(Reason::LIMIT_EXCEEDED, {{"limit", name}});
  };
  const v1::ClassLimit* own = class_of(book, presentation);
  if (!own) broken.Add(Reason::LIMIT_EXCEEDED, {{"limit", "presentation"}});
  if (own) check(false, own->max_points_per_redemption(), points, "presentation");
  if (own) check(true, own->max_points_per_member_day(), class_day + points, "presentation");
  check(false, limits.max_points_per_redemption(), points, "per_redemption");
  check(false, limits.max_points_per_merchant_day(), merchant_day + points, "merchant_day");
  check(true, limits.max_points_per_member_day(), day + points, "member_day");
  check(true, limits.max_points_per_member_month(), month + points, "member_month");
  for (const auto& count : limits.counts()) check(true, count.max_count(), counts[count.period()] + 1, "count");
}

Expected Reference::DoSale(const Origin& origin, const Payer& payer, const std::vector<OfferLine>& lines, bool is_hold, Request& request) {
  Member* member = FindMember(payer.member.id);
  const auto merchant = merchants.find(origin.merchant);
  const Book book = BookOn(today);
  if (member) Settle(*member);
  if (merchant == merchants.end()) return RefuseUnrecorded(Reason::MERCHANT_NOT_FOUND);
  if (!book) return RefuseUnrecorded(Reason::RULEBOOK_NOT_FOUND);
  std::vector<const OfferData*> offered;
  for (const OfferLine& line : lines) {
    const auto found = offers.find(line.offer);
    if (found == offers.end() || !Holds(found->second.from, found->second.to, today) ||
        (!found->second.merchant.empty() && found->second.merchant != origin.merchant)) {
      return RefuseUnrecorded(Reason::OFFER_NOT_FOUND);
    }
    offered.push_back(&found->second);
  }

  Broken broken;
  if (merchant->second.state != RegistrationState::kActive) broken.Add(Reason::MERCHANT_SUSPENDED);
  std::int64_t points = 0, cash = 0;
  std::map<std::string, std::int64_t> open_points;  // of lines without a price, by offer
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const OfferData& offer = *offered[i];
    const std::int64_t price = offer.price_points * lines[i].quantity;
    if (price > 0 && lines[i].points != price) {
      broken.Add(Reason::OFFER_MISMATCH, {{"line", absl::StrCat(i)}, {"points", absl::StrCat(price)}});
    }
    if (price == 0) {
      open_points[offer.code] += lines[i].points;
      if (offer.max_points > 0 && open_points[offer.code] > offer.max_points) {
        broken.Add(Reason::OFFER_MISMATCH, {{"line", absl::StrCat(i)}, {"max", absl::StrCat(offer.max_points)}});
      }
    }
    points += lines[i].points;
    cash += lines[i].cash_fen;
  }
  // Reading: what does not depend on who pays answers first, then whether the points are there, then all else: otherwise a till could tell a
  // number of nobody from one that can't pay.
  CheckLimits(*book, "", origin.merchant, payer.presentation, points, broken);
  const std::string id = member ? member->data.id : "";
  if (broken) return Refuse(origin, id, broken);
  if (member) {
    // Told is what the sale lacks, up to a tenth of its points. Reading: not what a rulebook wants beside.
    const std::int64_t available = member->available(), short_by = points - available;
    if (short_by > 0 || available < book->limits().min_balance_to_redeem()) {
      const bool is_told = short_by > 0 && short_by <= points / 10;
      broken.Add(Reason::INSUFFICIENT_POINTS, is_told ? Facts{{"short_by", absl::StrCat(short_by)}} : Facts{});
    }
  } else {
    broken.Add(Reason::INSUFFICIENT_POINTS);
  }
  if (broken) return Refuse(origin, id, broken);
  CheckLimits(*book, id, origin.merchant, payer.presentation, points, broken);
  for (const auto& person : merchant->second.people) {
    if (Holds(person.from, person.to, today) && AreNear(members.at(person.member), *member, today)) broken.Add(Reason::SELF_DEALING);
  }
  if (member->data.state != RegistrationState::kActive) broken.Add(Reason::MEMBER_SUSPENDED);
  if (!broken) CheckSize(LotsWorth(*member, points), broken);
  if (broken) return Refuse(origin, id, broken);

  request.book = book;
  Parts parts = TakeSoonest(*member, points);
  counted_.push_back({origin.merchant, payer.presentation, today, points, 1, book});
  counted_of_[id].push_back(counted_.size() - 1);
  counted_of_[origin.merchant].push_back(counted_.size() - 1);
  Expected expected;
  expected.members.insert(id);
  for (const auto& span : member->data.groups) {
    if (Holds(span.from, span.to, today)) expected.groups.push_back(span.group);
  }
  std::sort(expected.groups.begin(), expected.groups.end());
  expected.groups.erase(std::unique(expected.groups.begin(), expected.groups.end()), expected.groups.end());
  if (is_hold) {
    for (const Part& part : parts) member->held[part.lot.fund] += part.points;
    holds_[request.sequence] = {.member = id,
                                .merchant = origin.merchant,
                                .parts = std::move(parts),
                                .lines = lines,
                                .points = points,
                                .recorded_ms = now_ms,
                                .until_ms = now_ms + Or<std::int64_t>(book->policies().hold_ttl_ms(), 180'000),
                                .counted = counted_.size() - 1,
                                .book = book};
    for (std::size_t i = 0; i < lines.size(); ++i) holds_[request.sequence].lines[i].price_points = offered[i]->price_points;
    open_holds_.insert(request.sequence);
    expected.first = expected.now = RequestState::kPending;
    return expected;
  }
  Sale sale{.member = id, .merchant = origin.merchant, .from_last = {}, .refunded = {}, .owed = {}, .counted = counted_.size() - 1};
  std::vector<std::string> each;
  for (const Part& part : parts) {
    merchant_points[origin.merchant][part.lot.fund] += part.points;
    for (std::int64_t i = 0; i < part.points; ++i) sale.from_last.push_back(part.lot), each.push_back(part.lot.fund);
  }
  std::reverse(sale.from_last.begin(), sale.from_last.end());
  sale.refunded.resize(sale.from_last.size());
  sale.cash_fen = cash;
  sale.owed = expected.owed = OwedBy(*book, each);
  sales_[request.sequence] = std::move(sale);
  return expected;
}

// Reading: another shop's hold is no hold of this shop, and nothing is written about its member.
Reference::Held* Reference::FindHold(const Origin& origin, std::int64_t sequence, Broken& broken, Expected& unrecorded) {
  const auto found = holds_.find(sequence);
  if (found == holds_.end() || found->second.merchant != origin.merchant) {
    unrecorded = RefuseUnrecorded(Reason::HOLD_NOT_FOUND);
    return nullptr;
  }
  Held& hold = found->second;
  Settle(members.at(hold.member));
  if (hold.state == Held::kCaptured) broken.Add(Reason::HOLD_ALREADY_CAPTURED);
  // Reading: a hold that was reversed is as one that was voided, also where it had been captured or time had ended it.
  if (hold.state == Held::kVoided || hold.reversal >= 0) broken.Add(Reason::HOLD_ALREADY_VOIDED);
  if (hold.state == Held::kTimedOut) broken.Add(Reason::HOLD_EXPIRED);
  return &hold;
}

Expected Reference::DoCapture(const Origin& origin, const Capture& command, Request& request) {
  Broken broken;
  Expected expected;
  Held* hold = FindHold(origin, command.hold, broken, expected);
  if (!hold) return expected;
  // Reading: of a hold that has ended nothing else is judged.
  if (broken) return Refuse(origin, hold->member, broken);
  const std::int64_t points = command.points ? command.points : hold->points;
  if (points > hold->points) broken.Add(Reason::CAPTURE_EXCEEDS_HOLD, {{"max", absl::StrCat(hold->points)}});
  // The lines are scaled down to it, the last line first; of priced lines whole pieces.
  std::int64_t left = points, cash = 0;
  for (std::size_t i = 0; i < hold->lines.size(); ++i) {
    const OfferLine& line = hold->lines[i];
    const std::int64_t part = std::min(left, line.points);
    if (line.price_points > 0 && part % line.price_points != 0) {
      broken.Add(Reason::OFFER_MISMATCH, {{"line", absl::StrCat(i)}, {"expected", "*"}});
    }
    // Reading: the cash of pieces that are not taken goes with them, rounded down; that of a line without a price stays while it has a point.
    if (part > 0) cash += line.price_points > 0 ? Round(line.cash_fen, part, line.points, v1::DOWN) : line.cash_fen;
    left -= part;
  }
  if (broken) return Refuse(origin, hold->member, broken);

  request.book = hold->book;
  Member& member = members.at(hold->member);
  Sale sale{.member = hold->member,
            .merchant = hold->merchant,
            .from_last = {},
            .refunded = {},
            .owed = {},
            .cash_fen = cash,
            .counted = hold->counted,
            .hold = command.hold};
  Parts rest;
  std::vector<std::string> each;
  left = points;
  for (const Part& part : hold->parts) {
    const std::int64_t taken = std::min(left, part.points);
    left -= taken;
    for (std::int64_t i = 0; i < taken; ++i) sale.from_last.push_back(part.lot), each.push_back(part.lot.fund);
    member.held[part.lot.fund] -= taken;
    merchant_points[hold->merchant][part.lot.fund] += taken;
    if (taken < part.points) rest.push_back({part.lot, part.points - taken});
  }
  std::reverse(sale.from_last.begin(), sale.from_last.end());
  sale.refunded.resize(sale.from_last.size());
  // Reading: frozen at the sale means when the points were held.
  sale.owed = expected.owed = OwedBy(*hold->book, each);
  hold->parts = rest;
  EndHold(*hold);
  hold->state = Held::kCaptured;
  hold->capture = request.sequence;
  counted_[hold->counted].points = points;
  counted_[hold->counted].count = 1;
  expected.members.insert(hold->member);
  sales_[request.sequence] = std::move(sale);
  return expected;
}

Expected Reference::DoVoid(const Origin& origin, const Void& command) {
  Broken broken;
  Expected expected;
  Held* hold = FindHold(origin, command.hold, broken, expected);
  if (!hold) return expected;
  if (broken) return Refuse(origin, hold->member, broken);
  EndHold(*hold);
  hold->state = Held::kVoided;
  expected.members.insert(hold->member);
  return expected;
}

// --- back from a sale ----------------------------------------------------------------------------------------------------------------

Reference::Parts Reference::PartsOf(const Sale& sale, const std::vector<std::size_t>& points) {
  Parts parts;
  for (const std::size_t i : points) {
    if (parts.empty() || parts.back().lot != sale.from_last[i]) parts.push_back({sale.from_last[i], 0});
    ++parts.back().points;
  }
  return parts;
}

// The x-th point of a fund, counted from the last, has floor(fen × x / points) − floor(fen × (x − 1) / points) of what the fund owes: so all
// points together have exactly what is owed.
std::map<std::string, std::pair<std::int64_t, std::int64_t>> Reference::ShareOf(const Sale& sale,
                                                                                const std::vector<std::size_t>& points) const {
  const std::set<std::size_t> among(points.begin(), points.end());
  std::map<std::string, std::int64_t> before;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> share;
  for (std::size_t i = 0; i < sale.from_last.size(); ++i) {
    const std::string& fund = sale.from_last[i].fund;
    const auto& [all, fen] = sale.owed.at(fund);
    const std::int64_t x = ++before[fund];
    if (among.count(i) == 0) continue;
    share[fund].first -= 1;
    share[fund].second -= Round(fen, x, all, v1::DOWN) - Round(fen, x - 1, all, v1::DOWN);
  }
  return share;
}

Expected Reference::DoRefund(const Origin& origin, const Refund& command, std::int64_t sequence) {
  const auto found = sales_.find(command.redemption);
  if (found == sales_.end() || found->second.merchant != origin.merchant) return RefuseUnrecorded(Reason::REDEMPTION_NOT_FOUND);
  Sale& sale = found->second;
  Member& member = members.at(sale.member);
  Settle(member);
  Broken broken;
  const std::int64_t left = static_cast<std::int64_t>(sale.from_last.size()) - sale.refunded_points();
  // Reading: of a sale that was reversed there is no remainder to exceed.
  if (!sale.is_reversed && command.points > left) broken.Add(Reason::REFUND_EXCEEDS_REMAINDER, {{"max", absl::StrCat(left)}});
  if (sale.is_reversed) broken.Add(Reason::REDEMPTION_REVERSED);
  const std::int64_t cash_left = sale.cash_fen - sale.cash_refunded;
  if (command.cash_fen > cash_left) broken.Add(Reason::REFUND_CASH_EXCEEDS, {{"max", absl::StrCat(cash_left)}});
  if (member.available() + member.all_held() + command.points > kMost) broken.Add(Reason::BALANCE_OUT_OF_RANGE);
  if (broken) return Refuse(origin, sale.member, broken);

  std::vector<std::size_t> points;
  for (std::size_t i = 0; i < sale.refunded.size() && static_cast<std::int64_t>(points.size()) < command.points; ++i) {
    if (!sale.refunded[i]) points.push_back(i), sale.refunded[i] = true;
  }
  Expected expected;
  expected.members.insert(sale.member);
  expected.owed = ShareOf(sale, points);
  sale.cash_refunded += command.cash_fen;
  for (const std::size_t i : points) --merchant_points[sale.merchant][sale.from_last[i].fund];
  Undoable refund{.member = sale.member,
                  .day = today,
                  .parts = {},
                  .paid = {},
                  .sale = command.redemption,
                  .points = points,
                  .cash_fen = command.cash_fen};
  refund.parts = ComeBack(member, PartsOf(sale, points), &refund.paid, &sale.graced);
  undoables_[sequence] = std::move(refund);
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
  // No request undoes itself: that is judged by the request alone, before anything that the ledger knows.
  if (command.target_request == origin.request_id) return RefuseUnrecorded(Reason::FIELD_INVALID);
  const auto found = requests_.find({origin.actor, command.target_request});
  if (found == requests_.end()) {
    // Reading: tombstones and refusals of an actor share one count.
    if (IsFull(origin, "")) return RefuseUnrecorded(Reason::OVERLOADED);
    ++refusals_[{origin.actor, today}];
    Request tombstone;
    tombstone.is_tombstone = true;
    tombstone.sequence = sequence;
    requests_[{origin.actor, command.target_request}] = tombstone;
    return {};
  }
  Request& target = found->second;
  if (target.is_tombstone) return again(target.sequence);
  Expected expected;
  // Reading: a batch is not undone by its id, also not one of which all items were refused.
  if (target.answer.first == RequestState::kRefused && target.answer.items.size() < 2) {
    if (target.reversal >= 0) return again(target.reversal);
    for (const std::string& id : target.answer.members) Settle(members.at(id));
    target.reversal = sequence;
    expected.members = target.answer.members;
    return expected;
  }
  Broken broken;
  if (target.kind != Kind::kRedemption && target.kind != Kind::kHold && target.kind != Kind::kCapture) {
    broken.Add(Reason::NOT_REVERSIBLE);
    // Reading: about whom the request was; of many, the first.
    const auto& about = target.answer.items.empty() ? target.answer.members : target.answer.items.front().members;
    if (about.empty()) return Refuse(origin, "", broken);
    Settle(members.at(*about.begin()));  // the refusal is on their chain
    return Refuse(origin, *about.begin(), broken);
  }
  Held* hold = target.kind == Kind::kHold ? &holds_.at(target.sequence) : nullptr;
  if (hold) Settle(members.at(hold->member));
  if (hold && hold->reversal >= 0) return again(hold->reversal);
  if (!hold && sales_.at(target.sequence).reversal >= 0) return again(sales_.at(target.sequence).reversal);
  const std::string id = hold ? hold->member : sales_.at(target.sequence).member;
  Member& member = members.at(id);
  Settle(member);
  expected.members.insert(id);
  if (hold && (hold->state == Held::kVoided || hold->state == Held::kTimedOut)) {
    hold->reversal = sequence;
    return expected;
  }
  if (now_ms - target.recorded_ms > Or<std::int64_t>(target.book->policies().reversal_window_ms(), 1'296'000'000)) {
    broken.Add(Reason::REVERSAL_WINDOW_CLOSED);
  }
  if (hold && hold->state == Held::kOpen) {
    if (broken) return Refuse(origin, id, broken);
    EndHold(*hold);
    hold->state = Held::kReversed;
    hold->reversal = sequence;
    return expected;
  }
  Sale& sale = sales_.at(hold ? hold->capture : target.sequence);
  const std::int64_t left = static_cast<std::int64_t>(sale.from_last.size()) - sale.refunded_points();
  if (member.available() + member.all_held() + left > kMost) broken.Add(Reason::BALANCE_OUT_OF_RANGE);
  if (broken) return Refuse(origin, id, broken);
  std::vector<std::size_t> points;
  for (std::size_t i = 0; i < sale.refunded.size(); ++i) {
    if (!sale.refunded[i]) points.push_back(i);
  }
  expected.owed = ShareOf(sale, points);
  for (const std::size_t i : points) --merchant_points[sale.merchant][sale.from_last[i].fund];
  ComeBack(member, PartsOf(sale, points), nullptr, &sale.graced);
  sale.is_reversed = true;
  sale.reversal = sequence;
  counted_[sale.counted].points = counted_[sale.counted].count = 0;
  if (sale.hold >= 0) {
    holds_.at(sale.hold).state = Held::kReversed;
    holds_.at(sale.hold).reversal = sequence;
  }
  return expected;
}

// --- undone by two persons -------------------------------------------------------------------------------------------------------------

// Whether somebody of the shop that the undo of a refund would pay asks for it.
bool Reference::IsOfShop(const std::string& staff_id, const Undoable& target) const {
  const auto found = staff.find(staff_id);
  if (target.sale < 0 || found == staff.end() || found->second.empty()) return false;
  const Member& self = members.at(found->second);
  for (const auto& person : merchants.at(sales_.at(target.sale).merchant).people) {
    for (const Day day : {target.day, today}) {
      if (Holds(person.from, person.to, day) && AreNear(members.at(person.member), self, day)) return true;
    }
  }
  return false;
}

Expected Reference::DoPropose(const Origin& origin, const ProposeUndo& command, std::int64_t sequence) {
  const auto found = undoables_.find(command.target);
  if (found == undoables_.end()) return RefuseUnrecorded(Reason::ENTRY_NOT_FOUND);
  Member& member = members.at(found->second.member);
  Settle(member);
  Broken broken;
  if (IsSelf(origin.actor, member, found->second.day) || IsOfShop(origin.actor, found->second)) broken.Add(Reason::SELF_DEALING);
  if (found->second.is_undone) broken.Add(Reason::ALREADY_UNDONE);
  if (broken) return Refuse(origin, found->second.member, broken);
  proposals_[sequence] = {command.target, origin.actor};
  Expected expected;
  expected.members.insert(found->second.member);
  return expected;
}

Expected Reference::DoUndo(const Origin& origin, const Undo& command) {
  const auto proposal = proposals_.find(command.proposal);
  if (proposal == proposals_.end()) return RefuseUnrecorded(Reason::ENTRY_NOT_FOUND);
  Undoable& target = undoables_.at(proposal->second.target);
  Member& member = members.at(target.member);
  Settle(member);
  Broken broken;
  if (IsSelf(origin.actor, member, target.day) || IsOfShop(origin.actor, target)) broken.Add(Reason::SELF_DEALING);
  if (target.is_undone) broken.Add(Reason::ALREADY_UNDONE);
  if (IsSamePerson(origin.actor, proposal->second.by)) broken.Add(Reason::MAKER_IS_CHECKER);
  Expected expected;
  expected.members.insert(target.member);
  if (target.sale < 0) {
    Funds given;
    for (const Part& part : target.parts) given[part.lot.fund] += part.points;
    std::int64_t all = 0;
    for (const auto& [fund, points] : given) {
      all += points;
      const std::int64_t short_by = points - funds.at(fund).pool;
      if (short_by > 0) broken.Add(Reason::POOL_TOO_SMALL, {{"fund", fund}, {"short_by", absl::StrCat(short_by)}});
    }
    if (member.available() + member.all_held() + all > kMost) broken.Add(Reason::BALANCE_OUT_OF_RANGE);
    if (broken) return Refuse(origin, target.member, broken);
    for (const auto& [fund, points] : given) funds.at(fund).pool -= points;
    ComeBack(member, target.parts);
    target.is_undone = true;
    return expected;
  }
  // Of each fund: what ended is at most what came back into the lots of that end; what paid a debt counts as spent.
  Sale& sale = sales_.at(target.sale);
  if (!target.is_undone && sale.is_reversed) broken.Add(Reason::REDEMPTION_REVERSED);  // it gave back all that the refund had left
  std::map<std::string, TakenBack> taken;
  std::map<std::string, std::vector<std::pair<Day, std::int64_t>>> ends;
  Funds back;
  std::int64_t missing = 0;
  for (const Part& part : target.parts) {
    back[part.lot.fund] += part.points;
  }
  // Reading: of several lots of one fund, what ended of any of them goes first, whatever came back into each.
  for (const auto& [fund, points] : back) {
    std::set<Day> days;
    for (const Part& part : target.parts) {
      if (part.lot.fund == fund) days.insert(part.lot.origin());
    }
    for (const Day day : days) ends[fund].emplace_back(day, points);
  }
  for (const auto& [fund, points] : target.paid) back[fund] += 0;
  for (const auto& [fund, points] : back) {
    TakenBack& of = taken[fund] = LookForBack(member, fund, points, ends[fund]);
    missing += of.spent;
    if (target.paid.count(fund)) of.spent += target.paid.at(fund);
    const std::int64_t left = std::max<std::int64_t>(BudgetLeft(fund), 0);
    if (target.is_undone || of.spent <= left) continue;
    broken.Add(Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund}, {"short_by", absl::StrCat(of.spent - left)}});
  }
  // Reading: a debt that the refund had paid comes back in any case; a new one only where today's rulebook allows debts.
  const Book book = BookOn(today);
  if (!target.is_undone && missing > 0 && !(book && book->policies().debts_allowed())) {
    broken.Add(Reason::CORRECTION_EXCEEDS_BALANCE, {{"short_by", absl::StrCat(missing)}});
  }
  std::size_t lots = 0;
  for (const auto& [fund, of] : taken) lots += of.available.size() + of.ended.size();
  CheckSize(lots, broken);
  if (broken) return Refuse(origin, target.member, broken);
  for (const auto& [fund, of] : taken) {
    TakeBack(member, fund, of);
    member.debt[fund] += of.spent;
    funds.at(fund).debts += of.spent;
    funds.at(fund).issued += of.spent;
  }
  // What the shop is owed comes back as it went.
  for (const auto& [fund, amounts] : ShareOf(sale, target.points)) expected.owed[fund] = {-amounts.first, -amounts.second};
  for (const std::size_t i : target.points) {
    sale.refunded[i] = false;
    ++merchant_points[sale.merchant][sale.from_last[i].fund];
  }
  sale.cash_refunded -= target.cash_fen;
  target.is_undone = true;
  return expected;
}

}  // namespace redpoints
