// The checks of shape that requests have in common: required fields, lengths, characters, ranges.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "server/convert.h"
#include "server/name_fields.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {

inline bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
inline bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes fields one after the other; the first that is wrong stays as the status, and those behind it are not looked at.
class Shape {
 public:
  const absl::Status& status() const { return status_; }

  std::string Program(const std::string& text) {
    return Take<std::string>([&]() -> absl::StatusOr<std::string> {
      auto program = ParseProgram("program", text);
      if (!program.ok()) return program.status();
      return std::string(*program);
    });
  }
  std::string Uuid(const char* field, const std::string& text) {
    return Take<std::string>([&] { return ParseUuid(field, text); });
  }
  // The sequence of an entry that the request names; its epoch is left for the check against the journal.
  std::int64_t Sequence(const char* field, const std::string& text, ResourceKind kind, Mutation& mutation) {
    return Take<std::int64_t>([&]() -> absl::StatusOr<std::int64_t> {
      auto name = ParseNameIn(field, text, kind, mutation.program);
      if (!name.ok()) return name.status();
      mutation.entries.push_back({.kind = kind, .sequence = name->sequence, .epoch = name->epoch});
      return name->sequence;
    });
  }
  std::string IdOf(const std::string& field, const std::string& text, ResourceKind kind, const std::string& program) {
    return Take<std::string>([&]() -> absl::StatusOr<std::string> {
      auto name = ParseNameIn(field, text, kind, program);
      if (!name.ok()) return name.status();
      return std::string(name->id);
    });
  }
  std::string Member(const std::string& field, const std::string& text, const std::string& program) {
    return Take<std::string>([&]() -> absl::StatusOr<std::string> {
      auto member = ParseMember(field, text, program);
      if (!member.ok()) return member.status();
      return std::string(*member);
    });
  }
  std::int64_t Number(const std::string& field, std::int64_t value, std::int64_t min, std::int64_t max) {
    if (status_.ok() && (value < min || value > max)) status_ = FieldOutOfRange(field, min, max);
    return value;
  }
  // Up to `max` characters that `is_good` takes; may be empty.
  template <class F> std::string Text(const std::string& field, const std::string& text, std::size_t max, const char* expected, F is_good) {
    if (!status_.ok()) return "";
    if (text.size() > max) {
      status_ = FieldTooLong(field, max);
    } else if (!std::all_of(text.begin(), text.end(), is_good)) {
      status_ = FieldInvalid(field, expected);
    }
    return text;
  }
  std::string Slug(const std::string& field, const std::string& text, std::size_t max) {
    return Text(field, text, max, "a-z 0-9 -", [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
  }
  std::string TillText(const char* field, const std::string& text, std::size_t max) {
    return Text(field, text, max, "A-Z a-z 0-9 -", [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '-'; });
  }
  std::string Code(const std::string& field, const std::string& text) {
    Required(field, !text.empty());
    return Text(field, text, 32, "A-Z 0-9 _", [](char c) { return IsUpper(c) || IsDigit(c) || c == '_'; });
  }
  // Up to `max` characters for people; may be empty.
  std::string NameZh(const std::string& field, const std::string& text, std::size_t max) {
    const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    if (status_.ok() && static_cast<std::size_t>(characters) > max) status_ = FieldTooLong(field, max);
    const bool is_text = std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    Valid(field, is_text, "no control characters");
    return text;
  }
  void Required(const std::string& field, bool is_there) {
    if (status_.ok() && !is_there) status_ = FieldRequired(field);
  }
  void Bounded(const std::string& field, int size, int max) {
    if (status_.ok() && size > max) status_ = FieldTooLong(field, static_cast<std::size_t>(max));
  }
  void Valid(const std::string& field, bool is_valid, std::string_view expected) {
    if (status_.ok() && !is_valid) status_ = FieldInvalid(field, expected);
  }
  // A SHA-256 of 32 bytes, or none, as hex.
  std::string Hash(const std::string& field, const std::string& bytes) {
    Valid(field, bytes.empty() || bytes.size() == 32, "32 bytes");
    return bytes.empty() ? "" : Hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  Day RequiredDay(const std::string& field, std::int32_t day) {
    Required(field, day != 0);
    Valid(field, IsDay(day) && day < kNever, "a day as yyyymmdd");
    return day;
  }
  // A required enum value that this server knows.
  template <class E> void Known(const std::string& field, E value, bool is_valid) {
    Required(field, static_cast<int>(value) != 0);
    Valid(field, is_valid, "a known value");
  }

 private:
  template <class T, class F> T Take(F parse) {
    if (!status_.ok()) return T{};
    absl::StatusOr<T> parsed = parse();
    if (parsed.ok()) return *std::move(parsed);
    status_ = parsed.status();
    return T{};
  }
  absl::Status status_;
};

// What most requests begin with, and how each ends.
template <class Request> Mutation Begin(Shape& shape, const Request& request) {
  Mutation mutation;
  mutation.program = shape.Program(request.program());
  if constexpr (requires { request.request_id(); }) mutation.request_id = shape.Uuid("request_id", request.request_id());
  if constexpr (requires { request.clerk(); }) mutation.clerk = shape.TillText("clerk", request.clerk(), 16);
  if constexpr (requires { request.till_number(); }) mutation.till = shape.TillText("till_number", request.till_number(), 32);
  return mutation;
}

inline absl::StatusOr<Mutation> End(const Shape& shape, Mutation mutation) {
  if (!shape.status().ok()) return shape.status();
  return mutation;
}

}  // namespace redpoints::server
