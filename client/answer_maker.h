// Turns what is known after the attempts of a call into an answer. Only for the client's own .cc files.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/answer.h"
#include "client/retry.h"

namespace redpoints {

inline std::string Describe(const CallEnd& end) { return absl::StrCat("status ", end.code, ": ", end.message); }

class AnswerMaker {
 public:
  template <class Response> static Answer<Response> OfRead(const Attempts& made, Response response) {
    Answer<Response> answer;
    if (made.last.code == kOk) {
      answer.fate_ = Fate::kDone;
      answer.response_ = std::move(response);
    } else if (made.last.refused) {
      Refuse(*made.last.refused, &answer);
    } else {
      Fail(made, &answer);
    }
    return answer;
  }

  // nullopt: the fate is open, somebody has to ask. `outcome`: the one inside `response`, nullptr where it has none of the whole.
  template <class Response>
  static std::optional<Answer<Response>> OfMutation(const Attempts& made, const Response& response, const v1::Outcome* outcome) {
    Answer<Response> answer;
    if (made.last.code == kOk) {
      Settle(response, outcome, &answer);
      return answer;
    }
    // A refusal that is not recorded says nothing of an earlier attempt that went without an answer.
    const auto& refused = made.last.refused;
    if (refused && !IsInDoubt(made.last) && (!made.is_in_doubt || IsRecorded(refused->refusal.reason))) {
      Refuse(*refused, &answer);
      return answer;
    }
    if (made.is_in_doubt) return std::nullopt;
    Fail(made, &answer);
    return answer;
  }

  // Of a mutation whose fate was open, once the outcome was told and `response` restored from it.
  template <class Response> static Answer<Response> OfOutcome(const Response& response, const v1::Outcome* outcome) {
    Answer<Response> answer;
    Settle(response, outcome, &answer);
    answer.is_from_outcome_ = true;
    return answer;
  }

  // Of a mutation whose fate stays open: how it ended, and how the question for its outcome ended.
  template <class Response> static Answer<Response> Unknown(const CallEnd& original, const CallEnd& question) {
    Answer<Response> answer;
    answer.fate_ = Fate::kUnknown;
    answer.error_ = absl::StrCat(Describe(original), "; asked for the outcome: ", Describe(question));
    answer.is_not_seen_ = question.refused && question.refused->refusal.reason == Reason::REQUEST_NOT_FOUND;
    return answer;
  }

  template <class Response> static Answer<Response> WithRequestId(Answer<Response> answer, const std::string& request_id) {
    answer.request_id_ = request_id;
    return answer;
  }

 private:
  static void Refuse(Refused refused, AnswerBase* answer) {
    answer->fate_ = Fate::kRefused;
    answer->refused_ = std::move(refused);
  }

  static void Fail(const Attempts& made, AnswerBase* answer) {
    answer->fate_ = made.is_sent ? Fate::kFailed : Fate::kNotSent;
    answer->error_ = Describe(made.last);
  }

  // By the state now, never by the first answer.
  template <class Response> static void Settle(const Response& response, const v1::Outcome* outcome, Answer<Response>* answer) {
    auto refused = outcome ? RefusedNow(*outcome) : std::nullopt;
    if (refused) return Refuse(*std::move(refused), answer);
    answer->fate_ = Fate::kDone;
    answer->response_ = response;
  }
};

}  // namespace redpoints
