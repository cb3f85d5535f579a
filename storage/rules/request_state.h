// What became of a request. Values only.
#pragma once

#include <cstdint>

namespace redpoints {

// Kept in derived rows by number: never renumber.
enum class RequestState : std::uint8_t {
  kNone = 0,
  kPending = 1,  // points are held; a capture, a void or time ends it
  kDone = 2,
  kRefused = 3,    // recorded, for ever
  kReversed = 4,   // undone: by a reversal, a void, the end of a hold, or two persons
  kNeverSeen = 5,  // reversed here before it came, if it ever does: nothing was done, and nothing will be
};

}  // namespace redpoints
