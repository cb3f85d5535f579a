// Request ids: one UUID for one intent. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace redpoints {

// A fresh random UUID (version 4), lower-case with hyphens. Aborts if the system has no randomness to give.
std::string NewRequestId();

// The UUID (version 5, RFC 4122) of `name` in the space of `seed`: the same for the same two, so that a long job which was cut
// short repeats its requests instead of making new ones. `seed` is a UUID.
std::string DerivedRequestId(std::string_view seed, std::string_view name);

// `text` in lower case if it is a UUID written with hyphens.
std::optional<std::string> ParseRequestId(std::string_view text);

}  // namespace redpoints
