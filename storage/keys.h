// Every key and value format of the store, drawn once.
//
//   table    key                                        value
//   meta     "format"                                   "1"
//            "fence"                                    number of the last TakeOver, decimal
//            "page_token_key"                           32 random bytes
//   journal  program 00 sequence:u64be                  the lines of one commit batch, each ended by LF; sequence is the first one's
//   blob     program 00 sha256:64 hex digits            the content
//   derived  program 00 '!'                             mark: what the rows of this program add up to (StateMark)
//            program 00 'a' holder '/' unit             Account
//            program 00 'r' actor '/' request id        RequestRecord
//            program 00 'f' sequence:16 digits          FollowUp
//            program 00 'h' sequence:16 digits          Hold (only open ones)
//            program 00 'g' type '/' id                 Registered
//            program 00 'n' 会员号                       member id
//            program 00 'c' counter                     signed varint
//
// The program leads every key, so that one program's data can be set aside, moved or deleted alone. Byte order is number order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redpoints {

inline constexpr char kFormat[] = "1";

std::string JournalKey(std::string_view program, std::int64_t sequence);
// The sequence of a journal key of this program; nullopt for a key of another form.
std::optional<std::int64_t> JournalSequence(std::string_view program, std::string_view key);
std::string BlobKey(std::string_view program, std::string_view sha256_hex);
std::string DerivedKey(std::string_view program, char table, std::string_view key);
inline constexpr char kMarkTable = '!';
// The least string behind all that start with `prefix`.
std::string PrefixEnd(std::string prefix);

}  // namespace redpoints
