#include "server/log.h"

#include <fcntl.h>
#include <grpc/support/log.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/util/json_util.h"

namespace redpoints::server {
namespace {

class Log : public testing::Test {
 protected:
  // Without it the threads of a test would race for the file's one position, as they don't on a pipe or a terminal.
  Log() { EXPECT_EQ(fcntl(file_, F_SETFL, O_APPEND), 0); }
  ~Log() override { close(file_); }

  std::string Text() const {
    std::string text(static_cast<std::size_t>(lseek(file_, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(file_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    const std::string text = Text();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      if (end == std::string::npos) {
        ADD_FAILURE() << "the last line has no end";
        break;
      }
      lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }

  // The fields of a line, read by a parser that is not ours.
  static google::protobuf::Struct Parsed(const std::string& line) {
    google::protobuf::Struct fields;
    const auto status = google::protobuf::util::JsonStringToMessage(line, &fields);
    EXPECT_TRUE(status.ok()) << status << " " << line;
    return fields;
  }

  static std::string Field(const std::string& line, const std::string& key) {
    const auto fields = Parsed(line).fields();
    const auto found = fields.find(key);
    return found == fields.end() ? "absent" : found->second.string_value();
  }

  const int file_ = memfd_create("log", 0);
  Logger logger_{LogLevel::kInfo, file_};
};

TEST_F(Log, LineIsJsonWithTimeLevelAndEventFirst) {
  logger_.Write(LogLevel::kWarning, "disk", {{"reason", "STORAGE_READ_ONLY"}, {"free_bytes", std::int64_t{-5}}, {"empty", ""}});
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Field(lines[0], "level"), "warning");
  EXPECT_EQ(Field(lines[0], "event"), "disk");
  EXPECT_EQ(Field(lines[0], "empty"), "absent");
  EXPECT_TRUE(lines[0].ends_with("\"reason\":\"STORAGE_READ_ONLY\",\"free_bytes\":-5}")) << lines[0];
  const std::string time = Field(lines[0], "time");
  ASSERT_EQ(time.size(), 24U) << time;
  EXPECT_EQ(time[10], 'T');
  EXPECT_EQ(time[19], '.');
  EXPECT_EQ(time[23], 'Z');
}

TEST_F(Log, BelowTheLevelNothingIsWritten) {
  logger_.Write(LogLevel::kDebug, "quiet", {});
  EXPECT_EQ(Text(), "");
  EXPECT_FALSE(logger_.IsOn(LogLevel::kDebug));
  logger_.SetLevel(LogLevel::kDebug);
  logger_.Write(LogLevel::kDebug, "loud", {});
  EXPECT_EQ(Lines().size(), 1U);
}

TEST_F(Log, AnyTextStaysOnItsLine) {
  const std::string text("a\"b\\c\nd\te\x01 积分 \x7F\0f", 21);
  logger_.Write(LogLevel::kInfo, "text", {{"detail", text}});
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Field(lines[0], "detail"), text);
}

TEST_F(Log, FieldThatDoesNotFitIsLeftOut) {
  const std::string long_text(5000, 'x');
  logger_.Write(LogLevel::kInfo, "long", {{"before", "1"}, {"detail", long_text}, {"after", "2"}});
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_LE(lines[0].size(), 4095U);
  EXPECT_EQ(Field(lines[0], "before"), "1");
  EXPECT_EQ(Field(lines[0], "detail"), "absent");
  EXPECT_EQ(Field(lines[0], "after"), "2");
}

TEST_F(Log, EveryLengthAroundTheLimitIsWholeJson) {
  for (std::size_t size = 3950; size < 4100; ++size) {
    const std::string text(size, '"');
    const std::string plain(size, 'p');
    logger_.Write(LogLevel::kInfo, "edge", {{"a", text.substr(0, size / 2)}, {"b", plain}, {"n", std::int64_t{1}}});
    logger_.Write(LogLevel::kInfo, "edge", {{"b", plain}, {"n", std::int64_t{1}}});
  }
  for (const std::string& line : Lines()) {
    ASSERT_LE(line.size(), 4095U);
    EXPECT_EQ(Field(line, "event"), "edge");
  }
}

TEST_F(Log, ThreadsDoNotMixTheirLines) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) logger_.Write(LogLevel::kInfo, "line", {{"text", std::string(200, static_cast<char>('a' + t))}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = Lines();
  EXPECT_EQ(lines.size(), 2000U);
  for (const std::string& line : lines) {
    const std::string text = Field(line, "text");
    ASSERT_EQ(text, std::string(200, text[0]));
  }
}

TEST_F(Log, NumbersThatMayBeAMembersAreTakenOut) {
  EXPECT_EQ(WithoutNumbers("member 12345678, again 1234567890."), "member #, again #.");
  EXPECT_EQ(WithoutNumbers("123456"), "#");
  EXPECT_EQ(WithoutNumbers("bad block in /ledger/log/000012.sst"), "bad block in /ledger/log/000012.sst");
  EXPECT_EQ(WithoutNumbers("/l/MANIFEST-000031, 000012.sst"), "/l/MANIFEST-000031, #.sst");
  EXPECT_EQ(WithoutNumbers("line 12345 of 7"), "line 12345 of 7");
  EXPECT_EQ(WithoutNumbers(""), "");
  EXPECT_EQ(WithoutNumbers("a1234567"), "a#");
}

TEST_F(Log, WhatTheLedgerSaysOfItselfKeepsItsNumbers) {
  const std::string damage = "IO error: /var/lib/redpoints/ledger/000014.sst: offset 1234567, stored = 3735928559, entry 20241231";
  EXPECT_EQ(WithoutMemberNumbers(damage), damage);
  EXPECT_EQ(WithoutMemberNumbers("number 10000001 is missing, number 1234567890"), "number # is missing, number #");
  EXPECT_EQ(WithoutMemberNumbers("a number of things"), "a number of things");
  EXPECT_EQ(WithoutMemberNumbers(""), "");
}

TEST_F(Log, AFloodOfFailedHandshakesIsToldInFewLines) {
  gpr_log_verbosity_init();
  CaptureLibraryLogs(logger_);
  for (int i = 0; i < 5'000; ++i) gpr_log(GPR_ERROR, "handshake failed");
  EXPECT_LE(Lines().size(), 100U);
  EXPECT_GE(Lines().size(), 1U);
  static const Logger standard(LogLevel::kError);
  CaptureLibraryLogs(standard);
}

TEST_F(Log, LibrariesWriteTheSameLines) {
  gpr_log_verbosity_init();
  CaptureLibraryLogs(logger_);
  gpr_log(GPR_ERROR, "handshake failed with %s", "12345678");
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Field(lines[0], "event"), "grpc");
  EXPECT_EQ(Field(lines[0], "detail"), "handshake failed with #");
  // protobuf's complaints are about clients' bytes, which are answered: they are for debugging only.
  google::protobuf::Value value;
  EXPECT_FALSE(value.ParseFromString("\x1A\x01\xFF"));
  EXPECT_EQ(Lines().size(), 1U);
  logger_.SetLevel(LogLevel::kDebug);
  EXPECT_FALSE(value.ParseFromString("\x1A\x01\xFF"));
  ASSERT_EQ(Lines().size(), 2U);
  EXPECT_EQ(Field(Lines()[1], "event"), "protobuf");
  // Other tests of this program may log after logger_ is gone.
  static const Logger standard(LogLevel::kError);
  CaptureLibraryLogs(standard);
}

}  // namespace
}  // namespace redpoints::server
