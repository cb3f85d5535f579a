#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/chunks.h"
#include "client/cli/commands.h"
#include "client/cli/family.h"
#include "client/cli/import_file.h"
#include "client/cli/table.h"
#include "client/cli/validators.h"

namespace redpoints::cli {
namespace {

constexpr std::int64_t kChunkMax = 8'190;

struct Arguments {
  std::string member;
  std::string activity;
  std::int64_t quantity = 0;
  std::string day;
  std::string group;
  std::string session;
  std::string case_id;
  std::string evidence;
  std::string note;
  std::vector<std::string> tags;
  std::string about;
  std::string award;
  std::string entry;
  std::string reason;
  std::string fund;
  std::int64_t points = 0;
  std::string file;
  std::int64_t chunk_size = kChunkMax;
  bool is_check = false;
};

ExitCode Award(const Arguments& a, Session& s) {
  const Text& t = s.t();
  v1::AwardRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  auto& item = *request.mutable_item();
  item.set_member(MemberOfAward(s.program(), a.member));
  item.set_activity(a.activity);
  item.set_quantity(a.quantity);
  item.set_effective_day(OrUsage("--day", ParseDay(a.day, t)));
  item.set_group(OrUsage("--group", ParseEnum<v1::Group>(a.group, t)));
  item.set_session(a.session);
  item.set_case_(a.case_id);
  if (!a.evidence.empty()) item.set_evidence_sha256(OrUsage("--evidence-sha256", ParseSha256(a.evidence, t)));
  if (!a.note.empty()) item.set_note_commitment(OrUsage("--note-commitment", ParseSha256(a.note, t)));
  for (const auto& tag : a.tags) item.add_tags(tag);
  item.set_about(a.about);
  return s.Finish(s.client().Award(request));
}

// What a person wants to know of a batch: how it went, and which rows did not.
void PrintBatch(const v1::AwardBatchResponse& whole, const std::vector<AwardRow>& rows, Session& s) {
  const Text& t = s.t();
  std::int64_t points = 0;
  std::vector<std::vector<std::string>> refused;
  for (int i = 0; i < whole.results_size(); ++i) {
    const auto& result = whole.results(i);
    points += result.points();
    if (result.state() != v1::REFUSED) continue;
    const auto& row = rows[static_cast<std::size_t>(i)];
    refused.push_back({std::to_string(row.line), row.item.member(), row.item.activity(),
                       s.t().language() == Language::kZh ? result.refusal().zh_cn() : result.refusal().reason()});
  }
  const auto count = static_cast<std::int64_t>(refused.size());
  s.out() << RenderPairs({{t("成功", "awarded"), WithThousands(whole.results_size() - count)},
                          {t("拒绝", "refused"), WithThousands(count)},
                          {t("积分", "points"), WithThousands(points, whole.points_decimals())}});
  if (refused.empty()) return;
  s.out() << '\n'
          << RenderTable({{t("行", "line"), Align::kRight},
                          {t("会员", "member"), Align::kLeft},
                          {t("活动", "activity"), Align::kLeft},
                          {t("原因", "reason"), Align::kLeft}},
                         refused);
}

ExitCode AwardBatch(const Arguments& a, Session& s) {
  const Text& t = s.t();
  const auto rows = OrUsage(a.file, ParseAwardFile(ReadInput(a.file, t), s.program(), t));
  if (a.is_check) {
    s.Note(t("文件无误,行数: ", "the file is in order; rows: ") + WithThousands(static_cast<std::int64_t>(rows.size())));
    return ExitCode::kDone;
  }
  v1::AwardBatchResponse whole;
  whole.set_replayed(true);
  const auto call = [&](std::span<const AwardRow> chunk, const std::string& request_id) {
    v1::AwardBatchRequest request;
    request.set_program(s.program());
    request.set_request_id(request_id);
    for (const auto& row : chunk) *request.add_items() = row.item;
    return s.client().AwardBatch(request);
  };
  const auto keep = [&](const v1::AwardBatchResponse& response) {
    whole.mutable_results()->MergeFrom(response.results());
    whole.set_points_decimals(response.points_decimals());
    whole.set_replayed(whole.replayed() && response.replayed());
    return static_cast<std::size_t>(response.results_size());
  };
  const ExitCode code = SendInChunks(s, "award-batch", rows, static_cast<std::size_t>(a.chunk_size), call, keep);
  if (code != ExitCode::kDone) return code;
  if (s.options().output == OutputForm::kJson) {
    s.Print(whole);
  } else {
    PrintBatch(whole, rows, s);
  }
  const bool is_any_refused =
      std::any_of(whole.results().begin(), whole.results().end(), [](const auto& result) { return result.state() == v1::REFUSED; });
  return is_any_refused ? ExitCode::kRefused : ExitCode::kDone;
}

ExitCode Correct(const Arguments& a, Session& s) {
  v1::CorrectRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  request.set_award(s.EntryName("awards", "award", a.award));
  request.set_new_quantity(a.quantity);
  request.set_reason(OrUsage("--reason", ParseEnum<v1::CorrectionReason>(a.reason, s.t())));
  return s.Finish(s.client().Correct(request));
}

ExitCode Donate(const Arguments& a, Session& s) {
  v1::DonateRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  request.set_member(MemberOfAward(s.program(), a.member));
  request.set_points(a.points);
  return s.Finish(s.client().Donate(request));
}

ExitCode ProposeUndo(const Arguments& a, Session& s) {
  v1::ProposeUndoRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  request.set_entry(s.EntryName("entries", "entry", a.entry));
  request.set_reason(OrUsage("--reason", ParseEnum<v1::UndoReason>(a.reason, s.t())));
  return s.Finish(s.client().ProposeUndo(request));
}

ExitCode ConfirmUndo(const Arguments& a, Session& s) {
  v1::UndoRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  request.set_proposal(s.EntryName("entries", "proposal", a.entry));
  return s.Finish(s.client().Undo(request));
}

ExitCode ProposeWaiver(const Arguments& a, Session& s) {
  v1::ProposeWaiverRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  request.set_member(MemberOfAward(s.program(), a.member));
  request.set_fund(a.fund);
  request.set_points(a.points);
  request.set_reason(OrUsage("--reason", ParseEnum<v1::WaiverReason>(a.reason, s.t())));
  return s.Finish(s.client().ProposeWaiver(request));
}

ExitCode ConfirmWaiver(const Arguments& a, Session& s) {
  v1::WaiveDebtRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  request.set_proposal(s.EntryName("entries", "proposal", a.entry));
  return s.Finish(s.client().WaiveDebt(request));
}

}  // namespace

void AddAwardCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  const std::string group = t("发放(工作人员)", "Awards (staff)");
  const auto add = [&](const char* name, const std::string& description, ExitCode (*run)(const Arguments&, Session&)) {
    auto a = std::make_shared<Arguments>();
    auto* command = app.add_subcommand(name, description)->group(group);
    OnRun(command, s, [a, run, &s] { return run(*a, s); });
    return std::pair(command, a);
  };

  {
    const auto [command, a] = add("award", t("发放一次活动的积分", "award one member for one deed"), Award);
    command->add_option("--member", a->member, t("会员或会员号", "member or member number"))->required();
    command->add_option("--activity", a->activity, t("活动编码", "activity code"))->required();
    command->add_option("--quantity", a->quantity, t("数量", "quantity"))->required()->check(AtLeast(1, t));
    command->add_option("--day", a->day, t("活动日期", "day of the deed"))->required();
    command->add_option("--group", a->group, t("计入的群体: ", "group it counts for: ") + EnumChoices(*v1::Group_descriptor()))
        ->required()
        ->check(OneOfEnum<v1::Group>(t));
    command->add_option("--session", a->session, t("场次", "session"));
    command->add_option("--case", a->case_id, t("案件", "case"));
    command->add_option("--evidence-sha256", a->evidence, t("凭证的 SHA-256", "SHA-256 of the evidence"));
    command->add_option("--note-commitment", a->note, t("备注的承诺值(十六进制)", "commitment to a note, hexadecimal"));
    command->add_option("--tag", a->tags, t("标签,可多次", "tag, repeatable"))->allow_extra_args(false);
    command->add_option("--about", a->about, t("相关的场次或案件", "a related session or case"));
  }
  {
    const auto [command, a] = add("award-batch", t("按 CSV 文件批量发放", "award from a CSV file"), AwardBatch);
    command->footer(
        t("列(次序不限): member 会员, activity 活动, quantity 数量, effective_day 日期, group 群体;\n"
          "可选: session 场次, case 案件, evidence_sha256 凭证, note_commitment 备注承诺, tags 标签(以 ; 分隔), about 相关。",
          "Columns, in any order: member, activity, quantity, effective_day, group;\n"
          "optional: session, case, evidence_sha256, note_commitment, tags (separated by ;), about."));
    command->add_option("file,--file", a->file, t("CSV 文件; - 为标准输入", "CSV file; - is stdin"))->required();
    command->add_option("--chunk-size", a->chunk_size, t("每批条数; 续传时须相同", "items in a request; the same when going on"))
        ->check(Between(1, kChunkMax, t))
        ->capture_default_str();
    command->add_flag("--check", a->is_check, t("只检查文件", "only check the file"));
  }
  {
    const auto [command, a] = add("correct", t("更正一笔发放的数量", "set an award's quantity to what it should have been"), Correct);
    command->add_option("award,--award", a->award, t("发放的序号或名称", "sequence or name of the award"))->required();
    command->add_option("--quantity", a->quantity, t("正确的数量; 0 为不算", "the right quantity; 0: it does not count"))
        ->required()
        ->check(AtLeast(0, t));
    command->add_option("--reason", a->reason, t("原因: ", "reason: ") + EnumChoices(*v1::CorrectionReason_descriptor()))
        ->required()
        ->check(OneOfEnum<v1::CorrectionReason>(t));
  }
  {
    const auto [command, a] = add("donate", t("会员捐赠积分", "move a member's points to the donation pool"), Donate);
    command->add_option("--member", a->member, t("会员或会员号", "member or member number"))->required();
    command->add_option("--points", a->points, t("积分", "points"))->required()->check(AtLeast(1, t));
  }
  {
    Family undo(app, s, "undo", t("冲销有误的捐赠或退分,两人办理", "undo a donation or refund made in error, by two persons"), group);
    const auto [propose, propose_arguments] = undo.Add("propose", t("第一人申请", "the first person proposes it"), ProposeUndo);
    propose
        ->add_option("entry,--entry", propose_arguments->entry, t("捐赠或退分的序号或名称", "sequence or name of the donation or refund"))
        ->required();
    propose->add_option("--reason", propose_arguments->reason, t("原因: ", "reason: ") + EnumChoices(*v1::UndoReason_descriptor()))
        ->required()
        ->check(OneOfEnum<v1::UndoReason>(t));
    const auto [confirm, confirm_arguments] = undo.Add("confirm", t("第二人确认", "the second person undoes it"), ConfirmUndo);
    confirm->add_option("proposal,--proposal", confirm_arguments->entry, t("申请的序号或名称", "sequence or name of the proposal"))
        ->required();
  }
  {
    Family waive(app, s, "waive", t("免除对已停用资金的欠分,两人办理", "waive a debt to a fund that has ended, by two persons"), group);
    const auto [propose, a] = waive.Add("propose", t("第一人申请", "the first person proposes it"), ProposeWaiver);
    propose->add_option("--member", a->member, t("会员或会员号", "member or member number"))->required();
    propose->add_option("--fund", a->fund, t("已停用的资金", "the fund that has ended"))->required();
    propose->add_option("--points", a->points, t("积分; 不填为全部欠分", "points; absent: the whole debt"))->check(AtLeast(1, t));
    propose->add_option("--reason", a->reason, t("原因: ", "reason: ") + EnumChoices(*v1::WaiverReason_descriptor()))
        ->required()
        ->check(OneOfEnum<v1::WaiverReason>(t));
    const auto [confirm, confirm_arguments] = waive.Add("confirm", t("第二人确认", "the second person waives it"), ConfirmWaiver);
    confirm->add_option("proposal,--proposal", confirm_arguments->entry, t("申请的序号或名称", "sequence or name of the proposal"))
        ->required();
  }
}

}  // namespace redpoints::cli
