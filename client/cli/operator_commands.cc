#include <memory>
#include <ostream>
#include <string>

#include "client/cli/commands.h"

namespace redpoints::cli {
namespace {

ExitCode Backup(const std::string& id, Session& s) {
  v1::BackupRequest request;
  request.set_backup_id(id);
  return s.Finish(s.client().Backup(request));
}

// As it is, in either output: it is a format of its own.
ExitCode Metrics(Session& s) {
  const auto answer = s.client().GetMetrics({});
  if (answer.is_done()) s.out() << answer.response().text();
  return s.Explain(answer);
}

}  // namespace

void AddOperatorCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  const std::string group = t("运维(运维员)", "Operation (operators)");
  auto id = std::make_shared<std::string>();
  auto* backup =
      app.add_subcommand("backup", t("运行中备份到服务器的备份目录", "copy the running server's ledgers to its backup directory"))
          ->group(group);
  backup->add_option("id,--id", *id, t("备份编号,如 20240101", "name of the backup, such as 20240101"))->required();
  OnRun(backup, s, [id, &s] { return Backup(*id, s); });
  auto* metrics = app.add_subcommand("metrics", t("指标(Prometheus 文本)", "metrics, as Prometheus text"))->group(group);
  OnRun(metrics, s, [&s] { return Metrics(s); });
}

}  // namespace redpoints::cli
