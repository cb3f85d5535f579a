// Request ids: one UUID for one intent. Written with hyphens on the wire, held as 32 lower-case hexadecimal digits in the ledger. Pure
// functions but for NewRequestId; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redpoints {

// A fresh random UUID (version 4), lower-case with hyphens. Aborts if the system has no randomness to give.
std::string NewRequestId();

// The UUID of `version` (1 to 15) with these bytes, less the six bits that say version and variant; lower-case with hyphens.
std::string UuidOf(std::array<std::uint8_t, 16> bytes, std::uint8_t version);

// A UUID in its form with hyphens, in either case and of any version, as 32 lower-case hexadecimal digits. nullopt for anything else, and
// for the nil UUID: it says that a client forgot to make one.
std::optional<std::string> ParseUuid(std::string_view text);
// 32 hexadecimal digits with hyphens. Anything else comes back as it is.
std::string FormatUuid(std::string_view hex);

}  // namespace redpoints
