// Why an entry is what it is, in a sentence: for statements, objections and auditors. Pure functions.
#pragma once

#include <string>

#include "storage/rules/entry.h"
#include "storage/rules/state.h"

namespace redpoints {

// With decimals as the program's `definitions` say, cash in 元. Where they have the entry's activity, awards and corrections show the rate
// and what a cap left. Other entries are named by number, with the epochs of the program's `at`.
std::string ExplainZh(const Entry& entry, const Definitions& definitions = {}, const StateMark& at = {});
std::string ExplainEn(const Entry& entry, const Definitions& definitions = {}, const StateMark& at = {});

}  // namespace redpoints
