#include "client/refused.h"

#include <map>
#include <utility>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/contract/words.h"

namespace redpoints {
namespace {

constexpr char kDomain[] = "redpoints.v1";

template <class Facts> Refused MakeRefused(const std::string& name, const Facts& facts) {
  Refused refused;
  refused.name = name;
  refused.refusal.reason = ReasonFromName(name);
  const std::map<std::string, std::string, FactOrder> sorted(facts.begin(), facts.end());
  refused.refusal.facts.assign(sorted.begin(), sorted.end());
  if (refused.refusal.reason != Reason::REASON_UNSPECIFIED) {
    refused.zh_cn = InfoOf(refused.refusal.reason).zh_cn;
    refused.next_zh_cn = InfoOf(refused.refusal.reason).next_zh_cn;
  }
  return refused;
}

// What is said of a request that never came instead of its reason's sentence: that it was undone would not be true.
std::string NeverSeen() { return std::string(FindWord(WordList::kOutcomeState, v1::NEVER_SEEN)->zh_cn); }

}  // namespace

bool FactOrder::operator()(const std::string& a, const std::string& b) const {
  const auto place = [](const std::string& key) { return key == "field" ? 0 : key == "expected" ? 1 : 2; };
  return std::pair(place(a), std::string_view(a)) < std::pair(place(b), std::string_view(b));
}

CallEnd DecodeCallEnd(int code, std::string message, std::string_view details) {
  CallEnd end{.code = code, .message = std::move(message), .refused = {}, .retry_delay = {}};
  google::rpc::Status status;
  if (code == kOk || !status.ParseFromArray(details.data(), static_cast<int>(details.size()))) return end;
  google::rpc::ErrorInfo error;
  google::rpc::LocalizedMessage localized;
  google::rpc::RetryInfo retry;
  v1::Outcome outcome;
  bool has_outcome = false;
  for (const auto& detail : status.details()) {
    if (detail.Is<google::rpc::ErrorInfo>()) detail.UnpackTo(&error);
    if (detail.Is<google::rpc::LocalizedMessage>()) detail.UnpackTo(&localized);
    if (detail.Is<v1::Outcome>()) has_outcome = detail.UnpackTo(&outcome);
    if (detail.Is<google::rpc::RetryInfo>() && detail.UnpackTo(&retry)) {
      end.retry_delay =
          std::chrono::seconds(retry.retry_delay().seconds()) + std::chrono::milliseconds(retry.retry_delay().nanos() / 1'000'000);
    }
  }
  if (error.domain() != kDomain || error.reason().empty()) return end;
  end.refused = MakeRefused(error.reason(), error.metadata());
  if (end.refused->zh_cn.empty()) end.refused->zh_cn = localized.message();
  end.refused->message = end.message;
  if (has_outcome) {
    if (outcome.state() == v1::NEVER_SEEN) end.refused->zh_cn = NeverSeen();
    end.refused->outcome = std::move(outcome);
  }
  return end;
}

std::optional<Refused> RefusedNow(const v1::Outcome& outcome) {
  std::optional<Refused> refused;
  if (outcome.state() == v1::REFUSED) {
    refused = MakeRefused(outcome.refusal().reason(), outcome.refusal().facts());
    if (refused->zh_cn.empty()) {
      refused->zh_cn = outcome.refusal().zh_cn();
      refused->next_zh_cn = outcome.refusal().next_zh_cn();
    }
  } else if (outcome.state() == v1::REVERSED) {
    refused = MakeRefused(NameOf(Reason::ALREADY_REVERSED), std::map<std::string, std::string>());
  } else if (outcome.state() == v1::NEVER_SEEN) {
    refused = MakeRefused(NameOf(Reason::ALREADY_REVERSED), std::map<std::string, std::string>());
    refused->zh_cn = NeverSeen();
  }
  if (refused) refused->outcome = outcome;
  return refused;
}

bool IsInDoubt(const CallEnd& end) {
  if (end.refused) return end.refused->refusal.reason == Reason::OUTCOME_UNKNOWN;
  // Sent by whatever stands before the handler, which therefore never ran.
  return end.code != kOk && end.code != kUnimplemented && end.code != kUnauthenticated && end.code != kPermissionDenied;
}

}  // namespace redpoints
