// A second ledger, as naive as can be: maps and plain loops, written from DESIGN sections 3 and 10 and the comments of the protos. It holds
// no entries, writes nothing down, and lets lots expire in the moment in which they are past. Of all rules of state that a command breaks
// it answers the one with the lowest number. What it answers, the engine has to answer.
//
// Where DESIGN leaves something open, a comment that begins with "Reading:" says how it is taken here.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/contract/reason.h"
#include "redpoints/v1/rulebook.pb.h"
#include "storage/rules/command.h"
#include "storage/rules/request_state.h"

namespace redpoints {

using Facts = std::vector<std::pair<std::string, std::string>>;

// What a command should be answered with.
struct Expected {
  Reason reason = Reason::REASON_UNSPECIFIED;  // of the refusal, recorded or not
  bool is_recorded = true;                     // false: nothing was written
  bool is_replayed = false;
  RequestState first = RequestState::kDone;
  RequestState now = RequestState::kDone;
  std::int64_t refunded_points = 0;
  std::int64_t sequence = -1;  // of the first answer, when replayed
  Facts facts;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;  // fund to points and fen
  bool cap_hit = false;
  std::vector<Group> groups;      // of a sale
  std::set<std::string> members;  // whom it is about: nobody else's points may move
  std::vector<Expected> items;    // of a batch
};

class Reference {
 public:
  struct LotKey {
    Day end = 0;
    std::string fund;
    Day first_end = 0;
    Day origin() const { return first_end ? first_end : end; }
    auto operator<=>(const LotKey&) const = default;
  };
  using Lots = std::map<LotKey, std::int64_t>;
  using Funds = std::map<std::string, std::int64_t>;
  struct Member {
    MemberData data;
    std::map<std::string, std::int64_t> units;  // but POINT
    Lots lots;
    std::map<std::pair<std::string, Day>, std::int64_t> ended;  // fund and first end: what ended unspent and was not taken back
    std::vector<std::pair<LotKey, std::int64_t>> ends;          // each of them, as it ended, less what came back
    Funds held;
    Funds debt;  // 0 or above
    std::int64_t available() const;
    std::int64_t all_held() const;
  };
  struct Fund {
    FundData data;
    std::int64_t issued = 0, expired = 0, pool = 0, debts = 0;
    std::map<std::string, std::int64_t> units;  // but POINT
  };
  using Book = std::shared_ptr<const v1::Rulebook>;

  // Time comes; lots that are past go. CatchUp also ends the holds whose time has come, and closes the days that are over.
  void SetTime(std::int64_t now_ms);
  void CatchUp();

  // Carries the command out. `sequences` are those under which the engine has recorded its answer, so that both use the same names.
  Expected Do(const Origin& origin, const Command& command, const std::vector<std::int64_t>& sequences);

  std::map<std::string, Member> members;
  std::map<std::string, MerchantData> merchants;
  std::map<std::string, Funds> merchant_points;
  std::map<std::string, OfferData> offers;
  std::map<std::string, std::string> staff;  // to member or ""
  std::map<std::string, Fund> funds;
  std::map<Day, Book> books;
  std::int64_t now_ms = 0;
  Day today = 0;
  Day last_closed_day = 0;
  std::int64_t clock_ms = 0;  // of the wall clock, where that is before now_ms
  // How long a line becomes is not known here: whether the next command's would be too long for one entry, which only many lots make it.
  bool is_too_long = false;

 private:
  struct Part {
    LotKey lot;
    std::int64_t points;
  };
  using Parts = std::vector<Part>;
  // What counts against limits: changed when points are given back.
  struct Counted {
    std::string merchant, presentation;
    Day day;
    std::int64_t points, count;
    Book book;
  };
  // Until when points of that fund and end have been given grace.
  using Graced = std::map<std::pair<std::string, Day>, Day>;
  struct AwardKept {
    std::string member, activity, session, case_id;
    std::vector<std::string> unique;
    std::string recorder;
    std::int64_t quantity;
    std::map<std::string, std::int64_t> amounts;
    std::map<std::string, std::int64_t> earned;  // before caps
    Graced graced = {};
    std::int64_t issued;  // points, corrections included
    Day day;
    Book book;
  };
  struct Sale {
    std::string member, merchant;
    std::vector<LotKey> from_last;  // the lot of each point, counted from the last one taken
    std::vector<bool> refunded;     // of each of these
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;
    Graced graced = {};
    std::int64_t cash_fen = 0, cash_refunded = 0;
    bool is_reversed = false;
    std::size_t counted;
    std::int64_t hold = -1;
    std::int64_t reversal = -1;
    std::int64_t refunded_points() const;
  };
  struct Held {
    std::string member, merchant;
    Parts parts;
    std::vector<OfferLine> lines;
    std::int64_t points, recorded_ms, until_ms;
    std::size_t counted;
    Book book;
    enum { kOpen, kCaptured, kVoided, kTimedOut, kReversed } state = kOpen;
    std::int64_t capture = -1;
    std::int64_t reversal = -1;
  };
  // A donation or refund, which two persons can undo.
  struct Undoable {
    std::string member;
    Day day;
    Parts parts;                      // of a donation: what was given; of a refund: what came back and paid no debt
    Funds paid;                       // of a refund: debts
    std::int64_t sale = -1;           // of a refund
    std::vector<std::size_t> points;  // of the sale
    std::int64_t cash_fen = 0;
    bool is_undone = false;
  };
  struct Proposal {
    std::int64_t target;
    std::string by;
  };
  struct Waiver {
    std::string member, fund, by;
    std::int64_t points;
    Day day;
    bool is_done = false;
  };
  struct Request {
    std::string text;  // what was asked
    Expected answer;   // the first one
    Kind kind = Kind::kRefused;
    std::int64_t sequence = -1;
    std::int64_t recorded_ms = 0;
    Book book;  // of a sale or hold
    bool is_tombstone = false;
    std::int64_t reversal = -1;  // of a refused one
  };
  // The rules of state that a command breaks.
  struct Broken {
    std::map<Reason, Facts> reasons;  // by number
    void Add(Reason reason, Facts facts = {}) { reasons.try_emplace(reason, std::move(facts)); }
    explicit operator bool() const { return !reasons.empty(); }
  };
  // What is taken back from a member for a fund.
  struct TakenBack {
    std::map<Day, std::int64_t> ended;  // by first end
    Lots available;
    std::int64_t spent = 0;
    std::int64_t all_ended() const;
    std::int64_t all_available() const;
  };

  Expected Decide(const Origin& origin, const Command& command, const std::vector<std::int64_t>& sequences, Request& request);
  Expected DoAward(const Origin& origin, const AwardItem& item, std::int64_t sequence, bool is_item);
  Expected DoBatch(const Origin& origin, const AwardBatch& batch, const std::vector<std::int64_t>& sequences);
  Expected DoCorrect(const Origin& origin, const Correct& command);
  Expected DoDonate(const Origin& origin, const Donate& command, std::int64_t sequence);
  Expected DoSale(const Origin& origin, const Payer& payer, const std::vector<OfferLine>& lines, bool is_hold, Request& request);
  Expected DoCapture(const Origin& origin, const Capture& command, Request& request);
  Expected DoVoid(const Origin& origin, const Void& command);
  Expected DoRefund(const Origin& origin, const Refund& command, std::int64_t sequence);
  Expected DoReverse(const Origin& origin, const Reverse& command, std::int64_t sequence);
  Expected DoPropose(const Origin& origin, const ProposeUndo& command, std::int64_t sequence);
  Expected DoUndo(const Origin& origin, const Undo& command);
  Expected DoProposeWaiver(const Origin& origin, const ProposeWaiver& command, std::int64_t sequence);
  Expected DoWaive(const Origin& origin, const WaiveDebt& command);
  void CheckWaiver(Member& member, const Waiver& waiver, Broken& broken);
  Expected DoRegister(const Origin& origin, const Register& command);
  Expected DoConfirmClock(const Origin& origin, const ConfirmClock& command);
  void CheckLimits(const v1::Rulebook& book, const std::string& member, const std::string& merchant, const std::string& presentation,
                   std::int64_t points, Broken& broken) const;
  // An open hold of the shop, or why not.
  Held* FindHold(const Origin& origin, std::int64_t sequence, Broken& broken, Expected& unrecorded);

  Expected Refuse(const Origin& origin, const std::string& member, const Broken& broken, bool is_item = false);
  static Expected RefuseUnrecorded(Reason reason);
  bool IsFull(const Origin& origin, const std::string& member) const;
  Member* FindMember(const std::string& id);
  Book BookOn(Day day) const;
  bool AreNear(const Member& a, const Member& b, Day day) const;
  bool IsSelf(const std::string& staff_id, const Member& member, Day deed) const;
  bool IsOfShop(const std::string& staff_id, const Undoable& target) const;
  bool IsSamePerson(const std::string& a, const std::string& b) const;
  void ExpirePast(Member& member);
  void End(Member& member, const LotKey& lot, std::int64_t points);
  void Settle(Member& member);
  Parts TakeSoonest(Member& member, std::int64_t points);
  // What comes back (10.4). Answers what paid no debt.
  Parts ComeBack(Member& member, Parts parts, Funds* paid = nullptr, Graced* graced = nullptr);
  void EndHold(Held& hold);
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> ShareOf(const Sale& sale, const std::vector<std::size_t>& points) const;
  static Parts PartsOf(const Sale& sale, const std::vector<std::size_t>& points);
  // Takes `most` of what ended, then what is left in lots of these ends, then in others of the fund.
  TakenBack LookForBack(const Member& member, const std::string& fund, std::int64_t points,
                        const std::vector<std::pair<Day, std::int64_t>>& ends) const;
  void TakeBack(Member& member, const std::string& fund, const TakenBack& taken);
  // Adds the limit on the size of entries where the command would take many lots.
  void CheckSize(std::size_t lots, Broken& broken) const;
  static std::size_t LotsWorth(const Member& member, std::int64_t points);
  std::int64_t BudgetLeft(const std::string& fund) const;

  std::int64_t EarnedBy(const v1::Earning& earning, const AwardKept& award, std::int64_t quantity, std::int64_t except) const;
  std::int64_t CapLeft(const v1::Activity& rule, const AwardKept& award, const std::string& unit, std::int64_t except) const;
  // The amounts of an award of this quantity.
  std::map<std::string, std::int64_t> AmountsOf(const v1::Activity& rule, const AwardKept& award, std::int64_t quantity,
                                                std::int64_t except, bool& cap_hit, std::map<std::string, std::int64_t>& all_earned) const;
  void CheckDoubles(const AwardKept& award, std::int64_t except, Broken& broken) const;
  void CheckFund(const std::string& fund, Broken& broken) const;
  void CheckIssue(const Member& member, const std::string& fund, const LotKey& lot, std::int64_t points, bool is_past,
                  Broken& broken) const;

  std::map<std::int64_t, AwardKept> awards_;
  std::map<std::pair<std::string, std::string>, std::vector<std::int64_t>> awards_of_;  // member, activity
  std::map<std::int64_t, Sale> sales_;
  std::map<std::int64_t, Held> holds_;
  std::set<std::int64_t> open_holds_;
  std::map<std::int64_t, Undoable> undoables_;
  std::map<std::int64_t, Proposal> proposals_;
  std::map<std::int64_t, Waiver> waivers_;
  std::vector<Counted> counted_;
  std::map<std::string, std::vector<std::size_t>> counted_of_;       // member or merchant
  std::map<std::pair<std::string, std::string>, Request> requests_;  // actor, id
  std::map<std::pair<std::string, Day>, int> refusals_;              // actor or member
  std::string clock_by_;                                             // who confirmed the clock last
};

// What is asked, in words: equal for equal requests.
std::string Describe(const Origin& origin, const Command& command);

}  // namespace redpoints
