// Every key of log and store, and every value of the log, drawn once. Values of the store are field lists: of registrations in
// rules/fields.h, of all other rows in derived.cc, which writes them.
//
//   log: a RocksDB in shard/log, a column family a table
//
//   table    key                                        value
//   each     "format"                                   "1"; no key of a program, which has a 00
//   default  "fence"                                    number of the last TryTakeOver, decimal
//            "end/" program                             one past the program's last entry, decimal
//   journal  program 00 sequence:u64be                  entries:u32be, then their lines, each ended by LF; sequence is the first one's
//   blob     program 00 sha256:64 hex digits            the content
//
//   store: a RocksDB in shard/derived, one table; to be deleted at will
//
//            program 00 '!'                             mark: version, and what the rows of this program add up to (StateMark)
//            program 00 'a' holder '/' unit             Account
//            program 00 'r' actor '/' request id        RequestRecord
//            program 00 'f' sequence:16 digits          FollowUp
//            program 00 'h' sequence:16 digits          Hold (only open ones)
//            program 00 'g' type '/' id                 Registered
//            program 00 'c' counter                     signed varint
//            program 00 's' day '/' merchant            ShopDay: what a shop took on a day that is not closed yet
//            program 00 'd' day                         DayTotals: what that day did to each fund
//
// The program leads every key, so that one program's data can be set aside, moved or deleted alone. Byte order is number order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace redpoints {

// Of the log. Never reused; another one is not read.
inline constexpr char kFormat[] = "1";
// Of the derived rows, each program's in its mark. Count it up whenever what EncodeRow writes, or what Apply makes of an entry, changes:
// rows of another version are made again from the journal.
inline constexpr std::int64_t kDerivedVersion = 4;

inline constexpr char kFormatKey[] = "format";
inline constexpr std::string_view kEndPrefix = "end/";
std::string EndKey(std::string_view program);

std::string JournalKey(std::string_view program, std::int64_t sequence);
// The sequence of a journal key of this program; nullopt for a key of another form.
std::optional<std::int64_t> JournalSequence(std::string_view program, std::string_view key);
std::string JournalValue(std::int64_t entries, std::string_view lines);
// The number of entries, and the lines; nullopt for bytes of another form.
std::optional<std::pair<std::int64_t, std::string_view>> ParseJournalValue(std::string_view value);
std::string BlobKey(std::string_view program, std::string_view sha256_hex);
std::string DerivedKey(std::string_view program, char table, std::string_view key);
inline constexpr char kMarkTable = '!';
// The least string behind all that start with `prefix`.
std::string PrefixEnd(std::string prefix);

}  // namespace redpoints
