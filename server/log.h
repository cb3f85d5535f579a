// Structured logs: one line of JSON for each event, on standard error.
//
// What may be in a line: names with random ids, request ids, reasons, field paths, times. Never: codes, member numbers, PINs, names
// of people, contents of requests. The libraries' own messages may quote what a client sent and go through WithoutNumbers; what the ledger
// says of itself keeps its numbers, or nobody could find the file, the entry or the amount, and goes through WithoutMemberNumbers.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace redpoints::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), text(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), text(v) {}
  LogField(std::string_view k, const char* v) : key(k), text(v) {}
  LogField(std::string_view k, std::int64_t v) : key(k), number(v), is_number(true) {}

  std::string_view key;
  std::string_view text;  // left out of the line when empty
  std::int64_t number = 0;
  bool is_number = false;
};

// Thread-safe, without a lock: each line is one write(2). A line is cut at 4,096 bytes, up to which a pipe keeps lines apart.
class Logger {
 public:
  // `fd` is not owned.
  explicit Logger(LogLevel level, int fd = 2) : level_(level), fd_(fd) {}

  bool IsOn(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }
  void SetLevel(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

  // {"time":"…Z","level":"info","event":"call",…fields}. Does nothing below the level; a failed write is ignored.
  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const;

 private:
  std::atomic<LogLevel> level_;
  const int fd_;
};

// `text` with each run of six digits or more as '#', since it may be a 会员号; RocksDB's file names (000012.sst) stay: people need them.
std::string WithoutNumbers(std::string_view text);

// `text` with '#' for each 会员号 that the ledger names, which it does as "number 10000001", the name of a derived row.
std::string WithoutMemberNumbers(std::string_view text);

// From now on protobuf's and gRPC's own messages come as lines of `logger`, which must outlive them both; of gRPC's ten a second at most,
// and the next one says how many were left out: whoever fails a handshake must not fill a disk. Call before the first thread.
void CaptureLibraryLogs(const Logger& logger);

}  // namespace redpoints::server
