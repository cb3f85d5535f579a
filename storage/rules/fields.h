// The fields of every record, once: what is written as a line or a derived row, what makes a fingerprint, and how large it can be all follow
// these lists. Order and keys are part of the format and never change; a new field goes where its meaning is and is Optional.
//
// A record is an object or a tuple. A visitor has
//   of an object   Required(key, x)          always there
//                  Optional(key, x, absent)  left out when equal to `absent` (by default: empty, 0, false)
//                  Made(key, x)              Required; an id that the server made for this attempt, if the registration is a new one
//                  Salted(key, x)            Required; the server's own for each attempt, so that no fingerprint holds it
//                  Stamped(key, x)           Optional; the server's own word, so that no fingerprint holds it
//   of a tuple     Element(x), then Tail(x, absent): the last ones are left out while they are equal to `absent`
#pragma once

#include <concepts>
#include <type_traits>

#include "storage/rules/command.h"
#include "storage/rules/entry.h"

namespace redpoints {

template <class T, class X>
concept Of = std::same_as<std::remove_const_t<T>, X>;

// --- tuples -------------------------------------------------------------------------------------------------------------------------

template <class V> void Fields(V& v, Of<Lot> auto& x) {
  v.Element(x.fund);
  v.Element(x.end);
  v.Element(x.amount);
  v.Tail(x.first_end);
}
template <class V> void Fields(V& v, Of<FundAmount> auto& x) {
  v.Element(x.fund);
  v.Element(x.amount);
}
template <class V> void Fields(V& v, Of<OfferLine> auto& x) {
  v.Element(x.offer);
  v.Element(x.quantity);
  v.Element(x.points);
  v.Element(x.cash_fen);
  v.Tail(x.kind, OfferKind::kItem);
  v.Tail(x.price_points);
}
template <class V> void Fields(V& v, Of<Owed> auto& x) {
  v.Element(x.fund);
  v.Element(x.points);
  v.Element(x.fen);
  v.Tail(x.rounding, RoundingRule::kDown);
}
template <class V> void Fields(V& v, Of<Span> auto& x) {
  v.Element(x.from);
  v.Element(x.to);
}
template <class V> void Fields(V& v, Of<UnitAmount> auto& x) {
  v.Element(x.unit);
  v.Element(x.amount);
}
template <class V> void Fields(V& v, Of<Carried> auto& x) {
  v.Element(x.quantity);
  v.Element(x.earned);
}
template <class V> void Fields(V& v, Of<Approval> auto& x) {
  v.Element(x.who);
  v.Element(x.when_ms);
}
template <class V> void Fields(V& v, Of<Part> auto& x) {
  v.Element(x.k);
  v.Element(x.n);
}
template <class V> void Fields(V& v, Of<PayerUse> auto& x) {
  v.Element(x.id);
  v.Tail(x.step);
  v.Tail(x.counter);
}
template <class V> void Fields(V& v, Of<DayTotal> auto& x) {
  v.Element(x.fund);
  v.Element(x.issued);
  v.Element(x.redeemed);
  v.Element(x.expired);
  v.Element(x.pool);
  v.Element(x.debts);
  v.Element(x.fen);
}
template <class V> void Fields(V& v, Of<GroupSpan> auto& x) {
  v.Element(x.group);
  v.Tail(x.from);
  v.Tail(x.to);
}
template <class V> void Fields(V& v, Of<Membership> auto& x) {
  v.Element(x.member);
  v.Element(x.from);
  v.Tail(x.to);
}
template <class V> void Fields(V& v, Of<MerchantPerson> auto& x) {
  v.Element(x.member);
  v.Element(x.role);
  v.Tail(x.from);
  v.Tail(x.to);
}
template <class V> void Fields(V& v, Of<RoleGrant> auto& x) {
  v.Element(x.role);
  v.Tail(x.scope);
}
template <class T> inline constexpr bool kIsTuple = false;
template <> inline constexpr bool kIsTuple<Lot> = true;
template <> inline constexpr bool kIsTuple<FundAmount> = true;
template <> inline constexpr bool kIsTuple<OfferLine> = true;
template <> inline constexpr bool kIsTuple<Owed> = true;
template <> inline constexpr bool kIsTuple<Span> = true;
template <> inline constexpr bool kIsTuple<UnitAmount> = true;
template <> inline constexpr bool kIsTuple<Carried> = true;
template <> inline constexpr bool kIsTuple<Approval> = true;
template <> inline constexpr bool kIsTuple<Part> = true;
template <> inline constexpr bool kIsTuple<PayerUse> = true;
template <> inline constexpr bool kIsTuple<DayTotal> = true;
template <> inline constexpr bool kIsTuple<GroupSpan> = true;
template <> inline constexpr bool kIsTuple<Membership> = true;
template <> inline constexpr bool kIsTuple<MerchantPerson> = true;
template <> inline constexpr bool kIsTuple<RoleGrant> = true;

// --- the records of registrations and of the kinds that carry one ---------------------------------------------------------------------

template <class V> void Fields(V& v, Of<ProgramData> auto& d) {
  v.Required("id", d.id);
  v.Salted("administrator", d.administrator);
  v.Stamped("side_key", d.side_key);
}
template <class V> void Fields(V& v, Of<NodeData> auto& d) {
  v.Required("code", d.code);
  v.Required("kind", d.kind);
  v.Optional("parent", d.parent);
  v.Optional("places", d.places);
  v.Optional("type", d.type);
  v.Optional("end_day", d.end_day);
}
template <class V> void Fields(V& v, Of<FundData> auto& d) {
  v.Required("code", d.code);
  v.Required("budget_points", d.budget_points);
  v.Optional("end_day", d.end_day);
}
template <class V> void Fields(V& v, Of<MemberData> auto& d) {
  v.Made("id", d.id);
  v.Salted("number_commitment", d.number_commitment);
  v.Required("kind", d.kind);
  v.Required("groups", d.groups);
  v.Optional("grid", d.grid);
  v.Optional("memberships", d.memberships);
  v.Required("state", d.state);
}
template <class V> void Fields(V& v, Of<MerchantData> auto& d) {
  v.Made("id", d.id);
  v.Optional("people", d.people);
  v.Optional("place", d.place);
  v.Required("state", d.state);
}
template <class V> void Fields(V& v, Of<TerminalData> auto& d) {
  v.Made("id", d.id);
  v.Required("merchant", d.merchant);
  v.Required("state", d.state);
}
template <class V> void Fields(V& v, Of<StaffData> auto& d) {
  v.Made("id", d.id);
  v.Optional("member", d.member);
  v.Optional("external", d.is_external);
  v.Optional("grants", d.grants);
  v.Required("state", d.state);
}
template <class V> void Fields(V& v, Of<RulebookData> auto& d) {
  v.Required("version", d.version);
  v.Required("effective_day", d.effective_day);
  v.Required("sha256", d.sha256);
  v.Salted("format", d.format);
  v.Optional("withdrawn", d.is_withdrawn);
}
template <class V> void Fields(V& v, Of<OfferData> auto& d) {
  v.Required("code", d.code);
  v.Optional("name_zh_cn", d.name_zh_cn);
  v.Required("kind", d.kind);
  v.Optional("merchant", d.merchant);
  v.Optional("price_points", d.price_points);
  v.Optional("max_points", d.max_points);
  v.Optional("from", d.from);
  v.Optional("to", d.to);
}
template <class V> void Fields(V& v, Of<EpochData> auto& d) {
  v.Required("old_epoch", d.old_epoch);
  v.Required("size", d.size);
  v.Optional("root", d.root);
  v.Optional("origin", d.origin);
  v.Optional("signed_size", d.signed_size);
  v.Optional("lost", d.lost, -1);
  v.Required("why", d.why);
}
template <class V> void Fields(V& v, Of<HeadsData> auto& d) {
  v.Required("day", d.day);
  v.Required("as_of", d.as_of);
  v.Required("holders", d.holders);
  v.Required("root", d.root);
}
template <class V> void Fields(V& v, Of<LogKeyData> auto& d) {
  v.Required("key_id", d.key_id);
  v.Required("public_key", d.public_key);
  v.Required("from_ms", d.from_ms);
}
template <class V> void Fields(V& v, Of<ErasureData> auto& d) {
  v.Required("member", d.member);
  v.Required("commitments", d.commitments);
}
template <class V> void Fields(V& v, Of<ClockData> auto& d) {
  v.Required("stated_ms", d.stated_ms);
  v.Optional("last_closed_day", d.last_closed_day);
}
template <class V> void Fields(V& v, Of<DayData> auto& d) {
  v.Required("day", d.day);
  v.Optional("totals", d.totals);
  v.Required("shops", d.shops);
  v.Required("shops_root", d.shops_root);
  v.Optional("shops_sha256", d.shops_sha256);
}

template <class V> void Fields(V& v, Of<WaiverData> auto& d) {
  v.Required("fund", d.fund);
  v.Required("points", d.points);
}

// A registration is an object with one key, its type: the word of its kind, or what it is about.
inline constexpr std::array<std::string_view, 17> kRegistrationTypes = {"",         "program", "node",     "fund",   "member", "merchant",
                                                                        "terminal", "staff",   "rulebook", "offer",  "epoch",  "heads",
                                                                        "log_key",  "erasure", "clock",    "closed", "waiver"};
static_assert(std::variant_size_v<Registration> == kRegistrationTypes.size());

// --- the entry ------------------------------------------------------------------------------------------------------------------------

template <class V> void Fields(V& v, Of<Posting> auto& p) {
  v.Required("account", p.holder);
  v.Optional("sub", p.sub, Sub::kAvailable);
  v.Required("unit", p.unit);
  v.Required("amount", p.amount);
  if (HasRunningBalance(p.holder)) v.Required("balance", p.balance);
  v.Optional("lots", p.lots);
  v.Optional("funds", p.funds);
  v.Optional("prev", p.prev, -1);
}

// "v" stands in front: it is the smallest version that holds the entry, 1 so far.
template <class V> void Fields(V& v, Of<Entry> auto& e) {
  v.Required("program", e.program);
  v.Required("epoch", e.epoch);
  v.Required("seq", e.sequence);
  v.Required("recorded_ms", e.recorded_ms);
  v.Required("business_day", e.business_day);
  v.Required("kind", e.kind);
  v.Optional("request_id", e.request_id);
  v.Optional("item", e.item, -1);
  v.Optional("part", e.part);
  v.Optional("fingerprint", e.fingerprint);
  v.Optional("actor", e.actor);
  v.Optional("on_behalf", e.on_behalf);
  v.Optional("proposal", e.proposal, -1);
  v.Optional("approvals", e.approvals);
  v.Optional("terminal", e.terminal);
  v.Optional("merchant", e.merchant);
  v.Optional("clerk", e.clerk);
  v.Optional("till", e.till);
  v.Optional("member", e.member);
  v.Optional("presentation", e.presentation);
  v.Optional("payer_use", e.payer_use);
  v.Optional("effective_day", e.effective_day);
  v.Optional("group", e.group);
  v.Optional("groups", e.groups);
  v.Optional("grid", e.grid);
  v.Optional("activity", e.activity);
  v.Optional("rulebook", e.rulebook);
  v.Optional("quantity", e.quantity);
  v.Optional("quantity_before", e.quantity_before);
  v.Optional("carried", e.carried);
  v.Optional("cap_hit", e.cap_hit);
  v.Optional("session", e.session);
  v.Optional("case", e.case_id);
  v.Optional("about", e.about);
  v.Optional("tags", e.tags);
  v.Optional("evidence_sha256", e.evidence_sha256);
  v.Optional("note_commitment", e.note_commitment);
  v.Optional("unique", e.unique);
  v.Optional("external_id", e.external_id);
  v.Optional("reason", e.reason);
  v.Optional("refusal", e.refusal);
  v.Optional("request_kind", e.request_kind);
  v.Optional("facts", e.facts);
  v.Optional("amounts", e.amounts);
  v.Optional("effect", e.effect);
  v.Optional("ref", e.ref, -1);
  v.Optional("hold", e.hold, -1);
  v.Optional("sale", e.sale, -1);
  v.Optional("target_request", e.target_request);
  v.Optional("limit_day", e.limit_day);
  v.Optional("limit_points", e.limit_points);
  v.Optional("hold_until_ms", e.hold_until_ms);
  v.Optional("lines", e.lines);
  v.Optional("rate_version", e.rate_version);
  v.Optional("owed", e.owed);
  v.Optional("cash_fen", e.cash_fen);
  v.Optional("points", e.points);
  v.Optional("span", e.span);
  v.Optional("data", e.data);
  v.Optional("blobs", e.blobs);
  v.Optional("postings", e.postings);
}

// --- commands, for fingerprints ---------------------------------------------------------------------------------------------------------

template <class V> void Fields(V& v, Of<MemberRef> auto& m) {
  // As typed: by what it led to only where the id itself was given.
  v.Optional("id", m.print.empty() ? m.id : std::string());
  v.Optional("print", m.print);
}
template <class V> void Fields(V& v, Of<Payer> auto& p) {
  v.Required("presentation", p.presentation);
  v.Required("member", p.member);
  v.Optional("use", p.use);
}
template <class V> void Fields(V& v, Of<AwardItem> auto& i) {
  v.Required("member", i.member);
  v.Required("activity", i.activity);
  v.Required("quantity", i.quantity);
  v.Required("effective_day", i.effective_day);
  v.Required("group", i.group);
  v.Optional("session", i.session);
  v.Optional("case", i.case_id);
  v.Optional("about", i.about);
  v.Optional("evidence_sha256", i.evidence_sha256);
  // Of a confidential deed the commitment is salted anew for each attempt; its print stands for all of it.
  v.Optional("note_commitment", i.print.empty() ? i.note_commitment : std::string());
  v.Optional("print", i.print);
  v.Optional("external_id", i.external_id);
  v.Optional("tags", i.tags);
}
template <class V> void Fields(V& v, Of<Award> auto& c) { v.Required("item", c.item); }
template <class V> void Fields(V& v, Of<AwardBatch> auto& c) { v.Required("items", c.items); }
template <class V> void Fields(V& v, Of<Correct> auto& c) {
  v.Required("award", c.award);
  v.Required("new_quantity", c.new_quantity);
  v.Required("reason", c.reason);
}
template <class V> void Fields(V& v, Of<Donate> auto& c) {
  v.Required("member", c.member);
  v.Required("points", c.points);
}
template <class V> void Fields(V& v, Of<Redeem> auto& c) {
  v.Required("payer", c.payer);
  v.Required("lines", c.lines);
}
template <class V> void Fields(V& v, Of<Authorize> auto& c) {
  v.Required("payer", c.payer);
  v.Required("lines", c.lines);
}
template <class V> void Fields(V& v, Of<Capture> auto& c) {
  v.Required("hold", c.hold);
  v.Optional("points", c.points);
}
template <class V> void Fields(V& v, Of<Void> auto& c) { v.Required("hold", c.hold); }
template <class V> void Fields(V& v, Of<Refund> auto& c) {
  v.Required("redemption", c.redemption);
  v.Required("points", c.points);
  v.Optional("cash_fen", c.cash_fen);
}
template <class V> void Fields(V& v, Of<Reverse> auto& c) { v.Required("target_request", c.target_request); }
template <class V> void Fields(V& v, Of<ProposeUndo> auto& c) {
  v.Required("target", c.target);
  v.Required("reason", c.reason);
}
template <class V> void Fields(V& v, Of<Undo> auto& c) { v.Required("proposal", c.proposal); }
template <class V> void Fields(V& v, Of<ProposeWaiver> auto& c) {
  v.Required("member", c.member);
  v.Required("fund", c.fund);
  v.Optional("points", c.points);
  v.Required("reason", c.reason);
}
template <class V> void Fields(V& v, Of<WaiveDebt> auto& c) { v.Required("proposal", c.proposal); }
template <class V> void Fields(V& v, Of<Register> auto& c) {
  v.Required("is_new", c.is_new);
  v.Optional("replaces_number", c.replaces_number);
  v.Required("items", c.items);
}
template <class V> void Fields(V& v, Of<ConfirmClock> auto& c) {
  v.Required("stated_ms", c.stated_ms);
  v.Optional("last_closed_day", c.last_closed_day);
}
template <class V> void Fields(V& v, Of<FoundProgram> auto& c) { v.Required("program", c.program); }
template <class V> void Fields(V& v, Of<OpenEpoch> auto& c) { v.Required("data", c.data); }

}  // namespace redpoints
