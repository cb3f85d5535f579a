#include "storage/rules/decision.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/rules/apply.h"
#include "storage/rules/counters.h"
#include "storage/rules/kinds.h"
#include "storage/rules/passing.h"
#include "storage/rules/verify.h"

namespace redpoints {

void Desk::SetTime(std::int64_t now_ms, bool may_pass) {
  clock_ms_ = now_ms;
  now_ms_ = std::max(now_ms, state_.at.last_ms);
  today_ = DayOf(now_ms_);
  may_pass_ = may_pass;
}

Entry Desk::Draft(Kind kind) const {
  Entry entry;
  entry.program = state_.program;
  entry.epoch = state_.at.epoch;
  entry.sequence = state_.at.next_sequence;
  entry.recorded_ms = now_ms_;
  entry.business_day = today_;
  entry.kind = kind;
  return entry;
}

std::shared_ptr<const Entry> Desk::Post(Entry entry) {
  Complete(state_, entry);
  auto status = CheckEntry(state_, entry);
  if (status.ok()) status = Apply(state_, entry);
  if (!status.ok()) {
    fault_ =
        absl::InternalError(absl::StrCat(std::string(KindName(entry.kind)), " at ", entry.sequence, ": ", std::string(status.message())));
    return nullptr;
  }
  return posted_.emplace_back(std::make_shared<const Entry>(std::move(entry)));
}

std::shared_ptr<const Entry> Desk::Find(std::int64_t sequence) const {
  auto entries = FindEntries(sequence, 1);
  return entries.ok() ? entries->front() : nullptr;
}

absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> Desk::FindEntries(std::int64_t first, std::int64_t count) const {
  if (first < 0 || first + count > state_.at.next_sequence) return absl::NotFoundError(absl::StrCat("no entry ", first));
  const std::int64_t posted_first = state_.at.next_sequence - static_cast<std::int64_t>(posted_.size());
  std::vector<std::shared_ptr<const Entry>> found;
  if (first < posted_first) {
    auto committed = state_.find_entries(first, std::min(count, posted_first - first));
    if (!committed.ok() || first + count <= posted_first) return committed;
    found = *std::move(committed);
  }
  const auto begin = posted_.begin() + std::max<std::int64_t>(first - posted_first, 0);
  found.insert(found.end(), begin, posted_.begin() + (first + count - posted_first));
  return found;
}

bool Desk::Settle(const std::string& member) {
  const Due due = DueOf(state_, member, now_ms_, today_);
  if (!may_pass_) return due.holds.empty() && !due.has_past_points;
  while (!has_fault() && Expire(member)) {
  }
  for (const std::int64_t sequence : due.holds) EndHold(sequence);
  return true;
}

void Desk::EndHold(std::int64_t sequence) {
  const Hold* hold = state_.holds.Find(SequenceKey(sequence));
  if (!hold) return;
  const std::string member = hold->member;
  while (!has_fault() && Expire(member)) {  // an account's past lots go before anything else touches it
  }
  Entry entry = Draft(Kind::kHoldExpired);
  entry.actor = kLedgerActor;
  entry.hold = sequence;
  Case c{state_};
  if (auto broken = DeriveHoldEnd(c, entry)) {  // else whoever waits for its end would wait for ever
    fault_ = absl::InternalError(absl::StrCat("hold ", sequence, " can't end: ", NameOf(broken->reason)));
    return;
  }
  Post(std::move(entry));
}

bool Desk::Expire(const std::string& member) {
  const Account* account = state_.accounts.Find(AccountKey(member, kPoint));
  if (!account || account->lots.empty() || account->lots.front().end > today_) return false;
  Entry entry = Draft(Kind::kExpiry);
  entry.actor = kLedgerActor;
  entry.member = member;
  Case c{state_};
  return !DeriveExpiry(c, entry) && Post(std::move(entry)) != nullptr;
}

std::optional<Outcome> Decision::Settle(const std::string& member) {
  if (desk_.Settle(member)) return std::nullopt;
  return Unrecorded({Reason::CLOCK_STOPPED, {}});
}

Entry Decision::Draft(Kind kind) const {
  Entry entry = desk_.Draft(kind);
  entry.request_id = origin_.request_id;
  entry.fingerprint = origin_.fingerprint;
  entry.actor = origin_.actor;
  entry.terminal = origin_.terminal;
  entry.merchant = origin_.merchant;
  entry.clerk = origin_.clerk;
  entry.till = origin_.till;
  return entry;
}

Outcome Decision::Carry(Case c, Entry entry) {
  const Entry asked = entry;
  entry.sequence = state().at.next_sequence;  // what time has ended may have been written since the draft
  if (auto broken = Derive(c, entry)) return Refuse(asked, std::move(*broken), c.points);
  return Posted(desk_.Post(std::move(entry)));
}

Outcome Decision::Unrecorded(Refusal refusal) {
  Outcome outcome;
  outcome.refusal = std::move(refusal);
  return outcome;
}

bool Decision::HasRefusalsLeft() {
  const Rulebook* book = state().BookOf(desk_.today());
  return CountOf(state(), RefusalCounter(origin_.actor, desk_.today())) < (book ? book->refusals_per_terminal_day() : 1000);
}

Outcome Decision::Refuse(const Entry& asked, Refusal refusal, std::int64_t points) {
  if (!IsRecorded(refusal.reason)) return Unrecorded(std::move(refusal));
  // While time may not pass, what is over may still be held, and count.
  const auto& holds = state().holds_by_end;
  const bool is_held = !desk_.may_pass() && !holds.empty() && holds.begin()->first <= desk_.now_ms();
  if (is_held && refusal.reason == Reason::LIMIT_EXCEEDED) return Unrecorded({Reason::CLOCK_STOPPED, {}});
  if (asked.item < 0) {
    const Rulebook* book = state().BookOf(desk_.today());
    const std::int64_t about = asked.member.empty() ? 0 : CountOf(state(), RefusalCounter(asked.member, desk_.today()));
    if (!HasRefusalsLeft() || about >= (book ? book->refusals_per_member_day() : 100)) {
      return Unrecorded({Reason::REFUSALS_EXHAUSTED, {}});
    }
  }
  return Record(asked, std::move(refusal), points);
}

Outcome Decision::Record(const Entry& asked, Refusal refusal, std::int64_t points) {
  Entry entry = AsRefused(asked);
  entry.merchant = origin_.merchant;
  entry.recorded_ms = desk_.now_ms();  // also where a clock was not set back
  entry.business_day = desk_.today();
  entry.sequence = state().at.next_sequence;
  if (asked.lines.empty()) entry.points = points;
  entry.refusal = NameOf(refusal.reason);
  entry.facts = std::move(refusal.facts);
  return Posted(desk_.Post(std::move(entry)));
}

Outcome Decision::Posted(std::shared_ptr<const Entry> entry) {
  if (!entry) return Unrecorded({Reason::INVARIANT_VIOLATION, {}});
  Outcome outcome;
  outcome.entries.push_back(std::move(entry));
  outcome.Read();
  return outcome;
}

}  // namespace redpoints
