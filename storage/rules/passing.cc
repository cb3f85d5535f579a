#include "storage/rules/passing.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "absl/strings/str_cat.h"
#include "storage/rules/counters.h"
#include "storage/rules/people.h"
#include "storage/rules/shop_day.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

// Lots that `ended` sent to where points end, though their day is yet to come, the latest first, as many as fit one entry: but for what
// has come back, or was taken from there by corrections.
std::vector<Lot> EndedTooEarly(State& state, const Entry& ended, Day today) {
  std::vector<Lot> lots, early;
  for (const Posting& p : ended.postings) {
    if (!p.holder.is(HolderClass::kExpired) || p.amount < 0) continue;
    for (const Lot& lot : p.lots) AddLot(lots, lot);
  }
  if (const FollowUp* follow_up = state.follow_ups.Find(SequenceKey(ended.sequence))) {
    for (Lot& lot : Negative(follow_up->undone)) AddLot(lots, lot);
  }
  for (auto lot = lots.rbegin(); lot != lots.rend() && lot->end > today && early.size() < kPartLots; ++lot) {
    std::int64_t left = CountOf(state, EndedCounter(ended.member, *lot));
    for (const Lot& other : early) {
      if (other.fund == lot->fund && other.origin_end() == lot->origin_end()) left -= other.amount;
    }
    lot->amount = std::min(lot->amount, left);
    if (lot->amount > 0) AddLot(early, *lot);
  }
  return early;
}

// As many entries as it takes until nothing has ended too early by `ended`. False after a fault.
bool UndoEnd(Desk& desk, const std::shared_ptr<const Entry>& ended) {
  while (!EndedTooEarly(desk.state(), *ended, desk.today()).empty()) {
    Entry entry = desk.Draft(Kind::kExpiryUndone);
    entry.actor = kLedgerActor;
    entry.ref = ended->sequence;
    Case c{desk.state(), {.ref = ended, .hold = nullptr, .proposal = nullptr}};
    if (DeriveExpiryUndone(c, entry) || !desk.Post(std::move(entry))) return false;
  }
  return true;
}

// Only what was recorded on days to come can have ended too early. Between two set-backs time never falls: each such stretch is read from
// its end.
void UndoEnds(Desk& desk) {
  constexpr std::int64_t kChunk = 1024;
  std::vector<std::int64_t> starts = {0};
  starts.insert(starts.end(), desk.state().at.set_backs.begin(), desk.state().at.set_backs.end());
  std::int64_t end = desk.state().at.next_sequence;
  for (; !starts.empty(); end = starts.back(), starts.pop_back()) {
    for (bool is_ahead = true; is_ahead && end > starts.back();) {
      const std::int64_t count = std::min(kChunk, end - starts.back());
      const auto entries = desk.FindEntries(end -= count, count);
      if (!entries.ok()) return;  // whoever reads the journal has set the program aside
      for (auto entry = entries->rbegin(); entry != entries->rend() && is_ahead; ++entry) {
        is_ahead = (*entry)->business_day > desk.today();
        if (is_ahead && !UndoEnd(desk, *entry)) return;
      }
    }
  }
}

}  // namespace

Broken DeriveHoldEnd(Case& c, Entry& e) {
  const Hold* open = c.state.holds.Find(SequenceKey(e.hold));
  if (!open) return Refusal{Reason::HOLD_NOT_FOUND, {}};
  const Hold hold = *open;
  // Time ends what is due, and nobody ends for another shop.
  if (e.kind == Kind::kHoldExpired ? hold.until_ms > e.recorded_ms : hold.merchant != e.merchant || hold.until_ms <= e.recorded_ms) {
    return Refusal{Reason::HOLD_NOT_FOUND, {}};
  }
  e.member = hold.member;
  e.postings = {MoveLots(Holder(hold.member), Sub::kHeld, Negative(hold.lots))};
  GiveBack(c.state, e, hold.member, hold.lots);
  return std::nullopt;
}

Broken DeriveExpiry(Case& c, Entry& e) {
  std::vector<Lot> past;
  for (const Lot& lot : AccountOf(c.state, e.member, kPoint).lots) {
    if (lot.end <= e.business_day && past.size() < kPartLots) past.push_back(lot);
  }
  if (past.empty()) return Refusal{Reason::INVARIANT_VIOLATION, {{"lots", "none is past"}}};
  e.postings = {MoveLots(Holder(e.member), Sub::kAvailable, Negative(past)), MoveLots(Holder::Expired(), Sub::kAvailable, std::move(past))};
  return std::nullopt;
}

Broken DeriveDayClosed(Case& c, Entry& e) {
  const auto broken = [](const char* what) { return Refusal{Reason::INVARIANT_VIOLATION, {{"day", what}}}; };
  const Day day = AddDays(c.state.at.last_closed_day, 1), next = AddDays(day, 1);
  if (day >= e.business_day) return broken("is not over");
  if (!c.state.members_by_end.empty() && c.state.members_by_end.begin()->first <= next) return broken("has lots that ended");
  if (!c.state.holds_by_end.empty() && c.state.holds_by_end.begin()->first <= StartOf(next)) return broken("has holds that ended");
  ClosedDay closed = CloseDay(c.state, day);
  if (!closed.data.shops_sha256.empty()) e.blobs = {closed.data.shops_sha256};
  c.blob = std::move(closed.blob);
  e.data = std::move(closed.data);
  return std::nullopt;
}

// The last closed day that is over, by the stated time and by the clock; those after it are closed again.
Day LastDayToStand(const StateMark& at, std::int64_t stated_ms, std::int64_t clock_ms) {
  return std::min(at.last_closed_day, AddDays(DayOf(std::min(stated_ms, clock_ms)), -1));
}

bool IsAhead(const StateMark& at, std::int64_t clock_ms) { return at.last_ms - clock_ms > kClockDiffersMs; }

// CLOCK_DIFFERS 911; of a set-back INVARIANT_VIOLATION, FIELD_INVALID, MAKER_IS_CHECKER 632, CLOCK_DIFFERS 911
Broken DeriveClock(Case& c, Entry& e) {
  const ClockData clock = std::get<ClockData>(e.data);
  const std::int64_t differs_by_ms = std::abs(clock.stated_ms - e.recorded_ms);
  const auto differs = [&] {
    return Refusal{Reason::CLOCK_DIFFERS, {{"clock", absl::StrCat(e.recorded_ms)}, {"stated", absl::StrCat(clock.stated_ms)}}};
  };
  // The clock may be so far from the stated time, and the last entry, before which nothing is recorded, so far ahead of the clock.
  if (clock.last_closed_day == 0) return differs_by_ms > 2 * kClockDiffersMs ? Broken(differs()) : std::nullopt;
  if (!IsAhead(c.state.at, e.recorded_ms))
    return Refusal{Reason::INVARIANT_VIOLATION, {{"clock_confirmed", "sets back what is not ahead"}}};
  // One day follows from the time; that it is named shows a time that was mistyped.
  const Day day = LastDayToStand(c.state.at, clock.stated_ms, e.recorded_ms);
  if (clock.last_closed_day != day) {
    return Refusal{Reason::FIELD_INVALID,
                   {{"field", "last_closed_day"}, {"expected", "the day before the stated time"}, {"day", absl::StrCat(day)}}};
  }
  if (IsSamePerson(c.state, e.actor, c.state.at.clock_by)) return Refusal{Reason::MAKER_IS_CHECKER, {}};
  if (differs_by_ms > kClockDiffersMs) return differs();
  return std::nullopt;
}

Broken DeriveExpiryUndone(Case& c, Entry& e) {
  const auto broken = [](const char* what) { return Refusal{Reason::INVARIANT_VIOLATION, {{"expiry_undone", what}}}; };
  if (e.sequence != c.state.at.undoing_end || e.recorded_ms != c.state.at.last_ms) return broken("follows no set-back");
  if (!c.related.ref) return broken("of no entry");
  std::vector<Lot> lots = EndedTooEarly(c.state, *c.related.ref, e.business_day);
  if (lots.empty()) return broken("of nothing that ended too early");
  e.member = c.related.ref->member;
  e.postings = {MoveLots(Holder::Expired(), Sub::kAvailable, Negative(lots)), MoveLots(Holder(e.member), Sub::kAvailable, std::move(lots))};
  return std::nullopt;
}

Broken DeriveEpoch(Case& c, Entry& e) {
  const auto* epoch = std::get_if<EpochData>(&e.data);
  const auto broken = [](const char* what) { return Refusal{Reason::INVARIANT_VIOLATION, {{"epoch", what}}}; };
  if (!epoch || epoch->old_epoch != c.state.at.epoch) return broken("follows another");
  if (epoch->size != e.sequence) return broken("has another size before it");
  if (e.sequence > 0 && e.recorded_ms != c.state.at.last_ms) return broken("has a time of its own");
  return std::nullopt;
}

Refusal DayToBeNamed(std::int64_t stated_ms) {
  return {
      Reason::FIELD_INVALID,
      {{"field", "last_closed_day"}, {"expected", "the day before the stated time"}, {"day", absl::StrCat(AddDays(DayOf(stated_ms), -1))}}};
}

Outcome Decide(Decision& d, const ConfirmClock& command) {
  Desk& desk = d.desk();
  const StateMark& at = d.state().at;
  // One word goes to all programs: it sets back those that are ahead of the clock, and no day that they have not closed.
  const bool is_ahead = IsAhead(at, desk.clock_ms());
  const Day before = AddDays(DayOf(command.stated_ms), -1);
  if (command.last_closed_day == 0 ? is_ahead : command.last_closed_day != before) {
    return Decision::Unrecorded(DayToBeNamed(command.stated_ms));
  }
  ClockData clock{.stated_ms = command.stated_ms};
  if (is_ahead) clock.last_closed_day = LastDayToStand(at, command.stated_ms, desk.clock_ms());
  Entry entry = d.Draft(Kind::kClockConfirmed);
  entry.data = clock;
  if (!is_ahead) return d.Carry({d.state()}, std::move(entry));
  entry.recorded_ms = desk.clock_ms();
  entry.business_day = DayOf(entry.recorded_ms);
  Outcome outcome = d.Carry({d.state()}, std::move(entry));
  if (outcome.refusal || outcome.first != RequestState::kDone) return outcome;
  desk.SetTime(desk.clock_ms(), desk.may_pass());
  UndoEnds(desk);
  return outcome;
}

Due DueOf(State& state, const std::string& member, std::int64_t now_ms, Day today) {
  Due due;
  if (const auto holds = state.holds_by_member.find(member); holds != state.holds_by_member.end()) {
    for (const std::int64_t sequence : holds->second) {
      const Hold* hold = state.holds.Find(SequenceKey(sequence));
      if (hold && hold->until_ms <= now_ms) due.holds.push_back(sequence);
    }
  }
  const Account* account = state.accounts.Find(AccountKey(member, kPoint));
  due.has_past_points = account && !account->lots.empty() && account->lots.front().end <= today;
  return due;
}

Outcome Decide(Decision& d, const OpenEpoch& command) {
  Entry entry = d.Draft(Kind::kEpoch);
  EpochData data = command.data;
  // Time stands still until a server has looked whether the clock is right: it compares it with the last entry.
  if (entry.sequence > 0) entry.recorded_ms = d.state().at.last_ms, entry.business_day = DayOf(entry.recorded_ms);
  data.old_epoch = d.state().at.epoch;
  data.size = entry.sequence;
  entry.epoch = std::max(command.number, data.old_epoch + 1);
  entry.data = std::move(data);
  return d.Carry({d.state()}, std::move(entry));
}

bool CatchUpWithTime(Desk& desk, std::size_t entries_max) {
  State& state = desk.state();
  if (!desk.may_pass()) return true;
  std::size_t budget = entries_max;
  const auto spend = [&] { return budget > 0 && !desk.has_fault() ? (--budget, true) : false; };

  while (!state.holds_by_end.empty() && state.holds_by_end.begin()->first <= desk.now_ms()) {
    if (!spend()) return false;
    desk.EndHold(*state.holds_by_end.begin()->second.begin());
  }
  // A program's first day is the one of its first entry; every day since is closed once it is over and its lots are expired.
  if (state.at.next_sequence == 0) return true;
  for (Day day = AddDays(state.at.last_closed_day, 1); day < desk.today(); day = AddDays(day, 1)) {
    const Day next = AddDays(day, 1);
    while (!state.members_by_end.empty() && state.members_by_end.begin()->first <= next) {
      if (!spend()) return false;
      if (!desk.Expire(*state.members_by_end.begin()->second.begin())) return false;
    }
    if (!spend()) return false;
    Entry entry = desk.Draft(Kind::kDayClosed);
    entry.actor = kLedgerActor;
    Case c{state};
    if (DeriveDayClosed(c, entry)) return false;
    if (!c.blob.empty()) desk.KeepBlob(entry.blobs.front(), std::move(c.blob));
    if (!desk.Post(std::move(entry))) return false;
  }
  return true;
}

std::int64_t NextDeadline(const Desk& desk, const State& state) {
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  if (!state.holds_by_end.empty()) next = state.holds_by_end.begin()->first;
  if (state.at.next_sequence > 0 && desk.today() > 0) next = std::min(next, StartOf(AddDays(desk.today(), 1)));
  return next;
}

}  // namespace redpoints
