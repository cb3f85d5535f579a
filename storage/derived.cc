#include "storage/derived.h"

#include <algorithm>
#include <array>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/keys.h"
#include "storage/rules/entry_codec.h"

namespace redpoints {
namespace {

// In the order of kTableLetters.
constexpr const char* kRowNames[] = {"account", "request", "follow-up", "hold", "registration", "number", "counter"};
static_assert(std::size(kRowNames) == std::size(kTableLetters));

// Fields one behind the other: integers as zigzag varints, texts and lists with their length first.
class Writer {
 public:
  void Put(const std::string& text) {
    Put(static_cast<std::int64_t>(text.size()));
    out_ += text;
  }
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void Put(T value) {
    const auto number = static_cast<std::int64_t>(value);
    auto zigzag = static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
    for (; zigzag >= 0x80; zigzag >>= 7) out_ += static_cast<char>(zigzag | 0x80);
    out_ += static_cast<char>(zigzag);
  }
  void Put(const Lot& l) { Put(l.fund), Put(l.end), Put(l.amount); }
  void Put(const OfferLine& l) { Put(l.offer), Put(l.quantity), Put(l.points), Put(l.cash_fen); }
  void Put(const std::pair<std::string, std::int64_t>& p) { Put(p.first), Put(p.second); }
  template <class T> void Put(const std::vector<T>& list) {
    Put(static_cast<std::int64_t>(list.size()));
    for (const T& element : list) Put(element);
  }
  template <class... T> std::string Row(const T&... fields) {
    (Put(fields), ...);
    return std::move(out_);
  }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  void Get(std::string& text) {
    std::int64_t size = 0;
    Get(size);
    if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size()) return Fail();
    text = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(static_cast<std::size_t>(size));
  }
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void Get(T& value) {
    std::uint64_t zigzag = 0;
    for (int shift = 0;; shift += 7) {
      if (rest_.empty() || shift > 63) return Fail();
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      zigzag |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    value = static_cast<T>(static_cast<std::int64_t>(zigzag >> 1) ^ -static_cast<std::int64_t>(zigzag & 1));
  }
  void Get(Lot& l) { Get(l.fund), Get(l.end), Get(l.amount); }
  void Get(OfferLine& l) { Get(l.offer), Get(l.quantity), Get(l.points), Get(l.cash_fen); }
  void Get(std::pair<std::string, std::int64_t>& p) { Get(p.first), Get(p.second); }
  template <class T> void Get(std::vector<T>& list) {
    std::int64_t size = 0;
    Get(size);
    if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size()) return Fail();
    list.resize(static_cast<std::size_t>(size));
    for (T& element : list) Get(element);
  }
  // True when all fields were there and nothing is left.
  template <class... T> bool Row(T&... fields) {
    (Get(fields), ...);
    return ok_ && rest_.empty();
  }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

template <class V> void Append(const std::string& program, char letter, const typename Table<V>::Rows& rows, DerivedRows& out) {
  for (const auto& [key, row] : rows) {
    if (!row.dirty) continue;
    out.emplace_back(DerivedKey(program, letter, key), row.value ? std::optional(EncodeRow(*row.value)) : std::nullopt);
  }
}

// Calls f(key without prefix, value bytes) for each derived row of one table.
template <class F> absl::Status ForEachRow(const std::string& program, char letter, const Store& store, F f) {
  const std::string prefix = DerivedKey(program, letter, "");
  Store::Range range{.begin = prefix, .end = PrefixEnd(prefix), .rows_max = 10'000};
  for (;;) {
    auto rows = store.Scan(range);
    if (!rows.ok()) return rows.status();
    for (const Store::Row& row : *rows) {
      if (!f(row.key.substr(prefix.size()), std::string_view(row.value))) {
        return absl::DataLossError(absl::StrCat(RowName(row.key.substr(program.size() + 1)), " can't be read"));
      }
    }
    if (rows->size() < range.rows_max) return absl::OkStatus();
    range.begin = rows->back().key + '\0';
  }
}

}  // namespace

std::string RowName(std::string_view key) {
  if (key.empty()) return "a row without a key";
  if (key == std::string_view(&kMarkTable, 1)) return "the mark";
  const auto* letter = std::find(std::begin(kTableLetters), std::end(kTableLetters), key.front());
  const std::string table = letter == std::end(kTableLetters) ? std::string("row ") + key.front() : kRowNames[letter - kTableLetters];
  return absl::StrCat(table, " ", std::string(key.substr(1)));
}

std::string EncodeRow(const Account& r) { return Writer().Row(r.balance[0], r.balance[1], r.balance[2], r.head, r.lots); }
std::string EncodeRow(const RequestRecord& r) { return Writer().Row(r.sequence, r.count, r.is_tombstone, r.fingerprint); }
std::string EncodeRow(const FollowUp& r) { return Writer().Row(r.state, r.sequence, r.reversal, r.refunded_points, r.quantity, r.amounts); }
std::string EncodeRow(const Hold& r) {
  return Writer().Row(r.member, r.merchant, r.terminal, r.rulebook, r.points, r.until_ms, r.business_day, r.lots, r.lines);
}
std::string EncodeRow(const Registered& r) {
  std::string json;
  AppendRegistration(r.data, json);
  return Writer().Row(r.sequence, json);
}
std::string EncodeRow(const std::string& r) { return r; }
std::string EncodeRow(std::int64_t r) { return Writer().Row(r); }

bool DecodeRow(std::string_view b, Account& r) { return Reader(b).Row(r.balance[0], r.balance[1], r.balance[2], r.head, r.lots); }
bool DecodeRow(std::string_view b, RequestRecord& r) { return Reader(b).Row(r.sequence, r.count, r.is_tombstone, r.fingerprint); }
bool DecodeRow(std::string_view b, FollowUp& r) {
  return Reader(b).Row(r.state, r.sequence, r.reversal, r.refunded_points, r.quantity, r.amounts);
}
bool DecodeRow(std::string_view b, Hold& r) {
  return Reader(b).Row(r.member, r.merchant, r.terminal, r.rulebook, r.points, r.until_ms, r.business_day, r.lots, r.lines);
}
bool DecodeRow(std::string_view b, Registered& r) {
  std::string json;
  if (!Reader(b).Row(r.sequence, json)) return false;
  auto data = ParseRegistration(json);
  if (!data.ok()) return false;
  r.data = *std::move(data);
  return true;
}
bool DecodeRow(std::string_view b, std::string& r) {
  r = b;
  return true;
}
bool DecodeRow(std::string_view b, std::int64_t& r) { return Reader(b).Row(r); }

StateMark MarkOf(const State& state) { return {state.next_sequence, state.last_ms, state.epoch, state.last_closed_day}; }

std::string EncodeRow(const StateMark& r) { return Writer().Row(kDerivedVersion, r.next_sequence, r.last_ms, r.epoch, r.last_closed_day); }

GenerationRows GenerationRows::Collect(State& state) {
  GenerationRows generation;
  generation.program_ = state.program;
  generation.mark_ = MarkOf(state);
  std::size_t i = 0;
  state.ForEachTable([&]<class V>(Table<V>& table) {
    generation.tables_.push_back([rows = table.previous(), letter = kTableLetters[i++], program = state.program](DerivedRows& out) {
      Append<V>(program, letter, *rows, out);
    });
  });
  return generation;
}

DerivedRows GenerationRows::Rows() const {
  DerivedRows rows;
  for (const auto& append : tables_) append(rows);
  rows.emplace_back(DerivedKey(program_, kMarkTable, ""), EncodeRow(mark_));
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return rows;
}

void BindToStore(State& state, const Store& store, std::function<void(const absl::Status&)> on_damage) {
  std::size_t i = 0;
  state.ForEachTable([&]<class V>(Table<V>& table) {
    table.set_loader(
        [&store, on_damage, letter = kTableLetters[i++], &program = state.program](const std::string& key) -> std::optional<V> {
          const std::string full = DerivedKey(program, letter, key);
          auto bytes = store.Get(full);
          if (bytes.ok() && !*bytes) return std::nullopt;
          V row{};
          if (bytes.ok() && DecodeRow(**bytes, row)) return row;
          const std::string why = bytes.ok() ? "its bytes are of another form" : std::string(bytes.status().message());
          on_damage(absl::DataLossError(absl::StrCat("derived row ", RowName(full.substr(program.size() + 1)), " can't be read: ", why)));
          return std::nullopt;
        });
  });
}

absl::Status Discredit(Store& store, const std::string& program) {
  const std::string mark = DerivedKey(program, kMarkTable, "");
  return store.DeleteRange(mark, mark + '\0');
}

absl::Status DeleteRows(Store& store, const std::string& program) {
  const std::string prefix = program + '\0';
  return store.DeleteRange(prefix, PrefixEnd(prefix));
}

absl::Status LoadState(State& state, const Store& store) {
  auto bytes = store.Get(DerivedKey(state.program, kMarkTable, ""));
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) {
    const std::string prefix = state.program + '\0';
    auto rows = store.Scan({.begin = prefix, .end = PrefixEnd(prefix), .rows_max = 1});
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(RowName(rows->front().key.substr(prefix.size())), " is there without the mark"));
  }
  StateMark mark;
  std::int64_t version = 0;
  const bool is_read = Reader(**bytes).Row(version, mark.next_sequence, mark.last_ms, mark.epoch, mark.last_closed_day);
  if (version != 0 && version != kDerivedVersion) {
    return absl::FailedPreconditionError(absl::StrCat("the rows have version ", version, "; this program keeps version ", kDerivedVersion));
  }
  if (!is_read || mark.next_sequence <= 0) return absl::DataLossError("the mark can't be read");
  state.next_sequence = mark.next_sequence;
  state.last_ms = mark.last_ms;
  state.epoch = mark.epoch;
  state.last_closed_day = mark.last_closed_day;

  auto status = ForEachRow(state.program, 'a', store, [&](const std::string& key, std::string_view value) {
    Account account;
    if (!DecodeRow(value, account)) return false;
    for (const Lot& lot : account.lots) {
      if (lot.end != kNever) state.accounts_by_end[lot.end].insert(key);
    }
    return true;
  });
  if (!status.ok()) return status;
  status = ForEachRow(state.program, 'h', store, [&](const std::string& key, std::string_view value) {
    Hold hold;
    if (!DecodeRow(value, hold)) return false;
    std::int64_t sequence = 0;
    if (!absl::SimpleAtoi(key, &sequence)) return false;
    state.holds_by_end[hold.until_ms].insert(sequence);
    return true;
  });
  if (!status.ok()) return status;
  absl::Status blobs;
  status = ForEachRow(state.program, 'g', store, [&](const std::string& key, std::string_view value) {
    if (key.starts_with("member/")) return true;
    Registered registered;
    if (!DecodeRow(value, registered)) return false;
    state.registrations.Seed(key, registered);
    if (const auto* node = std::get_if<NodeData>(&registered.data)) {
      if (node->kind == NodeKind::kBranch) state.AddBranch(*node);
      return true;
    }
    if (!std::holds_alternative<RulebookData>(registered.data)) return true;
    const auto& data = std::get<RulebookData>(registered.data);
    auto json = state.find_blob(data.sha256);
    auto book = json.ok() ? Rulebook::Parse(*json) : absl::StatusOr<Rulebook>(json.status());
    if (!book.ok()) {
      blobs = book.status();
      return false;
    }
    state.AddBook(data.effective_day, *std::move(book));
    return true;
  });
  if (!blobs.ok()) return blobs;
  const std::unique_lock lock(state.mutex);
  state.Publish();
  return status;
}

}  // namespace redpoints
