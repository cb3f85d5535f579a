#include <memory>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/commands.h"
#include "client/cli/validators.h"

namespace redpoints::cli {
namespace {

struct Arguments {
  std::string member;
  std::vector<std::string> lines;
  std::string clerk;
  std::string till_number;
  std::string name;  // of a hold or redemption, or a request id
  std::int64_t points = 0;
  std::int64_t cash_fen = 0;
  bool is_award = false;
};

using Shared = std::shared_ptr<Arguments>;

void AddLines(CLI::App* command, const Shared& a, const Text& t) {
  command->add_option("--line", a->lines, t("项目:数量:积分[:现金分],可多次", "OFFER:QUANTITY:POINTS[:CASH_FEN], repeatable"))
      ->required()
      ->allow_extra_args(false);
}

void AddMemberAndLines(CLI::App* command, const Shared& a, const Text& t) {
  command->add_option("--member", a->member, t("会员号(8 至 10 位数字)", "member number (8 to 10 digits)"))->required();
  AddLines(command, a, t);
}

void AddClerk(CLI::App* command, const Shared& a, const Text& t) {
  command->add_option("--clerk", a->clerk, t("收银员", "who stands at the till"));
}

void AddTill(CLI::App* command, const Shared& a, const Text& t) {
  AddClerk(command, a, t);
  command->add_option("--till-number", a->till_number, t("小票号", "the till's own number"));
}

template <class Request> void FillLines(const Arguments& a, const Session& s, Request* request) {
  request->set_program(s.program());
  for (const auto& line : a.lines) *request->add_offer_lines() = OrUsage("--line", ParseOfferLine(line, s.t()));
}

template <class Request> void FillSale(const Arguments& a, const Session& s, Request* request) {
  FillLines(a, s, request);
  request->mutable_presentation()->set_member_number(a.member);
}

// Program, request id and clerk: what every mutation of a till carries.
template <class Request> Request Mutation(const Arguments& a, Session& s) {
  Request request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  request.set_clerk(a.clerk);
  return request;
}

// The exit code of a state: what the original request would have ended with.
ExitCode CodeOf(const v1::Outcome& outcome, Session& s) {
  const auto refused = RefusedNow(outcome);
  if (!refused) return ExitCode::kDone;
  s.ExplainRefusal(*refused);
  return ExitCode::kRefused;
}

template <class Response> ExitCode FinishOutcome(const Answer<Response>& answer, Session& s) {
  const ExitCode code = s.Finish(answer);
  if (answer.is_done()) return CodeOf(answer.response().outcome(), s);
  const bool is_not_seen = answer.fate() == Fate::kRefused && answer.refused().refusal.reason == Reason::REQUEST_NOT_FOUND;
  return is_not_seen ? ExitCode::kUnknown : code;
}

}  // namespace

void AddRedemptionCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  const std::string group = t("兑换(终端)", "Redemption (terminals)");
  const auto add = [&](const char* name, const std::string& description) { return app.add_subcommand(name, description)->group(group); };

  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("quote", t("核价: 今天在本店要多少积分", "what lines cost in this shop today"));
    AddLines(command, a, t);
    OnRun(command, s, [a, &s] {
      v1::QuoteRequest request;
      FillLines(*a, s, &request);
      return s.Finish(s.client().Quote(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("redeem", t("兑换: 扣积分,给商品", "take points for goods"));
    AddMemberAndLines(command, a, t);
    AddTill(command, a, t);
    OnRun(command, s, [a, &s] {
      auto request = Mutation<v1::RedeemRequest>(*a, s);
      FillSale(*a, s, &request);
      request.set_till_number(a->till_number);
      return s.Finish(s.client().Redeem(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("authorize", t("预扣积分", "hold points"));
    AddMemberAndLines(command, a, t);
    AddTill(command, a, t);
    OnRun(command, s, [a, &s] {
      auto request = Mutation<v1::AuthorizeRequest>(*a, s);
      FillSale(*a, s, &request);
      request.set_till_number(a->till_number);
      return s.Finish(s.client().Authorize(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("capture", t("完成预扣", "take the points of a hold"));
    command->add_option("hold,--hold", a->name, t("预扣单的序号或名称", "sequence or name of the hold"))->required();
    command->add_option("--points", a->points, t("积分; 不填为全部", "points; absent: all of them"))->check(AtLeast(0, t));
    AddTill(command, a, t);
    OnRun(command, s, [a, &s] {
      auto request = Mutation<v1::CaptureRequest>(*a, s);
      request.set_hold(s.EntryName("holds", "hold", a->name));
      request.set_points(a->points);
      request.set_till_number(a->till_number);
      return s.Finish(s.client().Capture(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("void", t("取消预扣", "give a hold back"));
    command->add_option("hold,--hold", a->name, t("预扣单的序号或名称", "sequence or name of the hold"))->required();
    AddClerk(command, a, t);
    OnRun(command, s, [a, &s] {
      auto request = Mutation<v1::VoidRequest>(*a, s);
      request.set_hold(s.EntryName("holds", "hold", a->name));
      return s.Finish(s.client().Void(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("refund", t("退还积分", "give redeemed points back"));
    command->add_option("redemption,--redemption", a->name, t("兑换的序号或名称", "sequence or name of the redemption"))->required();
    command->add_option("--points", a->points, t("退还的积分", "points to give back"))->required()->check(AtLeast(1, t));
    command->add_option("--cash-fen", a->cash_fen, t("一并退还的现金(分)", "cash given back with them, in fen"))->check(AtLeast(0, t));
    AddTill(command, a, t);
    OnRun(command, s, [a, &s] {
      auto request = Mutation<v1::RefundRequest>(*a, s);
      request.set_redemption(s.EntryName("redemptions", "redemption", a->name));
      request.set_points(a->points);
      request.set_cash_fen(a->cash_fen);
      request.set_till_number(a->till_number);
      return s.Finish(s.client().Refund(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("reverse", t("按请求编号撤销", "undo a request by its id"));
    command->add_option("target,--target", a->name, t("要撤销的请求编号", "the request id to undo"))->required();
    AddClerk(command, a, t);
    OnRun(command, s, [a, &s] {
      auto request = Mutation<v1::ReverseRequest>(*a, s);
      request.set_target_request_id(OrUsage("target", ParseUuid(a->name, s.t())));
      return s.Finish(s.client().Reverse(request));
    });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = add("outcome", t("查询请求的结果; 退出码同原请求", "what became of a request; exits as the request would have"));
    command->add_option("id,--id", a->name, t("请求编号", "the request id"))->required();
    command->add_flag(
        "--award", a->is_award,
        t("工作人员的请求(发放、更正、捐赠、冲销、免除、登记)", "a request of staff (award, correct, donate, undo, waive, registrations)"));
    OnRun(command, s, [a, &s] {
      const std::string id = OrUsage("id", ParseUuid(a->name, s.t()));
      const auto ask = [&](auto request) {
        request.set_program(s.program());
        request.set_request_id(id);
        return request;
      };
      if (a->is_award) return FinishOutcome(s.client().GetAwardOutcome(ask(v1::GetAwardOutcomeRequest())), s);
      return FinishOutcome(s.client().GetOutcome(ask(v1::GetOutcomeRequest())), s);
    });
  }
}

}  // namespace redpoints::cli
