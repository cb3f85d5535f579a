// One run of the command line: its global options, its connection, and how answers reach the screen. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "client/answer.h"
#include "client/cli/exit_code.h"
#include "client/cli/text.h"
#include "client/client.h"
#include "client/journal_reader.h"

namespace redpoints::cli {

// What the process stands in. Streams are not owned.
struct Host {
  Environment environment;
  std::ostream& out;
  std::ostream& err;
  bool is_err_terminal = false;
  Timing timing = SystemTiming();
};

enum class OutputForm { kTable, kJson };

struct GlobalOptions {
  ConnectionOptions connection;
  std::string program;
  std::string request_id;
  std::int64_t timeout_ms = 5'000;
  OutputForm output = OutputForm::kTable;
};

class Session {
 public:
  Session(Host host, Text text);

  const Text& t() const { return text_; }
  GlobalOptions& options() { return options_; }
  std::ostream& out() { return host_.out; }
  std::ostream& err() { return host_.err; }
  bool is_err_terminal() const { return host_.is_err_terminal; }
  const Timing& timing() const { return host_.timing; }

  // "programs/{program}". Throws CLI::ValidationError when --program is missing.
  std::string program() const;
  // Full names of what was typed; as in arguments.h.
  std::string Name(const std::string& collection, const std::string& text) const;
  // The same of what is named by its sequence. Throws CLI::ValidationError of `option` for anything else.
  std::string EntryName(const std::string& collection, const std::string& option, const std::string& text) const;
  // --request-id, or a fresh one. Throws CLI::ValidationError for text that is no UUID.
  std::string RequestId();
  // Tells the id on stderr, once. What is sent must have been told first: after a Ctrl-C or a power cut nothing else asks for it.
  void TellRequestId();
  // Open the connection on first use, and tell a person of a fresh request id. Throw CLI::ValidationError for options that do not
  // make one.
  const Client& client();
  const JournalReader& journal_reader();

  // Prints the response in the form asked for.
  void Print(const google::protobuf::Message& message);
  // What to exit with when `trouble` kept a result from being told: of a mutation, that it may well have been carried out.
  ExitCode ExplainLoss(const std::string& trouble, ExitCode otherwise);
  // One line on stderr, kept apart from what a script reads.
  void Note(const std::string& message);

  // Explains on stderr whatever is not done. `repeat_id`: the --request-id that repeats the whole, where a call was a part of it.
  ExitCode Explain(const AnswerBase& answer) { return Explain(answer, answer.request_id()); }
  ExitCode Explain(const AnswerBase& answer, const std::string& repeat_id);
  void ExplainRefusal(const Refused& refused);

  // Prints the response, or explains.
  template <class Response> ExitCode Finish(const Answer<Response>& answer) {
    if (answer.is_done()) Print(answer.response());
    return Explain(answer);
  }

  // What the chosen subcommand will do once the whole command line is understood.
  std::function<ExitCode()> action;

 private:
  const std::shared_ptr<Connection>& connection();
  // Throws CLI::ValidationError of the option that is missing or names a file that can't be read.
  void CheckFiles() const;
  std::string WhyNotConnected();
  CallOptions call_options() const;

  const Host host_;
  const Text text_;
  GlobalOptions options_;
  std::string request_id_;  // empty until one was asked for
  bool is_request_id_told_ = false;
  std::shared_ptr<Connection> connection_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<JournalReader> journal_reader_;
};

}  // namespace redpoints::cli
