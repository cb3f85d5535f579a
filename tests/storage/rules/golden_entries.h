// One entry of each kind, with every field in use somewhere, and the line that it is stored as. What is made of entries is tested on them:
// the line, the table for spreadsheets, the explanation.
#pragma once

#include <functional>
#include <vector>

#include "storage/rules/entry.h"

namespace redpoints {

// Entry 42 of the program, on 2024-03-15 at 10:00 in Shanghai, as `fill` leaves it.
Entry MakeEntry(Kind kind, const std::function<void(Entry&)>& fill);

struct Golden {
  Entry entry;
  const char* line;
};

// Two for a reversal: one that undoes, one that comes before its target.
std::vector<Golden> Goldens();

}  // namespace redpoints
