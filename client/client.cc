#include "client/client.h"

#include <string>
#include <utility>

#include "client/answer_maker.h"
#include "client/retry.h"
#include "client/rpc.h"
#include "proto/contract/request_id.h"
#include "redpoints/v1/account_service.grpc.pb.h"
#include "redpoints/v1/award_service.grpc.pb.h"
#include "redpoints/v1/journal_service.grpc.pb.h"
#include "redpoints/v1/operator_service.grpc.pb.h"
#include "redpoints/v1/redemption_service.grpc.pb.h"
#include "redpoints/v1/registry_service.grpc.pb.h"

namespace redpoints {
namespace {

// Where requests that name no program are kept.
constexpr char kSystemProgram[] = "programs/system";

// The outcome inside a response; nullptr where it has none of the whole.
template <class Response> const v1::Outcome* OutcomeIn(const Response& response) {
  return response.has_outcome() ? &response.outcome() : nullptr;
}
const v1::Outcome* OutcomeIn(const v1::AwardResponse& response) {
  return response.result().has_outcome() ? &response.result().outcome() : nullptr;
}
// A batch is carried out as a whole; its items have outcomes of their own.
const v1::Outcome* OutcomeIn(const v1::AwardBatchResponse&) { return nullptr; }

// What an outcome that was asked for tells of the response that was lost.
template <class Asked, class Response> void Restore(const Asked& asked, Response* response) {
  *response->mutable_outcome() = asked.outcome();
}
void Restore(const v1::GetOutcomeResponse& asked, v1::RedeemResponse* response) {
  *response->mutable_outcome() = asked.outcome();
  response->set_redemption(asked.redemption());
}
void Restore(const v1::GetOutcomeResponse& asked, v1::CaptureResponse* response) {
  *response->mutable_outcome() = asked.outcome();
  response->set_redemption(asked.redemption());
}
void Restore(const v1::GetOutcomeResponse& asked, v1::AuthorizeResponse* response) {
  *response->mutable_outcome() = asked.outcome();
  response->set_hold(asked.hold());
}
void Restore(const v1::GetAwardOutcomeResponse& asked, v1::AwardResponse* response) {
  *response->mutable_result()->mutable_outcome() = asked.outcome();
}
void Restore(const v1::GetAwardOutcomeResponse& asked, v1::AwardBatchResponse* response) {
  *response->mutable_results() = asked.results();
  response->set_points_decimals(asked.points_decimals());
  response->set_replayed(true);
}

// "programs/{program}" of a full name.
std::string ProgramIn(const std::string& name) { return name.substr(0, name.find('/', name.find('/') + 1)); }

template <class Request> std::string ProgramOf(const Request& request) { return request.program(); }
std::string ProgramOf(const v1::WithdrawRulebookRequest& request) { return ProgramIn(request.name()); }
std::string ProgramOf(const v1::ReplaceMemberNumberRequest& request) { return ProgramIn(request.name()); }
std::string ProgramOf(const v1::CreateProgramRequest&) { return kSystemProgram; }
std::string ProgramOf(const v1::ConfirmClockRequest&) { return kSystemProgram; }

}  // namespace

struct Client::Impl {
  using Redemption = v1::RedemptionService::Stub;
  using Awards = v1::AwardService::Stub;
  using Accounts = v1::AccountService::Stub;
  using Journal = v1::JournalService::Stub;
  using Registry = v1::RegistryService::Stub;
  using Operator = v1::OperatorService::Stub;

  Impl(std::shared_ptr<Connection> connection_in, CallOptions options_in, Timing timing)
      : connection(std::move(connection_in)),
        options(options_in),
        retrier(options, std::move(timing), [this](std::chrono::milliseconds wait) { return connection->WaitForConnected(wait); }) {}

  template <class Stub, class Request, class Response>
  Answer<Response> Read(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request) {
    Response response;
    const Attempts made = retrier.Run([&] { return CallOnce(stub, method, request, options.timeout, &response); }, options.retry_budget);
    return AnswerMaker::OfRead(made, std::move(response));
  }

  // `ask_stub`, `ask`: which question tells what became of it.
  template <class Stub, class Request, class Response, class AskStub, class AskRequest, class Asked>
  Answer<Response> Mutate(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), Request request,
                          AskStub& ask_stub, grpc::Status (AskStub::*ask)(grpc::ClientContext*, const AskRequest&, Asked*)) {
    if (request.request_id().empty()) request.set_request_id(NewRequestId());
    Response response;
    const Attempts made = retrier.Run([&] { return CallOnce(stub, method, request, options.timeout, &response); }, options.retry_budget);
    if (auto answer = AnswerMaker::OfMutation(made, response, OutcomeIn(response))) {
      return AnswerMaker::WithRequestId(*std::move(answer), request.request_id());
    }
    AskRequest question;
    question.set_program(ProgramOf(request));
    question.set_request_id(request.request_id());
    Asked asked;
    const Attempts told = retrier.Ask([&] { return CallOnce(ask_stub, ask, question, options.timeout, &asked); }, options.outcome_budget);
    auto answer = AnswerMaker::Unknown<Response>(made.last, told.last);
    if (told.last.code == kOk) {
      response.Clear();
      Restore(asked, &response);
      answer = AnswerMaker::OfOutcome(response, OutcomeIn(response));
    }
    return AnswerMaker::WithRequestId(std::move(answer), request.request_id());
  }

  // A terminal's mutations, and those of staff, are asked for at different services.
  template <class Stub, class Request, class Response>
  Answer<Response> ByTerminal(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), Request request) {
    return Mutate(stub, method, std::move(request), redemption, &Redemption::GetOutcome);
  }
  template <class Stub, class Request, class Response>
  Answer<Response> ByStaff(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), Request request) {
    return Mutate(stub, method, std::move(request), awards, &Awards::GetAwardOutcome);
  }

  const std::shared_ptr<Connection> connection;
  const CallOptions options;
  const Retrier retrier;
  Redemption redemption{connection->channel()};
  Awards awards{connection->channel()};
  Accounts accounts{connection->channel()};
  Journal journal{connection->channel()};
  Registry registry{connection->channel()};
  Operator operators{connection->channel()};
};

Client::Client(std::shared_ptr<Connection> connection, CallOptions options, Timing timing)
    : impl_(std::make_unique<Impl>(std::move(connection), options, std::move(timing))) {}
Client::~Client() = default;

Answer<v1::QuoteResponse> Client::Quote(const v1::QuoteRequest& request) const {
  return impl_->Read(impl_->redemption, &Impl::Redemption::Quote, request);
}
Answer<v1::RedeemResponse> Client::Redeem(v1::RedeemRequest request) const {
  return impl_->ByTerminal(impl_->redemption, &Impl::Redemption::Redeem, std::move(request));
}
Answer<v1::AuthorizeResponse> Client::Authorize(v1::AuthorizeRequest request) const {
  return impl_->ByTerminal(impl_->redemption, &Impl::Redemption::Authorize, std::move(request));
}
Answer<v1::CaptureResponse> Client::Capture(v1::CaptureRequest request) const {
  return impl_->ByTerminal(impl_->redemption, &Impl::Redemption::Capture, std::move(request));
}
Answer<v1::VoidResponse> Client::Void(v1::VoidRequest request) const {
  return impl_->ByTerminal(impl_->redemption, &Impl::Redemption::Void, std::move(request));
}
Answer<v1::RefundResponse> Client::Refund(v1::RefundRequest request) const {
  return impl_->ByTerminal(impl_->redemption, &Impl::Redemption::Refund, std::move(request));
}
Answer<v1::ReverseResponse> Client::Reverse(v1::ReverseRequest request) const {
  return impl_->ByTerminal(impl_->redemption, &Impl::Redemption::Reverse, std::move(request));
}
Answer<v1::GetOutcomeResponse> Client::GetOutcome(const v1::GetOutcomeRequest& request) const {
  return impl_->Read(impl_->redemption, &Impl::Redemption::GetOutcome, request);
}

Answer<v1::AwardResponse> Client::Award(v1::AwardRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::Award, std::move(request));
}
Answer<v1::AwardBatchResponse> Client::AwardBatch(v1::AwardBatchRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::AwardBatch, std::move(request));
}
Answer<v1::CorrectResponse> Client::Correct(v1::CorrectRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::Correct, std::move(request));
}
Answer<v1::DonateResponse> Client::Donate(v1::DonateRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::Donate, std::move(request));
}
Answer<v1::ProposeUndoResponse> Client::ProposeUndo(v1::ProposeUndoRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::ProposeUndo, std::move(request));
}
Answer<v1::ProposeWaiverResponse> Client::ProposeWaiver(v1::ProposeWaiverRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::ProposeWaiver, std::move(request));
}
Answer<v1::WaiveDebtResponse> Client::WaiveDebt(v1::WaiveDebtRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::WaiveDebt, std::move(request));
}
Answer<v1::UndoResponse> Client::Undo(v1::UndoRequest request) const {
  return impl_->ByStaff(impl_->awards, &Impl::Awards::Undo, std::move(request));
}
Answer<v1::GetAwardOutcomeResponse> Client::GetAwardOutcome(const v1::GetAwardOutcomeRequest& request) const {
  return impl_->Read(impl_->awards, &Impl::Awards::GetAwardOutcome, request);
}

Answer<v1::GetBalanceResponse> Client::GetBalance(const v1::GetBalanceRequest& request) const {
  return impl_->Read(impl_->accounts, &Impl::Accounts::GetBalance, request);
}
Answer<v1::ListStatementResponse> Client::ListStatement(const v1::ListStatementRequest& request) const {
  return impl_->Read(impl_->accounts, &Impl::Accounts::ListStatement, request);
}

Answer<v1::GetJournalResponse> Client::GetJournal(const v1::GetJournalRequest& request) const {
  return impl_->Read(impl_->journal, &Impl::Journal::GetJournal, request);
}
Answer<v1::GetEntryResponse> Client::GetEntry(const v1::GetEntryRequest& request) const {
  return impl_->Read(impl_->journal, &Impl::Journal::GetEntry, request);
}
Answer<v1::GetBlobResponse> Client::GetBlob(const v1::GetBlobRequest& request) const {
  return impl_->Read(impl_->journal, &Impl::Journal::GetBlob, request);
}

Answer<v1::CreateProgramResponse> Client::CreateProgram(v1::CreateProgramRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::CreateProgram, std::move(request));
}
Answer<v1::ConfirmClockResponse> Client::ConfirmClock(v1::ConfirmClockRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::ConfirmClock, std::move(request));
}
Answer<v1::SetNodeResponse> Client::SetNode(v1::SetNodeRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::SetNode, std::move(request));
}
Answer<v1::SetFundResponse> Client::SetFund(v1::SetFundRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::SetFund, std::move(request));
}
Answer<v1::SetOfferResponse> Client::SetOffer(v1::SetOfferRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::SetOffer, std::move(request));
}
Answer<v1::AdoptRulebookResponse> Client::AdoptRulebook(v1::AdoptRulebookRequest request) const {
  if (request.validate_only()) {
    if (request.request_id().empty()) request.set_request_id(NewRequestId());
    return impl_->Read(impl_->registry, &Impl::Registry::AdoptRulebook, request);
  }
  return impl_->ByStaff(impl_->registry, &Impl::Registry::AdoptRulebook, std::move(request));
}
Answer<v1::WithdrawRulebookResponse> Client::WithdrawRulebook(v1::WithdrawRulebookRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::WithdrawRulebook, std::move(request));
}
Answer<v1::CreateMemberResponse> Client::CreateMember(v1::CreateMemberRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::CreateMember, std::move(request));
}
Answer<v1::UpdateMemberResponse> Client::UpdateMember(v1::UpdateMemberRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::UpdateMember, std::move(request));
}
Answer<v1::ReplaceMemberNumberResponse> Client::ReplaceMemberNumber(v1::ReplaceMemberNumberRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::ReplaceMemberNumber, std::move(request));
}
Answer<v1::CreateMembersResponse> Client::CreateMembers(v1::CreateMembersRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::CreateMembers, std::move(request));
}
Answer<v1::CreateMerchantResponse> Client::CreateMerchant(v1::CreateMerchantRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::CreateMerchant, std::move(request));
}
Answer<v1::UpdateMerchantResponse> Client::UpdateMerchant(v1::UpdateMerchantRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::UpdateMerchant, std::move(request));
}
Answer<v1::CreateTerminalResponse> Client::CreateTerminal(v1::CreateTerminalRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::CreateTerminal, std::move(request));
}
Answer<v1::UpdateTerminalResponse> Client::UpdateTerminal(v1::UpdateTerminalRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::UpdateTerminal, std::move(request));
}
Answer<v1::CreateStaffResponse> Client::CreateStaff(v1::CreateStaffRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::CreateStaff, std::move(request));
}
Answer<v1::UpdateStaffResponse> Client::UpdateStaff(v1::UpdateStaffRequest request) const {
  return impl_->ByStaff(impl_->registry, &Impl::Registry::UpdateStaff, std::move(request));
}
Answer<v1::GetRegistrationResponse> Client::GetRegistration(const v1::GetRegistrationRequest& request) const {
  return impl_->Read(impl_->registry, &Impl::Registry::GetRegistration, request);
}
Answer<v1::ListRegistrationsResponse> Client::ListRegistrations(const v1::ListRegistrationsRequest& request) const {
  return impl_->Read(impl_->registry, &Impl::Registry::ListRegistrations, request);
}

Answer<v1::BackupResponse> Client::Backup(const v1::BackupRequest& request) const {
  v1::BackupResponse response;
  const Attempts made =
      impl_->retrier.Run([&] { return CallOnce(impl_->operators, &Impl::Operator::Backup, request, impl_->options.timeout, &response); },
                         std::chrono::milliseconds(0));
  return AnswerMaker::OfRead(made, std::move(response));
}
Answer<v1::GetMetricsResponse> Client::GetMetrics(const v1::GetMetricsRequest& request) const {
  return impl_->Read(impl_->operators, &Impl::Operator::GetMetrics, request);
}

}  // namespace redpoints
