// A configuration that is taken can be served, and reads the same when it is written down again; what is wrong is said line by line.
#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "server/config.h"
#include "storage/rules/types.h"
#include "tests/fuzz/fuzz.h"

namespace redpoints::fuzz {

std::vector<std::string> Seeds() {
  const std::string tls = R"(tls { server_certificate_file: "a.crt" server_key_file: "a.key" client_ca_file: "ca.crt" } )";
  return {
      R"(shard { directory: "x" } )" + tls,
      R"(shard { directory: "x" program: "system" } shard { directory: "y" } listen: "[::1]:0" listen: "127.0.0.1:7443" )" + tls,
      R"(shard { directory: "x" } plaintext_loopback: true plaintext_caller: "programs/p/staff/a1" listen: "localhost:1" reflection: false)",
      R"(shard { directory: "x" } limits { max_message_bytes: 4096 queue_requests_max: 1 calls_per_second_max: 0.5 calls_burst_max: 1
         max_deadline_ms: 1000 max_stream_deadline_ms: 1000 streams_max: 1 sync_threads_max: 2 } log { level: DEBUG } drain_ms: 0 port_file: "p" )" +
          tls,
      "colour: \"red\"",
  };
}

void Look(std::string_view bytes) {
  const auto config = server::ParseConfig(bytes, "fuzz");
  if (!config.ok()) {
    RP_CHECK(absl::IsInvalidArgument(config.status()));
    RP_CHECK(std::string(config.status().message()).find("fuzz:") != std::string::npos);
    return;
  }
  RP_CHECK(config->shard_size() > 0 && config->listen_size() > 0);
  for (const auto& address : config->listen()) RP_CHECK(server::ParseListenAddress(address).ok());
  std::string text;
  RP_CHECK(google::protobuf::TextFormat::PrintToString(*config, &text));
  const auto again = server::ParseConfig(text, "again");
  RP_CHECK(again.ok() && again->SerializeAsString() == config->SerializeAsString());
}

}  // namespace redpoints::fuzz
