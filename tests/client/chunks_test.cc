#include "client/cli/chunks.h"

#include <sstream>

#include "client/answer_maker.h"
#include "gtest/gtest.h"

namespace redpoints::cli {
namespace {

struct Row {
  int line = 0;
};

class ChunksTest : public testing::Test {
 protected:
  ChunksTest() {
    session_.options().request_id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    for (int line = 2; line < 7; ++line) rows_.push_back({.line = line});
  }

  // Sends five rows in chunks of two; the chunk number `at` ends with `made` and brings `results` results.
  ExitCode Send(int at, const Attempts& made, std::size_t results) {
    int count = -1;
    return SendInChunks(
        session_, "job", rows_, 2,
        [&](std::span<const Row>, const std::string& request_id) {
          ids_.push_back(request_id);
          Attempts done;
          done.is_sent = true;
          return AnswerMaker::OfRead(++count == at ? made : done, v1::AwardBatchResponse());
        },
        [&](const v1::AwardBatchResponse&) { return count == at  ? results
                                                    : count == 2 ? 1U
                                                                 : 2U; });
  }

  static Attempts Unsent() {
    Attempts made;
    made.last.code = kUnavailable;
    return made;
  }

  std::ostringstream out_;
  std::ostringstream err_;
  Session session_{{.environment = [](const std::string&) { return std::nullopt; }, .out = out_, .err = err_}, Text(Language::kEn)};
  std::vector<Row> rows_;
  std::vector<std::string> ids_;
};

TEST_F(ChunksTest, EachChunkHasItsOwnIdOfTheSeed) {
  EXPECT_EQ(Send(-1, {}, 0), ExitCode::kDone);
  EXPECT_EQ(ids_, (std::vector<std::string>{DerivedRequestId(session_.options().request_id, "job/0"),
                                            DerivedRequestId(session_.options().request_id, "job/1"),
                                            DerivedRequestId(session_.options().request_id, "job/2")}));
  EXPECT_NE(err_.str().find("5 / 5"), std::string::npos);
}

TEST_F(ChunksTest, NotSentIsSaidOnlyOfTheFirst) {
  EXPECT_EQ(Send(0, Unsent(), 0), ExitCode::kNotSent);
  EXPECT_EQ(Send(1, Unsent(), 0), ExitCode::kUnknown);
  EXPECT_NE(err_.str().find("stopped at lines: 4–5"), std::string::npos);
}

TEST_F(ChunksTest, ResultsThatWereLostAreNoSuccess) {
  Attempts done;
  done.is_sent = true;
  EXPECT_EQ(Send(1, done, 0), ExitCode::kUnknown);
}

}  // namespace
}  // namespace redpoints::cli
