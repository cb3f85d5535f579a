// Who may call what, as a table of its own beside that of authorize.cc: every method, every caller, inside and outside of the caller's scope,
// through the whole server. The methods come from the protos' descriptors; one without a row fails.
#include "server/authorize.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "proto/contract/member_number.h"
#include "storage/rules/refusal.h"
#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

constexpr const char* kCallers[] = {"operator",     "admin",     "auditor",       "settler",  "nobody",     "recorder",
                                    "recorder-all", "corrector", "corrector-all", "helper",   "helper-all", "till",
                                    "till-2",       "rival",     "member",        "stranger", "other-admin"};

// Who gets past the door with a request about home, who lives in grid-1, and with the same about away, in grid-2. Methods that are about no
// member have nothing outside but other programs.
struct Row {
  const char* method;
  const char* inside;
  const char* outside = nullptr;
};
constexpr Row kRows[] = {
    {"Quote", "till till-2 rival"},
    {"Redeem", "till till-2 rival"},
    {"Authorize", "till till-2 rival"},
    {"Capture", "till till-2 rival"},
    {"Void", "till till-2 rival"},
    {"Refund", "till till-2 rival"},
    {"Reverse", "till till-2 rival"},
    {"GetOutcome", "till till-2 rival"},
    {"Award", "recorder recorder-all", "recorder-all"},
    {"AwardBatch", "recorder recorder-all", "recorder-all"},
    {"Donate", "recorder recorder-all", "recorder-all"},
    {"Correct", "corrector corrector-all", "corrector-all"},
    {"ProposeUndo", "corrector corrector-all", "corrector-all"},
    {"Undo", "corrector corrector-all", "corrector-all"},
    {"ProposeWaiver", "corrector corrector-all", "corrector-all"},
    {"WaiveDebt", "corrector corrector-all", "corrector-all"},
    {"GetAwardOutcome", "admin recorder recorder-all corrector corrector-all"},
    {"GetBalance", "member helper helper-all auditor", "stranger helper-all auditor"},
    {"ListStatement", "member helper helper-all auditor", "stranger helper-all auditor"},
    {"GetJournal", "auditor settler"},
    {"GetEntry", "auditor settler"},
    {"FollowEntries", "auditor settler"},
    {"ExportEntries", "auditor settler"},
    {"GetBlob", "auditor settler"},
    {"CreateProgram", "operator"},
    {"ConfirmClock", "operator"},
    {"SetNode", "admin"},
    {"SetFund", "admin"},
    {"SetOffer", "admin"},
    {"AdoptRulebook", "admin"},
    {"WithdrawRulebook", "admin"},
    {"CreateMember", "admin"},
    {"UpdateMember", "admin"},
    {"ReplaceMemberNumber", "admin"},
    {"CreateMembers", "admin"},
    {"CreateMerchant", "admin"},
    {"UpdateMerchant", "admin"},
    {"CreateTerminal", "admin"},
    {"UpdateTerminal", "admin"},
    {"CreateStaff", "admin"},
    {"UpdateStaff", "admin"},
    {"GetRegistration", "admin auditor"},
    {"ListRegistrations", "admin auditor"},
    {"Backup", "operator"},
    {"GetMetrics", "operator"},
};

std::set<std::string> Words(const char* text) { return absl::StrSplit(text, ' ', absl::SkipEmpty()); }

bool IsTurnedAway(const Answer& answer) {
  static const auto* const reasons =
      new std::set<std::string>{"CALLER_UNKNOWN", "PERMISSION_DENIED", "TERMINAL_NOT_ENROLLED", "TERMINAL_REVOKED", "STAFF_REVOKED"};
  return reasons->contains(answer.reason);
}

// Past the door, and not for want of shape: whoever is let in must be let in for what was asked.
bool IsLetIn(const Answer& answer) {
  if (answer.ok()) return true;
  return ReasonFromName(answer.reason) >= Reason::REQUEST_ID_REUSED;
}

// What a request about home becomes when it is about away, somebody absent, or another program.
struct Subject {
  std::string member, award, donation, proposal, debtor, waiver;
};
std::string About(const std::string& text, const Subject& subject) {
  return absl::StrReplaceAll(text, {{"$HOME", subject.member},
                                    {"$AWARD\"", subject.award + "\""},
                                    {"$DONATION", subject.donation},
                                    {"$PROPOSAL", subject.proposal},
                                    {"$DEBTOR", subject.debtor},
                                    {"$WAIVER", subject.waiver}});
}

class AuthorizeTest : public ServerTest {
 protected:
  Subject Away() {
    const std::string donation = world.Donate("$AWAY");
    const std::string debtor = world.Debtor("grid-2");
    return {.member = world.Get("AWAY"),
            .award = world.Award("$AWAY", 1),
            .donation = donation,
            .proposal = world.ProposeUndo(donation),
            .debtor = debtor,
            .waiver = world.ProposeWaiver(debtor)};
  }
  void SetRegistrationState(const std::string& method, const std::string& field, const std::string& name, const std::string& rest = "") {
    const Answer answer =
        world.Call("admin", method, absl::StrCat(R"(program: "$P" request_id: "$ID" )", field, R"( { name: ")", name, R"(" )", rest, "}"));
    ASSERT_TRUE(answer.status.ok()) << answer;
  }
};

TEST_F(AuthorizeTest, EveryMethodHasARow) {
  std::set<std::string> rows, permissions;
  for (const Row& row : kRows) EXPECT_TRUE(rows.insert(row.method).second) << row.method << " twice";
  for (int i = 0; i < kMethodCount; ++i) permissions.insert(MethodName(static_cast<Method>(i)));
  for (const auto& [name, method] : Methods()) {
    EXPECT_TRUE(rows.contains(name)) << name << " is in a service, but not in the table of this test";
    EXPECT_TRUE(permissions.contains(name)) << name << " is in a service, but has no Method";
    EXPECT_EQ(SampleOf(name).method, name);
  }
  EXPECT_EQ(Methods().size(), std::size(kRows));
  EXPECT_EQ(static_cast<int>(Methods().size()), kMethodCount);
}

TEST_F(AuthorizeTest, EveryMethodForEveryCallerInsideAndOutsideOfTheScope) {
  int calls = 0;
  const Subject away = Away();
  const std::string home_award = world.Award("$HOME", 1);
  for (const Row& row : kRows) {
    const std::string text = absl::StrReplaceAll(SampleOf(row.method).text, {{"$AWARD\"", home_award + "\""}});
    for (const std::string caller : kCallers) {
      SCOPED_TRACE(absl::StrCat(caller, " calls ", row.method));
      const Answer inside = world.Call(caller, row.method, text);
      EXPECT_EQ(IsLetIn(inside), Words(row.inside).contains(caller)) << inside;
      EXPECT_NE(IsLetIn(inside), IsTurnedAway(inside)) << inside;
      ++calls;
      if (!row.outside) continue;
      const Answer outside = world.Call(caller, row.method, About(SampleOf(row.method).text, away));
      EXPECT_EQ(IsLetIn(outside), Words(row.outside).contains(caller)) << outside;
      EXPECT_NE(IsLetIn(outside), IsTurnedAway(outside)) << outside;
      ++calls;
    }
  }
  RecordProperty("calls", calls);
}

// A program that the caller has nothing to do with is to them as one that is not there.
TEST_F(AuthorizeTest, AnotherProgramLooksAsOneThatIsNotThere) {
  for (const auto& [name, method] : Methods()) {
    const std::string text = SampleOf(name).text;
    if (text.find("$P") == std::string::npos && text.find("$HOME") == std::string::npos) continue;  // of the system program
    const std::string filled = world.Fill(text);
    for (const std::string caller : kCallers) {
      if (caller == "other-admin") continue;
      SCOPED_TRACE(absl::StrCat(caller, " calls ", name));
      const Answer other = world.Call(caller, name, absl::StrReplaceAll(filled, {{"programs/minyue", "programs/other"}}));
      const Answer absent = world.Call(caller, name, absl::StrReplaceAll(filled, {{"programs/minyue", "programs/absent"}}));
      EXPECT_EQ(other.reason, "PERMISSION_DENIED") << other;
      EXPECT_EQ(other.Visible(), absent.Visible());
    }
  }
}

// Somebody outside of the scope looks as somebody who is not there: nobody learns whether a 会员号 is taken.
TEST_F(AuthorizeTest, AMemberOutsideOfTheScopeLooksAsOneWhoIsNotThere) {
  const Subject away = Away();
  const std::string none = "programs/minyue/entries/999999", other = "programs/minyue/entries/0";
  const std::string nobody = "programs/minyue/members/m0000000000000", by_number = "programs/minyue/members/" + world.Get("AWAY_NUMBER"),
                    unknown = "programs/minyue/members/" + WithCheckDigit("100000000"), unplaced = world.Get("UNPLACED");
  const Subject absent{nobody, "programs/minyue/awards/999999", none, none, nobody, none};
  for (const Row& row : kRows) {
    if (!row.outside) continue;
    for (const std::string caller : {"recorder", "corrector", "helper", "member"}) {
      if (!Words(row.inside).contains(caller)) continue;
      SCOPED_TRACE(absl::StrCat(caller, " calls ", row.method));
      const auto ask = [&](const Subject& subject) { return world.Call(caller, row.method, About(SampleOf(row.method).text, subject)); };
      const Answer outside = ask(away);
      EXPECT_EQ(outside.reason, "PERMISSION_DENIED") << outside;
      EXPECT_EQ(outside.Visible(), ask(absent).Visible());
      // By number, too; and an award that is none.
      EXPECT_EQ(outside.Visible(), ask({by_number, "programs/minyue/awards/0", other, other, by_number, other}).Visible());
      EXPECT_EQ(outside.Visible(), ask({unknown, absent.award, none, none, unknown, none}).Visible());
      EXPECT_EQ(outside.Visible(), ask({unplaced, away.award, away.donation, away.proposal, unplaced, away.waiver}).Visible());
    }
  }
}

TEST_F(AuthorizeTest, AMemberSeesThemselvesByIdAndByNumberAndNobodyElse) {
  for (const std::string method : {"GetBalance", "ListStatement"}) {
    EXPECT_TRUE(world.Call("member", method, R"(member: "$HOME")").ok());
    EXPECT_TRUE(world.Call("member", method, R"(member: "programs/minyue/members/$HOME_NUMBER")").ok());
    EXPECT_EQ(world.Call("member", method, R"(member: "$AWAY")").reason, "PERMISSION_DENIED");
    EXPECT_EQ(world.Call("member", method, R"(member: "programs/minyue/members/$AWAY_NUMBER")").reason, "PERMISSION_DENIED");
    EXPECT_EQ(world.Call("member", method, R"(member: "$HOUSEHOLD")").reason, "PERMISSION_DENIED");
  }
}

// Another shop's holds, redemptions and request ids look as those that are not there; another lane of the shop takes part.
TEST_F(AuthorizeTest, AnotherShopsSalesLookAsThoseThatAreNotThere) {
  const std::string hold = world.Hold(7), redemption = world.Redeem(7), sold = world.NewUuid();
  world.Redeem(2, sold);
  const auto before = world.Balance("$HOME");
  struct {
    const char* method;
    std::string name, text;
    const char* reason;
  } const cases[] = {
      {"Capture", hold, R"(program: "$P" request_id: "$ID" hold: "NAME")", "HOLD_NOT_FOUND"},
      {"Void", hold, R"(program: "$P" request_id: "$ID" hold: "NAME")", "HOLD_NOT_FOUND"},
      {"Refund", redemption, R"(program: "$P" request_id: "$ID" redemption: "NAME" points: 1 clerk: "c")", "REDEMPTION_NOT_FOUND"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.method);
    const std::string collection = c.name.substr(0, c.name.rfind('/') + 1);
    const auto ask = [&](const std::string& name) { return world.Call("rival", c.method, absl::StrReplaceAll(c.text, {{"NAME", name}})); };
    const Answer theirs = ask(c.name);
    EXPECT_EQ(theirs.reason, c.reason);
    EXPECT_EQ(theirs.Visible(), ask(collection + "999999").Visible());
    EXPECT_EQ(theirs.Visible(), ask(collection + "0").Visible());  // an entry of another kind
  }
  EXPECT_EQ(world.Call("rival", "GetOutcome", absl::StrCat(R"(program: "$P" request_id: ")", sold, "\"")).reason, "REQUEST_NOT_FOUND");
  // The ids of another are free: reversing one marks one's own.
  const Answer marked = world.Call("rival", "Reverse", absl::StrCat(R"(program: "$P" request_id: "$ID" target_request_id: ")", sold, "\""));
  ASSERT_TRUE(marked.ok()) << marked;
  EXPECT_EQ(marked.As<v1::ReverseResponse>().target().state(), v1::NEVER_SEEN);
  EXPECT_EQ(world.Balance("$HOME"), before);

  EXPECT_TRUE(world.Call("till-2", "Refund", absl::StrReplaceAll(cases[2].text, {{"NAME", redemption}})).ok());
  EXPECT_TRUE(world.Call("till-2", "Capture", absl::StrReplaceAll(cases[0].text, {{"NAME", hold}})).ok());
}

TEST_F(AuthorizeTest, WhoIsRevokedIsTurnedAwayFromEverything) {
  world.AddCaller("old-till", world.CreateTerminal("$SHOP"));
  world.AddCaller("closed-till", world.CreateTerminal("$SPARE_SHOP"));
  world.AddCaller("old-admin", world.CreateStaff("ADMINISTRATOR", ""));
  world.AddCaller("idle-auditor", world.CreateStaff("AUDITOR", ""));
  world.AddCaller("old-member", world.CreateMember("grid-1"));
  SetRegistrationState("UpdateTerminal", "terminal", world.Get("NAME_OF_old-till"), "state: REVOKED");
  SetRegistrationState("UpdateMerchant", "merchant", world.Get("SPARE_SHOP"), "state: REVOKED");
  SetRegistrationState("UpdateStaff", "staff", world.Get("NAME_OF_old-admin"),
                       "state: REVOKED external: true grants { role: ADMINISTRATOR }");
  SetRegistrationState("UpdateStaff", "staff", world.Get("NAME_OF_idle-auditor"),
                       "state: SUSPENDED external: true grants { role: AUDITOR }");
  SetRegistrationState("UpdateMember", "member", world.Get("NAME_OF_old-member"),
                       "state: REVOKED kind: PERSON groups { group: RESIDENTS }");
  // Certificates for what was never registered, or at another shop than the certificate says.
  world.AddCaller("ghost-till", world.Get("SHOP") + "/terminals/t0000000000000");
  world.AddCaller("moved-till", absl::StrReplaceAll(world.Get("NAME_OF_till"), {{world.Get("SHOP"), world.Get("RIVAL_SHOP")}}));
  world.AddCaller("ghost-staff", "programs/minyue/staff/a0000000000000");
  world.AddCaller("ghost-member", "programs/minyue/members/m0000000000000");
  world.AddCaller("ghost-operator", "programs/system/staff/a0000000000000");
  world.AddCaller("lost-staff", "programs/absent/staff/a0000000000000");
  world.AddNameless("nameless");
  struct {
    const char* caller;
    const char* reason;
  } const cases[] = {
      {"old-till", "TERMINAL_REVOKED"},        {"closed-till", "TERMINAL_REVOKED"},  {"old-admin", "STAFF_REVOKED"},
      {"idle-auditor", "STAFF_REVOKED"},       {"old-member", "PERMISSION_DENIED"},  {"ghost-till", "TERMINAL_NOT_ENROLLED"},
      {"moved-till", "TERMINAL_NOT_ENROLLED"}, {"ghost-staff", "PERMISSION_DENIED"}, {"ghost-member", "PERMISSION_DENIED"},
      {"ghost-operator", "PERMISSION_DENIED"}, {"lost-staff", "PERMISSION_DENIED"},  {"nameless", "CALLER_UNKNOWN"},
  };
  const std::string award = world.Award("$HOME", 1), hold = world.Hold(1), redemption = world.Redeem(1);
  for (const auto& [name, method] : Methods()) {
    const std::string text =
        absl::StrReplaceAll(SampleOf(name).text, {{"$AWARD\"", award + "\""}, {"$HOLD", hold}, {"$REDEMPTION", redemption}});
    const bool is_of_system = text.find("$P") == std::string::npos && text.find("$HOME") == std::string::npos;
    for (const auto& c : cases) {
      const Answer answer = world.Call(c.caller, name, text);
      // Of another program nothing more is said than that.
      const bool is_other = is_of_system && std::string(c.reason) != "CALLER_UNKNOWN";
      EXPECT_EQ(answer.reason, is_other ? "PERMISSION_DENIED" : c.reason) << c.caller << " calls " << name << ": " << answer;
    }
  }
}

// Its customers get back what they held there; with a lane that was revoked, staff see to that.
TEST_F(AuthorizeTest, ASuspendedTerminalOrShopEndsWhatItBeganAndBeginsNothing) {
  struct {
    const char* caller;
    const char* method;
    const char* reason;  // of what is new
    bool is_terminal;
  } const cases[] = {{"idle-till", "UpdateTerminal", "TERMINAL_REVOKED", true},
                     {"idle-shop", "UpdateMerchant", "MERCHANT_SUSPENDED", false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.caller);
    const std::string shop = c.is_terminal ? world.Get("SHOP") : world.Get("RIVAL_SHOP");
    world.AddCaller(c.caller, world.CreateTerminal(shop));
    const auto call = [&](const std::string& method, const std::string& text) {
      return world.Call(c.caller, method, absl::StrCat(R"(program: "$P" )", text));
    };
    const std::string sale = R"( presentation { member_number: "$HOME_NUMBER" } offer_lines { offer: "ANY" quantity: 1 points: 7 })";
    const std::string sold = world.NewUuid(), held = world.NewUuid();
    const auto before = world.Balance("$HOME");
    ASSERT_TRUE(call("Redeem", absl::StrCat("request_id: \"", sold, "\"", sale)).ok());
    ASSERT_TRUE(call("Authorize", absl::StrCat("request_id: \"", held, "\"", sale)).ok());
    const Answer hold = call("Authorize", R"(request_id: "$ID")" + sale);
    ASSERT_TRUE(hold.ok()) << hold;
    const Answer other = call("Authorize", R"(request_id: "$ID")" + sale);
    EXPECT_EQ(world.Balance("$HOME"), before - 4 * 7);
    if (c.is_terminal) {
      SetRegistrationState("UpdateTerminal", "terminal", world.Get(absl::StrCat("NAME_OF_", c.caller)), "state: SUSPENDED");
    } else {
      SetRegistrationState("UpdateMerchant", "merchant", shop, "state: SUSPENDED");
    }
    EXPECT_EQ(call("Redeem", R"(request_id: "$ID")" + sale).reason, c.reason);
    EXPECT_EQ(call("Authorize", R"(request_id: "$ID")" + sale).reason, c.reason);
    if (c.is_terminal) {
      EXPECT_EQ(call("Quote", R"(offer_lines { offer: "ANY" quantity: 1 points: 7 })").reason, c.reason);
      EXPECT_EQ(call("Capture", absl::StrCat(R"(request_id: "$ID" hold: ")", other.As<v1::AuthorizeResponse>().hold(), "\"")).reason,
                c.reason);
      EXPECT_EQ(call("Refund", R"(request_id: "$ID" redemption: "$REDEMPTION" points: 1 clerk: "c")").reason, c.reason);
    }
    const Answer outcome = call("GetOutcome", absl::StrCat("request_id: \"", sold, "\""));
    ASSERT_TRUE(outcome.ok()) << outcome;
    EXPECT_EQ(outcome.As<v1::GetOutcomeResponse>().outcome().state(), v1::DONE);
    for (const auto& target : {sold, held}) {
      const Answer reversed = call("Reverse", absl::StrCat(R"(request_id: "$ID" target_request_id: ")", target, "\""));
      EXPECT_TRUE(reversed.ok()) << reversed;
    }
    const Answer freed = call("Void", absl::StrCat(R"(request_id: "$ID" hold: ")", hold.As<v1::AuthorizeResponse>().hold(), "\""));
    EXPECT_TRUE(freed.ok()) << freed;
    EXPECT_EQ(call("Void", absl::StrCat(R"(request_id: "$ID" hold: ")", other.As<v1::AuthorizeResponse>().hold(), "\"")).reason, "");
    // Refund's own redemption, by the till, is the only one that is left.
    EXPECT_EQ(world.Balance("$HOME"), before - (c.is_terminal ? 3 : 0));
  }
}

TEST_F(AuthorizeTest, ASuspendedShopIsRefusedForItsStateAndARevokedOneAtTheDoor) {
  SetRegistrationState("UpdateMerchant", "merchant", world.Get("RIVAL_SHOP"), "state: SUSPENDED");
  const Answer refused = world.Call("rival", "Redeem", SampleOf("Redeem").text);
  EXPECT_EQ(refused.reason, "MERCHANT_SUSPENDED");
  EXPECT_TRUE(refused.has_outcome);
}

TEST_F(AuthorizeTest, OtherAuthoritiesAreNotHeard) {
  world.AddCaller("foreigner", world.Get("NAME_OF_auditor"), /*is_foreign=*/true);
  const Answer answer = world.Call("foreigner", "GetJournal", R"(program: "$P")");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(answer.reason, "");
}

// What a grant allows ends where its own scope ends, whatever other grants say.
TEST_F(AuthorizeTest, ScopesOfDifferentRolesDoNotMix) {
  world.AddCaller("both", world
                              .Call("admin", "CreateStaff", R"(program: "$P" request_id: "$ID" staff { external: true
                                       grants { role: RECORDER scope: "grid-1" } grants { role: HELPER scope: "grid-2" } })")
                              .As<v1::CreateStaffResponse>()
                              .staff()
                              .name());
  EXPECT_TRUE(world.Call("both", "Award", SampleOf("Award").text).ok());
  EXPECT_TRUE(IsTurnedAway(world.Call("both", "GetBalance", R"(member: "$HOME")")));
  EXPECT_TRUE(world.Call("both", "GetBalance", R"(member: "$AWAY")").ok());
  EXPECT_TRUE(IsTurnedAway(world.Call("both", "Donate", R"(program: "$P" request_id: "$ID" member: "$AWAY" points: 1)")));
}

TEST_F(AuthorizeTest, AScopeIsASubtreeOfPlacesOrOfBranchesByTheirPlaces) {
  struct {
    const char* scope;
    bool home, away;
  } const cases[] = {
      {"grid-1", true, false}, {"grid-2", false, true}, {"community", true, true}, {"branch-1", true, false}, {"party", true, false}};
  for (const auto& c : cases) {
    world.AddCaller(c.scope, world.CreateStaff("HELPER", c.scope));
    EXPECT_EQ(world.Call(c.scope, "GetBalance", R"(member: "$HOME")").ok(), c.home) << c.scope;
    EXPECT_EQ(world.Call(c.scope, "GetBalance", R"(member: "$AWAY")").ok(), c.away) << c.scope;
    EXPECT_TRUE(IsTurnedAway(world.Call(c.scope, "GetBalance", R"(member: "$UNPLACED")"))) << c.scope;
  }
}

TEST_F(AuthorizeTest, ABatchIsTurnedAwayForOneMemberOutside) {
  const auto end = world.End();
  const std::string item = R"(items { member: "WHO" activity: "PATROL" quantity: 1 effective_day: $TODAY group: RESIDENTS })";
  const auto batch = [&](const std::string& second) {
    return world.Call("recorder", "AwardBatch",
                      absl::StrCat(R"(program: "$P" request_id: "$ID" )", absl::StrReplaceAll(item, {{"WHO", "$HOME"}}),
                                   absl::StrReplaceAll(item, {{"WHO", second}})));
  };
  EXPECT_EQ(batch("$AWAY").reason, "PERMISSION_DENIED");
  EXPECT_EQ(batch("members/$AWAY_NUMBER").reason, "PERMISSION_DENIED");
  EXPECT_EQ(world.End(), end);
  EXPECT_TRUE(batch("members/$SPARE_NUMBER").ok());
  EXPECT_EQ(world.AskedSince(end), 2);
}

// A grant for a node of a role that reaches over the whole program would give nothing, and nobody would know why.
TEST_F(AuthorizeTest, OnlyRolesThatAreAboutMembersAreGrantedForANode) {
  const std::set<std::string> narrow = {"RECORDER", "CORRECTOR", "HELPER"};
  for (int i = 0; i < v1::Role_descriptor()->value_count(); ++i) {
    const std::string role = v1::Role_descriptor()->value(i)->name();
    if (role == "ROLE_UNSPECIFIED") continue;
    SCOPED_TRACE(role);
    const std::string grants = absl::StrCat(R"(grants { role: HELPER scope: "grid-1" } grants { role: )", role, R"( scope: "grid-1" })");
    for (const Answer& answer :
         {world.Call("admin", "CreateStaff", absl::StrCat(R"(program: "$P" request_id: "$ID" staff { external: true )", grants, "}")),
          world.Call("admin", "UpdateStaff",
                     absl::StrCat(R"(program: "$P" request_id: "$ID" staff { name: "$SPARE_STAFF" external: true state: ACTIVE )", grants,
                                  "}"))}) {
      EXPECT_EQ(answer.reason, narrow.contains(role) ? "" : "FIELD_INVALID") << answer;
      EXPECT_EQ(answer.facts.contains("field") ? answer.facts.at("field") : "", narrow.contains(role) ? "" : "staff.grants[1].scope");
    }
  }
}

// A grant that ends takes effect with the next call, on connections that are open, and an open stream ends.
TEST_F(AuthorizeTest, AnEndedGrantEndsAtOnce) {
  world.AddCaller("reader", world.CreateStaff("AUDITOR", ""));
  ASSERT_TRUE(world.Call("reader", "GetJournal", R"(program: "$P")").ok());
  SetRegistrationState("UpdateStaff", "staff", world.Get("NAME_OF_reader"), "external: true grants { role: SETTLER } state: ACTIVE");
  EXPECT_TRUE(world.Call("reader", "GetJournal", R"(program: "$P")").ok());
  EXPECT_EQ(world.Call("reader", "ListRegistrations", SampleOf("ListRegistrations").text).reason, "PERMISSION_DENIED");
  SetRegistrationState("UpdateStaff", "staff", world.Get("NAME_OF_reader"), "external: true state: REVOKED");
  EXPECT_EQ(world.Call("reader", "GetJournal", R"(program: "$P")").reason, "STAFF_REVOKED");
  EXPECT_EQ(world.Call("reader", "FollowEntries", R"(program: "$P" after: "$P/entries/1000000")").reason, "STAFF_REVOKED");
}

}  // namespace
}  // namespace redpoints::server
