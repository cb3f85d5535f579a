#include "storage/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "storage/derived.h"

namespace redpoints {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// Either side of each byte's end, where an order of digits or of signed bytes would go wrong.
std::vector<std::int64_t> Sequences() {
  std::vector<std::int64_t> sequences = {0, 1};
  for (int bits = 7; bits < 63; bits += bits % 8 == 7 ? 1 : 7) {
    const std::int64_t power = std::int64_t{1} << bits;
    for (const std::int64_t n : {power - 1, power, power + 1}) sequences.push_back(n);
  }
  sequences.push_back(kMost - 1);
  sequences.push_back(kMost);
  return sequences;
}

TEST(Keys, NumberOrderIsByteOrder) {
  std::int64_t before = -1;
  for (const std::int64_t sequence : Sequences()) {
    ASSERT_LT(before, sequence);
    if (before >= 0) {
      EXPECT_LT(JournalKey("minyue", before), JournalKey("minyue", sequence)) << before << " " << sequence;
    }
    if (before >= 0 && sequence < 10'000'000'000'000'000) {  // 16 digits
      EXPECT_LT(SequenceKey(before), SequenceKey(sequence)) << before << " " << sequence;
    }
    before = sequence;
  }
}

TEST(Keys, AJournalKeyGivesItsSequenceBack) {
  for (const std::int64_t sequence : Sequences()) EXPECT_EQ(JournalSequence("minyue", JournalKey("minyue", sequence)), sequence);
}

TEST(Keys, AKeyOfAnotherFormHasNoSequence) {
  const std::string key = JournalKey("minyue", 42);
  const std::string forms[] = {"",
                               "minyue",
                               key.substr(0, key.size() - 1),
                               key + '\0',
                               JournalKey("minyu", 42),
                               JournalKey("minyuee", 42),
                               JournalKey("minyux", 42),
                               "minyue!" + key.substr(7)};
  for (const auto& form : forms) EXPECT_EQ(JournalSequence("minyue", form), std::nullopt) << testing::PrintToString(form);
}

// All rows of a program lie together and between its bounds, also when its name is the beginning of another's or ends as that goes on.
TEST(Keys, ProgramsThatBeginAlikeDoNotMix) {
  const std::string programs[] = {"min", "min-1", "min0", "minyue", "minyue-2", "mio"};  // in byte order
  std::string last;
  for (const auto& program : programs) {
    const std::string begin = JournalKey(program, 0), end = PrefixEnd(program + '\0');
    EXPECT_LT(last, begin) << program;
    std::string highest;
    for (const auto& key : {JournalKey(program, 0), JournalKey(program, kMost), BlobKey(program, std::string(64, 'f')),
                            DerivedKey(program, kMarkTable, ""), DerivedKey(program, 'r', "t1/ffff"), DerivedKey(program, 'z', "\xFF")}) {
      EXPECT_LE(program + '\0', key);
      EXPECT_LT(key, end) << program;
      highest = std::max(highest, key);
    }
    for (const auto& other : programs) {
      if (other == program) continue;
      EXPECT_EQ(JournalKey(other, 7) < begin, other < program) << other << " " << program;
      EXPECT_EQ(JournalKey(other, 7) >= end, other > program) << other << " " << program;
    }
    last = highest;
  }
}

TEST(Keys, TablesOfAProgramDoNotMix) {
  for (const char letter : kTableLetters) {
    const std::string prefix = DerivedKey("minyue", letter, "");
    for (const char other : kTableLetters) {
      const std::string key = DerivedKey("minyue", other, "key");
      EXPECT_EQ(prefix <= key && key < PrefixEnd(prefix), other == letter) << letter << other;
    }
    EXPECT_LT(DerivedKey("minyue", kMarkTable, ""), prefix);  // the mark is the first row
  }
}

TEST(Keys, PrefixEndIsBehindAllThatBeginSo) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd(std::string("ab\0", 3)), "ab\x01");
  EXPECT_EQ(PrefixEnd("a\x7F"), "a\x80");
  EXPECT_EQ(PrefixEnd("a\xFF\xFF"), "b");
  EXPECT_EQ(PrefixEnd("\xFF\xFF"), "");  // as a range's end: the end of the table
  EXPECT_EQ(PrefixEnd(""), "");
}

// What is on disks already. Never change.
TEST(Keys, GoldenBytes) {
  using std::string_literals::operator""s;
  EXPECT_EQ(JournalKey("minyue", 0), "minyue\0\0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(JournalKey("minyue", 0x0102030405060708), "minyue\0\x01\x02\x03\x04\x05\x06\x07\x08"s);
  EXPECT_EQ(JournalKey("min-1", kMost), "min-1\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(BlobKey("minyue", "0a1b"),
            "minyue\0"
            "0a1b"s);
  EXPECT_EQ(DerivedKey("minyue", kMarkTable, ""), "minyue\0!"s);
  EXPECT_EQ(DerivedKey("minyue", 'a', "m1/POINT"), "minyue\0am1/POINT"s);
  EXPECT_EQ(DerivedKey("minyue", 'f', SequenceKey(42)), "minyue\0f0000000000000042"s);
  EXPECT_EQ(std::string(kTableLetters, sizeof kTableLetters), "arfhgcsd");
  EXPECT_STREQ(kFormat, "1");
}

}  // namespace
}  // namespace redpoints
