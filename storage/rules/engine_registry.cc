// Registrations: who takes part, and by which rules.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/engine.h"

namespace redpoints {
namespace {

Kind KindOf(const Registration& data) { return static_cast<Kind>(data.index() - 1); }
static_assert(static_cast<int>(Kind::kProgram) == 0 && static_cast<int>(Kind::kRulebook) == 7);

}  // namespace

Outcome Engine::Decide(const Origin& origin, const Register& command) {
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    if (auto refusal = CheckRegistration(command.items[i], command.is_new, command.rulebook_json)) {
      if (command.items.size() > 1) refusal->facts.emplace_back("item", absl::StrCat(i));
      if (command.is_check_only) return Unrecorded(std::move(*refusal));
      return Answer(origin, KindOf(command.items[i]), "", std::move(*refusal));
    }
  }
  // Items can only refer to what was there before, so what holds for each holds for all; but they may repeat each other.
  std::vector<std::string> keys;
  for (const Registration& data : command.items) {
    keys.push_back(RegistrationKey(data));
    if (const auto* member = std::get_if<MemberData>(&data)) keys.push_back("number/" + member->number);
  }
  std::sort(keys.begin(), keys.end());
  if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end()) {
    return Unrecorded({Reason::ALREADY_EXISTS, {{"name", *twice}}});
  }

  Outcome all;
  if (command.is_check_only) {
    all.first = all.now = v1::DONE;
    return all;
  }
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    Entry entry = Draft(KindOf(command.items[i]), origin);
    entry.item = command.items.size() > 1 ? static_cast<std::int32_t>(i) : -1;
    entry.data = command.items[i];
    if (auto* member = std::get_if<MemberData>(&entry.data); member && member->number.empty()) {
      member->number = state_.Find<MemberData>("member", member->id)->number;  // a 会员号 never changes
    }
    if (const auto* rulebook = std::get_if<RulebookData>(&entry.data)) {
      entry.rulebook = rulebook->version;
      blobs_[rulebook->sha256] = command.rulebook_json;
    }
    Outcome one = Posted(Post(std::move(entry)));
    if (one.refusal) return one;
    if (i == 0) {
      all = std::move(one);
    } else {
      all.entries.push_back(one.entries.front());
    }
  }
  return all;
}

std::optional<Refusal> Engine::CheckRegistration(const Registration& data, bool is_new, const std::string& rulebook_json) {
  const bool exists = state_.registrations.Find(RegistrationKey(data)) != nullptr;
  const auto not_found = [&](Reason reason, const std::string& name) { return Refusal{reason, {{"name", name}}}; };
  const auto invalid = [&](const char* field, const std::string& expected) {
    return Refusal{Reason::FIELD_INVALID, {{"field", field}, {"expected", expected}}};
  };
  const auto node_exists = [&](const std::string& code, NodeKind kind) {
    const auto* node = state_.Find<NodeData>("node", code);
    return node && node->kind == kind;
  };
  // Nodes and funds are set: new or not. Everything else is either made or changed.
  const bool is_set = std::holds_alternative<NodeData>(data) || std::holds_alternative<FundData>(data);
  if (!is_set && is_new && exists) return Refusal{Reason::ALREADY_EXISTS, {{"name", RegistrationKey(data)}}};

  if (const auto* node = std::get_if<NodeData>(&data)) {
    if (const auto* old = state_.Find<NodeData>("node", node->code); old && old->kind != node->kind) {
      return invalid("node.kind", "the kind it has");
    }
    // Up to the root; the node itself must not be among its ancestors.
    std::string parent = node->parent;
    for (int depth = 0; !parent.empty(); ++depth) {
      if (parent == node->code || depth > 64) return invalid("node.parent", "a tree");
      if (!node_exists(parent, node->kind)) return not_found(Reason::NODE_NOT_FOUND, parent);
      parent = state_.Find<NodeData>("node", parent)->parent;
    }
    for (const auto& place : node->places) {
      if (!node_exists(place, NodeKind::kPlace)) return not_found(Reason::NODE_NOT_FOUND, place);
    }
    if (!node->places.empty() && node->kind != NodeKind::kBranch) return invalid("node.places", "none for a place");
  } else if (const auto* fund = std::get_if<FundData>(&data)) {
    const std::int64_t issued = -AccountOf(IssuanceHolder(fund->code), kPoint).at(Sub::kAvailable);
    if (fund->budget_points < issued) {
      return Refusal{Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund->code}, {"short_by", absl::StrCat(issued - fund->budget_points)}}};
    }
  } else if (const auto* member = std::get_if<MemberData>(&data)) {
    if (!is_new && !exists) return not_found(Reason::MEMBER_NOT_FOUND, member->id);
    if (is_new && state_.numbers.Find(member->number)) return Refusal{Reason::ALREADY_EXISTS, {{"name", member->number}}};
    if (!is_new) {
      const auto* old = state_.Find<MemberData>("member", member->id);
      if ((!member->number.empty() && old->number != member->number) || old->kind != member->kind)
        return invalid("member.kind", "the kind it has");
    }
    if (!member->grid.empty() && !node_exists(member->grid, NodeKind::kPlace)) return not_found(Reason::NODE_NOT_FOUND, member->grid);
    for (const Membership& membership : member->memberships) {
      const auto* of = state_.Find<MemberData>("member", membership.member);
      if (!of) return not_found(Reason::MEMBER_NOT_FOUND, membership.member);
      if (member->kind != MemberKind::kPerson || of->kind == MemberKind::kPerson) {
        return invalid("member.memberships", "a person's, of a household or organisation");
      }
    }
  } else if (const auto* merchant = std::get_if<MerchantData>(&data)) {
    if (!is_new && !exists) return not_found(Reason::MERCHANT_NOT_FOUND, merchant->id);
    for (const auto& person : merchant->people) {
      if (!state_.Find<MemberData>("member", person)) return not_found(Reason::MEMBER_NOT_FOUND, person);
    }
    if (!merchant->place.empty() && !node_exists(merchant->place, NodeKind::kPlace)) {
      return not_found(Reason::NODE_NOT_FOUND, merchant->place);
    }
  } else if (const auto* terminal = std::get_if<TerminalData>(&data)) {
    if (!state_.Find<MerchantData>("merchant", terminal->merchant)) return not_found(Reason::MERCHANT_NOT_FOUND, terminal->merchant);
    const auto* old = state_.Find<TerminalData>("terminal", terminal->id);
    if (!is_new && (!old || old->merchant != terminal->merchant)) return not_found(Reason::TERMINAL_NOT_FOUND, terminal->id);
  } else if (const auto* staff = std::get_if<StaffData>(&data)) {
    if (!is_new && !exists) return not_found(Reason::STAFF_NOT_FOUND, staff->id);
    if (!staff->member.empty() && !state_.Find<MemberData>("member", staff->member))
      return not_found(Reason::MEMBER_NOT_FOUND, staff->member);
    for (const RoleGrant& grant : staff->grants) {
      if (!grant.scope.empty() && !state_.Find<NodeData>("node", grant.scope)) return not_found(Reason::NODE_NOT_FOUND, grant.scope);
      if ((grant.role == Role::kOperator) != (state_.program == kSystemProgram)) {
        return invalid("staff.grants", "OPERATOR in the system program and only there");
      }
    }
  } else if (const auto* rulebook = std::get_if<RulebookData>(&data)) {
    auto book = Rulebook::Parse(rulebook_json);
    if (!book.ok()) return RefusalFrom(book.status());
    if (Sha256Hex(rulebook_json) != rulebook->sha256) return invalid("sha256", "that of the content");
    if (!state_.definitions->books.empty() && state_.definitions->books.rbegin()->first >= rulebook->effective_day) {
      return Refusal{Reason::RULEBOOK_INVALID,
                     {{"field", "effective_day"}, {"expected", absl::StrCat("after ", state_.definitions->books.rbegin()->first)}}};
    }
    // The first one may be older than the ledger, for the deeds before; later ones would change by which rules entries were made.
    if (!state_.definitions->books.empty() && rulebook->effective_day < today_) {
      return Refusal{Reason::RULEBOOK_INVALID, {{"field", "effective_day"}, {"expected", absl::StrCat(today_, " or later")}}};
    }
    for (const auto& rate : book->proto().fund_rates()) {
      if (!state_.Find<FundData>("fund", rate.fund())) return not_found(Reason::FUND_NOT_FOUND, rate.fund());
    }
    // A fund whose points may still be in members' hands keeps its rate, and a unit its kind.
    for (const auto& [day, older] : state_.definitions->books) {
      for (const auto& rate : older->proto().fund_rates()) {
        const auto& rates = book->proto().fund_rates();
        if (std::none_of(rates.begin(), rates.end(), [&](const auto& r) { return r.fund() == rate.fund(); })) {
          return Refusal{Reason::RULEBOOK_INVALID, {{"field", "fund_rates"}, {"expected", absl::StrCat("a rate for ", rate.fund())}}};
        }
      }
      for (const auto& unit : older->proto().units()) {
        const v1::Unit* same = book->FindUnit(unit.code());
        if (same && (same->kind() != unit.kind() || same->decimals() != unit.decimals())) {
          return Refusal{Reason::RULEBOOK_INVALID,
                         {{"field", "units"}, {"expected", absl::StrCat(unit.code(), " with the kind and decimals it has")}}};
        }
      }
    }
    for (const auto& offer : book->proto().offers()) {
      if (!offer.merchant().empty() && !state_.Find<MerchantData>("merchant", offer.merchant())) {
        return not_found(Reason::MERCHANT_NOT_FOUND, offer.merchant());
      }
    }
  }
  return std::nullopt;
}

Outcome Engine::Decide(const Origin& origin, const FoundProgram& command) {
  if (state_.next_sequence > 0) return OutcomeOf(0);  // founded before
  StaffData administrator{.id = command.program.administrator, .member = "", .grants = {}};
  administrator.grants.push_back({state_.program == kSystemProgram ? Role::kOperator : Role::kAdministrator, ""});
  return Decide(origin, Register{.items = {command.program, administrator}, .rulebook_json = ""});
}

}  // namespace redpoints
