// The rules of one program at work: decides commands and what time brings, one after the other. Which rules those are stands by theme in
// awards.cc, sales.cc, returns.cc, registry.cc and passing.cc; derive.h says how they are told.
//
// Not thread-safe: one writer. Posted entries are applied to the state at once; whoever owns the engine makes them durable before anybody is
// told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/rules/command.h"
#include "storage/rules/decision.h"
#include "storage/rules/outcome.h"
#include "storage/rules/state.h"

namespace redpoints {

class Engine {
 public:
  explicit Engine(State& state) : desk_(state) {}

  // The time of all entries from here on; see Desk.
  void SetTime(std::int64_t now_ms, bool may_pass = true) { desk_.SetTime(now_ms, may_pass); }

  // Decides and posts. A request id seen before is answered from the ledger.
  Outcome Execute(const Origin& origin, const Command& command);

  // What passing.h says of them.
  bool CatchUpWithTime(std::size_t entries_max);
  std::int64_t NextDeadline();

  // Entries posted since the last call, in order.
  std::vector<std::shared_ptr<const Entry>> TakePosted() { return desk_.TakePosted(); }
  // Content that entries posted since the last call name: SHA-256 in hex to content.
  std::map<std::string, std::string> TakeBlobs() { return desk_.TakeBlobs(); }

  // Why an entry could not be posted since the last call: an invariant would have been broken. A request's is answered with
  // INVARIANT_VIOLATION; after one in CatchUpWithTime the program must be set aside.
  absl::Status TakeFault() { return desk_.TakeFault(); }

  State& state() { return desk_.state(); }

 private:
  Outcome Replay(Decision& d, const RequestRecord& record);

  Desk desk_;
};

}  // namespace redpoints
