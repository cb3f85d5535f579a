#include "server/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/log.h"
#include "server/start_failure.h"

namespace redpoints::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A whole first record of TLS, as far as anybody looks.
const std::string kRecord = std::string("\x16\x03\x01\x01\x00", 5) + std::string(256, 'h');
const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Somebody who connects.
class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    EXPECT_EQ(::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Client(const Client&) = delete;
  ~Client() { Close(); }

  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Does nothing where the other side has closed.
  void Send(const std::string& bytes) { [[maybe_unused]] const ssize_t ignored = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Waits for the other side's end.
  bool IsClosed() {
    char byte;
    const ssize_t size = ::recv(fd_, &byte, 1, 0);
    return size == 0 || (size < 0 && errno == ECONNRESET);
  }
  bool IsOpenNow() {
    char byte;
    return ::recv(fd_, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

 private:
  int fd_;
};

class AcceptorTest : public testing::Test {
 protected:
  ~AcceptorTest() override {
    acceptor_.reset();
    for (const int fd : taken_) ::close(fd);
    for (const int fd : files_) ::close(fd);
    ::close(log_fd_);
  }

  void Start(Acceptor::Options options) {
    if (options.connections_end == 0) options.connections_end = 10'000;
    acceptor_ = Acceptor::Listen({"127.0.0.1:0"}, log_).value();
    acceptor_->Start(options, [this](int fd) {
      const std::lock_guard lock(mutex_);
      taken_.push_back(fd);
      changed_.notify_all();
    });
  }
  Client Connect() { return Client(acceptor_->ports().front()); }
  // Who sent too little; without a byte the system would keep it from the acceptor.
  Client ConnectSlow() {
    Client client = Connect();
    client.Send("\x16");
    return client;
  }

  // Waits until so many have been handed over.
  bool Taken(std::size_t count, milliseconds wait = seconds(20)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, wait, [&] { return taken_.size() >= count; });
  }
  // As a till that comes again until it is heard; whether it was.
  bool IsHeard(std::size_t taken_before) {
    const auto until = std::chrono::steady_clock::now() + seconds(20);
    while (std::chrono::steady_clock::now() < until) {
      settled_.push_back(Connect());
      settled_.back().Send(kRecord);
      if (Taken(taken_before + 1, milliseconds(20))) return true;
      settled_.pop_back();
    }
    return false;
  }
  // As gRPC closes a connection that has ended, and the ledger opens a file with its number.
  void CloseTaken(std::size_t index) {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(::dup2(log_fd_, taken_[index]), taken_[index]);
    files_.push_back(taken_[index]);
    taken_.erase(taken_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  // Who comes after all others has been looked at after them.
  void Settle(std::size_t taken_before) {
    Client last = Connect();
    last.Send(kRecord);
    EXPECT_TRUE(Taken(taken_before + 1));
    settled_.push_back(std::move(last));
  }

  std::string Log() const {
    std::string text(static_cast<std::size_t>(lseek(log_fd_, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(log_fd_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  const int log_fd_ = memfd_create("log", 0);
  Logger log_{LogLevel::kInfo, log_fd_};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> taken_;
  std::vector<int> files_;
  std::vector<Client> settled_;
  std::unique_ptr<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, AConnectionIsHandedOverWithItsFirstRecordUnread) {
  Start({.waiting_max = 8, .per_address_max = 8});
  Client client = Connect();
  client.Send(kRecord);
  ASSERT_TRUE(Taken(1));
  std::string bytes(1000, '\0');
  EXPECT_EQ(::recv(taken_[0], bytes.data(), bytes.size(), 0), static_cast<ssize_t>(kRecord.size()));
  EXPECT_EQ(bytes.substr(0, kRecord.size()), kRecord);
  EXPECT_NE(::fcntl(taken_[0], F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(taken_[0], F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(AcceptorTest, ARecordThatComesByteByByteIsHandedOverWhenItIsWhole) {
  Start({.waiting_max = 8, .per_address_max = 8});
  Client client = Connect();
  for (const char byte : kRecord.substr(0, kRecord.size() - 1)) client.Send(std::string(1, byte));
  Settle(0);
  EXPECT_EQ(taken_.size(), 1U);  // the one that settles
  EXPECT_TRUE(client.IsOpenNow());
  client.Send(kRecord.substr(kRecord.size() - 1));
  EXPECT_TRUE(Taken(2));
}

TEST_F(AcceptorTest, PlaintextWaitsForThePrefaceOfHttp2) {
  Start({.first_bytes = Acceptor::FirstBytes::kHttp2, .waiting_max = 8, .per_address_max = 8});
  Client wrong = Connect();
  wrong.Send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(wrong.IsClosed());
  Client right = Connect();
  right.Send(kPreface.substr(0, 10));
  EXPECT_TRUE(right.IsOpenNow());
  right.Send(kPreface.substr(10));
  EXPECT_TRUE(Taken(1));
}

TEST_F(AcceptorTest, WhatIsNoTlsIsClosedAtOnce) {
  Start({.waiting_max = 8, .per_address_max = 8});
  for (const std::string& bytes : {std::string("GET"), std::string("\x16\x02", 2), std::string("\x16\x03\x01\x00\x00", 5),
                                   std::string("\x16\x03\x01\xFF\xFF", 5), std::string("\x15\x03\x01", 3)}) {
    Client client = Connect();
    client.Send(bytes);
    EXPECT_TRUE(client.IsClosed());
  }
  EXPECT_TRUE(taken_.empty());
}

TEST_F(AcceptorTest, WhoeverIsSilentOrTooSlowIsClosedInTime) {
  Start({.waiting_max = 8, .per_address_max = 8, .patience = milliseconds(50)});
  Client silent = ConnectSlow();
  Client slow = Connect();
  slow.Send(kRecord.substr(0, 100));
  EXPECT_TRUE(silent.IsClosed());
  EXPECT_TRUE(slow.IsClosed());
}

TEST_F(AcceptorTest, TheOldestOfTooManyWaitingGoes) {
  Start({.waiting_max = 3, .per_address_max = 100});
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(ConnectSlow());
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(clients[i].IsClosed()) << i;
  for (std::size_t i = 2; i < 5; ++i) EXPECT_TRUE(clients[i].IsOpenNow()) << i;
  for (std::size_t i = 2; i < 5; ++i) clients[i].Send(kRecord.substr(1));
  EXPECT_TRUE(Taken(3));
}

TEST_F(AcceptorTest, ANumberOfTheReserveIsNoConnections) {
  Start({.connections_end = 3, .waiting_max = 8, .per_address_max = 8});  // no free number is as low
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ConnectSlow().IsClosed());
  acceptor_->Stop();
  // One line for the first, and not yet another.
  EXPECT_EQ(Log().find(R"("event":"connections_turned_away","no_descriptor":)"), Log().rfind("\"event\""));
}

TEST_F(AcceptorTest, OneAddressHasItsShareAndGetsBackWhatItGivesUp) {
  Start({.waiting_max = 8, .per_address_max = 3});
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Connect());
    clients.back().Send(kRecord);
  }
  ASSERT_TRUE(Taken(3));
  EXPECT_TRUE(ConnectSlow().IsClosed());
  // Nobody tells the acceptor that one has ended; it finds out when somebody else needs the place.
  CloseTaken(0);
  EXPECT_TRUE(IsHeard(2));
  EXPECT_TRUE(ConnectSlow().IsClosed());
}

TEST_F(AcceptorTest, SilentNeighboursKeepNobodyOut) {
  Start({.waiting_max = 100, .per_address_max = 3});
  Client taken = Connect();
  taken.Send(kRecord);
  ASSERT_TRUE(Taken(1));
  std::vector<Client> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(ConnectSlow());
  Client till = Connect();
  till.Send(kRecord);
  EXPECT_TRUE(Taken(2));
  EXPECT_TRUE(silent.front().IsClosed());
  EXPECT_TRUE(taken.IsOpenNow());
}

TEST_F(AcceptorTest, WhoeverSendsNothingTakesNoPlace) {
  Start({.waiting_max = 2, .per_address_max = 2});
  std::vector<Client> bare;
  for (int i = 0; i < 200; ++i) bare.push_back(Connect());
  Client till = Connect();
  till.Send(kRecord);
  EXPECT_TRUE(Taken(1));
  for (Client& each : bare) EXPECT_TRUE(each.IsOpenNow());
}

TEST_F(AcceptorTest, WhoeverGoesBeforeTheFirstBytesLeavesNothing) {
  Start({.waiting_max = 2, .per_address_max = 2});
  for (int i = 0; i < 50; ++i) ConnectSlow().Close();
  EXPECT_TRUE(IsHeard(0));
}

TEST_F(AcceptorTest, StopClosesWhoeverWaitsAndListensNoMore) {
  Start({.waiting_max = 8, .per_address_max = 8});
  Client waiting = ConnectSlow();
  Client taken = Connect();
  taken.Send(kRecord);
  ASSERT_TRUE(Taken(1));
  acceptor_->Stop();
  EXPECT_TRUE(waiting.IsClosed());
  EXPECT_TRUE(taken.IsOpenNow());
  acceptor_->Stop();
  EXPECT_TRUE(Acceptor::Listen({"127.0.0.1:" + std::to_string(acceptor_->ports().front())}, log_).ok());
}

TEST_F(AcceptorTest, LocalhostIsBothOfLoopbackOnOnePort) {
  auto acceptor = Acceptor::Listen({"localhost:0", "127.0.0.1:0"}, log_);
  ASSERT_TRUE(acceptor.ok()) << acceptor.status();
  const auto& ports = (*acceptor)->ports();
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_NE(ports[0], ports[1]);
  EXPECT_EQ(StartFailureOf(Acceptor::Listen({"127.0.0.1:" + std::to_string(ports[0])}, log_).status())->id, std::string("PORT_IN_USE"));
}

// In a process of its own, whose limit it is.
int InChild(const std::function<bool()>& test) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(test() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(Descriptors, TheSoftLimitIsRaisedAndAQuarterKeptBack) {
  EXPECT_EQ(InChild([] {
              const rlimit limit{.rlim_cur = 300, .rlim_max = 1000};
              if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
              const auto share = ShareDescriptors();
              rlimit now{};
              ::getrlimit(RLIMIT_NOFILE, &now);
              return share.ok() && share->limit == 1000 && share->connections_end == 750 && now.rlim_cur == 1000;
            }),
            0);
  EXPECT_EQ(InChild([] {
              const rlimit limit{.rlim_cur = 255, .rlim_max = 255};
              return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && !ShareDescriptors().ok();
            }),
            0);
}

TEST(Descriptors, FreeNumbersAreCounted) {
  const int before = FreeDescriptorsBelow(200);
  const int fd = ::dup(2);
  EXPECT_EQ(FreeDescriptorsBelow(200), before - 1);
  ::close(fd);
}

}  // namespace
}  // namespace redpoints::server
