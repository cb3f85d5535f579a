// What makes two requests the same. The golden values freeze version 1: entries hold them.
#include <gtest/gtest.h>

#include <map>

#include "storage/rules/command.h"

namespace redpoints {
namespace {

AwardItem FullItem() {
  AwardItem item;
  item.member = "m1", item.activity = "PATROL", item.quantity = 3, item.effective_day = 20240315, item.group = 1;
  item.session = "s-1", item.case_id = "c-1", item.about = "s-0", item.evidence_sha256 = "ee", item.note_commitment = "cc",
  item.tags = {"a", "b"};
  return item;
}

TEST(Fingerprint, GoldenValues) {
  Origin till;
  till.actor = till.terminal = "t1", till.merchant = "s1", till.clerk = "c1", till.till = "0001";
  EXPECT_EQ(Fingerprint(till, Redeem{MemberNumber{"10000001"}, {{"RICE", 1, 30, 0}}}), "79e01ffac42cac0905c1f41be5c32f23");
  EXPECT_EQ(Fingerprint(till, Reverse{"000102030405060708090a0b0c0d0e0f"}), "704811ad34382f4f005e60ee3875aa6c");
  EXPECT_EQ(Fingerprint({}, Award{FullItem()}), "e04649f9d4fdc423945fbcd8b734fc76");
  EXPECT_EQ(Fingerprint({}, Register{.items = {FundData{"street", 7}}, .rulebook_json = ""}), "f3f2008c4476aeda491518509ebab887");
}

// Every variation of a command has a fingerprint of its own.
TEST(Fingerprint, EachFieldCounts) {
  std::map<std::string, std::string> seen;
  const auto add = [&](const std::string& what, const Command& command, const Origin& origin = {}) {
    const auto [it, is_new] = seen.emplace(Fingerprint(origin, command), what);
    EXPECT_TRUE(is_new) << what << " has the fingerprint of " << it->second;
    EXPECT_EQ(it->first.size(), 32u);
  };
  const auto item = [&](const std::string& what, auto change) {
    AwardItem changed = FullItem();
    change(changed);
    add("award: " + what, Award{changed});
    add("batch: " + what, AwardBatch{{changed}});
    add("second of a batch: " + what, AwardBatch{{FullItem(), changed}});
  };
  item("as it is", [](AwardItem&) {});
  item("member", [](AwardItem& i) { i.member = "m2"; });
  item("activity", [](AwardItem& i) { i.activity = "VISIT"; });
  item("quantity", [](AwardItem& i) { i.quantity = 4; });
  item("quantity of nine bytes", [](AwardItem& i) { i.quantity += std::int64_t{1} << 40; });
  item("effective_day", [](AwardItem& i) { i.effective_day = 20240314; });
  item("group", [](AwardItem& i) { i.group = 2; });
  item("session", [](AwardItem& i) { i.session = "s-2"; });
  item("case", [](AwardItem& i) { i.case_id = "c-2"; });
  item("session for case", [](AwardItem& i) { std::swap(i.session, i.case_id); });
  item("about", [](AwardItem& i) { i.about.clear(); });
  item("evidence", [](AwardItem& i) { i.evidence_sha256 = "ef"; });
  item("note", [](AwardItem& i) { i.note_commitment = "cd"; });
  item("tags in another order", [](AwardItem& i) { i.tags = {"b", "a"}; });
  item("tags in one", [](AwardItem& i) { i.tags = {"ab"}; });
  item("text moved to the next field", [](AwardItem& i) { i.member = "m1P", i.activity = "ATROL"; });
  add("correct", Correct{7, 3, "duplicate"});
  add("correct: award", Correct{8, 3, "duplicate"});
  add("correct: quantity", Correct{7, 4, "duplicate"});
  add("correct: reason", Correct{7, 3, "wrong_member"});
  add("donate", Donate{"m1", 5});
  add("donate: member", Donate{"m2", 5});
  add("donate: points", Donate{"m1", 6});
  const std::vector<OfferLine> lines = {{"RICE", 1, 30, 0}};
  const auto sale = [&](const std::string& what, const Payer& payer, const std::vector<OfferLine>& l) {
    add("quote: " + what, Quote{payer, l});
    add("redeem: " + what, Redeem{payer, l});
    add("authorize: " + what, Authorize{payer, l});
  };
  sale("as it is", MemberId{"m1"}, lines);
  sale("presentation", MemberNumber{"m1"}, lines);
  sale("member", MemberId{"m2"}, lines);
  sale("offer", MemberId{"m1"}, {{"ANY", 1, 30, 0}});
  sale("quantity", MemberId{"m1"}, {{"RICE", 2, 30, 0}});
  sale("points", MemberId{"m1"}, {{"RICE", 1, 31, 0}});
  sale("cash", MemberId{"m1"}, {{"RICE", 1, 30, 1}});
  sale("twice", MemberId{"m1"}, {{"RICE", 1, 30, 0}, {"RICE", 1, 30, 0}});
  sale("none", MemberId{"m1"}, {});
  add("capture", Capture{7, 0});
  add("capture: hold", Capture{8, 0});
  add("capture: points", Capture{7, 1});
  add("void", Void{7});
  add("void: hold", Void{8});
  add("refund", Refund{7, 1});
  add("refund: redemption", Refund{8, 1});
  add("refund: points", Refund{7, 2});
  add("reverse", Reverse{"a"});
  add("reverse: target", Reverse{"b"});
  add("clock", ConfirmClock{});
  add("found", FoundProgram{{"minyue", "a0"}});
  add("found another", FoundProgram{{"xinghe", "a0"}});
  Origin origin;
  origin.clerk = "c1";
  add("clerk", Void{7}, origin);
  origin.till = "0001";
  add("clerk and till", Void{7}, origin);
  origin.clerk.clear();
  add("till", Void{7}, origin);

  const auto registration = [&](const std::string& what, const Registration& data, bool is_new = true) {
    add("register: " + what, Register{.items = {data}, .is_new = is_new, .rulebook_json = ""});
  };
  registration("program", ProgramData{"minyue", ""});
  registration("node", NodeData{"n", NodeKind::kPlace, "", {}, ""});
  registration("node code", NodeData{"o", NodeKind::kPlace, "", {}, ""});
  registration("node kind", NodeData{"n", NodeKind::kBranch, "", {}, ""});
  registration("node parent", NodeData{"n", NodeKind::kPlace, "p", {}, ""});
  registration("node places", NodeData{"n", NodeKind::kPlace, "", {"p"}, ""});
  registration("node type", NodeData{"n", NodeKind::kPlace, "", {}, "p"});
  registration("fund", FundData{"street", 7});
  registration("fund code", FundData{"donor", 7});
  registration("fund budget", FundData{"street", 8});
  registration("fund not new", FundData{"street", 7}, false);
  const MemberData member{"m1", "1", MemberKind::kPerson, {1}, "g", {{"m2", 20240101, 20250101}}, RegistrationState::kActive};
  const auto changed = [](auto data, auto change) { return change(data), data; };
  registration("member", member);
  registration("member kind", changed(member, [](auto& m) { m.kind = MemberKind::kHousehold; }));
  registration("member groups", changed(member, [](auto& m) { m.groups = {1, 2}; }));
  registration("member grid", changed(member, [](auto& m) { m.grid = "h"; }));
  registration("member of", changed(member, [](auto& m) { m.memberships[0].member = "m3"; }));
  registration("member from", changed(member, [](auto& m) { m.memberships[0].from = 20240102; }));
  registration("member to", changed(member, [](auto& m) { m.memberships[0].to = 0; }));
  registration("member state", changed(member, [](auto& m) { m.state = RegistrationState::kSuspended; }));
  registration("member changed", member, false);
  registration("another member changed", changed(member, [](auto& m) { m.id = "m9"; }), false);
  const MerchantData merchant{"s1", {"m1"}, "g", RegistrationState::kActive};
  registration("merchant", merchant);
  registration("merchant people", changed(merchant, [](auto& m) { m.people = {"m1", "m2"}; }));
  registration("merchant place", changed(merchant, [](auto& m) { m.place = "h"; }));
  registration("merchant state", changed(merchant, [](auto& m) { m.state = RegistrationState::kSuspended; }));
  registration("terminal", TerminalData{"t1", "s1", RegistrationState::kActive});
  registration("terminal merchant", TerminalData{"t1", "s2", RegistrationState::kActive});
  registration("terminal state", TerminalData{"t1", "s1", RegistrationState::kRevoked});
  registration("staff", StaffData{"a1", "m1", {{Role::kRecorder, "g"}}, RegistrationState::kActive});
  registration("staff member", StaffData{"a1", "m2", {{Role::kRecorder, "g"}}, RegistrationState::kActive});
  registration("staff role", StaffData{"a1", "m1", {{Role::kHelper, "g"}}, RegistrationState::kActive});
  registration("staff scope", StaffData{"a1", "m1", {{Role::kRecorder, ""}}, RegistrationState::kActive});
  registration("staff state", StaffData{"a1", "m1", {{Role::kRecorder, "g"}}, RegistrationState::kRevoked});
  registration("rulebook", RulebookData{"1", 20240101, "ab"});
  registration("rulebook version", RulebookData{"2", 20240101, "ab"});
  registration("rulebook day", RulebookData{"1", 20240102, "ab"});
  registration("rulebook content", RulebookData{"1", 20240101, "ac"});
}

// What the server makes for each attempt, and who asks from where, is not what is asked.
TEST(Fingerprint, LeavesOutWhatTheServerMakes) {
  const auto print = [](const Registration& data) { return Fingerprint({}, Register{.items = {data}, .rulebook_json = ""}); };
  MemberData member{"m1", "10000001", MemberKind::kPerson, {1}, "", {}, RegistrationState::kActive};
  const std::string first = print(member);
  member.id = "m2", member.number = "20000002";
  EXPECT_EQ(print(member), first);
  EXPECT_EQ(print(TerminalData{"t1", "s1", RegistrationState::kActive}), print(TerminalData{"t2", "s1", RegistrationState::kActive}));
  EXPECT_EQ(print(MerchantData{"s1", {}, "", RegistrationState::kActive}), print(MerchantData{"s2", {}, "", RegistrationState::kActive}));
  EXPECT_EQ(print(StaffData{"a1", "", {}, RegistrationState::kActive}), print(StaffData{"a2", "", {}, RegistrationState::kActive}));
  EXPECT_EQ(Fingerprint({}, FoundProgram{{"minyue", "a0"}}), Fingerprint({}, FoundProgram{{"minyue", "a1"}}));
  Origin origin;
  origin.actor = "t1", origin.request_id = "a", origin.terminal = "t1", origin.merchant = "s1", origin.fingerprint = "x";
  EXPECT_EQ(Fingerprint(origin, Void{7}), Fingerprint({}, Void{7}));
}

}  // namespace
}  // namespace redpoints
