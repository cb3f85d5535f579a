#include "redpoints/v1/registry_service.grpc.pb.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/handler.h"
#include "server/ids.h"
#include "server/name_fields.h"
#include "server/page_token.h"
#include "storage/mutex.h"
#include "storage/rules/passing.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

#define REDPOINTS_RAW(Name, Alias) template <class S> using Alias = v1::RegistryService::WithRawCallbackMethod_##Name<S>
REDPOINTS_RAW(CreateProgram, R01);
REDPOINTS_RAW(ConfirmClock, R02);
REDPOINTS_RAW(SetNode, R03);
REDPOINTS_RAW(SetFund, R04);
REDPOINTS_RAW(AdoptRulebook, R05);
REDPOINTS_RAW(CreateMember, R06);
REDPOINTS_RAW(UpdateMember, R07);
REDPOINTS_RAW(CreateMembers, R08);
REDPOINTS_RAW(CreateMerchant, R09);
REDPOINTS_RAW(UpdateMerchant, R10);
REDPOINTS_RAW(CreateTerminal, R11);
REDPOINTS_RAW(UpdateTerminal, R12);
REDPOINTS_RAW(CreateStaff, R13);
REDPOINTS_RAW(UpdateStaff, R14);
REDPOINTS_RAW(GetRegistration, R15);
REDPOINTS_RAW(ListRegistrations, R16);
REDPOINTS_RAW(SetOffer, R17);
REDPOINTS_RAW(WithdrawRulebook, R18);
REDPOINTS_RAW(ReplaceMemberNumber, R19);
#undef REDPOINTS_RAW
using Raw = R01<R02<R03<R04<R05<R06<R07<R08<R09<R10<R11<R12<R13<R14<R15<R16<R17<R18<R19<v1::RegistryService::Service>>>>>>>>>>>>>>>>>>>;

// Collections of a program to the types of their registrations.
const std::map<std::string, std::string>& Collections() {
  static const auto* const collections = new std::map<std::string, std::string>{
      {"members", "member"}, {"merchants", "merchant"}, {"terminals", "terminal"}, {"staff", "staff"},
      {"nodes", "node"},     {"funds", "fund"},         {"offers", "offer"},       {"rulebooks", "rulebook"}};
  return *collections;
}

const char* TypeOf(ResourceKind kind) {
  switch (kind) {
    case ResourceKind::kMember: return "member";
    case ResourceKind::kMerchant: return "merchant";
    case ResourceKind::kTerminal: return "terminal";
    case ResourceKind::kStaff: return "staff";
    case ResourceKind::kNode: return "node";
    case ResourceKind::kFund: return "fund";
    case ResourceKind::kOffer: return "offer";
    case ResourceKind::kRulebook: return "rulebook";
    default: return nullptr;
  }
}

Reason NotFoundReason(ResourceKind kind) {
  switch (kind) {
    case ResourceKind::kMember: return Reason::MEMBER_NOT_FOUND;
    case ResourceKind::kMerchant: return Reason::MERCHANT_NOT_FOUND;
    case ResourceKind::kTerminal: return Reason::TERMINAL_NOT_FOUND;
    case ResourceKind::kStaff: return Reason::STAFF_NOT_FOUND;
    case ResourceKind::kNode: return Reason::NODE_NOT_FOUND;
    case ResourceKind::kFund: return Reason::FUND_NOT_FOUND;
    case ResourceKind::kOffer: return Reason::OFFER_NOT_FOUND;
    default: return Reason::RULEBOOK_NOT_FOUND;
  }
}

// The response of a registration: its outcome, and what was made where the response has a place for it.
// Of members their numbers, too; one that can't be looked up is left out, since the registration itself is done.
template <class Response> void Fill(const Numbers& numbers, const Outcome& outcome, Response& response) {
  const auto with_number = [&](const Entry& of, v1::Member& member) {
    const auto* data = std::get_if<MemberData>(&of.data);
    const auto number = data ? numbers.NumberOf(of.program, *data) : std::string();
    if (number.ok()) member.set_number(*number);
  };
  ToProto(outcome, *response.mutable_outcome());
  const Entry& entry = outcome.entry();
  v1::Registration made;
  if (!std::holds_alternative<ProgramData>(entry.data)) ToProto(entry.program, Registered{entry.data, entry.sequence}, made);
  if constexpr (requires { response.mutable_member(); }) {
    *response.mutable_member() = made.member();
    with_number(entry, *response.mutable_member());
  }
  if constexpr (requires { response.set_number(""); }) {
    with_number(entry, *made.mutable_member());
    response.set_number(made.member().number());
  }
  if constexpr (requires { response.mutable_merchant(); }) *response.mutable_merchant() = made.merchant();
  if constexpr (requires { response.mutable_terminal(); }) *response.mutable_terminal() = made.terminal();
  if constexpr (requires { response.mutable_staff(); }) *response.mutable_staff() = made.staff();
  if constexpr (requires { response.add_members(); }) {
    for (const auto& each : outcome.entries) {
      auto& member = *response.add_members();
      ToProto(each->program, std::get<MemberData>(each->data), member);
      with_number(*each, member);
    }
  }
  if constexpr (requires { response.set_version(""); }) {
    response.set_version(std::get<RulebookData>(entry.data).version);
    response.set_sha256(made.rulebook().sha256());
  }
}

// As people in Shanghai read it.
std::string TimeText(std::int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S +08:00", absl::FromUnixMillis(unix_ms), absl::FixedTimeZone(8 * 3600));
}

class RegistryService final : public Raw {
 public:
  explicit RegistryService(const ServiceContext& context) : context_(context) {}

  // Two ledgers take part: the system program records the new one, then the new one's first entries are written. A crash in between is
  // finished at the next start (Shards::FinishFounding), a repetition of the call finishes it at once.
  grpc::ServerUnaryReactor* CreateProgram(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override {
    return create_program_.Handle<v1::CreateProgramRequest, v1::CreateProgramResponse>(
        context, in, out, [this](const Call& call, const v1::CreateProgramRequest& request, Reply<v1::CreateProgramResponse> reply) {
          auto mutation = FromProto(request);
          if (!mutation.ok()) return reply.Refuse(mutation.status());
          if (auto status = context_.authorizer->Check(call.caller(), Method::kCreateProgram, mutation->program); !status.ok()) {
            return reply.Refuse(status);
          }
          Origin origin = OriginOf(call.caller(), *mutation);
          context_.numbers->Sign(*mutation, origin);
          context_.shards->Submit(
              mutation->program, origin, std::move(mutation->command),
              [this, origin, ticket = reply.Release()](Outcome recorded) {
                if (auto status = RefusalStatus(recorded); !status.ok()) {
                  return Answer<v1::CreateProgramResponse>(*context_.shards, Reply<v1::CreateProgramResponse>(ticket), recorded,
                                                           [](const Outcome&, v1::CreateProgramResponse&) {});
                }
                auto program = std::get<ProgramData>(recorded.entry().data);
                program.side_key = context_.side_key;
                context_.shards->Found(program, origin, [this, recorded, program, ticket](Outcome founded) {
                  Reply<v1::CreateProgramResponse> answer(ticket);
                  if (founded.refusal) return answer.Refuse(ToStatus(*founded.refusal));
                  v1::CreateProgramResponse response;
                  ToProto(recorded, *response.mutable_outcome());
                  Complete(*context_.shards, recorded, response);
                  response.mutable_program()->set_name(FormatName({.program = program.id}));
                  StaffData administrator;
                  administrator.id = program.administrator;
                  administrator.is_external = true;
                  administrator.grants = {{Role::kAdministrator, ""}};
                  ToProto(program.id, administrator, *response.mutable_administrator());
                  answer.Ok(response);
                });
              },
              DeadlineOf(call));
        });
  }

  grpc::ServerUnaryReactor* ConfirmClock(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return confirm_clock_.Handle<v1::ConfirmClockRequest, v1::ConfirmClockResponse>(
        context, in, out, [this](const Call& call, const v1::ConfirmClockRequest& request, Reply<v1::ConfirmClockResponse> reply) {
          auto mutation = FromProto(request);
          if (!mutation.ok()) return reply.Refuse(mutation.status());
          if (auto status = Admit(context_, call, Method::kConfirmClock, *mutation); !status.ok()) return reply.Refuse(status);
          // Whether it was confirmed before may stand on the disk.
          Beside(context_, std::move(reply),
                 [this, &call, mutation = *std::move(mutation)](Reply<v1::ConfirmClockResponse> answer) mutable {
                   ConfirmClockOfAll(call, std::move(mutation), std::move(answer));
                 });
        });
  }

  grpc::ServerUnaryReactor* AdoptRulebook(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override {
    return adopt_rulebook_.Handle<v1::AdoptRulebookRequest, v1::AdoptRulebookResponse>(
        context, in, out, [this](const Call& call, const v1::AdoptRulebookRequest& request, Reply<v1::AdoptRulebookResponse> reply) {
          auto mutation = Adoption(call, request);
          if (!mutation.ok()) return reply.Refuse(mutation.status());
          if (!request.validate_only()) {
            return Submit(context_, call, *std::move(mutation), std::move(reply),
                          [numbers = context_.numbers](const Outcome& outcome, v1::AdoptRulebookResponse& response) {
                            Fill(*numbers, outcome, response);
                          });
          }
          auto& command = std::get<Register>(mutation->command);
          command.is_check_only = true;
          mutation->request_id.clear();  // it is as free afterwards as before
          v1::Registration book;
          ToProto(mutation->program, Registered{command.items.front(), -1}, book);
          const std::string version = std::get<RulebookData>(command.items.front()).version;
          Submit(context_, call, *std::move(mutation), std::move(reply),
                 [version, sha256 = book.rulebook().sha256()](const Outcome&, v1::AdoptRulebookResponse& response) {
                   response.set_version(version);
                   response.set_sha256(sha256);
                 });
        });
  }

// Beside gRPC's threads: to find ids that are free may read the disk, and there may be a thousand members.
#define REDPOINTS_CREATE(Name, method)                                                                                               \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override { \
    return method.Handle<v1::Name##Request, v1::Name##Response>(                                                                     \
        context, in, out, [this](const Call& call, const v1::Name##Request& request, Reply<v1::Name##Response> reply) {              \
          Beside(context_, std::move(reply), [this, &call, &request](Reply<v1::Name##Response> answer) {                             \
            Create(Method::k##Name, call, request, std::move(answer));                                                               \
          });                                                                                                                        \
        });                                                                                                                          \
  }
  REDPOINTS_CREATE(CreateMember, create_member_)
  REDPOINTS_CREATE(CreateMembers, create_members_)
  REDPOINTS_CREATE(CreateMerchant, create_merchant_)
  REDPOINTS_CREATE(CreateTerminal, create_terminal_)
  REDPOINTS_CREATE(CreateStaff, create_staff_)
  REDPOINTS_CREATE(ReplaceMemberNumber, replace_member_number_)
#undef REDPOINTS_CREATE

#define REDPOINTS_REGISTER(Name, method)                                                                                                  \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {      \
    return method.Handle<v1::Name##Request, v1::Name##Response>(                                                                          \
        context, in, out, [this](const Call& call, const v1::Name##Request& request, Reply<v1::Name##Response> reply) {                   \
          Mutate(                                                                                                                         \
              context_, Method::k##Name, call, request, std::move(reply),                                                                 \
              [numbers = context_.numbers](const Outcome& outcome, v1::Name##Response& response) { Fill(*numbers, outcome, response); }); \
        });                                                                                                                               \
  }
  REDPOINTS_REGISTER(SetNode, set_node_)
  REDPOINTS_REGISTER(SetFund, set_fund_)
  REDPOINTS_REGISTER(SetOffer, set_offer_)
  REDPOINTS_REGISTER(WithdrawRulebook, withdraw_rulebook_)
  REDPOINTS_REGISTER(UpdateMerchant, update_merchant_)
  REDPOINTS_REGISTER(UpdateTerminal, update_terminal_)
  REDPOINTS_REGISTER(UpdateStaff, update_staff_)
#undef REDPOINTS_REGISTER

  grpc::ServerUnaryReactor* UpdateMember(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return update_member_.Handle<v1::UpdateMemberRequest, v1::UpdateMemberResponse>(
        context, in, out, [this](const Call& call, const v1::UpdateMemberRequest& request, Reply<v1::UpdateMemberResponse> reply) {
          v1::UpdateMemberRequest whole = request;
          if (whole.member().kind() == v1::MEMBER_KIND_UNSPECIFIED) whole.mutable_member()->set_kind(KindOf(request));
          Mutate(context_, Method::kUpdateMember, call, whole, std::move(reply),
                 [numbers = context_.numbers](const Outcome& outcome, v1::UpdateMemberResponse& response) {
                   Fill(*numbers, outcome, response);
                 });
        });
  }

  grpc::ServerUnaryReactor* GetRegistration(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                            grpc::ByteBuffer* out) override {
    return get_registration_.Handle<v1::GetRegistrationRequest, v1::GetRegistrationResponse>(
        context, in, out, [this](const Call& call, const v1::GetRegistrationRequest& request, Reply<v1::GetRegistrationResponse> reply) {
          auto name = ParseName("name", request.name());
          if (!name.ok()) return reply.Refuse(name.status());
          const char* type = TypeOf(name->kind);
          if (!type) return reply.Refuse(FieldInvalid("name", "a member, merchant, terminal, staff person, node, fund, offer or rulebook"));
          const std::string program(name->program);
          if (auto status = context_.authorizer->Check(call.caller(), Method::kGetRegistration, program); !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(context_, std::move(reply),
                     [this, program, type, kind = name->kind, id = std::string(name->id)]() -> absl::StatusOr<v1::GetRegistrationResponse> {
                       const State* state = context_.shards->Of(program).FindState(program);
                       auto key = kind == ResourceKind::kMember ? context_.numbers->MemberOf(program, id) : id;
                       if (!key.ok()) return key.status();
                       const auto found = state->Read(state->registrations, absl::StrCat(type, "/", *key));
                       if (!found) return Refuse(NotFoundReason(kind));
                       v1::GetRegistrationResponse response;
                       if (auto status = Show(program, *found, *response.mutable_registration()); !status.ok()) return status;
                       response.set_points_decimals(state->ReadDefinitions()->DecimalsOf(kPoint));
                       return response;
                     });
        });
  }

  grpc::ServerUnaryReactor* ListRegistrations(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                              grpc::ByteBuffer* out) override {
    return list_registrations_.Handle<v1::ListRegistrationsRequest, v1::ListRegistrationsResponse>(
        context, in, out,
        [this](const Call& call, const v1::ListRegistrationsRequest& request, Reply<v1::ListRegistrationsResponse> reply) {
          auto program = ParseProgram("program", request.program());
          if (!program.ok()) return reply.Refuse(program.status());
          if (request.kind().empty()) return reply.Refuse(FieldRequired("kind"));
          const auto collection = Collections().find(request.kind());
          if (collection == Collections().end()) {
            return reply.Refuse(FieldInvalid("kind", "members, merchants, terminals, staff, nodes, funds, offers or rulebooks"));
          }
          auto page_size = PageSize(request.page_size());
          if (!page_size.ok()) return reply.Refuse(page_size.status());
          if (auto status = context_.authorizer->Check(call.caller(), Method::kListRegistrations, std::string(*program)); !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(context_, std::move(reply),
                     [this, id = std::string(*program), type = collection->second, limit = static_cast<std::size_t>(*page_size),
                      token = request.page_token()]() -> absl::StatusOr<v1::ListRegistrationsResponse> {
                       const std::string query = absl::StrCat("registrations ", id, " ", type);
                       std::string after;
                       if (!token.empty()) {
                         auto opened = context_.tokens->Open(token, query);
                         if (!opened.ok()) return opened.status();
                         after = *std::move(opened);
                       }
                       const Ledger& ledger = context_.shards->Of(id);
                       auto list = redpoints::ListRegistrations(*ledger.FindState(id), ledger.store(), type, after, limit + 1);
                       if (!list.ok()) return list.status();
                       v1::ListRegistrationsResponse response;
                       response.set_points_decimals(ledger.FindState(id)->ReadDefinitions()->DecimalsOf(kPoint));
                       for (std::size_t i = 0; i < list->size() && i < limit; ++i) {
                         if (auto status = Show(id, (*list)[i].second, *response.add_registrations()); !status.ok()) return status;
                       }
                       if (list->size() > limit) response.set_next_page_token(context_.tokens->Seal((*list)[limit - 1].first, query));
                       return response;
                     });
        });
  }

 private:
  // The system program's entry is the answer; then each other program gets its own, under the same request id, so that none waits for a
  // day on which somebody looks at it. What a crash keeps from being written, a repetition does.
  void ConfirmClockOfAll(const Call& call, Mutation mutation, Reply<v1::ConfirmClockResponse> reply) const {
    const auto& command = std::get<redpoints::ConfirmClock>(mutation.command);
    const Ledger& ledger = context_.shards->Of(mutation.program);
    const std::int64_t clock_ms = ledger.clock().NowMs();
    const bool is_right = std::abs(clock_ms - command.stated_ms) <= kClockDiffersMs;
    const auto programs = LiveProgramsButSystem();
    const auto is_ahead = [&](const std::string& id) { return IsAhead(MarkOf(id), clock_ms); };
    const bool is_any_ahead = is_ahead(mutation.program) || std::any_of(programs.begin(), programs.end(), is_ahead);
    const bool sets_back = command.last_closed_day != 0;
    const bool is_fitting = is_right && sets_back == is_any_ahead;
    if (!is_fitting && ledger.FindOutcome(mutation.program, call.caller().id, mutation.request_id).refusal) {  // no repetition
      if (sets_back && !is_any_ahead) return reply.Refuse(FieldInvalid("last_closed_day", "0: no entry is ahead of the clock"));
      if (is_right) return reply.Refuse(ToStatus(DayToBeNamed(command.stated_ms)));
      return reply.Refuse(
          ToStatus(Refusal{Reason::CLOCK_DIFFERS, {{"clock", TimeText(clock_ms)}, {"stated", TimeText(command.stated_ms)}}}));
    }
    // Before anything is written: what a program would refuse would leave it behind.
    const auto is_makers = [&](const std::string& id) { return is_ahead(id) && MarkOf(id).clock_by == call.caller().id; };
    if (is_fitting && sets_back && std::any_of(programs.begin(), programs.end(), is_makers) &&
        ledger.FindOutcome(mutation.program, call.caller().id, mutation.request_id).refusal) {
      return reply.Refuse(ToStatus(Refusal{Reason::MAKER_IS_CHECKER, {}}));
    }
    // The same request in each program, whatever it comes to there.
    Origin origin = OriginOf(call.caller(), mutation);
    origin.fingerprint = Fingerprint(origin, command);
    context_.shards->Submit(
        mutation.program, origin, command,
        [this, origin, command, is_right, programs, ticket = reply.Release()](Outcome outcome) {
          const auto told = std::make_shared<Told>(programs.size());
          const auto answer = [shards = context_.shards, ticket, outcome, told] {
            Answer(*shards, Reply<v1::ConfirmClockResponse>(ticket), outcome, [&](const Outcome& done, v1::ConfirmClockResponse& response) {
              ToProto(done, *response.mutable_outcome());
              for (const std::string& id : told->left) response.add_programs_left(FormatName({.program = id}));
            });
          };
          if (outcome.refusal || outcome.first != RequestState::kDone) return answer();
          if (!is_right) {  // a repetition whose time has passed: who has not been told is asked anew
            for (const std::string& id : programs) {
              if (context_.shards->Of(id).FindOutcome(id, origin.actor, origin.request_id).refusal) told->left.insert(id);
            }
            return answer();
          }
          // One without a program but the system's has nobody else to tell it. A repeated confirmation is about the jump of then.
          for (const auto& each : context_.shards->ledgers()) {
            if (!outcome.is_replayed) each->ConfirmClock();
          }
          if (programs.empty()) return answer();
          for (const std::string& id : programs) {
            context_.shards->Submit(id, origin, command, [id, told, answer](Outcome of_program) {
              if (told->Add(id, !of_program.refusal && of_program.first == RequestState::kDone)) answer();
            });
          }
        },
        DeadlineOf(call));
  }

  // Which programs have been told, on any thread.
  struct Told {
    explicit Told(std::size_t programs) : waiting(programs) {}
    // True for the last one.
    bool Add(const std::string& program, bool is_done) {
      const MutexLock lock(mutex);
      if (!is_done) left.insert(program);
      return --waiting == 0;
    }
    Mutex mutex;
    std::size_t waiting;
    std::set<std::string> left;
  };

  std::vector<std::string> LiveProgramsButSystem() const {
    std::vector<std::string> programs;
    for (const auto& each : context_.shards->ledgers()) {
      for (std::string& id : each->Programs()) {
        if (id != kSystemProgram && !each->IsSetAside(id)) programs.push_back(std::move(id));
      }
    }
    return programs;
  }

  StateMark MarkOf(const std::string& program) const {
    const State* state = context_.shards->Of(program).FindState(program);
    return state ? state->ReadPublished().at : StateMark{};
  }

  // A registration with its entry's epoch and what the side state has of it.
  absl::Status Show(const std::string& program, const Registered& registered, v1::Registration& proto) const {
    ToProto(program, registered, proto);
    proto.set_epoch(MarkOf(program).EpochOf(registered.sequence));
    const auto* member = std::get_if<MemberData>(&registered.data);
    if (!member) return absl::OkStatus();
    auto number = context_.numbers->NumberOf(program, *member);
    if (!number.ok()) return number.status();
    proto.mutable_member()->set_number(*std::move(number));
    return absl::OkStatus();
  }

  // The kind that a member has and keeps. Of somebody who is not there any: the request is refused for that.
  v1::MemberKind KindOf(const v1::UpdateMemberRequest& request) const {
    const auto program = ParseProgram("program", request.program());
    if (!program.ok()) return v1::PERSON;
    const std::string id(*program);
    const auto name = ParseNameIn("member.name", request.member().name(), ResourceKind::kMember, id);
    const State* state = name.ok() ? context_.shards->Of(id).FindState(id) : nullptr;
    const auto member = state ? FindRegistration<MemberData>(*state, "member", std::string(name->id)) : std::nullopt;
    return member ? static_cast<v1::MemberKind>(member->kind) : v1::PERSON;
  }

  // What is wrong in a rulebook is told to those alone who may adopt one.
  absl::StatusOr<Mutation> Adoption(const Call& call, const v1::AdoptRulebookRequest& request) const {
    auto mutation = FromProto(request);
    const auto refusal = RefusalFrom(mutation.status());
    if (!mutation.ok() && !(refusal && refusal->reason == Reason::RULEBOOK_INVALID)) return mutation;
    const auto program = ParseProgram("program", request.program());
    if (!program.ok()) return program.status();
    auto status = context_.authorizer->Check(call.caller(), Method::kAdoptRulebook, std::string(*program));
    return status.ok() ? std::move(mutation) : status;
  }

  // As Mutate, of what gets an id or a number from the server.
  template <class Request, class Response>
  void Create(Method method, const Call& call, const Request& request, Reply<Response> reply) const {
    auto mutation = FromProto(request);
    if (!mutation.ok()) return reply.Refuse(mutation.status());
    if (auto status = Admit(context_, call, method, *mutation); !status.ok()) return reply.Refuse(status);
    auto& command = std::get<Register>(mutation->command);
    const State& state = *context_.shards->Of(mutation->program).FindState(mutation->program);
    if (command.is_new) {
      AvoidTaken(state, command);
    } else if (!state.Read(state.registrations, RegistrationKey(command.items.front()))) {
      return reply.Refuse(Refuse(Reason::MEMBER_NOT_FOUND));  // before anything is kept for somebody who is not there
    }
    if (auto status = context_.numbers->Reserve(call.caller().id, *mutation); !status.ok()) return reply.Refuse(status);
    Submit(context_, call, *std::move(mutation), std::move(reply),
           [numbers = context_.numbers](const Outcome& outcome, Response& response) { Fill(*numbers, outcome, response); });
  }

  const ServiceContext context_;
  UnaryMethod create_program_{context_.unary, "RegistryService/CreateProgram"};
  UnaryMethod confirm_clock_{context_.unary, "RegistryService/ConfirmClock"};
  UnaryMethod set_node_{context_.unary, "RegistryService/SetNode"};
  UnaryMethod set_fund_{context_.unary, "RegistryService/SetFund"};
  UnaryMethod set_offer_{context_.unary, "RegistryService/SetOffer", {kSmallBytesMax}};
  UnaryMethod withdraw_rulebook_{context_.unary, "RegistryService/WithdrawRulebook", {kSmallBytesMax}};
  UnaryMethod replace_member_number_{context_.unary, "RegistryService/ReplaceMemberNumber", {kSmallBytesMax}};
  UnaryMethod adopt_rulebook_{context_.unary, "RegistryService/AdoptRulebook", LongerFor(context_, Method::kAdoptRulebook, 260 << 10)};
  UnaryMethod create_member_{context_.unary, "RegistryService/CreateMember"};
  UnaryMethod update_member_{context_.unary, "RegistryService/UpdateMember"};
  UnaryMethod create_members_{context_.unary, "RegistryService/CreateMembers", LongerFor(context_, Method::kCreateMembers, 1 << 20)};
  UnaryMethod create_merchant_{context_.unary, "RegistryService/CreateMerchant"};
  UnaryMethod update_merchant_{context_.unary, "RegistryService/UpdateMerchant"};
  UnaryMethod create_terminal_{context_.unary, "RegistryService/CreateTerminal"};
  UnaryMethod update_terminal_{context_.unary, "RegistryService/UpdateTerminal"};
  UnaryMethod create_staff_{context_.unary, "RegistryService/CreateStaff"};
  UnaryMethod update_staff_{context_.unary, "RegistryService/UpdateStaff"};
  UnaryMethod get_registration_{context_.unary, "RegistryService/GetRegistration", {kSmallBytesMax}};
  UnaryMethod list_registrations_{context_.unary, "RegistryService/ListRegistrations", {kSmallBytesMax}};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRegistryService(const ServiceContext& context) { return std::make_unique<RegistryService>(context); }

}  // namespace redpoints::server
