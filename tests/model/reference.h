// A second ledger, as naive as can be: maps and plain loops, written from DESIGN section 3 and the comments of the protos. It holds
// no entries, writes nothing down, and lets lots expire in the moment in which they are past. What it answers, the engine has to
// answer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "redpoints/v1/outcome.pb.h"
#include "redpoints/v1/rulebook.pb.h"
#include "storage/rules/command.h"
#include "storage/rules/refusal.h"

namespace redpoints {

// What a command should be answered with.
struct Expected {
  Reason reason = Reason::REASON_UNSPECIFIED;  // of the refusal, recorded or not
  bool is_recorded = true;                     // false: nothing was written
  bool is_replayed = false;
  v1::OutcomeState first = v1::DONE;
  v1::OutcomeState now = v1::DONE;
  std::int64_t refunded_points = 0;
  std::int64_t sequence = -1;  // of the first answer, when replayed
  std::vector<std::pair<std::string, std::string>> facts;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;  // fund to points and fen
  bool cap_hit = false;
  std::vector<Expected> items;  // of a batch
};

class Reference {
 public:
  using LotKey = std::pair<Day, std::string>;  // end, fund
  using Lots = std::map<LotKey, std::int64_t>;
  struct Member {
    MemberData data;
    std::map<std::string, std::int64_t> units;  // but POINT
    Lots lots;
    Lots ended;  // what ended unspent, as far as no correction took it back
    std::int64_t held = 0;
    std::int64_t debt = 0;  // 0 or above
    std::int64_t available() const;
  };

  // Time comes; lots that are past go. CatchUp also ends the holds whose time has come.
  void SetTime(std::int64_t now_ms);
  void CatchUp();

  void Adopt(const v1::Rulebook& book) { books[book.effective_day()] = book; }

  // Carries the command out. `sequences` are those under which the engine has recorded its answer, so that both use the same names.
  Expected Do(const Origin& origin, const Command& command, const std::vector<std::int64_t>& sequences);

  std::map<std::string, Member> members;
  std::map<std::string, MerchantData> merchants;
  std::map<std::string, std::int64_t> merchant_points;
  std::map<std::string, std::string> staff;  // to member or ""
  std::map<std::string, std::int64_t> budgets;
  std::map<std::pair<std::string, std::string>, std::int64_t> issued;  // fund, unit
  std::int64_t expired = 0, pool = 0;
  std::map<Day, v1::Rulebook> books;
  std::int64_t now_ms = 0;
  Day today = 0;

 private:
  using Facts = std::vector<std::pair<std::string, std::string>>;
  struct Part {
    std::string fund;
    Day end;
    std::int64_t points;
  };
  // What counts against limits: changed when points are given back.
  struct Counted {
    std::string merchant;
    Day day;
    std::int64_t points, count;
    const v1::RedemptionLimits* limits;
  };
  struct Award {
    std::string member, activity, session;
    std::int64_t quantity;
    std::map<std::string, std::int64_t> amounts;
    Day day;
    const v1::Rulebook* book;
  };
  struct Sale {
    std::string member, merchant;
    std::vector<Part> parts;  // in the order taken
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;
    std::int64_t points, refunded = 0;
    bool is_reversed = false;
    std::size_t counted;
    std::int64_t hold = -1;
    std::int64_t reversal = -1;
  };
  struct Held {
    std::string member, merchant;
    std::vector<Part> parts;
    std::int64_t points, until_ms;
    std::size_t counted;
    const v1::Rulebook* book;
    enum { kOpen, kCaptured, kVoided, kTimedOut, kReversed } state = kOpen;
    std::int64_t capture = -1;
    std::int64_t reversal = -1;
  };
  struct Request {
    std::string text;  // what was asked
    Expected answer;   // the first one
    Kind kind = Kind::kRefused;
    std::int64_t sequence = -1;
    std::int64_t recorded_ms = 0;
    const v1::Rulebook* book = nullptr;  // of a sale or hold
    bool is_tombstone = false;
    std::int64_t reversal = -1;  // of a refused one
  };
  struct Basket {
    Expected refusal;
    Member* member = nullptr;
    const v1::Rulebook* book = nullptr;
    std::int64_t points = 0;
  };

  Expected Decide(const Origin& origin, const Command& command, const std::vector<std::int64_t>& sequences, Request& request);
  Expected DoAward(const Origin& origin, const AwardItem& item, std::int64_t sequence);
  Expected DoCorrect(const Origin& origin, const Correct& command);
  Expected DoDonate(const Origin& origin, const Donate& command);
  Basket CheckBasket(const Origin& origin, const std::string& member, const std::vector<OfferLine>& lines);
  Expected DoRefund(const Origin& origin, const Refund& command);
  Expected DoReverse(const Origin& origin, const Reverse& command, std::int64_t sequence);
  Expected DoRegister(const Origin& origin, const Register& command);
  // An open hold of the shop, or why not.
  Held* FindHold(const Origin& origin, std::int64_t sequence, Expected& refusal);

  Expected Refuse(const Origin& origin, Reason reason, Facts facts = {});
  int RefusalsMax() const;
  bool IsOneTryTooMany(const Origin& origin);
  Expected RefuseUnrecorded(Reason reason);
  Member* FindMember(const std::string& ref);
  const v1::Rulebook* BookOn(Day day) const;
  bool IsSelf(const std::string& staff_id, const Member& member) const;
  std::vector<Part> TakeSoonest(Member& member, std::int64_t points);
  void PutBack(Member& member, const std::vector<Part>& parts);  // as they were, as far as there is room; past ones expire
  void EndHold(Held& hold);
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> GiveBack(Sale& sale, std::int64_t points);
  std::int64_t CapLeft(const v1::Activity& rule, const std::string& member, const std::string& unit, Day day, const std::string& session,
                       std::int64_t except_award) const;
  // Empty facts and no reason when it may be issued.
  Expected CanIssue(const Origin& origin, Member& member, const std::string& fund, Day end, std::int64_t points);
  void Issue(Member& member, const std::string& fund, Day end, std::int64_t points);

  std::map<std::int64_t, Award> awards_;
  std::map<std::string, std::vector<std::int64_t>> awards_of_;
  std::map<std::int64_t, Sale> sales_;
  std::map<std::int64_t, Held> holds_;
  std::vector<std::int64_t> open_holds_;
  std::vector<Counted> counted_;
  std::map<std::string, std::vector<std::size_t>> counted_of_;       // member or merchant
  std::map<std::pair<std::string, std::string>, Request> requests_;  // actor, id
  std::map<std::pair<std::string, Day>, int> refusals_;              // terminal
  std::map<std::pair<std::string, Day>, int> tries_;                 // terminal: refused quotes and members not found
};

// What is asked, in words: equal for equal requests.
std::string Describe(const Origin& origin, const Command& command);

}  // namespace redpoints
