#include "storage/rules/passing.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "storage/rules/shop_day.h"
#include "storage/rules/types.h"

namespace redpoints {

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
  e.data = std::move(closed.data);
  return std::nullopt;
}

Broken DeriveClock(Case&, Entry& e) {
  const auto* clock = std::get_if<ClockData>(&e.data);
  if (!clock || clock->last_closed_day != 0) return Refusal{Reason::FIELD_INVALID, {{"field", "stated_ms"}, {"expected", "the time"}}};
  return std::nullopt;
}

Broken DeriveEpoch(Case& c, Entry& e) {
  const auto* epoch = std::get_if<EpochData>(&e.data);
  const auto broken = [](const char* what) { return Refusal{Reason::INVARIANT_VIOLATION, {{"epoch", what}}}; };
  if (!epoch || epoch->old_epoch != c.state.at.epoch) return broken("follows another");
  if (epoch->size != e.sequence) return broken("has another size before it");
  return std::nullopt;
}

Outcome Decide(Decision& d, const ConfirmClock& command) {
  Entry entry = d.Draft(Kind::kClockConfirmed);
  entry.data = ClockData{.stated_ms = command.stated_ms};
  return d.Carry({d.state()}, std::move(entry));
}

Outcome Decide(Decision& d, const OpenEpoch& command) {
  Entry entry = d.Draft(Kind::kEpoch);
  EpochData data = command.data;
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
    ClosedDay closed = CloseDay(state, day);
    if (DeriveDayClosed(c, entry)) return false;
    if (!closed.blob.empty()) desk.KeepBlob(closed.data.shops_sha256, std::move(closed.blob));
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
