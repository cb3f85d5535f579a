#include "server/numbers.h"

#include <variant>

#include "proto/contract/member_number.h"
#include "storage/identity/cipher.h"
#include "storage/rules/refusal.h"
#include "storage/views.h"

namespace redpoints::server {
namespace {

constexpr std::string_view kNumberPrint = "redpoints/print/number/1", kDeedPrint = "redpoints/print/deed/1";

// The members that a command names, in its order.
template <class F> void ForEachMember(Command& command, const F& f) {
  if (auto* award = std::get_if<Award>(&command)) f(award->item.member);
  if (auto* batch = std::get_if<AwardBatch>(&command)) {
    for (AwardItem& item : batch->items) f(item.member);
  }
  if (auto* donate = std::get_if<Donate>(&command)) f(donate->member);
  if (auto* waiver = std::get_if<ProposeWaiver>(&command)) f(waiver->member);
  if (auto* sale = std::get_if<Redeem>(&command)) f(sale->payer.member);
  if (auto* sale = std::get_if<Authorize>(&command)) f(sale->payer.member);
}

}  // namespace

absl::Status FromSide(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return ToStatus(Refusal{Reason::STORAGE_READ_ONLY, {}});
  if (absl::IsAlreadyExists(status)) return ToStatus(Refusal{Reason::REQUEST_ID_REUSED, {}});
  return status;
}

absl::StatusOr<std::string> Numbers::MemberOf(const std::string& program, const std::string& id_or_number) const {
  if (!IsMemberNumber(id_or_number)) return id_or_number;
  auto row = store_.Resolve(program, id_or_number);
  if (!row.ok()) return FromSide(row.status());
  if (!*row || lost_.HaveReplaced(program, **row)) return "";
  const State* state = shards_.Of(program).FindState(program);
  const auto member = state ? FindRegistration<MemberData>(*state, "member", (*row)->member) : std::nullopt;
  return member && member->number_commitment == (*row)->commitment ? member->id : "";
}

absl::StatusOr<std::string> Numbers::NumberOf(const std::string& program, const MemberData& member) const {
  if (member.number_commitment.empty()) return "";
  auto row = store_.Committed(program, SideKind::kNumber, member.id, member.number_commitment);
  if (!row.ok()) return FromSide(row.status());
  return *row && !lost_.HaveReplaced(program, **row) ? (*row)->value : "";
}

absl::Status Numbers::Resolve(Mutation& mutation) const {
  absl::Status status;
  ForEachMember(mutation.command, [&](MemberRef& member) {
    if (!status.ok()) return;
    const bool is_number = IsMemberNumber(member.id);
    mutation.numbers.push_back(is_number ? member.id : "");
    if (is_number) {
      auto id = MemberOf(mutation.program, member.id);
      if (!id.ok()) {
        status = id.status();
        return;
      }
      member.id = *std::move(id);
    }
    mutation.members.push_back(member.id);
  });
  return status;
}

void Numbers::Sign(Mutation& mutation, Origin& origin) const {
  const auto is_any = [](const std::vector<std::string>& list) {
    return std::any_of(list.begin(), list.end(), [](const std::string& text) { return !text.empty(); });
  };
  if (!is_any(mutation.numbers) && !is_any(mutation.deeds)) {
    origin.fingerprint = Fingerprint(origin, mutation.command);
    return;
  }
  // The newest comes last: its prints stay in the command.
  for (const SecretKey& key : keys_.All(KeyPurpose::kFingerprint)) {
    auto number = mutation.numbers.begin();
    ForEachMember(mutation.command, [&](MemberRef& member) {
      member.print = number->empty() ? "" : Print(key, kNumberPrint, mutation.program, *number);
      ++number;
    });
    const auto deed = [&](AwardItem& item, std::size_t i) {
      if (i < mutation.deeds.size() && !mutation.deeds[i].empty()) item.print = Print(key, kDeedPrint, mutation.program, mutation.deeds[i]);
    };
    if (auto* award = std::get_if<Award>(&mutation.command)) deed(award->item, 0);
    if (auto* batch = std::get_if<AwardBatch>(&mutation.command)) {
      for (std::size_t i = 0; i < batch->items.size(); ++i) deed(batch->items[i], i);
    }
    if (!origin.fingerprint.empty()) origin.older_fingerprints.push_back(std::move(origin.fingerprint));
    origin.fingerprint = Fingerprint(origin, mutation.command, KeyIdText(key.id()));
  }
}

absl::Status Numbers::Reserve(const std::string& actor, Mutation& mutation) const {
  auto& command = std::get<Register>(mutation.command);
  std::vector<SideStore::NumberItem> items;
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const auto* member = std::get_if<MemberData>(&command.items[i]);
    if (!member || !(command.is_new || command.replaces_number)) continue;
    items.push_back({.item = static_cast<std::uint32_t>(i), .member = member->id, .is_new_member = command.is_new});
  }
  if (items.empty()) return absl::OkStatus();
  auto rows = store_.Reserve(mutation.program, actor, mutation.request_id, items);
  if (!rows.ok()) return FromSide(rows.status());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto& member = std::get<MemberData>(command.items[items[i].item]);
    member.id = (*rows)[i].member;
    member.number_commitment = (*rows)[i].commitment;
  }
  return absl::OkStatus();
}

std::string Numbers::Print(const SecretKey& key, std::string_view label, const std::string& program, std::string_view text) const {
  std::string bytes;
  AppendSized(bytes, program);
  AppendSized(bytes, text);
  return KeyedHex(key, label, bytes);
}

}  // namespace redpoints::server
