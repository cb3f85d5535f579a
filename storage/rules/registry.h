// Who takes part, and by which rules: registrations.
#pragma once

#include "storage/rules/decision.h"

namespace redpoints {

// Of every kind of registration.
Broken DeriveRegistration(Case& c, Entry& registration);

Outcome Decide(Decision& d, const Register& command);
Outcome Decide(Decision& d, const FoundProgram& command);

// Whether the registration may be made (`is_new`) or changed by `actor` today. Fills in what a change leaves as it is.
Broken CheckRegistration(State& state, const std::string& actor, Day today, Registration& data, bool is_new);
// What else a rulebook has to be, by its content: judged by today's rules, after those that hold.
Broken JudgeRulebook(State& state, Day today, const RulebookData& data, const std::string& json);
// And whether those that remain without one may hold together: RULEBOOK_INVALID.
Broken JudgeWithdrawal(State& state, const RulebookData& data);

}  // namespace redpoints
