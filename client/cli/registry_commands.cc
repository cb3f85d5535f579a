#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
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

constexpr std::size_t kMembersMax = 1'000;

// Absent options leave what is registered as it is; a list given as "none" is emptied.
struct Arguments {
  std::string name;
  std::string kind;
  std::string parent;
  std::string type;
  std::int64_t budget = 0;
  std::string file;
  std::string merchant;
  std::vector<std::string> places;
  std::vector<std::string> groups;
  std::vector<std::string> memberships;
  std::vector<std::string> people;
  std::vector<std::string> grants;
  std::optional<std::string> grid;
  std::optional<std::string> place;
  std::optional<std::string> member;
  std::optional<std::string> state;
  std::string end;
  std::string time;
  std::string day;
  bool is_external = false;
  bool is_replaced = false;
};

template <class Request> Request Mutation(Session& s) {
  Request request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  return request;
}

bool IsNone(const std::vector<std::string>& list) { return list.size() == 1 && list[0] == "none"; }

template <class Registered> void SetState(const Arguments& a, const Session& s, Registered* registered) {
  if (a.state) registered->set_state(OrUsage("--state", ParseEnum<v1::RegistrationState>(*a.state, s.t())));
}

void Apply(const Arguments& a, const Session& s, v1::Member* member) {
  if (!a.kind.empty()) member->set_kind(OrUsage("--kind", ParseEnum<v1::MemberKind>(a.kind, s.t())));
  if (!a.groups.empty()) member->clear_groups();
  for (const auto& group : a.groups) *member->add_groups() = OrUsage("--group", ParseGroupSpan(group, s.t()));
  if (a.grid) member->set_grid(*a.grid);
  if (!a.memberships.empty()) member->clear_memberships();
  if (!IsNone(a.memberships)) {
    for (const auto& text : a.memberships) {
      *member->add_memberships() = OrUsage("--membership", ParseMembership(s.program(), text, s.t()));
    }
  }
  SetState(a, s, member);
}

void Apply(const Arguments& a, const Session& s, v1::Merchant* merchant) {
  if (!a.people.empty()) merchant->clear_people();
  if (!IsNone(a.people)) {
    for (const auto& person : a.people) {
      *merchant->add_people() = OrUsage("--person", ParseMerchantPerson(s.program(), person, s.t()));
    }
  }
  if (a.place) merchant->set_place(*a.place);
  SetState(a, s, merchant);
}

void Apply(const Arguments& a, const Session& s, v1::Staff* staff) {
  // One of the two: who is a member is not external.
  if (a.member) staff->set_member(s.Name("members", *a.member));
  if (a.is_external) staff->clear_member();
  if (a.member || a.is_external) staff->set_external(a.is_external);
  if (!a.grants.empty()) staff->clear_grants();
  if (!IsNone(a.grants)) {
    for (const auto& grant : a.grants) *staff->add_grants() = OrUsage("--grant", ParseGrant(grant, s.t()));
  }
  SetState(a, s, staff);
}

// An update replaces all fields, so what stands is read first and only what was given is changed.
Answer<v1::GetRegistrationResponse> Read(const std::string& name, Session& s) {
  v1::GetRegistrationRequest request;
  request.set_name(name);
  return s.client().GetRegistration(request);
}

std::vector<std::string*> MembersIn(v1::Member& member) {
  std::vector<std::string*> members;
  for (auto& membership : *member.mutable_memberships()) members.push_back(membership.mutable_member());
  return members;
}
std::vector<std::string*> MembersIn(v1::Merchant& merchant) {
  std::vector<std::string*> members;
  for (auto& person : *merchant.mutable_people()) members.push_back(person.mutable_member());
  return members;
}
std::vector<std::string*> MembersIn(v1::Staff& staff) { return {staff.mutable_member()}; }

// People know numbers, registrations hold ids: looks up the id of each 会员号 among `members`. How it ended when one is not found.
std::optional<ExitCode> ResolveNumbers(const std::vector<std::string*>& members, Session& s) {
  std::map<std::string, std::string> known;
  for (std::string* member : members) {
    if (!IsByNumber(*member)) continue;
    std::string& name = known[*member];
    if (name.empty()) {
      const auto read = Read(*member, s);
      if (!read.is_done()) {
        s.Note(s.t()("会员号: ", "member number: ") + member->substr(member->rfind('/') + 1));
        return s.Explain(read);
      }
      name = read.response().registration().member().name();
    }
    *member = name;
  }
  return std::nullopt;
}

// A new one is active unless something else is asked for; one that is changed keeps the state that it has.
template <class Registered> std::optional<ExitCode> Make(const Arguments& a, Session& s, Registered* registered) {
  registered->set_state(v1::ACTIVE);
  Apply(a, s, registered);
  return ResolveNumbers(MembersIn(*registered), s);
}
template <class Registered> std::optional<ExitCode> Change(const Arguments& a, Session& s, const Registered& read, Registered* registered) {
  *registered = read;
  Apply(a, s, registered);
  return ResolveNumbers(MembersIn(*registered), s);
}

ExitCode CreateProgram(const Arguments& a, Session& s) {
  v1::CreateProgramRequest request;
  request.set_request_id(s.RequestId());
  request.set_program_id(a.name);
  return s.Finish(s.client().CreateProgram(request));
}

ExitCode ConfirmClock(const Arguments& a, Session& s) {
  const Text& t = s.t();
  // A day alone would be its midnight, which nobody means who looks at a watch.
  if (ParseDay(a.time, t).ok()) throw CLI::ValidationError("--time", t("缺少时刻", "the time of day is missing"));
  v1::ConfirmClockRequest request;
  request.set_request_id(s.RequestId());
  const absl::Time stated = OrUsage("--time", ParseTime(a.time, /*is_end=*/false, t));
  request.mutable_stated_time()->set_seconds(absl::ToUnixSeconds(stated));
  if (!a.day.empty()) request.set_last_closed_day(OrUsage("--set-back-to", ParseDayBefore(a.day, stated, t)));
  const auto answer = s.client().ConfirmClock(request);
  const ExitCode code = s.Finish(answer);
  return answer.is_done() && answer.response().programs_left_size() > 0 ? ExitCode::kRefused : code;
}

ExitCode SetNode(const Arguments& a, Session& s) {
  auto request = Mutation<v1::SetNodeRequest>(s);
  auto& node = *request.mutable_node();
  node.set_code(a.name);
  node.set_kind(OrUsage("--kind", ParseEnum<v1::NodeKind>(a.kind, s.t())));
  node.set_parent(a.parent);
  for (const auto& place : a.places) node.add_places(place);
  node.set_type(a.type);
  if (!a.end.empty()) node.set_end_day(OrUsage("--end", ParseDay(a.end, s.t())));
  return s.Finish(s.client().SetNode(request));
}

ExitCode SetFund(const Arguments& a, Session& s) {
  auto request = Mutation<v1::SetFundRequest>(s);
  request.mutable_fund()->set_code(a.name);
  request.mutable_fund()->set_budget_points(a.budget);
  if (!a.end.empty()) request.mutable_fund()->set_end_day(OrUsage("--end", ParseDay(a.end, s.t())));
  return s.Finish(s.client().SetFund(request));
}

ExitCode SendRulebook(const Arguments& a, bool is_check, Session& s) {
  auto request = Mutation<v1::AdoptRulebookRequest>(s);
  request.set_rulebook_json(ReadInput(a.file, s.t()));
  request.set_validate_only(is_check);
  return s.Finish(s.client().AdoptRulebook(request));
}
ExitCode AdoptRulebook(const Arguments& a, Session& s) { return SendRulebook(a, /*is_check=*/false, s); }
ExitCode CheckRulebook(const Arguments& a, Session& s) { return SendRulebook(a, /*is_check=*/true, s); }

ExitCode WithdrawRulebook(const Arguments& a, Session& s) {
  v1::WithdrawRulebookRequest request;
  request.set_request_id(s.RequestId());
  request.set_name(s.Name("rulebooks", a.name));
  return s.Finish(s.client().WithdrawRulebook(request));
}

ExitCode CreateMember(const Arguments& a, Session& s) {
  v1::Member member;
  if (const auto code = Make(a, s, &member)) return *code;
  auto request = Mutation<v1::CreateMemberRequest>(s);
  *request.mutable_member() = std::move(member);
  return s.Finish(s.client().CreateMember(request));
}

ExitCode UpdateMember(const Arguments& a, Session& s) {
  const auto read = Read(s.Name("members", a.name), s);
  if (!read.is_done()) return s.Explain(read);
  v1::Member member;
  if (const auto code = Change(a, s, read.response().registration().member(), &member)) return *code;
  auto request = Mutation<v1::UpdateMemberRequest>(s);
  *request.mutable_member() = std::move(member);
  return s.Finish(s.client().UpdateMember(request));
}

// Shows a member's number, or gives them a new one.
ExitCode MemberNumber(const Arguments& a, Session& s) {
  const std::string name = s.Name("members", a.name);
  if (!a.is_replaced) return s.Finish(Read(name, s));
  v1::ReplaceMemberNumberRequest request;
  request.set_request_id(s.RequestId());
  request.set_name(name);
  if (const auto code = ResolveNumbers({request.mutable_name()}, s)) return *code;
  return s.Finish(s.client().ReplaceMemberNumber(request));
}

ExitCode ImportMembers(const Arguments& a, Session& s) {
  const Text& t = s.t();
  auto rows = OrUsage(a.file, ParseMemberFile(ReadInput(a.file, t), s.program(), t));
  std::vector<std::string*> named;
  for (auto& row : rows) {
    for (std::string* member : MembersIn(row.member)) named.push_back(member);
  }
  if (const auto code = ResolveNumbers(named, s)) return *code;
  v1::CreateMembersResponse whole;
  const auto call = [&](std::span<const MemberRow> chunk, const std::string& request_id) {
    v1::CreateMembersRequest request;
    request.set_program(s.program());
    request.set_request_id(request_id);
    for (const auto& row : chunk) *request.add_members() = row.member;
    return s.client().CreateMembers(request);
  };
  const auto keep = [&](const v1::CreateMembersResponse& response) {
    if (!whole.has_outcome()) *whole.mutable_outcome() = response.outcome();
    whole.mutable_members()->MergeFrom(response.members());
    return static_cast<std::size_t>(response.members_size());
  };
  const ExitCode code = SendInChunks(s, "member-import", rows, kMembersMax, call, keep);
  if (code != ExitCode::kDone) return code;
  if (s.options().output == OutputForm::kJson) {
    s.Print(whole);
    return ExitCode::kDone;
  }
  std::vector<std::vector<std::string>> cells;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& member = whole.members(static_cast<int>(i));
    cells.push_back({std::to_string(rows[i].line), rows[i].ref, member.number(), member.name()});
  }
  s.out() << RenderTable({{t("行", "line"), Align::kRight},
                          {t("备注号", "ref"), Align::kLeft},
                          {t("会员号", "number"), Align::kLeft},
                          {t("名称", "name"), Align::kLeft}},
                         cells)
          << std::flush;
  return ExitCode::kDone;
}

ExitCode CreateMerchant(const Arguments& a, Session& s) {
  v1::Merchant merchant;
  if (const auto code = Make(a, s, &merchant)) return *code;
  auto request = Mutation<v1::CreateMerchantRequest>(s);
  *request.mutable_merchant() = std::move(merchant);
  return s.Finish(s.client().CreateMerchant(request));
}

ExitCode UpdateMerchant(const Arguments& a, Session& s) {
  const auto read = Read(s.Name("merchants", a.name), s);
  if (!read.is_done()) return s.Explain(read);
  v1::Merchant merchant;
  if (const auto code = Change(a, s, read.response().registration().merchant(), &merchant)) return *code;
  auto request = Mutation<v1::UpdateMerchantRequest>(s);
  *request.mutable_merchant() = std::move(merchant);
  return s.Finish(s.client().UpdateMerchant(request));
}

ExitCode CreateTerminal(const Arguments& a, Session& s) {
  auto request = Mutation<v1::CreateTerminalRequest>(s);
  request.set_merchant(s.Name("merchants", a.merchant));
  return s.Finish(s.client().CreateTerminal(request));
}

ExitCode UpdateTerminal(const Arguments& a, Session& s) {
  auto request = Mutation<v1::UpdateTerminalRequest>(s);
  request.mutable_terminal()->set_name(TerminalName(s.program(), a.name));
  SetState(a, s, request.mutable_terminal());
  return s.Finish(s.client().UpdateTerminal(request));
}

ExitCode CreateStaff(const Arguments& a, Session& s) {
  if (!a.member && !a.is_external) {
    throw CLI::ValidationError("--member",
                               s.t()("缺少本人的会员; 不是会员的用 --external", "missing; or --external for somebody who is no member"));
  }
  v1::Staff staff;
  if (const auto code = Make(a, s, &staff)) return *code;
  auto request = Mutation<v1::CreateStaffRequest>(s);
  *request.mutable_staff() = std::move(staff);
  return s.Finish(s.client().CreateStaff(request));
}

ExitCode UpdateStaff(const Arguments& a, Session& s) {
  const auto read = Read(s.Name("staff", a.name), s);
  if (!read.is_done()) return s.Explain(read);
  v1::Staff staff;
  if (const auto code = Change(a, s, read.response().registration().staff(), &staff)) return *code;
  auto request = Mutation<v1::UpdateStaffRequest>(s);
  *request.mutable_staff() = std::move(staff);
  return s.Finish(s.client().UpdateStaff(request));
}

ExitCode Get(const Arguments& a, Session& s) { return s.Finish(Read(s.Name("", a.name), s)); }

ExitCode List(const Arguments& a, Session& s) {
  v1::ListRegistrationsRequest request;
  request.set_program(s.program());
  request.set_kind(a.kind);
  request.set_page_size(1'000);
  v1::ListRegistrationsResponse whole;
  for (;;) {
    const auto answer = s.client().ListRegistrations(request);
    if (!answer.is_done()) return s.Explain(answer);
    whole.mutable_registrations()->MergeFrom(answer.response().registrations());
    if (answer.response().next_page_token().empty()) break;
    request.set_page_token(answer.response().next_page_token());
  }
  s.Print(whole);
  return ExitCode::kDone;
}

void AddState(CLI::App* command, const std::shared_ptr<Arguments>& a, const Text& t) {
  command->add_option("--state", a->state, t("状态: ", "state: ") + EnumChoices(*v1::RegistrationState_descriptor()))
      ->check(OneOfEnum<v1::RegistrationState>(t));
}

void AddName(CLI::App* command, const std::shared_ptr<Arguments>& a, const Text& t) {
  command->add_option("name,--name", a->name, t("编号或名称", "id or name"))->required();
}

void AddEnd(CLI::App* command, const std::shared_ptr<Arguments>& a, const Text& t) {
  command->add_option("--end", a->end, t("停用日(当日起停用); 不填为不停用", "the day from which on it has ended; absent: it goes on"));
}

void AddFile(CLI::App* command, const std::shared_ptr<Arguments>& a, const std::string& description) {
  command->add_option("file,--file", a->file, description)->required();
}

// A list that can be given several times, one value each.
CLI::Option* AddList(CLI::App* command, const char* name, std::vector<std::string>& values, const std::string& description) {
  return command->add_option(name, values, description)->allow_extra_args(false);
}

void AddMemberFields(CLI::App* command, const std::shared_ptr<Arguments>& a, const Text& t) {
  const std::string groups = EnumChoices(*v1::Group_descriptor());
  AddList(command, "--group", a->groups, t("群体[:开始日[:结束日]],可多次: ", "GROUP[:FROM[:TO]], repeatable: ") + groups)
      ->check(Checked([t](const std::string& text) { return ParseGroupSpan(text, t).status(); }, groups));
  command->add_option("--grid", a->grid, t("网格编码", "code of the grid"));
  AddList(command, "--membership", a->memberships,
          t("所属家庭或组织: 会员或会员号:开始日[:结束日],可多次; none 为清空",
            "household or organisation: MEMBER:FROM[:TO], by name or number, repeatable; none empties the list"));
  AddState(command, a, t);
}

void AddMerchantFields(CLI::App* command, const std::shared_ptr<Arguments>& a, const Text& t) {
  AddList(command, "--person", a->people,
          t("店主或店员: 会员或会员号[:owner|clerk[:开始日[:结束日]]],可多次,不填为店主; none 为清空",
            "who owns it or works there: MEMBER[:owner|clerk[:FROM[:TO]]], by name or number, repeatable, an owner by default; none "
            "empties the "
            "list"));
  command->add_option("--place", a->place, t("地点编码", "code of the place"));
  AddState(command, a, t);
}

void AddStaffFields(CLI::App* command, const std::shared_ptr<Arguments>& a, const Text& t) {
  AddList(command, "--grant", a->grants,
          t("角色[:范围],可多次; none 为清空。角色: ", "ROLE[:SCOPE], repeatable; none empties the list. Roles: ") +
              EnumChoices(*v1::Role_descriptor()))
      ->check(Checked([t](const std::string& text) { return text == "none" ? absl::OkStatus() : ParseGrant(text, t).status(); },
                      EnumChoices(*v1::Role_descriptor())));
  auto* member =
      command->add_option("--member", a->member, t("本人的会员或会员号", "the person's own membership: member or member number"));
  command
      ->add_flag("--external", a->is_external,
                 t("外部人员,不是会员(查不出是否为自己办理)", "no member: no check can see whom they deal with"))
      ->excludes(member);
  AddState(command, a, t);
}

}  // namespace

void AddRegistryCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  const std::string group = t("登记(管理员)", "Registry (administrators)");

  {
    Family program(app, s, "program", t("积分计划", "programs"), group);
    const auto [command, a] = program.Add("create", t("新建积分计划(运维员)", "make a program (operators)"), CreateProgram);
    command->add_option("id,--id", a->name, t("编号", "id"))->required();
  }
  {
    Family clock(app, s, "clock", t("时钟", "the clock"), group);
    const auto [command, a] =
        clock.Add("confirm", t("确认跳变后的时钟(运维员)", "accept the clock after it jumped (operators)"), ConfirmClock);
    command
        ->add_option("--time", a->time,
                     t("自己的表上的时间,如 \"2024-06-01 12:00\"(北京时间)",
                       "what your own watch says, such as \"2024-06-01 12:00\", Asia/Shanghai"))
        ->required();
    command->add_option(
        "--set-back-to", a->day,
        t("拨回误确认的时钟: 写 --time 的前一天,这一天及以前的日结有效,之后的重新日结; 时钟有人确认过的,须由另一位运维员拨回",
          "sets a clock back that was confirmed wrongly: the day before --time; what was closed up to it stands, later days are closed "
          "again; by another operator than the one who confirmed the clock, if anybody did"));
  }
  {
    Family node(app, s, "node", t("组织和地点", "branches and places"), group);
    const auto [command, a] = node.Add("set", t("新增或修改节点", "add or replace a node"), SetNode);
    command->add_option("code,--code", a->name, t("编码", "code"))->required();
    command->add_option("--kind", a->kind, EnumChoices(*v1::NodeKind_descriptor()))->required()->check(OneOfEnum<v1::NodeKind>(t));
    command->add_option("--parent", a->parent, t("上级编码", "code of the parent"));
    AddList(command, "--place", a->places, t("负责的地点,可多次", "place it looks after, repeatable"));
    command->add_option("--type", a->type, t("种类,如 grid", "what it is called, such as grid"));
    AddEnd(command, a, t);
  }
  {
    Family fund(app, s, "fund", t("资金", "funds"), group);
    const auto [command, a] = fund.Add("set", t("新增资金,或修改预算和停用日", "add a fund, or set its budget and end"), SetFund);
    command->add_option("code,--code", a->name, t("编码", "code"))->required();
    command->add_option("--budget", a->budget, t("预算积分", "budget in points"))->required()->check(AtLeast(0, t));
    AddEnd(command, a, t);
  }
  {
    Family rulebook(app, s, "rulebook", t("规则册", "rulebooks"), group);
    const std::string file = t("规则册 JSON 文件; - 为标准输入", "rulebook in JSON; - is stdin");
    const auto [adopt, adopt_arguments] = rulebook.Add("adopt", t("通过规则册", "adopt a rulebook"), AdoptRulebook);
    AddFile(adopt, adopt_arguments, file);
    const auto [check, check_arguments] = rulebook.Add("check", t("只检查规则册", "only check a rulebook"), CheckRulebook);
    AddFile(check, check_arguments, file);
    const auto [withdraw, withdraw_arguments] =
        rulebook.Add("withdraw", t("撤回尚未生效的规则册", "take back a rulebook that does not hold yet"), WithdrawRulebook);
    withdraw->add_option("version", withdraw_arguments->name, t("版本", "its version"))->required();
  }
  {
    Family member(app, s, "member", t("会员", "members"), group);
    const auto [create, create_arguments] = member.Add("create", t("登记会员", "register a member"), CreateMember);
    create->add_option("--kind", create_arguments->kind, EnumChoices(*v1::MemberKind_descriptor()))
        ->required()
        ->check(OneOfEnum<v1::MemberKind>(t));
    AddMemberFields(create, create_arguments, t);
    create->get_option("--group")->required();
    const auto [update, update_arguments] =
        member.Add("update", t("修改会员; 未给出的不变", "change a member; what is not given stays"), UpdateMember);
    AddName(update, update_arguments, t);
    AddMemberFields(update, update_arguments, t);
    const auto [number, number_arguments] = member.Add("number", t("查看或更换会员号", "show or replace a member's number"), MemberNumber);
    number->add_option("name,--name", number_arguments->name, t("会员或会员号", "member or member number"))->required();
    number->add_flag("--replace", number_arguments->is_replaced,
                     t("换新号,旧号从此无效", "give a new one: the old one leads to nobody from then on"));
    const auto [import, import_arguments] =
        member.Add("import", t("按 CSV 文件登记会员", "register members from a CSV file"), ImportMembers);
    import->footer(
        t("列(次序不限): kind 类型, groups 群体(群体[:开始日[:结束日]],以 ; 分隔);\n"
          "可选: grid 网格, memberships 所属(会员或会员号:开始日[:结束日],以 ; 分隔), state 状态, ref 备注号(只在本机对照,不上传)。",
          "Columns, in any order: kind, groups (GROUP[:FROM[:TO]], separated by ;);\n"
          "optional: grid, memberships (MEMBER:FROM[:TO], separated by ;), state, ref (stays on this machine)."));
    AddFile(import, import_arguments, t("CSV 文件; - 为标准输入", "CSV file; - is stdin"));
  }
  {
    Family merchant(app, s, "merchant", t("商户", "merchants"), group);
    const auto [create, create_arguments] = merchant.Add("create", t("登记商户", "register a merchant"), CreateMerchant);
    AddMerchantFields(create, create_arguments, t);
    const auto [update, update_arguments] =
        merchant.Add("update", t("修改商户; 未给出的不变", "change a merchant; what is not given stays"), UpdateMerchant);
    AddName(update, update_arguments, t);
    AddMerchantFields(update, update_arguments, t);
  }
  {
    Family terminal(app, s, "terminal", t("终端", "terminals"), group);
    const auto [create, create_arguments] = terminal.Add("create", t("登记终端", "register a terminal"), CreateTerminal);
    create->add_option("--merchant", create_arguments->merchant, t("商户", "merchant"))->required();
    const auto [update, update_arguments] = terminal.Add("update", t("修改终端状态", "change a terminal's state"), UpdateTerminal);
    update->add_option("name,--name", update_arguments->name, t("商户/终端,或名称", "MERCHANT/TERMINAL, or name"))->required();
    AddState(update, update_arguments, t);
    update->get_option("--state")->required();
  }
  {
    Family staff(app, s, "staff", t("工作人员", "staff"), group);
    const auto [create, create_arguments] = staff.Add("create", t("登记工作人员", "register a staff person"), CreateStaff);
    AddStaffFields(create, create_arguments, t);
    const auto [update, update_arguments] =
        staff.Add("update", t("修改工作人员; 未给出的不变", "change a staff person; what is not given stays"), UpdateStaff);
    AddName(update, update_arguments, t);
    AddStaffFields(update, update_arguments, t);
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = app.add_subcommand("get", t("查看一项登记", "one registration"))->group(group);
    command->add_option("name,--name", a->name, t("如 members/12345678", "such as members/12345678"))->required();
    OnRun(command, s, [a, &s] { return Get(*a, s); });
  }
  {
    auto a = std::make_shared<Arguments>();
    auto* command = app.add_subcommand("list", t("列出一类登记(自动翻页)", "all registrations of one kind"))->group(group);
    command
        ->add_option("kind,--kind", a->kind,
                     t("类别: ", "kind: ") + "members, merchants, terminals, staff, nodes, funds, offers, rulebooks")
        ->required()
        ->check(OneOf({"members", "merchants", "terminals", "staff", "nodes", "funds", "offers", "rulebooks"}, t));
    OnRun(command, s, [a, &s] { return List(*a, s); });
  }
}

}  // namespace redpoints::cli
