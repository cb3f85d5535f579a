#include "storage/check.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/replay.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/sha256.h"

namespace redpoints {
namespace {

absl::Status Difference(const std::string& what) { return absl::DataLossError(what); }

// Compares the derived rows on disk, their mark included, with those that the journal up to the mark adds up to. Both ways, in the order
// of the keys: none too many, none missing.
absl::Status CompareRows(const Store& store, State& state, CheckReport& report) {
  std::map<std::string, std::string> expected;
  std::size_t i = 0;
  state.ForEachTable([&]<class V>(const Table<V>& table) {
    const char letter = kTableLetters[i++];
    for (const auto& [key, row] : table.recent()) {
      if (row.value) expected[DerivedKey(state.program, letter, key)] = EncodeRow(*row.value);
    }
  });
  if (state.next_sequence > 0) expected[DerivedKey(state.program, kMarkTable, "")] = EncodeRow(MarkOf(state));
  const std::string prefix = state.program + '\0';
  const auto name = [&](const std::string& key) { return RowName(std::string_view(key).substr(prefix.size())); };
  Store::Range range{.begin = prefix, .end = PrefixEnd(prefix), .rows_max = 10'000};
  for (;;) {
    auto rows = store.Scan(range);
    if (!rows.ok()) return rows.status();
    for (const Store::Row& row : *rows) {
      const auto next = expected.begin();
      if (next == expected.end() || row.key < next->first) {
        return Difference(absl::StrCat(name(row.key), state.next_sequence > 0 ? " is not in the journal" : " is there without the mark"));
      }
      if (next->first < row.key) return Difference(absl::StrCat(name(next->first), " is missing"));
      if (next->second != row.value) return Difference(absl::StrCat(name(row.key), " differs from the journal"));
      expected.erase(next);
      ++report.derived_rows;
    }
    if (rows->size() < range.rows_max) break;
    range.begin = rows->back().key + '\0';
  }
  if (!expected.empty()) return Difference(absl::StrCat(name(expected.begin()->first), " is missing"));
  return absl::OkStatus();
}

// What an entry must not be after those before it, beyond Verify: that looks at the state alone, since the ledger asks it for each entry.
class History {
 public:
  // Before the entry is applied.
  absl::Status Check(State& state, const Entry& entry) {
    if (!entry.request_id.empty() && entry.item <= 0 && state.requests.Find(RequestKey(entry.actor, entry.request_id))) {
      return absl::InternalError(absl::StrCat("request ", entry.request_id, " of ", entry.actor, " a second time"));
    }
    if (entry.kind == Kind::kRedemption || entry.kind == Kind::kCapture) sold_[entry.sequence] = PointsOf(entry);
    const bool takes_back = entry.kind == Kind::kRefund || (entry.kind == Kind::kReversal && entry.reason == "undone" && entry.ref >= 0);
    if (!takes_back) return absl::OkStatus();
    std::int64_t& left = sold_[entry.ref];
    left -= PointsOf(entry);
    return left >= 0 ? absl::OkStatus() : absl::InternalError(absl::StrCat("more is given back than was sold by ", entry.ref));
  }

 private:
  absl::flat_hash_map<std::int64_t, std::int64_t> sold_;  // redemption or capture to its points, as far as they were not given back
};

}  // namespace

absl::StatusOr<CheckReport> CheckProgram(const Log& log, const Store* store, const std::string& program,
                                         const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const Journal journal(log, program);
  State state(program);
  state.find_blob = [&](const std::string& sha256) -> absl::StatusOr<std::string> {
    auto blob = log.Blob(program, sha256);
    if (!blob.ok()) return blob.status();
    if (!*blob) return Difference(absl::StrCat("blob ", sha256, " is missing"));
    if (Sha256Hex(**blob) != sha256) return Difference(absl::StrCat("blob ", sha256, " is altered"));
    return **std::move(blob);
  };
  auto end = journal.End();
  if (!end.ok()) return end.status();
  if (*end == 0) return absl::NotFoundError(absl::StrCat("no journal of ", program));
  CheckReport report;
  History history;
  if (store) {
    State marked(program);  // only its mark
    marked.find_blob = state.find_blob;
    if (auto status = LoadState(marked, *store); absl::IsFailedPrecondition(status)) {
      report.unusable_rows = std::string(status.message());
      store = nullptr;
    } else if (!status.ok()) {
      return status;
    }
    report.mark = marked.next_sequence;
  }
  if (report.mark > *end) return Difference(absl::StrCat("the journal ends at ", *end, ", but derived rows go to ", report.mark));
  if (store && report.mark == 0) {
    if (auto rows = CompareRows(*store, state, report); !rows.ok()) return rows;
  }
  const ReplayHooks hooks{.verified = [&history](State& before, const Entry& entry) { return history.Check(before, entry); },
                          .applied =
                              [&](State& after, const Entry& entry) {
                                ++report.kinds[std::string(KindName(entry.kind))];
                                for (const Posting& p : entry.postings) report.sums[p.unit] += p.amount;
                                if (!store || after.next_sequence != report.mark) return absl::OkStatus();
                                after.Publish();
                                return CompareRows(*store, after, report);
                              }};
  const auto tell = [&] {
    if (progress) progress(state.next_sequence, *end);
    return absl::OkStatus();
  };
  if (auto status = ReplayJournal(state, journal, *end, hooks, tell); !status.ok()) return status;
  report.entries = state.next_sequence;
  return report;
}

}  // namespace redpoints
