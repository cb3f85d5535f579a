#include "storage/rules/people.h"

#include <algorithm>

namespace redpoints {

const MemberData* FindMember(State& state, const std::string& id) { return state.Find<MemberData>("member", id); }
const MerchantData* FindMerchant(State& state, const std::string& id) { return state.Find<MerchantData>("merchant", id); }
const FundData* FindFund(State& state, std::string_view code) { return state.Find<FundData>("fund", std::string(code)); }
bool HasFundEnded(State& state, std::string_view code, Day today) {
  const FundData* fund = FindFund(state, code);
  return fund && HasEnded(fund->end_day, today);
}
const NodeData* FindNode(State& state, const std::string& code) { return state.Find<NodeData>("node", code); }
const OfferData* FindOffer(State& state, const std::string& code) { return state.Find<OfferData>("offer", code); }

namespace {

bool BelongsTo(const MemberData& member, const std::string& of, Day day) {
  return std::any_of(member.memberships.begin(), member.memberships.end(),
                     [&](const Membership& m) { return m.member == of && Covers(m.from, m.to, day); });
}

const StaffData* FindStaff(State& state, const std::string& id) { return state.Find<StaffData>("staff", id); }

// The person behind a staff record; a member who acts for themselves is their own.
std::string PersonBehind(State& state, const std::string& actor) {
  const StaffData* staff = FindStaff(state, actor);
  return staff ? staff->member : FindMember(state, actor) ? actor : "";
}

bool IsPersonOf(State& state, const MemberData& person, const MerchantData& merchant, Day day) {
  const auto people = merchant.people;  // finding a member may move what is found
  return std::any_of(people.begin(), people.end(), [&](const MerchantPerson& p) {
    if (!Covers(p.from, p.to, day)) return false;
    if (p.member == person.id) return true;
    const MemberData* other = FindMember(state, p.member);
    return other && AreNear(state, MemberData(*other), person, day);
  });
}

}  // namespace

bool AreNear(State& state, const MemberData& a, const MemberData& b, Day day) {
  if (a.id == b.id || BelongsTo(a, b.id, day) || BelongsTo(b, a.id, day)) return true;
  return std::any_of(a.memberships.begin(), a.memberships.end(), [&](const Membership& m) {
    if (!Covers(m.from, m.to, day) || !BelongsTo(b, m.member, day)) return false;
    const MemberData* shared = FindMember(state, m.member);
    return shared && shared->kind == MemberKind::kHousehold;
  });
}

bool IsSelfDealing(State& state, const std::string& staff, const MemberData& member, Day deed, Day today) {
  const std::string person = PersonBehind(state, staff);
  if (person.empty() || person == staff) return false;  // nobody behind, or the member's own request
  const MemberData* found = FindMember(state, person);
  if (!found) return false;
  const MemberData self = *found;
  return AreNear(state, self, member, today) || (deed != today && AreNear(state, self, member, deed));
}

bool IsSamePerson(State& state, const std::string& staff, const std::string& other) {
  if (staff == other) return true;
  const std::string person = PersonBehind(state, staff);
  return !person.empty() && person == PersonBehind(state, other);
}

bool IsOwnShop(State& state, const MerchantData& merchant, const MemberData& member, Day today) {
  return IsPersonOf(state, MemberData(member), MerchantData(merchant), today);
}

bool IsOfShop(State& state, const std::string& staff, const std::string& merchant, Day deed, Day today) {
  const std::string person = PersonBehind(state, staff);
  const MemberData* self = person.empty() ? nullptr : FindMember(state, person);
  const MerchantData* shop = FindMerchant(state, merchant);
  if (!self || !shop) return false;
  const MemberData member = *self;
  const MerchantData of = *shop;
  return IsPersonOf(state, member, of, today) || (deed != today && IsPersonOf(state, member, of, deed));
}

bool ConcernsThemselves(State& state, const std::string& staff, const Registration& data, Day today) {
  const std::string id = PersonBehind(state, staff);
  const MemberData* found = id.empty() ? nullptr : FindMember(state, id);
  const auto is_near = [&](const std::string& member) {
    const MemberData* self = FindMember(state, id);
    if (!self || member.empty()) return false;
    const MemberData person = *self;
    const MemberData* other = FindMember(state, member);
    return other && AreNear(state, person, MemberData(*other), today);
  };
  if (const auto* record = std::get_if<StaffData>(&data)) {
    const StaffData* old = FindStaff(state, record->id);
    const std::string before = old ? old->member : "";
    return record->id == staff || is_near(before) || is_near(record->member);
  }
  if (!found) return false;
  const MemberData self = *found;
  const auto is_own = [&](const MerchantData& merchant) { return IsPersonOf(state, self, merchant, today); };
  if (const auto* member = std::get_if<MemberData>(&data)) return is_near(member->id) || AreNear(state, self, *member, today);
  if (const auto* merchant = std::get_if<MerchantData>(&data)) {
    const MerchantData* old = FindMerchant(state, merchant->id);
    return (old && is_own(MerchantData(*old))) || is_own(*merchant);
  }
  if (const auto* terminal = std::get_if<TerminalData>(&data)) {
    const MerchantData* merchant = FindMerchant(state, terminal->merchant);
    return merchant && is_own(MerchantData(*merchant));
  }
  if (const auto* offer = std::get_if<OfferData>(&data)) {
    const auto is_of_own = [&](const OfferData& of) {
      const MerchantData* merchant = of.merchant.empty() ? nullptr : FindMerchant(state, of.merchant);
      return merchant && is_own(MerchantData(*merchant));
    };
    const OfferData* old = FindOffer(state, offer->code);
    return (old && is_of_own(OfferData(*old))) || is_of_own(*offer);
  }
  return false;
}

std::vector<Group> GroupsOn(const MemberData& member, Day day) {
  std::vector<Group> groups;
  for (const GroupSpan& span : member.groups) {
    if (Covers(span.from, span.to, day) && (groups.empty() || groups.back() != span.group)) groups.push_back(span.group);
  }
  return groups;
}

}  // namespace redpoints
