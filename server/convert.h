// Between the protos and the ledger's own types, with every check of shape: required fields, lengths, characters, ranges. Pure; any thread.
// Refusals are FIELD_* and name the field.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/contract/names.h"
#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"
#include "storage/rules/command.h"
#include "storage/rules/outcome.h"
#include "storage/rules/state.h"
#include "storage/views.h"

namespace redpoints::server {

// A request that changes something: in which program, under which id, at which till, what.
struct Mutation {
  std::string program;
  std::string request_id;  // 32 hex digits
  std::string clerk;
  std::string till;
  Command command;
  // As typed, 会员号 and ids alike stand in the command until Numbers::Resolve; from then on:
  std::vector<std::string> members = {};  // whom it is about, for the scope check: ids; empty for a number that leads to nobody
  std::vector<std::string> numbers = {};  // of each of them the number as typed, empty where an id was given
  std::vector<std::string> deeds = {};    // of each item that Deeds::Cover has covered, what it really was; may be shorter
  // Entries that the request names; their epochs are checked against the journal before it is submitted.
  struct NamedEntry {
    ResourceKind kind = ResourceKind::kEntry;
    std::int64_t sequence = -1;
    std::int64_t epoch = 0;
  };
  std::vector<NamedEntry> entries = {};
};

// Of a quote, which changes nothing: program and lines alone.
struct LinesToPrice {
  std::string program;
  std::vector<OfferLine> lines;
};
absl::StatusOr<LinesToPrice> FromProto(const v1::QuoteRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::RedeemRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::AuthorizeRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::CaptureRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::VoidRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::RefundRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::ReverseRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::AwardRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::AwardBatchRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::CorrectRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::DonateRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::ProposeUndoRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::UndoRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::ProposeWaiverRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::WaiveDebtRequest& request);
// Registrations. New ids are made here; numbers are reserved by Numbers::Reserve.
absl::StatusOr<Mutation> FromProto(const v1::CreateProgramRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::ConfirmClockRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::SetNodeRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::SetFundRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::SetOfferRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::AdoptRulebookRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::WithdrawRulebookRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::CreateMemberRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::UpdateMemberRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::ReplaceMemberNumberRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::CreateMembersRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::CreateMerchantRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::UpdateMerchantRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::CreateTerminalRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::UpdateTerminalRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::CreateStaffRequest& request);
absl::StatusOr<Mutation> FromProto(const v1::UpdateStaffRequest& request);

// Rows of a list, coerced to its bounds; FIELD_OUT_OF_RANGE when negative.
absl::StatusOr<int> PageSize(int page_size);

// "programs/{program}/members/{id}".
std::string MemberName(const std::string& program, const std::string& id);
// "programs/{program}/awards/{sequence}", with the entry's epoch.
std::string NameOf(ResourceKind kind, const Entry& entry);

// All epochs are that of the first entry, decimals of points and amounts are not set: Complete (handler.h) puts that right.
void ToProto(const Outcome& outcome, v1::Outcome& proto);
void ToProto(const Entry& award, const Definitions& definitions, v1::AwardResult& proto);  // but for the outcome
void ToProto(const Entry& item, v1::BatchItemResult& proto);
// Adds up what an award or correction gave or took in each unit, debts included.
void AddAmounts(const Entry& entry, google::protobuf::RepeatedPtrField<v1::UnitAmount>& amounts);
void ToProto(const UnitBalance& balance, v1::UnitBalance& proto);
void ToProto(const StatementLine& line, const StateMark& at, v1::StatementLine& proto);
// A member's number and the entry's epoch are left to whoever may look them up.
void ToProto(const std::string& program, const Registered& registered, v1::Registration& proto);
void ToProto(const std::string& program, const MemberData& data, v1::Member& proto);
void ToProto(const std::string& program, const StaffData& data, v1::Staff& proto);

}  // namespace redpoints::server
