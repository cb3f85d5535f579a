// Why an entry is what it is, in a sentence: for statements, objections and auditors. Pure functions.
#pragma once

#include <string>

#include "redpoints/v1/rulebook.pb.h"
#include "storage/rules/entry.h"

namespace redpoints {

// `activity`, when it is at hand, is that of the entry's own rulebook: then awards and corrections show the rate and what a cap left.
std::string ExplainZh(const Entry& entry, const v1::Activity* activity = nullptr);
std::string ExplainEn(const Entry& entry, const v1::Activity* activity = nullptr);

}  // namespace redpoints
