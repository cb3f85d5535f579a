// The state of one program: every table that its journal adds up to. Apply (apply.h) is the only code that changes it, so that replaying
// the journal, deciding a request and checking a backup all come to the same rows.
//
// Threads: as Table. `mutex` is the lock meant there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "storage/merkle/tree.h"
#include "storage/rules/entry.h"
#include "storage/rules/lots.h"
#include "storage/rules/request_state.h"
#include "storage/rules/rulebook.h"
#include "storage/rules/table.h"
#include "storage/rules/types.h"

namespace redpoints {

// Points of one fund on an account.
struct FundPart {
  std::string fund;
  std::int64_t of[kSubCount] = {0, 0, 0};
  bool operator==(const FundPart&) const = default;
};

// Key: AccountKey(holder, unit).
struct Account {
  std::int64_t balance[kSubCount] = {0, 0, 0};  // available, held, debt (0 or below)
  std::int64_t head = -1;                       // the last entry that touched it
  std::vector<Lot> lots;                        // of a member's available points; by end, fund and first end; amounts above 0
  std::vector<FundPart> funds;                  // of spendable points, by fund: together they are `balance`
  std::int64_t at(Sub sub) const { return balance[static_cast<std::size_t>(sub)]; }
  std::int64_t& at(Sub sub) { return balance[static_cast<std::size_t>(sub)]; }
  std::int64_t of(std::string_view fund, Sub sub = Sub::kAvailable) const;
  // Its amount, with its lots and funds; `head` is the caller's.
  void Add(const Posting& posting);
  bool operator==(const Account&) const = default;
};

// Key: RequestKey(actor, request id). Where the first answer is.
struct RequestRecord {
  std::int64_t sequence = -1;
  std::int32_t count = 1;        // entries of the request
  bool is_tombstone = false;     // reversed before it arrived: `sequence` is the reversal's
  std::string fingerprint = {};  // of the request; empty for a tombstone
  bool operator==(const RequestRecord&) const = default;
};

// Key: SequenceKey(sequence). What later entries did to an entry. Absent: nothing.
struct FollowUp {
  RequestState state = RequestState::kDone;
  std::int64_t sequence = -1;  // of the entry that moved it last
  std::int64_t reversal = -1;  // of the reversal that named it, if any
  std::vector<Span> refunded;  // sale: points given back by refunds that stand
  std::int64_t cash_refunded_fen = 0;
  std::int64_t quantity = 0;        // award: as corrected
  std::vector<UnitAmount> amounts;  // award: as corrected
  std::int64_t issued = 0;          // award: points that its corrections issued, less those that they took back
  std::int64_t earned = 0;          // award: as corrected, before caps, of the unit that carries on
  std::vector<Lot> graced;          // award, sale: which lots of it came back with grace, and until when; amounts 0
  std::vector<Lot> undone;          // expiry, or a return into past lots: those that came back when a clock was set back
  std::int64_t refunded_points() const { return SumOf(refunded); }
  bool operator==(const FollowUp&) const = default;
};

// Key: SequenceKey(sequence of the hold). Only while it is open.
struct Hold {
  std::string member, merchant, terminal, request_id, rulebook, presentation;
  std::int64_t points = 0;
  std::int64_t recorded_ms = 0;
  std::int64_t until_ms = 0;
  Day business_day = 0;
  std::vector<Lot> lots;
  std::vector<OfferLine> lines;
  std::vector<Group> groups;
  std::string grid;
  bool operator==(const Hold&) const = default;
};

// Key: ShopDayKey(day, merchant). What a shop sold on a business day that is not closed yet.
struct ShopDay {
  std::int64_t count = 0;
  Frontier lines;  // of the tree over its lines, in order of their entries
  std::vector<FundAmount> points, fen;
  bool operator==(const ShopDay&) const = default;
};

// Key: the day. What a business day that is not closed yet did to each fund.
struct DayTotals {
  std::vector<DayTotal> totals;  // by fund
  bool operator==(const DayTotals&) const = default;
};

// Key: RegistrationKey.
struct Registered {
  Registration data;
  std::int64_t sequence = -1;
  bool operator==(const Registered&) const = default;
};

// What rules are read from: few, all in memory.
struct Definitions {
  std::map<Day, std::shared_ptr<const Rulebook>> books;  // by effective day, those that were not withdrawn
  struct UnitRule {
    v1::UnitKind kind = v1::UNIT_KIND_UNSPECIFIED;
    int decimals = 0;
    std::int64_t floor = 0;  // the lowest of all books
  };
  std::map<std::string, UnitRule, std::less<>> units;  // of all books
  std::map<std::string, NodeData> branches;            // of the program's tree, by code: scopes are resolved with them

  void IndexUnits();                                          // after `books` changed
  const Rulebook* BookNamed(std::string_view version) const;  // nullptr if none
  const v1::Activity* ActivityOf(const Entry& entry) const;   // as in the rulebook that decided it; nullptr if none
  int DecimalsOf(std::string_view unit) const;                // as people read it (contract/amount.h); 0 of a unit in no book
};

struct EpochStart {
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;  // of its first entry
  bool operator==(const EpochStart&) const = default;
};

// How far a journal has come.
struct StateMark {
  std::int64_t next_sequence = 0;
  std::int64_t last_ms = 0;
  Day last_closed_day = 0;  // 0: none yet
  std::int64_t epoch = 0;
  std::vector<EpochStart> epochs;  // those after the first
  std::string clock_by;            // the actor who confirmed the clock last
  // The highest "v" of its lines, and the highest rules format of its rulebooks: by these a program that is too old for the journal knows
  // it without reading all of it.
  std::int64_t line_version = 0, rules_format = 0;
  // Entries at which time fell, ascending; between two of them it never does.
  std::vector<std::int64_t> set_backs;
  Day latest_day = 0;             // of any entry: behind a set-back later than that of the last one
  std::int64_t undoing_end = -1;  // where an expiry_undone may stand: right behind a set-back and those that follow it
  // The epoch in which an entry was written.
  std::int64_t EpochOf(std::int64_t sequence) const;
  bool operator==(const StateMark&) const = default;
};

struct State {
  explicit State(std::string id) : program(std::move(id)) {
    // Each call asks for its terminal and its shop, and few of them ever change.
    registrations.set_pinned([](std::string_view key) { return !key.starts_with("member/"); });
  }

  // Constant after construction.
  const std::string program;
  std::function<absl::StatusOr<std::string>(const std::string& sha256_hex)> find_blob;  // rulebooks that `books` lacks
  // Told by Verify the content of each blob that follows from the entries (a closed day's shops).
  std::function<void(const std::string& sha256_hex, std::string content)> on_blob;
  // `count` entries from `first` on, of those that are committed.
  std::function<absl::StatusOr<std::vector<std::shared_ptr<const Entry>>>(std::int64_t first, std::int64_t count)> find_entries;

  // The writer's own: where the journal stands, undurable entries included.
  StateMark at;
  std::shared_ptr<const Definitions> definitions = std::make_shared<Definitions>();
  std::map<std::int64_t, std::set<std::int64_t>> holds_by_end;  // until_ms to holds
  std::map<std::string, std::set<std::int64_t>> holds_by_member;
  std::map<Day, std::set<std::string>> members_by_end;  // lot end to members who have such a lot
  std::map<Day, std::set<std::string>> shops_by_day;    // days not closed yet to shops that traded
  std::map<std::string, std::int64_t> budgets;          // of all funds
  std::size_t offers = 0;                               // registered

  mutable std::shared_mutex mutex;
  Table<Account> accounts;
  Table<RequestRecord> requests;
  Table<FollowUp> follow_ups;
  Table<Hold> holds;
  Table<Registered> registrations;
  Table<std::int64_t> counters;  // limits, caps, deeds, refusals, ended points: counters.h
  Table<ShopDay> shop_days;
  Table<DayTotals> day_totals;

  // What readers may know of the writer's own; under `mutex`, set by Publish.
  struct Published {
    StateMark at;
    std::shared_ptr<const Definitions> definitions = std::make_shared<Definitions>();
  };
  Published published;
  Published ReadPublished() const {
    const std::shared_lock lock(mutex);
    return published;
  }

  std::shared_ptr<const Definitions> ReadDefinitions() const {
    const std::shared_lock lock(mutex);
    return published.definitions;
  }

  // The writer's; each of the program's days has at most one rulebook.
  void AddBook(Day effective_day, Rulebook book);
  void RemoveBook(Day effective_day);
  void AddBranch(const NodeData& branch);
  const Rulebook* BookOf(Day day) const;  // the one that holds on `day`, nullptr if none
  const Rulebook* BookNamed(std::string_view version) const;

  template <class F> void ForEachTable(F f) {
    f(accounts), f(requests), f(follow_ups), f(holds), f(registrations), f(counters), f(shop_days), f(day_totals);
  }

  // A published row, for readers. A row that is in no generation in memory is read from the store after the lock is let go: it has not
  // changed for two turns, and whatever it becomes meanwhile is published, too.
  template <class V> std::optional<V> Read(const Table<V>& table, const std::string& key) const {
    {
      const std::shared_lock lock(mutex);
      if (const auto* row = table.FindCached(key)) return row->value;
    }
    return table.Load(key);
  }

  // Several rows as of one moment, and the sequence that came next then.
  template <class V>
  std::pair<std::vector<std::optional<V>>, std::int64_t> ReadAll(const Table<V>& table, const std::vector<std::string>& keys) const {
    std::vector<std::optional<V>> rows(keys.size());
    std::vector<std::size_t> missing;
    const std::int64_t next = [&] {
      const std::shared_lock lock(mutex);
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto* row = table.FindCached(keys[i]);
        row ? void(rows[i] = row->value) : missing.push_back(i);
      }
      return published.at.next_sequence;
    }();
    for (const std::size_t i : missing) rows[i] = table.Load(keys[i]);
    return {std::move(rows), next};
  }

  // Makes what was applied visible to readers. Under `mutex`, exclusively.
  void Publish() {
    ForEachTable([](auto& table) { table.Publish(); });
    published = {.at = at, .definitions = definitions};
  }

  // A registration of type T, or nullptr.
  template <class T> const T* Find(const char* type, const std::string& id) {
    const Registered* found = registrations.Find(std::string(type) + "/" + id);
    return found ? std::get_if<T>(&found->data) : nullptr;
  }
};

// --- keys of the derived tables ---------------------------------------------------------------------------------------------------
std::string AccountKey(const Holder& holder, std::string_view unit);  // "m123.../POINT"
std::string AccountKey(std::string_view holder, std::string_view unit);
std::string RequestKey(std::string_view actor, std::string_view request_id);  // "t123.../0a1b..."
std::string SequenceKey(std::int64_t sequence);                               // "0000000000000042": sorts as numbers do
std::string ShopDayKey(Day day, std::string_view merchant);                   // "20240315/s123..."

}  // namespace redpoints
