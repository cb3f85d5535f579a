// The bytes of a request, as a client could send them: they are refused with a typed reason of shape, or become a command that the engine
// carries out or refuses without breaking a rule of its own. The first byte says which request it is.
#include "google/protobuf/text_format.h"
#include "proto/contract/member_number.h"
#include "server/convert.h"
#include "server/malformed.h"
#include "storage/rules/sales.h"
#include "tests/fuzz/fuzz.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints::fuzz {
namespace {

struct World : EngineTest {
  using EngineTest::blobs, EngineTest::engine, EngineTest::journal, EngineTest::NewId, EngineTest::Staff, EngineTest::Till,
      EngineTest::state, EngineTest::now_ms;

  World() {
    SetUpProgram();
    Add(Person("m5"));
    Add(Household("m6"));
    StaffData staff;
    staff.id = "a1";
    staff.member = "m4";
    Add(staff);
    AwardPoints("m5", 1000);
    RP_CHECK(journal.back()->kind == Kind::kAward);
    sale = Buy("m5", 100).entry().sequence;
    hold = Reserve("m5", 100).entry().sequence;
    award = AwardPoints("m5", 10).entry().sequence;
  }
  void TestBody() override {}
  std::int64_t sale, hold, award;
};

// The journal grows with what is accepted: now and then a new one.
World& TheWorld() {
  static auto* world = new World;
  if (world->journal.size() > 3000) {
    delete world;
    world = new World;
  }
  return *world;
}

// What the server does between conversion and the ledger, without a side store: every number leads to m5.
void Resolve(MemberRef& member) {
  if (!IsMemberNumber(member.id)) return;
  member = {.id = "m5", .print = Sha256Hex(member.id)};
}

void Run(World& world, bool is_sale, server::Mutation mutation) {
  if (auto* sale = std::get_if<Redeem>(&mutation.command)) Resolve(sale->payer.member);
  if (auto* sale = std::get_if<Authorize>(&mutation.command)) Resolve(sale->payer.member);
  if (auto* award = std::get_if<Award>(&mutation.command)) Resolve(award->item.member);
  if (auto* donate = std::get_if<Donate>(&mutation.command)) Resolve(donate->member);
  if (auto* batch = std::get_if<AwardBatch>(&mutation.command)) {
    for (AwardItem& item : batch->items) Resolve(item.member);
  }
  Origin origin = is_sale ? world.Till() : world.Staff();
  origin.request_id = mutation.request_id.empty() ? world.NewId() : mutation.request_id;
  origin.clerk = mutation.clerk;
  origin.till = mutation.till;
  origin.fingerprint = Fingerprint(origin, mutation.command);
  if (auto* registration = std::get_if<Register>(&mutation.command)) {
    for (auto& data : registration->items) {
      // As a number would be reserved.
      auto* member = std::get_if<MemberData>(&data);
      if (member && (registration->is_new || registration->replaces_number)) member->number_commitment = Sha256Hex(member->id);
      if (const auto* rulebook = std::get_if<RulebookData>(&data)) world.blobs[rulebook->sha256] = registration->rulebook_json;
    }
  }
  const Outcome outcome = world.engine.Execute(origin, mutation.command);
  RP_CHECK(!outcome.refusal || outcome.refusal->reason != Reason::INVARIANT_VIOLATION);
  RP_CHECK(outcome.refusal || !outcome.entries.empty());
  for (auto& entry : world.engine.TakePosted()) {
    std::string line;
    AppendLine(*entry, line);
    RP_CHECK(line.size() < kLineBytesMax);
    const auto again = ParseLine(line);
    RP_CHECK(again.ok() && *again == *entry);
    world.journal.push_back(std::move(entry));
  }
  world.engine.TakeBlobs();
  RP_CHECK(world.engine.TakeFault().ok());
}

template <class Request> void LookAs(std::string_view bytes) {
  Request request;
  server::FindMalformedField(*Request::descriptor(), bytes);
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  auto mutation = server::FromProto(request);
  if (!mutation.ok()) {
    const auto refusal = RefusalFrom(mutation.status());
    RP_CHECK(refusal && refusal->reason >= Reason::FIELD_REQUIRED && refusal->reason < Reason::CALLER_UNKNOWN);
    return;
  }
  World& world = TheWorld();
  if constexpr (std::is_same_v<Request, v1::QuoteRequest>) {
    std::int64_t points = 0;
    const auto broken = PriceLines(world.state, "s1", DayOf(world.now_ms), mutation->lines, points);
    RP_CHECK(broken || InRange(points));
  } else {
    Run(world,
        std::is_same_v<Request, v1::RedeemRequest> || std::is_same_v<Request, v1::AuthorizeRequest> ||
            std::is_same_v<Request, v1::CaptureRequest> || std::is_same_v<Request, v1::VoidRequest> ||
            std::is_same_v<Request, v1::RefundRequest> || std::is_same_v<Request, v1::ReverseRequest>,
        *std::move(mutation));
  }
}

using LookFunction = void (*)(std::string_view);
constexpr LookFunction kRequests[] = {
    LookAs<v1::QuoteRequest>,
    LookAs<v1::RedeemRequest>,
    LookAs<v1::AuthorizeRequest>,
    LookAs<v1::CaptureRequest>,
    LookAs<v1::VoidRequest>,
    LookAs<v1::RefundRequest>,
    LookAs<v1::ReverseRequest>,
    LookAs<v1::AwardRequest>,
    LookAs<v1::AwardBatchRequest>,
    LookAs<v1::CorrectRequest>,
    LookAs<v1::DonateRequest>,
    LookAs<v1::CreateProgramRequest>,
    LookAs<v1::ConfirmClockRequest>,
    LookAs<v1::SetNodeRequest>,
    LookAs<v1::SetFundRequest>,
    LookAs<v1::AdoptRulebookRequest>,
    LookAs<v1::CreateMemberRequest>,
    LookAs<v1::UpdateMemberRequest>,
    LookAs<v1::CreateMembersRequest>,
    LookAs<v1::CreateMerchantRequest>,
    LookAs<v1::UpdateMerchantRequest>,
    LookAs<v1::CreateTerminalRequest>,
    LookAs<v1::UpdateTerminalRequest>,
    LookAs<v1::CreateStaffRequest>,
    LookAs<v1::UpdateStaffRequest>,
    LookAs<v1::SetOfferRequest>,
    LookAs<v1::WithdrawRulebookRequest>,
    LookAs<v1::ReplaceMemberNumberRequest>,
    LookAs<v1::ProposeUndoRequest>,
    LookAs<v1::UndoRequest>,
    LookAs<v1::ProposeWaiverRequest>,
    LookAs<v1::WaiveDebtRequest>,
};

template <class Request> std::string Seed(int number, const std::string& text) {
  Request request;
  RP_CHECK(google::protobuf::TextFormat::ParseFromString(text, &request));
  return static_cast<char>(number) + request.SerializeAsString();
}

}  // namespace

std::vector<std::string> Seeds() {
  int next_id = 0;
  const auto begin = [&] {
    return absl::StrCat(R"(program: "programs/minyue" request_id: "6ba7b810-9dad-41d1-80b4-00c04fd43)", 100 + next_id++, "\" ");
  };
  const std::string payer = absl::StrCat(R"(presentation { member_number: ")", WithCheckDigit("2000000"), "\" } ");
  const std::string lines =
      R"(offer_lines { offer: "ANY" quantity: 1 points: 2 cash_fen: 3 } offer_lines { offer: "RICE" quantity: 1 points: 30 } )";
  const std::string till = R"(clerk: "c-1" till_number: "0001")";
  const std::string item =
      R"({ member: "members/m5" activity: "PATROL" quantity: 3 effective_day: 20240315 group: PARTY_VANGUARD session: "s-1"
                                case: "c-1" tags: "x" about: "s-0" })";
  const std::string member = R"(kind: PERSON groups { group: RESIDENTS from_day: 20240101 } grid: "grid-1"
                                memberships { member: "programs/minyue/members/m6" from_day: 20240101 to_day: 20250101 })";
  World& world = TheWorld();
  const auto name = [](const char* collection, std::int64_t sequence) {
    return absl::StrCat("\"programs/minyue/", collection, "/", sequence, "\" ");
  };
  v1::AdoptRulebookRequest adopt;
  RP_CHECK(google::protobuf::TextFormat::ParseFromString(begin(), &adopt));
  adopt.set_rulebook_json(RulebookJson("2024-2", 20240601));
  return {
      Seed<v1::QuoteRequest>(0, R"(program: "programs/minyue" )" + lines),
      Seed<v1::RedeemRequest>(1, begin() + payer + lines + till),
      Seed<v1::AuthorizeRequest>(2, begin() + payer + lines + till),
      Seed<v1::CaptureRequest>(3, begin() + "hold: " + name("holds", world.hold) + "points: 5 " + till),
      Seed<v1::VoidRequest>(4, begin() + "hold: " + name("holds", world.hold)),
      Seed<v1::RefundRequest>(5, begin() + "redemption: " + name("redemptions", world.sale) + "points: 5 " + till),
      Seed<v1::ReverseRequest>(6, begin() + R"(target_request_id: "6ba7b810-9dad-41d1-80b4-00c04fd43101")"),
      Seed<v1::AwardRequest>(7, begin() + "item " + item),
      Seed<v1::AwardBatchRequest>(8, begin() + "items " + item + " items " + item),
      Seed<v1::CorrectRequest>(9, begin() + "award: " + name("awards", world.award) + "new_quantity: 2 reason: WRONG_QUANTITY"),
      Seed<v1::DonateRequest>(10, begin() + R"(member: "members/m5" points: 3)"),
      Seed<v1::CreateProgramRequest>(11, R"(request_id: "6ba7b810-9dad-41d1-80b4-00c04fd43099" program_id: "next")"),
      Seed<v1::ConfirmClockRequest>(12, R"(request_id: "6ba7b810-9dad-41d1-80b4-00c04fd43098" stated_time { seconds: 1710468000 })"),
      Seed<v1::SetNodeRequest>(13, begin() + R"(node { code: "b-1" kind: BRANCH places: "grid-1" type: "party" })"),
      Seed<v1::SetNodeRequest>(13, begin() + R"(node { code: "grid-2" kind: PLACE parent: "grid-1" })"),
      Seed<v1::SetFundRequest>(14, begin() + R"(fund { code: "street" budget_points: 2000000 })"),
      static_cast<char>(15) + adopt.SerializeAsString(),
      Seed<v1::CreateMemberRequest>(16, begin() + "member { " + member + " }"),
      Seed<v1::UpdateMemberRequest>(17, begin() + R"(member { name: "programs/minyue/members/m5" state: ACTIVE )" + member + " }"),
      Seed<v1::CreateMembersRequest>(18, begin() + "members { " + member + " } members { " + member + " }"),
      Seed<v1::CreateMerchantRequest>(
          19, begin() + R"(merchant { people { member: "programs/minyue/members/m4" role: OWNER } place: "grid-1" })"),
      Seed<v1::UpdateMerchantRequest>(20, begin() + R"(merchant { name: "programs/minyue/merchants/s2" state: SUSPENDED })"),
      Seed<v1::CreateTerminalRequest>(21, begin() + R"(merchant: "programs/minyue/merchants/s1")"),
      Seed<v1::UpdateTerminalRequest>(22, begin() + R"(terminal { name: "programs/minyue/merchants/s1/terminals/t1" state: SUSPENDED })"),
      Seed<v1::CreateStaffRequest>(23,
                                   begin() + R"(staff { member: "programs/minyue/members/m4" grants { role: RECORDER scope: "grid-1" } })"),
      Seed<v1::UpdateStaffRequest>(
          24,
          begin() + R"(staff { name: "programs/minyue/staff/a1" external: true state: ACTIVE grants { role: HELPER scope: "grid-1" } })"),
      Seed<v1::SetOfferRequest>(25, begin() + R"(offer { code: "OIL" name_zh_cn: "油" kind: ITEM price_points: 50 from_day: 20240101 })"),
      Seed<v1::WithdrawRulebookRequest>(26,
                                        R"(request_id: "6ba7b810-9dad-41d1-80b4-00c04fd43097" name: "programs/minyue/rulebooks/2024-2")"),
      Seed<v1::ReplaceMemberNumberRequest>(27, R"(request_id: "6ba7b810-9dad-41d1-80b4-00c04fd43096" name: "programs/minyue/members/m5")"),
      Seed<v1::ProposeUndoRequest>(28, begin() + "entry: " + name("entries", world.sale) + "reason: UNDO_WRONG_AMOUNT"),
      Seed<v1::UndoRequest>(29, begin() + "proposal: " + name("entries", world.sale)),
      Seed<v1::ProposeWaiverRequest>(30,
                                     begin() + R"(member: "programs/minyue/members/m1" fund: "street" points: 1 reason: WAIVER_HARDSHIP)"),
      Seed<v1::WaiveDebtRequest>(31, begin() + "proposal: " + name("entries", world.sale)),
  };
}

void Look(std::string_view bytes) {
  if (bytes.empty()) return;
  kRequests[static_cast<unsigned char>(bytes[0]) % std::size(kRequests)](bytes.substr(1));
}

}  // namespace redpoints::fuzz
