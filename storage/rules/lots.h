// Arithmetic of lots and of the funds that points belong to. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/rules/entry.h"

namespace redpoints {

// Adds `lot` (negative takes away) to lots in order of end, fund and first end; a lot that comes to 0 goes.
void AddLot(std::vector<Lot>& lots, const Lot& lot);
// Lots worth `points` from the front of `lots`, positive. `lots` must hold that many.
std::vector<Lot> TakeLots(const std::vector<Lot>& lots, std::int64_t points);
std::vector<Lot> Negative(std::vector<Lot> lots);
std::int64_t SumOf(const std::vector<Lot>& lots);

// Adds to amounts in order of fund; a fund that comes to 0 goes.
void AddFund(std::vector<FundAmount>& funds, std::string_view fund, std::int64_t amount);
// Points of each fund among the lots, by fund.
std::vector<FundAmount> FundsOf(const std::vector<Lot>& lots);
std::vector<FundAmount> Negative(std::vector<FundAmount> funds);
std::int64_t AmountOf(const std::vector<FundAmount>& funds, std::string_view fund);

// Which points of which fund a posting of spendable points moves: by its lots, its funds or its account's name.
std::vector<FundAmount> FundsOf(const Posting& posting);

// The parts of a posting that Complete (derive.h) does not fill in.
Posting Move(Holder holder, Sub sub, std::string_view unit, std::int64_t amount);
Posting MoveLots(Holder holder, Sub sub, std::vector<Lot> lots);
Posting MoveFunds(Holder holder, Sub sub, std::vector<FundAmount> funds);

// Points moved by a sale, capture, hold, refund or reversal, as a positive number; 0 for other kinds.
std::int64_t PointsOf(const Entry& entry);
// Lots that a sale or capture took from the member, positive, in the order in which they were taken.
std::vector<Lot> LotsTaken(const Entry& entry);
// What a deed came to earn by this entry in `unit`: issued, or netted against a debt. Negative where a correction takes back.
std::int64_t EarnedBy(const Entry& entry, std::string_view unit);
// Points that the entry took from issuance: what paid a debt is none of them. Below 0 when it gave back.
std::int64_t IssuedBy(const Entry& entry);

// --- spans of a sale's points -----------------------------------------------------------------------------------------------------------
// A sale's points are counted from its last one back. Refunds take the first that no earlier one gave back.

std::int64_t SumOf(const std::vector<Span>& spans);
// The first `points` that are in none of `taken` (ascending, apart).
std::vector<Span> FreeSpans(const std::vector<Span>& taken, std::int64_t points);
// Puts `more` among `spans`, or takes it out again; what touches becomes one.
void AddSpans(std::vector<Span>& spans, const std::vector<Span>& more);
void RemoveSpans(std::vector<Span>& spans, const std::vector<Span>& less);

}  // namespace redpoints
