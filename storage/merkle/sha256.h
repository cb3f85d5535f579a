// SHA-256 with OpenSSL: one fetched digest and contexts that are used again, since one-shot calls cost five times as much.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace redpoints {

using Hash = std::array<std::uint8_t, 32>;

// The hash of bytes that come in pieces. One thread.
class Sha256Stream {
 public:
  Sha256Stream();

  void Add(std::string_view bytes);
  // The hash of what was added since the last Finish; the stream then begins anew.
  Hash Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// The hash of `bytes`, by a stream of the calling thread. Any thread.
Hash Sha256(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);  // 64 lower-case hex digits
std::string Hex(const std::uint8_t* bytes, std::size_t size);

}  // namespace redpoints
