#include "proto/contract/words.h"

#include <algorithm>

namespace redpoints {
namespace {

struct List {
  std::string_view name;
  std::span<const Word> words;
};

// Defines kLists, in the order of WordList.
#include "proto/contract/word_table.inc"

template <class F> const Word* Find(WordList list, F is_it) {
  const std::span<const Word> words = WordsOf(list);
  const auto word = std::find_if(words.begin(), words.end(), is_it);
  return word == words.end() ? nullptr : &*word;
}

}  // namespace

std::span<const Word> WordsOf(WordList list) { return kLists[static_cast<std::size_t>(list)].words; }

const Word* FindWord(WordList list, int number) {
  return Find(list, [&](const Word& word) { return word.number == number; });
}

const Word* FindStored(WordList list, std::string_view stored) {
  if (stored.empty()) return nullptr;
  return Find(list, [&](const Word& word) { return word.stored == stored; });
}

std::string_view ZhOf(WordList list, std::string_view stored) {
  const Word* word = FindStored(list, stored);
  return word ? word->zh_cn : stored;
}

std::optional<WordList> WordListOf(std::string_view enum_name) {
  const auto* list = std::find_if(std::begin(kLists), std::end(kLists), [&](const List& each) { return each.name == enum_name; });
  if (list == std::end(kLists)) return std::nullopt;
  return static_cast<WordList>(list - std::begin(kLists));
}

}  // namespace redpoints
