// The way on when every copy of the key file is lost.
#pragma once

#include "absl/status/status.h"
#include "server/config.pb.h"

namespace redpoints::server {

// Of a server that is stopped: makes a key file where none is, and a side store where none opens with it, then writes into the journal of
// every program that another key is in use from now on, so that auditors see it. Nothing is overwritten: a key file that is there is used as
// it is, a side store that does not open is moved aside. Prints what is lost by that. Run again after being interrupted, it does what is
// left. Errors are rows of StartFailures.
absl::Status Rekey(const Config& config);

}  // namespace redpoints::server
