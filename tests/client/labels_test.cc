#include "client/cli/labels.h"

#include <set>

#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/journal_service.pb.h"
#include "redpoints/v1/operator_service.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"

namespace redpoints::cli {
namespace {

const Text kEn(Language::kEn);
const Text kZh(Language::kZh);

void Collect(const google::protobuf::Descriptor& type, std::set<const google::protobuf::Descriptor*>* seen) {
  if (!seen->insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->message_type() != nullptr) Collect(*type.field(i)->message_type(), seen);
  }
}

bool IsChinese(const std::string& text) { return !text.empty() && static_cast<unsigned char>(text[0]) >= 0x80; }

TEST(LabelsTest, EveryWordOfAnAnswerIsChineseInChinese) {
  std::set<const google::protobuf::Descriptor*> types;
  for (const auto* file : {v1::QuoteResponse::descriptor()->file(), v1::AwardResponse::descriptor()->file(),
                           v1::GetBalanceResponse::descriptor()->file(), v1::GetJournalResponse::descriptor()->file(),
                           v1::BackupResponse::descriptor()->file(), v1::CreateMemberResponse::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int m = 0; m < file->service(i)->method_count(); ++m) Collect(*file->service(i)->method(m)->output_type(), &types);
    }
  }
  EXPECT_GT(types.size(), 50U);
  for (const auto* type : types) {
    if (type->file()->package() != "redpoints.v1" || type->options().map_entry()) continue;
    for (int i = 0; i < type->field_count(); ++i) {
      const auto& field = *type->field(i);
      EXPECT_TRUE(IsChinese(FieldLabel(field.name(), kZh)) || field.name() == "sha256") << field.full_name();
      if (field.enum_type() == nullptr) continue;
      for (int v = 1; v < field.enum_type()->value_count(); ++v) {
        EXPECT_TRUE(IsChinese(EnumLabel(*field.enum_type()->value(v), kZh))) << field.enum_type()->value(v)->full_name();
      }
    }
  }
}

TEST(LabelsTest, FieldsShareTheWordsOfKindsAndParts) {
  EXPECT_EQ(FieldLabel("redemption", kZh), "兑换");
  EXPECT_EQ(FieldLabel("held", kZh), "预扣");
  EXPECT_EQ(FieldLabel("debt_change", kZh), "欠分变动");
  EXPECT_EQ(FieldLabel("member", kZh), "会员");
  // One thing, one word: as in a refusal, the table for spreadsheets and explanations.
  EXPECT_EQ(FactText(Reason::FIELD_INVALID, "day", "20240315", 0, kZh), FieldLabel("business_day", kZh) + " 20240315");
  EXPECT_EQ(FieldLabel("debt_change", kEn), "debt change");
}

TEST(LabelsTest, ValuesAreNamedInBothLanguages) {
  const auto& group = *v1::Group_descriptor()->FindValueByNumber(v1::PARTY_VANGUARD);
  EXPECT_EQ(EnumLabel(group, kZh), "先锋党员");
  EXPECT_EQ(EnumLabel(group, kEn), "party-vanguard");
  for (const char* text : {"先锋党员", "party-vanguard", "PARTY_VANGUARD", "Party-Vanguard"}) {
    EXPECT_EQ(EnumNumber(*v1::Group_descriptor(), text), v1::PARTY_VANGUARD) << text;
  }
  EXPECT_EQ(EnumNumber(*v1::Group_descriptor(), "group-unspecified"), std::nullopt);
}

TEST(LabelsTest, FactsOfARefusal) {
  const auto fact = [](Reason reason, const char* key, const char* value, const Text& t) { return FactText(reason, key, value, 0, t); };
  EXPECT_EQ(fact(Reason::INSUFFICIENT_POINTS, "short_by", "30", kZh), "还差 30");
  EXPECT_EQ(fact(Reason::INSUFFICIENT_POINTS, "short_by", "30", kEn), "short_by=30");
  EXPECT_EQ(fact(Reason::LIMIT_EXCEEDED, "limit", "member_day", kZh), "限额 会员当日");
  EXPECT_EQ(fact(Reason::LIMIT_EXCEEDED, "limit", "a_new_one", kZh), "限额 a_new_one");
  EXPECT_EQ(fact(Reason::REASON_UNSPECIFIED, "a_new_one", "1", kZh), "a_new_one=1");
  EXPECT_EQ(fact(Reason::REQUEST_NOT_FOUND, "epoch", "148752180", kZh), "账本纪元 148752180");
  EXPECT_EQ(fact(Reason::FIELD_INVALID, "expected", "64 hex digits", kZh), "应为 64 位十六进制数");
  EXPECT_EQ(fact(Reason::FIELD_INVALID, "expected", "64 hex digits", kEn), "expected=64 hex digits");
  EXPECT_EQ(fact(Reason::FIELD_INVALID, "expected", "programs/{program}", kZh), "应为 programs/{program}");
}

TEST(LabelsTest, AmountsInFactsHaveTheirDecimals) {
  const auto fact = [](Reason reason, const char* key, const char* value) {
    return FactText(reason, key, value, /*points_decimals=*/2, kZh);
  };
  EXPECT_EQ(fact(Reason::INSUFFICIENT_POINTS, "short_by", "130"), "还差 1.30");
  EXPECT_EQ(fact(Reason::CAPTURE_EXCEEDS_HOLD, "max", "30"), "最多 0.30");
  EXPECT_EQ(fact(Reason::REFUND_EXCEEDS_REMAINDER, "max", "30"), "最多 0.30");
  EXPECT_EQ(fact(Reason::WAIVER_EXCEEDS_DEBT, "max", "30"), "最多 0.30");
  EXPECT_EQ(fact(Reason::OFFER_MISMATCH, "points", "30"), "应为积分 0.30");
  EXPECT_EQ(fact(Reason::OFFER_MISMATCH, "max", "30"), "最多 0.30");
  EXPECT_EQ(fact(Reason::REFUND_CASH_EXCEEDS, "max", "30"), "最多 0.30 元");
  EXPECT_EQ(FactText(Reason::REFUND_CASH_EXCEEDS, "max", "30", 0, kEn), "max=0.30 yuan");
  // What is no amount, or none that we can read.
  EXPECT_EQ(fact(Reason::OFFER_MISMATCH, "line", "30"), "明细(从 0 数起) 30");
  EXPECT_EQ(fact(Reason::QUANTITY_OUT_OF_BOUNDS, "max", "30"), "最多 30");
  EXPECT_EQ(fact(Reason::INSUFFICIENT_POINTS, "short_by", "30 points"), "还差 30 points");
}

}  // namespace
}  // namespace redpoints::cli
