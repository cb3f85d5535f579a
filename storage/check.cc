#include "storage/check.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"

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
  Store::Range range{.table = TableId::kDerived, .begin = prefix, .end = PrefixEnd(prefix), .rows_max = 10'000};
  for (;;) {
    auto rows = store.Scan(range);
    if (!rows.ok()) return rows.status();
    for (const Row& row : *rows) {
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

absl::StatusOr<CheckReport> CheckProgram(const Store& store, const std::string& program,
                                         const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const Journal journal(store, program);
  State state(program);
  state.find_blob = [&](const std::string& sha256) -> absl::StatusOr<std::string> {
    auto blob = store.Get(TableId::kBlob, BlobKey(program, sha256));
    if (!blob.ok()) return blob.status();
    if (!*blob) return Difference(absl::StrCat("blob ", sha256, " is missing"));
    if (Sha256Hex(**blob) != sha256) return Difference(absl::StrCat("blob ", sha256, " is altered"));
    return **std::move(blob);
  };
  State marked(program);  // only its mark
  marked.find_blob = state.find_blob;
  if (auto status = LoadState(marked, store); !status.ok()) return status;
  auto end = journal.End();
  if (!end.ok()) return end.status();
  if (*end == 0) return absl::NotFoundError(absl::StrCat("no journal of ", program));
  CheckReport report;
  History history;
  report.mark = marked.next_sequence;
  if (report.mark > *end) return Difference(absl::StrCat("the journal ends at ", *end, ", but derived rows go to ", report.mark));

  if (report.mark == 0) {
    if (auto rows = CompareRows(store, state, report); !rows.ok()) return rows;
  }
  while (state.next_sequence < *end) {
    auto chunk = journal.Lines(state.next_sequence, *end, 1u << 20);
    if (!chunk.ok()) return chunk.status();
    if (chunk->lines.empty()) return Difference(absl::StrCat("entry ", state.next_sequence, " is missing"));
    for (const auto line : chunk->Split()) {
      auto entry = ParseLine(line);
      auto status = entry.ok() ? Verify(state, *entry) : entry.status();
      if (status.ok()) status = history.Check(state, *entry);
      if (status.ok()) status = Apply(state, *entry);
      if (!status.ok()) return Difference(absl::StrCat("entry ", state.next_sequence, ": ", std::string(status.message())));
      ++report.kinds[std::string(KindName(entry->kind))];
      for (const Posting& p : entry->postings) report.sums[p.unit] += p.amount;
      state.Publish();
      if (state.next_sequence == report.mark) {
        if (auto rows = CompareRows(store, state, report); !rows.ok()) return rows;
      }
    }
    if (progress) progress(state.next_sequence, *end);
  }
  report.entries = state.next_sequence;
  return report;
}

}  // namespace redpoints
