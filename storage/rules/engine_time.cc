// What happens because time passes: holds end, lots expire, days close.
#include <limits>

#include "storage/rules/engine.h"

namespace redpoints {

void Engine::EndHoldByTime(std::int64_t sequence) {
  const Hold* open = state_.holds.Find(SequenceKey(sequence));
  RP_CHECK(open != nullptr);
  const Hold hold = *open;
  ExpirePast(hold.member);
  Entry entry;
  entry.kind = Kind::kHoldExpired;
  entry.actor = kLedgerActor;
  entry.member = hold.member;
  entry.hold = sequence;
  entry.postings = Unhold(hold.member, hold.points, hold.lots);
  Post(std::move(entry));
}

bool Engine::CatchUpWithTime(std::size_t entries_max) {
  std::size_t budget = entries_max;
  const auto spend = [&] { return budget > 0 && fault_.ok() ? (--budget, true) : false; };

  while (!state_.holds_by_end.empty() && state_.holds_by_end.begin()->first <= now_ms_) {
    if (!spend()) return false;
    const std::int64_t sequence = *state_.holds_by_end.begin()->second.begin();
    EndHoldByTime(sequence);
  }

  // A program's first day is the one of its first entry; every day since is closed once it is over and its lots are expired.
  if (state_.next_sequence == 0) return true;
  for (Day day = AddDays(state_.last_closed_day, 1); day < today_; day = AddDays(day, 1)) {
    const Day next = AddDays(day, 1);
    while (!state_.accounts_by_end.empty() && state_.accounts_by_end.begin()->first <= next) {
      if (!spend()) return false;
      const std::string key = *state_.accounts_by_end.begin()->second.begin();
      ExpirePast(key.substr(0, key.find('/')));
    }
    if (!spend()) return false;
    Entry entry;
    entry.kind = Kind::kDayClosed;
    entry.actor = kLedgerActor;
    entry.effective_day = day;
    Post(std::move(entry));
  }
  return true;
}

std::int64_t Engine::NextDeadline() const {
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  if (!state_.holds_by_end.empty()) next = state_.holds_by_end.begin()->first;
  if (state_.next_sequence > 0 && today_ > 0) next = std::min(next, StartOf(AddDays(today_, 1)));
  return next;
}

Outcome Engine::Decide(const Origin& origin, const ConfirmClock&) { return Posted(Post(Draft(Kind::kClockConfirmed, origin))); }

}  // namespace redpoints
