// What the worker asks of the ledger while it waits to be killed, in lines that its parent reads, so that both make the same request of them.
//
//   S id verb actor now member amount ref target     about to be sent
//   A id first sequence entries reason               answered
#pragma once

#include <array>
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
  // r redeem, h hold, c capture, v void, f refund, x reverse; a award, w award that ends within a month, b batch of awards, k correct, d donate,
  // p propose an undo, u undo; e epoch
  char verb = 'r';
  std::string actor = "t1";  // t1, t2: a till of s1, s2; a0, a2: staff
  std::int64_t now_ms = 0;   // when it was made up: a deed is of that day
  int member = 1;
  std::int64_t amount = 0;   // points; of an award or correction: quantity
  std::int64_t ref = -1;     // of c, v, f, k, p, u
  std::string target = "-";  // of x

  std::string Line() const {
    return absl::StrCat("S ", id, " ", std::string(1, verb), " ", actor, " ", now_ms, " ", member, " ", amount, " ", ref, " ", target,
                        "\n");
  }
  static Operation Parse(const std::string& line) {
    std::istringstream in(line);
    std::string tag;
    Operation op;
    in >> tag >> op.id >> op.verb >> op.actor >> op.now_ms >> op.member >> op.amount >> op.ref >> op.target;
    return op;
  }

  Origin From() const {
    const bool is_till = actor[0] == 't';
    return {.actor = actor,
            .request_id = id,
            .terminal = is_till ? actor : "",
            .merchant = is_till ? "s" + actor.substr(1) : "",
            .clerk = "",
            .till = "",
            .fingerprint = ""};
  }
  Command Make() const {
    const std::vector<OfferLine> lines = {{"ANY", 1, amount, 0}};
    const Payer payer{.presentation = "number", .member = {absl::StrCat("m", member), ""}, .use = {}};
    const auto item = [&](int who, const char* activity, std::int64_t quantity) {
      AwardItem award;
      award.member.id = absl::StrCat("m", who);
      award.activity = activity;
      award.quantity = quantity;
      award.effective_day = DayOf(now_ms);
      award.group = Group::kPartyVanguard;
      return award;
    };
    switch (verb) {
      case 'h': return Authorize{payer, lines};
      case 'c': return Capture{ref, amount};
      case 'v': return Void{ref};
      case 'f': return Refund{ref, amount};
      case 'x': return Reverse{target};
      case 'a': return Award{item(member, "PATROL", amount)};
      case 'w': return Award{item(member, "VISIT", 30 * amount)};
      case 'b': {
        AwardBatch batch;
        for (int i = 0; i < kCrashBatch; ++i) batch.items.push_back(item(1 + (member + i) % kCrashMembers, "PATROL", amount));
        return batch;
      }
      case 'k': return Correct{ref, amount, "wrong_quantity"};
      case 'd': return Donate{payer.member, amount};
      case 'p': return ProposeUndo{ref, "wrong_amount"};
      case 'u': return Undo{ref};
      case 'e': return OpenEpoch{{.root = "", .origin = "", .why = "restore"}};
      default: return Redeem{payer, lines};
    }
  }
};

// What was answered, as far as it must never change. `now` may move on.
struct Answered {
  std::string id;
  int first = 0;
  std::int64_t sequence = -1;
  std::size_t entries = 0;  // 0: nothing was recorded, and the id is free
  std::string reason = "-";

  static Answered Of(const std::string& id, const Outcome& outcome) {
    Answered answered{.id = id};
    answered.first = static_cast<int>(outcome.first);
    // The answer to a second reversal is the first one's entry: it records nothing, and its own id may still be reversed before it is used.
    if (!outcome.entries.empty() && outcome.entry().request_id == id) {
      answered.entries = outcome.entries.size();
      answered.sequence = outcome.entry().sequence;
    }
    if (outcome.refusal) {
      answered.reason = NameOf(outcome.refusal->reason);
    } else if (outcome.first == RequestState::kRefused) {
      answered.reason = outcome.entry().refusal;
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
  // Whether a refusal says that it is not known, or not for the request itself to say, what was done.
  bool IsUnknown() const { return reason == "OUTCOME_UNKNOWN" || reason == "STORAGE_READ_ONLY" || reason == "SHUTTING_DOWN"; }
  bool operator==(const Answered&) const = default;
};

// Makes the stream of requests of one till and of the staff beside it, each about what came before. Not thread-safe.
class Operator {
 public:
  explicit Operator(std::uint64_t seed) : seed_(seed), till_(seed % 3 ? "t1" : "t2"), random_(seed) {}

  Operation Next(std::int64_t now_ms) {
    Operation op;
    op.id = IdOf(next_++);
    op.actor = till_;
    op.now_ms = now_ms;
    op.member = 1 + Below(kCrashMembers - 1);  // the last one only earns, so that lots live to their end
    op.amount = Below(6) ? 1 + Below(5) : 1 + Below(400);
    switch (Below(20)) {
      case 0: By(op, "a0", 'a', 1 + Below(5)); break;
      case 1:
        By(op, "a0", 'w', 1 + Below(4));
        if (Below(2)) op.member = kCrashMembers;
        break;
      case 2: By(op, "a0", 'b', 1 + Below(3)); break;
      case 3:
        if (!awards_.empty()) By(op, "a2", 'k', Below(6), Pick(awards_));
        break;
      case 4: By(op, "a0", 'd', op.amount); break;
      case 5:
        if (!undoables_.empty()) By(op, "a0", 'p', 0, Pick(undoables_));
        break;
      case 6:
      case 7:  // now and then by whoever proposed it
        if (!proposals_.empty()) By(op, Below(5) ? "a2" : "a0", 'u', 0, Pick(proposals_));
        break;
      case 8:
      case 9:
      case 10: op.verb = 'h'; break;
      case 11:
      case 12:
        if (!holds_.empty()) By(op, till_, 'c', Below(2) ? 0 : 1, Pick(holds_));
        break;
      case 13:
        if (!holds_.empty()) By(op, till_, 'v', 0, Pick(holds_));
        break;
      case 14:
      case 15:
        if (!sales_.empty()) By(op, till_, 'f', Below(3) ? 1 : op.amount, Pick(sales_));
        break;
      case 16:
        op.verb = 'x';
        op.target = !ids_.empty() && Below(4) ? Pick(ids_) : IdOf(next_);  // or what comes next, before it does
        break;
      case 17:
        if (!Below(8)) By(op, "ledger", 'e', 0);
        break;
      default: break;
    }
    return op;
  }
  void Learn(const Outcome& outcome) {
    for (const auto& entry : outcome.entries) Learn(*entry);
  }
  // Any entry of the journal. Those of another shop are not for this till.
  void Learn(const Entry& entry) {
    const bool is_own = entry.terminal == till_;
    switch (entry.kind) {
      case Kind::kHold:
        if (is_own) holds_.push_back(entry.sequence), ids_.push_back(entry.request_id);
        break;
      case Kind::kRedemption:
      case Kind::kCapture:
        if (is_own) sales_.push_back(entry.sequence), ids_.push_back(entry.request_id);
        break;
      case Kind::kRefund:
      case Kind::kDonation: undoables_.push_back(entry.sequence); break;
      case Kind::kUndoProposed: proposals_.push_back(entry.sequence); break;
      case Kind::kAward: awards_.push_back(entry.sequence); break;
      default: break;
    }
  }
  int Below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

 private:
  std::string IdOf(int n) const { return Sha256Hex(absl::StrCat("operation ", seed_, " ", n)).substr(0, 32); }
  static void By(Operation& op, const std::string& actor, char verb, std::int64_t amount, std::int64_t ref = -1) {
    op.actor = actor, op.verb = verb, op.amount = amount, op.ref = ref;
  }
  // Mostly of the last ones, about which something is left to do.
  template <class T> T Pick(const std::vector<T>& from) {
    const int size = static_cast<int>(from.size());
    return from[static_cast<std::size_t>(Below(3) ? size - 1 - Below(std::min(size, 3)) : Below(size))];
  }

  const std::uint64_t seed_;
  const std::string till_;
  std::mt19937_64 random_;
  int next_ = 0;
  std::vector<std::int64_t> holds_, sales_, undoables_, proposals_, awards_;
  std::vector<std::string> ids_;
};

inline Outcome RunOn(Ledger& ledger, const Operation& op) {
  std::promise<Outcome> promise;
  auto future = promise.get_future();
  ledger.Submit("minyue", op.From(), op.Make(), [&](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

}  // namespace redpoints
