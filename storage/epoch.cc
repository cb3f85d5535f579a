#include "storage/epoch.h"

namespace redpoints {
namespace {

// Openings are numbered by the second since 2020-01-01 UTC in which they are made, by the machine's clock: two restores of one backup, a
// minute or an hour apart, must not share a number, since names carry it. People read it and type it.
constexpr std::int64_t kEpochBaseMs = 1'577'836'800'000;

}  // namespace

absl::Status OpenEpochs(Log& log, Store& store, const Clock& clock, const std::function<EpochData(const std::string& program)>& data,
                        const ReadProgress& progress, const std::set<std::string>& gone) {
  const auto present = log.Programs();
  if (!present.ok()) return present.status();
  std::set<std::string> programs(present->begin(), present->end());
  programs.insert(gone.begin(), gone.end());
  const auto open = [&](const State& state, std::int64_t now_ms) -> std::optional<Command> {
    return OpenEpoch{data(state.program), (now_ms - kEpochBaseMs) / 1000};
  };
  return AppendToEach(log, store, clock, programs, open, progress).status();
}

}  // namespace redpoints
