#include "server/deeds.h"

#include <iterator>
#include <optional>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/numbers.h"
#include "storage/identity/cipher.h"
#include "storage/rules/awards.h"
#include "storage/rules/kinds.h"
#include "storage/rules/refusal.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

constexpr std::string_view kUnique = "redpoints/unique/1";

struct ItemsOf {
  std::vector<AwardItem*> items;
  bool is_batch = false;
};
ItemsOf Items(Command& command) {
  ItemsOf of;
  if (auto* award = std::get_if<Award>(&command)) of.items = {&award->item};
  if (auto* batch = std::get_if<AwardBatch>(&command)) {
    of.is_batch = true;
    for (AwardItem& item : batch->items) of.items.push_back(&item);
  }
  return of;
}

// The rulebook that holds on a day, by what readers may know.
const Rulebook* BookOn(const Definitions& definitions, Day day) {
  const auto next = definitions.books.upper_bound(day);
  return next == definitions.books.begin() ? nullptr : std::prev(next)->second.get();
}

// nullptr for what every auditor may read.
const v1::Activity* ConfidentialOf(const Definitions& definitions, const AwardItem& item) {
  const Rulebook* book = BookOn(definitions, item.effective_day);
  const v1::Activity* activity = book ? book->FindActivity(item.activity) : nullptr;
  return activity && !activity->shown_as().empty() ? activity : nullptr;
}

// All of it, in one form. None of these texts has a character that JSON would escape.
std::string Content(const AwardItem& item) {
  std::string text = absl::StrCat("{\"activity\":\"", item.activity, "\",\"quantity\":", item.quantity,
                                  ",\"effective_day\":", item.effective_day, ",\"group\":\"", std::string(WordOf(item.group)), "\"");
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&text, ",\"", key, "\":\"", value, "\"");
  };
  add("session", item.session);
  add("case", item.case_id);
  add("about", item.about);
  add("evidence_sha256", item.evidence_sha256);
  add("note_commitment", item.note_commitment);
  add("external_id", item.external_id);
  for (std::size_t i = 0; i < item.tags.size(); ++i) absl::StrAppend(&text, i == 0 ? ",\"tags\":[\"" : ",\"", item.tags[i], "\"");
  return text + (item.tags.empty() ? "}" : "]}");
}

// The same for the same member and case, and for the same member and session: each is awarded once. A deed of neither is told by its
// request.
std::vector<std::string> DeedNames(const std::string& actor, const Mutation& mutation, const AwardItem& item, std::size_t i) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view kind, const std::string& value) {
    std::string& bytes = names.emplace_back();
    for (const std::string_view part : {std::string_view(mutation.program), std::string_view(item.activity),
                                        std::string_view(item.member.id), kind, std::string_view(value)}) {
      AppendSized(bytes, part);
    }
  };
  if (!item.case_id.empty()) add("case", item.case_id);
  if (!item.session.empty()) add("session", item.session);
  if (names.empty()) add("request", absl::StrCat(actor, "/", mutation.request_id, "/", i));
  return names;
}

void Show(AwardItem& item, const Rulebook& book, const v1::Activity& activity) {
  const ShownDeed shown = Show(book, activity, item.quantity);
  AwardItem covered;
  covered.member = std::move(item.member);
  covered.activity = activity.shown_as();
  covered.quantity = shown.quantity;
  covered.effective_day = item.effective_day;
  item = std::move(covered);
}

}  // namespace

bool Deeds::IsConfidential(const std::string& program, const AwardItem& item) const {
  const State* state = shards_.Of(program).FindState(program);
  return state && ConfidentialOf(*state->ReadPublished().definitions, item);
}

absl::Status Deeds::Cover(const std::string& actor, Mutation& mutation) const {
  const Ledger& ledger = shards_.Of(mutation.program);
  const State* state = ledger.FindState(mutation.program);
  if (!state) return absl::OkStatus();
  const auto definitions = state->ReadPublished().definitions;
  const ItemsOf of = Items(mutation.command);
  std::optional<bool> is_known;
  std::vector<SideStore::DeedItem> kept;
  for (std::size_t i = 0; i < of.items.size(); ++i) {
    AwardItem& item = *of.items[i];
    const v1::Activity* activity = ConfidentialOf(*definitions, item);
    if (!activity) continue;
    if (!is_known) is_known = !ledger.FindOutcome(mutation.program, actor, mutation.request_id).refusal;
    if (!*is_known) {
      const auto member = FindRegistration<MemberData>(*state, "member", item.member.id);
      auto broken = member ? CheckConfidential(*activity, item, *member) : Refusal{Reason::MEMBER_NOT_FOUND, {{"field", "member"}}};
      if (broken) {
        for (auto& [key, value] : broken->facts) {
          if (of.is_batch && key == "field") value = absl::StrCat("items[", i, "].", value);
        }
        if (of.is_batch) broken->facts.emplace_back("item", absl::StrCat(i));
        return redpoints::ToStatus(*broken);
      }
      kept.push_back({.item = static_cast<std::uint32_t>(i), .member = item.member.id, .content = Content(item)});
    }
    mutation.deeds.resize(of.items.size());
    mutation.deeds[i] = Content(item);
    const std::vector<std::string> names = DeedNames(actor, mutation, item, i);
    Show(item, *BookOn(*definitions, item.effective_day), *activity);
    for (const std::string& name : names) item.unique.push_back(KeyedHex(keys_.Newest(KeyPurpose::kUnique), kUnique, name));
  }
  if (kept.empty()) return absl::OkStatus();  // nothing confidential, or answered from the ledger
  auto rows = store_.KeepDeeds(mutation.program, actor, mutation.request_id, kept);
  if (!rows.ok()) return FromSide(rows.status());
  for (std::size_t i = 0; i < kept.size(); ++i) of.items[kept[i].item]->note_commitment = (*rows)[i].commitment;
  return absl::OkStatus();
}

}  // namespace redpoints::server
