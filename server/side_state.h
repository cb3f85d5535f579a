// The side state of a server: its key file and the one store that all its programs share. Whoever needs it opens it here, so that what can be
// wrong with it is said everywhere in the same words (start_failure.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/config.pb.h"
#include "storage/identity/key_file.h"
#include "storage/identity/side_store.h"

namespace redpoints {
class Shards;
}

namespace redpoints::server {

struct OpenedSide {
  std::unique_ptr<const KeyFile> keys;  // outlives the store
  std::unique_ptr<SideStore> store;
};

// KEY_FILE_MISSING, KEY_FILE_UNUSABLE, SIDE_STORE_MISSING, SIDE_STORE_REFUSED, SIDE_STORE_DAMAGED,
// DESCRIPTORS_TOO_FEW. `on_failed` as SideStore::Options has it.
absl::StatusOr<OpenedSide> OpenSide(const SideState& config, bool read_only,
                                    std::function<void(const std::string& why)> on_failed = nullptr);

// Makes both. What is there already stays and is refused with DIRECTORY_TAKEN.
absl::Status MakeSide(const SideState& config);

// Removes what was reserved for requests that never came to an entry, in all programs that can be read. To be called before any request can be
// on its way. Errors name the row or what the disk says.
absl::Status ClearSide(SideStore& store, const Shards& shards);

}  // namespace redpoints::server
