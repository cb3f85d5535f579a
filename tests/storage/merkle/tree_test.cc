// The tree, its frontier and its proofs against known hashes, and against the RFC's definitions taken word by word.
#include "storage/merkle/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace redpoints {
namespace {

using testing::IsEmpty;

std::string HexOf(const Hash& hash) { return Hex(hash.data(), hash.size()); }
std::span<const Hash> First(const std::vector<Hash>& leaves, std::int64_t size) {
  return std::span(leaves).first(static_cast<std::size_t>(size));
}

std::string NumberLeaf(std::uint64_t number) {
  std::string leaf;
  for (int shift = 56; shift >= 0; shift -= 8) leaf.push_back(static_cast<char>(number >> shift));
  return leaf;
}
std::vector<Hash> NumberLeaves(std::int64_t size) {
  std::vector<Hash> leaves;
  for (std::int64_t i = 0; i < size; ++i) leaves.push_back(LeafHash(NumberLeaf(static_cast<std::uint64_t>(i))));
  return leaves;
}

// What tests/storage/merkle/vectors.txt says; how its lines are read stands there.
struct Vectors {
  struct Root {
    std::string tree;
    std::int64_t size;
    std::string hex;
  };
  struct Proof {
    std::string kind, tree;
    std::int64_t from, size;
    std::vector<std::string> hex;
  };
  std::map<std::string, std::vector<Hash>> leaves;
  std::vector<Root> roots;
  std::vector<Proof> proofs;

  Vectors() {
    std::ifstream file(REDPOINTS_MERKLE_VECTORS);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string kind, tree, hex;
      words >> kind >> tree;
      if (kind == "leaf") {
        words >> hex;
        std::string leaf;
        for (std::size_t i = 0; hex != "-" && i < hex.size(); i += 2)
          leaf.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
        leaves[tree].push_back(LeafHash(leaf));
      } else if (kind == "root") {
        auto& root = roots.emplace_back();
        root.tree = tree;
        words >> root.size >> root.hex;
      } else if (kind != "#") {
        auto& proof = proofs.emplace_back();
        proof.kind = kind, proof.tree = tree;
        for (words >> proof.from >> proof.size; words >> hex;) proof.hex.push_back(hex);
      }
    }
    for (int i = 0; i < 600; ++i) {
      char leaf[16];
      std::snprintf(leaf, sizeof(leaf), "entry-%06d", i);
      leaves["entry"].push_back(LeafHash(leaf));
    }
    leaves["number"] = NumberLeaves(70'000);
  }
};
const Vectors& Known() {
  static const Vectors vectors;
  return vectors;
}

// MTH, PATH and SUBPROOF as section 2.1 has them.
std::size_t Split(std::size_t size) {
  std::size_t k = 1;
  while (2 * k < size) k *= 2;
  return k;
}
Hash Mth(std::span<const Hash> d) {
  if (d.empty()) return Sha256("");
  if (d.size() == 1) return d[0];
  const auto k = Split(d.size());
  return NodeHash(Mth(d.first(k)), Mth(d.subspan(k)));
}
std::vector<Hash> Path(std::size_t m, std::span<const Hash> d) {
  if (d.size() == 1) return {};
  const auto k = Split(d.size());
  auto path = m < k ? Path(m, d.first(k)) : Path(m - k, d.subspan(k));
  path.push_back(m < k ? Mth(d.subspan(k)) : Mth(d.first(k)));
  return path;
}
std::vector<Hash> Subproof(std::size_t m, std::span<const Hash> d, bool b) {
  if (m == d.size()) return b ? std::vector<Hash>{} : std::vector<Hash>{Mth(d)};
  const auto k = Split(d.size());
  auto proof = m <= k ? Subproof(m, d.first(k), b) : Subproof(m - k, d.subspan(k), false);
  proof.push_back(m <= k ? Mth(d.subspan(k)) : Mth(d.first(k)));
  return proof;
}

// What differs from `proof` by one thing: a hash that is altered, missing, doubled or too many.
std::vector<std::vector<Hash>> Altered(const std::vector<Hash>& proof) {
  std::vector<std::vector<Hash>> all;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i);
    all.push_back(proof), all.back()[i][i % 32] ^= 1;
    all.push_back(proof), all.back().erase(all.back().begin() + at);
    all.push_back(proof), all.back().insert(all.back().begin() + at, proof[i]);
  }
  all.push_back(proof), all.back().push_back(Sha256(""));
  return all;
}

TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, OfPiecesIsThatOfTheWhole) {
  Sha256Stream stream;
  EXPECT_EQ(stream.Finish(), Sha256(""));
  stream.Add("a"), stream.Add(""), stream.Add("bc");
  EXPECT_EQ(stream.Finish(), Sha256("abc"));
  stream.Add("abc");
  EXPECT_EQ(stream.Finish(), Sha256("abc"));
}

TEST(MerkleTree, LeavesAndNodesAreHashedApart) {
  EXPECT_EQ(HexOf(LeafHash("")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  const Hash a = LeafHash("a"), b = LeafHash("b");
  std::string pair("\1", 1);
  for (const Hash& hash : {a, b}) pair.append(hash.begin(), hash.end());
  EXPECT_EQ(NodeHash(a, b), Sha256(pair));
  EXPECT_NE(NodeHash(a, b), NodeHash(b, a));
}

TEST(MerkleTree, HasTheKnownRoots) {
  EXPECT_EQ(Known().roots.size(), 106u);
  for (const auto& [tree, size, hex] : Known().roots) {
    EXPECT_EQ(HexOf(RootOf(First(Known().leaves.at(tree), size))), hex) << tree << " " << size;
  }
}

TEST(MerkleTree, MakesTheKnownProofs) {
  EXPECT_GT(Known().proofs.size(), 100u);
  for (const auto& known : Known().proofs) {
    const auto leaves = First(Known().leaves.at(known.tree), known.size);
    const auto proof = known.kind == "inclusion" ? InclusionProof(known.from, leaves) : ConsistencyProof(known.from, leaves);
    std::vector<std::string> hex;
    for (const Hash& hash : proof) hex.push_back(HexOf(hash).substr(0, 16));
    EXPECT_EQ(hex, known.hex) << known.kind << " " << known.tree << " " << known.from << " " << known.size;
  }
}

TEST(MerkleTree, AFrontierHasTheRootOfEachSize) {
  const auto leaves = NumberLeaves(140);
  Frontier frontier;
  for (std::int64_t size = 0; size <= 140; ++size) {
    EXPECT_EQ(frontier.size(), size);
    EXPECT_EQ(frontier.Root(), Mth(First(leaves, size))) << size;
    // And goes on from what is kept of it.
    const auto kept = Frontier::From(size, frontier.hashes());
    ASSERT_TRUE(kept) << size;
    EXPECT_EQ(*kept, frontier);
    frontier = *kept;
    if (size < 140) frontier.Append(leaves[static_cast<std::size_t>(size)]);
    EXPECT_EQ(*kept == frontier, size == 140);
  }
}

TEST(MerkleTree, AFrontierIsNotMadeOfTooFewOrTooManyHashes) {
  const std::vector<Hash> three(3);
  EXPECT_TRUE(Frontier::From(7, three));
  for (const std::int64_t size : {-7, -1, 0, 1, 3, 8, 15}) EXPECT_FALSE(Frontier::From(size, three)) << size;
  EXPECT_FALSE(Frontier::From(1, {}));
  EXPECT_FALSE(Frontier::From(-7, std::vector<Hash>(62)));  // as many as -7 has bits
  EXPECT_EQ(Frontier::From(0, {}), Frontier());
  EXPECT_NE(Frontier::From(7, three), Frontier::From(11, three));
}

TEST(MerkleTree, EveryLeafOfEverySizeIsProved) {
  const auto all = NumberLeaves(70);
  for (std::int64_t size = 1; size <= 70; ++size) {
    const auto leaves = First(all, size);
    const Hash root = Mth(leaves);
    for (std::int64_t index = 0; index < size; ++index) {
      const Hash& leaf = leaves[static_cast<std::size_t>(index)];
      const auto proof = InclusionProof(index, leaves);
      ASSERT_EQ(proof, Path(static_cast<std::size_t>(index), leaves)) << index << " of " << size;
      ASSERT_TRUE(VerifyInclusion(leaf, index, size, proof, root)) << index << " of " << size;
      for (const auto& altered : Altered(proof)) ASSERT_FALSE(VerifyInclusion(leaf, index, size, altered, root)) << index << " of " << size;
      ASSERT_FALSE(VerifyInclusion(LeafHash("another"), index, size, proof, root)) << index << " of " << size;
      for (std::int64_t other = -1; other <= size; ++other) {
        if (other != index) {
          ASSERT_FALSE(VerifyInclusion(leaf, other, size, proof, root)) << other << " for " << index << " of " << size;
        }
      }
    }
  }
}

TEST(MerkleTree, EverySizeIsProvedToBeginEveryLargerOne) {
  const auto all = NumberLeaves(70);
  for (std::int64_t size = 0; size <= 70; ++size) {
    const auto leaves = First(all, size);
    const Hash root = Mth(leaves);
    for (std::int64_t old_size = 0; old_size <= size; ++old_size) {
      const Hash old_root = Mth(First(all, old_size));
      const auto proof = ConsistencyProof(old_size, leaves);
      if (old_size > 0) {
        ASSERT_EQ(proof, Subproof(static_cast<std::size_t>(old_size), leaves, true)) << old_size << " in " << size;
      } else {
        ASSERT_THAT(proof, IsEmpty());
      }
      ASSERT_TRUE(VerifyConsistency(old_size, old_root, size, root, proof)) << old_size << " in " << size;
      for (const auto& altered : Altered(proof)) {
        ASSERT_FALSE(VerifyConsistency(old_size, old_root, size, root, altered)) << old_size << " in " << size;
      }
      const Hash other = LeafHash("another");
      ASSERT_FALSE(VerifyConsistency(old_size, other, size, root, proof)) << old_size << " in " << size;
      if (old_size > 0) {
        ASSERT_FALSE(VerifyConsistency(old_size, old_root, size, other, proof)) << old_size << " in " << size;
      }
    }
  }
}

TEST(MerkleTree, SizesThatMakeNoSenseAreNotVerified) {
  const Hash root = LeafHash("a");
  const std::vector<Hash> many(100, root);
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  for (const auto& [from, size] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 0}, {-1, 1}, {0, -1}, {-2, -1}, {2, 1}, {kMax, 1}}) {
    EXPECT_FALSE(VerifyInclusion(root, from, size, {}, root)) << from << " " << size;
    EXPECT_FALSE(VerifyInclusion(root, from, size, many, root)) << from << " " << size;
    EXPECT_FALSE(VerifyConsistency(from, root, size, root, {})) << from << " " << size;
    EXPECT_FALSE(VerifyConsistency(from, root, size, root, many)) << from << " " << size;
  }
  EXPECT_FALSE(VerifyInclusion(root, kMax - 1, kMax, many, root));
  EXPECT_FALSE(VerifyConsistency(kMax - 1, root, kMax, root, many));
  EXPECT_FALSE(VerifyConsistency(3, root, 7, root, {}));
}

// Though the hashes come out right: the proof is one of another size.
TEST(MerkleTree, AProofHasTheLengthOfItsSizes) {
  const Hash a = LeafHash("a"), b = LeafHash("b"), c = LeafHash("c"), d = LeafHash("d"), ab = NodeHash(a, b), cd = NodeHash(c, d);
  const Hash x = LeafHash("x");
  EXPECT_FALSE(VerifyInclusion(a, 0, 1, std::vector{x}, NodeHash(x, a)));
  EXPECT_FALSE(VerifyInclusion(a, 0, 2, {}, a));
  const Hash old_root = NodeHash(ab, c), root = NodeHash(ab, cd);
  EXPECT_TRUE(VerifyConsistency(3, old_root, 4, root, std::vector{c, d, ab}));
  EXPECT_FALSE(VerifyConsistency(3, NodeHash(x, old_root), 4, NodeHash(x, root), std::vector{c, d, ab, x}));
  EXPECT_FALSE(VerifyConsistency(3, c, 4, cd, std::vector{c, d}));
}

// Whoever stores nodes is asked for perfect subtrees only, and for none with a leaf that is not in the tree yet.
TEST(MerkleTree, ProofsReadOnlyWhatNeverChanges) {
  const auto all = NumberLeaves(70);
  std::int64_t size = 0;
  std::size_t reads = 0;
  const ReadNode read = [&](int level, std::int64_t index) {
    EXPECT_LE((index + 1) << level, size) << level << " " << index;
    ++reads;
    return Mth(std::span(all).subspan(static_cast<std::size_t>(index << level), std::size_t{1} << level));
  };
  for (size = 1; size <= 70; ++size) {
    for (std::int64_t from = 0; from <= size; ++from) {
      if (from < size) {
        EXPECT_EQ(InclusionProof(from, size, read), InclusionProof(from, First(all, size)));
      }
      reads = 0;
      EXPECT_EQ(ConsistencyProof(from, size, read), ConsistencyProof(from, First(all, size)));
      EXPECT_LE(reads, 14u) << from << " in " << size;
    }
  }
}

}  // namespace
}  // namespace redpoints
