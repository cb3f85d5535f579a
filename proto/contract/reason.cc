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

std::span<const std::pair<Reason, ReasonInfo>> AllReasons() { return std::span(kReasons).subspan(1); }

}  // namespace redpoints
