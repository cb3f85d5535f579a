// What the ledger knows, as answers.
#include "proto/contract/names.h"
#include "proto/contract/request_id.h"
#include "proto/contract/words.h"
#include "server/convert.h"
#include "storage/explain.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/apply.h"
#include "storage/rules/kinds.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

// Seconds and nanoseconds of Unix milliseconds.
void ToProto(std::int64_t unix_ms, google::protobuf::Timestamp& time) {
  time.set_seconds(unix_ms / 1000);
  time.set_nanos(static_cast<std::int32_t>(unix_ms % 1000 * 1'000'000));
}

Day DayOrZero(Day end) { return end == kNever ? 0 : end; }

v1::OutcomeState ToProto(RequestState state) {
  static_assert(static_cast<int>(RequestState::kPending) == v1::PENDING && static_cast<int>(RequestState::kDone) == v1::DONE &&
                static_cast<int>(RequestState::kRefused) == v1::REFUSED && static_cast<int>(RequestState::kReversed) == v1::REVERSED &&
                static_cast<int>(RequestState::kNeverSeen) == v1::NEVER_SEEN);
  return static_cast<v1::OutcomeState>(state);
}

// What an award or correction gave in each unit, payments of a debt included.
void AddAmount(const std::string& unit, std::int64_t amount, google::protobuf::RepeatedPtrField<v1::UnitAmount>& amounts) {
  for (auto& each : amounts) {
    if (each.unit() == unit) return each.set_amount(each.amount() + amount);
  }
  auto& added = *amounts.Add();
  added.set_unit(unit);
  added.set_amount(amount);
}

}  // namespace

std::string NameOf(ResourceKind kind, const Entry& entry) {
  return FormatName({.kind = kind, .program = entry.program, .sequence = entry.sequence, .epoch = entry.epoch});
}

std::string MemberName(const std::string& program, const std::string& id) {
  return FormatName({.kind = ResourceKind::kMember, .program = program, .id = id});
}

void ToProto(const Outcome& outcome, v1::Outcome& proto) {
  const Entry& entry = outcome.entry();
  // A tombstone's entry is the reversal's; what was asked about is its target.
  proto.set_request_id(FormatUuid(outcome.first == RequestState::kNeverSeen ? entry.target_request : entry.request_id));
  proto.set_sequence(entry.sequence);
  proto.set_first_state(ToProto(outcome.first));
  proto.set_state(ToProto(outcome.now));
  proto.set_state_sequence(outcome.now_sequence);
  ToProto(entry.recorded_ms, *proto.mutable_record_time());
  proto.set_business_day(entry.business_day);
  if (outcome.first == RequestState::kRefused) *proto.mutable_refusal() = redpoints::ToProto(RefusalOf(entry));
  proto.set_kind(std::string(KindName(entry.kind)));
  proto.set_kind_zh_cn(std::string(ZhOf(WordList::kEntryKind, KindName(entry.kind))));
  if (entry.kind == Kind::kRedemption || entry.kind == Kind::kHold || entry.kind == Kind::kCapture) proto.set_points(PointsOf(entry));
  proto.set_refunded_points(outcome.refunded_points);
  proto.set_replayed(outcome.is_replayed);
  proto.set_epoch(entry.epoch);
  proto.set_state_epoch(entry.epoch);
  proto.set_ledger_epoch(entry.epoch);
}

void AddAmounts(const Entry& entry, google::protobuf::RepeatedPtrField<v1::UnitAmount>& amounts) {
  for (const Posting& p : entry.postings) {
    // What pays a debt is not issued again; what becomes one was issued before.
    if (p.holder.is(HolderClass::kIssuance) || p.holder.is(HolderClass::kDebts)) AddAmount(p.unit, -p.amount, amounts);
  }
}

void ToProto(const Entry& award, const Definitions& definitions, v1::AwardResult& proto) {
  proto.set_award(NameOf(ResourceKind::kAward, award));
  AddAmounts(award, *proto.mutable_amounts());
  for (const Posting& p : award.postings) {
    if (p.sub == Sub::kDebt) proto.set_debt_paid_points(p.amount);
    for (auto& amount : *proto.mutable_amounts()) {
      if (amount.unit() == p.unit && !p.lots.empty()) amount.set_lot_end_day(DayOrZero(p.lots.front().end));
    }
  }
  proto.set_rulebook_version(award.rulebook);
  proto.set_cap_hit(award.cap_hit);
  proto.set_explanation_zh_cn(ExplainZh(award, definitions));
}

void ToProto(const Entry& item, v1::BatchItemResult& proto) {
  proto.set_sequence(item.sequence);
  proto.set_epoch(item.epoch);
  proto.set_state(item.kind == Kind::kRefused ? v1::REFUSED : v1::DONE);
  if (item.kind == Kind::kRefused) *proto.mutable_refusal() = redpoints::ToProto(RefusalOf(item));
  google::protobuf::RepeatedPtrField<v1::UnitAmount> amounts;
  AddAmounts(item, amounts);
  for (const auto& amount : amounts) {
    if (amount.unit() == kPoint) proto.set_points(amount.amount());
  }
  proto.set_cap_hit(item.cap_hit);
}

void ToProto(const UnitBalance& balance, v1::UnitBalance& proto) {
  proto.set_unit(balance.unit);
  proto.set_decimals(balance.decimals);
  proto.set_available(balance.available);
  proto.set_held(balance.held);
  proto.set_debt(balance.debt);
  for (const Lot& lot : balance.lots) {
    auto& out = *proto.add_lots();
    out.set_fund(lot.fund);
    out.set_end_day(DayOrZero(lot.end));
    out.set_amount(lot.amount);
    if (lot.end != kNever && (proto.next_expiry_day() == 0 || proto.next_expiry_day() == lot.end)) {
      proto.set_next_expiry_day(lot.end);
      proto.set_next_expiry_amount(proto.next_expiry_amount() + lot.amount);
    }
  }
}

void ToProto(const StatementLine& line, const StateMark& at, v1::StatementLine& proto) {
  const Entry& e = line.entry;
  proto.set_sequence(e.sequence);
  proto.set_epoch(e.epoch);
  ToProto(e.recorded_ms, *proto.mutable_record_time());
  proto.set_business_day(e.business_day);
  proto.set_kind(std::string(KindName(e.kind)));
  proto.set_kind_zh_cn(std::string(ZhOf(WordList::kEntryKind, KindName(e.kind))));
  proto.set_activity(e.activity);
  proto.set_merchant(e.merchant);
  proto.set_available_change(line.change[0]);
  proto.set_held_change(line.change[1]);
  proto.set_debt_change(-line.change[2]);
  proto.set_available(line.after[0]);
  proto.set_held(line.after[1]);
  proto.set_debt(-line.after[2]);
  proto.set_reference(AboutOf(e));
  proto.set_reference_epoch(at.EpochOf(proto.reference()));
}

void ToProto(const std::string& program, const MemberData& data, v1::Member& proto) {
  proto.set_name(MemberName(program, data.id));
  proto.set_kind(static_cast<v1::MemberKind>(data.kind));
  for (const GroupSpan& span : data.groups) {
    auto& out = *proto.add_groups();
    out.set_group(static_cast<v1::Group>(span.group));
    out.set_from_day(span.from);
    out.set_to_day(span.to);
  }
  proto.set_grid(data.grid);
  for (const Membership& membership : data.memberships) {
    auto& out = *proto.add_memberships();
    out.set_member(MemberName(program, membership.member));
    out.set_from_day(membership.from);
    out.set_to_day(membership.to);
  }
  proto.set_state(static_cast<v1::RegistrationState>(data.state));
}

void ToProto(const std::string& program, const StaffData& data, v1::Staff& proto) {
  proto.set_name(FormatName({.kind = ResourceKind::kStaff, .program = program, .id = data.id}));
  if (!data.member.empty()) proto.set_member(MemberName(program, data.member));
  proto.set_external(data.is_external);
  for (const RoleGrant& grant : data.grants) {
    auto& out = *proto.add_grants();
    out.set_role(static_cast<v1::Role>(grant.role));
    out.set_scope(grant.scope);
  }
  proto.set_state(static_cast<v1::RegistrationState>(data.state));
}

void ToProto(const std::string& program, const Registered& registered, v1::Registration& proto) {
  proto.set_sequence(registered.sequence);
  if (const auto* member = std::get_if<MemberData>(&registered.data)) {
    ToProto(program, *member, *proto.mutable_member());
  } else if (const auto* staff = std::get_if<StaffData>(&registered.data)) {
    ToProto(program, *staff, *proto.mutable_staff());
  } else if (const auto* merchant = std::get_if<MerchantData>(&registered.data)) {
    auto& out = *proto.mutable_merchant();
    out.set_name(FormatName({.kind = ResourceKind::kMerchant, .program = program, .id = merchant->id}));
    for (const MerchantPerson& person : merchant->people) {
      auto& of = *out.add_people();
      of.set_member(MemberName(program, person.member));
      of.set_role(static_cast<v1::MerchantRole>(person.role));
      of.set_from_day(person.from);
      of.set_to_day(person.to);
    }
    out.set_place(merchant->place);
    out.set_state(static_cast<v1::RegistrationState>(merchant->state));
  } else if (const auto* terminal = std::get_if<TerminalData>(&registered.data)) {
    proto.mutable_terminal()->set_name(
        FormatName({.kind = ResourceKind::kTerminal, .program = program, .merchant = terminal->merchant, .id = terminal->id}));
    proto.mutable_terminal()->set_state(static_cast<v1::RegistrationState>(terminal->state));
  } else if (const auto* node = std::get_if<NodeData>(&registered.data)) {
    auto& out = *proto.mutable_node();
    out.set_code(node->code);
    out.set_kind(static_cast<v1::NodeKind>(node->kind));
    out.set_parent(node->parent);
    for (const auto& place : node->places) out.add_places(place);
    out.set_type(node->type);
    out.set_end_day(node->end_day);
  } else if (const auto* fund = std::get_if<FundData>(&registered.data)) {
    proto.mutable_fund()->set_code(fund->code);
    proto.mutable_fund()->set_budget_points(fund->budget_points);
    proto.mutable_fund()->set_end_day(fund->end_day);
  } else if (const auto* offer = std::get_if<OfferData>(&registered.data)) {
    auto& out = *proto.mutable_offer();
    out.set_code(offer->code);
    out.set_name_zh_cn(offer->name_zh_cn);
    out.set_kind(static_cast<v1::OfferKind>(offer->kind));
    if (!offer->merchant.empty()) {
      out.set_merchant(FormatName({.kind = ResourceKind::kMerchant, .program = program, .id = offer->merchant}));
    }
    out.set_price_points(offer->price_points);
    out.set_max_points(offer->max_points);
    out.set_from_day(offer->from);
    out.set_to_day(offer->to);
  } else if (const auto* rulebook = std::get_if<RulebookData>(&registered.data)) {
    auto& out = *proto.mutable_rulebook();
    out.set_name(FormatName({.kind = ResourceKind::kRulebook, .program = program, .id = rulebook->version}));
    out.set_effective_day(rulebook->effective_day);
    std::string bytes;
    for (std::size_t i = 0; i + 1 < rulebook->sha256.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(rulebook->sha256.substr(i, 2), nullptr, 16));
    }
    out.set_sha256(bytes);
    out.set_format(rulebook->format);
    out.set_withdrawn(rulebook->is_withdrawn);
  }
}

}  // namespace redpoints::server
