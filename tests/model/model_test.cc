// Random commands against the engine and the reference at once. After each, the answers and all accounts are compared; every thousand, the
// journal's new lines are read, verified and applied to a second state, whose rows must be those of the first, and with which it goes on.
//
// A run is many lives of a program, each from a seed of its own, which is printed. REDPOINTS_SEED repeats one; REDPOINTS_MODEL_LIVES says
// how many there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <iostream>
#include <random>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "storage/merkle/sha256.h"
#include "storage/rules/apply.h"
#include "storage/rules/engine.h"
#include "storage/rules/entry_codec.h"
#include "storage/rules/kinds.h"
#include "storage/rules/rulebook_json.h"
#include "storage/rules/verify.h"
#include "tests/model/naive.h"
#include "tests/model/reference.h"

namespace redpoints {
namespace {

constexpr int kLives = 10;
constexpr int kCommandsOfLife = 10'000;
constexpr int kReopenEvery = 1'000;
// 2024-03-15 10:00 in Shanghai.
constexpr std::int64_t kNoon = 1'710'468'000'000;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kDayMs = 86'400'000;

// Kinds that these commands never make.
const std::set<Kind> kOtherKinds = {Kind::kEpoch, Kind::kHeads, Kind::kLogKey, Kind::kErasure};
// Reasons of the class state that they can't bring about.
const std::set<Reason> kOutOfReach = {
    Reason::SCORE_BELOW_FLOOR,     // scores only rise by awards, and a correction takes no more than its award gave
    Reason::POOL_TOO_SMALL,        // nothing leaves the pool but donations that are undone, each once
    Reason::LOT_LIMIT_EXCEEDED,    // a rulebook under which a member could come to so many lots is not adopted
    Reason::BALANCE_OUT_OF_RANGE,  // what all budgets allow fits
};

// What all lives together have come to.
struct Seen {
  std::map<Kind, std::int64_t> kinds;
  std::map<Reason, std::int64_t> reasons;
  std::int64_t commands = 0, entries = 0, replayed = 0, books = 0;
  std::size_t most_lots = 0;
};

class Life {
 public:
  Life(std::uint64_t seed, Seen& seen) : seen_(seen) {
    random_.seed(seed);
    live_ = NewState();
    second_ = NewState();
    engine_ = std::make_unique<Engine>(*live_);
  }

  void Live(int commands) {
    SetUp();
    for (int i = 0; i < commands && !testing::Test::HasFailure(); ++i) {
      RandomTime();
      RandomClock();
      RandomCommand();
      if (i % kReopenEvery == kReopenEvery - 1) Reopen();
    }
    if (!testing::Test::HasFailure()) Reopen();
    for (const auto& entry : journal_) ++seen_.kinds[entry->kind];
    seen_.entries += static_cast<std::int64_t>(journal_.size());
    for (const auto& [key, row] : live_->counters.recent()) EXPECT_TRUE(!row.value || *row.value >= 0) << key;
  }

 private:
  // --- chance --------------------------------------------------------------------------------------------------------------------
  std::int64_t Number(std::int64_t least, std::int64_t most) { return std::uniform_int_distribution<std::int64_t>(least, most)(random_); }
  bool Chance(int percent) { return Number(1, 100) <= percent; }
  template <class T> const T& One(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(Number(0, static_cast<std::int64_t>(list.size()) - 1))];
  }
  // One of a list that grows: mostly of its end.
  template <class T> const T& Recent(const std::vector<T>& list) {
    const auto size = static_cast<std::int64_t>(list.size());
    return list[static_cast<std::size_t>(Number(Chance(80) ? std::max<std::int64_t>(0, size - 20) : 0, size - 1))];
  }

  // --- the program ----------------------------------------------------------------------------------------------------------------
  std::unique_ptr<State> NewState() {
    auto state = std::make_unique<State>("minyue");
    state->find_entries = [this](std::int64_t first, std::int64_t count) -> absl::StatusOr<std::vector<std::shared_ptr<const Entry>>> {
      if (first < 0 || first + count > static_cast<std::int64_t>(journal_.size())) return absl::NotFoundError("no such entry");
      return std::vector<std::shared_ptr<const Entry>>(journal_.begin() + first, journal_.begin() + first + count);
    };
    state->find_blob = [this](const std::string& sha256) -> absl::StatusOr<std::string> {
      const auto it = blobs_.find(sha256);
      return it == blobs_.end() ? absl::StatusOr<std::string>(absl::NotFoundError("no such blob")) : it->second;
    };
    return state;
  }

  // A rulebook by chance. Its activities LOT_0, LOT_1, ... make lots of so many months in the street's fund.
  v1::Rulebook RandomBook(Day effective_day) {
    const auto maybe = [&](int percent, std::int64_t least, std::int64_t most) { return Chance(percent) ? Number(least, most) : 0; };
    const auto rounding = [&] { return static_cast<v1::Rounding>(Number(v1::DOWN, v1::HALF_UP)); };
    v1::Rulebook book;
    book.set_version(absl::StrCat("r", ++books_));
    book.set_effective_day(effective_day);
    const auto unit = [&](const char* code, v1::UnitKind kind) {
      v1::Unit& u = *book.add_units();
      u.set_code(code), u.set_kind(kind);
    };
    unit("POINT", v1::SPENDABLE), unit("MINUTE", v1::TIME), unit("DUTY", v1::SCORE);
    for (const char* fund : {"street", "donor", "small", "old", "mint"}) {
      v1::FundRate& rate = *book.add_fund_rates();
      rate.set_fund(fund), rate.set_fen_numerator(Number(1, 300)), rate.set_points_denominator(Number(1, 7));
      rate.set_rounding(rounding());
    }
    const auto earns = [&](v1::Activity& a, const char* code, std::int64_t numerator, std::int64_t denominator) -> v1::Earning& {
      v1::Earning& earning = *a.add_earnings();
      earning.set_unit(code), earning.set_numerator(numerator), earning.set_denominator(denominator);
      earning.set_rounding(denominator == 1 ? v1::DOWN : rounding());
      return earning;
    };
    const auto activity = [&](const std::string& code, const char* fund, std::int64_t points, std::int64_t per) -> v1::Activity& {
      v1::Activity& a = *book.add_activities();
      a.set_code(code), a.set_fund(fund), a.set_min_quantity(1);
      earns(a, "POINT", points, per);
      return a;
    };
    const auto lasts = [](v1::Activity& a, std::int64_t months, v1::Period period) {
      a.mutable_lot_validity()->set_months(static_cast<int>(months));
      a.mutable_lot_validity()->set_round_up_to(period);
    };
    const auto cap = [](v1::Activity& a, v1::Period period, const char* code, std::int64_t most) {
      v1::Cap& c = *a.add_caps();
      c.set_period(period), c.set_unit(code), c.set_max_amount(most);
    };
    const std::vector<v1::Period> periods = {v1::MONTH, v1::QUARTER, v1::YEAR};
    v1::Activity& patrol = activity("PATROL", "street", 10, Number(1, 3));
    earns(patrol, "MINUTE", 60, 1), lasts(patrol, Number(0, 3), One(periods)), patrol.set_max_quantity(50);
    v1::Activity& visit = activity("VISIT", "donor", Number(1, 5), 30);
    visit.mutable_earnings(0)->set_step(30), visit.set_min_quantity(30), lasts(visit, 1, v1::MONTH);
    cap(visit, v1::DAY, "POINT", Number(2, 20)), cap(visit, v1::MONTH, "POINT", Number(20, 90));
    if (Chance(50)) cap(visit, v1::LIFETIME, "POINT", Number(100, 3000));
    v1::Activity& hours = activity("HOURS", "donor", 1, Number(2, 60));
    hours.mutable_earnings(0)->set_step(Chance(50) ? 30 : 0), hours.mutable_earnings(0)->set_carry(true), lasts(hours, 0, v1::MONTH);
    earns(hours, "MINUTE", 1, 1);
    if (Chance(50)) cap(hours, v1::MONTH, "POINT", Number(5, 60));
    v1::Activity& meeting = activity("MEETING", "street", 5, 1);
    earns(meeting, "DUTY", 1, 1), lasts(meeting, 2, v1::MONTH), meeting.set_max_quantity(3);
    meeting.set_session_required(true), meeting.add_groups(v1::PARTY_VANGUARD);
    cap(meeting, v1::SESSION, "POINT", 12), cap(meeting, v1::YEAR, "DUTY", Number(0, 40));
    v1::Activity& report = activity("REPORT", "small", 2, 1);
    report.set_case_required(true), report.set_evidence_required(true), lasts(report, 1, v1::MONTH);
    v1::Activity& old = activity("OLD", "old", 3, 1);
    lasts(old, Number(0, 2), v1::MONTH);
    activity("GRANT", "mint", 1'000'000, 1);
    v1::Activity& umbrella = activity("SAFETY", "donor", 1, 1);
    umbrella.set_max_quantity(20), cap(umbrella, v1::MONTH, "POINT", Number(20, 100)), lasts(umbrella, 2, v1::MONTH);
    for (const char* code : {"TIP", "MEDIATION"}) {
      v1::Activity& a = activity(code, "donor", 5, 1);
      a.set_shown_as("SAFETY"), a.set_max_quantity(4), a.set_case_required(true), lasts(a, 2, v1::MONTH);
    }
    auto& limits = *book.mutable_limits();
    limits.set_max_points_per_redemption(maybe(30, 100, 300));
    limits.set_max_points_per_member_day(maybe(40, 100, 500));
    limits.set_max_points_per_member_month(maybe(40, 400, 2000));
    limits.set_max_points_per_merchant_day(maybe(40, 300, 2000));
    limits.set_min_balance_to_redeem(maybe(40, 5, 50));
    const auto count = [&](v1::Period period, std::int64_t most) {
      v1::CountLimit& c = *limits.add_counts();
      c.set_period(period), c.set_max_count(most);
    };
    if (Chance(30)) count(v1::DAY, Number(1, 10));
    if (Chance(30)) count(v1::QUARTER, Number(20, 100));
    for (const char* name : {"number", "card", "slip"}) {
      if (!Chance(name == std::string("slip") ? 40 : 90)) continue;
      v1::ClassLimit& c = *limits.add_classes();
      c.set_presentation(name);
      c.set_max_points_per_redemption(maybe(30, 20, 200)), c.set_max_points_per_member_day(maybe(30, 50, 300));
    }
    auto& policies = *book.mutable_policies();
    if (Chance(50)) policies.set_past_lot(v1::GRACE), policies.set_grace_days(static_cast<int>(Number(1, 40)));
    policies.set_debts_allowed(Chance(70));
    policies.set_late_days(static_cast<int>(Number(0, 55)));
    policies.set_hold_ttl_ms(maybe(70, 1000, kDayMs));
    policies.set_reversal_window_ms(maybe(60, 60'000, kDayMs));
    policies.set_refusals_per_terminal_day(static_cast<int>(maybe(80, 5, 40)));
    policies.set_refusals_per_member_day(static_cast<int>(maybe(80, 5, 30)));
    return book;
  }
  Outcome Adopt(Day effective_day) {
    v1::Rulebook book = RandomBook(effective_day);
    // As many ends as may be alive at once: the bound on lots is met, and hit.
    const int activities = book.activities_size();
    for (int months = static_cast<int>(Chance(20) ? 64 : Number(5, 45)); months >= 0; --months) {
      v1::Rulebook longer = book;
      for (int i = 0; i < months; ++i) {
        v1::Activity& a = *longer.add_activities();
        a = book.activities(0);
        a.set_code(absl::StrCat("LOT_", i)), a.clear_earnings(), a.clear_max_quantity();
        v1::Earning& earning = *a.add_earnings();
        earning.set_unit("POINT"), earning.set_numerator(1), earning.set_denominator(1), earning.set_rounding(v1::DOWN);
        a.mutable_lot_validity()->set_months(i), a.mutable_lot_validity()->set_round_up_to(v1::MONTH);
      }
      const std::string json = Canonical(longer), sha256 = Sha256Hex(json);
      Register command;
      command.items = {RulebookData{longer.version(), effective_day, sha256, kRulesFormat}};
      command.rulebook_json = json;
      command.is_check_only = true;
      Origin staff = Staff();
      staff.request_id = NewId();
      staff.fingerprint = Fingerprint(staff, command);
      const Outcome check = engine_->Execute(staff, command);
      if (check.refusal && check.refusal->reason == Reason::RULEBOOK_INVALID &&
          testing::PrintToString(check.refusal->facts).find("at most 64 lots") != std::string::npos) {
        continue;
      }
      EXPECT_FALSE(check.refusal) << testing::PrintToString(check.refusal->facts) << " " << activities;
      command.is_check_only = false;
      blobs_[sha256] = json;
      lot_activities_ = months;
      last_book_day_ = effective_day;
      ++seen_.books;
      return Both(Staff(), command);
    }
    --books_;
    return {};  // so many lots of the books before are alive that no new one is taken
  }
  Outcome RegisterBoth(Registration data, bool is_new = true) {
    Register command;
    command.items = {std::move(data)};
    command.is_new = is_new;
    return Both(Staff(), command);
  }

  MemberData Person(const std::string& id) {
    MemberData data;
    data.id = id;
    data.number_commitment = Sha256Hex("number of " + id);
    data.groups = {{Group::kPartyVanguard}, {Group::kResidents}};
    data.grid = "grid-1";
    return data;
  }
  void SetUp() {
    engine_->SetTime(now_ms_);
    reference_.SetTime(now_ms_);
    Origin founder = Staff();
    founder.request_id = NewId();
    const Command found = FoundProgram{{"minyue", "a0"}};
    founder.fingerprint = Fingerprint(founder, found);
    engine_->Execute(founder, found);
    Collect();
    reference_.staff["a0"] = "";
    reference_.last_closed_day = AddDays(DayOf(now_ms_), -1);
    NodeData grid;
    grid.code = "grid-1";
    RegisterBoth(grid);
    for (const char* fund : {"street", "donor", "old"}) RegisterBoth(FundData{fund, 100'000'000});
    RegisterBoth(FundData{"small", 100});
    RegisterBoth(FundData{"mint", naive::kMost - 400'000'000});  // all of them together fit
    const auto group = [&](const std::string& id, MemberKind kind, Group of) {
      MemberData data = Person(id);
      data.kind = kind, data.groups = {{of}};
      RegisterBoth(data);
      member_ids_.push_back(id);
    };
    group("mhouse", MemberKind::kHousehold, Group::kResidents);
    group("mhome", MemberKind::kHousehold, Group::kResidents);
    group("morg", MemberKind::kOrganisation, Group::kPropertyCompanies);
    for (int i = 1; i <= 8; ++i) {
      MemberData data = Person(absl::StrCat("m", i));
      if (i == 3 || i == 4) data.memberships.push_back({"mhouse", 20240101, i == 4 ? 20240601 : 0});
      if (i == 1 || i == 7) data.memberships.push_back({"mhome", i == 1 ? 20240401 : 0, 0});
      if (i == 5 || i == 6) data.memberships.push_back({"morg", 20240401, 0});
      if (i == 8) data.groups = {{Group::kPartyVanguard, 20240301, 20240701}, {Group::kNewOrganisations}};
      RegisterBoth(data);
      member_ids_.push_back(data.id);
    }
    for (const char* id : {"mlots", "mrich"}) RegisterBoth(Person(id)), member_ids_.push_back(id);
    const auto shop = [&](const std::string& id, std::vector<MerchantPerson> people) {
      MerchantData data;
      data.id = id, data.people = std::move(people), data.place = "grid-1";
      RegisterBoth(data);
    };
    shop("s1", {{"m6", MerchantRole::kOwner}});
    shop("s2", {{"m7", MerchantRole::kOwner}, {"m4", MerchantRole::kClerk, 20240320, 20240901}});
    shop("s3", {});
    for (int i = 1; i <= 4; ++i) {
      TerminalData data;
      data.id = absl::StrCat("t", i), data.merchant = absl::StrCat("s", i == 4 ? 1 : i);
      RegisterBoth(data);
    }
    const auto worker = [&](const std::string& id, const std::string& member) {
      StaffData data;
      data.id = id, data.member = member, data.is_external = member.empty();
      data.grants = {{Role::kRecorder, ""}};
      RegisterBoth(data);
    };
    worker("a1", "m3"), worker("a2", "m5"), worker("a3", ""), worker("a4", "m3");
    const auto offer = [&](const char* code, std::int64_t price, std::int64_t most, const char* merchant, Day to = 0) {
      OfferData data;
      data.code = code, data.price_points = price, data.max_points = most, data.merchant = merchant, data.to = to;
      RegisterBoth(data);
    };
    offer("RICE", 30, 0, ""), offer("SALT", 3, 0, ""), offer("BILL", 0, 60, ""), offer("ANY", 0, 0, ""), offer("OWN", 0, 0, "s2");
    offer("SPRING", 0, 0, "", 20240601);
    Adopt(20240101);
    // One member so rich that the next grant would leave the range.
    for (int k = 0; k < 9; ++k) {
      AwardBatch batch;
      for (int i = 0; i < 1'000; ++i) batch.items.push_back(Item("mrich", "GRANT", 1'000'000));
      Both(Staff(), batch);
    }
    AwardBatch rest;
    for (int i = 0; i < 7; ++i) rest.items.push_back(Item("mrich", "GRANT", 1'000'000));
    Both(Staff(), rest);
    awards_.clear();
    trace_.clear();
  }

  // --- who ------------------------------------------------------------------------------------------------------------------------
  std::string NewId() { return Sha256Hex(absl::StrCat("request ", ++next_id_)).substr(0, 32); }
  static Origin Staff(const std::string& id = "a0") {
    Origin origin;
    origin.actor = id;
    return origin;
  }
  Origin RandomStaff() { return Staff(One(std::vector<std::string>{"a0", "a0", "a0", "a0", "a3", "a3", "a1", "a2", "a4"})); }
  Origin Till(const std::string& terminal, const std::string& merchant) {
    Origin origin;
    origin.actor = origin.terminal = terminal;
    origin.merchant = merchant;
    origin.clerk = Chance(1) ? "c2" : "c1";
    origin.till = "0001";
    return origin;
  }
  Origin RandomTill() {
    const std::int64_t number = Number(1, 4);
    return Till(absl::StrCat("t", number), absl::StrCat("s", number == 4 ? 1 : number));
  }
  // The till that asked for it, mostly.
  Origin TillOf(std::int64_t sequence) {
    const auto& entry = *journal_[static_cast<std::size_t>(sequence)];
    return Chance(95) && !entry.terminal.empty() ? Till(entry.terminal, entry.merchant) : RandomTill();
  }

  // --- commands ------------------------------------------------------------------------------------------------------------------
  AwardItem Item(const std::string& member, const std::string& activity, std::int64_t quantity) {
    AwardItem item;
    item.member.id = member;
    item.activity = activity;
    item.quantity = quantity;
    item.effective_day = DayOf(now_ms_);
    item.group = Group::kPartyVanguard;
    return item;
  }
  std::string RandomMember() { return Chance(2) ? "mrich" : Chance(1) ? "" : One(member_ids_); }
  // Seldom one of those who shall keep what they have; now and then a number that leads to nobody.
  Payer RandomPayer() {
    std::string id = RandomMember();
    if (Chance(80) && (id == "mlots" || id == "mrich")) id = "m1";
    if (Chance(2)) id.clear();
    const std::string presentation = Chance(75) ? "number" : Chance(80) ? "card" : "slip";
    return {.presentation = presentation, .member = {id, Sha256Hex("typed " + id)}, .use = {}};
  }
  AwardItem RandomItem() {
    static const std::vector<std::string> kActivities = {"PATROL",  "PATROL", "VISIT",  "VISIT", "HOURS", "HOURS",
                                                         "MEETING", "REPORT", "SAFETY", "OLD",   "LOT"};
    AwardItem item = Item(Chance(15) ? "mlots" : RandomMember(), One(kActivities), Number(1, 10));
    if (item.member.id == "mrich") item.activity = Chance(50) ? "GRANT" : "OLD";
    if (item.member.id == "mlots" && Chance(85)) item.activity = "LOT";
    if (item.activity == "LOT") absl::StrAppend(&item.activity, "_", Number(0, std::max(0, lot_activities_ - 1)));
    if (item.activity == "VISIT" || item.activity == "HOURS") item.quantity = Number(30, 200);
    if (item.activity == "HOURS") item.quantity = Number(1, 90);
    if (item.activity == "MEETING") item.quantity = Number(1, 3), item.session = absl::StrCat("s-", Number(1, 2000));
    if (item.activity == "REPORT") item.case_id = absl::StrCat("c-", Number(1, 40)), item.evidence_sha256 = std::string(64, 'e');
    if (item.activity == "GRANT") item.quantity = Number(1, 1'000'000);
    if (Chance(20)) item.session = absl::StrCat("s-", Number(1, 30));
    if (Chance(40) && !item.activity.starts_with("LOT")) item.effective_day = AddDays(item.effective_day, static_cast<int>(-Number(0, 70)));
    if (Chance(10)) item.group = static_cast<Group>(Number(1, 5));
    if (item.member.id == "mhouse" || item.member.id == "mhome") item.group = Group::kResidents;
    if (item.member.id == "morg") item.group = Group::kPropertyCompanies;
    if (item.activity == "SAFETY") {
      item.group = Group::kNone, item.session.clear();
      item.quantity = 5 * Number(1, 4);
      item.unique = {Sha256Hex(absl::StrCat(item.member.id, " case ", Number(1, 60))),
                     Sha256Hex(absl::StrCat(item.member.id, " session ", Number(1, Chance(30) ? 60 : 1'000'000)))};
    }
    if (Chance(8)) {  // a mistake
      const std::int64_t which = Number(1, 8);
      if (which == 1) item.activity = "NOPE";
      if (which == 2) item.effective_day = AddDays(DayOf(now_ms_), 1 + static_cast<int>(Number(0, 80)));
      if (which == 3) item.effective_day = AddDays(DayOf(now_ms_), -static_cast<int>(Number(60, 200)));
      if (which == 4) item.quantity = Chance(50) ? 1 : 1'000'000;
      if (which == 5) item.session.clear();
      if (which == 6) item.case_id.clear();
      if (which == 7) item.evidence_sha256.clear();
      if (which == 8) item.effective_day = 20231231;
    }
    return item;
  }
  std::vector<OfferLine> RandomLines(const std::string& member) {
    const auto it = reference_.members.find(member);
    const std::int64_t available = it == reference_.members.end() ? 50 : it->second.available();
    const std::int64_t most = std::min<std::int64_t>(available, 300);
    std::vector<OfferLine> lines;
    for (std::int64_t i = Number(0, 9) / 5; i >= 0; --i) {
      OfferLine line;
      line.quantity = Number(1, 3);
      line.cash_fen = Chance(50) ? 0 : Number(1, 500);
      if (Chance(30)) {
        const bool is_rice = Chance(40);
        line.offer = is_rice ? "RICE" : "SALT";
        line.points = (is_rice ? 30 : 3) * line.quantity + (Chance(3) ? 1 : 0);
      } else {
        line.offer = Chance(15) ? "BILL" : Chance(4) ? "OWN" : Chance(3) ? "SPRING" : Chance(1) ? "NOPE" : "ANY";
        line.points = Chance(8) && available < 2000 ? available + Number(0, 3)
                                                    : Number(1, std::max<std::int64_t>(1, most / 2 + (Chance(10) ? most : 0)));
        if (line.points == 0) line.points = 1;
      }
      lines.push_back(line);
    }
    return lines;
  }
  // An open one, mostly.
  std::int64_t SomeHold() {
    if (live_->holds_by_end.empty() || Chance(20)) return Recent(holds_);
    auto it = live_->holds_by_end.begin();
    std::advance(it, Number(0, static_cast<std::int64_t>(live_->holds_by_end.size()) - 1));
    return *it->second.begin();
  }
  static bool IsStaffs(const Command& command) {
    return std::holds_alternative<Award>(command) || std::holds_alternative<AwardBatch>(command) ||
           std::holds_alternative<Correct>(command) || std::holds_alternative<Donate>(command) ||
           std::holds_alternative<ProposeUndo>(command) || std::holds_alternative<Undo>(command) ||
           std::holds_alternative<ProposeWaiver>(command) || std::holds_alternative<WaiveDebt>(command) ||
           std::holds_alternative<Register>(command) || std::holds_alternative<ConfirmClock>(command);
  }

  void RandomCommand() {
    const std::int64_t dice = Number(1, 1000);
    if (dice <= 220) {
      Both(RandomStaff(), Award{RandomItem()});
    } else if (dice <= 222) {  // as many lots as there may be
      AwardBatch batch;
      for (int i = 0; i < lot_activities_; ++i) batch.items.push_back(Item("mlots", absl::StrCat("LOT_", i), Number(1, 3)));
      for (const char* code : {"VISIT", "OLD"}) batch.items.push_back(Item("mlots", code, 30));
      Both(Staff(Chance(50) ? "a0" : "a3"), batch);
    } else if (dice <= 245) {
      AwardBatch batch;
      for (std::int64_t i = Number(1, 5); i > 0; --i) {
        batch.items.push_back(RandomItem());
        if (batch.items.size() > 1 && Chance(30)) batch.items.back() = batch.items[batch.items.size() - 2];
      }
      Both(RandomStaff(), batch);
    } else if (dice <= 345) {
      const std::int64_t award = awards_.empty() || Chance(1) ? Number(0, 5) : Recent(awards_);
      Both(RandomStaff(), Correct{award, Chance(30) ? 0 : Chance(3) ? 60 : Number(1, 40), "wrong_quantity"});
    } else if (dice <= 375) {
      const std::string id = RandomPayer().member.id;
      Both(RandomStaff(), Donate{{id, ""}, Number(1, 60)});
    } else if (dice <= 530) {
      const Payer payer = RandomPayer();
      Both(Chance(3) && !reversed_first_.empty() ? reversed_first_.back() : RandomTill(), Redeem{payer, RandomLines(payer.member.id)});
    } else if (dice <= 630) {
      const Payer payer = RandomPayer();
      Both(RandomTill(), Authorize{payer, RandomLines(payer.member.id)});
    } else if (dice <= 710 && !holds_.empty()) {
      const std::int64_t hold = Chance(1) ? Number(0, 50) : SomeHold();
      const std::int64_t points = PointsOf(*journal_[static_cast<std::size_t>(hold)]);
      Both(TillOf(hold), Capture{hold, Chance(50) ? 0 : Chance(10) ? points + 1 : Number(1, std::max<std::int64_t>(1, points))});
    } else if (dice <= 740 && !holds_.empty()) {
      const std::int64_t hold = SomeHold();
      Both(TillOf(hold), Void{hold});
    } else if (dice <= 820 && !sales_.empty()) {
      const std::int64_t sale = Chance(1) ? Number(0, 50) : Recent(sales_);
      const std::int64_t points = PointsOf(*journal_[static_cast<std::size_t>(sale)]);
      const std::int64_t most = Chance(30) ? std::max<std::int64_t>(1, points) : std::max<std::int64_t>(1, points / 3);
      Both(TillOf(sale), Refund{sale, Number(1, most), Chance(80) ? 0 : Number(1, 200)});
    } else if (dice <= 850 && !undoables_.empty()) {
      Both(RandomStaff(), ProposeUndo{Chance(1) ? Number(0, 50) : Recent(undoables_), "wrong_amount"});
    } else if (dice <= 868 && !proposals_.empty()) {
      Both(RandomStaff(), Undo{Chance(1) ? Number(0, 50) : Recent(proposals_)});
    } else if (dice <= 875) {
      RandomWaiver();
    } else if (dice <= 880 && !waivers_.empty()) {
      Both(RandomStaff(), WaiveDebt{Chance(1) ? Number(0, 50) : Recent(waivers_)});
    } else if (dice <= 935 && !asked_.empty()) {
      auto [origin, command] = Recent(asked_);
      if (std::holds_alternative<ConfirmClock>(command)) return;  // operators reverse nothing here
      Reverse reverse{origin.request_id};
      if (Chance(10)) reverse.target_request = NewId();
      origin.request_id.clear();
      if (Chance(2)) origin = RandomTill();
      if (origin.terminal.empty() && Chance(80)) return;
      Both(origin, reverse);
      if (Chance(50) && !origin.terminal.empty()) {
        origin.request_id = reverse.target_request;
        reversed_first_.push_back(origin);
      }
    } else if (dice <= 960 && !asked_.empty()) {
      const auto [origin, command] = Recent(asked_);
      const Command other = Recent(asked_).second;  // under an id that was used for something else
      const bool is_operators = std::holds_alternative<ConfirmClock>(command);
      const bool may_ask = origin.terminal.empty() == IsStaffs(other) && is_operators == std::holds_alternative<ConfirmClock>(other);
      if (may_ask) Both(origin, other);
    } else if (dice <= 988 && !asked_.empty()) {
      auto [origin, command] = Recent(asked_);
      // What was typed may lead to somebody else by now: the first answer stands.
      if (auto* sale = std::get_if<Redeem>(&command); sale && Chance(20)) sale->payer.member.id.clear();
      Both(origin, command);
    } else {
      RandomRegistration();
    }
  }
  // Of somebody who owes, mostly, and mostly to a fund that has ended; now and then one ends for it, and goes on afterwards.
  void RandomWaiver() {
    std::vector<std::pair<std::string, std::string>> debts, ended;
    for (const auto& [id, member] : reference_.members) {
      for (const auto& [fund, owes] : member.debt) {
        if (owes == 0) continue;
        debts.emplace_back(id, fund);
        const Day end = reference_.funds.at(fund).data.end_day;
        if (end != 0 && end <= DayOf(now_ms_)) ended.emplace_back(id, fund);
      }
    }
    ProposeWaiver waiver{.member = {RandomMember(), ""}, .fund = Chance(5) ? "nope" : "old", .points = 0, .reason = "hardship"};
    const auto& some = !ended.empty() && Chance(80) ? ended : debts;
    if (some.empty() || Chance(10)) {
      Both(RandomStaff(), waiver);
      return;
    }
    std::tie(waiver.member.id, waiver.fund) = One(some);
    if (Chance(70)) waiver.points = Number(1, reference_.members.at(waiver.member.id).debt.at(waiver.fund) + (Chance(10) ? 1 : 0));
    FundData fund = reference_.funds.at(waiver.fund).data;
    const bool ends = fund.end_day == 0 && Chance(30);
    if (ends) fund.end_day = DayOf(now_ms_), RegisterBoth(fund, /*is_new=*/false);
    Both(RandomStaff(), waiver);
    if (ends && Chance(70) && !waivers_.empty()) Both(RandomStaff(), WaiveDebt{Recent(waivers_)});
    if (ends) fund.end_day = 0, RegisterBoth(fund, /*is_new=*/false);
  }
  void RandomRegistration() {
    const std::int64_t which = Number(1, 8);
    if (which <= 2) {
      MemberData member = reference_.members.at(One(member_ids_)).data;
      member.state = Chance(10) ? RegistrationState::kSuspended : RegistrationState::kActive;
      if (member.id == "m8") {
        const Day to = AddDays(DayOf(now_ms_), static_cast<int>(Number(-20, 20)));
        member.groups[0].to = Chance(50) || to <= member.groups[0].from ? 0 : to;
      }
      RegisterBoth(member, /*is_new=*/false);
    } else if (which == 3) {
      MerchantData merchant = reference_.merchants.at(absl::StrCat("s", Number(1, 3)));
      merchant.state = Chance(30) ? RegistrationState::kSuspended : RegistrationState::kActive;
      RegisterBoth(merchant, /*is_new=*/false);
    } else if (which <= 5) {
      FundData fund = reference_.funds.at(Chance(80) ? "small" : "street").data;
      fund.budget_points = std::max<std::int64_t>(0, reference_.funds.at(fund.code).issued + Number(-60, 200));
      if (fund.code == "street" && Chance(70)) fund.budget_points += 1'000'000;
      RegisterBoth(fund, /*is_new=*/false);
    } else if (which == 6) {
      FundData fund = reference_.funds.at("old").data;
      fund.end_day = Chance(50) ? 0 : AddDays(DayOf(now_ms_), static_cast<int>(Number(0, 3)));
      RegisterBoth(fund, /*is_new=*/false);
    } else if (which == 7) {
      OfferData offer = reference_.offers.at("SPRING");
      offer.to = Chance(50) ? 0 : AddDays(DayOf(now_ms_), static_cast<int>(Number(0, 3)));
      RegisterBoth(offer, /*is_new=*/false);
    } else if (last_book_day_ > std::max(DayOf(now_ms_), live_->at.latest_day)) {
      const auto& book = *reference_.books.at(last_book_day_);
      Register withdrawn;
      withdrawn.is_new = false;
      withdrawn.items = {RulebookData{book.version(), last_book_day_, "", kRulesFormat, true}};
      Both(Staff("a3"), withdrawn);
      last_book_day_ = reference_.books.rbegin()->first;
    }
  }

  void RandomTime() {
    const std::int64_t dice = Number(1, 1000);
    std::int64_t ms = 0;
    if (dice <= 400)
      ms = Number(0, 30'000);
    else if (dice <= 800)
      ms = Number(0, 15 * kMinuteMs);
    else if (dice <= 815)
      ms = StartOf(AddDays(DayOf(now_ms_), 1)) - now_ms_ + Number(-1, 1);  // midnight
    else if (dice <= 830 && !live_->holds_by_end.empty())
      ms = live_->holds_by_end.begin()->first - now_ms_ + Number(-1, 1);  // a hold's end
    else if (dice == 841)
      ms = Number(1, 40) * kDayMs;
    else if (dice == 842)
      ms = StartOf(EndOfPeriod(DayOf(now_ms_), 0, v1::MONTH)) - now_ms_ + Number(-1, 1);  // a month's end
    if (ms > 0) now_ms_ += ms;
    engine_->SetTime(now_ms_);
    reference_.SetTime(now_ms_);
    if (!Chance(10)) {  // otherwise the work of time waits
      engine_->CatchUpWithTime(1'000'000);
      Collect();
      reference_.CatchUp();
    }
    if (DaysBetween(last_book_day_, DayOf(now_ms_)) > 25 && Chance(2)) {
      RegisterBoth(FundData{"old", 100'000'000}, /*is_new=*/false);  // an ended fund is in no new book
      Adopt(AddDays(DayOf(now_ms_), static_cast<int>(Number(1, 4))));
    }
  }

  // Now and then a clock that is ahead is confirmed, and some time later set back.
  void RandomClock() {
    if (set_back_in_ == 0) {
      if (Number(1, 400) > 1) return;
      right_ms_ = now_ms_;
      set_back_in_ = Number(1, 80);
      now_ms_ += Number(1, 70 * 24) * 60 * kMinuteMs;
      engine_->SetTime(now_ms_);
      reference_.SetTime(now_ms_);
      Both(Staff(One<std::string>({"o0", "o1"})), ConfirmClock{now_ms_});
      return;
    }
    if (--set_back_in_ > 0) return;
    Both(Staff(One<std::string>({"o0", "o1"})), ConfirmClock{now_ms_});  // the last entry is of now
    const std::int64_t right_ms = right_ms_ + Number(0, kDayMs);
    if (right_ms >= now_ms_) return;
    for (int attempt = static_cast<int>(Number(1, 4)); attempt > 0 && now_ms_ != right_ms; --attempt) {
      engine_->SetTime(right_ms);
      reference_.clock_ms = right_ms;
      const std::int64_t stated_ms = right_ms + Number(-12, 12) * kMinuteMs;
      const Day before = AddDays(DayOf(stated_ms), -1);
      const Day day = Chance(80) ? before : Chance(50) ? 0 : AddDays(before, static_cast<int>(Number(-2, 2)));
      Both(Staff(One<std::string>({"o0", "o1", "o2"})), ConfirmClock{stated_ms, day});
      engine_->SetTime(now_ms_);
      reference_.clock_ms = now_ms_;
    }
    if (now_ms_ != right_ms) set_back_in_ = 1;  // nobody has, so far
  }

  // --- both, compared ------------------------------------------------------------------------------------------------------------
  void Collect() {
    for (auto& entry : engine_->TakePosted()) journal_.push_back(entry);
    for (auto& [sha256, content] : engine_->TakeBlobs()) blobs_[sha256] = content;
    live_->Publish();
    const absl::Status fault = engine_->TakeFault();
    EXPECT_TRUE(fault.ok()) << fault << "\n" << last_line_;
  }
  static Reason ReasonOf(const Outcome& outcome) {
    if (outcome.refusal) return outcome.refusal->reason;
    return outcome.first == RequestState::kRefused ? RefusalOf(outcome.entry()).reason : Reason::REASON_UNSPECIFIED;
  }

  Outcome Both(Origin origin, const Command& command) {
    if (origin.request_id.empty()) origin.request_id = NewId();
    const std::size_t before = journal_.size();
    origin.fingerprint = Fingerprint(origin, command);
    last_line_ = Describe(origin, command).substr(0, 300);
    Outcome outcome = engine_->Execute(origin, command);
    Collect();
    std::vector<std::int64_t> sequences;
    for (const auto& entry : outcome.entries) sequences.push_back(entry->sequence);
    if (outcome.is_replayed || outcome.refusal) sequences.clear();
    const auto facts = outcome.first == RequestState::kRefused && !outcome.is_replayed ? RefusalOf(outcome.entry()).facts : Facts{};
    reference_.is_too_long = facts == Facts{{"limit", "entry_size"}};
    const Expected expected = reference_.Do(origin, command, sequences);
    now_ms_ = reference_.now_ms;  // it falls at a set-back
    Remember(origin, command, outcome, before);
    ++seen_.commands;
    seen_.replayed += outcome.is_replayed;
    SCOPED_TRACE(last_line_);
    Compare(outcome, expected);
    CompareTouched(before, expected, std::holds_alternative<ConfirmClock>(command));
    CompareAccounts();
    for (std::size_t i = before; i < journal_.size(); ++i) {
      if (journal_[i]->kind == Kind::kRefused) ++seen_.reasons[ReasonFromName(journal_[i]->refusal)];
    }
    if (testing::Test::HasFailure()) Explain(before, expected);
    return outcome;
  }

  void Remember(const Origin& origin, const Command& command, const Outcome& outcome, std::size_t before) {
    touched_.clear();
    for (std::size_t i = before; i < journal_.size(); ++i) {
      const Entry& entry = *journal_[i];
      if (!entry.member.empty()) touched_.insert(entry.member);
      if (entry.kind == Kind::kAward) awards_.push_back(entry.sequence);
      if (entry.kind == Kind::kHold) holds_.push_back(entry.sequence);
      if (entry.kind == Kind::kRedemption || entry.kind == Kind::kCapture) sales_.push_back(entry.sequence);
      if (entry.part.k > 1) continue;
      if (entry.kind == Kind::kDonation || entry.kind == Kind::kRefund) undoables_.push_back(entry.sequence);
      if (entry.kind == Kind::kUndoProposed) proposals_.push_back(entry.sequence);
      if (entry.kind == Kind::kWaiverProposed) waivers_.push_back(entry.sequence);
    }
    const auto* batch = std::get_if<AwardBatch>(&command);
    if (!std::holds_alternative<Register>(command) && !(batch && batch->items.size() > 100)) asked_.emplace_back(origin, command);
    last_line_ = absl::StrCat(before, "..", journal_.size(), " at ", now_ms_, " (", DayOf(now_ms_), ") ", origin.request_id.substr(0, 6),
                              " ", Describe(origin, command).substr(0, 300), " -> ", NameOf(ReasonOf(outcome)), " ",
                              static_cast<int>(outcome.first), outcome.is_replayed ? " replayed" : "");
    for (const std::string& member : touched_.empty() ? std::set<std::string>{""} : touched_) {
      auto& lines = trace_[member];
      lines.push_back(last_line_);
      if (lines.size() > 14) lines.pop_front();
    }
  }
  void Explain(std::size_t before, const Expected& expected) {
    std::set<std::string> whom = touched_;
    for (const auto& member : expected.members) whom.insert(member);
    if (whom.size() > 2) whom = {*whom.begin()};
    for (const auto& member : whom.empty() ? std::set<std::string>{""} : whom) {
      std::cerr << "the last commands of " << member << ":\n";
      for (const auto& line : trace_[member]) std::cerr << "  " << line << "\n";
    }
    for (std::size_t i = before; i < journal_.size() && i < before + 5; ++i) {
      std::string line;
      AppendLine(*journal_[i], line);
      std::cerr << line << "\n";
    }
  }

  void Compare(const Outcome& outcome, const Expected& expected) {
    // How long an entry becomes is not for the reference to know: of many lots.
    ASSERT_EQ(NameOf(ReasonOf(outcome)), NameOf(expected.reason));
    EXPECT_EQ(outcome.is_replayed, expected.is_replayed);
    EXPECT_EQ(outcome.first, expected.first);
    EXPECT_EQ(outcome.now, expected.now);
    EXPECT_EQ(outcome.refunded_points, expected.refunded_points);
    if (expected.is_replayed) {
      ASSERT_FALSE(outcome.entries.empty());
      EXPECT_EQ(outcome.entry().sequence, expected.sequence);
      return;
    }
    EXPECT_EQ(!outcome.refusal.has_value(), expected.is_recorded);
    if (outcome.entries.empty()) return;
    if (outcome.entry().part.n == 0) {
      ASSERT_EQ(outcome.entries.size(), std::max<std::size_t>(1, expected.items.size()));
    }
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;
    for (std::size_t i = 0; i < outcome.entries.size(); ++i) {
      const Entry& entry = *outcome.entries[i];
      const Expected& item = expected.items.empty() ? expected : expected.items[i];
      EXPECT_EQ(entry.kind == Kind::kRefused, item.first == RequestState::kRefused) << i;
      EXPECT_EQ(entry.kind == Kind::kRefused ? entry.refusal : "", item.reason == Reason::REASON_UNSPECIFIED ? "" : NameOf(item.reason))
          << i;
      if (entry.kind == Kind::kRefused) {
        const bool is_open = !item.facts.empty() && item.facts.back().second == "*";
        if (!is_open) {
          EXPECT_EQ(entry.facts, item.facts) << i;
        }
      }
      EXPECT_EQ(entry.cap_hit, item.cap_hit) << i;
      if (entry.kind == Kind::kRedemption || entry.kind == Kind::kHold) {
        EXPECT_EQ(entry.groups, item.groups);
      }
      for (const Owed& o : entry.owed) owed[o.fund].first += o.points, owed[o.fund].second += o.fen;
    }
    EXPECT_EQ(owed, expected.owed);
  }
  // Nobody's points move when somebody else acts, except by time, or when a clock is set back.
  void CompareTouched(std::size_t before, const Expected& expected, bool is_about_clock) {
    for (std::size_t i = before; i < journal_.size(); ++i) {
      const Entry& entry = *journal_[i];
      if (entry.actor == kLedgerActor) {
        const bool is_by_time = entry.kind == Kind::kHoldExpired || entry.kind == Kind::kExpiry;
        EXPECT_TRUE(is_by_time || (is_about_clock && entry.kind == Kind::kExpiryUndone)) << KindName(entry.kind);
        continue;
      }
      for (const Posting& posting : entry.postings) {
        if (posting.holder.is(HolderClass::kMember) && posting.amount != 0) {
          EXPECT_EQ(expected.members.count(posting.holder.text()), 1u) << posting.holder.text();
        }
      }
    }
  }

  const Account& AccountOf(const std::string& holder, const std::string& unit = "POINT") {
    static const Account kEmpty;
    const Account* account = live_->accounts.Find(AccountKey(holder, unit));
    return account ? *account : kEmpty;
  }
  // Lots that are past may still be on the account: the sweep has not come to it.
  void CompareAccounts() {
    struct Sums {
      std::int64_t past = 0, available = 0, held = 0, redeemed = 0, debts = 0;
    };
    std::map<std::string, Sums> sums;
    const Day today = DayOf(now_ms_);
    for (const auto& [id, member] : reference_.members) {
      const Account& account = AccountOf(id);
      auto lot = member.lots.begin();
      std::int64_t all = 0;
      std::map<std::string, std::int64_t> of;
      bool is_equal = true;
      for (const Lot& l : account.lots) {
        all += l.amount, of[l.fund] += l.amount;
        sums[l.fund].available += l.amount;
        if (l.end <= today) {
          sums[l.fund].past += l.amount;
          continue;
        }
        is_equal =
            is_equal && lot != member.lots.end() && lot->first == Reference::LotKey{l.end, l.fund, l.first_end} && lot->second == l.amount;
        if (lot != member.lots.end()) ++lot;
      }
      is_equal = is_equal && lot == member.lots.end();
      if (!is_equal) {
        std::string mine, its;
        for (const auto& [key, amount] : member.lots) {
          absl::StrAppend(&mine, " ", key.fund, "/", key.end, "/", key.first_end, "=", amount);
        }
        for (const Lot& l : account.lots) absl::StrAppend(&its, " ", l.fund, "/", l.end, "/", l.first_end, "=", l.amount);
        EXPECT_TRUE(is_equal) << id << "\n reference" << mine << "\n engine   " << its;
      }
      seen_.most_lots = std::max(seen_.most_lots, account.lots.size());
      EXPECT_EQ(account.at(Sub::kAvailable), all) << id;
      EXPECT_EQ(account.at(Sub::kHeld), member.all_held()) << id;
      std::int64_t debt = 0;
      for (const auto& [fund, row] : reference_.funds) {
        const auto get = [&, &name = fund](const Reference::Funds& funds) {
          const auto it = funds.find(name);
          return it == funds.end() ? 0 : it->second;
        };
        EXPECT_EQ(account.of(fund), get(of)) << id << " " << fund;
        EXPECT_EQ(account.of(fund, Sub::kHeld), get(member.held)) << id << " " << fund;
        EXPECT_EQ(account.of(fund, Sub::kDebt), -get(member.debt)) << id << " " << fund;
        sums[fund].held += account.of(fund, Sub::kHeld);
        sums[fund].debts -= account.of(fund, Sub::kDebt);
        debt += get(member.debt);
      }
      EXPECT_EQ(account.at(Sub::kDebt), -debt) << id;
      for (const auto& [unit, amount] : member.units) EXPECT_EQ(AccountOf(id, unit).at(Sub::kAvailable), amount) << id << " " << unit;
    }
    for (const auto& [id, points] : reference_.merchant_points) {
      const Account& account = AccountOf(id);
      std::int64_t all = 0;
      for (const auto& [fund, amount] : points) {
        EXPECT_EQ(account.of(fund), amount) << id << " " << fund;
        sums[fund].redeemed += account.of(fund);
        all += amount;
      }
      EXPECT_EQ(account.at(Sub::kAvailable), all) << id;
    }
    const Account &expired = AccountOf("expired"), &pool = AccountOf("pool");
    for (const auto& [fund, row] : reference_.funds) {
      const Sums& of = sums[fund];
      const std::int64_t issued = -AccountOf(Holder::Issuance(fund).text()).of(fund),
                         debts = AccountOf(Holder::Debts(fund).text()).of(fund);
      EXPECT_EQ(issued, row.issued) << fund;
      EXPECT_EQ(-AccountOf(Holder::Issuance(fund).text()).at(Sub::kAvailable), row.issued) << fund;
      EXPECT_EQ(debts, row.debts) << fund;
      EXPECT_EQ(debts, of.debts) << fund;
      EXPECT_EQ(expired.of(fund) + of.past, row.expired) << fund;
      EXPECT_EQ(pool.of(fund), row.pool) << fund;
      EXPECT_EQ(issued, of.available + of.held + of.redeemed + expired.of(fund) + pool.of(fund)) << fund;
      for (const auto& [unit, amount] : row.units) {
        EXPECT_EQ(-AccountOf(Holder::Issuance(fund).text(), unit).at(Sub::kAvailable), amount) << fund << " " << unit;
      }
    }
  }

  // --- replay ----------------------------------------------------------------------------------------------------------------------
  void Reopen() {
    for (; read_ < journal_.size(); ++read_) {
      const Entry& entry = *journal_[read_];
      std::string line;
      AppendLine(entry, line);
      ASSERT_LE(line.size(), kLineBytesMax);
      const auto parsed = ParseLine(line);
      ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << line;
      ASSERT_EQ(FirstDifference(*parsed, entry), "") << line;
      const auto related = FindRelated(*second_, *parsed);
      ASSERT_TRUE(related.ok()) << related.status() << "\n" << line;
      const absl::Status verified = Verify(*second_, *parsed, *related);
      ASSERT_TRUE(verified.ok()) << verified << "\n" << line;
      const absl::Status applied = Apply(*second_, *parsed);
      ASSERT_TRUE(applied.ok()) << applied << "\n" << line;
    }
    second_->Publish();
    CompareTables(live_->accounts, second_->accounts, "accounts");
    CompareTables(live_->requests, second_->requests, "requests");
    CompareTables(live_->follow_ups, second_->follow_ups, "follow_ups");
    CompareTables(live_->holds, second_->holds, "holds");
    CompareTables(live_->registrations, second_->registrations, "registrations");
    CompareTables(live_->counters, second_->counters, "counters");
    CompareTables(live_->shop_days, second_->shop_days, "shop_days");
    CompareTables(live_->day_totals, second_->day_totals, "day_totals");
    EXPECT_EQ(live_->members_by_end, second_->members_by_end);
    EXPECT_EQ(live_->holds_by_end, second_->holds_by_end);
    EXPECT_EQ(live_->holds_by_member, second_->holds_by_member);
    EXPECT_EQ(live_->shops_by_day, second_->shops_by_day);
    EXPECT_EQ(live_->at, second_->at);
    std::swap(live_, second_);
    engine_ = std::make_unique<Engine>(*live_);
    engine_->SetTime(now_ms_);
  }
  template <class V> static void CompareTables(const Table<V>& a, const Table<V>& b, const char* name) {
    const auto compare = [&](const auto& one, const auto& other) {
      for (const auto& [key, row] : one.recent()) {
        const auto* its = other.FindCached(key);
        const bool is_equal = its ? its->value == row.value : !row.value;
        EXPECT_TRUE(is_equal) << name << " " << key;
      }
    };
    compare(a, b);
    compare(b, a);
  }

  Seen& seen_;
  std::mt19937_64 random_;
  std::vector<std::shared_ptr<const Entry>> journal_;
  std::map<std::string, std::string> blobs_;
  std::unique_ptr<State> live_, second_;  // the second is behind: it has the first `read_` entries
  std::unique_ptr<Engine> engine_;
  std::size_t read_ = 0;
  std::int64_t now_ms_ = kNoon;
  std::int64_t right_ms_ = 0, set_back_in_ = 0;  // of a clock that is ahead: where it was, and after how many commands it is set back
  int next_id_ = 0;
  Reference reference_;
  std::vector<std::string> member_ids_;
  std::vector<std::int64_t> awards_, holds_, sales_, undoables_, proposals_, waivers_;
  std::vector<std::pair<Origin, Command>> asked_;
  std::vector<Origin> reversed_first_;
  std::set<std::string> touched_;
  std::map<std::string, std::deque<std::string>> trace_;
  std::string last_line_;
  int books_ = 0, lot_activities_ = 0;
  Day last_book_day_ = 0;
};

TEST(ModelTest, RandomCommandsAreAnsweredAsTheReferenceDoes) {
  const char* given = std::getenv("REDPOINTS_SEED");
  const char* many = std::getenv("REDPOINTS_MODEL_LIVES");
  const int lives = given ? 1 : many ? std::atoi(many) : kLives;
  Seen seen;
  for (int life = 0; life < lives && !HasFailure(); ++life) {
    const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::cerr << "REDPOINTS_SEED=" << seed << "\n";
    Life(seed, seen).Live(kCommandsOfLife);
  }
  std::cerr << seen.commands << " commands, " << seen.replayed << " of them replayed, " << seen.entries << " entries, " << seen.books
            << " rulebooks, up to " << seen.most_lots << " lots\n";
  if (HasFailure()) return;
  for (std::size_t i = 0; i < kKindCount; ++i) {
    const Kind kind = static_cast<Kind>(i);
    std::cerr << "  " << KindName(kind) << " " << seen.kinds[kind] << "\n";
    if (!given) {
      EXPECT_EQ(seen.kinds[kind] > 0, kOtherKinds.count(kind) == 0) << KindName(kind);
    }
  }
  for (const auto& [reason, info] : AllReasons()) {
    if (reason < Reason::SELF_DEALING || reason >= Reason::OVERLOADED) continue;
    std::cerr << "  " << info.name << " " << seen.reasons[reason] << "\n";
    if (!given) {
      EXPECT_EQ(seen.reasons[reason] > 0, kOutOfReach.count(reason) == 0) << info.name;
    }
  }
}

}  // namespace
}  // namespace redpoints
