// The rulebook of all fixtures, tests/rulebook.json: two funds, activities of several units and caps, two confidential ones; a bare 会员号 pays
// without bound.
#pragma once

#include <string>

#include "storage/rules/day.h"

namespace redpoints {

// That rulebook, without white space, with another version and day, with more limits (`{"max_points_per_member_day":50}`), or other policies.
std::string RulebookJson(const std::string& version = "2024-1", Day effective_day = 20240101, const std::string& limits = "{}",
                         const std::string& policies = R"({"debts_allowed":true,"late_days":60})");

// One more activity, before the others.
std::string WithActivity(std::string rulebook_json, const std::string& activity_json);

}  // namespace redpoints
