#include "storage/rules/registry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/kinds.h"
#include "storage/rules/people.h"
#include "storage/rules/shape.h"
#include "storage/rules/types.h"

namespace redpoints {
namespace {

constexpr std::size_t kFundsMax = 16, kOffersMax = 5000;

Refusal NotFound(Reason reason, const std::string& name) { return {reason, {{"name", name}}}; }
Refusal Invalid(const char* field, const std::string& expected) {
  return {Reason::FIELD_INVALID, {{"field", field}, {"expected", expected}}};
}

// Whether the node, or one above it, has ended. No tree is deeper than kDepthMax.
constexpr int kDepthMax = 64;
bool HasEndedAbove(State& state, const NodeData* node, Day today) {
  for (int depth = 0; node && depth <= kDepthMax; ++depth) {
    if (HasEnded(node->end_day, today)) return true;
    node = node->parent.empty() ? nullptr : FindNode(state, std::string(node->parent));
  }
  return false;
}

// A node of this kind, under which something new may begin.
Broken CheckNode(State& state, const std::string& code, std::optional<NodeKind> kind, Day today) {
  if (code.empty()) return std::nullopt;
  const NodeData* node = FindNode(state, code);
  if (!node || (kind && node->kind != *kind)) return NotFound(Reason::NODE_NOT_FOUND, code);
  if (HasEndedAbove(state, node, today)) return NotFound(Reason::NODE_ENDED, code);
  return std::nullopt;
}

// One registration of each kind. `is_new`: the id must be free; otherwise it must be taken.
struct Checker {
  State& state;
  const std::string& actor;
  const Day today;
  const bool is_new;

  // Nodes, funds and offers are set: new or not.
  Broken operator()(NodeData& node) const {
    const NodeData* found = FindNode(state, node.code);
    const NodeData old = found ? *found : NodeData{};
    if (found && old.kind != node.kind) return Invalid("node.kind", "the kind it has");
    // Up to the root; the node itself must not be among its ancestors.
    std::string parent = node.parent;
    for (int depth = 0; !parent.empty(); ++depth) {
      if (parent == node.code || depth > kDepthMax) return Invalid("node.parent", "a tree");
      const NodeData* up = FindNode(state, parent);
      if (!up || up->kind != node.kind) return NotFound(Reason::NODE_NOT_FOUND, parent);
      if (depth == 0 && (!found || old.parent != node.parent) && HasEndedAbove(state, up, today))
        return NotFound(Reason::NODE_ENDED, parent);
      parent = up->parent;
    }
    if (!node.places.empty() && node.kind != NodeKind::kBranch) return Invalid("node.places", "none for a place");
    for (const auto& place : node.places) {
      const bool is_kept = std::find(old.places.begin(), old.places.end(), place) != old.places.end();
      const NodeData* there = FindNode(state, place);
      if (!there || there->kind != NodeKind::kPlace) return NotFound(Reason::NODE_NOT_FOUND, place);
      if (!is_kept && HasEndedAbove(state, there, today)) return NotFound(Reason::NODE_ENDED, place);
    }
    return std::nullopt;
  }

  Broken operator()(FundData& fund) const {
    const bool is_known = state.budgets.contains(fund.code);
    if (!is_known && state.budgets.size() >= kFundsMax) {
      return Refusal{Reason::FIELD_OUT_OF_RANGE, {{"field", "fund.code"}, {"max", absl::StrCat(kFundsMax, " funds")}}};
    }
    // All that can ever be out fits into one account.
    std::int64_t most = kAmountMax;
    for (const auto& [code, points] : state.budgets) most -= code == fund.code ? 0 : points;
    if (fund.budget_points > most) {
      return Refusal{Reason::FIELD_OUT_OF_RANGE, {{"field", "fund.budget_points"}, {"min", "0"}, {"max", absl::StrCat(most)}}};
    }
    const std::int64_t issued = -AccountOf(state, Holder::Issuance(fund.code).text(), kPoint).at(Sub::kAvailable);
    if (fund.budget_points < issued) {
      return Refusal{Reason::FUND_BUDGET_EXCEEDED, {{"fund", fund.code}, {"short_by", absl::StrCat(issued - fund.budget_points)}}};
    }
    return std::nullopt;
  }

  Broken operator()(OfferData& offer) const {
    if (!offer.merchant.empty() && !FindMerchant(state, offer.merchant)) return NotFound(Reason::MERCHANT_NOT_FOUND, offer.merchant);
    if (!FindOffer(state, offer.code) && state.offers >= kOffersMax) {
      return Refusal{Reason::FIELD_OUT_OF_RANGE, {{"field", "offer.code"}, {"max", absl::StrCat(kOffersMax, " offers")}}};
    }
    return std::nullopt;
  }

  Broken operator()(MemberData& member) const {
    const MemberData* found = FindMember(state, member.id);
    const MemberData old = found ? *found : MemberData{};
    if (!is_new && !found) return NotFound(Reason::MEMBER_NOT_FOUND, member.id);
    if (!is_new && old.kind != member.kind) return Invalid("member.kind", "the kind it has");
    if (member.number_commitment.empty()) member.number_commitment = old.number_commitment;
    if (is_new || old.grid != member.grid) {
      if (auto broken = CheckNode(state, member.grid, NodeKind::kPlace, today)) return broken;
    }
    for (const Membership& membership : member.memberships) {
      const MemberData* of = FindMember(state, membership.member);
      if (!of) return NotFound(Reason::MEMBER_NOT_FOUND, membership.member);
      if (member.kind != MemberKind::kPerson || of->kind == MemberKind::kPerson) {
        return Invalid("member.memberships", "a person's, of a household or organisation");
      }
    }
    return std::nullopt;
  }

  Broken operator()(MerchantData& merchant) const {
    const MerchantData* found = FindMerchant(state, merchant.id);
    if (!is_new && !found) return NotFound(Reason::MERCHANT_NOT_FOUND, merchant.id);
    const std::string old_place = found ? found->place : "";
    for (const MerchantPerson& person : merchant.people) {
      if (!FindMember(state, person.member)) return NotFound(Reason::MEMBER_NOT_FOUND, person.member);
    }
    return is_new || old_place != merchant.place ? CheckNode(state, merchant.place, NodeKind::kPlace, today) : std::nullopt;
  }

  Broken operator()(TerminalData& terminal) const {
    if (!FindMerchant(state, terminal.merchant)) return NotFound(Reason::MERCHANT_NOT_FOUND, terminal.merchant);
    const TerminalData* old = state.Find<TerminalData>("terminal", terminal.id);
    if (!is_new && (!old || old->merchant != terminal.merchant)) return NotFound(Reason::TERMINAL_NOT_FOUND, terminal.id);
    return std::nullopt;
  }

  Broken operator()(StaffData& staff) const {
    const StaffData* found = state.Find<StaffData>("staff", staff.id);
    if (!is_new && !found) return NotFound(Reason::STAFF_NOT_FOUND, staff.id);
    const std::vector<RoleGrant> old = found ? found->grants : std::vector<RoleGrant>{};
    // A staff person is somebody: a member, or said to be from outside. What stood before both were asked for is not asked again.
    if (staff.member.empty() != staff.is_external) return Invalid("staff.member", "a person, or external");
    if (!staff.member.empty()) {
      const MemberData* person = FindMember(state, staff.member);
      if (!person) return NotFound(Reason::MEMBER_NOT_FOUND, staff.member);
      if (person->kind != MemberKind::kPerson) return Invalid("staff.member", "a person");
    }
    for (const RoleGrant& grant : staff.grants) {
      // What they have they may keep: whoever is suspended or revoked has grants for what has ended.
      const bool is_kept = std::find(old.begin(), old.end(), grant) != old.end();
      if (auto broken = is_kept ? std::nullopt : CheckNode(state, grant.scope, std::nullopt, today)) return broken;
      if ((grant.role == Role::kOperator) != (state.program == kSystemProgram)) {
        return Invalid("staff.grants", "OPERATOR in the system program and only there");
      }
    }
    return std::nullopt;
  }

  Broken operator()(RulebookData& book) const {
    const auto invalid = [](const char* field, const std::string& expected) {
      return Refusal{Reason::RULEBOOK_INVALID, {{"field", field}, {"expected", expected}}};
    };
    const RulebookData* old = state.Find<RulebookData>("rulebook", book.version);
    if (book.is_withdrawn) {
      if (!old) return NotFound(Reason::RULEBOOK_NOT_FOUND, book.version);
      // Nor of one that held by a clock since set back: entries name it.
      const bool has_held = old->effective_day <= std::max(today, state.at.latest_day);
      if (old->is_withdrawn || has_held) return Refusal{Reason::RULEBOOK_HOLDS, {{"name", book.version}}};
      book = *old;
      book.is_withdrawn = true;
      return std::nullopt;
    }
    if (old) return NotFound(Reason::ALREADY_EXISTS, absl::StrCat("rulebook/", book.version));
    const auto& books = state.definitions->books;
    if (books.empty()) return std::nullopt;  // the first may be older than the ledger, for the deeds before
    const Day last = books.rbegin()->first;
    if (book.effective_day <= last) return invalid("effective_day", absl::StrCat("after ", last));
    // Later ones would change by which rules entries were made; today's only where there are none yet.
    const bool holds_today = state.BookOf(today) != nullptr;
    if (book.effective_day < today || (book.effective_day == today && holds_today)) {
      return invalid("effective_day", absl::StrCat(holds_today ? AddDays(today, 1) : today, " or later"));
    }
    return std::nullopt;
  }

  // A journal begins with its own program, or with the opening of the epoch in which that is founded; those of others are registered in
  // the system's. Later only the ledger itself changes its own, and of it the side key alone: where the secrets were lost.
  Broken operator()(ProgramData& program) const {
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    const bool is_key = program.side_key.size() == 16 && std::all_of(program.side_key.begin(), program.side_key.end(), is_hex);
    if (!program.side_key.empty() && !is_key) return Invalid("program.side_key", "16 hex digits");
    const bool is_own = program.id == state.program;
    if (const ProgramData* old = state.Find<ProgramData>("program", program.id)) {
      const bool is_rekeyed = is_own && actor == kLedgerActor && is_key && program.administrator == old->administrator;
      return is_rekeyed ? std::nullopt : Broken(Invalid("program", "the one that was founded"));
    }
    const bool is_founded = state.Find<ProgramData>("program", state.program) != nullptr;
    if (is_founded ? state.program == kSystemProgram : is_own) return std::nullopt;
    return Invalid("program.id", !is_founded ? state.program : "none: that is registered in the system program");
  }
  Broken operator()(auto&) const { return Refusal{Reason::INVARIANT_VIOLATION, {{"data", "no registration"}}}; }
};

bool IsSet(const Registration& data) {
  return std::holds_alternative<NodeData>(data) || std::holds_alternative<FundData>(data) || std::holds_alternative<OfferData>(data);
}

}  // namespace

Broken CheckRegistration(State& state, const std::string& actor, Day today, Registration& data, bool is_new) {
  if (auto broken = CheckShape(data)) return broken;
  const auto* book = std::get_if<RulebookData>(&data);
  const bool exists = state.registrations.Find(RegistrationKey(data)) != nullptr;
  if (!IsSet(data) && !book && is_new && exists) return NotFound(Reason::ALREADY_EXISTS, RegistrationKey(data));
  if (auto broken = std::visit(
          [&](auto& d) -> Broken {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(d)>, std::monostate>) {
              return Refusal{Reason::INVARIANT_VIOLATION, {{"data", "none"}}};
            } else {
              return Checker{state, actor, today, is_new}(d);
            }
          },
          data)) {
    return broken;
  }
  // The first two entries; the openings of epochs come before them in a ledger that was put back.
  const bool is_founding = state.at.next_sequence - static_cast<std::int64_t>(state.at.epochs.size()) < 2;
  if (!is_founding && ConcernsThemselves(state, actor, data, today)) return Refusal{Reason::SELF_DEALING, {}};
  return std::nullopt;
}

Broken JudgeRulebook(State& state, Day today, const RulebookData& data, const std::string& json) {
  const auto invalid = [](const char* field, const std::string& expected) {
    return Refusal{Reason::RULEBOOK_INVALID, {{"field", field}, {"expected", expected}}};
  };
  auto book = Rulebook::Judge(json);
  if (!book.ok()) return RefusalFrom(book.status());
  if (book->json() != json) return invalid("rulebook_json", "the canonical form");
  if (Sha256Hex(json) != data.sha256) return invalid("sha256", "that of the content");
  if (book->version() != data.version || book->effective_day() != data.effective_day) return invalid("version", "that of the content");
  for (const auto& rate : book->proto().fund_rates()) {
    const FundData* fund = FindFund(state, rate.fund());
    if (!fund) return NotFound(Reason::FUND_NOT_FOUND, rate.fund());
  }
  for (const auto& activity : book->proto().activities()) {
    const FundData* fund = FindFund(state, activity.fund());
    if (fund && HasEnded(fund->end_day, today)) return Refusal{Reason::FUND_ENDED, {{"fund", activity.fund()}}};
  }
  std::vector<const Rulebook*> books;
  // A fund whose points may still be in members' hands keeps its rate, and a unit its kind.
  for (const auto& [day, older] : state.definitions->books) {
    books.push_back(older.get());
    for (const auto& rate : older->proto().fund_rates()) {
      if (!book->FindRate(rate.fund())) return invalid("fund_rates", absl::StrCat("a rate for ", rate.fund()));
    }
    for (const auto& unit : older->proto().units()) {
      const v1::Unit* same = book->FindUnit(unit.code());
      if (same && (same->kind() != unit.kind() || same->decimals() != unit.decimals())) {
        return invalid("units", absl::StrCat(unit.code(), " with the kind and decimals it has"));
      }
    }
    // A deed is known by its case and session where it is open, and by its keyed names where it is not: under both it would be paid twice.
    for (const auto& activity : older->proto().activities()) {
      const v1::Activity* same = book->FindActivity(activity.code());
      if (same && same->shown_as().empty() != activity.shown_as().empty()) {
        return invalid("activities", absl::StrCat(activity.code(), " open or confidential as it was, or another code"));
      }
    }
  }
  books.push_back(&*book);
  if (auto status = CheckLotBound(books); !status.ok()) return RefusalFrom(status);
  return std::nullopt;
}

Broken JudgeWithdrawal(State& state, const RulebookData& data) {
  std::vector<const Rulebook*> books;
  bool is_behind = false;  // lots of the book before are made for longer, beside those of each that follows
  for (const auto& [day, book] : state.definitions->books) {
    if (book->version() == data.version) {
      is_behind = true;
      continue;
    }
    books.push_back(book.get());
    if (!is_behind) continue;
    if (auto status = CheckLotBound(books); !status.ok()) return RefusalFrom(status);
  }
  return std::nullopt;
}

Broken DeriveRegistration(Case& c, Entry& e) {
  if (std::holds_alternative<std::monostate>(e.data) || KindOf(e.data) != e.kind)
    return Refusal{Reason::INVARIANT_VIOLATION, {{"data", "of another kind"}}};
  const bool is_known = c.state.registrations.Find(RegistrationKey(e.data)) != nullptr;
  if (auto broken = CheckRegistration(c.state, e.actor, e.business_day, e.data, !is_known)) return broken;
  if (const auto* book = std::get_if<RulebookData>(&e.data)) {
    e.rulebook = book->version;
    if (!book->is_withdrawn) e.blobs = {book->sha256};
    if (!book->is_withdrawn) return std::nullopt;
    e.ref = c.state.registrations.Find(RegistrationKey(e.data))->sequence;  // known: it would not have been withdrawn otherwise
    if (!c.related.ref || c.related.ref->sequence != e.ref) return Refusal{Reason::INVARIANT_VIOLATION, {{"ref", "another"}}};
    if (IsSamePerson(c.state, e.actor, c.related.ref->actor)) return Refusal{Reason::MAKER_IS_CHECKER, {}};
  }
  return std::nullopt;
}

Outcome Decide(Decision& d, const Register& command) {
  State& state = d.state();
  const Day today = d.desk().today();
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    Entry entry = d.Draft(KindOf(command.items[i]));
    entry.item = command.items.size() > 1 ? static_cast<std::int32_t>(i) : -1;
    entry.data = command.items[i];
    Case c{state};
    auto* book = std::get_if<RulebookData>(&entry.data);
    if (auto* member = std::get_if<MemberData>(&entry.data); member && command.replaces_number) {
      // All else stays as it is.
      const MemberData* old = FindMember(state, member->id);
      const std::string commitment = member->number_commitment;
      if (old) *member = *old;
      member->number_commitment = commitment;
    }
    auto broken = CheckRegistration(state, entry.actor, today, entry.data, command.is_new);
    if (!broken && book && !book->is_withdrawn) broken = JudgeRulebook(state, today, *book, command.rulebook_json);
    if (!broken && book && book->is_withdrawn) broken = JudgeWithdrawal(state, *book);
    if (!broken && book && book->is_withdrawn) {
      const Registered* adopted = state.registrations.Find(RegistrationKey(entry.data));
      c.related.ref = d.Find(adopted->sequence);
    }
    if (!broken) broken = DeriveRegistration(c, entry);
    if (!broken && !FitsAsPosted(entry))
      broken = Refusal{Reason::FIELD_TOO_LONG, {{"field", "registration"}, {"max", absl::StrCat(kLineBytesMax)}}};
    if (broken) {
      if (command.items.size() > 1) broken->facts.emplace_back("item", absl::StrCat(i));
      if (command.is_check_only) return d.Unrecorded(std::move(*broken));
      return d.Refuse(entry, std::move(*broken));
    }
    entries.push_back(std::move(entry));
  }
  // Several are members alone (Fits), who refer to no more than that another is there, and of which kind: what holds for each holds for all;
  // but they may repeat each other.
  std::vector<std::string> keys;
  for (const Entry& entry : entries) keys.push_back(RegistrationKey(entry.data));
  std::sort(keys.begin(), keys.end());
  if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end()) {
    return d.Unrecorded({Reason::ALREADY_EXISTS, {{"name", *twice}}});
  }
  Outcome all;
  if (command.is_check_only) {
    all.first = all.now = RequestState::kDone;
    return all;
  }
  // From here on it must succeed: all or none.
  for (Entry& entry : entries) {
    entry.sequence = state.at.next_sequence;
    if (const auto* book = std::get_if<RulebookData>(&entry.data); book && !book->is_withdrawn)
      d.desk().KeepBlob(book->sha256, command.rulebook_json);
    Outcome one = Decision::Posted(d.desk().Post(std::move(entry)));
    if (one.refusal) return one;
    all.entries.push_back(one.entries.front());
  }
  all.Read();
  return all;
}

Outcome Decide(Decision& d, const FoundProgram& command) {
  if (const auto* founded = d.state().registrations.Find("program/" + d.state().program)) {
    const std::int64_t sequence = founded->sequence;
    auto entry = d.Find(sequence);
    return entry ? OutcomeOf({.sequence = sequence}, {std::move(entry)}, nullptr) : d.Unrecorded({Reason::INVARIANT_VIOLATION, {}});
  }
  if (d.state().at.next_sequence == 0 && command.epoch > 0) {
    Entry opening = d.desk().Draft(Kind::kEpoch);
    opening.actor = kLedgerActor;
    opening.epoch = command.epoch;
    opening.data = EpochData{.why = "founding"};
    if (Outcome one = Decision::Posted(d.desk().Post(std::move(opening))); one.refusal) return one;
  }
  // The operator's word stands for the mark that somebody else would give.
  StaffData administrator{.id = command.program.administrator, .member = "", .is_external = true, .grants = {}};
  administrator.grants.push_back({d.state().program == kSystemProgram ? Role::kOperator : Role::kAdministrator, ""});
  const Registration records[] = {command.program, administrator};
  Outcome all;
  for (std::int32_t i = 0; i < 2; ++i) {
    Entry entry = d.Draft(KindOf(records[i]));
    entry.item = i;
    entry.data = records[i];
    Outcome one = Decision::Posted(d.desk().Post(std::move(entry)));
    if (one.refusal) return one;
    all.entries.push_back(one.entries.front());
  }
  all.Read();
  return all;
}

}  // namespace redpoints
