// Finds out which field makes a message unreadable. protobuf refuses text that is not UTF-8 and bytes that end too early, but
// doesn't say where. Pure; any thread; only for messages that have failed to parse, since it walks them a second time.
#pragma once

#include <string>
#include <string_view>

namespace google::protobuf {
class Descriptor;
}

namespace redpoints::server {

// The path of the first field in `bytes` that no parser would accept as a message of `type`: "item.session",
// "offer_lines[2].offer". Of a message field whose own bytes are no message, the path of that field. Empty if only the outermost
// framing is broken, or nothing is.
std::string FindMalformedField(const google::protobuf::Descriptor& type, std::string_view bytes);

}  // namespace redpoints::server
