#include "redpoints/v1/account_service.grpc.pb.h"

#include <algorithm>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/cursor.h"
#include "server/handler.h"
#include "server/name_fields.h"
#include "server/page_token.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

template <class S> using B = v1::AccountService::WithRawCallbackMethod_GetBalance<S>;
template <class S> using L = v1::AccountService::WithRawCallbackMethod_ListStatement<S>;
using Raw = B<L<v1::AccountService::Service>>;

std::int64_t ToMs(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1'000'000; }
// The first whole millisecond that is not before `time`: entries are recorded in those.
std::int64_t ToMsUp(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + (time.nanos() + 999'999) / 1'000'000; }

// 1970 to 9999, whole nanoseconds.
constexpr std::int64_t kSecondsMax = 253'402'300'799, kNanosMax = 999'999'999;
absl::Status CheckTime(const char* field, const google::protobuf::Timestamp& time) {
  if (time.seconds() < 0 || time.seconds() > kSecondsMax) return FieldOutOfRange(absl::StrCat(field, ".seconds"), 0, kSecondsMax);
  if (time.nanos() < 0 || time.nanos() > kNanosMax) return FieldOutOfRange(absl::StrCat(field, ".nanos"), 0, kNanosMax);
  return absl::OkStatus();
}

// A statement's end is not before its start.
absl::Status CheckOrder(const v1::ListStatementRequest& request) {
  const auto &start = request.start_time(), &end = request.end_time();
  if (!request.has_start_time() || !request.has_end_time()) return absl::OkStatus();
  if (end.seconds() < start.seconds()) return FieldOutOfRange("end_time.seconds", start.seconds(), kSecondsMax);
  if (end.seconds() == start.seconds() && end.nanos() < start.nanos()) return FieldOutOfRange("end_time.nanos", start.nanos(), kNanosMax);
  return absl::OkStatus();
}

// Whether a rulebook has it; what no rulebook has, nobody ever held.
bool IsUnit(const State& state, const std::string& code) { return state.ReadPublished().definitions->units.contains(code); }

// Or nothing, for the default.
bool IsUnitCode(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

// The program and the member that a name is about.
struct Subject {
  std::string program;
  std::string member;  // id; empty for a 会员号 that leads to nobody
};
absl::StatusOr<Subject> ParseSubject(const std::string& text, const Numbers& numbers) {
  auto name = ParseNameOf("member", text, ResourceKind::kMember);
  if (!name.ok()) return name.status();
  Subject subject{.program = std::string(name->program), .member = ""};
  auto member = numbers.MemberOf(subject.program, std::string(name->id));
  if (!member.ok()) return member.status();
  subject.member = *std::move(member);
  return subject;
}

// Where a page stopped: the entry to go on with, by epoch and sequence, and the balances after it.
struct PageStart {
  std::int64_t epoch = 0;
  ChainPosition position;
};
std::string Encode(const PageStart& page) {
  const auto& [sequence, after] = page.position;
  return absl::StrCat(page.epoch, " ", sequence, " ", after[0], " ", after[1], " ", after[2]);
}
absl::StatusOr<PageStart> Decode(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ' ');
  PageStart page;
  auto& [sequence, after] = page.position;
  if (parts.size() != 5 || !absl::SimpleAtoi(parts[0], &page.epoch) || !absl::SimpleAtoi(parts[1], &sequence) ||
      !absl::SimpleAtoi(parts[2], &after[0]) || !absl::SimpleAtoi(parts[3], &after[1]) || !absl::SimpleAtoi(parts[4], &after[2])) {
    return Refuse(Reason::PAGE_TOKEN_INVALID);
  }
  return page;
}

std::int64_t Total(const std::array<std::int64_t, kSubCount>& balance) { return balance[0] + balance[1] + balance[2]; }

class AccountService final : public Raw {
 public:
  explicit AccountService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* GetBalance(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_balance_.Handle<v1::GetBalanceRequest, v1::GetBalanceResponse>(
        context, in, out, [this](const Call& call, const v1::GetBalanceRequest& request, Reply<v1::GetBalanceResponse> reply) {
          auto subject = ParseSubject(request.member(), *context_.numbers);
          if (!subject.ok()) return reply.Refuse(subject.status());
          if (request.has_as_of_time()) {
            if (auto status = CheckTime("as_of_time", request.as_of_time()); !status.ok()) return reply.Refuse(status);
          }
          if (auto status = context_.authorizer->Check(call.caller(), Method::kGetBalance, subject->program, {subject->member});
              !status.ok()) {
            return reply.Refuse(status);
          }
          if (!request.has_as_of_time()) return reply(BalanceNowOf(*subject));  // from memory, as a rule
          ReadBeside(context_, std::move(reply), [this, subject = *subject, as_of_ms = ToMs(request.as_of_time())](const GoOn& go_on) {
            return BalanceAsOfTime(subject, as_of_ms, go_on);
          });
        });
  }

  grpc::ServerUnaryReactor* ListStatement(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override {
    return list_statement_.Handle<v1::ListStatementRequest, v1::ListStatementResponse>(
        context, in, out, [this](const Call& call, const v1::ListStatementRequest& request, Reply<v1::ListStatementResponse> reply) {
          auto subject = ParseSubject(request.member(), *context_.numbers);
          if (!subject.ok()) return reply.Refuse(subject.status());
          for (const auto& [field, time] : {std::pair("start_time", &request.start_time()), std::pair("end_time", &request.end_time())}) {
            if (auto status = CheckTime(field, *time); !status.ok()) return reply.Refuse(status);
          }
          if (auto status = CheckOrder(request); !status.ok()) return reply.Refuse(status);
          if (request.unit().size() > 8) return reply.Refuse(FieldTooLong("unit", 8));
          if (!IsUnitCode(request.unit())) return reply.Refuse(FieldInvalid("unit", "A-Z 0-9 _"));
          auto page_size = PageSize(request.page_size());
          if (!page_size.ok()) return reply.Refuse(page_size.status());
          if (auto status = context_.authorizer->Check(call.caller(), Method::kListStatement, subject->program, {subject->member});
              !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(context_, std::move(reply), [this, subject = *subject, request, page_size = *page_size](const GoOn& go_on) {
            return Statement(subject, request, page_size, go_on);
          });
        });
  }

 private:
  absl::StatusOr<v1::GetBalanceResponse> BalanceNowOf(const Subject& subject) const {
    const Ledger& ledger = context_.shards->Of(subject.program);
    const State* state = ledger.FindState(subject.program);
    const std::string& member = subject.member;
    if (!state || !FindRegistration<MemberData>(*state, "member", member)) return Refuse(Reason::MEMBER_NOT_FOUND);
    const std::int64_t now_ms = ledger.clock().NowMs();
    v1::GetBalanceResponse response;
    response.set_member(MemberName(subject.program, member));
    const Balances balances = BalanceNow(*state, member, now_ms);
    response.set_as_of_sequence(balances.as_of_sequence);
    response.set_as_of_epoch(state->ReadPublished().at.EpochOf(balances.as_of_sequence - 1));
    for (const UnitBalance& balance : balances.units) ToProto(balance, *response.add_balances());
    response.mutable_as_of_time()->set_seconds(now_ms / 1000);
    response.mutable_as_of_time()->set_nanos(static_cast<int>(now_ms % 1000) * 1'000'000);
    return response;
  }

  absl::StatusOr<v1::GetBalanceResponse> BalanceAsOfTime(const Subject& subject, std::int64_t as_of_ms, const GoOn& go_on) const {
    const Ledger& ledger = context_.shards->Of(subject.program);
    const State* state = ledger.FindState(subject.program);
    const std::string& member = subject.member;
    if (!state || !FindRegistration<MemberData>(*state, "member", member)) return Refuse(Reason::MEMBER_NOT_FOUND);
    as_of_ms = std::min(as_of_ms, ledger.clock().NowMs());
    const Journal& journal = ledger.JournalOf(subject.program);
    auto balances = BalanceAsOf(*state, journal, member, as_of_ms, go_on);
    if (!balances.ok()) return balances.status();
    v1::GetBalanceResponse response;
    response.set_member(MemberName(subject.program, member));
    response.set_as_of_sequence(balances->as_of_sequence);
    response.set_as_of_epoch(state->ReadPublished().at.EpochOf(balances->as_of_sequence - 1));
    for (const UnitBalance& balance : balances->units) ToProto(balance, *response.add_balances());
    response.mutable_as_of_time()->set_seconds(as_of_ms / 1000);
    response.mutable_as_of_time()->set_nanos(static_cast<int>(as_of_ms % 1000) * 1'000'000);
    return response;
  }

  absl::StatusOr<v1::ListStatementResponse> Statement(const Subject& subject, const v1::ListStatementRequest& request, int page_size,
                                                      const GoOn& go_on) const {
    const Ledger& ledger = context_.shards->Of(subject.program);
    const State* state = ledger.FindState(subject.program);
    const std::string& member = subject.member;
    if (!state || !FindRegistration<MemberData>(*state, "member", member)) return Refuse(Reason::MEMBER_NOT_FOUND);
    const std::string unit = request.unit().empty() ? std::string(kPoint) : request.unit();
    if (!request.unit().empty() && !IsUnit(*state, unit)) return FieldInvalid("unit", "the code of a unit in a rulebook");
    const std::int64_t start_ms = request.has_start_time() ? ToMsUp(request.start_time()) : 0;
    const std::int64_t end_ms = request.has_end_time() ? ToMsUp(request.end_time()) : std::int64_t{1} << 62;
    const std::string query = absl::StrCat("statement ", subject.program, " ", member, " ", unit, " ", start_ms, " ", end_ms);
    const bool is_first_page = request.page_token().empty();
    const StateMark at = state->ReadPublished().at;

    ChainPosition position = HeadOf(*state, member, unit);
    if (!is_first_page) {
      auto text = context_.tokens->Open(request.page_token(), query);
      if (!text.ok()) return text.status();
      auto page = Decode(*text);
      if (!page.ok()) return page.status();
      position = page->position;
      const Name name{.kind = ResourceKind::kEntry, .program = subject.program, .sequence = position.sequence, .epoch = page->epoch};
      if (auto status = CheckPlace("page_token", name, at, at.next_sequence); !status.ok()) return status;
    }
    const Journal& journal = ledger.JournalOf(subject.program);
    const auto first_since = [&](std::int64_t ms) {
      return FirstRecordedAfter(*state, journal, ledger.EndSequence(subject.program), ms - 1);
    };
    const auto start = start_ms == 0 ? absl::StatusOr<std::int64_t>(0) : first_since(start_ms);
    if (!start.ok()) return start.status();
    const auto end = request.has_end_time() ? first_since(end_ms) : absl::StatusOr<std::int64_t>(std::numeric_limits<std::int64_t>::max());
    if (!end.ok()) return end.status();
    v1::ListStatementResponse response;
    std::int64_t opening = Total(position.after);
    response.set_closing_balance(opening);
    response.set_unit(unit);
    response.set_decimals(state->ReadDefinitions()->DecimalsOf(unit));
    bool is_any = false;
    for (;;) {
      if (auto status = go_on(); !status.ok()) return status;
      const ChainPosition here = position;
      auto line = NextLine(journal, member, unit, position);
      if (!line.ok()) return line.status();
      if (!*line || here.sequence < *start) break;
      if (here.sequence >= *end) {
        response.set_closing_balance(Total(position.after));
        opening = Total(position.after);
        continue;
      }
      is_any = true;
      if (response.lines_size() == page_size) {
        if (response.next_page_token().empty())
          response.set_next_page_token(context_.tokens->Seal(Encode({(*line)->entry.epoch, here}), query));
        if (!is_first_page || start_ms == 0)
          break;  // only the first page walks on, for the opening balance; before the first entry it is 0
      } else {
        ToProto(**line, at, *response.add_lines());
      }
      opening = Total(position.after);
    }
    if (is_first_page) {
      response.set_opening_balance(start_ms == 0 ? 0 : is_any ? opening : response.closing_balance());
    } else {
      response.clear_closing_balance();
    }
    return response;
  }

  const ServiceContext context_;
  UnaryMethod get_balance_{context_.unary, "AccountService/GetBalance", {kSmallBytesMax}};
  UnaryMethod list_statement_{context_.unary, "AccountService/ListStatement", {kSmallBytesMax}};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAccountService(const ServiceContext& context) { return std::make_unique<AccountService>(context); }

}  // namespace redpoints::server
