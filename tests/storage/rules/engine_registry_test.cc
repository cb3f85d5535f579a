// Who takes part, and by which rules: what a registration is refused for, and what it leaves.
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

class EngineRegistryTest : public EngineTest {
 protected:
  EngineRegistryTest() { SetUpProgram(); }
  MemberData Person(const std::string& id, const std::string& number) {
    return {.id = id, .number = number, .kind = MemberKind::kPerson, .groups = {1}, .grid = "grid-1", .memberships = {}};
  }
  static std::string Fact(const Outcome& outcome, const std::string& key) {
    const auto facts = outcome.refusal ? outcome.refusal->facts : RefusalOf(outcome.entry()).facts;
    for (const auto& [name, value] : facts) {
      if (name == key) return value;
    }
    return "";
  }
};

TEST_F(EngineRegistryTest, RefusalsOneForEachRule) {
  Add(MemberData{.id = "mhouse", .number = "20000001", .kind = MemberKind::kHousehold, .groups = {2}, .grid = "", .memberships = {}});
  Add(NodeData{.code = "town", .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = ""});
  Add(NodeData{.code = "street", .kind = NodeKind::kPlace, .parent = "town", .places = {}, .type = ""});
  Add(NodeData{.code = "branch", .kind = NodeKind::kBranch, .parent = "", .places = {"town"}, .type = ""});
  Add(StaffData{.id = "a1", .member = "m1", .grants = {}});
  AwardPoints("m1", 10);
  struct Case {
    const char* what;
    Reason reason;
    const char* fact;  // name or field
    Registration data;
    bool is_new = true;
  };
  const auto changed = [](auto data, auto change) { return change(data), Registration(data); };
  const MemberData person = Person("m9", "90000001"), old = Person("m1", "10000001");
  const std::vector<Case> cases = {
      {"member twice", Reason::ALREADY_EXISTS, "member/m1", Person("m1", "90000001")},
      {"number twice", Reason::ALREADY_EXISTS, "10000001", Person("m9", "10000001")},
      {"merchant twice", Reason::ALREADY_EXISTS, "merchant/s1", MerchantData{.id = "s1", .people = {}, .place = ""}},
      {"terminal twice", Reason::ALREADY_EXISTS, "terminal/t1", TerminalData{.id = "t1", .merchant = "s1"}},
      {"staff twice", Reason::ALREADY_EXISTS, "staff/a1", StaffData{.id = "a1", .member = "", .grants = {}}},
      {"member unknown", Reason::MEMBER_NOT_FOUND, "m9", person, false},
      {"member of another number", Reason::FIELD_INVALID, "member.kind", Person("m1", "90000001"), false},
      {"member of another kind", Reason::FIELD_INVALID, "member.kind", changed(old, [](auto& m) { m.kind = MemberKind::kHousehold; }),
       false},
      {"member in no grid", Reason::NODE_NOT_FOUND, "nowhere", changed(person, [](auto& m) { m.grid = "nowhere"; })},
      {"member in a branch", Reason::NODE_NOT_FOUND, "branch", changed(person, [](auto& m) { m.grid = "branch"; })},
      {"membership of nobody", Reason::MEMBER_NOT_FOUND, "m99",
       changed(person,
               [](auto& m) {
                 m.memberships = {{"m99", 20240101, 0}};
               })},
      {"membership of a person", Reason::FIELD_INVALID, "member.memberships",
       changed(person,
               [](auto& m) {
                 m.memberships = {{"m1", 20240101, 0}};
               })},
      {"membership of itself", Reason::MEMBER_NOT_FOUND, "m9",
       changed(person,
               [](auto& m) {
                 m.memberships = {{"m9", 20240101, 0}};
               })},
      {"a household's membership", Reason::FIELD_INVALID, "member.memberships",
       changed(person,
               [](auto& m) {
                 m.kind = MemberKind::kHousehold, m.memberships = {{"mhouse", 20240101, 0}};
               })},
      {"merchant unknown", Reason::MERCHANT_NOT_FOUND, "s9", MerchantData{.id = "s9", .people = {}, .place = ""}, false},
      {"merchant of nobody", Reason::MEMBER_NOT_FOUND, "m99", MerchantData{.id = "s9", .people = {"m1", "m99"}, .place = ""}},
      {"merchant nowhere", Reason::NODE_NOT_FOUND, "nowhere", MerchantData{.id = "s9", .people = {}, .place = "nowhere"}},
      {"terminal of no shop", Reason::MERCHANT_NOT_FOUND, "s9", TerminalData{.id = "t9", .merchant = "s9"}},
      {"terminal unknown", Reason::TERMINAL_NOT_FOUND, "t9", TerminalData{.id = "t9", .merchant = "s1"}, false},
      {"terminal to another shop", Reason::TERMINAL_NOT_FOUND, "t1", TerminalData{.id = "t1", .merchant = "s2"}, false},
      {"staff unknown", Reason::STAFF_NOT_FOUND, "a9", StaffData{.id = "a9", .member = "", .grants = {}}, false},
      {"staff who is nobody", Reason::MEMBER_NOT_FOUND, "m99", StaffData{.id = "a9", .member = "m99", .grants = {}}},
      {"staff of nowhere", Reason::NODE_NOT_FOUND, "nowhere",
       StaffData{.id = "a9", .member = "", .grants = {{Role::kRecorder, "nowhere"}}}},
      {"operator of a program", Reason::FIELD_INVALID, "staff.grants",
       StaffData{.id = "a9", .member = "", .grants = {{Role::kOperator, ""}}}},
      {"node of no parent", Reason::NODE_NOT_FOUND, "nowhere",
       NodeData{.code = "x", .kind = NodeKind::kPlace, .parent = "nowhere", .places = {}, .type = ""}},
      {"place under a branch", Reason::NODE_NOT_FOUND, "branch",
       NodeData{.code = "x", .kind = NodeKind::kPlace, .parent = "branch", .places = {}, .type = ""}},
      {"node under itself", Reason::FIELD_INVALID, "node.parent",
       NodeData{.code = "town", .kind = NodeKind::kPlace, .parent = "town", .places = {}, .type = ""}},
      {"node under its child", Reason::FIELD_INVALID, "node.parent",
       NodeData{.code = "town", .kind = NodeKind::kPlace, .parent = "street", .places = {}, .type = ""}},
      {"node of another kind", Reason::FIELD_INVALID, "node.kind",
       NodeData{.code = "town", .kind = NodeKind::kBranch, .parent = "", .places = {}, .type = ""}},
      {"branch of no place", Reason::NODE_NOT_FOUND, "branch",
       NodeData{.code = "x", .kind = NodeKind::kBranch, .parent = "", .places = {"branch"}, .type = ""}},
      {"place with places", Reason::FIELD_INVALID, "node.places",
       NodeData{.code = "x", .kind = NodeKind::kPlace, .parent = "", .places = {"town"}, .type = ""}},
      {"budget below what is out", Reason::FUND_BUDGET_EXCEEDED, "street", FundData{"street", 99}},
  };
  for (const Case& c : cases) {
    const auto before = journal.size();
    const Outcome outcome = Add(c.data, c.is_new);
    EXPECT_EQ(NameOf(ReasonOf(outcome)), NameOf(c.reason)) << c.what;
    const bool is_named = Fact(outcome, "name") == c.fact || Fact(outcome, "field") == c.fact || Fact(outcome, "fund") == c.fact;
    EXPECT_TRUE(is_named) << c.what;
    EXPECT_EQ(journal.size() - before, IsRecorded(c.reason) ? 1u : 0u) << c.what;
  }
  EXPECT_EQ(Add(FundData{"street", 100}).first, v1::DONE);  // exactly what is out
}

// What is only checked is refused for the same, and leaves nothing.
TEST_F(EngineRegistryTest, ACheckOnlyRefusesWhatWouldBeRefused) {
  const auto check = [&](const std::string& json) {
    const auto book = Rulebook::Parse(json);
    EXPECT_TRUE(book.ok()) << book.status();
    return Run(Staff(), Register{.items = {RulebookData{book->version(), book->effective_day(), Sha256Hex(json)}},
                                 .is_new = true,
                                 .rulebook_json = json,
                                 .is_check_only = true});
  };
  const auto before = journal.size();
  const std::string json = RulebookJson("2024-2", 20240601);
  EXPECT_EQ(check(json).first, v1::DONE);
  EXPECT_EQ(check(RulebookJson("2024-2", 20240314)).refusal->reason, Reason::RULEBOOK_INVALID);
  EXPECT_EQ(check(RulebookJson("2024-1", 20240601)).refusal->reason, Reason::ALREADY_EXISTS);
  std::string other = json;
  other.replace(other.find(R"({"fund":"donor")"), 15, R"({"fund":"nobody")");
  other.replace(other.find(R"("fund":"donor")"), 14, R"("fund":"nobody")");
  other.replace(other.find(R"("fund":"donor")"), 14, R"("fund":"nobody")");
  EXPECT_EQ(check(other).refusal->reason, Reason::FUND_NOT_FOUND);
  EXPECT_EQ(journal.size(), before);
  EXPECT_EQ(state.BookOf(20240601)->version(), "2024-1");
  EXPECT_EQ(Adopt(json).first, v1::DONE);
}

TEST_F(EngineRegistryTest, RulebooksFollowEachOther) {
  const auto field = [&](const std::string& json) { return Fact(Adopt(json), "field"); };
  EXPECT_EQ(field(RulebookJson("2024-2", 20240101)), "effective_day");  // the day of the one before
  EXPECT_EQ(field(RulebookJson("2024-2", 20231231)), "effective_day");
  EXPECT_EQ(field(RulebookJson("2024-2", 20240314)), "effective_day");  // yesterday
  EXPECT_EQ(Fact(Adopt(RulebookJson("2024-1", 20240601)), "name"), "rulebook/2024-1");
  const auto with = [](const std::string& from, const std::string& to) {
    std::string json = RulebookJson("2024-2", 20240601);
    for (auto at = json.find(from); at != std::string::npos; at = json.find(from, at + to.size())) json.replace(at, from.size(), to);
    return json;
  };
  EXPECT_EQ(field(with(R"("kind":"TIME")", R"("kind":"SCORE")")), "units");
  EXPECT_EQ(field(with(R"("kind":"TIME")", R"("kind":"TIME","decimals":1)")), "units");
  EXPECT_EQ(field(with(R"("donor")", R"("street-2")")), "");  // a fund that is not registered
  EXPECT_EQ(ReasonOf(Adopt(with(R"("donor")", R"("street-2")"))), Reason::FUND_NOT_FOUND);
  Add(FundData{"street-2", 1});
  EXPECT_EQ(field(with(R"("donor")", R"("street-2")")), "fund_rates");  // the donor's points may still be about
  EXPECT_EQ(ReasonOf(Adopt(with(R"("code":"ANY",)", R"("code":"ANY","merchant":"s9",)"))), Reason::MERCHANT_NOT_FOUND);
  EXPECT_EQ(Adopt(with("s9", "s1")).first, v1::DONE);
  EXPECT_EQ(state.BookOf(20240531)->version(), "2024-1");
  EXPECT_EQ(state.BookOf(20240601)->version(), "2024-2");
  EXPECT_EQ(state.BookOf(20231231), nullptr);
}

TEST_F(EngineRegistryTest, ARulebookIsWhatItsHashSays) {
  const std::string json = RulebookJson("2024-2", 20240601);
  const Outcome outcome =
      Run(Staff(), Register{.items = {RulebookData{"2024-2", 20240601, Sha256Hex(json + " ")}}, .is_new = true, .rulebook_json = json});
  EXPECT_EQ(Fact(outcome, "field"), "sha256");
}

TEST_F(EngineRegistryTest, ManyAreMadeOrNone) {
  const auto many = [&](std::vector<Registration> items) {
    return Run(Staff(), Register{.items = std::move(items), .is_new = true, .rulebook_json = ""});
  };
  const auto before = journal.size();
  EXPECT_EQ(Fact(many({Person("m8", "80000001"), Person("m9", "10000001")}), "item"), "1");
  EXPECT_EQ(ReasonOf(many({Person("m8", "80000001"), Person("m8", "80000002")})), Reason::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(many({Person("m8", "80000001"), Person("m9", "80000001")})), Reason::ALREADY_EXISTS);
  EXPECT_EQ(journal.size(), before);
  const Outcome made = many({Person("m8", "80000001"), Person("m9", "80000002")});
  ASSERT_EQ(made.entries.size(), 2u);
  EXPECT_EQ(made.entries[1]->item, 1);
}

TEST_F(EngineRegistryTest, ARepetitionAnswersWithTheFirstIds) {
  Origin staff = Staff();
  staff.request_id = NewId();
  const Outcome first =
      Run(staff, Register{.items = {Person("m8", "80000001"), Person("m9", "80000002")}, .is_new = true, .rulebook_json = ""});
  // The server has made other ids for the second attempt.
  const Outcome again =
      Run(staff, Register{.items = {Person("mx", "80000003"), Person("my", "80000004")}, .is_new = true, .rulebook_json = ""});
  EXPECT_TRUE(again.is_replayed);
  ASSERT_EQ(again.entries.size(), 2u);
  EXPECT_EQ(std::get<MemberData>(again.entries[1]->data).id, "m9");
  EXPECT_EQ(state.Find<MemberData>("member", "mx"), nullptr);
}

TEST_F(EngineRegistryTest, FoundingAgainAnswersWithTheFirst) {
  const auto before = journal.size();
  EXPECT_EQ(Run(Staff("a7"), FoundProgram{{"minyue", "a7"}}).entry().sequence, 0);
  EXPECT_EQ(journal.size(), before);
  EXPECT_EQ(state.Find<StaffData>("staff", "a7"), nullptr);
}

TEST_F(EngineRegistryTest, ANumberFindsItsMember) {
  AwardPoints("10000003", 1);
  EXPECT_EQ(Balance("m3"), 10);
}

TEST_F(EngineRegistryTest, SuspensionStopsSalesButNotWhatIsOwed) {
  AwardPoints("m1", 10);
  const std::int64_t sale = Buy("m1", 30).entry().sequence;
  const std::string sale_id = last_id;
  const std::int64_t hold = Reserve("m1", 10).entry().sequence;
  MemberData member = *state.Find<MemberData>("member", "m1");
  member.state = RegistrationState::kSuspended;
  Add(member, /*is_new=*/false);
  EXPECT_EQ(ReasonOf(Buy("m1", 1)), Reason::MEMBER_SUSPENDED);
  EXPECT_EQ(ReasonOf(AwardPoints("m1", 1)), Reason::MEMBER_SUSPENDED);
  EXPECT_EQ(ReasonOf(Run(Staff(), Donate{"m1", 1})), Reason::MEMBER_SUSPENDED);
  EXPECT_EQ(Take(hold).first, v1::DONE);
  EXPECT_EQ(GiveBack(sale, 5).first, v1::DONE);
  EXPECT_EQ(Undo(sale_id).first, v1::DONE);
}

}  // namespace
}  // namespace redpoints
