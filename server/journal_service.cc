#include "redpoints/v1/journal_service.grpc.pb.h"

#include "absl/strings/str_cat.h"
#include "server/cursor.h"
#include "server/door.h"
#include "server/handler.h"
#include "server/name_fields.h"
#include "server/stream.h"
#include "storage/csv.h"
#include "storage/explain.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/entry_codec.h"

namespace redpoints::server {
namespace {

template <class S> using J = v1::JournalService::WithRawCallbackMethod_GetJournal<S>;
template <class S> using E = v1::JournalService::WithRawCallbackMethod_GetEntry<S>;
template <class S> using F = v1::JournalService::WithRawCallbackMethod_FollowEntries<S>;
template <class S> using X = v1::JournalService::WithRawCallbackMethod_ExportEntries<S>;
template <class S> using B = v1::JournalService::WithRawCallbackMethod_GetBlob<S>;
using Raw = J<E<F<X<B<v1::JournalService::Service>>>>>;

// Of one message of an export or follow.
constexpr std::size_t kChunkBytes = 128 * 1024;
// How often a waiting follow looks whether its client is still there.
constexpr std::chrono::milliseconds kFollowWait{500};

class JournalService final : public Raw {
 public:
  explicit JournalService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* GetJournal(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_journal_.Handle<v1::GetJournalRequest, v1::GetJournalResponse>(
        context, in, out, [this](const Call& call, const v1::GetJournalRequest& request, Reply<v1::GetJournalResponse> reply) {
          auto program = Program(call.caller(), request.program(), Method::kGetJournal);
          if (!program.ok()) return reply.Refuse(program.status());
          const Ledger& ledger = context_.shards->Of(*program);
          v1::GetJournalResponse response;
          const auto published = ledger.FindState(*program)->ReadPublished();
          response.set_end_sequence(published.at.next_sequence);
          response.set_last_closed_day(published.at.last_closed_day);
          response.set_epoch(published.at.epoch);
          reply.Ok(response);
        });
  }

  grpc::ServerUnaryReactor* GetEntry(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_entry_.Handle<v1::GetEntryRequest, v1::GetEntryResponse>(
        context, in, out, [this](const Call& call, const v1::GetEntryRequest& request, Reply<v1::GetEntryResponse> reply) {
          auto name = ParseNameOf("name", request.name(), ResourceKind::kEntry);
          if (!name.ok()) return reply.Refuse(name.status());
          const std::string program(name->program);
          if (auto status = context_.authorizer->Check(call.caller(), Method::kGetEntry, program); !status.ok())
            return reply.Refuse(status);
          if (auto status = CheckEpochs(*context_.shards, program, {{ResourceKind::kEntry, name->sequence, name->epoch}}); !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(context_, std::move(reply), [this, program, sequence = name->sequence]() -> absl::StatusOr<v1::GetEntryResponse> {
            const Ledger& ledger = context_.shards->Of(program);
            if (sequence >= ledger.EndSequence(program)) return Refuse(Reason::ENTRY_NOT_FOUND);
            auto line = ledger.JournalOf(program).Line(sequence);
            if (!line.ok()) return line.status();
            auto entry = ParseLine(*line);
            if (!entry.ok()) return entry.status();
            v1::GetEntryResponse response;
            response.set_line(*std::move(line));
            const State* state = ledger.FindState(program);
            const auto published = state ? state->ReadPublished() : State::Published();
            response.set_explanation_zh_cn(ExplainZh(*entry, *published.definitions, published.at));
            response.set_explanation(ExplainEn(*entry, *published.definitions, published.at));
            return response;
          });
        });
  }

  grpc::ServerUnaryReactor* GetBlob(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_blob_.Handle<v1::GetBlobRequest, v1::GetBlobResponse>(
        context, in, out, [this](const Call& call, const v1::GetBlobRequest& request, Reply<v1::GetBlobResponse> reply) {
          if (auto program = ParseProgram("program", request.program()); !program.ok()) return reply.Refuse(program.status());
          if (request.sha256().empty()) return reply.Refuse(FieldRequired("sha256"));
          if (request.sha256().size() != 32) return reply.Refuse(FieldInvalid("sha256", "32 bytes"));
          auto program = Program(call.caller(), request.program(), Method::kGetBlob);
          if (!program.ok()) return reply.Refuse(program.status());
          ReadBeside(context_, std::move(reply),
                     [this, program = *program, sha256 = request.sha256()]() -> absl::StatusOr<v1::GetBlobResponse> {
                       const std::string hex = Hex(reinterpret_cast<const std::uint8_t*>(sha256.data()), sha256.size());
                       auto blob = context_.shards->Of(program).log().Blob(program, hex);
                       if (!blob.ok()) return blob.status();
                       if (!*blob) return Refuse(Reason::ENTRY_NOT_FOUND);
                       v1::GetBlobResponse response;
                       response.set_content(**std::move(blob));
                       return response;
                     });
        });
  }

  grpc::ServerWriteReactor<grpc::ByteBuffer>* FollowEntries(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in) override {
    return follow_.Handle<v1::FollowEntriesRequest>(
        context, in, [this](const v1::FollowEntriesRequest& request, Sink& sink) { return Follow(request, sink); });
  }

  grpc::ServerWriteReactor<grpc::ByteBuffer>* ExportEntries(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in) override {
    return export_.Handle<v1::ExportEntriesRequest>(
        context, in, [this](const v1::ExportEntriesRequest& request, Sink& sink) { return Export(request, sink); });
  }

 private:
  absl::StatusOr<std::string> Program(const Principal& caller, const std::string& name, Method method) const {
    auto program = ParseProgram("program", name);
    if (!program.ok()) return program.status();
    if (auto status = context_.authorizer->Check(caller, method, std::string(*program)); !status.ok()) return status;
    return std::string(*program);
  }

  // The place that a request names in `field`, not yet looked for in the journal; nothing where it names none.
  static absl::StatusOr<std::optional<Name>> PlaceIn(std::string_view field, const std::string& text, std::string_view program) {
    if (text.empty()) return std::nullopt;
    auto name = ParseNameIn(field, text, ResourceKind::kEntry, program);
    if (!name.ok()) return name.status();
    return *name;
  }
  static std::string EntryName(const std::string& program, const StateMark& at, std::int64_t sequence) {
    return FormatName({.kind = ResourceKind::kEntry, .program = program, .sequence = sequence, .epoch = at.EpochOf(sequence)});
  }

  absl::Status Follow(const v1::FollowEntriesRequest& request, Sink& sink) const {
    auto named = ParseProgram("program", request.program());
    if (!named.ok()) return named.status();
    auto after = PlaceIn("after", request.after(), *named);
    if (!after.ok()) return after.status();
    auto program = Program(sink.caller(), request.program(), Method::kFollowEntries);
    if (!program.ok()) return program.status();
    const Ledger& ledger = context_.shards->Of(*program);
    const Journal& journal = ledger.JournalOf(*program);
    const StateMark at = ledger.FindState(*program)->ReadPublished().at;  // whose epochs are those of each entry to come
    if (*after) {
      if (auto status = CheckPlace("after", **after, at, ledger.EndSequence(*program)); !status.ok()) return status;
    }
    for (std::int64_t next = *after ? (*after)->sequence + 1 : 0; !sink.IsCancelled();) {
      const bool has_more = ledger.WaitForEntry(*program, next, std::chrono::steady_clock::now() + kFollowWait);
      if (context_.unary.door->IsClosed()) return Refuse(Reason::SHUTTING_DOWN);
      // Rights may have ended since the last look.
      if (auto status = context_.authorizer->Check(sink.caller(), Method::kFollowEntries, *program); !status.ok()) return status;
      if (!has_more) continue;
      auto chunk = journal.Lines(next, ledger.EndSequence(*program), kChunkBytes);
      if (!chunk.ok()) return chunk.status();
      if (chunk->next == next) return absl::DataLossError(absl::StrCat("entry ", next, " is missing"));
      v1::FollowEntriesResponse response;
      for (const auto line : chunk->Split()) response.add_lines(std::string(line));
      next = chunk->next;
      response.set_last(EntryName(*program, at, next - 1));
      if (!sink.Write(response)) break;
    }
    return absl::OkStatus();
  }

  absl::Status Export(const v1::ExportEntriesRequest& request, Sink& sink) const {
    auto named = ParseProgram("program", request.program());
    if (!named.ok()) return named.status();
    auto after = PlaceIn("after", request.after(), *named);
    if (!after.ok()) return after.status();
    auto through = PlaceIn("through", request.through(), *named);
    if (!through.ok()) return through.status();
    if (request.format() == v1::EXPORT_FORMAT_UNSPECIFIED) return FieldRequired("format");
    if (!v1::ExportFormat_IsValid(request.format())) return FieldInvalid("format", "JSON_LINES or CSV");
    auto program = Program(sink.caller(), request.program(), Method::kExportEntries);
    if (!program.ok()) return program.status();
    const Ledger& ledger = context_.shards->Of(*program);
    const Journal& journal = ledger.JournalOf(*program);
    const std::int64_t durable = ledger.EndSequence(*program);
    const auto published = ledger.FindState(*program)->ReadPublished();  // of what is durable, so of each entry to come
    for (const auto& [field, place] : {std::pair("after", *after), std::pair("through", *through)}) {
      if (!place) continue;
      if (auto status = CheckPlace(field, *place, published.at, durable); !status.ok()) return status;
    }
    const std::int64_t start = *after ? (*after)->sequence + 1 : 0, end = *through ? (*through)->sequence + 1 : durable;
    // An empty file would look as if there were nothing.
    if (start > end) return FieldOutOfRange("through", start - 1, durable - 1);
    bool is_csv_begun = false;
    for (std::int64_t next = start; next < end && !sink.IsCancelled();) {
      if (context_.unary.door->IsClosed()) return Refuse(Reason::SHUTTING_DOWN);  // it can go on where it was cut
      auto chunk = journal.Lines(next, end, kChunkBytes);
      if (!chunk.ok()) return chunk.status();
      if (chunk->next == next) return absl::DataLossError(absl::StrCat("entry ", next, " is missing"));
      v1::ExportEntriesResponse response;
      if (request.format() == v1::JSON_LINES) {
        response.set_data(std::move(chunk->lines));
      } else {
        // A header only at the first entry, so that a resumed file is the same as one in one go.
        std::string csv = !is_csv_begun && next == 0 ? CsvHeader() : "";
        for (const auto line : chunk->Split()) {
          auto entry = ParseLine(line);
          if (!entry.ok()) return entry.status();
          AppendCsv(*entry, *published.definitions, published.at, csv);
        }
        response.set_data(std::move(csv));
      }
      is_csv_begun = true;
      next = chunk->next;
      response.set_last(EntryName(*program, published.at, next - 1));
      response.set_through(EntryName(*program, published.at, end - 1));
      if (!sink.Write(response)) break;
    }
    return absl::OkStatus();
  }

  const ServiceContext context_;
  UnaryMethod get_journal_{context_.unary, "JournalService/GetJournal", {kSmallBytesMax}};
  UnaryMethod get_entry_{context_.unary, "JournalService/GetEntry", {kSmallBytesMax}};
  UnaryMethod get_blob_{context_.unary, "JournalService/GetBlob", {kSmallBytesMax}};
  StreamMethod follow_{context_.unary, *context_.streams, "JournalService/FollowEntries"};
  StreamMethod export_{context_.unary, *context_.streams, "JournalService/ExportEntries"};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJournalService(const ServiceContext& context) { return std::make_unique<JournalService>(context); }

}  // namespace redpoints::server
