// What people ask of the ledger: balances and statements of one member, as of the last durable entry. Any thread; may read the disk.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/journal.h"
#include "storage/rules/state.h"
#include "storage/store/store.h"

namespace redpoints {

struct UnitBalance {
  std::string unit;
  std::int64_t available = 0;  // without lots that are past
  std::int64_t held = 0;
  std::int64_t debt = 0;  // 0 or more
  std::vector<Lot> lots;  // of the available points, soonest-ending first, without those that are past
  int decimals = 0;       // of the unit (contract/amount.h)
};

// All units of one moment.
struct Balances {
  std::int64_t as_of_sequence = 0;  // entries below it are in the figures
  std::vector<UnitBalance> units;   // ever held, by unit code
};

// The member's balances; lots that ended by `now_ms` do not count.
Balances BalanceNow(const State& state, const std::string& member, std::int64_t now_ms);

// What BalanceNow said at the end of that millisecond: in front of the first entry recorded after it (FirstRecordedAfter), without lots
// that had ended by then. Walks the chains of `prev` back from the heads, undoing the entries since; `go_on` is asked at each, and its
// error ends the walk.
absl::StatusOr<Balances> BalanceAsOf(const State& state, const Journal& journal, const std::string& member, std::int64_t as_of_ms,
                                     const std::function<absl::Status()>& go_on = absl::OkStatus);

// The first entry of those before `end` that was recorded after `ms`, or `end`. Where a clock was set back, a time may have come twice:
// then the last moment at which the clock showed it is meant.
absl::StatusOr<std::int64_t> FirstRecordedAfter(const State& state, const Journal& journal, std::int64_t end, std::int64_t ms);

// A place in a chain of `prev`: the entry, and the account's balances after it.
struct ChainPosition {
  std::int64_t sequence = -1;  // -1: before the first
  std::array<std::int64_t, kSubCount> after = {0, 0, 0};
};
// The newest entry of an account.
ChainPosition HeadOf(const State& state, const std::string& holder, const std::string& unit);

struct StatementLine {
  Entry entry;
  std::array<std::int64_t, kSubCount> change = {0, 0, 0};
  std::array<std::int64_t, kSubCount> after = {0, 0, 0};
};
// The line at `position`, which then moves to the entry before. nullopt at the end of the chain. DATA_LOSS where the chain is broken.
absl::StatusOr<std::optional<StatementLine>> NextLine(const Journal& journal, const std::string& holder, const std::string& unit,
                                                      ChainPosition& position);

// A registration as published; nullopt when there is none.
template <class T> std::optional<T> FindRegistration(const State& state, const std::string& type, const std::string& id) {
  auto found = state.Read(state.registrations, type + "/" + id);
  if (!found || !std::holds_alternative<T>(found->data)) return std::nullopt;
  return std::get<T>(std::move(found->data));
}

// The places at the top of scopes, which are nodes: a place itself; for a branch, the places that it and those below it look after.
std::set<std::string> TopPlacesOf(const State& state, const std::vector<std::string>& scopes);
// Whether `place` is one of `tops` or lies below one.
bool IsUnder(const State& state, const std::string& place, const std::set<std::string>& tops);

// Published registrations of one type by id, behind `after`, at most `limit`.
absl::StatusOr<std::vector<std::pair<std::string, Registered>>> ListRegistrations(const State& state, const Store& store,
                                                                                  const std::string& type, const std::string& after,
                                                                                  std::size_t limit);

}  // namespace redpoints
