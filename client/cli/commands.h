// The subcommands, a file for each service. Each adds its commands to the app; parsing one sets session.action.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "client/cli/session.h"

namespace redpoints::cli {

void AddRedemptionCommands(CLI::App& app, Session& session);
void AddAwardCommands(CLI::App& app, Session& session);
void AddAccountCommands(CLI::App& app, Session& session);
void AddJournalCommands(CLI::App& app, Session& session);
void AddRegistryCommands(CLI::App& app, Session& session);
void AddOfferCommands(CLI::App& app, Session& session);
void AddOperatorCommands(CLI::App& app, Session& session);

// What `command` does once chosen. `run` returns an ExitCode and outlives the parsing with whatever it captured by value.
template <class Run> void OnRun(CLI::App* command, Session& session, Run run) {
  command->callback([&session, run = std::move(run)] { session.action = run; });
}

// The value, or the usage error of `option`.
template <class Value> Value OrUsage(const std::string& option, absl::StatusOr<Value> value) {
  if (!value.ok()) throw CLI::ValidationError(option, std::string(value.status().message()));
  return *std::move(value);
}

// The file's bytes, or a usage error. "-" is stdin.
std::string ReadInput(const std::string& path, const Text& t);

}  // namespace redpoints::cli
