#include "proto/contract/words.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/journal_service.pb.h"
#include "redpoints/v1/operator_service.pb.h"
#include "redpoints/v1/outcome.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"
#include "redpoints/v1/rulebook.pb.h"
#include "redpoints/v1/words.pb.h"

namespace redpoints {
namespace {

const google::protobuf::FileDescriptor* const kFiles[] = {
    v1::GetBalanceRequest::descriptor()->file(),   v1::AwardRequest::descriptor()->file(), v1::GetJournalRequest::descriptor()->file(),
    v1::BackupRequest::descriptor()->file(),       v1::Outcome::descriptor()->file(),      v1::QuoteRequest::descriptor()->file(),
    v1::CreateMemberRequest::descriptor()->file(), v1::Rulebook::descriptor()->file(),     v1::Word::descriptor()->file(),
};

TEST(Words, EachOfTheProtosIsInItsTable) {
  std::set<std::string> lists;
  for (const auto* file : kFiles) {
    for (int e = 0; e < file->enum_type_count(); ++e) {
      const auto& type = *file->enum_type(e);
      const auto list = WordListOf(type.name());
      const bool has_words = type.FindValueByNumber(1)->options().HasExtension(v1::word);
      EXPECT_EQ(list.has_value(), has_words) << type.name();
      if (!list || !has_words) continue;
      lists.insert(type.name());
      std::set<std::string_view> zh, stored;
      EXPECT_EQ(WordsOf(*list).size() + 1, static_cast<std::size_t>(type.value_count())) << type.name();
      for (int i = 1; i < type.value_count(); ++i) {
        const auto& value = *type.value(i);
        const v1::Word& told = value.options().GetExtension(v1::word);
        const Word* word = FindWord(*list, value.number());
        ASSERT_NE(word, nullptr) << value.name();
        EXPECT_EQ(word->number, value.number());
        EXPECT_EQ(word->name, value.name());
        EXPECT_EQ(word->stored, told.stored());
        EXPECT_EQ(word->zh_cn, told.zh_cn());
        EXPECT_EQ(word->en, told.en());
        EXPECT_TRUE(zh.insert(word->zh_cn).second) << value.name() << " is named as another";
        if (word->stored.empty()) continue;
        EXPECT_TRUE(stored.insert(word->stored).second) << value.name() << " is stored as another";
        EXPECT_EQ(FindStored(*list, word->stored), word);
        EXPECT_EQ(ZhOf(*list, word->stored), word->zh_cn);
      }
    }
  }
  for (const char* name : {"AccountPart", "CorrectionReason", "EntryKind", "Group", "MemberKind", "NodeKind", "OutcomeState", "Period",
                           "RegistrationState", "Role", "Rounding"}) {
    EXPECT_TRUE(lists.contains(name)) << name;
  }
}

TEST(Words, WhatIsNoneHasNone) {
  EXPECT_EQ(WordListOf("ExportFormat"), std::nullopt);
  EXPECT_EQ(FindWord(WordList::kRole, 0), nullptr);
  EXPECT_EQ(FindWord(WordList::kRole, 99), nullptr);
  EXPECT_EQ(FindStored(WordList::kPeriod, ""), nullptr);
  EXPECT_EQ(ZhOf(WordList::kEntryKind, "award"), "发放");
  EXPECT_EQ(ZhOf(WordList::kEntryKind, "unheard_of"), "unheard_of");
}

}  // namespace
}  // namespace redpoints
