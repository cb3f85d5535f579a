#include "redpoints/v1/award_service.grpc.pb.h"

#include "server/handler.h"
#include "server/names.h"
#include "storage/journal.h"

namespace redpoints::server {
namespace {

template <class S> using A = v1::AwardService::WithRawCallbackMethod_Award<S>;
template <class S> using B = v1::AwardService::WithRawCallbackMethod_AwardBatch<S>;
template <class S> using C = v1::AwardService::WithRawCallbackMethod_Correct<S>;
template <class S> using D = v1::AwardService::WithRawCallbackMethod_Donate<S>;
template <class S> using G = v1::AwardService::WithRawCallbackMethod_GetAwardOutcome<S>;
using Raw = A<B<C<D<G<v1::AwardService::Service>>>>>;

class AwardService final : public Raw {
 public:
  explicit AwardService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Award(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return award_.Handle<v1::AwardRequest, v1::AwardResponse>(
        context, in, out, [this](const Call& call, const v1::AwardRequest& request, Reply<v1::AwardResponse> reply) {
          Mutate(context_, Method::kAward, call, request, std::move(reply), [this](const Outcome& outcome, v1::AwardResponse& response) {
            const Entry& award = outcome.entry();
            const auto definitions = context_.shards->Of(award.program).FindState(award.program)->ReadPublished().definitions;
            ToProto(outcome, *response.mutable_result()->mutable_outcome());
            ToProto(award, definitions->ActivityOf(award), *response.mutable_result());
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
          auto mutation = FromProto(request);
          if (!mutation.ok()) return reply.Refuse(mutation.status());
          // The scope is that of the award's member, whom only the ledger knows: look beside gRPC's threads, then go on as any mutation.
          Beside(context_, std::move(reply), [this, &call, mutation = *std::move(mutation)](Reply<v1::CorrectResponse> answer) {
            SubmitCorrection(std::move(answer), call, mutation);
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
                const Outcome outcome = context_.shards->Of(program).FindOutcome(program, actor, id);
                if (outcome.refusal) return ToStatus(*outcome.refusal);
                v1::GetAwardOutcomeResponse response;
                ToProto(outcome, *response.mutable_outcome());
                if (outcome.entry().item >= 0) {
                  for (const auto& entry : outcome.entries) ToProto(*entry, *response.add_results());
                }
                return response;
              });
        });
  }

 private:
  void SubmitBatch(const Call& call, const v1::AwardBatchRequest& request, Reply<v1::AwardBatchResponse> reply) {
    auto mutation = FromProto(request);
    if (!mutation.ok()) return reply.Refuse(mutation.status());
    if (auto status = context_.authorizer->Check(call.caller(), Method::kAwardBatch, mutation->program, mutation->members); !status.ok()) {
      return reply.Refuse(status);
    }
    Origin origin = OriginOf(call.caller(), *mutation);
    context_.shards->Submit(
        mutation->program, std::move(origin), std::move(mutation->command),
        [ticket = reply.Release()](Outcome outcome) {
          Reply<v1::AwardBatchResponse> answer(ticket);
          if (outcome.refusal) return answer.Refuse(ToStatus(*outcome.refusal));  // items' own refusals are in their results
          google::protobuf::Arena arena;
          auto* response = google::protobuf::Arena::CreateMessage<v1::AwardBatchResponse>(&arena);
          for (const auto& entry : outcome.entries) ToProto(*entry, *response->add_results());
          response->set_replayed(outcome.is_replayed);
          answer.Ok(*response);
        },
        DeadlineOf(call));
  }

  void SubmitCorrection(Reply<v1::CorrectResponse> reply, const Call& call, const Mutation& mutation) {
    const Ledger& ledger = context_.shards->Of(mutation.program);
    const std::int64_t award = std::get<redpoints::Correct>(mutation.command).award;
    std::vector<std::string> members;
    if (award < ledger.EndSequence(mutation.program)) {
      auto entry = ledger.JournalOf(mutation.program).Read(award);
      if (entry.ok() && entry->kind == Kind::kAward) members = {entry->member};
    }
    if (auto status = context_.authorizer->Check(call.caller(), Method::kCorrect, mutation.program, members); !status.ok())
      return reply.Refuse(status);
    context_.shards->Submit(
        mutation.program, OriginOf(call.caller(), mutation), mutation.command,
        [ticket = reply.Release()](Outcome outcome) {
          Answer(Reply<v1::CorrectResponse>(ticket), outcome, [](const Outcome& done, v1::CorrectResponse& response) {
            ToProto(done, *response.mutable_outcome());
            for (const Posting& p : done.entry().postings) {
              if (p.sub == Sub::kDebt) response.set_debt_points(-p.amount);
              if (!p.holder.starts_with("issuance:")) continue;
              auto& amount = *response.add_amounts();
              amount.set_unit(p.unit);
              amount.set_amount(-p.amount);
            }
          });
        },
        DeadlineOf(call));
  }

  const ServiceContext context_;
  UnaryMethod award_{context_.unary, "AwardService/Award"};
  UnaryMethod award_batch_{context_.unary, "AwardService/AwardBatch", LongerFor(context_, Method::kAwardBatch, 4 << 20)};
  UnaryMethod correct_{context_.unary, "AwardService/Correct"};
  UnaryMethod donate_{context_.unary, "AwardService/Donate"};
  UnaryMethod get_outcome_{context_.unary, "AwardService/GetAwardOutcome", {kSmallBytesMax}};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAwardService(const ServiceContext& context) { return std::make_unique<AwardService>(context); }

}  // namespace redpoints::server
