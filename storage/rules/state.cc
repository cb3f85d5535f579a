#include "storage/rules/state.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "proto/contract/amount.h"
#include "storage/rules/lots.h"

namespace redpoints {
namespace {

// Joins with '/', which no id or code holds.
template <class... T> std::string Join(std::string_view first, const T&... rest) {
  std::string key(first);
  ((key += '/', key += std::string_view(rest)), ...);
  return key;
}

}  // namespace

std::int64_t Account::of(std::string_view fund, Sub sub) const {
  for (const FundPart& part : funds) {
    if (part.fund == fund) return part.of[static_cast<std::size_t>(sub)];
  }
  return 0;
}

void Account::Add(const Posting& p) {
  at(p.sub) += p.amount;
  if (p.unit != kPoint) return;
  for (const FundAmount& f : FundsOf(p)) {
    auto it = std::lower_bound(funds.begin(), funds.end(), f.fund, [](const FundPart& a, std::string_view fund) { return a.fund < fund; });
    if (it == funds.end() || it->fund != f.fund) it = funds.insert(it, FundPart{.fund = f.fund});
    it->of[static_cast<std::size_t>(p.sub)] += f.amount;
    if (it->of[0] == 0 && it->of[1] == 0 && it->of[2] == 0) funds.erase(it);
  }
  if (!p.holder.is(HolderClass::kMember) || p.sub != Sub::kAvailable) return;
  for (const Lot& lot : p.lots) AddLot(lots, lot);
}

std::int64_t StateMark::EpochOf(std::int64_t sequence) const {
  std::int64_t of = 0;
  for (const EpochStart& start : epochs) {
    if (start.sequence <= sequence) of = start.epoch;
  }
  return of;
}

// Readers may hold the definitions of before.
void State::AddBook(Day effective_day, Rulebook book) {
  auto more = std::make_shared<Definitions>(*definitions);
  more->books[effective_day] = std::make_shared<const Rulebook>(std::move(book));
  more->IndexUnits();
  definitions = std::move(more);
}

void State::RemoveBook(Day effective_day) {
  auto fewer = std::make_shared<Definitions>(*definitions);
  fewer->books.erase(effective_day);
  fewer->IndexUnits();
  definitions = std::move(fewer);
}

void Definitions::IndexUnits() {
  units.clear();
  for (const auto& [day, book] : books) {
    for (const auto& unit : book->proto().units()) {
      auto& rule = units[unit.code()];
      rule = {.kind = unit.kind(), .decimals = unit.decimals(), .floor = std::min<std::int64_t>(rule.floor, unit.floor())};
    }
  }
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

int Definitions::DecimalsOf(std::string_view unit) const {
  if (unit == kFen) return kFenDecimals;
  const auto it = units.find(unit);
  return it == units.end() ? 0 : it->second.decimals;
}

std::string AccountKey(std::string_view holder, std::string_view unit) { return Join(holder, unit); }
std::string AccountKey(const Holder& holder, std::string_view unit) { return Join(holder.text(), unit); }
std::string RequestKey(std::string_view actor, std::string_view request_id) { return Join(actor, request_id); }

std::string SequenceKey(std::int64_t sequence) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "%016lld", static_cast<long long>(sequence));
  return buffer;
}

std::string ShopDayKey(Day day, std::string_view merchant) { return Join(std::to_string(day), merchant); }

}  // namespace redpoints
