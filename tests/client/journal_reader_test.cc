#include "client/journal_reader.h"

#include <atomic>

#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "tests/client/fake_server.h"
#include "tests/client/fake_timing.h"

namespace redpoints {
namespace {

// From entry 6 on they are of epoch 7.
std::int64_t EpochOf(std::int64_t sequence) { return sequence < 6 ? 0 : 7; }
std::string Entry(std::int64_t sequence) {
  return FormatName({.kind = ResourceKind::kEntry, .program = "p", .sequence = sequence, .epoch = EpochOf(sequence)});
}
std::int64_t BehindEntry(const std::string& name) { return name.empty() ? 0 : ParseName(name)->sequence + 1; }
std::string Line(std::int64_t sequence) {
  return "{\"v\":1,\"epoch\":" + std::to_string(EpochOf(sequence)) + ",\"seq\":" + std::to_string(sequence) + "}";
}
std::string Lines(std::int64_t begin, std::int64_t end) {
  std::string lines;
  for (std::int64_t sequence = begin; sequence < end; ++sequence) lines += Line(sequence) + "\n";
  return lines;
}
std::string Rows(std::int64_t begin, std::int64_t end) {
  std::string rows;
  for (std::int64_t sequence = begin; sequence < end; ++sequence)
    rows += std::to_string(sequence) + "," + std::to_string(EpochOf(sequence)) + ",a\r\n";
  return rows;
}

// Entries 0 to 9 in messages of two, cut with UNAVAILABLE after `messages_per_stream`.
FakeReply ServeExport(const FakeCall& call, std::size_t messages_per_stream) {
  const auto request = call.As<v1::ExportEntriesRequest>();
  FakeReply reply;
  if (request.format() == v1::CSV) {
    v1::ExportEntriesResponse header;
    header.set_last(request.after());
    header.set_through(Entry(9));
    header.set_data("\xEF\xBB\xBF表头\r\n");
    reply.messages.push_back(header.SerializeAsString());
  }
  for (std::int64_t sequence = BehindEntry(request.after()); sequence < 10; sequence += 2) {
    if (reply.messages.size() == messages_per_stream) {
      reply.code = kUnavailable;
      return reply;
    }
    v1::ExportEntriesResponse message;
    message.set_data(request.format() == v1::CSV ? Rows(sequence, sequence + 2) : Lines(sequence, sequence + 2));
    message.set_last(Entry(sequence + 1));
    message.set_through(Entry(9));
    reply.messages.push_back(message.SerializeAsString());
  }
  return reply;
}

class JournalReaderTest : public testing::Test {
 protected:
  JournalReader MakeReader(CallOptions options = {}) {
    auto connection = Connection::Open(
        {.server = server_.address(), .ca_file = "", .certificate_file = "", .key_file = "", .server_name = "", .is_plaintext = true});
    return JournalReader(*connection, options, timing_.Get());
  }

  Fate Export(v1::ExportFormat format, CallOptions options = {}) {
    v1::ExportEntriesRequest request;
    request.set_format(format);
    return MakeReader(options)
        .Export(
            request,
            [&](const v1::ExportEntriesResponse& message) {
              data_ += message.data();
              return true;
            },
            &position_)
        .fate();
  }

  FakeServer server_;
  FakeTiming timing_;
  JournalPosition position_;
  std::string data_;
};

TEST_F(JournalReaderTest, AnExportGoesOnAfterEachCutWithoutGapOrRepetition) {
  server_.On("ExportEntries", [](const FakeCall& call) { return ServeExport(call, 2); });
  EXPECT_EQ(Export(v1::JSON_LINES), Fate::kDone);
  EXPECT_EQ(data_, Lines(0, 10));
  EXPECT_EQ(position_.last, Entry(9));
  const auto calls = server_.Calls("ExportEntries");
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].As<v1::ExportEntriesRequest>().through(), "");
  EXPECT_EQ(calls[1].As<v1::ExportEntriesRequest>().after(), "programs/p/entries/3");
  EXPECT_EQ(calls[2].As<v1::ExportEntriesRequest>().after(), "programs/p/entries/7.7");
  // Fixed by the first message, so that entries written meanwhile do not join.
  EXPECT_EQ(calls[1].As<v1::ExportEntriesRequest>().through(), "programs/p/entries/7.9");
}

TEST_F(JournalReaderTest, TheCsvHeaderStandsOnce) {
  server_.On("ExportEntries", [](const FakeCall& call) { return ServeExport(call, 3); });
  EXPECT_EQ(Export(v1::CSV), Fate::kDone);
  EXPECT_EQ(data_, "\xEF\xBB\xBF表头\r\n" + Rows(0, 10));
}

TEST_F(JournalReaderTest, AnExportThatBringsNothingEndsWithTheBudget) {
  server_.Script("ExportEntries", {Fail(kUnavailable)});
  EXPECT_EQ(Export(v1::JSON_LINES), Fate::kFailed);
  EXPECT_GT(server_.Calls("ExportEntries").size(), 1U);
  EXPECT_LT(server_.Calls("ExportEntries").size(), 12U);
}

TEST_F(JournalReaderTest, ARefusedExportIsNotRepeated) {
  server_.Script("ExportEntries", {Refuse({.reason = Reason::PERMISSION_DENIED, .facts = {}})});
  EXPECT_EQ(Export(v1::JSON_LINES), Fate::kRefused);
  EXPECT_EQ(server_.Calls("ExportEntries").size(), 1U);
}

TEST_F(JournalReaderTest, ATooLongDeadlineIsShortenedToWhatTheServerTakes) {
  server_.Script("ExportEntries", {Refuse({.reason = Reason::DEADLINE_REQUIRED, .facts = {{"max", "10000"}}}), FakeReply{}});
  EXPECT_EQ(Export(v1::JSON_LINES), Fate::kDone);
  // The same refusal again is one.
  server_.Script("ExportEntries", {Refuse({.reason = Reason::DEADLINE_REQUIRED, .facts = {{"max", "10000"}}})});
  EXPECT_EQ(Export(v1::JSON_LINES), Fate::kRefused);
}

TEST_F(JournalReaderTest, AGapInAnExportIsAnError) {
  struct Second {
    std::string data;
    std::string last, through;
    v1::ExportFormat format;
  };
  const std::string of_epoch_1 = "{\"v\":1,\"epoch\":1,\"seq\":1}\n", other = "programs/p/entries/1.1";
  for (const auto& [data, last, through, format] : std::vector<Second>{
           {Lines(1, 2), Entry(2), Entry(4), v1::JSON_LINES},                                       // fewer than it says
           {Lines(1, 3), Entry(1), Entry(4), v1::JSON_LINES},                                       // more
           {Lines(2, 3), Entry(1), Entry(4), v1::JSON_LINES},                                       // another
           {Line(1) + "\n" + Lines(3, 4), Entry(2), Entry(4), v1::JSON_LINES},                      // one left out
           {Lines(10, 11), Entry(1), Entry(4), v1::JSON_LINES},                                     // 1 is not 10
           {Line(1), Entry(1), Entry(4), v1::JSON_LINES},                                           // half a line
           {"{\"epoch\":0,\"seq\":2,\"data\":{\"seq\":1}}\n", Entry(1), Entry(4), v1::JSON_LINES},  // not its own number
           {"{\"seq\":1}\n", Entry(1), Entry(4), v1::JSON_LINES},                                   // of no epoch
           {of_epoch_1, Entry(1), Entry(4), v1::JSON_LINES},                                        // of another epoch than it says
           {Lines(1, 2), other, Entry(4), v1::JSON_LINES},
           {of_epoch_1 + Lines(2, 3), Entry(2), Entry(4), v1::JSON_LINES},  // back into an older epoch
           {Lines(1, 2), Entry(1), Entry(5), v1::JSON_LINES},               // another end
           {Lines(1, 2), Entry(1), "programs/p/entries/7.4", v1::JSON_LINES},
           {Lines(1, 6), Entry(5), Entry(4), v1::JSON_LINES},  // beyond the end
           {Lines(0, 1), Entry(0), Entry(4), v1::JSON_LINES},  // again
           {Rows(2, 3), Entry(2), Entry(4), v1::CSV},
           {Rows(1, 2), Entry(0), Entry(4), v1::CSV},
           {"", Entry(1), Entry(4), v1::CSV},
       }) {
    FakeReply reply;
    v1::ExportEntriesResponse message;
    message.set_data(format == v1::CSV ? Rows(0, 1) : Lines(0, 1));
    message.set_last(Entry(0));
    message.set_through(Entry(4));
    reply.messages.push_back(message.SerializeAsString());
    message.set_data(data);
    message.set_last(last);
    message.set_through(through);
    reply.messages.push_back(message.SerializeAsString());
    server_.Script("ExportEntries", {reply});
    data_.clear();
    EXPECT_EQ(Export(format), Fate::kFailed) << data << last;
    EXPECT_EQ(data_, format == v1::CSV ? Rows(0, 1) : Lines(0, 1)) << data << last;
    EXPECT_EQ(position_.last, Entry(0));
  }
}

TEST_F(JournalReaderTest, AnEmptyExportIsDone) {
  server_.Script("ExportEntries", {FakeReply{}});
  EXPECT_EQ(Export(v1::JSON_LINES), Fate::kDone);
}

class FollowTest : public JournalReaderTest {
 protected:
  static std::string Message(std::int64_t first, int count) {
    v1::FollowEntriesResponse message;
    for (int i = 0; i < count; ++i) message.add_lines(Line(first + i));
    message.set_last(Entry(first + count - 1));
    return message.SerializeAsString();
  }

  // Until entry `last` has come.
  Fate FollowUntil(std::int64_t last, CallOptions options = {}) {
    return MakeReader(options)
        .Follow(
            {},
            [&](const v1::FollowEntriesResponse& message) {
              for (const auto& line : message.lines()) data_ += line + "\n";
              return message.lines(message.lines_size() - 1) != Line(last);
            },
            &position_)
        .fate();
  }
};

TEST_F(FollowTest, GoesOnAfterACut) {
  server_.On("FollowEntries", [](const FakeCall& call) {
    FakeReply reply = Fail(kUnavailable);
    reply.messages = {Message(BehindEntry(call.As<v1::FollowEntriesRequest>().after()), 2)};
    return reply;
  });
  EXPECT_EQ(FollowUntil(7), Fate::kDone);
  EXPECT_EQ(data_, Lines(0, 8));
  EXPECT_EQ(position_.last, "programs/p/entries/7.7");
}

// The journal was put back without what was handed over: nothing of another history follows it.
TEST_F(FollowTest, EndsWhereTheLastEntryWasLost) {
  FakeReply cut = Fail(kUnavailable);
  cut.messages = {Message(0, 4)};
  server_.Script("FollowEntries", {cut, Refuse({.reason = Reason::ENTRY_LOST, .facts = {{"opening", "programs/p/entries/9.2"}}})});
  EXPECT_EQ(FollowUntil(7), Fate::kRefused);
  EXPECT_EQ(data_, Lines(0, 4));
  EXPECT_EQ(server_.Calls("FollowEntries").at(1).As<v1::FollowEntriesRequest>().after(), Entry(3));
}

TEST_F(FollowTest, QuietTimesAreInOrder) {
  auto streams = std::make_shared<std::atomic<int>>(0);
  server_.On("FollowEntries", [streams](const FakeCall&) {
    FakeReply reply = Silence();
    if (++*streams == 3) reply.messages = {Message(0, 1)};
    return reply;
  });
  CallOptions options;
  options.stream_timeout = std::chrono::milliseconds(50);
  EXPECT_EQ(FollowUntil(0, options), Fate::kDone);
  EXPECT_TRUE(timing_.pauses().empty());
}

TEST_F(FollowTest, AGapIsAnError) {
  v1::FollowEntriesResponse skipping;
  for (const int sequence : {1, 3}) skipping.add_lines(Line(sequence));
  skipping.set_last(Entry(3));
  for (const auto& second : {Message(2, 1), Message(0, 1), skipping.SerializeAsString()}) {
    FakeReply reply;
    reply.messages = {Message(0, 1), second};
    server_.Script("FollowEntries", {reply});
    data_.clear();
    EXPECT_EQ(FollowUntil(3), Fate::kFailed);
    EXPECT_EQ(data_, Lines(0, 1));
  }
}

}  // namespace
}  // namespace redpoints
