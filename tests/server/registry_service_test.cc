// The registry over gRPC, beyond what every method has in common.
#include <string>

#include "absl/strings/str_cat.h"

#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

class RegistryServiceTest : public ServerTest {};

// Who checks a rulebook hears what who adopts it would, and nothing has happened.
TEST_F(RegistryServiceTest, ACheckedRulebookIsJudgedAsAnAdoptedOne) {
  auto request = world.Parse("AdoptRulebook", R"(program: "$P" request_id: "$ID" rulebook_json: "$RULEBOOK")");
  auto& adopt = dynamic_cast<v1::AdoptRulebookRequest&>(*request);
  v1::AdoptRulebookRequest check = adopt;
  check.set_validate_only(true);
  const auto start = world.End();
  for (int i = 0; i < 2; ++i) {
    const Answer checked = world.Call("admin", "AdoptRulebook", check);
    ASSERT_TRUE(checked.ok()) << checked;
    EXPECT_FALSE(checked.As<v1::AdoptRulebookResponse>().has_outcome());
    EXPECT_NE(checked.As<v1::AdoptRulebookResponse>().version(), "");
    EXPECT_EQ(checked.As<v1::AdoptRulebookResponse>().sha256().size(), 32u);
  }
  std::string past = adopt.rulebook_json();
  const std::string day = R"("effective_day":)";
  past.replace(past.find(day) + day.size(), 4, "2020");
  check.set_rulebook_json(past);
  const Answer refused = world.Call("admin", "AdoptRulebook", check);
  EXPECT_EQ(refused.reason, "RULEBOOK_INVALID") << refused;
  EXPECT_EQ(refused.facts.at("field"), "effective_day");
  EXPECT_EQ(world.AskedSince(start), 0);
  const Answer adopted = world.Call("admin", "AdoptRulebook", adopt);  // the request id is free
  EXPECT_TRUE(adopted.ok()) << adopted;
  EXPECT_FALSE(adopted.As<v1::AdoptRulebookResponse>().outcome().replayed());
}

// The kind stays, so nobody has to repeat it; to change it is refused.
TEST_F(RegistryServiceTest, AnUpdatedMemberKeepsItsKind) {
  const auto update = [&](const char* kind) {
    return world.Call("admin", "UpdateMember",
                      absl::StrCat(R"(program: "$P" request_id: "$ID" member { name: "$HOUSEHOLD" )", kind,
                                   R"( groups { group: RESIDENTS } grid: "grid-2" state: ACTIVE })"));
  };
  const Answer updated = update("");
  EXPECT_TRUE(updated.ok()) << updated;
  const Answer found = world.Call("admin", "GetRegistration", R"(name: "$HOUSEHOLD")");
  const auto& member = found.As<v1::GetRegistrationResponse>().registration().member();
  EXPECT_EQ(member.kind(), v1::HOUSEHOLD);
  EXPECT_EQ(member.grid(), "grid-2");
  EXPECT_TRUE(update("kind: HOUSEHOLD").ok());
  EXPECT_EQ(update("kind: PERSON").facts.at("field"), "member.kind");
  const Answer nobody =
      world.Call("admin", "UpdateMember",
                 R"(program: "$P" request_id: "$ID" member { name: "$P/members/mx" groups { group: RESIDENTS } state: ACTIVE })");
  EXPECT_EQ(nobody.reason, "MEMBER_NOT_FOUND") << nobody;
}

}  // namespace
}  // namespace redpoints::server
