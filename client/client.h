// The calls of every service, each with a deadline, repeated only where that is safe, and answered with its fate.
//
// A mutation without a request id gets a fresh one; every repetition carries the same. When its fate stays open after the last
// attempt (no answer in time, a cut connection), the client asks GetOutcome or GetAwardOutcome before it answers kUnknown.
//
// Blocks; thread-safe. Streams are in journal_reader.h.
#pragma once

#include <memory>

#include "client/answer.h"
#include "client/call_options.h"
#include "client/connection.h"
#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/journal_service.pb.h"
#include "redpoints/v1/operator_service.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"

namespace redpoints {

class Client {
 public:
  explicit Client(std::shared_ptr<Connection> connection, CallOptions options = {}, Timing timing = SystemTiming());
  ~Client();

  Answer<v1::QuoteResponse> Quote(const v1::QuoteRequest& request) const;
  Answer<v1::RedeemResponse> Redeem(v1::RedeemRequest request) const;
  Answer<v1::AuthorizeResponse> Authorize(v1::AuthorizeRequest request) const;
  Answer<v1::CaptureResponse> Capture(v1::CaptureRequest request) const;
  Answer<v1::VoidResponse> Void(v1::VoidRequest request) const;
  Answer<v1::RefundResponse> Refund(v1::RefundRequest request) const;
  Answer<v1::ReverseResponse> Reverse(v1::ReverseRequest request) const;
  Answer<v1::GetOutcomeResponse> GetOutcome(const v1::GetOutcomeRequest& request) const;

  Answer<v1::AwardResponse> Award(v1::AwardRequest request) const;
  // kDone also when items were refused: see their results.
  Answer<v1::AwardBatchResponse> AwardBatch(v1::AwardBatchRequest request) const;
  Answer<v1::CorrectResponse> Correct(v1::CorrectRequest request) const;
  Answer<v1::DonateResponse> Donate(v1::DonateRequest request) const;
  Answer<v1::ProposeUndoResponse> ProposeUndo(v1::ProposeUndoRequest request) const;
  Answer<v1::UndoResponse> Undo(v1::UndoRequest request) const;
  Answer<v1::ProposeWaiverResponse> ProposeWaiver(v1::ProposeWaiverRequest request) const;
  Answer<v1::WaiveDebtResponse> WaiveDebt(v1::WaiveDebtRequest request) const;
  Answer<v1::GetAwardOutcomeResponse> GetAwardOutcome(const v1::GetAwardOutcomeRequest& request) const;

  Answer<v1::GetBalanceResponse> GetBalance(const v1::GetBalanceRequest& request) const;
  Answer<v1::ListStatementResponse> ListStatement(const v1::ListStatementRequest& request) const;

  Answer<v1::GetJournalResponse> GetJournal(const v1::GetJournalRequest& request) const;
  Answer<v1::GetEntryResponse> GetEntry(const v1::GetEntryRequest& request) const;
  Answer<v1::GetBlobResponse> GetBlob(const v1::GetBlobRequest& request) const;

  Answer<v1::CreateProgramResponse> CreateProgram(v1::CreateProgramRequest request) const;
  Answer<v1::ConfirmClockResponse> ConfirmClock(v1::ConfirmClockRequest request) const;
  Answer<v1::SetNodeResponse> SetNode(v1::SetNodeRequest request) const;
  Answer<v1::SetFundResponse> SetFund(v1::SetFundRequest request) const;
  Answer<v1::SetOfferResponse> SetOffer(v1::SetOfferRequest request) const;
  Answer<v1::AdoptRulebookResponse> AdoptRulebook(v1::AdoptRulebookRequest request) const;
  Answer<v1::WithdrawRulebookResponse> WithdrawRulebook(v1::WithdrawRulebookRequest request) const;
  Answer<v1::CreateMemberResponse> CreateMember(v1::CreateMemberRequest request) const;
  Answer<v1::UpdateMemberResponse> UpdateMember(v1::UpdateMemberRequest request) const;
  Answer<v1::ReplaceMemberNumberResponse> ReplaceMemberNumber(v1::ReplaceMemberNumberRequest request) const;
  Answer<v1::CreateMembersResponse> CreateMembers(v1::CreateMembersRequest request) const;
  Answer<v1::CreateMerchantResponse> CreateMerchant(v1::CreateMerchantRequest request) const;
  Answer<v1::UpdateMerchantResponse> UpdateMerchant(v1::UpdateMerchantRequest request) const;
  Answer<v1::CreateTerminalResponse> CreateTerminal(v1::CreateTerminalRequest request) const;
  Answer<v1::UpdateTerminalResponse> UpdateTerminal(v1::UpdateTerminalRequest request) const;
  Answer<v1::CreateStaffResponse> CreateStaff(v1::CreateStaffRequest request) const;
  Answer<v1::UpdateStaffResponse> UpdateStaff(v1::UpdateStaffRequest request) const;
  Answer<v1::GetRegistrationResponse> GetRegistration(const v1::GetRegistrationRequest& request) const;
  Answer<v1::ListRegistrationsResponse> ListRegistrations(const v1::ListRegistrationsRequest& request) const;

  // Not repeated by itself: a backup that was begun goes on.
  Answer<v1::BackupResponse> Backup(const v1::BackupRequest& request) const;
  Answer<v1::GetMetricsResponse> GetMetrics(const v1::GetMetricsRequest& request) const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace redpoints
