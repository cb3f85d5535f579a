#include "storage/rules/waivers.h"

#include "absl/strings/str_cat.h"
#include "storage/rules/kinds.h"
#include "storage/rules/people.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

std::int64_t DebtOf(State& state, const std::string& member, const std::string& fund) {
  return -AccountOf(state, member, kPoint).of(fund, Sub::kDebt);
}

// FUND_STILL_ISSUES 636, WAIVER_EXCEEDS_DEBT 637. Both when it is proposed and when it is confirmed: in between the debt may have been paid.
Broken CheckWaiver(State& state, const std::string& member, const WaiverData& waiver, Day today) {
  if (!HasFundEnded(state, waiver.fund, today)) return Refusal{Reason::FUND_STILL_ISSUES, {{"fund", waiver.fund}}};
  const std::int64_t debt = DebtOf(state, member, waiver.fund);
  if (waiver.points < 1 || waiver.points > debt) return Refusal{Reason::WAIVER_EXCEEDS_DEBT, {{"max", absl::StrCat(debt)}}};
  return std::nullopt;
}

}  // namespace

// SELF_DEALING 600, those of CheckWaiver
Broken DeriveWaiverProposal(Case& c, Entry& e) {
  const auto* waiver = std::get_if<WaiverData>(&e.data);
  if (!waiver || !FindFund(c.state, waiver->fund)) return Refusal{Reason::FUND_NOT_FOUND, {}};
  const MemberData* member = FindMember(c.state, e.member);
  if (!member) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  if (IsSelfDealing(c.state, e.actor, MemberData(*member), e.business_day, e.business_day)) return Refusal{Reason::SELF_DEALING, {}};
  return CheckWaiver(c.state, e.member, *waiver, e.business_day);
}

// SELF_DEALING 600, MAKER_IS_CHECKER 632, ALREADY_WAIVED 635, those of CheckWaiver
Broken DeriveWaiver(Case& c, Entry& e) {
  if (!c.related.proposal || c.related.proposal->kind != Kind::kWaiverProposed) return Refusal{Reason::ENTRY_NOT_FOUND, {}};
  const Entry& proposal = *c.related.proposal;
  const auto& waiver = std::get<WaiverData>(proposal.data);
  e.member = proposal.member;
  e.reason = proposal.reason;
  const MemberData* member = FindMember(c.state, e.member);
  if (!member) return Refusal{Reason::MEMBER_NOT_FOUND, {}};
  if (IsSelfDealing(c.state, e.actor, MemberData(*member), proposal.business_day, e.business_day)) return Refusal{Reason::SELF_DEALING, {}};
  if (IsSamePerson(c.state, e.actor, proposal.actor)) return Refusal{Reason::MAKER_IS_CHECKER, {}};
  if (c.state.follow_ups.Find(SequenceKey(e.proposal))) return Refusal{Reason::ALREADY_WAIVED, {}};
  if (auto broken = CheckWaiver(c.state, e.member, waiver, e.business_day)) return broken;
  e.postings = {MoveFunds(Holder(e.member), Sub::kDebt, {{waiver.fund, waiver.points}}),
                Move(Holder::Debts(waiver.fund), Sub::kAvailable, kPoint, -waiver.points)};
  return std::nullopt;
}

Outcome Decide(Decision& d, const ProposeWaiver& command) {
  const std::string& member = command.member.id;
  if (member.empty() || !FindMember(d.state(), member)) return d.Unrecorded({Reason::MEMBER_NOT_FOUND, {}});
  if (!FindFund(d.state(), command.fund)) return d.Unrecorded({Reason::FUND_NOT_FOUND, {}});
  if (auto waits = d.Settle(member)) return *std::move(waits);
  Entry entry = d.Draft(Kind::kWaiverProposed);
  entry.member = member;
  entry.reason = command.reason;
  entry.data = WaiverData{.fund = command.fund, .points = command.points != 0 ? command.points : DebtOf(d.state(), member, command.fund)};
  return d.Carry({d.state()}, std::move(entry));
}

Outcome Decide(Decision& d, const WaiveDebt& command) {
  Case c{d.state()};
  c.related.proposal = d.Find(command.proposal);
  if (!c.related.proposal || c.related.proposal->kind != Kind::kWaiverProposed) return d.Unrecorded({Reason::ENTRY_NOT_FOUND, {}});
  if (auto waits = d.Settle(c.related.proposal->member)) return *std::move(waits);
  Entry entry = d.Draft(Kind::kDebtWaived);
  entry.proposal = command.proposal;
  entry.member = c.related.proposal->member;
  return d.Carry(c, std::move(entry));
}

}  // namespace redpoints
