// Closed-loop load on one server: a number of calls in flight, for a number of calls. Prints nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Channel;
}

namespace redpoints::bench {

struct Result {
  double calls_per_second = 0;
  double p50_ms = 0, p99_ms = 0;
  std::int64_t failed = 0;
};

using Channels = std::vector<std::shared_ptr<grpc::Channel>>;  // a connection each

struct Identity {
  std::string certificate_pem, key_pem;
};

// Over mutual TLS, one for each identity, to a server whose certificate `authority_pem` issued. Throw if the server can't be
// reached.
Channels ConnectTls(const std::string& address, const std::string& authority_pem, const std::vector<Identity>& identities);
Channels ConnectPlaintext(const std::string& address);  // just one

enum class Call { kRedeem, kGetBalance };

// `in_flight` calls at any time, dealt evenly to the first `in_flight` channels, or to all if there are fewer.
// `member_of(i)` is the 会员号 (Redeem) or name (GetBalance) of the i-th call.
Result Run(const Channels& channels, Call call, int in_flight, std::int64_t calls,
           const std::function<std::string(std::int64_t)>& member_of);

// One AwardBatch after the other, each of `items` awards over `members`; awards per second.
Result RunBatches(const Channels& channels, int batches, int items, const std::vector<std::string>& members, std::int32_t day);

}  // namespace redpoints::bench
