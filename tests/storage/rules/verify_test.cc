// What Verify refuses: each field of each entry, changed to another value that a line may hold, unless the table below says why nobody
// could notice; and tampering as somebody would do it, with sums, balances and chains kept right.
#include "storage/rules/verify.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>

#include "storage/rules/fields.h"
#include "tests/storage/rules/every_kind.h"

namespace redpoints {
namespace {

// Other things of the same sort that there are in EveryKind, so that a change is no nonsense.
std::string Another(const std::string& text) {
  static const std::map<std::string, std::string> kOthers = {{"m1", "m2"},
                                                             {"m2", "m1"},
                                                             {"m3", "m1"},
                                                             {"m4", "m2"},
                                                             {"m5", "m2"},
                                                             {"m6", "m1"},
                                                             {"m7", "m2"},
                                                             {"m8", "m2"},
                                                             {"s1", "s2"},
                                                             {"t1", "t2"},
                                                             {"a0", "a2"},
                                                             {"a2", "a0"},
                                                             {"ledger", "a0"},
                                                             {"grid-1", "b-1"},
                                                             {"2024-1", "2024-2"},
                                                             {"2024-2", "2024-1"},
                                                             {"2025-1", "2024-1"},
                                                             {"PATROL", "VISIT"},
                                                             {"VISIT", "REPORT"},
                                                             {"LONG", "PATROL"},
                                                             {"MEETING", "PATROL"},
                                                             {"street", "donor"},
                                                             {"donor", "street"},
                                                             {"gift", "street"},
                                                             {"RICE", "ANY"},
                                                             {"ANY", "RICE"},
                                                             {"OIL", "RICE"},
                                                             {"POINT", "MINUTE"},
                                                             {"MINUTE", "POINT"},
                                                             {"DUTY", "MINUTE"},
                                                             {"expired", "pool"},
                                                             {"pool", "expired"},
                                                             {"s1", "s2"},
                                                             {"issuance:street", "issuance:donor"},
                                                             {"issuance:donor", "issuance:street"},
                                                             {"debts:street", "debts:donor"}};
  const auto it = kOthers.find(text);
  if (it != kOthers.end()) return it->second;
  if (text.size() < 16) return text + "x";
  std::string other = text;
  other.back() = other.back() == '0' ? '1' : '0';
  return other;
}

// Makes the `target`-th change of all that there are of a record. The visitor of fields.h; what is no leaf is walked through.
class Changer {
 public:
  explicit Changer(int target) : left_(target) {}
  bool is_done() const { return left_ < 0; }
  const std::string& path() const { return path_; }

  template <class T> void Required(std::string_view key, T& field) { Walk(std::string(key), field); }
  template <class T> void Optional(std::string_view key, T& field, const std::type_identity_t<T>& absent = {}) {
    if (!(field == absent) && Is(std::string(key))) field = absent;
    Walk(std::string(key), field);
  }
  template <class T> void Made(std::string_view key, T& field) { Required(key, field); }
  template <class T> void Salted(std::string_view key, T& field) { Required(key, field); }
  template <class T> void Stamped(std::string_view key, T& field) { Optional(key, field); }
  template <class T> void Element(T& field) { Walk("", field); }
  template <class T> void Tail(T& field, const std::type_identity_t<T>& = {}) { Walk("", field); }

 private:
  // Whether this is the change to make.
  bool Is(const std::string& key) {
    if (left_-- != 0) return false;
    path_ = prefix_;
    if (!key.empty()) path_ += path_.empty() ? key : "." + key;
    return true;
  }
  template <class T> void Walk(const std::string& key, T& field) {
    if (is_done()) return;
    Change(key, field);
  }
  template <class T> void Inside(const std::string& key, T& record) {
    const std::string outer = prefix_;
    if (!key.empty()) prefix_ += prefix_.empty() ? key : "." + key;
    Fields(*this, record);
    prefix_ = outer;
  }

  void Change(const std::string& key, std::string& text) {
    if (Is(key)) text = text.empty() ? "x-1" : Another(text);
  }
  void Change(const std::string& key, Holder& holder) {
    if (Is(key)) holder = Holder(Another(holder.text()));
  }
  void Change(const std::string& key, bool& flag) {
    if (Is(key)) flag = !flag;
  }
  template <class T>
  requires std::is_enum_v<T>
  void Change(const std::string& key, T& word) {
    for (std::size_t i = 0; i < Words<T>::kWords.size(); ++i) {
      if (!Words<T>::kWords[i].empty() && word != static_cast<T>(i) && Is(key)) word = static_cast<T>(i);
      if (is_done()) return;
    }
  }
  template <class T>
  requires std::is_integral_v<T>
  void Change(const std::string& key, T& number) {
    const bool is_day = std::is_same_v<T, Day> && IsDay(static_cast<Day>(number)) && number != kNever;
    const auto moved = [&](int by) {
      return static_cast<T>(is_day ? AddDays(static_cast<Day>(number), by) : static_cast<int>(0) + by + number);
    };
    if (Is(key)) number = moved(1);
    if (is_done()) return;
    if (Is(key)) number = moved(-1);
    if (is_done()) return;
    if (std::is_same_v<T, Day> && number == 0 && Is(key)) number = 20240301;
  }
  void Change(const std::string& key, std::vector<std::pair<std::string, std::string>>& facts) {
    if (Is(key)) facts.emplace_back("more", "1");
    if (is_done()) return;
    if (!facts.empty() && Is(key)) facts.pop_back();
    for (auto& [name, value] : facts) Walk(key, value);
  }
  template <class T> void Change(const std::string& key, std::vector<T>& list) {
    if (!list.empty() && Is(key)) list.push_back(T(list.back()));
    if (is_done()) return;
    if (!list.empty() && Is(key)) list.pop_back();
    if (is_done()) return;
    if (list.size() > 1 && !(list.front() == list.back()) && Is(key)) std::swap(list.front(), list.back());
    if (is_done()) return;
    if (list.empty() && Is(key)) list.push_back(Sample(T{}));
    for (T& element : list) Walk(key, element);
  }
  void Change(const std::string& key, Registration& data) {
    if (std::holds_alternative<std::monostate>(data)) {
      if (Is(key)) data = FundData{"street", 5};
      return;
    }
    std::visit(
        [&](auto& record) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(record)>, std::monostate>) Inside(key, record);
        },
        data);
  }
  template <class T>
  requires std::is_class_v<T>
  void Change(const std::string& key, T& record) { Inside(key, record); }

  template <class T> static T Sample(T) {
    if constexpr (std::is_same_v<T, Posting>) {
      return Move(Holder("m2"), Sub::kAvailable, kPoint, 0);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "x-1";
    } else if constexpr (std::is_same_v<T, Group>) {
      return Group::kResidents;
    } else if constexpr (std::is_same_v<T, GroupSpan>) {
      return GroupSpan{Group::kResidents};
    } else {
      return T{};
    }
  }

  int left_;
  std::string prefix_, path_;
};

struct Changed {
  std::string path;
  Entry entry;
};

std::vector<Changed> ChangesOfFields(const Entry& entry) {
  std::vector<Changed> changes;
  for (int i = 0;; ++i) {
    Entry changed = entry;
    Changer changer(i);
    Fields(changer, changed);
    if (!changer.is_done()) return changes;
    changes.push_back({changer.path(), std::move(changed)});
  }
}

// Changes of the postings that leave them in balance, once Mend has put in sums, balances and chains.
std::vector<Changed> ChangesOfPostings(const Entry& entry) {
  std::vector<Changed> changes;
  const auto add = [&](const std::string& what, const std::function<void(Entry&)>& change) {
    Entry changed = entry;
    change(changed);
    if (!(changed == entry)) changes.push_back({"postings: " + what, std::move(changed)});
  };
  const std::size_t count = entry.postings.size();
  const auto give = [](Posting& p, std::size_t k, std::int64_t more) {
    if (!p.lots.empty()) {
      p.lots[std::min(k, p.lots.size() - 1)].amount += more;
    } else if (!p.funds.empty()) {
      p.funds[std::min(k, p.funds.size() - 1)].amount += more;
    } else {
      p.amount += more;
    }
  };
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      if (i == j || entry.postings[i].unit != entry.postings[j].unit) continue;
      for (std::size_t k = 0; k < 2; ++k) {
        add("a point more from one to another", [&](Entry& e) { give(e.postings[i], k, 1), give(e.postings[j], k, -1); });
      }
      if (i < j && entry.postings[i].amount == -entry.postings[j].amount) {
        add("a pair left out", [&](Entry& e) {
          e.postings.erase(e.postings.begin() + static_cast<std::ptrdiff_t>(j));
          e.postings.erase(e.postings.begin() + static_cast<std::ptrdiff_t>(i));
        });
      }
      if (i < j) add("another order", [&](Entry& e) { std::swap(e.postings[i], e.postings[j]); });
    }
    add("a point between two lots", [&](Entry& e) {
      auto& lots = e.postings[i].lots;
      if (lots.size() > 1) ++lots.front().amount, --lots.back().amount;
    });
    add("in two postings", [&](Entry& e) {
      Posting part = e.postings[i];
      const std::int64_t one = part.amount < 0 ? -1 : 1;
      if (part.amount * one < 2) return;
      give(e.postings[i], 0, -one);
      if (!part.lots.empty()) part.lots.resize(1), part.lots[0].amount = one;
      if (!part.funds.empty()) part.funds.resize(1), part.funds[0].amount = one;
      part.amount = one;
      e.postings.push_back(part);
    });
    add("on the held part", [&](Entry& e) { e.postings[i].sub = e.postings[i].sub == Sub::kHeld ? Sub::kAvailable : Sub::kHeld; });
  }
  const auto everywhere = [&](const std::string& what, const std::function<void(Posting&)>& change) {
    add(what, [&](Entry& e) { std::for_each(e.postings.begin(), e.postings.end(), change); });
  };
  everywhere("of another holder", [](Posting& p) {
    if (p.holder.is(HolderClass::kMember) || p.holder.is(HolderClass::kMerchant)) p.holder = Holder(Another(p.holder.text()));
  });
  everywhere("at another shop", [](Posting& p) {
    if (p.holder.is(HolderClass::kMerchant)) p.holder = Holder("s2");
  });
  everywhere("of another fund", [](Posting& p) {
    for (Lot& lot : p.lots) lot.fund = Another(lot.fund);
    for (FundAmount& f : p.funds) f.fund = Another(f.fund);
    std::sort(p.funds.begin(), p.funds.end(), [](const auto& a, const auto& b) { return a.fund < b.fund; });
    if (!p.holder.fund().empty()) p.holder = Holder(Another(p.holder.text()));
  });
  for (const int days : {-31, 31, 3660}) {
    everywhere("in another lot", [&](Posting& p) {
      for (Lot& lot : p.lots) lot.end = lot.end == kNever ? 20260101 : AddDays(lot.end, days);
    });
  }
  everywhere("with another first end", [](Posting& p) {
    for (Lot& lot : p.lots) lot.first_end = lot.first_end ? 0 : AddDays(lot.end, -31);
  });
  everywhere("twice as much", [](Posting& p) {
    for (Lot& lot : p.lots) lot.amount *= 2;
    for (FundAmount& f : p.funds) f.amount *= 2;
    p.amount *= 2;
  });
  add("points from nowhere", [&](Entry& e) {
    e.postings.push_back(Move(Holder::Issuance("street"), Sub::kAvailable, kPoint, -1));
    e.postings.push_back(MoveLots(Holder("m1"), Sub::kAvailable, {{.fund = "street", .end = 20270401, .amount = 1}}));
  });
  add("points that go", [&](Entry& e) {
    e.postings.push_back(Move(Holder::Issuance("street"), Sub::kAvailable, kPoint, 1));
    e.postings.push_back(MoveLots(Holder("m1"), Sub::kAvailable, {{.fund = "street", .end = 20250401, .amount = -1}}));
  });
  add("a debt from nowhere", [&](Entry& e) {
    e.postings.push_back(MoveFunds(Holder("m1"), Sub::kDebt, {{"street", -1}}));
    e.postings.push_back(Move(Holder::Debts("street"), Sub::kAvailable, kPoint, 1));
  });
  add("a mark on somebody's chain", [&](Entry& e) { e.postings.push_back(Move(Holder("m2"), Sub::kAvailable, kPoint, 0)); });
  add("none", [&](Entry& e) { e.postings.clear(); });
  return changes;
}

// Sums, balances and chains as they should be, so that only what the entry is about is wrong.
void Mend(State& before, Entry& entry) {
  for (Posting& p : entry.postings) {
    if (!p.lots.empty()) p.amount = SumOf(p.lots);
    if (p.funds.empty()) continue;
    p.amount = 0;
    for (const FundAmount& f : p.funds) p.amount += f.amount;
  }
  Complete(before, entry);
}

// What an entry merely states: nothing else shows it. `kinds`: words, with a space around each; empty: all kinds.
struct StatedRow {
  const char *path, *kinds, *why;
};
constexpr StatedRow kStated[] = {
    {"recorded_ms", "", "the clock of the server; within the day, and where nothing ends by it"},
    {"request_id", "", "the caller's own; that it is new is checked"},
    {"fingerprint", "", "of a command that the entry holds in part; keyed where it has to hide"},
    {"item", "", "0 or none: whether a request of many had one item alone"},
    {"actor", "", "who was let in at the front door; rules about persons are checked"},
    {"clerk", "", "what the till said"},
    {"till", "", "what the till said"},
    {"payer_use", " redemption hold ", "how the member showed who pays: checked before the queue"},
    {"lines", " redemption hold refused ", "what the till said; bounds, points, kinds and prices are checked"},
    {"cash_fen", " refund refused ", "cash that the shop said it gave back; that it is not below 0 or too much is checked"},
    {"effective_day", " award refused ", "the day of the deed, where rulebook, lot and caps are the same"},
    {"group", " award refused ", "one of the member's groups on that day"},
    {"quantity", " award correction refused ", "of the deed, where it earns the same"},
    {"session", " award refused ", "which of the sessions"},
    {"case", " award refused ", "which of the cases"},
    {"about", " award refused ", "a note for people"},
    {"tags", " award refused ", "notes for people"},
    {"evidence_sha256", " award refused ", "of something outside the ledger"},
    {"note_commitment", " award ", "of something outside the ledger"},
    {"unique", " award ", "keyed: nobody but the server can make it again"},
    {"external_id", " award refused ", "another system's name"},
    {"reason", " correction undo_proposed waiver_proposed refused ", "why somebody did it"},
    {"target_request", " reversal ", "a request that never came"},
    {"presentation", " refused ", "what was refused can't be judged again"},
    {"activity", " refused ", "what was refused can't be judged again"},
    {"hold", " refused ", "what was refused can't be judged again"},
    {"ref", " refused ", "what was refused can't be judged again"},
    {"points", " refused ", "what was refused can't be judged again"},
    {"facts", " refused ", "what was refused can't be judged again"},
    {"data", " node fund member merchant terminal staff offer program ",
     "what somebody registered; its shape and what it refers to are checked"},
    {"postings: a point more from one to another", " donation ", "how many points the member asked to give"},
    {"postings: twice as much", " donation ", "how many points the member asked to give"},
    {"data.fund", " refused ", "what was refused can't be judged again"},
    {"data.points", " waiver_proposed refused ", "how much somebody proposed; that it is owed is checked"},
    {"data.stated_ms", " clock_confirmed refused ", "the time that an operator stated"},
    {"epoch", " epoch ", "the moment of the opening, above all before it"},
    {"data.root", " epoch ", "of a tree of before"},
    {"data.origin", " epoch ", "of a tree of before"},
    {"data.signed_size", " epoch ", "of a tree of before"},
    {"data.lost", " epoch ", "what the operator knew"},
    {"data.why", " epoch ", "what the operator did"},
};

const StatedRow* FindRow(const std::string& path, Kind kind) {
  const std::string word = absl::StrCat(" ", std::string(KindName(kind)), " ");
  for (const StatedRow& row : kStated) {
    const std::string_view of = row.path;
    const bool is_inside = path == of || (path.starts_with(of) && path[of.size()] == '.');
    if (is_inside && (*row.kinds == 0 || std::string_view(row.kinds).find(word) != std::string_view::npos)) return &row;
  }
  return nullptr;
}

class VerifyTest : public EveryKind {
 protected:
  std::unique_ptr<State> Empty() {
    auto empty = std::make_unique<State>("minyue");
    empty->find_blob = state.find_blob;
    empty->find_entries = state.find_entries;
    return empty;
  }
  // The state in front of an entry.
  std::unique_ptr<State> Before(std::int64_t sequence) {
    auto before = Empty();
    for (std::int64_t i = 0; i < sequence; ++i) EXPECT_TRUE(Apply(*before, *journal[static_cast<std::size_t>(i)]).ok());
    return before;
  }
  // Verify's message about an entry that was changed; "" when it is taken.
  std::string Tampered(const Entry& was, const std::function<void(Entry&)>& change, bool is_mended) {
    Entry entry = was;
    const auto before = Before(entry.sequence);
    EXPECT_TRUE(VerifyAlone(*before, entry).ok()) << VerifyAlone(*before, entry);
    change(entry);
    if (is_mended) Mend(*before, entry);
    const absl::Status status = VerifyAlone(*before, entry);
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kInternal) << status;
    return std::string(status.message());
  }
  struct Tamper {
    const char* what;
    std::string says;
    std::function<void(Entry&)> change;
  };
  void ExpectRefused(const Outcome& outcome, const std::vector<Tamper>& tampers, bool is_mended) {
    ASSERT_FALSE(outcome.entries.empty());
    for (const Tamper& t : tampers) {
      const std::string says = Tampered(outcome.entry(), t.change, is_mended);
      EXPECT_THAT(says, testing::HasSubstr(t.says)) << t.what;
      EXPECT_NE(says, "") << t.what;
    }
  }
  static absl::Status VerifyAlone(State& before, const Entry& entry) {
    const auto related = FindRelated(before, entry);
    return related.ok() ? Verify(before, entry, *related) : related.status();
  }
};

// Of each entry of EveryKind that differs from the others in form, each field is changed in turn.
TEST_F(VerifyTest, RefusesEachFieldThatFollowsFromOthers) {
  Live();
  const auto at = Empty();
  std::set<std::string> forms, kinds, tried, readable, failures;
  std::set<const StatedRow*> used;
  int count = 0;
  for (const auto& entry : journal) {
    if (forms.insert(FormOf(*entry)).second) {
      kinds.insert(std::string(KindName(entry->kind)));
      std::vector<Changed> changes = ChangesOfFields(*entry), moves = ChangesOfPostings(*entry);
      for (const Changed& change : changes) {
        if (change.path.starts_with("postings")) moves.push_back(change);
      }
      for (Changed& move : moves) Mend(*at, move.entry);
      changes.insert(changes.end(), moves.begin(), moves.end());
      for (const Changed& change : changes) {
        if (change.entry == *entry) continue;  // as it was, once mended
        tried.insert(change.path);
        std::string line;
        AppendLine(change.entry, line);
        const auto parsed = ParseLine(line);
        if (!parsed.ok()) continue;
        ASSERT_EQ(*parsed, change.entry) << change.path;
        readable.insert(change.path);
        ++count;
        const absl::Status status = VerifyAlone(*at, change.entry);
        if (!status.ok()) continue;
        const StatedRow* row = FindRow(change.path, entry->kind);
        if (row) used.insert(row);
        if (!row && failures.insert(absl::StrCat(std::string(KindName(entry->kind)), " ", change.path)).second) {
          std::string was;
          AppendLine(*entry, was);
          ADD_FAILURE() << "Verify takes a " << KindName(entry->kind) << " with another " << change.path << "\nwas " << was << "\nis  "
                        << line;
        }
      }
    }
    const absl::Status status = VerifyAlone(*at, *entry);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(Apply(*at, *entry).ok());
  }
  for (const StatedRow& row : kStated)
    EXPECT_TRUE(used.contains(&row)) << "nothing shows that this row is needed: " << row.path << row.kinds;
  EXPECT_EQ(readable, tried) << "changes after which no line could be read";
  EXPECT_EQ(kinds.size(), kKindCount - 3) << "all but those that nothing writes yet";
  EXPECT_GT(count, 5000);
}

// Somebody rewrites an entry and keeps sums, balances and chains right.
TEST_F(VerifyTest, RefusesForgedSales) {
  SetUpProgram();
  AwardPoints("m1", 2);             // 20 of street, to 2025-04-01
  AwardPoints("m1", 120, "VISIT");  // 4 of donor, to 2024-05-01
  AwardPoints("m2", 5);
  const Outcome sale = Buy("m1", 10);  // donor 4, street 6
  ExpectRefused(
      sale,
      {
          {"999,999 fen owed", "owed does not follow", [](Entry& e) { e.owed[0].fen = 999'999; }},
          {"owed by another rounding", "owed does not follow", [](Entry& e) { e.owed[0].rounding = RoundingRule::kDown; }},
          {"lines of 1 point for 10 posted", "owed does not follow", [](Entry& e) { e.lines[0].points = 1; }},
          {"a price that the offer has not", "OFFER_MISMATCH", [](Entry& e) { e.lines[0].offer = "RICE"; }},
          {"another shop over these postings", "merchant", [](Entry& e) { e.merchant = "s2"; }},
          {"another shop and its terminal over these postings", "postings",
           [](Entry& e) { e.merchant = "s2", e.terminal = e.actor = "t2"; }},
          {"another member over these postings", "owed does not follow", [](Entry& e) { e.member = "m2"; }},
          {"the later lot spent first", "owed does not follow",
           [](Entry& e) {
             e.postings[0].lots = {{"street", 20250401, -10}}, e.postings[1].funds = {{"street", 10}};
             e.owed = {{"street", 10, 1000, RoundingRule::kDown}};
           }},
          {"another fund with sums kept", "of donor sum to",
           [](Entry& e) {
             e.postings[1].funds = {{"street", 10}};
           }},
          {"to issuance instead of the shop", "may not touch", [](Entry& e) { e.postings[1].holder = Holder("issuance:street"); }},
          {"by a class that may not pay", "LIMIT_EXCEEDED", [](Entry& e) { e.presentation = "card"; }},
      },
      /*is_mended=*/true);
  const Outcome hold = Reserve("m1", 8);
  ExpectRefused(hold,
                {
                    {"for an hour", "hold_until_ms", [](Entry& e) { e.hold_until_ms += 3'600'000; }},
                    {"of groups that the member is not in", "groups", [](Entry& e) { e.groups = {Group::kNearbyMerchants}; }},
                },
                true);
  ExpectRefused(Take(hold.entry().sequence, 5),
                {
                    {"against another day's limits", "limit_day", [](Entry& e) { e.limit_day = 20240314; }},
                    {"6 points in the lines", "lines", [](Entry& e) { e.lines[0].points = 6; }},
                    {"the rest is kept", "does not follow", [](Entry& e) { e.postings.resize(2); }},
                    {"of another hold", "HOLD_NOT_FOUND", [](Entry& e) { --e.hold; }},
                },
                true);
  Undo(last_id);
  const Outcome refund = GiveBack(sale.entry().sequence, 6);
  ExpectRefused(refund,
                {
                    {"to another member", "member does not follow", [](Entry& e) { e.member = "m2", e.postings[1].holder = Holder("m2"); }},
                    {"to another member who is not named", "does not follow", [](Entry& e) { e.postings[1].holder = Holder("m2"); }},
                    {"into a lot of another fund", "does not follow",
                     [](Entry& e) {
                       e.postings[0].funds = {{"donor", -4}, {"street", -2}};
                       e.postings[1].lots = {{"donor", 20240501, 4}, {"street", 20250401, 2}};
                     }},
                    {"into a later lot", "does not follow", [](Entry& e) { e.postings[1].lots[0].end = 20300101; }},
                    {"and the fund owes as before", "owed does not follow", [](Entry& e) { e.owed.clear(); }},
                    {"of points that were given back before", "span does not follow",
                     [](Entry& e) {
                       e.span = {{1, 7}};
                     }},
                    {"with cash that was never paid", "REFUND_CASH_EXCEEDS", [](Entry& e) { e.cash_fen = 1; }},
                    {"of more than there was", "REFUND_EXCEEDS",
                     [](Entry& e) { e.postings[0].funds[0].amount = -11, e.postings[1].lots[0].amount = 11; }},
                },
                true);
}

TEST_F(VerifyTest, RefusesForgedDeeds) {
  SetUpProgram();
  const Outcome award = AwardPoints("m1", 1);
  ExpectRefused(award,
                {
                    {"1,000 points for a patrol of 10", "does not follow",
                     [](Entry& e) { e.postings[0].amount = -1000, e.postings[1].lots[0].amount = 1000; }},
                    {"of another fund with sums kept", "does not follow",
                     [](Entry& e) { e.postings[0].holder = Holder("issuance:donor"), e.postings[1].lots[0].fund = "donor"; }},
                    {"in a lot that never ends", "does not follow", [](Entry& e) { e.postings[1].lots[0].end = kNever; }},
                    {"by another rulebook", "rulebook does not follow", [](Entry& e) { e.rulebook = "2023-1"; }},
                    {"without minutes", "does not follow", [](Entry& e) { e.postings.resize(2); }},
                    {"to somebody else", "does not follow", [](Entry& e) { e.postings[1].holder = e.postings[3].holder = Holder("m2"); }},
                    {"a cap that was not hit", "cap_hit", [](Entry& e) { e.cap_hit = true; }},
                    {"of tomorrow", "DAY_IN_FUTURE", [](Entry& e) { e.effective_day = 20240316; }},
                    {"with another's debt paid", "does not follow",
                     [](Entry& e) {
                       e.postings.push_back(MoveFunds(Holder("m2"), Sub::kDebt, {{"street", -1}}));
                       e.postings.push_back(Move(Holder::Debts("street"), Sub::kAvailable, kPoint, 1));
                     }},
                },
                true);
  ExpectRefused(Run(Corrector(), Correct{award.entry().sequence, 0, "deed_not_done"}),
                {
                    {"half of it stays", "does not follow", [](Entry& e) { e.postings[0].lots[0].amount = -5, e.postings[1].amount = 5; }},
                    {"worth something still", "amounts does not follow", [](Entry& e) { e.amounts[0].amount = 5; }},
                    {"by who gave it", "MAKER_IS_CHECKER", [](Entry& e) { e.actor = "a0"; }},
                    {"of no award", "AWARD_NOT_FOUND", [](Entry& e) { e.ref = 0; }},
                    {"of an entry that comes later", "comes later", [](Entry& e) { e.ref = 9999; }},
                    {"as a part", "request",
                     [](Entry& e) {
                       e.part = {2, 2};
                     }},
                },
                true);
}

// Somebody who was never registered asks for nothing: operators alone, who are of the program "system", and the founding's.
TEST_F(VerifyTest, WhoAskedMayHave) {
  SetUpProgram();
  const std::vector<Tamper> by_a_stranger = {
      {"by a stranger", "a9 is nobody who may ask for it", [](Entry& e) { e.actor = "a9"; }},
      {"by a shop", "s1 is nobody who may ask for it", [](Entry& e) { e.actor = "s1"; }},
      {"by the ledger", "ledger is nobody who may ask for it", [](Entry& e) { e.actor = "ledger"; }}};
  ExpectRefused(AwardPoints("m1", 20), by_a_stranger, true);
  ExpectRefused(Run(Staff("m1"), Donate{{"m1", ""}, 2}), by_a_stranger, true);
  ExpectRefused(Add(Person("m9")), by_a_stranger, true);
  ExpectRefused(Add(Worker("a8")), by_a_stranger, true);
  const Outcome refused = Run(Staff("m1"), Donate{{"m1", ""}, 999'999});
  ASSERT_EQ(refused.first, RequestState::kRefused);
  ExpectRefused(refused, by_a_stranger, true);
  const auto asked = [](const char* kind, const char* actor) {
    return [=](Entry& e) {
      e.request_kind = kind, e.actor = actor;
      if (e.actor == kLedgerActor) e.request_id.clear(), e.fingerprint.clear();
    };
  };
  ExpectRefused(refused,
                {{"of a refusal", "", asked("refused", "a0")},
                 {"of what time does, by the ledger", "", asked("expiry", "ledger")},
                 {"of what time does", "", asked("hold_expired", "a0")},
                 {"of a program", "", asked("program", "o1")},
                 {"of a program, by the ledger", "", asked("program", "ledger")},
                 {"of an epoch", "", asked("epoch", "ledger")}},
                true);
}

// What no command may ask for no entry may show, whoever wrote it.
TEST_F(VerifyTest, RefusesWhatNobodyCouldHaveAskedFor) {
  SetUpProgram();
  AwardPoints("m1", 20);
  const auto sell = [](std::vector<OfferLine> lines) { return [lines](Entry& e) { e.lines = lines; }; };
  const Outcome sale = Run(Till(), Redeem{Pay("m1"), {{"RICE", 2, 60, 100}, {"ANY", 1, 5, 0}}});
  std::vector<OfferLine> many(21, {"ANY", 1, 3, 0});
  many.back().points = 5;
  const OfferKind item = OfferKind::kItem;
  ExpectRefused(sale,
                {
                    {"negative pieces", "FIELD_OUT_OF_RANGE",
                     sell({{"RICE", 3, 90, 100, item, 30}, {"RICE", -1, -30, 0, item, 30}, {"ANY", 1, 5, 0}})},
                    {"no pieces", "FIELD_OUT_OF_RANGE", sell({{"ANY", 0, 65, 0}})},
                    {"too many pieces", "FIELD_OUT_OF_RANGE", sell({{"ANY", 100'001, 65, 0}})},
                    {"negative points", "FIELD_OUT_OF_RANGE", sell({{"ANY", 1, 100, 0}, {"ANY", 7, -35, 0}})},
                    {"negative cash", "FIELD_OUT_OF_RANGE", sell({{"ANY", 1, 65, -100'000}})},
                    {"no lines", "FIELD_OUT_OF_RANGE", sell({})},
                    {"21 lines", "FIELD_OUT_OF_RANGE", sell(many)},
                },
                true);
  ExpectRefused(Run(Till(), Refund{sale.entry().sequence, 30, 50}),
                {{"negative cash", "FIELD_OUT_OF_RANGE", [](Entry& e) { e.cash_fen = -5000; }}}, true);
  const Outcome refused = Buy("m1", 9999);
  ExpectRefused(refused,
                {
                    {"for a reason that there is not", "FIELD_OUT_OF_RANGE field=refusal", [](Entry& e) { e.refusal = "BECAUSE"; }},
                    {"for a reason that is not recorded", "field=refusal", [](Entry& e) { e.refusal = "PERMISSION_DENIED"; }},
                    {"of nothing that there is", "may ask for it", [](Entry& e) { e.request_kind = "whatever"; }},
                    {"about nobody", "MEMBER_NOT_FOUND", [](Entry& e) { e.member = "m99", e.postings.clear(); }},
                },
                true);
  const Outcome award = AwardPoints("m1", 1);
  ExpectRefused(award,
                {
                    {"on no day", "FIELD_OUT_OF_RANGE", [](Entry& e) { e.effective_day = 20240300; }},
                    {"with evidence that is no hash", "evidence_sha256", [](Entry& e) { e.evidence_sha256 = "photo"; }},
                    {"with a commitment that is none", "note_commitment", [](Entry& e) { e.note_commitment = "Zhang San"; }},
                },
                true);
  const Outcome offer = Add(Offer("X", 5));
  const auto offers = [](auto change) { return [change](Entry& e) { change(std::get<OfferData>(e.data)); }; };
  ExpectRefused(offer,
                {
                    {"below 0", "FIELD_OUT_OF_RANGE", offers([](OfferData& o) { o.price_points = -5; })},
                    {"beyond what can be multiplied", "FIELD_OUT_OF_RANGE", offers([](OfferData& o) { o.price_points = kAmountMax; })},
                    {"on no days", "FIELD_INVALID", offers([](OfferData& o) { o.from = 99, o.to = 7; })},
                },
                true);
  ExpectRefused(Add(Person("m30")),
                {{"named like an account", "FIELD_INVALID", [](Entry& e) { std::get<MemberData>(e.data).id = "m1/POINT"; }},
                 {"a program in a program", "program.id",
                  [](Entry& e) {
                    e.kind = Kind::kProgram, e.actor = "o1", e.member.clear(), e.data = ProgramData{"elsewhere", "a0"};
                  }}},
                true);
}

// `unique` marks a confidential deed, of which nothing else is shown: it turns no rule of another activity off.
TEST_F(VerifyTest, RefusesAMarkOfConfidenceOnWhatIsNone) {
  SetUpProgram();
  AwardItem item = Item("m1", "MEETING", 1);
  item.session = "2024-03";
  const auto mark = [](Entry& e) { e.unique = {Sha256Hex("u"), Sha256Hex("v")}, e.group = Group::kNone, e.grid = ""; };
  ExpectRefused(Run(Staff(), Award{item}),
                {{"of a group's activity", "field=unique", [&](Entry& e) { mark(e); }},
                 {"and without its session", "field=unique", [&](Entry& e) { mark(e), e.session.clear(); }}},
                true);
  item = Item("m1", "SERVICE", 10);
  item.group = Group::kNone, item.unique = {Sha256Hex("case 1"), Sha256Hex("session 1")}, item.note_commitment = Sha256Hex("salted");
  const Outcome deed = Run(Staff(), Award{item});
  EXPECT_EQ(deed.first, RequestState::kDone);
  ExpectRefused(deed,
                {
                    {"with its group", "field=unique", [](Entry& e) { e.group = Group::kResidents; }},
                    {"with its case", "field=unique", [](Entry& e) { e.case_id = "c-1"; }},
                    {"with its session", "field=unique", [](Entry& e) { e.session = "s-1"; }},
                    {"with a word about it", "field=unique", [](Entry& e) { e.about = "who told"; }},
                    {"with tags", "field=unique", [](Entry& e) { e.tags = {"theft"}; }},
                    {"with evidence", "field=unique", [](Entry& e) { e.evidence_sha256 = Sha256Hex("photo"); }},
                    {"with a name elsewhere", "field=unique", [](Entry& e) { e.external_id = "110-7"; }},
                    {"with no hash", "field=unique",
                     [](Entry& e) {
                       e.unique = {"case 1", "session 1"};
                     }},
                    {"with one name", "field=unique", [](Entry& e) { e.unique.pop_back(); }},
                    {"with one name twice", "field=unique", [](Entry& e) { e.unique[1] = e.unique[0]; }},
                    {"with three names", "field=unique",
                     [](Entry& e) {
                       e.unique = {Sha256Hex("a"), Sha256Hex("b"), Sha256Hex("c")};
                     }},
                },
                true);
  // And a batch with such an item leaves nothing.
  AwardItem bad = Item("m1", "PATROL", 1);
  bad.unique = {Sha256Hex("u"), Sha256Hex("v")};
  const auto before = journal.size();
  EXPECT_EQ(ReasonOf(Run(Staff(), AwardBatch{{Item("m1", "PATROL", 1), bad}})), Reason::FIELD_OUT_OF_RANGE);
  EXPECT_EQ(journal.size(), before);
}

// A journal begins with its program.
TEST_F(VerifyTest, RefusesAnotherBeginning) {
  SetUpProgram();
  Entry entry = *journal[3];
  entry.sequence = 0;
  const auto empty = Empty();
  EXPECT_THAT(std::string(VerifyAlone(*empty, entry).message()), testing::HasSubstr("begins with its program"));
  entry = *journal[0];
  std::get<ProgramData>(entry.data).id = "elsewhere";
  EXPECT_THAT(std::string(VerifyAlone(*empty, entry).message()), testing::HasSubstr("program.id"));
}

// A request is answered once, and its entries follow each other.
TEST_F(VerifyTest, RefusesASecondAnswer) {
  SetUpProgram();
  AwardPoints("m1", 9);
  const Outcome first = Buy("m1", 10), second = Buy("m1", 10);
  const std::string seen = first.entry().request_id;
  ExpectRefused(second, {{"a request twice", "answered before", [&](Entry& e) { e.request_id = seen; }}}, true);
  const std::string never = NewId();
  Undo(never);
  ExpectRefused(Buy("m1", 10), {{"a request that was reversed before", "answered before", [&](Entry& e) { e.request_id = never; }}}, true);
  const Outcome batch = Run(Staff(), AwardBatch{{Item("m1", "PATROL", 1), Item("m2", "PATROL", 1), Item("m3", "PATROL", 1)}});
  Outcome last;
  last.entries = {batch.entries[2]};
  ExpectRefused(last,
                {
                    {"an item left out", "not so far", [](Entry& e) { e.item = 3; }},
                    {"an item twice", "not so far", [](Entry& e) { e.item = 1; }},
                    {"an item of another request", "not so far", [](Entry& e) { e.request_id.back() ^= 1; }},
                    {"an item with another fingerprint", "not so far", [](Entry& e) { e.fingerprint.back() ^= 1; }},
                    {"an item of no request", "of no request", [](Entry& e) { e.request_id.clear(), e.fingerprint.clear(); }},
                },
                true);
}

// What holds for every entry, whatever it is about: nothing is put right after the change.
TEST_F(VerifyTest, RefusesEntriesOutOfPlaceOrBalance) {
  SetUpProgram();
  AwardPoints("m1", 2);
  AwardPoints("m1", 120, "VISIT");
  const Outcome sale = Buy("m1", 10);  // donor 4, street 6
  const auto both = [](Entry& e, std::int64_t more) {
    e.postings[0].amount -= more, e.postings[0].balance -= more;
    e.postings[1].amount += more;
  };
  ExpectRefused(
      sale,
      {
          {"another program", "entry of program", [](Entry& e) { e.program = "xinghe"; }},
          {"another epoch", "epoch", [](Entry& e) { e.epoch = 1; }},
          {"a sequence twice", "sequence", [](Entry& e) { --e.sequence; }},
          {"a sequence left out", "sequence", [](Entry& e) { ++e.sequence; }},
          {"time backwards", "recorded before", [](Entry& e) { --e.recorded_ms; }},
          {"another business day", "business day", [](Entry& e) { e.business_day = 20240314; }},
          {"business day of a later time", "business day", [](Entry& e) { e.recorded_ms += kDayMs; }},
          {"unbalanced: one posting less", "sum to", [](Entry& e) { e.postings.pop_back(); }},
          {"unbalanced: more to the shop", "sum to", [](Entry& e) { ++e.postings[1].amount, ++e.postings[1].funds[1].amount; }},
          {"unbalanced in a fund", "of donor sum to", [](Entry& e) { ++e.postings[1].funds[0].amount, --e.postings[1].funds[1].amount; }},
          {"wrong balance", "does not follow", [](Entry& e) { ++e.postings[0].balance; }},
          {"a balance on the shop", "does not follow", [](Entry& e) { e.postings[1].balance = 10; }},
          {"prev of an older entry", "prev", [](Entry& e) { --e.postings[0].prev; }},
          {"no prev", "prev", [](Entry& e) { e.postings[0].prev = -1; }},
          {"prev where there was none", "prev", [](Entry& e) { e.postings[1].prev = 3; }},
          {"a posting of 0 on the shop", "a posting of 0",
           [](Entry& e) { e.postings.push_back(Move(Holder("s1"), Sub::kAvailable, kPoint, 0)); }},
          {"a posting of 0 beside others of the member", "a posting of 0",
           [](Entry& e) { e.postings.push_back(Move(Holder("m1"), Sub::kAvailable, kPoint, 0)); }},
          {"amount 2^53", "amount out of range", [&](Entry& e) { both(e, kAmountMax); }},
          {"below zero", "below 0", [&](Entry& e) { both(e, 20), e.postings[0].lots[1].amount -= 20; }},
          {"lots that do not add up", "of its funds", [](Entry& e) { ++e.postings[0].lots[0].amount; }},
          {"no lots", "no lots on m1", [](Entry& e) { e.postings[0].lots.clear(); }},
          {"no funds", "no funds on s1", [](Entry& e) { e.postings[1].funds.clear(); }},
          {"funds beside lots", "funds on m1",
           [](Entry& e) {
             e.postings[0].funds = {{"street", -10}};
           }},
          {"funds out of order", "out of order", [](Entry& e) { std::swap(e.postings[1].funds[0], e.postings[1].funds[1]); }},
          {"a fund of 0", "without amount",
           [](Entry& e) {
             e.postings[1].funds.push_back({"zoo", 0});
           }},
          {"more of a lot than there is", "would be", [](Entry& e) { --e.postings[0].lots[0].amount, ++e.postings[0].lots[1].amount; }},
          {"a lot that is not there", "would be", [](Entry& e) { e.postings[0].lots[1].end = 20250501; }},
          {"a lot of 0", "a lot without", [](Entry& e) { e.postings[0].lots.push_back({.fund = "street", .end = 20250401}); }},
          {"a lot the other way", "a lot without",
           [](Entry& e) {
             e.postings[0].lots[1].amount -= 5;
             e.postings[0].lots.push_back({.fund = "street", .end = 20260401, .amount = 5});
           }},
          {"a lot without fund", "a lot without", [](Entry& e) { e.postings[0].lots[1].fund.clear(); }},
          {"a lot with a long fund", "a lot without", [](Entry& e) { e.postings[0].lots[1].fund = "a-fund-of-17-char"; }},
          {"a lot that ends on no day", "a lot without", [](Entry& e) { e.postings[0].lots[1].end = 20250431; }},
          {"a first end behind the end", "a lot without", [](Entry& e) { e.postings[0].lots[1].first_end = 20250501; }},
          {"a lot that is past", "is past", [](Entry& e) { e.recorded_ms = StartOf(20240501), e.business_day = 20240501; }},
          {"lots on a shop", "lots on", [](Entry& e) { e.postings[1].lots = {{.fund = "street", .end = 20250401, .amount = 10}}; }},
          {"to the pool", "may not touch", [](Entry& e) { e.postings[1].holder = Holder::Pool(); }},
          {"to nobody", "may not touch", [](Entry& e) { e.postings[1].holder = Holder(); }},
          {"to an unknown holder", "may not touch", [](Entry& e) { e.postings[1].holder = Holder("x1"); }},
          {"to the shop's held part", "may not touch", [](Entry& e) { e.postings[1].sub = Sub::kHeld; }},
          {"from the held part", "may not touch", [](Entry& e) { e.postings[0].sub = Sub::kHeld; }},
          {"in a unit nobody knows", "unknown unit", [](Entry& e) { e.postings[0].unit = e.postings[1].unit = "STAR"; }},
          {"in minutes", "MINUTE on", [](Entry& e) { e.postings[1].unit = "MINUTE"; }},
          {"as an award", "may not touch", [](Entry& e) { e.kind = Kind::kAward; }},
          {"as a registration", "a record of another kind", [](Entry& e) { e.kind = Kind::kFund; }},
          {"with a record", "a record of another kind",
           [](Entry& e) {
             e.data = FundData{"street", 1};
           }},
          {"nothing of the member's", "no posting of m1", [](Entry& e) { e.postings.clear(); }},
          {"longer than a line", "longer than a line", [](Entry& e) { e.clerk = std::string(5000, 'c'); }},
      },
      /*is_mended=*/false);
  Outcome award;
  award.entries = {journal[journal.size() - 3]};
  ExpectRefused(
      award,
      {
          {"to a shop", "may not touch s1",
           [](Entry& e) {
             e.postings[1] = MoveFunds(Holder("s1"), Sub::kAvailable, {{"street", 20}});
           }},
          {"minutes into debt", "MINUTE on m1", [](Entry& e) { e.postings[3].sub = Sub::kDebt; }},
          {"minutes with lots", "lots on m1", [](Entry& e) { e.postings[3].lots = {{.fund = "street", .end = 20250401, .amount = 120}}; }},
          {"a debt above 0", "debt above 0",
           [](Entry& e) {
             e.postings[1].sub = Sub::kDebt, e.postings[1].lots.clear(), e.postings[1].funds = {{"street", 20}};
           }},
          {"beyond the budget", "below -1000000",
           [](Entry& e) {
             e.postings[0].amount = e.postings[0].balance = -1'000'001;
             e.postings[1].amount = e.postings[1].balance = e.postings[1].lots[0].amount = 1'000'001;
           }},
          {"of a fund without budget", "below 0", [](Entry& e) { e.postings[0].holder = Holder("issuance:nobody"); }},
      },
      false);
}

TEST_F(VerifyTest, RefusesWhatIsAboutSomebodyOfWhomSomethingIsDue) {
  SetUpProgram();
  AwardPoints("m1", 10);
  Reserve("m1", 20);
  const Outcome gift = Run(Staff(), Donate{{"m1", ""}, 1});
  const auto later = [](Entry& e) { e.recorded_ms += 3'600'000; };
  EXPECT_THAT(Tampered(gift.entry(), later, true), testing::HasSubstr("of m1 should have ended before"));
  AwardPoints("m2", 1);
  const Outcome other = Run(Staff(), Donate{{"m2", ""}, 1});
  EXPECT_EQ(Tampered(other.entry(), later, true), "");  // theirs alone
  const auto much_later = [](Entry& e) { e.recorded_ms = StartOf(20250501), e.business_day = 20250501; };
  const Outcome proposal = Run(Staff(), ProposeUndo{other.entry().sequence, "wrong_amount"});
  EXPECT_THAT(Tampered(proposal.entry(), much_later, true), testing::HasSubstr("points of m2 should have ended before"));
}

// What nobody writes yet is not taken, however well it adds up.
TEST_F(VerifyTest, RefusesKindsThatNothingWrites) {
  SetUpProgram();
  const Outcome confirmed = Run(Operator(), ConfirmClock{now_ms});
  for (const auto& [kind, data] : std::vector<std::pair<Kind, Registration>>{
           {Kind::kHeads, HeadsData{}}, {Kind::kLogKey, LogKeyData{}}, {Kind::kErasure, ErasureData{}}}) {
    const auto change = [kind = kind, &data = data](Entry& e) { e.kind = kind, e.data = data, e.actor = kLedgerActor; };
    EXPECT_THAT(Tampered(confirmed.entry(), change, true), testing::HasSubstr("nothing writes these yet")) << KindName(kind);
  }
}

// Time falls nowhere but at a set-back, and nothing but what ended too early comes back behind one, once.
TEST_F(VerifyTest, RefusesForgedSetBacks) {
  SetUpProgram();
  for (const char* member : {"m1", "m2"}) AwardPoints(member, 120, "VISIT");
  AwardPoints("m1", 1);
  now_ms += 80 * kDayMs;
  engine.SetTime(now_ms);
  const Outcome confirmed = Run(Operator(), ConfirmClock{now_ms});
  Advance(0);
  const auto state_time = [](std::int64_t off) { return [off](Entry& e) { std::get<ClockData>(e.data).stated_ms += off; }; };
  ExpectRefused(confirmed,
                {{"another time than was stated", "CLOCK_DIFFERS", state_time(20 * kMinuteMs + 1)},
                 {"another, before", "CLOCK_DIFFERS", state_time(-20 * kMinuteMs - 1)}},
                true);
  ExpectRefused(confirmed,
                {{"a time that falls without a day that stands", "recorded before",
                  [](Entry& e) { e.recorded_ms -= 81 * kDayMs, e.business_day = DayOf(e.recorded_ms); }}},
                true);
  now_ms -= 79 * kDayMs;
  engine.SetTime(now_ms);
  const Outcome back = Run(Operator("o2"), ConfirmClock{now_ms, 20240315});
  ExpectRefused(back,
                {
                    {"a day that is not closed", "FIELD_INVALID", [](Entry& e) { std::get<ClockData>(e.data).last_closed_day = 20240603; }},
                    {"no day", "recorded before", [](Entry& e) { std::get<ClockData>(e.data).last_closed_day = 0; }},
                    {"by who confirmed it wrongly", "MAKER_IS_CHECKER", [](Entry& e) { e.actor = "o1"; }},
                    {"by staff of the program", "nobody who may ask", [](Entry& e) { e.actor = "a0"; }},
                    {"another time than was stated", "CLOCK_DIFFERS", [](Entry& e) { e.recorded_ms += 11 * kMinuteMs; }},
                    {"of a program that is not ahead", "sets back what is not ahead",
                     [](Entry& e) { e.recorded_ms += 79 * kDayMs - 10 * kMinuteMs, e.business_day = DayOf(e.recorded_ms); }},
                    {"forwards", "sets back what is not ahead",
                     [](Entry& e) {
                       e.recorded_ms += 90 * kDayMs, e.business_day = DayOf(e.recorded_ms);
                       std::get<ClockData>(e.data).stated_ms = e.recorded_ms;
                     }},
                },
                true);
  Outcome first, second;
  second.entries = {journal.back()}, first.entries = {journal[journal.size() - 2]};
  const std::int64_t undone = first.entry().ref;
  ExpectRefused(first,
                {{"into a later lot", "does not follow",
                  [](Entry& e) {
                    for (Posting& p : e.postings) p.lots[0].end = 20250101;
                  }},
                 {"more than ended", "would be below 0",
                  [](Entry& e) {
                    for (Posting& p : e.postings) p.lots[0].amount *= 3;
                  }},
                 {"half of it", "does not follow",
                  [](Entry& e) {
                    for (Posting& p : e.postings) p.lots[0].amount /= 2;
                  }},
                 {"to somebody else", "member does not follow", [](Entry& e) { e.member = "m3", e.postings[1].holder = Holder("m3"); }},
                 {"a minute later", "follows no set-back", [](Entry& e) { e.recorded_ms += kMinuteMs; }},
                 {"of no entry", "of no entry", [](Entry& e) { e.ref = -1; }},
                 {"of an entry by which nothing ended", "of nothing", [](Entry& e) { e.ref = 0; }},
                 {"by a person", "may ask for it", [](Entry& e) { e.actor = "a2"; }}},
                true);
  ExpectRefused(second, {{"of an entry twice", "of nothing", [&](Entry& e) { e.ref = undone; }}}, true);
  // They end again, and come back again: by the entry that ended them now.
  now_ms += 80 * kDayMs;
  engine.SetTime(now_ms);
  Run(Operator(), ConfirmClock{now_ms});
  Advance(0);
  now_ms -= 79 * kDayMs;
  engine.SetTime(now_ms);
  Run(Operator("o2"), ConfirmClock{now_ms, AddDays(DayOf(now_ms), -1)});
  Outcome again;
  again.entries = {journal[journal.size() - 2]};
  ASSERT_EQ(again.entry().member, first.entry().member);
  ExpectRefused(again, {{"of an entry that was undone by the set-back before", "of nothing", [&](Entry& e) { e.ref = undone; }}}, true);
  for (int i = 0; i < 2; ++i) Run(Staff("m1"), Donate{{"m1", ""}, 1});
  Outcome later;
  later.entries = {journal.back()};
  ExpectRefused(later,
                {{"behind another entry", "follows no set-back",
                  [&](Entry& e) {
                    const Entry& was = second.entry();
                    e.kind = was.kind, e.actor = was.actor, e.request_id = e.fingerprint = "";
                    e.ref = was.ref, e.member = "m2";
                    e.postings = {Move(Holder("m2"), Sub::kAvailable, kPoint, 0)};
                  }}},
                true);
}

TEST_F(VerifyTest, RefusesAnotherRulebookThanTheHashNames) {
  SetUpProgram();
  const Outcome adopted = Adopt(RulebookJson("2025-1", 20250101));
  ExpectRefused(
      adopted,
      {
          {"under another name", "another version", [](Entry& e) { e.rulebook = std::get<RulebookData>(e.data).version = "2025-2"; }},
          {"from another day on", "another version", [](Entry& e) { std::get<RulebookData>(e.data).effective_day = 20260101; }},
          {"in a format that never was", "rules format", [](Entry& e) { std::get<RulebookData>(e.data).format = 0; }},
          {"without its content", "blobs does not follow", [](Entry& e) { e.blobs.clear(); }},
          {"in another form", "its one form",
           [&](Entry& e) {
             const std::string loose = blobs[e.blobs[0]] + "\n", sha256 = Sha256Hex(loose);
             blobs[sha256] = loose;
             std::get<RulebookData>(e.data).sha256 = sha256, e.blobs = {sha256};
           }},
      },
      true);
}

}  // namespace
}  // namespace redpoints
