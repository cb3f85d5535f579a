#include "tests/rulebook.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"

namespace redpoints {
namespace {

void Replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error(absl::StrCat("tests/rulebook.json does not say ", from));
  text.replace(at, from.size(), to);
}

}  // namespace

std::string RulebookJson(const std::string& version, Day effective_day, const std::string& limits, const std::string& policies) {
  std::ifstream file(REDPOINTS_RULEBOOK, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  Replace(text, R"("2024-1")", absl::StrCat("\"", version, "\""));
  Replace(text, "20240101", absl::StrCat(effective_day));
  if (limits != "{}") Replace(text, R"("limits":{)", absl::StrCat(R"("limits":{)", limits.substr(1, limits.size() - 2), ","));
  Replace(text, R"({"debts_allowed":true,"late_days":60})", policies);
  return text;
}

std::string WithActivity(std::string rulebook_json, const std::string& activity_json) {
  Replace(rulebook_json, R"("activities":[)", absl::StrCat(R"("activities":[)", activity_json, ","));
  return rulebook_json;
}

}  // namespace redpoints
