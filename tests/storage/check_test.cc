// Whatever is altered on disk, `check` finds it and says where.
#include "storage/check.h"

#include <gmock/gmock.h>

#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"
#include "storage/start_failure.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

// Counts something; in the form in which it is stored.
const std::string& Book() {
  static const std::string json =
      Rulebook::Judge(RulebookJson("2024-1", 20240101, R"({"max_points_per_member_day":1000,"max_points_per_merchant_day":1000})"))->json();
  return json;
}
const std::string kPrefix("minyue\0", 7);

class CheckTest : public LedgerTest {
 protected:
  // A program with rows in every table, all of them on disk, between two whose names begin alike.
  void SetUp() override {
    SetUpProgram(4, Book());
    const auto sale = Buy("m1", 30).entry().sequence;
    Run(Till(NewId()), Refund{sale, 10});
    Run(Till(NewId()), Authorize{Pay("m2"), {{"ANY", 1, 50, 0}}});
    for (const char* program : {"minyu", "minyue-2"}) Run(Staff(NewId()), FoundProgram{{program, "a0"}}, program);
    ledger.reset();
    ASSERT_EQ(Difference(), "");
  }

  // What check says; empty when all agree.
  std::string Difference() {
    const auto report = CheckProgram(memory, &rows, "minyue");
    EXPECT_TRUE(report.ok() || absl::IsDataLoss(report.status())) << report.status();
    return report.ok() ? report->unusable_rows : std::string(report.status().message());
  }
  // What it says while the derived row has this value, or is not there.
  std::string With(const std::string& key, const std::optional<std::string>& value) {
    const auto before = *rows.Get(key);
    Set(key, value);
    const std::string difference = Difference();
    Set(key, before);
    return difference;
  }
  void Set(const std::string& key, const std::optional<std::string>& value) { ASSERT_TRUE(rows.Install({{key, value}}).ok()); }
  // The same of a journal row.
  std::string WithRow(std::int64_t first, const std::optional<JournalRow>& row) {
    const auto all = Journal();
    const auto before = std::find_if(all.begin(), all.end(), [&](const JournalRow& each) { return each.first == first; });
    memory.SetRow("minyue", first, row);
    const std::string difference = Difference();
    memory.SetRow("minyue", first, before == all.end() ? std::nullopt : std::optional(*before));
    return difference;
  }
  std::vector<Store::Row> Rows(const std::string& prefix) { return *rows.Scan({.begin = prefix, .end = PrefixEnd(prefix)}); }
  std::vector<JournalRow> Journal() { return *memory.Read("minyue", 0, *memory.End("minyue"), std::size_t{1} << 30); }
  void Load(State& state) {
    BindToStore(state, rows, [](const absl::Status& why) { ADD_FAILURE() << why; });
    state.find_entries = [this](std::int64_t first, std::int64_t count) {
      return redpoints::Journal(memory, "minyue").ReadAll(first, count);
    };
    state.find_blob = [this](const std::string& sha256) -> absl::StatusOr<std::string> { return **memory.Blob("minyue", sha256); };
    ASSERT_TRUE(LoadState(state, rows).ok());
  }
  // What it says once an entry like the last one of a kind, changed, follows the last one.
  std::string WithAnother(Kind kind, const std::function<void(Entry&)>& change) {
    State state("minyue");
    Load(state);
    Entry another;
    for (std::int64_t i = 0; i < state.at.next_sequence; ++i) {
      const Entry entry = *redpoints::Journal(memory, "minyue").Read(i);
      if (entry.kind == kind) another = entry;
    }
    another.sequence = state.at.next_sequence;
    change(another);
    for (Posting& p : another.postings) {
      const Account account = *state.accounts.Find(AccountKey(p.holder, p.unit));
      p.prev = account.head;
      p.balance = HasRunningBalance(p.holder) ? account.at(p.sub) + p.amount : 0;
    }
    std::string line;
    AppendLine(another, line);
    memory.SetRow("minyue", another.sequence, JournalRow{.first = another.sequence, .entries = 1, .lines = line + "\n"});
    memory.SetEnd("minyue", another.sequence + 1);
    const std::string difference = Difference();
    memory.SetRow("minyue", another.sequence, std::nullopt);
    memory.SetEnd("minyue", another.sequence);
    return difference;
  }
  void DropDerived() { ASSERT_TRUE(DeleteRows(rows, "minyue").ok()); }
  static std::string Derived(char letter, const std::string& key) { return DerivedKey("minyue", letter, key); }
};

// Of each member the newest registration counts; what an older one committed to is no stranger for all that.
TEST_F(CheckTest, WhatEntriesCommitToIsReported) {
  Open();
  MemberData m2 = Person("m2");
  m2.number_commitment = Sha256Hex("another number of m2");
  Register replace;
  replace.items = {m2};
  replace.is_new = false;
  replace.replaces_number = true;
  const auto replaced = Run(Staff(NewId()), replace);
  ASSERT_FALSE(replaced.refusal) << NameOf(replaced.refusal->reason);
  AwardItem noted = Item("m3", 1);
  noted.note_commitment = Sha256Hex("a note");
  Run(Staff(NewId()), Award{noted});
  ledger.reset();
  const auto report = CheckProgram(memory, &rows, "minyue");
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->commitments.numbers.size(), 4u);
  EXPECT_EQ(report->commitments.numbers.at("m1").commitment, Person("m1").number_commitment);
  EXPECT_EQ(report->commitments.numbers.at("m2").commitment, m2.number_commitment);
  EXPECT_EQ(report->commitments.numbers.at("m2").sequence, replaced.entry().sequence);
  EXPECT_EQ(report->commitments.all.size(), 6u);
  EXPECT_TRUE(report->commitments.all.contains(Person("m2").number_commitment));
  EXPECT_TRUE(report->commitments.all.contains(noted.note_commitment));
}

TEST_F(CheckTest, EveryRowOfEveryTableIsCompared) {
  for (const char letter : kTableLetters) {
    const auto found = Rows(Derived(letter, ""));
    ASSERT_FALSE(found.empty()) << letter;
    for (const Store::Row& row : found) {
      const std::string name = RowName(row.key.substr(kPrefix.size()));
      std::string altered = row.value;
      altered.back() = static_cast<char>(altered.back() ^ 2);
      // What can't be read is found before it is compared.
      EXPECT_THAT(With(row.key, altered), AnyOf(name + " differs from the journal", name + " can't be read"));
      EXPECT_EQ(With(row.key, std::nullopt), name + " is missing");
      EXPECT_THAT(With(row.key + "0", row.value), AnyOf(name + "0 is not in the journal", name + "0 can't be read"));
    }
  }
}

TEST_F(CheckTest, ADifferenceIsNamedByTableAndKey) {
  const std::string request = Rows(Derived('r', "t1/")).front().key.substr(kPrefix.size() + 1);
  const struct {
    char letter;
    std::string key, name;
  } named[] = {
      {'a', "issuance:street/POINT", "account issuance:street/POINT"},
      {'a', "m1/POINT", "account m1/POINT"},
      {'r', request, "request " + request},
      {'g', "member/m1", "registration member/m1"},
      {'c', "points/s1/20240315", "counter points/s1/20240315"},
      {'s', "20240315/s1", "shop's day 20240315/s1"},
      {'d', "20240315", "day's totals 20240315"},
  };
  for (const auto& [letter, key, name] : named) {
    ASSERT_TRUE(*rows.Get(Derived(letter, key))) << name;
    EXPECT_EQ(With(Derived(letter, key), std::nullopt), name + " is missing");
  }
  const auto follow_up = Rows(Derived('f', "")).front(), hold = Rows(Derived('h', "")).front();
  EXPECT_THAT(With(follow_up.key, std::nullopt), StartsWith("follow-up 00000000000000"));
  EXPECT_THAT(With(hold.key, std::nullopt), StartsWith("hold 00000000000000"));
  EXPECT_EQ(With(Derived('h', "none"), hold.value), "hold none can't be read");
  EXPECT_EQ(With(Derived('z', "key"), ""), "row z key is not in the journal");
  Set(hold.key, std::nullopt);
  EXPECT_EQ(StartFailureId(CheckProgram(memory, &rows, "minyue").status()), "DERIVED_DAMAGED");
  Set(hold.key, hold.value);
}

TEST_F(CheckTest, TheFirstOfSeveralDifferencesIsNamed) {
  const std::string first = Derived('c', "points/m1/20240315"), second = Derived('c', "points/m2/20240315");
  const std::string before = Derived('c', "points/m1/2024031"), value = **rows.Get(first), other = EncodeRow(std::int64_t{7});
  ASSERT_EQ(value, EncodeRow(std::int64_t{30}));
  const struct {
    std::optional<std::string> first, second;
    std::string difference;
  } pairs[] = {
      {std::nullopt, std::nullopt, "counter points/m1/20240315 is missing"},
      {std::nullopt, other, "counter points/m1/20240315 is missing"},
      {other, std::nullopt, "counter points/m1/20240315 differs from the journal"},
      {value, other, "counter points/m2/20240315 differs from the journal"},
  };
  for (const auto& pair : pairs) {
    Set(first, pair.first);
    EXPECT_EQ(With(second, pair.second), pair.difference);
    Set(first, value);
  }
  Set(before, value);
  EXPECT_EQ(With(first, std::nullopt), "counter points/m1/2024031 is not in the journal");
  Set(before, std::nullopt);
}

// A mark that says another closed day would let points end late, or never.
TEST_F(CheckTest, TheMarkIsComparedToo) {
  State state("minyue");
  Load(state);
  const std::string key = Derived(kMarkTable, "");
  const StateMark mark = state.at;
  ASSERT_EQ(EncodeRow(mark), **rows.Get(key));
  StateMark altered = mark;
  ++altered.last_ms;
  EXPECT_EQ(With(key, EncodeRow(altered)), "the mark differs from the journal");
  altered = mark;
  ++altered.epoch;
  EXPECT_EQ(With(key, EncodeRow(altered)), "the mark differs from the journal");
  altered = mark;
  ++altered.last_closed_day;
  EXPECT_EQ(With(key, EncodeRow(altered)), "the mark differs from the journal");
  altered = mark;
  --altered.next_sequence;
  EXPECT_NE(With(key, EncodeRow(altered)), "");
  altered.next_sequence += 2;
  EXPECT_EQ(With(key, EncodeRow(altered)),
            absl::StrCat("the journal ends at ", mark.next_sequence, ", but derived rows go to ", mark.next_sequence + 1));
  EXPECT_THAT(With(key, std::nullopt), HasSubstr("is there without the mark"));
  EXPECT_THAT(With(key, EncodeRow(mark).substr(0, 1) + "?"), HasSubstr("can't be read"));
  EXPECT_THAT(With(key + "!", EncodeRow(mark)), HasSubstr("is not in the journal"));
}

// Whether the derived rows are there or not: the lines alone tell.
TEST_F(CheckTest, AnAlteredJournalLineIsNamedByItsSequence) {
  const auto journal = Journal();
  const struct {
    const char* what;
    std::string from, to;
  } alterations[] = {
      {"an amount", R"("amount":-30)", R"("amount":-29)"},
      {"a balance", R"("balance":970)", R"("balance":971)"},
      {"an account", R"("account":"m1")", R"("account":"m3")"},
      {"a chain", R"("prev":)", R"("prev":1)"},
      {"a sequence", R"("seq":)", R"("seq":1)"},
      {"a program", R"("program":"minyue")", R"("program":"minyu")"},
      {"an epoch", R"("epoch":0)", R"("epoch":1)"},
      {"a space", R"("v":1,)", R"("v":1, )"},
      {"a name", R"("kind":)", R"("kinb":)"},
  };
  for (const bool has_derived : {true, false}) {
    if (!has_derived) DropDerived();
    for (const auto& [what, from, to] : alterations) {
      const auto row = std::find_if(journal.begin(), journal.end(),
                                    [](const JournalRow& each) { return each.lines.find(R"("amount":-30)") != std::string::npos; });
      ASSERT_NE(row, journal.end());
      JournalRow altered = *row;
      ASSERT_NE(altered.lines.find(from), std::string::npos) << what << ": " << altered.lines;
      altered.lines.replace(altered.lines.find(from), from.size(), to);
      EXPECT_THAT(WithRow(row->first, altered), StartsWith(absl::StrCat("entry ", row->first, ": "))) << what;
    }
  }
}

TEST_F(CheckTest, AMissingOrMovedJournalRowIsNamedByItsSequence) {
  const auto journal = Journal();
  ASSERT_GT(journal.size(), 5u);
  const JournalRow &row = journal[2], &next = journal[3];
  const auto entry = absl::StrCat("entry ", row.first);
  const auto with = [&](const std::string& lines) { return WithRow(row.first, JournalRow{row.first, row.entries, lines}); };
  EXPECT_THAT(WithRow(row.first, std::nullopt), HasSubstr(entry));
  EXPECT_THAT(with(""), HasSubstr(entry));
  EXPECT_THAT(with(row.lines.substr(0, row.lines.size() - 1)), HasSubstr(entry));
  EXPECT_THAT(with(row.lines + next.lines), HasSubstr(entry));
  EXPECT_THAT(with(next.lines), HasSubstr(entry));
  // Cut at its end, it is shorter than the log knows.
  EXPECT_THAT(WithRow(journal.back().first, std::nullopt), HasSubstr(absl::StrCat("ends at ", journal.back().first)));
}

// Entries that add up, each by itself, and yet can't follow those before them.
TEST_F(CheckTest, WhatTheLedgerWouldHaveRefusedIsNamed) {
  const auto at_end = [end = *memory.End("minyue")](const std::string& what) { return absl::StrCat("entry ", end, ": ", what); };
  const std::string unused(32, 'a');
  // A refund of so many points of the sale's 30, of which 10 are refunded: all that belongs together.
  const auto refund = [&](std::int64_t points) {
    return [&unused, points](Entry& e) {
      e.request_id = unused;
      e.span = {{10, 10 + points}};
      e.owed = {{"street", -points, -100 * points}};
      e.postings[0].amount = e.postings[0].funds[0].amount = -points;
      e.postings[1].amount = e.postings[1].lots[0].amount = points;
    };
  };
  const auto also = [](auto change, auto more) { return [change, more](Entry& e) { change(e), more(e); }; };
  EXPECT_EQ(WithAnother(Kind::kRefund, refund(20)), "");
  EXPECT_EQ(WithAnother(Kind::kRefund, refund(21)), at_end("breaks a rule: REFUND_EXCEEDS_REMAINDER max=20"));
  const auto again = WithAnother(Kind::kRefund, [](Entry&) {});
  EXPECT_THAT(again, AllOf(StartsWith(at_end("request ")), HasSubstr("was answered before")));
  EXPECT_EQ(WithAnother(Kind::kRefund, also(refund(20), [](Entry& e) { e.span = {{0, 20}}; })), at_end("span does not follow"));
  EXPECT_EQ(WithAnother(Kind::kRefund, also(refund(20), [](Entry& e) { e.owed[0].fen += 1; })), at_end("owed does not follow"));
  EXPECT_EQ(WithAnother(Kind::kRefund, also(refund(20), [](Entry& e) { e.cash_fen = 1; })),
            at_end("breaks a rule: REFUND_CASH_EXCEEDS max=0"));
  EXPECT_EQ(WithAnother(Kind::kRefund, also(refund(20), [](Entry& e) { e.postings[1].lots[0].end = 20250402; })),
            at_end("postings does not follow"));
  EXPECT_EQ(WithAnother(Kind::kRefund, also(refund(20), [](Entry& e) { e.terminal = e.actor = "t2"; })),
            at_end("breaks a rule: REDEMPTION_NOT_FOUND"));  // of another shop

  // An award of one more than the rulebook gives for it, and of more than it takes.
  const auto award = [&](Entry& e) { e.request_id = unused, e.item = -1; };
  EXPECT_EQ(WithAnother(Kind::kAward, award), "");
  EXPECT_EQ(WithAnother(Kind::kAward, also(award,
                                           [](Entry& e) {
                                             --e.postings[0].amount;
                                             ++e.postings[1].amount, ++e.postings[1].lots[0].amount;
                                           })),
            at_end("postings does not follow"));
  EXPECT_EQ(WithAnother(Kind::kAward, also(award, [](Entry& e) { e.quantity = 1001; })),
            at_end("breaks a rule: QUANTITY_OUT_OF_BOUNDS min=1 max=1000"));
}

// The rulebook, and the lines of the shops on a day that is closed.
TEST_F(CheckTest, AMissingOrAlteredBlobIsNamed) {
  Open();
  clock.Advance(kDayMs);
  for (auto next = ledger->EndSequence("minyue"); memory.Blobs("minyue")->size() < 2; ++next) {
    ASSERT_TRUE(ledger->WaitForEntry("minyue", next, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  }
  ledger.reset();
  ASSERT_EQ(Difference(), "");
  const auto blobs = *memory.Blobs("minyue");
  ASSERT_THAT(blobs, testing::Contains(Sha256Hex(Book())));
  for (const bool has_derived : {true, false}) {
    if (!has_derived) DropDerived();
    for (const std::string& sha256 : blobs) {
      const std::string content = **memory.Blob("minyue", sha256);
      memory.SetBlob("minyue", sha256, std::nullopt);
      EXPECT_THAT(Difference(), HasSubstr(absl::StrCat("blob ", sha256, " is missing")));
      memory.SetBlob("minyue", sha256, content + " ");
      EXPECT_THAT(Difference(), HasSubstr(absl::StrCat("blob ", sha256, " is altered")));
      memory.SetBlob("minyue", sha256, content);
    }
  }
}

// They are no damage: the next opening makes them again.
TEST_F(CheckTest, DerivedRowsOfAnotherVersionAreNotCompared) {
  const std::string mark = Derived(kMarkTable, "");
  std::string other = **rows.Get(mark);
  other[0] = static_cast<char>(other[0] + 2);  // the version, a zigzag varint
  Set(mark, other);
  const auto report = CheckProgram(memory, &rows, "minyue");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->unusable_rows, HasSubstr("version"));
  EXPECT_EQ(report->derived_rows, 0);
}

}  // namespace
}  // namespace redpoints
