// The golden bytes of every kind of entry (tests/golden.jsonl), and what is no line. A change of what is there is a change of the stored
// form: it needs a new "v".
#include "storage/rules/entry_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "storage/rules/fields.h"
#include "storage/rules/types.h"
#include "tests/golden.h"

namespace redpoints {
namespace {

std::string LineOf(const Entry& entry) {
  std::string line;
  AppendLine(entry, line);
  return line;
}

TEST(Golden, LinesStandForEntriesByteForByte) {
  std::set<std::string> seen;
  for (const std::string& line : GoldenLines()) {
    const auto entry = ParseLine(line);
    ASSERT_TRUE(entry.ok()) << entry.status() << "\n" << line;
    EXPECT_EQ(LineOf(*entry), line);
    EXPECT_TRUE(seen.insert(line).second) << "twice: " << line;
  }
}

// Which fields, places of tuples and words occur in entries, and which there are.
class Presence {
 public:
  void Look(const Entry& entry) { Children(entry, "", true); }
  std::set<std::string> Missing() const {
    std::set<std::string> missing;
    std::set_difference(all_.begin(), all_.end(), seen_.begin(), seen_.end(), std::inserter(missing, missing.end()));
    return missing;
  }

  // The visitor of fields.h.
  template <class T> void Required(std::string_view key, const T& field) { Field(absl::StrCat(path_, ".", std::string(key)), field, true); }
  template <class T> void Optional(std::string_view key, const T& field, const std::type_identity_t<T>& absent = {}) {
    Field(absl::StrCat(path_, ".", std::string(key)), field, !(field == absent));
  }
  template <class T> void Made(std::string_view key, const T& field) { Required(key, field); }
  template <class T> void Salted(std::string_view key, const T& field) { Required(key, field); }
  template <class T> void Stamped(std::string_view key, const T& field) { Optional(key, field); }
  template <class T> void Element(const T& field) { Field(absl::StrCat(path_, "[", place_++, "]"), field, true); }
  template <class T> void Tail(const T& field, const std::type_identity_t<T>& absent = {}) {
    Field(absl::StrCat(path_, "[", place_++, "]"), field, !(field == absent));
  }

 private:
  template <class T> void Field(const std::string& path, const T& field, bool is_there) {
    all_.insert(path);
    if (is_here_ && is_there) seen_.insert(path);
    Value(path, field, is_here_ && is_there);
  }
  template <class T> void Value(const std::string& path, const T& field, bool is_there) {
    if constexpr (std::is_enum_v<T>) {
      const std::string type = absl::StrCat("words up to ", std::string(Words<T>::kWords.back()), ": ");
      for (const auto word : Words<T>::kWords) {
        if (!word.empty()) all_.insert(absl::StrCat(type, std::string(word)));
      }
      // A default that is left out of the line is in use, too.
      if (is_here_) seen_.insert(absl::StrCat(type, std::string(WordOf(field))));
    } else if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string> && !std::is_same_v<T, Holder>) {
      Children(field, path, is_there);
    }
  }
  void Value(const std::string&, const std::vector<std::pair<std::string, std::string>>&, bool) {}
  template <class T> void Value(const std::string& path, const std::vector<T>& list, bool is_there) {
    for (const T& element : list) Value(path, element, is_there);
    if (list.empty()) Value(path, T{}, false);
  }
  void Value(const std::string& path, const Registration& data, bool is_there) { Alternatives<1>(path, data, is_there); }
  template <std::size_t N> void Alternatives(const std::string& path, const Registration& data, bool is_there) {
    if constexpr (N < std::variant_size_v<Registration>) {
      using Data = std::variant_alternative_t<N, Registration>;
      const Data* active = std::get_if<N>(&data);
      const std::string inner = absl::StrCat(path, ".", std::string(kRegistrationTypes[N]));
      Children(active ? *active : Data{}, inner, is_there && active);
      Alternatives<N + 1>(path, data, is_there);
    }
  }
  template <class T> void Children(const T& record, const std::string& path, bool is_here) {
    Presence inner;
    inner.path_ = path;
    inner.is_here_ = is_here;
    Fields(inner, record);
    all_.merge(inner.all_);
    seen_.merge(inner.seen_);
  }

  std::string path_;
  int place_ = 0;
  bool is_here_ = true;
  std::set<std::string> all_, seen_;
};

// A field that is added without a golden line fails here.
TEST(Golden, EveryKindFieldTailAndWordOccurs) {
  Presence presence;
  for (const Entry& entry : GoldenEntries()) presence.Look(entry);
  EXPECT_EQ(presence.Missing(), std::set<std::string>{});
  Presence without;  // the test of the test
  for (Entry entry : GoldenEntries()) {
    entry.limit_points = 0;
    for (Posting& p : entry.postings) {
      for (Lot& lot : p.lots) lot.first_end = 0;
    }
    if (entry.effect == Effect::kEnded) entry.effect = Effect::kUndone;
    without.Look(entry);
  }
  EXPECT_EQ(without.Missing(), (std::set<std::string>{".limit_points", ".postings.lots[3]", "words up to tombstone: ended"}));
}

constexpr char kId[] = "000102030405060708090a0b0c0d0e0f";
constexpr char kPrint[] = "1.1:f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
constexpr char kHash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

// An entry of the end of tests/golden.jsonl, where the lines written by hand are: by a staff person, at 2024-09-18 00:07 in Shanghai.
template <class F> Entry Late(std::int64_t sequence, Kind kind, F fill) {
  Entry e;
  e.program = "minyue", e.epoch = 148'752'180, e.sequence = sequence, e.recorded_ms = 1'726'589'220'000, e.business_day = 20240918,
  e.kind = kind;
  e.request_id = kId, e.fingerprint = kPrint, e.actor = "a0";
  fill(e);
  return e;
}
void ByLedger(Entry& e) { e.request_id = e.fingerprint = "", e.actor = "ledger"; }
void ByTill(Entry& e) { e.actor = e.terminal = "t1", e.merchant = "s1", e.clerk = "c1", e.till = "0001"; }
Posting On(const char* holder, Sub sub, std::int64_t amount, std::int64_t balance, std::vector<Lot> lots, std::vector<FundAmount> funds,
           std::int64_t prev) {
  return {Holder(holder), sub, "POINT", amount, balance, std::move(lots), std::move(funds), prev};
}

// What the keys mean: the same entries, written in C++.
TEST(Golden, LinesSayWhatTheFieldsHold) {
  const std::vector<Entry> entries = {
      Late(901, Kind::kExpiryUndone,
           [](Entry& e) {
             ByLedger(e);
             e.member = "m8", e.ref = 140;
             e.postings = {On("expired", Sub::kAvailable, -4, 0, {{"donor", 20240501, -4}}, {}, 140),
                           On("m8", Sub::kAvailable, 4, 4, {{"donor", 20240501, 4}}, {}, 140)};
           }),
      Late(902, Kind::kDebtWaived,
           [](Entry& e) {
             e.proposal = 900, e.approvals = {{"a3", 1'726'589'210'000}, {"a4", 1'726'589'215'000}}, e.member = "m3",
             e.reason = "fund_ended";
             e.postings = {On("m3", Sub::kDebt, 5, 0, {}, {{"street", 5}}, 89), On("debts:street", Sub::kAvailable, -5, 0, {}, {}, 89)};
           }),
      Late(903, Kind::kHeads,
           [](Entry& e) {
             ByLedger(e);
             e.data = HeadsData{20240917, 880, 8, kHash};
           }),
      Late(904, Kind::kLogKey,
           [](Entry& e) {
             ByLedger(e);
             e.data = LogKeyData{"k1", kHash, 1'726'589'220'000};
           }),
      Late(905, Kind::kErasure,
           [](Entry& e) {
             ByLedger(e);
             e.data = ErasureData{"m7", {kHash}};
           }),
      Late(906, Kind::kEpoch,
           [](Entry& e) {
             ByLedger(e);
             e.data = EpochData{.old_epoch = 0, .size = 906, .root = "", .origin = "", .signed_size = 0, .lost = 0, .why = "recover"};
           }),
      Late(907, Kind::kClockConfirmed,
           [](Entry& e) {
             e.data = ClockData{1'726'502'820'000, 20240916};
           }),
      Late(908, Kind::kDayClosed,
           [](Entry& e) {
             ByLedger(e);
             e.data = DayData{20240917, {{"donor", -4, 3, 2, -1, 0, -100}, {"street", 0, 0, 0, 0, 6, 0}}, 2, kHash, kHash};
             e.blobs = {kHash};
           }),
      Late(909, Kind::kNode,
           [](Entry& e) {
             e.data = NodeData{"b-3", NodeKind::kBranch, "b-1", {"grid-1", "grid-2"}, "party-group", 20251231};
           }),
      Late(910, Kind::kMember,
           [](Entry& e) {
             e.data = MemberData{"m9",
                                 kHash,
                                 MemberKind::kOrganisation,
                                 {{Group::kPartyVanguard, 20240101, 20250101},
                                  {Group::kResidents, 20240101, 0},
                                  {Group::kPropertyCompanies, 0, 0},
                                  {Group::kNearbyMerchants, 0, 20250101},
                                  {Group::kNewOrganisations, 0, 0}},
                                 "grid-1",
                                 {{"m5", 0, 0}, {"m8", 20240101, 20250101}},
                                 RegistrationState::kSuspended};
           }),
      Late(911, Kind::kMerchant,
           [](Entry& e) {
             e.data = MerchantData{
                 "s9",
                 {{"m1", MerchantRole::kOwner, 0, 0}, {"m2", MerchantRole::kClerk, 20240101, 0}, {"m3", MerchantRole::kClerk, 0, 20250101}},
                 "grid-1",
                 RegistrationState::kRevoked};
           }),
      Late(913, Kind::kStaff,
           [](Entry& e) {
             e.data = StaffData{"a9",
                                "",
                                true,
                                {{Role::kAdministrator, ""},
                                 {Role::kRecorder, "b-1"},
                                 {Role::kCorrector, ""},
                                 {Role::kHelper, "grid-1"},
                                 {Role::kAuditor, ""},
                                 {Role::kSettler, ""},
                                 {Role::kOperator, ""}},
                                RegistrationState::kActive};
           }),
      Late(914, Kind::kOffer, [](Entry& e) { e.data = OfferData{"WATER", "水费", OfferKind::kBill, "s1", 0, 500, 20240101, 20250101}; }),
      Late(916, Kind::kAward,
           [](Entry& e) {
             e.item = 0, e.on_behalf = "m2", e.proposal = 900, e.approvals = {{"a3", 1'726'589'210'000}}, e.member = "m1";
             e.effective_day = 20240901, e.group = Group::kPartyVanguard, e.grid = "grid-1", e.activity = "PATROL", e.rulebook = "2024-2";
             e.quantity = 3, e.cap_hit = true, e.session = "s-1", e.case_id = "c-1", e.about = "s-0", e.tags = {"a", "b"};
             e.evidence_sha256 = e.note_commitment = kHash, e.unique = {kHash, std::string(64, 'b')}, e.external_id = "sheet-7";
             e.postings = {On("issuance:street", Sub::kAvailable, -4, -kAmountMax, {}, {}, 1),
                           On("m1", Sub::kAvailable, 4, kAmountMax, {{"street", kNever, 4}}, {}, 2)};
           }),
      Late(917, Kind::kRedemption,
           [](Entry& e) {
             ByTill(e);
             e.member = "m1", e.presentation = "code", e.payer_use = {"d1", 57'552'974, 3};
             e.groups = {Group::kPartyVanguard, Group::kResidents}, e.grid = "grid-1", e.rulebook = "2024-2", e.rate_version = "2024-rates";
             e.lines = {{"RICE", 2, 60, 100, OfferKind::kItem, 30},
                        {"WATER", 1, 5, 1250, OfferKind::kBill, 0},
                        {"HAIRCUT", 1, 80, 0, OfferKind::kService, 80}};
             e.owed = {
                 {"donor", 4, 133, RoundingRule::kHalfUp}, {"gift", 100, 50, RoundingRule::kUp}, {"street", 41, 4100, RoundingRule::kDown}};
             e.postings = {On("m1", Sub::kAvailable, -145, 0,
                              {{"donor", 20241001, -4}, {"gift", 20241101, -100, 20241001}, {"street", 20250401, -41}}, {}, 2),
                           On("s1", Sub::kAvailable, 145, 0, {}, {{"donor", 4}, {"gift", 100}, {"street", 41}}, 3)};
           }),
      Late(920, Kind::kRefused,
           [](Entry& e) {
             e.refusal = "FIELD_INVALID", e.request_kind = "fund", e.facts = {{"field", "a\"b\\c"}, {"expected", "\n民悦\x1f"}};
           }),
      Late(930, Kind::kWaiverProposed,
           [](Entry& e) {
             e.member = "m3", e.reason = "fund_ended", e.data = WaiverData{"street", 5};
             e.postings = {On("m3", Sub::kAvailable, 0, 25, {}, {}, 89)};
           }),
      Late(931, Kind::kProgram,
           [](Entry& e) {
             ByLedger(e);
             e.data = ProgramData{"minyue", "a0", "0123456789abcdef"};
           }),
      Late(77, Kind::kReversal,
           [](Entry& e) {
             ByTill(e);
             e.epoch = 0, e.recorded_ms = 1'710'468'240'000, e.business_day = 20240315, e.request_id = "8fedc8bd4a5a97d9a5cac13ff00264e2";
             e.fingerprint = "1.0:dfa9cd89b3bc66173ca934bf394a0850", e.member = "m1", e.presentation = "number", e.rulebook = "2024-1";
             e.effect = Effect::kUndone, e.ref = 76, e.hold = 75, e.target_request = "4959f0fd8dc3be804ddf71a52faa34dd";
             e.limit_day = 20240315, e.limit_points = 60, e.owed = {{"street", -60, -6000, RoundingRule::kDown}};
             e.postings = {On("s1", Sub::kAvailable, -60, 0, {}, {{"street", -60}}, 76),
                           On("m1", Sub::kAvailable, 60, 502, {{"street", 20250401, 60}}, {}, 76)};
           }),
      Late(147, Kind::kRefund,
           [](Entry& e) {
             ByTill(e);
             e.epoch = 0, e.recorded_ms = 1'714'492'980'000, e.business_day = 20240501, e.request_id = "f592f313a33b9aadf53267f52b4507cf";
             e.fingerprint = "1.0:e39841b60d4814fc140ed522d54c0c16", e.member = "m2", e.rulebook = "2024-1", e.ref = 94;
             e.owed = {{"donor", -4, -133, RoundingRule::kHalfUp}, {"street", -58, -5800, RoundingRule::kDown}}, e.span = {{0, 62}};
             e.postings = {On("s1", Sub::kAvailable, -62, 0, {}, {{"donor", -4}, {"street", -58}}, 94),
                           On("issuance:street", Sub::kAvailable, 8, -710, {}, {}, 95),
                           On("debts:street", Sub::kAvailable, -8, 5, {}, {}, 95),
                           On("m2", Sub::kDebt, 8, 0, {}, {{"street", 8}}, 95),
                           On("expired", Sub::kAvailable, 4, 10, {{"donor", 20240501, 4}}, {}, 146),
                           On("m2", Sub::kAvailable, 50, 52, {{"street", 20250401, 50}}, {}, 95)};
           }),
  };
  std::map<std::int64_t, std::string> lines;
  for (const std::string& line : GoldenLines()) {
    const auto entry = ParseLine(line);
    if (entry.ok()) lines[entry->sequence] = line;
  }
  for (const Entry& entry : entries) {
    EXPECT_EQ(LineOf(entry), lines[entry.sequence]);
    const auto parsed = ParseLine(lines[entry.sequence]);
    ASSERT_TRUE(parsed.ok()) << entry.sequence << " " << parsed.status();
    EXPECT_TRUE(*parsed == entry) << FirstDifference(*parsed, entry);
  }
}

TEST(EntryCodec, KindsHaveTheirWords) {
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < kKindCount; ++i) words.insert(KindName(static_cast<Kind>(i)));
  EXPECT_EQ(words.size(), kKindCount);
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
    R"("request_id":"000102030405060708090a0b0c0d0e0f","item":3,"actor":"t1","payer_use":["d1",5,7],"cap_hit":true,"tags":["a","b"],"refusal":"INSUFFICIENT_POINTS",)"
    R"("facts":{"short_by":"3","max":"9"},"amounts":[["POINT",1]],"effect":"undone","ref":7,"lines":[["RICE",1,30,0,"bill",15]],)"
    R"("owed":[["street",30,3000,"up"]],"span":[[0,30]],)"
    R"("postings":[{"account":"m1","unit":"POINT","amount":-30,"balance":70,"lots":[["street",20250401,-30]],"prev":7},)"
    R"({"account":"s1","unit":"POINT","amount":30,"funds":[["street",30]],"prev":3}]})";

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
      {"version 0", With(kLine, R"("v":1)", R"("v":0)")},
      {"version as text", With(kLine, R"("v":1)", R"("v":"1")")},
      {"no version", With(kLine, R"("v":1,)", "")},
      {"version not first", With(kLine, R"({"v":1,"program":"minyue")", R"({"program":"minyue","v":1)")},
      {"reordered keys", With(kLine, R"("epoch":0,"seq":42)", R"("seq":42,"epoch":0)")},
      {"reordered optional keys", With(kLine, R"("item":3,"actor":"t1")", R"("actor":"t1","item":3)")},
      {"extra key", With(kLine, R"("epoch":0)", R"("epoch":0,"extra":1)")},
      {"extra key at the end", With(kLine, R"("prev":3}]})", R"("prev":3}],"zz":1})")},
      {"missing key", With(kLine, R"("epoch":0,)", "")},
      {"doubled key", With(kLine, R"("seq":42)", R"("seq":42,"seq":42)")},
      {"doubled optional key", With(kLine, R"("actor":"t1")", R"("actor":"t1","actor":"t1")")},
      {"absent value spelled out", With(kLine, R"("actor":"t1")", R"("actor":"t1","on_behalf":"")")},
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
      {"a cap that was not hit", With(kLine, R"("cap_hit":true,)", R"("cap_hit":0,)")},
      {"short tuple", With(kLine, R"(["RICE",1,30,0,"bill",15])", R"(["RICE",1,30])")},
      {"long tuple", With(kLine, R"(["RICE",1,30,0,"bill",15])", R"(["RICE",1,30,0,"bill",15,0])")},
      {"tail spelled out at its default", With(kLine, R"("bill",15])", R"("bill",0])")},
      {"tails spelled out at their defaults", With(kLine, R"("bill",15])", R"("item",0])")},
      {"word of a tail spelled out at its default", With(kLine, R"(,"bill",15])", R"(,"item"])")},
      {"empty word in a tail", With(kLine, R"("bill",15])", R"("",15])")},
      {"unknown word in a tail", With(kLine, R"("bill",15])", R"("gift",15])")},
      {"number for the word of a tail", With(kLine, R"("bill",15])", R"(2,15])")},
      {"rounding at its default", With(kLine, R"("owed":[["street",30,3000,"up"]])", R"("owed":[["street",30,3000,"down"]])")},
      {"first end of 0", With(kLine, R"(["street",20250401,-30])", R"(["street",20250401,-30,0])")},
      {"counter of 0", With(kLine, R"(["d1",5,7])", R"(["d1",5,0])")},
      {"step and counter of 0", With(kLine, R"(["d1",5,7])", R"(["d1",0,0])")},
      {"nobody's use", With(kLine, R"(["d1",5,7])", R"([""])")},
      {"empty tuple", With(kLine, R"(["d1",5,7])", "[]")},
      {"no part", With(kLine, R"("item":3,)", R"("item":3,"part":[0,0],)")},
      {"part of one element", With(kLine, R"("item":3,)", R"("item":3,"part":[1],)")},
      {"effect spelled out at none", With(kLine, R"("effect":"undone")", R"("effect":"")")},
      {"unknown effect", With(kLine, R"("effect":"undone")", R"("effect":"gone")")},
      {"amount as text", With(kLine, R"([["POINT",1]])", R"([["POINT","1"]])")},
      {"span of three", With(kLine, R"([[0,30]])", R"([[0,30,30]])")},
      {"a refusal under another name", With(kLine, R"("refusal")", R"("reason_name")")},
      {"balance on a merchant", With(kLine, R"("amount":30,"funds")", R"("amount":30,"balance":0,"funds")")},
      {"running balance on a merchant", With(kLine, R"("amount":30,"funds")", R"("amount":30,"balance":30,"funds")")},
      {"no balance on a member", With(kLine, R"("balance":70,)", "")},
      {"no balance on a fund", With(kLine, R"({"account":"s1",)", R"({"account":"issuance:street",)")},
      {"no account", With(kLine, R"({"account":"s1",)", "{")},
      {"account of no class", With(kLine, R"({"account":"s1",)", R"({"account":"x1",)")},
      {"account of nobody", With(kLine, R"({"account":"s1",)", R"({"account":"",)")},
      {"account with a slash", With(kLine, R"({"account":"s1",)", R"({"account":"s1/POINT",)")},
      {"account of an unknown word", With(kLine, R"({"account":"s1",)", R"({"account":"bank:street",)")},
      {"account of no fund", With(kLine, R"({"account":"m1",)", R"({"account":"issuance:",)")},
      {"account of two funds", With(kLine, R"({"account":"m1",)", R"({"account":"issuance:street:donor",)")},
      {"account as number", With(kLine, R"({"account":"m1",)", R"({"account":1,)")},
      {"funds before lots", With(kLine, R"("funds":[["street",30]],"prev":3)", R"("prev":3,"funds":[["street",30]])")},
      {"lot as object", With(kLine, R"(["street",20250401,-30])", R"({"fund":"street"})")},
      {"posting as list", With(kLine, R"("postings":[{)", R"("postings":[[],{)")},
      {"more than 4096 bytes", With(kLine, R"("actor":"t1")", R"("actor":")" + std::string(4096, 'x') + '"')},
  };
  for (const auto& [what, line] : lines) {
    EXPECT_NE(line, kLine) << what;
    EXPECT_EQ(ParseLine(line).status().code(), absl::StatusCode::kInvalidArgument) << what << "\n" << line;
  }
}

// A line of a program that knows more is told from damage.
TEST(EntryCodec, AHigherVersionIsOfANewerProgram) {
  for (const std::string& line : {With(kLine, R"("v":1)", R"("v":2)"), With(kLine, R"("v":1)", R"("v":9007199254740991)"),
                                  With(kLine, R"({"v":1,)", R"({"v":2,"later":{},)")}) {
    const absl::Status status = ParseLine(line).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << line;
    EXPECT_NE(std::string(status.message()).find("newer program"), std::string::npos) << status;
  }
}

TEST(EntryCodec, AccountsAreOfNineClasses) {
  const std::map<std::string, HolderClass> accounts = {{"m1", HolderClass::kMember},
                                                       {"s1", HolderClass::kMerchant},
                                                       {"issuance:street", HolderClass::kIssuance},
                                                       {"debts:street", HolderClass::kDebts},
                                                       {"expired", HolderClass::kExpired},
                                                       {"pool", HolderClass::kPool},
                                                       {"fund:street", HolderClass::kFund},
                                                       {"payable:street:s1", HolderClass::kPayable},
                                                       {"paid:street:s1", HolderClass::kPaid}};
  for (const auto& [text, holder_class] : accounts) {
    const std::string balance = holder_class == HolderClass::kMerchant ? "" : R"("balance":1,)";
    const std::string line = absl::StrCat(
        R"({"v":1,"program":"p","epoch":0,"seq":0,"recorded_ms":0,"business_day":20240315,"kind":"refused","postings":[{"account":")", text,
        R"(","unit":"FEN","amount":1,)", balance, R"("prev":7}]})");
    const auto entry = ParseLine(line);
    ASSERT_TRUE(entry.ok()) << entry.status() << "\n" << line;
    EXPECT_EQ(entry->postings[0].holder.holder_class(), holder_class) << text;
  }
}

TEST(EntryCodec, EscapesAreTheShortestForm) {
  Entry entry = GoldenOf(Kind::kClockConfirmed);
  entry.actor = "\"\\/\n\x1f\x7f 民悦";
  const std::string line = LineOf(entry);
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
  Entry entry = GoldenOf(Kind::kClockConfirmed);
  entry.actor = "x";
  entry.actor += std::string(kLineBytesMax - LineOf(entry).size(), 'x');
  EXPECT_EQ(LineOf(entry).size(), kLineBytesMax);
  EXPECT_TRUE(FitsLine(entry));
  EXPECT_TRUE(ParseLine(LineOf(entry)).ok());
  entry.actor += 'x';
  EXPECT_FALSE(FitsLine(entry));
  EXPECT_FALSE(ParseLine(LineOf(entry)).ok());
}

// The estimate in front of it must never be below the truth.
TEST(EntryCodec, FitsLineIsNeverTooKind) {
  for (Entry entry : GoldenEntries()) {
    for (std::size_t size = LineOf(entry).size(); size <= kLineBytesMax + 40; size += 61) {
      entry.actor.resize(entry.actor.size() + 61, '"');
      EXPECT_EQ(FitsLine(entry), LineOf(entry).size() <= kLineBytesMax);
    }
  }
}

TEST(EntryCodec, RegistrationsStandAlone) {
  std::set<std::size_t> types;
  for (const Entry& entry : GoldenEntries()) {
    if (entry.data.index() == 0) continue;
    types.insert(entry.data.index());
    std::string json;
    AppendRegistration(entry.data, json);
    const auto parsed = ParseRegistration(json);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << json;
    EXPECT_EQ(*parsed, entry.data);
  }
  EXPECT_EQ(types.size() + 1, kRegistrationTypes.size());
  for (const char* json :
       {R"({"data":{}})", R"({"data":{"planet":{"id":"earth"}}})", R"({"data":{"":{}}})",
        R"({"data":{"fund":{"code":"street","budget_points":1},"node":{"code":"x","kind":"place"}}})",
        R"({"data":{"fund":{"code":"street","budget_points":1,"end_day":0}}})",
        R"({"data":{"member":{"id":"m1","number_commitment":"","kind":"person","groups":[[1]],"state":"active"}}})",
        R"({"data":{"member":{"id":"m1","number_commitment":"","kind":"person","groups":[["residents",0]],"state":"active"}}})",
        R"({"data":{"member":{"id":"m1","number_commitment":"","kind":"","groups":[],"state":"active"}}})",
        R"({"data":{"staff":{"id":"a1","external":false,"state":"active"}}})",
        R"({"data":{"epoch":{"old_epoch":0,"size":1,"lost":-1,"why":"restore"}}})"}) {
    EXPECT_FALSE(ParseRegistration(json).ok()) << json;
  }
}

}  // namespace
}  // namespace redpoints
