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
#include "proto/contract/names.h"
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

// Of an entry: its sequence and the epoch in which it was written.
struct Place {
  std::int64_t sequence = -1;  // -1: before the first
  std::int64_t epoch = 0;
  bool operator==(const Place&) const = default;
};

// Of the entry with that name; what is no name is before the first.
Place PlaceOf(const std::string& name) {
  const auto parsed = ParseName(name);
  return parsed ? Place{parsed->sequence, parsed->epoch} : Place();
}

// The value of a number among the first fields of a stored line, where no text that could hold a quote stands before it.
std::optional<std::int64_t> NumberIn(std::string_view line, std::string_view field) {
  const auto found = line.find(field);
  if (found == std::string_view::npos) return std::nullopt;
  line.remove_prefix(found + field.size());
  std::int64_t value = 0;
  return absl::SimpleAtoi(absl::string_view(line.data(), line.find_first_of(",}")), &value) ? std::optional(value) : std::nullopt;
}

// Moves `place` on by one stored line. False where that is not of the next entry.
bool MoveOn(std::string_view line, Place& place) {
  const auto epoch = NumberIn(line, "\"epoch\":"), sequence = NumberIn(line, "\"seq\":");
  if (!epoch || *epoch < place.epoch || !sequence || *sequence != place.sequence + 1) return false;
  place = {*sequence, *epoch};
  return true;
}

// Whether `message` holds the entries behind position.last, none left out, as far as its format shows: of CSV, whose cells may hold line
// ends, the first row.
bool IsNext(const v1::ExportEntriesResponse& message, v1::ExportFormat format, const JournalPosition& position) {
  const Place last = PlaceOf(message.last());
  Place place = PlaceOf(position.last);
  if (last.sequence > PlaceOf(message.through()).sequence) return false;
  if (!position.through.empty() && message.through() != position.through) return false;
  std::string_view data = message.data();
  if (format == v1::CSV) {
    data.remove_prefix(CsvHeaderBytes(data));
    return data.empty() ? last == place : last.sequence > place.sequence && data.starts_with(absl::StrCat(place.sequence + 1, ","));
  }
  while (!data.empty()) {
    const auto line_end = data.find('\n');
    if (line_end == std::string_view::npos || !MoveOn(data.substr(0, line_end), place)) return false;
    data.remove_prefix(line_end + 1);
  }
  return place == last;
}

bool IsNext(const v1::FollowEntriesResponse& message, const JournalPosition& position) {
  Place place = PlaceOf(position.last);
  for (const auto& line : message.lines()) {
    if (!MoveOn(line, place)) return false;
  }
  return place == PlaceOf(message.last());
}

// Ends a stream whose messages don't follow on each other.
template <class Reader> CallEnd EndOfGap(grpc::ClientContext& context, Reader& reader, const JournalPosition& position) {
  context.TryCancel();
  static_cast<void>(reader.Finish());
  return {.code = kDataLoss,
          .message = absl::StrCat("what came after ", position.last.empty() ? "the beginning" : position.last,
                                  " is not what follows in the journal"),
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
  *position = {.last = request.after(), .through = request.through()};
  bool is_first_message = true;
  v1::ExportEntriesResponse message;
  const auto stream = [&](grpc::ClientContext& context, bool* brought, bool* is_stopped) {
    request.set_after(position->last);
    request.set_through(position->through);
    const auto reader = impl_->stub.ExportEntries(&context, request);
    bool is_first_of_stream = true;
    while (!*is_stopped && reader->Read(&message)) {
      if (!IsNext(message, request.format(), *position)) return EndOfGap(context, *reader, *position);
      // Only the first header belongs into the file.
      if (request.format() == v1::CSV && is_first_of_stream && !is_first_message) {
        message.mutable_data()->erase(0, CsvHeaderBytes(message.data()));
      }
      is_first_of_stream = is_first_message = false;
      *brought = true;
      *is_stopped = !sink(message);
      *position = {.last = message.last(), .through = message.through()};
    }
    if (*is_stopped) context.TryCancel();
    return ToCallEnd(reader->Finish());
  };
  const auto is_complete = [&] { return position->through.empty() || position->last == position->through; };
  return AnswerMaker::OfRead(impl_->Run(stream, is_complete, /*is_idle_news=*/false), std::move(message));
}

Answer<v1::FollowEntriesResponse> JournalReader::Follow(v1::FollowEntriesRequest request, const FollowSink& sink,
                                                        JournalPosition* position) const {
  *position = {.last = request.after(), .through = ""};
  v1::FollowEntriesResponse message;
  const auto stream = [&](grpc::ClientContext& context, bool* brought, bool* is_stopped) {
    request.set_after(position->last);
    const auto reader = impl_->stub.FollowEntries(&context, request);
    while (!*is_stopped && reader->Read(&message)) {
      if (!IsNext(message, *position)) return EndOfGap(context, *reader, *position);
      *brought = true;
      *is_stopped = !sink(message);
      position->last = message.last();
    }
    if (*is_stopped) context.TryCancel();
    return ToCallEnd(reader->Finish());
  };
  return AnswerMaker::OfRead(impl_->Run(
                                 stream, [] { return false; }, /*is_idle_news=*/true),
                             std::move(message));
}

}  // namespace redpoints
