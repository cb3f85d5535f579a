// The Merkle tree of RFC 6962, section 2.1: what an append-only list of leaves hashes to, and proofs about it. Pure; any thread.
//
//   leaf         SHA-256(0x00 ‖ bytes of the leaf)
//   node         SHA-256(0x01 ‖ left ‖ right), the left side being the largest power of two below the number of leaves
//   no leaves    SHA-256 of nothing
//
// A perfect subtree (level, index) has 2^level leaves, from the one numbered index × 2^level on. Once its leaves are there it never
// changes, which is why those, and only those, are worth storing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/merkle/sha256.h"

namespace redpoints {

Hash LeafHash(std::string_view leaf);
Hash NodeHash(const Hash& left, const Hash& right);
// The root of the tree whose leaves hash to `leaves`.
Hash RootOf(std::span<const Hash> leaves);

// The right edge of a growing tree: all that appending needs to know of it. A value; one thread.
class Frontier {
 public:
  // Of a tree without leaves.
  Frontier() = default;
  // The frontier of a tree with `size` leaves that answered `hashes`; nullopt when their number does not fit, or for a negative size. Only
  // the root shows whether they are the right ones.
  static std::optional<Frontier> From(std::int64_t size, std::vector<Hash> hashes);

  // One hash on average, and as many as the tree has levels at most.
  void Append(const Hash& leaf_hash);
  // One hash less than hashes().
  Hash Root() const;
  std::int64_t size() const { return size_; }  // leaves
  // The perfect subtrees that the tree falls into, from the left, one for each 1 in the binary size: the largest first.
  const std::vector<Hash>& hashes() const { return hashes_; }

  bool operator==(const Frontier&) const = default;

 private:
  std::int64_t size_ = 0;
  std::vector<Hash> hashes_;
};

// The hash of the perfect subtree (level, index). Whoever can fail to read one notes that, and throws the proof away.
using ReadNode = std::function<Hash(int level, std::int64_t index)>;

// The audit path of leaf `index` in the tree of the first `size` leaves, from the leaf upwards: at most 63 hashes. Reads about two subtrees
// for each level, and none with a leaf beyond `size`. Requires 0 <= index < size.
std::vector<Hash> InclusionProof(std::int64_t index, std::int64_t size, const ReadNode& read);
// Of a tree small enough to be in memory whole.
std::vector<Hash> InclusionProof(std::int64_t index, std::span<const Hash> leaves);

// Shows that the tree of the first `size` leaves begins with that of the first `old_size`. Empty when one of the two needs no proof: none
// but the roots themselves for equal sizes, nothing for an old size of 0. Requires 0 <= old_size <= size.
std::vector<Hash> ConsistencyProof(std::int64_t old_size, std::int64_t size, const ReadNode& read);
std::vector<Hash> ConsistencyProof(std::int64_t old_size, std::span<const Hash> leaves);

// Whether `proof` shows that leaf `index` of the tree with `size` leaves and this root is `leaf_hash`. Any input is safe; sizes and indexes
// that make no sense are not verified, nor is a proof with a hash too many.
bool VerifyInclusion(const Hash& leaf_hash, std::int64_t index, std::int64_t size, std::span<const Hash> proof, const Hash& root);

// Whether `proof` shows that the tree of `size` leaves with `root` begins with that of `old_size` leaves with `old_root`. As above. The
// tree without leaves begins every other: its root has to be right and the proof empty.
bool VerifyConsistency(std::int64_t old_size, const Hash& old_root, std::int64_t size, const Hash& root, std::span<const Hash> proof);

}  // namespace redpoints
