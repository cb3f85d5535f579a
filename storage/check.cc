#include "storage/check.h"

#include "absl/strings/str_cat.h"
#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/merkle/sha256.h"
#include "storage/replay.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "storage/start_failure.h"

namespace redpoints {
namespace {

constexpr std::int64_t kReadEntries = 1000;

absl::Status Difference(const std::string& what) { return absl::DataLossError(what); }
absl::Status RowDifference(const std::string& what) { return WithStartFailure(absl::DataLossError(what), "DERIVED_DAMAGED"); }

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
  if (state.at.next_sequence > 0) expected[DerivedKey(state.program, kMarkTable, "")] = EncodeRow(state.at);
  const std::string prefix = state.program + '\0';
  const auto name = [&](const std::string& key) { return RowName(std::string_view(key).substr(prefix.size())); };
  Store::Range range{.begin = prefix, .end = PrefixEnd(prefix), .rows_max = 10'000};
  for (;;) {
    auto rows = store.Scan(range);
    if (!rows.ok()) return store.Damage().ok() ? rows.status() : RowDifference(std::string(rows.status().message()));
    for (const Store::Row& row : *rows) {
      const auto next = expected.begin();
      if (next == expected.end() || row.key < next->first) {
        return RowDifference(
            absl::StrCat(name(row.key), state.at.next_sequence > 0 ? " is not in the journal" : " is there without the mark"));
      }
      if (next->first < row.key) return RowDifference(absl::StrCat(name(next->first), " is missing"));
      if (next->second != row.value) return RowDifference(absl::StrCat(name(row.key), " differs from the journal"));
      expected.erase(next);
      ++report.derived_rows;
    }
    if (rows->size() < range.rows_max) break;
    range.begin = rows->back().key + '\0';
  }
  if (!expected.empty()) return RowDifference(absl::StrCat(name(expected.begin()->first), " is missing"));
  return absl::OkStatus();
}

void AddCommitments(const Entry& entry, Commitments& commitments) {
  commitments.epoch = entry.epoch;
  if (const auto* program = std::get_if<ProgramData>(&entry.data); program && program->id == entry.program) {
    commitments.side_key = program->side_key;
    if (!program->side_key.empty()) commitments.side_keys.insert(program->side_key);
  }
  if (!entry.note_commitment.empty()) commitments.all.insert(entry.note_commitment);
  const auto* member = std::get_if<MemberData>(&entry.data);
  if (!member || member->number_commitment.empty()) return;
  commitments.all.insert(member->number_commitment);
  commitments.numbers[member->id] = {.commitment = member->number_commitment, .sequence = entry.sequence};
}

}  // namespace

absl::StatusOr<Commitments> ReadCommitments(const Log& log, const std::string& program) {
  const Journal journal(log, program);
  const auto end = journal.End();
  if (!end.ok()) return end.status();
  Commitments commitments;
  for (std::int64_t next = 0; next < *end;) {
    const auto entries = journal.ReadAll(next, std::min(*end - next, kReadEntries));
    if (!entries.ok()) return entries.status();
    for (const auto& entry : *entries) AddCommitments(*entry, commitments);
    next += static_cast<std::int64_t>(entries->size());
  }
  return commitments;
}

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
  state.find_entries = [&](std::int64_t first, std::int64_t count) { return journal.ReadAll(first, count); };
  auto end = journal.End();
  if (!end.ok()) return end.status();
  if (*end == 0) return absl::NotFoundError(absl::StrCat("no journal of ", program));
  CheckReport report;
  if (store) {
    State marked(program);  // only its mark
    marked.find_blob = state.find_blob;
    if (auto status = LoadState(marked, *store); !status.ok()) {
      if (!store->Damage().ok()) return RowDifference(std::string(status.message()));
      if (absl::IsUnimplemented(status) || absl::IsResourceExhausted(status)) return status;
      report.unusable_rows = std::string(status.message());
      store = nullptr;
    }
    report.mark = marked.at.next_sequence;
  }
  if (report.mark > *end) return Difference(absl::StrCat("the journal ends at ", *end, ", but derived rows go to ", report.mark));
  if (store && report.mark == 0) {
    if (auto rows = CompareRows(*store, state, report); !rows.ok()) return rows;
  }
  const OnApplied applied = [&](State& after, const Entry& entry) {
    ++report.kinds[std::string(KindName(entry.kind))];
    for (const Posting& p : entry.postings) report.sums[p.unit] += p.amount;
    AddCommitments(entry, report.commitments);
    for (const std::string& sha256 : entry.blobs) {
      if (const auto status = after.find_blob(sha256).status(); !status.ok()) {
        return absl::Status(status.code(), absl::StrCat("entry ", entry.sequence, ": ", std::string(status.message())));
      }
    }
    if (!store || after.at.next_sequence != report.mark) return absl::OkStatus();
    after.Publish();
    return CompareRows(*store, after, report);
  };
  const auto tell = [&] {
    if (progress) progress(state.at.next_sequence, *end);
    return absl::OkStatus();
  };
  if (auto status = ReplayJournal(state, journal, *end, applied, tell); !status.ok()) return status;
  report.entries = state.at.next_sequence;
  return report;
}

}  // namespace redpoints
