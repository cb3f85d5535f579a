#include "client/journal_reader.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/answer_maker.h"
#include "client/retry.h"
#include "client/rpc.h"
#include "grpcpp/support/sync_stream.h"
#include "redpoints/v1/journal_service.grpc.pb.h"

namespace redpoints {
namespace {

// Reading has no effect, so whatever the transport did, the next stream may go on; but a gap would only come again.
bool IsCut(const CallEnd& end) { return end.code == kUnavailable || (IsInDoubt(end) && !end.refused && end.code != kDataLoss); }

// How long the header is that may begin a CSV stream.
std::size_t CsvHeaderBytes(std::string_view data) {
  const auto line_end = data.find("\r\n");
  return data.starts_with("\xEF\xBB\xBF") && line_end != std::string_view::npos ? line_end + 2 : 0;
}

// Whether the stored line is that of entry `sequence`: its number is among the first fields, and no text stands before it that
// could hold a quote.
bool IsLineOf(std::string_view line, std::int64_t sequence) {
  constexpr std::string_view kField = "\"seq\":";
  const auto found = line.find(kField);
  if (found == std::string_view::npos) return false;
  const auto value = line.substr(found + kField.size());
  return value.starts_with(absl::StrCat(sequence, ",")) || value.starts_with(absl::StrCat(sequence, "}"));
}

// Whether `message` holds the entries from position.next_sequence on, none left out, as far as its format shows: of CSV, whose
// cells may hold line ends, the first row.
bool IsNext(const v1::ExportEntriesResponse& message, v1::ExportFormat format, const JournalPosition& position) {
  const std::int64_t next = message.next_sequence();
  const std::int64_t end = message.end_sequence();
  if (next > end || (position.end_sequence != 0 && end != position.end_sequence)) return false;
  std::string_view data = message.data();
  if (format == v1::CSV) {
    data.remove_prefix(CsvHeaderBytes(data));
    return data.empty() ? next == position.next_sequence
                        : next > position.next_sequence && data.starts_with(absl::StrCat(position.next_sequence, ","));
  }
  std::int64_t sequence = position.next_sequence;
  for (; !data.empty(); ++sequence) {
    const auto line_end = data.find('\n');
    if (line_end == std::string_view::npos || !IsLineOf(data.substr(0, line_end), sequence)) return false;
    data.remove_prefix(line_end + 1);
  }
  return sequence == next;
}

bool IsNext(const v1::FollowEntriesResponse& message, const JournalPosition& position) {
  if (message.first_sequence() != position.next_sequence) return false;
  std::int64_t sequence = position.next_sequence;
  for (const auto& line : message.lines()) {
    if (!IsLineOf(line, sequence++)) return false;
  }
  return true;
}

// Ends a stream whose messages don't follow on each other.
template <class Reader> CallEnd EndOfGap(grpc::ClientContext& context, Reader& reader, std::int64_t sequence) {
  context.TryCancel();
  static_cast<void>(reader.Finish());
  return {.code = kDataLoss,
          .message = absl::StrCat("what came from entry ", sequence, " on is not what follows in the journal"),
          .refused = {},
          .retry_delay = {}};
}

// The longest deadline that the server takes, when that is what it refused.
std::optional<std::chrono::milliseconds> DeadlineMax(const CallEnd& end) {
  if (!end.refused || end.refused->refusal.reason != Reason::DEADLINE_REQUIRED) return std::nullopt;
  for (const auto& [key, value] : end.refused->refusal.facts) {
    std::int64_t max_ms = 0;
    if (key == "max" && absl::SimpleAtoi(value, &max_ms) && max_ms > 0) return std::chrono::milliseconds(max_ms);
  }
  return std::nullopt;
}

}  // namespace

struct JournalReader::Impl {
  // One stream. Sets `brought` when it handed something over, `is_stopped` when the sink wants no more.
  using Stream = std::function<CallEnd(grpc::ClientContext& context, bool* brought, bool* is_stopped)>;
  // True when a stream that ended well is the end of all.
  using IsComplete = std::function<bool()>;

  Impl(std::shared_ptr<Connection> connection_in, CallOptions options_in, Timing timing_in)
      : connection(std::move(connection_in)), options(options_in), timing(std::move(timing_in)), retrier(options, timing, {}) {}

  // Streams until complete, stopped, refused, or without news for the retry budget. `is_idle_news`: a stream that brings nothing
  // until its time is over is in order.
  Attempts Run(const Stream& stream, const IsComplete& is_complete, bool is_idle_news) const {
    Attempts made;
    auto stream_timeout = options.stream_timeout;
    auto end = timing.now() + options.retry_budget;
    int fruitless = 0;
    for (;;) {
      bool brought = false;
      bool is_stopped = false;
      if (connection->WaitForConnected(options.connect_timeout)) {
        made.is_sent = true;
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + stream_timeout);
        made.last = stream(context, &brought, &is_stopped);
      } else {
        made.last = {.code = kUnavailable, .message = "no connection", .refused = {}, .retry_delay = {}};
        if (!made.is_sent) return made;
      }
      if (is_stopped) made.last = {};
      if (is_stopped || (made.last.code == kOk && is_complete())) return made;
      if (const auto max = DeadlineMax(made.last); max && *max < stream_timeout) {
        stream_timeout = *max;
        continue;
      }
      if (made.last.code != kOk && !IsCut(made.last)) return made;
      if (brought || (is_idle_news && made.last.code == kDeadlineExceeded)) {
        fruitless = 0;
        end = timing.now() + options.retry_budget;
        if (made.last.code == kDeadlineExceeded) continue;
      }
      const auto pause = retrier.PauseAfter(++fruitless, made.last);
      if (timing.now() + pause >= end) {
        if (made.last.code == kOk) made.last = {.code = kUnavailable, .message = "ended early", .refused = {}, .retry_delay = {}};
        return made;
      }
      timing.sleep(pause);
    }
  }

  const std::shared_ptr<Connection> connection;
  const CallOptions options;
  const Timing timing;
  const Retrier retrier;
  v1::JournalService::Stub stub{connection->channel()};
};

JournalReader::JournalReader(std::shared_ptr<Connection> connection, CallOptions options, Timing timing)
    : impl_(std::make_unique<Impl>(std::move(connection), options, std::move(timing))) {}
JournalReader::~JournalReader() = default;

Answer<v1::ExportEntriesResponse> JournalReader::Export(v1::ExportEntriesRequest request, const ExportSink& sink,
                                                        JournalPosition* position) const {
  *position = {.next_sequence = request.start_sequence(), .end_sequence = request.end_sequence()};
  bool is_first_message = true;
  v1::ExportEntriesResponse message;
  const auto stream = [&](grpc::ClientContext& context, bool* brought, bool* is_stopped) {
    request.set_start_sequence(position->next_sequence);
    request.set_end_sequence(position->end_sequence);
    const auto reader = impl_->stub.ExportEntries(&context, request);
    bool is_first_of_stream = true;
    while (!*is_stopped && reader->Read(&message)) {
      if (!IsNext(message, request.format(), *position)) return EndOfGap(context, *reader, position->next_sequence);
      // Only the first header belongs into the file.
      if (request.format() == v1::CSV && is_first_of_stream && !is_first_message) {
        message.mutable_data()->erase(0, CsvHeaderBytes(message.data()));
      }
      is_first_of_stream = is_first_message = false;
      *brought = true;
      *is_stopped = !sink(message);
      *position = {.next_sequence = message.next_sequence(), .end_sequence = message.end_sequence()};
    }
    if (*is_stopped) context.TryCancel();
    return ToCallEnd(reader->Finish());
  };
  const auto is_complete = [&] { return position->next_sequence >= position->end_sequence; };
  return AnswerMaker::OfRead(impl_->Run(stream, is_complete, /*is_idle_news=*/false), std::move(message));
}

Answer<v1::FollowEntriesResponse> JournalReader::Follow(v1::FollowEntriesRequest request, const FollowSink& sink,
                                                        JournalPosition* position) const {
  *position = {.next_sequence = request.start_sequence(), .end_sequence = 0};
  v1::FollowEntriesResponse message;
  const auto stream = [&](grpc::ClientContext& context, bool* brought, bool* is_stopped) {
    request.set_start_sequence(position->next_sequence);
    const auto reader = impl_->stub.FollowEntries(&context, request);
    while (!*is_stopped && reader->Read(&message)) {
      if (!IsNext(message, *position)) return EndOfGap(context, *reader, position->next_sequence);
      *brought = true;
      *is_stopped = !sink(message);
      position->next_sequence += message.lines_size();
    }
    if (*is_stopped) context.TryCancel();
    return ToCallEnd(reader->Finish());
  };
  return AnswerMaker::OfRead(impl_->Run(
                                 stream, [] { return false; }, /*is_idle_news=*/true),
                             std::move(message));
}

}  // namespace redpoints
