// What makes two requests the same. The golden values freeze version 1: entries hold them.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/command.h"
#include "storage/rules/fields.h"
#include "storage/rules/kinds.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

AwardItem FullItem() {
  AwardItem item;
  item.member = {"m1", ""}, item.activity = "PATROL", item.quantity = 3, item.effective_day = 20240315, item.group = Group::kPartyVanguard;
  item.session = "s-1", item.case_id = "c-1", item.about = "s-0", item.evidence_sha256 = "ee", item.note_commitment = "cc";
  item.external_id = "sheet-7", item.tags = {"a", "b"};
  return item;
}
Payer FullPayer() { return {"number", {"m1", "p1"}, {"d1", 5, 7}}; }
std::vector<OfferLine> FullLines() { return {{"RICE", 1, 30, 2, OfferKind::kBill, 15}}; }
MemberData FullMember() {
  return {"m1",
          "cc",
          MemberKind::kPerson,
          {{Group::kResidents, 20240101, 20250101}},
          "g",
          {{"m2", 20240101, 20250101}},
          RegistrationState::kActive};
}
Origin AtTill() {
  Origin till;
  till.actor = till.terminal = "t1", till.merchant = "s1", till.clerk = "c1", till.till = "0001";
  return till;
}
Register Registering(Registration data, bool is_new = true) {
  Register command;
  command.items = {std::move(data)};
  command.is_new = is_new;
  return command;
}

// One of each command, with every field.
std::vector<std::pair<std::string, Command>> FullCommands() {
  std::vector<std::pair<std::string, Command>> commands = {
      {"award", Award{FullItem()}},
      {"award_batch", AwardBatch{{FullItem(), FullItem()}}},
      {"correct", Correct{7, 3, "duplicate"}},
      {"donate", Donate{{"m1", ""}, 5}},
      {"redeem", Redeem{FullPayer(), FullLines()}},
      {"authorize", Authorize{FullPayer(), FullLines()}},
      {"capture", Capture{7, 2}},
      {"void", Void{7}},
      {"refund", Refund{7, 1, 50}},
      {"reverse", Reverse{"000102030405060708090a0b0c0d0e0f"}},
      {"propose_undo", ProposeUndo{7, "wrong_amount"}},
      {"undo", Undo{8}},
      {"propose_waiver", ProposeWaiver{{"m1", ""}, "street", 5, "hardship"}},
      {"waive_debt", WaiveDebt{8}},
      {"register", Registering(FullMember(), false)},
      {"confirm_clock", ConfirmClock{1'710'468'000'000}},
      {"found_program", FoundProgram{{"minyue", "a0"}}},
      {"open_epoch", OpenEpoch{{1, 2, "rr", "minyue.example", 3, 4, "restore"}}},
  };
  for (const Registration& data : std::vector<Registration>{
           NodeData{"n", NodeKind::kBranch, "p", {"q"}, "t", 20250101},
           FundData{"street", 7, 20250101},
           MerchantData{"s1", {{"m1", MerchantRole::kClerk, 20240101, 20250101}}, "g", RegistrationState::kActive},
           TerminalData{"t1", "s1", RegistrationState::kActive},
           StaffData{"a1", "m1", true, {{Role::kRecorder, "g"}}, RegistrationState::kActive},
           RulebookData{"1", 20240101, "ab", 1, true},
           OfferData{"RICE", "米", OfferKind::kItem, "s1", 30, 90, 20240101, 20250101},
       }) {
    commands.emplace_back(absl::StrCat("register ", std::string(kRegistrationTypes[data.index()])), Registering(data, false));
  }
  return commands;
}

TEST(Fingerprint, GoldenValues) {
  const std::map<std::string, std::string> goldens = {{"award", "1.3:cf87a383c01e8446e56e57e57cc5c96d"},
                                                      {"award_batch", "1.3:83474ed6fca09e87b8f3cc0385bf6f82"},
                                                      {"correct", "1.3:3aa8e4119ffdca5b6eb8074e8c5ebc45"},
                                                      {"donate", "1.3:ead37d92fe2b45dcac62aea141474a53"},
                                                      {"redeem", "1.3:f44e16c9b5111a466c4c5489f36a9e15"},
                                                      {"authorize", "1.3:26570e2f5ae18a40ac99ab974a554c35"},
                                                      {"capture", "1.3:16bf66dae3585186679fff97408a1e66"},
                                                      {"void", "1.3:c955e45b8445d76b9dec92774aff91de"},
                                                      {"refund", "1.3:d82c222500de05da8fec537cf7fe374d"},
                                                      {"reverse", "1.3:cfc96e5e6f7c85457783478d0902c21e"},
                                                      {"propose_undo", "1.3:7c0cac6d76ba67ac3e7904c777a8761d"},
                                                      {"undo", "1.3:46fc2af943132d9cf1b76fc444ce9106"},
                                                      {"propose_waiver", "1.3:c678ba2e9261ea58b0234b36db9cbb2f"},
                                                      {"waive_debt", "1.3:7e259972a108b85c32811004f2a2f090"},
                                                      {"register", "1.3:b15498ab8b6113be0324f0d9a8102594"},
                                                      {"confirm_clock", "1.3:7276e5d2ad291bd1efffac1e3f133232"},
                                                      {"found_program", "1.3:a5fcb4e3831d8291ae5bfb9242872749"},
                                                      {"open_epoch", "1.3:850df8d447187b0773ea07c7c2b80dcb"},
                                                      {"register node", "1.3:fd550c9762c80db82e5bf1a5636c56d6"},
                                                      {"register fund", "1.3:202ba24a9153c7bd7792eed5db62d6b1"},
                                                      {"register merchant", "1.3:7cf707a80e8884463bca140f49a0dc1c"},
                                                      {"register terminal", "1.3:8f2832d026037f3da732cf4b7fac5472"},
                                                      {"register staff", "1.3:bec7707b43f0492646a799de9babe8dd"},
                                                      {"register rulebook", "1.3:94e3e0db4829631594d0c73a5a0194e8"},
                                                      {"register offer", "1.3:1af825b486bc3384704a5f579b918965"}};
  std::set<std::size_t> commands;
  for (const auto& [what, command] : FullCommands()) {
    commands.insert(command.index());
    EXPECT_EQ(Fingerprint(AtTill(), command, "3"), goldens.contains(what) ? goldens.at(what) : "") << what;
  }
  EXPECT_EQ(commands.size(), std::variant_size_v<Command>);
  EXPECT_EQ(std::variant_size_v<Command>, 18u);
}

// Which bytes are hashed, written out: fields and places of tuples that are absent are not among them, so that those which come later
// change no fingerprint of before.
TEST(Fingerprint, AbsentFieldsAreNotInIt) {
  const auto number = [](std::int64_t n) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(static_cast<std::uint64_t>(n) >> (8 * i));
    return bytes;
  };
  const auto text = [&](const std::string& t) { return number(static_cast<std::int64_t>(t.size())) + t; };
  const auto hashed = [](const std::string& bytes) { return "1.0:" + Hex(Sha256(bytes).data(), 16); };
  const std::string head = text("redpoints/fingerprint");
  EXPECT_EQ(Fingerprint({}, Void{7}), hashed(head + text("void") + text("hold") + number(7)));
  EXPECT_EQ(Fingerprint({}, Capture{7, 0}), hashed(head + text("capture") + text("hold") + number(7)));
  EXPECT_EQ(Fingerprint({}, Capture{7, 1}), hashed(head + text("capture") + text("hold") + number(7) + text("points") + number(1)));
  const std::string payer = text("presentation") + text("number") + text("member") + text(text("id") + text("m1"));
  const std::string line = text("ANY") + number(1) + number(30) + number(0);
  EXPECT_EQ(Fingerprint(AtTill(), Redeem{{"number", {"m1", ""}, {}}, {{"ANY", 1, 30, 0}}}),
            hashed(head + text("redeem") + text("clerk") + text("c1") + text("till") + text("0001") + text("payer") + text(payer) +
                   text("lines") + number(1) + text(line)));
  EXPECT_EQ(
      Fingerprint({}, Redeem{{"number", {"m1", ""}, {}}, {{"ANY", 1, 30, 0, OfferKind::kItem, 5}}}),
      hashed(head + text("redeem") + text("payer") + text(payer) + text("lines") + number(1) + text(line + text("item") + number(5))));
  EXPECT_EQ(Fingerprint({}, Registering(FundData{"street", 7})),
            hashed(head + text("register") + text("is_new") + number(1) + text("items") + number(1) + text("fund") +
                   text(text("code") + text("street") + text("budget_points") + number(7))));
}

// The fields of a command as it is fingerprinted, by path. The visitor of fields.h, on its own.
class Paths {
 public:
  std::map<std::string, std::string> fields;

  template <class T> void Required(std::string_view key, const T& field) { Value(absl::StrCat(prefix_, ".", std::string(key)), field); }
  template <class T> void Optional(std::string_view key, const T& field, const std::type_identity_t<T>& = {}) { Required(key, field); }
  template <class T> void Made(std::string_view key, const T& field) { Required(key, field); }
  template <class T> void Salted(std::string_view, const T&) {}
  template <class T> void Stamped(std::string_view, const T&) {}
  template <class T> void Element(const T& field) { Value(absl::StrCat(prefix_, "[", place_++, "]"), field); }
  template <class T> void Tail(const T& field, const std::type_identity_t<T>& = {}) { Element(field); }

 private:
  void Value(const std::string& path, const std::string& text) { fields[path] += "|" + text; }
  template <class T> void Value(const std::string& path, const T& field) {
    if constexpr (std::is_enum_v<T>) {
      Value(path, std::string(WordOf(field)));
    } else if constexpr (std::is_integral_v<T>) {
      Value(path, absl::StrCat(static_cast<std::int64_t>(field)));
    } else {
      Paths inner;
      inner.prefix_ = path;
      Fields(inner, field);
      for (const auto& [key, value] : inner.fields) fields[key] += value;
    }
  }
  template <class T> void Value(const std::string& path, const std::vector<T>& list) {
    fields[path + ".size"] += absl::StrCat("|", list.size());
    for (const T& element : list) Value(path, element);
  }
  void Value(const std::string& path, const Registration& data) {
    std::visit(
        [&](const auto& d) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(d)>, std::monostate>) {
            Value(absl::StrCat(path, ".", std::string(kRegistrationTypes[data.index()])), d);
          }
        },
        data);
  }
  std::string prefix_;
  int place_ = 0;
};
std::map<std::string, std::string> PathsOf(const Command& command) {
  Paths paths;
  std::visit([&](const auto& c) { Fields(paths, c); }, command);
  return paths.fields;
}

// Changes the `target`-th leaf that a fingerprint sees. The visitor of fields.h for what may be written.
class Changer {
 public:
  explicit Changer(int target) : left_(target) {}
  bool is_done() const { return left_ < 0; }
  template <class T> void Required(std::string_view, T& field) { Value(field); }
  // What is made up from other fields (MemberRef, AwardItem) is changed there.
  template <class T> void Optional(std::string_view, T& field, const std::type_identity_t<T>& = {}) { Value(field); }
  template <class T> void Optional(std::string_view, const T&&, const std::type_identity_t<T>& = {}) {}
  template <class T> void Made(std::string_view, T& field) { Value(field); }
  template <class T> void Salted(std::string_view, T&) {}
  template <class T> void Stamped(std::string_view, T&) {}
  template <class T> void Element(T& field) { Value(field); }
  template <class T> void Tail(T& field, const std::type_identity_t<T>& = {}) { Value(field); }

 private:
  bool Is() { return !is_done() && left_-- == 0; }
  void Value(std::string& text) {
    if (Is()) text += "x";
  }
  void Value(bool& flag) {
    if (Is()) flag = !flag;
  }
  template <class T> void Value(T& field) {
    if constexpr (std::is_enum_v<T>) {
      if (Is()) field = static_cast<T>(static_cast<int>(field) == 1 ? 2 : 1);
    } else if constexpr (std::is_integral_v<T>) {
      if (Is()) ++field;
    } else {
      Fields(*this, field);
    }
  }
  template <class T> void Value(std::vector<T>& list) {
    if (Is()) list.push_back(T(list.back()));
    if (list.size() > 1 && Is()) list.pop_back();
    for (T& element : list) Value(element);
  }
  void Value(Registration& data) {
    std::visit(
        [&](auto& d) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(d)>, std::monostate>) Value(d);
        },
        data);
  }
  int left_;
};

// Every field of every command counts, one by one: each change gives a fingerprint of its own, and no field is left unchanged.
TEST(Fingerprint, EachFieldCounts) {
  std::map<std::string, std::string> seen;
  const auto add = [&](const std::string& what, const Command& command, const Origin& origin = {}) {
    const auto [it, is_new] = seen.emplace(Fingerprint(origin, command), what);
    EXPECT_TRUE(is_new) << what << " has the fingerprint of " << it->second;
    EXPECT_EQ(it->first.size(), 36u);
  };
  for (const auto& [name, full] : FullCommands()) {
    const std::string what(name);  // clang captures no binding
    const auto before = PathsOf(full);
    std::set<std::string> changed_paths, all;
    for (const auto& [path, value] : before) all.insert(path);
    const auto look = [&](const std::string& which, const Command& changed) {
      add(absl::StrCat(what, " ", which), changed);
      const auto after = PathsOf(changed);
      for (const auto& [path, value] : before) {
        if (!after.contains(path) || after.at(path) != value) changed_paths.insert(path);
      }
    };
    add(what, full);
    for (int i = 0;; ++i) {
      Command changed = full;
      Changer changer(i);
      std::visit([&](auto& c) { Fields(changer, c); }, changed);
      if (!changer.is_done()) break;
      look(absl::StrCat("change ", i), changed);
    }
    // Those that are made up from others.
    if (what == "award" || what == "award_batch") {
      const auto with = [&](const std::string& which, auto change) {
        AwardItem item = FullItem();
        change(item);
        if (what == "award") look(which, Award{item});
        if (what != "award") look(which, AwardBatch{{FullItem(), item}});
      };
      with("member", [](AwardItem& i) { i.member.id = "m2"; });
      with("note", [](AwardItem& i) { i.note_commitment = "cd"; });
      with("session for case", [](AwardItem& i) { std::swap(i.session, i.case_id); });
      with("tags in one", [](AwardItem& i) { i.tags = {"ab"}; });
      with("text moved to the next field", [](AwardItem& i) { i.member.id = "m1P", i.activity = "ATROL"; });
      with("quantity of nine bytes", [](AwardItem& i) { i.quantity += std::int64_t{1} << 40; });
    }
    if (what == "donate") look("member", Donate{{"m2", ""}, 5});
    Payer nobody = FullPayer();
    nobody.member = {"m1", ""};
    if (what == "redeem") look("id for print", Redeem{nobody, FullLines()});
    if (what == "authorize") look("id for print", Authorize{nobody, FullLines()});
    EXPECT_EQ(changed_paths, all) << what << ": fields of which no change was tried";
  }
  Origin origin;
  origin.clerk = "c1";
  add("clerk", Void{7}, origin);
  origin.till = "0001";
  add("clerk and till", Void{7}, origin);
  origin.clerk.clear();
  add("till", Void{7}, origin);
  origin.till = "c1";
  add("the clerk's name as till", Void{7}, origin);
}

// What was typed stands for who it led to: a number may lead to somebody else, or to nobody, by the time of a repetition.
TEST(Fingerprint, PrintsStandForWhatWasTyped) {
  const auto redeem = [](const std::string& id, const std::string& print) { return Redeem{{"number", {id, print}, {}}, FullLines()}; };
  EXPECT_EQ(Fingerprint({}, redeem("m1", "p1")), Fingerprint({}, redeem("m2", "p1")));
  EXPECT_EQ(Fingerprint({}, redeem("m1", "p1")), Fingerprint({}, redeem("", "p1")));
  EXPECT_NE(Fingerprint({}, redeem("m1", "p1")), Fingerprint({}, redeem("m1", "p2")));
  EXPECT_NE(Fingerprint({}, redeem("m1", "")), Fingerprint({}, redeem("m2", "")));
  EXPECT_NE(Fingerprint({}, redeem("m1", "")), Fingerprint({}, redeem("", "m1"))) << "an id is no print";
  AwardItem item = FullItem();
  item.member = {"m1", "p1"};
  const std::string first = Fingerprint({}, Award{item});
  item.member.id = "m2";
  EXPECT_EQ(Fingerprint({}, Award{item}), first);
  EXPECT_EQ(Fingerprint({}, Donate{{"m1", "p"}, 5}), Fingerprint({}, Donate{{"", "p"}, 5}));
}

// Of a confidential deed the commitment is salted anew for each attempt; the keyed print stands for what it really was.
TEST(Fingerprint, APrintStandsForAConfidentialDeed) {
  AwardItem item = FullItem();
  item.print = "real", item.note_commitment = "first salt";
  const std::string first = Fingerprint({}, Award{item});
  item.note_commitment = "second salt", item.unique = {"u"};
  EXPECT_EQ(Fingerprint({}, Award{item}), first);
  item.print = "another";
  EXPECT_NE(Fingerprint({}, Award{item}), first);
}

// The key that made the prints is named, so that a repetition can be compared under the keys of before.
TEST(Fingerprint, NamesVersionAndKey) {
  const std::string under_0 = Fingerprint({}, Void{7}), under_12 = Fingerprint({}, Void{7}, "12");
  EXPECT_TRUE(under_0.starts_with("1.0:")) << under_0;
  EXPECT_TRUE(under_12.starts_with("1.12:")) << under_12;
  EXPECT_EQ(under_0.substr(4), under_12.substr(5)) << "the same bytes are hashed";
}

// What the server makes for each attempt, and who asks from where, is not what is asked.
TEST(Fingerprint, LeavesOutWhatTheServerMakes) {
  const auto print = [](const Registration& data) { return Fingerprint({}, Registering(data)); };
  MemberData member = FullMember();
  const std::string first = print(member);
  member.id = "m2", member.number_commitment = "dd";
  EXPECT_EQ(print(member), first);
  EXPECT_EQ(print(TerminalData{.id = "t1", .merchant = "s1"}), print(TerminalData{.id = "t2", .merchant = "s1"}));
  EXPECT_EQ(print(MerchantData{"s1", {}, "", RegistrationState::kActive}), print(MerchantData{"s2", {}, "", RegistrationState::kActive}));
  EXPECT_EQ(print(StaffData{"a1", "m1", false, {}, RegistrationState::kActive}),
            print(StaffData{"a2", "m1", false, {}, RegistrationState::kActive}));
  EXPECT_EQ(Fingerprint({}, FoundProgram{{"minyue", "a0"}}), Fingerprint({}, FoundProgram{{"minyue", "a1", "0123456789abcdef"}}));
  MemberData other = FullMember();
  other.id = "m9";
  EXPECT_NE(Fingerprint({}, Registering(FullMember(), false)), Fingerprint({}, Registering(other, false))) << "a change names its member";
  Register checked = Registering(FullMember());
  checked.rulebook_json = "{}", checked.is_check_only = true;
  EXPECT_EQ(Fingerprint({}, checked), first);
  Origin origin;
  origin.actor = "t1", origin.request_id = "a", origin.terminal = "t1", origin.merchant = "s1", origin.fingerprint = "x";
  origin.older_fingerprints = {"y"};
  EXPECT_EQ(Fingerprint(origin, Void{7}), Fingerprint({}, Void{7}));
}

class FingerprintTest : public EngineTest {};

// An answer from before the keys were changed is found again.
TEST_F(FingerprintTest, ARepetitionIsComparedUnderTheKeysOfBefore) {
  SetUpProgram();
  AwardPoints("m1", 5);
  const auto sell = [&](const char* print, const char* key, const char* older, const char* older_key) {
    const Redeem command{{"number", {"m1", print}, {}}, Lines(10)};
    Origin origin = Till();
    origin.request_id = std::string(32, 'a');
    origin.fingerprint = Fingerprint(origin, command, key);
    if (*older) origin.older_fingerprints = {Fingerprint(origin, Redeem{{"number", {"m1", older}, {}}, Lines(10)}, older_key)};
    Outcome outcome = engine.Execute(origin, command);
    Collect();
    return outcome;
  };
  EXPECT_FALSE(sell("print under 1", "1", "", "0").is_replayed);
  EXPECT_TRUE(sell("print under 1", "1", "", "0").is_replayed);
  EXPECT_TRUE(sell("print under 2", "2", "", "0").is_replayed);  // key 1 is lost: nothing can be compared, and nothing is done twice
  EXPECT_TRUE(sell("print under 2", "2", "print under 1", "1").is_replayed);
  EXPECT_EQ(ReasonOf(sell("print under 2", "2", "another under 1", "1")), Reason::REQUEST_ID_REUSED);
  EXPECT_EQ(Balance("s1"), 10);
}

}  // namespace
}  // namespace redpoints
