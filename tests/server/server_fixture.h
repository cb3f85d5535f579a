// The whole server, on a port of its own with mutual TLS and a ledger on disk, and a small alliance in it:
//
//   community ─ grid-1 (home)            street, donor, gone: funds    s1: till, till-2     staff: see callers below
//             └ grid-2 (away)            branch-1 looks after grid-1   s2: rival
//
// A request of every method can be written in the protos' text format with words that the world replaces; a test is then five lines.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/rpc/error_details.pb.h"
#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/journal_service.pb.h"
#include "redpoints/v1/operator_service.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"
#include "server/certificates.h"
#include "server/config.pb.h"
#include "server/log.h"
#include "server/server.h"

namespace redpoints::server {

// What a call came to.
struct Answer {
  grpc::Status status;
  // Of a refusal; empty without one.
  std::string reason;
  std::string domain;
  std::string localized;
  std::map<std::string, std::string> facts;
  bool has_outcome = false;
  v1::Outcome outcome;  // recorded refusals
  // Of a stream, its first message.
  std::shared_ptr<google::protobuf::Message> response;

  // OK, or a stream that was still open when the test had waited long enough.
  bool ok() const { return status.ok() || (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && reason.empty()); }
  // The text of what a client can see, so that two answers can be compared.
  std::string Visible() const;
  template <class T> const T& As() const { return dynamic_cast<const T&>(*response); }
};

std::ostream& operator<<(std::ostream& out, const Answer& answer);

// Without a response.
Answer AnswerOf(const grpc::Status& status);

// The methods of all services by the name of their rpc, which is unique.
const std::map<std::string, const google::protobuf::MethodDescriptor*>& Methods();

// The request of a method that succeeds, in text with the words of World::Fill.
struct Sample {
  const char* method;
  const char* caller;  // who may
  const char* text;
};
const std::vector<Sample>& Samples();
const Sample& SampleOf(const std::string& method);

// Callers, each with a certificate of its own:
//   operator admin admin-2 auditor settler nobody (staff without a role); all are external, each another person
//   recorder corrector helper: in grid-1     recorder-all corrector-all corrector-2 helper-all: everywhere
//   till till-2 (of shop s1) rival (of s2)   member (home)   stranger (member of grid-2)   other-admin (of the program "other")
class World {
 public:
  struct Options {
    const Clock* clock = &Clock::System();
    // What the test wants otherwise; the rest is for calls without limits.
    std::function<void(Config& config)> configure = [](Config&) {};
    // Of the first rulebook.
    std::function<void(std::string& rulebook_json)> edit_rulebook = [](std::string&) {};
  };
  World() : World(Options{}) {}
  explicit World(Options options);
  ~World();

  // --- calling ---------------------------------------------------------------------------------------------------------------------
  Answer Call(const std::string& caller, const std::string& method, const google::protobuf::Message& request);
  Answer CallBytes(const std::string& caller, const std::string& method, const std::string& request);
  // Of whatever path, such as "/grpc.health.v1.Health/Check"; `response` gets the bytes of an answer.
  Answer CallPath(const std::string& caller, const std::string& path, const std::string& request, std::string* response = nullptr);
  // The messages of a stream, `messages_max` at most; then it is cancelled.
  std::vector<std::shared_ptr<google::protobuf::Message>> Stream(const std::string& caller, const std::string& method,
                                                                 const std::string& text, int messages_max = 1'000'000);
  // With the words of Fill.
  Answer Call(const std::string& caller, const std::string& method, const std::string& text);
  std::unique_ptr<google::protobuf::Message> Parse(const std::string& method, const std::string& text);
  // Replaces $ID (a new UUID), $P (programs/minyue), $N (a new number), $TODAY, and in it the names of home, away ("$HOME", "$HOME_NUMBER"),
  // shops and registrations; $NOW are seconds; $HOLD, $REDEMPTION, $AWARD, $DONATION, $PROPOSAL (to undo one),
  // $FUTURE (a rulebook's version) are made on the spot, by the till and for home; so are $DEBTOR and $WAIVER (a proposal to waive a debtor's
  // debt).
  std::string Fill(std::string text);
  // Gives a caller a certificate for `name`. With an authority of its own when `is_foreign`.
  void AddCaller(const std::string& caller, const std::string& name, bool is_foreign = false);
  // A certificate of the right authority without a name of ours.
  void AddNameless(const std::string& caller);
  std::shared_ptr<grpc::Channel> Channel(const std::string& caller) { return channels_.at(caller); }
  // "$word" from now on.
  void Set(const std::string& word, const std::string& value) { words_["$" + word] = value; }
  const std::string& Get(const std::string& word) const { return words_.at("$" + word); }
  std::string NewUuid();

  // --- verbs: each must succeed ----------------------------------------------------------------------------------------------------
  // The name of what was made.
  std::string CreateMember(const std::string& grid, std::string* number = nullptr);
  std::string CreateStaff(const std::string& role, const std::string& scope);
  std::string CreateTerminal(const std::string& merchant);
  std::string Award(const std::string& member, int quantity);  // ten points each
  std::string Donate(const std::string& member);               // one point
  std::string ProposeUndo(const std::string& entry);           // by corrector-2
  std::string Debtor(const std::string& grid = "grid-1");      // somebody new who owes 4 points to "gone", which has ended
  std::string ProposeWaiver(const std::string& debtor);        // of a point, by corrector-2
  std::string Redeem(int points, const std::string& request_id = "");
  std::string Hold(int points);
  std::int64_t Balance(const std::string& member);
  // One past the last entry of "minyue", and those since `start` that somebody asked for (days close by themselves).
  std::int64_t End();
  std::int64_t AskedSince(std::int64_t start);

  // Everything that the server has logged.
  std::string Log() const;
  const std::string& directory() const { return directory_; }
  int port() const { return server_->ports().front(); }
  // As SIGTERM.
  void Stop() { server_->Stop(); }
  // Stops and serves again on the same ledger and port number of the system's choice. `meanwhile` may do to the store what it likes.
  void Restart(const std::function<void(const std::string& ledger_directory)>& meanwhile = nullptr);

 private:
  void Start();
  void Connect(const std::string& caller, KeyPair pair);
  Answer Must(const std::string& caller, const std::string& method, const std::string& text);

  const Options options_;
  std::string directory_;
  int log_fd_ = -1;
  std::unique_ptr<Logger> log_;
  std::unique_ptr<CertificateAuthority> authority_;
  std::unique_ptr<Server> server_;
  std::map<std::string, KeyPair> pairs_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
  std::map<std::string, std::string, std::greater<>> words_;  // longer words before their beginnings
  int next_ = 1;
};

// A test on a world of its own.
class ServerTest : public testing::Test {
 protected:
  World world;
};

}  // namespace redpoints::server
