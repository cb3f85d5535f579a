#include "redpoints/v1/operator_service.grpc.pb.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "server/handler.h"
#include "server/metrics.h"
#include "storage/backup.h"
#include "storage/identity/side_store.h"

namespace redpoints::server {
namespace {

template <class S> using B = v1::OperatorService::WithRawCallbackMethod_Backup<S>;
template <class S> using M = v1::OperatorService::WithRawCallbackMethod_GetMetrics<S>;
using Raw = B<M<v1::OperatorService::Service>>;

class OperatorService final : public Raw {
 public:
  explicit OperatorService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Backup(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return backup_.Handle<v1::BackupRequest, v1::BackupResponse>(
        context, in, out, [this](const Call& call, const v1::BackupRequest& request, Reply<v1::BackupResponse> reply) {
          if (request.backup_id().empty()) return reply.Refuse(FieldRequired("backup_id"));
          if (request.backup_id().size() > 63) return reply.Refuse(FieldTooLong("backup_id", 63));
          if (!IsId(request.backup_id())) return reply.Refuse(FieldInvalid("backup_id", "1 to 63 of a-z 0-9 -"));
          if (auto status = context_.authorizer->Check(call.caller(), Method::kBackup, std::string(kSystemProgram)); !status.ok()) {
            return reply.Refuse(status);
          }
          ReadBeside(context_, std::move(reply), [this, id = request.backup_id()] { return MakeBackup(id); });
        });
  }

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) override {
    return get_metrics_.Handle<v1::GetMetricsRequest, v1::GetMetricsResponse>(
        context, in, out, [this](const Call& call, const v1::GetMetricsRequest&, Reply<v1::GetMetricsResponse> reply) {
          if (auto status = context_.authorizer->Check(call.caller(), Method::kGetMetrics, std::string(kSystemProgram)); !status.ok()) {
            return reply.Refuse(status);
          }
          v1::GetMetricsResponse response;
          response.set_text(context_.unary.metrics->Exposition() + LedgerFigures());
          reply.Ok(response);
        });
  }

 private:
  absl::StatusOr<v1::BackupResponse> MakeBackup(const std::string& id) const {
    namespace fs = std::filesystem;
    if (context_.backup_directory.empty()) return FieldInvalid("backup_id", "a server whose configuration has a backup_directory");
    const fs::path directory = fs::path(context_.backup_directory) / id;
    std::error_code error;
    fs::create_directories(context_.backup_directory, error);
    // Making the directory is what decides between two calls with one id.
    if (!fs::create_directory(directory, error)) {
      if (error) return absl::UnavailableError(absl::StrCat("can't make ", directory.string(), ": ", error.message()));
      return ToStatus(Refusal{Reason::ALREADY_EXISTS, {{"name", id}}});
    }
    const auto& ledgers = context_.shards->ledgers();
    for (std::size_t i = 0; i < ledgers.size(); ++i) {
      if (auto status = ledgers[i]->log().Backup((directory / absl::StrCat("shard-", i)).string()); !status.ok()) return status;
    }
    // After the logs: a row that an entry commits to is then in the copy, or was never there.
    if (auto status = context_.side->Backup((directory / "side").string()); !status.ok()) return status;
    if (auto status = WriteSums(directory.string()); !status.ok()) return status;
    v1::BackupResponse response;
    response.set_directory(directory.string());
    return response;
  }

  std::string LedgerFigures() const {
    std::string text;
    const auto& ledgers = context_.shards->ledgers();
    for (std::size_t i = 0; i < ledgers.size(); ++i) {
      const Ledger::Counts counts = ledgers[i]->counts();
      const auto add = [&](const char* name, const char* type, std::int64_t value) {
        if (i == 0) absl::StrAppend(&text, "# TYPE redpoints_ledger_", name, " ", type, "\n");
        absl::StrAppend(&text, "redpoints_ledger_", name, "{shard=\"", i, "\"} ", value, "\n");
      };
      add("entries_total", "counter", counts.entries);
      add("commits_total", "counter", counts.commits);
      add("bytes_total", "counter", counts.bytes);
      add("commit_microseconds_total", "counter", counts.commit_us);
      add("queue", "gauge", counts.queue);
      add("clock_stopped", "gauge", ledgers[i]->is_clock_stopped());
      add("time_waiting", "gauge", ledgers[i]->is_time_waiting());
    }
    absl::StrAppend(&text, "# TYPE redpoints_side_store_can_write gauge\nredpoints_side_store_can_write ", context_.side->CanWrite(), "\n");
    absl::StrAppend(&text, "# TYPE redpoints_side_store_was_marked gauge\nredpoints_side_store_was_marked ", context_.side->was_marked(),
                    "\n");
    return text;
  }

  const ServiceContext context_;
  UnaryMethod backup_{context_.unary, "OperatorService/Backup", {kSmallBytesMax}};
  UnaryMethod get_metrics_{context_.unary, "OperatorService/GetMetrics", {kSmallBytesMax}};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeOperatorService(const ServiceContext& context) { return std::make_unique<OperatorService>(context); }

}  // namespace redpoints::server
