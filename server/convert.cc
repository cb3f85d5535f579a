#include "server/authorize.h"
#include "server/convert.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/ids.h"
#include "server/names.h"
#include "storage/explain.h"
#include "storage/rules/apply.h"
#include "storage/rules/member_number.h"
#include "storage/rules/refusal.h"
#include "storage/rules/sha256.h"

namespace redpoints::server {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes fields one after the other; the first that is wrong stays as the status, and those behind it are not looked at.
class Shape {
 public:
  const absl::Status& status() const { return status_; }

  std::string Program(const std::string& text) {
    return Take<std::string>([&]() -> absl::StatusOr<std::string> {
      auto program = ParseProgram("program", text);
      if (!program.ok()) return program.status();
      return std::string(*program);
    });
  }
  std::string Uuid(const char* field, const std::string& text) {
    return Take<std::string>([&] { return ParseUuid(field, text); });
  }
  std::int64_t Sequence(const char* field, const std::string& text, ResourceKind kind, const std::string& program) {
    return Take<std::int64_t>([&]() -> absl::StatusOr<std::int64_t> {
      auto name = ParseNameIn(field, text, kind, program);
      if (!name.ok()) return name.status();
      return name->sequence;
    });
  }
  std::string IdOf(const std::string& field, const std::string& text, ResourceKind kind, const std::string& program) {
    return Take<std::string>([&]() -> absl::StatusOr<std::string> {
      auto name = ParseNameIn(field, text, kind, program);
      if (!name.ok()) return name.status();
      return std::string(name->id);
    });
  }
  std::string Member(const std::string& field, const std::string& text, const std::string& program) {
    return Take<std::string>([&]() -> absl::StatusOr<std::string> {
      auto member = ParseMember(field, text, program);
      if (!member.ok()) return member.status();
      return std::string(*member);
    });
  }
  std::int64_t Number(const std::string& field, std::int64_t value, std::int64_t min, std::int64_t max) {
    if (status_.ok() && (value < min || value > max)) status_ = FieldOutOfRange(field, min, max);
    return value;
  }
  // Up to `max` characters that `is_good` takes; may be empty.
  template <class F> std::string Text(const std::string& field, const std::string& text, std::size_t max, const char* expected, F is_good) {
    if (!status_.ok()) return "";
    if (text.size() > max) {
      status_ = FieldTooLong(field, max);
    } else if (!std::all_of(text.begin(), text.end(), is_good)) {
      status_ = FieldInvalid(field, expected);
    }
    return text;
  }
  std::string Slug(const std::string& field, const std::string& text, std::size_t max) {
    return Text(field, text, max, "a-z 0-9 -", [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
  }
  std::string TillText(const char* field, const std::string& text, std::size_t max) {
    return Text(field, text, max, "A-Z a-z 0-9 -", [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '-'; });
  }
  std::string Code(const std::string& field, const std::string& text) {
    Required(field, !text.empty());
    return Text(field, text, 32, "A-Z 0-9 _", [](char c) { return IsUpper(c) || IsDigit(c) || c == '_'; });
  }
  void Required(const std::string& field, bool is_there) {
    if (status_.ok() && !is_there) status_ = FieldRequired(field);
  }
  void Bounded(const std::string& field, int size, int max) {
    if (status_.ok() && size > max) status_ = FieldTooLong(field, static_cast<std::size_t>(max));
  }
  void Valid(const std::string& field, bool is_valid, std::string_view expected) {
    if (status_.ok() && !is_valid) status_ = FieldInvalid(field, expected);
  }
  // A SHA-256 of 32 bytes, or none, as hex.
  std::string Hash(const std::string& field, const std::string& bytes) {
    Valid(field, bytes.empty() || bytes.size() == 32, "32 bytes");
    return bytes.empty() ? "" : Hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  Day RequiredDay(const std::string& field, std::int32_t day) {
    Required(field, day != 0);
    Valid(field, IsDay(day) && day < kNever, "a day as yyyymmdd");
    return day;
  }
  // A required enum value that this server knows.
  template <class E> void Known(const std::string& field, E value, bool is_valid) {
    Required(field, static_cast<int>(value) != 0);
    Valid(field, is_valid, "a known value");
  }

 private:
  template <class T, class F> T Take(F parse) {
    if (!status_.ok()) return T{};
    absl::StatusOr<T> parsed = parse();
    if (parsed.ok()) return *std::move(parsed);
    status_ = parsed.status();
    return T{};
  }
  absl::Status status_;
};

template <class Request> Mutation Begin(Shape& shape, const Request& request) {
  Mutation mutation;
  mutation.program = shape.Program(request.program());
  if constexpr (requires { request.request_id(); }) mutation.request_id = shape.Uuid("request_id", request.request_id());
  if constexpr (requires { request.clerk(); }) mutation.clerk = shape.TillText("clerk", request.clerk(), 16);
  if constexpr (requires { request.till_number(); }) mutation.till = shape.TillText("till_number", request.till_number(), 32);
  return mutation;
}

absl::StatusOr<Mutation> End(const Shape& shape, Mutation mutation) {
  if (!shape.status().ok()) return shape.status();
  return mutation;
}

std::string Payer(Shape& shape, const v1::Presentation& presentation) {
  shape.Required("presentation.member_number", presentation.means_case() != v1::Presentation::MEANS_NOT_SET);
  const std::string& number = presentation.member_number();
  shape.Required("presentation.member_number", !number.empty());
  shape.Bounded("presentation.member_number", static_cast<int>(number.size()), 10);
  shape.Valid("presentation.member_number", IsMemberNumber(number), "8 to 10 digits with their check digit");
  return number;
}

template <class Lines> std::vector<OfferLine> Lines_(Shape& shape, const Lines& protos) {
  shape.Required("offer_lines", !protos.empty());
  shape.Bounded("offer_lines", protos.size(), 20);
  std::vector<OfferLine> lines;
  for (int i = 0; i < protos.size() && shape.status().ok(); ++i) {
    const std::string at = absl::StrCat("offer_lines[", i, "].");
    lines.push_back({.offer = shape.Code(at + "offer", protos[i].offer()),
                     .quantity = shape.Number(at + "quantity", protos[i].quantity(), 1, 100'000),
                     .points = shape.Number(at + "points", protos[i].points(), 1, kAmountMax),
                     .cash_fen = shape.Number(at + "cash_fen", protos[i].cash_fen(), 0, 1'000'000'000'000)});
  }
  return lines;
}

template <class Made, class Request> absl::StatusOr<Mutation> Sale(const Request& request) {
  Shape shape;
  Mutation mutation = Begin(shape, request);
  Made sale;
  sale.presentation = "number";
  sale.member = Payer(shape, request.presentation());
  sale.lines = Lines_(shape, request.offer_lines());
  mutation.command = std::move(sale);
  return End(shape, std::move(mutation));
}

AwardItem Item(Shape& shape, const std::string& at, const v1::AwardItem& proto, const std::string& program) {
  AwardItem item;
  item.member = shape.Member(at + "member", proto.member(), program);
  item.activity = shape.Code(at + "activity", proto.activity());
  item.quantity = shape.Number(at + "quantity", proto.quantity(), 1, 1'000'000);
  item.effective_day = shape.RequiredDay(at + "effective_day", proto.effective_day());
  shape.Known(at + "group", proto.group(), v1::Group_IsValid(proto.group()));
  item.group = static_cast<std::uint8_t>(proto.group());
  item.session = shape.Slug(at + "session", proto.session(), 40);
  item.case_id = shape.Slug(at + "case", proto.case_(), 40);
  item.evidence_sha256 = shape.Hash(at + "evidence_sha256", proto.evidence_sha256());
  item.note_commitment = shape.Hash(at + "note_commitment", proto.note_commitment());
  shape.Bounded(at + "tags", proto.tags_size(), 4);
  for (int i = 0; i < proto.tags_size() && shape.status().ok(); ++i) {
    const std::string field = absl::StrCat(at, "tags[", i, "]");
    shape.Required(field, !proto.tags(i).empty());
    item.tags.push_back(shape.Slug(field, proto.tags(i), 24));
  }
  item.about = shape.Slug(at + "about", proto.about(), 40);
  return item;
}

// Whoever leaves it out of an update does not mean to let somebody suspended in again.
RegistrationState StateOf(Shape& shape, const std::string& field, v1::RegistrationState state, bool is_new) {
  shape.Required(field, is_new || state != v1::REGISTRATION_STATE_UNSPECIFIED);
  shape.Valid(field, v1::RegistrationState_IsValid(state), "a known value");
  return state == v1::REGISTRATION_STATE_UNSPECIFIED ? RegistrationState::kActive : static_cast<RegistrationState>(state);
}

MemberData MemberOf(Shape& shape, const std::string& at, const v1::Member& proto, const std::string& program, bool is_new) {
  MemberData data;
  shape.Known(at + "kind", proto.kind(), v1::MemberKind_IsValid(proto.kind()));
  data.kind = static_cast<MemberKind>(proto.kind());
  shape.Required(at + "groups", proto.groups_size() > 0);
  shape.Bounded(at + "groups", proto.groups_size(), v1::Group_ARRAYSIZE - 1);
  for (int i = 0; i < proto.groups_size() && shape.status().ok(); ++i) {
    shape.Known(absl::StrCat(at, "groups[", i, "]"), proto.groups(i), v1::Group_IsValid(proto.groups(i)));
    data.groups.push_back(static_cast<std::uint8_t>(proto.groups(i)));
  }
  std::sort(data.groups.begin(), data.groups.end());
  shape.Valid(at + "groups", std::adjacent_find(data.groups.begin(), data.groups.end()) == data.groups.end(), "each group once");
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
    data.people.push_back(shape.IdOf(absl::StrCat("merchant.people[", i, "]"), proto.people(i), ResourceKind::kMember, program));
  }
  data.place = shape.Slug("merchant.place", proto.place(), 32);
  data.state = StateOf(shape, "merchant.state", proto.state(), is_new);
  return data;
}

StaffData StaffOf(Shape& shape, const v1::Staff& proto, const std::string& program, bool is_new) {
  StaffData data;
  if (!proto.member().empty()) data.member = shape.IdOf("staff.member", proto.member(), ResourceKind::kMember, program);
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

absl::StatusOr<Mutation> Registering(const Shape& shape, Mutation mutation, Registration data, bool is_new, std::string rulebook_json = "") {
  mutation.command = Register{.items = {std::move(data)}, .is_new = is_new, .rulebook_json = std::move(rulebook_json)};
  return End(shape, std::move(mutation));
}

// Seconds and nanoseconds of Unix milliseconds.
void ToProto(std::int64_t unix_ms, google::protobuf::Timestamp& time) {
  time.set_seconds(unix_ms / 1000);
  time.set_nanos(static_cast<std::int32_t>(unix_ms % 1000 * 1'000'000));
}

Day DayOrZero(Day end) { return end == kNever ? 0 : end; }

}  // namespace

absl::StatusOr<Mutation> FromProto(const v1::QuoteRequest& r) { return Sale<Quote>(r); }
absl::StatusOr<Mutation> FromProto(const v1::RedeemRequest& r) { return Sale<Redeem>(r); }
absl::StatusOr<Mutation> FromProto(const v1::AuthorizeRequest& r) { return Sale<Authorize>(r); }

absl::StatusOr<Mutation> FromProto(const v1::CaptureRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  mutation.command = Capture{.hold = shape.Sequence("hold", r.hold(), ResourceKind::kHold, mutation.program),
                             .points = shape.Number("points", r.points(), 0, kAmountMax)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::VoidRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  mutation.command = Void{.hold = shape.Sequence("hold", r.hold(), ResourceKind::kHold, mutation.program)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::RefundRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("clerk", !r.clerk().empty());
  mutation.command = Refund{.redemption = shape.Sequence("redemption", r.redemption(), ResourceKind::kRedemption, mutation.program),
                            .points = shape.Number("points", r.points(), 1, kAmountMax)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::ReverseRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  std::string target = shape.Uuid("target_request_id", r.target_request_id());
  shape.Valid("target_request_id", target != mutation.request_id, "another id than request_id");
  mutation.command = Reverse{std::move(target)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::AwardRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("item", r.has_item());
  Award award{Item(shape, "item.", r.item(), mutation.program)};
  mutation.members = {award.item.member};
  mutation.command = std::move(award);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::AwardBatchRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("items", r.items_size() > 0);
  shape.Bounded("items", r.items_size(), 8190);
  if (!shape.status().ok()) return shape.status();  // before there is room for as many as somebody says
  AwardBatch batch;
  batch.items.reserve(static_cast<std::size_t>(r.items_size()));
  for (int i = 0; i < r.items_size() && shape.status().ok(); ++i) {
    batch.items.push_back(Item(shape, absl::StrCat("items[", i, "]."), r.items(i), mutation.program));
    mutation.members.push_back(batch.items.back().member);
  }
  mutation.command = std::move(batch);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::CorrectRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  Correct correct;
  correct.award = shape.Sequence("award", r.award(), ResourceKind::kAward, mutation.program);
  correct.new_quantity = shape.Number("new_quantity", r.new_quantity(), 0, 1'000'000);
  shape.Known("reason", r.reason(), v1::CorrectionReason_IsValid(r.reason()));
  for (const char c : v1::CorrectionReason_Name(r.reason())) correct.reason += static_cast<char>(IsUpper(c) ? c + ('a' - 'A') : c);
  mutation.command = std::move(correct);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::DonateRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  Donate donate{.member = shape.Member("member", r.member(), mutation.program), .points = shape.Number("points", r.points(), 1, kAmountMax)};
  mutation.members = {donate.member};
  mutation.command = std::move(donate);
  return End(shape, std::move(mutation));
}

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
  mutation.command = ConfirmClock{};
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
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::SetFundRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("fund.code", !r.fund().code().empty());
  FundData data{.code = shape.Slug("fund.code", r.fund().code(), 16),
                .budget_points = shape.Number("fund.budget_points", r.fund().budget_points(), 0, kAmountMax)};
  shape.Valid("fund.code", !data.code.empty() && IsLower(data.code[0]), "a letter first");
  return Registering(shape, std::move(mutation), std::move(data), /*is_new=*/true);
}

absl::StatusOr<Mutation> FromProto(const v1::AdoptRulebookRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("rulebook_json", !r.rulebook_json().empty());
  if (shape.status().ok() && r.rulebook_json().size() > 200 * 1024) return FieldTooLong("rulebook_json", 200 * 1024);
  if (!shape.status().ok()) return shape.status();
  auto book = Rulebook::Parse(r.rulebook_json());
  if (!book.ok()) return book.status();
  return Registering(shape, std::move(mutation), RulebookData{book->version(), book->effective_day(), Sha256Hex(r.rulebook_json())},
                     /*is_new=*/true, r.rulebook_json());
}

absl::StatusOr<Mutation> FromProto(const v1::CreateMemberRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("member", r.has_member());
  MemberData data = MemberOf(shape, "member.", r.member(), mutation.program, /*is_new=*/true);
  data.id = NewId('m');
  data.number = NewMemberNumber();
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

absl::StatusOr<Mutation> FromProto(const v1::CreateMembersRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("members", r.members_size() > 0);
  shape.Bounded("members", r.members_size(), 1000);
  Register command{.items = {}, .is_new = true, .rulebook_json = ""};
  for (int i = 0; i < r.members_size() && shape.status().ok(); ++i) {
    MemberData data = MemberOf(shape, absl::StrCat("members[", i, "]."), r.members(i), mutation.program, /*is_new=*/true);
    data.id = NewId('m');
    data.number = NewMemberNumber();
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
                     TerminalData{.id = std::string(name->id), .merchant = std::string(name->merchant),
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

absl::StatusOr<int> PageSize(int page_size) {
  if (page_size < 0) return FieldOutOfRange("page_size", 0, 1000);
  return page_size == 0 ? 50 : std::min(page_size, 1000);
}

void ToProto(const Outcome& outcome, v1::Outcome& proto) {
  const Entry& entry = outcome.entry();
  // A tombstone's entry is the reversal's; what was asked about is its target.
  proto.set_request_id(FormatUuid(outcome.first == v1::REVERSED ? entry.target_request : entry.request_id));
  proto.set_sequence(entry.sequence);
  proto.set_first_state(outcome.first);
  proto.set_state(outcome.now);
  proto.set_state_sequence(outcome.now_sequence);
  ToProto(entry.recorded_ms, *proto.mutable_record_time());
  proto.set_business_day(entry.business_day);
  if (outcome.first == v1::REFUSED) *proto.mutable_refusal() = redpoints::ToProto(RefusalOf(entry));
  proto.set_kind(std::string(KindName(entry.kind)));
  proto.set_kind_zh_cn(std::string(KindNameZh(entry.kind)));
  if (entry.kind == Kind::kRedemption || entry.kind == Kind::kHold || entry.kind == Kind::kCapture) proto.set_points(PointsOf(entry));
  proto.set_refunded_points(outcome.refunded_points);
  proto.set_replayed(outcome.is_replayed);
}

void ToProto(const Entry& award, v1::AwardResult& proto) {
  proto.set_award(absl::StrCat("programs/", award.program, "/awards/", award.sequence));
  for (const Posting& p : award.postings) {
    if (p.sub == Sub::kDebt) proto.set_debt_paid_points(p.amount);
    if (!p.holder.starts_with("issuance:")) continue;
    auto& amount = *proto.add_amounts();
    amount.set_unit(p.unit);
    amount.set_amount(-p.amount);
  }
  for (const Posting& p : award.postings) {
    for (auto& amount : *proto.mutable_amounts()) {
      if (amount.unit() == p.unit && !p.lots.empty()) amount.set_lot_end_day(DayOrZero(p.lots.front().end));
    }
  }
  proto.set_rulebook_version(award.rulebook);
  proto.set_cap_hit(award.cap_hit);
  proto.set_explanation_zh_cn(ExplainZh(award));
}

void ToProto(const Entry& item, v1::BatchItemResult& proto) {
  proto.set_sequence(item.sequence);
  proto.set_state(item.kind == Kind::kRefused ? v1::REFUSED : v1::DONE);
  if (item.kind == Kind::kRefused) *proto.mutable_refusal() = redpoints::ToProto(RefusalOf(item));
  for (const Posting& p : item.postings) {
    if (p.unit == kPoint && p.holder.starts_with("issuance:")) proto.set_points(-p.amount);
  }
  proto.set_cap_hit(item.cap_hit);
}

void ToProto(const UnitBalance& balance, v1::UnitBalance& proto) {
  proto.set_unit(balance.unit);
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

void ToProto(const StatementLine& line, v1::StatementLine& proto) {
  const Entry& e = line.entry;
  proto.set_sequence(e.sequence);
  ToProto(e.recorded_ms, *proto.mutable_record_time());
  proto.set_business_day(e.business_day);
  proto.set_kind(std::string(KindName(e.kind)));
  proto.set_kind_zh_cn(std::string(KindNameZh(e.kind)));
  proto.set_activity(e.activity);
  proto.set_merchant(e.merchant);
  proto.set_available_change(line.change[0]);
  proto.set_held_change(line.change[1]);
  proto.set_debt_change(-line.change[2]);
  proto.set_available(line.after[0]);
  proto.set_held(line.after[1]);
  proto.set_debt(-line.after[2]);
  proto.set_reference(e.ref >= 0 ? e.ref : e.hold);
}

void ToProto(const std::string& program, const MemberData& data, v1::Member& proto) {
  const std::string base = absl::StrCat("programs/", program, "/members/");
  proto.set_name(base + data.id);
  proto.set_number(data.number);
  proto.set_kind(static_cast<v1::MemberKind>(data.kind));
  for (const auto group : data.groups) proto.add_groups(static_cast<v1::Group>(group));
  proto.set_grid(data.grid);
  for (const Membership& membership : data.memberships) {
    auto& out = *proto.add_memberships();
    out.set_member(base + membership.member);
    out.set_from_day(membership.from);
    out.set_to_day(membership.to);
  }
  proto.set_state(static_cast<v1::RegistrationState>(data.state));
}

void ToProto(const std::string& program, const StaffData& data, v1::Staff& proto) {
  proto.set_name(absl::StrCat("programs/", program, "/staff/", data.id));
  if (!data.member.empty()) proto.set_member(absl::StrCat("programs/", program, "/members/", data.member));
  for (const RoleGrant& grant : data.grants) {
    auto& out = *proto.add_grants();
    out.set_role(static_cast<v1::Role>(grant.role));
    out.set_scope(grant.scope);
  }
  proto.set_state(static_cast<v1::RegistrationState>(data.state));
}

void ToProto(const std::string& program, const Registered& registered, v1::Registration& proto) {
  const std::string base = absl::StrCat("programs/", program, "/");
  proto.set_sequence(registered.sequence);
  if (const auto* member = std::get_if<MemberData>(&registered.data)) {
    ToProto(program, *member, *proto.mutable_member());
  } else if (const auto* staff = std::get_if<StaffData>(&registered.data)) {
    ToProto(program, *staff, *proto.mutable_staff());
  } else if (const auto* merchant = std::get_if<MerchantData>(&registered.data)) {
    auto& out = *proto.mutable_merchant();
    out.set_name(base + "merchants/" + merchant->id);
    for (const auto& person : merchant->people) out.add_people(base + "members/" + person);
    out.set_place(merchant->place);
    out.set_state(static_cast<v1::RegistrationState>(merchant->state));
  } else if (const auto* terminal = std::get_if<TerminalData>(&registered.data)) {
    proto.mutable_terminal()->set_name(base + "merchants/" + terminal->merchant + "/terminals/" + terminal->id);
    proto.mutable_terminal()->set_state(static_cast<v1::RegistrationState>(terminal->state));
  } else if (const auto* node = std::get_if<NodeData>(&registered.data)) {
    auto& out = *proto.mutable_node();
    out.set_code(node->code);
    out.set_kind(static_cast<v1::NodeKind>(node->kind));
    out.set_parent(node->parent);
    for (const auto& place : node->places) out.add_places(place);
    out.set_type(node->type);
  } else if (const auto* fund = std::get_if<FundData>(&registered.data)) {
    proto.mutable_fund()->set_code(fund->code);
    proto.mutable_fund()->set_budget_points(fund->budget_points);
  } else if (const auto* rulebook = std::get_if<RulebookData>(&registered.data)) {
    auto& out = *proto.mutable_rulebook();
    out.set_name(base + "rulebooks/" + rulebook->version);
    out.set_effective_day(rulebook->effective_day);
    std::string bytes;
    for (std::size_t i = 0; i + 1 < rulebook->sha256.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(rulebook->sha256.substr(i, 2), nullptr, 16));
    }
    out.set_sha256(bytes);
  }
}

}  // namespace redpoints::server
