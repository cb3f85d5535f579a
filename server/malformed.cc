#include "server/malformed.h"

#include <climits>
#include <map>
#include <optional>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/stubs/common.h"
#include "google/protobuf/wire_format_lite.h"

namespace redpoints::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// As deep as protobuf's own parser goes.
constexpr int kDepthMax = 100;

CodedInputStream Stream(std::string_view bytes) {
  return CodedInputStream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
}

// Whether the elements of a packed field end where it ends.
bool IsPackedWhole(const FieldDescriptor& field, std::string_view bytes) {
  const auto wire_type = WireFormatLite::WireTypeForFieldType(static_cast<WireFormatLite::FieldType>(field.type()));
  if (wire_type == WireFormatLite::WIRETYPE_FIXED32) return bytes.size() % 4 == 0;
  if (wire_type == WireFormatLite::WIRETYPE_FIXED64) return bytes.size() % 8 == 0;
  CodedInputStream stream = Stream(bytes);
  std::uint64_t ignored = 0;
  while (stream.CurrentPosition() < static_cast<int>(bytes.size())) {
    if (!stream.ReadVarint64(&ignored)) return false;
  }
  return true;
}

std::string Join(const std::string& path, const FieldDescriptor& field, int index) {
  std::string joined = path;
  if (!joined.empty()) joined += '.';
  joined += field.name();
  if (field.is_repeated()) {
    joined += '[';
    joined += std::to_string(index);
    joined += ']';
  }
  return joined;
}

// nullopt: `bytes` are a message of `type`. Else the path of what is wrong, which is `path` itself for broken framing.
std::optional<std::string> Find(const Descriptor& type, std::string_view bytes, const std::string& path, int depth) {
  if (depth > kDepthMax) return path;
  CodedInputStream stream = Stream(bytes);
  std::map<int, int> seen;  // by field number
  while (stream.CurrentPosition() < static_cast<int>(bytes.size())) {
    const std::uint32_t tag = stream.ReadTag();
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    const auto wire_type = WireFormatLite::GetTagWireType(tag);
    // An end without its start is as bad as a number that no field has.
    if (number == 0 || wire_type == WireFormatLite::WIRETYPE_END_GROUP) return path;
    const FieldDescriptor* field = type.FindFieldByNumber(number);
    if (field == nullptr || wire_type != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      // Unknown fields are kept unread, and so are known ones of another wire type.
      if (!WireFormatLite::SkipField(&stream, tag)) return path;
      if (field != nullptr) ++seen[number];
      continue;
    }
    std::uint32_t size = 0;
    if (!stream.ReadVarint32(&size) || size > bytes.size() - static_cast<std::size_t>(stream.CurrentPosition())) return path;
    const std::string_view content = bytes.substr(static_cast<std::size_t>(stream.CurrentPosition()), size);
    stream.Skip(static_cast<int>(size));
    const int index = seen[number]++;
    switch (field->type()) {
      case FieldDescriptor::TYPE_STRING:
        if (!google::protobuf::internal::IsStructurallyValidUTF8(content.data(), static_cast<int>(content.size()))) {
          return Join(path, *field, index);
        }
        break;
      case FieldDescriptor::TYPE_MESSAGE:
        if (auto found = Find(*field->message_type(), content, Join(path, *field, index), depth + 1)) return found;
        break;
      default:
        if (field->is_packable() && !IsPackedWhole(*field, content)) return Join(path, *field, index);
        break;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string FindMalformedField(const Descriptor& type, std::string_view bytes) {
  if (bytes.size() > INT_MAX) return "";
  return Find(type, bytes, "", 0).value_or("");
}

}  // namespace redpoints::server
