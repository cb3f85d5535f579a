#include "server/status.h"

#include <grpcpp/support/status.h>

#include <charconv>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "redpoints/v1/outcome.pb.h"
#include "server/log.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

// A client's gRPC drops the answer when its trailers exceed 8 KiB, and the message travels twice.
constexpr std::size_t kFactBytesMax = 256;
constexpr std::size_t kFactsMax = 8;
constexpr std::size_t kMessageBytesMax = 768;

// Never in the middle of a character, since the wire takes only whole ones.
std::string Shortened(std::string_view text, std::size_t size) {
  if (text.size() <= size) return std::string(text);
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return absl::StrCat(std::string(text.substr(0, size)), "…");
}

Refusal Shortened(Refusal refusal) {
  if (refusal.facts.size() > kFactsMax) refusal.facts.resize(kFactsMax);
  for (auto& [key, value] : refusal.facts) value = Shortened(value, kFactBytesMax);
  return refusal;
}

Refusal RefusalOf(const absl::Status& status) {
  auto refusal = RefusalFrom(status);
  if (!refusal || refusal->reason == Reason::REASON_UNSPECIFIED) return {.reason = ReasonFor(status), .facts = {}};
  return Shortened(*std::move(refusal));
}

std::string_view Fact(const Refusal& refusal, std::string_view key) {
  for (const auto& [name, value] : refusal.facts) {
    if (name == key) return value;
  }
  return {};
}

void AddBadRequest(const Refusal& refusal, google::rpc::Status& envelope) {
  const std::string_view field = Fact(refusal, "field");
  if (refusal.reason >= Reason::CALLER_UNKNOWN || field.empty()) return;
  google::rpc::BadRequest detail;
  auto* violation = detail.add_field_violations();
  violation->set_field(std::string(field));
  std::string description(InfoOf(refusal.reason).next);
  for (const auto& [key, value] : refusal.facts) {
    if (key != "field") absl::StrAppend(&description, "; ", key, ": ", value);
  }
  violation->set_description(description);
  envelope.add_details()->PackFrom(detail);
}

void AddQuotaFailure(const Refusal& refusal, google::rpc::Status& envelope) {
  google::rpc::QuotaFailure detail;
  if (refusal.reason == Reason::RATE_LIMITED) {
    auto* violation = detail.add_violations();
    violation->set_subject("caller");
    violation->set_description("calls per second");
  } else if (refusal.reason == Reason::STREAMS_EXHAUSTED) {
    auto* violation = detail.add_violations();
    violation->set_subject("caller");
    violation->set_description("exports and follows at once");
  } else if (refusal.reason == Reason::REFUSALS_EXHAUSTED) {
    auto* violation = detail.add_violations();
    violation->set_subject("terminal");
    violation->set_description("recorded refusals on one business day");
  } else {
    return;
  }
  envelope.add_details()->PackFrom(detail);
}

void AddRetryInfo(const Refusal& refusal, google::rpc::Status& envelope) {
  const auto delay_ms = RetryDelayMs(refusal);
  if (!delay_ms) return;
  google::rpc::RetryInfo detail;
  detail.mutable_retry_delay()->set_seconds(*delay_ms / 1000);
  detail.mutable_retry_delay()->set_nanos(static_cast<int>(*delay_ms % 1000) * 1'000'000);
  envelope.add_details()->PackFrom(detail);
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status, const v1::Outcome* outcome) {
  if (status.ok()) return grpc::Status::OK;
  const Refusal refusal = RefusalOf(status);
  const ReasonInfo& info = InfoOf(refusal.reason);

  std::string message = NameOf(refusal.reason);
  for (const auto& [key, value] : refusal.facts) absl::StrAppend(&message, " ", key, "=", value);
  absl::StrAppend(&message, ": ", std::string(info.next));
  message = Shortened(message, kMessageBytesMax);

  google::rpc::Status envelope;
  envelope.set_code(info.code);
  envelope.set_message(message);

  google::rpc::ErrorInfo error_info;
  error_info.set_reason(NameOf(refusal.reason));
  error_info.set_domain(kErrorDomain);
  for (const auto& [key, value] : refusal.facts) (*error_info.mutable_metadata())[key] = value;
  envelope.add_details()->PackFrom(error_info);

  google::rpc::LocalizedMessage localized;
  localized.set_locale("zh-CN");
  localized.set_message(absl::StrCat(std::string(info.zh_cn), "。", std::string(info.next_zh_cn), "。"));
  envelope.add_details()->PackFrom(localized);

  AddBadRequest(refusal, envelope);
  AddQuotaFailure(refusal, envelope);
  AddRetryInfo(refusal, envelope);
  if (outcome != nullptr) envelope.add_details()->PackFrom(*outcome);

  // The numbers of google.rpc.Code, absl::StatusCode and grpc::StatusCode are the same.
  return grpc::Status(static_cast<grpc::StatusCode>(info.code), message, envelope.SerializeAsString());
}

Reason ReasonFor(const absl::Status& status) {
  if (status.ok()) return Reason::REASON_UNSPECIFIED;
  const auto refusal = RefusalFrom(status);
  if (refusal && refusal->reason != Reason::REASON_UNSPECIFIED) return refusal->reason;
  // What the storage says without a reason: damage, a failing or full disk and too many open files are no bugs of ours.
  if (absl::IsDataLoss(status)) return Reason::PROGRAM_SET_ASIDE;
  if (absl::IsUnavailable(status)) return Reason::STORAGE_READ_ONLY;
  if (absl::IsResourceExhausted(status)) return Reason::OVERLOADED;
  return Reason::INVARIANT_VIOLATION;
}

std::string DetailOf(const absl::Status& status) {
  return status.ok() || RefusalFrom(status) ? "" : WithoutMemberNumbers(status.ToString());
}

std::optional<std::int64_t> RetryDelayMs(const Refusal& refusal) {
  const std::string_view fact = Fact(refusal, "retry_ms");
  std::int64_t delay_ms = 0;
  const bool is_given = std::from_chars(fact.data(), fact.data() + fact.size(), delay_ms).ec == std::errc() && delay_ms > 0;
  switch (refusal.reason) {
    // A queue of thousands empties within a few commit batches.
    case Reason::OVERLOADED: return is_given ? delay_ms : 200;
    case Reason::RATE_LIMITED: return is_given ? delay_ms : 1'000;
    // A restart takes seconds.
    case Reason::SHUTTING_DOWN: return is_given ? delay_ms : 2'000;
    // A person has to act.
    case Reason::STORAGE_READ_ONLY:
    case Reason::CLOCK_STOPPED: return is_given ? delay_ms : 30'000;
    default: return std::nullopt;
  }
}

}  // namespace redpoints::server
