// Request ids for a long job that can be repeated. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace redpoints::cli {

// The UUID (version 5, RFC 4122) of `name` in the space of `seed`: the same for the same two, so that a job which was cut short repeats
// its requests instead of making new ones. `seed` is a UUID; aborts if it is none.
std::string DerivedRequestId(std::string_view seed, std::string_view name);

}  // namespace redpoints::cli
