// 会员号 over gRPC: who a number leads to, before and after it was replaced, and that no till learns more than that.
#include "server/numbers.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "proto/contract/member_number.h"
#include "server/config.h"
#include "server/maintenance.h"
#include "server/side_state.h"
#include "storage/keys.h"
#include "tests/server/server_fixture.h"
#include "tests/storage/raw_rows.h"

namespace redpoints::server {
namespace {

class NumbersTest : public ServerTest {
 protected:
  std::string Sale(const std::string& id, const std::string& number, int points) {
    return absl::StrCat(R"(program: "$P" request_id: ")", id, R"(" presentation { member_number: ")", number,
                        R"(" } offer_lines { offer: "ANY" quantity: 1 points: )", points, "}");
  }
  Answer Redeem(const std::string& id, const std::string& number, int points) {
    return world.Call("till", "Redeem", Sale(id, number, points));
  }
  std::string Replace(const std::string& id, const std::string& member) {
    const Answer answer = world.Call("admin", "ReplaceMemberNumber", absl::StrCat(R"(request_id: ")", id, R"(" name: ")", member, R"(")"));
    EXPECT_TRUE(answer.ok()) << answer;
    return answer.ok() ? answer.As<v1::ReplaceMemberNumberResponse>().number() : "";
  }
};

TEST_F(NumbersTest, AReplacedNumberLeadsToNobodyAndTheBalanceStays) {
  const std::string old = world.Get("HOME_NUMBER"), id = world.NewUuid();
  const auto balance = world.Balance("$HOME");
  const std::string number = Replace(id, world.Get("HOME"));
  EXPECT_TRUE(IsMemberNumber(number)) << number;
  EXPECT_NE(number, old);
  EXPECT_EQ(Replace(id, world.Get("HOME")), number);  // repeated
  EXPECT_EQ(world.Balance("$HOME"), balance);
  EXPECT_EQ(world.Balance("programs/minyue/members/" + number), balance);
  EXPECT_EQ(world.Call("helper-all", "GetBalance", absl::StrCat(R"(member: "programs/minyue/members/)", old, R"(")")).reason,
            "MEMBER_NOT_FOUND");
  EXPECT_EQ(world.Call("admin", "GetRegistration", absl::StrCat(R"(name: "programs/minyue/members/)", old, R"(")")).reason,
            "MEMBER_NOT_FOUND");
  const Answer found = world.Call("admin", "GetRegistration", R"(name: "$HOME")");
  EXPECT_EQ(found.As<v1::GetRegistrationResponse>().registration().member().number(), number);
  EXPECT_EQ(Redeem(world.NewUuid(), old, 1).reason, "INSUFFICIENT_POINTS");
  EXPECT_TRUE(Redeem(world.NewUuid(), number, 1).ok());
  EXPECT_EQ(world.Balance("$HOME"), balance - 1);
  // Another request's item of the same id was for somebody else.
  EXPECT_EQ(world.Call("admin", "ReplaceMemberNumber", absl::StrCat(R"(request_id: ")", id, R"(" name: "$AWAY")")).reason,
            "REQUEST_ID_REUSED");
  // The same after a restart, which clears what was reserved for nothing.
  world.Restart();
  EXPECT_EQ(world.Balance("programs/minyue/members/" + number), balance - 1);
  EXPECT_EQ(Replace(id, world.Get("HOME")), number);
}

TEST_F(NumbersTest, ARepeatGetsItsFirstAnswerWhenTheNumberLeadsToNobodyNow) {
  const std::string old = world.Get("HOME_NUMBER"), id = world.NewUuid();
  const Answer first = Redeem(id, old, 2);
  ASSERT_TRUE(first.ok()) << first;
  Replace(world.NewUuid(), world.Get("HOME"));
  const Answer again = Redeem(id, old, 2);
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_TRUE(again.As<v1::RedeemResponse>().outcome().replayed());
  EXPECT_EQ(again.As<v1::RedeemResponse>().redemption(), first.As<v1::RedeemResponse>().redemption());
  EXPECT_EQ(Redeem(id, world.Get("AWAY_NUMBER"), 2).reason, "REQUEST_ID_REUSED");
}

// Neither tells a till whether there is such a member.
TEST_F(NumbersTest, AnUnknownNumberIsAnsweredAsTooFewPoints) {
  const std::string poor = world.Get("SPARE_NUMBER"), unknown = WithCheckDigit("100000000");
  const auto seen = [&](const std::string& number) {
    Answer answer = Redeem(world.NewUuid(), number, 500);
    EXPECT_EQ(answer.reason, "INSUFFICIENT_POINTS") << answer;
    EXPECT_TRUE(answer.facts.empty()) << answer;
    EXPECT_TRUE(answer.has_outcome);
    v1::Outcome outcome = answer.outcome;
    outcome.clear_request_id(), outcome.clear_sequence(), outcome.clear_state_sequence(), outcome.clear_record_time();
    return absl::StrCat(answer.status.error_code(), answer.status.error_message(), answer.localized, outcome.ShortDebugString());
  };
  EXPECT_EQ(seen(poor), seen(unknown));
}

// A till's reply names nobody and says nothing of what they hold.
TEST_F(NumbersTest, ATillsReplyNamesNoMember) {
  const std::string id = world.Get("HOME").substr(world.Get("HOME").rfind('/') + 1), number = world.Get("HOME_NUMBER");
  for (const char* method : {"Redeem", "Authorize", "Capture", "Void", "Refund", "Reverse", "Quote", "GetOutcome"}) {
    const Answer answer = world.Call("till", method, SampleOf(method).text);
    ASSERT_TRUE(answer.ok()) << method << answer;
    EXPECT_EQ(answer.Visible().find(id), std::string::npos) << method << answer;
    EXPECT_EQ(answer.Visible().find(number), std::string::npos) << method << answer;
  }
}

// Members made anew, many at once: a repeat gets the same ids and numbers.
TEST_F(NumbersTest, ARepeatedCreationGivesTheSameNumbers) {
  const std::string text =
      absl::StrCat(R"(program: "$P" request_id: ")", world.NewUuid(), R"(" )",
                   R"(members { kind: PERSON groups { group: RESIDENTS } } members { kind: PERSON groups { group: RESIDENTS } })");
  const auto create = [&] {
    const Answer answer = world.Call("admin", "CreateMembers", text);
    EXPECT_TRUE(answer.ok()) << answer;
    v1::CreateMembersResponse response = answer.As<v1::CreateMembersResponse>();
    response.clear_outcome();
    return response;
  };
  const auto first = create();
  ASSERT_EQ(first.members_size(), 2);
  EXPECT_TRUE(IsMemberNumber(first.members(0).number()));
  EXPECT_NE(first.members(0).number(), first.members(1).number());
  EXPECT_EQ(create().SerializeAsString(), first.SerializeAsString());
  // An award by number reaches the one it names.
  const std::string by_number = "members/" + first.members(1).number();
  EXPECT_TRUE(world
                  .Call("recorder-all", "Award",
                        absl::StrCat(R"(program: "$P" request_id: "$ID" item { member: ")", by_number,
                                     R"(" activity: "PATROL" quantity: 2 effective_day: $TODAY group: RESIDENTS })"))
                  .ok());
  EXPECT_EQ(world.Balance(first.members(1).name()), 20);
  EXPECT_EQ(
      world
          .Call("recorder-all", "Award", absl::StrReplaceAll(SampleOf("Award").text, {{"$HOME", "members/" + WithCheckDigit("100000000")}}))
          .reason,
      "MEMBER_NOT_FOUND");
}

namespace fs = std::filesystem;

// Every file of a directory with its bytes.
std::map<std::string, std::string> BytesBelow(const std::string& directory) {
  std::map<std::string, std::string> bytes;
  for (const auto& file : fs::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file()) continue;
    std::ostringstream content;
    content << std::ifstream(file.path(), std::ios::binary).rdbuf();
    bytes[file.path()] = content.str();
  }
  return bytes;
}

// What `check` prints of a ledger that is sound, whatever is with the side state: of that it changes no byte.
std::string Checked(const Config& config) {
  const auto before = BytesBelow(config.side_state().directory());
  testing::internal::CaptureStdout();
  const auto status = CheckShards(config, "");
  const std::string said = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(BytesBelow(config.side_state().directory()) == before) << "check has written";
  return said;
}

// The side store is put back older than the ledger.
TEST_F(NumbersTest, CheckNamesEachMemberWhoseNumberIsLost) {
  const Config config = LoadConfig(world.directory() + "/server/redpointsd.textproto").value();
  const std::string side = config.side_state().directory(), old = side + ".old", whole = side + ".whole";
  const auto id_of = [](const std::string& name) { return name.substr(name.rfind('/') + 1); };
  const auto entry_of = [&](const std::string& name) {
    const Answer found = world.Call("admin", "GetRegistration", absl::StrCat(R"(name: ")", name, R"(")"));
    return found.As<v1::GetRegistrationResponse>().registration().sequence();
  };
  const auto lost = [&](const std::string& name, std::int64_t entry) {
    return absl::StrCat("  number lost of member ", id_of(name), ", entry ", entry, ": redpoints member number ", id_of(name),
                        " --replace\n");
  };
  world.Restart([&](const std::string&) {
    EXPECT_EQ(Checked(config).find("lost"), std::string::npos);
    fs::copy(side, old, fs::copy_options::recursive);
  });
  const std::string late = world.CreateMember("grid-1");
  Replace(world.NewUuid(), world.Get("SPARE"));
  const std::string expected_late = lost(late, entry_of(late)), expected_spare = lost(world.Get("SPARE"), entry_of(world.Get("SPARE")));
  world.Restart([&](const std::string&) {
    EXPECT_EQ(Checked(config).find("lost"), std::string::npos);
    fs::rename(side, whole);
    fs::rename(old, side);
    const std::string said = Checked(config);
    EXPECT_NE(said.find(expected_late), std::string::npos) << said;
    EXPECT_NE(said.find(expected_spare), std::string::npos) << said;
    std::size_t count = 0;
    for (auto at = said.find("number lost"); at != std::string::npos; at = said.find("number lost", at + 1)) ++count;
    EXPECT_EQ(count, 2u) << said;
    EXPECT_EQ(said.find("without an entry"), std::string::npos) << said;
    EXPECT_NE(said.find("side state: "), std::string::npos) << said;
  });
  // As it says: they get new ones.
  for (const std::string& name : {late, world.Get("SPARE")}) EXPECT_TRUE(IsMemberNumber(Replace(world.NewUuid(), name)));
  world.Restart([&](const std::string&) { EXPECT_EQ(Checked(config).find("lost"), std::string::npos); });
}

TEST_F(NumbersTest, CheckTellsWhatHasNoEntryAndWhatItCouldNotCheck) {
  const Config config = LoadConfig(world.directory() + "/server/redpointsd.textproto").value();
  world.Restart([&](const std::string&) {
    EXPECT_EQ(Checked(config).find("without an entry"), std::string::npos);
    {
      // Requests that never came to their entries.
      auto side = OpenSide(config.side_state(), /*read_only=*/false);
      ASSERT_TRUE(side.ok()) << side.status();
      ASSERT_TRUE(side->store->Reserve("minyue", "a1", "0a01", {{.item = 0, .member = "mx"}, {.item = 1, .member = "my"}}).ok());
      ASSERT_TRUE(side->store->KeepDeeds("minyue", "a1", "0a02", {{.item = 0, .member = "mx", .content = "a deed"}}).ok());
    }
    const std::string said = Checked(config);
    EXPECT_NE(said.find("  side state without an entry: 2 numbers, 1 deeds\n"), std::string::npos) << said;
    EXPECT_EQ(said.find("lost"), std::string::npos) << said;
    const std::string keys = config.side_state().key_file();
    for (const std::string& absent : {keys, config.side_state().directory()}) {
      fs::rename(absent, absent + ".away");
      if (absent != keys) fs::create_directory(absent);
      testing::internal::CaptureStdout();
      EXPECT_TRUE(CheckShards(config, "").ok());
      const std::string unchecked = testing::internal::GetCapturedStdout();
      EXPECT_NE(unchecked.find("side state not checked, members' numbers neither: "), std::string::npos) << unchecked;
      EXPECT_EQ(unchecked.find("number lost"), std::string::npos) << unchecked;
      if (absent != keys) fs::remove(absent);
      fs::rename(absent + ".away", absent);
    }
  });
  // The start has cleared them.
  world.Restart([&](const std::string&) { EXPECT_EQ(Checked(config).find("without an entry"), std::string::npos); });
}

// What stands in the journal leads to no number.
TEST_F(NumbersTest, TheJournalHoldsNoNumber) {
  std::string journal;
  for (const auto& message : world.Stream("auditor", "ExportEntries", R"(program: "$P" format: JSON_LINES)")) {
    journal += dynamic_cast<const v1::ExportEntriesResponse&>(*message).data();
  }
  EXPECT_NE(journal.find("number_commitment"), std::string::npos);
  for (const char* word : {"HOME_NUMBER", "AWAY_NUMBER", "SPARE_NUMBER"}) EXPECT_EQ(journal.find(world.Get(word)), std::string::npos);
}

// The side store stays where it is when a shard is recovered: who is still in the journal keeps the number, a number whose member's entry
// is lost leads to nobody, and who is registered again gets one that works.
TEST_F(NumbersTest, ARecoveredLedgerFindsItsNumbersInTheSideStoreThatStayed) {
  const auto balance = world.Balance("$HOME");
  const std::string create = absl::StrCat(R"(program: "$P" request_id: ")", world.NewUuid(),
                                          R"(" member { kind: PERSON groups { group: RESIDENTS } grid: "grid-1" })");
  const Answer made = world.Call("admin", "CreateMember", create);
  ASSERT_TRUE(made.ok()) << made;
  const std::string number = made.As<v1::CreateMemberResponse>().member().number();
  const auto end = world.End();
  world.Restart([&](const std::string& ledger) {
    std::filesystem::rename(ledger, ledger + ".damaged");
    SetRawRow(ledger + ".damaged/log", "journal", JournalKey("minyue", end - 1), std::nullopt);
    const auto recovered = RecoverShard(ledger + ".damaged", ledger);
    ASSERT_TRUE(recovered.ok()) << recovered;
  });
  EXPECT_EQ(world.Balance("programs/minyue/members/" + world.Get("HOME_NUMBER")), balance);
  EXPECT_EQ(world.Call("helper-all", "GetBalance", absl::StrCat(R"(member: "programs/minyue/members/)", number, R"(")")).reason,
            "MEMBER_NOT_FOUND");
  const Answer again = world.Call("admin", "CreateMember", create);
  ASSERT_TRUE(again.ok()) << again;
  const auto& member = again.As<v1::CreateMemberResponse>().member();
  EXPECT_TRUE(IsMemberNumber(member.number()));
  EXPECT_EQ(world.Balance("programs/minyue/members/" + member.number()), 0);
}

}  // namespace
}  // namespace redpoints::server
