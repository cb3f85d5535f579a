// Every field of every request, spoilt in every way that its type allows, through the whole server: starting from a request that succeeds,
// one field at a time. The fields come from the protos' descriptors, so that a new one is tested from its first day: unless the table below
// says otherwise, it must be refused by its own path and with the reason of the way in which it was spoilt, nothing of it in the journal.
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "storage/rules/refusal.h"
#include "storage/rules/types.h"
#include "tests/server/server_fixture.h"

namespace redpoints::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A spoilt field whose request succeeds (""), or is refused with another reason than the way of spoiling has.
struct Exception {
  const char* field;   // "Message.field", of whatever request it is in; "*.field" of any message
  const char* spoilt;  // the ways, "*" for all
  const char* reason = "";
};
constexpr Exception kExceptions[] = {
    // What may be left out.
    {"RedeemRequest.clerk", "absent empty"},
    {"RedeemRequest.till_number", "absent empty"},
    {"AuthorizeRequest.clerk", "absent empty"},
    {"AuthorizeRequest.till_number", "absent empty"},
    {"CaptureRequest.clerk", "absent empty"},
    {"CaptureRequest.till_number", "absent empty"},
    {"CaptureRequest.points", "zero absent"},  // the whole hold
    {"VoidRequest.clerk", "absent empty"},
    {"RefundRequest.till_number", "absent empty"},
    {"ReverseRequest.clerk", "absent empty"},
    {"OfferLine.cash_fen", "zero absent"},
    {"RefundRequest.cash_fen", "zero absent"},
    {"GroupSpan.from_day", "zero absent"},
    {"GroupSpan.to_day", "zero absent"},
    {"MerchantPerson.from_day", "zero absent"},
    {"MerchantPerson.to_day", "zero absent"},
    {"Offer.from_day", "zero absent"},
    {"Offer.to_day", "zero absent"},
    {"Offer.name_zh_cn", "absent empty other-script name"},
    {"Offer.merchant", "absent empty"},
    {"Offer.price_points", "zero absent"},
    {"Offer.max_points", "zero absent most"},
    {"Node.end_day", "zero absent"},
    {"Fund.end_day", "zero absent"},
    {"ConfirmClockRequest.stated_time", "empty", "CLOCK_DIFFERS"},
    {"ConfirmClockRequest.last_closed_day", "zero absent"},
    {"ConfirmClockRequest.stated_time.seconds", "zero absent", "CLOCK_DIFFERS"},
    {"UpdateMemberRequest.member.kind", "absent unspecified"},  // it stays
    {"AwardItem.session", "absent empty"},
    {"AwardItem.case", "absent empty"},
    {"AwardItem.evidence_sha256", "absent empty"},
    {"AwardItem.note_commitment", "absent empty"},
    {"AwardItem.tags", "absent"},
    {"AwardItem.about", "absent empty"},
    {"CorrectRequest.new_quantity", "zero absent"},
    {"GetBalanceRequest.as_of_time", "absent empty"},
    {"ListStatementRequest.unit", "absent empty"},
    {"ListStatementRequest.start_time", "absent empty"},
    {"ListStatementRequest.end_time", "absent"},
    {"ListStatementRequest.end_time", "empty", "FIELD_OUT_OF_RANGE"},  // before the start
    {"ListStatementRequest.end_time.seconds", "zero absent", "FIELD_OUT_OF_RANGE"},
    {"ListStatementRequest.page_size", "zero absent max"},  // coerced
    {"ListStatementRequest.page_token", "absent empty"},
    {"Timestamp.seconds", "zero absent"},
    {"Timestamp.nanos", "zero absent"},
    {"FollowEntriesRequest.after", "absent empty"},
    {"ExportEntriesRequest.after", "absent empty"},    // from the first
    {"ExportEntriesRequest.through", "absent empty"},  // to the end
    {"Node.parent", "absent empty"},
    {"Node.places", "absent"},
    {"Node.type", "absent empty"},
    {"AdoptRulebookRequest.validate_only", "absent"},
    {"Fund.budget_points", "zero absent"},
    {"Member.grid", "absent empty"},
    {"Member.memberships", "absent"},
    {"CreateMemberRequest.member.state", "absent unspecified"},  // active
    {"CreateMembersRequest.members.state", "absent unspecified"},
    {"Membership.to_day", "zero absent"},
    {"Merchant.people", "absent"},
    {"Merchant.place", "absent empty"},
    {"CreateMerchantRequest.merchant.state", "absent unspecified"},
    {"Staff.external", "absent"},
    {"Staff.grants", "absent"},
    {"CreateStaffRequest.staff.state", "absent unspecified"},
    {"RoleGrant.scope", "absent empty"},
    {"ListRegistrationsRequest.page_size", "zero absent max"},
    {"ListRegistrationsRequest.page_token", "absent empty"},
    {"CreateMerchantRequest.merchant", "empty"},  // of nobody and nowhere
    // Made by the server: what stands there is not looked at.
    {"CreateMemberRequest.member.name", "*"},
    {"CreateMemberRequest.member.number", "*"},
    {"CreateMembersRequest.members.name", "*"},
    {"CreateMembersRequest.members.number", "*"},
    {"UpdateMemberRequest.member.number", "*"},
    {"CreateMerchantRequest.merchant.name", "*"},
    {"CreateStaffRequest.staff.name", "*"},
    // Legal in shape, refused by the ledger.
    {"RefundRequest.points", "most", "BALANCE_OUT_OF_RANGE"},
    {"CaptureRequest.points", "most", "BALANCE_OUT_OF_RANGE"},
    {"OfferLine.points", "most", "INSUFFICIENT_POINTS"},
    {"QuoteRequest.offer_lines.points", "most"},
    {"DonateRequest.points", "most", "INSUFFICIENT_POINTS"},
    {"ProposeWaiverRequest.points", "most", "WAIVER_EXCEEDS_DEBT"},
    {"ProposeWaiverRequest.points", "zero absent"},        // all of it
    {"Fund.budget_points", "most", "FIELD_OUT_OF_RANGE"},  // with those of the other funds
    // The longest messages that there are have room for so many.
    {"AwardBatchRequest.items", "million", "FIELD_TOO_LONG"},
    {"AwardBatchRequest.items.tags", "million", "FIELD_TOO_LONG"},
    // Of one form and length: the form is what is wrong.
    {"*.request_id", "long", "FIELD_INVALID"},
    {"*.target_request_id", "long", "FIELD_INVALID"},
    {"*.sha256", "long", "FIELD_INVALID"},
    {"*.evidence_sha256", "long", "FIELD_INVALID"},
    {"*.note_commitment", "long", "FIELD_INVALID"},
    {"ListRegistrationsRequest.kind", "long", "FIELD_INVALID"},  // one of eight words
    // What a client only hands back: nothing in it is theirs to correct.
    {"*.page_token", "long control other-script name", "PAGE_TOKEN_INVALID"},
    // A day is a date, not a number between two others; without one there is no deed.
    {"*.effective_day", "zero absent", "FIELD_REQUIRED"},
    {"*.effective_day", "negative min max", "FIELD_INVALID"},
    {"*.from_day", "zero absent", "FIELD_REQUIRED"},
    {"*.from_day", "negative min max", "FIELD_INVALID"},
    {"*.to_day", "negative min max", "FIELD_INVALID"},
    {"*.end_day", "negative min max", "FIELD_INVALID"},
    {"*.last_closed_day", "negative min max", "FIELD_INVALID"},
    // The path is one in the rulebook.
    {"AdoptRulebookRequest.rulebook_json", "short cut-text", "RULEBOOK_INVALID"},
};

// The reason of each way of spoiling. To protobuf a number of 0 and none are the same: its bounds say more than that it is missing.
struct Way {
  const char* name;
  FieldDescriptor::CppType type;  // or CPPTYPE_MESSAGE, for all that have no row of their own
  Reason reason;
};
constexpr Way kReasons[] = {
    {"absent", FieldDescriptor::CPPTYPE_INT64, Reason::FIELD_OUT_OF_RANGE},
    {"absent", FieldDescriptor::CPPTYPE_INT32, Reason::FIELD_OUT_OF_RANGE},
    {"absent", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_REQUIRED},
    {"empty", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_REQUIRED},
    {"unspecified", FieldDescriptor::CPPTYPE_ENUM, Reason::FIELD_REQUIRED},
    {"negative", FieldDescriptor::CPPTYPE_ENUM, Reason::FIELD_INVALID},
    {"max", FieldDescriptor::CPPTYPE_ENUM, Reason::FIELD_INVALID},
    {"unknown", FieldDescriptor::CPPTYPE_ENUM, Reason::FIELD_INVALID},
    {"zero", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_OUT_OF_RANGE},
    {"negative", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_OUT_OF_RANGE},
    {"min", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_OUT_OF_RANGE},
    {"max", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_OUT_OF_RANGE},
    {"most", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_OUT_OF_RANGE},
    {"long", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_TOO_LONG},
    {"million", FieldDescriptor::CPPTYPE_MESSAGE, Reason::MESSAGE_TOO_LONG},
    {"many", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_TOO_LONG},
    {"short", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_INVALID},
    {"cut-text", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_INVALID},
    {"control", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_INVALID},
    {"other-script", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_INVALID},
    {"name", FieldDescriptor::CPPTYPE_MESSAGE, Reason::FIELD_INVALID},
    {"not-utf8", FieldDescriptor::CPPTYPE_MESSAGE, Reason::MESSAGE_MALFORMED},
};

constexpr char kOtherName[] = "programs/minyue/../staff/a";

// How a field is spoilt. `apply` does it to the field of `parent`.
struct Spoilt {
  const char* name;
  std::function<void(Message& parent, const FieldDescriptor& field)> apply;
};

std::vector<Spoilt> WaysFor(const FieldDescriptor& field) {
  using R = google::protobuf::Reflection;
  const auto reflection = [](Message& m) -> const R& { return *m.GetReflection(); };
  std::vector<Spoilt> ways = {{"absent", [=](Message& m, const FieldDescriptor& f) { reflection(m).ClearField(&m, &f); }}};
  const auto text = [&](const char* name, const std::string& value) {
    ways.push_back({name, [=](Message& m, const FieldDescriptor& f) {
                      if (!f.is_repeated()) return reflection(m).SetString(&m, &f, value);
                      if (reflection(m).FieldSize(m, &f) == 0) reflection(m).AddString(&m, &f, "");
                      reflection(m).SetRepeatedString(&m, &f, 0, value);
                    }});
  };
  const auto number = [&](const char* name, std::int64_t value) {
    ways.push_back({name, [=](Message& m, const FieldDescriptor& f) {
                      if (f.cpp_type() == FieldDescriptor::CPPTYPE_INT64) return reflection(m).SetInt64(&m, &f, value);
                      reflection(m).SetInt32(&m, &f, static_cast<std::int32_t>(std::clamp<std::int64_t>(value, INT32_MIN, INT32_MAX)));
                    }});
  };
  const auto choice = [&](const char* name, int value) {
    ways.push_back({name, [=](Message& m, const FieldDescriptor& f) {
                      if (!f.is_repeated()) return reflection(m).SetEnumValue(&m, &f, value);
                      reflection(m).ClearField(&m, &f);
                      reflection(m).AddEnumValue(&m, &f, value);
                    }});
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      text("empty", "");
      text("long", std::string(field.name() == "rulebook_json" ? 250'000 : 10'000, 'a'));  // more than fits, less than a whole message
      if (field.type() == FieldDescriptor::TYPE_STRING) {
        text("not-utf8", "abc\xC3\x28");
        text("control", std::string("a\0b\n\x7f", 5));
        text("other-script", "会员");
        text("name", kOtherName);
      } else {
        text("short", "x");
        text("cut-text", "{\"version\": \xE7\xA7\xAF\xE5\x88");
      }
      break;
    case FieldDescriptor::CPPTYPE_INT64: number("most", kAmountMax); [[fallthrough]];
    case FieldDescriptor::CPPTYPE_INT32:
      number("zero", 0);
      number("negative", -1);
      number("min", INT64_MIN);
      number("max", INT64_MAX);
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      choice("unspecified", 0);
      choice("unknown", 99);
      choice("negative", -1);
      choice("max", INT32_MAX);
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!field.is_repeated()) {
        ways.push_back({"empty", [=](Message& m, const FieldDescriptor& f) { reflection(m).MutableMessage(&m, &f)->Clear(); }});
      }
      break;
    default: break;
  }
  if (field.is_repeated()) {
    ways.push_back({"million", [=](Message& m, const FieldDescriptor& f) {
                      for (int i = 0; i < 1'000'000; ++i) {
                        if (f.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) reflection(m).AddMessage(&m, &f);
                        if (f.cpp_type() == FieldDescriptor::CPPTYPE_STRING) reflection(m).AddString(&m, &f, "");
                        if (f.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) reflection(m).AddEnumValue(&m, &f, 1);
                      }
                    }});
    ways.push_back({"many", [=](Message& m, const FieldDescriptor& f) {  // good ones, but more than there may be
                      const std::size_t size = static_cast<std::size_t>(reflection(m).FieldSize(m, &f));
                      const std::size_t many = f.name() == "items" || f.name() == "members" ? 8'200 : 100;
                      for (std::size_t i = size; size > 0 && i < many; ++i) {
                        if (f.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
                          reflection(m).AddMessage(&m, &f)->CopyFrom(reflection(m).GetRepeatedMessage(m, &f, 0));
                        } else if (f.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
                          reflection(m).AddString(&m, &f, reflection(m).GetRepeatedString(m, &f, 0));
                        } else {
                          reflection(m).AddEnumValue(&m, &f, reflection(m).GetRepeatedEnumValue(m, &f, 0));
                        }
                      }
                      if (size == 0) reflection(m).ClearField(&m, &f);
                    }});
  }
  return ways;
}

// The fields of a request, nested ones too: the way there, and the field.
using Path = std::vector<const FieldDescriptor*>;
void Collect(const Descriptor& type, Path& path, std::vector<Path>& all) {
  for (int i = 0; i < type.field_count(); ++i) {
    path.push_back(type.field(i));
    all.push_back(path);
    if (type.field(i)->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) Collect(*type.field(i)->message_type(), path, all);
    path.pop_back();
  }
}

std::string NameOf(const Path& path) {
  std::string name = path.front()->containing_type()->name();
  for (const auto* field : path) absl::StrAppend(&name, ".", field->name());
  return name;
}

// The message that holds the field; the first element of each list on the way.
Message* ParentOf(Message* message, const Path& path) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto& reflection = *message->GetReflection();
    if (!path[i]->is_repeated()) {
      message = reflection.MutableMessage(message, path[i]);
    } else {
      message = reflection.FieldSize(*message, path[i]) > 0 ? reflection.MutableRepeatedMessage(message, path[i], 0)
                                                            : reflection.AddMessage(message, path[i]);
    }
  }
  return message;
}

const Exception* FindException(const Path& path, const std::string& way) {
  const std::string whole = NameOf(path);
  const std::string last = absl::StrCat(path.back()->containing_type()->name(), ".", path.back()->name());
  const std::string any = absl::StrCat("*.", path.back()->name());
  const Exception* found = nullptr;
  for (const Exception& e : kExceptions) {
    if (e.field != whole && e.field != last && e.field != any) continue;
    if (std::string_view(e.spoilt) != "*" && absl::StrCat(" ", e.spoilt, " ").find(absl::StrCat(" ", way, " ")) == std::string::npos)
      continue;
    if (!found || e.field == whole) found = &e;  // the whole way wins
  }
  return found;
}

Reason ReasonOf(const std::string& way, const FieldDescriptor& field) {
  Reason reason = Reason::REASON_UNSPECIFIED;
  for (const Way& row : kReasons) {
    if (row.name != way) continue;
    if (row.type == field.cpp_type()) return row.reason;
    if (row.type == FieldDescriptor::CPPTYPE_MESSAGE) reason = row.reason;
  }
  return reason;
}

// Whether an answer's `field` is the spoilt one: its path as the API writes it, with the element of a list where one was spoilt. A message
// that is missing is told by the first field that is missed in it.
bool IsAbout(const std::string& told, const Path& path) {
  std::string spoilt;
  for (std::size_t i = 0; i < path.size(); ++i) {
    absl::StrAppend(&spoilt, i > 0 ? "." : "", path[i]->name(), path[i]->is_repeated() && i + 1 < path.size() ? "[0]" : "");
  }
  if (told == spoilt) return true;
  if (path.back()->is_repeated()) return told == spoilt + "[0]";
  return path.back()->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && told.starts_with(spoilt + ".");
}

class BadInputTest : public ServerTest, public testing::WithParamInterface<const char*> {
 protected:
  // Every refusal has a reason of ours, a sentence and the domain, and says by its kind whether the journal has it.
  void ExpectTyped(const Answer& answer, std::int64_t entries) {
    if (answer.ok()) return;
    const Reason reason = ReasonFromName(answer.reason);
    EXPECT_NE(reason, Reason::REASON_UNSPECIFIED) << answer;
    EXPECT_NE(reason, Reason::INVARIANT_VIOLATION) << answer;
    EXPECT_EQ(answer.domain, "redpoints.v1");
    EXPECT_TRUE(answer.localized.starts_with("zh-CN ")) << answer.localized;
    EXPECT_GT(answer.localized.size(), 10u);
    EXPECT_EQ(static_cast<int>(answer.status.error_code()), InfoOf(reason).code);
    EXPECT_EQ(answer.has_outcome, IsRecorded(reason)) << answer;
    EXPECT_EQ(entries, IsRecorded(reason) ? 1 : 0) << answer;
  }

  // Entries that `call` makes somebody's.
  Answer Counted(const std::function<Answer()>& call, std::int64_t& entries) {
    const auto start = world.End();
    Answer answer = call();
    entries = world.End() == start ? 0 : world.AskedSince(start);
    return answer;
  }
};

TEST_P(BadInputTest, EveryFieldSpoiltInEveryWay) {
  int tried = 0;
  for (const auto& [name, method] : Methods()) {
    if (method->service()->name() != GetParam()) continue;
    const Sample& sample = SampleOf(name);
    const Answer good = world.Call(sample.caller, name, sample.text);
    ASSERT_TRUE(good.ok()) << name << ": " << good;
    std::vector<Path> paths;
    Path start;
    Collect(*method->input_type(), start, paths);
    for (const Path& path : paths) {
      for (const Spoilt& way : WaysFor(*path.back())) {
        const auto request = world.Parse(name, sample.text);  // a new one: ids and holds are used up
        way.apply(*ParentOf(request.get(), path), *path.back());
        const std::string bytes = request->SerializeAsString();
        std::int64_t entries = 0;
        const Answer answer = Counted([&, &name = name] { return world.CallBytes(sample.caller, name, bytes); }, entries);
        SCOPED_TRACE(absl::StrCat(NameOf(path), " ", way.name));
        ++tried;
        ExpectTyped(answer, entries);
        const Exception* exception = FindException(path, way.name);
        const auto fact = [&](const std::string& key) { return answer.facts.contains(key) ? answer.facts.at(key) : ""; };
        std::string reason = redpoints::NameOf(ReasonOf(way.name, *path.back()));
        ASSERT_NE(reason, "REASON_UNSPECIFIED");
        if (reason != "MESSAGE_MALFORMED" && exception) reason = exception->reason;
        // A name is too long for many a field; then it says how long may be.
        const std::string max = fact("max");
        if (std::string_view(way.name) == "name" && reason == "FIELD_INVALID" && !max.empty() &&
            std::stoul(max) < std::size(kOtherName) - 1) {
          reason = "FIELD_TOO_LONG";
        }
        EXPECT_EQ(answer.reason, reason) << answer;
        const bool has_path = reason.starts_with("FIELD_") || reason == "MESSAGE_MALFORMED";
        EXPECT_TRUE(!has_path || IsAbout(fact("field"), path)) << answer;
        EXPECT_EQ(answer.facts.contains("expected"), reason == "FIELD_INVALID" || reason == "RULEBOOK_INVALID") << answer;
        EXPECT_EQ(answer.facts.contains("min"), reason == "FIELD_OUT_OF_RANGE") << answer;
        EXPECT_TRUE(answer.facts.contains("max") || (reason != "FIELD_OUT_OF_RANGE" && reason != "FIELD_TOO_LONG")) << answer;
      }
    }
  }
  EXPECT_GT(tried, 0);
  std::printf("%s: %d spoilt requests\n", GetParam(), tried);
}

// What is no message at all, cut short, or of another version.
TEST_P(BadInputTest, BytesThatAreNoMessage) {
  for (const auto& [name, method] : Methods()) {
    if (method->service()->name() != GetParam()) continue;
    SCOPED_TRACE(name);
    const Sample& sample = SampleOf(name);
    const std::string good = world.Parse(name, sample.text)->SerializeAsString();
    std::int64_t entries = 0;
    if (method->input_type()->field_count() == 0) {
      EXPECT_TRUE(world.CallBytes(sample.caller, name, "").ok());
      continue;
    }
    for (const std::string& bytes : {good.substr(0, good.size() - 1), std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
                                     std::string("\x0a\x7f"
                                                 "a"),
                                     std::string(1, '\x0b'), std::string("\x0f", 1), good + '\x07'}) {
      const Answer answer = Counted([&, &name = name] { return world.CallBytes(sample.caller, name, bytes); }, entries);
      EXPECT_EQ(answer.reason, "MESSAGE_MALFORMED") << answer;
      ExpectTyped(answer, entries);
    }
    const Answer empty = Counted([&, &name = name] { return world.CallBytes(sample.caller, name, ""); }, entries);
    EXPECT_EQ(empty.reason, "FIELD_REQUIRED") << empty;
    ExpectTyped(empty, entries);
    // Fields of a later version are passed over.
    const Answer later = world.CallBytes(sample.caller, name, good + std::string("\xfa\x7f\x03xyz\xf0\x7f\x01", 9));
    EXPECT_TRUE(later.ok()) << later;
  }
}

INSTANTIATE_TEST_SUITE_P(Services, BadInputTest,
                         testing::Values("RedemptionService", "AwardService", "AccountService", "JournalService", "RegistryService",
                                         "OperatorService"),
                         [](const auto& each) { return each.param; });

// Every exception is about a field that exists.
TEST(BadInputTableTest, NamesFieldsThatExist) {
  std::set<std::string> names;
  for (const auto& [name, method] : Methods()) {
    std::vector<Path> paths;
    Path start;
    Collect(*method->input_type(), start, paths);
    for (const Path& path : paths) {
      names.insert(NameOf(path));
      names.insert(absl::StrCat(path.back()->containing_type()->name(), ".", path.back()->name()));
      names.insert(absl::StrCat("*.", path.back()->name()));
    }
  }
  for (const Exception& e : kExceptions) EXPECT_TRUE(names.contains(e.field)) << e.field;
}

// A name of the right form that nothing has.
TEST_F(ServerTest, WhatIsNotThereIsNotFoundByItsKind) {
  const std::string sha256(32, 'x');
  const struct {
    const char* caller;
    const char* method;
    std::string text;
    const char* reason;
  } kRows[] = {
      {"auditor", "GetEntry", absl::StrCat(R"(name: "$P/entries/)", world.End() + 100, R"(")"), "ENTRY_NOT_FOUND"},
      {"auditor", "GetEntry", R"(name: "$P/entries/9007199254740991")", "ENTRY_NOT_FOUND"},
      {"auditor", "GetBlob", absl::StrCat(R"(program: "$P" sha256: ")", sha256, R"(")"), "ENTRY_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/members/mx")", "MEMBER_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/members/12345678")", "MEMBER_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/merchants/sx")", "MERCHANT_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/merchants/sx/terminals/tx")", "TERMINAL_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/staff/ax")", "STAFF_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/nodes/x")", "NODE_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/funds/x")", "FUND_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/offers/X")", "OFFER_NOT_FOUND"},
      {"admin", "GetRegistration", R"(name: "$P/rulebooks/x")", "RULEBOOK_NOT_FOUND"},
      {"admin", "WithdrawRulebook", R"(request_id: "$ID" name: "$P/rulebooks/x")", "RULEBOOK_NOT_FOUND"},
      {"admin", "ReplaceMemberNumber", R"(request_id: "$ID" name: "$P/members/mx")", "MEMBER_NOT_FOUND"},
      {"corrector-all", "ProposeUndo", R"(program: "$P" request_id: "$ID" entry: "$P/entries/0" reason: UNDO_NOT_WANTED)",
       "ENTRY_NOT_FOUND"},
      {"corrector-all", "Undo", R"(program: "$P" request_id: "$ID" proposal: "$P/entries/0")", "ENTRY_NOT_FOUND"},
      {"corrector-all", "WaiveDebt", R"(program: "$P" request_id: "$ID" proposal: "$P/entries/0")", "ENTRY_NOT_FOUND"},
      {"corrector-all", "ProposeWaiver", R"(program: "$P" request_id: "$ID" member: "$HOME" fund: "nope" reason: WAIVER_MEMBER_GONE)",
       "FUND_NOT_FOUND"},
      {"helper-all", "GetBalance", R"(member: "$P/members/mx")", "MEMBER_NOT_FOUND"},
      {"helper-all", "ListStatement", R"(member: "$P/members/mx")", "MEMBER_NOT_FOUND"},
      {"till", "GetOutcome", R"(program: "$P" request_id: "$ID")", "REQUEST_NOT_FOUND"},
      {"recorder-all", "GetAwardOutcome", R"(program: "$P" request_id: "$ID")", "REQUEST_NOT_FOUND"},
      {"till", "Capture", R"(program: "$P" request_id: "$ID" hold: "$P/holds/9007199254740991")", "HOLD_NOT_FOUND"},
      {"till", "Void", R"(program: "$P" request_id: "$ID" hold: "$P/holds/0")", "HOLD_NOT_FOUND"},
      {"till", "Refund", R"(program: "$P" request_id: "$ID" clerk: "c" points: 1 redemption: "$P/redemptions/0")", "REDEMPTION_NOT_FOUND"},
      {"corrector-all", "Correct", R"(program: "$P" request_id: "$ID" award: "$P/awards/0" reason: WRONG_QUANTITY)", "AWARD_NOT_FOUND"},
      {"admin", "CreateTerminal", R"(program: "$P" request_id: "$ID" merchant: "$P/merchants/sx")", "MERCHANT_NOT_FOUND"},
  };
  const auto start = world.End();
  for (const auto& row : kRows) {
    const Answer answer = world.Call(row.caller, row.method, row.text);
    EXPECT_EQ(answer.reason, row.reason) << row.method << " " << row.text << " " << answer;
    EXPECT_FALSE(answer.has_outcome) << row.method;
  }
  EXPECT_EQ(world.AskedSince(start), 0);
}

// A recorded refusal is one entry, once, and its repetition none; an unrecorded one leaves the request id free.
TEST_F(ServerTest, RefusalsAreRecordedOnceOrNotAtAll) {
  const std::string dear = R"(program: "$P" request_id: "ID" presentation { member_number: "$HOME_NUMBER" }
                              offer_lines { offer: "ANY" quantity: 1 points: 9000000 })";
  const auto with_id = [](std::string text, const std::string& id) { return text.replace(text.find("ID\""), 2, id); };
  const std::string id = world.NewUuid();
  auto start = world.End();
  const Answer first = world.Call("till", "Redeem", with_id(dear, id));
  EXPECT_EQ(first.reason, "INSUFFICIENT_POINTS");
  ASSERT_TRUE(first.has_outcome);
  EXPECT_EQ(first.outcome.state(), v1::REFUSED);
  EXPECT_EQ(first.outcome.sequence(), start);
  EXPECT_EQ(world.AskedSince(start), 1);
  const Answer again = world.Call("till", "Redeem", with_id(dear, id));
  EXPECT_TRUE(again.outcome.replayed());
  EXPECT_EQ(again.outcome.sequence(), start);
  EXPECT_EQ(world.AskedSince(start), 1);

  start = world.End();
  const std::string free = world.NewUuid();
  EXPECT_EQ(world.Call("till", "Redeem", with_id(std::string(dear).replace(dear.find("\"ANY\""), 5, "\"NONE\""), free)).reason,
            "OFFER_NOT_FOUND");
  EXPECT_EQ(world.AskedSince(start), 0);
  EXPECT_TRUE(world.Call("till", "Redeem", with_id(std::string(dear).replace(dear.find("9000000"), 7, "1"), free)).ok());
  EXPECT_EQ(world.Call("till", "Redeem", with_id(dear, free)).reason, "REQUEST_ID_REUSED");
  EXPECT_EQ(world.AskedSince(start), 1);
}

}  // namespace
}  // namespace redpoints::server
