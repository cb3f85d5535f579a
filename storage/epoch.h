// A new epoch: what a history that was put back begins with, so that nothing named or signed in the one that went on is taken for this
// one's.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "storage/offline.h"
#include "storage/rules/registration.h"

namespace redpoints {

// Writes the opening of a new epoch as the next entry of each program, as AppendToEach does. `data` says why, and what was lost; old_epoch
// and size are made here. Programs of `gone` without a journal get one that begins with the opening, so that what is founded under their
// name is not taken for what they were.
absl::Status OpenEpochs(Log& log, Store& store, const Clock& clock, const std::function<EpochData(const std::string& program)>& data,
                        const ReadProgress& progress, const std::set<std::string>& gone = {});

}  // namespace redpoints
