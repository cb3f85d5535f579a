// The golden bytes of every kind of entry, and what is no line. A change here is a change of the stored form: it needs a new "v".
#include "storage/rules/entry_codec.h"

#include <gtest/gtest.h>

#include <set>

#include "proto/contract/words.h"
#include "storage/rules/types.h"
#include "tests/storage/rules/golden_entries.h"

namespace redpoints {
namespace {

TEST(EntryCodec, GoldenBytesOfEveryKind) {
  std::set<Kind> kinds;
  for (const Golden& golden : Goldens()) {
    kinds.insert(golden.entry.kind);
    std::string line;
    AppendLine(golden.entry, line);
    EXPECT_EQ(line, golden.line);
    const auto parsed = ParseLine(golden.line);
    EXPECT_TRUE(parsed.ok() && *parsed == golden.entry) << parsed.status() << "\n" << golden.line;
  }
  EXPECT_EQ(kinds.size(), kKindCount);
}

// Fields that nothing fills yet have their place in the line.
TEST(EntryCodec, EveryFieldHasItsPlace) {
  Entry e;
  e.program = "p", e.epoch = 1, e.sequence = 2, e.recorded_ms = 3, e.business_day = 20240315, e.kind = Kind::kRedemption;
  e.request_id = "q", e.item = 0, e.fingerprint = "f", e.actor = "a", e.on_behalf = "b", e.approver = "c", e.terminal = "t",
  e.merchant = "s";
  e.clerk = "d", e.till = "e", e.member = "m", e.presentation = "n", e.effective_day = 20240301, e.group = "g", e.activity = "h",
  e.rulebook = "r";
  e.quantity = 4, e.cap_hit = true, e.session = "i", e.case_id = "j", e.about = "k", e.tags = {"l", "o"}, e.evidence_sha256 = "u";
  e.note_commitment = "v", e.reason = "w", e.request_kind = "x", e.facts = {{"y", "z"}}, e.ref = 5, e.hold = 6, e.target_request = "A";
  e.grid = "B", e.hold_until_ms = 7, e.lines = {{"C", 1, 2, 3}}, e.rate_version = "D", e.owed = {{"E", 4, 5}};
  std::string line;
  AppendLine(e, line);
  EXPECT_EQ(
      line,
      R"({"v":1,"program":"p","epoch":1,"seq":2,"recorded_ms":3,"business_day":20240315,"kind":"redemption","request_id":"q","item":0,)"
      R"("fingerprint":"f","actor":"a","on_behalf":"b","approver":"c","terminal":"t","merchant":"s","clerk":"d","till":"e","member":"m",)"
      R"("presentation":"n","effective_day":20240301,"group":"g","activity":"h","rulebook":"r","quantity":4,"cap_hit":true,"session":"i",)"
      R"("case":"j","about":"k","tags":["l","o"],"evidence_sha256":"u","note_commitment":"v","reason":"w","request_kind":"x",)"
      R"("facts":{"y":"z"},"ref":5,"hold":6,"target_request":"A","grid":"B","hold_until_ms":7,"lines":[["C",1,2,3]],)"
      R"("rate_version":"D","owed":[["E",4,5]]})");
  const auto parsed = ParseLine(line);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, e);
}

TEST(EntryCodec, KindsHaveTheirWords) {
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < kKindCount; ++i) {
    words.insert(KindName(static_cast<Kind>(i)));
    EXPECT_NE(FindStored(WordList::kEntryKind, KindName(static_cast<Kind>(i))), nullptr) << KindName(static_cast<Kind>(i));
  }
  EXPECT_EQ(words.size(), kKindCount);
  EXPECT_EQ(WordsOf(WordList::kEntryKind).size(), kKindCount);
  EXPECT_EQ(words.count(""), 0u);
}

// Replaces the first `from` by `to`.
std::string With(std::string line, std::string_view from, std::string_view to) {
  const auto at = line.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return line.replace(at, from.size(), to);
}

constexpr char kLine[] =
    R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"refused",)"
    R"("request_id":"000102030405060708090a0b0c0d0e0f","item":3,"actor":"t1","cap_hit":true,"tags":["a","b"],"reason":"INSUFFICIENT_POINTS",)"
    R"("facts":{"short_by":"3","max":"9"},"ref":7,"lines":[["RICE",1,30,0]],)"
    R"("postings":[{"account":"m1","unit":"POINT","amount":-30,"balance":70,"lots":[["street",20250401,-30]],"prev":7}]})";

TEST(EntryCodec, OneFormForEachContent) {
  ASSERT_TRUE(ParseLine(kLine).ok()) << ParseLine(kLine).status();
  const std::vector<std::pair<const char*, std::string>> lines = {
      {"nothing", ""},
      {"not JSON", "seq 42"},
      {"an array", "[]"},
      {"an empty object", "{}"},
      {"cut", std::string(kLine, sizeof kLine - 2)},
      {"newline behind", std::string(kLine) + "\n"},
      {"bytes behind", std::string(kLine) + "{}"},
      {"NUL behind", std::string(kLine) + '\0'},
      {"space in front", " " + std::string(kLine)},
      {"space inside", With(kLine, R"("seq":42)", R"("seq": 42)")},
      {"byte order mark", "\xEF\xBB\xBF" + std::string(kLine)},
      {"another version", With(kLine, R"("v":1)", R"("v":2)")},
      {"no version", With(kLine, R"("v":1,)", "")},
      {"version not first", With(kLine, R"({"v":1,"program":"minyue")", R"({"program":"minyue","v":1)")},
      {"reordered keys", With(kLine, R"("epoch":0,"seq":42)", R"("seq":42,"epoch":0)")},
      {"reordered optional keys", With(kLine, R"("item":3,"actor":"t1")", R"("actor":"t1","item":3)")},
      {"extra key", With(kLine, R"("epoch":0)", R"("epoch":0,"extra":1)")},
      {"extra key at the end", With(kLine, R"("prev":7}]})", R"("prev":7}],"zz":1})")},
      {"missing key", With(kLine, R"("epoch":0,)", "")},
      {"doubled key", With(kLine, R"("seq":42)", R"("seq":42,"seq":42)")},
      {"doubled optional key", With(kLine, R"("actor":"t1")", R"("actor":"t1","actor":"t1")")},
      {"absent value spelled out", With(kLine, R"("actor":"t1")", R"("actor":"t1","approver":"")")},
      {"absent item spelled out", With(kLine, R"("item":3)", R"("item":-1)")},
      {"false spelled out", With(kLine, R"("cap_hit":true)", R"("cap_hit":false)")},
      {"true as text", With(kLine, R"("cap_hit":true)", R"("cap_hit":"true")")},
      {"null", With(kLine, R"("actor":"t1")", R"("actor":null)")},
      {"empty list spelled out", With(kLine, R"("tags":["a","b"])", R"("tags":[])")},
      {"text as number", With(kLine, R"("actor":"t1")", R"("actor":1)")},
      {"number as text", With(kLine, R"("seq":42)", R"("seq":"42")")},
      {"float", With(kLine, R"("seq":42)", R"("seq":42.0)")},
      {"exponent", With(kLine, R"("seq":42)", R"("seq":42e0)")},
      {"leading zero", With(kLine, R"("seq":42)", R"("seq":042)")},
      {"plus sign", With(kLine, R"("seq":42)", R"("seq":+42)")},
      {"minus zero", With(kLine, R"("epoch":0)", R"("epoch":-0)")},
      {"2^53", With(kLine, R"("balance":70)", R"("balance":9007199254740992)")},
      {"-2^53", With(kLine, R"("balance":70)", R"("balance":-9007199254740992)")},
      {"above 64 bits", With(kLine, R"("balance":70)", R"("balance":18446744073709551616)")},
      {"item above 32 bits", With(kLine, R"("item":3)", R"("item":4294967299)")},
      {"day above 32 bits", With(kLine, R"("business_day":20240315)", R"("business_day":4315207611)")},
      {"unknown kind", With(kLine, R"("kind":"refused")", R"("kind":"gift")")},
      {"empty kind", With(kLine, R"("kind":"refused")", R"("kind":"")")},
      {"kind in capitals", With(kLine, R"("kind":"refused")", R"("kind":"Refused")")},
      {"unknown sub", With(kLine, R"("account":"m1",)", R"("account":"m1","sub":"spent",)")},
      {"sub spelled out", With(kLine, R"("account":"m1",)", R"("account":"m1","sub":"available",)")},
      {"not UTF-8", With(kLine, R"("actor":"t1")", "\"actor\":\"t\xFF\"")},
      {"overlong UTF-8", With(kLine, R"("actor":"t1")", "\"actor\":\"t\xC0\xAF\"")},
      {"half a surrogate pair", With(kLine, R"("actor":"t1")", R"("actor":"\ud800")")},
      {"escape without need", With(kLine, R"("actor":"t1")", R"("actor":"\u0074\u0031")")},
      {"escaped slash", With(kLine, R"("actor":"t1")", R"("actor":"t\/1")")},
      {"short escape of a newline", With(kLine, R"("actor":"t1")", R"("actor":"t\n1")")},
      {"escape in capitals", With(kLine, R"("actor":"t1")", R"("actor":"t\u001F1")")},
      {"raw newline", With(kLine, R"("actor":"t1")", "\"actor\":\"t\n1\"")},
      {"escaped key", With(kLine, R"("actor")", R"("\u0061ctor")")},
      {"doubled fact", With(kLine, R"("max":"9")", R"("short_by":"9")")},
      {"fact as number", With(kLine, R"("max":"9")", R"("max":9)")},
      {"short tuple", With(kLine, R"(["RICE",1,30,0])", R"(["RICE",1,30])")},
      {"long tuple", With(kLine, R"(["RICE",1,30,0])", R"(["RICE",1,30,0,0])")},
      {"lot as object", With(kLine, R"(["street",20250401,-30])", R"({"fund":"street"})")},
      {"posting as list", With(kLine, R"("postings":[{)", R"("postings":[[],{)")},
      {"more than 4096 bytes", With(kLine, R"("actor":"t1")", R"("actor":")" + std::string(4096, 'x') + '"')},
  };
  for (const auto& [what, line] : lines) {
    EXPECT_NE(line, kLine) << what;
    EXPECT_EQ(ParseLine(line).status().code(), absl::StatusCode::kInvalidArgument) << what << "\n" << line;
  }
}

TEST(EntryCodec, EscapesAreTheShortestForm) {
  Entry entry = MakeEntry(Kind::kClockConfirmed, [](Entry& e) { e.actor = "\"\\/\n\x1f\x7f 民悦"; });
  std::string line;
  AppendLine(entry, line);
  EXPECT_NE(line.find(R"("actor":"\"\\/\u000a\u001f)"
                      "\x7f"
                      R"( 民悦")"),
            std::string::npos)
      << line;
  const auto parsed = ParseLine(line);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, entry);
}

TEST(EntryCodec, LinesOf4096BytesAreTakenAndNoLongerOnes) {
  Entry entry = MakeEntry(Kind::kClockConfirmed, [](Entry&) {});
  std::string line;
  AppendLine(entry, line);
  entry.actor = std::string(kLineBytesMax - line.size() - std::string_view(R"(,"actor":"")").size(), 'x');
  line.clear();
  AppendLine(entry, line);
  EXPECT_EQ(line.size(), kLineBytesMax);
  EXPECT_TRUE(ParseLine(line).ok());
  entry.actor += 'x';
  line.clear();
  AppendLine(entry, line);
  EXPECT_FALSE(ParseLine(line).ok());
}

TEST(EntryCodec, RegistrationsStandAlone) {
  for (const Golden& golden : Goldens()) {
    if (golden.entry.data.index() == 0) continue;
    std::string json;
    AppendRegistration(golden.entry.data, json);
    const auto parsed = ParseRegistration(json);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << json;
    EXPECT_EQ(*parsed, golden.entry.data);
  }
  EXPECT_FALSE(ParseRegistration(R"({"data":{}})").ok());
  EXPECT_FALSE(ParseRegistration(R"({"data":{"planet":{"id":"earth"}}})").ok());
  EXPECT_FALSE(ParseRegistration(R"({"data":{"fund":{"code":"street","budget_points":1},"node":{"code":"x","kind":"place"}}})").ok());
}

}  // namespace
}  // namespace redpoints
