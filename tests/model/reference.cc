// Time, people, points, request ids, registrations.
#include "tests/model/reference.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "storage/rules/rulebook.h"
#include "tests/model/naive.h"

namespace redpoints {

using namespace naive;

namespace {

std::string Text(const MemberRef& m) { return m.print.empty() ? m.id : "print " + m.print; }
std::string Text(const AwardItem& i) {
  std::string text = absl::StrCat(Text(i.member), " ", i.activity, " x", i.quantity, " on ", i.effective_day, " group ",
                                  static_cast<int>(i.group), " ", i.session, "/", i.case_id, "/", i.about);
  absl::StrAppend(&text, "/", i.evidence_sha256, "/", i.note_commitment, "/", absl::StrJoin(i.unique, "+"), "/", i.print, "/",
                  i.external_id);
  for (const auto& tag : i.tags) absl::StrAppend(&text, " #", tag);
  return text;
}
std::string Text(const Payer& p) {
  return absl::StrCat(p.presentation, " ", Text(p.member), " ", p.use.id, "/", p.use.step, "/", p.use.counter);
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
    std::string operator()(const Donate& c) const { return absl::StrCat("donate ", Text(c.member), " ", c.points); }
    std::string operator()(const Redeem& c) const { return absl::StrCat("redeem ", Text(c.payer), Text(c.lines)); }
    std::string operator()(const Authorize& c) const { return absl::StrCat("authorize ", Text(c.payer), Text(c.lines)); }
    std::string operator()(const Capture& c) const { return absl::StrCat("capture ", c.hold, " ", c.points); }
    std::string operator()(const Void& c) const { return absl::StrCat("void ", c.hold); }
    std::string operator()(const Refund& c) const { return absl::StrCat("refund ", c.redemption, " ", c.points, " fen ", c.cash_fen); }
    std::string operator()(const Reverse& c) const { return "reverse " + c.target_request; }
    std::string operator()(const ProposeUndo& c) const { return absl::StrCat("propose to undo ", c.target, " ", c.reason); }
    std::string operator()(const Undo& c) const { return absl::StrCat("undo by ", c.proposal); }
    std::string operator()(const ProposeWaiver& c) const {
      return absl::StrCat("propose to waive ", Text(c.member), " ", c.fund, " ", c.points, " ", c.reason);
    }
    std::string operator()(const WaiveDebt& c) const { return absl::StrCat("waive by ", c.proposal); }
    std::string operator()(const Register& c) const {
      std::string text = "register";
      for (const auto& item : c.items) {
        absl::StrAppend(&text, " ", RegistrationKey(item));
        if (const auto* m = std::get_if<MemberData>(&item)) absl::StrAppend(&text, " state ", static_cast<int>(m->state));
        if (const auto* m = std::get_if<MerchantData>(&item)) absl::StrAppend(&text, " state ", static_cast<int>(m->state));
        if (const auto* f = std::get_if<FundData>(&item)) absl::StrAppend(&text, " budget ", f->budget_points, " end ", f->end_day);
      }
      return text;
    }
    std::string operator()(const ConfirmClock& c) const { return absl::StrCat("confirm clock ", c.stated_ms, " ", c.last_closed_day); }
    std::string operator()(const FoundProgram& c) const { return "found " + c.program.id; }
    std::string operator()(const OpenEpoch& c) const { return absl::StrCat("epoch after ", c.data.old_epoch); }
  };
  return absl::StrCat(std::visit(Visitor{}, command), " by ", origin.actor, " clerk ", origin.clerk, " till ", origin.till);
}

std::int64_t Reference::Member::available() const {
  std::int64_t sum = 0;
  for (const auto& [key, points] : lots) sum += points;
  return sum;
}
std::int64_t Reference::Member::all_held() const {
  std::int64_t sum = 0;
  for (const auto& [fund, points] : held) sum += points;
  return sum;
}
std::int64_t Reference::TakenBack::all_ended() const {
  std::int64_t sum = 0;
  for (const auto& [day, points] : ended) sum += points;
  return sum;
}
std::int64_t Reference::TakenBack::all_available() const {
  std::int64_t sum = 0;
  for (const auto& [lot, points] : available) sum += points;
  return sum;
}

// --- time ------------------------------------------------------------------------------------------------------------------------

void Reference::SetTime(std::int64_t ms) {
  now_ms = clock_ms = ms;
  const bool is_next_day = DayOf(ms) != today;
  today = DayOf(ms);
  if (!is_next_day) return;
  for (auto& [id, member] : members) ExpirePast(member);
}

void Reference::CatchUp() {
  for (auto& [id, member] : members) Settle(member);
  last_closed_day = std::max(last_closed_day, AddDays(today, -1));
}

// Reading: a hold ends by time when its end is written: in CatchUp, or before anything is decided about its member. The day of that is what
// decides which of its lots are past, and by which rulebook.
void Reference::Settle(Member& member) {
  std::vector<std::pair<std::int64_t, std::int64_t>> due;
  for (const std::int64_t sequence : open_holds_) {
    const Held& hold = holds_.at(sequence);
    if (hold.member == member.data.id && hold.until_ms <= now_ms) due.emplace_back(hold.until_ms, sequence);
  }
  std::sort(due.begin(), due.end());
  for (const auto& [until, sequence] : due) {
    EndHold(holds_.at(sequence));
    holds_.at(sequence).state = Held::kTimedOut;
  }
}

void Reference::ExpirePast(Member& member) {
  while (!member.lots.empty() && member.lots.begin()->first.end <= today) {
    const auto [lot, points] = *member.lots.begin();
    member.lots.erase(member.lots.begin());
    End(member, lot, points);
  }
}

void Reference::End(Member& member, const LotKey& lot, std::int64_t points) {
  funds.at(lot.fund).expired += points;
  member.ended[{lot.fund, lot.origin()}] += points;
  member.ends.emplace_back(lot, points);
}

// Reading: what ended last comes back first, as far as corrections have not taken it from there. Holds made by the wrong clock keep the time
// that was left to them.
Expected Reference::DoConfirmClock(const Origin& origin, const ConfirmClock& command) {
  const bool is_ahead = now_ms - clock_ms > 10 * 60'000;
  const Day stated = DayOf(command.stated_ms), day = DayOf(clock_ms);
  if (command.last_closed_day == 0 ? is_ahead : command.last_closed_day != AddDays(stated, -1)) {
    return RefuseUnrecorded(Reason::FIELD_INVALID);
  }
  if (!is_ahead && std::abs(command.stated_ms - now_ms) > 20 * 60'000) return RefuseUnrecorded(Reason::CLOCK_DIFFERS);
  if (is_ahead) {
    const Day stands = std::min(AddDays(std::min(stated, day), -1), last_closed_day);
    Broken broken;
    if (IsSamePerson(origin.actor, clock_by_)) broken.Add(Reason::MAKER_IS_CHECKER);
    if (broken) return Refuse(origin, "", broken);
    if (std::abs(command.stated_ms - clock_ms) > 10 * 60'000) return RefuseUnrecorded(Reason::CLOCK_DIFFERS);
    for (const std::int64_t sequence : open_holds_) {
      Held& hold = holds_.at(sequence);
      if (hold.recorded_ms - clock_ms > 10 * 60'000) hold.until_ms -= now_ms - clock_ms, hold.recorded_ms -= now_ms - clock_ms;
    }
    now_ms = clock_ms;
    today = day;
    last_closed_day = stands;
    for (auto& [id, member] : members) {
      for (auto end = member.ends.rbegin(); end != member.ends.rend(); ++end) {
        auto& [lot, points] = *end;
        if (lot.end <= today) continue;
        std::int64_t& ended = member.ended[{lot.fund, lot.origin()}];
        const std::int64_t back = std::min(points, ended);
        if (back == 0) continue;
        points -= back;
        ended -= back;
        funds.at(lot.fund).expired -= back;
        member.lots[lot] += back;
      }
    }
  }
  clock_by_ = origin.actor;
  return {};
}

// --- people ----------------------------------------------------------------------------------------------------------------------

Reference::Member* Reference::FindMember(const std::string& id) {
  const auto found = members.find(id);
  return found == members.end() ? nullptr : &found->second;
}

Reference::Book Reference::BookOn(Day day) const {
  Book last;
  for (const auto& [from, book] : books) {
    if (from <= day) last = book;
  }
  return last;
}

// One person; one stands for the other, or lives in it; or both live in one household.
bool Reference::AreNear(const Member& a, const Member& b, Day day) const {
  if (a.data.id == b.data.id) return true;
  for (const auto& mine : a.data.memberships) {
    if (!Holds(mine.from, mine.to, day)) continue;
    if (mine.member == b.data.id) return true;
    for (const auto& theirs : b.data.memberships) {
      if (theirs.member == mine.member && Holds(theirs.from, theirs.to, day) &&
          members.at(mine.member).data.kind == MemberKind::kHousehold) {
        return true;
      }
    }
  }
  for (const auto& theirs : b.data.memberships) {
    if (theirs.member == a.data.id && Holds(theirs.from, theirs.to, day)) return true;
  }
  return false;
}

bool Reference::IsSelf(const std::string& staff_id, const Member& member, Day deed) const {
  const auto found = staff.find(staff_id);
  if (found == staff.end() || found->second.empty()) return false;
  const Member& person = members.at(found->second);
  return AreNear(person, member, deed) || AreNear(person, member, today);
}

bool Reference::IsSamePerson(const std::string& a, const std::string& b) const {
  if (a == b) return true;
  const auto first = staff.find(a), second = staff.find(b);
  return first != staff.end() && second != staff.end() && !first->second.empty() && first->second == second->second;
}

// --- points ----------------------------------------------------------------------------------------------------------------------

Reference::Parts Reference::TakeSoonest(Member& member, std::int64_t points) {
  Parts parts;
  while (points > 0) {
    const auto soonest = member.lots.begin();
    const std::int64_t part = std::min(points, soonest->second);
    parts.push_back({soonest->first, part});
    points -= part;
    soonest->second -= part;
    if (soonest->second == 0) member.lots.erase(soonest);
  }
  return parts;
}

// Past lots pay the debt first, then the soonest-ending: those are before the others by their end. Reading: of the same end, in the order
// in which they come, which in a refund is from the last point back.
// Reading: the policy is that of the rulebook of today, as with all that "the program's policy" decides; without a book lots that are past
// end. Grace is given once: what has had it ends when it did the first time.
Reference::Parts Reference::ComeBack(Member& member, Parts parts, Funds* paid, Graced* graced) {
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.lot.end < b.lot.end; });
  const Book book = BookOn(today);
  const bool has_grace = book && book->policies().past_lot() == v1::GRACE;
  Parts rest;
  for (Part part : parts) {
    Fund& fund = funds.at(part.lot.fund);
    const std::int64_t n = std::min(part.points, member.debt[part.lot.fund]);
    member.debt[part.lot.fund] -= n;
    fund.debts -= n;
    fund.issued -= n;
    if (paid && n > 0) (*paid)[part.lot.fund] += n;
    part.points -= n;
    if (part.points == 0) continue;
    rest.push_back(part);
    if (part.lot.end > today) {
      member.lots[part.lot] += part.points;
      if (graced && part.lot.first_end != 0) graced->emplace(std::pair(part.lot.fund, part.lot.first_end), part.lot.end);
    } else if (graced && part.lot.first_end == 0 && graced->count({part.lot.fund, part.lot.end}) &&
               graced->at({part.lot.fund, part.lot.end}) > today) {
      member.lots[{graced->at({part.lot.fund, part.lot.end}), part.lot.fund, part.lot.end}] += part.points;
    } else if (has_grace && part.lot.first_end == 0 && !(graced && graced->count({part.lot.fund, part.lot.end}))) {
      const Day end = EndAfter(AddDays(today, book->policies().grace_days()), 0, v1::MONTH);
      member.lots[{end, part.lot.fund, part.lot.end}] += part.points;
      if (graced) (*graced)[{part.lot.fund, part.lot.end}] = end;
    } else {
      End(member, part.lot, part.points);
    }
  }
  return rest;
}

void Reference::EndHold(Held& hold) {
  Member& member = members.at(hold.member);
  for (const Part& part : hold.parts) member.held[part.lot.fund] -= part.points;
  ComeBack(member, hold.parts);
  // Reading: the end by time gives limits back as a void does.
  counted_[hold.counted].points = counted_[hold.counted].count = 0;
  for (const auto& [sequence, other] : holds_) {
    if (&other == &hold) {
      open_holds_.erase(sequence);
      break;
    }
  }
}

// Reading: what ended unspent goes first, since it hurts nobody; then what is left of the very points, a grace lot of theirs included;
// then the fund's other lots, the soonest-ending first.
Reference::TakenBack Reference::LookForBack(const Member& member, const std::string& fund, std::int64_t points,
                                            const std::vector<std::pair<Day, std::int64_t>>& ends) const {
  TakenBack taken;
  std::int64_t left = points;
  for (const auto& [end, most] : ends) {
    const auto ended = member.ended.find({fund, end});
    if (ended == member.ended.end()) continue;
    const std::int64_t part = std::min({left, most, ended->second});
    if (part <= 0) continue;
    taken.ended[end] += part;
    left -= part;
  }
  const auto take = [&](bool is_own) {
    for (const auto& [lot, amount] : member.lots) {
      if (lot.fund != fund || left == 0) continue;
      bool is_among = false;
      for (const auto& [end, most] : ends) is_among = is_among || lot.origin() == end;
      if (is_among != is_own) continue;
      const std::int64_t part = std::min(left, amount);
      taken.available[lot] += part;
      left -= part;
    }
  };
  take(true);
  take(false);
  taken.spent = left;
  return taken;
}

void Reference::TakeBack(Member& member, const std::string& fund, const TakenBack& taken) {
  for (const auto& [end, points] : taken.ended) member.ended[{fund, end}] -= points;
  for (const auto& [lot, points] : taken.available) {
    if ((member.lots.at(lot) -= points) == 0) member.lots.erase(lot);
  }
  funds.at(fund).expired -= taken.all_ended();
}

void Reference::CheckSize(std::size_t lots, Broken& broken) const {
  if (is_too_long && lots > 16) broken.Add(Reason::LIMIT_EXCEEDED, {{"limit", "entry_size"}});
}

std::size_t Reference::LotsWorth(const Member& member, std::int64_t points) {
  std::size_t count = 0;
  for (const auto& [lot, amount] : member.lots) {
    if (points <= 0) break;
    points -= amount;
    ++count;
  }
  return count;
}

std::int64_t Reference::BudgetLeft(const std::string& fund) const { return funds.at(fund).data.budget_points - funds.at(fund).issued; }

// --- refusals and repetitions ----------------------------------------------------------------------------------------------------

Expected Reference::RefuseUnrecorded(Reason reason) {
  Expected expected;
  expected.reason = reason;
  expected.is_recorded = false;
  expected.first = expected.now = RequestState::kNone;
  return expected;
}

// Whether the actor, or the member, has had too many today.
bool Reference::IsFull(const Origin& origin, const std::string& member) const {
  const Book book = BookOn(today);
  const auto count = [&](const std::string& who) {
    const auto found = refusals_.find({who, today});
    return found == refusals_.end() ? 0 : found->second;
  };
  if (count(origin.actor) >= (book ? Or(book->policies().refusals_per_terminal_day(), 1000) : 1000)) return true;
  return !member.empty() && count(member) >= (book ? Or(book->policies().refusals_per_member_day(), 100) : 100);
}

// The rule with the lowest number.
Expected Reference::Refuse(const Origin& origin, const std::string& member, const Broken& broken, bool is_item) {
  // Reading: an item of a batch is refused as an item, whatever the count: the batch is one request, and its state needs all of them.
  if (!is_item && IsFull(origin, member)) return RefuseUnrecorded(Reason::REFUSALS_EXHAUSTED);
  if (!is_item) ++refusals_[{origin.actor, today}];
  if (!is_item && !member.empty()) ++refusals_[{member, today}];
  Expected expected;
  expected.reason = broken.reasons.begin()->first;
  expected.first = expected.now = RequestState::kRefused;
  expected.facts = broken.reasons.begin()->second;
  if (!member.empty()) expected.members.insert(member);
  return expected;
}

Expected Reference::Do(const Origin& origin, const Command& command, const std::vector<std::int64_t>& sequences) {
  const std::pair<std::string, std::string> key{origin.actor, origin.request_id};
  const std::string text = Describe(origin, command);
  if (const auto it = requests_.find(key); it != requests_.end()) {
    const Request& known = it->second;
    if (known.is_tombstone) {
      // Reading: answered with the reversal, whose state says it: the door makes ALREADY_REVERSED of that.
      Expected expected;
      expected.is_recorded = false;
      expected.first = expected.now = RequestState::kNeverSeen;
      expected.is_replayed = true;
      expected.sequence = known.sequence;
      return expected;
    }
    if (known.text != text) return RefuseUnrecorded(Reason::REQUEST_ID_REUSED);
    // What is due by time for whom it is about comes first: the state now is the state now.
    Expected expected = known.answer;
    expected.is_replayed = true;
    expected.is_recorded = false;
    expected.sequence = known.sequence;
    if (const auto sale = sales_.find(known.sequence); sale != sales_.end()) {
      expected.now = sale->second.is_reversed ? RequestState::kReversed : RequestState::kDone;
      expected.refunded_points = sale->second.refunded_points();
    }
    if (const auto hold = holds_.find(known.sequence); hold != holds_.end()) {
      Settle(members.at(hold->second.member));
      const auto state = hold->second.state;
      expected.now = state == Held::kOpen       ? RequestState::kPending
                     : state == Held::kCaptured ? RequestState::kDone
                                                : RequestState::kReversed;
    }
    if (const auto undoable = undoables_.find(known.sequence); undoable != undoables_.end() && undoable->second.is_undone) {
      expected.now = RequestState::kReversed;
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
    if (expected.first == RequestState::kRefused) request.kind = Kind::kRefused;
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
  if (const auto* c = std::get_if<Award>(&command)) return as(Kind::kAward, DoAward(origin, c->item, sequence, /*is_item=*/false));
  if (const auto* c = std::get_if<AwardBatch>(&command)) return as(Kind::kAward, DoBatch(origin, *c, sequences));
  if (const auto* c = std::get_if<Correct>(&command)) return as(Kind::kCorrection, DoCorrect(origin, *c));
  if (const auto* c = std::get_if<Donate>(&command)) return as(Kind::kDonation, DoDonate(origin, *c, sequence));
  if (const auto* c = std::get_if<Redeem>(&command)) {
    return as(Kind::kRedemption, DoSale(origin, c->payer, c->lines, /*is_hold=*/false, request));
  }
  if (const auto* c = std::get_if<Authorize>(&command)) {
    return as(Kind::kHold, DoSale(origin, c->payer, c->lines, /*is_hold=*/true, request));
  }
  if (const auto* c = std::get_if<Capture>(&command)) return as(Kind::kCapture, DoCapture(origin, *c, request));
  if (const auto* c = std::get_if<Void>(&command)) return as(Kind::kVoid, DoVoid(origin, *c));
  if (const auto* c = std::get_if<Refund>(&command)) return as(Kind::kRefund, DoRefund(origin, *c, sequence));
  if (const auto* c = std::get_if<Reverse>(&command)) return as(Kind::kReversal, DoReverse(origin, *c, sequence));
  if (const auto* c = std::get_if<ProposeUndo>(&command)) return as(Kind::kUndoProposed, DoPropose(origin, *c, sequence));
  if (const auto* c = std::get_if<Undo>(&command)) return as(Kind::kUndo, DoUndo(origin, *c));
  if (const auto* c = std::get_if<ProposeWaiver>(&command)) return as(Kind::kWaiverProposed, DoProposeWaiver(origin, *c, sequence));
  if (const auto* c = std::get_if<WaiveDebt>(&command)) return as(Kind::kDebtWaived, DoWaive(origin, *c));
  if (const auto* c = std::get_if<Register>(&command)) return as(Kind::kMember, DoRegister(origin, *c));
  if (const auto* c = std::get_if<ConfirmClock>(&command)) return as(Kind::kClockConfirmed, DoConfirmClock(origin, *c));
  return {};
}

// Those that are in order: who may register what has a test of its own.
// A budget can't be cut below what is issued: it is the floor of the fund's issuance.
Expected Reference::DoRegister(const Origin& origin, const Register& command) {
  for (const Registration& data : command.items) {
    const auto* fund = std::get_if<FundData>(&data);
    const std::int64_t out = fund && funds.count(fund->code) ? funds.at(fund->code).issued : 0;
    if (!fund || fund->budget_points >= out) continue;
    Broken broken;
    broken.Add(Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund->code}, {"short_by", absl::StrCat(out - fund->budget_points)}});
    return Refuse(origin, "", broken);
  }
  for (const Registration& data : command.items) {
    if (const auto* fund = std::get_if<FundData>(&data)) {
      funds[fund->code].data = *fund;
    } else if (const auto* member = std::get_if<MemberData>(&data)) {
      members[member->id].data = *member;
    } else if (const auto* merchant = std::get_if<MerchantData>(&data)) {
      merchants[merchant->id] = *merchant;
    } else if (const auto* offer = std::get_if<OfferData>(&data)) {
      offers[offer->code] = *offer;
    } else if (const auto* person = std::get_if<StaffData>(&data)) {
      staff[person->id] = person->member;
    } else if (const auto* book = std::get_if<RulebookData>(&data)) {
      if (book->is_withdrawn) {
        books.erase(book->effective_day);
      } else {
        books[book->effective_day] = std::make_shared<const v1::Rulebook>(Rulebook::Parse(command.rulebook_json)->proto());
      }
    }
  }
  return {};
}

}  // namespace redpoints
