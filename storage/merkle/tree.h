// RFC 6962 Merkle trees. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace redpoints {

using Hash = std::array<std::uint8_t, 32>;

Hash LeafHash(std::string_view leaf);                // SHA-256(00 || leaf)
Hash NodeHash(const Hash& left, const Hash& right);  // SHA-256(01 || left || right)

// A tree that only grows: the roots of its perfect subtrees, largest first.
class Frontier {
 public:
  Frontier() = default;

  void Append(const Hash& leaf_hash);
  // Of nothing: SHA-256 of nothing.
  Hash Root() const;
  std::uint64_t size() const { return size_; }
  const std::vector<Hash>& hashes() const { return hashes_; }
  // What size() and hashes() gave; false, and an empty tree, if they don't belong together.
  bool Restore(std::uint64_t size, std::vector<Hash> hashes);

  bool operator==(const Frontier&) const = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> hashes_;
};

}  // namespace redpoints
