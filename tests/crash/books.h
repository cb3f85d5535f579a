// The books of a journal as somebody would keep them on paper: plain sums over the postings of its lines, with none of the ledger's own
// arithmetic. Whoever adds every line can ask what each account, lot, sale and day comes to, and whether anything was made or lost.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "storage/rules/state.h"

namespace redpoints {

class Books {
 public:
  // Lines in order, from the first on.
  void Add(std::string_view line) {
    auto entry = ParseLine(line);
    ASSERT_TRUE(entry.ok()) << entry.status() << "\n" << line;
    SCOPED_TRACE(std::string(line));
    ASSERT_EQ(entry->sequence, static_cast<std::int64_t>(entries.size()));
    Post(*entry);
    Follow(*entry);
    entries.push_back(*std::move(entry));
  }

  // No point of any unit or fund was made or lost, no member has less than nothing, and nobody owes but to a fund.
  void ExpectConserved() const {
    for (const auto& [unit, sum] : units_) EXPECT_EQ(sum, 0) << unit;
    for (const auto& [fund, sum] : points_) EXPECT_EQ(sum, 0) << "points of " << fund;
    for (const auto& [fund, sum] : debts_) EXPECT_EQ(sum, 0) << "debts to " << fund;
    for (const auto& [key, amount] : lots_) EXPECT_GE(amount, 0) << std::get<0>(key) << " " << std::get<1>(key) << " " << std::get<2>(key);
    for (const auto& [key, amount] : of_funds_) {
      const auto& [holder, sub, fund] = key;
      const bool is_debt = sub == Sub::kDebt, is_below = is_debt || holder.starts_with("issuance:");
      EXPECT_TRUE(is_below ? amount <= 0 : holder.starts_with("s") || amount >= 0) << holder << " " << fund << " " << amount;
    }
    for (const auto& [sequence, sale] : sales_) {
      const std::int64_t left = sale.is_reversed ? 0 : sale.points - static_cast<std::int64_t>(sale.refunded.size());
      EXPECT_EQ(sale.at_shop, left) << "of sale " << sequence;
    }
  }
  // The ledger has the same: each account by part, by fund, and by lot.
  void ExpectSame(const State& state) const {
    for (const auto& [key, amount] : balances_) {
      const auto& [holder, sub, unit] = key;
      const auto account = state.Read(state.accounts, AccountKey(holder, unit));
      ASSERT_TRUE(account.has_value()) << holder;
      EXPECT_EQ(account->at(sub), amount) << holder << " " << unit;
    }
    std::map<std::string, std::vector<std::tuple<Day, std::string, Day, std::int64_t>>> lots;
    for (const auto& [key, amount] : of_funds_) {
      const auto& [holder, sub, fund] = key;
      EXPECT_EQ(state.Read(state.accounts, AccountKey(holder, kPoint))->of(fund, sub), amount) << holder << " " << fund;
      if (holder.starts_with("m")) lots[holder];
    }
    for (const auto& [key, amount] : lots_) {
      if (amount != 0) lots[std::get<0>(key)].emplace_back(std::get<1>(key), std::get<2>(key), std::get<3>(key), amount);
    }
    for (const auto& [holder, expected] : lots) {
      std::vector<std::tuple<Day, std::string, Day, std::int64_t>> found;
      const auto account = state.Read(state.accounts, AccountKey(holder, kPoint));
      for (const Lot& lot : account->lots) found.emplace_back(lot.end, lot.fund, lot.first_end, lot.amount);
      EXPECT_EQ(found, expected) << "lots of " << holder;
    }
  }

  int count(Kind kind) const {
    const auto it = kinds_.find(kind);
    return it == kinds_.end() ? 0 : it->second;
  }
  std::string KindsLine() const {
    std::string line;
    for (const auto& [kind, n] : kinds_) line += std::string(KindName(kind)) + " " + std::to_string(n) + ", ";
    return line.substr(0, line.empty() ? 0 : line.size() - 2);
  }

  std::vector<Entry> entries;

 private:
  struct Sale {
    std::int64_t points = 0, at_shop = 0;
    std::set<std::int64_t> refunded;  // point by point, from the last back
    bool is_reversed = false;
  };
  struct DaySums {
    std::map<std::string, std::vector<std::int64_t>> of;  // fund to issued, redeemed, expired, pool, debts, fen
    std::set<std::string> shops;
  };

  void Post(const Entry& e) {
    ++kinds_[e.kind];
    DaySums& day = days_[e.business_day];
    const auto total = [&](const std::string& fund) -> std::vector<std::int64_t>& {
      auto& sums = day.of[fund];
      sums.resize(6);
      return sums;
    };
    std::map<std::string, std::int64_t> units;
    for (const Posting& p : e.postings) {
      const std::string holder = p.holder.text();
      units[p.unit] += p.amount;
      units_[p.unit] += p.amount;
      const std::int64_t balance = balances_[{holder, p.sub, p.unit}] += p.amount;
      EXPECT_EQ(p.balance, holder.starts_with("s") ? 0 : balance) << holder;
      if (p.unit != kPoint || p.amount == 0) continue;
      std::vector<std::pair<std::string, std::int64_t>> of;
      for (const Lot& lot : p.lots) of.emplace_back(lot.fund, lot.amount);
      for (const FundAmount& f : p.funds) of.emplace_back(f.fund, f.amount);
      if (of.empty()) of.emplace_back(holder.substr(holder.find(':') + 1), p.amount);
      if (holder.starts_with("m") && p.sub == Sub::kAvailable) {
        for (const Lot& lot : p.lots)
          EXPECT_GE(lots_[std::make_tuple(holder, lot.end, lot.fund, lot.first_end)] += lot.amount, 0) << holder;
      }
      std::int64_t sum = 0;
      for (const auto& [fund, amount] : of) {
        sum += amount;
        of_funds_[{holder, p.sub, fund}] += amount;
        const bool is_debt = p.sub == Sub::kDebt || holder.starts_with("debts:");
        (is_debt ? debts_ : points_)[fund] += amount;
        if (holder.starts_with("issuance:")) total(fund)[0] -= amount;
        if (holder.starts_with("s")) total(fund)[1] += amount;
        if (holder == "expired") total(fund)[2] += amount;
        if (holder == "pool") total(fund)[3] += amount;
        if (holder.starts_with("debts:")) total(fund)[4] += amount;
      }
      EXPECT_EQ(sum, p.amount) << holder;
      if (holder.starts_with("s")) day.shops.insert(holder);
    }
    for (const auto& [unit, sum] : units) EXPECT_EQ(sum, 0) << unit;
    for (const Owed& owed : e.owed) total(owed.fund)[5] += owed.fen;
  }

  // What an entry says of others before it.
  void Follow(const Entry& e) {
    std::int64_t at_shop = 0;
    for (const Posting& p : e.postings) at_shop += p.holder.text().starts_with("s") ? p.amount : 0;
    switch (e.kind) {
      case Kind::kRedemption:
      case Kind::kCapture: sales_[e.sequence] = {.points = at_shop, .at_shop = at_shop, .refunded = {}, .is_reversed = false}; break;
      case Kind::kRefund: {
        Sale& sale = sales_.at(e.ref);
        EXPECT_FALSE(sale.is_reversed);
        sale.at_shop += at_shop;
        EXPECT_EQ(Points(e.span).size(), static_cast<std::size_t>(-at_shop));
        for (const std::int64_t point : Points(e.span)) {
          EXPECT_TRUE(point >= 0 && point < sale.points) << point;
          EXPECT_TRUE(sale.refunded.insert(point).second) << "point " << point << " was given back twice";
        }
        break;
      }
      case Kind::kReversal:
        if (at_shop != 0) {
          EXPECT_FALSE(sales_.at(e.ref).is_reversed);
          sales_.at(e.ref).at_shop += at_shop;
          sales_.at(e.ref).is_reversed = true;
        } else if (e.effect == Effect::kUndone && e.ref >= 0) {
          sales_.at(e.ref).is_reversed = true;  // all of it was refunded before
        }
        break;
      case Kind::kUndoProposed:
        EXPECT_TRUE(KindOf(e.ref) == Kind::kRefund || KindOf(e.ref) == Kind::kDonation);
        EXPECT_FALSE(undone_.contains(e.ref));
        break;
      case Kind::kUndo: {
        ASSERT_EQ(KindOf(e.proposal), Kind::kUndoProposed);
        const Entry& proposal = entries[static_cast<std::size_t>(e.proposal)];
        EXPECT_EQ(proposal.ref, e.ref);
        EXPECT_NE(proposal.actor, e.actor);
        EXPECT_TRUE(undone_.insert(e.ref).second) << e.ref << " was undone twice";
        if (KindOf(e.ref) != Kind::kRefund) break;
        const Entry& refund = entries[static_cast<std::size_t>(e.ref)];
        Sale& sale = sales_.at(refund.ref);
        EXPECT_EQ(e.span, refund.span);
        sale.at_shop += at_shop;
        for (const std::int64_t point : Points(refund.span)) sale.refunded.erase(point);
        break;
      }
      case Kind::kEpoch: EXPECT_GT(e.epoch, entries.back().epoch); return;
      case Kind::kDayClosed: CloseDay(std::get<DayData>(e.data), e.business_day); break;
      default: break;
    }
    EXPECT_EQ(e.epoch, entries.empty() ? 0 : entries.back().epoch);
  }
  void CloseDay(const DayData& data, Day today) {
    EXPECT_LT(data.day, today);
    if (last_closed_ != 0) {
      EXPECT_EQ(data.day, AddDays(last_closed_, 1));
    }
    last_closed_ = data.day;
    DaySums& day = days_[data.day];
    EXPECT_EQ(data.shops, static_cast<std::int64_t>(day.shops.size()));
    EXPECT_EQ(data.shops_sha256.empty(), day.shops.empty());
    std::erase_if(day.of, [](const auto& f) { return f.second == std::vector<std::int64_t>(6); });
    std::map<std::string, std::vector<std::int64_t>> said;
    for (const DayTotal& t : data.totals) said[t.fund] = {t.issued, t.redeemed, t.expired, t.pool, t.debts, t.fen};
    EXPECT_EQ(said, day.of) << "totals of " << data.day;
  }
  Kind KindOf(std::int64_t sequence) const {
    return sequence >= 0 && sequence < static_cast<std::int64_t>(entries.size()) ? entries[static_cast<std::size_t>(sequence)].kind
                                                                                 : Kind::kRefused;
  }
  static std::vector<std::int64_t> Points(const std::vector<Span>& spans) {
    std::vector<std::int64_t> points;
    for (const Span& span : spans) {
      for (std::int64_t point = span.from; point < span.to; ++point) points.push_back(point);
    }
    return points;
  }

  std::map<std::string, std::int64_t> units_, points_, debts_;  // by unit; by fund
  std::map<std::tuple<std::string, Sub, std::string>, std::int64_t> balances_, of_funds_;
  std::map<std::tuple<std::string, Day, std::string, Day>, std::int64_t> lots_;  // holder, end, fund, first end
  std::map<std::int64_t, Sale> sales_;
  std::set<std::int64_t> undone_;
  std::map<Day, DaySums> days_;
  Day last_closed_ = 0;
  std::map<Kind, int> kinds_;
};

}  // namespace redpoints
