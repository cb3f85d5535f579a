// Reads a message from the wire ourselves, so that one that can't be read has a typed refusal. Pure; any thread.
#pragma once

#include <cstddef>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}
namespace grpc {
class ByteBuffer;
}

namespace redpoints::server {

// MESSAGE_TOO_LONG above `bytes_max`. To be asked before anything is read.
absl::Status CheckLength(const grpc::ByteBuffer& in, std::size_t bytes_max);

// MESSAGE_MALFORMED, with the field where it is known.
absl::Status ParseMessage(const grpc::ByteBuffer& in, google::protobuf::Message& message);

}  // namespace redpoints::server
