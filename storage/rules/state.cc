#include "storage/rules/state.h"

#include <cstdio>
#include <iterator>

namespace redpoints {
namespace {

// Joins with '/', which no id or code holds.
template <class... T> std::string Join(std::string_view first, const T&... rest) {
  std::string key(first);
  ((key += '/', key += std::string_view(rest)), ...);
  return key;
}

}  // namespace

// Readers may hold the definitions of before.
void State::AddBook(Day effective_day, Rulebook book) {
  auto more = std::make_shared<Definitions>(*definitions);
  for (const auto& unit : book.proto().units()) more->units.insert(unit.code());
  more->books[effective_day] = std::make_shared<const Rulebook>(std::move(book));
  definitions = std::move(more);
}

void State::AddBranch(const NodeData& branch) {
  auto more = std::make_shared<Definitions>(*definitions);
  more->branches[branch.code] = branch;
  definitions = std::move(more);
}

const Rulebook* State::BookOf(Day day) const {
  const auto it = definitions->books.upper_bound(day);
  return it == definitions->books.begin() ? nullptr : std::prev(it)->second.get();
}

const Rulebook* State::BookNamed(std::string_view version) const { return definitions->BookNamed(version); }

const Rulebook* Definitions::BookNamed(std::string_view version) const {
  for (const auto& [day, book] : books) {
    if (book->version() == version) return book.get();
  }
  return nullptr;
}

const v1::Activity* Definitions::ActivityOf(const Entry& entry) const {
  const Rulebook* book = BookNamed(entry.rulebook);
  return book ? book->FindActivity(entry.activity) : nullptr;
}

std::string AccountKey(std::string_view holder, std::string_view unit) { return Join(holder, unit); }
std::string RequestKey(std::string_view actor, std::string_view request_id) { return Join(actor, request_id); }

std::string SequenceKey(std::int64_t sequence) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "%016lld", static_cast<long long>(sequence));
  return buffer;
}

std::string MemberCounter(v1::Period period, std::string_view member, Day day) {
  return Join("points", member, PeriodKey(period, day, ""));
}
std::string MerchantCounter(std::string_view merchant, Day day) { return Join("points", merchant, PeriodKey(v1::DAY, day, "")); }
std::string CountCounter(v1::Period period, std::string_view member, Day day) { return Join("count", member, PeriodKey(period, day, "")); }
std::string RefusalCounter(std::string_view terminal, Day day) { return Join("refused", terminal, PeriodKey(v1::DAY, day, "")); }

std::string CapCounter(v1::Period period, std::string_view member, std::string_view activity, std::string_view unit, Day day,
                       const std::string& session) {
  // The period's kind is in the key: a session may be called "2024".
  return Join(period == v1::SESSION ? "cap-session" : "cap", member, activity, unit, PeriodKey(period, day, session));
}
std::string ExpiredCounter(std::string_view member, const Lot& lot) { return Join("expired", member, lot.fund, std::to_string(lot.end)); }
std::string SessionCounter(std::string_view member, std::string_view activity, std::string_view session) {
  return Join("session", member, activity, session);
}

std::string IssuanceHolder(std::string_view fund) { return "issuance:" + std::string(fund); }

}  // namespace redpoints
