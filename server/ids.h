// Ids that the server makes: random, so that they say nothing about whom they name. Thread-safe.
#pragma once

#include <string>

#include "storage/rules/command.h"
#include "storage/rules/state.h"

namespace redpoints::server {

// `kind` and 13 characters of 0-9 a-z without i l o u: 64 random bits. 'm' members, 's' merchants, 't' terminals, 'a' staff.
std::string NewId(char kind);

// A 会员号 of ten digits, the last a check digit.
std::string NewMemberNumber();

// Draws again for new members whose 会员号 somebody has by now, or another of the same request: in a city of hundreds of thousands one of a
// thousand may.
void DrawFreeNumbers(const State& state, Register& registration);

}  // namespace redpoints::server
