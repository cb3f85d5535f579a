// What a caller knows after a call, as a value. No gRPC here.
#pragma once

#include <string>
#include <utility>

#include "client/refused.h"

namespace redpoints {

enum class Fate {
  kDone,     // carried out, or held, as of now
  kRefused,  // not carried out as of now, and the server says why
  kUnknown,  // may have been carried out, or still be: nothing else may be concluded. Never of a read
  kNotSent,  // nothing has left this machine
  kFailed,   // the server or the transport failed without having carried it out; of a read, any failure
};

// The part that does not depend on the call.
class AnswerBase {
 public:
  Fate fate() const { return fate_; }
  bool is_done() const { return fate_ == Fate::kDone; }
  // With kRefused.
  const Refused& refused() const { return refused_; }
  // With kUnknown, kNotSent and kFailed: English, for developers.
  const std::string& error() const { return error_; }
  // The id that went out with a mutation; sending it again is safe. Empty for reads.
  const std::string& request_id() const { return request_id_; }
  // With kUnknown: the server had not seen the request when it was last asked. It may still arrive.
  bool is_not_seen() const { return is_not_seen_; }
  // With kDone: told by the outcome that was asked for afterwards, so the response holds no more than that.
  bool is_from_outcome() const { return is_from_outcome_; }

 protected:
  friend class AnswerMaker;

  Fate fate_ = Fate::kFailed;
  Refused refused_;
  std::string error_;
  std::string request_id_;
  bool is_not_seen_ = false;
  bool is_from_outcome_ = false;
};

template <class Response> class Answer : public AnswerBase {
 public:
  // With kDone.
  const Response& response() const { return response_; }

 private:
  friend class AnswerMaker;

  Response response_;
};

}  // namespace redpoints
