// What handlers have in common: submit a mutation and answer with its outcome; read beside gRPC's threads.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "redpoints/v1/outcome.pb.h"
#include "server/authorize.h"
#include "server/convert.h"
#include "server/door.h"
#include "server/read_pool.h"
#include "server/services.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {

inline absl::Status Refuse(v1::Reason reason) { return ToStatus(Refusal{reason, {}}); }

// Whether the client may still be there for an answer.
inline bool IsAwaited(const Call& call) { return !call.IsCancelled() && call.deadline() > std::chrono::system_clock::now(); }

// The bound of a method with long messages, for those who may ever call it.
inline MessageBound LongerFor(const ServiceContext& context, Method method, std::size_t bytes_max) {
  return {bytes_max, [authorizer = context.authorizer, method](const Principal& caller) { return authorizer->MayEver(caller, method); }};
}

// The status of a refusal, recorded or not; OK for none.
inline absl::Status RefusalStatus(const Outcome& outcome) {
  if (outcome.refusal) return ToStatus(*outcome.refusal);
  if (outcome.first == v1::REFUSED && outcome.entries.size() == 1) return ToStatus(RefusalOf(outcome.entry()));
  return absl::OkStatus();
}

// Answers with `fill(outcome, response)`, or with the refusal and, when it is recorded, its outcome.
template <class Response, class Fill> void Answer(Reply<Response> reply, const Outcome& outcome, const Fill& fill) {
  if (auto status = RefusalStatus(outcome); !status.ok()) {
    v1::Outcome proto;
    if (!outcome.entries.empty()) ToProto(outcome, proto);
    return reply.Refuse(status, outcome.entries.empty() ? nullptr : &proto);
  }
  google::protobuf::Arena arena;
  auto* response = google::protobuf::Arena::CreateMessage<Response>(&arena);
  fill(outcome, *response);
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
          .fingerprint = ""};
}

// The client's deadline on the clock of the ledger.
inline Ledger::Deadline DeadlineOf(const Call& call) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(call.deadline() - std::chrono::system_clock::now());
}

// Submits what was converted and authorised; `fill` answers what was not refused.
template <class Response, class Fill>
void Submit(const ServiceContext& context, const Call& call, Mutation mutation, Reply<Response> reply, Fill fill) {
  Origin origin = OriginOf(call.caller(), mutation);
  context.shards->Submit(
      mutation.program, std::move(origin), std::move(mutation.command),
      [ticket = reply.Release(), fill](Outcome outcome) { Answer(Reply<Response>(ticket), outcome, fill); }, DeadlineOf(call));
}

// Converts, authorises, submits; `fill` answers what was not refused.
template <class Response, class Request, class Fill>
void Mutate(const ServiceContext& context, Method method, const Call& call, const Request& request, Reply<Response> reply, Fill fill) {
  auto mutation = FromProto(request);
  if (!mutation.ok()) return reply.Refuse(mutation.status());
  if (auto status = context.authorizer->Check(call.caller(), method, mutation->program, mutation->members); !status.ok()) {
    return reply.Refuse(status);
  }
  Submit(context, call, *std::move(mutation), std::move(reply), std::move(fill));
}

// Runs `handle`, which gets the reply, on the pool; not if nobody waits for it any more when its turn comes.
template <class Response, class Handle> void Beside(const ServiceContext& context, Reply<Response> reply, Handle handle) {
  const auto ticket = reply.Release();
  const bool is_queued = context.reads->Post([ticket, handle = std::move(handle)] {
    Reply<Response> answer{ticket};
    // Whoever gave up asks again: to work for them first would keep the next ones waiting, until they give up as well.
    if (!IsAwaited(answer.call())) return answer.Refuse(Refuse(v1::DEADLINE_PASSED));
    handle(std::move(answer));
  });
  if (!is_queued) Reply<Response>(ticket).Refuse(Refuse(v1::OVERLOADED));
}

// Whether a long read goes on: OK, or why it is given up. To be asked at each step.
using GoOn = std::function<absl::Status()>;

// What `read` gives, or OVERLOADED, so that the caller asks again, when a program was set aside meanwhile: a row may have been taken for absent.
template <class Read> auto ReadWhole(const Shards& shards, const Read& read) -> decltype(read()) {
  const std::int64_t damages = shards.damages();
  auto result = read();
  if (shards.damages() != damages && !absl::IsDataLoss(result.status())) return Refuse(v1::OVERLOADED);
  return result;
}

// Runs `read`, which gives a StatusOr<Response>, on the pool.
template <class Response, std::invocable Read> void ReadBeside(const ServiceContext& context, Reply<Response> reply, Read read) {
  Beside(context, std::move(reply),
         [&shards = *context.shards, read = std::move(read)](Reply<Response> answer) { answer(ReadWhole(shards, read)); });
}

// The same for a read that may take long. It ends with the error of its GoOn: a stop does not wait for it, and whoever is gone does not keep
// the pool busy.
template <class Response, std::invocable<const GoOn&> Read>
void ReadBeside(const ServiceContext& context, Reply<Response> reply, Read read) {
  Beside(context, std::move(reply), [&shards = *context.shards, read = std::move(read), door = context.unary.door](Reply<Response> answer) {
    const GoOn go_on = [&call = answer.call(), door] {
      if (door->IsClosed()) return Refuse(v1::SHUTTING_DOWN);
      return IsAwaited(call) ? absl::OkStatus() : Refuse(v1::DEADLINE_PASSED);
    };
    answer(ReadWhole(shards, [&] { return read(go_on); }));
  });
}

}  // namespace redpoints::server
