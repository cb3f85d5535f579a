// Sales, awards and what follows them, as commands.
#include "absl/strings/str_cat.h"
#include "proto/contract/member_number.h"
#include "redpoints/v1/words.pb.h"
#include "server/convert.h"
#include "server/shape.h"

namespace redpoints::server {
namespace {

// The class of a bare 会员号.
constexpr char kNumberClass[] = "number";

Payer PayerFrom(Shape& shape, const v1::Presentation& presentation) {
  shape.Required("presentation.member_number", presentation.means_case() != v1::Presentation::MEANS_NOT_SET);
  const std::string& number = presentation.member_number();
  shape.Required("presentation.member_number", !number.empty());
  shape.Bounded("presentation.member_number", static_cast<int>(number.size()), 10);
  shape.Valid("presentation.member_number", IsMemberNumber(number), "8 to 10 digits with their check digit");
  return {.presentation = kNumberClass, .member = {.id = number, .print = ""}, .use = {}};
}

template <class Lines> std::vector<OfferLine> Lines_(Shape& shape, const Lines& protos) {
  shape.Required("offer_lines", !protos.empty());
  shape.Bounded("offer_lines", protos.size(), 20);
  std::vector<OfferLine> lines;
  for (int i = 0; i < protos.size() && shape.status().ok(); ++i) {
    const std::string at = absl::StrCat("offer_lines[", i, "].");
    OfferLine line;
    line.offer = shape.Code(at + "offer", protos[i].offer());
    line.quantity = shape.Number(at + "quantity", protos[i].quantity(), 1, 100'000);
    line.points = shape.Number(at + "points", protos[i].points(), 1, kAmountMax);
    line.cash_fen = shape.Number(at + "cash_fen", protos[i].cash_fen(), 0, 1'000'000'000'000);
    lines.push_back(std::move(line));
  }
  return lines;
}

// As the entry has it: the word that the proto gives the value.
std::string StoredWord(const google::protobuf::EnumDescriptor* words, int value) {
  const auto* word = words->FindValueByNumber(value);
  return word ? word->options().GetExtension(v1::word).stored() : "";
}

template <class Made, class Request> absl::StatusOr<Mutation> Sale(const Request& request) {
  Shape shape;
  Mutation mutation = Begin(shape, request);
  Made sale;
  sale.payer = PayerFrom(shape, request.presentation());
  sale.lines = Lines_(shape, request.offer_lines());
  mutation.command = std::move(sale);
  return End(shape, std::move(mutation));
}

AwardItem Item(Shape& shape, const std::string& at, const v1::AwardItem& proto, const std::string& program) {
  AwardItem item;
  item.member.id = shape.Member(at + "member", proto.member(), program);
  item.activity = shape.Code(at + "activity", proto.activity());
  item.quantity = shape.Number(at + "quantity", proto.quantity(), 1, 1'000'000);
  item.effective_day = shape.RequiredDay(at + "effective_day", proto.effective_day());
  shape.Known(at + "group", proto.group(), v1::Group_IsValid(proto.group()));
  item.group = static_cast<Group>(proto.group());
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

}  // namespace

absl::StatusOr<LinesToPrice> FromProto(const v1::QuoteRequest& r) {
  Shape shape;
  LinesToPrice quote{.program = shape.Program(r.program()), .lines = Lines_(shape, r.offer_lines())};
  if (!shape.status().ok()) return shape.status();
  return quote;
}
absl::StatusOr<Mutation> FromProto(const v1::RedeemRequest& r) { return Sale<Redeem>(r); }
absl::StatusOr<Mutation> FromProto(const v1::AuthorizeRequest& r) { return Sale<Authorize>(r); }

absl::StatusOr<Mutation> FromProto(const v1::CaptureRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  mutation.command = Capture{.hold = shape.Sequence("hold", r.hold(), ResourceKind::kHold, mutation),
                             .points = shape.Number("points", r.points(), 0, kAmountMax)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::VoidRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  mutation.command = Void{.hold = shape.Sequence("hold", r.hold(), ResourceKind::kHold, mutation)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::RefundRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  shape.Required("clerk", !r.clerk().empty());
  mutation.command = Refund{.redemption = shape.Sequence("redemption", r.redemption(), ResourceKind::kRedemption, mutation),
                            .points = shape.Number("points", r.points(), 1, kAmountMax),
                            .cash_fen = shape.Number("cash_fen", r.cash_fen(), 0, 1'000'000'000'000)};
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
  mutation.command = Award{Item(shape, "item.", r.item(), mutation.program)};
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
  }
  mutation.command = std::move(batch);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::CorrectRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  Correct correct;
  correct.award = shape.Sequence("award", r.award(), ResourceKind::kAward, mutation);
  correct.new_quantity = shape.Number("new_quantity", r.new_quantity(), 0, 1'000'000);
  shape.Known("reason", r.reason(), v1::CorrectionReason_IsValid(r.reason()));
  correct.reason = StoredWord(v1::CorrectionReason_descriptor(), r.reason());
  mutation.command = std::move(correct);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::DonateRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  mutation.command = Donate{.member = {.id = shape.Member("member", r.member(), mutation.program), .print = ""},
                            .points = shape.Number("points", r.points(), 1, kAmountMax)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::ProposeUndoRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  ProposeUndo propose{.target = shape.Sequence("entry", r.entry(), ResourceKind::kEntry, mutation), .reason = ""};
  shape.Known("reason", r.reason(), v1::UndoReason_IsValid(r.reason()));
  propose.reason = StoredWord(v1::UndoReason_descriptor(), r.reason());
  mutation.command = std::move(propose);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::UndoRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  mutation.command = Undo{.proposal = shape.Sequence("proposal", r.proposal(), ResourceKind::kEntry, mutation)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::ProposeWaiverRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  ProposeWaiver propose;
  propose.member.id = shape.Member("member", r.member(), mutation.program);
  shape.Required("fund", !r.fund().empty());
  propose.fund = shape.Slug("fund", r.fund(), 16);
  propose.points = shape.Number("points", r.points(), 0, kAmountMax);
  shape.Known("reason", r.reason(), v1::WaiverReason_IsValid(r.reason()));
  propose.reason = StoredWord(v1::WaiverReason_descriptor(), r.reason());
  mutation.command = std::move(propose);
  return End(shape, std::move(mutation));
}

absl::StatusOr<Mutation> FromProto(const v1::WaiveDebtRequest& r) {
  Shape shape;
  Mutation mutation = Begin(shape, r);
  mutation.command = WaiveDebt{.proposal = shape.Sequence("proposal", r.proposal(), ResourceKind::kEntry, mutation)};
  return End(shape, std::move(mutation));
}

absl::StatusOr<int> PageSize(int page_size) {
  if (page_size < 0) return FieldOutOfRange("page_size", 0, 1000);
  return page_size == 0 ? 50 : std::min(page_size, 1000);
}

}  // namespace redpoints::server
