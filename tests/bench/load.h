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

enum class Call { kRedeem, kGetBalance };

// `member_of(i)` is the 会员号 (Redeem) or name (GetBalance) of the i-th call.
Result Run(const std::string& address, Call call, int in_flight, std::int64_t calls, const std::function<std::string(std::int64_t)>& member_of);

// One AwardBatch after the other, each of `items` awards over `members`; awards per second.
Result RunBatches(const std::string& address, int batches, int items, const std::vector<std::string>& members, std::int32_t day);

}  // namespace redpoints::bench
