#include "storage/rules/shop_day.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/kinds.h"

namespace redpoints {
namespace {

// Ids, words and funds need no escapes.
std::string Leaf(const Entry& e, const std::string& terminal, const std::string& request_id, std::int64_t points, std::int64_t fen) {
  return absl::StrCat("[\"", terminal, "\",\"", request_id, "\",\"", std::string(KindName(e.kind)), "\",", points, ",", fen, "]");
}

std::string Line(State& state, Day day, const std::string& shop, const ShopDay& row) {
  const Hash root = row.lines.Root();
  std::string line = absl::StrCat("[\"", shop, "\",\"", Hex(root.data(), root.size()), "\",", row.count, ",[");
  std::vector<FundAmount> funds = row.points;  // every fund that has points or fen
  for (const FundAmount& f : row.fen) {
    if (AmountOf(funds, f.fund) == 0)
      funds.insert(std::lower_bound(funds.begin(), funds.end(), f, [](const auto& a, const auto& b) { return a.fund < b.fund; }),
                   {f.fund, 0});
  }
  for (const FundAmount& f : funds) {
    absl::StrAppend(&line, line.back() == '[' ? "" : ",", "[\"", f.fund, "\",", AmountOf(row.points, f.fund), ",",
                    AmountOf(row.fen, f.fund), "]");
  }
  // The account as it stands, less what later days have brought.
  std::vector<FundAmount> balance;
  if (const Account* account = state.accounts.Find(AccountKey(shop, kPoint))) {
    for (const FundPart& part : account->funds) AddFund(balance, part.fund, part.of[0]);
  }
  for (auto later = state.shops_by_day.upper_bound(day); later != state.shops_by_day.end(); ++later) {
    const ShopDay* since = later->second.contains(shop) ? state.shop_days.Find(ShopDayKey(later->first, shop)) : nullptr;
    if (!since) continue;
    for (const FundAmount& f : std::vector<FundAmount>(since->points)) AddFund(balance, f.fund, -f.amount);
  }
  line += "],[";
  for (const FundAmount& f : balance) absl::StrAppend(&line, line.back() == '[' ? "" : ",", "[\"", f.fund, "\",", f.amount, "]");
  return line + "]]";
}

}  // namespace

void CountDay(State& state, const Entry& e, const std::string& terminal, const std::string& request_id) {
  std::vector<DayTotal> moved;
  const auto of = [&](const std::string& fund) -> DayTotal& {
    for (DayTotal& t : moved) {
      if (t.fund == fund) return t;
    }
    return moved.emplace_back(DayTotal{.fund = fund});
  };
  std::string shop;
  std::vector<FundAmount> points;
  for (const Posting& p : e.postings) {
    if (p.unit != kPoint || p.amount == 0 || p.holder.is(HolderClass::kMember)) continue;
    for (const FundAmount& f : FundsOf(p)) {
      DayTotal& total = of(f.fund);
      switch (p.holder.holder_class()) {
        case HolderClass::kIssuance: total.issued -= f.amount; break;
        case HolderClass::kMerchant: total.redeemed += f.amount; break;
        case HolderClass::kExpired: total.expired += f.amount; break;
        case HolderClass::kPool: total.pool += f.amount; break;
        case HolderClass::kDebts: total.debts += f.amount; break;
        default: break;
      }
    }
    if (p.holder.is(HolderClass::kMerchant)) shop = p.holder.text(), points = FundsOf(p);
  }
  for (const Owed& owed : e.owed) of(owed.fund).fen += owed.fen;
  if (moved.empty()) return;

  auto& totals = state.day_totals.Edit(std::to_string(e.business_day)).totals;
  for (const DayTotal& m : moved) {
    auto it = std::lower_bound(totals.begin(), totals.end(), m, [](const DayTotal& a, const DayTotal& b) { return a.fund < b.fund; });
    if (it == totals.end() || it->fund != m.fund) it = totals.insert(it, DayTotal{.fund = m.fund});
    it->issued += m.issued, it->redeemed += m.redeemed, it->expired += m.expired, it->pool += m.pool, it->debts += m.debts,
        it->fen += m.fen;
  }
  if (shop.empty()) return;
  ShopDay& row = state.shop_days.Edit(ShopDayKey(e.business_day, shop));
  state.shops_by_day[e.business_day].insert(shop);
  std::int64_t sum = 0, fen = 0;
  for (const FundAmount& f : points) AddFund(row.points, f.fund, f.amount), sum += f.amount;
  for (const Owed& owed : e.owed) AddFund(row.fen, owed.fund, owed.fen), fen += owed.fen;
  row.lines.Append(LeafHash(Leaf(e, terminal, request_id, sum, fen)));
  ++row.count;
}

ClosedDay CloseDay(State& state, Day day) {
  ClosedDay closed;
  closed.data.day = day;
  if (const DayTotals* totals = state.day_totals.Find(std::to_string(day))) closed.data.totals = totals->totals;
  std::erase_if(closed.data.totals, [](const DayTotal& t) { return t == DayTotal{.fund = t.fund}; });
  Frontier shops;
  if (const auto traded = state.shops_by_day.find(day); traded != state.shops_by_day.end()) {
    for (const std::string& shop : traded->second) {
      const ShopDay* found = state.shop_days.Find(ShopDayKey(day, shop));
      if (!found) continue;
      const std::string line = Line(state, day, shop, ShopDay(*found));
      shops.Append(LeafHash(line));
      closed.blob += line + "\n";
      ++closed.data.shops;
    }
  }
  const Hash root = shops.Root();
  closed.data.shops_root = Hex(root.data(), root.size());
  if (!closed.blob.empty()) closed.data.shops_sha256 = Sha256Hex(closed.blob);
  return closed;
}

void ForgetDay(State& state, Day day) {
  if (const auto traded = state.shops_by_day.find(day); traded != state.shops_by_day.end()) {
    for (const std::string& shop : traded->second) state.shop_days.Erase(ShopDayKey(day, shop));
    state.shops_by_day.erase(traded);
  }
  if (state.day_totals.Find(std::to_string(day))) state.day_totals.Erase(std::to_string(day));
}

}  // namespace redpoints
