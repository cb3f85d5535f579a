// Why an entry is what it is, in a sentence: for statements, objections and auditors. Pure functions.
#pragma once

#include <string>

#include "storage/rules/entry.h"

namespace redpoints {

std::string ExplainZh(const Entry& entry);
std::string ExplainEn(const Entry& entry);

}  // namespace redpoints
