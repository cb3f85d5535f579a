// Why Red Points refuses a request: the reasons of proto/redpoints/v1/reason.proto, with what that file says of each, as values without
// protobuf. Pure; any thread.
#pragma once

#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/contract/reason_enum.h"

namespace redpoints {

struct ReasonInfo {
  std::string_view name;  // "INSUFFICIENT_POINTS"
  bool is_recorded;       // stored once as an entry: the request id is spent
  int code;               // of google.rpc.Code
  std::string_view zh_cn;
  std::string_view next_zh_cn;  // what the person in front of the screen does next
  std::string_view next;        // the same for a developer
};

// That of REASON_UNSPECIFIED, which holds its name alone, for a number that is no reason. Lives for ever.
const ReasonInfo& InfoOf(Reason reason);
inline std::string NameOf(Reason reason) { return std::string(InfoOf(reason).name); }
inline bool IsRecorded(Reason reason) { return InfoOf(reason).is_recorded; }
// REASON_UNSPECIFIED for a name that is none.
Reason ReasonFromName(std::string_view name);
// All but REASON_UNSPECIFIED, ascending.
std::span<const std::pair<Reason, ReasonInfo>> AllReasons();
// Its name.
inline std::ostream& operator<<(std::ostream& out, Reason reason) { return out << InfoOf(reason).name; }

// A refusal: a reason, and the facts that its sentence needs.
struct Refusal {
  Reason reason = Reason::REASON_UNSPECIFIED;
  std::vector<std::pair<std::string, std::string>> facts;  // such as {"field", "offer_lines[2].points"}, {"short_by", "30"}

  bool operator==(const Refusal&) const = default;
};

// What a fact of a refusal counts. Most are no amounts: a field, a limit's name, a number of days.
enum class FactAmount { kNone, kPoints, kCash };
FactAmount AmountOf(Reason reason, std::string_view fact);

}  // namespace redpoints
