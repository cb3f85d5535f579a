#include "storage/rules/engine.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/rules/awards.h"
#include "storage/rules/passing.h"
#include "storage/rules/registry.h"
#include "storage/rules/returns.h"
#include "storage/rules/sales.h"
#include "storage/rules/types.h"
#include "storage/rules/waivers.h"

namespace redpoints {

namespace {

struct Fitting {
  bool operator()(const ConfirmClock& c) const { return c.stated_ms >= 0 && InRange(c.stated_ms); }
  bool operator()(const AwardBatch& c) const { return !c.items.empty() && c.items.size() <= 8190; }
  bool operator()(const ProposeWaiver& c) const { return c.points >= 0 && InRange(c.points); }
  bool operator()(const Register& c) const {
    const auto is_member = [](const Registration& r) { return std::holds_alternative<MemberData>(r); };
    return c.items.size() == 1 || (!c.items.empty() && c.items.size() <= 8190 && std::all_of(c.items.begin(), c.items.end(), is_member));
  }
  template <class C> bool operator()(const C&) const { return true; }
};

// What comes before the colon of a fingerprint: its version and its key.
std::string_view KeyOf(std::string_view fingerprint) { return fingerprint.substr(0, fingerprint.find(':')); }

// Whether a request with secret words was stored under a key that nobody has any more: it can't be compared then, and the first answer is
// the safe one, since whoever is told to ask under another id does it twice.
bool IsKeyLost(std::string_view stored, const Origin& origin) {
  constexpr std::string_view kNoKey = ".0";
  const auto has = [&](const std::string& fingerprint) { return KeyOf(fingerprint) == KeyOf(stored); };
  return !KeyOf(stored).ends_with(kNoKey) && !KeyOf(origin.fingerprint).ends_with(kNoKey) && !has(origin.fingerprint) &&
         std::none_of(origin.older_fingerprints.begin(), origin.older_fingerprints.end(), has);
}

}  // namespace

bool Fits(const Command& command) { return std::visit(Fitting{}, command); }

Outcome Engine::Execute(const Origin& origin, const Command& command) {
  Decision d(desk_, origin);
  if (!origin.request_id.empty()) {
    if (const RequestRecord* found = state().requests.Find(RequestKey(origin.actor, origin.request_id))) {
      const RequestRecord record = *found;
      const auto is_same = [&](const std::string& fingerprint) { return fingerprint == record.fingerprint; };
      const bool is_known = record.is_tombstone || is_same(origin.fingerprint) ||
                            std::any_of(origin.older_fingerprints.begin(), origin.older_fingerprints.end(), is_same) ||
                            IsKeyLost(record.fingerprint, origin);
      if (!is_known) return Decision::Unrecorded({Reason::REQUEST_ID_REUSED, {}});
      return Replay(d, record);
    }
  }
  if (!Fits(command)) return Decision::Unrecorded({Reason::FIELD_OUT_OF_RANGE, {{"field", "command"}}});
  return std::visit([&](const auto& c) { return Decide(d, c); }, command);
}

Outcome Engine::Replay(Decision& d, const RequestRecord& record) {
  auto entries = desk_.FindEntries(record.sequence, record.count);
  if (!entries.ok()) return Decision::Unrecorded({Reason::INVARIANT_VIOLATION, {{"entry", absl::StrCat(record.sequence)}}});
  // A hold that is due has ended, by the time that anybody hears of it. While the clock is in doubt it is told as it stands.
  if (!record.is_tombstone && entries->front()->kind == Kind::kHold) desk_.Settle(entries->front()->member);
  const std::string key = SequenceKey(record.sequence);
  Outcome outcome = OutcomeOf(record, *std::move(entries), state().follow_ups.Find(key), state().holds.Find(key));
  outcome.is_replayed = true;
  return record.is_tombstone ? outcome : WithTarget(d, std::move(outcome));
}

bool Engine::CatchUpWithTime(std::size_t entries_max) { return redpoints::CatchUpWithTime(desk_, entries_max); }
std::int64_t Engine::NextDeadline() { return redpoints::NextDeadline(desk_, state()); }

}  // namespace redpoints
