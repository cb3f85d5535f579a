#include "tests/bench/load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "redpoints/v1/account_service.grpc.pb.h"
#include "redpoints/v1/award_service.grpc.pb.h"
#include "redpoints/v1/redemption_service.grpc.pb.h"

namespace redpoints::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::shared_ptr<grpc::Channel> Connect(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else equal channels share one connection
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

void WaitForAll(const Channels& channels) {
  for (const auto& channel : channels) channel->GetState(/*try_to_connect=*/true);
  for (const auto& channel : channels) {
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20))) throw std::runtime_error("can't connect");
  }
}

// Random enough to be unique, and cheap.
std::string NewUuid() {
  static std::uint64_t state = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
  const auto next = [] {
    state += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  };
  char text[40];
  const std::uint64_t a = next(), b = next();
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-a%03x-%012llx", static_cast<unsigned>(a >> 32), static_cast<unsigned>(a >> 16 & 0xFFFF),
                static_cast<unsigned>(a & 0xFFF), static_cast<unsigned>(b >> 52), static_cast<unsigned long long>(b & 0xFFFFFFFFFFFF));
  return text;
}

template <class Response> struct Pending {
  grpc::ClientContext context;
  Response response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
  Clock::time_point begin;
  int slot = 0;
};

template <class Response, class Start> Result Loop(int in_flight, std::int64_t calls, const Start& start) {
  grpc::CompletionQueue queue;
  std::vector<double> latencies;
  latencies.reserve(static_cast<std::size_t>(calls));
  std::int64_t begun = 0, failed = 0;
  const auto begin_one = [&](int slot) {
    auto* pending = new Pending<Response>;
    pending->slot = slot;
    pending->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    pending->begin = Clock::now();
    pending->reader = start(slot, &pending->context, &queue, begun++);
    pending->reader->Finish(&pending->response, &pending->status, pending);
  };
  const auto begin = Clock::now();
  for (int i = 0; i < in_flight && begun < calls; ++i) begin_one(i);
  for (std::int64_t done = 0; done < calls; ++done) {
    void* tag = nullptr;
    bool is_ok = false;
    if (!queue.Next(&tag, &is_ok)) break;
    auto* pending = static_cast<Pending<Response>*>(tag);
    if (!pending->status.ok()) {
      if (failed++ == 0) std::fprintf(stderr, "first failure: %s\n", pending->status.error_message().c_str());
    }
    latencies.push_back(std::chrono::duration<double, std::milli>(Clock::now() - pending->begin).count());
    const int slot = pending->slot;
    delete pending;
    if (begun < calls) begin_one(slot);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  queue.Shutdown();
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double q) {
    return latencies.empty() ? 0 : latencies[static_cast<std::size_t>(q * static_cast<double>(latencies.size() - 1))];
  };
  return {static_cast<double>(calls - failed) / seconds, at(0.5), at(0.99), failed};
}

template <class Service> auto Stubs(const Channels& channels) {
  std::vector<std::unique_ptr<typename Service::Stub>> stubs;
  for (const auto& channel : channels) stubs.push_back(Service::NewStub(channel));
  return stubs;
}

}  // namespace

Channels ConnectTls(const std::string& address, const std::string& authority_pem, const std::vector<Identity>& identities) {
  Channels channels;
  for (const Identity& identity : identities) {
    channels.push_back(Connect(
        address, grpc::SslCredentials(
                     {.pem_root_certs = authority_pem, .pem_private_key = identity.key_pem, .pem_cert_chain = identity.certificate_pem})));
  }
  WaitForAll(channels);
  return channels;
}

Channels ConnectPlaintext(const std::string& address) {
  const Channels channels = {Connect(address, grpc::InsecureChannelCredentials())};
  WaitForAll(channels);
  return channels;
}

Result Run(const Channels& channels, Call call, int in_flight, std::int64_t calls,
           const std::function<std::string(std::int64_t)>& member_of) {
  if (call == Call::kGetBalance) {
    const auto stubs = Stubs<v1::AccountService>(channels);
    return Loop<v1::GetBalanceResponse>(
        in_flight, calls, [&](int slot, grpc::ClientContext* context, grpc::CompletionQueue* queue, std::int64_t i) {
          v1::GetBalanceRequest request;
          request.set_member(member_of(i));
          return stubs[static_cast<std::size_t>(slot) % stubs.size()]->AsyncGetBalance(context, request, queue);
        });
  }
  const auto stubs = Stubs<v1::RedemptionService>(channels);
  return Loop<v1::RedeemResponse>(in_flight, calls,
                                  [&](int slot, grpc::ClientContext* context, grpc::CompletionQueue* queue, std::int64_t i) {
                                    v1::RedeemRequest request;
                                    request.set_program("programs/bench");
                                    request.set_request_id(NewUuid());
                                    request.mutable_presentation()->set_member_number(member_of(i));
                                    request.set_clerk("c1");
                                    request.set_till_number("20240101-0001");
                                    auto& line = *request.add_offer_lines();
                                    line.set_offer("ANY");
                                    line.set_quantity(1);
                                    line.set_points(1);
                                    return stubs[static_cast<std::size_t>(slot) % stubs.size()]->AsyncRedeem(context, request, queue);
                                  });
}

Result RunBatches(const Channels& channels, int batches, int items, const std::vector<std::string>& members, std::int32_t day) {
  const auto stubs = Stubs<v1::AwardService>(channels);
  std::vector<v1::AwardBatchRequest> requests(static_cast<std::size_t>(batches));
  std::size_t member = 0;
  for (auto& request : requests) {
    request.set_program("programs/bench");
    request.set_request_id(NewUuid());
    for (int i = 0; i < items; ++i) {
      auto& item = *request.add_items();
      item.set_member(members[member++ % members.size()]);
      item.set_activity("HELP");
      item.set_quantity(1);
      item.set_effective_day(day);
      item.set_group(v1::RESIDENTS);
    }
  }
  // Two in flight, as a client that prepares the next chunk while one is decided.
  std::size_t next = 0;
  Result result =
      Loop<v1::AwardBatchResponse>(2, batches, [&](int slot, grpc::ClientContext* context, grpc::CompletionQueue* queue, std::int64_t) {
        return stubs[static_cast<std::size_t>(slot) % stubs.size()]->AsyncAwardBatch(context, requests[next++], queue);
      });
  result.calls_per_second *= items;
  return result;
}

}  // namespace redpoints::bench
