#include "proto/contract/request_id.h"

#include "gtest/gtest.h"

namespace redpoints {
namespace {

TEST(RequestIdTest, FreshIdsAreUuidsOfVersion4AndDiffer) {
  const std::string id = NewRequestId();
  EXPECT_EQ(ParseRequestId(id), id);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  EXPECT_NE(NewRequestId(), id);
}

TEST(RequestIdTest, DerivedIdsAreThoseOfRfc4122) {
  // The RFC's DNS name space with a name whose result is published with many libraries.
  EXPECT_EQ(DerivedRequestId("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
}

TEST(RequestIdTest, ParseLowersCaseAndWantsHyphens) {
  EXPECT_EQ(ParseRequestId("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_FALSE(ParseRequestId("6ba7b8109dad11d180b400c04fd430c8"));
  EXPECT_FALSE(ParseRequestId("6ba7b810-9dad-11d1-80b4-00c04fd430cg"));
  EXPECT_FALSE(ParseRequestId("6ba7b810-9dad-11d1-80b40-0c04fd430c8"));
  EXPECT_FALSE(ParseRequestId(""));
}

}  // namespace
}  // namespace redpoints
