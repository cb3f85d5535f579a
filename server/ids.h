// Ids that the server makes: random, so that they say nothing about whom they name. Thread-safe.
#pragma once

#include <string>

#include "storage/rules/command.h"
#include "storage/rules/state.h"

namespace redpoints::server {

// `kind` and 13 characters of 0-9 a-z without i l o u: 64 random bits. 'm' members, 's' merchants, 't' terminals, 'a' staff.
std::string NewId(char kind);

// Draws the ids of what is to be registered again where they are taken, in `state` or by another item. May read the disk.
void AvoidTaken(const State& state, Register& command);

}  // namespace redpoints::server
