#include "storage/merkle/tree.h"

#include <bit>
#include <string>

#include "storage/rules/sha256.h"

namespace redpoints {

Hash LeafHash(std::string_view leaf) {
  std::string bytes(1, '\0');
  return Sha256(bytes.append(leaf));
}

Hash NodeHash(const Hash& left, const Hash& right) {
  std::string bytes(1, '\1');
  bytes.append(left.begin(), left.end()).append(right.begin(), right.end());
  return Sha256(bytes);
}

void Frontier::Append(const Hash& leaf_hash) {
  hashes_.push_back(leaf_hash);
  // As many subtrees become one as the size before has trailing ones.
  for (std::uint64_t size = size_++; size & 1; size >>= 1) {
    const Hash right = hashes_.back();
    hashes_.pop_back();
    hashes_.back() = NodeHash(hashes_.back(), right);
  }
}

Hash Frontier::Root() const {
  if (hashes_.empty()) return Sha256("");
  Hash root = hashes_.back();
  for (auto left = hashes_.rbegin() + 1; left != hashes_.rend(); ++left) root = NodeHash(*left, root);
  return root;
}

bool Frontier::Restore(std::uint64_t size, std::vector<Hash> hashes) {
  *this = Frontier();
  if (hashes.size() != static_cast<std::size_t>(std::popcount(size))) return false;
  size_ = size;
  hashes_ = std::move(hashes);
  return true;
}

}  // namespace redpoints
