#include "storage/merkle/tree.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "storage/rules/types.h"

namespace redpoints {
namespace {

std::uint64_t Unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }

// The largest power of two below `size`, which is at least 2: how many leaves are on the left.
std::int64_t LeftOf(std::int64_t size) { return static_cast<std::int64_t>(std::bit_floor(Unsigned(size) - 1)); }

// The root over the leaves from `begin` to `end`. `begin` is a multiple of the smallest power of two that is not below their number, as it
// is for every node of the tree.
Hash HashOf(std::int64_t begin, std::int64_t end, const ReadNode& read) {
  std::vector<Hash> subtrees;
  while (begin < end) {
    const int level = static_cast<int>(std::bit_width(Unsigned(end - begin))) - 1;
    subtrees.push_back(read(level, begin >> level));
    begin += std::int64_t{1} << level;
  }
  Hash hash = subtrees.back();
  for (auto left = subtrees.rbegin() + 1; left != subtrees.rend(); ++left) hash = NodeHash(*left, hash);
  return hash;
}

ReadNode Over(std::span<const Hash> leaves) {
  return [leaves](int level, std::int64_t index) {
    return RootOf(leaves.subspan(static_cast<std::size_t>(index << level), std::size_t{1} << level));
  };
}

}  // namespace

Hash LeafHash(std::string_view leaf) {
  thread_local Sha256Stream stream;
  stream.Add(std::string_view("\x00", 1));
  stream.Add(leaf);
  return stream.Finish();
}

Hash NodeHash(const Hash& left, const Hash& right) {
  char bytes[1 + 2 * sizeof(Hash)];
  bytes[0] = 1;
  std::memcpy(bytes + 1, left.data(), sizeof(Hash));
  std::memcpy(bytes + 1 + sizeof(Hash), right.data(), sizeof(Hash));
  return Sha256({bytes, sizeof(bytes)});
}

Hash RootOf(std::span<const Hash> leaves) {
  Frontier frontier;
  for (const Hash& leaf : leaves) frontier.Append(leaf);
  return frontier.Root();
}

std::optional<Frontier> Frontier::From(std::int64_t size, std::vector<Hash> hashes) {
  if (size < 0 || static_cast<int>(hashes.size()) != std::popcount(Unsigned(size))) return std::nullopt;
  Frontier frontier;
  frontier.size_ = size;
  frontier.hashes_ = std::move(hashes);
  return frontier;
}

void Frontier::Append(const Hash& leaf_hash) {
  Hash hash = leaf_hash;
  // Each 1 at the end of the binary size is a perfect subtree as large as the one in hand.
  for (std::uint64_t rest = Unsigned(size_); rest & 1; rest >>= 1) {
    hash = NodeHash(hashes_.back(), hash);
    hashes_.pop_back();
  }
  hashes_.push_back(hash);
  ++size_;
}

Hash Frontier::Root() const {
  if (hashes_.empty()) return Sha256({});
  Hash root = hashes_.back();
  for (auto left = hashes_.rbegin() + 1; left != hashes_.rend(); ++left) root = NodeHash(*left, root);
  return root;
}

std::vector<Hash> InclusionProof(std::int64_t index, std::int64_t size, const ReadNode& read) {
  RP_CHECK(index >= 0 && index < size);
  std::vector<Hash> proof;  // from the root downwards, until it is turned
  for (std::int64_t begin = 0, end = size; end - begin > 1;) {
    const std::int64_t middle = begin + LeftOf(end - begin);
    if (index < middle) {
      proof.push_back(HashOf(middle, end, read));
      end = middle;
    } else {
      proof.push_back(HashOf(begin, middle, read));
      begin = middle;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

std::vector<Hash> InclusionProof(std::int64_t index, std::span<const Hash> leaves) {
  return InclusionProof(index, static_cast<std::int64_t>(leaves.size()), Over(leaves));
}

std::vector<Hash> ConsistencyProof(std::int64_t old_size, std::int64_t size, const ReadNode& read) {
  RP_CHECK(old_size >= 0 && old_size <= size);
  std::vector<Hash> proof;  // from the root downwards, until it is turned
  if (old_size == 0) return proof;
  std::int64_t begin = 0, end = size;
  while (end != old_size) {
    const std::int64_t middle = begin + LeftOf(end - begin);
    if (old_size <= middle) {
      proof.push_back(HashOf(middle, end, read));
      end = middle;
    } else {
      proof.push_back(HashOf(begin, middle, read));
      begin = middle;
    }
  }
  // The old tree ends with the subtree in hand. When that is the whole old tree, its root is known to whoever verifies.
  if (begin != 0) proof.push_back(HashOf(begin, end, read));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

std::vector<Hash> ConsistencyProof(std::int64_t old_size, std::span<const Hash> leaves) {
  return ConsistencyProof(old_size, static_cast<std::int64_t>(leaves.size()), Over(leaves));
}

// The two below are those of RFC 9162, 2.1.3.2 and 2.1.4.2. `node` and `last` are the numbers, in the level that was reached, of the node
// in hand and of the last one.

bool VerifyInclusion(const Hash& leaf_hash, std::int64_t index, std::int64_t size, std::span<const Hash> proof, const Hash& root) {
  if (index < 0 || index >= size) return false;
  std::int64_t node = index, last = size - 1;
  Hash hash = leaf_hash;
  for (const Hash& sibling : proof) {
    if (last == 0) return false;
    if (node % 2 == 1 || node == last) {
      hash = NodeHash(sibling, hash);
      for (; node % 2 == 0 && node != 0; node /= 2) last /= 2;  // levels where the last node has no sibling
    } else {
      hash = NodeHash(hash, sibling);
    }
    node /= 2, last /= 2;
  }
  return last == 0 && hash == root;
}

bool VerifyConsistency(std::int64_t old_size, const Hash& old_root, std::int64_t size, const Hash& root, std::span<const Hash> proof) {
  if (old_size < 0 || old_size > size) return false;
  if (old_size == 0 && old_root != RootOf({})) return false;
  if (old_size == size && old_root != root) return false;
  if (old_size == 0 || old_size == size) return proof.empty();
  std::int64_t node = old_size - 1, last = size - 1;
  for (; node % 2 == 1; node /= 2) last /= 2;
  // A perfect old tree is a node of the new one, and not sent.
  const bool is_perfect = std::has_single_bit(Unsigned(old_size));
  if (!is_perfect && proof.empty()) return false;
  Hash old_hash = is_perfect ? old_root : proof.front();
  Hash hash = old_hash;
  for (const Hash& sibling : proof.subspan(is_perfect ? 0 : 1)) {
    if (last == 0) return false;
    if (node % 2 == 1 || node == last) {
      old_hash = NodeHash(sibling, old_hash);
      hash = NodeHash(sibling, hash);
      for (; node % 2 == 0 && node != 0; node /= 2) last /= 2;
    } else {
      hash = NodeHash(hash, sibling);
    }
    node /= 2, last /= 2;
  }
  return last == 0 && old_hash == old_root && hash == root;
}

}  // namespace redpoints
