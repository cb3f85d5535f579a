// What is done to a server's data while it is stopped: check, backup, restore, recover. Progress goes to standard error, results to
// standard output. Every error is a row of StartFailures.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/config.pb.h"
#include "storage/log/log.h"

namespace redpoints::server {

// The log of a shard that nobody has open, as far as the head mark says that it goes.
absl::StatusOr<std::unique_ptr<redpoints::Log>> OpenStoppedLog(const std::string& directory);

// Re-derives every table of `program` (empty: of all) and prints what was found. LEDGER_DIFFERS names the first difference of the
// journal, DERIVED_DAMAGED of the derived rows.
// LEDGER_IN_USE while the server runs. Of the side state, which is only read, it prints each member whose number is lost and how much
// has no entry, and of one that is absent, or that the key file does not fit, that it was not checked and what to do: the ledger is sound
// all the same, and the status is OK. SIDE_STORE_DAMAGED, SIDE_STORE_CUT: the journal is sound.
absl::Status CheckShards(const Config& config, const std::string& program);

// Copies every shard to directory/shard-{n} and the side store to directory/side, then writes directory/SHA256SUMS (which `sha256sum -c`
// reads): without it, as after an interruption, it is no backup. LEDGER_IN_USE while the server runs. A log that is shorter than its
// head mark says is refused.
absl::Status BackupShards(const Config& config, const std::string& directory);

// Verifies directory/SHA256SUMS, copies every shard to where the configuration wants it (which must not be there), opens a new epoch in
// each, and checks them as CheckShards does, with its status. The side store is put back only where there is none. All is made beside its
// place, with the ending .partial, and gets its name when all is whole; the first shard last, so that no server opens what an interruption
// left. Run again, it begins again; of several shards some may have their name by then, and have to be moved away first.
absl::Status RestoreShards(const Config& config, const std::string& directory);

// Saves what can be read of the shard in the directory `from`, or of the backup of one, which stays as it is, into the new directory `to`;
// prints for each program what stands, what is lost, why, and the file with the lines that could not be placed (storage/recover.h). The
// side store is not its business: it belongs to all shards, and stays where it is. `blobs`: files of what the log may lack, each of which
// an entry must name. LEDGER_IN_USE while a server has it open.
absl::Status RecoverShard(const std::string& from, const std::string& to, const std::vector<std::string>& blobs = {});

}  // namespace redpoints::server
