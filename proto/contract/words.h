// The words for people of the enums in proto/redpoints/v1, and the words by which values are stored: one place for the command line,
// exports and explanations. Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "proto/contract/word_list.h"

namespace redpoints {

// Of one value of an enum.
struct Word {
  int number;
  std::string_view name;    // in the proto: "PARTY_VANGUARD"
  std::string_view stored;  // in entries: "party_vanguard"; empty where entries do not hold it
  std::string_view zh_cn;
  std::string_view en;
};

// Of all values but the unspecified one, ascending by number. Live for ever.
std::span<const Word> WordsOf(WordList list);
// Of one value; nullptr for a number, or a stored word, that is none.
const Word* FindWord(WordList list, int number);
const Word* FindStored(WordList list, std::string_view stored);
// The Chinese for a stored word; the word itself if it is none of the list's.
std::string_view ZhOf(WordList list, std::string_view stored);
// That of the enum of this name ("Role"); nullopt for an enum without words.
std::optional<WordList> WordListOf(std::string_view enum_name);

}  // namespace redpoints
