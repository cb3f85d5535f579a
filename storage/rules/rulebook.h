// A rulebook as the rules use it: parsed from its JSON, checked whole, indexed. Immutable after Parse; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "redpoints/v1/rulebook.pb.h"
#include "storage/rules/day.h"
#include "storage/rules/entry.h"

namespace redpoints {

// The number of the rules format: what absent fields of a rulebook mean, and which rules it is judged by at its adoption. A rulebook keeps the
// number under which it was adopted for ever.
//   1   reversal window 15 days; a presentation class without limits pays nothing
inline constexpr int kRulesFormat = 1;

class Rulebook {
 public:
  // As it was adopted: reads the canonical bytes, judges nothing. RULEBOOK_INVALID names what can't be read; UNIMPLEMENTED: a newer program's
  // rules (a higher format), which is no damage.
  static absl::StatusOr<Rulebook> Parse(std::string_view json, int format = kRulesFormat);
  // A rulebook as somebody proposes it, in any layout: read strictly and judged by today's rules, but for what depends on the program.
  // RULEBOOK_INVALID names the field ("activities[3].earnings[0].unit") and what was expected there.
  static absl::StatusOr<Rulebook> Judge(std::string_view json);

  // The one form of its bytes: what is hashed, stored and exported.
  const std::string& json() const { return json_; }

  const std::string& version() const { return proto_.version(); }
  Day effective_day() const { return proto_.effective_day(); }
  const v1::Rulebook& proto() const { return proto_; }
  const v1::RedemptionLimits& limits() const { return proto_.limits(); }

  // nullptr when there is none with this code.
  const v1::Unit* FindUnit(std::string_view code) const;
  const v1::Activity* FindActivity(std::string_view code) const;
  // Whether confidential activities are shown as this one.
  bool IsUmbrella(std::string_view code) const;
  // nullptr where nothing may be paid in that class.
  const v1::ClassLimit* FindClass(std::string_view presentation) const;

  const v1::FundRate* FindRate(std::string_view fund) const;
  // The fen that `fund` owes for `points` of one sale, by FundRate; 0 for a fund without a rate.
  std::int64_t FenOwed(std::string_view fund, std::int64_t points) const;

  // Policies with their defaults filled in.
  v1::PastLotPolicy past_lot() const { return proto_.policies().past_lot() == v1::GRACE ? v1::GRACE : v1::EXPIRE; }
  int late_days() const { return proto_.policies().late_days() ? proto_.policies().late_days() : 30; }
  std::int64_t hold_ttl_ms() const { return proto_.policies().hold_ttl_ms() ? proto_.policies().hold_ttl_ms() : 180'000; }
  std::int64_t reversal_window_ms() const {
    return proto_.policies().reversal_window_ms() ? proto_.policies().reversal_window_ms() : 1'296'000'000;
  }
  int refusals_per_terminal_day() const {
    return proto_.policies().refusals_per_terminal_day() ? proto_.policies().refusals_per_terminal_day() : 1000;
  }
  int refusals_per_member_day() const {
    return proto_.policies().refusals_per_member_day() ? proto_.policies().refusals_per_member_day() : 100;
  }

 private:
  void Index();

  v1::Rulebook proto_;
  std::string json_;
  int format_ = kRulesFormat;
  absl::flat_hash_map<std::string, int> units_, activities_, rates_;  // code to index
};

// No account may come to more than kLotsMax live lots by births: of each fund, the ends that can be alive at once on a day from that of the
// last of `books` (by effective day) on, grace lots included; lots of the books before are alive then, too. RULEBOOK_INVALID otherwise.
absl::Status CheckLotBound(const std::vector<const Rulebook*>& books);

// rounding(value × numerator / denominator), exact in 128 bits. The operands are not negative.
std::int64_t Scale(std::int64_t value, std::int64_t numerator, std::int64_t denominator, v1::Rounding rounding);

// What `earning` gives for `quantity`, before caps. Where it carries on: what all quantity of the month earns, less what the others earned.
std::int64_t AmountEarned(const v1::Earning& earning, std::int64_t quantity, const Carried& carried = {});
// The earning that carries on; nullptr if none does.
const v1::Earning* CarryingOf(const v1::Activity& activity);

// The first day on which points of a deed on `effective_day` are gone; kNever without a validity.
Day LotEnd(const v1::Activity& activity, Day effective_day);

}  // namespace redpoints
