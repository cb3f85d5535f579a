// What the worker asks of the ledger while it waits to be killed, in lines that its parent reads, so that both make the same request of them.
//
//   S id verb member amount ref target     about to be sent
//   A id first now sequence entries reason answered
#pragma once

#include <future>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/ledger.h"
#include "storage/merkle/sha256.h"

namespace redpoints {

inline constexpr int kCrashMembers = 8;
inline constexpr int kCrashBatch = 5;

// One request: a verb and its numbers.
struct Operation {
  std::string id;
  char verb = 'r';  // r redeem, h hold, c capture, v void, f refund, x reverse, a award, b batch of awards
  int member = 1;
  std::int64_t amount = 0;
  std::int64_t ref = -1;     // of c, v, f
  std::string target = "-";  // of x

  std::string Line() const {
    return absl::StrCat("S ", id, " ", std::string(1, verb), " ", member, " ", amount, " ", ref, " ", target, "\n");
  }
  static Operation Parse(const std::string& line) {
    std::istringstream in(line);
    std::string tag;
    Operation op;
    in >> tag >> op.id >> op.verb >> op.member >> op.amount >> op.ref >> op.target;
    return op;
  }

  Origin From() const {
    const bool is_staff = verb == 'a' || verb == 'b';
    return {.actor = is_staff ? "a0" : "t1",
            .request_id = id,
            .terminal = is_staff ? "" : "t1",
            .merchant = is_staff ? "" : "s1",
            .clerk = "",
            .till = "",
            .fingerprint = ""};
  }
  Command Make(Day day) const {
    const std::vector<OfferLine> lines = {{"ANY", 1, amount, 0}};
    const auto item = [&](int who) {
      AwardItem award;
      award.member.id = absl::StrCat("m", who);
      award.activity = "PATROL";
      award.quantity = amount;
      award.effective_day = day;
      award.group = Group::kPartyVanguard;
      return award;
    };
    switch (verb) {
      case 'h': return Authorize{{.presentation = "number", .member = {absl::StrCat("m", member), ""}, .use = {}}, lines};
      case 'c': return Capture{ref, 0};
      case 'v': return Void{ref};
      case 'f': return Refund{ref, amount};
      case 'x': return Reverse{target};
      case 'a': return Award{item(member)};
      case 'b': {
        AwardBatch batch;
        for (int i = 0; i < kCrashBatch; ++i) batch.items.push_back(item(1 + (member + i) % kCrashMembers));
        return batch;
      }
      default: return Redeem{{.presentation = "number", .member = {absl::StrCat("m", member), ""}, .use = {}}, lines};
    }
  }
};

// What was answered, as far as it must never change. `now` may move on.
struct Answered {
  std::string id;
  int first = 0;
  std::int64_t sequence = -1;
  std::size_t entries = 0;
  std::string reason = "-";

  static Answered Of(const std::string& id, const Outcome& outcome) {
    Answered answered{.id = id};
    answered.first = static_cast<int>(outcome.first);
    answered.entries = outcome.entries.size();
    if (!outcome.entries.empty()) answered.sequence = outcome.entry().sequence;
    if (outcome.refusal) {
      answered.reason = NameOf(outcome.refusal->reason);
    } else if (outcome.first == RequestState::kRefused) {
      answered.reason = outcome.entry().reason;
    }
    return answered;
  }
  std::string Line() const { return absl::StrCat("A ", id, " ", first, " ", sequence, " ", entries, " ", reason, "\n"); }
  static Answered Parse(const std::string& line) {
    std::istringstream in(line);
    std::string tag;
    Answered answered;
    in >> tag >> answered.id >> answered.first >> answered.sequence >> answered.entries >> answered.reason;
    return answered;
  }
  bool operator==(const Answered&) const = default;
};

// Makes one till's or staff person's stream of requests, each about what came before. Not thread-safe.
class Operator {
 public:
  explicit Operator(std::uint64_t seed) : seed_(seed), random_(seed) {}

  Operation Next() {
    Operation op;
    op.id = Sha256Hex(absl::StrCat("operation ", seed_, " ", next_++)).substr(0, 32);
    op.member = 1 + Below(kCrashMembers);
    op.amount = 1 + Below(5);
    switch (Below(10)) {
      case 0: op.verb = 'a'; break;
      case 1: op.verb = 'b'; break;
      case 2: op.verb = 'h'; break;
      case 3:
        if (!holds_.empty()) op.verb = Below(2) ? 'c' : 'v', op.ref = Pick(holds_);
        break;
      case 4:
        if (!sales_.empty()) op.verb = 'f', op.ref = Pick(sales_), op.amount = 1;
        break;
      case 5:
        if (!ids_.empty()) op.verb = 'x', op.target = Below(4) ? Pick(ids_) : Sha256Hex(op.id).substr(0, 32);  // or one never seen
        break;
      default: break;
    }
    return op;
  }
  void Learn(const Operation& op, const Outcome& outcome) {
    if (outcome.refusal || outcome.first == RequestState::kRefused) return;
    if (op.verb == 'h') holds_.push_back(outcome.entry().sequence);
    if (op.verb == 'r' || op.verb == 'c') sales_.push_back(outcome.entry().sequence);
    if (op.verb == 'r' || op.verb == 'c' || op.verb == 'h') ids_.push_back(op.id);
  }
  int Below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

 private:
  template <class T> T Pick(const std::vector<T>& from) { return from[static_cast<std::size_t>(Below(static_cast<int>(from.size())))]; }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  int next_ = 0;
  std::vector<std::int64_t> holds_, sales_;
  std::vector<std::string> ids_;
};

inline Outcome RunOn(Ledger& ledger, const Operation& op, Day day) {
  std::promise<Outcome> promise;
  auto future = promise.get_future();
  ledger.Submit("minyue", op.From(), op.Make(day), [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

}  // namespace redpoints
