// A new epoch: what a history that was put back begins with, so that nothing named or signed in the one that went on is taken for this one's.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "storage/clock.h"
#include "storage/log/log.h"
#include "storage/rules/registration.h"
#include "storage/store/store.h"

namespace redpoints {

// Becomes the owner of `log` and writes the opening of a new epoch as the next entry of each program, all in one commit: in every journal or in
// none. `data` says why, and what was lost; old_epoch and size are made here. Programs of `gone` without a journal get one that begins with
// the opening, so that what is founded under their name is not taken for what they were. The derived rows go to `store` on the way, which has
// to be that of this log or empty. `progress` is called now and then with a program, the entries that were read and how many there are.
//
// DATA_LOSS: a journal can't be read. FAILED_PRECONDITION: the clock is more than ten minutes behind the last entry. UNAVAILABLE: the disk.
absl::Status OpenEpochs(Log& log, Store& store, const Clock& clock, const std::function<EpochData(const std::string& program)>& data,
                        const std::function<void(const std::string& program, std::int64_t next, std::int64_t end)>& progress,
                        const std::set<std::string>& gone = {});

}  // namespace redpoints
