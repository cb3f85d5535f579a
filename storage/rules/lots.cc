#include "storage/rules/lots.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "storage/rules/types.h"

namespace redpoints {

void AddLot(std::vector<Lot>& lots, const Lot& lot) {
  const auto key = [](const Lot& l) { return std::tie(l.end, l.fund, l.first_end); };
  const auto it = std::lower_bound(lots.begin(), lots.end(), lot, [&](const Lot& a, const Lot& b) { return key(a) < key(b); });
  if (it == lots.end() || key(*it) != key(lot)) {
    if (lot.amount != 0) lots.insert(it, lot);
  } else if ((it->amount += lot.amount) == 0) {
    lots.erase(it);
  }
}

std::vector<Lot> TakeLots(const std::vector<Lot>& lots, std::int64_t points) {
  std::vector<Lot> taken;
  for (const Lot& lot : lots) {
    if (points == 0) break;
    taken.push_back(lot);
    taken.back().amount = std::min(points, lot.amount);
    points -= taken.back().amount;
  }
  RP_CHECK(points == 0);
  return taken;
}

std::vector<Lot> Negative(std::vector<Lot> lots) {
  for (Lot& lot : lots) lot.amount = -lot.amount;
  return lots;
}

std::int64_t SumOf(const std::vector<Lot>& lots) {
  std::int64_t sum = 0;
  for (const Lot& lot : lots) sum += lot.amount;
  return sum;
}

void AddFund(std::vector<FundAmount>& funds, std::string_view fund, std::int64_t amount) {
  const auto it = std::lower_bound(funds.begin(), funds.end(), fund, [](const FundAmount& a, std::string_view f) { return a.fund < f; });
  if (it == funds.end() || it->fund != fund) {
    if (amount != 0) funds.insert(it, {std::string(fund), amount});
  } else if ((it->amount += amount) == 0) {
    funds.erase(it);
  }
}

std::vector<FundAmount> FundsOf(const std::vector<Lot>& lots) {
  std::vector<FundAmount> funds;
  for (const Lot& lot : lots) AddFund(funds, lot.fund, lot.amount);
  return funds;
}

std::vector<FundAmount> Negative(std::vector<FundAmount> funds) {
  for (FundAmount& f : funds) f.amount = -f.amount;
  return funds;
}

std::int64_t AmountOf(const std::vector<FundAmount>& funds, std::string_view fund) {
  for (const FundAmount& f : funds) {
    if (f.fund == fund) return f.amount;
  }
  return 0;
}

std::vector<FundAmount> FundsOf(const Posting& p) {
  if (!p.lots.empty()) return FundsOf(p.lots);
  if (!p.funds.empty() || p.amount == 0) return p.funds;
  return {{std::string(p.holder.fund()), p.amount}};
}

Posting Move(Holder holder, Sub sub, std::string_view unit, std::int64_t amount) {
  Posting posting;
  posting.holder = std::move(holder);
  posting.sub = sub;
  posting.unit = unit;
  posting.amount = amount;
  return posting;
}

Posting MoveLots(Holder holder, Sub sub, std::vector<Lot> lots) {
  Posting posting = Move(std::move(holder), sub, kPoint, SumOf(lots));
  posting.lots = std::move(lots);
  return posting;
}

Posting MoveFunds(Holder holder, Sub sub, std::vector<FundAmount> funds) {
  std::int64_t sum = 0;
  for (const FundAmount& f : funds) sum += f.amount;
  Posting posting = Move(std::move(holder), sub, kPoint, sum);
  posting.funds = std::move(funds);
  return posting;
}

std::int64_t PointsOf(const Entry& entry) {
  std::int64_t held = 0;
  for (const Posting& p : entry.postings) {
    if (p.holder.is(HolderClass::kMerchant)) return std::abs(p.amount);
    if (p.sub == Sub::kHeld) held += std::abs(p.amount);
  }
  return held;
}

std::vector<Lot> LotsTaken(const Entry& entry) {
  // A capture takes from the held part what goes to the shop; the rest of the hold leaves it by a posting of its own.
  for (const Posting& p : entry.postings) {
    if (p.holder.is(HolderClass::kMember) && p.amount < 0 && !p.lots.empty()) return Negative(p.lots);
  }
  return {};
}

std::int64_t EarnedBy(const Entry& entry, std::string_view unit) {
  std::int64_t earned = 0;
  for (const Posting& p : entry.postings) {
    if (p.unit == unit && (p.holder.is(HolderClass::kIssuance) || p.holder.is(HolderClass::kDebts))) earned -= p.amount;
  }
  return earned;
}

std::int64_t IssuedBy(const Entry& entry) {
  std::int64_t issued = 0;
  for (const Posting& p : entry.postings) {
    if (p.unit == kPoint && p.holder.is(HolderClass::kIssuance)) issued -= p.amount;
  }
  return issued;
}

std::int64_t SumOf(const std::vector<Span>& spans) {
  std::int64_t sum = 0;
  for (const Span& s : spans) sum += s.to - s.from;
  return sum;
}

std::vector<Span> FreeSpans(const std::vector<Span>& taken, std::int64_t points) {
  std::vector<Span> free;
  std::int64_t at = 0;
  const auto take = [&](std::int64_t until) {
    const std::int64_t part = std::min(points, until - at);
    if (part > 0) free.push_back({at, at + part}), points -= part;
  };
  for (const Span& s : taken) {
    if (points == 0) break;
    take(s.from);
    at = s.to;
  }
  if (points > 0) take(at + points);
  return free;
}

void AddSpans(std::vector<Span>& spans, const std::vector<Span>& more) {
  spans.insert(spans.end(), more.begin(), more.end());
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
  std::vector<Span> joined;
  for (const Span& s : spans) {
    if (!joined.empty() && joined.back().to == s.from) {
      joined.back().to = s.to;
    } else {
      joined.push_back(s);
    }
  }
  spans = std::move(joined);
}

void RemoveSpans(std::vector<Span>& spans, const std::vector<Span>& less) {
  for (const Span& l : less) {
    std::vector<Span> left;
    for (const Span& s : spans) {
      if (s.from < std::min(s.to, l.from)) left.push_back({s.from, std::min(s.to, l.from)});
      if (std::max(s.from, l.to) < s.to) left.push_back({std::max(s.from, l.to), s.to});
    }
    spans = std::move(left);
  }
}

}  // namespace redpoints
