#include "server/log.h"

#include <grpc/support/log.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include "google/protobuf/stubs/logging.h"

namespace redpoints::server {
namespace {

constexpr std::size_t kLineBytesMax = 4096;
constexpr std::int64_t kGrpcLinesPerSecond = 10;
constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

std::atomic<const Logger*> library_logger = nullptr;
std::atomic<std::int64_t> grpc_second = 0;
std::atomic<std::int64_t> grpc_written = 0;  // in that second
std::atomic<std::int64_t> grpc_left_out = 0;

// One line on the stack, always valid JSON: what does not fit is left out, never cut in the middle.
class Line {
 public:
  void Field(std::string_view key, std::string_view text) {
    const std::size_t before = size_;
    Key(key);
    Put('"');
    for (const char c : text) Escaped(c);
    Put('"');
    if (is_full_) Rewind(before);
  }

  void Field(std::string_view key, std::int64_t number) {
    const std::size_t before = size_;
    Key(key);
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    Raw({digits.data(), static_cast<std::size_t>(end - digits.data())});
    if (is_full_) Rewind(before);
  }

  std::string_view End() {
    // Room for these two is kept back by Put.
    bytes_[size_++] = '}';
    bytes_[size_++] = '\n';
    return {bytes_.data(), size_};
  }

 private:
  void Key(std::string_view key) {
    Put(size_ == 0 ? '{' : ',');
    Put('"');
    Raw(key);
    Raw("\":");
  }

  void Put(char c) {
    if (size_ + 2 >= kLineBytesMax) {
      is_full_ = true;
      return;
    }
    bytes_[size_++] = c;
  }

  void Raw(std::string_view text) {
    for (const char c : text) Put(c);
  }

  void Escaped(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      Put('\\');
      Put(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      Raw("\\u00");
      Put("0123456789abcdef"[byte >> 4]);
      Put("0123456789abcdef"[byte & 15]);
    } else {
      Put(c);
    }
  }

  void Rewind(std::size_t size) {
    size_ = size;
    is_full_ = false;
  }

  std::array<char, kLineBytesMax> bytes_;
  std::size_t size_ = 0;
  bool is_full_ = false;
};

std::string_view Now(std::array<char, 32>& buffer) {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::size_t size = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S.", &utc);
  const int rest = static_cast<int>(milliseconds % 1000);
  buffer[size++] = static_cast<char>('0' + rest / 100);
  buffer[size++] = static_cast<char>('0' + rest / 10 % 10);
  buffer[size++] = static_cast<char>('0' + rest % 10);
  buffer[size++] = 'Z';
  return {buffer.data(), size};
}

void OnProtobufLog(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  const Logger* logger = library_logger.load(std::memory_order_relaxed);
  // Its errors are about bytes of a client, each of which is answered and counted as MESSAGE_MALFORMED already.
  const LogLevel ours = level == google::protobuf::LOGLEVEL_FATAL ? LogLevel::kError : LogLevel::kDebug;
  if (logger != nullptr && logger->IsOn(ours)) logger->Write(ours, "protobuf", {{"detail", WithoutNumbers(message)}});
}

void OnGrpcLog(gpr_log_func_args* args) {
  const Logger* logger = library_logger.load(std::memory_order_relaxed);
  // A handshake that fails is an error to gRPC and daily life to a server on a street.
  const LogLevel ours = args->severity == GPR_LOG_SEVERITY_DEBUG ? LogLevel::kDebug : LogLevel::kInfo;
  if (logger == nullptr || !logger->IsOn(ours)) return;
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (grpc_second.exchange(now, std::memory_order_relaxed) != now) grpc_written.store(0, std::memory_order_relaxed);
  if (grpc_written.fetch_add(1, std::memory_order_relaxed) >= kGrpcLinesPerSecond) {
    grpc_left_out.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::string detail = WithoutNumbers(args->message);
  const std::int64_t before = grpc_left_out.exchange(0, std::memory_order_relaxed);
  if (before == 0) {
    logger->Write(ours, "grpc", {{"detail", detail}});
  } else {
    logger->Write(ours, "grpc", {{"detail", detail}, {"left_out", before}});
  }
}

// Whether the digits between are those of a file of RocksDB's.
bool IsFileName(std::string_view text, std::size_t begin, std::size_t end) {
  const std::string_view before = text.substr(0, begin), behind = text.substr(end);
  if (before.ends_with("MANIFEST-") || before.ends_with("OPTIONS-")) return true;
  return before.ends_with('/') && (behind.starts_with(".sst") || behind.starts_with(".log"));
}

}  // namespace

void Logger::Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const {
  if (!IsOn(level)) return;
  std::array<char, 32> time;
  Line line;
  line.Field("time", Now(time));
  line.Field("level", kLevelNames[static_cast<std::size_t>(level)]);
  line.Field("event", event);
  for (const LogField& field : fields) {
    if (field.is_number) {
      line.Field(field.key, field.number);
    } else if (!field.text.empty()) {
      line.Field(field.key, field.text);
    }
  }
  const std::string_view bytes = line.End();
  [[maybe_unused]] const ssize_t ignored = ::write(fd_, bytes.data(), bytes.size());
}

std::string WithoutNumbers(std::string_view text) {
  constexpr std::size_t kRunMin = 6;
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (end - at >= kRunMin && !IsFileName(text, at, end)) {
      result += '#';
    } else {
      result += text.substr(at, end - at);
    }
    if (end < text.size()) result += text[end];
    at = end + 1;
  }
  return result;
}

std::string WithoutMemberNumbers(std::string_view text) {
  constexpr std::string_view kWord = "number ";
  std::string result;
  while (!text.empty()) {
    const std::size_t word = text.find(kWord);
    const std::size_t begin = word == std::string_view::npos ? text.size() : word + kWord.size();
    result += text.substr(0, begin);
    text.remove_prefix(begin);
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits > 0) result += '#';
    text.remove_prefix(digits);
  }
  return result;
}

void CaptureLibraryLogs(const Logger& logger) {
  library_logger.store(&logger, std::memory_order_relaxed);
  grpc_written.store(0, std::memory_order_relaxed);
  grpc_left_out.store(0, std::memory_order_relaxed);
  google::protobuf::SetLogHandler(&OnProtobufLog);
  gpr_set_log_function(&OnGrpcLog);
}

}  // namespace redpoints::server
