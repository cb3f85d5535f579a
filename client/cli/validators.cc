#include "client/cli/validators.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace redpoints::cli {
namespace {

// Choices travel in the validator's description, which help leaves out: the option's own says them.
constexpr char kBegin[] = ":{";  // CLI11 puts the colon there
constexpr char kEnd[] = "}";

CLI::Validator Number(std::int64_t min, std::int64_t max, const std::string& expected, const Text& t) {
  return Checked(
      [=](const std::string& text) {
        std::int64_t value = 0;
        return absl::SimpleAtoi(text, &value) && value >= min && value <= max ? absl::OkStatus() : Invalid(text, expected, t);
      },
      "");
}

}  // namespace

CLI::Validator AtLeast(std::int64_t min, const Text& t) {
  return Number(min, std::numeric_limits<std::int64_t>::max(), absl::StrCat(t("不小于 ", "an integer of at least "), min, t(" 的整数", "")),
                t);
}

CLI::Validator Between(std::int64_t min, std::int64_t max, const Text& t) {
  return Number(min, max, absl::StrCat(t(" ", "an integer of "), min, t(" 到 ", " to "), max, t(" 的整数", "")), t);
}

CLI::Validator OneOf(const std::vector<std::string>& choices, const Text& t) {
  const std::string list = absl::StrJoin(choices, ", ");
  return Checked(
      [=](const std::string& text) {
        return std::count(choices.begin(), choices.end(), text) > 0 ? absl::OkStatus() : NotAmong(text, list, t);
      },
      list);
}

CLI::Validator Checked(std::function<absl::Status(const std::string&)> check, const std::string& choices) {
  return CLI::Validator([check = std::move(check)](std::string& text) { return std::string(check(text).message()); },
                        choices.empty() ? "" : absl::StrCat("{", choices, "}"));
}

std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find(kBegin);
  const auto end = type.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return absl::StrSplit(type.substr(begin + 2, end - begin - 2), ", ");
}

}  // namespace redpoints::cli
