// Registrations as commands.
#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "server/authorize.h"
#include "server/convert.h"
#include "server/ids.h"
#include "server/shape.h"

namespace redpoints::server {
namespace {

// Whoever leaves it out of an update does not mean to let somebody suspended in again.
RegistrationState StateOf(Shape& shape, const std::string& field, v1::RegistrationState state, bool is_new) {
  shape.Required(field, is_new || state != v1::REGISTRATION_STATE_UNSPECIFIED);
  shape.Valid(field, v1::RegistrationState_IsValid(state), "a known value");
  return state == v1::REGISTRATION_STATE_UNSPECIFIED ? RegistrationState::kActive : static_cast<RegistrationState>(state);
}

// A span of days, open on a side where it has 0.
void CheckDays(Shape& shape, const std::string& at, std::int32_t from, std::int32_t to) {
  shape.Valid(at + "from_day", from == 0 || IsDay(from), "0, or a day as yyyymmdd");
  shape.Valid(at + "to_day", to == 0 || (IsDay(to) && to > from), "0, or a day after from_day");
}

Day OptionalDay(Shape& shape, const std::string& field, std::int32_t day) {
  shape.Valid(field, day == 0 || IsDay(day), "0, or a day as yyyymmdd");
  return day;
}

MemberData MemberOf(Shape& shape, const std::string& at, const v1::Member& proto, const std::string& program, bool is_new) {
  MemberData data;
  shape.Known(at + "kind", proto.kind(), v1::MemberKind_IsValid(proto.kind()));
  data.kind = static_cast<MemberKind>(proto.kind());
  shape.Required(at + "groups", proto.groups_size() > 0);
  shape.Bounded(at + "groups", proto.groups_size(), 16);
  for (int i = 0; i < proto.groups_size() && shape.status().ok(); ++i) {
    const auto& span = proto.groups(i);
    const std::string in = absl::StrCat(at, "groups[", i, "].");
    shape.Known(in + "group", span.group(), v1::Group_IsValid(span.group()));
    data.groups.push_back({.group = static_cast<Group>(span.group()), .from = span.from_day(), .to = span.to_day()});
    CheckDays(shape, in, span.from_day(), span.to_day());
  }
  const auto order = [](const GroupSpan& span) { return std::tuple(span.group, span.from, span.to); };
  std::sort(data.groups.begin(), data.groups.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  // One after the other: a day is in one span of a group at most.
  const auto overlap = std::adjacent_find(data.groups.begin(), data.groups.end(),
                                          [](const auto& a, const auto& b) { return a.group == b.group && (a.to == 0 || b.from < a.to); });
  shape.Valid(at + "groups", overlap == data.groups.end(), "spans of a group that don't overlap");
  data.grid = shape.Slug(at + "grid", proto.grid(), 32);
  shape.Bounded(at + "memberships", proto.memberships_size(), 16);
  for (int i = 0; i < proto.memberships_size() && shape.status().ok(); ++i) {
    const auto& membership = proto.memberships(i);
    const std::string in = absl::StrCat(at, "memberships[", i, "].");
    data.memberships.push_back({.member = shape.IdOf(in + "member", membership.member(), ResourceKind::kMember, program),
                                .from = shape.RequiredDay(in + "from_day", membership.from_day()),
                                .to = membership.to_day()});
    shape.Valid(in + "to_day", membership.to_day() == 0 || (IsDay(membership.to_day()) && membership.to_day() > membership.from_day()),
                "0, or a day after from_day");
  }
  data.state = StateOf(shape, at + "state", proto.state(), is_new);
  return data;
}

MerchantData MerchantOf(Shape& shape, const v1::Merchant& proto, const std::string& program, bool is_new) {
  MerchantData data;
  shape.Bounded("merchant.people", proto.people_size(), 64);
  for (int i = 0; i < proto.people_size() && shape.status().ok(); ++i) {
    const auto& person = proto.people(i);
    const std::string at = absl::StrCat("merchant.people[", i, "].");
    MerchantPerson of{.member = shape.IdOf(at + "member", person.member(), ResourceKind::kMember, program),
                      .role = static_cast<MerchantRole>(person.role()),
                      .from = person.from_day(),
                      .to = person.to_day()};
    shape.Known(at + "role", person.role(), v1::MerchantRole_IsValid(person.role()));
    CheckDays(shape, at, person.from_day(), person.to_day());
    data.people.push_back(std::move(of));
  }
  data.place = shape.Slug("merchant.place", proto.place(), 32);
  data.state = StateOf(shape, "merchant.state", proto.state(), is_new);
  return data;
}

StaffData StaffOf(Shape& shape, const v1::Staff& proto, const std::string& program, bool is_new) {
  StaffData data;
  if (!proto.member().empty()) data.member = shape.IdOf("staff.member", proto.member(), ResourceKind::kMember, program);
  data.is_external = proto.external();
  shape.Required("staff.member", !data.member.empty() || data.is_external);
  shape.Valid("staff.external", data.member.empty() || !data.is_external, "false beside a member");
  shape.Bounded("staff.grants", proto.grants_size(), 16);
  for (int i = 0; i < proto.grants_size() && shape.status().ok(); ++i) {
    const std::string at = absl::StrCat("staff.grants[", i, "].");
    shape.Known(at + "role", proto.grants(i).role(), v1::Role_IsValid(proto.grants(i).role()));
    data.grants.push_back({static_cast<Role>(proto.grants(i).role()), shape.Slug(at + "scope", proto.grants(i).scope(), 32)});
    // It would be accepted and give nothing. To revoke whoever has one from before must not fail for it.
    const bool gives_something = data.grants.back().scope.empty() || CanBeNarrowed(data.grants.back().role);
    shape.Valid(at + "scope", gives_something || proto.state() == v1::REVOKED, "empty: this role is for the whole program");
  }
  data.state = StateOf(shape, "staff.state", proto.state(), is_new);
  return data;
}

absl::StatusOr<Mutation> Registering(const Shape& shape, Mutation mutation, Registration data, bool is_new,
                                     std::string rulebook_json = "") {
  Register command;
  command.items = {std::move(data)};
  command.is_new = is_new;
  command.rulebook_json = std::move(rulebook_json);
  mutation.command = std::move(command);
  return End(shape, std::move(mutation));
}

// The id in a request's `name`, whose program becomes the request's.
std::string NamedIn(Shape& shape, const std::string& text, ResourceKind kind, std::string& program) {
  if (auto name = ParseNameOf("name", text, kind); name.ok()) program = std::string(name->program);
  return shape.IdOf("name", text, kind, program);
}

}  // namespace

absl::StatusOr<Mutation> FromProto(const v1::CreateProgramRequest& r) {
  Shape shape;
  Mutation mutation;
  mutation.program = kSystemProgram;
  mutation.request_id = shape.Uuid("request_id", r.request_id());
  shape.Required("program_id", !r.program_id().empty());
  shape.Bounded("program_id", static_cast<int>(r.program_id().size()), 32);
  shape.Valid("program_id", IsProgramId(r.program_id()) && r.program_id() != kSystemProgram, "1 to 32 of a-z 0-9 -, a letter first");
  return Registering(shape, std::move(mutation), ProgramData{.id = r.program_id(), .administrator = NewId('a')}, /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::ConfirmClockRequest& r) {
  Shape shape;
  Mutation mutation;
  mutation.program = kSystemProgram;
  mutation.request_id = shape.Uuid("request_id", r.request_id());
  shape.Required("stated_time", r.has_stated_time());
  shape.Number("stated_time.seconds", r.stated_time().seconds(), 0, 253'402'300'799);
  shape.Number("stated_time.nanos", r.stated_time().nanos(), 0, 999'999'999);
  const std::int64_t seconds = std::clamp<std::int64_t>(r.stated_time().seconds(), 0, 253'402'300'799);  // others are refused
  const std::int64_t stated_ms = seconds * 1000 + r.stated_time().nanos() / 1'000'000;
  mutation.command = ConfirmClock{.stated_ms = stated_ms, .last_closed_day = r.last_closed_day()};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::SetNodeRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  NodeData data;
  shape.Required("node.code", !r.node().code().empty());
  data.code = shape.Slug("node.code", r.node().code(), 32);
  shape.Known("node.kind", r.node().kind(), v1::NodeKind_IsValid(r.node().kind()));
  data.kind = static_cast<NodeKind>(r.node().kind());
  data.parent = shape.Slug("node.parent", r.node().parent(), 32);
  shape.Bounded("node.places", r.node().places_size(), 64);
  for (int i = 0; i < r.node().places_size() && shape.status().ok(); ++i) {
    const std::string field = absl::StrCat("node.places[", i, "]");
    shape.Required(field, !r.node().places(i).empty());
    data.places.push_back(shape.Slug(field, r.node().places(i), 32));
  }
  data.type = shape.Slug("node.type", r.node().type(), 32);
  data.end_day = OptionalDay(shape, "node.end_day", r.node().end_day());
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::SetFundRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("fund.code", !r.fund().code().empty());
  FundData data{.code = shape.Slug("fund.code", r.fund().code(), 16),
                .budget_points = shape.Number("fund.budget_points", r.fund().budget_points(), 0, kAmountMax),
                .end_day = OptionalDay(shape, "fund.end_day", r.fund().end_day())};
  shape.Valid("fund.code", !data.code.empty() && IsLower(data.code[0]), "a letter first");
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::AdoptRulebookRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("rulebook_json", !r.rulebook_json().empty());
  if (shape.status().ok() && r.rulebook_json().size() > 200 * 1024) return FieldTooLong("rulebook_json", 200 * 1024);
  if (!shape.status().ok()) return shape.status();
  auto book = Rulebook::Judge(r.rulebook_json());
  if (!book.ok()) return book.status();
  RulebookData data{.version = book->version(),
                    .effective_day = book->effective_day(),
                    .sha256 = Sha256Hex(book->json()),
                    .format = kRulesFormat,
                    .is_withdrawn = false};
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true, book->json());
}

absl::StatusOr<Mutation> FromProto(const v1::WithdrawRulebookRequest& r) {
  Shape shape;
  Mutation mutation;
  mutation.request_id = shape.Uuid("request_id", r.request_id());
  const std::string version = NamedIn(shape, r.name(), ResourceKind::kRulebook, mutation.program);
  RulebookData data;
  data.version = version;
  data.is_withdrawn = true;
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/false);
}

absl::StatusOr<Mutation> FromProto(const v1::SetOfferRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  const v1::Offer& offer = r.offer();
  OfferData data;
  data.code = shape.Code("offer.code", offer.code());
  data.name_zh_cn = shape.NameZh("offer.name_zh_cn", offer.name_zh_cn(), 40);
  shape.Known("offer.kind", offer.kind(), v1::OfferKind_IsValid(offer.kind()));
  data.kind = static_cast<OfferKind>(offer.kind());
  if (!offer.merchant().empty()) data.merchant = shape.IdOf("offer.merchant", offer.merchant(), ResourceKind::kMerchant, mutation.program);
  data.price_points = shape.Number("offer.price_points", offer.price_points(), 0, kPriceMax);
  data.max_points = shape.Number("offer.max_points", offer.max_points(), 0, kAmountMax);
  shape.Valid("offer.max_points", offer.price_points() == 0 || offer.max_points() == 0, "0 beside a price");
  CheckDays(shape, "offer.", offer.from_day(), offer.to_day());
  data.from = offer.from_day();
  data.to = offer.to_day();
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::CreateMemberRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("member", r.has_member());
  MemberData data = MemberOf(shape, "member.", r.member(), mutation.program, /*is_new=*/true);
  data.id = NewId('m');
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::UpdateMemberRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  const std::string id = shape.IdOf("member.name", r.member().name(), ResourceKind::kMember, mutation.program);
  MemberData data = MemberOf(shape, "member.", r.member(), mutation.program, /*is_new=*/false);
  data.id = id;
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/false);
}

absl::StatusOr<Mutation> FromProto(const v1::ReplaceMemberNumberRequest& r) {
  Shape shape;
  Mutation mutation;
  mutation.request_id = shape.Uuid("request_id", r.request_id());
  Register command;
  command.is_new = false;
  command.replaces_number = true;
  MemberData member;
  member.id = NamedIn(shape, r.name(), ResourceKind::kMember, mutation.program);
  command.items = {std::move(member)};
  mutation.command = std::move(command);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::CreateMembersRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("members", r.members_size() > 0);
  shape.Bounded("members", r.members_size(), 1000);
  Register command;
  for (int i = 0; i < r.members_size() && shape.status().ok(); ++i) {
    MemberData data = MemberOf(shape, absl::StrCat("members[", i, "]."), r.members(i), mutation.program, /*is_new=*/true);
    data.id = NewId('m');
    command.items.push_back(std::move(data));
  }
  mutation.command = std::move(command);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::CreateMerchantRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("merchant", r.has_merchant());
  MerchantData data = MerchantOf(shape, r.merchant(), mutation.program, /*is_new=*/true);
  data.id = NewId('s');
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::UpdateMerchantRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  const std::string id = shape.IdOf("merchant.name", r.merchant().name(), ResourceKind::kMerchant, mutation.program);
  MerchantData data = MerchantOf(shape, r.merchant(), mutation.program, /*is_new=*/false);
  data.id = id;
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/false);
}

absl::StatusOr<Mutation> FromProto(const v1::CreateTerminalRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  TerminalData data{.id = NewId('t'), .merchant = shape.IdOf("merchant", r.merchant(), ResourceKind::kMerchant, mutation.program)};
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::UpdateTerminalRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  auto name = ParseNameIn("terminal.name", r.terminal().name(), ResourceKind::kTerminal, mutation.program);
  if (shape.status().ok() && !name.ok()) return name.status();
  shape.Known("terminal.state", r.terminal().state(), v1::RegistrationState_IsValid(r.terminal().state()));
  if (!shape.status().ok()) return shape.status();
  return Registering(shape, std::move(mutation),
                     TerminalData{.id = std::string(name->id),
                                  .merchant = std::string(name->merchant),
                                  .state = static_cast<RegistrationState>(r.terminal().state())},
                     /*is_new=*/false);
}

absl::StatusOr<Mutation> FromProto(const v1::CreateStaffRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("staff", r.has_staff());
  StaffData data = StaffOf(shape, r.staff(), mutation.program, /*is_new=*/true);
  data.id = NewId('a');
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::UpdateStaffRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  const std::string id = shape.IdOf("staff.name", r.staff().name(), ResourceKind::kStaff, mutation.program);
  StaffData data = StaffOf(shape, r.staff(), mutation.program, /*is_new=*/false);
  data.id = id;
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/false);
}

}  // namespace redpoints::server
