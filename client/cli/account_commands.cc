#include <memory>
#include <string>

#include "absl/time/time.h"
#include "client/cli/arguments.h"
#include "client/cli/commands.h"

namespace redpoints::cli {
namespace {

struct Arguments {
  std::string member;
  std::string as_of;
  std::string unit;
  std::string from;
  std::string to;
};

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  const absl::Duration since = time - absl::UnixEpoch();
  const std::int64_t nanos = absl::ToInt64Nanoseconds(since);
  timestamp.set_seconds(nanos / 1'000'000'000);
  timestamp.set_nanos(static_cast<std::int32_t>(nanos % 1'000'000'000));
  return timestamp;
}

void AddMember(CLI::App* command, const std::shared_ptr<Arguments>& a, const Text& t) {
  command->add_option("member,--member", a->member, t("会员或会员号", "member or member number"))->required();
}

}  // namespace

void AddAccountCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  const std::string group = t("账户", "Accounts");

  {
    auto a = std::make_shared<Arguments>();
    auto* command = app.add_subcommand("balance", t("查询余额", "a member's balances"))->group(group);
    AddMember(command, a, t);
    command->add_option("--as-of", a->as_of, t("截至时间; 只写日期时含当天", "as of this time; a day includes itself"));
    OnRun(command, s, [a, &s] {
      v1::GetBalanceRequest request;
      request.set_member(s.Name("members", a->member));
      if (!a->as_of.empty()) {
        absl::Time time = OrUsage("--as-of", ParseTime(a->as_of, /*is_end=*/true, s.t()));
        // "At or before" a day is before the next one begins.
        if (ParseDay(a->as_of, s.t()).ok()) time -= absl::Milliseconds(1);
        *request.mutable_as_of_time() = ToTimestamp(time);
      }
      return s.Finish(s.client().GetBalance(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = app.add_subcommand("statement", t("查询流水(自动翻页)", "a member's entries, all pages"))->group(group);
    AddMember(command, a, t);
    command->add_option("--unit", a->unit, t("单位; 默认 POINT", "unit; POINT by default"));
    command->add_option("--from", a->from, t("起(含)", "from this time on"));
    command->add_option("--to", a->to, t("止(不含); 只写日期时含当天", "before this time; a day includes itself"));
    OnRun(command, s, [a, &s] {
      v1::ListStatementRequest request;
      request.set_member(s.Name("members", a->member));
      request.set_unit(a->unit);
      if (!a->from.empty()) *request.mutable_start_time() = ToTimestamp(OrUsage("--from", ParseTime(a->from, false, s.t())));
      if (!a->to.empty()) *request.mutable_end_time() = ToTimestamp(OrUsage("--to", ParseTime(a->to, true, s.t())));
      request.set_page_size(1'000);
      v1::ListStatementResponse whole;
      for (;;) {
        const auto answer = s.client().ListStatement(request);
        if (!answer.is_done()) return s.Explain(answer);
        const auto& page = answer.response();
        if (request.page_token().empty()) {
          whole = page;
          whole.clear_next_page_token();
        } else {
          whole.mutable_lines()->MergeFrom(page.lines());
        }
        if (page.next_page_token().empty()) break;
        request.set_page_token(page.next_page_token());
      }
      s.Print(whole);
      return ExitCode::kDone;
    });
  }
}

}  // namespace redpoints::cli
