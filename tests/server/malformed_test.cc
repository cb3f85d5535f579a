#include "server/malformed.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/stubs/logging.h"
#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/journal_service.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"

namespace redpoints::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

constexpr char kMark[] = "\x01mark\x02";

std::vector<const Descriptor*> RequestTypes() {
  std::vector<const Descriptor*> types;
  for (const auto* file :
       {v1::GetBalanceRequest::descriptor()->file(), v1::AwardRequest::descriptor()->file(), v1::GetEntryRequest::descriptor()->file(),
        v1::RedeemRequest::descriptor()->file(), v1::SetNodeRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) types.push_back(file->service(s)->method(m)->input_type());
    }
  }
  return types;
}

std::unique_ptr<Message> New(const Descriptor& type) {
  return std::unique_ptr<Message>(MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

// For each string field reachable from `message`: sets it to kMark, in the third element where it is repeated, and calls `done`
// with its path; then takes it out again.
void ForEachString(Message& root, Message& message, const std::string& path, const std::function<void(const std::string&)>& done) {
  const Descriptor& type = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    const std::string here = (path.empty() ? "" : path + ".") + field->name() + (field->is_repeated() ? "[2]" : "");
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      if (field->is_repeated()) {
        reflection.AddString(&message, field, "一");
        reflection.AddString(&message, field, "");
        reflection.AddString(&message, field, kMark);
      } else {
        reflection.SetString(&message, field, kMark);
      }
      done(here);
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      Message* inner = nullptr;
      if (field->is_repeated()) {
        for (int n = 0; n < 3; ++n) inner = reflection.AddMessage(&message, field);
      } else {
        inner = reflection.MutableMessage(&message, field);
      }
      ForEachString(root, *inner, here, done);
    }
    reflection.ClearField(&message, field);
  }
}

std::string WithBadText(std::string bytes) {
  const std::size_t at = bytes.find(kMark);
  EXPECT_NE(at, std::string::npos);
  bytes.replace(at + 2, 2, "\xC3\x28");
  return bytes;
}

class Malformed : public testing::Test {
 private:
  google::protobuf::LogSilencer silencer_;
};

TEST_F(Malformed, TextThatIsNotUtf8IsNamedInEveryStringFieldOfEveryRequest) {
  int fields = 0;
  for (const Descriptor* type : RequestTypes()) {
    const auto message = New(*type);
    ForEachString(*message, *message, "", [&](const std::string& path) {
      SCOPED_TRACE(type->full_name() + " " + path);
      ++fields;
      const std::string good = message->SerializeAsString();
      EXPECT_TRUE(New(*type)->ParseFromString(good));
      EXPECT_EQ(FindMalformedField(*type, good), "");
      const std::string bad = WithBadText(good);
      EXPECT_FALSE(New(*type)->ParseFromString(bad));
      EXPECT_EQ(FindMalformedField(*type, bad), path);
    });
  }
  EXPECT_GT(fields, 100);
}

TEST_F(Malformed, FirstOfSeveralIsNamed) {
  v1::RedeemRequest request;
  for (int i = 0; i < 4; ++i) request.add_offer_lines()->set_offer(kMark);
  std::string bytes = request.SerializeAsString();
  bytes = WithBadText(WithBadText(bytes));
  EXPECT_EQ(FindMalformedField(*request.GetDescriptor(), bytes), "offer_lines[0].offer");
}

TEST_F(Malformed, BytesFieldMayHoldAnything) {
  v1::GetBlobRequest request;
  request.set_sha256("\xFF\xFE\x80");
  EXPECT_EQ(FindMalformedField(*request.GetDescriptor(), request.SerializeAsString()), "");
}

TEST_F(Malformed, BrokenFramingHasNoNameAtTheTopAndThatOfItsMessageBelow) {
  const Descriptor& type = *v1::RedeemRequest::descriptor();
  using namespace std::string_literals;
  EXPECT_EQ(FindMalformedField(type, "\x0A\x05pro"s), "");  // longer than what is there
  EXPECT_EQ(FindMalformedField(type, "\x0A"s), "");         // no length
  EXPECT_EQ(FindMalformedField(type, "\x00\x00"s), "");     // field 0
  EXPECT_EQ(FindMalformedField(type, "\x0C"s), "");         // an end of a group
  EXPECT_EQ(FindMalformedField(type, "\x0F\x00"s), "");     // wire type 7
  EXPECT_EQ(FindMalformedField(type, "\xFF\xFF\xFF\xFF\xFF\xFF"s), "");
  EXPECT_EQ(FindMalformedField(type, "\x1A\x02\x0A\x09"s), "presentation");
  EXPECT_EQ(FindMalformedField(type, "\x22\x00\x22\x01\x08"s), "offer_lines[1]");
}

TEST_F(Malformed, PackedNumbersThatEndTooEarlyAreNamed) {
  // location (1) { path (1): a varint whose next byte is missing }. None of our requests has such a field.
  const std::string bytes("\x0A\x04\x0A\x02\x01\x81", 6);
  EXPECT_FALSE(google::protobuf::SourceCodeInfo().ParseFromString(bytes));
  EXPECT_EQ(FindMalformedField(*google::protobuf::SourceCodeInfo::descriptor(), bytes), "location[0].path[0]");
}

TEST_F(Malformed, UnknownFieldsAreNotJudged) {
  const std::string unknown("\x82\x7D\x02\xFF\xFF", 5);  // field 2000, two bytes
  EXPECT_TRUE(v1::RedeemRequest().ParseFromString(unknown));
  EXPECT_EQ(FindMalformedField(*v1::RedeemRequest::descriptor(), unknown), "");
}

// Whatever parses has no malformed field, and what has one doesn't parse: on each prefix of a full message and on random damage.
TEST_F(Malformed, AgreesWithTheParserOnDamagedMessages) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int named = 0;
  for (const Descriptor* type : RequestTypes()) {
    std::vector<std::string> samples;
    const auto message = New(*type);
    ForEachString(*message, *message, "", [&](const std::string&) { samples.push_back(message->SerializeAsString()); });
    for (const std::string& sample : samples) {
      for (std::size_t size = 0; size < sample.size(); ++size) {
        const std::string bytes = sample.substr(0, size);
        const std::string field = FindMalformedField(*type, bytes);
        EXPECT_FALSE(!field.empty() && New(*type)->ParseFromString(bytes)) << field;
      }
      for (int round = 0; round < 200; ++round) {
        std::string bytes = sample;
        for (int damage = 0; damage < 2; ++damage) bytes[random() % bytes.size()] = static_cast<char>(random());
        const std::string field = FindMalformedField(*type, bytes);
        named += !field.empty();
        EXPECT_FALSE(!field.empty() && New(*type)->ParseFromString(bytes)) << field;
      }
    }
  }
  EXPECT_GT(named, 100);
}

}  // namespace
}  // namespace redpoints::server
