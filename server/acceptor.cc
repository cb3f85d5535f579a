#include "server/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config.h"
#include "server/log.h"
#include "server/start_failure.h"

namespace redpoints::server {
namespace {

using std::chrono::steady_clock;
using Time = steady_clock::time_point;

constexpr int kLimitMin = 256;
constexpr int kLimitMax = 1 << 18;  // of what is counted: "unlimited" has an end, too
constexpr int kReserveMax = 4'096;
constexpr int kAcceptsAtOnce = 64;
constexpr int kSilentSeconds = 7;
constexpr std::chrono::milliseconds kPauseWithoutDescriptors{100};
constexpr std::chrono::milliseconds kSweepEvery{100};
constexpr std::chrono::seconds kLogEvery{10};

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kTlsHeader = 5;
constexpr std::uint8_t kTlsHandshake = 22;
constexpr int kTlsRecordMax = 16'384 + 256;

// An address and port of somebody who connected.
struct Peer {
  std::array<std::uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;

  bool operator==(const Peer&) const = default;

  // What is counted together: whoever has an IPv6 address has 2^64 of them.
  std::array<std::uint8_t, 16> Network() const {
    auto network = address;
    const bool is_v4 = std::all_of(address.begin(), address.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
    if (!is_v4) std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
    return network;
  }
};

std::optional<Peer> PeerFrom(const sockaddr_storage& from) {
  Peer peer;
  if (from.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &from, sizeof(v4));
    peer.address[10] = peer.address[11] = 0xFF;
    std::memcpy(peer.address.data() + 12, &v4.sin_addr, 4);
    peer.port = v4.sin_port;
    return peer;
  }
  if (from.ss_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6;
  std::memcpy(&v6, &from, sizeof(v6));
  std::memcpy(peer.address.data(), &v6.sin6_addr, 16);
  peer.port = v6.sin6_port;
  return peer;
}

std::optional<Peer> PeerOf(int fd) {
  sockaddr_storage from{};
  socklen_t size = sizeof(from);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&from), &size) != 0) return std::nullopt;
  return PeerFrom(from);
}

enum class Look { kWaiting, kReady, kWrong, kGone };

// What a connection has sent so far; nothing is taken from it.
Look LookAt(int fd, Acceptor::FirstBytes wanted) {
  std::array<std::uint8_t, 24> bytes;
  const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? Look::kWaiting : Look::kGone;
  if (size == 0) return Look::kGone;
  const auto count = static_cast<std::size_t>(size);
  if (wanted == Acceptor::FirstBytes::kHttp2) {
    if (std::memcmp(bytes.data(), kPreface.data(), std::min(count, kPreface.size())) != 0) return Look::kWrong;
    return count < kPreface.size() ? Look::kWaiting : Look::kReady;
  }
  if (bytes[0] != kTlsHandshake || (count > 1 && bytes[1] != 3)) return Look::kWrong;
  if (count < kTlsHeader) return Look::kWaiting;
  const int length = bytes[3] << 8 | bytes[4];
  if (length == 0 || length > kTlsRecordMax) return Look::kWrong;
  // Counted, not copied: whoever sends a byte at a time must not make us read the record as many times.
  int available = 0;
  if (::ioctl(fd, FIONREAD, &available) != 0) return Look::kGone;
  return available < static_cast<int>(kTlsHeader) + length ? Look::kWaiting : Look::kReady;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status ListenFailure(const std::string& address, int error) {
  const std::string detail = absl::StrCat(address, ": ", std::strerror(error));
  switch (error) {
    case EADDRINUSE: return StartRefused("PORT_IN_USE", detail);
    case EADDRNOTAVAIL: return StartRefused("ADDRESS_NOT_OURS", detail);
    case EACCES: return StartRefused("PORT_NOT_ALLOWED", detail);
    default: return StartRefused("LISTEN_FAILED", detail);
  }
}

// A socket that listens on the address. Port 0: on any; `port` is then the one chosen.
absl::StatusOr<Descriptor> ListenOn(const std::string& name, const std::string& host, int& port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  sockaddr* address = nullptr;
  socklen_t size = 0;
  if (is_v6) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr);
    address = reinterpret_cast<sockaddr*>(&v6);
    size = sizeof(v6);
  } else {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr);
    address = reinterpret_cast<sockaddr*>(&v4);
    size = sizeof(v4);
  }
  Descriptor listener(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1, off = 0;
  // "[::]" is every address of both kinds, whatever the system's default.
  if (listener.get() < 0 || ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      (is_v6 && ::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) ||
      ::bind(listener.get(), address, size) != 0 || ::listen(listener.get(), SOMAXCONN) != 0 ||
      ::getsockname(listener.get(), address, &size) != 0) {
    return ListenFailure(name, errno);
  }
  // Whoever sends nothing at all does not even become a descriptor, unless the system's queue overflows or the time is over.
  ::setsockopt(listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &kSilentSeconds, sizeof(kSilentSeconds));
  port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
  return listener;
}

}  // namespace

absl::StatusOr<DescriptorShare> ShareDescriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return StartRefused("DESCRIPTORS_TOO_FEW", std::strerror(errno));
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  // Where it can't be raised, what there is has to do.
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  const int count = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, kLimitMax));
  if (count < kLimitMin) {
    return StartRefused("DESCRIPTORS_TOO_FEW", absl::StrCat("the limit of open files is ", count, ", ", kLimitMin, " is the least"));
  }
  return DescriptorShare{.limit = count, .connections_end = count - std::min(count / 4, kReserveMax)};
}

int FreeDescriptorsBelow(int end) {
  int count = 0;
  for (int fd = 0; fd < end; ++fd) count += ::fcntl(fd, F_GETFD) == -1 ? 1 : 0;
  return count;
}

class Acceptor::Impl {
 public:
  explicit Impl(const Logger& log) : log_(log), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  absl::Status Listen(const std::vector<std::string>& addresses) {
    for (const std::string& text : addresses) {
      auto address = ParseListenAddress(text);
      if (!address.ok()) return StartRefused("LISTEN_FAILED", absl::StrCat(text, ": ", std::string(address.status().message())));
      int port = address->port;
      const bool is_localhost = address->host == "localhost";
      auto listener = ListenOn(text, is_localhost ? "127.0.0.1" : address->host, port);
      if (!listener.ok()) return listener.status();
      listeners_.push_back(*std::move(listener));
      ports_.push_back(port);
      if (!is_localhost) continue;
      // A machine without IPv6 has its localhost all the same.
      auto second = ListenOn(text, "::1", port);
      if (second.ok()) listeners_.push_back(*std::move(second));
    }
    return absl::OkStatus();
  }

  void Start(Options options, HandOver hand_over) {
    options_ = options;
    hand_over_ = std::move(hand_over);
    Watch(wake_.get(), EPOLLIN);
    for (const auto& listener : listeners_) Watch(listener.get(), EPOLLIN);
    thread_ = std::thread([this] { Run(); });
  }

  void Stop() {
    const std::lock_guard lock(stopping_);
    if (thread_.joinable()) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof(one));
      thread_.join();
    }
    listeners_.clear();
    for (const Waiting& waiting : waiting_) ::close(waiting.fd);
    waiting_.clear();
    waiting_of_.clear();
  }

  const std::vector<int>& ports() const { return ports_; }

 private:
  struct Waiting {
    int fd;
    Time until;
  };
  // The connections of one network.
  struct Network {
    std::unordered_set<int> fds;
    Time swept{};
  };
  // Those that were turned away since the last line of the log.
  struct Turned {
    std::int64_t reserve = 0, address = 0, evicted = 0, silent = 0, wrong = 0;
    bool Any() const { return reserve + address + evicted + silent + wrong > 0; }
  };

  void Watch(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void Run() {
    std::array<epoll_event, 128> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), Timeout(steady_clock::now()));
      const Time now = steady_clock::now();
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == wake_.get()) return;
        const bool is_listener = std::any_of(listeners_.begin(), listeners_.end(), [&](const auto& l) { return l.get() == event.data.fd; });
        if (is_listener) {
          Accept(event.data.fd, now);
        } else {
          OnBytes(event.data.fd, (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        }
      }
      while (!waiting_.empty() && waiting_.front().until <= now) {
        ++turned_.silent;
        Close(waiting_.front().fd);
      }
      if (paused_until_ != Time{} && paused_until_ <= now) {
        paused_until_ = {};
        for (const auto& listener : listeners_) Watch(listener.get(), EPOLLIN);
      }
      WriteTurned(now);
    }
  }

  int Timeout(Time now) const {
    Time next = Time::max();
    if (!waiting_.empty()) next = waiting_.front().until;
    if (paused_until_ != Time{}) next = std::min(next, paused_until_);
    if (turned_.Any()) next = std::min(next, logged_ + kLogEvery);
    if (next == Time::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void Accept(int listener, Time now) {
    for (int i = 0; i < kAcceptsAtOnce; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof(from);
      const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) return Pause(now);
      if (fd < 0) return;
      const auto peer = PeerFrom(from);
      if (!peer) {
        ::close(fd);
      } else if (fd >= options_.connections_end) {
        ++turned_.reserve;
        ::close(fd);
      } else if (!Count(fd, *peer, now)) {
        ++turned_.address;
        ::close(fd);
      } else {
        Wait(fd, now);
      }
    }
  }

  // Nothing can be accepted, and the queue stays readable: not to be asked again and again.
  void Pause(Time now) {
    for (const auto& each : listeners_) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, each.get(), nullptr);
    paused_until_ = now + kPauseWithoutDescriptors;
  }

  void Wait(int fd, Time now) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    waiting_of_[fd] = waiting_.insert(waiting_.end(), {fd, now + options_.patience});
    if (waiting_.size() > options_.waiting_max) {
      ++turned_.evicted;
      Close(waiting_.front().fd);
    }
    // By edges: bytes that are too few stay where they are, and must not wake us until more have come.
    Watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
  }

  void OnBytes(int fd, bool is_ended) {
    // An event that was fetched together with the one that closed it.
    const auto found = waiting_of_.find(fd);
    if (found == waiting_of_.end()) return;
    const Look look = LookAt(fd, options_.first_bytes);
    if (look == Look::kReady) {
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
      waiting_.erase(found->second);
      waiting_of_.erase(found);
      return hand_over_(fd);
    }
    if (look == Look::kWrong) ++turned_.wrong;
    if (look != Look::kWaiting || is_ended) Close(fd);
  }

  // Of one that waits.
  void Close(int fd) {
    const auto found = waiting_of_.find(fd);
    waiting_.erase(found->second);
    waiting_of_.erase(found);
    Forget(fd);
    ::close(fd);  // leaves epoll, too
  }

  // Counts a connection of its network; false when that has as many as it may. Who closes one after the hand-over does not tell us: that it
  // is gone shows when its number is another's, or by asking the system.
  bool Count(int fd, const Peer& peer, Time now) {
    Forget(fd);
    Network& network = networks_[peer.Network()];
    if (network.fds.size() >= options_.per_address_max && network.swept + kSweepEvery <= now) {
      network.swept = now;
      std::vector<int> gone;
      for (const int each : network.fds) {
        if (PeerOf(each) != peers_.at(each)) gone.push_back(each);
      }
      for (const int each : gone) {
        network.fds.erase(each);
        peers_.erase(each);
      }
    }
    if (network.fds.size() >= options_.per_address_max && !EvictFrom(network)) return false;
    network.fds.insert(fd);
    peers_[fd] = peer;
    return true;
  }

  // Closes the oldest of the network that still waits, so that whoever is silent keeps no neighbour out; false for none. The network stays,
  // even empty.
  bool EvictFrom(Network& network) {
    const auto oldest = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& each) { return network.fds.contains(each.fd); });
    if (oldest == waiting_.end()) return false;
    ++turned_.evicted;
    const int fd = oldest->fd;
    waiting_.erase(oldest);
    waiting_of_.erase(fd);
    network.fds.erase(fd);
    peers_.erase(fd);
    ::close(fd);
    return true;
  }

  void Forget(int fd) {
    const auto found = peers_.find(fd);
    if (found == peers_.end()) return;
    const auto network = networks_.find(found->second.Network());
    network->second.fds.erase(fd);
    if (network->second.fds.empty()) networks_.erase(network);
    peers_.erase(found);
  }

  // The first is told at once, all others together every ten seconds.
  void WriteTurned(Time now) {
    if (!turned_.Any() || (logged_ != Time{} && now < logged_ + kLogEvery)) return;
    log_.Write(LogLevel::kWarning, "connections_turned_away",
               {{"no_descriptor", turned_.reserve},
                {"too_many_of_address", turned_.address},
                {"too_many_waiting", turned_.evicted},
                {"silent", turned_.silent},
                {"not_ours", turned_.wrong}});
    turned_ = {};
    logged_ = now;
  }

  const Logger& log_;
  const Descriptor epoll_;
  const Descriptor wake_;
  std::vector<int> ports_;
  std::mutex stopping_;
  std::thread thread_;
  // Of the thread alone, once it runs.
  std::vector<Descriptor> listeners_;
  Options options_;
  HandOver hand_over_;
  std::list<Waiting> waiting_;  // oldest first
  std::unordered_map<int, std::list<Waiting>::iterator> waiting_of_;
  std::unordered_map<int, Peer> peers_;  // by descriptor, waiting or handed over; some are gone
  std::map<std::array<std::uint8_t, 16>, Network> networks_;
  Time paused_until_{};
  Turned turned_;
  Time logged_{};
};

Acceptor::Acceptor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Acceptor::~Acceptor() { Stop(); }

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(const std::vector<std::string>& addresses, const Logger& log) {
  auto impl = std::make_unique<Impl>(log);
  if (auto status = impl->Listen(addresses); !status.ok()) return status;
  return std::unique_ptr<Acceptor>(new Acceptor(std::move(impl)));
}

void Acceptor::Start(Options options, HandOver hand_over) { impl_->Start(options, std::move(hand_over)); }
void Acceptor::Stop() { impl_->Stop(); }
const std::vector<int>& Acceptor::ports() const { return impl_->ports(); }

}  // namespace redpoints::server
