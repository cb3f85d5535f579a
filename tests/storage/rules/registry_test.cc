// Who takes part, and by which rules: what a registration is refused for, and what it leaves.
#include "absl/strings/str_replace.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

class EngineRegistryTest : public EngineTest {
 protected:
  EngineRegistryTest() { SetUpProgram(); }
  static std::string Fact(const Outcome& outcome, const std::string& key) {
    const auto facts = outcome.refusal ? outcome.refusal->facts : RefusalOf(outcome.entry()).facts;
    for (const auto& [name, value] : facts) {
      if (name == key) return value;
    }
    return "";
  }
};

// Where the secrets were lost; verified as every entry is.
TEST_F(EngineRegistryTest, TheLedgerAloneChangesAProgramAndOnlyItsSideKey) {
  const auto change = [&](const std::string& actor, const ProgramData& data) {
    Origin origin;
    origin.actor = actor;
    return Run(origin, Register{.items = {data}, .is_new = false, .rulebook_json = ""});
  };
  const std::string key = "0123456789abcdef";
  const auto before = journal.size();
  EXPECT_EQ(Fact(change("a0", {"minyue", "a0", key}), "field"), "program");
  EXPECT_EQ(Fact(change("ledger", {"minyue", "a9", key}), "field"), "program");
  EXPECT_EQ(Fact(change("ledger", {"minyue", "a0"}), "field"), "program");
  for (const char* bad : {"0123456789abcde", "0123456789ABCDEF", "0123456789abcdef0"}) {
    EXPECT_EQ(Fact(change("ledger", {"minyue", "a0", bad}), "field"), "program.side_key") << bad;
  }
  const auto refused = journal.size();
  const Outcome done = change("ledger", {"minyue", "a0", key});
  ASSERT_FALSE(done.refusal);
  EXPECT_EQ(std::get<ProgramData>(done.entry().data).side_key, key);
  EXPECT_EQ(state.Find<ProgramData>("program", "minyue")->side_key, key);
  EXPECT_EQ(journal.size(), refused + 1);
  EXPECT_LE(before, refused);
}

TEST_F(EngineRegistryTest, RefusalsOneForEachRule) {
  Add(Household("mhouse"));
  Add(NodeData{"town", NodeKind::kPlace, "", {}, ""});
  Add(NodeData{"street", NodeKind::kPlace, "town", {}, ""});
  Add(NodeData{"branch", NodeKind::kBranch, "", {"town"}, ""});
  Add(Worker("a1", "m1"));
  AwardPoints("m1", 10);
  struct Case {
    const char* what;
    Reason reason;
    const char* fact;  // name or field
    Registration data;
    bool is_new = true;
  };
  const auto changed = [](auto data, auto change) { return change(data), Registration(data); };
  const MemberData person = Person("m9"), old = Person("m1");
  const std::vector<Case> cases = {
      {"member twice", Reason::ALREADY_EXISTS, "member/m1", Person("m1")},
      {"merchant twice", Reason::ALREADY_EXISTS, "merchant/s1", Shop("s1")},
      {"terminal twice", Reason::ALREADY_EXISTS, "terminal/t1", TerminalData{.id = "t1", .merchant = "s1"}},
      {"staff twice", Reason::ALREADY_EXISTS, "staff/a1", Worker("a1")},
      {"member unknown", Reason::MEMBER_NOT_FOUND, "m9", person, false},
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
      {"merchant unknown", Reason::MERCHANT_NOT_FOUND, "s9", Shop("s9"), false},
      {"merchant of nobody", Reason::MEMBER_NOT_FOUND, "m99", Shop("s9", {{"m1"}, {"m99"}})},
      {"merchant nowhere", Reason::NODE_NOT_FOUND, "nowhere", changed(Shop("s9"), [](auto& m) { m.place = "nowhere"; })},
      {"terminal of no shop", Reason::MERCHANT_NOT_FOUND, "s9", TerminalData{.id = "t9", .merchant = "s9"}},
      {"terminal unknown", Reason::TERMINAL_NOT_FOUND, "t9", TerminalData{.id = "t9", .merchant = "s1"}, false},
      {"terminal to another shop", Reason::TERMINAL_NOT_FOUND, "t1", TerminalData{.id = "t1", .merchant = "s2"}, false},
      {"staff unknown", Reason::STAFF_NOT_FOUND, "a9", Worker("a9"), false},
      {"staff who is nobody", Reason::MEMBER_NOT_FOUND, "m99", Worker("a9", "m99")},
      {"staff of nowhere", Reason::NODE_NOT_FOUND, "nowhere",
       changed(Worker("a9"),
               [](auto& w) {
                 w.grants = {{Role::kRecorder, "nowhere"}};
               })},
      {"operator of a program", Reason::FIELD_INVALID, "staff.grants",
       changed(Worker("a9"),
               [](auto& w) {
                 w.grants = {{Role::kOperator, ""}};
               })},
      {"node of no parent", Reason::NODE_NOT_FOUND, "nowhere", NodeData{"x", NodeKind::kPlace, "nowhere", {}, ""}},
      {"place under a branch", Reason::NODE_NOT_FOUND, "branch", NodeData{"x", NodeKind::kPlace, "branch", {}, ""}},
      {"node under itself", Reason::FIELD_INVALID, "node.parent", NodeData{"town", NodeKind::kPlace, "town", {}, ""}},
      {"node under its child", Reason::FIELD_INVALID, "node.parent", NodeData{"town", NodeKind::kPlace, "street", {}, ""}},
      {"node of another kind", Reason::FIELD_INVALID, "node.kind", NodeData{"town", NodeKind::kBranch, "", {}, ""}},
      {"branch of no place", Reason::NODE_NOT_FOUND, "branch", NodeData{"x", NodeKind::kBranch, "", {"branch"}, ""}},
      {"place with places", Reason::FIELD_INVALID, "node.places", NodeData{"x", NodeKind::kPlace, "", {"town"}, ""}},
      {"member with a shop's id", Reason::FIELD_INVALID, "member.name", changed(person, [](auto& m) { m.id = "s9"; })},
      {"member with a slash", Reason::FIELD_INVALID, "member.name", changed(person, [](auto& m) { m.id = "m9/POINT"; })},
      {"member whose number is shown", Reason::FIELD_INVALID, "member.number_commitment",
       changed(person, [](auto& m) { m.number_commitment = "12345678"; })},
      {"groups out of order", Reason::FIELD_INVALID, "member.groups",
       changed(person, [](auto& m) { std::swap(m.groups[0], m.groups[1]); })},
      {"a group twice at a time", Reason::FIELD_INVALID, "member.groups",
       changed(person,
               [](auto& m) {
                 m.groups = {{Group::kResidents, 20240101, 20240301}, {Group::kResidents, 20240229, 0}};
               })},
      {"a group on no day", Reason::FIELD_INVALID, "member.groups",
       changed(person,
               [](auto& m) {
                 m.groups = {{Group::kResidents, 20240230, 0}};
               })},
      {"shop with a member's id", Reason::FIELD_INVALID, "merchant.name", Shop("m9")},
      {"terminal with a shop's id", Reason::FIELD_INVALID, "terminal.name", TerminalData{.id = "s9", .merchant = "s1"}},
      {"staff with a member's id", Reason::FIELD_INVALID, "staff.name", Worker("m9")},
      {"fund with a colon", Reason::FIELD_INVALID, "fund.code", FundData{"a:b", 5}},
      {"fund with less than nothing", Reason::FIELD_OUT_OF_RANGE, "fund.budget_points", FundData{"x", -1}},
      {"fund that ends on no day", Reason::FIELD_INVALID, "fund.end_day", FundData{"x", 1, 20240431}},
      {"node in capitals", Reason::FIELD_INVALID, "node.code", NodeData{"X", NodeKind::kPlace, "", {}, ""}},
      {"offer in small letters", Reason::FIELD_INVALID, "offer.code", Offer("rice")},
      {"offer below nothing", Reason::FIELD_OUT_OF_RANGE, "offer.price_points", Offer("X", -5)},
      {"offer whose pieces would not fit a number", Reason::FIELD_OUT_OF_RANGE, "offer.price_points", Offer("X", kPriceMax + 1)},
      {"offer with a price and a bound", Reason::FIELD_INVALID, "offer.max_points", Offer("X", 5, 5)},
      {"offer that ends before it begins", Reason::FIELD_INVALID, "offer.from_day",
       changed(Offer("X"), [](auto& o) { o.from = 20240301, o.to = 20240301; })},
      {"another program", Reason::FIELD_INVALID, "program.id", ProgramData{"elsewhere", "a0"}},
      {"fund that fits alone", Reason::FIELD_OUT_OF_RANGE, "fund.budget_points", FundData{"x", kAmountMax}},
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
  EXPECT_EQ(Add(FundData{"street", 100}).first, RequestState::kDone);  // exactly what is out
}

TEST_F(EngineRegistryTest, AProgramHasUpToFiveThousandOffers) {
  for (std::size_t i = state.offers; i < 5'000; ++i) ASSERT_EQ(Add(Offer(absl::StrCat("O", i))).first, RequestState::kDone) << i;
  const Outcome more = Add(Offer("MORE"));
  EXPECT_EQ(ReasonOf(more), Reason::FIELD_OUT_OF_RANGE);
  EXPECT_EQ(Fact(more, "field"), "offer.code");
  EXPECT_EQ(Add(Offer("O4999", 30), /*is_new=*/false).first, RequestState::kDone);  // one that is there can still change
}

// What is only checked is refused for the same, and leaves nothing.
TEST_F(EngineRegistryTest, ACheckOnlyRefusesWhatWouldBeRefused) {
  const auto check = [&](const std::string& json) {
    const auto book = Rulebook::Parse(json);
    EXPECT_TRUE(book.ok()) << book.status();
    Register command;
    command.items = {RulebookData{book->version(), book->effective_day(), Sha256Hex(book->json()), kRulesFormat}};
    command.rulebook_json = book->json();
    command.is_check_only = true;
    return Run(Staff(), command);
  };
  const auto before = journal.size();
  const std::string json = RulebookJson("2024-2", 20240601);
  EXPECT_EQ(check(json).first, RequestState::kDone);
  EXPECT_EQ(check(RulebookJson("2024-2", 20240314)).refusal->reason, Reason::RULEBOOK_INVALID);
  EXPECT_EQ(check(RulebookJson("2024-1", 20240601)).refusal->reason, Reason::ALREADY_EXISTS);
  const std::string other = absl::StrReplaceAll(json, {{R"("donor")", R"("nobody")"}});
  EXPECT_EQ(check(other).refusal->reason, Reason::FUND_NOT_FOUND);
  EXPECT_EQ(journal.size(), before);
  EXPECT_EQ(state.BookOf(20240601)->version(), "2024-1");
  EXPECT_EQ(Adopt(json).first, RequestState::kDone);
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
  EXPECT_EQ(field(RulebookJson("2024-2", 20240315)), "effective_day");  // a book holds today
  EXPECT_EQ(Adopt(RulebookJson("2024-2", 20240601)).first, RequestState::kDone);
  EXPECT_EQ(state.BookOf(20240531)->version(), "2024-1");
  EXPECT_EQ(state.BookOf(20240601)->version(), "2024-2");
  EXPECT_EQ(state.BookOf(20231231), nullptr);
}

TEST_F(EngineRegistryTest, ARulebookIsWhatItsHashSays) {
  const std::string json = Rulebook::Judge(RulebookJson("2024-2", 20240601))->json();
  Register command;
  command.items = {RulebookData{"2024-2", 20240601, Sha256Hex(json + " "), kRulesFormat}};
  command.rulebook_json = json;
  EXPECT_EQ(Fact(Run(Staff(), command), "field"), "sha256");
  command.items = {RulebookData{"2024-2", 20240601, Sha256Hex(json + " "), kRulesFormat}};
  command.rulebook_json = json + " ";
  EXPECT_EQ(Fact(Run(Staff(), command), "field"), "rulebook_json");  // not its one form
}

TEST_F(EngineRegistryTest, ManyAreMadeOrNone) {
  const auto many = [&](std::vector<Registration> items) {
    Register command;
    command.items = std::move(items);
    return Run(Staff(), command);
  };
  MemberData nowhere = Person("m9");
  nowhere.grid = "nowhere";
  // What refers to what else is made with it is made one by one.
  const NodeData upper{"upper", NodeKind::kPlace, "lower", {}, ""}, lower{"lower", NodeKind::kPlace, "upper", {}, ""};
  EXPECT_EQ(ReasonOf(many({upper, lower})), Reason::FIELD_OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(many({FundData{"f1", 1}, FundData{"f2", 1}})), Reason::FIELD_OUT_OF_RANGE);
  const auto before = journal.size();
  EXPECT_EQ(Fact(many({Person("m8"), nowhere}), "item"), "1");
  EXPECT_EQ(ReasonOf(many({Person("m8"), Person("m8")})), Reason::ALREADY_EXISTS);
  EXPECT_EQ(journal.size(), before);
  const Outcome made = many({Person("m8"), Person("m9")});
  ASSERT_EQ(made.entries.size(), 2u);
  EXPECT_EQ(made.entries[1]->item, 1);
}

TEST_F(EngineRegistryTest, ARepetitionAnswersWithTheFirstIds) {
  Origin staff = Staff();
  staff.request_id = NewId();
  Register command;
  command.items = {Person("m8"), Person("m9")};
  Run(staff, command);
  command.items = {Person("mx"), Person("my")};  // the server has made other ids for the second attempt
  const Outcome again = Run(staff, command);
  EXPECT_TRUE(again.is_replayed);
  ASSERT_EQ(again.entries.size(), 2u);
  EXPECT_EQ(std::get<MemberData>(again.entries[1]->data).id, "m9");
  EXPECT_EQ(state.Find<MemberData>("member", "mx"), nullptr);
}

// --- nobody changes what concerns themselves -----------------------------------------------------------------------------------------

TEST_F(EngineRegistryTest, NobodyChangesARegistrationThatConcernsThemselves) {
  Add(Household("mhouse"));
  MemberData self = Person("mself"), spouse = Person("mspouse");
  self.memberships = spouse.memberships = {{"mhouse", 20240101, 0}};
  Add(self), Add(spouse);
  Add(Worker("a1", "mself")), Add(Worker("a7"));
  Add(Shop("s3", {{"mspouse"}}));
  Add(TerminalData{.id = "t3", .merchant = "s3"});
  OfferData offer = Offer("EGGS", 10), for_all = Offer("EGGS", 1000);
  offer.merchant = "s3";
  Add(offer);
  const auto change = [&](Registration data, const std::string& actor) {
    Register command;
    command.items = {std::move(data)};
    command.is_new = false;
    return ReasonOf(Run(Staff(actor), command));
  };
  StaffData record = Worker("a1", "mself"), unlinked = Worker("a1");
  record.grants = {{Role::kRecorder, ""}, {Role::kAdministrator, ""}};
  const std::vector<std::pair<const char*, Registration>> own = {
      {"roles", record},
      {"the link", unlinked},
      {"themselves", self},
      {"their spouse", spouse},
      {"household", Household("mhouse")},
      {"what the spouse's shop offers", offer},
      {"the same by offering it everywhere", for_all},
      {"the spouse's shop", Shop("s3")},
      {"its terminal", TerminalData{.id = "t3", .merchant = "s3", .state = RegistrationState::kRevoked}}};
  for (const auto& [what, data] : own) EXPECT_EQ(change(data, "a1"), Reason::SELF_DEALING) << what;
  EXPECT_EQ(change(Shop("s1", {{"mself"}}), "a1"), Reason::SELF_DEALING);  // nor makes a shop their own
  for (const auto& [what, data] : own) EXPECT_EQ(change(data, "a7"), Reason::REASON_UNSPECIFIED) << what;
}

TEST_F(EngineRegistryTest, StaffAreSomebody) {
  StaffData nobody = Worker("a1"), both = Worker("a1", "m1"), house = Worker("a1", "mhouse");
  nobody.is_external = false, both.is_external = true;
  Add(Household("mhouse"));
  for (const StaffData& data : {nobody, both, house}) {
    const Outcome outcome = Add(data);
    EXPECT_EQ(ReasonOf(outcome), Reason::FIELD_INVALID);
    EXPECT_EQ(Fact(outcome, "field"), "staff.member");
  }
}

// --- what ends -------------------------------------------------------------------------------------------------------------------------

TEST_F(EngineRegistryTest, NothingBeginsUnderWhatHasEnded) {
  Add(NodeData{"old", NodeKind::kPlace, "", {}, "", 20240315});
  Add(NodeData{"soon", NodeKind::kPlace, "", {}, "", 20240316});
  MemberData member = Person("m8");
  member.grid = "old";
  EXPECT_EQ(ReasonOf(Add(member)), Reason::NODE_ENDED);
  member.grid = "soon";
  EXPECT_EQ(Add(member).first, RequestState::kDone);
  EXPECT_EQ(ReasonOf(Add(NodeData{"below", NodeKind::kPlace, "old", {}, ""})), Reason::NODE_ENDED);
  // Nor below that.
  Add(NodeData{"top", NodeKind::kPlace, "", {}, ""});
  Add(NodeData{"low", NodeKind::kPlace, "top", {}, ""});
  StaffData worker = Worker("a5");
  worker.grants = {{Role::kRecorder, "low"}};
  Add(worker);
  Add(NodeData{"top", NodeKind::kPlace, "", {}, "", 20240315});
  MemberData below = Person("m9");
  below.grid = "low";
  EXPECT_EQ(ReasonOf(Add(below)), Reason::NODE_ENDED);
  Add(NodeData{"branch", NodeKind::kBranch, "", {}, ""});
  EXPECT_EQ(ReasonOf(Add(NodeData{"branch", NodeKind::kBranch, "", {"low"}, ""})), Reason::NODE_ENDED);
  EXPECT_EQ(ReasonOf(Add(NodeData{"lowest", NodeKind::kPlace, "low", {}, ""})), Reason::NODE_ENDED);
  // Whose scope has ended can be revoked; nobody else gets it.
  worker.state = RegistrationState::kRevoked;
  EXPECT_EQ(Add(worker, /*is_new=*/false).first, RequestState::kDone);
  worker.id = "a6";
  EXPECT_EQ(ReasonOf(Add(worker)), Reason::NODE_ENDED);
  AwardPoints("m1", 1);
  Add(FundData{"street", 1'000'000, 20240316});
  EXPECT_EQ(AwardPoints("m1", 1).first, RequestState::kDone);
  Advance(kDayMs);
  EXPECT_EQ(ReasonOf(AwardPoints("m1", 1)), Reason::FUND_ENDED);
  EXPECT_EQ(Buy("m1", 5).first, RequestState::kDone);  // what was issued stays good
  member.state = RegistrationState::kSuspended;
  EXPECT_EQ(Add(member, /*is_new=*/false).first, RequestState::kDone);  // and who is there stays there
}

// Its deeds are known by other names then: one would be paid again.
TEST_F(EngineRegistryTest, AnActivityStaysOpenOrConfidential) {
  const auto open =
      absl::StrReplaceAll(RulebookJson("2024-2", 20240601), {{R"("shown_as":"SERVICE",)", ""}, {R"(,"shown_as":"SERVICE")", ""}});
  const Outcome refused = Adopt(open);
  EXPECT_EQ(ReasonOf(refused), Reason::RULEBOOK_INVALID);
  EXPECT_EQ(refused.refusal->facts[0].second, "activities");
  EXPECT_EQ(refused.refusal->facts[1].second, "TIP open or confidential as it was, or another code");
  const auto renamed = absl::StrReplaceAll(open, {{R"("TIP")", R"("CLUE")"}, {R"("MEDIATION")", R"("PEACE")"}});
  EXPECT_EQ(Adopt(renamed).first, RequestState::kDone);
}

TEST_F(EngineRegistryTest, ARulebookIsWithdrawnBeforeItBegins) {
  Add(Worker("a7"));
  Adopt(RulebookJson("typo", 20990101));
  EXPECT_EQ(ReasonOf(Adopt(RulebookJson("2024-2", 20240601))), Reason::RULEBOOK_INVALID);
  const auto withdraw = [&](const std::string& version, const std::string& actor) {
    RulebookData data;
    data.version = version;
    data.is_withdrawn = true;
    Register command;
    command.items = {data};
    command.is_new = false;
    return ReasonOf(Run(Staff(actor), command));
  };
  EXPECT_EQ(withdraw("nope", "a7"), Reason::RULEBOOK_NOT_FOUND);
  EXPECT_EQ(withdraw("2024-1", "a7"), Reason::RULEBOOK_HOLDS);
  EXPECT_EQ(withdraw("typo", "a0"), Reason::MAKER_IS_CHECKER);
  EXPECT_EQ(withdraw("typo", "a7"), Reason::REASON_UNSPECIFIED);
  EXPECT_EQ(withdraw("typo", "a7"), Reason::RULEBOOK_HOLDS);
  EXPECT_EQ(state.BookOf(20990101)->version(), "2024-1");
  EXPECT_EQ(ReasonOf(Adopt(RulebookJson("typo", 20240601))), Reason::ALREADY_EXISTS);  // its name is used up
  EXPECT_EQ(Adopt(RulebookJson("2024-2", 20240601)).first, RequestState::kDone);
}

TEST_F(EngineRegistryTest, FoundingAgainAnswersWithTheFirst) {
  const auto before = journal.size();
  EXPECT_EQ(Run(Staff("a7"), FoundProgram{{"minyue", "a7"}}).entry().sequence, 0);
  EXPECT_EQ(journal.size(), before);
  EXPECT_EQ(state.Find<StaffData>("staff", "a7"), nullptr);
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
  EXPECT_EQ(ReasonOf(Run(Staff(), Donate{{"m1", ""}, 1})), Reason::MEMBER_SUSPENDED);
  EXPECT_EQ(Take(hold).first, RequestState::kDone);
  EXPECT_EQ(GiveBack(sale, 5).first, RequestState::kDone);
  EXPECT_EQ(Undo(sale_id).first, RequestState::kDone);
}

}  // namespace
}  // namespace redpoints
