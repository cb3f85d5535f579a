// What handlers have in common: submit a mutation and answer with its outcome; read beside gRPC's threads.
#pragma once

#include <algorithm>
#include <functional>
#include <type_traits>
#include <utility>

#include "redpoints/v1/outcome.pb.h"
#include "server/authorize.h"
#include "server/convert.h"
#include "server/door.h"
#include "server/numbers.h"
#include "server/read_pool.h"
#include "server/services.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {

inline absl::Status Refuse(Reason reason) { return ToStatus(Refusal{reason, {}}); }

// Whether the client may still be there for an answer.
inline bool IsAwaited(const Call& call) { return !call.IsCancelled() && call.deadline() > std::chrono::system_clock::now(); }

// The bound of a method with long messages, for those who may ever call it.
inline MessageBound LongerFor(const ServiceContext& context, Method method, std::size_t bytes_max) {
  return {bytes_max, [authorizer = context.authorizer, method](const Principal& caller) { return authorizer->MayEver(caller, method); }};
}

// The status of a refusal, recorded or not; OK for none.
inline absl::Status RefusalStatus(const Outcome& outcome) {
  if (outcome.refusal) return ToStatus(*outcome.refusal);
  // The call has come after its reversal.
  if (outcome.now == RequestState::kNeverSeen) return Refuse(Reason::ALREADY_REVERSED);
  if (outcome.first == RequestState::kRefused && outcome.entries.size() == 1) return ToStatus(RefusalOf(outcome.entry()));
  return absl::OkStatus();
}

// The epochs of an outcome of before, whose entries may be of several.
inline void SetEpochs(const State* state, v1::Outcome& proto) {
  if (!state) return;
  const StateMark at = state->ReadPublished().at;
  proto.set_epoch(at.EpochOf(proto.sequence()));
  proto.set_state_epoch(at.EpochOf(proto.state_sequence()));
  proto.set_ledger_epoch(at.epoch);
}

// What an answer says beside its entries: the epochs, and how many decimals its amounts have for people.
template <class Response> void Complete(const Shards& shards, const Outcome& outcome, Response& response) {
  if (outcome.entries.empty()) return;  // of a rulebook that was only checked
  const std::string& program = outcome.entry().program;
  const State* state = shards.Of(program).FindState(program);
  const auto definitions = state ? state->ReadDefinitions() : std::make_shared<const Definitions>();
  const int points_decimals = definitions->DecimalsOf(kPoint);
  if constexpr (std::is_same_v<Response, v1::Outcome>) {
    if (outcome.is_replayed) SetEpochs(state, response);  // else all of it is of the epoch that is
  }
  if constexpr (requires { response.set_points_decimals(0); }) response.set_points_decimals(points_decimals);
  if constexpr (requires { response.mutable_outcome(); }) {
    if (response.has_outcome()) Complete(shards, outcome, *response.mutable_outcome());
  }
  if constexpr (requires { response.mutable_target(); }) {
    if (response.has_target()) {
      response.mutable_target()->set_points_decimals(points_decimals);
      SetEpochs(state, *response.mutable_target());
    }
  }
  if constexpr (requires { response.mutable_amounts(); }) {
    for (auto& amount : *response.mutable_amounts()) amount.set_decimals(definitions->DecimalsOf(amount.unit()));
  }
  if constexpr (requires { response.mutable_result(); }) Complete(shards, outcome, *response.mutable_result());
}

// Why there is no outcome; with the epoch, so that a till knows whether the ledger is still the one that it knew.
inline absl::Status NoOutcome(const Shards& shards, const std::string& program, Refusal refusal) {
  const State* state = shards.Of(program).FindState(program);
  if (refusal.reason == Reason::REQUEST_NOT_FOUND && state) {
    refusal.facts.emplace_back("epoch", std::to_string(state->ReadPublished().at.epoch));
  }
  return ToStatus(refusal);
}

// Answers with `fill(outcome, response)`, or with the refusal and, when it is recorded, its outcome.
template <class Response, class Fill> void Answer(const Shards& shards, Reply<Response> reply, const Outcome& outcome, const Fill& fill) {
  if (auto status = RefusalStatus(outcome); !status.ok()) {
    v1::Outcome proto;
    if (outcome.entries.empty()) return reply.Refuse(status);
    ToProto(outcome, proto);
    Complete(shards, outcome, proto);
    return reply.Refuse(status, &proto);
  }
  google::protobuf::Arena arena;
  auto* response = google::protobuf::Arena::CreateMessage<Response>(&arena);
  fill(outcome, *response);
  Complete(shards, outcome, *response);
  reply.Ok(*response);
}

inline Origin OriginOf(const Principal& caller, const Mutation& mutation) {
  const bool is_terminal = caller.kind == Principal::Kind::kTerminal;
  return {.actor = caller.id,
          .request_id = mutation.request_id,
          .terminal = is_terminal ? caller.id : "",
          .merchant = caller.merchant,
          .clerk = mutation.clerk,
          .till = mutation.till,
          .fingerprint = "",
          .older_fingerprints = {}};
}

// The client's deadline on the clock of the ledger.
inline Ledger::Deadline DeadlineOf(const Call& call) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(call.deadline() - std::chrono::system_clock::now());
}

// What the ledger says of a name of this kind that is of no entry.
inline Reason NotFoundOf(ResourceKind kind) {
  switch (kind) {
    case ResourceKind::kRedemption: return Reason::REDEMPTION_NOT_FOUND;
    case ResourceKind::kHold: return Reason::HOLD_NOT_FOUND;
    case ResourceKind::kAward: return Reason::AWARD_NOT_FOUND;
    default: return Reason::ENTRY_NOT_FOUND;
  }
}

// Whether each entry that the request names is one of this history: a name of an epoch whose tail a restore has lost is refused as such.
inline absl::Status CheckEpochs(const Shards& shards, const std::string& program, const std::vector<Mutation::NamedEntry>& entries) {
  if (entries.empty()) return absl::OkStatus();
  const State* state = shards.Of(program).FindState(program);
  if (!state) return Refuse(Reason::PROGRAM_NOT_FOUND);
  const StateMark at = state->ReadPublished().at;
  for (const auto& entry : entries) {
    if (at.EpochOf(entry.sequence) == entry.epoch) continue;
    const auto own = std::find_if(at.epochs.begin(), at.epochs.end(), [&](const EpochStart& e) { return e.epoch == entry.epoch; });
    const bool is_before_its_epoch = own != at.epochs.end() && entry.sequence < own->sequence;
    // A number between two epochs of this history is one of a history that was itself put away.
    if (entry.epoch < at.epoch && !is_before_its_epoch) {
      const std::string name = FormatName({.kind = entry.kind, .program = program, .sequence = entry.sequence, .epoch = entry.epoch});
      return ToStatus(Refusal{Reason::ENTRY_LOST, {{"name", name}}});
    }
    return Refuse(NotFoundOf(entry.kind));
  }
  return absl::OkStatus();
}

// Resolves the numbers in the request and authorises it.
inline absl::Status Admit(const ServiceContext& context, const Call& call, Method method, Mutation& mutation) {
  if (auto status = context.numbers->Resolve(mutation); !status.ok()) return status;
  if (auto status = context.authorizer->Check(call.caller(), method, mutation.program, mutation.members); !status.ok()) return status;
  return CheckEpochs(*context.shards, mutation.program, mutation.entries);
}

// Submits what was converted and admitted; `done` gets the outcome.
inline void SubmitTo(const ServiceContext& context, const Call& call, Mutation mutation, Ledger::Done done) {
  Origin origin = OriginOf(call.caller(), mutation);
  context.numbers->Sign(mutation, origin);
  context.shards->Submit(mutation.program, std::move(origin), std::move(mutation.command), std::move(done), DeadlineOf(call));
}

// The same; `fill` answers what was not refused.
template <class Response, class Fill>
void Submit(const ServiceContext& context, const Call& call, Mutation mutation, Reply<Response> reply, Fill fill) {
  SubmitTo(context, call, std::move(mutation), [shards = context.shards, ticket = reply.Release(), fill](Outcome outcome) {
    Answer(*shards, Reply<Response>(ticket), outcome, fill);
  });
}

// Converts, admits, submits; `fill` answers what was not refused.
template <class Response, class Request, class Fill>
void Mutate(const ServiceContext& context, Method method, const Call& call, const Request& request, Reply<Response> reply, Fill fill) {
  auto mutation = FromProto(request);
  if (!mutation.ok()) return reply.Refuse(mutation.status());
  if (auto status = Admit(context, call, method, *mutation); !status.ok()) return reply.Refuse(status);
  Submit(context, call, *std::move(mutation), std::move(reply), std::move(fill));
}

// Runs `handle`, which gets the reply, on the pool; not if nobody waits for it any more when its turn comes.
template <class Response, class Handle> void Beside(const ServiceContext& context, Reply<Response> reply, Handle handle) {
  const auto ticket = reply.Release();
  const bool is_queued = context.reads->Post([ticket, handle = std::move(handle)]() mutable {
    Reply<Response> answer{ticket};
    // Whoever gave up asks again: to work for them first would keep the next ones waiting, until they give up as well.
    if (!IsAwaited(answer.call())) return answer.Refuse(Refuse(Reason::DEADLINE_PASSED));
    handle(std::move(answer));
  });
  if (!is_queued) Reply<Response>(ticket).Refuse(Refuse(Reason::OVERLOADED));
}

// Whether a long read goes on: OK, or why it is given up. To be asked at each step.
using GoOn = std::function<absl::Status()>;

// What `read` gives, or OVERLOADED, so that the caller asks again, when a program was set aside meanwhile: a row may have been taken for
// absent.
template <class Read> auto ReadWhole(const Shards& shards, const Read& read) -> decltype(read()) {
  const std::int64_t damages = shards.damages();
  auto result = read();
  if (shards.damages() != damages && !absl::IsDataLoss(result.status())) return Refuse(Reason::OVERLOADED);
  return result;
}

// Runs `read`, which gives a StatusOr<Response>, on the pool.
template <class Response, std::invocable Read> void ReadBeside(const ServiceContext& context, Reply<Response> reply, Read read) {
  Beside(context, std::move(reply),
         [&shards = *context.shards, read = std::move(read)](Reply<Response> answer) { answer(ReadWhole(shards, read)); });
}

// The same for a read that may take long. It ends with the error of its GoOn: a stop does not wait for it, and whoever is gone does not
// keep the pool busy.
template <class Response, std::invocable<const GoOn&> Read>
void ReadBeside(const ServiceContext& context, Reply<Response> reply, Read read) {
  Beside(context, std::move(reply), [&shards = *context.shards, read = std::move(read), door = context.unary.door](Reply<Response> answer) {
    const GoOn go_on = [&call = answer.call(), door] {
      if (door->IsClosed()) return Refuse(Reason::SHUTTING_DOWN);
      return IsAwaited(call) ? absl::OkStatus() : Refuse(Reason::DEADLINE_PASSED);
    };
    answer(ReadWhole(shards, [&] { return read(go_on); }));
  });
}

}  // namespace redpoints::server
