// The way on when every copy of the key file is lost, or the side store.
#pragma once

#include "absl/status/status.h"
#include "server/config.pb.h"
#include "storage/clock.h"

namespace redpoints::server {

// Of a server that is stopped. By what is there:
//
//   no key file      makes another; a side store under the lost one is moved aside, an empty one made, and the journal of every program
//                    says that another key is in use from now on, so that auditors see it
//   no side store    makes an empty one under the ledger's own key file
//   both             nothing, and says so
//
// A key file that is not the ledger's is KEY_FILE_FOREIGN, since the right one may turn up. With `adopts_key` it is taken, if the side
// store opens with it, and a journal names the key, or the store has a row about a member of this ledger: its key of before, found again,
// or that of after the backup that was restored. Otherwise a store with rows is SIDE_STORE_FOREIGN, with an empty one it is
// KEY_FILE_FOREIGN; no key file is KEY_FILE_MISSING then, and none is made. While a store that was moved aside opens with the key at hand,
// no empty one is made: SIDE_STORE_MISSING; nor, but under a key that is drawn only now, while one of them does not open for another reason
// than its key, which is what is said then. A side store that is damaged, cut, of a newer program, under another key than that of the key
// file that is there, or, with its key there, without its write mark, is refused as the server's start refuses it, and stays as it is.
//
// Whatever can refuse is looked at before a byte changes; then what is lost is printed, and then it is done. Nothing is overwritten or
// deleted but what a run of it that was interrupted left at {side_state.directory}.rekey, where an empty side store is made, and derived
// rows that can't be read, which are made again. The key file gets its name last, and is {key_file}.new until then: run again after being
// interrupted, it says again what is lost, and does what is left. Errors are rows of StartFailures.
absl::Status Rekey(const Config& config, const Clock& clock, bool adopts_key);

}  // namespace redpoints::server
