// Resource names of the protos as typed values. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redpoints {

enum class ResourceKind {
  kProgram,
  kMember,
  kMerchant,
  kTerminal,
  kStaff,
  kNode,
  kFund,
  kRulebook,
  kOffer,
  kRedemption,
  kHold,
  kAward,
  kEntry,
};

// A parsed name. The views point into the text it was parsed from, which must outlive it.
struct Name {
  ResourceKind kind = ResourceKind::kProgram;
  std::string_view program = {};
  std::string_view merchant = {};  // of a terminal
  std::string_view id = {};        // of members, merchants, terminals, staff, nodes, funds, offers, rulebooks
  std::int64_t sequence = -1;      // of redemptions, holds, awards, entries: 0 to 2^53 − 1
  // Of those: in which epoch of the ledger the entry was written, 0 to 2^53 − 1. "redemptions/17" in epoch 0, "redemptions/1.17" in epoch
  // 1.
  std::int64_t epoch = 0;

  bool operator==(const Name&) const = default;
};

// nullopt for text that is no name.
std::optional<Name> ParseName(std::string_view text);
std::string FormatName(const Name& name);
// The {number} of an entry, as names end in it and people read it: "17" in epoch 0, "1.17" in epoch 1.
std::string FormatNumber(std::int64_t epoch, std::int64_t sequence);
// "programs/{program}/holds/{sequence}", for the sentence of a refusal.
std::string_view PatternOf(ResourceKind kind);
// Bytes of the longest name of the kind, its program's included.
std::size_t NameBytesMax(ResourceKind kind);

// Whether the text may stand in the name of such a thing for its id: what kinds of sequences have is none.
bool IsIdOf(ResourceKind kind, std::string_view text);
// 1 to 32 of [a-z0-9-], letter first.
bool IsProgramId(std::string_view text);
// 1 to `max` of [a-z0-9-].
bool IsId(std::string_view text, std::size_t max = 63);

}  // namespace redpoints
