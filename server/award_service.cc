#include "redpoints/v1/award_service.grpc.pb.h"

#include "server/deeds.h"
#include "server/handler.h"
#include "server/name_fields.h"
#include "storage/journal.h"

namespace redpoints::server {
namespace {

template <class S> using A = v1::AwardService::WithRawCallbackMethod_Award<S>;
template <class S> using B = v1::AwardService::WithRawCallbackMethod_AwardBatch<S>;
template <class S> using C = v1::AwardService::WithRawCallbackMethod_Correct<S>;
template <class S> using D = v1::AwardService::WithRawCallbackMethod_Donate<S>;
template <class S> using P = v1::AwardService::WithRawCallbackMethod_ProposeUndo<S>;
template <class S> using U = v1::AwardService::WithRawCallbackMethod_Undo<S>;
template <class S> using PW = v1::AwardService::WithRawCallbackMethod_ProposeWaiver<S>;
template <class S> using W = v1::AwardService::WithRawCallbackMethod_WaiveDebt<S>;
template <class S> using G = v1::AwardService::WithRawCallbackMethod_GetAwardOutcome<S>;
using Raw = A<B<C<D<P<U<PW<W<G<v1::AwardService::Service>>>>>>>>>;

class AwardService final : public Raw {
 public:
  explicit AwardService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Award(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return award_.Handle<v1::AwardRequest, v1::AwardResponse>(
        context, in, out, [this](const Call& call, const v1::AwardRequest& request, Reply<v1::AwardResponse> reply) {
          auto mutation = FromProto(request);
          if (!mutation.ok()) return reply.Refuse(mutation.status());
          if (auto status = Admit(context_, call, Method::kAward, *mutation); !status.ok()) return reply.Refuse(status);
          if (!context_.deeds->IsConfidential(mutation->program, std::get<redpoints::Award>(mutation->command).item)) {
            return SubmitAward(call, *std::move(mutation), std::move(reply));
          }
          // What is kept aside is on the disk before the entry is.
          Beside(context_, std::move(reply), [this, &call, mutation = *std::move(mutation)](Reply<v1::AwardResponse> answer) mutable {
            if (auto status = context_.deeds->Cover(call.caller().id, mutation); !status.ok()) return answer.Refuse(status);
            SubmitAward(call, std::move(mutation), std::move(answer));
          });
        });
  }

  grpc::ServerUnaryReactor* AwardBatch(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return award_batch_.Handle<v1::AwardBatchRequest, v1::AwardBatchResponse>(
        context, in, out, [this](const Call& call, const v1::AwardBatchRequest& request, Reply<v1::AwardBatchResponse> reply) {
          // To convert thousands of items and to look up whether each member is in scope takes long.
          Beside(context_, std::move(reply),
                 [this, &call, &request](Reply<v1::AwardBatchResponse> answer) { SubmitBatch(call, request, std::move(answer)); });
        });
  }

  grpc::ServerUnaryReactor* Correct(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return correct_.Handle<v1::CorrectRequest, v1::CorrectResponse>(
        context, in, out, [this](const Call& call, const v1::CorrectRequest& request, Reply<v1::CorrectResponse> reply) {
          MutateOf(Method::kCorrect, call, request, std::move(reply), [](const Outcome& done, v1::CorrectResponse& response) {
            ToProto(done, *response.mutable_outcome());
            for (const auto& part : done.entries) {
              AddAmounts(*part, *response.mutable_amounts());
              for (const Posting& p : part->postings) {
                if (p.sub == Sub::kDebt) response.set_debt_points(response.debt_points() - p.amount);
              }
            }
          });
        });
  }

  grpc::ServerUnaryReactor* ProposeUndo(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return propose_undo_.Handle<v1::ProposeUndoRequest, v1::ProposeUndoResponse>(
        context, in, out, [this](const Call& call, const v1::ProposeUndoRequest& request, Reply<v1::ProposeUndoResponse> reply) {
          MutateOf(Method::kProposeUndo, call, request, std::move(reply), [](const Outcome& done, v1::ProposeUndoResponse& response) {
            ToProto(done, *response.mutable_outcome());
            response.set_proposal(NameOf(ResourceKind::kEntry, done.entry()));
          });
        });
  }

  grpc::ServerUnaryReactor* Undo(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return undo_.Handle<v1::UndoRequest, v1::UndoResponse>(
        context, in, out, [this](const Call& call, const v1::UndoRequest& request, Reply<v1::UndoResponse> reply) {
          MutateOf(Method::kUndo, call, request, std::move(reply),
                   [](const Outcome& done, v1::UndoResponse& response) { ToProto(done, *response.mutable_outcome()); });
        });
  }

  grpc::ServerUnaryReactor* ProposeWaiver(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override {
    return propose_waiver_.Handle<v1::ProposeWaiverRequest, v1::ProposeWaiverResponse>(
        context, in, out, [this](const Call& call, const v1::ProposeWaiverRequest& request, Reply<v1::ProposeWaiverResponse> reply) {
          Mutate(context_, Method::kProposeWaiver, call, request, std::move(reply),
                 [](const Outcome& outcome, v1::ProposeWaiverResponse& response) {
                   ToProto(outcome, *response.mutable_outcome());
                   response.set_proposal(NameOf(ResourceKind::kEntry, outcome.entry()));
                   response.set_waived_points(std::get<WaiverData>(outcome.entry().data).points);
                 });
        });
  }

  grpc::ServerUnaryReactor* WaiveDebt(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return waive_debt_.Handle<v1::WaiveDebtRequest, v1::WaiveDebtResponse>(
        context, in, out, [this](const Call& call, const v1::WaiveDebtRequest& request, Reply<v1::WaiveDebtResponse> reply) {
          MutateOf(Method::kWaiveDebt, call, request, std::move(reply), [](const Outcome& done, v1::WaiveDebtResponse& response) {
            ToProto(done, *response.mutable_outcome());
            for (const Posting& p : done.entry().postings) {
              if (p.sub == Sub::kDebt) response.set_waived_points(p.amount);
            }
          });
        });
  }

  grpc::ServerUnaryReactor* Donate(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return donate_.Handle<v1::DonateRequest, v1::DonateResponse>(
        context, in, out, [this](const Call& call, const v1::DonateRequest& request, Reply<v1::DonateResponse> reply) {
          Mutate(context_, Method::kDonate, call, request, std::move(reply),
                 [](const Outcome& outcome, v1::DonateResponse& response) { ToProto(outcome, *response.mutable_outcome()); });
        });
  }

  grpc::ServerUnaryReactor* GetAwardOutcome(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                            grpc::ByteBuffer* out) override {
    return get_outcome_.Handle<v1::GetAwardOutcomeRequest, v1::GetAwardOutcomeResponse>(
        context, in, out, [this](const Call& call, const v1::GetAwardOutcomeRequest& request, Reply<v1::GetAwardOutcomeResponse> reply) {
          auto program = ParseProgram("program", request.program());
          if (!program.ok()) return reply.Refuse(program.status());
          auto id = ParseUuid("request_id", request.request_id());
          if (!id.ok()) return reply.Refuse(id.status());
          if (auto status = context_.authorizer->Check(call.caller(), Method::kGetAwardOutcome, std::string(*program)); !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(
              context_, std::move(reply),
              [this, program = std::string(*program), actor = call.caller().id, id = *id]() -> absl::StatusOr<v1::GetAwardOutcomeResponse> {
                Outcome outcome = context_.shards->Of(program).FindOutcome(program, actor, id);
                if (outcome.refusal) return NoOutcome(*context_.shards, program, *outcome.refusal);
                v1::GetAwardOutcomeResponse response;
                ToProto(outcome, *response.mutable_outcome());
                outcome.is_replayed = true;  // what is asked for was answered before
                Complete(*context_.shards, outcome, response);
                if (outcome.entry().item >= 0) {
                  for (const auto& entry : outcome.entries) ToProto(*entry, *response.add_results());
                }
                return response;
              });
        });
  }

 private:
  void SubmitAward(const Call& call, Mutation mutation, Reply<v1::AwardResponse> reply) {
    Submit(context_, call, std::move(mutation), std::move(reply), [this](const Outcome& outcome, v1::AwardResponse& response) {
      const Entry& award = outcome.entry();
      const auto definitions = context_.shards->Of(award.program).FindState(award.program)->ReadDefinitions();
      ToProto(outcome, *response.mutable_result()->mutable_outcome());
      ToProto(award, *definitions, *response.mutable_result());
    });
  }

  void SubmitBatch(const Call& call, const v1::AwardBatchRequest& request, Reply<v1::AwardBatchResponse> reply) {
    auto mutation = FromProto(request);
    if (!mutation.ok()) return reply.Refuse(mutation.status());
    if (auto status = Admit(context_, call, Method::kAwardBatch, *mutation); !status.ok()) return reply.Refuse(status);
    if (auto status = context_.deeds->Cover(call.caller().id, *mutation); !status.ok()) return reply.Refuse(status);
    SubmitTo(context_, call, *std::move(mutation), [shards = context_.shards, ticket = reply.Release()](Outcome outcome) {
      Reply<v1::AwardBatchResponse> answer(ticket);
      if (outcome.refusal) return answer.Refuse(ToStatus(*outcome.refusal));  // items' own refusals are in their results
      google::protobuf::Arena arena;
      auto* response = google::protobuf::Arena::CreateMessage<v1::AwardBatchResponse>(&arena);
      for (const auto& entry : outcome.entries) ToProto(*entry, *response->add_results());
      response->set_replayed(outcome.is_replayed);
      Complete(*shards, outcome, *response);
      answer.Ok(*response);
    });
  }

  // As Mutate, of what is about the entry that the request names. The scope is that of its member, whom only the ledger knows: looked up
  // beside gRPC's threads.
  template <class Request, class Response, class Fill>
  void MutateOf(Method method, const Call& call, const Request& request, Reply<Response> reply, Fill fill) {
    auto mutation = FromProto(request);
    if (!mutation.ok()) return reply.Refuse(mutation.status());
    Beside(context_, std::move(reply),
           [this, method, &call, mutation = *std::move(mutation), fill = std::move(fill)](Reply<Response> answer) mutable {
             mutation.members = MembersOf(method, mutation);
             if (auto status = Admit(context_, call, method, mutation); !status.ok()) return answer.Refuse(status);
             Submit(context_, call, std::move(mutation), std::move(answer), std::move(fill));
           });
  }

  std::vector<std::string> MembersOf(Method method, const Mutation& mutation) const {
    const Ledger& ledger = context_.shards->Of(mutation.program);
    const std::int64_t sequence = mutation.entries.front().sequence;
    if (sequence >= ledger.EndSequence(mutation.program)) return {};
    const auto entry = ledger.JournalOf(mutation.program).Read(sequence);
    if (!entry.ok()) return {};
    const bool is_of_kind = method == Method::kCorrect       ? entry->kind == Kind::kAward
                            : method == Method::kProposeUndo ? entry->kind == Kind::kDonation || entry->kind == Kind::kRefund
                            : method == Method::kUndo        ? entry->kind == Kind::kUndoProposed
                                                             : entry->kind == Kind::kWaiverProposed;
    return is_of_kind ? std::vector{entry->member} : std::vector<std::string>{};
  }

  const ServiceContext context_;
  UnaryMethod award_{context_.unary, "AwardService/Award"};
  UnaryMethod award_batch_{context_.unary, "AwardService/AwardBatch", LongerFor(context_, Method::kAwardBatch, 4 << 20)};
  UnaryMethod correct_{context_.unary, "AwardService/Correct"};
  UnaryMethod donate_{context_.unary, "AwardService/Donate"};
  UnaryMethod propose_undo_{context_.unary, "AwardService/ProposeUndo", {kSmallBytesMax}};
  UnaryMethod undo_{context_.unary, "AwardService/Undo", {kSmallBytesMax}};
  UnaryMethod propose_waiver_{context_.unary, "AwardService/ProposeWaiver", {kSmallBytesMax}};
  UnaryMethod waive_debt_{context_.unary, "AwardService/WaiveDebt", {kSmallBytesMax}};
  UnaryMethod get_outcome_{context_.unary, "AwardService/GetAwardOutcome", {kSmallBytesMax}};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAwardService(const ServiceContext& context) { return std::make_unique<AwardService>(context); }

}  // namespace redpoints::server
