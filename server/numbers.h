// 会员号: whom a number leads to, and who gets which. Numbers are resolved here, before the queue; the ledger knows members by their ids
// alone. Thread-safe. May read the side store's disk; only Reserve writes, and waits for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/convert.h"
#include "server/side_state.h"
#include "storage/identity/side_store.h"
#include "storage/shards.h"

namespace redpoints::server {

// What a side store that fails is to a caller: a full or failing disk is STORAGE_READ_ONLY, a request id used for something else
// REQUEST_ID_REUSED; damage stays damage.
absl::Status FromSide(const absl::Status& status);

class Numbers {
 public:
  // Nothing is owned; all must outlive this.
  Numbers(SideStore& store, const KeyFile& keys, const Shards& shards, const LostNumbers& lost)
      : store_(store), keys_(keys), shards_(shards), lost_(lost) {}

  // The member that an id or number of a name stands for: an id as it is, a number's owner while their newest registration commits to it
  // and no number that they got later is lost, empty for a number that leads to nobody.
  absl::StatusOr<std::string> MemberOf(const std::string& program, const std::string& id_or_number) const;

  // The number of a member as registered; empty where the side store does not have it (it is lost, or erased), or where it leads to nobody.
  absl::StatusOr<std::string> NumberOf(const std::string& program, const MemberData& member) const;

  // Puts ids in the place of the numbers in the command, and says in `mutation.members` whom it is about. One that leads to nobody becomes
  // an empty id, and the ledger says what that means: a known request id is answered before.
  absl::Status Resolve(Mutation& mutation) const;

  // The fingerprints of the request: with a keyed hash in the place of each typed number and of what a confidential deed was, made with the
  // newest key, and with each older one to compare.
  void Sign(Mutation& mutation, Origin& origin) const;

  // Numbers for the members that the command registers anew, or for the one who gets another: the same again for a repeated request, and
  // then the same new ids, too.
  absl::Status Reserve(const std::string& actor, Mutation& mutation) const;

 private:
  std::string Print(const SecretKey& key, std::string_view label, const std::string& program, std::string_view text) const;

  SideStore& store_;
  const KeyFile& keys_;
  const Shards& shards_;
  const LostNumbers& lost_;
};

}  // namespace redpoints::server
