#include "client/cli/derived_request_id.h"

#include <gtest/gtest.h>

namespace redpoints::cli {
namespace {

TEST(DerivedRequestId, IsThatOfRfc4122) {
  // The RFC's DNS name space with a name whose result is published with many libraries.
  EXPECT_EQ(DerivedRequestId("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
}

}  // namespace
}  // namespace redpoints::cli
