// One more entry in the journals of a shard that nobody has open, in the name of the ledger: what has to be said while no server can.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "storage/clock.h"
#include "storage/log/log.h"
#include "storage/rules/command.h"
#include "storage/rules/state.h"
#include "storage/store/store.h"

namespace redpoints {

// What is to be said in the journal that adds up to this state, by the machine's clock; nullopt: nothing.
using CommandFor = std::function<std::optional<Command>(const State& state, std::int64_t now_ms)>;
// Called now and then with a program, the entries that were read and how many there are.
using ReadProgress = std::function<void(const std::string& program, std::int64_t next, std::int64_t end)>;

// Becomes the owner of `log` and appends the entry of each program's command, all in one commit: each journal has its own, or none has. A
// program without a journal gets one. The entry has the time of the one before it. The derived rows go to `store` on the way, which has to
// be that of this log or empty; where rows of it can't be read, it is cleared and all are made
// again. Returns how many entries were appended.
//
// DATA_LOSS: a journal can't be read. FAILED_PRECONDITION: the clock is more than ten minutes behind the last entry. UNAVAILABLE: the disk.
absl::StatusOr<int> AppendToEach(Log& log, Store& store, const Clock& clock, const std::set<std::string>& programs,
                                 const CommandFor& command, const ReadProgress& progress);

// How many entries AppendToEach would append, or why it would refuse; not a byte changes. `store` may be open for reading only; nullptr:
// there are no derived rows. Those of all entries are in memory then, as they are where rows of `store` can't be read.
absl::StatusOr<int> LookAtEach(const Log& log, Store* store, const Clock& clock, const std::set<std::string>& programs,
                               const CommandFor& command, const ReadProgress& progress);

}  // namespace redpoints
