// One way to say a thing, and one form of it.
#include "storage/rules/rulebook_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "redpoints/v1/rulebook.pb.h"
#include "storage/rules/refusal.h"

namespace redpoints {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::HasSubstr;
using testing::StartsWith;

// "field: what was expected", of a refusal and nothing else.
std::string Said(const absl::Status& status) {
  const auto refusal = RefusalFrom(status);
  if (!refusal || refusal->reason != Reason::RULEBOOK_INVALID) return "no such refusal";
  std::map<std::string, std::string> facts(refusal->facts.begin(), refusal->facts.end());
  return absl::StrCat(facts["field"], ": ", facts["expected"]);
}

v1::Rulebook Parsed(std::string_view json) {
  v1::Rulebook book;
  const auto status = ParseStrict(json, book);
  EXPECT_TRUE(status.ok()) << Said(status);
  return book;
}

TEST(RulebookJson, NothingCanBeSaidInTwoWays) {
  struct Case {
    const char* json;
    const char* says;
  };
  const std::vector<Case> cases = {
      // Names of keys.
      {R"({"fund_rates":[{"fund":"a"},{"fenNumerator":30}]})", "fund_rates[1].fenNumerator: the key fen_numerator"},
      {R"({"effectiveDay":20240101})", "effectiveDay: the key effective_day"},
      {R"({"limits":{"nope":1}})", "limits.nope: no key but max_points_per_redemption, max_points_per_member_day"},
      {R"({"Version":"1"})", "Version: no key but version, effective_day, units"},
      {R"({"":1})", "?: no key but"},
      {R"({"a b":1})", "?: no key but"},
      {R"({"[redpoints.v1.x]":1})", "[redpoints.v1.x]: no key but"},
      {R"({"@type":1})", "@type: no key but"},
      {R"({"1":"2024-1"})", "1: no key but"},
      // Twice.
      {R"({"fund_rates":[{"fen_numerator":30,"fen_numerator":60}]})", "fund_rates[0].fen_numerator: each key once"},
      {R"({"fund_rates":[{"fen_numerator":30,"fen_numerator":30}]})", "fund_rates[0].fen_numerator: each key once"},
      {R"({"fund_rates":[{"fen_numerator":30,"fen\u005fnumerator":60}]})", "fund_rates[0].fen_numerator: each key once"},
      {R"({"units":[],"units":[]})", "units: each key once"},
      {R"({"limits":{},"version":"1","limits":{}})", "limits: each key once"},
      // Integers.
      {R"({"fund_rates":[{"fen_numerator":"30"}]})",
       "fund_rates[0].fen_numerator: an integer from -9223372036854775808 to 9223372036854775807, in digits alone"},
      {R"({"fund_rates":[{"fen_numerator":3e1}]})", "fund_rates[0].fen_numerator: an integer"},
      {R"({"fund_rates":[{"fen_numerator":30.0}]})", "fund_rates[0].fen_numerator: an integer"},
      {R"({"fund_rates":[{"fen_numerator":null}]})", "fund_rates[0].fen_numerator: an integer"},
      {R"({"fund_rates":[{"fen_numerator":true}]})", "fund_rates[0].fen_numerator: an integer"},
      {R"({"fund_rates":[{"fen_numerator":[30]}]})", "fund_rates[0].fen_numerator: an integer"},
      {R"({"fund_rates":[{"fen_numerator":{}}]})", "fund_rates[0].fen_numerator: an integer"},
      {R"({"fund_rates":[{"fen_numerator":9223372036854775808}]})", "fund_rates[0].fen_numerator: an integer"},
      {R"({"fund_rates":[{"fen_numerator":99999999999999999999}]})", "rulebook_json: JSON: "},
      {R"({"fund_rates":[{"fen_numerator":030}]})", "rulebook_json: JSON: "},
      {R"({"fund_rates":[{"fen_numerator":+30}]})", "rulebook_json: JSON: "},
      {R"({"fund_rates":[{"fen_numerator":NaN}]})", "rulebook_json: JSON: "},
      {R"({"effective_day":2147483648})", "effective_day: an integer from -2147483648 to 2147483647, in digits alone"},
      {R"({"effective_day":-2147483649})", "effective_day: an integer"},
      {R"({"effective_day":"20240101"})", "effective_day: an integer"},
      // Enums, bools, strings.
      {R"({"units":[{"kind":1}]})", "units[0].kind: one of SPENDABLE, TIME, SCORE, MONEY"},
      {R"({"units":[{"kind":"spendable"}]})", "units[0].kind: one of SPENDABLE"},
      {R"({"units":[{"kind":"ITEM"}]})", "units[0].kind: one of SPENDABLE"},
      {R"({"units":[{"kind":null}]})", "units[0].kind: one of SPENDABLE"},
      {R"({"activities":[{"groups":["RESIDENTS",3]}]})", "activities[0].groups[1]: one of PARTY_VANGUARD"},
      {R"({"policies":{"debts_allowed":"true"}})", "policies.debts_allowed: true or false"},
      {R"({"policies":{"debts_allowed":1}})", "policies.debts_allowed: true or false"},
      {R"({"policies":{"debts_allowed":null}})", "policies.debts_allowed: true or false"},
      {R"({"version":1})", "version: a string"},
      {R"({"version":null})", "version: a string"},
      {R"({"version":"a\nb"})", "version: a string without control characters"},
      {R"({"version":"a\u0000b"})", "version: a string without control characters"},
      {R"({"version":"\u007f"})", "version: a string without control characters"},
      {R"({"version":"\u0085"})", "version: a string without control characters"},
      {"{\"version\":\"\xC2\x9F\"}", "version: a string without control characters"},
      {"{\"version\":\"\xFF\"}", "rulebook_json: JSON: "},
      {"{\"version\":\"a\tb\"}", "rulebook_json: JSON: "},
      {R"({"version":"\ud800"})", "rulebook_json: JSON: "},
      // Messages and lists.
      {R"({"activities":[{},{},{},{"earnings":[{"unit":7}]}]})", "activities[3].earnings[0].unit: a string"},
      {R"({"activities":[{"earnings":[{"unit":"POINT","Unit":"POINT"}]}]})", "activities[0].earnings[0].Unit: no key but unit,"},
      {R"({"activities":{"earnings":[]}})", "activities: a list"},
      {R"({"activities":null})", "activities: a list"},
      {R"({"activities":[null]})", "activities[0]: an object"},
      {R"({"activities":[[]]})", "activities[0]: an object"},
      {R"({"limits":[]})", "limits: an object"},
      {R"({"limits":null})", "limits: an object"},
      {R"({"activities":[{"lot_validity":null}]})", "activities[0].lot_validity: an object"},
      // No rulebook at all.
      {"[]", "rulebook_json: an object"},
      {"null", "rulebook_json: an object"},
      {"1", "rulebook_json: an object"},
      {"", "rulebook_json: JSON: "},
      {" ", "rulebook_json: JSON: "},
      {"{", "rulebook_json: JSON: "},
      {"{}{}", "rulebook_json: JSON: "},
      {"{} x", "rulebook_json: JSON: "},
      {R"({"version":"1",})", "rulebook_json: JSON: "},
      {R"({version:"1"})", "rulebook_json: JSON: "},
      {R"({'version':'1'})", "rulebook_json: JSON: "},
      {"{} // said", "rulebook_json: JSON: "},
  };
  for (const Case& c : cases) {
    v1::Rulebook book;
    EXPECT_THAT(Said(ParseStrict(c.json, book)), StartsWith(c.says)) << c.json;
  }
}

TEST(RulebookJson, AKeyOfAnyLengthMakesAShortRefusal) {
  v1::Rulebook book;
  const std::string known = Said(ParseStrict(absl::StrCat("{\"", std::string(64, 'x'), "\":1}"), book));
  EXPECT_THAT(known, StartsWith(std::string(64, 'x') + ": no key but"));
  for (const std::string& key : {std::string(65, 'x'), std::string(100'000, 'x'), std::string("积分"), std::string("\\u0000")}) {
    EXPECT_THAT(Said(ParseStrict(absl::StrCat("{\"", key, "\":1}"), book)), StartsWith("?: no key but"));
  }
}

// A type that holds itself, unlike those of a rulebook.
TEST(RulebookJson, ObjectsAreAtMostEightDeep) {
  const auto nested = [](int depth) {
    std::string json = "{}";
    for (int i = 1; i < depth; ++i) json = absl::StrCat("{\"nested_type\":[", json, "]}");
    return json;
  };
  google::protobuf::DescriptorProto message;
  EXPECT_TRUE(ParseStrict(nested(8), message).ok());
  EXPECT_EQ(Canonical(message), nested(8));
  std::string path = "nested_type[0]";
  for (int i = 2; i < 9; ++i) path += ".nested_type[0]";
  for (const int depth : {9, 10, 500}) {
    EXPECT_EQ(Said(ParseStrict(nested(depth), message)), path + ": at most 8 objects within each other") << depth;
  }
  EXPECT_THAT(Said(ParseStrict(std::string(100'000, '['), message)), StartsWith("rulebook_json: JSON: "));
}

TEST(RulebookJson, WhatWasInTheMessageIsGone) {
  v1::Rulebook book;
  book.set_version("old"), book.add_units();
  ASSERT_TRUE(ParseStrict("{}", book).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(book, v1::Rulebook()));
}

// White space, order and escapes are a person's; defaults may be written out.
constexpr char kByHand[] = R"(
{
  "policies": {"late_days": 0, "debts_allowed": true, "past_lot": "GRACE", "grace_days": 30},
  "fund_rates": [],
  "units": [
    {"kind": "SPENDABLE", "code": "POINT", "floor": 0},
    {"floor": -9223372036854775808, "code": "DUTY", "kind": "SCORE"}
  ],
  "activities": [
    {
      "groups": ["RESIDENTS", "GROUP_UNSPECIFIED"],
      "lot_validity": { },
      "name_zh_cn": "\u5de1\u903B \"a\\b\"\/",
      "max_quantity": 9223372036854775807,
      "case_required": false,
      "earnings": [{}, {"rounding": "HALF_UP", "unit": "POINT", "numerator": -0}]
    }
  ],
  "effective_day": 20240101,
  "version": "2024-1"
})";
constexpr char kItsOneForm[] =
    R"({"version":"2024-1","effective_day":20240101,"units":[{"code":"POINT","kind":"SPENDABLE"},)"
    R"({"code":"DUTY","kind":"SCORE","floor":-9223372036854775808}],"activities":[{"name_zh_cn":"巡逻 \"a\\b\"/","earnings":[{},)"
    R"({"unit":"POINT","rounding":"HALF_UP"}],"groups":["RESIDENTS","GROUP_UNSPECIFIED"],"max_quantity":9223372036854775807,)"
    R"("lot_validity":{}}],"policies":{"past_lot":"GRACE","grace_days":30,"debts_allowed":true}})";

TEST(RulebookJson, TheOneFormHasTheseBytes) {
  EXPECT_EQ(Canonical(Parsed(kByHand)), kItsOneForm);
  EXPECT_EQ(Canonical(Parsed(kItsOneForm)), kItsOneForm);
  EXPECT_EQ(Canonical(v1::Rulebook()), "{}");
}

TEST(RulebookJson, TheOneFormIsTheSameMessageToEveryReader) {
  const auto sample = [] {
    std::ifstream file(REDPOINTS_SAMPLE_RULEBOOK);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  ASSERT_THAT(sample, HasSubstr("排查"));
  for (const std::string& json : {std::string(kByHand), sample, std::string("{}")}) {
    const v1::Rulebook book = Parsed(json);
    const std::string canonical = Canonical(book);
    EXPECT_TRUE(MessageDifferencer::Equals(Parsed(canonical), book)) << canonical;
    for (const std::string& text : {json, canonical}) {
      v1::Rulebook others;
      ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(text, &others).ok()) << text;
      EXPECT_TRUE(MessageDifferencer::Equals(others, book)) << text;
    }
  }
}

// Every field of the rulebook is of a kind that is read and written, and each is told from every other.
TEST(RulebookJson, EveryFieldIsReadAndWritten) {
  const std::function<void(google::protobuf::Message&)> fill = [&](google::protobuf::Message& message) {
    using Field = google::protobuf::FieldDescriptor;
    const auto& r = *message.GetReflection();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const Field* f = message.GetDescriptor()->field(i);
      const auto put = [&](auto set, auto add, auto value) {
        f->is_repeated() ? (r.*add)(&message, f, value) : (r.*set)(&message, f, value);
      };
      using R = google::protobuf::Reflection;
      switch (f->cpp_type()) {
        case Field::CPPTYPE_INT32: put(&R::SetInt32, &R::AddInt32, 100 + i); break;
        case Field::CPPTYPE_INT64: put(&R::SetInt64, &R::AddInt64, std::int64_t{1} << (40 + i)); break;
        case Field::CPPTYPE_BOOL: put(&R::SetBool, &R::AddBool, true); break;
        case Field::CPPTYPE_STRING: put(&R::SetString, &R::AddString, absl::StrCat("s", i)); break;
        case Field::CPPTYPE_ENUM: put(&R::SetEnumValue, &R::AddEnumValue, 2); break;
        case Field::CPPTYPE_MESSAGE: fill(f->is_repeated() ? *r.AddMessage(&message, f) : *r.MutableMessage(&message, f)); break;
        default: ADD_FAILURE() << f->full_name();
      }
    }
  };
  v1::Rulebook book;
  fill(book);
  const std::string canonical = Canonical(book);
  EXPECT_TRUE(MessageDifferencer::Equals(Parsed(canonical), book)) << canonical;
  v1::Rulebook others;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(canonical, &others).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(others, book)) << canonical;
}

}  // namespace
}  // namespace redpoints
