// The side state of a server: its key file and the one store that all its programs share. Whoever needs it opens it here, so that what can be
// wrong with it is said everywhere in the same words (start_failure.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/config.pb.h"
#include "storage/check.h"
#include "storage/identity/cipher.h"
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

// The stores that `rekey` moved out of the way, {directory}.aside and {directory}.aside-N, by N and path. Errors are rows of StartFailures.
using Asides = std::set<std::pair<std::uint64_t, std::string>>;
absl::StatusOr<Asides> FindAsides(const std::string& directory);
// The name of the next: behind all that are there, so that the order is that in which they were moved.
std::string NextAside(const std::string& directory, const Asides& asides);
// The first of those that opens with `keys`; empty: each is known to be another key's. One that does not open for another reason may be
// this key's: it is refused with that reason and its name.
absl::StatusOr<std::string> AsideThatOpens(const std::string& directory, const KeyFile& keys);

// SIDE_STORE_MISSING, SIDE_STORE_FOREIGN, SIDE_STORE_REFUSED, SIDE_STORE_DAMAGED, SIDE_STORE_CUT, SIDE_STORE_UNMARKED, DESCRIPTORS_TOO_FEW.
// `keys` and `on_failed` as SideStore has them. Where one that was moved aside opens with the key, or may be this key's, it is named.
absl::StatusOr<std::unique_ptr<SideStore>> OpenSideStore(const std::string& directory, const KeyFile& keys, bool read_only,
                                                         std::function<void(const std::string& why)> on_failed = nullptr);
// Those, or KEY_FILE_MISSING, KEY_FILE_UNUSABLE.
absl::StatusOr<OpenedSide> OpenSide(const SideState& config, bool read_only,
                                    std::function<void(const std::string& why)> on_failed = nullptr);

// KEY_FILE_FOREIGN where a program was founded, or rekeyed, under another side key: doubles of confidential deeds would not be found under
// this one. Of all programs that can be read; of one, whose side key is empty where it is not known.
absl::Status CompareSideKey(const KeyFile& keys, const Shards& shards);
absl::Status CompareSideKey(const KeyFile& keys, const std::string& program, const std::string& side_key);

// Makes both. What is there already stays and is refused with DIRECTORY_TAKEN.
absl::Status MakeSide(const SideState& config);

// The numbers that members got in entries which their ledger does not have, as after a restore: it says that the number before is still
// theirs, but that one may be in strange hands. A value; const functions from any thread.
class LostNumbers {
 public:
  void Add(const std::string& program, const SideRow& number);
  // Whether `number` is one from before a number that is lost: it leads to nobody.
  bool HaveReplaced(const std::string& program, const SideRow& number) const;
  std::size_t size() const { return newest_.size(); }

 private:
  std::map<std::pair<std::string, std::string>, std::uint64_t> newest_;  // program and member to the order of the newest
};

// What the side store has and the ledgers lack.
struct Strays {
  std::int64_t rows = 0;
  LostNumbers numbers;
  absl::Status damage;  // the first row that can't be read, if any
};
// Removes what was reserved for requests that a crash kept from coming to an entry, in all programs that can be read, and finds what stays
// without one (SideStore::Clear). To be called before any request can be on its way. Where the store takes no writes it only finds. Errors
// say what the disk says.
absl::StatusOr<Strays> ClearSide(SideStore& store, const Shards& shards);

// What the side store lacks of a program's journal, and what it has beside it. Neither is a fault of the ledger.
struct SideDifferences {
  struct Number {
    std::string member;
    std::int64_t sequence = -1;  // of the member's newest registration
  };
  std::vector<Number> lost;      // members whose number is not here, or not the one that the entry commits to
  std::vector<Number> replaced;  // members whose number leads to nobody, since one that they got later has lost its entry
  std::vector<SideStore::RowWithoutEntry> without_entry;
};
// `epoch`: the ledger's, kNoLedger for a program that no ledger has. Errors say what can't be read: then nothing is known.
absl::StatusOr<SideDifferences> CompareSide(const SideStore& store, const std::string& program, const Commitments& commitments,
                                            std::int64_t epoch);

}  // namespace redpoints::server
