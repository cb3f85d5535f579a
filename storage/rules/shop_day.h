// What a shop sold on a business day, as day_closed commits to it. Pure.
//
// A leaf is one entry that moved the shop's points, as it can prove it later: the JSON array
//     ["terminal","request id",kind,points,fen]      points and fen negative where they were given back; of a capture: those of its hold
// and a shop's line in the blob of the day, without spaces, each ended by LF, in order of shop ids:
//     ["shop","root of the leaves in order of their entries, hex",leaves,[["fund",points,fen],...],[["fund",balance],...]]
// where the balance is the shop's account at the end of the day. The leaf of a line in the day's root is the line without its LF.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/rules/state.h"

namespace redpoints {

// Adds the entry to the totals of its business day, and, where it touches a shop, to the shop's day. Each row by the entry and the row alone.
void CountDay(State& state, const Entry& entry, const std::string& terminal, const std::string& request_id);

// The record of the day, and the blob that it names (empty when no shop traded).
struct ClosedDay {
  DayData data;
  std::string blob;
};
ClosedDay CloseDay(State& state, Day day);
// Takes the day's rows away once it is closed.
void ForgetDay(State& state, Day day);

}  // namespace redpoints
