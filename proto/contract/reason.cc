#include "proto/contract/reason.h"

#include <algorithm>

namespace redpoints {
namespace {

// Ascending; the unspecified one is 0 and comes first.
constexpr std::pair<Reason, ReasonInfo> kReasons[] = {
#include "proto/contract/reason_table.inc"
};

}  // namespace

const ReasonInfo& InfoOf(Reason reason) {
  const auto* row = std::lower_bound(std::begin(kReasons), std::end(kReasons), reason,
                                     [](const auto& each, Reason wanted) { return each.first < wanted; });
  return row != std::end(kReasons) && row->first == reason ? row->second : kReasons[0].second;
}

Reason ReasonFromName(std::string_view name) {
  const auto* row = std::find_if(std::begin(kReasons), std::end(kReasons), [&](const auto& each) { return each.second.name == name; });
  return row == std::end(kReasons) ? Reason::REASON_UNSPECIFIED : row->first;
}

FactAmount AmountOf(Reason reason, std::string_view fact) {
  if (fact == "short_by") return FactAmount::kPoints;
  switch (reason) {
    case Reason::OFFER_MISMATCH: return fact == "max" || fact == "points" ? FactAmount::kPoints : FactAmount::kNone;
    case Reason::CAPTURE_EXCEEDS_HOLD:
    case Reason::REFUND_EXCEEDS_REMAINDER:
    case Reason::WAIVER_EXCEEDS_DEBT: return fact == "max" ? FactAmount::kPoints : FactAmount::kNone;
    case Reason::REFUND_CASH_EXCEEDS: return fact == "max" ? FactAmount::kCash : FactAmount::kNone;
    default: return FactAmount::kNone;
  }
}

std::span<const std::pair<Reason, ReasonInfo>> AllReasons() { return std::span(kReasons).subspan(1); }

}  // namespace redpoints
