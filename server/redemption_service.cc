#include "redpoints/v1/redemption_service.grpc.pb.h"

#include "server/handler.h"
#include "server/name_fields.h"
#include "storage/rules/apply.h"
#include "storage/rules/day.h"
#include "storage/rules/sales.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

template <class S> using Q = v1::RedemptionService::WithRawCallbackMethod_Quote<S>;
template <class S> using R = v1::RedemptionService::WithRawCallbackMethod_Redeem<S>;
template <class S> using A = v1::RedemptionService::WithRawCallbackMethod_Authorize<S>;
template <class S> using C = v1::RedemptionService::WithRawCallbackMethod_Capture<S>;
template <class S> using V = v1::RedemptionService::WithRawCallbackMethod_Void<S>;
template <class S> using F = v1::RedemptionService::WithRawCallbackMethod_Refund<S>;
template <class S> using X = v1::RedemptionService::WithRawCallbackMethod_Reverse<S>;
template <class S> using G = v1::RedemptionService::WithRawCallbackMethod_GetOutcome<S>;

// Of a reversal, what became of its target; of a request that was reversed before it came there is none.
template <class Response> void TellTarget(const Outcome& outcome, Response& response) {
  if (outcome.target && !outcome.target->entries.empty()) ToProto(*outcome.target, *response.mutable_target());
  if (outcome.entry().effect != Effect::kTombstone || outcome.first == RequestState::kNeverSeen) return;
  Outcome never = outcome;  // as the target's own outcome from now on
  never.first = never.now = RequestState::kNeverSeen;
  ToProto(never, *response.mutable_target());
}
using Raw = Q<R<A<C<V<F<X<G<v1::RedemptionService::Service>>>>>>>>;

class RedemptionService final : public Raw {
 public:
  explicit RedemptionService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Quote(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return quote_.Handle<v1::QuoteRequest, v1::QuoteResponse>(
        context, in, out, [this](const Call& call, const v1::QuoteRequest& request, Reply<v1::QuoteResponse> reply) {
          auto quote = FromProto(request);
          if (!quote.ok()) return reply.Refuse(quote.status());
          if (auto status = context_.authorizer->Check(call.caller(), Method::kQuote, quote->program); !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(context_, std::move(reply),
                     [this, merchant = call.caller().merchant, quote = *std::move(quote)]() -> absl::StatusOr<v1::QuoteResponse> {
                       const Ledger& ledger = context_.shards->Of(quote.program);
                       const State* state = ledger.FindState(quote.program);
                       std::vector<OfferLine> lines = quote.lines;
                       std::int64_t points = 0;
                       const auto find = [state](const std::string& code) { return FindRegistration<OfferData>(*state, "offer", code); };
                       if (auto broken = PriceLines(find, merchant, DayOf(ledger.clock().NowMs()), lines, points)) return ToStatus(*broken);
                       v1::QuoteResponse response;
                       response.set_points(points);
                       response.set_points_decimals(state->ReadDefinitions()->DecimalsOf(kPoint));
                       return response;
                     });
        });
  }

  grpc::ServerUnaryReactor* Redeem(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return redeem_.Handle<v1::RedeemRequest, v1::RedeemResponse>(
        context, in, out, [this](const Call& call, const v1::RedeemRequest& request, Reply<v1::RedeemResponse> reply) {
          Mutate(context_, Method::kRedeem, call, request, std::move(reply), [](const Outcome& outcome, v1::RedeemResponse& response) {
            ToProto(outcome, *response.mutable_outcome());
            response.set_redemption(NameOf(ResourceKind::kRedemption, outcome.entry()));
          });
        });
  }

  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return authorize_.Handle<v1::AuthorizeRequest, v1::AuthorizeResponse>(
        context, in, out, [this](const Call& call, const v1::AuthorizeRequest& request, Reply<v1::AuthorizeResponse> reply) {
          Mutate(context_, Method::kAuthorize, call, request, std::move(reply),
                 [](const Outcome& outcome, v1::AuthorizeResponse& response) {
                   ToProto(outcome, *response.mutable_outcome());
                   response.set_hold(NameOf(ResourceKind::kHold, outcome.entry()));
                   response.mutable_expire_time()->set_seconds(outcome.hold_until_ms / 1000);
                   response.mutable_expire_time()->set_nanos(static_cast<int>(outcome.hold_until_ms % 1000) * 1'000'000);
                 });
        });
  }

  grpc::ServerUnaryReactor* Capture(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return capture_.Handle<v1::CaptureRequest, v1::CaptureResponse>(
        context, in, out, [this](const Call& call, const v1::CaptureRequest& request, Reply<v1::CaptureResponse> reply) {
          Mutate(context_, Method::kCapture, call, request, std::move(reply), [](const Outcome& outcome, v1::CaptureResponse& response) {
            ToProto(outcome, *response.mutable_outcome());
            response.set_redemption(NameOf(ResourceKind::kRedemption, outcome.entry()));
          });
        });
  }

  grpc::ServerUnaryReactor* Void(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return void_.Handle<v1::VoidRequest, v1::VoidResponse>(
        context, in, out, [this](const Call& call, const v1::VoidRequest& request, Reply<v1::VoidResponse> reply) {
          Mutate(context_, Method::kVoid, call, request, std::move(reply),
                 [](const Outcome& outcome, v1::VoidResponse& response) { ToProto(outcome, *response.mutable_outcome()); });
        });
  }

  grpc::ServerUnaryReactor* Refund(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return refund_.Handle<v1::RefundRequest, v1::RefundResponse>(
        context, in, out, [this](const Call& call, const v1::RefundRequest& request, Reply<v1::RefundResponse> reply) {
          Mutate(context_, Method::kRefund, call, request, std::move(reply), [](const Outcome& outcome, v1::RefundResponse& response) {
            ToProto(outcome, *response.mutable_outcome());
            for (const Posting& p : outcome.entry().postings) {
              if (p.holder.is(HolderClass::kExpired)) response.set_expired_points(p.amount);
            }
          });
        });
  }

  grpc::ServerUnaryReactor* Reverse(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return reverse_.Handle<v1::ReverseRequest, v1::ReverseResponse>(
        context, in, out, [this](const Call& call, const v1::ReverseRequest& request, Reply<v1::ReverseResponse> reply) {
          Mutate(context_, Method::kReverse, call, request, std::move(reply), [](const Outcome& outcome, v1::ReverseResponse& response) {
            ToProto(outcome, *response.mutable_outcome());
            TellTarget(outcome, response);
          });
        });
  }

  grpc::ServerUnaryReactor* GetOutcome(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_outcome_.Handle<v1::GetOutcomeRequest, v1::GetOutcomeResponse>(
        context, in, out, [this](const Call& call, const v1::GetOutcomeRequest& request, Reply<v1::GetOutcomeResponse> reply) {
          auto program = ParseProgram("program", request.program());
          if (!program.ok()) return reply.Refuse(program.status());
          auto id = ParseUuid("request_id", request.request_id());
          if (!id.ok()) return reply.Refuse(id.status());
          if (auto status = context_.authorizer->Check(call.caller(), Method::kGetOutcome, std::string(*program)); !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(
              context_, std::move(reply),
              [this, program = std::string(*program), actor = call.caller().id, id = *id]() -> absl::StatusOr<v1::GetOutcomeResponse> {
                Outcome outcome = context_.shards->Of(program).FindOutcome(program, actor, id);
                if (outcome.refusal) return NoOutcome(*context_.shards, program, *outcome.refusal);
                v1::GetOutcomeResponse response;
                ToProto(outcome, *response.mutable_outcome());
                TellTarget(outcome, response);
                outcome.is_replayed = true;  // what is asked for was answered before
                Complete(*context_.shards, outcome, response);
                const Kind kind = outcome.entry().kind;
                if (kind == Kind::kRedemption || kind == Kind::kCapture)
                  response.set_redemption(NameOf(ResourceKind::kRedemption, outcome.entry()));
                if (kind == Kind::kHold) response.set_hold(NameOf(ResourceKind::kHold, outcome.entry()));
                return response;
              });
        });
  }

 private:
  const ServiceContext context_;
  UnaryMethod quote_{context_.unary, "RedemptionService/Quote", {kSmallBytesMax}};
  UnaryMethod redeem_{context_.unary, "RedemptionService/Redeem", {kSmallBytesMax}};
  UnaryMethod authorize_{context_.unary, "RedemptionService/Authorize", {kSmallBytesMax}};
  UnaryMethod capture_{context_.unary, "RedemptionService/Capture", {kSmallBytesMax}};
  UnaryMethod void_{context_.unary, "RedemptionService/Void", {kSmallBytesMax}};
  UnaryMethod refund_{context_.unary, "RedemptionService/Refund", {kSmallBytesMax}};
  UnaryMethod reverse_{context_.unary, "RedemptionService/Reverse", {kSmallBytesMax}};
  UnaryMethod get_outcome_{context_.unary, "RedemptionService/GetOutcome", {kSmallBytesMax}};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRedemptionService(const ServiceContext& context) { return std::make_unique<RedemptionService>(context); }

}  // namespace redpoints::server
