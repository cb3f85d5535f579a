#include "server/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "proto/contract/names.h"
#include "server/principal.h"
#include "server/start_failure.h"
#include "storage/start_failure.h"

namespace redpoints::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr std::size_t kErrorsMax = 20;
constexpr char kDefaultListen[] = "127.0.0.1:7443";
// As deep as Config is, with some room.
constexpr int kDepthMax = 8;

// Gathers "name:line:col: message". Lines and columns come from 0, people count from 1.
class Problems final : public google::protobuf::io::ErrorCollector {
 public:
  explicit Problems(std::string_view name) : name_(name) {}

  void AddError(int line, int column, const std::string& message) override {
    if (++count_ > kErrorsMax) return;
    if (!text_.empty()) text_ += '\n';
    absl::StrAppend(&text_, name_, ":", line + 1, ":", column + 1, ": ", message);
  }
  void AddWarning(int line, int column, const std::string& message) override { AddError(line, column, message); }

  absl::Status status() const {
    return count_ == 0 ? absl::OkStatus() : WithStartFailure(absl::InvalidArgumentError(text_), "CONFIG_INVALID");
  }

 private:
  const std::string name_;
  std::string text_;
  std::size_t count_ = 0;
};

// One message of the file with the places of its fields.
struct Part {
  const Message& message;
  const TextFormat::ParseInfoTree* tree;  // null for a message that the file doesn't have
  std::string path;                       // "limits."
  int line = 0;                           // where the message is
  int column = 0;
};

class Checker {
 public:
  explicit Checker(Problems& problems) : problems_(problems) {}

  // The problem is reported at the field, or at its message where the file doesn't have the field.
  void Add(const Part& part, std::string_view field, int index, std::string_view message) {
    int line = part.line;
    int column = part.column;
    const FieldDescriptor* descriptor = part.message.GetDescriptor()->FindFieldByName(std::string(field));
    if (part.tree != nullptr && descriptor->is_repeated() == (index >= 0)) {
      const auto place = part.tree->GetLocation(descriptor, index);
      if (place.line >= 0) {
        line = place.line;
        column = place.column;
      }
    }
    const std::string at = index < 0 ? "" : absl::StrCat("[", index, "]");
    problems_.AddError(line, column, absl::StrCat(part.path, std::string(field), at, ": ", std::string(message)));
  }

  // A message inside `parent`; index −1 for one that is not repeated.
  static Part Inside(const Part& parent, std::string_view field, int index, const Message& message) {
    const FieldDescriptor* descriptor = parent.message.GetDescriptor()->FindFieldByName(std::string(field));
    const std::string at = index < 0 ? "" : absl::StrCat("[", index, "]");
    Part part{.message = message, .tree = nullptr, .path = absl::StrCat(parent.path, std::string(field), at, ".")};
    if (parent.tree != nullptr) {
      part.tree = parent.tree->GetTreeForNested(descriptor, index);
      const auto place = parent.tree->GetLocation(descriptor, index);
      part.line = std::max(place.line, 0);
      part.column = std::max(place.column, 0);
    }
    return part;
  }

  void Range(const Part& part, std::string_view field, std::int64_t value, std::int64_t min, std::int64_t max) {
    if (value < min || value > max) Add(part, field, -1, absl::StrCat("must be ", min, " to ", max, ", is ", value));
  }

  void Required(const Part& part, std::string_view field, const std::string& value) {
    if (value.empty()) {
      Add(part, field, -1, "is required");
    } else {
      Path(part, field, value);
    }
  }

  void Path(const Part& part, std::string_view field, const std::string& value) {
    if (value.find('\0') != std::string::npos) Add(part, field, -1, "is no path");
  }

 private:
  Problems& problems_;
};

void CheckShards(Checker& checker, const Part& root, const Config& config) {
  if (config.shard().empty()) checker.Add(root, "shard", -1, "is required: where shall the ledgers be?");
  if (config.shard_size() > 64) checker.Add(root, "shard", 64, "there may be 64 at most");
  std::map<std::string, int> directories;
  std::map<std::string, int> programs;
  int default_shard = -1;
  for (int i = 0; i < config.shard_size() && i < 64; ++i) {
    const Shard& shard = config.shard(i);
    const Part part = Checker::Inside(root, "shard", i, shard);
    checker.Required(part, "directory", shard.directory());
    std::string directory = std::filesystem::path(shard.directory()).lexically_normal().string();
    if (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    if (const auto [other, is_new] = directories.emplace(directory, i); !is_new) {
      checker.Add(part, "directory", -1, absl::StrCat("is that of shard[", other->second, "]"));
    }
    if (shard.program().empty()) {
      if (default_shard >= 0) {
        checker.Add(part, "program", -1, absl::StrCat("is required: shard[", default_shard, "] takes all other programs"));
      } else {
        default_shard = i;
      }
    }
    for (int p = 0; p < shard.program_size(); ++p) {
      if (!IsProgramId(shard.program(p))) {
        checker.Add(part, "program", p, "must be 1 to 32 of [a-z0-9-], letter first");
      } else if (const auto [other, is_new] = programs.emplace(shard.program(p), i); !is_new) {
        checker.Add(part, "program", p, absl::StrCat("is in shard[", other->second, "] already"));
      }
    }
  }
  if (!config.shard().empty() && default_shard < 0) {
    checker.Add(root, "shard", 0, "one shard must name no program and so take all others");
  }
}

void CheckListen(Checker& checker, const Part& root, const Config& config) {
  if (config.listen_size() > 16) checker.Add(root, "listen", 16, "there may be 16 at most");
  std::set<std::string> seen;
  for (int i = 0; i < config.listen_size() && i < 16; ++i) {
    const auto address = ParseListenAddress(config.listen(i));
    if (!address.ok()) {
      checker.Add(root, "listen", i, std::string(address.status().message()));
      continue;
    }
    if (config.plaintext_loopback() && !address->is_loopback) {
      checker.Add(root, "listen", i, "must be loopback with plaintext_loopback");
    }
    if (address->port != 0 && !seen.insert(config.listen(i)).second) checker.Add(root, "listen", i, "is there twice");
  }
}

void CheckCallers(Checker& checker, const Part& root, const Config& config) {
  if (config.plaintext_loopback()) {
    if (config.has_tls()) checker.Add(root, "tls", -1, "must be absent with plaintext_loopback");
    if (!PrincipalFromName(config.plaintext_caller()).ok()) {
      checker.Add(root, "plaintext_caller", -1, "must be the resource name of a terminal, staff person or member with plaintext_loopback");
    }
    return;
  }
  if (config.has_plaintext_caller()) checker.Add(root, "plaintext_caller", -1, "must be absent without plaintext_loopback");
  if (!config.has_tls()) {
    checker.Add(root, "tls", -1, "is required without plaintext_loopback");
    return;
  }
  const Part part = Checker::Inside(root, "tls", -1, config.tls());
  checker.Required(part, "server_certificate_file", config.tls().server_certificate_file());
  checker.Required(part, "server_key_file", config.tls().server_key_file());
  checker.Required(part, "client_ca_file", config.tls().client_ca_file());
}

void CheckLimits(Checker& checker, const Part& root, const Config& config) {
  const Limits& limits = config.limits();
  const Part part = Checker::Inside(root, "limits", -1, limits);
  checker.Range(part, "max_message_bytes", limits.max_message_bytes(), 4'096, 64 << 20);
  checker.Range(part, "queue_requests_max", limits.queue_requests_max(), 1, 1'000'000);
  // Written so that NaN fails.
  if (!(limits.calls_per_second_max() > 0 && limits.calls_per_second_max() <= 1e6)) {
    checker.Add(part, "calls_per_second_max", -1, "must be above 0, to 1000000");
  }
  checker.Range(part, "calls_burst_max", limits.calls_burst_max(), 1, 1'000'000);
  checker.Range(part, "max_deadline_ms", limits.max_deadline_ms(), 1'000, 600'000);
  checker.Range(part, "max_stream_deadline_ms", limits.max_stream_deadline_ms(), 1'000, 86'400'000);
  checker.Range(part, "streams_max", limits.streams_max(), 1, 1'000);
  checker.Range(part, "sync_threads_max", limits.sync_threads_max(), 2, 2'000);
  checker.Range(part, "connections_per_address_max", limits.connections_per_address_max(), 0, 1'000'000);
  if (limits.sync_threads_max() <= limits.streams_max()) {
    checker.Add(part, "sync_threads_max", -1, "must be above streams_max, or streams would stop all other reading");
  }
}

std::string Normal(const std::string& path) {
  std::string normal = std::filesystem::absolute(path).lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}
bool IsInside(const std::string& path, const std::string& directory) {
  const std::string inner = Normal(path), outer = Normal(directory);
  return inner == outer || inner.starts_with(outer + "/");
}

void CheckSideState(Checker& checker, const Part& root, const Config& config) {
  const SideState& side = config.side_state();
  const Part part = Checker::Inside(root, "side_state", -1, side);
  checker.Path(part, "directory", side.directory());
  checker.Path(part, "key_file", side.key_file());
  // Copied with what it opens, it would keep nothing from anybody.
  const auto is_apart = [&](const std::string& directory) {
    return directory.empty() || side.key_file().empty() || !IsInside(side.key_file(), directory);
  };
  if (!is_apart(side.directory()))
    checker.Add(part, "key_file", -1, absl::StrCat("must not be in side_state.directory, is ", side.key_file()));
  if (!is_apart(config.backup_directory()))
    checker.Add(part, "key_file", -1, absl::StrCat("must not be in backup_directory, is ", side.key_file()));
  for (int i = 0; i < config.shard_size() && i < 64; ++i) {
    const std::string& shard = config.shard(i).directory();
    if (!is_apart(shard))
      checker.Add(part, "key_file", -1, absl::StrCat("must not be in the directory of shard[", i, "], is ", side.key_file()));
    if (!shard.empty() && !side.directory().empty() && (IsInside(side.directory(), shard) || IsInside(shard, side.directory()))) {
      checker.Add(part, "directory", -1, absl::StrCat("must be another than that of shard[", i, "], is ", side.directory()));
    }
  }
}

// Before anything is checked, since what nobody wrote can be wrong as well: a shard in a directory "side" is where its side state would be.
void AddDefaults(Config& config) {
  if (config.listen().empty()) config.add_listen(kDefaultListen);
  if (config.shard().empty() || config.shard(0).directory().empty()) return;
  const std::filesystem::path beside = std::filesystem::path(Normal(config.shard(0).directory())).parent_path();
  auto& side = *config.mutable_side_state();
  if (side.directory().empty()) side.set_directory((beside / "side").string());
  if (side.key_file().empty()) side.set_key_file((beside / "side.key").string());
}

void Check(Checker& checker, const Part& root, const Config& config) {
  CheckShards(checker, root, config);
  CheckSideState(checker, root, config);
  CheckListen(checker, root, config);
  CheckCallers(checker, root, config);
  CheckLimits(checker, root, config);
  if (config.log().level() == Log::LEVEL_UNSPECIFIED) {
    checker.Add(Checker::Inside(root, "log", -1, config.log()), "level", -1, "must be DEBUG, INFO, WARNING or ERROR");
  }
  checker.Range(root, "drain_ms", config.drain_ms(), 0, 600'000);
  checker.Path(root, "port_file", config.port_file());
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const absl::Status wrong = absl::InvalidArgumentError("must be \"address:port\" with an IPv4 address, \"[IPv6]\" or \"localhost\"");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  ListenAddress address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || address.port < 0 || address.port > 65'535 || port[0] == '-') {
    return absl::InvalidArgumentError("the port must be 0 to 65535");
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    address.host = host.substr(1, host.size() - 2);
    in6_addr bytes;
    // inet_pton stops at a NUL, which a string may hold.
    if (address.host.find('\0') != std::string::npos || inet_pton(AF_INET6, address.host.c_str(), &bytes) != 1) return wrong;
    address.is_loopback = IN6_IS_ADDR_LOOPBACK(&bytes);
    return address;
  }
  address.host = host;
  if (address.host == "localhost") {
    address.is_loopback = true;
    return address;
  }
  in_addr bytes;
  if (address.host.find('\0') != std::string::npos || inet_pton(AF_INET, address.host.c_str(), &bytes) != 1) return wrong;
  address.is_loopback = (ntohl(bytes.s_addr) >> 24) == 127;
  return address;
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  const auto unreadable = [&](int error) { return StartRefused("CONFIG_UNREADABLE", FileProblem(path, error)); };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return unreadable(EISDIR);
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(errno);
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return unreadable(errno);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return ParseConfig(text, path);
}

absl::StatusOr<Config> ParseConfig(std::string_view text, std::string_view name) {
  Problems problems(name);
  if (text.size() > kFileBytesMax) {
    problems.AddError(0, 0, absl::StrCat("is longer than ", kFileBytesMax, " bytes"));
    return problems.status();
  }
  Config config;
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&problems);
  parser.WriteLocationsTo(&tree);
  parser.SetRecursionLimit(kDepthMax);
  if (!parser.ParseFromString(std::string(text), &config)) {
    // Every failure is reported; should one ever not be, it is still none that passes.
    if (problems.status().ok()) problems.AddError(0, 0, "can't be read");
    return problems.status();
  }
  AddDefaults(config);
  Checker checker(problems);
  Check(checker, Part{.message = config, .tree = &tree, .path = ""}, config);
  if (!problems.status().ok()) return problems.status();
  return config;
}

}  // namespace redpoints::server
