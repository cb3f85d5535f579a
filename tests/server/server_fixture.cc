#include "tests/server/server_fixture.h"

#include <fcntl.h>
#include <grpc/grpc.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/sync_stream.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/text_format.h"
#include "google/rpc/status.pb.h"
#include "proto/contract/names.h"
#include "proto/contract/request_id.h"
#include "server/config.h"
#include "server/init.h"
#include "storage/clock.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/day.h"
#include "storage/rules/types.h"
#include "tests/rulebook.h"

namespace redpoints::server {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

// Connections are freed by threads of gRPC's own; a process that ends sooner seems to leak them.
class WaitForGrpc : public testing::Environment {
 public:
  void SetUp() override { grpc_init(); }
  void TearDown() override { grpc_shutdown_blocking(); }
};
[[maybe_unused]] const auto* const kWaitForGrpc = testing::AddGlobalTestEnvironment(new WaitForGrpc);

std::unique_ptr<Message> New(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

bool FromBuffer(const grpc::ByteBuffer& buffer, Message& message) {
  grpc::Slice slice;
  return buffer.Valid() && buffer.DumpToSingleSlice(&slice).ok() && message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

void ReadDetails(Answer& answer) {
  google::rpc::Status envelope;
  if (answer.status.ok() || !envelope.ParseFromString(answer.status.error_details())) return;
  for (const auto& any : envelope.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::LocalizedMessage localized;
    if (any.UnpackTo(&info)) {
      answer.reason = info.reason();
      answer.domain = info.domain();
      answer.facts = {info.metadata().begin(), info.metadata().end()};
    } else if (any.UnpackTo(&localized)) {
      answer.localized = absl::StrCat(localized.locale(), " ", localized.message());
    } else if (any.UnpackTo(&answer.outcome)) {
      answer.has_outcome = true;
    }
  }
}

}  // namespace

Answer AnswerOf(const grpc::Status& status) {
  Answer answer;
  answer.status = status;
  ReadDetails(answer);
  return answer;
}

std::string Answer::Visible() const {
  return absl::StrCat(status.error_code(), " ", status.error_message(), " ", status.error_details(), " ",
                      response ? response->ShortDebugString() : "");
}

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  out << answer.status.error_code() << " " << answer.reason << " " << answer.status.error_message();
  for (const auto& [key, value] : answer.facts) out << " " << key << "=" << value;
  return answer.response ? out << " " << answer.response->ShortDebugString().substr(0, 300) : out;
}

const std::map<std::string, const MethodDescriptor*>& Methods() {
  static const auto* const methods = [] {
    auto* all = new std::map<std::string, const MethodDescriptor*>;
    for (const auto* file :
         {v1::QuoteRequest::descriptor()->file(), v1::AwardRequest::descriptor()->file(), v1::GetBalanceRequest::descriptor()->file(),
          v1::GetEntryRequest::descriptor()->file(), v1::SetNodeRequest::descriptor()->file(), v1::BackupRequest::descriptor()->file()}) {
      for (int s = 0; s < file->service_count(); ++s) {
        for (int m = 0; m < file->service(s)->method_count(); ++m) {
          const MethodDescriptor* method = file->service(s)->method(m);
          RP_CHECK(all->emplace(method->name(), method).second);
        }
      }
    }
    return all;
  }();
  return *methods;
}

const std::vector<Sample>& Samples() {
  static const auto* const samples = new std::vector<Sample>{
      {"Quote", "till", R"(program: "$P" offer_lines { offer: "ANY" quantity: 1 points: 1 cash_fen: 5 })"},
      {"Redeem", "till",
       R"(program: "$P" request_id: "$ID" presentation { member_number: "$HOME_NUMBER" }
          offer_lines { offer: "ANY" quantity: 1 points: 1 cash_fen: 5 } clerk: "c-1" till_number: "0001")"},
      {"Authorize", "till",
       R"(program: "$P" request_id: "$ID" presentation { member_number: "$HOME_NUMBER" }
          offer_lines { offer: "ANY" quantity: 1 points: 1 cash_fen: 5 } clerk: "c-1" till_number: "0001")"},
      {"Capture", "till", R"(program: "$P" request_id: "$ID" hold: "$HOLD" points: 1 clerk: "c-1" till_number: "0001")"},
      {"Void", "till", R"(program: "$P" request_id: "$ID" hold: "$HOLD" clerk: "c-1")"},
      {"Refund", "till", R"(program: "$P" request_id: "$ID" redemption: "$REDEMPTION" points: 1 clerk: "c-1" till_number: "0001")"},
      {"Reverse", "till", R"(program: "$P" request_id: "$ID" target_request_id: "$ID" clerk: "c-1")"},
      {"GetOutcome", "till", R"(program: "$P" request_id: "$SOLD_ID")"},
      {"Award", "recorder-all",
       R"(program: "$P" request_id: "$ID" item { member: "$HOME" activity: "PATROL" quantity: 1 effective_day: $TODAY group: PARTY_VANGUARD
          session: "s-1-$N" case: "c-$N" tags: "night" about: "s-0"
          evidence_sha256: "0123456789abcdef0123456789abcdef" note_commitment: "0123456789abcdef0123456789abcdef" })"},
      {"AwardBatch", "recorder-all",
       R"(program: "$P" request_id: "$ID" items { member: "$HOME" activity: "PATROL" quantity: 1 effective_day: $TODAY group: PARTY_VANGUARD
          session: "s-2-$N" case: "c-$N" tags: "night" about: "s-0"
          evidence_sha256: "0123456789abcdef0123456789abcdef" note_commitment: "0123456789abcdef0123456789abcdef" })"},
      {"Correct", "corrector-all", R"(program: "$P" request_id: "$ID" award: "$AWARD" new_quantity: 2 reason: WRONG_QUANTITY)"},
      {"Donate", "recorder-all", R"(program: "$P" request_id: "$ID" member: "$HOME" points: 1)"},
      {"ProposeUndo", "corrector-all", R"(program: "$P" request_id: "$ID" entry: "$DONATION" reason: UNDO_WRONG_AMOUNT)"},
      {"Undo", "corrector-all", R"(program: "$P" request_id: "$ID" proposal: "$PROPOSAL")"},
      {"ProposeWaiver", "corrector-all",
       R"(program: "$P" request_id: "$ID" member: "$DEBTOR" fund: "gone" points: 1 reason: WAIVER_HARDSHIP)"},
      {"WaiveDebt", "corrector-all", R"(program: "$P" request_id: "$ID" proposal: "$WAIVER")"},
      {"GetAwardOutcome", "recorder-all", R"(program: "$P" request_id: "$AWARDED_ID")"},
      {"GetBalance", "helper-all", R"(member: "$HOME" as_of_time { seconds: 1800000000 nanos: 5 })"},
      {"ListStatement", "helper-all",
       R"(member: "$HOME" unit: "POINT" start_time { seconds: 1 nanos: 5 } end_time { seconds: 1900000000 nanos: 5 } page_size: 2)"},
      {"GetJournal", "auditor", R"(program: "$P")"},
      {"GetEntry", "auditor", R"(name: "$P/entries/0")"},
      {"FollowEntries", "auditor", R"(program: "$P" after: "$P/entries/0")"},
      {"ExportEntries", "auditor", R"(program: "$P" after: "$P/entries/0" through: "$P/entries/2" format: JSON_LINES)"},
      {"GetBlob", "auditor", R"(program: "$P" sha256: "$BLOB")"},
      {"CreateProgram", "operator", R"(request_id: "$ID" program_id: "p-$N")"},
      {"ConfirmClock", "operator", R"(request_id: "$ID" stated_time { seconds: $NOW nanos: 5 })"},
      {"SetNode", "admin",
       R"(program: "$P" request_id: "$ID" node { code: "branch-$N" kind: BRANCH parent: "branch-1" places: "grid-1" type: "party-group" end_day: 20990101 })"},
      {"SetFund", "admin", R"(program: "$P" request_id: "$ID" fund { code: "fund-$N" budget_points: 1000 end_day: 20990101 })"},
      {"SetOffer", "admin",
       R"(program: "$P" request_id: "$ID" offer { code: "OFFER_$N" name_zh_cn: "大米" kind: ITEM merchant: "$SHOP" max_points: 100
          from_day: 20240101 to_day: 20990101 })"},
      {"AdoptRulebook", "admin", R"(program: "$P" request_id: "$ID" rulebook_json: "$RULEBOOK")"},
      {"WithdrawRulebook", "admin", R"(request_id: "$ID" name: "$P/rulebooks/$FUTURE")"},
      {"CreateMember", "admin",
       R"(program: "$P" request_id: "$ID" member { kind: PERSON groups { group: RESIDENTS from_day: 20200101 to_day: 20990101 } grid: "grid-1" state: ACTIVE
          memberships { member: "$HOUSEHOLD" from_day: 20240101 to_day: 20300101 } })"},
      {"UpdateMember", "admin",
       R"(program: "$P" request_id: "$ID" member { name: "$SPARE" kind: PERSON groups { group: RESIDENTS from_day: 20200101 to_day: 20990101 } grid: "grid-1" state: ACTIVE
          memberships { member: "$HOUSEHOLD" from_day: 20240101 to_day: 20300101 } })"},
      {"ReplaceMemberNumber", "admin", R"(request_id: "$ID" name: "$P/members/$SPARE_ID")"},
      {"CreateMembers", "admin",
       R"(program: "$P" request_id: "$ID" members { kind: PERSON groups { group: RESIDENTS from_day: 20200101 to_day: 20990101 } grid: "grid-1" state: ACTIVE
          memberships { member: "$HOUSEHOLD" from_day: 20240101 to_day: 20300101 } })"},
      {"CreateMerchant", "admin",
       R"(program: "$P" request_id: "$ID" merchant { people { member: "$SPARE" role: OWNER from_day: 20240101 to_day: 20990101 } place: "grid-1" state: ACTIVE })"},
      {"UpdateMerchant", "admin",
       R"(program: "$P" request_id: "$ID" merchant { name: "$SPARE_SHOP" people { member: "$SPARE" role: CLERK from_day: 20240101 to_day: 20990101 } place: "grid-1" state: ACTIVE })"},
      {"CreateTerminal", "admin", R"(program: "$P" request_id: "$ID" merchant: "$SPARE_SHOP")"},
      {"UpdateTerminal", "admin", R"(program: "$P" request_id: "$ID" terminal { name: "$SPARE_TERMINAL" state: ACTIVE })"},
      {"CreateStaff", "admin",
       R"(program: "$P" request_id: "$ID" staff { member: "$SPARE" grants { role: HELPER scope: "grid-1" } state: ACTIVE })"},
      {"UpdateStaff", "admin",
       R"(program: "$P" request_id: "$ID" staff { name: "$SPARE_STAFF" member: "$SPARE" grants { role: HELPER scope: "grid-1" } state: ACTIVE })"},
      {"GetRegistration", "admin", R"(name: "$HOME")"},
      {"ListRegistrations", "admin", R"(program: "$P" kind: "members" page_size: 2)"},
      {"Backup", "operator", R"(backup_id: "backup-$N")"},
      {"GetMetrics", "operator", ""},
  };
  return *samples;
}

const Sample& SampleOf(const std::string& method) {
  for (const Sample& sample : Samples()) {
    if (sample.method == method) return sample;
  }
  ADD_FAILURE() << "no sample of " << method;
  return Samples().front();
}

namespace {

// Every rulebook keeps the rate of a fund whose points are out; the first one has an activity that it pays.
std::string WithGone(std::string book, bool is_paying) {
  const std::string rates = R"("fund_rates":[)";
  book.insert(book.find(rates) + rates.size(), R"({"fund":"gone","fen_numerator":1,"points_denominator":1,"rounding":"DOWN"},)");
  if (!is_paying) return book;
  return WithActivity(book, R"({"code":"CLEANUP","min_quantity":1,"fund":"gone",
                                "earnings":[{"unit":"POINT","numerator":1,"denominator":1,"rounding":"DOWN"}]})");
}

}  // namespace

World::World(Options options) : options_(std::move(options)) {
  char name[] = "/tmp/redpoints-server-XXXXXX";
  directory_ = ::mkdtemp(name);
  log_fd_ = ::open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  log_ = std::make_unique<Logger>(LogLevel::kDebug, log_fd_);
  const std::string server = directory_ + "/server";
  const auto made = InitDirectory({.directory = server, .listen = "127.0.0.1:0", .program = "minyue"});
  RP_CHECK(made.ok());
  const auto read = [&](const std::string& file) {
    return ReadKeyPair(server + "/certificates/" + file + ".crt", server + "/certificates/" + file + ".key").value();
  };
  authority_ = std::make_unique<CertificateAuthority>(CertificateAuthority::Load(read("ca")).value());
  for (const auto& [caller, file] : {std::pair("operator", "operator"), std::pair("admin", "administrator")}) {
    pairs_[caller] = read(file);
  }
  Start();

  Set("P", "programs/minyue");
  Set("TODAY", absl::StrCat(DayOf(Clock::System().NowMs())));
  for (const char* node : {R"(code: "community" kind: PLACE)", R"(code: "grid-1" kind: PLACE parent: "community")",
                           R"(code: "grid-2" kind: PLACE parent: "community")", R"(code: "party" kind: BRANCH)",
                           R"(code: "branch-1" kind: BRANCH parent: "party" places: "grid-1")"}) {
    Must("admin", "SetNode", absl::StrCat(R"(program: "$P" request_id: "$ID" node {)", node, "}"));
  }
  for (const char* fund : {"street", "donor", "gone"}) {
    Must("admin", "SetFund", absl::StrCat(R"(program: "$P" request_id: "$ID" fund { code: ")", fund, R"(" budget_points: 1000000000 })"));
  }
  // Holds must not end during a test.
  std::string book = WithGone(RulebookJson("2024-1", 20240101, "{}", R"({"debts_allowed":true,"late_days":60,"hold_ttl_ms":86400000})"),
                              /*is_paying=*/true);
  options_.edit_rulebook(book);
  v1::AdoptRulebookRequest adopt;
  adopt.set_program(Get("P"));
  adopt.set_request_id(NewUuid());
  adopt.set_rulebook_json(book);
  const Answer adopted = Call("admin", "AdoptRulebook", adopt);
  EXPECT_TRUE(adopted.ok()) << adopted;
  std::string escaped;  // for the text format
  for (const char c : adopted.As<v1::AdoptRulebookResponse>().sha256()) {
    char octal[8];
    std::snprintf(octal, sizeof(octal), "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
    escaped += octal;
  }
  Set("BLOB", escaped);

  for (const char* offer : {R"(code: "ANY" kind: BILL)", R"(code: "RICE" kind: ITEM price_points: 30)"}) {
    Must("admin", "SetOffer", absl::StrCat(R"(program: "$P" request_id: "$ID" offer {)", offer, "}"));
  }

  for (const auto& [word, grid] :
       {std::pair("HOME", "grid-1"), std::pair("AWAY", "grid-2"), std::pair("UNPLACED", ""), std::pair("SPARE", "grid-1")}) {
    std::string number;
    Set(word, CreateMember(grid, &number));
    Set(absl::StrCat(word, "_NUMBER"), number);
  }
  Set("SPARE_ID", Get("SPARE").substr(Get("SPARE").rfind('/') + 1));
  Set("HOUSEHOLD", Must("admin", "CreateMember",
                        R"(program: "$P" request_id: "$ID" member { kind: HOUSEHOLD groups { group: RESIDENTS } grid: "grid-1" })")
                       .As<v1::CreateMemberResponse>()
                       .member()
                       .name());
  for (const char* word : {"SHOP", "RIVAL_SHOP", "SPARE_SHOP"}) {
    Set(word, Must("admin", "CreateMerchant", R"(program: "$P" request_id: "$ID" merchant { place: "grid-1" })")
                  .As<v1::CreateMerchantResponse>()
                  .merchant()
                  .name());
  }
  AddCaller("till", CreateTerminal("$SHOP"));
  AddCaller("till-2", CreateTerminal("$SHOP"));
  AddCaller("rival", CreateTerminal("$RIVAL_SHOP"));
  Set("SPARE_TERMINAL", CreateTerminal("$SPARE_SHOP"));
  AddCaller("member", Get("HOME"));
  AddCaller("stranger", Get("AWAY"));
  AddCaller("recorder", CreateStaff("RECORDER", "grid-1"));
  AddCaller("recorder-all", CreateStaff("RECORDER", ""));
  AddCaller("corrector", CreateStaff("CORRECTOR", "grid-1"));
  AddCaller("corrector-all", CreateStaff("CORRECTOR", ""));
  AddCaller("corrector-2", CreateStaff("CORRECTOR", ""));
  AddCaller("admin-2", CreateStaff("ADMINISTRATOR", ""));
  AddCaller("helper", CreateStaff("HELPER", "grid-1"));
  AddCaller("helper-all", CreateStaff("HELPER", ""));
  AddCaller("auditor", CreateStaff("AUDITOR", ""));
  AddCaller("settler", CreateStaff("SETTLER", ""));
  Set("SPARE_STAFF", CreateStaff("HELPER", "grid-1"));
  Set("NOBODY", Must("admin", "CreateStaff", R"(program: "$P" request_id: "$ID" staff { external: true })")
                    .As<v1::CreateStaffResponse>()
                    .staff()
                    .name());
  AddCaller("nobody", Get("NOBODY"));
  AddCaller(
      "other-admin",
      Must("operator", "CreateProgram", R"(request_id: "$ID" program_id: "other")").As<v1::CreateProgramResponse>().administrator().name());

  Set("AWARDED_ID", NewUuid());
  Must("recorder-all", "Award",
       R"(program: "$P" request_id: "$AWARDED_ID"
          item { member: "$HOME" activity: "PATROL" quantity: 1000 effective_day: $TODAY group: PARTY_VANGUARD })");
  Award("$AWAY", 100);
  Set("SOLD_ID", NewUuid());
  Redeem(5, Get("SOLD_ID"));
}

World::~World() {
  channels_.clear();
  server_.reset();
  ::close(log_fd_);
  std::error_code error;
  fs::remove_all(directory_, error);
}

void World::Start() {
  auto config = LoadConfig(directory_ + "/server/redpointsd.textproto").value();
  config.mutable_limits()->set_calls_per_second_max(1'000'000);
  config.mutable_limits()->set_calls_burst_max(1'000'000);
  config.mutable_limits()->set_max_message_bytes(64 << 20);
  options_.configure(config);
  auto started = Server::Start(config, *log_, *options_.clock);
  EXPECT_TRUE(started.ok()) << started.status();
  server_ = *std::move(started);
  for (const auto& [caller, pair] : pairs_) Connect(caller, pair);
}

void World::Connect(const std::string& caller, KeyPair pair) {
  grpc::ChannelArguments arguments;
  // A connection of its own for each caller, or the certificates would not tell them apart.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  channels_[caller] = grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", port()),
      grpc::SslCredentials(
          {.pem_root_certs = authority_->pair().certificate_pem, .pem_private_key = pair.key_pem, .pem_cert_chain = pair.certificate_pem}),
      arguments);
  pairs_[caller] = std::move(pair);
}

void World::Restart(const std::function<void(const std::string& ledger_directory)>& meanwhile) {
  channels_.clear();
  server_.reset();
  if (meanwhile) meanwhile(directory_ + "/server/ledger");
  Start();
}

void World::AddCaller(const std::string& caller, const std::string& name, bool is_foreign) {
  Connect(caller,
          is_foreign ? CertificateAuthority::Create("not ours").value().IssueClient(name).value() : authority_->IssueClient(name).value());
  Set("NAME_OF_" + caller, name);
}
void World::AddNameless(const std::string& caller) {
  Connect(caller, authority_->Issue({.common_name = "programs/minyue/staff/a1", .dns_names = {"staff.example"}}).value());
}

std::string World::NewUuid() { return FormatUuid(Sha256Hex(absl::StrCat("world ", next_++)).substr(0, 32)); }

std::string World::Fill(std::string text) {
  // The text of a new request is filled before the one that needs it.
  const auto lazily = [&](const char* word, const auto& make) {
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word)) text.replace(at, std::string_view(word).size(), make());
  };
  lazily("$HOLD", [&] { return Hold(3); });
  lazily("$REDEMPTION", [&] { return Redeem(3); });
  lazily("$PROPOSAL", [&] { return ProposeUndo(Donate("$HOME")); });
  lazily("$DONATION", [&] { return Donate("$HOME"); });
  lazily("$WAIVER", [&] { return ProposeWaiver(Debtor()); });
  lazily("$DEBTOR", [&] { return Debtor(); });
  lazily("$FUTURE",
         [&] { return Must("admin-2", "AdoptRulebook", SampleOf("AdoptRulebook").text).As<v1::AdoptRulebookResponse>().version(); });
  lazily("$NOW", [&] { return absl::StrCat(options_.clock->NowMs() / 1000); });
  lazily("$AWARDED_ID", [&] { return Get("AWARDED_ID"); });
  lazily("$AWARD", [&] { return Award("$HOME", 1); });
  lazily("$RULEBOOK", [&] {
    const int number = next_++;
    const std::string book = WithGone(RulebookJson(absl::StrCat("v", number), AddDays(20300101, number)), /*is_paying=*/false);
    return absl::StrReplaceAll(book, {{"\"", "\\\""}, {"\n", " "}});
  });
  lazily("$ID", [&] { return NewUuid(); });
  for (const auto& [word, value] : words_) {
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size())) text.replace(at, word.size(), value);
  }
  lazily("$N", [&] { return absl::StrCat(next_++); });
  return text;
}

std::unique_ptr<Message> World::Parse(const std::string& method, const std::string& text) {
  auto request = New(Methods().at(method)->input_type());
  const std::string filled = Fill(text);
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(filled, request.get())) << filled;
  return request;
}

Answer World::Call(const std::string& caller, const std::string& method, const std::string& text) {
  return Call(caller, method, *Parse(method, text));
}
Answer World::Call(const std::string& caller, const std::string& method, const Message& request) {
  return CallBytes(caller, method, request.SerializeAsString());
}

Answer World::CallBytes(const std::string& caller, const std::string& method, const std::string& request) {
  const MethodDescriptor* descriptor = Methods().at(method);
  const std::string path = absl::StrCat("/", descriptor->service()->full_name(), "/", descriptor->name());
  const auto& channel = channels_.at(caller);
  grpc::ByteBuffer out;
  Answer answer;
  if (!descriptor->server_streaming()) {
    std::string response;
    answer = CallPath(caller, path, request, &response);
    out = ToBuffer(response);
  } else {
    const grpc::ByteBuffer in = ToBuffer(request);
    grpc::ClientContext context;
    // A follow that waits for entries says nothing: it is given up after a while.
    const int wait_ms = method == "FollowEntries" ? 700 : 25'000;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(wait_ms));
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::SERVER_STREAMING, channel);
    const std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader(
        grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(channel.get(), rpc, &context, in));
    const bool has_message = reader->Read(&out);
    if (has_message) context.TryCancel();
    answer = AnswerOf(reader->Finish());
    if (has_message && answer.status.error_code() == grpc::StatusCode::CANCELLED) answer.status = grpc::Status::OK;
  }
  if (answer.status.ok()) {
    answer.response = New(descriptor->output_type());
    EXPECT_TRUE(!out.Valid() || FromBuffer(out, *answer.response));
  }
  return answer;
}

Answer World::CallPath(const std::string& caller, const std::string& path, const std::string& request, std::string* response) {
  const auto& channel = channels_.at(caller);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(25));
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC, channel);
  grpc::ByteBuffer out;
  const Answer answer = AnswerOf(grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
      channel.get(), rpc, &context, ToBuffer(request), &out));
  grpc::Slice slice;
  if (response && out.Valid() && out.DumpToSingleSlice(&slice).ok()) {
    response->assign(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return answer;
}

std::vector<std::shared_ptr<Message>> World::Stream(const std::string& caller, const std::string& method, const std::string& text,
                                                    int messages_max) {
  const MethodDescriptor* descriptor = Methods().at(method);
  const std::string path = absl::StrCat("/", descriptor->service()->full_name(), "/", descriptor->name());
  const auto& channel = channels_.at(caller);
  const grpc::ByteBuffer in = ToBuffer(Parse(method, text)->SerializeAsString());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(25));
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::SERVER_STREAMING, channel);
  const std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader(
      grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(channel.get(), rpc, &context, in));
  std::vector<std::shared_ptr<Message>> messages;
  grpc::ByteBuffer out;
  while (static_cast<int>(messages.size()) < messages_max && reader->Read(&out)) {
    messages.push_back(New(descriptor->output_type()));
    EXPECT_TRUE(FromBuffer(out, *messages.back()));
  }
  const bool is_cut = static_cast<int>(messages.size()) == messages_max;
  if (is_cut) context.TryCancel();
  const auto status = reader->Finish();
  EXPECT_TRUE(status.ok() || (is_cut && status.error_code() == grpc::StatusCode::CANCELLED)) << status.error_message();
  return messages;
}

Answer World::Must(const std::string& caller, const std::string& method, const std::string& text) {
  Answer answer = Call(caller, method, text);
  EXPECT_TRUE(answer.status.ok()) << method << ": " << answer;
  RP_CHECK(answer.status.ok());
  return answer;
}

std::string World::CreateMember(const std::string& grid, std::string* number) {
  const Answer made = Must(
      "admin", "CreateMember",
      absl::StrCat(
          R"(program: "$P" request_id: "$ID" member { kind: PERSON groups { group: PARTY_VANGUARD } groups { group: RESIDENTS } grid: ")",
          grid, R"(" })"));
  if (number) *number = made.As<v1::CreateMemberResponse>().member().number();
  return made.As<v1::CreateMemberResponse>().member().name();
}
std::string World::CreateStaff(const std::string& role, const std::string& scope) {
  return Must("admin", "CreateStaff",
              absl::StrCat(R"(program: "$P" request_id: "$ID" staff { external: true grants { role: )", role, R"( scope: ")", scope,
                           R"(" } })"))
      .As<v1::CreateStaffResponse>()
      .staff()
      .name();
}
std::string World::CreateTerminal(const std::string& merchant) {
  return Must("admin", "CreateTerminal", absl::StrCat(R"(program: "$P" request_id: "$ID" merchant: ")", merchant, R"(")"))
      .As<v1::CreateTerminalResponse>()
      .terminal()
      .name();
}
std::string World::Award(const std::string& member, int quantity) {
  return Must("recorder-all", "Award",
              absl::StrCat(R"(program: "$P" request_id: "$ID" item { member: ")", member, R"(" activity: "PATROL" quantity: )", quantity,
                           R"( effective_day: $TODAY group: PARTY_VANGUARD })"))
      .As<v1::AwardResponse>()
      .result()
      .award();
}
std::string World::Donate(const std::string& member) {
  const Answer given =
      Must("recorder-all", "Donate", absl::StrCat(R"(program: "$P" request_id: "$ID" points: 1 member: ")", member, R"(")"));
  return absl::StrCat(Get("P"), "/entries/", given.As<v1::DonateResponse>().outcome().sequence());
}
std::string World::ProposeUndo(const std::string& entry) {
  return Must("corrector-2", "ProposeUndo",
              absl::StrCat(R"(program: "$P" request_id: "$ID" reason: UNDO_NOT_WANTED entry: ")", entry, R"(")"))
      .As<v1::ProposeUndoResponse>()
      .proposal();
}
std::string World::Debtor(const std::string& grid) {
  const auto set_fund = [&](const char* end) {
    Must("admin", "SetFund", absl::StrCat(R"(program: "$P" request_id: "$ID" fund { code: "gone" budget_points: 1000000000 )", end, " }"));
  };
  set_fund("");
  std::string number;
  const std::string member = CreateMember(grid, &number);
  const Answer award = Must("recorder-all", "Award",
                            absl::StrCat(R"(program: "$P" request_id: "$ID" item { member: ")", member,
                                         R"(" activity: "CLEANUP" quantity: 4 effective_day: $TODAY group: PARTY_VANGUARD })"));
  Must("till", "Redeem",
       absl::StrCat(R"(program: "$P" request_id: "$ID" presentation { member_number: ")", number,
                    R"(" } offer_lines { offer: "ANY" quantity: 1 points: 4 })"));
  Must("corrector-all", "Correct",
       absl::StrCat(R"(program: "$P" request_id: "$ID" new_quantity: 0 reason: DUPLICATE award: ")",
                    award.As<v1::AwardResponse>().result().award(), R"(")"));
  set_fund("end_day: $TODAY");
  return member;
}
std::string World::ProposeWaiver(const std::string& debtor) {
  return Must("corrector-2", "ProposeWaiver",
              absl::StrCat(R"(program: "$P" request_id: "$ID" fund: "gone" points: 1 reason: WAIVER_HARDSHIP member: ")", debtor, R"(")"))
      .As<v1::ProposeWaiverResponse>()
      .proposal();
}
std::string World::Redeem(int points, const std::string& request_id) {
  return Must("till", "Redeem",
              absl::StrCat(R"(program: "$P" request_id: ")", request_id.empty() ? NewUuid() : request_id,
                           R"(" presentation { member_number: "$HOME_NUMBER" } offer_lines { offer: "ANY" quantity: 1 points: )", points,
                           " }"))
      .As<v1::RedeemResponse>()
      .redemption();
}
std::string World::Hold(int points) {
  return Must(
             "till", "Authorize",
             absl::StrCat(
                 R"(program: "$P" request_id: "$ID" presentation { member_number: "$HOME_NUMBER" } offer_lines { offer: "ANY" quantity: 1 points: )",
                 points, " }"))
      .As<v1::AuthorizeResponse>()
      .hold();
}
std::int64_t World::Balance(const std::string& member) {
  const Answer balance = Must("helper-all", "GetBalance", absl::StrCat(R"(member: ")", member, R"(")"));
  for (const auto& unit : balance.As<v1::GetBalanceResponse>().balances()) {
    if (unit.unit() == "POINT") return unit.available();
  }
  return 0;
}
std::int64_t World::End() { return Must("auditor", "GetJournal", R"(program: "$P")").As<v1::GetJournalResponse>().end_sequence(); }

std::int64_t World::AskedSince(std::int64_t start) {
  std::int64_t asked = 0;
  for (std::int64_t i = start, end = End(); i < end; ++i) {
    const Answer entry = Must("auditor", "GetEntry", absl::StrCat(R"(name: "$P/entries/)", i, R"(")"));
    asked += entry.As<v1::GetEntryResponse>().line().find(R"("actor":"ledger")") == std::string::npos;
  }
  return asked;
}

std::string World::Log() const {
  std::ifstream file(directory_ + "/log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace redpoints::server
