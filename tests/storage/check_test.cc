// Whatever is altered on disk, `check` finds it and says where.
#include "storage/check.h"

#include <gmock/gmock.h>

#include "storage/derived.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/rules/apply.h"
#include "storage/rules/entry_codec.h"
#include "tests/storage/ledger_fixture.h"

namespace redpoints {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kBook = RulebookJson("2024-1", 20240101, R"({"max_points_per_merchant_day":1000})");  // counts something
const std::string kPrefix("minyue\0", 7);

class CheckTest : public LedgerTest {
 protected:
  // A program with rows in every table, all of them on disk, between two whose names begin alike.
  void SetUp() override {
    SetUpProgram(4, kBook);
    const auto sale = Buy("m1", 30).entry().sequence;
    Run(Till(NewId()), Refund{sale, 10});
    Run(Till(NewId()), Authorize{MemberId{"m2"}, {{"ANY", 1, 50, 0}}});
    for (const char* program : {"minyu", "minyue-2"}) Run(Staff(NewId()), FoundProgram{{program, "a0"}}, program);
    ledger.reset();
    ASSERT_EQ(Difference(), "");
  }

  // What check says; empty when all agree.
  std::string Difference() {
    const auto report = CheckProgram(memory, "minyue");
    EXPECT_TRUE(report.ok() || absl::IsDataLoss(report.status())) << report.status();
    return std::string(report.status().message());
  }
  // What it says while the row has this value, or is not there.
  std::string With(TableId table, const std::string& key, const std::optional<std::string>& value) {
    const auto before = *memory.Get(table, key);
    Set(table, key, value);
    const std::string difference = Difference();
    Set(table, key, before);
    return difference;
  }
  void Set(TableId table, const std::string& key, const std::optional<std::string>& value) {
    ASSERT_TRUE(memory.Install(table, {{key, value}}, *memory.TakeOver()).ok());
  }
  std::vector<Row> Rows(TableId table, const std::string& prefix) {
    return *memory.Scan({.table = table, .begin = prefix, .end = PrefixEnd(prefix)});
  }
  void Load(State& state) {
    BindToStore(state, memory);
    state.find_blob = [this](const std::string& sha256) -> absl::StatusOr<std::string> {
      return **memory.Get(TableId::kBlob, BlobKey("minyue", sha256));
    };
    ASSERT_TRUE(LoadState(state, memory).ok());
  }
  // What it says once an entry like the last one of a kind, changed, follows the last one.
  std::string WithAnother(Kind kind, const std::function<void(Entry&)>& change) {
    State state("minyue");
    Load(state);
    Entry another;
    for (std::int64_t i = 0; i < state.next_sequence; ++i) {
      const Entry entry = *Journal(memory, "minyue").Read(i);
      if (entry.kind == kind) another = entry;
    }
    another.sequence = state.next_sequence;
    change(another);
    for (Posting& p : another.postings) {
      const Account account = *state.accounts.Find(AccountKey(p.holder, p.unit));
      p.prev = account.head;
      p.balance = account.at(p.sub) + p.amount;
    }
    EXPECT_TRUE(Verify(state, another).ok()) << Verify(state, another);
    std::string line;
    AppendLine(another, line);
    Set(TableId::kJournal, JournalKey("minyue", another.sequence), line + "\n");
    const std::string difference = Difference();
    Set(TableId::kJournal, JournalKey("minyue", another.sequence), std::nullopt);
    return difference;
  }
  void DropDerived() { ASSERT_TRUE(memory.DeleteRange(TableId::kDerived, kPrefix, PrefixEnd(kPrefix)).ok()); }
  static std::string Derived(char letter, const std::string& key) { return DerivedKey("minyue", letter, key); }
};

TEST_F(CheckTest, EveryRowOfEveryTableIsCompared) {
  for (const char letter : kTableLetters) {
    const auto rows = Rows(TableId::kDerived, Derived(letter, ""));
    ASSERT_FALSE(rows.empty()) << letter;
    for (const Row& row : rows) {
      const std::string name = RowName(row.key.substr(kPrefix.size()));
      std::string altered = row.value;
      altered.back() = static_cast<char>(altered.back() ^ 2);
      // What can't be read is found before it is compared.
      EXPECT_THAT(With(TableId::kDerived, row.key, altered), AnyOf(name + " differs from the journal", name + " can't be read"));
      EXPECT_EQ(With(TableId::kDerived, row.key, std::nullopt), name + " is missing");
      EXPECT_THAT(With(TableId::kDerived, row.key + "0", row.value), AnyOf(name + "0 is not in the journal", name + "0 can't be read"));
    }
  }
}

TEST_F(CheckTest, ADifferenceIsNamedByTableAndKey) {
  const std::string request = Rows(TableId::kDerived, Derived('r', "t1/")).front().key.substr(kPrefix.size() + 1);
  const struct {
    char letter;
    std::string key, name;
  } rows[] = {
      {'a', "issuance:street/POINT", "account issuance:street/POINT"},
      {'a', "m1/POINT", "account m1/POINT"},
      {'r', request, "request " + request},
      {'g', "member/m1", "registration member/m1"},
      {'n', "10000001", "number 10000001"},
      {'c', "points/s1/20240315", "counter points/s1/20240315"},
  };
  for (const auto& [letter, key, name] : rows) {
    ASSERT_TRUE(*memory.Get(TableId::kDerived, Derived(letter, key))) << name;
    EXPECT_EQ(With(TableId::kDerived, Derived(letter, key), std::nullopt), name + " is missing");
  }
  const auto follow_up = Rows(TableId::kDerived, Derived('f', "")).front(), hold = Rows(TableId::kDerived, Derived('h', "")).front();
  EXPECT_THAT(With(TableId::kDerived, follow_up.key, std::nullopt), StartsWith("follow-up 00000000000000"));
  EXPECT_THAT(With(TableId::kDerived, hold.key, std::nullopt), StartsWith("hold 00000000000000"));
  EXPECT_EQ(With(TableId::kDerived, Derived('h', "none"), hold.value), "hold none can't be read");
  EXPECT_EQ(With(TableId::kDerived, Derived('z', "key"), ""), "row z key is not in the journal");
}

TEST_F(CheckTest, TheFirstOfSeveralDifferencesIsNamed) {
  const std::string first = Derived('n', "10000001"), second = Derived('n', "10000002");
  const struct {
    std::optional<std::string> first, second;
    std::string difference;
  } pairs[] = {
      {std::nullopt, std::nullopt, "number 10000001 is missing"},
      {std::nullopt, "m9", "number 10000001 is missing"},
      {"m9", std::nullopt, "number 10000001 differs from the journal"},
      {"m1", "m9", "number 10000002 differs from the journal"},
  };
  for (const auto& pair : pairs) {
    Set(TableId::kDerived, first, pair.first);
    EXPECT_EQ(With(TableId::kDerived, second, pair.second), pair.difference);
    Set(TableId::kDerived, first, "m1");
  }
  Set(TableId::kDerived, Derived('n', "1000000"), "m1");
  EXPECT_EQ(With(TableId::kDerived, first, std::nullopt), "number 1000000 is not in the journal");
  Set(TableId::kDerived, Derived('n', "1000000"), std::nullopt);
}

// A mark that says another closed day would let points end late, or never.
TEST_F(CheckTest, TheMarkIsComparedToo) {
  State state("minyue");
  Load(state);
  const std::string key = Derived(kMarkTable, "");
  const StateMark mark = MarkOf(state);
  ASSERT_EQ(EncodeRow(mark), **memory.Get(TableId::kDerived, key));
  StateMark altered = mark;
  ++altered.last_ms;
  EXPECT_EQ(With(TableId::kDerived, key, EncodeRow(altered)), "the mark differs from the journal");
  altered = mark;
  ++altered.epoch;
  EXPECT_EQ(With(TableId::kDerived, key, EncodeRow(altered)), "the mark differs from the journal");
  altered = mark;
  ++altered.last_closed_day;
  EXPECT_EQ(With(TableId::kDerived, key, EncodeRow(altered)), "the mark differs from the journal");
  altered = mark;
  --altered.next_sequence;
  EXPECT_NE(With(TableId::kDerived, key, EncodeRow(altered)), "");
  altered.next_sequence += 2;
  EXPECT_EQ(With(TableId::kDerived, key, EncodeRow(altered)),
            absl::StrCat("the journal ends at ", mark.next_sequence, ", but derived rows go to ", mark.next_sequence + 1));
  EXPECT_THAT(With(TableId::kDerived, key, std::nullopt), HasSubstr("is there without the mark"));
  EXPECT_THAT(With(TableId::kDerived, key, "?"), HasSubstr("can't be read"));
  EXPECT_THAT(With(TableId::kDerived, key + "!", EncodeRow(mark)), HasSubstr("is not in the journal"));
}

// Whether the derived rows are there or not: the lines alone tell.
TEST_F(CheckTest, AnAlteredJournalLineIsNamedByItsSequence) {
  const auto rows = Rows(TableId::kJournal, kPrefix);
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
      const auto row =
          std::find_if(rows.begin(), rows.end(), [](const Row& each) { return each.value.find(R"("amount":-30)") != std::string::npos; });
      ASSERT_NE(row, rows.end());
      std::string altered = row->value;
      ASSERT_NE(altered.find(from), std::string::npos) << what << ": " << altered;
      altered.replace(altered.find(from), from.size(), to);
      EXPECT_THAT(With(TableId::kJournal, row->key, altered),
                  StartsWith(absl::StrCat("entry ", *JournalSequence("minyue", row->key), ": ")))
          << what;
    }
  }
}

TEST_F(CheckTest, AMissingOrMovedJournalRowIsNamedByItsSequence) {
  const auto rows = Rows(TableId::kJournal, kPrefix);
  ASSERT_GT(rows.size(), 5u);
  const Row &row = rows[2], &next = rows[3];
  const auto sequence = *JournalSequence("minyue", row.key);
  const auto entry = absl::StrCat("entry ", sequence);
  EXPECT_THAT(With(TableId::kJournal, row.key, std::nullopt), HasSubstr(entry));
  EXPECT_THAT(With(TableId::kJournal, row.key, ""), HasSubstr(entry));
  EXPECT_THAT(With(TableId::kJournal, row.key, row.value.substr(0, row.value.size() - 1)), HasSubstr(entry));
  EXPECT_THAT(With(TableId::kJournal, row.key, row.value + next.value), HasSubstr(absl::StrCat("overlap at entry ", sequence + 2)));
  Set(TableId::kJournal, row.key, next.value);
  EXPECT_THAT(With(TableId::kJournal, next.key, row.value), HasSubstr(entry));
  Set(TableId::kJournal, row.key, row.value);
  // Without its end a journal is a journal still, but the derived rows were further.
  const auto last = *JournalSequence("minyue", rows.back().key);
  EXPECT_THAT(With(TableId::kJournal, rows.back().key, std::nullopt), StartsWith(absl::StrCat("the journal ends at ", last)));
}

// Entries that add up, each by itself, and yet can't follow those before them.
TEST_F(CheckTest, WhatTheLedgerWouldHaveRefusedIsNamed) {
  const auto end = *Journal(memory, "minyue").End();
  EXPECT_EQ(WithAnother(Kind::kRefund, [](Entry& e) { e.request_id = std::string(32, 'a'); }), "");  // 20 of 30 points
  EXPECT_THAT(WithAnother(Kind::kRefund, [](Entry&) {}), AllOf(StartsWith(absl::StrCat("entry ", end)), HasSubstr("a second time")));
  EXPECT_THAT(WithAnother(Kind::kRefund,
                          [](Entry& e) {
                            e.request_id = std::string(32, 'a');
                            e.postings[0].amount = -21, e.postings[1].amount = e.postings[1].lots[0].amount = 21;
                          }),
              AllOf(StartsWith(absl::StrCat("entry ", end)), HasSubstr("more is given back than was sold")));
}

TEST_F(CheckTest, AMissingOrAlteredBlobIsNamed) {
  const auto blobs = Rows(TableId::kBlob, kPrefix);
  ASSERT_EQ(blobs.size(), 1u);
  const std::string sha256 = Sha256Hex(kBook);
  for (const bool has_derived : {true, false}) {
    if (!has_derived) DropDerived();
    EXPECT_THAT(With(TableId::kBlob, blobs[0].key, std::nullopt), HasSubstr(absl::StrCat("blob ", sha256, " is missing")));
    EXPECT_THAT(With(TableId::kBlob, blobs[0].key, blobs[0].value + " "), HasSubstr(absl::StrCat("blob ", sha256, " is altered")));
  }
}

}  // namespace
}  // namespace redpoints
