#include "server/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "storage/start_failure.h"

namespace redpoints::server {
namespace {

constexpr char kTls[] = "tls { server_certificate_file: 'c' server_key_file: 'k' client_ca_file: 'a' }\n";
constexpr char kSmallest[] =
    "shard { directory: '/d' }\n"
    "tls { server_certificate_file: 'c' server_key_file: 'k' client_ca_file: 'a' }\n";

std::string ErrorOf(std::string_view text) {
  const auto config = ParseConfig(text, "test.conf");
  if (config.ok()) return "none";
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

TEST(Config, SmallestFileServesWithEveryDefault) {
  const auto config = ParseConfig(kSmallest, "test.conf");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->listen_size(), 1);
  EXPECT_EQ(config->listen(0), "127.0.0.1:7443");
  EXPECT_TRUE(config->reflection());
  EXPECT_FALSE(config->plaintext_loopback());
  EXPECT_EQ(config->limits().max_message_bytes(), 4 << 20);
  EXPECT_EQ(config->limits().queue_requests_max(), 4096);
  EXPECT_EQ(config->limits().calls_per_second_max(), 200);
  EXPECT_EQ(config->limits().calls_burst_max(), 400);
  EXPECT_EQ(config->limits().max_deadline_ms(), 30'000);
  EXPECT_EQ(config->limits().max_stream_deadline_ms(), 2'700'000);
  EXPECT_EQ(config->limits().streams_max(), 16);
  EXPECT_EQ(config->limits().sync_threads_max(), 32);
  EXPECT_EQ(config->log().level(), Log::INFO);
  EXPECT_EQ(config->drain_ms(), 5000);
  EXPECT_EQ(config->port_file(), "");
  EXPECT_EQ(config->side_state().directory(), "/side");
  EXPECT_EQ(config->side_state().key_file(), "/side.key");
}

TEST(Config, TheSideStateIsBesideTheFirstShardAndItsKeyInNoneOfTheDirectories) {
  const auto config = ParseConfig(std::string("shard { directory: '/var/lib/redpoints/0/' }\n") + kTls, "test.conf");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->side_state().directory(), "/var/lib/redpoints/side");
  EXPECT_EQ(config->side_state().key_file(), "/var/lib/redpoints/side.key");
  const auto with = [](const char* side) { return ErrorOf(std::string(kSmallest) + side); };
  EXPECT_EQ(with("side_state { directory: '/s' key_file: '/k' }"), "none");
  EXPECT_EQ(with("side_state { directory: '/s' key_file: '/s/k' }"),
            "test.conf:3:30: side_state.key_file: must not be in side_state.directory, is /s/k");
  EXPECT_EQ(with("side_state { key_file: '/d/x/../k' }"),
            "test.conf:3:14: side_state.key_file: must not be in the directory of shard[0], is /d/x/../k");
  EXPECT_EQ(with("side_state { directory: '/d/side' }"),
            "test.conf:3:14: side_state.directory: must be another than that of shard[0], is /d/side");
  EXPECT_EQ(with("backup_directory: '/b'\nside_state { key_file: '/b/k' }"),
            "test.conf:4:14: side_state.key_file: must not be in backup_directory, is /b/k");
  // What nobody wrote is looked at too.
  EXPECT_EQ(ErrorOf(std::string("shard { directory: '/x/side/' }\n") + kTls),
            "test.conf:1:1: side_state.directory: must be another than that of shard[0], is /x/side");
  EXPECT_EQ(ErrorOf(std::string("backup_directory: '/x'\nshard { directory: '/x/0' }\n") + kTls),
            "test.conf:1:1: side_state.key_file: must not be in backup_directory, is /x/side.key");
}

TEST(Config, FullFilePasses) {
  const auto config = ParseConfig(R"(
      # two disks
      shard { directory: "/a" program: "system" program: "kaiyuan" }
      shard { directory: "/b" }
      listen: "127.0.0.1:0"
      listen: "[::1]:0"
      listen: "localhost:7443"
      plaintext_loopback: true
      plaintext_caller: "programs/kaiyuan/merchants/s1/terminals/t1"
      reflection: false
      limits { max_message_bytes: 65536 calls_per_second_max: 0.5 streams_max: 1 sync_threads_max: 2 }
      log { level: DEBUG }
      drain_ms: 0
      port_file: "/run/redpoints/port"
    )",
                                  "test.conf");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->shard(0).program_size(), 2);
  EXPECT_EQ(config->listen_size(), 3);
  EXPECT_EQ(config->limits().queue_requests_max(), 4096);
  EXPECT_EQ(config->log().level(), Log::DEBUG);
}

TEST(Config, ErrorOfFormHasItsPlace) {
  EXPECT_EQ(ErrorOf("shard {\n  directory: '/d'\n  speed: 9\n}"),
            "test.conf:3:8: Message type \"redpoints.server.Shard\" has no field named \"speed\".");
  EXPECT_EQ(ErrorOf("\n drain_ms: fast"), "test.conf:2:12: Expected integer, got: fast");
  EXPECT_TRUE(ErrorOf("drain_ms: 1 drain_ms: 2").starts_with("test.conf:1:")) << ErrorOf("drain_ms: 1 drain_ms: 2");
  EXPECT_TRUE(ErrorOf("shard { directory: '/d").starts_with("test.conf:1:")) << ErrorOf("shard { directory: '/d");
  EXPECT_TRUE(ErrorOf("log { level: LOUD }").starts_with("test.conf:1:19: ")) << ErrorOf("log { level: LOUD }");
  EXPECT_TRUE(ErrorOf("limits { queue_requests_max: 99999999999 }").starts_with("test.conf:1:30: "));
  EXPECT_NE(ErrorOf("[type.googleapis.com/x.Y] { }"), "none");
}

TEST(Config, ErrorOfMeaningHasItsPlaceAndNamesTheField) {
  const struct {
    std::string text;
    std::string error;
  } kRows[] = {
      {kTls, "test.conf:1:1: shard: is required: where shall the ledgers be?"},
      {std::string("shard {\n}\n") + kTls, "test.conf:1:1: shard[0].directory: is required"},
      {std::string("shard { directory: '/d' }\nshard { directory: '/d/.' program: 'p' }\n") + kTls,
       "test.conf:2:9: shard[1].directory: is that of shard[0]"},
      {std::string("shard { directory: '/d' }\nshard { directory: '/e' }\n") + kTls,
       "test.conf:2:1: shard[1].program: is required: shard[0] takes all other programs"},
      {std::string("shard { directory: '/d' program: 'p' }\n") + kTls,
       "test.conf:1:1: shard[0]: one shard must name no program and so take all others"},
      {std::string("shard { directory: '/d' }\nshard { directory: '/e' program: 'P' }\n") + kTls,
       "test.conf:2:25: shard[1].program[0]: must be 1 to 32 of [a-z0-9-], letter first"},
      {std::string("shard { directory: '/d' }\nshard { directory: '/e' program: 'p' program: 'p' }\n") + kTls,
       "test.conf:2:38: shard[1].program[1]: is in shard[1] already"},
      {std::string(kSmallest) + "listen: 'example.org:1'",
       "test.conf:3:1: listen[0]: must be \"address:port\" with an IPv4 address, \"[IPv6]\" or \"localhost\""},
      {std::string(kSmallest) + "listen: '127.0.0.1:65536'", "test.conf:3:1: listen[0]: the port must be 0 to 65535"},
      {std::string(kSmallest) + "listen: '127.0.0.1:1'\nlisten: '127.0.0.1:1'", "test.conf:4:1: listen[1]: is there twice"},
      {"shard { directory: '/d' }", "test.conf:1:1: tls: is required without plaintext_loopback"},
      {"shard { directory: '/d' }\ntls { server_certificate_file: 'c' server_key_file: 'k' }",
       "test.conf:2:1: tls.client_ca_file: is required"},
      {std::string(kSmallest) + "plaintext_caller: 'programs/p/staff/a'",
       "test.conf:3:1: plaintext_caller: must be absent without plaintext_loopback"},
      {std::string(kSmallest) + "plaintext_loopback: true plaintext_caller: 'programs/p/staff/a'",
       "test.conf:2:1: tls: must be absent with plaintext_loopback"},
      {"shard { directory: '/d' } plaintext_loopback: true\nplaintext_caller: 'programs/p'",
       "test.conf:2:1: plaintext_caller: must be the resource name of a terminal, staff person or member with plaintext_loopback"},
      {"shard { directory: '/d' } plaintext_loopback: true plaintext_caller: 'programs/p/staff/a'\nlisten: '127.0.0.1:0'\n"
       "listen: '0.0.0.0:0'",
       "test.conf:3:1: listen[1]: must be loopback with plaintext_loopback"},
      {std::string(kSmallest) + "limits { max_message_bytes: 1 }",
       "test.conf:3:10: limits.max_message_bytes: must be 4096 to 67108864, is 1"},
      {std::string(kSmallest) + "limits { queue_requests_max: 0 }",
       "test.conf:3:10: limits.queue_requests_max: must be 1 to 1000000, is 0"},
      {std::string(kSmallest) + "limits { calls_per_second_max: 0 }",
       "test.conf:3:10: limits.calls_per_second_max: must be above 0, to 1000000"},
      {std::string(kSmallest) + "limits { calls_per_second_max: nan }",
       "test.conf:3:10: limits.calls_per_second_max: must be above 0, to 1000000"},
      {std::string(kSmallest) + "limits { calls_burst_max: -1 }", "test.conf:3:10: limits.calls_burst_max: must be 1 to 1000000, is -1"},
      {std::string(kSmallest) + "limits { max_deadline_ms: 999 }",
       "test.conf:3:10: limits.max_deadline_ms: must be 1000 to 600000, is 999"},
      {std::string(kSmallest) + "limits { max_stream_deadline_ms: 999 }",
       "test.conf:3:10: limits.max_stream_deadline_ms: must be 1000 to 86400000, is 999"},
      {std::string(kSmallest) + "limits { streams_max: 0 }", "test.conf:3:10: limits.streams_max: must be 1 to 1000, is 0"},
      {std::string(kSmallest) + "limits { streams_max: 32 }",
       "test.conf:3:1: limits.sync_threads_max: must be above streams_max, or streams would stop all other reading"},
      {std::string(kSmallest) + "log { level: LEVEL_UNSPECIFIED }", "test.conf:3:7: log.level: must be DEBUG, INFO, WARNING or ERROR"},
      {std::string(kSmallest) + "drain_ms: -1", "test.conf:3:1: drain_ms: must be 0 to 600000, is -1"},
      {std::string(kSmallest) + "port_file: 'a\\000b'", "test.conf:3:1: port_file: is no path"},
  };
  for (const auto& row : kRows) EXPECT_EQ(ErrorOf(row.text), row.error) << row.text;
}

TEST(Config, AllProblemsComeAtOnceUpToABound) {
  EXPECT_EQ(ErrorOf("drain_ms: -1\nlimits { streams_max: 0 }"),
            "test.conf:1:1: shard: is required: where shall the ledgers be?\n"
            "test.conf:1:1: tls: is required without plaintext_loopback\n"
            "test.conf:2:10: limits.streams_max: must be 1 to 1000, is 0\n"
            "test.conf:1:1: drain_ms: must be 0 to 600000, is -1");
  std::string many;
  for (int i = 0; i < 60; ++i) many += "shard { directory: '/d' }\n";
  const std::string errors = ErrorOf(many);
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 19);
}

TEST(Config, LoopbackIsKnownInEachForm) {
  for (const char* text : {"127.0.0.1:0", "127.255.0.3:65535", "[::1]:1", "localhost:7443"}) {
    const auto address = ParseListenAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_TRUE(address->is_loopback) << text;
  }
  for (const char* text : {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "[2001:db8::1]:1", "192.168.1.10:443"}) {
    const auto address = ParseListenAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_FALSE(address->is_loopback) << text;
  }
  for (const char* text : {"", ":", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-0", "127.0.0.1:+1", "127.1:1", "::1:1",
                           "[::1]", "[]:1", "[127.0.0.1]:1", "localhost.example:1", "unix:/tmp/x", "127.0.0.1:1 ", " 127.0.0.1:1"}) {
    EXPECT_FALSE(ParseListenAddress(text).ok()) << text;
  }
  EXPECT_EQ(ParseListenAddress("[::1]:80")->host, "::1");
  EXPECT_EQ(ParseListenAddress("[::1]:80")->port, 80);
  EXPECT_FALSE(ParseListenAddress(std::string_view("127.0.0.1\0x:1", 13)).ok());
}

TEST(Config, FileIsReadAndNamedInItsErrors) {
  const std::string directory = testing::TempDir() + "/config_test." + std::to_string(getpid());
  std::filesystem::create_directory(directory);
  const std::string path = directory + "/redpointsd.conf";
  std::ofstream(path) << kSmallest;
  EXPECT_TRUE(LoadConfig(path).ok());
  std::ofstream(path) << "x: 1";
  EXPECT_TRUE(LoadConfig(path).status().message().find("redpointsd.conf:1:2: ") != absl::string_view::npos) << LoadConfig(path).status();
  std::ofstream(path) << std::string((1 << 20) + 1, ' ');
  EXPECT_NE(std::string(LoadConfig(path).status().message()).find("longer than"), std::string::npos);
  EXPECT_EQ(StartFailureId(LoadConfig(directory + "/absent").status()), "CONFIG_UNREADABLE");
  EXPECT_EQ(StartFailureId(LoadConfig(directory).status()), "CONFIG_UNREADABLE");
  std::filesystem::remove_all(directory);
}

// Damage of any kind gives a configuration or an error, never a crash; what passes passes again when printed.
TEST(Config, DamagedTextNeverCrashes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string whole = std::string(kSmallest) +
                            "listen: '[::1]:0' limits { streams_max: 3 calls_per_second_max: 1e3 } log { level: INFO } drain_ms: 1 "
                            "port_file: 'p' shard { directory: 'e' program: ['p', 'q'] }";
  constexpr std::string_view kPieces = "{}[]<>'\":,;#\n\\x00\\777-.e9 \xFF";
  ASSERT_TRUE(ParseConfig(whole, "x").ok());
  for (int round = 0; round < 5'000; ++round) {
    std::string text = whole;
    for (unsigned damage = random() % 4; damage < 4; ++damage) {
      const std::size_t at = random() % text.size();
      if (random() % 2) {
        text[at] = kPieces[random() % kPieces.size()];
      } else {
        text.erase(at, random() % 8);
        if (text.empty()) text = " ";
      }
    }
    const auto config = ParseConfig(text, "x");
    if (config.ok()) {
      EXPECT_TRUE(ParseConfig(config->DebugString(), "x").ok()) << text;
    } else {
      EXPECT_FALSE(config.status().message().empty()) << text;
    }
  }
  EXPECT_FALSE(ParseConfig(std::string(100'000, '{'), "x").ok());
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "shard {";
  EXPECT_FALSE(ParseConfig(deep, "x").ok());
}

}  // namespace
}  // namespace redpoints::server
