// Ids that the server makes: random, so that they say nothing about whom they name. Thread-safe.
#pragma once

#include <string>

namespace redpoints::server {

// `kind` and 13 characters of 0-9 a-z without i l o u: 64 random bits. 'm' members, 's' merchants, 't' terminals, 'a' staff.
std::string NewId(char kind);

// A 会员号 of ten digits, the last a check digit.
std::string NewMemberNumber();

}  // namespace redpoints::server
