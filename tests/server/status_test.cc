#include "server/status.h"

#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "redpoints/v1/outcome.pb.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

google::rpc::Status Envelope(const grpc::Status& status) {
  google::rpc::Status envelope;
  EXPECT_TRUE(envelope.ParseFromString(status.error_details()));
  return envelope;
}

template <typename Detail> std::vector<Detail> Details(const grpc::Status& status) {
  std::vector<Detail> found;
  const google::rpc::Status envelope = Envelope(status);
  for (const auto& any : envelope.details()) {
    Detail detail;
    if (any.Is<Detail>() && any.UnpackTo(&detail)) found.push_back(detail);
  }
  return found;
}

TEST(ToGrpcStatus, OkIsOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(ReasonFor(absl::OkStatus()), Reason::REASON_UNSPECIFIED);
}

TEST(ToGrpcStatus, EveryReasonTravelsWithItsDetailsOnceEach) {
  const std::set<Reason> kWithRetry = {Reason::OVERLOADED, Reason::RATE_LIMITED, Reason::STORAGE_READ_ONLY, Reason::CLOCK_STOPPED,
                                       Reason::SHUTTING_DOWN};
  const std::set<Reason> kWithQuota = {Reason::RATE_LIMITED, Reason::REFUSALS_EXHAUSTED, Reason::STREAMS_EXHAUSTED};
  for (const auto& [reason, info] : AllReasons()) {
    SCOPED_TRACE(NameOf(reason));
    const absl::Status refusal = ToStatus({.reason = reason, .facts = {{"field", "offer_lines[2].points"}, {"short_by", "30"}}});
    const grpc::Status status = ToGrpcStatus(refusal);
    EXPECT_EQ(ReasonFor(refusal), reason);
    EXPECT_EQ(status.error_code(), info.code);
    EXPECT_NE(status.error_code(), grpc::StatusCode::OK);
    EXPECT_EQ(Envelope(status).code(), status.error_code());
    EXPECT_EQ(Envelope(status).message(), status.error_message());

    const auto infos = Details<google::rpc::ErrorInfo>(status);
    ASSERT_EQ(infos.size(), 1U);
    EXPECT_EQ(infos[0].reason(), NameOf(reason));
    EXPECT_EQ(infos[0].domain(), "redpoints.v1");
    EXPECT_EQ(infos[0].metadata().at("short_by"), "30");
    // Every variable of the message is in the metadata, too.
    EXPECT_NE(status.error_message().find("short_by=30"), std::string::npos);

    const auto localized = Details<google::rpc::LocalizedMessage>(status);
    ASSERT_EQ(localized.size(), 1U);
    EXPECT_EQ(localized[0].locale(), "zh-CN");
    EXPECT_EQ(localized[0].message(), std::string(info.zh_cn) + "。" + std::string(info.next_zh_cn) + "。");

    EXPECT_EQ(Details<google::rpc::BadRequest>(status).size(), reason < Reason::CALLER_UNKNOWN ? 1U : 0U);
    EXPECT_EQ(Details<google::rpc::RetryInfo>(status).size(), kWithRetry.count(reason));
    EXPECT_EQ(Details<google::rpc::QuotaFailure>(status).size(), kWithQuota.count(reason));
    EXPECT_TRUE(Details<v1::Outcome>(status).empty());
  }
}

TEST(ToGrpcStatus, ShapeRefusalNamesItsField) {
  const auto violations = Details<google::rpc::BadRequest>(ToGrpcStatus(FieldOutOfRange("offer_lines[2].points", 1, 9)));
  ASSERT_EQ(violations.size(), 1U);
  ASSERT_EQ(violations[0].field_violations_size(), 1);
  EXPECT_EQ(violations[0].field_violations(0).field(), "offer_lines[2].points");
  EXPECT_NE(violations[0].field_violations(0).description().find("max: 9"), std::string::npos);
  // Without a field there is nothing to point at.
  EXPECT_TRUE(Details<google::rpc::BadRequest>(ToGrpcStatus(ToStatus({.reason = Reason::DEADLINE_REQUIRED, .facts = {}}))).empty());
}

TEST(ToGrpcStatus, RecordedRefusalCarriesItsOutcome) {
  v1::Outcome outcome;
  outcome.set_request_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  outcome.set_state(v1::REFUSED);
  outcome.set_sequence(41);
  const grpc::Status status = ToGrpcStatus(ToStatus({.reason = Reason::INSUFFICIENT_POINTS, .facts = {{"short_by", "30"}}}), &outcome);
  const auto found = Details<v1::Outcome>(status);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].sequence(), 41);
  EXPECT_EQ(found[0].state(), v1::REFUSED);
}

TEST(ToGrpcStatus, RetryDelayComesFromTheFactOrTheReason) {
  const auto given =
      Details<google::rpc::RetryInfo>(ToGrpcStatus(ToStatus({.reason = Reason::RATE_LIMITED, .facts = {{"retry_ms", "2750"}}})));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].retry_delay().seconds(), 2);
  EXPECT_EQ(given[0].retry_delay().nanos(), 750'000'000);
  EXPECT_EQ(RetryDelayMs({.reason = Reason::OVERLOADED, .facts = {{"retry_ms", "x"}}}), 200);
  EXPECT_EQ(RetryDelayMs({.reason = Reason::OVERLOADED, .facts = {{"retry_ms", "-5"}}}), 200);
  EXPECT_EQ(RetryDelayMs({.reason = Reason::OUTCOME_UNKNOWN, .facts = {{"retry_ms", "5"}}}), std::nullopt);
}

TEST(ToGrpcStatus, StatusThatIsNoRefusalBecomesAnInvariantViolationAndKeepsItsMessage) {
  for (const absl::Status& status :
       {absl::InternalError("/data/shard0/000012.log: short read"), absl::NotFoundError("key 12345678"), absl::CancelledError("")}) {
    const grpc::Status seen = ToGrpcStatus(status);
    EXPECT_EQ(seen.error_code(), grpc::StatusCode::INTERNAL);
    EXPECT_EQ(ReasonFor(status), Reason::INVARIANT_VIOLATION);
    const auto infos = Details<google::rpc::ErrorInfo>(seen);
    ASSERT_EQ(infos.size(), 1U);
    EXPECT_EQ(infos[0].reason(), "INVARIANT_VIOLATION");
    EXPECT_EQ(seen.error_message().find("shard0"), std::string::npos);
    EXPECT_EQ(seen.error_details().find("12345678"), std::string::npos);
  }
}

// What the storage says of the disk and of this machine: each has its words, and none is a bug.
TEST(ToGrpcStatus, WhatTheStorageSaysIsNoInvariantViolation) {
  EXPECT_EQ(ReasonFor(absl::DataLossError("/data/000012.sst")), Reason::PROGRAM_SET_ASIDE);
  EXPECT_EQ(ReasonFor(absl::UnavailableError("/data: No space left on device")), Reason::STORAGE_READ_ONLY);
  const auto few = absl::ResourceExhaustedError("/data: Too many open files");
  EXPECT_EQ(ReasonFor(few), Reason::OVERLOADED);
  const auto infos = Details<google::rpc::ErrorInfo>(ToGrpcStatus(few));
  ASSERT_EQ(infos.size(), 1U);
  EXPECT_EQ(infos[0].reason(), "OVERLOADED");
}

TEST(ToGrpcStatus, LongFactsAreCutAtACharacterSoThatTheTrailersFit) {
  std::string chinese;
  for (int i = 0; i < 20'000; ++i) chinese += "积";
  std::vector<std::pair<std::string, std::string>> facts;
  for (int i = 0; i < 100; ++i) facts.emplace_back("fact" + std::to_string(i), chinese);
  const grpc::Status status = ToGrpcStatus(ToStatus({.reason = Reason::RULEBOOK_INVALID, .facts = facts}));
  EXPECT_LT(status.error_details().size() + status.error_message().size(), 6000U);
  const auto infos = Details<google::rpc::ErrorInfo>(status);
  ASSERT_EQ(infos.size(), 1U);
  ASSERT_FALSE(infos[0].metadata().empty());
  const std::string& value = infos[0].metadata().begin()->second;
  EXPECT_TRUE(value.ends_with("积…")) << value;
  EXPECT_LT(value.size(), 300U);
}

}  // namespace
}  // namespace redpoints::server
