// A group of commands, such as "member" with "create" and "update". One thread.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "client/cli/commands.h"

namespace redpoints::cli {

class Family {
 public:
  // Neither `app` nor `session` is owned; both outlive the parsing.
  Family(CLI::App& app, Session& session, const char* name, const std::string& description, const std::string& group)
      : session_(session), app_(app.add_subcommand(name, description)->group(group)) {
    app_->require_subcommand(1);
  }

  // A command with arguments of its own, which its options fill.
  template <class Arguments>
  std::pair<CLI::App*, std::shared_ptr<Arguments>> Add(const char* name, const std::string& description,
                                                       ExitCode (*run)(const Arguments&, Session&)) {
    auto a = std::make_shared<Arguments>();
    auto* command = app_->add_subcommand(name, description)->group(session_.t()("子命令", "Commands"));
    OnRun(command, session_, [a, run, &session = session_] { return run(*a, session); });
    return {command, a};
  }

 private:
  Session& session_;
  CLI::App* const app_;
};

}  // namespace redpoints::cli
