// Who is who, and who is too near to whom: registrations as rules ask for them.
#pragma once

#include <string>

#include "storage/rules/state.h"

namespace redpoints {

// nullptr where there is none. Valid until the next change of the registration.
const MemberData* FindMember(State& state, const std::string& id);
const MerchantData* FindMerchant(State& state, const std::string& id);
const FundData* FindFund(State& state, std::string_view code);
// Whether it issues no more.
bool HasFundEnded(State& state, std::string_view code, Day today);
const NodeData* FindNode(State& state, const std::string& code);
const OfferData* FindOffer(State& state, const std::string& code);

// Whether `a` and `b` are one, one household (its account, or both live in it), or one stands for the other, an organisation: on that day.
bool AreNear(State& state, const MemberData& a, const MemberData& b, Day day);

// Whether the person behind `staff` is near `member` on the day of the deed or today. Staff without a person behind are near nobody.
bool IsSelfDealing(State& state, const std::string& staff, const MemberData& member, Day deed, Day today);
// Whether the two are the same staff record or the same person.
bool IsSamePerson(State& state, const std::string& staff, const std::string& other);

// Whether `member` is near somebody who owns the shop or works there, today.
bool IsOwnShop(State& state, const MerchantData& merchant, const MemberData& member, Day today);

// Whether the person behind `staff` is such a one, on the day of the deed or today.
bool IsOfShop(State& state, const std::string& staff, const std::string& merchant, Day deed, Day today);

// Whether a registration concerns the person behind `staff`: their own staff record, themselves or their household, their shop or a terminal of
// it, as it stands or as it would become. Nobody changes those.
bool ConcernsThemselves(State& state, const std::string& staff, const Registration& data, Day today);

// The groups that the member is in on that day, ascending.
std::vector<Group> GroupsOn(const MemberData& member, Day day);

}  // namespace redpoints
