#include "client/journal_reader.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "client/answer_maker.h"
#include "client/retry.h"
#include "client/rpc.h"
#include "grpcpp/support/sync_stream.h"
#include "redpoints/v1/journal_service.grpc.pb.h"

namespace redpoints {
namespace {

// Reading has no effect, so whatever the transport did, the next stream may go on; but a gap would only come again.
bool IsCut(const CallEnd& end) { return end.code == kUnavailable || (IsInDoubt(end) && !end.refused && end.code != kDataLoss); }

// Drops the header that begins every CSV stream: only the first one belongs into the file.
void DropCsvHeader(std::string* data) {
  constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";
  const auto line_end = data->find("\r\n");
  if (data->compare(0, 3, kByteOrderMark) == 0 && line_end != std::string::npos) data->erase(0, line_end + 2);
}

// The longest deadline that the server takes, when that is what it refused.
std::optional<std::chrono::milliseconds> DeadlineMax(const CallEnd& end) {
  if (!end.refused || end.refused->refusal.reason != v1::DEADLINE_REQUIRED) return std::nullopt;
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
      if (request.format() == v1::CSV && is_first_of_stream && !is_first_message) DropCsvHeader(message.mutable_data());
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
      if (message.first_sequence() != position->next_sequence) {
        context.TryCancel();
        static_cast<void>(reader->Finish());
        return CallEnd{.code = kDataLoss,
                       .message = absl::StrCat("expected entry ", position->next_sequence, ", got ", message.first_sequence()),
                       .refused = {},
                       .retry_delay = {}};
      }
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
