// Reads the journal as a stream that survives cuts: after each one it goes on with the first entry it has not handed over.
//
// Blocks; thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/answer.h"
#include "client/call_options.h"
#include "client/connection.h"
#include "redpoints/v1/journal_service.pb.h"

namespace redpoints {

// Where the reading stood when it ended, as names of entries: sequences alone mean other entries after a restore. Told with every answer's
// fate.
struct JournalPosition {
  std::string last;     // handed over; the request's `after` when none was
  std::string through;  // of an export, where it ends; empty while unknown
};

class JournalReader {
 public:
  // Returns false to stop. Messages come in order, without gap or repetition: the entries' own numbers and epochs are compared, and a
  // message that does not go on where the last one ended is not handed over but ends the reading with kFailed and DATA_LOSS. Where the
  // journal was put back without the last entry, the reading ends with kRefused and ENTRY_LOST.
  using ExportSink = std::function<bool(const v1::ExportEntriesResponse&)>;
  using FollowSink = std::function<bool(const v1::FollowEntriesResponse&)>;

  explicit JournalReader(std::shared_ptr<Connection> connection, CallOptions options = {}, Timing timing = SystemTiming());
  ~JournalReader();

  // Hands over the export that `request` names. The end is fixed by the first message, so that later streams belong to the same
  // export; a CSV header that a later stream repeats is left out. kDone also when the sink stopped it. `position` must not be null.
  Answer<v1::ExportEntriesResponse> Export(v1::ExportEntriesRequest request, const ExportSink& sink, JournalPosition* position) const;

  // Hands over the entries behind request.after, and each new one, until the sink returns false (kDone) or no stream
  // brought anything within the retry budget.
  Answer<v1::FollowEntriesResponse> Follow(v1::FollowEntriesRequest request, const FollowSink& sink, JournalPosition* position) const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace redpoints
