#include "storage/derived.h"

#include <algorithm>
#include <array>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/few_descriptors.h"
#include "storage/keys.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/fields.h"

namespace redpoints {
namespace {

// In the order of kTableLetters.
constexpr const char* kRowNames[] = {"account", "request", "follow-up", "hold", "registration", "counter", "shop's day", "day's totals"};
static_assert(std::size(kRowNames) == std::size(kTableLetters));

// --- the fields of rows that are no records of entries -----------------------------------------------------------------------------

template <class V> void Fields(V& v, Of<FundPart> auto& r) {
  v.Element(r.fund);
  for (auto& amount : r.of) v.Element(amount);
}
template <class V> void Fields(V& v, Of<Account> auto& r) {
  for (auto& amount : r.balance) v.Element(amount);
  v.Element(r.head);
  v.Element(r.lots);
  v.Element(r.funds);
}
template <class V> void Fields(V& v, Of<RequestRecord> auto& r) {
  v.Element(r.sequence);
  v.Element(r.count);
  v.Element(r.is_tombstone);
  v.Element(r.fingerprint);
}
template <class V> void Fields(V& v, Of<FollowUp> auto& r) {
  v.Element(r.state);
  v.Element(r.sequence);
  v.Element(r.reversal);
  v.Element(r.refunded);
  v.Element(r.cash_refunded_fen);
  v.Element(r.quantity);
  v.Element(r.amounts);
  v.Element(r.issued);
  v.Element(r.earned);
  v.Element(r.graced);
  v.Element(r.undone);
}
template <class V> void Fields(V& v, Of<Hold> auto& r) {
  v.Element(r.member);
  v.Element(r.merchant);
  v.Element(r.terminal);
  v.Element(r.request_id);
  v.Element(r.rulebook);
  v.Element(r.presentation);
  v.Element(r.points);
  v.Element(r.recorded_ms);
  v.Element(r.until_ms);
  v.Element(r.business_day);
  v.Element(r.lots);
  v.Element(r.lines);
  v.Element(r.groups);
  v.Element(r.grid);
}
template <class V> void Fields(V& v, Of<ShopDay> auto& r) {
  v.Element(r.count);
  v.Element(r.lines);
  v.Element(r.points);
  v.Element(r.fen);
}
template <class V> void Fields(V& v, Of<DayTotals> auto& r) { v.Element(r.totals); }
template <class V> void Fields(V& v, Of<EpochStart> auto& r) {
  v.Element(r.epoch);
  v.Element(r.sequence);
}
template <class V> void Fields(V& v, Of<StateMark> auto& r) {
  v.Element(r.next_sequence);
  v.Element(r.last_ms);
  v.Element(r.last_closed_day);
  v.Element(r.epoch);
  v.Element(r.epochs);
  v.Element(r.clock_by);
  v.Element(r.line_version);
  v.Element(r.rules_format);
  v.Element(r.set_backs);
  v.Element(r.latest_day);
  v.Element(r.undoing_end);
}

// Fields one behind the other: integers as zigzag varints, texts and lists with their length first. The tails of tuples are always there.
class Writer {
 public:
  template <class T> Writer& Element(const T& field) {
    Put(field);
    return *this;
  }
  template <class T> void Tail(const T& field, const std::type_identity_t<T>& = {}) { Put(field); }
  std::string Take() { return std::move(out_); }

 private:
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
  void Put(const Hash& hash) { out_.append(hash.begin(), hash.end()); }
  void Put(const Frontier& frontier) { Put(frontier.size()), Put(frontier.hashes()); }
  template <class T> void Put(const std::vector<T>& list) {
    Put(static_cast<std::int64_t>(list.size()));
    for (const T& element : list) Put(element);
  }
  template <class T>
  requires std::is_class_v<T>
  void Put(const T& record) { Fields(*this, record); }

  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T> Reader& Element(T& field) {
    Get(field);
    return *this;
  }
  template <class T> void Tail(T& field, const std::type_identity_t<T>& = {}) { Get(field); }
  // All fields were there and nothing is left.
  bool IsDone() const { return ok_ && rest_.empty(); }

 private:
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
  void Get(Hash& hash) {
    if (rest_.size() < hash.size()) return Fail();
    std::copy_n(rest_.begin(), hash.size(), hash.begin());
    rest_.remove_prefix(hash.size());
  }
  void Get(Frontier& frontier) {
    std::int64_t size = 0;
    std::vector<Hash> hashes;
    Get(size), Get(hashes);
    auto whole = Frontier::From(size, std::move(hashes));
    if (!whole) return Fail();
    frontier = *std::move(whole);
  }
  template <class T> void Get(std::vector<T>& list) {
    std::int64_t size = 0;
    Get(size);
    if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size()) return Fail();
    list.resize(static_cast<std::size_t>(size));
    for (T& element : list) Get(element);
  }
  template <class T>
  requires std::is_class_v<T>
  void Get(T& record) { Fields(*this, record); }
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

std::string EncodeRow(const Account& r) { return Writer().Element(r).Take(); }
std::string EncodeRow(const RequestRecord& r) { return Writer().Element(r).Take(); }
std::string EncodeRow(const FollowUp& r) { return Writer().Element(r).Take(); }
std::string EncodeRow(const Hold& r) { return Writer().Element(r).Take(); }
std::string EncodeRow(const ShopDay& r) { return Writer().Element(r).Take(); }
std::string EncodeRow(const DayTotals& r) { return Writer().Element(r).Take(); }
std::string EncodeRow(std::int64_t r) { return Writer().Element(r).Take(); }
std::string EncodeRow(const Registered& r) {
  std::string json;
  AppendRegistration(r.data, json);
  return Writer().Element(r.sequence).Element(json).Take();
}

bool DecodeRow(std::string_view b, Account& r) { return Reader(b).Element(r).IsDone(); }
bool DecodeRow(std::string_view b, RequestRecord& r) { return Reader(b).Element(r).IsDone(); }
bool DecodeRow(std::string_view b, FollowUp& r) { return Reader(b).Element(r).IsDone(); }
bool DecodeRow(std::string_view b, Hold& r) { return Reader(b).Element(r).IsDone(); }
bool DecodeRow(std::string_view b, ShopDay& r) { return Reader(b).Element(r).IsDone(); }
bool DecodeRow(std::string_view b, DayTotals& r) { return Reader(b).Element(r).IsDone(); }
bool DecodeRow(std::string_view b, std::int64_t& r) { return Reader(b).Element(r).IsDone(); }
bool DecodeRow(std::string_view b, Registered& r) {
  std::string json;
  if (!Reader(b).Element(r.sequence).Element(json).IsDone()) return false;
  auto data = ParseRegistration(json);
  if (!data.ok()) return false;
  r.data = *std::move(data);
  return true;
}

std::string EncodeRow(const StateMark& r) { return Writer().Element(kDerivedVersion).Element(r).Take(); }

GenerationRows GenerationRows::Collect(State& state) {
  GenerationRows generation;
  generation.program_ = state.program;
  generation.mark_ = state.at;
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
          auto bytes = ReadPatiently([&] { return store.Get(full); });
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
  Reader reader(**bytes);
  reader.Element(version);
  if (version != 0 && version != kDerivedVersion) {
    return absl::FailedPreconditionError(absl::StrCat("the rows have version ", version, "; this program keeps version ", kDerivedVersion));
  }
  if (!reader.Element(mark).IsDone() || mark.next_sequence <= 0) return absl::DataLossError("the mark can't be read");
  if (mark.line_version > kLineVersion || mark.rules_format > kRulesFormat) {
    return absl::UnimplementedError(absl::StrCat("a newer program has gone on with it (v ", mark.line_version, ", rules format ",
                                                 mark.rules_format, "; this one knows v ", kLineVersion, " and rules format ", kRulesFormat,
                                                 ")"));
  }
  state.at = mark;

  auto status = ForEachRow(state.program, 'a', store, [&](const std::string& key, std::string_view value) {
    Account account;
    if (!DecodeRow(value, account)) return false;
    IndexAccount(state, key, account);
    return true;
  });
  if (!status.ok()) return status;
  status = ForEachRow(state.program, 'h', store, [&](const std::string& key, std::string_view value) {
    Hold hold;
    std::int64_t sequence = 0;
    if (!DecodeRow(value, hold) || !absl::SimpleAtoi(key, &sequence)) return false;
    IndexHold(state, sequence, hold);
    return true;
  });
  if (!status.ok()) return status;
  status = ForEachRow(state.program, 's', store, [&](const std::string& key, std::string_view) {
    IndexShopDay(state, key);
    return true;
  });
  if (!status.ok()) return status;
  absl::Status indexed;
  status = ForEachRow(state.program, 'g', store, [&](const std::string& key, std::string_view value) {
    if (key.starts_with("member/")) return true;
    Registered registered;
    if (!DecodeRow(value, registered)) return false;
    state.registrations.Seed(key, registered);
    indexed = IndexRegistration(state, registered);
    return indexed.ok();
  });
  if (!indexed.ok()) return indexed;
  const std::unique_lock lock(state.mutex);
  state.Publish();
  return status;
}

}  // namespace redpoints
