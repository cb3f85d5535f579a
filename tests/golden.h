// The golden lines: entries of every kind and form, with every field and every word in use somewhere, as they are stored for ever. What is
// made of entries is tested on them: the line, the table for spreadsheets, the explanation.
//
//   grep '"kind":"refund"' tests/golden.jsonl
//
// A line that is there never changes; new forms get lines of their own.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"

namespace redpoints {

inline std::vector<std::string> GoldenLines() {
  std::ifstream file(REDPOINTS_GOLDEN, std::ios::binary);
  EXPECT_TRUE(file.good()) << REDPOINTS_GOLDEN;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

inline std::vector<Entry> GoldenEntries() {
  std::vector<Entry> entries;
  for (const std::string& line : GoldenLines()) {
    auto entry = ParseLine(line);
    EXPECT_TRUE(entry.ok()) << entry.status() << "\n" << line;
    if (entry.ok()) entries.push_back(*std::move(entry));
  }
  return entries;
}

// The first of each kind, in order of kinds.
inline std::vector<Entry> GoldenOfEachKind() {
  const std::vector<Entry> all = GoldenEntries();
  std::vector<Entry> firsts;
  for (std::size_t i = 0; i < kKindCount; ++i) {
    for (const Entry& entry : all) {
      if (entry.kind != static_cast<Kind>(i)) continue;
      firsts.push_back(entry);
      break;
    }
  }
  EXPECT_EQ(firsts.size(), kKindCount);
  return firsts;
}
// The line with this number.
inline Entry GoldenAt(std::int64_t sequence) {
  for (Entry& entry : GoldenEntries()) {
    if (entry.sequence == sequence) return std::move(entry);
  }
  ADD_FAILURE() << "no golden line " << sequence;
  return {};
}
inline Entry GoldenOf(Kind kind) { return GoldenOfEachKind().at(static_cast<std::size_t>(kind)); }

}  // namespace redpoints
