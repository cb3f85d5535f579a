#include "server/message.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "server/malformed.h"
#include "storage/rules/refusal.h"

namespace redpoints::server {
namespace {

bool Parse(const grpc::ByteBuffer& in, google::protobuf::Message& message) {
  grpc::Slice slice;
  if (in.TrySingleSlice(&slice).ok()) return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  grpc::ByteBuffer copy(in);  // of the references
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

}  // namespace

absl::Status CheckLength(const grpc::ByteBuffer& in, std::size_t bytes_max) {
  if (in.Length() <= bytes_max) return absl::OkStatus();
  return ToStatus({.reason = Reason::MESSAGE_TOO_LONG, .facts = {{"max", absl::StrCat(bytes_max)}}});
}

absl::Status ParseMessage(const grpc::ByteBuffer& in, google::protobuf::Message& message) {
  if (Parse(in, message)) return absl::OkStatus();
  Refusal refusal{.reason = Reason::MESSAGE_MALFORMED, .facts = {}};
  grpc::Slice slice;
  if (in.DumpToSingleSlice(&slice).ok()) {
    std::string field = FindMalformedField(*message.GetDescriptor(), {reinterpret_cast<const char*>(slice.begin()), slice.size()});
    if (!field.empty()) refusal.facts.emplace_back("field", std::move(field));
  }
  return ToStatus(refusal);
}

}  // namespace redpoints::server
