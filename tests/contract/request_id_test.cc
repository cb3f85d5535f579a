#include "proto/contract/request_id.h"

#include <gtest/gtest.h>

namespace redpoints {
namespace {

TEST(RequestId, FreshIdsAreUuidsOfVersion4AndDiffer) {
  const std::string id = NewRequestId();
  ASSERT_TRUE(ParseUuid(id)) << id;
  EXPECT_EQ(FormatUuid(*ParseUuid(id)), id);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  EXPECT_NE(NewRequestId(), id);
}

TEST(RequestId, BytesBecomeText) {
  EXPECT_EQ(UuidOf({0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0xf1, 0xd1, 0x00, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}, 5),
            "6ba7b810-9dad-51d1-80b4-00c04fd430c8");
}

TEST(RequestId, EitherCaseAndAnyVersionPass) {
  EXPECT_EQ(ParseUuid("6BA7B810-9dad-11D1-80b4-00C04FD430C8"), "6ba7b8109dad11d180b400c04fd430c8");
  EXPECT_EQ(ParseUuid("00000000-0000-0000-0000-000000000001"), "00000000000000000000000000000001");
  EXPECT_EQ(FormatUuid("6ba7b8109dad11d180b400c04fd430c8"), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(FormatUuid("6ba7"), "6ba7");
}

TEST(RequestId, OtherFormsAreRefused) {
  for (const char* text :
       {"", "6ba7b8109dad11d180b400c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b810-9dad-11d1-80b4-00c04fd430c88", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
        "6ba7b810-9dad-11d1-80b400-c04fd430c8", "6ba7b810_9dad_11d1_80b4_00c04fd430c8", "00000000-0000-0000-0000-000000000000"}) {
    EXPECT_FALSE(ParseUuid(text)) << text;
  }
}

}  // namespace
}  // namespace redpoints
