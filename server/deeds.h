// Confidential deeds: what the journal shows instead, and what is kept aside. Thread-safe. Waits for the side store's disk: not for gRPC's
// threads.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/convert.h"
#include "storage/identity/side_store.h"
#include "storage/shards.h"

namespace redpoints::server {

class Deeds {
 public:
  // Nothing is owned; all must outlive this.
  Deeds(SideStore& store, const KeyFile& keys, const Shards& shards) : store_(store), keys_(keys), shards_(shards) {}

  // Whether the deed is confidential by the rulebook of its day. Does not wait.
  bool IsConfidential(const std::string& program, const AwardItem& item) const;

  // Puts the umbrella in the place of each confidential deed, after its members were resolved, and keeps what it was. Requests of one id
  // get the same commitments again. What the entry can't be judged by any more is judged here, as long as the request id is not known:
  // MEMBER_NOT_FOUND, DETAIL_REQUIRED, GROUP_NOT_ELIGIBLE, QUANTITY_OUT_OF_BOUNDS, none of which is recorded here; with the path of the
  // item in a batch. Then none of it is kept.
  absl::Status Cover(const std::string& actor, Mutation& mutation) const;

 private:
  SideStore& store_;
  const KeyFile& keys_;
  const Shards& shards_;
};

}  // namespace redpoints::server
