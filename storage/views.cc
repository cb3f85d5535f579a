#include "storage/views.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "storage/derived.h"
#include "storage/keys.h"
#include "storage/rules/apply.h"

namespace redpoints {
namespace {

ChainPosition HeadOf(const Account& account) { return {account.head, {account.balance[0], account.balance[1], account.balance[2]}}; }

// Of a member, in one unit.
struct UnitAccount {
  std::string unit;
  int decimals = 0;
  Account account;
};

// Lots that are past stay in the account until their expiry is written.
UnitBalance SeenOn(Day day, const UnitAccount& account, const ChainPosition& position, const std::vector<Lot>& lots) {
  UnitBalance seen{.unit = account.unit,
                   .available = position.after[0],
                   .held = position.after[1],
                   .debt = -position.after[2],
                   .lots = {},
                   .decimals = account.decimals};
  for (const Lot& lot : lots) {
    if (lot.end <= day) {
      seen.available -= lot.amount;
    } else {
      seen.lots.push_back(lot);
    }
  }
  return seen;
}

struct MemberAccounts {
  std::int64_t as_of_sequence = 0;
  std::vector<UnitAccount> accounts;  // by unit code
};

MemberAccounts AccountsOf(const State& state, const std::string& member) {
  const auto definitions = state.ReadDefinitions();
  std::vector<std::string> keys;
  for (const auto& [unit, rule] : definitions->units) keys.push_back(AccountKey(member, unit));
  auto [rows, next] = state.ReadAll(state.accounts, keys);
  MemberAccounts found{.as_of_sequence = next, .accounts = {}};
  auto row = rows.begin();
  for (const auto& [unit, rule] : definitions->units) {
    if (*row) found.accounts.push_back({.unit = unit, .decimals = definitions->DecimalsOf(unit), .account = **std::move(row)});
    ++row;
  }
  return found;
}

}  // namespace

Balances BalanceNow(const State& state, const std::string& member, std::int64_t now_ms) {
  const Day today = DayOf(now_ms);
  const MemberAccounts found = AccountsOf(state, member);
  Balances balances{.as_of_sequence = found.as_of_sequence, .units = {}};
  for (const UnitAccount& each : found.accounts) balances.units.push_back(SeenOn(today, each, HeadOf(each.account), each.account.lots));
  return balances;
}

absl::StatusOr<Balances> BalanceAsOf(const State& state, const Journal& journal, const std::string& member, std::int64_t as_of_ms,
                                     const std::function<absl::Status()>& go_on) {
  const MemberAccounts found = AccountsOf(state, member);
  auto end = FirstRecordedAfter(state, journal, found.as_of_sequence, as_of_ms);
  if (!end.ok()) return end.status();
  Balances balances{.as_of_sequence = *end, .units = {}};
  for (const UnitAccount& each : found.accounts) {
    std::vector<Lot> lots = each.account.lots;
    ChainPosition position = HeadOf(each.account);
    while (position.sequence >= *end) {
      if (auto status = go_on(); !status.ok()) return status;
      ChainPosition before = position;
      auto line = NextLine(journal, member, each.unit, before);
      if (!line.ok()) return line.status();
      const Entry& entry = (*line)->entry;
      for (const Posting& p : entry.postings) {
        if (p.holder.text() != member || p.unit != each.unit || p.sub != Sub::kAvailable) continue;
        for (const Lot& lot : p.lots) AddLot(lots, {lot.fund, lot.end, -lot.amount, lot.first_end});
      }
      position = before;
    }
    if (position.sequence >= 0) balances.units.push_back(SeenOn(DayOf(as_of_ms), each, position, lots));
  }
  return balances;
}

absl::StatusOr<std::int64_t> FirstRecordedAfter(const State& state, const Journal& journal, std::int64_t end, std::int64_t ms) {
  std::int64_t low = 0, high = end;  // entries below `low` were recorded by then, those from `high` on were not
  const auto is_by_then = [&](std::int64_t sequence) -> absl::StatusOr<bool> {
    auto entry = journal.Read(sequence);
    if (!entry.ok()) return entry.status();
    return entry->recorded_ms <= ms;
  };
  // Time falls at set-backs alone: `ms` is looked for behind the last one that was by then.
  const auto set_backs = state.ReadPublished().at.set_backs;
  for (auto fell = set_backs.rbegin(); fell != set_backs.rend() && low == 0; ++fell) {
    if (*fell >= end) continue;
    auto found = is_by_then(*fell);
    if (!found.ok()) return found.status();
    (*found ? low : high) = *fell;
  }
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    auto found = is_by_then(middle);
    if (!found.ok()) return found.status();
    if (*found) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

ChainPosition HeadOf(const State& state, const std::string& holder, const std::string& unit) {
  const auto account = state.Read(state.accounts, AccountKey(holder, unit));
  return account ? HeadOf(*account) : ChainPosition();
}

absl::StatusOr<std::optional<StatementLine>> NextLine(const Journal& journal, const std::string& holder, const std::string& unit,
                                                      ChainPosition& position) {
  if (position.sequence < 0) return std::nullopt;
  auto entry = journal.Read(position.sequence);
  if (!entry.ok()) return entry.status();
  StatementLine line{.entry = *std::move(entry), .change = {}, .after = position.after};
  bool is_touched = false;
  std::int64_t prev = -1;
  for (const Posting& p : line.entry.postings) {
    if (p.holder.text() != holder || p.unit != unit) continue;
    line.change[static_cast<std::size_t>(p.sub)] += p.amount;
    prev = p.prev;
    is_touched = true;
  }
  if (!is_touched || prev >= position.sequence) {
    return absl::DataLossError(absl::StrCat("the chain of ", holder, " ", unit, " is broken at ", position.sequence));
  }
  for (std::size_t i = 0; i < kSubCount; ++i) position.after[i] -= line.change[i];
  position.sequence = prev;
  return line;
}

std::set<std::string> TopPlacesOf(const State& state, const std::vector<std::string>& scopes) {
  const std::set<std::string> nodes(scopes.begin(), scopes.end());
  std::set<std::string> tops = nodes;  // no place has the code of a branch
  const auto definitions = state.ReadPublished().definitions;
  for (const auto& [code, branch] : definitions->branches) {
    if (branch.places.empty()) continue;
    std::string up = code;
    for (int depth = 0; !up.empty() && !nodes.contains(up) && depth < 64; ++depth) {
      const auto it = definitions->branches.find(up);
      up = it == definitions->branches.end() ? "" : it->second.parent;
    }
    if (nodes.contains(up)) tops.insert(branch.places.begin(), branch.places.end());
  }
  return tops;
}

bool IsUnder(const State& state, const std::string& place, const std::set<std::string>& tops) {
  std::set<std::string> seen;
  for (std::string code = place; !code.empty() && seen.insert(code).second;) {
    if (tops.contains(code)) return true;
    const auto found = FindRegistration<NodeData>(state, "node", code);
    code = found ? found->parent : "";
  }
  return false;
}

absl::StatusOr<std::vector<std::pair<std::string, Registered>>> ListRegistrations(const State& state, const Store& store,
                                                                                  const std::string& type, const std::string& after,
                                                                                  std::size_t limit) {
  const std::string prefix = type + "/";
  const std::string begin = after.empty() ? prefix : prefix + after + '\0';
  std::map<std::string, Registered> found;  // key to row; memory wins over disk
  // Only the first `limit` keys are copied, and the commits wait for no more than a look at each.
  const auto add = [&](const auto& rows) {
    std::vector<std::pair<std::string_view, const Registered*>> first;
    for (const auto& [key, row] : rows) {
      if (key >= begin && key.starts_with(prefix) && row.value) first.emplace_back(key, &*row.value);
    }
    const auto end = first.begin() + static_cast<std::ptrdiff_t>(std::min(limit, first.size()));
    std::partial_sort(first.begin(), end, first.end());
    for (auto it = first.begin(); it != end; ++it) found.try_emplace(std::string(it->first), *it->second);
  };
  std::shared_ptr<const Table<Registered>::Rows> previous;
  {
    const std::shared_lock lock(state.mutex);
    add(state.registrations.recent());
    previous = state.registrations.previous();
  }
  add(*previous);
  auto rows = store.Scan(
      {.begin = DerivedKey(state.program, 'g', begin), .end = PrefixEnd(DerivedKey(state.program, 'g', prefix)), .rows_max = limit});
  if (!rows.ok()) return rows.status();
  const std::size_t skip = DerivedKey(state.program, 'g', "").size();
  for (const Store::Row& row : *rows) {
    Registered registered;
    if (!DecodeRow(row.value, registered)) return absl::DataLossError("a registration can't be read");
    found.try_emplace(row.key.substr(skip), std::move(registered));
  }
  std::vector<std::pair<std::string, Registered>> list;
  for (auto& [key, registered] : found) {
    if (list.size() == limit) break;
    list.emplace_back(key.substr(prefix.size()), std::move(registered));
  }
  return list;
}

}  // namespace redpoints
